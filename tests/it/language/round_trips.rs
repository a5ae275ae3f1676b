//! What is written in one form and read again is the same, whatever it is.

use std::sync::Arc;

use devstack::config::diagnostic::Source;
use devstack::config::parse::parse;
use devstack::project::{Bytes, Duration};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{DECLARED, Stack, quoted};

/// A setting of a service in its long form.
fn setting(key: &str, written: &str) -> Value {
    let yaml = format!("{DECLARED}services: {{s: {{image: i, {key}: {written}}}}}");
    let read = Stack::default().file("compose.yaml", &yaml).variable("SET=outside").read();
    read.unwrap_or_else(|error| panic!("{error}\n{yaml}"))["services"]["s"][key].clone()
}

/// A text that a person may put anywhere.
fn anything() -> impl Strategy<Value = String> {
    "[ -~é€\\n\\t]{0,40}"
}

fn address() -> impl Strategy<Value = Option<&'static str>> {
    prop::sample::select(vec![None, Some("0.0.0.0"), Some("127.0.0.2"), Some("::1")])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn durations_are_read_as_they_are_written(nanoseconds in 0_u64..1_000_000_000_000_000) {
        let duration = Duration(std::time::Duration::from_nanos(nanoseconds));
        prop_assert_eq!(duration.to_string().parse::<Duration>().ok(), Some(duration));
    }

    #[test]
    fn sizes_are_read_as_they_are_written(bytes in 0_u64..1 << 53) {
        let bytes = Bytes(bytes);
        prop_assert_eq!(bytes.to_string().parse::<Bytes>().ok(), Some(bytes));
    }

    #[test]
    fn units_multiply(number in 1_u64..100_000, unit in 0_usize..4, capital: bool, b: bool) {
        let (letter, factor) = [("b", 1), ("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30)][unit];
        let more = if b && unit > 0 { "b" } else { "" };
        let mut text = format!("{number}{letter}{more}");
        if capital {
            text = text.to_uppercase();
        }
        prop_assert_eq!(text.parse::<Bytes>().ok(), Some(Bytes(number * factor)));
    }

    #[test]
    fn a_text_is_itself_in_either_quotes(text in anything()) {
        let dollars = text.replace('$', "$$");
        let double = serde_json::to_string(&dollars).expect("a text is JSON");
        prop_assert_eq!(&setting("command", &format!("[{double}]")), &json!([text]));
        // In single quotes line breaks are folded.
        if !text.contains(['\n', '\t']) {
            let single = quoted(&dollars);
            prop_assert_eq!(&setting("command", &format!("[{single}]")), &json!([text]));
        }
    }

    #[test]
    fn what_the_writer_of_yaml_writes_is_read_as_the_same(
        texts in prop::collection::vec(anything(), 0..6),
        number: i32,
        flag: bool,
    ) {
        let value = json!({"texts": texts, "nested": {"number": number, "flag": flag, "none": null}});
        let text = serde_yaml::to_string(&value).expect("a tree can be written");
        let source = Arc::new(Source { name: "f".to_owned(), text: text.clone() });
        let documents = parse(&source).unwrap_or_else(|found| panic!("{found:?}\n{text}"));
        prop_assert_eq!(documents[0].to_json(), value, "{}", text);
    }

    #[test]
    fn short_and_long_ports_are_the_same(
        ip in address(),
        published in prop::option::of(1_u16..),
        target in 1_u16..,
        protocol in prop::sample::select(vec!["tcp", "udp", "sctp"]),
    ) {
        let bracketed = |ip: &str| if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() };
        let number = published.map_or(String::new(), |port| port.to_string());
        let short = match (ip, published) {
            (None, None) => format!("{target}/{protocol}"),
            (None, Some(_)) => format!("{number}:{target}/{protocol}"),
            (Some(ip), _) => format!("{}:{number}:{target}/{protocol}", bracketed(ip)),
        };
        let mut long = json!({"target": target, "protocol": protocol});
        if let Some(ip) = ip {
            long["host_ip"] = json!(ip);
        }
        if let Some(port) = published {
            long["published"] = json!(port.to_string());
        }
        let read = setting("ports", &json!([long]).to_string());
        prop_assert_eq!(&setting("ports", &json!([short]).to_string()), &read);
        prop_assert_eq!(&setting("ports", &read.to_string()), &read);
    }

    #[test]
    fn short_and_long_mounts_are_the_same(
        source in prop::sample::select(vec!["", "data", "v", "./src", "../up", "/abs", "~/home"]),
        target in "/[a-z]{1,8}(/[a-z.]{1,8})?",
        read_only: bool,
    ) {
        let mode = if read_only { ":ro" } else { "" };
        let separator = if source.is_empty() { "" } else { ":" };
        let short = format!("{source}{separator}{target}{mode}");
        let kind = if source.contains('/') { "bind" } else { "volume" };
        let mut long = json!({"type": kind, "target": target, "read_only": read_only});
        if !source.is_empty() {
            long["source"] = json!(source);
        }
        let read = setting("volumes", &json!([long]).to_string());
        prop_assert_eq!(&setting("volumes", &json!([short]).to_string()), &read);
        prop_assert_eq!(&setting("volumes", &read.to_string()), &read);
    }

    #[test]
    fn variables_are_the_same_as_a_list_and_as_a_mapping(
        variables in prop::collection::btree_map("[A-Z][A-Z0-9_]{0,6}", anything(), 1..6),
    ) {
        let list: Vec<String> =
            variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let list = json!(list).to_string().replace('$', "$$");
        let mapping = json!(variables).to_string().replace('$', "$$");
        prop_assert_eq!(&setting("environment", &list), &json!(variables));
        prop_assert_eq!(&setting("environment", &mapping), &json!(variables));
    }
}
