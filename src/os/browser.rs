//! Starts the person's browser. Which program does that is decided from facts.

use std::io;
use std::process::{Command, Stdio};

/// What decides how a page is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The system, as `std::env::consts::OS` names it.
    pub system: &'static str,
    /// `BROWSER`.
    pub browser: Option<String>,
    /// Whether there is a screen to show it on.
    pub has_display: bool,
    /// Whether it is the Windows Subsystem for Linux, where Windows' browser is used.
    pub is_wsl: bool,
}

impl Machine {
    /// Looks at this machine; `env` looks up an environment variable.
    pub fn of(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        Self {
            system: std::env::consts::OS,
            browser: set("BROWSER"),
            has_display: set("DISPLAY").is_some() || set("WAYLAND_DISPLAY").is_some(),
            is_wsl: set("WSL_DISTRO_NAME").is_some(),
        }
    }
}

/// The command that opens a URL; `None` where there is nothing to open it with.
#[must_use]
pub fn command(machine: &Machine, url: &str) -> Option<Vec<String>> {
    let words = |words: &[&str]| {
        let all = words.iter().copied().chain([url]);
        Some(all.map(str::to_owned).collect())
    };
    if let Some(browser) = &machine.browser {
        return words(&[browser]);
    }
    match machine.system {
        "macos" => words(&["open"]),
        "windows" => words(&["rundll32", "url.dll,FileProtocolHandler"]),
        _ if machine.is_wsl => words(&["rundll32.exe", "url.dll,FileProtocolHandler"]),
        _ if machine.has_display => words(&["xdg-open"]),
        _ => None,
    }
}

/// Starts a command that outlives this process, its streams closed.
///
/// # Errors
/// When the program is not there or cannot be run.
pub fn start(command: &[String]) -> io::Result<()> {
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut process = Command::new(program);
    process.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    process.spawn().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_opens_pages_in_its_own_way() {
        let machine = |system| Machine { system, browser: None, has_display: false, is_wsl: false };
        let browser = Some("firefox".to_owned());
        let cases = [
            (machine("macos"), Some("open http://x")),
            (machine("windows"), Some("rundll32 url.dll,FileProtocolHandler http://x")),
            (machine("linux"), None),
            (Machine { has_display: true, ..machine("linux") }, Some("xdg-open http://x")),
            (
                Machine { is_wsl: true, ..machine("linux") },
                Some("rundll32.exe url.dll,FileProtocolHandler http://x"),
            ),
            (Machine { browser, ..machine("linux") }, Some("firefox http://x")),
        ];
        for (machine, expected) in cases {
            let command = command(&machine, "http://x").map(|words| words.join(" "));
            assert_eq!(command.as_deref(), expected, "{machine:?}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        assert!(start(&["no-such-program-anywhere".to_owned()]).is_err());
        assert!(start(&[]).is_err());
    }
}
