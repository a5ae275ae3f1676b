use std::fmt::Write as _;
use std::path::Path;

use super::*;

/// The sample of a failure: facts in lines that begin with `#`, then its last lines.
struct Sample {
    exit_code: Option<i64>,
    oom_killed: bool,
    engine_error: String,
    probe: Option<String>,
    log: Vec<String>,
}

fn sample(id: &str) -> Sample {
    let file = format!("src/explain/samples/{id}.txt");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("no {}", path.display()));
    let fact = |name: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(&format!("# {name}: ")));
        found.map(str::to_owned)
    };
    Sample {
        exit_code: fact("exit").map(|code| code.parse().unwrap()),
        oom_killed: fact("oom").is_some(),
        engine_error: fact("engine").unwrap_or_default(),
        probe: fact("probe"),
        log: text.lines().filter(|line| !line.starts_with("# ")).map(str::to_owned).collect(),
    }
}

fn explained(sample: &Sample) -> Option<Explanation> {
    explain(&Symptoms {
        service: "web",
        exit_code: sample.exit_code,
        oom_killed: sample.oom_killed,
        engine_error: &sample.engine_error,
        probe: sample.probe.as_deref(),
        log: &sample.log,
    })
}

#[test]
fn every_failure_is_known_by_its_log() {
    let mut told = String::new();
    for signature in &*SIGNATURES {
        let explanation = explained(&sample(&signature.id));
        let explanation = explanation.unwrap_or_else(|| panic!("{} is not known", signature.id));
        assert_eq!(explanation.id, signature.id, "another failure is found in its log");
        for text in [&explanation.cause, &explanation.help] {
            assert!(!text.contains("{1}") && !text.contains("{service}"), "{text}");
        }
        let Explanation { id, cause, help } = explanation;
        writeln!(told, "{id}: {cause}\n    {help}").unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn each_sample_belongs_to_a_failure() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/explain/samples");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let id = path.file_stem().unwrap().to_str().unwrap();
        assert!(SIGNATURES.iter().any(|signature| signature.id == id), "{id}");
    }
}

#[test]
fn what_is_well_or_unknown_is_not_explained() {
    for log in [
        "2026-11-24 14:13:16.679 UTC [1] LOG:  database system is ready to accept connections",
        "1:M 24 Nov 2026 14:13:14.247 * Ready to accept connections tcp",
        "[Nest] 20  - 11/24/2026, 2:13:26 PM     LOG [NestApplication] Nest application successfully started +2ms",
        "Error: something of our own",
    ] {
        let log = [log.to_owned()];
        let symptoms =
            Symptoms { service: "web", exit_code: Some(1), log: &log, ..Symptoms::default() };
        assert_eq!(explain(&symptoms), None);
    }
}
