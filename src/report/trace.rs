//! A recording in Chrome's trace event format, which Perfetto and `chrome://tracing` open: a
//! process for each container, whose steps lie on its first thread and whose parallel parts, such
//! as the steps of a build, on further ones. The critical path is a process of its own, the first.
//!
//! Format: <https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU>.

use std::time::Duration;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Value, json};

use super::gantt::{advice_line, row_of};
use super::label::Labels;
use super::wording;
use crate::timing::{Mark, PartKind, Recording, Span, What, spans};

/// The name of the process that is the critical path.
const PATH: &str = "critical path";

/// Renders a recording of `command`, which took `total`.
#[must_use]
pub fn trace(recording: &Recording, command: &str, total: Duration) -> String {
    let spans = spans(recording);
    let labels = Labels::of(spans.iter().map(|span| &span.subject));
    let mut processes: IndexMap<String, Lanes> = IndexMap::new();
    processes.insert(PATH.to_owned(), Lanes::default());
    let mut events = Vec::new();
    let whole = Complete::new(format!("devstack {command}"), Duration::ZERO, total, 0, 0);
    events.push(json!(whole));
    let mut lane = 0;
    for span in &spans {
        let row = row_of(&span.subject, &labels);
        if span.critical && matches!(span.what, What::Step(_)) {
            let name = format!("{row}: {}", name(span));
            // Below the bar of the whole command.
            events.push(json!(Complete::new(name, span.begun, span.ended, 0, 0)));
        }
        let entry = processes.entry(row);
        let process = entry.index();
        let lanes = entry.or_default();
        // The parts of a boot lie within its own bar.
        if !matches!(span.what, What::Boot(_)) {
            lane = lanes.place(span.begun, span.ended);
        }
        let bar = Complete::new(name(span), span.begun, span.ended, process, lane);
        events.push(json!(bar.with(span)));
    }
    for (process, name) in processes.keys().enumerate() {
        events.push(metadata("process_name", process, &json!({ "name": name })));
        events.push(metadata("process_sort_index", process, &json!({ "sort_index": process })));
    }
    let trace = json!({
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {
            "command": command,
            "advice": advice_line(recording),
        },
    });
    let mut text = trace.to_string();
    text.push('\n');
    text
}

/// The threads of a process: bars on one thread may not overlap.
#[derive(Debug, Default)]
struct Lanes {
    free_from: Vec<Duration>,
}

impl Lanes {
    fn place(&mut self, begun: Duration, ended: Duration) -> usize {
        let lane = self.free_from.iter().position(|free| *free <= begun);
        let lane = lane.unwrap_or_else(|| {
            self.free_from.push(Duration::ZERO);
            self.free_from.len() - 1
        });
        self.free_from[lane] = ended;
        lane
    }
}

/// A bar, that is a "complete event". Times are in microseconds.
#[derive(Debug, Serialize)]
struct Complete {
    name: String,
    ph: &'static str,
    ts: u64,
    dur: u64,
    pid: usize,
    tid: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Value>,
}

impl Complete {
    fn new(name: String, begun: Duration, ended: Duration, pid: usize, tid: usize) -> Self {
        let (ts, end) = (micros(begun), micros(ended));
        Self { name, ph: "X", ts, dur: end.saturating_sub(ts), pid, tid, args: None }
    }

    fn with(self, span: &Span) -> Self {
        let mut args = json!({ "subject": span.subject.to_string(), "critical": span.critical });
        if !span.cause.is_empty() {
            args["cause"] = json!(span.cause);
        }
        if span.failed {
            args["failed"] = json!(true);
        }
        Self { args: Some(args), ..self }
    }
}

fn metadata(name: &str, pid: usize, args: &Value) -> Value {
    json!({ "name": name, "ph": "M", "pid": pid, "tid": 0, "args": args })
}

fn name(span: &Span) -> String {
    match &span.what {
        What::Step(action) => wording::verb(*action).to_owned(),
        What::Waiting => "waiting for other services".to_owned(),
        What::Part(PartKind::Download) => "download".to_owned(),
        What::Part(PartKind::Unpack) => "unpack".to_owned(),
        What::Part(PartKind::BuildStep { name, .. }) => wording::one_line(name).into_owned(),
        What::Boot(Some(Mark::FirstLine)) => "until the first log line".to_owned(),
        What::Boot(Some(Mark::PortOpen)) => "until the port is open".to_owned(),
        What::Boot(None) => "until ready".to_owned(),
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Action, BuildStepState};
    use crate::timing::fixture::*;

    fn lines(text: &str) -> String {
        let trace: Value = serde_json::from_str(text).unwrap();
        let events = trace["traceEvents"].as_array().unwrap();
        events.iter().map(|event| event.to_string() + "\n").collect()
    }

    #[test]
    fn each_container_is_a_process() {
        let mut recording = stack();
        recording.first_line("shop-mq-1", ms(100));
        insta::assert_snapshot!(lines(&trace(&recording, "up", ms(5600))), @r#"
        {"name":"devstack up","ph":"X","ts":0,"dur":5600000,"pid":0,"tid":0}
        {"name":"resources: create","ph":"X","ts":20000,"dur":80000,"pid":0,"tid":0}
        {"name":"create","ph":"X","ts":20000,"dur":80000,"pid":1,"tid":0,"args":{"subject":"network shop_data","critical":true,"cause":"missing"}}
        {"name":"create","ph":"X","ts":100000,"dur":40000,"pid":2,"tid":0,"args":{"subject":"container shop-db-1","critical":false,"cause":"missing"}}
        {"name":"start","ph":"X","ts":140000,"dur":100000,"pid":2,"tid":0,"args":{"subject":"container shop-db-1","critical":false,"cause":"missing"}}
        {"name":"await","ph":"X","ts":240000,"dur":860000,"pid":2,"tid":0,"args":{"subject":"container shop-db-1","critical":false,"cause":"missing"}}
        {"name":"mq: create","ph":"X","ts":100000,"dur":50000,"pid":0,"tid":0}
        {"name":"create","ph":"X","ts":100000,"dur":50000,"pid":3,"tid":0,"args":{"subject":"container shop-mq-1","critical":true,"cause":"missing"}}
        {"name":"mq: start","ph":"X","ts":150000,"dur":100000,"pid":0,"tid":0}
        {"name":"start","ph":"X","ts":150000,"dur":100000,"pid":3,"tid":0,"args":{"subject":"container shop-mq-1","critical":true,"cause":"missing"}}
        {"name":"mq: await","ph":"X","ts":250000,"dur":3700000,"pid":0,"tid":0}
        {"name":"await","ph":"X","ts":250000,"dur":3700000,"pid":3,"tid":0,"args":{"subject":"container shop-mq-1","critical":true,"cause":"missing"}}
        {"name":"until the first log line","ph":"X","ts":250000,"dur":100000,"pid":3,"tid":0,"args":{"subject":"container shop-mq-1","critical":true}}
        {"name":"until the port is open","ph":"X","ts":350000,"dur":3250000,"pid":3,"tid":0,"args":{"subject":"container shop-mq-1","critical":true}}
        {"name":"until ready","ph":"X","ts":3600000,"dur":350000,"pid":3,"tid":0,"args":{"subject":"container shop-mq-1","critical":true}}
        {"name":"create","ph":"X","ts":100000,"dur":60000,"pid":4,"tid":0,"args":{"subject":"container shop-api-1","critical":false,"cause":"missing"}}
        {"name":"waiting for other services","ph":"X","ts":160000,"dur":3790000,"pid":4,"tid":0,"args":{"subject":"container shop-api-1","critical":false}}
        {"name":"api: start","ph":"X","ts":3950000,"dur":100000,"pid":0,"tid":0}
        {"name":"start","ph":"X","ts":3950000,"dur":100000,"pid":4,"tid":0,"args":{"subject":"container shop-api-1","critical":true,"cause":"missing"}}
        {"name":"api: await","ph":"X","ts":4050000,"dur":1500000,"pid":0,"tid":0}
        {"name":"await","ph":"X","ts":4050000,"dur":1500000,"pid":4,"tid":0,"args":{"subject":"container shop-api-1","critical":true,"cause":"missing"}}
        {"name":"process_name","ph":"M","pid":0,"tid":0,"args":{"name":"critical path"}}
        {"name":"process_sort_index","ph":"M","pid":0,"tid":0,"args":{"sort_index":0}}
        {"name":"process_name","ph":"M","pid":1,"tid":0,"args":{"name":"resources"}}
        {"name":"process_sort_index","ph":"M","pid":1,"tid":0,"args":{"sort_index":1}}
        {"name":"process_name","ph":"M","pid":2,"tid":0,"args":{"name":"db"}}
        {"name":"process_sort_index","ph":"M","pid":2,"tid":0,"args":{"sort_index":2}}
        {"name":"process_name","ph":"M","pid":3,"tid":0,"args":{"name":"mq"}}
        {"name":"process_sort_index","ph":"M","pid":3,"tid":0,"args":{"sort_index":3}}
        {"name":"process_name","ph":"M","pid":4,"tid":0,"args":{"name":"api"}}
        {"name":"process_sort_index","ph":"M","pid":4,"tid":0,"args":{"sort_index":4}}
        "#);
    }

    #[test]
    fn parts_that_overlap_lie_on_threads_of_their_own() {
        let api = image("api", "api");
        let mut recording = Recording::default();
        record(
            &mut recording,
            &[
                (0, planned(&[(&api, Action::Build, &[])])),
                (0, started(&api, Action::Build)),
                (100, build_step(&api, 1, BuildStepState::Running)),
                (200, build_step(&api, 2, BuildStepState::Running)),
                (500, build_step(&api, 1, BuildStepState::Done(ms(400)))),
                (600, build_step(&api, 2, BuildStepState::Done(ms(400)))),
                (600, build_step(&api, 3, BuildStepState::Running)),
                (700, build_step(&api, 3, BuildStepState::Done(ms(100)))),
                (750, finished(&api, Action::Build)),
            ],
        );
        let text = trace(&recording, "up", ms(800));
        let trace: Value = serde_json::from_str(&text).unwrap();
        let bars: Vec<(String, u64)> = trace["traceEvents"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|event| event["pid"] == 1 && event["ph"] == "X")
            .map(|event| (event["name"].to_string(), event["tid"].as_u64().unwrap()))
            .collect();
        let expected = [
            ("build", 0),
            ("[dev 1/9] RUN make", 1),
            ("[dev 2/9] RUN make", 2),
            ("[dev 3/9] RUN make", 1),
        ]
        .map(|(name, lane)| (format!("\"{name}\""), lane));
        assert_eq!(bars, expected);
    }
}
