//! Programs of this machine.

use std::io;
use std::process::Command;

/// Runs a program with further variables in place of this one, so that signals, terminal and exit
/// code are its own. Returns only when it cannot be run.
///
/// # Errors
/// When there is no such program, or it may not be run.
#[cfg(unix)]
pub fn replace(
    command: &[String],
    variables: impl IntoIterator<Item = (String, String)>,
) -> io::Result<u8> {
    use std::os::unix::process::CommandExt as _;
    Err(prepared(command, variables)?.exec())
}

/// Runs a program with further variables and returns its exit code.
///
/// # Errors
/// When there is no such program, or it may not be run.
#[cfg(not(unix))]
pub fn replace(
    command: &[String],
    variables: impl IntoIterator<Item = (String, String)>,
) -> io::Result<u8> {
    let status = prepared(command, variables)?.status()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

fn prepared(
    command: &[String],
    variables: impl IntoIterator<Item = (String, String)>,
) -> io::Result<Command> {
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut prepared = Command::new(program);
    prepared.args(arguments).envs(variables);
    Ok(prepared)
}
