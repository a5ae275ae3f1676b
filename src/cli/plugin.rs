//! devstack as a plugin of the docker CLI: a link named `docker-devstack` to this program in
//! `~/.docker/cli-plugins` makes `docker devstack up` work.

use std::ffi::OsString;
use std::path::Path;

use serde_json::json;

/// The subcommand by which the docker CLI asks what a plugin is.
const METADATA: &str = "docker-cli-plugin-metadata";

/// What was really asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Invocation {
    /// To say what the plugin is; the answer.
    Metadata(String),
    /// A command line of our own, and variables that stand for the docker CLI's global flags.
    Command(Vec<OsString>, Vec<(String, String)>),
}

/// Reads the command line that the program was started with.
pub(super) fn invocation(arguments: Vec<OsString>) -> Invocation {
    let program = arguments.first().map(Path::new).and_then(Path::file_stem);
    if program.is_none_or(|name| name != "docker-devstack") {
        return Invocation::Command(arguments, Vec::new());
    }
    if arguments.get(1).is_some_and(|word| word == METADATA) {
        let metadata = json!({
            "SchemaVersion": "0.1.0",
            "Vendor": "devstack",
            "Version": env!("CARGO_PKG_VERSION"),
            "ShortDescription": "The stack on your own machine",
        });
        return Invocation::Metadata(format!("{metadata}\n"));
    }
    // `docker --context c devstack up` arrives as it was typed.
    let mut own = vec![OsString::from("devstack")];
    let mut variables = Vec::new();
    let mut words = arguments.into_iter().skip(1);
    while let Some(word) = words.next() {
        if word == "devstack" {
            break;
        }
        let text = word.to_string_lossy();
        let (flag, value) = match text.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
            None => (text.into_owned(), None),
        };
        let variable = match flag.as_str() {
            "-c" | "--context" => "DOCKER_CONTEXT",
            "-H" | "--host" => "DOCKER_HOST",
            "--config" => "DOCKER_CONFIG",
            // Started by its own name under this one, as by a shell's completion.
            _ => {
                own.push(word);
                break;
            }
        };
        let value = value.or_else(|| Some(words.next()?.to_string_lossy().into_owned()));
        variables.extend(value.map(|value| (variable.to_owned(), value)));
    }
    own.extend(words);
    Invocation::Command(own, variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> String {
        match invocation(line.split(' ').map(OsString::from).collect()) {
            Invocation::Metadata(text) => text,
            Invocation::Command(words, variables) => {
                let words: Vec<String> =
                    words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
                let variables = variables.iter().map(|(name, value)| format!(" {name}={value}"));
                format!("{}{}", words.join(" "), variables.collect::<String>())
            }
        }
    }

    #[test]
    fn what_the_docker_cli_passes_on_becomes_our_own_command_line() {
        for (line, expected) in [
            ("devstack up -d", "devstack up -d"),
            ("/usr/bin/devstack ps", "/usr/bin/devstack ps"),
            ("/x/docker-devstack devstack up -d", "devstack up -d"),
            ("docker-devstack.exe devstack ps", "devstack ps"),
            ("docker-devstack --context=c devstack ps", "devstack ps DOCKER_CONTEXT=c"),
            (
                "docker-devstack -c c -H tcp://h devstack ps -q",
                "devstack ps -q DOCKER_CONTEXT=c DOCKER_HOST=tcp://h",
            ),
            ("docker-devstack devstack exec db devstack", "devstack exec db devstack"),
            ("docker-devstack ps", "devstack ps"),
        ] {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    #[test]
    fn the_docker_cli_is_told_what_the_plugin_is() {
        let told: serde_json::Value =
            serde_json::from_str(&read("docker-devstack docker-cli-plugin-metadata")).unwrap();
        // The docker CLI refuses plugins without these.
        assert_eq!(told["SchemaVersion"], "0.1.0");
        assert_eq!(told["Vendor"], "devstack");
    }
}
