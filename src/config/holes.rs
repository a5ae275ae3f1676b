//! What of a stack could not be read. What would only follow from that is no finding.

use std::collections::BTreeSet;

/// Parts of a stack that are missing because of errors that have been reported.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holes {
    /// Services whose preset, or whose base by `extends`, is missing.
    pub services: BTreeSet<String>,
    /// Whether a file is missing, which may have held anything.
    pub files: bool,
    /// Whether variables are missing.
    pub variables: bool,
}

impl Holes {
    /// Whether a service may have had more than there is of it.
    #[must_use]
    pub fn is_incomplete(&self, service: &str) -> bool {
        self.files || self.services.contains(service)
    }

    /// Whether a name of the top level may have been declared in what is missing: a preset calls
    /// what it declares after its service.
    #[must_use]
    pub fn may_declare(&self, name: &str) -> bool {
        let is_after = |service: &String| {
            name.strip_prefix(service.as_str()).is_some_and(|rest| rest.starts_with('-'))
        };
        self.files || self.services.iter().any(is_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_may_have_been_anything_of_its_kind() {
        let of_db = Holes { services: BTreeSet::from(["db".to_owned()]), ..Holes::default() };
        let of_files = Holes { files: true, ..Holes::default() };
        let incomplete = |holes: &Holes| ["db", "api"].map(|name| holes.is_incomplete(name));
        assert_eq!(incomplete(&Holes::default()), [false, false]);
        assert_eq!(incomplete(&of_db), [true, false]);
        assert_eq!(incomplete(&of_files), [true, true]);
        let declared =
            |holes: &Holes| ["db-data", "dbx", "db", "data"].map(|name| holes.may_declare(name));
        assert_eq!(declared(&Holes::default()), [false; 4]);
        assert_eq!(declared(&of_db), [true, false, false, false]);
        assert_eq!(declared(&of_files), [true; 4]);
    }
}
