//! Redis and its kin: `AUTH` when there is a password, then `PING`.

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Reason;
use super::state::quote;
use super::wire::{Foreign, MESSAGE_LIMIT, Wire};
use crate::project::Secret;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login<'a> {
    /// ACL user; the server's `default` when absent.
    pub(super) username: Option<&'a str>,
    /// Without one there is no `AUTH`.
    pub(super) password: Option<&'a Secret>,
}

/// Succeeds when the server has its data in memory and serves this user.
pub(super) async fn ask<S>(stream: S, login: &Login<'_>) -> Result<(), Reason>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut wire = Wire::new(stream, "Redis");
    if let Some(password) = login.password {
        let words: Vec<&str> =
            ["AUTH"].into_iter().chain(login.username).chain([password.expose()]).collect();
        wire.say(&command(&words)).await;
        match wire.hear(decode).await? {
            Reply::Status(_) => {}
            Reply::Error(error) => return Err(complaint(&error, login.password)),
            Reply::Bulk(_) => return Err(wire.foreign()),
        }
    }
    match ping(&mut wire, login).await {
        Err(Reason::Loading { .. }) => {}
        outcome => return outcome,
    }
    wire.say(&command(&["INFO", "persistence"])).await;
    let percent = match wire.hear(decode).await? {
        Reply::Bulk(info) => loading_percent(&info),
        Reply::Status(_) | Reply::Error(_) => None,
    };
    match percent {
        Some(percent) => Err(Reason::Loading { percent: Some(percent) }),
        // A server that tells no percentage may have finished between the two commands.
        None => ping(&mut wire, login).await,
    }
}

async fn ping<S>(wire: &mut Wire<S>, login: &Login<'_>) -> Result<(), Reason>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    wire.say(&command(&["PING"])).await;
    match wire.hear(decode).await? {
        Reply::Status(status) if status == b"PONG" => Ok(()),
        Reply::Status(_) | Reply::Bulk(_) => Err(wire.foreign()),
        Reply::Error(error) => Err(complaint(&error, login.password)),
    }
}

/// One reply, of the kinds that the commands above have.
#[derive(Debug, PartialEq, Eq)]
enum Reply {
    Status(Vec<u8>),
    Error(Vec<u8>),
    Bulk(Vec<u8>),
}

/// Encodes a command as an array, so that words may contain anything.
fn command(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}

/// Takes the first whole reply from the received bytes.
fn decode(received: &mut BytesMut) -> Result<Option<Reply>, Foreign> {
    match received.first() {
        None => return Ok(None),
        Some(b'+' | b'-' | b'$') => {}
        Some(_) => return Err(Foreign),
    }
    let Some(line_end) = received.windows(2).position(|pair| pair == b"\r\n") else {
        return Ok(None);
    };
    let body = line_end + 2;
    let line = &received[1..line_end];
    let (reply, end) = match received[0] {
        b'+' => (Reply::Status(line.to_vec()), body),
        b'-' => (Reply::Error(line.to_vec()), body),
        _ => {
            let length = std::str::from_utf8(line)
                .ok()
                .and_then(|digits| digits.parse::<usize>().ok())
                .filter(|length| *length <= MESSAGE_LIMIT)
                .ok_or(Foreign)?;
            let end = body + length + 2;
            match received.get(body..end) {
                None => return Ok(None),
                Some(text) if text.ends_with(b"\r\n") => {
                    (Reply::Bulk(text[..length].to_vec()), end)
                }
                Some(_) => return Err(Foreign),
            }
        }
    };
    drop(received.split_to(end));
    Ok(Some(reply))
}

/// Reads an error reply, whose first word is its code.
fn complaint(error: &[u8], password: Option<&Secret>) -> Reason {
    let code = error.split(|byte| *byte == b' ').next().unwrap_or_default();
    let text = quote(error, password);
    match code {
        b"LOADING" => Reason::Loading { percent: None },
        b"NOAUTH" => Reason::PasswordRequired,
        b"WRONGPASS" => Reason::WrongPassword,
        // Before version 6 a wrong password had no code of its own.
        _ if text.contains("invalid password") => Reason::WrongPassword,
        _ if text.contains("without any password configured")
            || text.contains("but no password is set") =>
        {
            Reason::PasswordNotSet
        }
        _ if text.contains("max number of clients") => Reason::TooManyConnections,
        b"DENIED" => Reason::LoginRefused { detail: Some("protected mode is on".to_owned()) },
        b"NOPERM" => Reason::LoginRefused { detail: Some(text) },
        _ => Reason::Rejected { message: text },
    }
}

/// Finds the whole percents of `loading_loaded_perc:40.12` in the answer to `INFO`.
fn loading_percent(info: &[u8]) -> Option<u8> {
    let info = String::from_utf8_lossy(info);
    let value = info.lines().find_map(|line| line.strip_prefix("loading_loaded_perc:"))?;
    let percent: u8 = value.split('.').next()?.trim().parse().ok()?;
    Some(percent.min(100))
}

#[cfg(test)]
mod tests {
    use super::super::script::{Act, serve};
    use super::*;

    const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
    const INFO: &[u8] = b"*2\r\n$4\r\nINFO\r\n$11\r\npersistence\r\n";

    #[test]
    fn commands_are_arrays_of_counted_words() {
        assert_eq!(command(&["PING"]), PING);
        assert_eq!(
            command(&["AUTH", "a b\r\n", "pä"]),
            "*3\r\n$4\r\nAUTH\r\n$5\r\na b\r\n\r\n$3\r\npä\r\n".as_bytes()
        );
    }

    #[test]
    fn replies_decode_whole_and_leave_the_rest() {
        type Case<'a> = (&'a str, Result<Option<Reply>, Foreign>, &'a str);
        let status = |text: &str| Ok(Some(Reply::Status(text.into())));
        let error = |text: &str| Ok(Some(Reply::Error(text.into())));
        let bulk = |text: &str| Ok(Some(Reply::Bulk(text.into())));
        let cases: [Case<'_>; 15] = [
            ("", Ok(None), ""),
            ("+", Ok(None), "+"),
            ("+PON", Ok(None), "+PON"),
            ("+PONG\r", Ok(None), "+PONG\r"),
            ("+PONG\r\n", status("PONG"), ""),
            ("+OK\r\n+PONG\r\n", status("OK"), "+PONG\r\n"),
            ("-LOADING Redis\r\n", error("LOADING Redis"), ""),
            ("$5\r\na\r\nbc\r\n", bulk("a\r\nbc"), ""),
            ("$0\r\n\r\n", bulk(""), ""),
            ("$5\r\nab", Ok(None), "$5\r\nab"),
            ("$2\r\nabcd", Err(Foreign), "$2\r\nabcd"),
            ("$-1\r\n", Err(Foreign), "$-1\r\n"),
            ("$99999999999999999999\r\n", Err(Foreign), "$99999999999999999999\r\n"),
            ("$70000\r\n", Err(Foreign), "$70000\r\n"),
            ("HTTP/1.1 400 Bad Request\r\n", Err(Foreign), "HTTP/1.1 400 Bad Request\r\n"),
        ];
        for (bytes, expected, rest) in cases {
            let mut received = BytesMut::from(bytes);
            assert_eq!(decode(&mut received), expected, "{bytes:?}");
            assert_eq!(received, rest, "{bytes:?}");
        }
    }

    #[test]
    fn complaints_are_told_apart() {
        let secret = Secret::new("s3cret");
        let refused = |detail: &str| Reason::LoginRefused { detail: Some(detail.to_owned()) };
        let rejected = |message: &str| Reason::Rejected { message: message.to_owned() };
        let cases = [
            ("LOADING Redis is loading the dataset in memory", Reason::Loading { percent: None }),
            ("NOAUTH Authentication required.", Reason::PasswordRequired),
            (
                "WRONGPASS invalid username-password pair or user is disabled.",
                Reason::WrongPassword,
            ),
            ("ERR invalid password", Reason::WrongPassword),
            (
                "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
                Reason::PasswordNotSet,
            ),
            ("ERR Client sent AUTH, but no password is set", Reason::PasswordNotSet),
            ("ERR max number of clients reached", Reason::TooManyConnections),
            ("DENIED Redis is running in protected mode because", refused("protected mode is on")),
            (
                "NOPERM User app has no permissions to run the 'ping' command",
                refused("NOPERM User app has no permissions to run the 'ping' command"),
            ),
            (
                "MISCONF Redis is configured to save",
                rejected("MISCONF Redis is configured to save"),
            ),
            (
                "ERR unknown command 'AUTH', with args beginning with: 's3cret'",
                rejected("ERR unknown command 'AUTH', with args beginning with: '***'"),
            ),
            ("", rejected("")),
        ];
        for (error, expected) in cases {
            assert_eq!(complaint(error.as_bytes(), Some(&secret)), expected, "{error}");
        }
    }

    #[test]
    fn the_percentage_is_found_in_info() {
        let cases = [
            ("# Persistence\r\nloading:1\r\nloading_loaded_perc:40.92\r\nx:1\r\n", Some(40)),
            ("loading_loaded_perc:0.00\r\n", Some(0)),
            ("loading_loaded_perc:140.00\r\n", Some(100)),
            ("loading_loaded_perc:\r\n", None),
            ("loading:0\r\n", None),
            ("", None),
        ];
        for (info, expected) in cases {
            assert_eq!(loading_percent(info.as_bytes()), expected, "{info:?}");
        }
    }

    #[tokio::test]
    async fn conversations_end_in_the_right_state() {
        let secret = Secret::new("pw");
        let nobody = Login { username: None, password: None };
        let default = Login { username: None, password: Some(&secret) };
        let app = Login { username: Some("app"), password: Some(&secret) };
        let auth = b"*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n";
        let auth_app = b"*3\r\n$4\r\nAUTH\r\n$3\r\napp\r\n$2\r\npw\r\n";
        let hear = |bytes: &[u8]| Act::Hear(bytes.to_vec());
        let say = |text: &str| Act::Say(text.into());
        let loading = "-LOADING Redis is loading\r\n";
        let foreign = Reason::UnexpectedAnswer { protocol: "Redis" };
        let cases = [
            (nobody, vec![hear(PING), say("+PONG\r\n")], Ok(())),
            (nobody, vec![hear(PING), Act::SaySlowly(b"+PONG\r\n".to_vec())], Ok(())),
            (default, vec![hear(auth), say("+OK\r\n"), hear(PING), say("+PONG\r\n")], Ok(())),
            (app, vec![hear(auth_app), say("+OK\r\n"), hear(PING), say("+PONG\r\n")], Ok(())),
            (default, vec![hear(auth), say("-WRONGPASS no\r\n")], Err(Reason::WrongPassword)),
            (nobody, vec![hear(PING), say("-NOAUTH no\r\n")], Err(Reason::PasswordRequired)),
            (
                nobody,
                vec![
                    hear(PING),
                    say(loading),
                    hear(INFO),
                    say("$26\r\nloading_loaded_perc:7.50\r\n\r\n"),
                ],
                Err(Reason::Loading { percent: Some(7) }),
            ),
            (
                nobody,
                vec![
                    hear(PING),
                    say(loading),
                    hear(INFO),
                    say("-NOPERM\r\n"),
                    hear(PING),
                    say(loading),
                ],
                Err(Reason::Loading { percent: None }),
            ),
            // It finishes between the two commands.
            (
                nobody,
                vec![
                    hear(PING),
                    say(loading),
                    hear(INFO),
                    say("$9\r\nloading:0\r\n"),
                    hear(PING),
                    say("+PONG\r\n"),
                ],
                Ok(()),
            ),
            (nobody, vec![hear(PING), say("+OK\r\n")], Err(foreign.clone())),
            (nobody, vec![hear(PING), say("$2\r\nhi\r\n")], Err(foreign.clone())),
            (nobody, vec![hear(PING), say("AMQP\x00\x00\x09\x01")], Err(foreign.clone())),
            (nobody, vec![hear(PING), say(&"+x".repeat(40_000))], Err(foreign)),
            (nobody, vec![hear(PING), say("+PON")], Err(Reason::Closed)),
            (nobody, vec![], Err(Reason::Closed)),
            // Said before it is asked, then hung up.
            (
                nobody,
                vec![say("-ERR max number of clients reached\r\n")],
                Err(Reason::TooManyConnections),
            ),
        ];
        for (index, (login, acts, expected)) in cases.into_iter().enumerate() {
            let (client, server) = serve(acts);
            assert_eq!(ask(client, &login).await, expected, "case {index}");
            server.await.unwrap();
        }
    }
}
