//! `devstack open`.

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::scope::Scope;
use super::urls;
use crate::os::browser::{self, Machine};
use crate::project::Service;
use crate::state::ObservedContainer;

/// Arguments of `open`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  devstack open api         the first URL that a browser understands\n  \
    devstack open kong admin  one of several, by its name"
)]
pub(super) struct OpenArgs {
    /// The service, by name or alias
    #[arg(value_name = "SERVICE")]
    service: String,
    /// Which of its URLs, by name
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// Only print the URL
    #[arg(long)]
    print: bool,
}

pub(super) async fn open(cx: &Context, args: OpenArgs) -> Result<ExitStatus, CliError> {
    let project = cx.load_project().await?;
    let scope = Scope { name: project.name.clone(), project: Some(project.clone()) };
    let name = scope.service(&args.service)?;
    let known = project.services.get(&name).or_else(|| project.disabled_services.get(&name));
    let service = known.expect("the scope knows the project's services only");
    let observed = cx.connect().await?.observe_containers().await?;
    let container: Option<&ObservedContainer> = observed
        .containers_of(&project.name)
        .find(|container| container.service().as_ref() == Some(&name));
    let url = choose(service, &urls::of(service, container), args.url.as_deref())?;
    if !container.is_some_and(|container| container.state.is_running()) {
        cx.note(&format!("{name} does not run; `devstack up -d {name}` starts it"));
    }
    cx.print(&url)?;
    if args.print || cx.global.dry_run {
        return Ok(ExitStatus::Success);
    }
    let machine = Machine::of(&|variable| cx.variable(variable).map(str::to_owned));
    let Some(command) = browser::command(&machine, &url) else {
        cx.note("no browser here; open it yourself");
        return Ok(ExitStatus::Success);
    };
    if let Err(error) = browser::start(&command) {
        let program = command.first().map_or("", String::as_str);
        cx.note(&format!("`{program}` does not start ({error}); open it yourself"));
    }
    Ok(ExitStatus::Success)
}

/// The URL of that name, or the first one that a browser understands.
fn choose(
    service: &Service,
    urls: &[(String, String)],
    name: Option<&str>,
) -> Result<String, CliError> {
    let page = |url: &str| {
        if url.starts_with("http://") || url.starts_with("https://") {
            Some(url.to_owned())
        } else {
            // A published port without a URL of its own.
            (!url.contains("://")).then(|| format!("http://{url}"))
        }
    };
    let names = || urls.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let service = &service.name;
    match name {
        Some(name) => match urls.iter().find(|(known, _)| known == name) {
            Some((_, url)) => page(url).ok_or_else(|| {
                CliError::other(
                    format!("a browser does not understand the URL `{name}` of `{service}`"),
                    "`devstack status --show-secrets` prints it",
                )
            }),
            None => Err(CliError::other(
                format!("`{service}` has no URL `{name}`"),
                if urls.is_empty() {
                    "it publishes no port".to_owned()
                } else {
                    format!("it has: {}", names())
                },
            )),
        },
        None => urls
            .iter()
            .map(|(_, url)| url)
            .find(|url| url.starts_with("http"))
            .or_else(|| urls.iter().map(|(_, url)| url).find(|url| !url.contains("://")))
            .and_then(|url| page(url))
            .ok_or_else(|| {
                let hint = if urls.is_empty() {
                    "publish a port under `ports:`".to_owned()
                } else {
                    format!("its URLs are for other programs: {}", names())
                };
                CliError::other(format!("`{service}` has no page to open"), hint)
            }),
    }
}
