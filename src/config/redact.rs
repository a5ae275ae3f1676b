//! Which values must not be shown, and how they are shown instead.

use std::borrow::Cow;

/// What stands in the place of a secret.
pub const REDACTED: &str = "***";

/// Words that name a secret wherever they stand in a name.
const WORDS: &[&str] =
    &["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "CREDENTIAL", "CREDENTIALS", "APIKEY"];

/// Words that name a secret at the end of a name.
const LAST_WORDS: &[&str] = &["KEY", "PASS", "PWD", "COOKIE", "REQUIREPASS"];

/// Last words that name something about a secret that is none itself.
const HARMLESS: &[&str] =
    &["FILE", "PATH", "DIR", "TTL", "LENGTH", "NAME", "ALGORITHM", "EXPIRATION"];

/// Whether a variable of this name holds something that must not be shown.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    // The working directory of a shell.
    if matches!(name.as_str(), "PWD" | "OLDPWD") {
        return false;
    }
    let words: Vec<&str> =
        name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let Some(last) = words.last() else { return false };
    if HARMLESS.contains(last) || (*last == "KEY" && words.contains(&"PUBLIC")) {
        return false;
    }
    LAST_WORDS.contains(last)
        || words
            .iter()
            .any(|word| WORDS.contains(word) || WORDS.iter().any(|secret| word.ends_with(secret)))
}

/// Hides the password of each URL in a text: `scheme://user:PASSWORD@host`.
#[must_use]
pub fn redact_url(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        // What belongs to user and host: up to the path, or to what cannot be in a URL.
        // A quotation mark may be part of a password.
        let end = after
            .find(|c: char| matches!(c, '/' | '?' | '#' | '"' | '<' | '>') || c.is_whitespace())
            .unwrap_or(after.len());
        let (authority, next) = after.split_at(end);
        match authority.rsplit_once('@') {
            Some((user, host)) => {
                let user = match split_user(user) {
                    Some((name, password)) if !password.is_empty() => {
                        Cow::Owned(format!("{name}:{REDACTED}"))
                    }
                    _ => Cow::Borrowed(user),
                };
                shown.push_str(&user);
                shown.push('@');
                shown.push_str(host);
            }
            None => shown.push_str(authority),
        }
        rest = next;
    }
    shown.push_str(rest);
    shown
}

/// User and password, where either may still be a variable with a default: `${USER:-app}:pw`.
fn split_user(user: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    for (at, character) in user.char_indices() {
        match character {
            '{' if user[..at].ends_with('$') => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => return Some((&user[..at], &user[at + 1..])),
            _ => {}
        }
    }
    // An open brace is no variable.
    user.split_once(':').filter(|_| depth > 0)
}

/// The value of a variable as it may be shown.
#[must_use]
pub fn redact_value(name: &str, value: &str) -> String {
    if is_secret_name(name) && !value.is_empty() { REDACTED.to_owned() } else { redact_url(value) }
}

/// Hides in a command line what follows `--password` and its like, and passwords of URLs.
#[must_use]
pub fn redact_arguments(arguments: &[String]) -> Vec<String> {
    let mut shown = Vec::with_capacity(arguments.len());
    let mut is_next_secret = false;
    for argument in arguments {
        let flag = argument.starts_with('-');
        shown.push(match argument.split_once('=') {
            Some((name, value)) if !value.is_empty() && is_secret_name(name) => {
                format!("{name}={REDACTED}")
            }
            _ if is_next_secret && !argument.is_empty() && !flag => REDACTED.to_owned(),
            _ => redact_url(argument),
        });
        is_next_secret = flag && is_secret_name(argument);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_by_their_words() {
        let secret = [
            "PASSWORD",
            "POSTGRES_PASSWORD",
            "PGPASSWORD",
            "MYSQL_ROOT_PASSWORD",
            "db.password",
            "DbPassword",
            "RABBITMQ_DEFAULT_PASS",
            "DB_PWD",
            "MEILI_MASTER_KEY",
            "MEILISEARCH_API_KEY",
            "STRIPE_APIKEY",
            "AWS_SECRET_ACCESS_KEY",
            "JWT_SECRET",
            "CLIENT_SECRET_2",
            "GITHUB_TOKEN",
            "GOOGLE_CREDENTIALS",
            "RABBITMQ_ERLANG_COOKIE",
            "SSH_PRIVATE_KEY",
            "--requirepass",
        ];
        for name in secret {
            assert!(is_secret_name(name), "{name}");
        }
        let harmless = [
            "",
            "PWD",
            "OLDPWD",
            "POSTGRES_USER",
            "POSTGRES_PASSWORD_FILE",
            "TOKEN_TTL",
            "SSH_PUBLIC_KEY",
            "AWS_ACCESS_KEY_ID",
            "MONKEY",
            "KEYCLOAK_URL",
            "COMPASS",
            "BYPASS",
            "SESSION_COOKIE_NAME",
            "COOKIES",
            "TOKENIZER",
        ];
        for name in harmless {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn passwords_in_urls_are_hidden() {
        let cases = [
            ("", ""),
            ("plain text", "plain text"),
            ("postgres://app:pw@db:5432/app", "postgres://app:***@db:5432/app"),
            ("redis://:pw@cache", "redis://:***@cache"),
            ("amqp://u:p@a/v,amqp://u:q@b", "amqp://u:***@a/v,amqp://u:***@b"),
            ("postgres://app@db", "postgres://app@db"),
            ("postgres://app:@db", "postgres://app:@db"),
            ("http://db:5432/a@b", "http://db:5432/a@b"),
            ("x://u:p@ss@h", "x://u:***@h"),
            ("x://u:it's@h", "x://u:***@h"),
            ("x://${U:-u}:${P:-p}@h", "x://${U:-u}:***@h"),
            ("x://${U:-u}@h", "x://${U:-u}@h"),
            ("x://a${b:secret@h", "x://a${b:***@h"),
            ("'http://h:80'", "'http://h:80'"),
            ("see https://u:p@h/x and more", "see https://u:***@h/x and more"),
            ("://", "://"),
        ];
        for (text, expected) in cases {
            assert_eq!(redact_url(text), expected, "{text}");
        }
    }

    #[test]
    fn values_are_shown_by_their_name() {
        assert_eq!(redact_value("A_TOKEN", "x"), "***");
        assert_eq!(redact_value("A_TOKEN", ""), "");
        assert_eq!(redact_value("URL", "a://b:c@d"), "a://b:***@d");
        assert_eq!(redact_value("PORT", "80"), "80");
    }

    #[test]
    fn arguments_after_a_secret_flag_are_hidden() {
        let cases: [(&[&str], &[&str]); 4] = [
            (&["redis-server", "--requirepass", "pw"], &["redis-server", "--requirepass", "***"]),
            (&["x", "--requirepass", "", "y"], &["x", "--requirepass", "", "y"]),
            (&["x", "--master-key=pw", "--port=1"], &["x", "--master-key=***", "--port=1"]),
            (&["x", "--password", "--verbose", "y"], &["x", "--password", "--verbose", "y"]),
        ];
        for (arguments, expected) in cases {
            let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            assert_eq!(redact_arguments(&arguments), expected, "{arguments:?}");
        }
    }
}
