//! Digests by which a later run sees what changed, without storing a value.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Digests of the contents of single files that are mounted or injected, by path.
pub type ContentDigests = BTreeMap<PathBuf, String>;

/// A short digest per field of a service, in the order of the model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldDigests(IndexMap<String, String>);

/// Fields of a service whose change needs no new container (Compose leaves out the same).
const NOT_IN_CONTAINER: [&str; 8] =
    ["attach", "build", "depends_on", "develop", "pre_stop", "profiles", "pull_policy", "scale"];

impl FieldDigests {
    /// Digests each field of a serialized mapping.
    #[must_use]
    pub fn of(fields: &serde_json::Map<String, serde_json::Value>) -> Self {
        Self(
            fields
                .iter()
                .filter(|(field, _)| !NOT_IN_CONTAINER.contains(&field.as_str()))
                .map(|(field, value)| (field.clone(), short(&digest(value))))
                .collect(),
        )
    }

    /// Reads a label; text that is none reads as no digests, so that everything counts as changed.
    #[must_use]
    pub fn parse(label: &str) -> Self {
        Self(
            label
                .split(',')
                .filter_map(|pair| pair.split_once('='))
                .map(|(field, digest)| (field.to_owned(), digest.to_owned()))
                .collect(),
        )
    }

    /// The label's text.
    #[must_use]
    pub fn to_label(&self) -> String {
        let mut label = String::new();
        for (field, digest) in &self.0 {
            let separator = if label.is_empty() { "" } else { "," };
            write!(label, "{separator}{field}={digest}").expect("writing to a String cannot fail");
        }
        label
    }

    /// Adds what a field depends on beyond its own text, such as a mounted file's content.
    pub fn mix(&mut self, field: &str, more: &str) {
        let before = self.0.get(field).map_or("", String::as_str);
        let mixed = short(&digest(&(before, more)));
        self.0.insert(field.to_owned(), mixed);
    }

    /// Sets a field's digest.
    pub fn set(&mut self, field: &str, digest: &str) {
        self.0.insert(field.to_owned(), digest.to_owned());
    }

    /// Takes a field's digest away.
    pub fn take(&mut self, field: &str) -> Option<String> {
        self.0.shift_remove(field)
    }

    /// Keeps only some fields.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|field, _| keep(field));
    }

    /// Fields that are different, new or gone, in the order of the model.
    #[must_use]
    pub fn changed_since(&self, earlier: &Self) -> Vec<String> {
        let differing = self
            .0
            .iter()
            .filter(|(field, digest)| earlier.0.get(*field) != Some(*digest))
            .map(|(field, _)| field.clone());
        let gone = earlier.0.keys().filter(|field| !self.0.contains_key(*field)).cloned();
        differing.chain(gone).collect()
    }
}

/// The SHA-256 of a value's JSON, in hexadecimal.
///
/// # Panics
/// When the value is a map with keys that are not text: none in the model is.
#[must_use]
pub fn digest<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_vec(value).expect("the model has only text keys");
    digest_bytes(&json)
}

/// The SHA-256 of bytes, in hexadecimal.
#[must_use]
pub fn digest_bytes(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// The SHA-256 of all that can be read, in hexadecimal, however much it is.
///
/// # Errors
/// That of reading.
pub fn digest_of(mut content: impl Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        match content.read(&mut piece) {
            Ok(0) => return Ok(hexadecimal(&hash.finalize())),
            Ok(read) => hash.update(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(hex, "{byte:02x}").expect("writing to a String cannot fail");
    }
    hex
}

// Eight characters tell a change apart among the few versions of a field that ever meet.
fn short(digest: &str) -> String {
    digest[..8].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: &serde_json::Value) -> FieldDigests {
        FieldDigests::of(json.as_object().expect("an object"))
    }

    #[test]
    fn label_round_trips() {
        let digests = fields(&serde_json::json!({"image": "a", "environment": {"A": "1"}}));
        assert_eq!(FieldDigests::parse(&digests.to_label()), digests);
        assert_eq!(FieldDigests::parse(""), FieldDigests::default());
    }

    #[test]
    fn changed_fields_are_named_and_others_are_not() {
        let before = fields(&serde_json::json!({"image": "a", "user": "1", "tty": true}));
        let after = fields(&serde_json::json!({"image": "b", "user": "1", "init": true}));
        assert_eq!(after.changed_since(&before), ["image", "init", "tty"]);
        assert_eq!(before.changed_since(&before), [] as [&str; 0]);
    }

    #[test]
    fn fields_outside_the_container_do_not_count() {
        let before = fields(&serde_json::json!({"image": "a", "scale": 1, "depends_on": {}}));
        let after = fields(&serde_json::json!({"image": "a", "scale": 3, "build": {"x": 1}}));
        assert_eq!(after.changed_since(&before), [] as [&str; 0]);
    }

    #[test]
    fn mixed_in_content_counts() {
        let before = fields(&serde_json::json!({"volumes": ["./a:/a"]}));
        let mut after = before.clone();
        after.mix("volumes", "content");
        assert_eq!(after.changed_since(&before), ["volumes"]);
    }
}
