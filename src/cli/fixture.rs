//! The project of a stack file, for the tests of commands.

use std::io;
use std::path::{Path, PathBuf};

use crate::config::decode::{DecodeRequest, decode};
use crate::config::load::{FileReader, LoadRequest, Presets, load};
use crate::config::preset;
use crate::project::Project;
use crate::report::diagnostic::render;

/// The only file that there is.
struct OneFile<'a>(&'a str);

impl FileReader for OneFile<'_> {
    fn read(&mut self, path: &Path) -> io::Result<String> {
        if self.exists(path) { Ok(self.0.to_owned()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn exists(&self, path: &Path) -> bool {
        path == Path::new("/p/devstack.yaml")
    }
}

/// The project `p` of this file.
pub(super) fn project(yaml: &str) -> Project {
    let mut files = OneFile(yaml);
    let request = LoadRequest { working_dir: PathBuf::from("/p"), ..LoadRequest::default() };
    let presets = Presets { names: preset::names(), source: &|name, _| preset::source(name) };
    let read = load(&request, presets, &mut files).and_then(|loaded| {
        let request = DecodeRequest {
            project_dir: loaded.project_dir,
            environment: loaded.environment,
            project_name: Some("p".to_owned()),
            ..DecodeRequest::default()
        };
        decode(&loaded.root, &request, &mut |path| files.read(path))
    });
    match read {
        Ok((project, _)) => project,
        Err(findings) => panic!("{}\n{yaml}", render(&findings, false, 100)),
    }
}
