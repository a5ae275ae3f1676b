//! The keys of a service, network, volume and build, each read back from the engine or from inside
//! the container. `container`, `language` and others have those that need more than a glance.

use serde_json::{Value, json};

use crate::engine;
use crate::support::{Stack, free_port, text};

/// Compares what the engine says of a container with what is expected, by JSON pointer.
fn check(inspected: &Value, expected: &[(&str, Value)]) {
    for (pointer, value) in expected {
        assert_eq!(inspected.pointer(pointer), Some(value), "{pointer}");
    }
}

const SETTINGS: &str = r#"
x-sleeper: &sleeper
  image: devstack/base:trixie
  pull_policy: never
  command: [sleep, infinity]
  stop_signal: KILL
services:
  process:
    <<: *sleeper
    container_name: NAME-own
    platform: linux/amd64
    hostname: castle
    domainname: example.test
    tty: true
    stdin_open: true
    stop_signal: SIGUSR1
    stop_grace_period: 1m30s
    label_file: [labels.env]
    labels: [from.list=yes]
    expose: ["3000", "5000/udp"]
    group_add: ["4711", tty]
    env_file:
      - {path: absent.env, required: false}
      - {path: raw.env, format: raw}
    attach: false
  rights:
    <<: *sleeper
    privileged: false
    read_only: true
    cap_add: [NET_ADMIN]
    cap_drop: [MKNOD, CHOWN]
    security_opt: ["no-new-privileges:true", "seccomp:./profile.json"]
    devices: ["/dev/null:/dev/nothing:r", "/dev/zero"]
    sysctls: {net.ipv4.ip_unprivileged_port_start: 80}
    ipc: shareable
    pid: host
    userns_mode: host
    oom_score_adj: 500
  mighty:
    <<: *sleeper
    privileged: MIGHTY
    ipc: "service:rights"
    pid: "service:rights"
    network_mode: "service:process"
  limits:
    <<: *sleeper
    cpus: 0.5
    cpu_shares: 512
    cpuset: "0"
    mem_limit: 96m
    mem_reservation: 48m
    memswap_limit: 128m
    pids_limit: 77
    shm_size: 16m
    ulimits: {nproc: 300, nofile: {soft: 100, hard: 200}}
    logging: {driver: json-file, options: {max-size: 1m, max-file: "2"}}
    restart: on-failure:3
  deployed:
    <<: *sleeper
    deploy:
      replicas: 2
      labels: {deployed: "yes"}
      restart_policy: {condition: on-failure, max_attempts: 4}
      resources:
        limits: {cpus: "0.25", memory: 64M, pids: 55}
        reservations: {memory: 32M}
  resolver:
    <<: *sleeper
    dns: [192.0.2.53]
    dns_search: [corp.test, lab.test]
    dns_opt: ["ndots:3"]
    healthcheck:
      test: ["CMD", "true"]
      interval: 2m
      timeout: 7s
      retries: 9
      start_period: 11s
  elsewhere:
    <<: *sleeper
    network_mode: default
  unchecked:
    <<: *sleeper
    healthcheck: {disable: true}
    entrypoint: ["/bin/sleep"]
    command: ["123"]
    restart: unless-stopped
    network_mode: none
    depends_on: {process: {condition: service_started, restart: true}}
"#;

const MIB: u64 = 1024 * 1024;

#[test]
#[ignore = "needs a Docker engine"]
fn rights_limits_and_names_arrive() {
    let stack = Stack::new("settings", SETTINGS);
    let yaml = std::fs::read_to_string(stack.path("devstack.yaml")).unwrap();
    stack.write(
        "devstack.yaml",
        &yaml.replace("NAME", stack.name()).replace("MIGHTY", &may_be_mighty().to_string()),
    );
    stack.write("labels.env", "from.file=yes\nfrom.list=no\n");
    stack.write("raw.env", "RAW='$HOME'\n");
    stack.write("profile.json", r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}"#);
    stack.ok(&["up", "-d"]);

    check_process(&stack);
    check_rights(&stack);
    check_limits(&stack);
    check_names(&stack);
    // Nothing changed, so nothing is done: each of them reads back as it was written.
    let plan = stack.ok(&["--dry-run", "up", "-d"]).stdout;
    assert!(!plan.contains("create container"), "{plan}");
}

fn check_process(stack: &Stack) {
    let process = stack.inspect("process");
    check(
        &process,
        &[
            ("/Name", json!(format!("/{}-own", stack.name()))),
            ("/Config/Hostname", json!("castle")),
            ("/Config/Domainname", json!("example.test")),
            ("/Config/Tty", json!(true)),
            ("/Config/OpenStdin", json!(true)),
            ("/Config/StopSignal", json!("SIGUSR1")),
            ("/Config/StopTimeout", json!(90)),
            ("/Config/Labels/from.file", json!("yes")),
            ("/Config/Labels/from.list", json!("yes")),
            ("/Config/ExposedPorts", json!({"3000/tcp": {}, "5000/udp": {}})),
            ("/HostConfig/GroupAdd", json!(["4711", "tty"])),
            ("/Platform", json!("linux")),
        ],
    );
    // Read raw: quotes and `$` are part of the value.
    assert_eq!(stack.exec("process", &["printenv", "RAW"]), "'$HOME'");
    assert!(stack.exec("process", &["id", "-G"]).split(' ').any(|group| group == "4711"));
}

fn check_rights(stack: &Stack) {
    let process = stack.inspect("process");
    let rights = stack.inspect("rights");
    let id = format!("container:{}", text(&rights["Id"]));
    check(
        &rights,
        &[
            ("/HostConfig/Privileged", json!(false)),
            ("/HostConfig/ReadonlyRootfs", json!(true)),
            ("/HostConfig/Sysctls", json!({"net.ipv4.ip_unprivileged_port_start": "80"})),
            ("/HostConfig/IpcMode", json!("shareable")),
            ("/HostConfig/PidMode", json!("host")),
            ("/HostConfig/UsernsMode", json!("host")),
            ("/HostConfig/OomScoreAdj", json!(500)),
            (
                "/HostConfig/Devices",
                json!([
                    {"PathOnHost": "/dev/null", "PathInContainer": "/dev/nothing", "CgroupPermissions": "r"},
                    {"PathOnHost": "/dev/zero", "PathInContainer": "/dev/zero", "CgroupPermissions": "rwm"},
                ]),
            ),
        ],
    );
    // Some engines put `CAP_` before the names, or sort them.
    let capabilities = |list: &str| {
        let names = rights["HostConfig"][list].as_array().unwrap().iter();
        let mut names: Vec<&str> = names.map(|it| text(it).trim_start_matches("CAP_")).collect();
        names.sort_unstable();
        names.join(" ")
    };
    assert_eq!(capabilities("CapAdd"), "NET_ADMIN");
    assert_eq!(capabilities("CapDrop"), "CHOWN MKNOD");
    let status = stack.exec("rights", &["grep", "NoNewPrivs", "/proc/self/status"]);
    assert!(status.ends_with('1'), "{status}");
    // The profile's file forbids it, by another error than the read-only file system's.
    let refused = stack.exec("rights", &["sh", "-c", "mkdir /dev/shm/x 2>&1 || true"]);
    assert!(refused.contains("Operation not permitted"), "{refused}");
    check(
        &stack.inspect("mighty"),
        &[
            ("/HostConfig/Privileged", json!(may_be_mighty())),
            ("/HostConfig/IpcMode", json!(id)),
            ("/HostConfig/PidMode", json!(id)),
            ("/HostConfig/NetworkMode", json!(format!("container:{}", text(&process["Id"])))),
        ],
    );
}

/// The runtime that comes with older engines asks for every capability by number, also for those
/// that a machine's own limits leave out, and then refuses to start.
fn may_be_mighty() -> bool {
    engine::has_api(44)
}

fn check_limits(stack: &Stack) {
    check(
        &stack.inspect("limits"),
        &[
            ("/HostConfig/NanoCpus", json!(500_000_000)),
            ("/HostConfig/CpuShares", json!(512)),
            ("/HostConfig/CpusetCpus", json!("0")),
            ("/HostConfig/Memory", json!(96 * MIB)),
            ("/HostConfig/MemoryReservation", json!(48 * MIB)),
            ("/HostConfig/MemorySwap", json!(128 * MIB)),
            ("/HostConfig/PidsLimit", json!(77)),
            ("/HostConfig/ShmSize", json!(16 * MIB)),
            (
                "/HostConfig/LogConfig",
                json!({"Type": "json-file", "Config": {"max-file": "2", "max-size": "1m"}}),
            ),
            ("/HostConfig/RestartPolicy", json!({"Name": "on-failure", "MaximumRetryCount": 3})),
        ],
    );
    let limits = stack.exec("limits", &["sh", "-c", "ulimit -n; ulimit -Hn"]);
    assert_eq!(limits, "100\n200");
    let deployed = stack.inspect_all("deployed");
    assert_eq!(deployed.len(), 2);
    check(
        &deployed[1],
        &[
            ("/Config/Labels/deployed", json!("yes")),
            ("/HostConfig/NanoCpus", json!(250_000_000)),
            ("/HostConfig/Memory", json!(64 * MIB)),
            ("/HostConfig/MemoryReservation", json!(32 * MIB)),
            ("/HostConfig/PidsLimit", json!(55)),
            ("/HostConfig/RestartPolicy", json!({"Name": "on-failure", "MaximumRetryCount": 4})),
        ],
    );
}

fn check_names(stack: &Stack) {
    check(
        &stack.inspect("resolver"),
        &[
            ("/HostConfig/Dns", json!(["192.0.2.53"])),
            ("/HostConfig/DnsSearch", json!(["corp.test", "lab.test"])),
            ("/HostConfig/DnsOptions", json!(["ndots:3"])),
            ("/Config/Healthcheck/Test", json!(["CMD", "true"])),
            ("/Config/Healthcheck/Interval", json!(120_000_000_000_u64)),
            ("/Config/Healthcheck/Timeout", json!(7_000_000_000_u64)),
            ("/Config/Healthcheck/Retries", json!(9)),
            ("/Config/Healthcheck/StartPeriod", json!(11_000_000_000_u64)),
        ],
    );
    check(
        &stack.inspect("unchecked"),
        &[
            ("/Config/Healthcheck/Test", json!(["NONE"])),
            ("/Path", json!("/bin/sleep")),
            ("/Args", json!(["123"])),
            ("/HostConfig/NetworkMode", json!("none")),
            ("/HostConfig/RestartPolicy/Name", json!("unless-stopped")),
        ],
    );
    check(&stack.inspect("elsewhere"), &[("/HostConfig/NetworkMode", json!("default"))]);
}

#[test]
#[ignore = "needs a Docker engine"]
fn networks_mounts_and_ports_arrive() {
    let (one, open) = (free_port(), free_port());
    let subnet = "10.219.43";
    let stack = Stack::new(
        "joined",
        &format!(
            r#"
x-sleeper: &sleeper
  image: devstack/base:trixie
  pull_policy: never
  command: [sleep, infinity]
  stop_signal: KILL
services:
  a:
    <<: *sleeper
    networks:
      front:
        aliases: [first, main]
        ipv4_address: {subnet}.7
        link_local_ips: [169.254.8.8]
        priority: 10
      back: {{priority: 1}}
    external_links: [NAME-b-1:foreign]
    ports:
      - "{one}:80"
      - {{target: 81, published: {open}, publish: all, protocol: udp}}
    expose: [9000]
  b:
    <<: *sleeper
    networks: [front]
    tmpfs: ["/scratch:size=1m,mode=1770"]
    configs: [{{source: inline, target: /etc/inline, mode: 0440}}, from_variable]
    secrets: [{{source: told, target: renamed, uid: "12", gid: "13", mode: 0400}}]
    volumes:
      - data:/data:ro
      - /anonymous
      - ./folder:/bound:ro
      - {{type: bind, source: ./made/by/the/way, target: /made, bind: {{create_host_path: true, propagation: rprivate}}}}
      - {{type: tmpfs, target: /short, tmpfs: {{size: 2m, mode: 0700}}}}
      - {{type: volume, source: labelled, target: /labelled, volume: {{nocopy: true}}}}
networks:
  front:
    driver: bridge
    driver_opts: {{com.docker.network.bridge.enable_icc: "true"}}
    attachable: true
    labels: {{purpose: front}}
    ipam: {{config: [{{subnet: {subnet}.0/24, ip_range: {subnet}.128/25, gateway: {subnet}.1, aux_addresses: {{router: {subnet}.2}}}}]}}
  back: {{internal: true, name: NAME-hidden}}
volumes:
  data: {{labels: [purpose=data]}}
  labelled: {{driver: local, driver_opts: {{type: tmpfs, device: tmpfs, o: size=1m}}}}
configs:
  inline: {{content: "port = ${{WORD}}\n"}}
  from_variable: {{environment: WORD}}
secrets: {{told: {{environment: WORD}}}}
"#
        ),
    )
    .with_env("WORD", "correct-horse");
    let yaml = std::fs::read_to_string(stack.path("devstack.yaml")).unwrap();
    stack.write("devstack.yaml", &yaml.replace("NAME", stack.name()));
    stack.write("folder/file", "here");
    stack.ok(&["up", "-d"]);

    let front = format!("{}_front", stack.name());
    let a = stack.inspect("a");
    let joined = &a["NetworkSettings"]["Networks"][&front];
    for alias in ["first", "main", "a"] {
        assert!(joined["Aliases"].as_array().unwrap().contains(&json!(alias)), "{joined}");
    }
    assert_eq!(joined["IPAMConfig"]["IPv4Address"], format!("{subnet}.7"));
    assert_eq!(joined["IPAMConfig"]["LinkLocalIPs"], json!(["169.254.8.8"]));
    assert_eq!(joined["Links"], json!([format!("{}-b-1:foreign", stack.name())]));
    check(
        &a["HostConfig"],
        &[
            (
                "/PortBindings/80~1tcp",
                json!([{"HostIp": "127.0.0.1", "HostPort": one.to_string()}]),
            ),
            ("/PortBindings/81~1udp", json!([{"HostIp": "0.0.0.0", "HostPort": open.to_string()}])),
        ],
    );
    let network = engine::get(&format!("/networks/{front}"));
    check(
        &network,
        &[
            ("/Driver", json!("bridge")),
            ("/Attachable", json!(true)),
            ("/Internal", json!(false)),
            ("/Labels/purpose", json!("front")),
            ("/Options/com.docker.network.bridge.enable_icc", json!("true")),
            ("/IPAM/Config/0/Subnet", json!(format!("{subnet}.0/24"))),
            ("/IPAM/Config/0/IPRange", json!(format!("{subnet}.128/25"))),
            ("/IPAM/Config/0/Gateway", json!(format!("{subnet}.1"))),
            ("/IPAM/Config/0/AuxiliaryAddresses/router", json!(format!("{subnet}.2"))),
        ],
    );
    assert_eq!(engine::get(&format!("/networks/{}-hidden", stack.name()))["Internal"], true);
    let data = engine::get(&format!("/volumes/{}_data", stack.name()));
    assert_eq!(data["Labels"]["purpose"], "data");
    let labelled = engine::get(&format!("/volumes/{}_labelled", stack.name()));
    assert_eq!(labelled["Options"], json!({"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}));

    let say = |script: &str| stack.exec("b", &["sh", "-c", script]);
    assert_eq!(say("stat -c %a /scratch /short"), "1770\n700");
    assert_eq!(
        say("df -k --output=size /scratch /short /labelled | grep -v 1K | tr -d ' '"),
        "1024\n2048\n1024"
    );
    assert_eq!(say("cat /bound/file"), "here");
    assert!(stack.path("made/by/the/way").is_dir());
    for path in ["/data", "/bound"] {
        let refused = say(&format!("touch {path}/x 2>&1 || true"));
        assert!(refused.contains("Read-only file system"), "{refused}");
    }
    assert_eq!(say("touch /anonymous/x && echo written"), "written");
    assert_eq!(say("cat /etc/inline /from_variable"), "port = correct-horse\ncorrect-horse");
    assert_eq!(say("stat -c '%a %u:%g' /etc/inline /run/secrets/renamed"), "440 0:0\n400 12:13");
    let made = format!("{}:/made:rw,rprivate", stack.path("made/by/the/way").display());
    assert_eq!(stack.inspect("b")["HostConfig"]["Binds"], json!([made]));
}

#[test]
#[ignore = "needs a Docker engine"]
fn what_a_build_says_arrives() {
    let stack = Stack::new(
        "built",
        r#"
services:
  app:
    image: NAME-app:one
    init: true
    command: [sleep, infinity]
    pull_policy: build
    build:
      context: ./context
      dockerfile: docker/Other.Dockerfile
      target: wanted
      args: [COLOUR=blue, FROM_OUTSIDE]
      labels: {built: "yes"}
      tags: ["NAME-app:two"]
      network: none
      extra_hosts: ["mirror=10.1.2.3"]
      shm_size: 32m
      cache_from: ["NAME-app:zero"]
      platforms: [linux/amd64]
      no_cache: true
      privileged: false
"#,
    )
    .with_env("FROM_OUTSIDE", "seen");
    let yaml = std::fs::read_to_string(stack.path("devstack.yaml")).unwrap();
    stack.write("devstack.yaml", &yaml.replace("NAME", stack.name()));
    stack.write(
        "context/docker/Other.Dockerfile",
        "FROM devstack/base:trixie AS wanted\nARG COLOUR=none\nARG FROM_OUTSIDE=none\n\
         RUN echo $COLOUR $FROM_OUTSIDE > /told && cat /etc/hosts >> /told && ls /sys/class/net >> /told\n\
         RUN df -k --output=size /dev/shm | tail -1 | tr -d ' ' > /limits\n\
         FROM wanted\nRUN exit 1\n",
    );
    stack.ok(&["up", "-d"]);
    let told = stack.exec("app", &["cat", "/told"]);
    assert!(told.starts_with("blue seen\n"), "{told}");
    assert!(told.contains("10.1.2.3\tmirror"), "{told}");
    assert!(!told.contains("eth0"), "{told}");
    // The builder of older engines has one size for all.
    let size = if engine::has_api(44) { "32768" } else { "65536" };
    assert_eq!(stack.exec("app", &["cat", "/limits"]), size);
    let image = engine::get(&format!("/images/{}-app:two/json", stack.name()));
    assert_eq!(image["Config"]["Labels"]["built"], "yes");
    assert_eq!(image["Id"], stack.inspect("app")["Image"]);
}
