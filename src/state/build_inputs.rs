//! What an image is built from. Digests of it are kept in the image's labels, so that a later run
//! sees without a build whether the image is out of date, and why.

use indexmap::IndexMap;

use super::hash::{FieldDigests, digest, digest_bytes};
use super::labels;
use super::observed::{Observed, ObservedImage};
use crate::project::{Build, Dockerfile, Dockerignore, ImageRef};

/// Files that the labels tell apart. Above this number they say that something has changed, not
/// what.
const MOST_FILES: usize = 1024;

/// Files that a reason names.
const MOST_NAMES: usize = 3;

/// Fields of a build section that only say where and how to build, not what comes out.
const NOT_IN_IMAGE: [&str; 4] = ["context", "pull", "no_cache", "cache_from"];

/// Begins the field of an image that the Dockerfile begins with.
const BASE: &str = "base ";

/// The field of all files together.
const FILES: &str = "files";

/// A file of a build's context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Its path in the context, with `/`.
    pub name: String,
    digest: String,
}

impl InputFile {
    /// A file whose content has this digest ([`digest_bytes`]). The kind is part of what the image
    /// gets: whether it may be run, or is a link.
    #[must_use]
    pub fn new(name: &str, kind: &str, content: &str) -> Self {
        Self { name: name.to_owned(), digest: digest(&(kind, content)) }
    }

    /// Four characters of the name's digest, four of the content's: enough to name a change.
    fn mark(&self) -> String {
        format!("{}{}", &digest_bytes(self.name.as_bytes())[..4], &self.digest[..4])
    }
}

/// What an image would be built from now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildInputs {
    fields: FieldDigests,
    files: Vec<InputFile>,
    /// Images that the Dockerfile begins with, in familiar form.
    bases: Vec<String>,
}

impl BuildInputs {
    /// Takes together what a build depends on. `mounts` holds, for each service that runs the
    /// image, the paths of the context that it mounts: what a container gets from there is always
    /// new, whatever is in the image.
    #[must_use]
    pub fn new(
        build: &Build,
        dockerfile: (&str, &str),
        files: Vec<InputFile>,
        mounts: &[Vec<String>],
    ) -> Self {
        let (dockerfile_name, text) = dockerfile;
        let mut fields = match serde_json::to_value(build) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        for field in NOT_IN_IMAGE {
            fields.remove(field);
        }
        let mut fields = FieldDigests::of(&fields);
        let read = Dockerfile::read(text);
        let files: Vec<InputFile> = files
            .into_iter()
            .filter(|file| {
                file.name == dockerfile_name
                    || mounts.is_empty()
                    || !mounts.iter().all(|mounts| is_covered(&file.name, mounts, &read.sources))
            })
            .collect();
        if files.iter().all(|file| file.name != dockerfile_name) {
            fields.mix("dockerfile", text);
        }
        let bases = read.bases.iter().filter_map(|base| base.parse::<ImageRef>().ok());
        Self { fields, files, bases: bases.map(|base| base.familiar()).collect() }
    }

    /// The labels for an image that is built from this now.
    #[must_use]
    pub fn record(&self, observed: &Observed) -> IndexMap<String, String> {
        let mut fields = self.fields.clone();
        fields.set(FILES, &self.files_digest());
        for base in &self.bases {
            if let Some(image) = observed.image(base) {
                fields.set(&format!("{BASE}{base}"), &short_id(image));
            }
        }
        let mut record = IndexMap::from([(labels::BUILD.to_owned(), fields.to_label())]);
        if self.files.len() <= MOST_FILES {
            let marks = self.files.iter().map(InputFile::mark).collect();
            record.insert(labels::BUILD_FILES.to_owned(), marks);
        }
        record
    }

    /// Why an image is out of date, in a few words each; nothing when it is not.
    #[must_use]
    pub fn changes(&self, image: &ObservedImage, observed: &Observed) -> Vec<String> {
        let Some(record) = image.labels.get(labels::BUILD) else {
            return vec!["no record of what it was built from".to_owned()];
        };
        let mut before = FieldDigests::parse(record);
        let files_before = before.take(FILES);
        let mut bases = Vec::new();
        for base in &self.bases {
            // A base that was not here may have come since, the very same that was built from.
            let recorded = before.take(&format!("{BASE}{base}"));
            if let (Some(recorded), Some(now)) = (recorded, observed.image(base))
                && recorded != short_id(now)
            {
                bases.push(format!("base image {base} changed"));
            }
        }
        // Bases that the Dockerfile no longer has: it has changed itself.
        before.retain(|field| !field.starts_with(BASE));
        let fields = self.fields.changed_since(&before);
        let mut changes: Vec<String> =
            fields.iter().map(|field| format!("build {field} changed")).collect();
        if files_before != Some(self.files_digest()) {
            changes.extend(self.file_changes(image.labels.get(labels::BUILD_FILES)));
        }
        changes.extend(bases);
        changes
    }

    fn file_changes(&self, marks: Option<&String>) -> Vec<String> {
        let unknown = || vec!["build context changed".to_owned()];
        let Some(marks) = marks.filter(|marks| marks.is_ascii() && marks.len() % 8 == 0) else {
            return unknown();
        };
        let mut before: Vec<&str> =
            (0..marks.len() / 8).map(|index| &marks[index * 8..(index + 1) * 8]).collect();
        let mut others = Vec::new();
        for file in &self.files {
            let mark = file.mark();
            match before.iter().position(|known| *known == mark) {
                Some(known) => {
                    before.swap_remove(known);
                }
                None => others.push((mark, &file.name)),
            }
        }
        let mut changes = Vec::new();
        for (mark, name) in others {
            match before.iter().position(|known| known[..4] == mark[..4]) {
                Some(known) => {
                    before.swap_remove(known);
                    changes.push(format!("{name} changed"));
                }
                None => changes.push(format!("{name} added")),
            }
        }
        let more = changes.len().saturating_sub(MOST_NAMES);
        if more > 0 {
            changes.truncate(MOST_NAMES);
            changes.push(format!("{more} more"));
        }
        match before.len() {
            0 => {}
            1 => changes.push("a file removed".to_owned()),
            count => changes.push(format!("{count} files removed")),
        }
        if changes.is_empty() { unknown() } else { changes }
    }

    fn files_digest(&self) -> String {
        let files: Vec<(&str, &str)> =
            self.files.iter().map(|file| (file.name.as_str(), file.digest.as_str())).collect();
        digest(&files)[..16].to_owned()
    }
}

/// Whether a container sees the mounted file, so that the image's copy does not matter. It does
/// where the Dockerfile names it more closely than the mount does: it may be needed to build.
fn is_covered(file: &str, mounts: &[String], sources: &[String]) -> bool {
    let is_below = |path: &str, folder: &str| {
        folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    };
    mounts.iter().filter(|mount| *mount == file || is_below(file, mount)).any(|mount| {
        let named = |source: &&String| {
            // Where the whole context is mounted, only a file's own name is close enough.
            let close = !mount.is_empty() || source.split('/').count() == file.split('/').count();
            *source != "." && is_below(source, mount) && close
        };
        let mut named = sources.iter().filter(named);
        named.all(|source| {
            !Dockerignore::of([source.as_str()]).is_ok_and(|pattern| pattern.excludes(file))
        })
    })
}

fn short_id(image: &ObservedImage) -> String {
    let id = image.id.strip_prefix("sha256:").unwrap_or(&image.id);
    digest_bytes(id.as_bytes())[..8].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, content: &str) -> InputFile {
        InputFile::new(name, "file", &digest_bytes(content.as_bytes()))
    }

    fn inputs(files: &[(&str, &str)], mounts: &[&[&str]]) -> BuildInputs {
        let dockerfile = "FROM node:26\nCOPY package*.json prisma/schema ./\nCOPY . .\n";
        let mut all = vec![file("Dockerfile", dockerfile)];
        all.extend(files.iter().map(|(name, content)| file(name, content)));
        let mounts: Vec<Vec<String>> =
            mounts.iter().map(|mounts| mounts.iter().map(ToString::to_string).collect()).collect();
        BuildInputs::new(&Build::default(), ("Dockerfile", dockerfile), all, &mounts)
    }

    fn with_image(name: &str, id: &str, labels: IndexMap<String, String>) -> Observed {
        let image =
            ObservedImage { id: id.to_owned(), references: vec![name.to_owned()], labels, size: 0 };
        Observed { images: vec![image], ..Observed::default() }
    }

    /// What the second inputs say of an image that was built from the first ones.
    fn between(before: &BuildInputs, after: &BuildInputs) -> String {
        let observed = with_image("app:latest", "1", before.record(&Observed::default()));
        after.changes(&observed.images[0], &observed).join(", ")
    }

    #[test]
    fn changed_files_are_named() {
        let before = inputs(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")], &[]);
        let cases: [(&[(&str, &str)], &str); 6] = [
            (&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")], ""),
            (&[("a", "1"), ("b", "2"), ("c", "1"), ("d", "1")], "b changed"),
            (&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1"), ("e", "1")], "e added"),
            (&[("a", "2"), ("c", "1"), ("d", "1")], "a changed, a file removed"),
            (&[("a", "1"), ("b", "1")], "2 files removed"),
            (
                &[("a", "2"), ("b", "2"), ("c", "2"), ("d", "2"), ("e", "2")],
                "a changed, b changed, c changed, 2 more",
            ),
        ];
        for (files, expected) in cases {
            assert_eq!(between(&before, &inputs(files, &[])), expected, "{files:?}");
        }
    }

    #[test]
    fn fields_of_the_build_section_are_named() {
        let build = |change: fn(&mut Build)| {
            let mut build = Build::default();
            change(&mut build);
            BuildInputs::new(&build, ("x", "FROM a"), Vec::new(), &[])
        };
        let before = build(|_| {});
        let target = build(|it| it.target = Some("dev".to_owned()));
        assert_eq!(between(&before, &target), "build target changed");
        let arguments = build(|it| drop(it.args.insert("A".to_owned(), String::new())));
        assert_eq!(between(&before, &arguments), "build args changed");
        // Where the folder is, and whether the cache is used, changes no image.
        let elsewhere = build(|it| (it.no_cache, it.context) = (true, "/elsewhere".into()));
        assert_eq!(between(&before, &elsewhere), "");
        let other = BuildInputs::new(&Build::default(), ("x", "FROM b"), Vec::new(), &[]);
        assert_eq!(between(&before, &other), "build dockerfile changed");
    }

    #[test]
    fn a_base_counts_when_it_was_known_and_is_another_one_now() {
        let inputs = inputs(&[], &[]);
        let none = Observed::default();
        let base = |id: &str| with_image("node:26", id, IndexMap::new());
        let app =
            |built: &Observed| with_image("app:latest", "1", inputs.record(built)).images.remove(0);
        assert_eq!(inputs.changes(&app(&base("1")), &base("1")), [] as [&str; 0]);
        assert_eq!(inputs.changes(&app(&base("1")), &base("2")), ["base image node:26 changed"]);
        assert_eq!(inputs.changes(&app(&base("1")), &none), [] as [&str; 0]);
        assert_eq!(inputs.changes(&app(&none), &base("1")), [] as [&str; 0]);
    }

    #[test]
    fn what_every_container_mounts_does_not_count() {
        // (mounts of each service, whether a change of the file counts)
        let cases: [(&str, &[&[&str]], bool); 11] = [
            ("src/main.ts", &[], true),
            ("src/main.ts", &[&[]], true),
            ("src/main.ts", &[&["src"]], false),
            ("src/main.ts", &[&["src/main.ts"]], false),
            ("srcs/main.ts", &[&["src"]], true),
            ("src/main.ts", &[&["src"], &[]], true),
            ("src/main.ts", &[&[""]], false),
            // Named by the Dockerfile on their own.
            ("package.json", &[&[""]], true),
            ("sub/package.json", &[&[""]], false),
            ("prisma/schema/a", &[&["prisma"]], true),
            ("Dockerfile.more", &[&[""]], false),
        ];
        for (name, mounts, counts) in cases {
            let before = inputs(&[(name, "1")], mounts);
            let after = inputs(&[(name, "2")], mounts);
            let expected = if counts { format!("{name} changed") } else { String::new() };
            assert_eq!(between(&before, &after), expected, "{name} {mounts:?}");
        }
    }

    #[test]
    fn an_image_without_a_readable_record_is_out_of_date() {
        let inputs = inputs(&[("a", "1")], &[]);
        let observed = with_image("app:latest", "1", IndexMap::new());
        let image = &observed.images[0];
        assert_eq!(inputs.changes(image, &observed), ["no record of what it was built from"]);
        let mut record = inputs.record(&Observed::default());
        record.shift_remove(labels::BUILD_FILES);
        let observed = with_image("app:latest", "1", record);
        let other = super::tests::inputs(&[("a", "2")], &[]);
        assert_eq!(other.changes(&observed.images[0], &observed), ["build context changed"]);
    }
}
