//! What a person, or a program, sees of what follows from changed files. Pure.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::colour::{Paint, Tone};
use super::wording;
use crate::event::WatchEvent;

/// Files that a line names before it only counts them.
const FILES: usize = 2;

/// The event in one line, or in a few where code or output belongs to it.
#[must_use]
pub fn watch_text(event: &WatchEvent, paint: Paint) -> String {
    match event {
        WatchEvent::Watching { services, files } => {
            let services = wording::list(services.iter().map(ToString::to_string));
            let files = wording::count(*files, "file");
            format!("{} {files} for {services}", paint.apply(Tone::Strong, "watching"))
        }
        WatchEvent::Begun { service, doing, files } => {
            let files = paint.apply(Tone::Faint, &named(files));
            format!("{} {doing} {files}", paint.apply(Tone::Busy, service.as_str()))
        }
        WatchEvent::Done { label, what, elapsed, parts, files } => {
            let mut line =
                format!("{} {what} in {}", paint.apply(Tone::Good, label), time(*elapsed));
            if parts.len() > 1 {
                let parts: Vec<String> =
                    parts.iter().map(|(part, took)| format!("{part} {}", number(*took))).collect();
                write!(line, " ({})", parts.join(", ")).expect("writing to a String cannot fail");
            }
            if !files.is_empty() {
                line.push(' ');
                line.push_str(&paint.apply(Tone::Faint, &named(files)));
            }
            line
        }
        WatchEvent::Failed { label, what, reason, frame, serving } => {
            let after = match serving {
                Some(true) => " (the version before still serves)",
                Some(false) => " (nothing serves)",
                None => "",
            };
            let mut text = format!("{} {what} failed", paint.apply(Tone::Bad, label));
            if !reason.is_empty() {
                text.push_str(": ");
                text.push_str(&wording::one_line(reason));
            }
            text.push_str(after);
            for line in frame.iter().flat_map(|frame| frame.trim_end().lines()) {
                text.push_str("\n    ");
                text.push_str(line);
            }
            text
        }
        WatchEvent::Output { label, line } => {
            format!("{} {line}", paint.apply(Tone::Faint, &format!("{label} |")))
        }
        WatchEvent::Warning { label, text } => {
            let warning = paint.apply(Tone::Caution, "warning:");
            format!("{warning} {}{}", about(label.as_deref()), text.trim_end())
        }
        WatchEvent::Note { label, text } => format!("{}{text}", about(label.as_deref())),
    }
}

/// The event as one JSON object.
#[must_use]
pub fn watch_json(event: &WatchEvent) -> Value {
    let object = |status: &str, label: Option<&str>| {
        let mut object = json!({ "type": "watch", "status": status });
        if let Some(label) = label {
            object["service"] = json!(label);
        }
        object
    };
    match event {
        WatchEvent::Watching { services, files } => {
            let services: Vec<String> = services.iter().map(ToString::to_string).collect();
            json!({ "type": "watch", "status": "watching", "services": services, "files": files })
        }
        WatchEvent::Begun { service, doing, files } => {
            let mut object = object("begun", Some(service.as_str()));
            object["action"] = json!(doing);
            object["files"] = json!(files);
            object
        }
        WatchEvent::Done { label, what, elapsed, parts, files } => {
            let mut object = object("done", Some(label));
            object["action"] = json!(what);
            object["elapsed_ms"] = json!(millis(*elapsed));
            object["parts"] = Value::Object(
                parts
                    .iter()
                    .map(|(part, took)| ((*part).to_owned(), json!(millis(*took))))
                    .collect(),
            );
            object["files"] = json!(files);
            object
        }
        WatchEvent::Failed { label, what, reason, frame, serving } => {
            let mut object = object("failed", Some(label));
            object["action"] = json!(what);
            object["reason"] = json!(reason);
            object["frame"] = json!(frame);
            object["serving"] = json!(serving);
            object
        }
        WatchEvent::Output { label, line } => {
            let mut object = object("output", Some(label));
            object["line"] = json!(line);
            object
        }
        WatchEvent::Warning { label, text } => {
            let mut object = object("warning", label.as_deref());
            object["text"] = json!(text);
            object
        }
        WatchEvent::Note { label, text } => {
            let mut object = object("note", label.as_deref());
            object["text"] = json!(text);
            object
        }
    }
}

fn about(label: Option<&str>) -> String {
    label.map(|label| format!("{label}: ")).unwrap_or_default()
}

fn named(files: &[String]) -> String {
    let mut text = files.iter().take(FILES).cloned().collect::<Vec<_>>().join(", ");
    if files.len() > FILES {
        write!(text, " and {} more", files.len() - FILES).expect("writing to a String cannot fail");
    }
    text
}

fn time(elapsed: Duration) -> String {
    if elapsed < Duration::from_secs(10) && elapsed >= Duration::from_secs(1) {
        format!("{:.2} s", elapsed.as_secs_f64())
    } else if elapsed < Duration::from_secs(1) {
        format!("{} ms", elapsed.as_millis())
    } else {
        format!("{:.1} s", elapsed.as_secs_f64())
    }
}

/// Milliseconds, or seconds where they are many.
fn number(elapsed: Duration) -> String {
    if elapsed < Duration::from_secs(1) { elapsed.as_millis().to_string() } else { time(elapsed) }
}

fn millis(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 10_000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(parts: &[(&'static str, u64)], files: &[&str], elapsed: u64) -> WatchEvent {
        let ms = Duration::from_millis;
        WatchEvent::Done {
            label: "api".to_owned(),
            what: "reloaded",
            elapsed: ms(elapsed),
            parts: parts.iter().map(|(part, took)| (*part, ms(*took))).collect(),
            files: files.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn events_read_at_a_glance() {
        let failed = |serving, frame: Option<&str>| WatchEvent::Failed {
            label: "api".to_owned(),
            what: "reload",
            reason: "unexpected token".to_owned(),
            frame: frame.map(str::to_owned),
            serving,
        };
        let api: crate::project::ServiceName = "api".parse().unwrap();
        let events = [
            WatchEvent::Watching { services: vec![api.clone(), "web".parse().unwrap()], files: 12 },
            done(&[("watch", 18), ("compile", 2), ("start", 96)], &["src/a.ts"], 131),
            done(&[("copy", 1300)], &["a", "b", "c", "d"], 1300),
            done(&[("watch", 18), ("build", 61_000)], &[], 61_250),
            WatchEvent::Begun { service: api, doing: "rebuilding", files: vec!["a".to_owned()] },
            failed(Some(true), Some("1 | let x = ;\n  |         ^\n")),
            failed(None, None),
            WatchEvent::Failed {
                label: "api".to_owned(),
                what: "rebuild",
                reason: String::new(),
                frame: None,
                serving: None,
            },
            WatchEvent::Output { label: "api-2".to_owned(), line: "ok".to_owned() },
            WatchEvent::Warning { label: Some("api".to_owned()), text: "careful".to_owned() },
            WatchEvent::Note { label: None, text: "the engine is back".to_owned() },
        ];
        let text: Vec<String> = events
            .iter()
            .map(|event| format!("{}\n{}", watch_text(event, Paint::new(false)), watch_json(event)))
            .collect();
        insta::assert_snapshot!(text.join("\n"));
    }
}
