//! The language case by case, written from the Compose Specification: `language/TOPIC.txt` holds
//! a case a line, `INPUT => WHAT IT MEANS`; a line of `#` is a heading. `\n` is a line break.

mod round_trips;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use devstack::config::canonical::{Secrets, value};
use devstack::config::decode::{DecodeRequest, decode};
use devstack::config::diagnostic::{Diagnostics, Severity};
use devstack::config::load::{FileReader, LoadRequest, Presets, load_to_decode};
use devstack::config::preset;
use serde_json::Value;

/// What an input means.
type Meaning = fn(&str) -> String;

const TOPICS: [(&str, Meaning); 6] = [
    ("interpolation", interpolation),
    ("dotenv", dotenv),
    ("merge", merge),
    ("forms", forms),
    ("precedence", precedence),
    ("names", names),
];

/// A folder in memory and how devstack is started in it.
#[derive(Default)]
struct Stack {
    files: BTreeMap<PathBuf, String>,
    request: LoadRequest,
}

impl FileReader for Stack {
    fn read(&mut self, path: &Path) -> io::Result<String> {
        self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn exists(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }
}

impl Stack {
    fn file(mut self, name: &str, text: &str) -> Self {
        self.files.insert(Path::new("/p").join(name), text.to_owned());
        self
    }

    fn variable(mut self, assignment: &str) -> Self {
        let (name, value) = assignment.split_once('=').expect("NAME=VALUE");
        self.request.process_environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The canonical form, or the first error.
    fn read(mut self) -> Result<Value, String> {
        let first_error = |findings: Diagnostics| {
            let errors = findings.0.into_iter().filter(|it| it.severity == Severity::Error);
            errors.map(|it| it.message).next().unwrap_or_default()
        };
        let request = LoadRequest { working_dir: "/p".into(), ..self.request.clone() };
        let presets = Presets { names: preset::names(), source: &|name, _| preset::source(name) };
        let loaded = load_to_decode(&request, presets, &mut self).map_err(first_error)?;
        if loaded.warnings.has_errors() {
            return Err(first_error(loaded.warnings));
        }
        let request = DecodeRequest {
            project_dir: loaded.project_dir,
            environment: loaded.environment,
            project_name: loaded.project_name.map(|name| name.to_string()),
            home: Some("/home/me".into()),
            ..DecodeRequest::default()
        };
        let decoded = decode(&loaded.root, &request, &mut |path| self.read_text(path));
        let (project, _) = decoded.map_err(first_error)?;
        Ok(value(&project, Secrets::Shown))
    }

    fn read_text(&self, path: &Path) -> io::Result<String> {
        self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn shown(value: Result<Value, String>, pointer: &str) -> String {
    match value {
        Err(error) => format!("! {error}"),
        Ok(value) => match value.pointer(pointer) {
            None => "-".to_owned(),
            Some(Value::String(text)) => text.replace('\n', "\\n"),
            Some(value) => value.to_string(),
        },
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A value of a file, where `A` is `a`, `B` is `b`, `D` is `$A`, and `E` is empty.
fn interpolation(input: &str) -> String {
    let yaml = format!("services: {{s: {{image: i, labels: {{it: {}}}}}}}", quoted(input));
    let stack = Stack::default().file("compose.yaml", &yaml);
    let stack = ["A=a", "B=b", "D=$A", "E="].into_iter().fold(stack, Stack::variable);
    shown(stack.read(), "/services/s/labels/it")
}

/// A `.env` file; what `A`, `B` and `C` are then, where `X` is `x` outside and `A` is not set.
fn dotenv(input: &str) -> String {
    let yaml = "services: {s: {image: i, labels: {it: '${A--}|${B--}|${C--}'}}}";
    let text = input.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r");
    let stack = Stack::default().file("compose.yaml", yaml).file(".env", &text).variable("X=x");
    shown(stack.read(), "/services/s/labels/it")
}

/// Settings of a service in two files: `BELOW <- ABOVE`; the first setting's value then.
fn merge(input: &str) -> String {
    let (below, above) = input.split_once(" <- ").expect("BELOW <- ABOVE");
    let file = |settings: &str| format!("{DECLARED}services: {{s: {{image: i, {settings}}}}}");
    let key = below.split(':').next().unwrap_or_default();
    let stack = Stack::default()
        .file("compose.yaml", &file(below))
        .file("compose.override.yaml", &file(above))
        .variable("SET=outside");
    shown(stack.read(), &format!("/services/s/{key}"))
}

/// A setting of a service; its long form.
fn forms(input: &str) -> String {
    let yaml = format!("{DECLARED}services: {{s: {{image: i, {input}}}, db: {{image: i}}}}");
    let key = input.split(':').next().unwrap_or_default();
    let stack = Stack::default()
        .file("compose.yaml", &yaml)
        .file("a.env", "A=file\n")
        .variable("SET=outside");
    shown(stack.read(), &format!("/services/s/{key}"))
}

/// What the cases may refer to.
const DECLARED: &str = "networks: {front: , back: }\nvolumes: {data: , v: }\n\
    secrets: {one: {environment: SET}, two: {environment: SET}}\n\
    configs: {one: {content: c}, two: {content: c}}\n";

/// Where a container's `A` may come from, in any order; what it is then.
fn precedence(input: &str) -> String {
    let mut stack = Stack::default();
    let (mut env_files, mut environment) = (Vec::new(), String::new());
    for (index, layer) in input.split("; ").enumerate() {
        let (place, text) = layer.split_once(' ').expect("PLACE TEXT");
        let name = format!("{index}.env");
        match place {
            "process" => stack = stack.variable(text),
            ".env" => stack = stack.file(".env", text),
            "--env-file" => {
                stack.request.env_files.push(PathBuf::from(&name));
                stack = stack.file(&name, text);
            }
            "env_file" => {
                stack = stack.file(&name, text);
                env_files.push(name);
            }
            "environment" => environment = format!(", environment: [{}]", quoted(text)),
            _ => panic!("{place} is no place"),
        }
    }
    let yaml = format!("services: {{s: {{image: i, env_file: {env_files:?}{environment}}}}}");
    shown(stack.file("compose.yaml", &yaml).read(), "/services/s/environment/A")
}

/// Where the project's name may come from; what it is then.
fn names(input: &str) -> String {
    let mut stack = Stack::default();
    let mut own = String::new();
    for layer in input.split("; ") {
        let (place, text) = layer.split_once(' ').expect("PLACE TEXT");
        match place {
            "-p" => stack.request.project_name = Some(text.to_owned()),
            "process" => stack = stack.variable(&format!("COMPOSE_PROJECT_NAME={text}")),
            ".env" => stack = stack.file(".env", &format!("COMPOSE_PROJECT_NAME={text}")),
            "file" => own = format!("name: {}\n", quoted(text)),
            "override" => {
                stack = stack.file("compose.override.yaml", &format!("name: {}", quoted(text)));
            }
            "folder" => {}
            _ => panic!("{place} is no place"),
        }
    }
    let stack = stack.file("compose.yaml", &format!("{own}services: {{s: {{image: i}}}}"));
    shown(stack.read(), "/name")
}

fn cases(topic: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/language");
    let text = std::fs::read_to_string(folder.join(topic).with_extension("txt"));
    let text = text.expect("a topic's cases");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    lines
        .map(|line| {
            let (input, expected) = line.split_once(" =>").expect("INPUT => WHAT IT MEANS");
            (input.to_owned(), expected.strip_prefix(' ').unwrap_or(expected).to_owned())
        })
        .collect()
}

#[test]
fn every_case_means_what_it_says() {
    let mut wrong = String::new();
    for (topic, meaning) in TOPICS {
        for (input, expected) in cases(topic) {
            let found = meaning(&input);
            // Which error it is, the broken stacks hold.
            let is_error = expected == "!" && found.starts_with("! ");
            if found != expected && !is_error {
                let case = format!("{topic}: {input}\n  says  {expected}\n  means {found}\n");
                wrong.push_str(&case);
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn there_are_many_cases() {
    let counts = TOPICS.map(|(topic, _)| (topic, cases(topic).len()));
    let all: usize = counts.iter().map(|(_, count)| count).sum();
    assert!(all >= 400, "{all} cases: {counts:?}");
    for (topic, _) in TOPICS {
        let mut inputs: Vec<String> = cases(topic).into_iter().map(|(input, _)| input).collect();
        inputs.sort();
        let all = inputs.len();
        inputs.dedup();
        assert_eq!(inputs.len(), all, "{topic} has a case twice");
    }
}
