//! Random projects on random prior states: whatever was there, `up` ends in what the file asks
//! for, a second `up` does nothing, and others are left alone. Also with faults and cancellations
//! on the way.

mod satisfies;
pub(crate) mod stacks;

use devstack::event::Event;
use devstack::plan::{Plan, ReconcileOptions, reconcile, weave};
use devstack::project::Project;
use devstack::state::{ContentDigests, Desired, Observed, labels, lower};
use proptest::prelude::*;

use crate::support::{World, project};
use satisfies::{satisfies, started_dependencies_first};
use stacks::{Disturbance, RandomStack, disturbances, stack};

/// Another project, with the same services' names, that must not notice anything.
const NEIGHBOUR: &str = "
name: q
services:
  s0: {image: 'one:1', volumes: ['v0:/v0', '/anonymous'], networks: [n0]}
  s1: {image: 'two:1', networks: [n0], depends_on: [s0]}
networks: {n0: }
volumes: {v0: }
";

fn options() -> ReconcileOptions {
    ReconcileOptions { remove_orphans: true, ..ReconcileOptions::default() }
}

fn lowered(stack: &RandomStack) -> (Project, Desired) {
    let project = project(&stack.yaml("p"));
    let desired = lower(&project, &ContentDigests::new());
    (project, desired)
}

/// The plan of `up`, hooks included.
fn planned(world: &World, desired: &Desired) -> Plan {
    let observed = world.observed();
    let plan = reconcile(desired, &observed, &options()).expect("no conflicts");
    weave(plan, desired, &observed)
}

/// Only what carries another project's label, or none.
fn others(observed: &Observed) -> Observed {
    let foreign = |labels: &indexmap::IndexMap<String, String>| {
        labels.get(labels::PROJECT).is_none_or(|project| project != "p")
    };
    let mut others = observed.clone();
    others.images.clear();
    others.containers.retain(|container| foreign(&container.labels));
    others.networks.retain(|network| foreign(&network.labels));
    // Anonymous volumes carry no label: those that a foreign container has count.
    others.volumes.retain(|volume| {
        foreign(&volume.labels)
            && (volume.name.len() != 64
                || others.containers.iter().any(|container| {
                    container.mounts.iter().any(|it| it.volume.as_ref() == Some(&volume.name))
                }))
    });
    others
}

/// A world where the neighbour runs, then `before` was brought up and disturbed.
fn disturbed(before: &RandomStack, after: &RandomStack, by: &[Disturbance]) -> World {
    let world = World::after_up(NEIGHBOUR);
    before.behave(&world.engine);
    world.up_with(&lowered(before).1, &options()).expect("the first run meets no fault");
    world.block_on(async {
        for disturbance in by {
            disturbance.happen(&world.engine).await;
        }
    });
    after.behave(&world.engine);
    world
}

fn check(
    world: &World,
    stack: &RandomStack,
    others_before: &Observed,
) -> Result<(), TestCaseError> {
    let (project, desired) = lowered(stack);
    let observed = world.observed();
    if let Err(reason) = satisfies(&observed, &project) {
        return Err(TestCaseError::fail(format!("{reason}\n{observed:#?}")));
    }
    for container in observed.containers.iter().filter(|it| it.state.is_running()) {
        let name = &container.name;
        prop_assert!(!world.engine.is_held(name), "{name} is still held at its door");
    }
    let second = reconcile(&desired, &observed, &options()).expect("no conflicts");
    prop_assert!(second.is_empty(), "a second run would do:\n{second}");
    prop_assert_eq!(&others(&observed), others_before);
    Ok(())
}

fn check_down(world: &World, others_before: &Observed) -> Result<(), TestCaseError> {
    let plan = world.down("p", |it| {
        it.volumes = true;
        it.remove_orphans = true;
    });
    if let Err(error) = world.run(&plan) {
        return Err(TestCaseError::fail(format!("{error}\n{plan}")));
    }
    let observed = world.observed();
    prop_assert_eq!(&others(&observed), others_before);
    let mine = |labels: &indexmap::IndexMap<String, String>| {
        labels.get(labels::PROJECT).is_some_and(|project| project == "p")
    };
    prop_assert!(observed.containers.iter().all(|it| !mine(&it.labels)), "{:#?}", observed);
    prop_assert!(observed.networks.iter().all(|it| !mine(&it.labels)), "{:#?}", observed);
    prop_assert!(observed.volumes.iter().all(|it| !mine(&it.labels)), "{:#?}", observed);
    Ok(())
}

fn up(world: &World, stack: &RandomStack) -> Result<(), TestCaseError> {
    let (_, desired) = lowered(stack);
    world.up_with(&desired, &options()).map_err(|error| {
        let plan = reconcile(&desired, &world.observed(), &options()).expect("no conflicts");
        TestCaseError::fail(format!("{error}; what is left to do:\n{plan}"))
    })
}

/// Methods whose calls can fail.
const METHODS: [&str; 11] = [
    "pull",
    "create network",
    "create volume",
    "create",
    "start",
    "hold",
    "release",
    "stop",
    "remove",
    "rename",
    "remove network",
];

fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        // `PROPTEST_CASES` asks for more.
        cases: if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 64 },
        // A failure is printed with its whole input; a file of seeds would only be noise.
        failure_persistence: None,
        ..default
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn up_converges_from_whatever_was_there(
        before in stack(),
        after in stack(),
        disturbances in disturbances(),
        parallel in 1_usize..4,
    ) {
        let world = disturbed(&before, &after, &disturbances);
        let others_before = others(&world.observed());
        let n_calls = world.engine.calls().len();
        let (project, desired) = lowered(&after);
        let plan = planned(&world, &desired);
        if devstack::plan::needs_images_first(&desired, &world.observed(), &options()) {
            up(&world, &after)?;
        } else {
            let limits = devstack::execute::Limits { parallel, wait: None };
            let (result, _) = world.run_limited(&plan, limits, |_, _| {});
            if let Err(error) = result {
                return Err(TestCaseError::fail(format!("{error}\n{plan}")));
            }
        }
        if let Err(reason) = started_dependencies_first(&world.engine.calls()[n_calls..], &project) {
            return Err(TestCaseError::fail(format!("{reason}\n{plan}")));
        }
        check(&world, &after, &others_before)?;
        check_down(&world, &others_before)?;
    }

    #[test]
    fn up_converges_after_a_fault(
        before in stack(),
        after in stack(),
        disturbances in disturbances(),
        method in proptest::sample::select(&METHODS[..]),
        call in 1_usize..5,
    ) {
        let world = disturbed(&before, &after, &disturbances);
        let others_before = others(&world.observed());
        world.engine.fail_on(method, call);
        // Whether this run meets the fault depends on what it has to do.
        let _ = world.up_with(&lowered(&after).1, &options());
        world.engine.fail_on(method, usize::MAX);
        up(&world, &after)?;
        check(&world, &after, &others_before)?;
        check_down(&world, &others_before)?;
    }

    #[test]
    fn up_converges_after_a_cancellation(
        before in stack(),
        after in stack(),
        disturbances in disturbances(),
        after_started in 1_usize..30,
    ) {
        let world = disturbed(&before, &after, &disturbances);
        let others_before = others(&world.observed());
        let plan = planned(&world, &lowered(&after).1);
        let mut n_started = 0;
        let (result, _) = world.run_watched(&plan, |event, cancel| {
            if matches!(event, Event::Started { .. }) {
                n_started += 1;
                if n_started == after_started {
                    cancel.cancel();
                }
            }
        });
        if let Err(error) = result {
            prop_assert!(error.cancelled, "{}", error);
        }
        up(&world, &after)?;
        check(&world, &after, &others_before)?;
        check_down(&world, &others_before)?;
    }

    #[test]
    fn down_removes_all_whatever_was_there(
        before in stack(),
        disturbances in disturbances(),
        method in proptest::sample::select(&METHODS[..]),
        call in 1_usize..5,
    ) {
        let world = disturbed(&before, &before, &disturbances);
        let others_before = others(&world.observed());
        world.engine.fail_on(method, call);
        let plan = world.down("p", |it| it.volumes = true);
        let _ = world.run(&plan);
        world.engine.fail_on(method, usize::MAX);
        check_down(&world, &others_before)?;
    }
}
