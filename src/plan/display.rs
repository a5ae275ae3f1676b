//! A plan as text: what `--dry-run` prints and what tests compare.

use std::fmt;

use super::step::{AwaitFor, Operation, Plan, Step};
use crate::event::Subject;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            write!(f, "{:>3}. {step}", index + 1)?;
            for (position, id) in step.after.iter().enumerate() {
                let separator = if position == 0 { "  after " } else { ", " };
                write!(f, "{separator}{}", id.0 + 1)?;
            }
            writeln!(f)?;
        }
        for subject in &self.unchanged {
            writeln!(f, "  -  {subject} unchanged")?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = &self.subject;
        match &self.operation {
            Operation::PullImage(_) => write!(f, "pull {subject}")?,
            Operation::BuildImage(_) => write!(f, "build {subject}")?,
            Operation::CreateNetwork(_) | Operation::CreateVolume(_) => {
                write!(f, "create {subject}")?;
            }
            Operation::CreateContainer { name, spec, .. } if *name != spec.name => {
                write!(f, "create {subject} as {name}")?;
            }
            Operation::CreateContainer { spec, .. } if spec.hook.is_some() => {
                write!(f, "create {subject} for `{}`", spec.runs())?;
            }
            Operation::CreateContainer { .. } => write!(f, "create {subject}")?,
            Operation::RenameContainer { .. } => write!(f, "rename to {subject}")?,
            Operation::HoldContainer { reason, .. } => {
                write!(f, "hold {subject} until {reason}")?;
            }
            Operation::ReleaseContainer { .. } => write!(f, "release {subject}")?,
            Operation::StartContainer { .. } => write!(f, "start {subject}")?,
            Operation::AwaitContainer { condition, .. } => match condition {
                AwaitFor::Ready => write!(f, "wait until {subject} is ready")?,
                AwaitFor::ReadyOrFinished => {
                    write!(f, "wait until {subject} is ready or finished")?;
                }
                AwaitFor::Completed => write!(f, "wait until {subject} completes")?,
            },
            Operation::RunHook { hook, .. } => {
                write!(f, "run `{}` in {subject}", hook.command.join(" "))?;
            }
            Operation::StopContainer { .. } => write!(f, "stop {subject}")?,
            Operation::UnpauseContainer { .. } => write!(f, "unpause {subject}")?,
            Operation::RestartContainer { .. } => write!(f, "restart {subject}")?,
            Operation::KillContainer { signal, .. } => write!(f, "send {signal} to {subject}")?,
            Operation::RemoveContainer { .. }
            | Operation::RemoveImage(_)
            | Operation::RemoveNetwork { .. }
            | Operation::RemoveVolume(_) => write!(f, "remove {subject}")?,
        }
        write!(f, " ({})", self.cause)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container { name, .. } => write!(f, "container {name}"),
            Self::Hook { name, .. } => write!(f, "hook {name}"),
            Self::Image { reference, .. } => write!(f, "image {reference}"),
            Self::Network(name) => write!(f, "network {name}"),
            Self::Volume(name) => write!(f, "volume {name}"),
        }
    }
}
