//! The typed layer as a whole: YAML in, canonical form or findings out.

mod findings;
mod forms;
mod presets;
mod reload;
mod schema;
mod stack;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::{DecodeRequest, decode};
use crate::config::canonical::{Secrets, value};
use crate::config::diagnostic::{Diagnostic, Diagnostics, Severity, Source};
use crate::config::environment::Environment;
use crate::config::interpolate::interpolate;
use crate::config::parse::parse;
use crate::project::Project;

const FILES: &[(&str, &str)] = &[
    ("/p/app.env", "A=file\nB=file\nexport C='$X'\n"),
    ("/p/later.env", "B=later\nD\n"),
    ("/p/raw.env", "A='$X'\n"),
    ("/p/wrong.env", "A=ok\nB='x\n"),
    ("/p/profile.json", "{ \"defaultAction\": \"SCMP_ACT_ALLOW\" }\n"),
    ("/p/labels", "a=file\nb=file\n"),
];

fn request() -> DecodeRequest {
    let environment = [("SET", "from outside"), ("D", "from outside"), ("EMPTY", "")];
    DecodeRequest {
        project_dir: PathBuf::from("/p"),
        environment: Environment::from_process(
            environment.map(|(name, value)| (name.to_owned(), value.to_owned())),
        ),
        home: Some(PathBuf::from("/home/me")),
        ..DecodeRequest::default()
    }
}

fn read(path: &Path) -> io::Result<String> {
    FILES
        .iter()
        .find(|(name, _)| Path::new(name) == path)
        .map(|(_, text)| (*text).to_owned())
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn decode_with(yaml: &str, request: &DecodeRequest) -> Result<(Project, Diagnostics), Diagnostics> {
    let source = Arc::new(Source { name: "devstack.yaml".to_owned(), text: yaml.to_owned() });
    let mut root = parse(&source)?.pop().expect("the test has a document");
    let mut findings = Diagnostics::default();
    interpolate(&mut root, &request.environment, &mut findings);
    assert!(findings.0.is_empty(), "{findings:?}");
    decode(&root, request, &mut read)
}

/// A project without findings.
fn project(yaml: &str) -> Project {
    match decode_with(yaml, &request()) {
        Ok((project, warnings)) => {
            assert_eq!(shown(&warnings), Vec::<String>::new(), "{yaml}");
            project
        }
        Err(findings) => panic!("{:#?}\n{yaml}", shown(&findings)),
    }
}

/// All findings of a file.
fn findings(yaml: &str) -> Vec<String> {
    match decode_with(yaml, &request()) {
        Ok((_, warnings)) => shown(&warnings),
        Err(findings) => shown(&findings),
    }
}

/// `LINE:COLUMN `TEXT`: SEVERITY: MESSAGE; help: HELP`, one finding a line.
fn shown(findings: &Diagnostics) -> Vec<String> {
    findings.0.iter().map(show).collect()
}

fn show(finding: &Diagnostic) -> String {
    let place = finding.primary.as_ref().map_or_else(String::new, |label| {
        let (line, column) = label.span.line_column();
        let text = &label.span.source.text[label.span.start..label.span.end];
        let first = text.lines().next().unwrap_or_default();
        format!("{line}:{column} `{first}` ")
    });
    let severity = match finding.severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let also = finding.secondary.iter().map(|label| {
        let (line, column) = label.span.line_column();
        format!("; {line}:{column} {}", label.text)
    });
    let help = finding.help.iter().map(|help| format!("; help: {help}"));
    let more: String = also.chain(help).collect();
    format!("{place}{severity}: {}{more}", finding.message)
}

/// The canonical form of one service, of which the file holds this part.
fn service(part: &str) -> Value {
    let yaml = format!("{DECLARED}services:\n  web:\n    image: x\n    {}\n", indented(part));
    let project = project(&yaml);
    value(&project, Secrets::Shown)["services"]["web"].clone()
}

/// The findings of a service of which the file holds this part, beginning in line 1.
fn service_findings(part: &str) -> Vec<String> {
    findings(&format!("services: {{web: {{image: x, {part}}}}}\n{DECLARED}"))
}

/// What the parts may refer to.
const DECLARED: &str = "\
name: p
networks: {front: , back: }
volumes: {data: , v: , cache: }
secrets: {token: {environment: SET}, file: {file: ./token}}
configs: {site: {content: hello}}
";

fn indented(part: &str) -> String {
    part.replace('\n', "\n    ")
}
