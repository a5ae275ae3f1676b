//! Services named on the command line, and what they need.

use std::collections::HashSet;

use super::suggest::closest;
use crate::project::{Project, Service, ServiceName};

/// A name that is neither a service nor an alias.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such service: `{name}`")]
pub struct UnknownService {
    /// The name as given.
    pub name: String,
    /// The nearest that exists.
    pub suggestion: Option<String>,
}

/// Why services cannot be selected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// A name that means nothing.
    #[error(transparent)]
    Unknown(#[from] UnknownService),
    /// A service needs one that no active profile selects.
    #[error("the service `{service}` depends on `{dependency}`, which no active profile selects")]
    Disabled {
        /// The service.
        service: ServiceName,
        /// What it needs.
        dependency: ServiceName,
        /// A profile that selects it.
        profile: String,
    },
}

/// The part of a project that a command is about.
///
/// Without names that is what the profiles select. Each name, or alias, selects a service even if
/// its profile is not active, and with `include_dependencies` everything it needs. The others
/// become [`Project::disabled_services`]; networks and edges that only they use are gone.
///
/// # Errors
///
/// The first name that means nothing; a selected service that needs one which no profile selects.
pub fn select(
    project: &Project,
    services: &[String],
    include_dependencies: bool,
) -> Result<Project, SelectError> {
    let selected: HashSet<&ServiceName> = if services.is_empty() {
        project.services.keys().collect()
    } else {
        let named = services.iter().map(|name| find(project, name)).collect::<Result<_, _>>()?;
        if include_dependencies {
            with_dependencies(project, named)
        } else {
            named.into_iter().collect()
        }
    };
    // Who names services gets what they need, whatever its profile.
    if services.is_empty() {
        needs_are_selected(project)?;
    }
    let mut result = project.clone();
    let all: Vec<(ServiceName, Service)> = std::mem::take(&mut result.services)
        .into_iter()
        .chain(std::mem::take(&mut result.disabled_services))
        .collect();
    for (name, mut service) in all {
        if selected.contains(&name) {
            service.depends_on.retain(|other, _| selected.contains(other));
            result.services.insert(name, service);
        } else {
            result.disabled_services.insert(name, service);
        }
    }
    let used = |service: &Service, key: &str| service.networks.contains_key(key);
    result.networks.retain(|key, _| result.services.values().any(|one| used(one, key.as_str())));
    Ok(result)
}

fn needs_are_selected(project: &Project) -> Result<(), SelectError> {
    for service in project.services.values() {
        let required = service.depends_on.iter().filter(|(_, edge)| edge.required);
        for (dependency, _) in required {
            if let Some(disabled) = project.disabled_services.get(dependency) {
                return Err(SelectError::Disabled {
                    service: service.name.clone(),
                    dependency: dependency.clone(),
                    profile: disabled.profiles.first().cloned().unwrap_or_default(),
                });
            }
        }
    }
    Ok(())
}

/// Every service of the files, selected or not.
fn all(project: &Project) -> impl Iterator<Item = &Service> + Clone {
    project.services.values().chain(project.disabled_services.values())
}

fn find<'p>(project: &'p Project, name: &str) -> Result<&'p ServiceName, UnknownService> {
    all(project)
        .find(|service| service.name.as_str() == name)
        .or_else(|| all(project).find(|service| service.aliases.iter().any(|alias| alias == name)))
        .map(|service| &service.name)
        .ok_or_else(|| UnknownService {
            name: name.to_owned(),
            suggestion: closest(name, names(project)).map(ToOwned::to_owned),
        })
}

/// All names and aliases of services.
fn names(project: &Project) -> impl Iterator<Item = &str> {
    let services = all(project).map(|service| service.name.as_str());
    services.chain(all(project).flat_map(|service| service.aliases.iter().map(String::as_str)))
}

fn with_dependencies<'p>(
    project: &'p Project,
    named: Vec<&'p ServiceName>,
) -> HashSet<&'p ServiceName> {
    let mut selected = HashSet::new();
    let mut open = named;
    while let Some(name) = open.pop() {
        if !selected.insert(name) {
            continue;
        }
        let Some(service) = all(project).find(|service| service.name == *name) else { continue };
        // What is only nice to have comes along when its profile selects it.
        open.extend(
            service
                .depends_on
                .iter()
                .filter(|(other, edge)| edge.required || project.services.contains_key(*other))
                .map(|(other, _)| other),
        );
    }
    selected
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;
    use crate::project::{
        Dependency, DependsOnCondition, Network, NetworkAttachment, NetworkKey, ProjectName,
    };

    /// Services as `NAME ALIAS NETWORK [DEPENDENCIES]`; `?` before one that is not required.
    fn services(lines: &[(&str, &str, &str, &[&str])]) -> IndexMap<ServiceName, Service> {
        let service = |&(name, alias, network, needs): &(&str, &str, &str, &[&str])| {
            let name: ServiceName = name.parse().expect("a name");
            let mut service = Service::new(name.clone(), "x".parse().expect("an image"));
            service.aliases.push(alias.to_owned());
            let key: NetworkKey = network.parse().expect("a name");
            service.networks.insert(key, NetworkAttachment::default());
            for other in needs {
                let dependency = Dependency {
                    condition: DependsOnCondition::ServiceStarted,
                    restart: false,
                    required: !other.starts_with('?'),
                };
                let other = other.trim_start_matches('?').parse().expect("a name");
                service.depends_on.insert(other, dependency);
            }
            (name, service)
        };
        lines.iter().map(service).collect()
    }

    fn project() -> Project {
        let networks = ["front", "back", "side"]
            .map(|key| (key.parse::<NetworkKey>().expect("a name"), Network::default()));
        Project {
            name: "p".parse::<ProjectName>().expect("a name"),
            working_dir: std::path::PathBuf::new(),
            config_files: Vec::new(),
            environment_files: Vec::new(),
            services: services(&[
                ("web", "www", "front", &["api", "?mail"]),
                ("api", "rest", "back", &["db", "?cache"]),
                ("db", "postgres", "back", &[]),
                ("cache", "redis", "back", &[]),
            ]),
            disabled_services: services(&[
                ("mail", "smtp", "side", &[]),
                ("admin", "adm", "side", &["mail", "db"]),
            ]),
            networks: networks.into_iter().collect(),
            volumes: IndexMap::new(),
            secrets: IndexMap::new(),
            configs: IndexMap::new(),
            carried: serde_json::Map::new(),
        }
    }

    #[test]
    fn names_and_aliases_select_services_and_what_they_need() {
        /// Names, whether with dependencies; then services and networks.
        type Case =
            (&'static [&'static str], bool, &'static [&'static str], &'static [&'static str]);
        let cases: [Case; 8] = [
            (&[], true, &["web", "api", "db", "cache"], &["front", "back"]),
            (&["db"], true, &["db"], &["back"]),
            (&["postgres"], true, &["db"], &["back"]),
            (&["web"], true, &["web", "api", "db", "cache"], &["front", "back"]),
            (&["web"], false, &["web"], &["front"]),
            (&["web", "mail"], false, &["web", "mail"], &["front", "side"]),
            (&["admin"], true, &["db", "mail", "admin"], &["back", "side"]),
            (&["api", "rest"], true, &["api", "db", "cache"], &["back"]),
        ];
        for (names, include_dependencies, expected, networks) in cases {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            let selected = select(&project(), &names, include_dependencies).expect("they exist");
            let keys: Vec<&str> = selected.services.keys().map(AsRef::as_ref).collect();
            assert_eq!(keys, expected, "{names:?}");
            let keys: Vec<&str> = selected.networks.keys().map(AsRef::as_ref).collect();
            assert_eq!(keys, networks, "{names:?}");
            assert_eq!(selected.services.len() + selected.disabled_services.len(), 6);
            for service in selected.services.values() {
                for other in service.depends_on.keys() {
                    assert!(selected.services.contains_key(other), "{names:?} {other}");
                }
            }
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let cases = [("nothing", None), ("chache", Some("cache")), ("postgre", Some("postgres"))];
        for (name, suggestion) in cases {
            let error = select(&project(), &["db".to_owned(), name.to_owned()], true);
            let expected = SelectError::Unknown(UnknownService {
                name: name.to_owned(),
                suggestion: suggestion.map(ToOwned::to_owned),
            });
            assert_eq!(error.err(), Some(expected), "{name}");
        }
    }
}
