//! `devstack run`.

use std::sync::Arc;

use indexmap::IndexMap;
use tokio_util::task::AbortOnDropHandle;

use super::checkout::ToCreate;
use super::context::Context;
use super::error::{CliError, ExitStatus, Problem};
use super::foreign_flags::accepted;
use super::scope::{desired, selected};
use super::streams::{Ended, Terminal, connect};
use super::up::bring_up;
use crate::config::decode::{DecodeRequest, argument};
use crate::engine::{DockerEngine, Engine as _};
use crate::event::Subject;
use crate::os::files::{SourceAsked, missing_sources};
use crate::os::signal::Interrupts;
use crate::plan::{Operation, Plan, ReconcileOptions};
use crate::project::{
    ContainerName, Mount, Port, Project, Reload, RestartPolicy, Service, ServiceName, Volume,
};
use crate::state::hash::digest;
use crate::state::{ContainerId, ContainerSpec, Desired, Observed, labels};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devstack run --rm api npm test\n  \
    devstack run --rm --no-deps -T db psql --version")]
#[command(args(accepted(&[("tty", Some('t')), ("quiet-pull", None), ("quiet-build", None)])))]
pub(super) struct RunArgs {
    /// The service, by name or alias
    #[arg(value_name = "SERVICE")]
    service: String,
    /// The command and its arguments instead of the service's
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
    /// Remove the container when it ends
    #[arg(long)]
    rm: bool,
    /// Run it in the background and print its name
    #[arg(short, long)]
    detach: bool,
    /// No terminal; it gets one when standard input and output are one
    #[arg(short = 'T', long = "no-tty", alias = "no-TTY")]
    no_tty: bool,
    /// Keep standard input connected; it is unless the command is detached
    #[arg(short, long)]
    interactive: bool,
    /// Do not start what the service needs
    #[arg(long)]
    no_deps: bool,
    /// Set a variable, or take it from the environment; may be repeated
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Mount something more; may be repeated
    #[arg(short, long = "volume", value_name = "SOURCE:TARGET")]
    volumes: Vec<String>,
    /// Publish a port; may be repeated
    #[arg(short, long, value_name = "PORT", conflicts_with = "service_ports")]
    publish: Vec<String>,
    /// Publish the service's own ports
    #[arg(short = 'P', long)]
    service_ports: bool,
    /// Answer to the service's names on its networks
    #[arg(long)]
    use_aliases: bool,
    /// Program instead of the service's
    #[arg(long, value_name = "PROGRAM")]
    entrypoint: Option<String>,
    /// Name of the container
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// User (and group) instead of the service's
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Working directory instead of the service's
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Add a label; may be repeated
    #[arg(short, long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,
    /// Build the image before
    #[arg(long)]
    build: bool,
}

pub(super) async fn run(cx: &Context, args: RunArgs) -> Result<ExitStatus, CliError> {
    check(&args)?;
    let ToCreate { project, seen, turn } = cx.load_to_create().await?;
    let names = [args.service.clone()];
    let only = selected(&project, &names, false)?;
    let Some(name) = only.services.keys().next().cloned() else {
        unreachable!("one service was selected by its name");
    };
    let mut project = Project::clone(&*selected(&project, &names, !args.no_deps)?);
    let tty = !args.no_tty && !args.detach && cx.has_terminal();
    if let Some(service) = project.services.get_mut(&name) {
        change(cx, &args, service, tty)?;
    }
    declare_volumes(&mut project, &name);
    let mut interrupts = Interrupts::listen();
    let engine = cx.connect().await?;
    check_mounts(&args, &engine, &project, &name)?;
    check_name(&args, &engine).await?;
    let desired = with_one_off(desired(&project), &name, &args);
    let options =
        ReconcileOptions { build: args.build, wait: false, ..ReconcileOptions::default() };
    let container = prepare(cx, &engine, seen, &project, &desired, &options, &mut interrupts)
        .await
        .map_err(|error| {
            let own = one_off(&desired).map_or("", |spec| spec.name.as_str());
            error.of_the_command_line(&name, own)
        })?;
    drop(turn);
    let Some(container) = container else { return Ok(ExitStatus::Success) };

    if args.detach {
        start(&engine, &container, &name, &args).await?;
        let spec = one_off(&desired);
        cx.print(&spec.map_or_else(String::new, |spec| spec.name.clone()))?;
        return Ok(ExitStatus::Success);
    }
    let ended = attend(&engine, &container, &name, &args, tty, &mut interrupts).await;
    if args.rm {
        engine.remove_container(&container, true).await?;
    }
    ended
}

/// Refuses what of the command line the engine would refuse.
fn check(args: &RunArgs) -> Result<(), CliError> {
    if let Some(variable) = args.env.iter().find(|variable| variable.starts_with('=')) {
        return Err(CliError::other(
            format!("`--env {variable}` names no variable"),
            "write it as `--env NAME=VALUE`",
        ));
    }
    if let Some(folder) = args.workdir.as_ref().filter(|folder| !folder.starts_with('/')) {
        return Err(CliError::other(
            format!("`--workdir {folder}` is not an absolute path"),
            "begin it with `/`: it is a path in the container",
        ));
    }
    if let Some(name) = &args.name
        && name.parse::<ContainerName>().is_err()
    {
        return Err(CliError::other(
            format!("`--name {name}` is no name of a container"),
            "use letters, digits, `.`, `-` and `_`, and begin with a letter or digit",
        ));
    }
    Ok(())
}

/// Refuses a mount of the command line that has no source here.
fn check_mounts(
    args: &RunArgs,
    engine: &DockerEngine,
    project: &Project,
    service: &ServiceName,
) -> Result<(), CliError> {
    if !engine.endpoint().is_local() {
        return Ok(());
    }
    for missing in missing_sources(project).iter().filter(|missing| missing.service == *service) {
        let SourceAsked::Mount(target) = &missing.asked else { continue };
        let is_it = |text: &&String| text.split(':').any(|part| part == target);
        if let Some(text) = args.volumes.iter().find(is_it) {
            let path = missing.path.display();
            return Err(CliError::other(
                format!("`--volume {text}`: {path} does not exist"),
                format!("make it with `mkdir -p {path}`, or correct the path"),
            ));
        }
    }
    Ok(())
}

/// Refuses a name that a container has.
async fn check_name(args: &RunArgs, engine: &DockerEngine) -> Result<(), CliError> {
    let Some(name) = &args.name else { return Ok(()) };
    let observed = engine.observe_containers().await?;
    if observed.containers.iter().any(|container| container.name == *name) {
        return Err(CliError::other(
            format!("`--name {name}`: there is a container of that name"),
            "choose another name, or leave `--name` out",
        ));
    }
    Ok(())
}

/// Puts the command line over the service.
fn change(cx: &Context, args: &RunArgs, service: &mut Service, tty: bool) -> Result<(), CliError> {
    let request = DecodeRequest {
        project_dir: cx.working_dir().to_owned(),
        home: std::env::home_dir(),
        ..DecodeRequest::default()
    };
    if let Some(program) = &args.entrypoint {
        let words = shell_words::split(program).map_err(|_| {
            CliError::other("`--entrypoint` has a quote that is not closed", "close the quote")
        })?;
        service.entrypoint = Some(words);
        // Arguments of another program mean nothing to this one.
        service.command = Some(Vec::new());
    }
    if !args.command.is_empty() {
        service.command = Some(args.command.clone());
    }
    for variable in &args.env {
        let (name, value) = match variable.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (variable.as_str(), cx.variable(variable)),
        };
        service.environment.insert(name.to_owned(), value.map(str::to_owned));
    }
    for text in &args.volumes {
        for mount in argument::mount("--volume", text, &request).map_err(Problem::Config)? {
            service.mounts.retain(|known| known.target() != mount.target());
            service.mounts.push(mount);
        }
    }
    if !args.service_ports {
        let mut ports: Vec<Port> = Vec::new();
        for text in &args.publish {
            ports.extend(argument::port("--publish", text, &request).map_err(Problem::Config)?);
        }
        service.ports = ports;
    }
    for label in &args.labels {
        let (name, value) = label.split_once('=').unwrap_or((label, ""));
        service.labels.insert(name.to_owned(), value.to_owned());
    }
    service.user = args.user.clone().or_else(|| service.user.take());
    service.working_dir = args.workdir.clone().or_else(|| service.working_dir.take());
    service.container_name = None;
    // They belong to the life of the service, not to one command.
    let reload = service.reload.take();
    if let Some(Reload::Command(runner)) = reload
        && args.command.is_empty()
        && args.entrypoint.is_none()
    {
        // What the service runs, without the runner.
        service.entrypoint = runner.command.first().map(|program| vec![program.clone()]);
        service.command = Some(runner.command[1..].to_vec());
    }
    service.pre_start.clear();
    service.post_start.clear();
    service.pre_stop.clear();
    service.restart = RestartPolicy::No;
    service.scale = 1;
    service.tty = tty;
    service.stdin_open = !args.detach || args.interactive;
    Ok(())
}

/// Declares the volumes that only the command line names. As Compose has it, such a name is the
/// engine's.
fn declare_volumes(project: &mut Project, name: &ServiceName) {
    let Some(service) = project.services.get_mut(name) else { return };
    for mount in &mut service.mounts {
        let Mount::Volume { source: Some(source), .. } = mount else { continue };
        if project.volumes.contains_key(source) {
            continue;
        }
        let known = project.volumes.iter().find(|(_, volume)| volume.name == source.as_str());
        if let Some((key, _)) = known {
            *source = key.clone();
            continue;
        }
        let volume = Volume {
            name: source.to_string(),
            driver: None,
            driver_opts: IndexMap::new(),
            external: false,
            labels: IndexMap::new(),
        };
        project.volumes.insert(source.clone(), volume);
    }
}

/// The containers of what the service needs, and one that is not of the service's own.
fn with_one_off(mut desired: Desired, name: &ServiceName, args: &RunArgs) -> Desired {
    let project = desired.project.clone();
    for spec in &mut desired.containers {
        if spec.service.name != *name {
            continue;
        }
        let now = time::OffsetDateTime::now_utc().unix_timestamp_nanos();
        let slug = digest(&(now.to_string(), std::process::id()));
        let spec = Arc::make_mut(spec);
        let own = std::mem::replace(
            &mut spec.name,
            args.name.clone().unwrap_or_else(|| format!("{project}-{name}-run-{}", &slug[..12])),
        );
        spec.number = 0;
        // Nobody stays to remove it.
        spec.auto_remove = args.rm && args.detach;
        for attachment in spec.networks.values_mut() {
            if args.use_aliases {
                attachment.aliases.retain(|alias| *alias != own);
            } else {
                attachment.aliases.clear();
            }
        }
        spec.labels.insert(labels::ONE_OFF.to_owned(), "True".to_owned());
        spec.labels.insert(labels::SLUG.to_owned(), slug);
        spec.labels.shift_remove(labels::CONTAINER_NUMBER);
    }
    // The service's own containers stay as they are.
    desired.selected_services.retain(|service| service != name);
    desired
}

fn one_off(desired: &Desired) -> Option<&Arc<ContainerSpec>> {
    desired.containers.iter().find(|spec| spec.is_one_off())
}

/// Brings up what the service needs and makes the container; `None` when nothing was to be done
/// for real.
async fn prepare(
    cx: &Context,
    engine: &Arc<DockerEngine>,
    seen: Option<Observed>,
    project: &Project,
    desired: &Desired,
    options: &ReconcileOptions,
    interrupts: &mut Interrupts,
) -> Result<Option<ContainerId>, CliError> {
    let Some(spec) = one_off(desired) else { return Ok(None) };
    let (name, service) = (spec.name.clone(), spec.service.name.clone());
    let dry = cx.global.dry_run;
    bring_up(cx, engine, seen, project, desired, options, None, interrupts, &|plan| {
        // Told is all that would be done.
        if dry {
            return;
        }
        without_start(plan, &Subject::Container { service: service.clone(), name: name.clone() });
    })
    .await?;
    if dry {
        if let Some(command) = &spec.service.command {
            cx.print(&format!("container {name}: run {}", shell_words::join(command)))?;
        }
        return Ok(None);
    }
    let observed = engine.observe_containers().await?;
    Ok(observed
        .containers
        .iter()
        .find(|container| container.name == name)
        .map(|container| container.id.clone()))
}

/// Leaves the start to us, who want to hear the first word. It is the last step: nothing waits
/// for a container of this kind.
fn without_start(plan: &mut Plan, subject: &Subject) {
    let starts = plan.steps.last().is_some_and(|step| {
        step.subject == *subject && matches!(step.operation, Operation::StartContainer { .. })
    });
    if starts {
        plan.steps.pop();
    }
}

/// Starts the container. What the engine refuses is told by the service's name and by the flag that
/// asked for it.
async fn start(
    engine: &DockerEngine,
    container: &ContainerId,
    service: &ServiceName,
    args: &RunArgs,
) -> Result<(), CliError> {
    let Err(mut error) = engine.start_container(container).await else { return Ok(()) };
    if let Some(user) = &args.user
        && error.kind.to_string().contains("unable to find")
    {
        return Err(CliError::other(
            format!("the image of `{service}` has no user or group `{user}`"),
            "give `--user` a number, or a name of its /etc/passwd",
        ));
    }
    service.as_str().clone_into(&mut error.subject);
    Err(error.into())
}

/// Starts the container and stays with it until it ends.
async fn attend(
    engine: &Arc<DockerEngine>,
    container: &ContainerId,
    service: &ServiceName,
    args: &RunArgs,
    tty: bool,
    interrupts: &mut Interrupts,
) -> Result<ExitStatus, CliError> {
    let streams = engine.attach(container, true, None).await?;
    start(engine, container, service, args).await?;
    let heard = interrupts.answered();
    let mut asked = interrupts.clone();
    let (stopper, id) = (Arc::clone(engine), container.clone());
    let _stopping = AbortOnDropHandle::new(tokio::spawn(async move {
        asked.at_least(heard + 1).await;
        let stop = stopper.stop_container(&id, None);
        tokio::select! {
            _ = stop => {}
            () = asked.at_least(heard + 2) => {
                let _ = stopper.kill_container(&id, "SIGKILL").await;
            }
        }
    }));
    let terminal = if tty { Terminal::Container } else { Terminal::None };
    let ended = connect(engine, streams, terminal).await?;
    if ended == Ended::NobodyReads {
        engine.kill_container(container, "SIGKILL").await?;
    }
    let code = engine.wait_container(container).await?;
    Ok(ExitStatus::of_container(code))
}
