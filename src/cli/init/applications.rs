//! Looks for applications in a folder and in those below it where a repository has them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::config::diagnostic::Source;
use crate::config::dotenv;
use crate::config::environment::Environment;
use crate::init::{Application, Installer};
use crate::os::files::{files_below, folders, read_text};
use crate::project::Installation;

/// Folders that hold further applications.
const HOLDERS: [&str; 4] = ["apps", "packages", "services", "backend"];
/// Files by which an application says which variables it takes.
const ENV_FILES: [&str; 4] = [".env", ".env.example", ".env.sample", ".env.development"];
const KONG: [&str; 4] = ["kong.yml", "kong.yaml", "kong/kong.yml", "kong/kong.yaml"];
const SETTINGS: [&str; 5] =
    ["tsconfig.json", "tsconfig.build.json", "nest-cli.json", ".swcrc", "prisma.config.ts"];
const YARN_FOLDERS: [&str; 3] = [".yarn/releases", ".yarn/plugins", ".yarn/patches"];
/// Sources looked at for what they answer to.
const MOST_SOURCES: usize = 2_000;

/// The folder itself, if it is an application, else the folders in it that are.
pub(super) fn find(dir: &Path) -> Vec<Application> {
    let here = look(dir, ".", dir);
    if here.is_runnable() {
        return vec![here];
    }
    let mut found = vec![here];
    for folder in folders(dir) {
        found.push(look(&dir.join(&folder), &format!("./{folder}"), dir));
        if HOLDERS.contains(&folder.as_str()) {
            for below in folders(&dir.join(&folder)) {
                let path = format!("./{folder}/{below}");
                found.push(look(&dir.join(&folder).join(&below), &path, dir));
            }
        }
    }
    found
}

fn look(folder: &Path, path: &str, stack: &Path) -> Application {
    let text = |name: &str| read_text(&folder.join(name)).ok();
    let has = |name: &&str| folder.join(name).is_file();
    let mut variables = BTreeSet::new();
    for name in ENV_FILES {
        let Some(text) = text(name) else { continue };
        let source = Arc::new(Source { name: name.to_owned(), text });
        let (assignments, _) = dotenv::parse(&source, &Environment::default());
        variables.extend(assignments.into_iter().map(|it| it.name));
    }
    let package = text("package.json");
    let sources = sources(folder, text("nest-cli.json").as_deref());
    let main = sources.as_ref().and_then(|(folder, entry)| text(&format!("{folder}/{entry}")));
    let has_health = sources.as_ref().is_some_and(|(below, _)| answers_health(&folder.join(below)));
    Application {
        path: path.to_owned(),
        name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        packages_by: packages_by(folder, package.as_deref().unwrap_or_default()),
        package,
        dockerfile: text("Dockerfile"),
        prisma: text("prisma/schema.prisma"),
        variables,
        sources,
        main,
        has_health,
        settings: SETTINGS.iter().filter(|name| has(name)).map(ToString::to_string).collect(),
        kong: KONG.iter().find(|name| folder == stack && has(name)).map(ToString::to_string),
    }
}

/// Who installs the packages, and the files that this takes.
fn packages_by(folder: &Path, package: &str) -> Option<Installer> {
    // That it is there is enough where it is no text.
    let lock = |name: &str| {
        let file = folder.join(name);
        file.is_file().then(|| read_text(&file).unwrap_or_default())
    };
    let installation = Installation::of(package, lock)?;
    let settings = installation.manager.settings.iter();
    let settings = settings.filter(|name| folder.join(name).is_file()).cloned().collect();
    // Yarn's own release, plugins and patches; what else lies there is only a cache.
    let folders = YARN_FOLDERS.iter().filter(|name| folder.join(name).is_dir());
    Some(Installer {
        folders: folders.map(ToString::to_string).collect(),
        yarn_settings: read_text(&folder.join(".yarnrc.yml")).unwrap_or_default(),
        settings,
        installation,
    })
}

/// Where Nest's own settings say that the sources begin.
fn sources(folder: &Path, nest: Option<&str>) -> Option<(String, String)> {
    let nest: serde_json::Value =
        nest.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let said = |key: &str, usual: &str| nest[key].as_str().unwrap_or(usual).to_owned();
    let root = said("sourceRoot", "src");
    let entry = format!("{}.ts", said("entryFile", "main"));
    let root = root.trim_start_matches("./").trim_end_matches('/').to_owned();
    folder.join(&root).join(&entry).is_file().then_some((root, entry))
}

/// Whether a controller answers to `/health`, which is what the preset asks for.
fn answers_health(sources: &Path) -> bool {
    let controllers = files_below(sources, MOST_SOURCES);
    let controllers =
        controllers.iter().filter(|file| file.to_string_lossy().ends_with("controller.ts"));
    controllers.filter_map(|file| read_text(file).ok()).any(|text| {
        let route = text.split("@Controller(").nth(1).and_then(|rest| rest.split(')').next());
        route.is_some_and(|route| {
            route.trim_matches(['\'', '"', '`', ' ']).trim_start_matches('/') == "health"
        }) && text.contains("@Get()")
    })
}
