//! `devstack config --explain`.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value as Json;

use super::{ConfigArgs, FormatArg};
use crate::cli::context::{Context, Files};
use crate::cli::error::CliError;
use crate::config::canonical::{Secrets, value};
use crate::config::environment::Origin;
use crate::config::explain::{
    Explained, Explanation, NoSuchValue, Outcome, Saying, SayingOrigin, VariableValue,
    explain as explain_value,
};
use crate::config::load::LayerOrigin;
use crate::os::files::read_text;

pub(super) fn explain(cx: &Context, args: &ConfigArgs, path: &str) -> Result<(), CliError> {
    let Files { project: mut all, warnings, root, layers, request, .. } = cx.load_traced()?;
    cx.print_diagnostics(&warnings);
    // A value is no other one when no profile selects its service.
    let disabled = std::mem::take(&mut all.disabled_services);
    all.services.extend(disabled);
    let secrets = if args.show_secrets { Secrets::Shown } else { Secrets::Redacted };
    let stack = Explained {
        root: &root,
        layers: &layers,
        canonical: &value(&all, secrets),
        request: &request,
        show_secrets: args.show_secrets,
    };
    let explanation = explain_value(&stack, path, &mut |path| read_text(path))
        .map_err(|error| unknown(&error))?;
    if args.quiet {
        return Ok(());
    }
    cx.print(&match args.format {
        FormatArg::Yaml => text(&explanation),
        FormatArg::Json => {
            serde_json::to_string_pretty(&row(&explanation)).expect("its keys are texts")
        }
    })
}

fn unknown(error: &NoSuchValue) -> CliError {
    let hint = match &error.suggestion {
        Some(path) => format!("did you mean `{path}`?"),
        None if error.known.is_empty() => "write the keys on the way to a value, as in \
                                           `services.api.environment.PORT`"
            .to_owned(),
        None => format!("there is {}", error.known.join(", ")),
    };
    CliError::other(error.to_string(), hint)
}

fn text(explanation: &Explanation) -> String {
    let mut text = String::new();
    match &explanation.value {
        Some(value @ (Json::Object(_) | Json::Array(_))) => {
            let yaml = serde_yaml::to_string(value).unwrap_or_default();
            let _ = writeln!(text, "{}:", explanation.path);
            for line in yaml.lines() {
                let _ = writeln!(text, "  {line}");
            }
        }
        Some(value) => {
            let _ = writeln!(text, "{}: {value}", explanation.path);
        }
        None => {
            let _ = writeln!(text, "{}: nothing", explanation.path);
        }
    }
    if explanation.sayings.is_empty() {
        text.push_str("- no file says so: it is a default\n");
    }
    for saying in &explanation.sayings {
        let (line, column) = saying.span.line_column();
        let place = format!("{}:{line}:{column}", saying.span.source.name);
        let by = by(&saying.origin);
        let _ = write!(text, "- {} {place}{by}", outcome(saying.outcome));
        match saying.written.as_deref() {
            Some(written) if written.contains('\n') => {
                let lines = written.lines().map(|line| format!("\n    {}", line.trim_end()));
                let _ = writeln!(text, ":{}", lines.collect::<String>());
            }
            Some("") | None => text.push('\n'),
            Some(written) => {
                let _ = writeln!(text, ": {written}");
            }
        }
        for variable in &saying.variables {
            let _ = writeln!(text, "    {}", told(variable));
        }
    }
    text
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Used => "from",
        Outcome::Merged => "merged from",
        Outcome::Overridden => "instead of",
    }
}

fn by(origin: &SayingOrigin) -> String {
    match origin {
        SayingOrigin::Layer(LayerOrigin::File | LayerOrigin::Preset { .. }) => String::new(),
        SayingOrigin::Layer(LayerOrigin::Include { by }) => format!(" (included by {by})"),
        SayingOrigin::Layer(LayerOrigin::Extends { service }) => {
            format!(" (extends {service})")
        }
        SayingOrigin::EnvFile => " (env_file)".to_owned(),
    }
}

fn told(variable: &VariableValue) -> String {
    let name = &variable.name;
    let state = match &variable.value {
        None => "is not set".to_owned(),
        Some(value) if value.is_empty() => format!("is empty, {}", origin(variable)),
        Some(value) => format!("is {value}, {}", origin(variable)),
    };
    let follows = match (variable.replaced, &variable.value) {
        (true, Some(value)) if !value.is_empty() => ": its alternative is used",
        (true, _) => ": its default is used",
        (false, None) => ": empty text is used",
        (false, Some(_)) => "",
    };
    format!("{name} {state}{follows}")
}

fn origin(variable: &VariableValue) -> String {
    match &variable.origin {
        Some(Origin::File(span)) => {
            let (line, column) = span.line_column();
            format!("from {}:{line}:{column}", span.source.name)
        }
        Some(Origin::Process) => "from the environment".to_owned(),
        Some(Origin::Derived) | None => "worked out by devstack".to_owned(),
    }
}

/// An explanation for programs.
#[derive(Serialize)]
struct Row<'e> {
    path: &'e str,
    value: &'e Option<Json>,
    sources: Vec<SourceRow<'e>>,
}

#[derive(Serialize)]
struct SourceRow<'e> {
    outcome: &'static str,
    kind: &'static str,
    file: &'e str,
    line: usize,
    column: usize,
    written: &'e Option<String>,
    variables: Vec<VariableRow<'e>>,
}

#[derive(Serialize)]
struct VariableRow<'e> {
    name: &'e str,
    value: &'e Option<String>,
    origin: Option<String>,
    replaced: bool,
}

fn row(explanation: &Explanation) -> Row<'_> {
    Row {
        path: &explanation.path,
        value: &explanation.value,
        sources: explanation.sayings.iter().map(source_row).collect(),
    }
}

fn source_row(saying: &Saying) -> SourceRow<'_> {
    let (line, column) = saying.span.line_column();
    SourceRow {
        outcome: match saying.outcome {
            Outcome::Used => "used",
            Outcome::Merged => "merged",
            Outcome::Overridden => "overridden",
        },
        kind: match &saying.origin {
            SayingOrigin::Layer(LayerOrigin::File) => "file",
            SayingOrigin::Layer(LayerOrigin::Include { .. }) => "include",
            SayingOrigin::Layer(LayerOrigin::Extends { .. }) => "extends",
            SayingOrigin::Layer(LayerOrigin::Preset { .. }) => "preset",
            SayingOrigin::EnvFile => "env_file",
        },
        file: &saying.span.source.name,
        line,
        column,
        written: &saying.written,
        variables: saying.variables.iter().map(variable_row).collect(),
    }
}

fn variable_row(variable: &VariableValue) -> VariableRow<'_> {
    VariableRow {
        name: &variable.name,
        value: &variable.value,
        origin: variable.value.as_ref().map(|_| origin(variable)),
        replaced: variable.replaced,
    }
}
