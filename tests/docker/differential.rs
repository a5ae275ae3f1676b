//! The language held against docker compose: for each file of `tests/corpus` both print the same
//! model, up to the differences listed here, and docker compose reads what devstack prints.
//!
//! A file may begin with `# args: ...`, further arguments for both, and with
//! `# differs: PATH[, PATH]: why`, paths at which the two differ on purpose. `NAME.over.yaml` is
//! merged over `NAME.yaml`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Map, Value};

/// A way in which the two outputs differ everywhere, and why that is meant.
struct Difference {
    /// Why.
    #[expect(dead_code, reason = "for whoever reads or prints the list")]
    reason: &'static str,
    /// Makes one service of either output the same.
    level: fn(&mut Map<String, Value>),
}

/// What differs in every file.
const DIFFERENCES: &[Difference] = &[
    Difference {
        reason: "Compose's JSON (not its YAML) spells out that there is no command",
        level: |service| {
            for key in ["command", "entrypoint"] {
                remove_if(service, key, Value::is_null);
            }
        },
    },
    Difference {
        reason: "Compose's JSON (not its YAML) spells out that a rule runs nothing",
        level: |service| {
            let rules = service.get_mut("develop").and_then(|develop| develop.get_mut("watch"));
            for rule in rules.and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(rule) = rule.as_object_mut() {
                    remove_if(rule, "exec", |exec| exec.get("command").is_some_and(Value::is_null));
                }
            }
        },
    },
    Difference {
        reason: "devstack publishes on loopback when no address is given",
        level: |service| {
            for port in items(service, "ports") {
                remove_if(port, "host_ip", |ip| ip == "127.0.0.1");
            }
        },
    },
    Difference {
        reason: "Swarm's two ways of publishing are the same thing on one engine",
        level: |service| items(service, "ports").for_each(|port| remove_if(port, "mode", |_| true)),
    },
    Difference {
        reason: "devstack does not make a missing source of a bind mount unless told to",
        level: |service| {
            for mount in items(service, "volumes") {
                if let Some(bind) = mount.get_mut("bind").and_then(Value::as_object_mut) {
                    remove_if(bind, "create_host_path", |_| true);
                }
                for kind in ["bind", "volume", "tmpfs", "image"] {
                    remove_if(mount, kind, is_empty);
                }
            }
        },
    },
    Difference {
        reason: "devstack says how the image of a build is called",
        level: |service| {
            if service.contains_key("build") {
                remove_if(service, "image", |image| {
                    image.as_str().is_some_and(|name| name.starts_with("corpus-"))
                });
            }
        },
    },
    Difference {
        reason: "devstack says where a config or secret is mounted",
        level: |service| {
            for (key, folder) in [("configs", "/"), ("secrets", "/run/secrets/")] {
                for grant in items(service, key) {
                    let source = grant.get("source").and_then(Value::as_str).unwrap_or_default();
                    let target = grant.get("target").and_then(Value::as_str).unwrap_or(source);
                    if !target.starts_with('/') {
                        let target = format!("{folder}{target}");
                        grant.insert("target".to_owned(), Value::String(target));
                    }
                }
            }
        },
    },
    Difference {
        reason: "`deploy` means for one engine what other keys say, and devstack says it there",
        level: deploy,
    },
    Difference {
        reason: "a default needs no saying",
        level: |service| {
            remove_if(service, "restart", |policy| policy == "no");
            remove_if(service, "scale", |scale| scale == 1);
            for key in ["tty", "stdin_open", "privileged", "read_only", "oom_kill_disable"] {
                remove_if(service, key, |flag| flag == false);
            }
        },
    },
    Difference {
        reason: "a check that is switched off is written in one way",
        level: |service| {
            let Some(check) = service.get_mut("healthcheck").and_then(Value::as_object_mut) else {
                return;
            };
            if check.get("test").is_some_and(|test| *test == serde_json::json!(["NONE"])) {
                check.remove("test");
                check.insert("disable".to_owned(), Value::Bool(true));
            }
        },
    },
    Difference {
        reason: "Compose's JSON writes these keys as they are called in its source",
        level: |service| {
            let Some(blkio) = service.get_mut("blkio_config").and_then(Value::as_object_mut) else {
                return;
            };
            for limit in blkio.values_mut().filter_map(Value::as_array_mut).flatten() {
                if let Some(fields) = limit.as_object_mut() {
                    *fields = std::mem::take(fields)
                        .into_iter()
                        .map(|(key, value)| (key.to_lowercase(), value))
                        .collect();
                }
            }
        },
    },
    Difference {
        reason: "two limits that are the same are one number, and no limit is -1, text or not",
        level: |service| {
            if service.get("memswap_limit").is_some_and(|limit| limit == "-1") {
                service.insert("memswap_limit".to_owned(), Value::from(-1));
            }
            for limit in
                service.get_mut("ulimits").and_then(Value::as_object_mut).into_iter().flatten()
            {
                if limit.1["soft"] == limit.1["hard"] && limit.1.is_object() {
                    *limit.1 = limit.1["soft"].clone();
                }
            }
        },
    },
];

/// Moves what `deploy` says about one engine to the keys that say the same.
fn deploy(service: &mut Map<String, Value>) {
    let Some(mut deploy) = service.remove("deploy").filter(Value::is_object) else { return };
    let mut moved = |pointer: &str, key: &str| {
        let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
        let value = deploy
            .pointer_mut(parent)
            .and_then(Value::as_object_mut)
            .and_then(|fields| fields.remove(name));
        if let Some(value) = value {
            service.entry(key).or_insert(value);
        }
    };
    moved("/replicas", "scale");
    moved("/labels", "labels");
    moved("/resources/limits/cpus", "cpus");
    moved("/resources/limits/memory", "mem_limit");
    moved("/resources/limits/pids", "pids_limit");
    moved("/resources/reservations/memory", "mem_reservation");
    if let Some(policy) = deploy.as_object_mut().and_then(|fields| fields.remove("restart_policy"))
    {
        let attempts = policy.get("max_attempts").and_then(Value::as_u64);
        let restart = match (policy.get("condition").and_then(Value::as_str), attempts) {
            (Some("none"), _) => "no".to_owned(),
            (Some("on-failure"), Some(most)) => format!("on-failure:{most}"),
            (Some("on-failure"), None) => "on-failure".to_owned(),
            _ => "always".to_owned(),
        };
        service.insert("restart".to_owned(), Value::String(restart));
    }
    without_empty(&mut deploy);
    if !is_empty(&deploy) {
        service.insert("deploy".to_owned(), deploy);
    }
}

fn without_empty(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.values_mut().for_each(without_empty);
        fields.retain(|_, value| !is_empty(value));
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty)
}

fn remove_if(fields: &mut Map<String, Value>, key: &str, unwanted: impl FnOnce(&Value) -> bool) {
    if fields.get(key).is_some_and(unwanted) {
        fields.remove(key);
    }
}

fn items<'s>(
    service: &'s mut Map<String, Value>,
    key: &str,
) -> impl Iterator<Item = &'s mut Map<String, Value>> {
    let list = service.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten();
    list.filter_map(Value::as_object_mut)
}

/// One output in the form in which the two are compared.
fn leveled(text: &[u8]) -> Value {
    let mut model: Value = serde_json::from_slice(text).expect("it prints JSON");
    for service in model.get_mut("services").and_then(Value::as_object_mut).into_iter().flatten() {
        if let Some(fields) = service.1.as_object_mut() {
            for difference in DIFFERENCES {
                (difference.level)(fields);
            }
        }
    }
    for network in model.get_mut("networks").and_then(Value::as_object_mut).into_iter().flatten() {
        // Compose's JSON (not its YAML) spells out what is empty.
        if let Some(fields) = network.1.as_object_mut() {
            remove_if(fields, "ipam", is_empty);
        }
    }
    // Compose's JSON keeps extensions at the top only, its YAML everywhere, as devstack does.
    for section in ["services", "networks", "volumes"] {
        if let Some(section) = model.get_mut(section) {
            without_extensions(section);
        }
    }
    without_empty(&mut model);
    model
}

fn without_extensions(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| !key.starts_with("x-"));
            fields.values_mut().for_each(without_extensions);
        }
        Value::Array(items) => items.iter_mut().for_each(without_extensions),
        _ => {}
    }
}

/// Paths at which two trees differ, each with both values.
fn differing(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<(String, String)>) {
    match (ours, theirs) {
        (Value::Object(our), Value::Object(their)) => {
            let keys: BTreeSet<&String> = our.keys().chain(their.keys()).collect();
            for key in keys {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let absent = Value::String("absent".to_owned());
                differing(
                    &below,
                    our.get(key).unwrap_or(&absent),
                    their.get(key).unwrap_or(&absent),
                    found,
                );
            }
        }
        (Value::Array(our), Value::Array(their)) if our.len() == their.len() => {
            for (index, (ours, theirs)) in our.iter().zip(their).enumerate() {
                differing(&format!("{path}[{index}]"), ours, theirs, found);
            }
        }
        // `0.5` and `0.50`, `1` and `1.0`.
        _ if ours == theirs || (ours.is_number() && ours.as_f64() == theirs.as_f64()) => {}
        _ => found.push((path.to_owned(), format!("devstack {ours}, compose {theirs}"))),
    }
}

/// A file of the corpus.
struct Case {
    files: Vec<PathBuf>,
    arguments: Vec<String>,
    /// Paths at which the two differ on purpose.
    differs: Vec<String>,
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn cases() -> Vec<Case> {
    let mut names: Vec<PathBuf> = fs::read_dir(corpus())
        .expect("the corpus is there")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|it| it == "yaml"))
        .filter(|path| !path.to_string_lossy().ends_with(".over.yaml"))
        .collect();
    names.sort();
    names.into_iter().map(case).collect()
}

fn case(path: PathBuf) -> Case {
    let text = fs::read_to_string(&path).expect("it can be read");
    let mut case = Case { files: Vec::new(), arguments: Vec::new(), differs: Vec::new() };
    for line in text.lines().take_while(|line| line.starts_with('#')) {
        if let Some(arguments) = line.strip_prefix("# args: ") {
            case.arguments.extend(arguments.split_whitespace().map(str::to_owned));
        }
        if let Some((paths, _why)) =
            line.strip_prefix("# differs: ").and_then(|rest| rest.split_once(": "))
        {
            case.differs.extend(paths.split(", ").map(str::to_owned));
        }
    }
    let over = path.with_extension("over.yaml");
    case.files.push(path);
    case.files.extend(over.is_file().then_some(over));
    case
}

/// docker-compose 2.40.3: `DEVSTACK_COMPOSE`, or what `scripts/compose.sh` brings.
pub(crate) fn compose() -> PathBuf {
    if let Some(path) = std::env::var_os("DEVSTACK_COMPOSE") {
        return PathBuf::from(path);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/compose.sh");
    let output = Command::new(script).output().expect("the script can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn run(program: &Path, arguments: &[String]) -> Output {
    Command::new(program)
        .args(arguments)
        .current_dir(corpus())
        .env_clear()
        .envs([
            ("HOME", "/home/corpus"),
            ("CORPUS_SET", "value"),
            ("CORPUS_EMPTY", ""),
            ("CORPUS_TRUE", "true"),
            ("CORPUS_NUMBER", "5"),
            ("CORPUS_FLOAT", "0.5"),
            ("CORPUS_PORT", "8081"),
        ])
        .output()
        .expect("it can be run")
}

/// What is wrong with one file; nothing when both agree.
fn compared(case: &Case, compose: &Path) -> Vec<String> {
    let devstack = Path::new(env!("CARGO_BIN_EXE_devstack"));
    let mut arguments: Vec<String> = Vec::new();
    for file in &case.files {
        arguments.extend(["-f".to_owned(), file.display().to_string()]);
    }
    arguments.extend(case.arguments.iter().cloned());
    arguments.extend(["config", "--format", "json"].map(str::to_owned));
    let theirs = run(compose, &arguments);
    arguments.push("--show-secrets".to_owned());
    let ours = run(devstack, &arguments);
    for (name, output) in [("compose", &theirs), ("devstack", &ours)] {
        if !output.status.success() {
            return vec![format!("{name} refuses: {}", String::from_utf8_lossy(&output.stderr))];
        }
    }
    let mut found = Vec::new();
    differing("", &leveled(&ours.stdout), &leveled(&theirs.stdout), &mut found);
    let meant = |path: &str| case.differs.iter().any(|prefix| path.starts_with(prefix.as_str()));
    let mut wrong: Vec<String> = found
        .iter()
        .filter(|(path, _)| !meant(path))
        .map(|(path, values)| format!("{path}: {values}"))
        .collect();
    // A difference that is none any more must not hide the next one.
    for prefix in &case.differs {
        if !found.iter().any(|(path, _)| path.starts_with(prefix.as_str())) {
            wrong.push(format!("`# differs: {prefix}` is not true any more"));
        }
    }
    wrong.extend(reread(&ours, compose));
    wrong
}

/// docker compose reads what devstack prints.
fn reread(ours: &Output, compose: &Path) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("compose.json");
    fs::write(&file, &ours.stdout).expect("it can be written");
    let arguments = ["-f", &file.display().to_string(), "--profile", "*", "config", "-q"];
    let output = run(compose, &arguments.map(str::to_owned));
    (!output.status.success()).then(|| {
        format!("compose cannot read the output: {}", String::from_utf8_lossy(&output.stderr))
    })
}

#[test]
#[ignore = "needs docker-compose 2.40.3, which scripts/compose.sh brings"]
fn the_model_is_that_of_docker_compose() {
    let compose = compose();
    let cases = cases();
    assert!(cases.len() >= 80, "the corpus has only {} files", cases.len());
    let mut report: Vec<String> = Vec::new();
    for case in &cases {
        for line in compared(case, &compose) {
            let name = case.files[0].file_name().unwrap_or_default().to_string_lossy();
            report.push(format!("{name}: {line}"));
        }
    }
    assert!(report.is_empty(), "\n{}", report.join("\n"));
    println!("{} files agree", cases.len());
}
