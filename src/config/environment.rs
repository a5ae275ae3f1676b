//! The variables that files may use, each with where it comes from.

use indexmap::IndexMap;

use super::diagnostic::Span;
use super::dotenv::Assignment;

/// Variables by name. Built from what is passed in: nothing here asks the process.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Environment {
    variables: IndexMap<String, Variable>,
}

/// A value and who set it.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// The value.
    pub value: String,
    /// Who set it.
    pub origin: Origin,
}

/// Where a variable comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// The environment that devstack was started in.
    Process,
    /// A line of a `.env` file.
    File(Span),
    /// devstack itself, such as `COMPOSE_PROJECT_NAME`.
    Derived,
}

impl Environment {
    /// The environment that devstack was started in. Its variables win over every file.
    #[must_use]
    pub fn from_process(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name, Variable { value, origin: Origin::Process }))
            .collect();
        Self { variables }
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variable(name).map(|variable| variable.value.as_str())
    }

    /// A setting of devstack's own: `DEVSTACK_NAME`, else docker compose's `COMPOSE_NAME`. Empty is
    /// not set.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.named_setting(name).map(|(_, value)| value)
    }

    /// A setting of devstack's own, with the variable that it comes from.
    #[must_use]
    pub fn named_setting(&self, name: &str) -> Option<(&str, &str)> {
        ["DEVSTACK", "COMPOSE"]
            .into_iter()
            .filter_map(|prefix| self.variables.get_key_value(&format!("{prefix}_{name}")))
            .map(|(variable, set)| (variable.as_str(), set.value.as_str()))
            .find(|(_, value)| !value.is_empty())
    }

    /// A variable with its origin.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.get(name)
    }

    /// All variables.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Variable)> {
        self.variables.iter().map(|(name, variable)| (name.as_str(), variable))
    }

    /// Takes the assignments of a further `--env-file`: it wins over earlier files, not over the
    /// process.
    pub fn override_files(&mut self, assignments: &[Assignment]) {
        for (name, variable) in variables(assignments) {
            let taken = self.variables.get(name);
            if taken.is_none_or(|taken| taken.origin != Origin::Process) {
                self.variables.insert(name.to_owned(), variable);
            }
        }
    }

    /// Takes the assignments for names that nobody has set so far.
    pub fn fill_gaps(&mut self, assignments: &[Assignment]) {
        // Within the file the last line wins, so gaps are those of before the file.
        let mut from_file = Self::default();
        from_file.override_files(assignments);
        for (name, variable) in from_file.variables {
            self.variables.entry(name).or_insert(variable);
        }
    }

    /// The same with further variables, which win as those of the process do.
    #[must_use]
    pub fn overlaid<'a>(&self, further: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut overlaid = self.clone();
        for (name, value) in further {
            let variable = Variable { value: value.to_owned(), origin: Origin::Process };
            overlaid.variables.insert(name.to_owned(), variable);
        }
        overlaid
    }

    /// Sets a variable that devstack itself works out.
    pub fn derive(&mut self, name: &str, value: &str) {
        let variable = Variable { value: value.to_owned(), origin: Origin::Derived };
        self.variables.insert(name.to_owned(), variable);
    }
}

fn variables(assignments: &[Assignment]) -> impl Iterator<Item = (&str, Variable)> {
    assignments.iter().filter_map(|assignment| {
        let value = assignment.value.clone()?;
        let origin = Origin::File(assignment.span.clone());
        Some((assignment.name.as_str(), Variable { value, origin }))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::diagnostic::Source;
    use super::*;

    fn assignments(file: &str, pairs: &[(&str, &str)]) -> Vec<Assignment> {
        let source = Arc::new(Source { name: file.to_owned(), text: String::new() });
        pairs
            .iter()
            .map(|(name, value)| Assignment {
                name: (*name).to_owned(),
                value: Some((*value).to_owned()),
                span: Span { source: source.clone(), start: 0, end: 0 },
            })
            .collect()
    }

    fn dump(environment: &Environment) -> String {
        let lines: Vec<String> = environment
            .iter()
            .map(|(name, variable)| {
                let origin = match &variable.origin {
                    Origin::Process => "process",
                    Origin::File(span) => &span.source.name,
                    Origin::Derived => "derived",
                };
                format!("{name}={} ({origin})", variable.value)
            })
            .collect();
        lines.join(", ")
    }

    #[test]
    fn a_twin_of_devstacks_own_wins_wherever_it_stands() {
        let mut environment = Environment::from_process(
            [("COMPOSE_FILE", "os"), ("COMPOSE_PROFILES", "os"), ("DEVSTACK_PROFILES", "")]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        environment.fill_gaps(&assignments(".env", &[("DEVSTACK_FILE", "file")]));
        assert_eq!(environment.named_setting("FILE"), Some(("DEVSTACK_FILE", "file")));
        assert_eq!(environment.setting("PROFILES"), Some("os"));
        assert_eq!(environment.setting("PROJECT_NAME"), None);
    }

    #[test]
    fn the_process_wins_then_the_later_file_then_gap_fillers() {
        let mut environment = Environment::from_process([("A".to_owned(), "os".to_owned())]);
        environment.override_files(&assignments("one", &[("A", "1"), ("B", "1"), ("C", "1")]));
        environment.override_files(&assignments("two", &[("B", "2"), ("B", "3")]));
        environment
            .fill_gaps(&assignments("gap", &[("A", "g"), ("B", "g"), ("D", "g"), ("D", "h")]));
        environment.derive("COMPOSE_PROJECT_NAME", "shop");
        assert_eq!(
            dump(&environment),
            "A=os (process), B=3 (two), C=1 (one), D=h (gap), COMPOSE_PROJECT_NAME=shop (derived)"
        );
    }
}
