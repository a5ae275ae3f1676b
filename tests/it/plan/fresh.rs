//! The first `up`, and the one with nothing to do.

use insta::assert_snapshot;

use crate::support::{World, desired_of, project};

const ROOT: &str = include_str!("../../../devstack.yaml");

const PAIR: &str = "
name: p
services:
  web: {image: web, depends_on: [db]}
  db: {image: db, volumes: ['data:/data']}
volumes: {data: }
";

#[test]
fn the_stack_of_the_repository_comes_up_whole() {
    assert_eq!(project(ROOT).name.as_str(), "devstack");
    assert_snapshot!(World::new().plan(ROOT), @r"
     1. pull image postgres:17 (missing)
     2. pull image redis:8 (missing)
     3. pull image getmeili/meilisearch:v1.21 (missing)
     4. pull image rabbitmq:4-management (missing)
     5. build image devstack-api (missing)
     6. pull image kong:3.9 (missing)
     7. create network devstack_edge (missing)
     8. create network devstack_data (missing)
     9. create volume devstack_db-data (missing)
    10. create volume devstack_redis-data (missing)
    11. create volume devstack_search-data (missing)
    12. create volume devstack_mq-data (missing)
    13. create container devstack-db-1 (missing)  after 1, 8, 9
    14. start container devstack-db-1 (missing)  after 13
    15. create container devstack-redis-1 (missing)  after 2, 8, 10
    16. start container devstack-redis-1 (missing)  after 15
    17. create container devstack-search-1 (missing)  after 3, 8, 11
    18. start container devstack-search-1 (missing)  after 17
    19. create container devstack-mq-1 (missing)  after 4, 8, 12
    20. start container devstack-mq-1 (missing)  after 19
    21. create container devstack-api-1 (missing)  after 5, 7, 8
    22. wait until container devstack-db-1 is ready (needed by api)  after 14
    23. wait until container devstack-redis-1 is ready (needed by api)  after 16
    24. wait until container devstack-search-1 is ready (needed by api)  after 18
    25. wait until container devstack-mq-1 is ready (needed by api)  after 20
    26. start container devstack-api-1 (missing)  after 14, 16, 18, 20, 21
    27. release container devstack-api-1 (missing)  after 22, 23, 24, 25, 26
    28. create container devstack-kong-1 (missing)  after 6, 7
    29. start container devstack-kong-1 (missing)  after 26, 28
    30. wait until container devstack-api-1 is ready or finished (requested)  after 27
    31. wait until container devstack-kong-1 is ready or finished (requested)  after 29
    ");
}

#[test]
fn the_stack_of_the_repository_needs_nothing_the_second_time() {
    assert_snapshot!(World::after_up(ROOT).plan(ROOT), @r"
    -  container devstack-db-1 unchanged
    -  container devstack-redis-1 unchanged
    -  container devstack-search-1 unchanged
    -  container devstack-mq-1 unchanged
    -  container devstack-api-1 unchanged
    -  container devstack-kong-1 unchanged
    ");
}

#[test]
fn everything_that_a_container_needs_is_made_before_it() {
    assert_snapshot!(World::new().plan(PAIR), @r"
     1. pull image web (missing)
     2. pull image db (missing)
     3. create network p_default (missing)
     4. create volume p_data (missing)
     5. create container p-db-1 (missing)  after 2, 3, 4
     6. start container p-db-1 (missing)  after 5
     7. create container p-web-1 (missing)  after 1, 3
     8. start container p-web-1 (missing)  after 6, 7
     9. wait until container p-db-1 is ready or finished (requested)  after 6
    10. wait until container p-web-1 is ready or finished (requested)  after 8
    ");
}

#[test]
fn nothing_to_do_is_an_empty_plan() {
    assert_snapshot!(World::after_up(PAIR).plan(PAIR), @r"
    -  container p-db-1 unchanged
    -  container p-web-1 unchanged
    ");
}

#[test]
fn one_image_written_in_two_ways_is_pulled_once() {
    assert_snapshot!(World::new().plan("
name: p
services:
  one: {image: same}
  two: {image: 'docker.io/library/same:latest'}
"), @r"
    1. pull image same (missing)
    2. create network p_default (missing)
    3. create container p-one-1 (missing)  after 1, 2
    4. start container p-one-1 (missing)  after 3
    5. create container p-two-1 (missing)  after 1, 2
    6. start container p-two-1 (missing)  after 5
    7. wait until container p-one-1 is ready or finished (requested)  after 4
    8. wait until container p-two-1 is ready or finished (requested)  after 6
    ");
}

#[test]
fn a_named_service_brings_what_it_needs_and_no_more() {
    let yaml = "
name: p
services:
  web: {image: web, depends_on: [db], networks: [front]}
  db: {image: db, networks: [back]}
  other: {image: other, networks: [unused], volumes: ['unused:/data']}
networks: {front: , back: , unused: }
volumes: {unused: }
";
    assert_snapshot!(World::new().plan_of(&desired_of(yaml, &["web"], true), |_| {}), @r"
     1. pull image web (missing)
     2. pull image db (missing)
     3. create network p_front (missing)
     4. create network p_back (missing)
     5. create container p-db-1 (missing)  after 2, 4
     6. start container p-db-1 (missing)  after 5
     7. create container p-web-1 (missing)  after 1, 3
     8. start container p-web-1 (missing)  after 6, 7
     9. wait until container p-db-1 is ready or finished (requested)  after 6
    10. wait until container p-web-1 is ready or finished (requested)  after 8
    ");
    assert_snapshot!(World::new().plan_of(&desired_of(yaml, &["web"], false), |_| {}), @r"
    1. pull image web (missing)
    2. create network p_front (missing)
    3. create container p-web-1 (missing)  after 1, 2
    4. start container p-web-1 (missing)  after 3
    5. wait until container p-web-1 is ready or finished (requested)  after 4
    ");
}

#[test]
fn without_start_containers_are_only_made() {
    assert_snapshot!(World::new().plan_with(PAIR, |it| it.start = false), @r"
    1. pull image web (missing)
    2. pull image db (missing)
    3. create network p_default (missing)
    4. create volume p_data (missing)
    5. create container p-db-1 (missing)  after 2, 3, 4
    6. create container p-web-1 (missing)  after 1, 3
    ");
}

#[test]
fn without_wait_only_conditions_are_waited_for() {
    let yaml = "
name: p
services:
  web: {image: web, depends_on: {db: {condition: service_healthy}}}
  db: {image: db, healthcheck: {test: 'true'}}
";
    assert_snapshot!(World::new().plan_with(yaml, |it| it.wait = false), @r"
    1. pull image web (missing)
    2. pull image db (missing)
    3. create network p_default (missing)
    4. create container p-db-1 (missing)  after 2, 3
    5. start container p-db-1 (missing)  after 4
    6. create container p-web-1 (missing)  after 1, 3
    7. wait until container p-db-1 is ready (needed by web)  after 5
    8. start container p-web-1 (missing)  after 6, 7
    ");
}

#[test]
fn networks_and_volumes_that_no_service_uses_are_not_made() {
    assert_snapshot!(World::new().plan("
name: p
services:
  web: {image: web, networks: [used]}
networks: {used: , unused: }
volumes: {unused: }
"), @r"
    1. pull image web (missing)
    2. create network p_used (missing)
    3. create container p-web-1 (missing)  after 1, 2
    4. start container p-web-1 (missing)  after 3
    5. wait until container p-web-1 is ready or finished (requested)  after 4
    ");
}

#[test]
fn an_unselected_profile_is_neither_made_nor_an_orphan() {
    let all = "
name: p
services:
  web: {image: web}
  debug: {image: debug}
";
    let some = "
name: p
services:
  web: {image: web}
  debug: {image: debug, profiles: [debug]}
";
    assert_snapshot!(World::new().plan(some), @r"
    1. pull image web (missing)
    2. create network p_default (missing)
    3. create container p-web-1 (missing)  after 1, 2
    4. start container p-web-1 (missing)  after 3
    5. wait until container p-web-1 is ready or finished (requested)  after 4
    ");
    assert_snapshot!(World::after_up(all).plan_with(some, |it| it.remove_orphans = true), @"  -  container p-web-1 unchanged");
}

#[test]
fn a_service_without_network_uses_none() {
    assert_snapshot!(World::new().plan("
name: p
services:
  web: {image: web, network_mode: none}
"), @r"
    1. pull image web (missing)
    2. create container p-web-1 (missing)  after 1
    3. start container p-web-1 (missing)  after 2
    4. wait until container p-web-1 is ready or finished (requested)  after 3
    ");
}

#[test]
fn a_namespace_is_joined_after_its_owner_runs() {
    assert_snapshot!(World::new().plan("
name: p
services:
  tool: {image: tool, network_mode: 'service:web'}
  web: {image: web}
"), @r"
    1. pull image tool (missing)
    2. pull image web (missing)
    3. create network p_default (missing)
    4. create container p-web-1 (missing)  after 2, 3
    5. start container p-web-1 (missing)  after 4
    6. create container p-tool-1 (missing)  after 1, 5
    7. start container p-tool-1 (missing)  after 5, 6
    8. wait until container p-web-1 is ready or finished (requested)  after 5
    9. wait until container p-tool-1 is ready or finished (requested)  after 7
    ");
}
