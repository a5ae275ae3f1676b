//! Short and long forms become the same canonical form.

mod connections;
mod contents;
mod limits;

use super::service;

/// Compares one key of the service with what is expected, for each way to write it.
fn check(key: &str, expected: &serde_json::Value, forms: &[&str]) {
    for form in forms {
        assert_eq!(service(form)[key], *expected, "{form}");
    }
}
