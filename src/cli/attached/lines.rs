//! `--attach` and its kin: whose logs an attached `up` follows.

use crate::cli::error::CliError;
use crate::cli::scope::Scope;
use crate::project::{Project, Service, ServiceName};

/// Arguments of an attached `up` about what is followed.
#[derive(Debug, Default, clap::Args)]
pub(in crate::cli) struct LinesArgs {
    /// Follow the logs of these services only; may be repeated
    #[arg(long = "attach", value_name = "SERVICE",
          conflicts_with_all = ["detach", "wait", "attach_dependencies"])]
    only: Vec<String>,
    /// Do not follow the logs of these services; may be repeated
    #[arg(long = "no-attach", value_name = "SERVICE")]
    except: Vec<String>,
    /// Follow the logs of what the named services need, too
    #[arg(long, conflicts_with_all = ["detach", "wait"])]
    attach_dependencies: bool,
}

/// Whose logs are followed.
#[derive(Debug, Default)]
pub(in crate::cli) struct Lines {
    /// These, whatever the file says; where there are none, those that are named.
    only: Vec<ServiceName>,
    /// Whom a person named; all when empty.
    named: Vec<ServiceName>,
    except: Vec<ServiceName>,
}

impl LinesArgs {
    /// What they ask for when these services are named, where all of them are started.
    pub(in crate::cli) fn resolve(
        &self,
        project: &Project,
        named: &[String],
    ) -> Result<Lines, CliError> {
        let known = |names: &[String]| -> Result<Vec<ServiceName>, CliError> {
            names.iter().map(|name| among(project, name)).collect()
        };
        let named = if self.attach_dependencies { Vec::new() } else { known(named)? };
        Ok(Lines { only: known(&self.only)?, named, except: known(&self.except)? })
    }
}

impl Lines {
    /// The services of which nothing is shown. Pure.
    pub(in crate::cli) fn quiet(&self, project: &Project) -> Vec<ServiceName> {
        let is_wanted = |service: &Service| {
            let name = &service.name;
            if self.only.is_empty() {
                let is_named = self.named.is_empty() || self.named.contains(name);
                is_named && service.attach != Some(false)
            } else {
                self.only.contains(name)
            }
        };
        let is_quiet =
            |service: &&Service| !is_wanted(service) || self.except.contains(&service.name);
        project.services.values().filter(is_quiet).map(|service| service.name.clone()).collect()
    }
}

/// A service by its name or alias, which must be one of those that `up` starts.
pub(super) fn among(project: &Project, name: &str) -> Result<ServiceName, CliError> {
    let scope = Scope { name: project.name.clone(), project: Some(project.clone()) };
    let service = scope.service(name)?;
    if project.services.contains_key(&service) {
        return Ok(service);
    }
    Err(CliError::other(
        format!("`{service}` is not one of the services that this `up` starts"),
        format!("name it, too: `devstack up ... {service}`"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fixture::project;
    use crate::cli::scope::selected;

    const STACK: &str = "
services:
  db: {image: db, aliases: [postgres]}
  mail: {image: mail, attach: false}
  api: {image: api, depends_on: [db, mail]}
  other: {image: other}
";

    fn quiet(args: &LinesArgs, services: &[&str]) -> String {
        let services: Vec<String> = services.iter().map(ToString::to_string).collect();
        let project = selected(&project(STACK), &services, true).expect("known services");
        match args.resolve(&project, &services) {
            Ok(lines) => {
                let quiet = lines.quiet(&project);
                quiet.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.headline(),
        }
    }

    #[test]
    fn the_logs_that_are_followed_are_those_that_are_asked_for() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let args = |only, except, attach_dependencies| LinesArgs {
            only: words(only),
            except: words(except),
            attach_dependencies,
        };
        let cases: [(LinesArgs, &[&str], &str); 9] = [
            (args("", "", false), &[], "mail"),
            (args("", "", false), &["api"], "db mail"),
            (args("", "", true), &["api"], "mail"),
            (args("", "postgres", true), &["api"], "db mail"),
            (args("mail", "", false), &[], "db api other"),
            (args("postgres api", "api", false), &["api"], "mail api"),
            (args("", "api", false), &["api"], "db mail api"),
            (
                args("other", "", false),
                &["api"],
                "`other` is not one of the services that this `up` starts",
            ),
            (args("", "nobody", false), &[], "see below"),
        ];
        for (args, services, expected) in cases {
            assert_eq!(quiet(&args, services), expected, "{args:?} {services:?}");
        }
    }
}
