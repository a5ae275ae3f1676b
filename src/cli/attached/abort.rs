//! `--abort-on-container-exit` and its kin: the end of one container ends the whole `up`.

use super::lines::among;
use crate::cli::error::CliError;
use crate::project::{Project, ServiceName};
use crate::state::{ContainerState, Desired, ObservedContainer};

/// Arguments of an attached `up` about containers that end.
#[derive(Debug, Default, clap::Args)]
pub(in crate::cli) struct AbortArgs {
    /// Stop everything when a container ends, and end with its exit code. A service that others
    /// wait for to complete may end with 0
    #[arg(long, conflicts_with_all = ["detach", "wait", "no_start", "abort_on_container_failure"])]
    abort_on_container_exit: bool,
    /// Stop everything when a container fails, and end with its exit code
    #[arg(long, conflicts_with_all = ["detach", "wait", "no_start", "exit_code_from"])]
    abort_on_container_failure: bool,
    /// As --abort-on-container-exit, but end with the exit code of this service
    #[arg(long, value_name = "SERVICE", conflicts_with_all = ["detach", "wait", "no_start"])]
    exit_code_from: Option<String>,
}

/// When the end of a container ends the whole `up`, and with which exit code.
#[derive(Debug)]
pub(in crate::cli) struct Abort {
    /// Not when it ended with 0.
    only_failures: bool,
    code_from: Option<ServiceName>,
}

/// The end of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct End {
    /// Of this service.
    pub(in crate::cli) service: ServiceName,
    /// Its exit code.
    pub(in crate::cli) code: i64,
}

impl AbortArgs {
    /// Whether any of them was given.
    pub(in crate::cli) const fn is_given(&self) -> bool {
        self.abort_on_container_exit
            || self.abort_on_container_failure
            || self.exit_code_from.is_some()
    }

    /// What they ask for, where a service must be one of those that are started.
    pub(in crate::cli) fn resolve(&self, project: &Project) -> Result<Option<Abort>, CliError> {
        let code_from = self.exit_code_from.as_deref().map(|name| among(project, name));
        let code_from = code_from.transpose()?;
        let only_failures = self.abort_on_container_failure;
        Ok(self.is_given().then_some(Abort { only_failures, code_from }))
    }
}

impl Abort {
    /// Whether this end ends everything.
    pub(in crate::cli) fn is_met_by(&self, end: &End, desired: &Desired) -> bool {
        let is_asked_for = self.code_from.as_ref() == Some(&end.service);
        let has_done_its_work = !is_asked_for && desired.waits_for_end_of(&end.service);
        end.code != 0 || !self.only_failures && !has_done_its_work
    }

    /// The end that ends everything, of those that came before anybody looked; a failure rather
    /// than an end with 0.
    pub(in crate::cli) fn met_among(
        &self,
        containers: &[&ObservedContainer],
        desired: &Desired,
    ) -> Option<End> {
        let ends = containers.iter().filter_map(|container| end_of(container));
        ends.filter(|end| self.is_met_by(end, desired)).min_by_key(|end| end.code == 0)
    }

    /// The exit code of the whole, once everything has been stopped because of `end`.
    pub(in crate::cli) fn code(&self, end: &End, containers: &[&ObservedContainer]) -> i64 {
        let Some(service) = self.code_from.as_ref().filter(|service| **service != end.service)
        else {
            return end.code;
        };
        let mut ends = containers.iter().filter_map(|container| end_of(container));
        // One that was never started has no exit code of its own.
        ends.find(|end| end.service == *service).map_or(end.code, |end| end.code)
    }
}

fn end_of(container: &ObservedContainer) -> Option<End> {
    match container.state {
        ContainerState::Exited { code } => Some(End { service: container.service()?, code }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fixture::project;
    use crate::state::{ContentDigests, lower};

    const STACK: &str = "
services:
  migrate: {image: api}
  web: {image: web}
  test: {image: test, depends_on: {migrate: {condition: service_completed_successfully}}}
";

    fn abort(args: &AbortArgs) -> Abort {
        args.resolve(&project(STACK)).ok().flatten().expect("an argument, and a known service")
    }

    fn asked(service: &str) -> AbortArgs {
        AbortArgs { exit_code_from: Some(service.to_owned()), ..AbortArgs::default() }
    }

    fn end(service: &str, code: i64) -> End {
        End { service: service.parse().unwrap(), code }
    }

    fn ended(service: &str, state: ContainerState) -> ObservedContainer {
        let desired = lower(&project(STACK), &ContentDigests::new());
        let mut specs = desired.containers.iter();
        let spec = specs.find(|spec| spec.service.name.as_str() == service).unwrap();
        ObservedContainer { state, ..ObservedContainer::made_from(spec, ContainerState::Running) }
    }

    #[test]
    fn which_ends_end_everything_is_what_the_flag_says() {
        let exit = AbortArgs { abort_on_container_exit: true, ..AbortArgs::default() };
        let failure = AbortArgs { abort_on_container_failure: true, ..AbortArgs::default() };
        let desired = lower(&project(STACK), &ContentDigests::new());
        // The service, its exit code; whether it counts for each of the flags.
        for (service, code, expected) in [
            ("web", 0, [true, false, true, true]),
            ("web", 137, [true, true, true, true]),
            ("test", 0, [true, false, true, true]),
            // Others wait for it to do that, unless its code is what is wanted.
            ("migrate", 0, [false, false, false, true]),
            ("migrate", 1, [true, true, true, true]),
        ] {
            let flags = [&exit, &failure, &asked("test"), &asked("migrate")];
            let met = flags.map(|args| abort(args).is_met_by(&end(service, code), &desired));
            assert_eq!(met, expected, "{service} {code}");
        }
        assert!(AbortArgs::default().resolve(&project(STACK)).is_ok_and(|abort| abort.is_none()));
        assert!(asked("nobody").resolve(&project(STACK)).is_err());
    }

    #[test]
    fn an_end_that_came_before_anybody_looked_is_found() {
        let desired = lower(&project(STACK), &ContentDigests::new());
        let exited = |code| ContainerState::Exited { code };
        let containers = [
            ended("migrate", exited(0)),
            ended("test", exited(5)),
            ended("web", exited(0)),
            ended("web", ContainerState::Restarting),
        ];
        let containers: Vec<&ObservedContainer> = containers.iter().collect();
        let met = |containers: &[&ObservedContainer]| {
            abort(&asked("test")).met_among(containers, &desired)
        };
        assert_eq!(met(&containers), Some(end("test", 5)));
        assert_eq!(met(&containers[2..]), Some(end("web", 0)));
        assert_eq!(met(&[containers[0], containers[3]]), None);
    }

    #[test]
    fn the_exit_code_is_that_of_the_asked_service_however_the_end_came_about() {
        let containers = [
            ended("web", ContainerState::Exited { code: 143 }),
            ended("test", ContainerState::Created),
        ];
        let containers: Vec<&ObservedContainer> = containers.iter().collect();
        let code = |service: &str, ended: End| abort(&asked(service)).code(&ended, &containers);
        assert_eq!(code("test", end("test", 5)), 5);
        assert_eq!(code("web", end("test", 0)), 143);
        // It was never started, because another one failed.
        assert_eq!(code("test", end("migrate", 3)), 3);
        let exit = AbortArgs { abort_on_container_exit: true, ..AbortArgs::default() };
        assert_eq!(abort(&exit).code(&end("web", 137), &[]), 137);
    }
}
