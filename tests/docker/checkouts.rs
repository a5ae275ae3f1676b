//! Two checkouts of the same files: they run beside each other and share nothing.

use std::net::TcpStream;

use crate::engine;
use crate::support::{Stack, text};

const CACHE: &str = "
name: NAME
services:
  cache:
    image: redis:8
    ports: ['auto:PORT:6379']
    volumes: ['data:/data']
volumes:
  data:
";

fn stack(test: &str) -> (Stack, u16) {
    let port = crate::support::free_port();
    (Stack::named_by_file(test, &CACHE.replace("PORT", &port.to_string())), port)
}

/// The host port that the service has, which must answer.
fn port(stack: &Stack) -> u16 {
    let told = stack.ok(&["port", "cache", "6379"]).stdout;
    let address = told.trim();
    TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    address.rsplit_once(':').unwrap().1.parse().unwrap()
}

#[test]
#[ignore = "needs a Docker engine"]
fn two_checkouts_share_neither_containers_nor_data_nor_ports() {
    let (first, usual) = stack("checkout");
    let mut second = first.checkout("checkout-two");
    first.ok(&["up", "-d"]);
    assert_eq!(port(&first), usual);
    let ids = first.ids();

    second.ok(&["up", "-d"]).says(&[
        &format!("project {} belongs to", first.name()),
        &format!("port {usual} is in use by container `{}-cache-1`", first.name()),
    ]);
    second.learn_name();
    assert!(second.name().starts_with(&format!("{}-", first.name())), "{}", second.name());
    let own = port(&second);
    assert!((20_000..32_000).contains(&own) && own != usual, "{own}");
    assert_eq!(first.ids(), ids);

    // Each finds its own, and only that.
    first.exec("cache", &["redis-cli", "set", "who", "first"]);
    assert_eq!(second.exec("cache", &["redis-cli", "get", "who"]).trim(), "");
    assert_eq!(second.ok(&["ps", "-q"]).stdout.lines().count(), 1);
    assert!(second.ok(&["up", "-d"]).stderr.contains("nothing to do"));

    // A container that is made again keeps its port.
    second.ok(&["up", "-d", "--force-recreate"]);
    assert_eq!(port(&second), own);

    second.ok(&["down", "--volumes"]);
    assert_eq!(second.resources(), Vec::<String>::new());
    assert_eq!(first.ids(), ids);
}

#[test]
#[ignore = "needs a Docker engine"]
fn data_that_the_first_checkout_left_stays_its_own() {
    let (first, _) = stack("checkout-data");
    let mut second = first.checkout("checkout-data-two");
    first.ok(&["up", "-d"]);
    first.ok(&["down"]);
    second.ok(&["up", "-d"]).says(&[&format!("project {} belongs to", first.name())]);
    second.learn_name();
    assert_ne!(second.name(), first.name());
    // Nothing of the first one is left: its name is free, but the second one has its own by now.
    first.ok(&["down", "--volumes"]);
    second.ok(&["down"]);
    second.ok(&["up", "-d"]);
    assert_eq!(second.containers().len(), 1);
    second.ok(&["down", "--volumes"]);
    second.ok(&["up", "-d"]);
    assert_eq!(first.containers().len(), 1, "made by the second, under the name of the files");
    second.ok(&["down", "--volumes"]);
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_name_that_was_given_is_never_changed() {
    let (first, _) = stack("checkout-given");
    let mut second = first.checkout("checkout-given-two");
    first.ok(&["up", "-d"]);
    let other = second.name().to_owned();
    second.ok(&["-p", &other, "up", "-d"]);
    assert_eq!(second.containers().len(), 1);
    second.ok(&["-p", &other, "down", "--volumes"]);
    // The other checkout's own name says whose stack is meant, from wherever.
    let id = second.ok(&["-p", first.name(), "ps", "-q"]).stdout;
    assert_eq!(id.trim(), first.id("cache"));
    // Nothing is left of it: without a name it is a checkout like any other.
    second.ok(&["up", "-d"]);
    second.learn_name();
    assert_ne!(second.name(), other);
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_folder_that_was_moved_or_is_reached_by_a_link_is_the_same() {
    let (stack, _) = stack("checkout-moved");
    std::fs::create_dir(stack.path("a")).unwrap();
    std::fs::rename(stack.path("devstack.yaml"), stack.path("a/devstack.yaml")).unwrap();
    let at = |folder: &str, words: &[&str]| {
        stack.ok(&[&["--project-directory", folder], words].concat())
    };
    at("a", &["up", "-d"]);
    let id = stack.id("cache");

    std::os::unix::fs::symlink(stack.path("a"), stack.path("link")).unwrap();
    assert_eq!(at("link", &["ps", "-q"]).stdout.trim(), id);
    assert!(at("link", &["up", "-d"]).stderr.contains("nothing to do"));

    std::fs::remove_file(stack.path("link")).unwrap();
    std::fs::rename(stack.path("a"), stack.path("b")).unwrap();
    at("b", &["up", "-d"]).says(&["which is gone: it goes on here", "nothing to do"]);
    assert_eq!(text(&stack.inspect("cache")["Id"]), id);
    at("b", &["down", "--volumes"]);
}

#[test]
#[ignore = "needs a Docker engine"]
fn images_that_the_second_checkout_built_go_with_it() {
    // A name of one's own: each checkout has a tag of its own of it.
    const BUILT: &str = "
name: NAME
services:
  app:
    image: NAME-shop/app:dev
    build: {context: ., dockerfile_inline: \"FROM redis:8\", tags: ['NAME-shop/app:also']}
    init: true
    command: [sleep, infinity]
";
    let tags = |begin: &str| -> Vec<String> {
        let images = engine::get("/images/json");
        let all = images.as_array().unwrap().iter().filter_map(|it| it["RepoTags"].as_array());
        let mut tags: Vec<String> = all.flatten().map(|tag| text(tag).to_owned()).collect();
        tags.retain(|tag| tag.starts_with(begin));
        tags.sort();
        tags
    };
    let first = Stack::named_by_file("checkout-tags", BUILT);
    let mut second = first.checkout("checkout-tags-two");
    let own = format!("{}-shop/app:", first.name());
    first.ok(&["up", "-d"]);
    second.ok(&["up", "-d"]);
    second.learn_name();
    assert_eq!(tags(&own).len(), 4, "{:?}", tags(&own));
    second.ok(&["down", "--rmi", "local"]);
    assert_eq!(tags(&own), [format!("{own}also"), format!("{own}dev")]);
    // The first one's have the names of the user's choice.
    first.ok(&["down", "--rmi", "local"]);
    assert_eq!(tags(&own).len(), 2, "{:?}", tags(&own));
}
