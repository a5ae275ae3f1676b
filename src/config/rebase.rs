//! Relative paths of a file in another folder, made absolute before its services move into a
//! project whose relative paths mean something else.

use std::path::Path;

use indexmap::IndexMap;

use super::node::{Entry, Node, Value};
use super::paths::absolute;

/// Rebases a whole included project.
pub(crate) fn rebase(root: &mut Node, dir: &Path) {
    each_value(root, "services", |service| rebase_service(service, dir));
    for key in ["secrets", "configs"] {
        each_value(root, key, |object| at(object, "file", |file| rebase_text(file, dir)));
    }
    each_value(root, "volumes", |volume| {
        let binds = volume
            .get("driver_opts")
            .and_then(|options| options.node.get("o"))
            .and_then(|option| option.node.scalar_text())
            .is_some_and(|option| option.split(',').any(|word| word == "bind" || word == "rbind"));
        if binds {
            at(volume, "driver_opts", |options| {
                at(options, "device", |device| rebase_text(device, dir));
            });
        }
    });
}

/// Rebases one service.
pub(crate) fn rebase_service(service: &mut Node, dir: &Path) {
    at(service, "build", |build| rebase_build(build, dir));
    for key in ["env_file", "label_file"] {
        at(service, key, |files| {
            each_item(files, |file| match file.value {
                Value::Mapping(_) => at(file, "path", |path| rebase_text(path, dir)),
                _ => rebase_text(file, dir),
            });
        });
    }
    at(service, "volumes", |volumes| each_item(volumes, |volume| rebase_volume(volume, dir)));
    at(service, "develop", |develop| {
        at(develop, "watch", |rules| {
            each_item(rules, |rule| at(rule, "path", |path| rebase_text(path, dir)));
        });
    });
    at(service, "credential_spec", |spec| at(spec, "file", |file| rebase_text(file, dir)));
    at(service, "reload", |reload| rebase_reload(reload, dir));
    at(service, "x-devstack", |own| at(own, "reload", |reload| rebase_reload(reload, dir)));
}

/// `PATH:TARGET` of what is copied.
fn rebase_reload(reload: &mut Node, dir: &Path) {
    at(reload, "sync", |paths| {
        each_item(paths, |item| {
            let parts = item.scalar_text().and_then(|text| text.rsplit_once(':'));
            if let Some((path, target)) = parts.filter(|(path, _)| !path.starts_with('~')) {
                let path = absolute(dir, Path::new(path));
                let text = format!("{}:{target}", path.to_string_lossy());
                item.value = Value::String { text, plain: false };
            }
        });
    });
}

fn rebase_build(build: &mut Node, dir: &Path) {
    if build.scalar_text().is_some() {
        rebase_context(build, dir);
        return;
    }
    let span = build.span.clone();
    if let Value::Mapping(entries) = &mut build.value {
        // A build without a context means the folder of the file that says so.
        let default = || Entry {
            key_span: span.clone(),
            node: Node {
                value: Value::String { text: ".".to_owned(), plain: false },
                span: span.clone(),
                tag: None,
            },
        };
        entries.entry("context".to_owned()).or_insert_with(default);
    }
    at(build, "context", |context| rebase_context(context, dir));
    at(build, "additional_contexts", |contexts| match &mut contexts.value {
        Value::Mapping(entries) => {
            for entry in entries.values_mut() {
                rebase_context(&mut entry.node, dir);
            }
        }
        Value::Sequence(items) => {
            for item in items {
                rebase_named_context(item, dir);
            }
        }
        _ => {}
    });
}

/// A folder, unless it is an address, another service or an image.
fn rebase_context(context: &mut Node, dir: &Path) {
    let elsewhere = context.scalar_text().is_none_or(is_elsewhere);
    if !elsewhere {
        rebase_text(context, dir);
    }
}

fn rebase_named_context(item: &mut Node, dir: &Path) {
    let Some((name, context)) = item.scalar_text().and_then(|text| text.split_once('=')) else {
        return;
    };
    if !is_elsewhere(context) {
        let path = absolute(dir, Path::new(context));
        let text = format!("{name}={}", path.to_string_lossy());
        item.value = Value::String { text, plain: false };
    }
}

fn is_elsewhere(context: &str) -> bool {
    context.contains("://")
        || ["git@", "github.com/", "service:", "docker-image:", "oci-layout:"]
            .iter()
            .any(|prefix| context.starts_with(prefix))
}

fn rebase_volume(volume: &mut Node, dir: &Path) {
    if let Value::Mapping(_) = volume.value {
        let binds = volume.get("type").and_then(|kind| kind.node.scalar_text()) == Some("bind");
        if binds {
            at(volume, "source", |source| rebase_text(source, dir));
        }
        return;
    }
    let Some((source, rest)) = volume.scalar_text().and_then(|text| text.split_once(':')) else {
        return;
    };
    // Only a source that begins with `.` is a relative folder; a name is a volume.
    if source.starts_with('.') {
        let path = absolute(dir, Path::new(source));
        let text = format!("{}:{rest}", path.to_string_lossy());
        volume.value = Value::String { text, plain: false };
    }
}

fn rebase_text(node: &mut Node, dir: &Path) {
    // Where a variable leads is not known while it is one.
    if let Some(text) = node.scalar_text().filter(|text| !text.starts_with(['~', '$'])) {
        let path = absolute(dir, Path::new(text));
        node.value = Value::String { text: path.to_string_lossy().into_owned(), plain: false };
    }
}

fn at(node: &mut Node, key: &str, change: impl FnOnce(&mut Node)) {
    if let Value::Mapping(entries) = &mut node.value
        && let Some(entry) = entries.get_mut(key)
    {
        change(&mut entry.node);
    }
}

fn each_value(root: &mut Node, key: &str, mut change: impl FnMut(&mut Node)) {
    at(root, key, |node| {
        if let Value::Mapping(entries) = &mut node.value {
            for_each(entries, &mut change);
        }
    });
}

fn for_each(entries: &mut IndexMap<String, Entry>, change: &mut impl FnMut(&mut Node)) {
    for entry in entries.values_mut() {
        change(&mut entry.node);
    }
}

/// The items of a list; a value that is no list is its only item.
fn each_item(node: &mut Node, mut change: impl FnMut(&mut Node)) {
    match &mut node.value {
        Value::Sequence(items) => {
            for item in items {
                change(item);
            }
        }
        _ => change(node),
    }
}
