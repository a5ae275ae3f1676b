//! The stack as a picture.

use devstack::report::{GraphFormat, graph};
use insta::assert_snapshot;

use crate::support::project;

const SHOP: &str = r"
name: shop
services:
  gateway: {image: g, networks: [edge], depends_on: {api: {condition: service_started}}}
  api:
    image: a
    networks: [edge, data]
    depends_on:
      db: {condition: service_healthy}
      migrate: {condition: service_completed_successfully}
  migrate: {image: m, networks: [data], depends_on: {db: {condition: service_healthy}}}
  worker.a: {image: w, networks: [data], depends_on: [migrate]}
  db: {image: d, networks: [data]}
  lone: {image: l, network_mode: none}
networks:
  edge:
  data: {internal: true}
";

#[test]
fn a_tree_shows_what_is_waited_for_and_who_shares_a_network() {
    assert_snapshot!(graph(&project(SHOP), GraphFormat::Text), @"
    gateway
    └─ api (started)
       ├─ db (ready)
       └─ migrate (finished)
          └─ db (ready)
    worker.a
    └─ migrate (started) …
    lone

    network edge: gateway, api
    network data (no way out): api, migrate, worker.a, db
    ");
}

#[test]
fn graphviz_and_mermaid_get_their_own_languages() {
    assert_snapshot!(graph(&project(SHOP), GraphFormat::Dot), @r#"
    digraph "shop" {
      rankdir=LR;
      node [shape=box];
      "gateway";
      "api";
      "migrate";
      "worker.a";
      "db";
      "lone";
      "gateway" -> "api" [label="started"];
      "api" -> "db" [label="ready"];
      "api" -> "migrate" [label="finished"];
      "migrate" -> "db" [label="ready"];
      "worker.a" -> "migrate" [label="started"];
      "network edge" [shape=ellipse, style=dashed, label="edge"];
      "gateway" -> "network edge" [dir=none, style=dashed];
      "api" -> "network edge" [dir=none, style=dashed];
      "network data" [shape=ellipse, style=dashed, label="data"];
      "api" -> "network data" [dir=none, style=dashed];
      "migrate" -> "network data" [dir=none, style=dashed];
      "worker.a" -> "network data" [dir=none, style=dashed];
      "db" -> "network data" [dir=none, style=dashed];
    }
    "#);
    assert_snapshot!(graph(&project(SHOP), GraphFormat::Mermaid), @r#"
    flowchart LR
      s0["gateway"]
      s1["api"]
      s2["migrate"]
      s3["worker.a"]
      s4["db"]
      s5["lone"]
      s0 -->|started| s1
      s1 -->|ready| s4
      s1 -->|finished| s2
      s2 -->|ready| s4
      s3 -->|started| s2
      n0(["edge"])
      s0 -.- n0
      s1 -.- n0
      n1(["data"])
      s1 -.- n1
      s2 -.- n1
      s3 -.- n1
      s4 -.- n1
    "#);
}
