//! From files to one tree, as a person has them in a folder.

mod composition;
mod findings;

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
