//! `devstack config`.

mod digests;
mod explained;

use clap::ValueEnum;

use super::context::{Context, Files};
use super::error::{CliError, ExitStatus};
use super::scope::{desired, selected};
use crate::config::canonical::{Format, Secrets, canonical};
use crate::config::environment::Variable;
use crate::config::lock::{Lock, lock};
use crate::config::redact::redact_value;
use crate::config::uses::variable_uses;
use crate::config::written::written;
use crate::project::Project;
use crate::report::{Column, Table};
use crate::state::labels;

/// Arguments of `config`.
#[derive(Debug, clap::Args)]
pub(super) struct ConfigArgs {
    /// Services to print; all when none is named
    #[arg(value_name = "SERVICE")]
    selection: Vec<String>,
    /// Only check; print nothing
    #[arg(short, long)]
    quiet: bool,
    /// How to print
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = FormatArg::Yaml)]
    format: FormatArg,
    /// Print the services' names, a line each
    #[arg(long, group = "list")]
    services: bool,
    /// Print the volumes' names, a line each
    #[arg(long, group = "list")]
    volumes: bool,
    /// Print the networks' names, a line each
    #[arg(long, group = "list")]
    networks: bool,
    /// Print the images, a line each
    #[arg(long, group = "list")]
    images: bool,
    /// Print the profiles, a line each
    #[arg(long, group = "list")]
    profiles: bool,
    /// Print the variables that the files can use, a line each
    #[arg(long, group = "list")]
    environment: bool,
    /// Print the variables that the files do use, with what stands for them; also with
    /// `--format json`
    #[arg(long, group = "list", conflicts_with = "selection")]
    variables: bool,
    /// Print the digest of each service's definition; `*` is all of them
    #[arg(long, group = "list", value_name = "SERVICES", num_args = 0..=1, value_delimiter = ',',
          default_missing_value = "*")]
    hash: Vec<String>,
    /// Tell where a value comes from, such as `services.api.environment.PORT`: each file, line and
    /// variable
    #[arg(long, group = "list", value_name = "PATH", conflicts_with = "selection")]
    explain: Option<String>,
    /// Print the files merged, with their variables as they are written; nothing is checked
    #[arg(long, group = "list", conflicts_with = "selection")]
    no_interpolate: bool,
    /// Print images with the digests that their registries have for them now
    #[arg(long, group = "list")]
    resolve_image_digests: bool,
    /// Print only the images, with their digests, as a file to be merged over the others
    #[arg(long, group = "list")]
    lock_image_digests: bool,
    /// Print passwords and keys instead of `***`
    #[arg(long)]
    show_secrets: bool,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    // YAML
    Yaml,
    // JSON
    Json,
}

pub(super) async fn config(cx: &Context, args: &ConfigArgs) -> Result<ExitStatus, CliError> {
    if args.variables || args.no_interpolate {
        as_written(cx, args)?;
        return Ok(ExitStatus::Success);
    }
    if let Some(path) = &args.explain {
        explained::explain(cx, args, path)?;
        return Ok(ExitStatus::Success);
    }
    let Files { project: all, warnings, request, .. } = cx.load_files()?;
    cx.print_diagnostics(&warnings);
    let hashed = args.hash.iter().filter(|name| *name != "*");
    let selection: Vec<String> = args.selection.iter().chain(hashed).cloned().collect();
    let project = selected(&all, &selection, args.hash.is_empty())?;
    if args.quiet {
        return Ok(ExitStatus::Success);
    }
    if args.environment {
        let line = |(name, variable): (&str, &Variable)| {
            format!("{name}={}", args.shown(name, &variable.value))
        };
        let mut lines: Vec<String> = request.environment.iter().map(line).collect();
        lines.sort();
        cx.print(&lines.join("\n"))?;
    } else if let Some(lines) = args.list(&all, &project) {
        cx.print(&lines.join("\n"))?;
    } else if args.resolve_image_digests || args.lock_image_digests {
        let pinned = digests::pinned(cx, &project).await?;
        if args.lock_image_digests {
            print_lock(cx, &pinned, args.format())?;
        } else {
            cx.print(&canonical(&pinned, args.format(), args.secrets()))?;
        }
    } else {
        cx.print(&canonical(&project, args.format(), args.secrets()))?;
    }
    Ok(ExitStatus::Success)
}

fn print_lock(cx: &Context, pinned: &Project, format: Format) -> Result<(), CliError> {
    let Lock { text, without_hooks } = lock(pinned, format);
    cx.print(&text)?;
    let why = match format {
        Format::Yaml => "they hold a secret: pin their images in the file",
        Format::Json => "only YAML can replace hooks",
    };
    for service in without_hooks {
        cx.note(&format!("note: without the `pre_start` hooks of `{service}`: {why}"));
    }
    Ok(())
}

impl ConfigArgs {
    const fn format(&self) -> Format {
        match self.format {
            FormatArg::Yaml => Format::Yaml,
            FormatArg::Json => Format::Json,
        }
    }

    const fn secrets(&self) -> Secrets {
        if self.show_secrets { Secrets::Shown } else { Secrets::Redacted }
    }

    /// The value of a variable.
    fn shown(&self, name: &str, value: &str) -> String {
        if self.show_secrets { value.to_owned() } else { redact_value(name, value) }
    }

    /// The lines of a list that was asked for.
    fn list(&self, all: &Project, project: &Project) -> Option<Vec<String>> {
        Some(if self.services {
            project.services.keys().map(ToString::to_string).collect()
        } else if self.volumes {
            project.volumes.keys().map(ToString::to_string).collect()
        } else if self.networks {
            project.networks.keys().map(ToString::to_string).collect()
        } else if self.images {
            let images = project.services.values().flat_map(|service| {
                let own = service.hook_images().filter(|image| **image != service.image);
                std::iter::once(&service.image).chain(own)
            });
            images.map(ToString::to_string).collect()
        } else if self.profiles {
            let services = all.services.values().chain(all.disabled_services.values());
            let mut profiles: Vec<String> =
                services.flat_map(|service| service.profiles.iter().cloned()).collect();
            profiles.sort();
            profiles.dedup();
            profiles
        } else if self.hash.is_empty() {
            return None;
        } else {
            let first = desired(project).containers.into_iter().filter(|spec| spec.number == 1);
            first
                .map(|spec| format!("{} {}", spec.service.name, spec.labels[labels::CONFIG_HASH]))
                .collect()
        })
    }
}

/// What can be told without filling in the variables.
fn as_written(cx: &Context, args: &ConfigArgs) -> Result<(), CliError> {
    let loaded = cx.load_written()?;
    cx.print_diagnostics(&loaded.warnings);
    if args.quiet {
        return Ok(());
    }
    if !args.variables {
        let name = loaded.project_name.as_ref();
        let (format, secrets) = (args.format(), args.secrets());
        return cx.print(&written(loaded.root, name, &loaded.project_dir, format, secrets));
    }
    let mut uses = variable_uses(&loaded.root);
    for (name, found) in &mut uses {
        found.default_value = args.shown(name, &found.default_value);
        found.presence_value = args.shown(name, &found.presence_value);
    }
    cx.print(&match args.format() {
        Format::Json => serde_json::to_string_pretty(&uses).expect("keys and values are texts"),
        Format::Yaml => {
            let titles = ["NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"];
            let mut table = Table::new(titles.map(Column::new).to_vec());
            for found in uses.into_values() {
                let required = found.required.to_string();
                table.push(vec![
                    found.name.into(),
                    required.into(),
                    found.default_value.into(),
                    found.presence_value.into(),
                ]);
            }
            table.render(None, false)
        }
    })
}
