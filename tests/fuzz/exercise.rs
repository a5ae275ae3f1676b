//! What the fuzz targets do with a text. `tests/it` does the same with the corpus.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use devstack::config::canonical::{Format, Secrets, canonical};
use devstack::config::decode::{DecodeRequest, decode};
use devstack::config::diagnostic::{Diagnostics, Source};
use devstack::config::environment::Environment;
use devstack::config::findings::join;
use devstack::config::load::{FileReader, LoadRequest, Presets, load_to_decode};
use devstack::config::{dotenv as parser, preset};
use devstack::project::Project;
use devstack::report::diagnostic::render;
use devstack::state::{ContentDigests, lower};

/// The files between which the text is divided by lines of `%%`, in this order.
const FILES: [&str; 4] = ["devstack.yaml", ".env", "other.yaml", "devstack.override.yaml"];
const FOLDER: &str = "/stack";
const LARGEST_REREAD: usize = 256 * 1024;

/// Takes a text as the files of a stack all the way that `devstack config` goes. What comes out
/// of it must come out of it again.
pub fn loader(text: &str) {
    let files = text.split("\n%%\n").zip(FILES);
    let files = files.map(|(text, name)| (name.to_owned(), text.to_owned())).collect();
    match read(files) {
        Ok((project, warnings)) => {
            draw(&warnings);
            let _ = lower(&project, &ContentDigests::new());
            let written = canonical(&project, Format::Yaml, Secrets::Shown);
            let _ = canonical(&project, Format::Json, Secrets::Redacted);
            // The long forms of a very large stack are larger than a file may be.
            if written.len() > LARGEST_REREAD {
                return;
            }
            let files = HashMap::from([(FILES[0].to_owned(), written.clone())]);
            match read(files) {
                Ok((again, _)) => {
                    assert_eq!(written, canonical(&again, Format::Yaml, Secrets::Shown));
                }
                Err(findings) => panic!("{written}\n{}", render(&findings, false, 100)),
            }
        }
        Err(findings) => {
            assert!(findings.has_errors());
            draw(&findings);
        }
    }
}

/// Takes a text as a `.env` file, in both of its grammars.
pub fn dotenv(text: &str) {
    let source = Arc::new(Source { name: ".env".to_owned(), text: text.to_owned() });
    let outside = [("HOME", "/root"), ("EMPTY", ""), ("DOLLAR", "$HOME")];
    let outside = outside.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut environment = Environment::from_process(outside);
    let (assignments, findings) = parser::parse(&source, &environment);
    draw(&findings);
    for assignment in &assignments {
        assert!(!assignment.name.is_empty());
        assert!(text.get(assignment.span.start..assignment.span.end).is_some());
    }
    environment.fill_gaps(&assignments);
    let (_, findings) = parser::parse_raw(&source, &environment);
    draw(&findings);
}

fn read(files: HashMap<String, String>) -> Result<(Project, Diagnostics), Diagnostics> {
    let mut files = Files(files);
    let request = LoadRequest { working_dir: PathBuf::from(FOLDER), ..LoadRequest::default() };
    let presets = Presets { names: preset::names(), source: &|name, _| preset::source(name) };
    let loaded = load_to_decode(&request, presets, &mut files)?;
    let request = DecodeRequest {
        project_dir: loaded.project_dir,
        config_files: loaded.config_files,
        environment_files: loaded.env_files_read,
        environment: loaded.environment,
        project_name: loaded.project_name.map(|name| name.to_string()),
        profiles: vec!["*".to_owned()],
        holes: loaded.holes,
        ..DecodeRequest::default()
    };
    let mut warnings = loaded.warnings;
    let decoded = decode(&loaded.root, &request, &mut |path| files.read(path));
    match decoded {
        Ok((project, more)) => {
            join(&mut warnings, more);
            if warnings.has_errors() { Err(warnings) } else { Ok((project, warnings)) }
        }
        Err(findings) => {
            join(&mut warnings, findings);
            Err(warnings)
        }
    }
}

fn draw(findings: &Diagnostics) {
    let drawn = render(findings, false, 100);
    assert_eq!(drawn.is_empty(), findings.0.is_empty());
}

/// A folder in memory.
struct Files(HashMap<String, String>);

impl FileReader for Files {
    fn read(&mut self, path: &Path) -> io::Result<String> {
        let text = path.strip_prefix(FOLDER).ok().and_then(|path| self.0.get(path.to_str()?));
        text.cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn exists(&self, path: &Path) -> bool {
        path.strip_prefix(FOLDER)
            .ok()
            .and_then(Path::to_str)
            .is_some_and(|path| self.0.contains_key(path))
    }
}
