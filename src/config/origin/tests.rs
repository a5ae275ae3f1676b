use std::sync::Arc;

use super::super::diagnostic::Source;
use super::super::parse::parse;
use super::*;

const STACK: &str = "\
services:
  web:
    image: a
    command: sh -c 'run --fast'
    ports: ['8000-8010:80', {target: 81, published: 9000}, '127.0.0.1:7000:82/udp']
    volumes: [./etc:/etc/app/, {type: bind, source: ./x, target: /x}]
    cap_add: [NET_ADMIN, SYS_TIME]
    logging: {driver: json-file, options: {max-size: x, nope: 1}}
    networks: {front: {ipv4_address: 10.1.2.3}}
    container_name: own
networks:
  front: {}
  back_front: {}
  named: {name: other}
volumes: {data: {external: true}}
";

fn origins() -> Origins {
    let source = Arc::new(Source { name: "devstack.yaml".to_owned(), text: STACK.to_owned() });
    let root = parse(&source).expect("a stack").remove(0);
    Origins::new(root.into(), Environment::default())
}

#[test]
fn a_setting_is_found_by_its_key_and_what_it_holds() {
    let origins = origins();
    let web = Owner { section: "services", key: "web" };
    // Keys, parts, and the text that is pointed at.
    let cases: &[(&[&str], &[&str], &str)] = &[
        (&["cap_add"], &[], "cap_add"),
        (&["cap_add"], &["sys_time"], "SYS_TIME"),
        (&["cap_add"], &["TIME"], ""),
        (&["cap_drop", "cap_add"], &["NET_ADMIN"], "NET_ADMIN"),
        (&["ports"], &["8005"], "'8000-8010:80'"),
        (&["ports"], &["9000"], "{target: 81, published: 9000}"),
        (&["ports"], &["7000"], "'127.0.0.1:7000:82/udp'"),
        // The container's ports are not the host's.
        (&["ports"], &["80"], ""),
        (&["ports"], &["82"], ""),
        (&["volumes"], &["/etc/app"], "./etc:/etc/app/"),
        (&["volumes"], &["/etc"], ""),
        (&["volumes"], &["/nowhere", "/x"], "/x"),
        (&["command"], &["run"], "sh -c 'run --fast'"),
        (&["command"], &["runs"], ""),
        (&["logging.options"], &["nope"], "nope"),
        (&["logging.driver"], &[], "driver"),
        (&["networks"], &["10.1.2.3"], "10.1.2.3"),
        (&["nothing.at.all"], &[], ""),
    ];
    for (keys, parts, expected) in cases {
        let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
        let found = origins.find(web, keys, &parts);
        let text = found.map_or("", |span| &STACK[span.start..span.end]).trim_end();
        assert_eq!(text, *expected, "{keys:?} {parts:?}");
    }
}

#[test]
fn names_on_the_engine_lead_back_to_keys() {
    let origins = origins();
    for (section, name, expected) in [
        ("networks", "p_front", Some("front")),
        ("networks", "p_back_front", Some("back_front")),
        ("networks", "other", Some("named")),
        ("networks", "p_named", None),
        ("networks", "p_default", None),
        ("networks", "affront", None),
        ("volumes", "data", Some("data")),
        ("secrets", "data", None),
    ] {
        assert_eq!(origins.key_of(section, name), expected, "{section} {name}");
    }
    assert_eq!(origins.service_of_container("own"), Some("web"));
    assert_eq!(origins.service_of_container("p-web-1"), None);
}
