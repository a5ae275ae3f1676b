//! Which line asked for what the engine refuses.

use super::{RUNC, refused, text_at};
use crate::report::diagnostic::render;

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
        ("{context: ., dockerfile: Nofile}", "there is no Dockerfile /p/Nofile", "Nofile"),
        ("{context: ./gone}", "there is no folder /p/gone, the build context", "context"),
        ("./gone", "there is no folder /p/gone, the build context", "build"),
        (
            "{context: ., additional_contexts: {lib: ./gone}}",
            "there is no folder /p/gone, the additional context `lib`",
            "lib",
        ),
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
