//! Broken stacks and what a person is told about them. `broken/TOPIC.txt` holds the cases of a
//! topic, `broken/TOPIC.snap` what `devstack config` says to each:
//!
//! ```text
//! === what is wrong
//! $ arguments, `config` when there is no such line
//! --- name of a file
//! its text
//! ```

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use insta::{assert_snapshot, with_settings};

macro_rules! topics {
    ($($topic:ident)*) => {
        const TOPICS: &[&str] = &[$(stringify!($topic)),*];
        $(#[test]
        fn $topic() {
            check(stringify!($topic));
        })*
    };
}

topics! {
    yaml keys types values
    ports mounts references conflicts
    interpolation dotenv presets
    files overrides watch several
}

/// One broken stack.
struct Case<'t> {
    title: &'t str,
    arguments: Vec<String>,
    files: Vec<(&'t str, String)>,
}

#[test]
fn every_file_of_cases_is_a_topic() {
    let mut found: Vec<String> = std::fs::read_dir(folder())
        .expect("the cases are there")
        .map(|entry| entry.expect("a readable entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    found.sort();
    let mut topics = TOPICS.to_vec();
    topics.sort_unstable();
    assert_eq!(found, topics);
    let cases: usize = topics.iter().map(|topic| cases(&text(topic)).len()).sum();
    assert!(cases >= 60, "{cases} cases");
}

fn check(topic: &str) {
    let text = text(topic);
    let mut said = String::new();
    for case in cases(&text) {
        writeln!(said, "=== {}\n{}", case.title, case.run()).expect("a string takes all");
    }
    let settings = folder();
    with_settings!({
        snapshot_path => settings,
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        assert_snapshot!(topic, said);
    });
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/broken")
}

fn text(topic: &str) -> String {
    std::fs::read_to_string(folder().join(topic).with_extension("txt")).expect("a topic's cases")
}

fn cases(text: &str) -> Vec<Case<'_>> {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("=== ") {
            cases.push(Case { title, arguments: Vec::new(), files: Vec::new() });
            continue;
        }
        let case = cases.last_mut().expect("a case begins with `===`");
        if let Some(name) = line.strip_prefix("--- ") {
            case.files.push((name, String::new()));
        } else if let Some((_, file)) = case.files.last_mut() {
            file.push_str(line);
            file.push('\n');
        } else if let Some(arguments) = line.strip_prefix("$ ") {
            case.arguments = shell_words::split(arguments).expect("arguments of a shell");
        } else {
            assert!(line.is_empty(), "{line:?} belongs to no file of `{}`", case.title);
        }
    }
    cases
}

impl Case<'_> {
    /// What the program says, and how it ends.
    fn run(&self) -> String {
        let place = tempfile::tempdir().expect("a temporary folder");
        // Temporary folders have names of no fixed length, which would move what is drawn.
        let folder = place.path().join("stack");
        std::fs::create_dir(&folder).expect("a folder in it");
        for (name, text) in &self.files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().expect("it lies in the folder"))
                .and_then(|()| std::fs::write(path, text.trim_end_matches('\n').to_owned() + "\n"))
                .expect("a file in it");
        }
        let arguments =
            if self.arguments.is_empty() { &["config".to_owned()][..] } else { &self.arguments };
        let output = Command::new(env!("CARGO_BIN_EXE_devstack"))
            .args(arguments)
            .current_dir(&folder)
            .env_clear()
            .stdin(Stdio::null())
            .output()
            .expect("the program starts");
        let said = String::from_utf8(output.stderr).expect("what it says is text");
        let said = said.replace(&folder.display().to_string(), "FOLDER");
        assert!(!said.contains("panicked"), "{}: {said}", self.title);
        let code = output.status.code().expect("no signal ends it");
        format!("{said}exit code {code}\n")
    }
}
