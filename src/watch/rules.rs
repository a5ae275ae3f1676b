//! What is watched for which service, and what a change of a file means. Pure, but for the files
//! of ignore rules, which the caller hands in.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::scope::Scope;
use super::source::Change;
use super::{ChangeKind, reader::IgnoreReader};
use crate::project::{
    Dockerignore, Hook, Mount, PackageManager, Project, Reload, Service, ServiceName, SyncPath,
    WatchAction, WatchRule,
};

/// A scope and its meaning. A scope's place in the list is the one in [`Change::scopes`].
#[derive(Debug, Clone)]
pub struct Rule {
    /// What is watched.
    pub scope: Scope,
    /// What a change means.
    pub meaning: Meaning,
}

/// What a change of a file means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// The stack's files are others: the stack has to follow.
    Stack,
    /// What is ignored is something else now.
    Ignores,
    /// Something follows for a service.
    Service(ServiceName, Reaction),
}

/// What follows for a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// Build its image and make its containers anew.
    Rebuild,
    /// Restart its containers.
    Restart,
    /// Tell the reload runner in its containers.
    Tell {
        /// What the rule's path is called in the container.
        target: String,
    },
    /// Put the file into its containers, then perhaps more.
    Sync {
        /// What the rule's path is called in the container; `None` where a bind mount has it
        /// there already.
        target: Option<String>,
        /// What to do when it is there.
        then: Then,
    },
}

/// What follows when files have been copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    Nothing,
    /// A restart of the containers.
    Restart,
    /// A command in each container.
    Exec(Hook),
    /// A signal to the main process of each container.
    Signal(&'static str),
    /// The runner for any language starts its command again.
    Reload,
}

/// What a batch of changes means.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// Files of the stack that changed.
    pub stack: Vec<PathBuf>,
    /// Whether the rules of what is ignored changed.
    pub ignores: bool,
    /// What to do, by service, in the order of the rules.
    pub work: IndexMap<ServiceName, Work>,
}

/// What to do for one service. Later changes are merged into it until it begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Work {
    /// Why: the files that changed.
    pub causes: Vec<PathBuf>,
    /// Build its image and make its containers anew.
    pub rebuild: bool,
    /// Files to copy: path in the container, and where it comes from; `None` deletes it.
    pub copies: IndexMap<String, Option<PathBuf>>,
    /// Files to tell the reload runner of: path in the container, and what became of it.
    pub tell: IndexMap<String, ChangeKind>,
    /// Restart its containers.
    pub restart: bool,
    /// Commands to run in its containers.
    pub execs: Vec<Hook>,
    /// A signal to its containers.
    pub signal: Option<&'static str>,
    /// Have the runner for any language start its command again.
    pub reload: bool,
}

/// The rules of these services, and what a person should know about them.
#[must_use]
pub fn rules(
    project: &Project,
    services: &[ServiceName],
    stack_files: &[PathBuf],
    ignores: &mut impl IgnoreReader,
) -> (Vec<Rule>, Vec<String>) {
    let mut rules = Vec::new();
    let mut warnings = Vec::new();
    for service in services.iter().filter_map(|name| project.services.get(name)) {
        let context = service.build.as_ref().and_then(|build| {
            let rules = ignores.of_build(build, &mut warnings);
            Some((build.context.clone(), rules?))
        });
        for rule in service.develop.iter().flat_map(|develop| &develop.watch) {
            let Some(reaction) = reaction(service, rule, &mut warnings) else { continue };
            let scope = Scope {
                root: rule.path.clone(),
                ignore: patterns(&rule.ignore),
                include: (!rule.include.is_empty()).then(|| patterns(&rule.include)),
                context: context.clone(),
            };
            rules.push(Rule { scope, meaning: Meaning::Service(service.name.clone(), reaction) });
        }
        if let Some(reload) = &service.reload {
            rules.extend(reload_rules(service, reload, context.as_ref(), &mut warnings));
        }
    }
    if rules.is_empty() {
        return (rules, warnings);
    }
    for file in ignores.files(rules.iter().map(|rule| &rule.scope)) {
        rules.push(Rule { scope: Scope::whole(file), meaning: Meaning::Ignores });
    }
    for file in stack_files {
        rules.push(Rule { scope: Scope::whole(file.clone()), meaning: Meaning::Stack });
    }
    (rules, warnings)
}

/// What changes mean by the rules.
#[must_use]
pub fn decide(rules: &[Rule], changes: &[Change]) -> Decision {
    let mut decision = Decision::default();
    for change in changes {
        for rule in change.scopes.iter().filter_map(|place| rules.get(*place)) {
            match &rule.meaning {
                Meaning::Stack => decision.stack.push(change.path.clone()),
                Meaning::Ignores => decision.ignores = true,
                Meaning::Service(service, reaction) => {
                    let work = decision.work.entry(service.clone()).or_default();
                    work.add(&rule.scope, reaction, change);
                }
            }
        }
    }
    decision
}

impl Work {
    /// Takes in what came later: it wins.
    pub fn merge(&mut self, later: Self) {
        for cause in later.causes {
            self.cause(&cause);
        }
        self.rebuild |= later.rebuild;
        self.restart |= later.restart;
        self.copies.extend(later.copies);
        self.tell.extend(later.tell);
        self.signal = later.signal.or(self.signal);
        self.reload |= later.reload;
        for exec in later.execs {
            if !self.execs.contains(&exec) {
                self.execs.push(exec);
            }
        }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.rebuild
            && !self.restart
            && self.copies.is_empty()
            && self.tell.is_empty()
            && self.execs.is_empty()
            && self.signal.is_none()
            && !self.reload
    }

    fn add(&mut self, scope: &Scope, reaction: &Reaction, change: &Change) {
        let root = scope.root.as_path();
        self.cause(&change.path);
        match reaction {
            Reaction::Rebuild => self.rebuild = true,
            Reaction::Restart => self.restart = true,
            Reaction::Tell { target } => {
                self.tell.insert(place_in(target, root, &change.path), change.kind);
            }
            Reaction::Sync { target, then } => {
                if let Some(target) = target {
                    if change.kind == ChangeKind::Removed {
                        let gone = gone_below(scope, change);
                        self.copies.insert(place_in(target, root, &gone), None);
                    } else {
                        let place = place_in(target, root, &change.path);
                        self.copies.insert(place, Some(change.path.clone()));
                    }
                }
                match then {
                    Then::Restart => self.restart = true,
                    Then::Exec(exec) if !self.execs.contains(exec) => self.execs.push(exec.clone()),
                    Then::Signal(signal) => self.signal = Some(signal),
                    Then::Reload => self.reload = true,
                    Then::Nothing | Then::Exec(_) => {}
                }
            }
        }
    }

    fn cause(&mut self, path: &Path) {
        if !self.causes.iter().any(|known| known == path) {
            self.causes.push(path.to_owned());
        }
    }
}

/// What has to go with a file that is gone: folders that are gone go as a whole. Where a rule
/// has only some files of a folder, only those.
fn gone_below(scope: &Scope, change: &Change) -> PathBuf {
    let root = &scope.root;
    match &change.gone {
        _ if scope.include.is_some() || change.path == *root => change.path.clone(),
        Some(gone) if gone.starts_with(root) && gone != root => gone.clone(),
        Some(_) => {
            let inside = change.path.strip_prefix(root).ok();
            let first = inside.and_then(|inside| inside.iter().next());
            first.map_or_else(|| change.path.clone(), |first| root.join(first))
        }
        None => change.path.clone(),
    }
}

/// The path in the container that stands for a file below a rule's path.
#[must_use]
pub fn place_in(target: &str, root: &Path, file: &Path) -> String {
    let folder = target.trim_end_matches('/');
    let inside = file.strip_prefix(root).unwrap_or(file);
    if inside.as_os_str().is_empty() {
        // A rule for one file: a target that ends with a slash is the folder that gets it.
        return match file.file_name() {
            Some(name) if target.ends_with('/') => {
                format!("{folder}/{}", name.to_string_lossy())
            }
            _ => folder.to_owned(),
        };
    }
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    format!("{folder}/{}", parts.join("/"))
}

/// What a service that reloads is watched for: the folders that it has by a bind mount, what is to
/// be copied into it, and what its image is made of.
fn reload_rules(
    service: &Service,
    reload: &Reload,
    context: Option<&(PathBuf, Dockerignore)>,
    warnings: &mut Vec<String>,
) -> Vec<Rule> {
    let mut rules = Vec::new();
    let rule =
        |scope, reaction| Rule { scope, meaning: Meaning::Service(service.name.clone(), reaction) };
    let files = reload.files();
    let scope = |root: &Path| Scope {
        root: root.to_owned(),
        ignore: files.map(|files| patterns(&files.ignore)).unwrap_or_default(),
        include: files
            .filter(|files| !files.include.is_empty())
            .map(|files| patterns(&files.include)),
        context: context.cloned(),
    };
    let then = match reload {
        Reload::Node(_) => None,
        Reload::Command(_) => Some(Then::Reload),
        Reload::Restart(_) => Some(Then::Restart),
        Reload::Signal { signal, .. } => Some(Then::Signal(signal)),
    };
    let mut mounted = Vec::new();
    for mount in &service.mounts {
        if let Mount::Bind { source, target, .. } = mount {
            mounted.push(source);
            let reaction = match &then {
                None => Reaction::Tell { target: target.clone() },
                Some(then) => Reaction::Sync { target: None, then: then.clone() },
            };
            rules.push(rule(scope(source), reaction));
        }
    }
    if let (Some(files), Some(then)) = (files, then) {
        for SyncPath { path, target } in &files.sync {
            rules.extend(
                copied(service, path, target, then.clone(), warnings)
                    .map(|reaction| rule(scope(path), reaction)),
            );
        }
    }
    if let Some(build) = &service.build {
        let dockerfile = build.dockerfile.as_deref().unwrap_or(Path::new("Dockerfile"));
        rules.push(rule(Scope::whole(build.context.join(dockerfile)), Reaction::Rebuild));
        let made_of = PackageManager::files().chain(SETTINGS).filter(|_| files.is_none());
        for file in made_of {
            let path = build.context.join(file);
            if !mounted.iter().any(|source| path.starts_with(source)) {
                rules.push(rule(Scope::whole(path), Reaction::Rebuild));
            }
        }
    }
    rules
}

/// Files of a Node project that its image is made of beside the code and the packages.
const SETTINGS: [&str; 2] = ["tsconfig.json", "nest-cli.json"];

/// What a rule asks for; `None` when that cannot be done, which a warning says.
fn reaction(service: &Service, rule: &WatchRule, warnings: &mut Vec<String>) -> Option<Reaction> {
    let then = match rule.action {
        WatchAction::Rebuild => return Some(Reaction::Rebuild),
        WatchAction::Restart => return Some(Reaction::Restart),
        WatchAction::Sync => Then::Nothing,
        WatchAction::SyncRestart => Then::Restart,
        WatchAction::SyncExec => Then::Exec(rule.exec.clone()?),
    };
    copied(service, &rule.path, rule.target.as_deref()?, then, warnings)
}

/// What it takes for a path to be in the container as it is here; `None` when that cannot be
/// done, which a warning says.
fn copied(
    service: &Service,
    path: &Path,
    target: &str,
    then: Then,
    warnings: &mut Vec<String>,
) -> Option<Reaction> {
    match place_of(service, target, path) {
        Place::Copy => Some(Reaction::Sync { target: Some(target.to_owned()), then }),
        Place::There => Some(Reaction::Sync { target: None, then }),
        Place::Foreign(why) => {
            warnings.push(format!(
                "`{}` of {} is not copied to {target}: {why}",
                path.display(),
                service.name
            ));
            None
        }
    }
}

enum Place {
    /// The file has to be copied.
    Copy,
    /// A bind mount shows the very file.
    There,
    /// Copying would do harm, or nothing.
    Foreign(&'static str),
}

fn place_of(service: &Service, target: &str, path: &Path) -> Place {
    let target = target.trim_end_matches('/');
    let inside = |mount: &str| {
        let rest = target.strip_prefix(mount.trim_end_matches('/'))?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/').to_owned())
    };
    let mounts = service.mounts.iter().filter_map(|mount| Some((mount, inside(mount.target())?)));
    // The innermost mount is what the container sees.
    let Some((mount, rest)) = mounts.max_by_key(|(mount, _)| mount.target().len()) else {
        let in_memory = service.tmpfs.iter().any(|entry| {
            inside(entry.split_once(':').map_or(entry.as_str(), |(path, _)| path)).is_some()
        });
        return if in_memory { Place::Foreign(IN_MEMORY) } else { Place::Copy };
    };
    match mount {
        Mount::Bind { source, .. }
            if source.join(&rest) == path || (rest.is_empty() && source == path) =>
        {
            Place::There
        }
        Mount::Bind { .. } => Place::Foreign("another folder of this machine is mounted there"),
        Mount::Volume { .. } => Place::Copy,
        Mount::Image { .. } => Place::Foreign("an image is mounted there, which cannot be written"),
        Mount::Tmpfs { .. } => Place::Foreign(IN_MEMORY),
    }
}

const IN_MEMORY: &str = "the engine cannot copy into a tmpfs";

fn patterns(lines: &[String]) -> Dockerignore {
    // The decoder has checked them.
    Dockerignore::of(lines.iter().map(String::as_str)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
