//! The engine in memory keeps the engine's contract.

use devstack::engine::fake::{Behaviour, FakeEngine};

use crate::engine_contract::{self as contract, Stage};

fn engine() -> FakeEngine {
    let engine = FakeEngine::new();
    engine.obtain("image:latest");
    engine.behave("fails", Behaviour::Exits(3));
    engine.behave("ends", Behaviour::Exits(0));
    engine
}

macro_rules! keeps {
    ($($name:ident),* $(,)?) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let engine = engine();
            contract::$name(&Stage { engine: &engine, project: "contract", image: "image" }).await;
        }
    )*};
}

keeps!(
    observe_reflects_what_was_made,
    changes_can_be_repeated,
    what_is_not_there_is_not_found,
    what_is_in_the_way_is_a_conflict,
    events_tell_a_containers_life,
    exit_codes_are_kept,
    health_is_seen,
    anonymous_volumes_are_inherited,
    a_network_of_the_same_name_is_another_one,
);
