//! Flags of docker compose that devstack has not: those that ask for what is so anyway, and what to
//! write instead of the others.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction};

/// The verb, its flag, and what takes its place.
const INSTEAD: [(&str, &str, &str); 9] = [
    ("up", "--always-recreate-deps", "`--force-recreate` makes all of them anew"),
    ("up", "--menu", "there is no menu; `devstack watch`, `open` and `logs` do what it offers"),
    ("run", "--remove-orphans", "`devstack up --remove-orphans` removes them"),
    ("build", "--push", "devstack builds for this machine; `docker push` pushes an image"),
    ("config", "-o", "`devstack config > FILE` writes it"),
    ("config", "--output", "`devstack config > FILE` writes it"),
    ("logs", "--index", "each line names its container: `devstack logs SERVICE | grep SERVICE-2`"),
    ("stats", "-a", "what does not run uses nothing; `devstack ps -a` lists it"),
    ("stats", "--all", "what does not run uses nothing; `devstack ps -a` lists it"),
];

/// Flags that ask for what is so anyway: hands that know docker compose write them.
pub(super) fn accepted(flags: &[(&'static str, Option<char>)]) -> Vec<Arg> {
    let flag = |(name, short): &(&'static str, Option<char>)| {
        Arg::new(*name).long(*name).short(*short).hide(true).action(ArgAction::SetTrue)
    };
    flags.iter().map(flag).collect()
}

/// Says in place of a guess what to write, where the command line has such a flag, and blames the
/// variable where a value came from one.
pub(super) fn advised(mut error: clap::Error, words: &[OsString]) -> clap::Error {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let flag = argument.split([' ', '=']).next().unwrap_or_default().to_owned();
    let is_written = |text: &str| words.iter().any(|word| word.to_string_lossy().starts_with(text));
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let found = INSTEAD.iter().find(|(verb, known, _)| {
                *known == flag && words.iter().any(|word| word.to_str() == Some(verb))
            });
            if let Some((_, _, advice)) = found {
                error.remove(ContextKind::SuggestedArg);
                let advice = vec![StyledStr::from(*advice)];
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(advice));
            }
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation if !is_written(&flag) => {
            let name = match flag.as_str() {
                "--ansi" => "ANSI",
                "--progress" => "PROGRESS",
                "--parallel" => "PARALLEL_LIMIT",
                _ => return error,
            };
            let own = format!("DEVSTACK_{name}");
            let is_own = std::env::var_os(&own).is_some();
            let variable = if is_own { own } else { format!("COMPOSE_{name}") };
            error.insert(ContextKind::InvalidArg, ContextValue::String(variable));
        }
        _ => {}
    }
    error
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::args::Cli;

    #[test]
    fn what_takes_the_place_of_a_flag_is_told() {
        for (verb, flag, advice) in INSTEAD {
            let words = ["devstack", verb, flag].map(OsString::from);
            let error = Cli::command().try_get_matches_from(&words).expect_err(flag);
            let told = advised(error, &words).to_string();
            let tips = told.matches("tip:").count();
            assert!(told.contains(advice) && tips == 1, "{verb} {flag}: {told}");
        }
    }

    #[test]
    fn what_is_so_anyway_may_be_said() {
        for line in [
            "exec -it web sh",
            "run -it --rm --quiet-pull web sh",
            "up -y --no-color --quiet-pull --quiet-build",
            "create -y --quiet-pull",
            "restart --no-deps",
            "watch --no-up",
            "build -q",
            "pull -q",
            "stats --no-trunc",
            "ps --orphans",
            "version -f json",
        ] {
            let words = std::iter::once("devstack").chain(line.split(' '));
            Cli::command().try_get_matches_from(words).expect(line);
        }
    }
}
