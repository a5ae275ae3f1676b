//! `develop`: what a rule lacks, and what would do nothing.

use std::fmt::Write as _;

use super::service_findings;

#[test]
fn rules_say_what_they_lack() {
    let rules = [
        "{path: src, action: sync, target: /app}",
        "{path: src, action: restart}",
        "{action: restart}",
        "{path: src}",
        "{path: src, action: copy}",
        "{path: src, action: sync}",
        "{path: src, action: sync, target: app}",
        "{path: src, action: rebuild}",
        "{path: src, action: sync+exec, target: /app}",
        "{path: src, action: sync+exec, target: /app, exec: {}}",
        "{path: src, action: restart, target: /app}",
        "{path: src, action: restart, initial_sync: true}",
        "{path: src, action: restart, ignore: [ok, '[a']}",
        "{path: src, action: restart, igonre: x}",
        "src",
    ];
    let mut report = String::new();
    for rule in rules {
        writeln!(report, "{rule}").expect("a String takes everything");
        for finding in service_findings(&format!("develop: {{watch: [{rule}]}}")) {
            writeln!(report, "    {finding}").expect("a String takes everything");
        }
    }
    insta::assert_snapshot!(report);
}
