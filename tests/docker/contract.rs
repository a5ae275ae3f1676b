//! The real engine keeps the same contract as the one in memory.

use devstack::engine::{DockerEngine, Endpoint, EndpointFacts};

use crate::engine_contract::{self as contract, Stage};
use crate::support::Stack;

async fn connect() -> DockerEngine {
    let facts = EndpointFacts {
        variable: &|name| std::env::var(name).ok(),
        home: None,
        read: &|_| None,
        exists: &|path| path.exists(),
    };
    let endpoint = Endpoint::find(&facts).expect("an engine's address");
    DockerEngine::connect(endpoint).await.expect("an engine")
}

macro_rules! keeps {
    ($($name:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread")]
        #[ignore = "needs a Docker engine"]
        async fn $name() {
            // Whatever a failed test leaves goes with it.
            let stack = Stack::empty("contract");
            let engine = connect().await;
            let stage = Stage { engine: &engine, project: stack.name(), image: "redis:8" };
            contract::$name(&stage).await;
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
