//! `devstack down`.

use clap::ValueEnum;

use super::context::Context;
use super::error::{CliError, ExitStatus};
use super::run::{dry_run, run};
use super::scope::{Scope, Whole};
use super::timing::TimingArgs;
use crate::engine::Engine as _;
use crate::os::signal::Interrupts;
use crate::plan::teardown::{TeardownOptions, teardown};
use crate::plan::weave;
use crate::project::{Duration, ImageRef, Service};
use crate::state::Observed;

/// Arguments of `down`.
#[derive(Debug, Default, clap::Args)]
pub(super) struct DownArgs {
    /// Services to remove; the whole stack when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Remove volumes too: their data is lost
    #[arg(short = 'v', long)]
    volumes: bool,
    /// Remove containers of services that are not in the files
    #[arg(long, env = "COMPOSE_REMOVE_ORPHANS", hide_env = true)]
    remove_orphans: bool,
    /// Remove images: `local` those that devstack built, `all` those of every service
    #[arg(long, value_name = "WHICH", value_enum)]
    rmi: Option<Rmi>,
    /// Grace period in seconds
    #[arg(short, long, value_name = "SECONDS", value_parser = super::number::seconds)]
    timeout: Option<u64>,
    #[command(flatten)]
    timing: TimingArgs,
}

/// Which images to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rmi {
    // Those that devstack built and named itself
    Local,
    // Those of every service
    All,
}

pub(super) async fn down(cx: &Context, args: DownArgs) -> Result<ExitStatus, CliError> {
    let Whole { scope, owns_images } = Scope::find_whole(cx).await?;
    let services = scope.services(&args.services)?;
    args.timing.prepare(cx)?;
    let mut interrupts = Interrupts::listen();
    let engine = cx.connect().await?;
    let observed = engine.observe().await?;
    let options = TeardownOptions {
        services: (!services.is_empty()).then_some(services),
        known_services: scope.known_services(),
        remove_orphans: args.remove_orphans,
        volumes: args.volumes,
        keep_networks: false,
        images: images(&scope, owns_images, &observed, args.rmi),
        grace: args.timeout.map(Duration::from_secs),
    };
    let plan = weave(teardown(&scope.name, &observed, &options), &scope.desired(), &observed);
    if cx.global.dry_run {
        dry_run(cx, &plan)?;
        return Ok(ExitStatus::Success);
    }
    if plan.is_empty() && plan.warnings.is_empty() {
        cx.note(&format!("nothing to remove for project {}", scope.name));
        return Ok(ExitStatus::Success);
    }
    let outcome = run(cx, &engine, &plan, None, &mut interrupts).await;
    let concluded = args.timing.conclude(cx, &engine, &scope.name, "down").await;
    outcome.and(concluded)?;
    Ok(ExitStatus::Success)
}

fn images(scope: &Scope, owns_images: bool, observed: &Observed, rmi: Option<Rmi>) -> Vec<String> {
    let (Some(project), Some(rmi)) = (&scope.project, rmi) else { return Vec::new() };
    let tags = |service: &Service| -> Vec<String> {
        let own = service.build.is_some() && owns_images;
        let tags = service.build.iter().flat_map(|build| &build.tags);
        let tags = tags.filter_map(|tag| Some(tag.parse::<ImageRef>().ok()?.familiar()));
        if own { tags.collect() } else { Vec::new() }
    };
    let mut references: Vec<String> = project
        .services
        .values()
        .chain(project.disabled_services.values())
        .filter(|service| match rmi {
            Rmi::All => true,
            // An image with a name of the user's choice may serve other projects.
            Rmi::Local => {
                let name = format!("{}-{}", project.name, service.name);
                service.build.is_some() && (owns_images || service.image.as_str() == name)
            }
        })
        .flat_map(|service| {
            let hooks = service.hook_images().filter(|_| matches!(rmi, Rmi::All));
            let all = std::iter::once(&service.image).chain(hooks).map(ImageRef::familiar);
            all.chain(tags(service))
        })
        .filter(|reference| observed.image(reference).is_some())
        .collect();
    references.sort();
    references.dedup();
    references
}
