//! From a stack file through the executor, on an engine in memory that refuses in the real one's
//! words, to the line that is pointed at.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use insta::assert_snapshot;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::decode::{DecodeRequest, decode};
use crate::config::load::{FileReader, LoadRequest, Presets, load};
use crate::config::preset;
use crate::engine::fake::{Behaviour, FakeEngine};
use crate::execute::{Limits, execute};
use crate::plan::{ReconcileOptions, reconcile, weave};
use crate::report::diagnostic::render;
use crate::state::{ContentDigests, Observed, lower};

struct InMemory(BTreeMap<PathBuf, String>);

impl FileReader for InMemory {
    fn read(&mut self, path: &Path) -> io::Result<String> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }
}

/// What `up` of a file tells on an engine that refuses a call with these words.
fn refused(yaml: &str, env: &str, method: &str, words: &str) -> Diagnostics {
    failed(yaml, env, |engine| engine.refuse(method, words))
}

/// What `up` of a file tells on an engine that something is wrong with.
fn failed(yaml: &str, env: &str, spoil: impl FnOnce(&FakeEngine)) -> Diagnostics {
    let texts = [("/p/devstack.yaml", yaml), ("/p/.env", env)];
    let mut files =
        InMemory(texts.map(|(name, text)| (PathBuf::from(name), text.to_owned())).into());
    let request = LoadRequest { working_dir: PathBuf::from("/p"), ..LoadRequest::default() };
    let presets = Presets { names: preset::names(), source: &|name, _| preset::source(name) };
    let loaded = load(&request, presets, &mut files).expect("a stack that loads");
    let request = DecodeRequest {
        project_dir: loaded.project_dir,
        environment: loaded.environment,
        project_name: Some("p".to_owned()),
        ..DecodeRequest::default()
    };
    let decoded = decode(&loaded.root, &request, &mut |path| files.read(path));
    let (project, _) =
        decoded.unwrap_or_else(|findings| panic!("{}", render(&findings, false, 100)));
    let origins = Origins::new(loaded.root.into(), request.environment);

    let desired = lower(&project, &ContentDigests::new());
    let plan = reconcile(&desired, &Observed::default(), &ReconcileOptions::default());
    let plan = plan.expect("nothing is in the way on an empty engine");
    let plan = weave(plan, &desired, &Observed::default());
    let engine = Arc::new(FakeEngine::new());
    spoil(&engine);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let error = runtime.block_on(async {
        let (sender, mut events) = mpsc::channel(16);
        let limits = Limits { parallel: 1, wait: None };
        let run = execute(engine, &plan, limits, sender, CancellationToken::new());
        let (outcome, ()) = tokio::join!(run, async { while events.recv().await.is_some() {} });
        outcome.expect_err("the engine refuses")
    });
    account(&Problem::Run(error), Some(&origins), None)
}

fn drawn(yaml: &str, env: &str, method: &str, words: &str) -> String {
    render(&refused(yaml, env, method, words), false, 120)
}

/// The text that the carets stand under.
fn text_at(findings: &Diagnostics) -> &str {
    let [finding] = &findings.0[..] else { panic!("{findings:?}") };
    let place = finding.primary.as_ref().map(|label| &label.span);
    place.map_or("", |span| &span.source.text[span.start..span.end])
}

/// What precedes the reason that a process does not start: `RUNC` in the words below.
const RUNC: &str = "failed to create task for container: failed to create shim task: OCI runtime \
                    create failed: runc create failed: unable to start container process: ";

/// The service's settings, the call, the engine's words; and what is pointed at.
const REFUSED: &[(&str, &str, &str, &str)] = &[
    (
        "volumes: ['./a:/image', {type: image, source: x, target: /y}]",
        "create",
        "`type: image` needs Docker Engine 28 (API 1.48) or newer",
        "image",
    ),
    ("init: true", "start", "exec: \"docker-init\": executable file not found in $PATH", "init"),
    (
        "mac_address: '02:42:ac:11:65:43'",
        "create",
        "`mac_address` needs Docker Engine 25 (API 1.44) or newer",
        "mac_address",
    ),
    (
        "volumes: [{type: bind, source: ./d, target: /x, bind: {propagation: rslave}}]",
        "start",
        "path /p/d is mounted on / but it is not a shared or slave mount",
        "volumes",
    ),
    (
        "command: [nosuch, x]",
        "start",
        "RUNCexec: \"nosuch\": executable file not found in $PATH: unknown",
        "nosuch",
    ),
    (
        "entrypoint: /etc/passwd",
        "start",
        "RUNCexec: \"/etc/passwd\": permission denied: unknown",
        "/etc/passwd",
    ),
    // The image's own program: no key asked for it.
    ("command: x", "start", "RUNCexec: \"/entrypoint.sh\": permission denied: unknown", "web"),
    (
        "user: nosuch",
        "start",
        "unable to find user nosuch: no matching entries in passwd file",
        "nosuch",
    ),
    (
        "user: root:staffs",
        "start",
        "unable to find group staffs: no matching entries in group file",
        "root:staffs",
    ),
    (
        "group_add: [wheel, staffs]",
        "start",
        "Unable to find group staffs: no matching entries in group file",
        "staffs",
    ),
    (
        "working_dir: /etc/passwd",
        "create",
        "Cannot mkdir: /etc/passwd is not a directory",
        "/etc/passwd",
    ),
    (
        "volumes: ['./a:/a', './f:/etc']",
        "start",
        "RUNCerror during container init: error mounting \"/p/f\" to rootfs at \"/etc\": mount /p/f:/etc (via /proc/self/fd/6), flags: 0x5000: not a directory: unknown: Are you trying to mount a directory onto a file (or vice-versa)?",
        "'./f:/etc'",
    ),
    (
        "volumes: [{type: volume, source: v, target: /x, volume: {subpath: no/where}}]",
        "start",
        "cannot access path /var/lib/docker/volumes/p_v/_data/no/where: lstat /var/lib/docker/volumes/p_v/_data/no: no such file or directory",
        "no/where",
    ),
    (
        "volumes: ['v:/x']",
        "start",
        "error while mounting volume '/var/lib/docker/volumes/p_v/_data': failed to mount local volume: mount /no/where:/var/lib/docker/volumes/p_v/_data, flags: 0x1000: no such file or directory",
        "web",
    ),
    ("tmpfs: ['/x:mpol=1']", "start", "invalid tmpfs option \"mpol\"", "'/x:mpol=1'"),
    (
        "devices: ['/dev/null', '/dev/nope:/dev/x']",
        "start",
        "error gathering device information while adding custom device \"/dev/nope\": no such file or directory",
        "'/dev/nope:/dev/x'",
    ),
    (
        "gpus: all",
        "start",
        "could not select device driver \"\" with capabilities: [[gpu]]",
        "gpus",
    ),
    (
        "deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}",
        "start",
        "could not select device driver \"\" with capabilities: [[gpu]]",
        "devices",
    ),
    (
        "device_cgroup_rules: ['c 1:3 mr', 'c 1:4 r']",
        "start",
        "invalid device cgroup rule format: 'c 1:4 r'",
        "'c 1:4 r'",
    ),
    (
        "cap_add: [NET_ADMIN, PERFMON]",
        "create",
        "invalid CapAdd: unknown capability: \"CAP_PERFMON\"",
        "PERFMON",
    ),
    (
        "cap_drop: [PERFMON]",
        "create",
        "invalid CapDrop: unknown capability: \"CAP_PERFMON\"",
        "PERFMON",
    ),
    (
        "security_opt: ['no-new-privileges:true', whatever=1]",
        "create",
        "invalid --security-opt 2: \"whatever=1\"",
        "whatever=1",
    ),
    (
        "sysctls: {kernel.nope: 1}",
        "start",
        "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: sysctl \"kernel.nope\" is not in a separate kernel namespace: unknown",
        "kernel.nope",
    ),
    (
        "sysctls: {net.nope: 1}",
        "start",
        "RUNCerror during container init: open /proc/sys/net/nope: no such file or directory: unknown",
        "sysctls",
    ),
    (
        "cpus: 400",
        "create",
        "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
        "cpus",
    ),
    (
        "deploy: {resources: {limits: {cpus: '400'}}}",
        "create",
        "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
        "cpus",
    ),
    (
        "cpuset: '77'",
        "create",
        "Requested CPUs are not available - requested 77, available: 0-1",
        "cpuset",
    ),
    ("mem_limit: 10m", "create", "Minimum memory limit allowed is 6MB", "mem_limit"),
    (
        "deploy: {resources: {limits: {memory: 10m}}}",
        "create",
        "Minimum memory limit allowed is 6MB",
        "memory",
    ),
    (
        "{mem_limit: 100m, memswap_limit: 100m}",
        "create",
        "Minimum memoryswap limit should be larger than memory limit, see usage",
        "memswap_limit",
    ),
    (
        "{mem_limit: 100m, mem_reservation: 50m}",
        "create",
        "Minimum memory limit can not be less than memory reservation limit, see usage",
        "mem_reservation",
    ),
    (
        "mem_swappiness: 30",
        "create",
        "Invalid value: 30, valid memory swappiness range is 0-100",
        "mem_swappiness",
    ),
    (
        "oom_score_adj: 500",
        "create",
        "Invalid value 500, range for oom score adj is [-1000, 1000]",
        "oom_score_adj",
    ),
    (
        "cpu_rt_runtime: 950000",
        "start",
        "RUNCunable to apply cgroup configuration: failed to write \"950000\": write /sys/fs/cgroup/cpu/docker/0e3b/cpu.rt_runtime_us: invalid argument: unknown",
        "cpu_rt_runtime",
    ),
    (
        "cpu_quota: 5000",
        "create",
        "CPU cfs quota can not be less than 1ms (i.e. 1000)",
        "cpu_quota",
    ),
    (
        "cpu_period: 5000",
        "create",
        "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
        "cpu_period",
    ),
    (
        "ulimits: {nofile: 9, rttime: 9}",
        "start",
        "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: wrong rlimit value: RLIMIT_RTTIME: unknown",
        "rttime",
    ),
    (
        "ulimits: {nofile: 99999999999}",
        "start",
        "RUNCerror during container init: error setting rlimits for ready process: error setting rlimit type 7: operation not permitted: unknown",
        "ulimits",
    ),
    ("runtime: nope", "create", "unknown or invalid runtime name: nope", "nope"),
    (
        "logging: {driver: nope}",
        "create",
        "error looking up logging plugin nope: plugin \"nope\" not found",
        "nope",
    ),
    (
        "logging: {driver: json-file, options: {max-size: 1m, nope: x}}",
        "create",
        "unknown log opt 'nope' for json-file log driver",
        "nope",
    ),
    (
        "logging: {options: {max-size: x}}",
        "start",
        "failed to create task for container: failed to initialize logging driver: invalid size: 'x'",
        "options",
    ),
    ("stop_signal: SIGPWR", "create", "invalid signal: SIGPWR", "SIGPWR"),
    (
        "storage_opt: {size: 1G}",
        "create",
        "--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
        "storage_opt",
    ),
    ("pid: 'container:gone'", "create", "No such container: gone", "'container:gone'"),
    ("ipc: 'container:gone'", "create", "No such container: gone", "'container:gone'"),
    ("network_mode: 'container:gone'", "start", "No such container: gone", "'container:gone'"),
    ("volumes_from: ['container:gone']", "create", "No such container: gone", "'container:gone'"),
    ("ipc: shareable", "create", "invalid IPC mode: shareable", "ipc"),
    ("pid: host", "create", "invalid PID mode: host", "pid"),
    (
        "{hostname: x, uts: host}",
        "create",
        "conflicting options: hostname and the UTS mode",
        "hostname",
    ),
    (
        "dns: [1.1.1.1, 'fe80::1%eth0']",
        "start",
        "bad nameserver address fe80::1%eth0: ParseAddr(\"fe80::1%eth0\"): unable to parse IP",
        "'fe80::1%eth0'",
    ),
    (
        "networks: {default: {ipv4_address: 10.1.2.3}}",
        "create",
        "invalid config for network p_default: invalid endpoint settings:\nuser specified IP address is supported only when connecting to networks with user configured subnets",
        "networks",
    ),
    (
        "networks: {default: {ipv4_address: 10.1.2.3}}",
        "create",
        "invalid config for network p_default: invalid endpoint settings:\nno configured subnet or ip-range contain the IP address 10.1.2.3",
        "10.1.2.3",
    ),
    (
        "networks: {default: {ipv4_address: 10.1.2.3}}",
        "start",
        "Address already in use",
        "networks",
    ),
    (
        "platform: linux/arm64",
        "create",
        "image with reference web was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64",
        "platform",
    ),
    (
        "isolation: hyperv",
        "create",
        "Invalid isolation: \"hyperv\" - linux only supports 'default'",
        "isolation",
    ),
    (
        "healthcheck: {test: 'true', interval: 1ms}",
        "create",
        "Interval in Healthcheck cannot be less than 1ms",
        "interval",
    ),
    (
        "ports: ['22001:80', '10.9.8.7:22002:80']",
        "start",
        "driver failed programming external connectivity on endpoint p-web-1 (4533): Error starting userland proxy: listen tcp4 10.9.8.7:22002: bind: cannot assign requested address",
        "'10.9.8.7:22002:80'",
    ),
    (
        "ports: ['22001:80', {target: 81, published: '22002'}]",
        "start",
        "driver failed programming external connectivity on endpoint p-web-1 (4533): Bind for 127.0.0.1:22002 failed: port is already allocated",
        "{target: 81, published: '22002'}",
    ),
    ("tty: true", "pull", "manifest for web:latest not found: manifest unknown", "image"),
    // What nobody knows is at least told of the service.
    ("tty: true", "start", "the moon is in the wrong house", "web"),
];

#[test]
fn every_setting_that_is_refused_is_pointed_at() {
    let mut wrong = String::new();
    for (settings, method, words, expected) in REFUSED {
        let yaml = match settings.strip_prefix('{') {
            Some(settings) => {
                format!("services:\n  web: {{image: web, {settings}\nvolumes: {{v: }}\n")
            }
            None => {
                format!("services:\n  web:\n    image: web\n    {settings}\nvolumes: {{v: }}\n")
            }
        };
        let findings = refused(&yaml, "", method, &words.replace("RUNC", RUNC));
        let helps = !findings.0[0].help.is_empty();
        if text_at(&findings) != *expected || !helps && *expected != "web" {
            wrong.push_str(&render(&findings, false, 120));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn networks_volumes_and_builds_are_pointed_at() {
    // The file below `services`, the call, the engine's words; and what is pointed at.
    let cases = [
        ("networks: {n: {driver: nope}}", "create network", "plugin \"nope\" not found", "nope"),
        (
            "networks: {n: {ipam: {driver: nope}}}",
            "create network",
            "plugin \"nope\" not found",
            "nope",
        ),
        (
            "networks: {n: {driver_opts: {com.docker.network.bridge.name: much-too-long-for-one}}}",
            "create network",
            "numerical result out of range",
            "driver_opts",
        ),
        (
            "networks: {n: {ipam: {config: [{subnet: 10.211.7.5/24}]}}}",
            "create network",
            "invalid network config:\ninvalid subnet 10.211.7.5/24: it should be 10.211.7.0/24",
            "10.211.7.5/24",
        ),
        (
            "networks: {n: {ipam: {config: [{subnet: 10.211.7.0/24, gateway: 10.211.7.9}]}}}",
            "create network",
            "invalid network config:\ninvalid gateway 10.211.7.9: parent subnet 10.211.7.0/24 doesn't contain this address",
            "10.211.7.9",
        ),
        (
            "networks: {n: {ipam: {config: [{subnet: 10.211.7.0/24}]}}}",
            "create network",
            "Pool overlaps with other one on this address space",
            "config",
        ),
        (
            "networks: {n: }",
            "create network",
            "all predefined address pools have been fully subnetted",
            "n",
        ),
        (
            "networks: {n: }\nvolumes: {v: {driver: nope}}",
            "create volume",
            "create p_v: error looking up volume plugin nope: plugin \"nope\" not found",
            "nope",
        ),
        (
            "networks: {n: }\nvolumes: {v: {driver_opts: {nope: x}}}",
            "create volume",
            "create p_v: invalid option: \"nope\"",
            "nope",
        ),
    ];
    let mut wrong = String::new();
    for (rest, method, words, expected) in cases {
        let volumes = if rest.contains("volumes") { ", volumes: ['v:/x']" } else { "" };
        let yaml = format!("services:\n  web: {{image: web, networks: [n]{volumes}}}\n{rest}\n");
        let findings = refused(&yaml, "", method, words);
        if text_at(&findings) != expected {
            wrong.push_str(&render(&findings, false, 120));
        }
    }
    let builds = [
        ("{context: ., target: nope}", "target stage \"nope\" could not be found", "nope"),
        ("{context: ., dockerfile: Nofile}", "the Dockerfile /p/Nofile does not exist", "Nofile"),
        ("{context: ./gone}", "the build context /p/gone is not a folder", "context"),
        ("./gone", "the build context /p/gone is not a folder", "build"),
        ("{context: ., network: nope}", "network mode \"nope\" not supported by buildkit", "nope"),
        (
            "{context: ., dockerfile_inline: \"FROM a\\nNOPE\"}",
            "dockerfile parse error on line 2: unknown instruction: NOPE",
            "dockerfile_inline",
        ),
        (".", "process \"/bin/sh -c exit 3\" did not complete successfully: exit code: 3", "build"),
    ];
    for (build, words, expected) in builds {
        let yaml = format!("services:\n  web:\n    build: {build}\n");
        let findings = refused(&yaml, "", "build", words);
        if text_at(&findings) != expected {
            wrong.push_str(&render(&findings, false, 120));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_refusal_is_drawn_as_a_mistake_in_the_file_is() {
    let yaml = "services:\n  web:\n    image: web\n    ports:\n      - '${PORT}:80'\n";
    let words = "driver failed programming external connectivity on endpoint p-web-1 (45): Bind \
                 for 127.0.0.1:22001 failed: port is already allocated";
    assert_snapshot!(drawn(yaml, "PORT=22001\n", "start", words), @"
    error: cannot start p-web-1: driver failed programming external connectivity on endpoint p-web-1 (45): Bind for 127.0.0.1:22001 failed: port is already allocated
     --> devstack.yaml:5:9
      |
    5 |       - '${PORT}:80'
      |         ^^^^^^^^^^^^ asked for here
      |
      = note: `PORT` is set in `.env`, line 1
      = note: another container or program has 127.0.0.1:22001
      = help: `devstack doctor` says who; stop it, or publish another host port
    ");
    let yaml = "services:\n  db:\n    preset: postgres\n";
    let words = "Bind for 127.0.0.1:5432 failed: port is already allocated";
    assert_snapshot!(drawn(yaml, "DB_PORT=5432\n", "start", words), @"
    error: cannot start p-db-1: Bind for 127.0.0.1:5432 failed: port is already allocated
      --> devstack.yaml:3:13
       |
     3 |     preset: postgres
       |             ^^^^^^^^ this preset asks for it
       |
      ::: <preset postgres>:17:7
       |
    17 |     - 127.0.0.1:${POSTGRES_PORT:-auto:5432}:5432
       |       ------------------------------------------ here
       |
       = note: what the service says beside `preset:` wins over the preset
       = note: another container or program has 127.0.0.1:5432
       = help: `devstack doctor` says who; stop it, or publish another host port
    ");
}

#[test]
fn an_engine_that_is_in_trouble_is_nobodys_line() {
    let yaml = "services:\n  web:\n    image: web\n";
    assert_snapshot!(drawn(yaml, "", "create", "write /x: no space left on device"), @"
    error: cannot create p-web-1: write /x: no space left on device
     |
     = note: the engine's disk is full
     = help: `docker system df` shows where the space went, `docker builder prune` frees the build cache
    ");
}

#[test]
fn a_hook_that_fails_before_the_start_is_pointed_at() {
    let yaml = "services:\n  web:\n    image: web\n    pre_start:\n      - command: [prepare]\n      \
                - {image: migrate, command: migrate --all}\n";
    let findings = failed(yaml, "", |engine| {
        engine.behave("p-web-1-pre_start-2", Behaviour::Exits(3));
        engine.print("web", &["applying 0042", "relation exists already"]);
    });
    assert_snapshot!(render(&findings, false, 120), @"
    error: `pre_start` hook 2 (`migrate --all`) of service `web` exited with code 3
     --> devstack.yaml:6:35
      |
    6 |       - {image: migrate, command: migrate --all}
      |                                   ^^^^^^^^^^^^^ asked for here
      |
      = note: last lines of p-web-1-pre_start-2:
              | applying 0042
              | relation exists already
      = help: `web` was not started; once the hook is mended, `devstack up` goes on
    ");
    let words = format!("{RUNC}exec: \"prepare\": executable file not found in $PATH: unknown");
    assert_snapshot!(drawn(yaml, "", "start", &words), @r#"
    error: cannot start p-web-1-pre_start-1: exec: "prepare": executable file not found in $PATH
     --> devstack.yaml:5:18
      |
    5 |       - command: [prepare]
      |                  ^^^^^^^^^ asked for here
      |
      = note: there is no program `prepare` in the image
      = help: correct `command:` or `entrypoint:` of `web`, then `devstack up -d`
    "#);
    let findings = failed(yaml, "", |engine| engine.offer(&["web:latest"]));
    assert_snapshot!(render(&findings, false, 120), @"
    error: cannot pull migrate:latest: its registry has no such image
     --> devstack.yaml:6:17
      |
    6 |       - {image: migrate, command: migrate --all}
      |                 ^^^^^^^ asked for here
      |
      = help: check the image's name and tag in the file; a private image needs `docker login`
    ");
}
