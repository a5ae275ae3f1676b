//! Where images come from, and when they must be there before anything else is decided.

use insta::assert_snapshot;

use crate::support::{World, desired, text};
use devstack::plan::{ReconcileOptions, images_only, needs_images_first};
use devstack::project::{Build, PullPolicy};
use devstack::state::{BuildInputs, Desired, InputFile};

const BUILT: &str = "
name: p
services:
  web: {build: .}
";

const PULLED: &str = "
name: p
services:
  web: {image: web}
";

fn with_policy(policy: &str) -> String {
    PULLED.replace("image: web", &format!("image: web, pull_policy: {policy}"))
}

#[test]
fn an_image_with_a_build_section_is_built() {
    assert_snapshot!(World::new().plan(BUILT), @r"
    1. build image p-web (missing)
    2. create network p_default (missing)
    3. create container p-web-1 (missing)  after 1, 2
    4. start container p-web-1 (missing)  after 3
    5. wait until container p-web-1 is ready or finished (requested)  after 4
    ");
}

#[test]
fn a_built_image_is_not_built_again() {
    assert_snapshot!(World::after_up(BUILT).plan(BUILT), @"  -  container p-web-1 unchanged");
}

#[test]
fn build_is_done_when_asked() {
    assert_snapshot!(World::after_up(BUILT).plan_with(BUILT, |it| it.build = true), @r"
    1. build image p-web (requested)
    -  container p-web-1 unchanged
    ");
}

#[test]
fn build_is_not_done_when_forbidden() {
    assert_snapshot!(World::new().plan_with(BUILT, |it| it.no_build = true), @"conflict: image `p-web` of service `web` is not on this engine, and `--no-build` forbids to build it");
    assert_snapshot!(World::after_up(BUILT).plan_with(BUILT, |it| it.no_build = true), @"  -  container p-web-1 unchanged");
}

#[test]
fn the_policy_build_builds_every_time() {
    let yaml = BUILT.replace("build: .", "build: ., pull_policy: build");
    assert_snapshot!(World::after_up(&yaml).plan(&yaml), @r"
    1. build image p-web (requested)
    -  container p-web-1 unchanged
    ");
}

#[test]
fn the_policy_always_pulls_every_time() {
    let yaml = with_policy("always");
    assert_snapshot!(World::new().plan(&yaml), @r"
    1. pull image web (missing)
    2. create network p_default (missing)
    3. create container p-web-1 (missing)  after 1, 2
    4. start container p-web-1 (missing)  after 3
    5. wait until container p-web-1 is ready or finished (requested)  after 4
    ");
    assert_snapshot!(World::after_up(&yaml).plan(&yaml), @r"
    1. pull image web (requested)
    -  container p-web-1 unchanged
    ");
}

#[test]
fn the_policy_missing_pulls_once() {
    let yaml = with_policy("missing");
    assert_snapshot!(World::new().plan(&yaml), @r"
    1. pull image web (missing)
    2. create network p_default (missing)
    3. create container p-web-1 (missing)  after 1, 2
    4. start container p-web-1 (missing)  after 3
    5. wait until container p-web-1 is ready or finished (requested)  after 4
    ");
    assert_snapshot!(World::after_up(&yaml).plan(&yaml), @"  -  container p-web-1 unchanged");
}

#[test]
fn the_policy_never_needs_the_image() {
    assert_snapshot!(World::new().plan(&with_policy("never")), @"conflict: image `web` of service `web` is not on this engine, and `pull_policy: never` forbids to pull it");
    assert_snapshot!(World::after_up(PULLED).plan(&with_policy("never")), @"  -  container p-web-1 unchanged");
}

#[test]
fn the_users_policy_outweighs_the_files() {
    let world = World::new();
    let never = Some(PullPolicy::Never);
    assert_snapshot!(world.plan_with(&with_policy("always"), |it| it.pull = never), @"conflict: image `web` of service `web` is not on this engine, and `pull_policy: never` forbids to pull it");
    let always = Some(PullPolicy::Always);
    assert_snapshot!(world.plan_with(&with_policy("never"), |it| it.pull = always), @r"
    1. pull image web (missing)
    2. create network p_default (missing)
    3. create container p-web-1 (missing)  after 1, 2
    4. start container p-web-1 (missing)  after 3
    5. wait until container p-web-1 is ready or finished (requested)  after 4
    ");
}

#[test]
fn images_alone_leave_everything_else() {
    let yaml = "
name: p
services:
  web: {build: ., depends_on: [db]}
  db: {image: db, volumes: ['data:/data']}
volumes: {data: }
";
    let world = World::new();
    let plan = images_only(&desired(yaml), &world.observed(), &ReconcileOptions::default());
    assert_snapshot!(text(&plan.expect("no conflicts")), @r"
    1. build image p-web (missing)
    2. pull image db (missing)
    ");
}

#[test]
fn images_come_first_only_where_containers_may_have_to_follow() {
    let build = ReconcileOptions { build: true, ..ReconcileOptions::default() };
    let plain = ReconcileOptions::default();
    let needed = |world: &World, yaml: &str, options| {
        needs_images_first(&desired(yaml), &world.observed(), options)
    };
    assert!(!needed(&World::new(), BUILT, &build), "nothing is there that could follow");
    assert!(!needed(&World::after_up(BUILT), BUILT, &plain), "no image is made");
    assert!(needed(&World::after_up(BUILT), BUILT, &build));
    let always = with_policy("always");
    assert!(needed(&World::after_up(&always), &always, &plain));
    assert!(!needed(&World::after_up(BUILT), &with_policy("always").replace("web", "db"), &plain));
}

#[test]
fn a_newer_image_is_followed_by_its_containers_in_one_go() {
    let world = World::after_up(BUILT);
    let before = world.container("p-web-1");
    let build = ReconcileOptions { build: true, ..ReconcileOptions::default() };
    world.up_with(&desired(BUILT), &build).expect("no fault");
    assert_eq!(world.container("p-web-1").id, before.id, "nothing new was built");
    world.engine.release("p-web:latest");
    world.up_with(&desired(BUILT), &build).expect("no fault");
    assert_ne!(world.container("p-web-1").image_id, before.image_id);
}

mod inputs {
    use super::*;

    /// What `BUILT` asks for with this file in its context.
    fn built_from(main: &str) -> Desired {
        let mut desired = desired(BUILT);
        let files = vec![InputFile::new("src/main.ts", "file", main)];
        let dockerfile = ("Dockerfile", "FROM node:26");
        desired.images[0].inputs =
            Some(BuildInputs::new(&Build::default(), dockerfile, files, &[]));
        desired
    }

    fn up(world: &World, main: &str) {
        world.up_with(&built_from(main), &ReconcileOptions::default()).expect("no fault");
    }

    #[test]
    fn an_image_is_not_built_again_from_the_same() {
        let world = World::new();
        up(&world, "1");
        assert_snapshot!(world.plan_of(&built_from("1"), |_| {}), @"  -  container p-web-1 unchanged");
    }

    #[test]
    fn a_changed_file_is_the_reason_of_a_build() {
        let world = World::new();
        up(&world, "1");
        let (observed, options) = (world.observed(), ReconcileOptions::default());
        assert!(needs_images_first(&built_from("2"), &observed, &options));
        let images = images_only(&built_from("2"), &observed, &options).expect("no conflicts");
        assert_snapshot!(text(&images), @"1. build image p-web (src/main.ts changed)");
        let before = world.container("p-web-1").id;
        up(&world, "2");
        assert_ne!(world.container("p-web-1").id, before);
        assert_snapshot!(world.plan_of(&built_from("2"), |_| {}), @"  -  container p-web-1 unchanged");
    }

    #[test]
    fn an_image_of_unknown_inputs_is_built_once() {
        let world = World::after_up(BUILT);
        assert_snapshot!(world.plan_of(&built_from("1"), |_| {}), @r"
        1. build image p-web (no record of what it was built from)
        -  container p-web-1 unchanged
        ");
        up(&world, "1");
        assert_snapshot!(world.plan_of(&built_from("1"), |_| {}), @"  -  container p-web-1 unchanged");
    }

    #[test]
    fn a_forbidden_build_is_warned_of() {
        let world = World::new();
        up(&world, "1");
        assert_snapshot!(world.plan_of(&built_from("2"), |it| it.no_build = true), @r"
          -  container p-web-1 unchanged
        warning: image p-web is out of date (src/main.ts changed) and `--no-build` leaves it so
        ");
    }
}
