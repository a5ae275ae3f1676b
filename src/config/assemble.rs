//! One project's files, in order, into one tree: interpolated, with `include` and `extends`
//! resolved, merged. `!reset` and `!override` are still on it.

use std::path::{Path, PathBuf};

use super::discover::is_devstack_file;
use super::environment::Environment;
use super::extend;
use super::include;
use super::layer::LayerOrigin;
use super::merge::{MergeOptions, merge};
use super::node::Node;
use super::reader::Reader;

/// A project: the files that belong together and what holds for them.
pub(crate) struct Layers<'a> {
    pub(crate) files: &'a [PathBuf],
    /// Folder to which the files' relative paths refer.
    pub(crate) dir: &'a Path,
    pub(crate) environment: &'a Environment,
    /// The files that include these, outermost first.
    pub(crate) included_by: &'a [PathBuf],
}

/// Merges the files of a project. `None` when none of them can be used.
pub(crate) fn assemble(layers: &Layers<'_>, reader: &mut Reader<'_>) -> Option<Node> {
    let first_is_devstack = layers.files.first().is_some_and(|first| is_devstack_file(first));
    let mut merged: Option<Node> = None;
    for path in layers.files {
        let options =
            MergeOptions { ports_replace_by_target: first_is_devstack || is_devstack_file(path) };
        for mut document in reader.take_documents(path) {
            reader.interpolate(&mut document, layers.environment);
            let own = reader.layers.is_some().then(|| document.clone());
            document = include::resolve(document, path, layers, options, reader);
            extend::resolve(&mut document, merged.as_ref(), path, layers, options, reader);
            // What it includes and extends lies below it.
            if let Some(own) = &own {
                let origin = match layers.included_by.last() {
                    Some(by) => LayerOrigin::Include { by: reader.display(by) },
                    None => LayerOrigin::File,
                };
                reader.layer(origin, &[], own, layers.environment);
            }
            merged = Some(match merged {
                Some(below) => merge(below, document, options, &mut reader.findings),
                None => document,
            });
        }
    }
    merged
}
