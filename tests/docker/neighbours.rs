//! What belongs to others is never touched.

use serde_json::json;

use crate::engine;
use crate::support::{Stack, text};

const TWO: &str = "services:\n  app:\n    image: redis:8\n    volumes: [\"data:/data\"]\n  \
                   extra:\n    image: redis:8\nvolumes:\n  data:\n";

#[test]
#[ignore = "needs a Docker engine"]
fn one_projects_down_leaves_the_other_untouched() {
    let (one, other) = (Stack::new("side-a", TWO), Stack::new("side-b", TWO));
    one.ok(&["up", "-d"]);
    other.ok(&["up", "-d"]);
    other.exec("app", &["redis-cli", "set", "kept", "yes"]);
    let (ids, resources) = (other.ids(), other.resources());
    // With a file in which nothing is left, everything of the project is an orphan.
    one.write("devstack.yaml", "services:\n  extra:\n    image: redis:8\n");
    one.ok(&["down", "-v", "--remove-orphans"]);
    assert_eq!(one.resources(), Vec::<String>::new());
    assert_eq!((other.ids(), other.resources()), (ids, resources));
    assert_eq!(other.exec("app", &["redis-cli", "get", "kept"]), "yes");
}

/// A volume and a network that devstack did not make.
struct Foreign {
    name: String,
}

impl Foreign {
    fn new(name: String) -> Self {
        engine::post("/volumes/create", &json!({"Name": name}));
        engine::post("/networks/create", &json!({"Name": name, "CheckDuplicate": true}));
        Self { name }
    }

    fn exists(&self) -> bool {
        ["volumes", "networks"]
            .iter()
            .all(|kind| engine::try_get(&format!("/{kind}/{}", self.name)).status == 200)
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        engine::delete(&format!("/volumes/{}", self.name));
        engine::delete(&format!("/networks/{}", self.name));
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn foreign_volumes_and_networks_are_used_when_external_and_never_removed() {
    let stack = Stack::empty("foreign");
    let foreign = Foreign::new(format!("{}-foreign", stack.name()));
    let yaml = |external: &str| {
        format!(
            "services:\n  app:\n    image: redis:8\n    volumes: [\"data:/data\"]\n    \
             networks: [net]\nvolumes:\n  data: {{name: {0}{external}}}\n\
             networks:\n  net: {{name: {0}{external}}}\n",
            foreign.name
        )
    };
    stack.write("devstack.yaml", &yaml(""));
    stack.fails(&["up", "-d"]).says(&[&foreign.name, "external: true"]);
    assert_eq!(stack.resources(), Vec::<String>::new());

    stack.write("devstack.yaml", &yaml(", external: true"));
    stack.ok(&["up", "-d"]);
    let mounts = stack.inspect("app")["Mounts"].clone();
    assert_eq!(text(&mounts[0]["Name"]), foreign.name);
    stack.ok(&["down", "-v", "--remove-orphans"]);
    assert_eq!(stack.resources(), Vec::<String>::new());
    assert!(foreign.exists());
}
