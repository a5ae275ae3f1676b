//! Each mistake has its message, its place and its help.

mod connections;
mod contents;
mod develop;
mod limits;
mod stack;
mod values;

use super::service_findings;

/// The service is `services: {web: {image: x, PART}}`, in line 1.
fn check(cases: &[(&str, &[&str])]) {
    for (part, expected) in cases {
        assert_eq!(service_findings(part), *expected, "{part}");
    }
}
