//! The stack as a picture: who waits for whom, and which networks join what. Pure.

use std::fmt::Write as _;

use crate::project::{DependsOnCondition, NetworkKey, Project, Service, ServiceName};

/// How the picture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphFormat {
    /// A tree for a terminal.
    Text,
    /// Graphviz' language.
    Dot,
    /// Mermaid's language, which GitHub shows in Markdown.
    Mermaid,
}

/// Draws the dependencies and networks of a project's services.
#[must_use]
pub fn graph(project: &Project, format: GraphFormat) -> String {
    let mut out = String::new();
    // A string takes all.
    let _ = match format {
        GraphFormat::Text => text(project, &mut out),
        GraphFormat::Dot => dot(project, &mut out),
        GraphFormat::Mermaid => mermaid(project, &mut out),
    };
    out
}

/// What a dependant waits for, in a word.
const fn condition(condition: DependsOnCondition) -> &'static str {
    match condition {
        DependsOnCondition::ServiceStarted => "started",
        DependsOnCondition::ServiceHealthy => "ready",
        DependsOnCondition::ServiceCompletedSuccessfully => "finished",
    }
}

fn members<'a>(project: &'a Project, network: &NetworkKey) -> Vec<&'a ServiceName> {
    let joined = |service: &&Service| {
        service.network_mode.is_none() && service.networks.contains_key(network)
    };
    project.services.values().filter(joined).map(|service| &service.name).collect()
}

fn text(project: &Project, out: &mut String) -> std::fmt::Result {
    let is_needed = |name: &ServiceName| {
        project.services.values().any(|service| service.depends_on.contains_key(name))
    };
    let mut drawn = Vec::new();
    for service in project.services.values().filter(|service| !is_needed(&service.name)) {
        writeln!(out, "{}", service.name)?;
        branches(project, service, "", &mut drawn, out)?;
    }
    if !project.networks.is_empty() {
        out.push('\n');
    }
    for (key, network) in &project.networks {
        let mut words = Vec::new();
        if network.internal {
            words.push("no way out");
        }
        if network.external {
            words.push("external");
        }
        let words =
            if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) };
        let members: Vec<&str> =
            members(project, key).into_iter().map(ServiceName::as_str).collect();
        writeln!(out, "network {key}{words}: {}", members.join(", "))?;
    }
    Ok(())
}

fn branches<'a>(
    project: &'a Project,
    service: &'a Service,
    indent: &str,
    drawn: &mut Vec<&'a ServiceName>,
    out: &mut String,
) -> std::fmt::Result {
    let count = service.depends_on.len();
    for (index, (name, dependency)) in service.depends_on.iter().enumerate() {
        let (branch, below) =
            if index + 1 == count { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let needed = project.services.get(name);
        // What stands above with its own branches is not drawn again.
        let repeated = drawn.contains(&name) && needed.is_some_and(|it| !it.depends_on.is_empty());
        write!(out, "{indent}{branch}{name} ({})", condition(dependency.condition))?;
        writeln!(out, "{}", if repeated { " …" } else { "" })?;
        if let (Some(needed), false) = (needed, repeated) {
            drawn.push(name);
            branches(project, needed, &format!("{indent}{below}"), drawn, out)?;
        }
    }
    Ok(())
}

fn dot(project: &Project, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "digraph {} {{\n  rankdir=LR;\n  node [shape=box];",
        quoted(project.name.as_str())
    )?;
    for service in project.services.values() {
        writeln!(out, "  {};", quoted(service.name.as_str()))?;
    }
    for service in project.services.values() {
        for (name, dependency) in &service.depends_on {
            let (from, to) = (quoted(service.name.as_str()), quoted(name.as_str()));
            let label = condition(dependency.condition);
            writeln!(out, "  {from} -> {to} [label=\"{label}\"];")?;
        }
    }
    for key in project.networks.keys() {
        let network = quoted(&format!("network {key}"));
        writeln!(
            out,
            "  {network} [shape=ellipse, style=dashed, label={}];",
            quoted(key.as_str())
        )?;
        for member in members(project, key) {
            let member = quoted(member.as_str());
            writeln!(out, "  {member} -> {network} [dir=none, style=dashed];")?;
        }
    }
    out.push_str("}\n");
    Ok(())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn mermaid(project: &Project, out: &mut String) -> std::fmt::Result {
    // Names have characters that Mermaid's own names must not have.
    let id = |name: &ServiceName| format!("s{}", project.services.get_index_of(name).unwrap_or(0));
    out.push_str("flowchart LR\n");
    for service in project.services.values() {
        writeln!(out, "  {}[\"{}\"]", id(&service.name), service.name)?;
    }
    for service in project.services.values() {
        for (name, dependency) in &service.depends_on {
            if project.services.contains_key(name) {
                let label = condition(dependency.condition);
                writeln!(out, "  {} -->|{label}| {}", id(&service.name), id(name))?;
            }
        }
    }
    for (index, key) in project.networks.keys().enumerate() {
        writeln!(out, "  n{index}([\"{key}\"])")?;
        for member in members(project, key) {
            writeln!(out, "  {} -.- n{index}", id(member))?;
        }
    }
    Ok(())
}
