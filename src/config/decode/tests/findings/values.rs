//! Values that only the engine would refuse, when the container is created.

use std::fmt::Write as _;

use super::service_findings;

#[test]
fn what_the_engine_would_refuse_is_refused_at_its_place() {
    let parts = [
        // Names and addresses.
        "hostname: 'a b'",
        "hostname: 'a/b'",
        "hostname: 'a-name-that-has-more-letters-than-linux-gives-to-any-machine-there'",
        "domainname: 'example org'",
        "dns: [abc]",
        "dns: 1.2.3",
        "dns: [8.8.8.8%eth0]",
        "dns_search: [a/b]",
        "extra_hosts: ['a/b=1.2.3.4', '=1.2.3.4']",
        "extra_hosts: {db: 1.2.3}",
        "aliases: ['a b', '']",
        "networks: {front: {aliases: ['a b'], link_local_ips: [x], interface_name: 'eth 0'}}",
        "networks: {front: {interface_name: a-name-of-16-let}}",
        // Names that numbers are not.
        "logging: {driver: 3}",
        "logging: {driver: true}",
        "logging: {driver: json-file, options: [max-size]}",
        "runtime: 1.5",
        "userns_mode: 5",
        "gpus: [{driver: 3, capabilities: [gpu]}]",
        "healthcheck: {test: 5}",
        "healthcheck: {test: true}",
        "platform: 5",
        "platform: linux/arm64/v8/x",
        "platform: linux//v8",
        // Users and folders.
        "user: 'a b'",
        "user: -5",
        "group_add: ['a b']",
        "post_start: [{command: x, user: 'a b', working_dir: app}]",
        "pre_start: [{command: x, working_dir: app}]",
        // Words.
        "pid: hots",
        "pid: private",
        "ipc: shared",
        "ipc: 'service:'",
        "isolation: full",
        // Linux.
        "stop_signal: SIGTREM",
        "stop_signal: 65",
        "stop_signal: SIGRTMIN+31",
        "cap_add: [NET_ADMN, CAP_CHOWN, everything]",
        "cap_drop: [NET-RAW]",
        "security_opt: [no-new-privilege, abc, '=x', no-new-privileges=true]",
        "sysctls: [abc]",
        "sysctls: {'': 1}",
        "ulimits: {nofiles: 1024, files: 2, nproc: -5}",
        "cpuset: abc",
        "cpuset: 3-1",
        "device_cgroup_rules: ['c 1:3', 'x 1:3 r', 'c 1:3 rwmx', 'c *:* rwm']",
        "storage_opt: [size]",
        "tmpfs: ['/tmp:sise=1g', '/run:nosuit', '/a:x', '/b:size']",
        // Amounts.
        "oom_score_adj: 1001",
        "cpu_period: 100",
        "cpu_quota: 10",
        "healthcheck: {interval: 0.1ms}",
        "mem_swappiness: 101",
        "cpu_shares: -1",
        "cpu_count: -1",
        "blkio_config: {weight: 5, weight_device: [{path: /dev/sda, weight: 1001}]}",
        "gpus: [{count: -2}]",
        "mem_limit: 4m",
        "mem_limit: 100m, mem_reservation: 200m",
        "deploy: {resources: {limits: {memory: 1m}}}",
        "memswap_limit: 1g",
        "mem_limit: 1g, memswap_limit: 512m",
        "cpus: 1, cpu_period: 100000",
        // Mounts.
        "volumes: ['data:/']",
        "volumes: [{type: volume, source: data, target: /x, volume: {subpath: ../x}}]",
        "volumes: [{type: volume, source: data, target: /x, volume: {subpath: /x}}]",
        "volumes: [{type: bind, source: '', target: /x}]",
        "volumes: [{type: image, source: 'A B', target: /x}]",
        "volumes_from: ['container:']",
        // Other services.
        "external_links: ['']",
        "links: ['db:', 'db:a b']",
        // Readiness.
        "ready: {http: {port: 80, status: 1000}}",
        "ready: {log: ''}",
        "ready: {log: {pattern: ''}}",
        "ready: {exec: ' '}",
        // Builds.
        "build: 5",
        "build: true",
        "build: {context: ., tags: ['A B', 'x:y'], platforms: [5, linux/amd64]}",
        // All of a mapping, not only what comes before the first mistake.
        "environment: {A: [1], B: {c: d}, '': x}",
        "environment: [5, true, 'A = b', '=c']",
    ];
    let mut said = String::new();
    for part in parts {
        let findings = service_findings(part);
        assert!(!findings.is_empty(), "{part} passes");
        writeln!(said, "{part}\n    {}", findings.join("\n    "))
            .expect("a String takes everything");
    }
    insta::assert_snapshot!(said);
}

#[test]
fn what_the_engine_takes_is_taken() {
    for part in [
        "network_mode: default",
        "network_mode: some_net",
        "hostname: my_host.example.org",
        "hostname: münchen",
        "hostname: ''",
        "dns: [8.8.8.8, '2001:db8::1', 'fe80::1%eth0']",
        "dns: 8.8.8.8",
        "dns_search: .",
        "dns_search: [example.org, corp_net, 'a.example b.example']",
        "dns_opt: [5]",
        "extra_hosts: ['db_1=1.2.3.4', 'one two=1.2.3.4', 'gate:host-gateway', 'six=::1', 'more=[::1]']",
        "networks: {front: {aliases: [web.local, '*.web'], link_local_ips: [169.254.8.8]}}",
        "networks: {front: {interface_name: eth0}}",
        "logging: {driver: 'grafana/loki-docker-driver:latest', options: {a: , b: 3}}",
        "healthcheck: {test: '5'}",
        "healthcheck: {test: '${EMPTY:-true}'}",
        "platform: ''",
        "platform: linux",
        "platform: linux/arm64/v8",
        "platform: 'windows(10.0.17763)/amd64'",
        "user: 1000",
        "user: 'node:node'",
        "user: ''",
        "pid: 'container:other'",
        "ipc: ''",
        "stop_signal: 9",
        "stop_signal: quit",
        "stop_signal: SIGRTMIN+3",
        "stop_signal: RTMAX-1",
        "cap_add: [all, CAP_NET_ADMIN, sys_ptrace]",
        "security_opt: ['no-new-privileges:true', label=disable, label=, 'apparmor:unconfined', x=y]",
        "sysctls: {net.core.somaxconn: 1024, net.core.wmem_max: }",
        "sysctls: ['net.ipv4.tcp_syncookies=0']",
        "ulimits: {nofile: 1024, MEMLOCK: -1}",
        "cpuset: 0",
        "cpuset: '0-3,7'",
        "device_cgroup_rules: ['c 1:3 mr', 'a *:* rwm']",
        "tmpfs: ['/tmp:rw,noexec,size=64m,mode=1777', '/x:private', /run]",
        "oom_score_adj: -1000",
        "mem_swappiness: -1",
        "mem_limit: 0",
        "mem_limit: 512m, memswap_limit: -1",
        "mem_limit: 512m, memswap_limit: 512m, mem_reservation: 512m",
        "cpus: 0, cpu_period: 100000",
        "cpu_period: 100ms, cpu_quota: -1",
        "healthcheck: {test: x, interval: 0s, timeout: 1ms}",
        "secrets: [{source: token, target: ''}]",
        "build: {context: ., dockerfile: ''}",
        "environment: {5: 6, 'A=B': c}",
        "build: {context: ., tags: ['registry.example.org:5000/web:1'], platforms: [linux/amd64]}",
    ] {
        assert_eq!(service_findings(part), Vec::<String>::new(), "{part}");
    }
}
