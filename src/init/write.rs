//! A stack for the applications that are there.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::installer::Installer;
use super::modeline;
use crate::project::{Dockerfile, ServiceName, Stage};

/// What is known of an application's folder.
#[derive(Debug, Clone, Default)]
pub struct Application {
    /// From the folder of the stack's file: `.`, or `./apps/api`.
    pub path: String,
    /// The folder's own name.
    pub name: String,
    /// The text of its `package.json`.
    pub package: Option<String>,
    /// Who installs its packages; npm when nothing says so.
    pub packages_by: Option<Installer>,
    /// The text of its `Dockerfile`.
    pub dockerfile: Option<String>,
    /// The text of the schema of Prisma.
    pub prisma: Option<String>,
    /// The names in its `.env` and `.env.example`.
    pub variables: BTreeSet<String>,
    /// The folder of its sources and the file that begins them, such as `src` and `main.ts`.
    pub sources: Option<(String, String)>,
    /// The text of the file that begins the sources.
    pub main: Option<String>,
    /// Whether its sources answer to `/health`.
    pub has_health: bool,
    /// Settings of compilers that are there, such as `tsconfig.json`.
    pub settings: Vec<String>,
    /// A declarative configuration for Kong, from the folder of the stack's file.
    pub kong: Option<String>,
}

/// A file to write, and what a person should look at in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub text: String,
    /// Its services.
    pub services: Vec<String>,
    /// What was guessed, a line each.
    pub notes: Vec<String>,
}

/// The port of an application that does not say another one, which the preset gives it.
const PRESET_PORT: u16 = 3001;
/// Stages whose images hold what an application is developed with, the likeliest first.
const STAGES: [&str; 7] = ["dev", "development", "local", "build", "builder", "base", "deps"];
const NODE_DOCKERFILE: &str = include_str!("../../templates/init/node.Dockerfile");

/// Writes a stack for what was found; `None` when no folder holds an application that devstack
/// knows how to run.
#[must_use]
pub fn write(applications: &[Application]) -> Option<Written> {
    let runnable: Vec<&Application> = applications.iter().filter(|it| it.is_runnable()).collect();
    if runnable.is_empty() {
        return None;
    }
    let mut stack = Stack { text: modeline(), services: Vec::new(), notes: Vec::new() };
    stack.text.push_str("services:\n");
    let needed: Vec<&Backing> =
        BACKINGS.iter().filter(|backing| runnable.iter().any(|it| backing.is_needed(it))).collect();
    for backing in &needed {
        stack.begin(&backing.service);
        stack.line(4, &format!("preset: {}", backing.preset));
    }
    let mut names = Vec::new();
    for application in &runnable {
        let name = stack.free_name(application, runnable.len() == 1);
        stack.begin(&name);
        stack.application(application, &needed);
        names.push(name);
    }
    if let (Some(kong), Some(first)) =
        (applications.iter().find_map(|it| it.kong.as_ref()), names.first())
    {
        stack.begin("kong");
        stack.line(4, "preset: kong");
        stack.line(4, "volumes:");
        stack.line(6, &format!("- {}", quoted(&format!("./{kong}:/kong/kong.yml:ro"))));
        stack.line(4, "depends_on:");
        stack.line(6, &format!("{first}: {{condition: service_started}}"));
    }
    let Stack { text, services, notes } = stack;
    Some(Written { text, services, notes })
}

/// A service that applications need, of `templates/init/services.yaml`.
#[derive(Debug, Deserialize)]
struct Backing {
    service: String,
    preset: String,
    packages: Vec<String>,
    #[serde(default)]
    unless: Vec<String>,
    #[serde(default)]
    prisma: Vec<String>,
    variables: Vec<Variable>,
}

#[derive(Debug, Deserialize)]
struct Variable {
    names: Vec<String>,
    value: String,
    /// Whether it is written even if the application has none of its names.
    #[serde(default)]
    always: bool,
}

static BACKINGS: LazyLock<Vec<Backing>> = LazyLock::new(|| {
    serde_yaml::from_str(include_str!("../../templates/init/services.yaml"))
        .expect("a test reads the template")
});

impl Backing {
    fn is_needed(&self, application: &Application) -> bool {
        let packages = application.packages();
        if let Some(provider) = application.prisma_provider().filter(|_| !self.prisma.is_empty()) {
            return self.prisma.contains(&provider) || packages.contains("pg");
        }
        self.packages.iter().any(|package| packages.contains(package))
            && !self.unless.iter().any(|package| packages.contains(package))
    }

    /// The lines by which an application learns of the service.
    fn variables(&self, application: &Application) -> Vec<(&str, &str)> {
        let hinted = |variable: &Variable| {
            variable.names.iter().any(|name| application.variables.contains(name))
        };
        let is_hinted = self.variables.iter().any(hinted);
        let mut lines = Vec::new();
        for (index, variable) in self.variables.iter().enumerate() {
            let names = variable.names.iter();
            let known: Vec<&String> =
                names.filter(|name| application.variables.contains(*name)).collect();
            let is_written = variable.always || (index == 0 && !is_hinted);
            let fallback = variable.names.first().filter(|_| known.is_empty() && is_written);
            let written = known.into_iter().chain(fallback);
            lines.extend(written.map(|name| (name.as_str(), variable.value.as_str())));
        }
        lines
    }
}

impl Application {
    fn json(&self) -> Value {
        let text = self.package.as_deref().unwrap_or_default();
        serde_json::from_str(text).unwrap_or(Value::Null)
    }

    fn packages(&self) -> BTreeSet<String> {
        let package = self.json();
        let lists = ["dependencies", "devDependencies", "optionalDependencies"];
        lists
            .iter()
            .filter_map(|list| package.get(list)?.as_object())
            .flat_map(|list| list.keys().cloned())
            .collect()
    }

    /// Whether devstack knows how to run it.
    #[must_use]
    pub fn is_runnable(&self) -> bool {
        self.is_nest() || self.dockerfile.is_some()
    }

    /// Whether it is an application of NestJS.
    fn is_nest(&self) -> bool {
        self.packages().contains("@nestjs/core") && self.sources.is_some()
    }

    /// The database that Prisma's schema is for.
    fn prisma_provider(&self) -> Option<String> {
        let text = self.prisma.as_deref()?;
        let datasource = text.split("datasource").nth(1)?;
        let line = datasource.lines().find(|line| line.trim_start().starts_with("provider"))?;
        line.split('"').nth(1).map(str::to_lowercase)
    }

    /// The port that its sources say, when no variable decides.
    fn port(&self) -> Option<u16> {
        let main = self.main.as_deref()?;
        let argument = main.split(".listen(").nth(1)?;
        let argument = argument.split([')', ',']).next()?.trim();
        argument.parse().ok()
    }
}

/// A file that is being written.
struct Stack {
    text: String,
    services: Vec<String>,
    notes: Vec<String>,
}

impl Stack {
    fn line(&mut self, indent: usize, line: &str) {
        writeln!(self.text, "{:indent$}{line}", "").expect("a string takes all");
    }

    fn begin(&mut self, service: &str) {
        if !self.services.is_empty() {
            self.text.push('\n');
        }
        self.line(2, &format!("{service}:"));
        self.services.push(service.to_owned());
    }

    /// What a service is called: after its folder, or `api` and `app` where that is the stack's.
    fn free_name(&self, application: &Application, alone: bool) -> String {
        let usual = if application.is_nest() { "api" } else { "app" };
        let folder: String = application
            .name
            .to_lowercase()
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
            .collect();
        let named = folder.trim_start_matches(['-', '_']);
        let is_name = named.parse::<ServiceName>().is_ok();
        let name = if alone && application.path == "." || !is_name { usual } else { named };
        let mut free = name.to_owned();
        let mut number = 2;
        while self.services.contains(&free) {
            free = format!("{name}-{number}");
            number += 1;
        }
        free
    }

    fn application(&mut self, application: &Application, backings: &[&Backing]) {
        let needed: Vec<&&Backing> =
            backings.iter().filter(|backing| backing.is_needed(application)).collect();
        let mut variables: Vec<(&str, &str)> =
            needed.iter().flat_map(|backing| backing.variables(application)).collect();
        let port = if application.is_nest() {
            let port = application.port();
            self.nest(application, port.unwrap_or(PRESET_PORT));
            port.filter(|port| *port != PRESET_PORT)
        } else {
            self.built(application);
            None
        };
        let number = port.map(|port| format!("\"{port}\""));
        if let Some(number) = &number {
            variables.push(("PORT", number));
        }
        if !variables.is_empty() {
            self.line(4, "environment:");
            for (name, value) in variables {
                self.line(6, &format!("{name}: {value}"));
            }
        }
        if !needed.is_empty() {
            self.line(4, "depends_on:");
            for backing in needed {
                self.line(6, &format!("{}: {{condition: service_healthy}}", backing.service));
            }
        }
    }

    /// An application of NestJS under devstack's reload runner.
    fn nest(&mut self, application: &Application, port: u16) {
        let (folder, entry) = application.sources.clone().unwrap_or_default();
        self.line(4, "preset: nestjs");
        self.line(4, "build:");
        self.line(6, &format!("context: {}", quoted(&application.path)));
        let dockerfile = application.dockerfile.as_deref().map(Dockerfile::read);
        let mut workdir = "/app".to_owned();
        if let Some(dockerfile) = dockerfile {
            let stage = STAGES.iter().find_map(|name| dockerfile.stage(name));
            if let Some(name) = stage.and_then(|stage| stage.name.as_ref()) {
                self.line(6, &format!("target: {}", quoted(name)));
            }
            let stage = stage.or(dockerfile.stages.last());
            if let Some(known) = stage.and_then(|stage| dockerfile.workdir(stage)) {
                known.clone_into(&mut workdir);
            }
            if stage.is_some_and(|stage| stage.is_copied_into) {
                self.notes.push(
                    "the Dockerfile has no stage for development (`dev`, `build`): the image must \
                     hold the sources and the packages of development"
                        .to_owned(),
                );
            }
        } else {
            self.inline(application, &folder);
        }
        if application.packages_by.as_ref().is_some_and(Installer::is_plug_and_play) {
            self.notes.push(
                "Yarn's Plug'n'Play has no node_modules, which reloads need: write `nodeLinker: \
                 node-modules` into .yarnrc.yml"
                    .to_owned(),
            );
        }
        self.line(4, "volumes:");
        let source = if application.path == "." {
            format!("./{folder}")
        } else {
            format!("{}/{folder}", application.path)
        };
        let target = workdir.trim_end_matches('/');
        self.line(6, &format!("- {}", quoted(&format!("{source}:{target}/{folder}:ro"))));
        if (folder.as_str(), entry.as_str()) != ("src", "main.ts") {
            self.line(4, &format!("reload: {{entry: {}}}", quoted(&format!("{folder}/{entry}"))));
        }
        if port != PRESET_PORT {
            self.line(4, &format!("ports: !override [\"auto:{port}:{port}\"]"));
            self.line(4, &format!("urls: {{http: \"http://{{address:{port}}}\"}}"));
        }
        if !application.has_health {
            self.line(4, "# Better a path that answers 200 when the application can be used:");
            self.line(
                4,
                &format!("# ready: {{http: {{port: {port}, path: /health, status: 200}}}}"),
            );
            self.line(4, &format!("ready: {{tcp: {port}}}"));
            self.line(4, "healthcheck: {disable: true}");
        }
    }

    /// An image of the application's packages, where there is no Dockerfile.
    fn inline(&mut self, application: &Application, folder: &str) {
        let by = application.packages_by.as_ref();
        let mut files = vec!["package.json"];
        files.extend(by.into_iter().flat_map(Installer::files));
        let install = by.map_or_else(|| "npm install".to_owned(), Installer::command);
        let settings = application.settings.join(" ");
        let text = NODE_DOCKERFILE
            .replace("{packages}", &files.join(" "))
            .replace("{install}", &install)
            .replace("{settings}", &settings)
            .replace("{sources}", folder);
        self.line(6, "dockerfile_inline: |");
        for line in text.lines().filter(|line| !line.starts_with("COPY  ")) {
            let folders = by.filter(|_| line.starts_with("RUN ")).map(|by| by.folders.as_slice());
            for folder in folders.unwrap_or_default() {
                self.line(8, &format!("COPY {folder} ./{folder}"));
            }
            // Its client is made from the schema, next to the packages.
            if line.starts_with("CMD") && application.prisma.is_some() {
                self.line(8, "COPY prisma ./prisma");
                self.line(8, "RUN npx prisma generate");
            }
            self.line(8, line);
        }
        self.notes.push("there is no Dockerfile: one is written into the file".to_owned());
    }

    /// Whatever a Dockerfile makes.
    fn built(&mut self, application: &Application) {
        let dockerfile = Dockerfile::read(application.dockerfile.as_deref().unwrap_or_default());
        let development = ["dev", "development", "local"];
        let stage: Option<&Stage> = development.iter().find_map(|name| dockerfile.stage(name));
        match stage.and_then(|stage| stage.name.as_ref()) {
            Some(name) => {
                let context = quoted(&application.path);
                self.line(4, &format!("build: {{context: {context}, target: {}}}", quoted(name)));
            }
            None => self.line(4, &format!("build: {}", quoted(&application.path))),
        }
        let exposed = stage.or(dockerfile.stages.last()).map(|stage| stage.exposed.as_slice());
        let Some((first, all)) = exposed.and_then(|ports| Some((ports.first()?, ports))) else {
            self.notes.push("the Dockerfile exposes no port: none is published".to_owned());
            return;
        };
        let ports: Vec<String> = all.iter().map(|port| format!("\"auto:{port}:{port}\"")).collect();
        self.line(4, &format!("ports: [{}]", ports.join(", ")));
        self.line(4, &format!("ready: {{tcp: {first}}}"));
    }
}

/// A text as YAML writes it in a flow or behind a key.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '/' | '-' | '_' | ':');
    let plain = !text.is_empty()
        && text.chars().all(is_plain)
        && !text.starts_with('-')
        && !text.ends_with(':')
        && !text.chars().all(|c| c.is_ascii_digit());
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}
