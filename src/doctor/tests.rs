use std::path::PathBuf;

use super::*;

const GIBI: u64 = 1 << 30;

fn sound() -> Facts {
    let space = Some(Space { free: 50 * GIBI, total: 100 * GIBI, free_files: Some(1_000_000) });
    Facts {
        engine: Some(Ok(EngineFacts {
            version: "26.1.5".to_owned(),
            api: "1.45".to_owned(),
            endpoint: "unix:///var/run/docker.sock".to_owned(),
            is_local: true,
            operating_system: "Debian GNU/Linux 12".to_owned(),
            cores: Some(4),
            memory: Some(8 * GIBI),
            clock_ahead_ms: Some(3),
            storage_driver: "overlay2".to_owned(),
            cgroup_version: "2".to_owned(),
            limits_memory: Some(true),
            ..EngineFacts::default()
        })),
        socket: Some(SocketFacts {
            path: "/run/docker.sock".to_owned(),
            owner: "root".to_owned(),
            group: "docker".to_owned(),
            mode: 0o140_660,
            user: "kim".to_owned(),
            has_group: true,
            is_member: true,
            ..SocketFacts::default()
        }),
        machine: MachineFacts {
            system: "linux".to_owned(),
            memory_available: Some(5 * GIBI),
            space_here: space,
            space_engine: space,
            inotify: Some(Inotify { watches: 524_288, instances: 1024 }),
            ..MachineFacts::default()
        },
        network: NetworkFacts::default(),
        stack: Some(Ok(StackFacts {
            project: "shop".to_owned(),
            memory_limits: vec![("db".to_owned(), GIBI), ("api".to_owned(), 2 * GIBI)],
            cpu_limits: vec![("db".to_owned(), 1.0)],
            ports: 3,
            well: 2,
            ..StackFacts::default()
        })),
    }
}

fn engine(facts: &mut Facts) -> &mut EngineFacts {
    facts.engine.as_mut().unwrap().as_mut().unwrap()
}

fn socket(facts: &mut Facts) -> &mut SocketFacts {
    facts.socket.as_mut().unwrap()
}

fn stack(facts: &mut Facts) -> &mut StackFacts {
    facts.stack.as_mut().unwrap().as_mut().unwrap()
}

fn registry(resolves: Option<Result<(), &str>>, answers: Option<Result<(), &str>>) -> Registry {
    let owned = |it: Result<(), &str>| it.map_err(str::to_owned);
    Registry {
        host: "registry-1.docker.io".to_owned(),
        images: vec!["redis:8".to_owned()],
        resolves: resolves.map(owned),
        answers: answers.map(owned),
    }
}

fn shown(findings: &[Finding]) -> String {
    let lines = findings.iter().map(|finding| {
        let Finding { check, verdict, message, help } = finding;
        let help = help.as_ref().map(|help| format!("\n    {help}")).unwrap_or_default();
        format!("{verdict:?} {check}: {message}{help}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_sound_machine_has_nothing_to_mend() {
    insta::assert_snapshot!(shown(&examine(&sound())), @"
    Ok engine: 26.1.5 at unix:///var/run/docker.sock (Debian GNU/Linux 12)
    Ok version: API 1.45
    Ok clock: the engine's clock agrees with this machine's
    Ok socket: /run/docker.sock belongs to root:docker (0660); kim may use it through group docker
    Ok disk: the engine's disk has 50.0 GiB free of 100.0 GiB
    Ok disk here: this folder's disk has 50.0 GiB free of 100.0 GiB
    Ok memory: 8.0 GiB for containers, 5.0 GiB available now; the stack's limits add up to 3.0 GiB
    Ok cpus: 4 cores for containers
    Ok inotify: 524288 watched files, 1024 watchers
    Ok registry: none is needed: all images are here or built here
    Ok ports: all 3 are free or the stack's own
    Ok services: 2 run and are well
    ");
}

/// What is changed in a sound machine, and the check that must notice.
type Case = (&'static str, Verdict, fn(&mut Facts));

const CASES: [Case; 41] = [
    ("engine", Verdict::Fail, |facts| {
        facts.engine = Some(Err(("nobody answers at unix:///x".to_owned(), "start it".to_owned())));
    }),
    ("socket", Verdict::Ok, |facts| {
        (socket(facts).has_group, socket(facts).is_root) = (false, true);
    }),
    ("socket", Verdict::Ok, |facts| {
        (socket(facts).has_group, socket(facts).owner) = (false, "kim".to_owned());
    }),
    ("socket", Verdict::Warn, |facts| socket(facts).mode = 0o140_666),
    ("socket", Verdict::Fail, |facts| socket(facts).mode = 0o140_640),
    ("socket", Verdict::Fail, |facts| socket(facts).has_group = false),
    ("socket", Verdict::Fail, |facts| {
        (socket(facts).has_group, socket(facts).is_member) = (false, false);
    }),
    ("socket", Verdict::Fail, |facts| {
        (socket(facts).has_group, socket(facts).is_member) = (false, false);
        socket(facts).group = "root".to_owned();
    }),
    ("version", Verdict::Warn, |facts| engine(facts).api = "1.41".to_owned()),
    ("clock", Verdict::Warn, |facts| engine(facts).clock_ahead_ms = Some(2_500)),
    ("clock", Verdict::Fail, |facts| engine(facts).clock_ahead_ms = Some(-3_600_000)),
    ("storage", Verdict::Warn, |facts| engine(facts).storage_driver = "vfs".to_owned()),
    ("limits", Verdict::Warn, |facts| engine(facts).limits_memory = Some(false)),
    ("limits", Verdict::Warn, |facts| {
        let engine = engine(facts);
        (engine.limits_memory, engine.is_rootless) = (Some(false), true);
        engine.cgroup_version = "1".to_owned();
    }),
    ("desktop", Verdict::Warn, |facts| {
        engine(facts).operating_system = "Docker Desktop".to_owned();
        engine(facts).memory = Some(7 * GIBI / 2);
    }),
    ("disk", Verdict::Warn, |facts| {
        facts.machine.space_engine.as_mut().unwrap().free = 3 * GIBI;
    }),
    ("disk", Verdict::Fail, |facts| {
        facts.machine.space_engine.as_mut().unwrap().free = GIBI / 2;
    }),
    ("disk here", Verdict::Warn, |facts| {
        facts.machine.space_here.as_mut().unwrap().free_files = Some(12);
    }),
    ("memory", Verdict::Warn, |facts| {
        stack(facts).memory_limits = vec![("a".to_owned(), 5 * GIBI), ("b".to_owned(), 5 * GIBI)];
    }),
    ("memory", Verdict::Fail, |facts| {
        stack(facts).memory_limits = vec![("a".to_owned(), 9 * GIBI)];
    }),
    ("cpus", Verdict::Fail, |facts| stack(facts).cpu_limits = vec![("api".to_owned(), 6.0)]),
    ("inotify", Verdict::Warn, |facts| {
        facts.machine.inotify = Some(Inotify { watches: 8192, instances: 128 });
    }),
    ("wsl", Verdict::Fail, |facts| {
        facts.machine.wsl = Some(Wsl { version: 1, on_windows_disk: false });
    }),
    ("wsl", Verdict::Warn, |facts| {
        facts.machine.wsl = Some(Wsl { version: 2, on_windows_disk: true });
    }),
    ("wsl", Verdict::Ok, |facts| {
        facts.machine.wsl = Some(Wsl { version: 2, on_windows_disk: false });
    }),
    ("registry", Verdict::Fail, |facts| {
        facts.network.registries = vec![registry(Some(Err("no such host")), None)];
    }),
    ("registry", Verdict::Fail, |facts| {
        let refused = Some(Err("connection refused"));
        facts.network.registries = vec![registry(Some(Ok(())), refused)];
    }),
    ("registry", Verdict::Ok, |facts| {
        facts.network.registries = vec![registry(Some(Ok(())), Some(Ok(())))];
    }),
    ("proxy", Verdict::Fail, |facts| {
        facts.network.proxy = Some("http://proxy:3128".to_owned());
        facts.network.proxy_answers = Some(false);
    }),
    ("proxy", Verdict::Warn, |facts| {
        facts.network.proxy = Some("http://127.0.0.1:3128".to_owned());
        facts.network.proxy_answers = Some(true);
        stack(facts).builds = true;
    }),
    ("proxy", Verdict::Warn, |facts| {
        facts.network.proxy = Some("http://proxy:3128".to_owned());
        facts.network.registries = vec![registry(None, None)];
    }),
    ("proxy", Verdict::Warn, |facts| {
        facts.network.proxy = Some("http://proxy:3128".to_owned());
        facts.network.no_proxy = Some("example.org".to_owned());
    }),
    ("proxy", Verdict::Ok, |facts| {
        facts.network.proxy = Some("http://proxy:3128".to_owned());
        facts.network.no_proxy = Some("example.org, localhost".to_owned());
    }),
    ("certificates", Verdict::Ok, |facts| {
        facts.network.authorities = vec![PathBuf::from("/ca.crt")];
    }),
    ("certificates", Verdict::Warn, |facts| {
        facts.network.authorities = vec![PathBuf::from("/ca.crt"), PathBuf::from("/other.crt")];
        (stack(facts).builds, stack(facts).builds_with_npm) = (true, true);
    }),
    ("files", Verdict::Fail, |facts| facts.stack = Some(Err("unknown key `imag`".to_owned()))),
    ("ports", Verdict::Fail, |facts| {
        let what = "port 127.0.0.1:5432 of service `db` is already in use by process `postgres`";
        stack(facts).taken_ports = vec![(what.to_owned(), "end it with `kill 7`".to_owned())];
    }),
    ("names", Verdict::Fail, |facts| {
        stack(facts).conflicts =
            vec![("container `x` is not ours".to_owned(), "rename".to_owned())];
    }),
    ("services", Verdict::Fail, |facts| {
        stack(facts).troubles = vec![ServiceTrouble {
            service: "api".to_owned(),
            state: "exited".to_owned(),
            reason: Some("exit code 1".to_owned()),
            ..ServiceTrouble::default()
        }];
    }),
    ("leftovers", Verdict::Warn, |facts| {
        stack(facts).leftovers = (0..7).map(|number| format!("volume shop_{number}")).collect();
    }),
    ("projects", Verdict::Warn, |facts| {
        stack(facts).dead_projects = vec![Neighbour {
            project: "old".to_owned(),
            folder: "/home/kim/old".to_owned(),
            containers: 6,
        }];
    }),
];

#[test]
fn each_trouble_is_found_and_nothing_else_is_blamed() {
    let usual: Vec<Finding> = examine(&sound());
    let mut told = String::new();
    for (check, verdict, change) in CASES {
        let mut facts = sound();
        change(&mut facts);
        let findings = examine(&facts);
        let found: Vec<Finding> =
            findings.into_iter().filter(|finding| !usual.contains(finding)).collect();
        let own = found.iter().find(|it| it.check == check);
        assert_eq!(own.map(|it| it.verdict), Some(verdict), "{check}: {}", shown(&found));
        for finding in &found {
            assert!(finding.check == check || finding.verdict == Verdict::Ok, "{}", shown(&found));
            assert_eq!(finding.help.is_some(), finding.verdict != Verdict::Ok, "{finding:?}");
        }
        told += &shown(&found.into_iter().filter(|it| it.check == check).collect::<Vec<_>>());
        told.push('\n');
    }
    insta::assert_snapshot!(told);
}

#[test]
fn what_could_not_be_found_out_is_not_judged() {
    let findings = examine(&Facts::default());
    assert_eq!(shown(&findings), "Ok registry: none is needed: all images are here or built here");
}
