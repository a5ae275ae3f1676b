use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use super::super::diagnostic::Source;
use super::super::environment::Origin;
use super::super::node::Value;
use super::*;

struct Files(HashMap<PathBuf, String>);

impl FileReader for Files {
    fn read(&mut self, path: &Path) -> io::Result<String> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }
}

const POSTGRES: &str = "
service:
  image: postgres:17
  environment: {POSTGRES_DB: '${DB:-app}', POSTGRES_USER: app}
  ports: ['127.0.0.1:5432:5432']
  volumes: ['{service}-data:/data']
  command: [postgres]
volumes:
  '{service}-data': {labels: {of: '{service}'}}
networks:
  back:
";

/// Loads files of `/work/shop`, which is the working folder unless the request says otherwise.
fn load_with(files: &[(&str, &str)], request: LoadRequest) -> Result<Loaded, Diagnostics> {
    let all = files
        .iter()
        .map(|(name, text)| {
            let path =
                if *name == "-" { PathBuf::from("-") } else { Path::new("/work/shop").join(name) };
            (path, (*text).to_owned())
        })
        .collect();
    let mut request = request;
    if request.working_dir.as_os_str().is_empty() {
        request.working_dir = PathBuf::from("/work/shop");
    }
    let source = |name: &str, _: &str| {
        (name == "postgres").then(|| {
            Arc::new(Source { name: "<preset postgres>".to_owned(), text: POSTGRES.to_owned() })
        })
    };
    load(&request, Presets { names: &["postgres"], source: &source }, &mut Files(all))
}

fn loaded(files: &[(&str, &str)], request: LoadRequest) -> Loaded {
    load_with(files, request).unwrap_or_else(|found| panic!("{found:#?}"))
}

fn asking_for(files: &[&str]) -> LoadRequest {
    LoadRequest { files: files.iter().map(PathBuf::from).collect(), ..LoadRequest::default() }
}

fn process(variables: &[(&str, &str)]) -> LoadRequest {
    let process_environment =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    LoadRequest { process_environment, ..LoadRequest::default() }
}

/// Flow style, so that one case is one line.
fn show(node: &Node) -> String {
    match &node.value {
        Value::Null => "~".to_owned(),
        Value::Sequence(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", "))
        }
        Value::Mapping(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(key, entry)| format!("{key}: {}", show(&entry.node)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        _ => node.scalar_text().map_or_else(String::new, str::to_owned),
    }
}

fn messages(found: &Diagnostics) -> Vec<&str> {
    found.0.iter().map(|finding| finding.message.as_str()).collect()
}

#[test]
fn files_are_discovered_and_merged_in_order() {
    let loaded = loaded(
        &[
            ("compose.yaml", "services: {a: {image: one}}\n---\nservices: {a: {user: u}}\n"),
            ("compose.override.yaml", "services: {a: {image: two}}\n"),
        ],
        LoadRequest { working_dir: PathBuf::from("/work/shop/src/deep"), ..LoadRequest::default() },
    );
    assert_eq!(show(&loaded.root), "{services: {a: {image: two, user: u}}}");
    assert_eq!(loaded.project_dir, Path::new("/work/shop"));
    assert_eq!(
        loaded.config_files,
        [Path::new("/work/shop/compose.yaml"), Path::new("/work/shop/compose.override.yaml")]
    );
}

#[test]
fn variables_come_from_the_process_then_the_named_files_then_dotenv() {
    let stack = ("compose.yaml", "x: '$A $B $C'\nservices: {}\n");
    let files = [
        stack,
        (".env", "A=dot\nB=dot\nC=dot\n"),
        ("one.env", "A=one\nB=one\nC=one\n"),
        ("two.env", "B=two\nC=$B-$A\n"),
    ];
    let named = |request: LoadRequest| LoadRequest {
        env_files: vec![PathBuf::from("one.env"), PathBuf::from("two.env")],
        ..request
    };
    for (request, expected, read) in [
        (process(&[]), "dot dot dot", vec![".env"]),
        (process(&[("A", "os")]), "os dot dot", vec![".env"]),
        (named(process(&[])), "one two two-one", vec!["one.env", "two.env"]),
        (named(process(&[("A", "os")])), "os two two-os", vec!["one.env", "two.env"]),
        (
            process(&[("COMPOSE_ENV_FILES", "one.env, two.env")]),
            "one two two-one",
            vec!["one.env", "two.env"],
        ),
        (
            process(&[("COMPOSE_DISABLE_ENV_FILE", "1"), ("A", ""), ("B", ""), ("C", "c")]),
            "  c",
            vec![],
        ),
    ] {
        let loaded = loaded(&files, request);
        assert_eq!(loaded.root.get("x").map(|x| show(&x.node)), Some(expected.to_owned()));
        let read: Vec<_> =
            read.into_iter().map(|name| Path::new("/work/shop").join(name)).collect();
        assert_eq!(loaded.env_files_read, read);
    }
}

#[test]
fn each_variable_knows_its_origin() {
    let loaded = loaded(
        &[("compose.yaml", "services: {}\n"), (".env", "# first\nA=1\n")],
        process(&[("B", "2")]),
    );
    let origin = |name: &str| match loaded.environment.variable(name).map(|found| &found.origin) {
        Some(Origin::File(span)) => format!("{}:{}", span.source.name, span.line_column().0),
        Some(Origin::Process) => "process".to_owned(),
        Some(Origin::Derived) => "derived".to_owned(),
        None => "nobody".to_owned(),
    };
    assert_eq!(
        ["A", "B", "COMPOSE_PROJECT_NAME", "C"].map(origin),
        [".env:2", "process", "derived", "nobody"]
    );
}

#[test]
fn compose_file_names_the_files_also_from_dotenv() {
    let files = [
        ("deploy/a.yaml", "services: {a: {image: '$T'}}\n"),
        ("deploy/b.yaml", "services: {b: {image: y}}\n"),
        ("deploy/.env", "T=inner\nU=inner\n"),
        (".env", "COMPOSE_FILE=deploy/a.yaml:deploy/b.yaml\nT=outer\n"),
    ];
    let loaded = loaded(&files, LoadRequest::default());
    assert_eq!(show(&loaded.root), "{services: {a: {image: outer}, b: {image: y}}}");
    assert_eq!(loaded.project_dir, Path::new("/work/shop/deploy"));
    assert_eq!(loaded.environment.get("U"), Some("inner"));
}

#[test]
fn the_project_folder_is_the_first_files_unless_it_is_named() {
    let files =
        [("sub/a.yaml", "services: {}\n"), ("b.yaml", "services: {}\n"), ("-", "services: {}\n")];
    let with_dir = LoadRequest {
        project_directory: Some(PathBuf::from("../other")),
        ..asking_for(&["sub/a.yaml"])
    };
    for (request, expected) in [
        (asking_for(&["sub/a.yaml", "b.yaml"]), "/work/shop/sub"),
        (asking_for(&["b.yaml", "sub/a.yaml"]), "/work/shop"),
        (asking_for(&["-"]), "/work/shop"),
        (with_dir, "/work/other"),
    ] {
        assert_eq!(loaded(&files, request).project_dir, Path::new(expected));
    }
}

#[test]
fn the_name_follows_composes_order_and_can_be_used_in_files() {
    let named = ("devstack.yaml", "name: My-$X\nx: $COMPOSE_PROJECT_NAME\nservices: {}\n");
    let unnamed = ("devstack.yaml", "x: $COMPOSE_PROJECT_NAME\nservices: {}\n");
    let flag = |request| LoadRequest { project_name: Some("flag".to_owned()), ..request };
    for (file, request, expected) in [
        (unnamed, process(&[]), "shop"),
        (named, process(&[("X", "App")]), "my-app"),
        (named, process(&[("X", "App"), ("COMPOSE_PROJECT_NAME", "env")]), "env"),
        (named, flag(process(&[("X", "App"), ("COMPOSE_PROJECT_NAME", "env")])), "flag"),
    ] {
        let loaded = loaded(&[file], request);
        assert_eq!(loaded.project_name.as_ref().map(ProjectName::as_str), Some(expected));
        assert_eq!(loaded.root.get("x").map(|x| show(&x.node)), Some(expected.to_owned()));
    }
}

#[test]
fn a_name_that_was_asked_for_is_not_made_fit() {
    let file = ("devstack.yaml", "services: {}\n");
    let flag = LoadRequest { project_name: Some("Shop!".to_owned()), ..process(&[]) };
    for request in [flag, process(&[("COMPOSE_PROJECT_NAME", "Shop!")])] {
        let found = load_with(&[file], request).map(|loaded| loaded.project_name).unwrap_err();
        let rule = "lower-case letters, digits, `-` and `_`, beginning with a letter or digit";
        assert_eq!(messages(&found), [format!("`Shop!` is not a valid project name: {rule}")]);
    }
}

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

#[test]
fn all_that_is_wrong_is_reported_together() {
    for (files, expected) in [
        (
            vec![
                ("devstack.yaml", "services: {a: {image: '${A', user: '${B:?}', user: x}}"),
                ("devstack.override.yaml", "- x"),
            ],
            vec!["the key `user` is given twice", "a stack file must be a mapping, not a list"],
        ),
        (
            vec![
                ("devstack.yaml", "services: {a: {image: '${A'}}"),
                ("devstack.override.yaml", "# nothing\n"),
                (".env", "A B\n"),
            ],
            vec![
                "`A B` is not a name of a variable",
                "this `${` has no `}`",
                "`devstack.override.yaml` is empty",
            ],
        ),
        (
            vec![(
                "devstack.yaml",
                "services: {a: {preset: mysql}, b: {preset: 5}, c: {preset: postgrse}}",
            )],
            vec![
                "there is no preset `mysql`",
                "`preset` must be text, not a number",
                "there is no preset `postgrse`",
            ],
        ),
        (
            vec![(
                "devstack.yaml",
                "services: {a: {extends: bb}, b: {extends: {}}, c: {extends: {file: x.yaml, service: y}}}",
            )],
            vec![
                "there is no service `bb` in `devstack.yaml` to extend",
                "`extends` names no service",
                "the file `x.yaml` does not exist",
            ],
        ),
        (
            vec![
                ("devstack.yaml", "services: {a: {extends: {file: x.yaml, service: y}}}"),
                ("x.yaml", "services: {y: {extends: {file: devstack.yaml, service: a}}}"),
            ],
            vec!["services extend each other in a circle"],
        ),
        (
            vec![("devstack.yaml", "services: {a: {extends: a}}")],
            vec!["services extend each other in a circle"],
        ),
        (
            vec![
                ("devstack.yaml", "include: [x.yaml]\n"),
                ("x.yaml", "include: [y.yaml]"),
                ("y.yaml", "include: [x.yaml]"),
            ],
            vec!["files include each other in a circle"],
        ),
        (
            vec![("devstack.yaml", "include: [{file: x.yaml}, [1], {path: y.yaml}]\n")],
            vec![
                "this `include` names no file",
                "unknown key `file` in `include`",
                "the file `1` does not exist",
                "the file `y.yaml` does not exist",
            ],
        ),
        (vec![], vec!["no `devstack.yaml` or `compose.yaml` here or in a folder above"]),
    ] {
        let found = load_with(&files, LoadRequest::default()).expect_err("it is wrong");
        assert_eq!(messages(&found), expected, "{files:?}");
    }
}

#[test]
fn a_named_file_must_exist() {
    let request =
        LoadRequest { env_files: vec![PathBuf::from("x.env")], ..asking_for(&["a.yaml"]) };
    let found = load_with(&[], request).expect_err("nothing is there");
    assert_eq!(
        messages(&found),
        ["the file `x.env` does not exist", "the file `a.yaml` does not exist"]
    );
}

#[test]
fn an_unset_variable_is_a_warning_even_where_another_file_overrides_it() {
    let loaded = loaded(
        &[
            ("compose.yaml", "services: {a: {image: '$U'}}"),
            ("compose.override.yaml", "services: {a: {image: x, user: '$U$V'}}"),
        ],
        LoadRequest::default(),
    );
    assert_eq!(messages(&loaded.warnings), ["variable `U` is not set", "variable `V` is not set"]);
}
