use std::path::PathBuf;

use indexmap::IndexMap;

use super::*;
use crate::state::{ContainerId, ContainerState, ObservedContainer, ObservedVolume};

const HERE: &str = "/home/me/shop-fix";

fn labels(project: &str, folder: Option<&str>) -> IndexMap<String, String> {
    let project = (labels::PROJECT.to_owned(), project.to_owned());
    let folder = folder.map(|folder| (labels::WORKING_DIR.to_owned(), folder.to_owned()));
    std::iter::once(project).chain(folder).collect()
}

fn container(project: &str, folder: Option<&str>) -> ObservedContainer {
    ObservedContainer {
        id: ContainerId("1".to_owned()),
        name: format!("{project}-web-1"),
        state: ContainerState::Running,
        health: None,
        image: String::new(),
        image_id: String::new(),
        labels: labels(project, folder),
        ports: Vec::new(),
        networks: IndexMap::new(),
        mounts: Vec::new(),
        created: 0,
        command: String::new(),
        status: String::new(),
    }
}

/// Kind, project and folder.
type Resource<'a> = (&'a str, &'a str, Option<&'a str>);

/// `c` is a container, `v` a volume; the folder `/link` leads here, what begins with `/gone` is
/// gone.
fn decide(resources: &[Resource<'_>]) -> String {
    let mut observed = Observed::default();
    for (kind, project, folder) in resources {
        match *kind {
            "c" => observed.containers.push(container(project, *folder)),
            _ => observed.volumes.push(ObservedVolume {
                name: format!("{project}_data"),
                labels: labels(project, *folder),
            }),
        }
    }
    let place = |folder: &Path| match folder.to_str() {
        Some(HERE | "/link") => Place::Here,
        Some(folder) if folder.starts_with("/gone") => Place::Gone,
        _ => Place::Elsewhere,
    };
    let asked = "shop".parse().unwrap();
    match identity(&asked, &PathBuf::from(HERE), &observed, &place) {
        None => "undecided".to_owned(),
        Some(Identity { name, reason: IdentityReason::Asked }) => name.to_string(),
        Some(Identity { name, reason: IdentityReason::TakenOver { folder } }) => {
            format!("{name} after {folder}")
        }
        Some(Identity { name, reason: IdentityReason::Own { folder, .. } }) => {
            format!("{name} beside {}", folder.as_deref().unwrap_or("nobody"))
        }
    }
}

#[test]
fn a_name_belongs_to_the_folder_that_its_resources_were_made_from() {
    let own = "shop-fix-69c3";
    let cases: &[(&[Resource<'_>], &str)] = &[
        (&[], "undecided"),
        (&[("c", "other", Some("/b"))], "undecided"),
        (&[("c", "shop", Some(HERE))], "shop"),
        (&[("c", "shop", Some("/link"))], "shop"),
        (&[("c", "shop", Some("/b"))], "OWN beside /b"),
        // A container that does not say comes from another tool.
        (&[("c", "shop", None)], "shop"),
        (&[("c", "shop", None), ("c", "shop", Some("/b"))], "OWN beside /b"),
        (&[("c", "shop", Some("/b")), ("c", "shop", Some(HERE))], "shop"),
        // The first checkout is down, its data stays its own.
        (&[("v", "shop", Some("/b"))], "OWN beside /b"),
        (&[("v", "shop", Some(HERE))], "shop"),
        (&[("v", "shop", None)], "shop"),
        // What runs says more than data.
        (&[("v", "shop", Some("/b")), ("c", "shop", Some(HERE))], "shop"),
        // Moved, renamed or deleted.
        (&[("c", "shop", Some("/gone"))], "shop after /gone"),
        (&[("v", "shop", Some("/gone"))], "shop after /gone"),
        (&[("c", "shop", Some("/gone")), ("c", "shop", Some("/b"))], "OWN beside /b"),
        (&[("c", "shop", Some("/b")), ("c", "shop", Some("/gone"))], "OWN beside /b"),
        // A name of one's own is kept while anything carries it.
        (&[("c", "shop", Some("/b")), ("c", own, Some(HERE))], "OWN beside /b"),
        (&[("c", own, Some(HERE))], "OWN beside nobody"),
        (&[("v", own, Some(HERE))], "OWN beside nobody"),
        (&[("v", own, Some(HERE)), ("v", "shop", Some("/b"))], "OWN beside /b"),
        // Two folders whose names begin with the same digits.
        (&[("c", "shop", Some("/b")), ("c", own, Some("/c"))], "LONGER beside /b"),
    ];
    for (resources, expected) in cases {
        let expected = expected.replace("OWN", own).replace("LONGER", "shop-fix-69c3930e");
        assert_eq!(decide(resources), expected, "{resources:?}");
    }
}

#[test]
fn own_names_are_short_valid_and_tell_folders_apart() {
    let name = |asked: &str, folder: &str| {
        let asked = asked.parse().unwrap();
        own_name(&asked, Path::new(folder), &Observed::default(), &|_| Place::Elsewhere).to_string()
    };
    let without_digits = |name: String| name[..name.len() - 5].to_owned();
    for (folder, expected) in [
        ("/a/shop", "shop"),
        ("/a/shop-fix", "shop-fix"),
        ("/a/shop_fix", "shop-fix"),
        ("/a/Feature #12", "shop-feature12"),
        ("/a/...", "shop"),
        ("/", "shop"),
        ("/a/a-very-long-name-of-a-branch", "shop-a-very-long-name-of"),
    ] {
        assert_eq!(without_digits(name("shop", folder)), expected, "{folder}");
    }
    assert_ne!(name("shop", "/a/shop"), name("shop", "/b/shop"));
    assert_eq!(name("shop", "/a/shop"), name("shop", "/a/shop"));
}
