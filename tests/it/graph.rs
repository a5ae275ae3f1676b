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
    assert_snapshot!(graph(&project(SHOP), GraphFormat::Text), @"");
}

#[test]
fn graphviz_and_mermaid_get_their_own_languages() {
    assert_snapshot!(graph(&project(SHOP), GraphFormat::Dot), @"");
    assert_snapshot!(graph(&project(SHOP), GraphFormat::Mermaid), @"");
}
