//! What containers are called on screen: by their service, or by `service-number` where a
//! service has several. Pure.

use std::collections::HashMap;

use crate::event::Subject;
use crate::project::ServiceName;

/// The names of one plan's containers.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    by_container: HashMap<String, String>,
}

impl Labels {
    /// Names the containers among `subjects`.
    pub(crate) fn of<'a>(subjects: impl Iterator<Item = &'a Subject>) -> Self {
        let mut names: HashMap<&ServiceName, Vec<&str>> = HashMap::new();
        for subject in subjects {
            if let Subject::Container { service, name } = subject {
                let names = names.entry(service).or_default();
                if !names.contains(&name.as_str()) {
                    names.push(name);
                }
            }
        }
        let mut by_container = HashMap::new();
        for (service, names) in names {
            for name in &names {
                let label = if names.len() == 1 { service.as_str() } else { short(service, name) };
                by_container.insert((*name).to_owned(), label.to_owned());
            }
        }
        Self { by_container }
    }

    /// The name of a container.
    pub(crate) fn get<'a>(&'a self, service: &'a ServiceName, container: &str) -> &'a str {
        self.by_container.get(container).map_or(service.as_str(), String::as_str)
    }

    /// All names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.by_container.values().map(String::as_str)
    }
}

/// Drops the project's name from a container's: `devstack-api-2` is `api-2`.
fn short<'a>(service: &ServiceName, name: &'a str) -> &'a str {
    name.rfind(&format!("-{service}-")).map_or(name, |place| &name[place + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_services_with_several_containers_are_numbered() {
        let subjects: Vec<_> = [
            ("db", "devstack-db-1"),
            ("api", "devstack-api-1"),
            ("api", "devstack-api-2"),
            ("api", "devstack-api-2"),
            ("kong", "gateway"),
            ("api", "by_hand"),
        ]
        .map(|(service, name)| Subject::Container {
            service: service.parse().unwrap(),
            name: name.to_owned(),
        })
        .into();
        let labels = Labels::of(subjects.iter());
        let name = |service: &str, container: &str| {
            labels.get(&service.parse().unwrap(), container).to_owned()
        };
        assert_eq!(name("db", "devstack-db-1"), "db");
        assert_eq!(name("api", "devstack-api-2"), "api-2");
        assert_eq!(name("api", "by_hand"), "by_hand");
        assert_eq!(name("kong", "gateway"), "kong");
        assert_eq!(name("mq", "never-planned"), "mq");
    }
}
