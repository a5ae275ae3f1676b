//! `extends`: a service that begins as a copy of another, of the same file or of another one.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::assemble::Layers;
use super::diagnostic::{Diagnostic, Diagnostics, Span};
use super::environment::Environment;
use super::layer::LayerOrigin;
use super::limits;
use super::merge::{MergeOptions, merge, merge_service};
use super::node::{Node, Value};
use super::paths::{absolute, folder};
use super::reader::Reader;
use super::rebase::rebase_service;
use super::suggest::closest;

/// Resolves `extends` in all services of a document. `below` is what is merged so far.
pub(crate) fn resolve(
    document: &mut Node,
    below: Option<&Node>,
    path: &Path,
    layers: &Layers<'_>,
    options: MergeOptions,
    reader: &mut Reader<'_>,
) {
    let extending: Vec<String> = match document.get("services").map(|entry| &entry.node.value) {
        Some(Value::Mapping(services)) => services
            .iter()
            .filter(|(_, entry)| entry.node.get("extends").is_some())
            .map(|(name, _)| name.clone())
            .collect(),
        _ => return,
    };
    let scope = Scope { root: document, below, path, dir: layers.dir, interpolated: true };
    let mut resolver =
        Resolver { reader, options, environment: layers.environment, chain: Vec::new() };
    let finished: Vec<_> =
        extending.into_iter().map(|name| (resolver.service(&scope, &name), name)).collect();
    let Value::Mapping(top) = &mut document.value else { return };
    let Some(Value::Mapping(services)) = top.get_mut("services").map(|entry| &mut entry.node.value)
    else {
        return;
    };
    for (service, name) in finished {
        if let (Some(service), Some(entry)) = (service, services.get_mut(&name)) {
            entry.node = service;
        }
    }
}

/// Where names of services are looked up.
struct Scope<'a> {
    root: &'a Node,
    /// Earlier files of the same project, whose services are resolved already.
    below: Option<&'a Node>,
    path: &'a Path,
    /// Folder to which relative paths in here refer.
    dir: &'a Path,
    interpolated: bool,
}

struct Resolver<'a, 'r> {
    reader: &'a mut Reader<'r>,
    options: MergeOptions,
    environment: &'a Environment,
    /// The services that are being resolved, outermost first.
    chain: Vec<Link>,
}

struct Link {
    path: PathBuf,
    service: String,
    extends: Span,
}

/// What `extends` says.
struct Extends {
    service: String,
    service_span: Span,
    file: Option<(String, Span)>,
}

impl Resolver<'_, '_> {
    /// A service with everything that it extends below it.
    fn service(&mut self, scope: &Scope<'_>, name: &str) -> Option<Node> {
        let mut service = service(scope.root, name)?.clone();
        if !scope.interpolated {
            self.reader.interpolate(&mut service, self.environment);
        }
        let Value::Mapping(entries) = &mut service.value else { return Some(service) };
        let Some(mut written) = entries.shift_remove("extends") else {
            self.layer(name, &service);
            return Some(service);
        };
        self.reader.interpolate_rest(&mut written.node, self.environment);
        // Without its base the service is still read, so that its own mistakes are found as well.
        let mut findings = Diagnostics::default();
        let extends = read(&written.node, &mut findings);
        for finding in findings.0 {
            self.report(finding);
        }
        let Some(extends) = extends else {
            self.leave_hole(name);
            return Some(service);
        };
        let link = Link {
            path: scope.path.to_owned(),
            service: name.to_owned(),
            extends: extends.service_span.clone(),
        };
        if let Some(start) = self
            .chain
            .iter()
            .position(|above| above.path == link.path && above.service == link.service)
        {
            self.report_circle(start, name);
            self.leave_hole(name);
            return Some(service);
        }
        if self.chain.len() >= limits::EXTENDS {
            self.reader.findings.push(
                Diagnostic::error("too many services extend one another", &link.extends)
                    .note(format!("at most {} in a row are read", limits::EXTENDS)),
            );
            self.leave_hole(name);
            return Some(service);
        }
        self.chain.push(link);
        let base = self.base(scope, &extends);
        self.chain.pop();
        self.layer(name, &service);
        let Some(base) = base else {
            self.leave_hole(name);
            return Some(service);
        };
        Some(merge_service(base, service, self.options, &mut self.reader.findings))
    }

    /// Remembers that a part is missing of the service that all this is for.
    fn leave_hole(&mut self, name: &str) {
        let outermost = self.chain.first().map_or(name, |link| &link.service);
        self.reader.holes.services.insert(outermost.to_owned());
    }

    /// Remembers what a service says itself, if others extend it.
    fn layer(&mut self, name: &str, service: &Node) {
        if let Some(extending) = self.chain.first() {
            let origin = LayerOrigin::Extends { service: name.to_owned() };
            self.reader.layer(origin, &["services", &extending.service], service, self.environment);
        }
    }

    fn base(&mut self, scope: &Scope<'_>, extends: &Extends) -> Option<Node> {
        if let Some((file, span)) = &extends.file {
            let path = absolute(scope.dir, Path::new(file));
            if path != scope.path {
                return self.base_of_file(scope, extends, &path, span);
            }
        }
        // What is missing of an earlier file's service is missing here, too.
        if self.reader.holes.services.contains(&extends.service) {
            self.leave_hole(&extends.service);
        }
        if service(scope.root, &extends.service).is_some() {
            return self.service(scope, &extends.service);
        }
        let earlier = scope.below.and_then(|below| service(below, &extends.service)).cloned();
        if let Some(earlier) = &earlier {
            self.layer(&extends.service, earlier);
        } else {
            let names =
                service_names(scope.root).chain(scope.below.into_iter().flat_map(service_names));
            let place = self.reader.display(scope.path);
            let missing = missing(extends, &place, names);
            self.report(missing);
        }
        earlier
    }

    fn base_of_file(
        &mut self,
        scope: &Scope<'_>,
        extends: &Extends,
        path: &Path,
        span: &Span,
    ) -> Option<Node> {
        let options = self.options;
        let documents = self.reader.documents(path, Some(span)).to_vec();
        let root = documents
            .into_iter()
            .reduce(|below, over| merge(below, over, options, &mut self.reader.findings))?;
        let dir = folder(path);
        let other = Scope { root: &root, below: None, path, dir: &dir, interpolated: false };
        if service(&root, &extends.service).is_none() {
            let place = self.reader.display(path);
            let missing = missing(extends, &place, service_names(&root));
            self.report(missing);
            return None;
        }
        let mut base = self.service(&other, &extends.service)?;
        if dir != scope.dir {
            rebase_service(&mut base, &dir);
        }
        Some(base)
    }

    fn report_circle(&mut self, start: usize, name: &str) {
        let circle = &self.chain[start..];
        let files: HashSet<_> = circle.iter().map(|link| &link.path).collect();
        let show = |link: &Link| {
            if files.len() > 1 {
                format!("`{}` in `{}`", link.service, self.reader.display(&link.path))
            } else {
                format!("`{}`", link.service)
            }
        };
        let names: Vec<_> = circle.iter().chain(circle.first()).map(show).collect();
        let Some(closing) = circle.last() else { return };
        let mut diagnostic =
            Diagnostic::error("services extend each other in a circle", &closing.extends)
                .label(format!("leads back to `{name}`"))
                .note(names.join(" -> "));
        for link in &circle[..circle.len() - 1] {
            diagnostic = diagnostic.also(&link.extends, format!("`{}` extends this", link.service));
        }
        self.report(diagnostic);
    }

    /// Reports what each service of a circle, and each that extends the same one, finds anew.
    fn report(&mut self, diagnostic: Diagnostic) {
        let is_same = |known: &Diagnostic| {
            known.message == diagnostic.message && same_places(known, &diagnostic)
        };
        if !self.reader.findings.0.iter().any(is_same) {
            self.reader.findings.push(diagnostic);
        }
    }
}

/// The keys of `extends`.
pub(crate) const KEYS: [&str; 2] = ["service", "file"];

fn read(extends: &Node, findings: &mut Diagnostics) -> Option<Extends> {
    if let Some(text) = extends.scalar_text() {
        let service_span = extends.span.clone();
        return Some(Extends { service: text.to_owned(), service_span, file: None });
    }
    if let Value::Mapping(entries) = &extends.value {
        for (key, entry) in entries.iter().filter(|(key, _)| !KEYS.contains(&key.as_str())) {
            let message = format!("unknown key `{key}` in `extends`");
            let finding = Diagnostic::error(message, &entry.key_span);
            findings.push(match closest(key, KEYS) {
                Some(known) => finding.help(format!("did you mean `{known}`?")),
                None => finding.help("`service` and `file` are known"),
            });
        }
    }
    let mut text = |key: &str| {
        let node = &extends.get(key).filter(|entry| entry.node.value != Value::Null)?.node;
        let text = node.scalar_text();
        if text.is_none() {
            let message = format!("`extends.{key}` must be text, not {}", node.kind());
            findings.push(Diagnostic::error(message, &node.span));
        }
        Some((text?.to_owned(), node.span.clone()))
    };
    let (service, file) = (text("service"), text("file"));
    let Some((service, service_span)) = service else {
        if extends.get("service").is_none() {
            findings.push(
                Diagnostic::error("`extends` names no service", &extends.span)
                    .help("write `extends: SERVICE` or `extends: {file: FILE, service: SERVICE}`"),
            );
        }
        return None;
    };
    Some(Extends { service, service_span, file })
}

/// So many names can be listed in a line.
const FEW: usize = 8;

fn missing<'n>(extends: &Extends, place: &str, names: impl Iterator<Item = &'n str>) -> Diagnostic {
    let name = &extends.service;
    let diagnostic = Diagnostic::error(
        format!("there is no service `{name}` in `{place}` to extend"),
        &extends.service_span,
    );
    let names: Vec<&str> = names.collect();
    match closest(name, names.iter().copied()) {
        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
        None if (1..=FEW).contains(&names.len()) => {
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            diagnostic.help(format!("it has {}", names.join(", ")))
        }
        None => diagnostic.help("name one of that file's services"),
    }
}

fn service<'n>(root: &'n Node, name: &str) -> Option<&'n Node> {
    root.get("services")?.node.get(name).map(|entry| &entry.node)
}

fn service_names(root: &Node) -> impl Iterator<Item = &str> {
    let services = match root.get("services").map(|entry| &entry.node.value) {
        Some(Value::Mapping(services)) => Some(services),
        _ => None,
    };
    services.into_iter().flat_map(|services| services.keys().map(String::as_str))
}

/// Whether two findings point at the same places, in whichever order.
fn same_places(left: &Diagnostic, right: &Diagnostic) -> bool {
    let spans = |diagnostic: &Diagnostic| -> Vec<Span> {
        let labels = diagnostic.primary.iter().chain(&diagnostic.secondary);
        labels.map(|label| label.span.clone()).collect()
    };
    let (left, right) = (spans(left), spans(right));
    left.len() == right.len() && left.iter().all(|span| right.contains(span))
}
