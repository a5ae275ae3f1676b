//! Presets, `extends` and `include`.

use super::{loaded, messages, show};
use crate::config::load::LoadRequest;

#[test]
fn a_preset_goes_below_the_users_service() {
    for (stack, expected) in [
        (
            "services: {db: {preset: postgres}}",
            "{services: {db: {image: postgres:17, environment: {POSTGRES_DB: app, POSTGRES_USER: app}, \
             ports: [127.0.0.1:5432:5432], volumes: [db-data:/data], command: [postgres], \
             preset: postgres}}, volumes: {db-data: {labels: {of: db}}}, networks: {back: ~}}",
        ),
        (
            "services: {pg: {preset: postgres, image: 'postgres:18', environment: [POSTGRES_USER=me], \
             ports: ['6000:5432'], volumes: ['./d:/data'], command: [x]}}",
            "{services: {pg: {image: postgres:18, environment: {POSTGRES_DB: app, POSTGRES_USER: me}, \
             ports: [6000:5432], volumes: [./d:/data], command: [x], preset: postgres}}, \
             volumes: {pg-data: {labels: {of: pg}}}, networks: {back: ~}}",
        ),
        (
            "services: {db: {preset: postgres, ports: !reset [], environment: !override {A: 1}, command: !reset ~}}\n\
             volumes: {db-data: {name: mine}}\nnetworks:\n",
            "{services: {db: {image: postgres:17, environment: {A: 1}, volumes: [db-data:/data], \
             preset: postgres}}, volumes: {db-data: {name: mine}}, networks: {back: ~}}",
        ),
    ] {
        let loaded = loaded(&[("devstack.yaml", stack)], LoadRequest::default());
        assert_eq!(show(&loaded.root), expected, "{stack}");
        assert_eq!(messages(&loaded.warnings), Vec::<&str>::new());
    }
}

#[test]
fn presets_use_the_environment_and_override_files_win_over_them() {
    let loaded = loaded(
        &[
            ("devstack.yaml", "services: {db: {preset: postgres, ports: ['1:5432']}}"),
            ("devstack.override.yaml", "services: {db: {ports: ['2:5432'], command: !reset ~}}"),
            (".env", "DB=shop"),
        ],
        LoadRequest::default(),
    );
    let db = &loaded
        .root
        .get("services")
        .and_then(|services| services.node.get("db"))
        .expect("kept")
        .node;
    assert_eq!(db.get("ports").map(|ports| show(&ports.node)), Some("[2:5432]".to_owned()));
    assert_eq!(
        db.get("environment").and_then(|all| all.node.get("POSTGRES_DB")).map(|db| show(&db.node)),
        Some("shop".to_owned())
    );
    assert_eq!(db.get("command"), None);
}

#[test]
fn services_extend_services() {
    for (files, expected) in [
        (
            vec![(
                "compose.yaml",
                "services: {a: {image: x, environment: {A: 1}}, b: {extends: a, environment: [B=2]}}",
            )],
            "{services: {a: {image: x, environment: {A: 1}}, b: {image: x, environment: {A: 1, B: 2}}}}",
        ),
        // Through several, before the base in the file, and with a mapping.
        (
            vec![(
                "compose.yaml",
                "services: {c: {extends: {service: b}}, b: {extends: a, user: u}, a: {image: x}}",
            )],
            "{services: {c: {image: x, user: u}, b: {image: x, user: u}, a: {image: x}}}",
        ),
        (
            vec![(
                "compose.yaml",
                "services: {a: {image: x, ports: ['1:1'], depends_on: [b]}, b: {extends: a, ports: !reset []}}",
            )],
            "{services: {a: {image: x, ports: [1:1], depends_on: [b]}, b: {image: x, depends_on: [b]}}}",
        ),
        // Of another file: interpolated, relative to its folder.
        (
            vec![
                (
                    "compose.yaml",
                    "services: {a: {extends: {file: lib/base.yaml, service: x}, volumes: ['./own:/own']}}",
                ),
                (
                    "lib/base.yaml",
                    "services:\n  w: {build: {target: '${T:-dev}'}, env_file: [{path: a.env}], volumes: ['../d:/d', 'v:/v']}\n  x: {extends: w, user: u}\n  unused: {image: '${NEVER:?read}'}\n",
                ),
            ],
            "{services: {a: {build: {target: dev, context: /work/shop/lib}, \
             env_file: [{path: /work/shop/lib/a.env}], volumes: [/work/shop/d:/d, v:/v, ./own:/own], user: u}}}",
        ),
        // Of the file itself, named, and of an earlier file.
        (
            vec![(
                "compose.yaml",
                "services: {a: {image: x}, b: {extends: {file: compose.yaml, service: a}}}",
            )],
            "{services: {a: {image: x}, b: {image: x}}}",
        ),
        (
            vec![
                ("compose.yaml", "services: {a: {image: x}}"),
                ("compose.override.yaml", "services: {b: {extends: a}}"),
            ],
            "{services: {a: {image: x}, b: {image: x}}}",
        ),
    ] {
        let loaded = loaded(&files, LoadRequest::default());
        assert_eq!(show(&loaded.root), expected, "{files:?}");
    }
}

#[test]
fn included_projects_keep_their_folder_and_environment() {
    for (files, expected) in [
        (
            vec![
                (
                    "compose.yaml",
                    "include: [db/compose.yaml]\nname: shop\nservices: {a: {image: x}}",
                ),
                (
                    "db/compose.yaml",
                    "name: db\nservices: {db: {build: ., env_file: e.env, volumes: ['./d:/d']}}\nsecrets: {s: {file: s.txt}}",
                ),
            ],
            "{services: {db: {build: /work/shop/db, env_file: /work/shop/db/e.env, \
             volumes: [/work/shop/db/d:/d]}, a: {image: x}}, secrets: {s: {file: /work/shop/db/s.txt}}, name: shop}",
        ),
        // Its own `.env` gives defaults.
        (
            vec![
                ("compose.yaml", "include: [db/compose.yaml]\nservices: {a: {image: '$A-$B'}}"),
                (".env", "A=outer\nB=outer"),
                ("db/compose.yaml", "services: {db: {image: '$A-$C'}}"),
                ("db/.env", "A=inner\nC=inner"),
            ],
            "{services: {db: {image: outer-inner}, a: {image: outer-outer}}}",
        ),
        // Several files as one project, with a folder and files of variables.
        (
            vec![
                (
                    "compose.yaml",
                    "include: [{path: [x/1.yaml, x/2.yaml], project_directory: y, env_file: [1.env, 2.env]}]",
                ),
                ("x/1.yaml", "services: {a: {build: ., image: '$E'}}"),
                ("x/2.yaml", "services: {a: {user: u}}"),
                ("1.env", "E=1"),
                ("2.env", "E=2"),
            ],
            "{services: {a: {build: /work/shop/y, image: 2, user: u}}}",
        ),
        // Included twice is included once.
        (
            vec![
                ("compose.yaml", "include: [i.yaml, j.yaml]"),
                ("i.yaml", "include: [k.yaml]"),
                ("j.yaml", "include: [k.yaml]"),
                ("k.yaml", "services: {a: {image: x, x-list: [1]}}"),
            ],
            "{services: {a: {image: x, x-list: [1]}}}",
        ),
        // The including file wins; what is included can be extended.
        (
            vec![
                (
                    "compose.yaml",
                    "include: [i.yaml]\nservices: {a: {image: mine}, b: {extends: a}}",
                ),
                ("i.yaml", "include: [j.yaml]\nservices: {a: {image: theirs, user: u}}"),
                ("j.yaml", "services: {c: {image: z}}"),
            ],
            "{services: {c: {image: z}, a: {image: mine, user: u}, b: {image: mine, user: u}}}",
        ),
    ] {
        let loaded = loaded(&files, LoadRequest::default());
        assert_eq!(show(&loaded.root), expected, "{files:?}");
    }
}
