//! Keys of Compose's language that act on the engine: rarer settings, hooks, builds, one-offs.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread;

use serde_json::json;

use crate::engine;
use crate::support::{Stack, eventually, seconds, text};

#[test]
#[ignore = "needs a Docker engine"]
fn rarer_settings_arrive() {
    let yaml = r"
services:
  data:
    image: redis:8
    init: true
    command: [sleep, infinity]
    volumes: [/shared]
  app:
    image: redis:8
    init: true
    command: [sleep, infinity]
    volumes_from: ['data:ro']
    links: ['data:origin']
    cgroup: host
    cpu_quota: 50000
    cpu_period: 100000
    device_cgroup_rules: ['c 1:3 mr']
    uts: host
    mac_address: '02:42:ac:11:65:43'
    networks:
      default:
        driver_opts: {com.example.option: x}
";
    let stack = Stack::new("rarer", yaml);
    let mac = "02:42:ac:11:65:43";
    let has_mac = engine::has_api(44);
    if !has_mac {
        stack.fails(&["up", "-d"]).says(&["`mac_address` needs Docker Engine 25"]);
        stack.write("devstack.yaml", &yaml.replace(&format!("mac_address: '{mac}'"), ""));
    }
    stack.ok(&["up", "-d"]);
    stack.exec("data", &["sh", "-c", "echo here > /shared/file"]);
    assert_eq!(stack.exec("app", &["cat", "/shared/file"]), "here");
    assert!(
        stack.exec("app", &["sh", "-c", "touch /shared/x || echo refused"]).contains("refused")
    );
    assert!(!stack.exec("app", &["getent", "hosts", "origin"]).is_empty());
    let address = stack.exec("app", &["cat", "/sys/class/net/eth0/address"]);
    assert_eq!(address.contains(mac), has_mac, "{address}");
    let host = &stack.inspect("app")["HostConfig"];
    assert_eq!(host["CgroupnsMode"], "host");
    assert_eq!(host["CpuQuota"], 50_000);
    assert_eq!(host["CpuPeriod"], 100_000);
    assert_eq!(text(&host["DeviceCgroupRules"][0]), "c 1:3 mr");
    assert_eq!(host["UTSMode"], "host");
    // Nothing changed, so nothing is done.
    let again = stack.ok(&["up", "-d"]);
    assert!(!again.stderr.contains("app"), "{again}");
    stack.ok(&["diff"]);
}

#[test]
#[ignore = "needs a Docker engine"]
fn hooks_run_after_the_start_and_before_the_stop() {
    let stack = Stack::new(
        "hooks",
        r#"
services:
  app:
    image: redis:8
    init: true
    command: [sleep, infinity]
    volumes: ['kept:/kept']
    post_start:
      - {command: "sh -c 'echo started $$WHO >> /kept/life'", environment: [WHO=me]}
    pre_stop:
      - command: [sh, -c, 'echo stopping >> /kept/life']
  next:
    image: redis:8
    init: true
    command: [sleep, infinity]
    volumes: ['kept:/kept:ro']
    depends_on: [app]
volumes: {kept: }
"#,
    );
    stack.ok(&["up", "-d"]);
    assert_eq!(stack.exec("app", &["cat", "/kept/life"]), "started me");
    stack.ok(&["stop", "app"]);
    assert_eq!(stack.exec("next", &["cat", "/kept/life"]), "started me\nstopping");

    stack.write(
        "devstack.yaml",
        "services: {app: {image: 'redis:8', command: [sleep, infinity], post_start: [{command: [sh, -c, 'echo broken >&2; exit 3']}]}}",
    );
    let failed = stack.devstack(&["up", "-d"]).ended_with(1);
    assert!(failed.stderr.contains("exit code 3: broken"), "{failed}");
}

#[test]
#[ignore = "needs a Docker engine"]
fn builds_read_secrets_and_further_contexts_and_keep_neither() {
    const TOLD: &str = "correct-horse-battery";
    let stack = Stack::new(
        "contexts",
        r#"
services:
  base:
    build: {context: ., dockerfile_inline: "FROM redis:8\nRUN echo base > /base"}
    command: [sleep, infinity]
    profiles: [never]
  app:
    build:
      context: .
      dockerfile_inline: |
        FROM base
        COPY --from=lib file /file
        RUN --mount=type=secret,id=token,required wc -c < /run/secrets/token > /length
        RUN --mount=type=secret,id=other,required wc -c < /run/secrets/other >> /length
      additional_contexts: {lib: ./lib, base: 'service:base'}
      secrets: [token, {source: variable, target: other}]
    init: true
    command: [sleep, infinity]
secrets: {token: {file: ./token}, variable: {environment: TOLD}}
"#,
    )
    .with_env("TOLD", TOLD);
    stack.write("lib/file", "from the library\n");
    stack.write("token", "12345678");
    let up = stack.ok(&["up", "-d", "--progress", "plain"]);
    assert!(!up.to_string().contains(TOLD), "{up}");
    assert_eq!(stack.exec("app", &["cat", "/base", "/file"]), "base\nfrom the library");
    assert_eq!(stack.exec("app", &["cat", "/length"]), format!("8\n{}", TOLD.len()));
    stack.ok(&["down", "--rmi", "local"]);
}

/// A key agent that holds one key: it answers each request for its list.
fn agent(socket: &Path, key: &'static str) {
    let listener = UnixListener::bind(socket).unwrap();
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            // The length and the kind of what is asked, by the agent protocol: 11 asks for the keys.
            let mut asked = [0; 5];
            while client.read_exact(&mut asked).is_ok() && asked == [0, 0, 0, 1, 11] {
                let blob = key.as_bytes();
                let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_be_bytes();
                let mut answer = vec![12, 0, 0, 0, 1];
                for part in [blob, b"comment"] {
                    answer.extend(length(part));
                    answer.extend(part);
                }
                client.write_all(&[&length(&answer)[..], &answer].concat()).unwrap();
            }
        }
    });
}

#[test]
#[ignore = "needs a Docker engine"]
fn builds_reach_the_agents_that_they_name() {
    let stack = Stack::new(
        "agent",
        r#"
services:
  app:
    build:
      context: .
      dockerfile_inline: |
        FROM devstack/base:trixie
        COPY ask.pl /
        RUN --mount=type=ssh perl /ask.pl > /keys
        # BuildKit gives a connection up that does not answer its question of each second.
        RUN sleep 2
        RUN --mount=type=ssh,id=deploy perl /ask.pl >> /keys
        RUN test -z "$$SSH_AUTH_SOCK"
      no_cache: true
      ssh: [default, deploy=./deploy.sock]
    command: [sleep, infinity]
    init: true
"#,
    );
    stack.write(
        "ask.pl",
        "use IO::Socket::UNIX;\nmy $agent = IO::Socket::UNIX->new($ENV{SSH_AUTH_SOCK}) or die \
         $!;\n$agent->print(pack('NC', 1, 11));\n$agent->flush;\nread($agent, my $head, 9) == 9 or \
         die;\nread($agent, my $length, 4);\nread($agent, my $key, unpack('N', $length));\nprint \
         \"$key\\n\";\n",
    );
    agent(&stack.path("own.sock"), "key of the user");
    agent(&stack.path("deploy.sock"), "key of the deployment");
    let without = stack.devstack(&["up", "-d"]).ended_with(1);
    assert!(without.stderr.contains("SSH_AUTH_SOCK names none"), "{without}");
    let own = stack.path("own.sock").display().to_string();
    let stack = stack.with_env("SSH_AUTH_SOCK", &own);
    stack.ok(&["up", "-d"]);
    assert_eq!(stack.exec("app", &["cat", "/keys"]), "key of the user\nkey of the deployment");
    stack.ok(&["down", "--rmi", "local"]);
}

#[test]
#[ignore = "needs a Docker engine"]
fn devices_by_what_they_can_do_and_ipv6_arrive() {
    let stack = Stack::new(
        "asked",
        r"
x-sleeper: &sleeper
  image: devstack/base:trixie
  pull_policy: never
  command: [sleep, infinity]
  stop_signal: KILL
services:
  all: {<<: *sleeper, gpus: all}
  some:
    <<: *sleeper
    gpus: [{driver: nvidia, device_ids: ['0', '2'], options: {mode: fast}}]
    deploy:
      resources: {reservations: {devices: [{capabilities: [tpu], count: 2}]}}
  six: {<<: *sleeper}
networks:
  default:
    enable_ipv6: true
    ipam: {config: [{subnet: 'fd5a:219:43::/64'}]}
",
    );
    // Nothing here has such devices, so that these are only made.
    stack.ok(&["create"]);
    let asked = |service: &str| stack.inspect(service)["HostConfig"]["DeviceRequests"].clone();
    assert_eq!(
        asked("all"),
        json!([{"Driver": "", "Count": -1, "DeviceIDs": null, "Capabilities": [["gpu"]], "Options": null}])
    );
    assert_eq!(
        asked("some"),
        json!([
            {
                "Driver": "nvidia", "Count": 0, "DeviceIDs": ["0", "2"],
                "Capabilities": [["gpu"]], "Options": {"mode": "fast"},
            },
            {"Driver": "", "Count": 2, "DeviceIDs": null, "Capabilities": [["tpu"]], "Options": null},
        ])
    );
    let failed = stack.devstack(&["up", "-d", "all"]).ended_with(1);
    assert!(failed.stderr.contains("gpus: all"), "{failed}");
    stack.ok(&["up", "-d", "six"]);
    let addresses = stack.exec("six", &["cat", "/proc/net/if_inet6"]);
    assert!(addresses.contains("fd5a02190043"), "{addresses}");
}

#[test]
#[ignore = "needs a Docker engine"]
fn one_offs_bring_what_they_need_and_leave_nothing() {
    let stack = Stack::new(
        "oneoff",
        r"
services:
  db: {image: 'redis:8', init: true, ready: {exec: [redis-cli, ping]}}
  app:
    image: redis:8
    init: true
    command: [sleep, infinity]
    environment: {A: file, B: file}
    ports: ['16399:6379']
    depends_on: {db: {condition: service_healthy}}
",
    );
    let run = stack.ok(&[
        "run",
        "--rm",
        "-T",
        "-e",
        "A=line",
        "app",
        "sh",
        "-c",
        "echo $A $B; redis-cli -h db ping",
    ]);
    assert_eq!(run.stdout, "line file\nPONG\n");
    let all = stack.ok(&["ps", "-a", "--format", "json"]).stdout;
    assert!(!all.contains("-run-"), "{all}");
    stack.devstack(&["run", "--rm", "-T", "--no-deps", "app", "sh", "-c", "exit 7"]).ended_with(7);

    // What the command line asks for in vain is told of the command line.
    let refused = |flags: &[&str], told: &[&str]| {
        let run =
            stack.fails(&[&["run", "--rm", "-T", "--no-deps"], flags, &["app", "true"]].concat());
        assert!(!run.stderr.contains("devstack.yaml"), "{run}");
        run.says(told);
    };
    let db = format!("{}-db-1", stack.name());
    refused(&["--name", &db], &["there is a container of that name"]);
    refused(&["--name", "a b"], &["`--name a b` is no name of a container"]);
    refused(&["-v", "/nosuch/x:/y"], &["`--volume /nosuch/x:/y`", "mkdir -p /nosuch/x"]);
    refused(&["-u", "nosuch"], &["`app` has no user or group `nosuch`", "--user"]);
    refused(&["-e", "=x"], &["`--env =x` names no variable"]);
    refused(&["-w", "relative"], &["`--workdir relative` is not an absolute path"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let publish = format!("{port}:6379");
    refused(&["-p", &publish], &["is already in use", "--publish auto:6379"]);

    // A volume that only the command line names is made as the project's; another's is left alone.
    let job = |volume: &str, script: &str| {
        let mount = format!("{volume}:/x");
        stack.devstack(&["run", "--rm", "-T", "--no-deps", "-v", &mount, "app", "sh", "-c", script])
    };
    let volume = format!("{}-kept", stack.name());
    job(&volume, "echo word > /x/a").ended_with(0);
    assert_eq!(job(&volume, "cat /x/a").ended_with(0).stdout, "word\n");
    let label = &engine::get(&format!("/volumes/{volume}"))["Labels"]["com.docker.compose.project"];
    assert_eq!(label, stack.name());
    let foreign = format!("{}-foreign", stack.name());
    engine::post("/volumes/create", &serde_json::json!({"Name": foreign}));
    let run = job(&foreign, "true").ended_with(1);
    engine::delete(&format!("/volumes/{foreign}"));
    run.says(&["exists but does not belong to project", "external: true"]);

    stack.ok(&[
        "run",
        "-d",
        "--rm",
        "--no-deps",
        "--name",
        &format!("{}-brief", stack.name()),
        "app",
        "true",
    ]);
    eventually("the container is removed", seconds(10), || {
        !stack.ok(&["ps", "-a", "--format", "json"]).stdout.contains("-brief")
    });
    let detached = stack.ok(&["run", "-d", "--name", &format!("{}-job", stack.name()), "app"]);
    assert_eq!(detached.stdout.trim(), format!("{}-job", stack.name()));
    stack.ok(&["down"]);
    assert!(!stack.ok(&["ps", "-a", "--format", "json"]).stdout.contains("-job"));
}
