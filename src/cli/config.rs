//! `devstack config`.

use clap::ValueEnum;

use super::context::{Context, Files};
use super::error::{CliError, ExitStatus};
use super::scope::{desired, selected};
use crate::config::canonical::{Format as Form, Secrets, canonical};
use crate::config::environment::Variable;
use crate::config::redact::redact_value;
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
    /// Print the digest of each service's definition; `*` is all of them
    #[arg(long, group = "list", value_name = "SERVICES", num_args = 0..=1, value_delimiter = ',',
          default_missing_value = "*")]
    hash: Vec<String>,
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

pub(super) fn config(cx: &Context, args: &ConfigArgs) -> Result<ExitStatus, CliError> {
    let Files { project: all, warnings, environment, .. } = cx.load_files()?;
    cx.print_diagnostics(&warnings);
    let hashed = args.hash.iter().filter(|name| *name != "*");
    let selection: Vec<String> = args.selection.iter().chain(hashed).cloned().collect();
    let project = selected(&all, &selection, args.hash.is_empty())?;
    if args.quiet {
        return Ok(ExitStatus::Success);
    }
    let lines = if args.environment {
        let line = |(name, variable): (&str, &Variable)| {
            if args.show_secrets {
                format!("{name}={}", variable.value)
            } else {
                format!("{name}={}", redact_value(name, &variable.value))
            }
        };
        let mut lines: Vec<String> = environment.iter().map(line).collect();
        lines.sort();
        Some(lines)
    } else if args.services {
        Some(project.services.keys().map(ToString::to_string).collect())
    } else if args.volumes {
        Some(project.volumes.keys().map(ToString::to_string).collect())
    } else if args.networks {
        Some(project.networks.keys().map(ToString::to_string).collect())
    } else if args.images {
        Some(project.services.values().map(|service| service.image.to_string()).collect())
    } else if args.profiles {
        let services = all.services.values().chain(all.disabled_services.values());
        let mut profiles: Vec<String> =
            services.flat_map(|service| service.profiles.iter().cloned()).collect();
        profiles.sort();
        profiles.dedup();
        Some(profiles)
    } else if !args.hash.is_empty() {
        let digest = |name: &str, hash: &str| format!("{name} {hash}");
        let containers = desired(&project).containers;
        Some(
            containers
                .iter()
                .filter(|spec| spec.number == 1)
                .map(|spec| digest(spec.service.name.as_str(), &spec.labels[labels::CONFIG_HASH]))
                .collect::<Vec<String>>(),
        )
    } else {
        None
    };
    if let Some(lines) = lines {
        cx.print(&lines.join("\n"))?;
        return Ok(ExitStatus::Success);
    }
    let format = match args.format {
        FormatArg::Yaml => Form::Yaml,
        FormatArg::Json => Form::Json,
    };
    let secrets = if args.show_secrets { Secrets::Shown } else { Secrets::Redacted };
    cx.print(&canonical(&project, format, secrets))?;
    Ok(ExitStatus::Success)
}
