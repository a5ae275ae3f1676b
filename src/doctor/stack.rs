//! The stack itself: its files, its ports, how its services are, what was left behind.

use super::Finding;
use super::facts::{Facts, ServiceTrouble, StackFacts};

/// Names in one line.
const MOST_NAMES: usize = 5;

pub(super) fn examine(facts: &Facts) -> Vec<Finding> {
    match &facts.stack {
        None => Vec::new(),
        Some(Err(reason)) => vec![Finding::fail(
            "files",
            reason.as_str(),
            "`devstack config -q` shows all of it, with lines",
        )],
        Some(Ok(stack)) => {
            let mut findings = ports(stack);
            findings.extend(
                stack
                    .conflicts
                    .iter()
                    .map(|(what, help)| Finding::fail("names", what.as_str(), help.as_str())),
            );
            findings.extend(services(stack));
            findings.extend(leftovers(stack));
            findings.extend(dead_projects(stack));
            findings
        }
    }
}

fn ports(stack: &StackFacts) -> Vec<Finding> {
    if stack.taken_ports.is_empty() {
        return vec![Finding::ok(
            "ports",
            format!("all {} are free or the stack's own", stack.ports),
        )];
    }
    let taken = stack.taken_ports.iter();
    taken.map(|(what, help)| Finding::fail("ports", what.as_str(), help.as_str())).collect()
}

fn services(stack: &StackFacts) -> Vec<Finding> {
    if stack.troubles.is_empty() {
        return vec![match stack.well {
            0 => Finding::ok("services", "none runs; `devstack up -d` starts them"),
            well => Finding::ok("services", format!("{well} run and are well")),
        }];
    }
    stack.troubles.iter().map(trouble).collect()
}

fn trouble(trouble: &ServiceTrouble) -> Finding {
    let ServiceTrouble { service, state, reason, cause, help } = trouble;
    let why = cause.as_ref().or(reason.as_ref()).map(|why| format!(": {why}")).unwrap_or_default();
    let help = help.clone().unwrap_or_else(|| format!("`devstack logs --tail 50 {service}`"));
    Finding::fail("services", format!("{service} is {state}{why}"), help)
}

fn leftovers(stack: &StackFacts) -> Option<Finding> {
    if stack.leftovers.is_empty() {
        return None;
    }
    Some(Finding::warn(
        "leftovers",
        format!("the files no longer know {}", listed(&stack.leftovers)),
        "`devstack up -d --remove-orphans` removes containers; `docker volume rm NAME` a volume, \
         with its data",
    ))
}

fn dead_projects(stack: &StackFacts) -> Option<Finding> {
    if stack.dead_projects.is_empty() {
        return None;
    }
    let names: Vec<String> = stack
        .dead_projects
        .iter()
        .map(|it| format!("{} ({}, {} containers)", it.project, it.folder, it.containers))
        .collect();
    let first = &stack.dead_projects[0].project;
    Some(Finding::warn(
        "projects",
        format!("projects whose folders are gone: {}", listed(&names)),
        format!("`devstack -p {first} down` removes one, with `-v` its data too"),
    ))
}

fn listed(names: &[String]) -> String {
    let shown = names[..names.len().min(MOST_NAMES)].join(", ");
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
