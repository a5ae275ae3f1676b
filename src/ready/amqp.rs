//! AMQP 0-9-1, as RabbitMQ speaks it: the handshake up to an open connection on the virtual host.
//!
//! The broker opens its listeners after users, virtual hosts and definitions exist, so an open
//! connection proves that the application's own connection will open too.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::Reason;
use super::state::quote;
use super::wire::{Foreign, MESSAGE_LIMIT, Wire};
use crate::project::Secret;

/// Who asks, and for which virtual host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login<'a> {
    /// User.
    pub(super) user: &'a str,
    /// Its password.
    pub(super) password: &'a Secret,
    /// Virtual host.
    pub(super) vhost: &'a str,
}

/// Succeeds when the broker has opened the virtual host for this user.
pub(super) async fn ask<S>(stream: S, login: &Login<'_>) -> Result<(), Reason>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let open = open(login.vhost)?;
    let mut wire = Wire::new(stream, "AMQP 0-9-1");
    wire.say(PROTOCOL_HEADER).await;
    match wire.hear(decode).await? {
        Method::Start { plain: true } => wire.say(&start_ok(login)).await,
        Method::Start { plain: false } => {
            let detail = "broker has no login of mechanism PLAIN".to_owned();
            return Err(Reason::LoginRefused { detail: Some(detail) });
        }
        method => return Err(unexpected(&mut wire, method, login).await),
    }
    match wire.hear(decode).await? {
        Method::Tune { channel_max, frame_max } => {
            // In one write: the second of two small ones may be held back for 40 ms.
            wire.say(&[tune_ok(channel_max, frame_max), open].concat()).await;
        }
        method => return Err(unexpected(&mut wire, method, login).await),
    }
    match wire.hear(decode).await? {
        Method::OpenOk => {}
        method => return Err(unexpected(&mut wire, method, login).await),
    }
    // The broker logs a warning about a client that just hangs up. Whatever it answers, the
    // verdict stands.
    wire.say(&close()).await;
    let _ = timeout(FAREWELL, wire.hear(decode)).await;
    Ok(())
}

/// The reason for a method that is not the next one of the handshake.
async fn unexpected<S>(wire: &mut Wire<S>, method: Method, login: &Login<'_>) -> Reason
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match method {
        Method::Close { code, text } => {
            wire.say(&frame(CLOSE_OK, &[])).await;
            refusal(code, &text, login.password)
        }
        _ => wire.foreign(),
    }
}

/// How long the broker may take to confirm the end of a connection.
const FAREWELL: Duration = Duration::from_millis(100);

const PROTOCOL_HEADER: &[u8] = b"AMQP\x00\x00\x09\x01";
const METHOD_FRAME: u8 = 1;
const HEARTBEAT_FRAME: u8 = 8;
const FRAME_END: u8 = 0xCE;

/// Class and method numbers, all of class Connection.
const START: (u16, u16) = (10, 10);
const START_OK: (u16, u16) = (10, 11);
const TUNE: (u16, u16) = (10, 30);
const TUNE_OK: (u16, u16) = (10, 31);
const OPEN: (u16, u16) = (10, 40);
const OPEN_OK: (u16, u16) = (10, 41);
const CLOSE: (u16, u16) = (10, 50);
const CLOSE_OK: (u16, u16) = (10, 51);

/// A method of the broker, with what the handshake needs of it.
#[derive(Debug, PartialEq, Eq)]
enum Method {
    /// `plain`: the broker offers that mechanism.
    Start {
        plain: bool,
    },
    Tune {
        channel_max: u16,
        frame_max: u32,
    },
    OpenOk,
    Close {
        code: u16,
        text: Vec<u8>,
    },
    Other,
}

/// Takes the first whole method from the received bytes, passing over heartbeats.
fn decode(received: &mut BytesMut) -> Result<Option<Method>, Foreign> {
    loop {
        match received.first() {
            None => return Ok(None),
            Some(&(METHOD_FRAME | HEARTBEAT_FRAME)) => {}
            Some(_) => return Err(Foreign),
        }
        let Some(mut header) = received.get(..7) else {
            return Ok(None);
        };
        let (kind, channel, size) = (header.get_u8(), header.get_u16(), header.get_u32());
        let size = usize::try_from(size).map_err(|_| Foreign)?;
        if channel != 0 || size > MESSAGE_LIMIT {
            return Err(Foreign);
        }
        if received.len() < size + 8 {
            return Ok(None);
        }
        let whole = received.split_to(size + 8);
        if whole[size + 7] != FRAME_END {
            return Err(Foreign);
        }
        if kind == METHOD_FRAME {
            return method(&whole[7..size + 7]).map(Some).ok_or(Foreign);
        }
    }
}

fn method(mut payload: &[u8]) -> Option<Method> {
    let kind = (payload.try_get_u16().ok()?, payload.try_get_u16().ok()?);
    Some(match kind {
        START => {
            let _versions = payload.try_get_u16().ok()?;
            let _properties = long_text(&mut payload)?;
            let mechanisms = long_text(&mut payload)?;
            Method::Start { plain: mechanisms.split(|byte| *byte == b' ').any(|m| m == b"PLAIN") }
        }
        TUNE => Method::Tune {
            channel_max: payload.try_get_u16().ok()?,
            frame_max: payload.try_get_u32().ok()?,
        },
        OPEN_OK => Method::OpenOk,
        CLOSE => Method::Close {
            code: payload.try_get_u16().ok()?,
            text: short_text(&mut payload)?.to_vec(),
        },
        _ => Method::Other,
    })
}

/// Reads a text, or a table as it is, with a length of four bytes.
fn long_text<'a>(payload: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(payload.try_get_u32().ok()?).ok()?;
    take(payload, length)
}

/// Reads a text with a length of one byte.
fn short_text<'a>(payload: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::from(payload.try_get_u8().ok()?);
    take(payload, length)
}

fn take<'a>(payload: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (text, rest) = payload.split_at_checked(length)?;
    *payload = rest;
    Some(text)
}

/// Encodes a method in a frame of its own.
fn frame((class, method): (u16, u16), arguments: &[u8]) -> Vec<u8> {
    let mut payload = [class.to_be_bytes(), method.to_be_bytes()].concat();
    payload.extend_from_slice(arguments);
    let mut bytes = vec![METHOD_FRAME, 0, 0];
    bytes.extend_from_slice(&long(&payload));
    bytes.push(FRAME_END);
    bytes
}

/// Prefixes bytes with their length in four bytes.
fn long(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("arguments of a probe are short");
    [&length.to_be_bytes(), bytes].concat()
}

fn start_ok(login: &Login<'_>) -> Vec<u8> {
    // Only to a client that says that it understands does the broker tell of a refused login;
    // from others it hangs up after some seconds.
    let capabilities = b"\x1cauthentication_failure_closet\x01";
    let properties = [
        b"\x07productS".to_vec(),
        long(b"devstack"),
        b"\x0ccapabilitiesF".to_vec(),
        long(capabilities),
    ]
    .concat();
    let response = ["", login.user, login.password.expose()].join("\0");
    let arguments = [
        long(&properties),
        b"\x05PLAIN".to_vec(),
        long(response.as_bytes()),
        b"\x05en_US".to_vec(),
    ]
    .concat();
    frame(START_OK, &arguments)
}

/// Takes what the broker proposes, without heartbeats.
fn tune_ok(channel_max: u16, frame_max: u32) -> Vec<u8> {
    let mut arguments = channel_max.to_be_bytes().to_vec();
    arguments.extend_from_slice(&frame_max.to_be_bytes());
    arguments.extend_from_slice(&[0, 0]);
    frame(TUNE_OK, &arguments)
}

fn open(vhost: &str) -> Result<Vec<u8>, Reason> {
    let length = u8::try_from(vhost.len()).map_err(|_| Reason::InvalidProbe {
        problem: "name of the virtual host is longer than 255 bytes",
    })?;
    Ok(frame(OPEN, &[&[length], vhost.as_bytes(), &[0, 0]].concat()))
}

fn close() -> Vec<u8> {
    let arguments = [200_u16.to_be_bytes().as_slice(), b"\x02ok", &[0; 4]].concat();
    frame(CLOSE, &arguments)
}

/// Reads why the broker closes. Its text begins with the name of the code.
fn refusal(code: u16, text: &[u8], password: &Secret) -> Reason {
    let whole = String::from_utf8_lossy(text);
    let words = whole.split_once(" - ").map_or(&*whole, |(_, words)| words);
    let quoted = || quote(words.as_bytes(), Some(password));
    match code {
        // The text only says to look into the broker's log.
        403 => Reason::LoginRefused { detail: None },
        402 => Reason::VhostMissing,
        530 if words.contains("not found") => Reason::VhostMissing,
        530 if words.contains("limit") => Reason::TooManyConnections,
        530 => Reason::LoginRefused { detail: Some(quoted()) },
        320 => Reason::ShuttingDown,
        _ => Reason::Rejected { message: quoted() },
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Act, serve};
    use super::*;

    const FOREIGN: Reason = Reason::UnexpectedAnswer { protocol: "AMQP 0-9-1" };

    fn start(mechanisms: &[u8]) -> Vec<u8> {
        let properties = b"\x07productS\0\0\0\x08RabbitMQ";
        frame(
            START,
            &[b"\0\x09".to_vec(), long(properties), long(mechanisms), long(b"en_US")].concat(),
        )
    }

    fn broker_close(code: u16, text: &str) -> Vec<u8> {
        let length = u8::try_from(text.len()).unwrap();
        frame(CLOSE, &[&code.to_be_bytes(), &[length][..], text.as_bytes(), &[0; 4]].concat())
    }

    const TUNE_BYTES: &[u8] = b"\x01\0\0\0\0\0\x0c\0\x0a\0\x1e\x07\xff\0\x02\0\0\0\x3c\xce";
    const TUNE_OK_BYTES: &[u8] = b"\x01\0\0\0\0\0\x0c\0\x0a\0\x1f\x07\xff\0\x02\0\0\0\0\xce";
    const OPEN_BYTES: &[u8] = b"\x01\0\0\0\0\0\x08\0\x0a\0\x28\x01/\0\0\xce";
    const OPEN_OK_BYTES: &[u8] = b"\x01\0\0\0\0\0\x05\0\x0a\0\x29\0\xce";
    const CLOSE_BYTES: &[u8] = b"\x01\0\0\0\0\0\x0d\0\x0a\0\x32\0\xc8\x02ok\0\0\0\0\xce";
    const CLOSE_OK_BYTES: &[u8] = b"\x01\0\0\0\0\0\x04\0\x0a\0\x33\xce";
    const START_OK_BYTES: &[u8] = b"\x01\0\0\0\0\0\x65\0\x0a\0\x0b\0\0\0\x46\
        \x07productS\0\0\0\x08devstack\
        \x0ccapabilitiesF\0\0\0\x1f\x1cauthentication_failure_closet\x01\
        \x05PLAIN\0\0\0\x07\0app\0pw\x05en_US\xce";

    #[test]
    fn frames_decode_whole_and_leave_the_rest() {
        type Case<'a> = (&'a [u8], Result<Option<Method>, Foreign>, usize);
        let close = broker_close(403, "NO");
        let heartbeat = b"\x08\0\0\0\0\0\0\xce".as_slice();
        let cases: [Case<'_>; 15] = [
            (b"", Ok(None), 0),
            (b"\x01\0\0\0", Ok(None), 4),
            (&TUNE_BYTES[..19], Ok(None), 19),
            (TUNE_BYTES, Ok(Some(Method::Tune { channel_max: 2047, frame_max: 131_072 })), 0),
            (&start(b"PLAIN AMQPLAIN"), Ok(Some(Method::Start { plain: true })), 0),
            (&start(b"EXTERNAL XPLAIN"), Ok(Some(Method::Start { plain: false })), 0),
            (&[OPEN_OK_BYTES, b"\x01"].concat(), Ok(Some(Method::OpenOk)), 1),
            (&close, Ok(Some(Method::Close { code: 403, text: b"NO".to_vec() })), 0),
            (&[heartbeat, OPEN_OK_BYTES].concat(), Ok(Some(Method::OpenOk)), 0),
            (&frame((20, 11), &[]), Ok(Some(Method::Other)), 0),
            // The end of the frame is missing, and the text is longer than its frame.
            (b"\x01\0\0\0\0\0\x04\0\x0a\0\x33\0", Err(Foreign), 0),
            (&frame(CLOSE, b"\x01\x93\x09x"), Err(Foreign), 0),
            (b"\x01\0\0\xff\xff\xff\xff", Err(Foreign), 7),
            (b"\x01\0\x01\0\0\0\x04", Err(Foreign), 7),
            (b"AMQP\0\0\x09\x01", Err(Foreign), 8),
        ];
        for (bytes, expected, rest) in cases {
            let mut received = BytesMut::from(bytes);
            assert_eq!(decode(&mut received), expected, "{bytes:02x?}");
            assert_eq!(received.len(), rest, "{bytes:02x?}");
        }
    }

    #[test]
    fn refusals_are_told_apart() {
        let secret = Secret::new("pw");
        let cases = [
            (
                403,
                "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.",
                Reason::LoginRefused { detail: None },
            ),
            (530, "NOT_ALLOWED - vhost shop not found", Reason::VhostMissing),
            (402, "INVALID_PATH - vhost", Reason::VhostMissing),
            (
                530,
                "NOT_ALLOWED - access to vhost 'shop' refused for user 'app'",
                Reason::LoginRefused {
                    detail: Some("access to vhost 'shop' refused for user 'app'".to_owned()),
                },
            ),
            (
                530,
                "NOT_ALLOWED - access to vhost '/' refused for user 'app': connection limit (1) is reached",
                Reason::TooManyConnections,
            ),
            (
                320,
                "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'",
                Reason::ShuttingDown,
            ),
            (541, "INTERNAL_ERROR - pw", Reason::Rejected { message: "***".to_owned() }),
        ];
        for (code, text, expected) in cases {
            assert_eq!(refusal(code, text.as_bytes(), &secret), expected, "{text}");
        }
    }

    #[tokio::test]
    async fn conversations_end_in_the_right_state() {
        let password = Secret::new("pw");
        let login = Login { user: "app", password: &password, vhost: "/" };
        let hear = |bytes: &[u8]| Act::Hear(bytes.to_vec());
        let say = |bytes: &[u8]| Act::Say(bytes.to_vec());
        let until_start =
            || vec![hear(PROTOCOL_HEADER), say(&start(b"PLAIN AMQPLAIN")), hear(START_OK_BYTES)];
        let until_open = || {
            let mut acts = until_start();
            acts.extend([say(TUNE_BYTES), hear(TUNE_OK_BYTES), hear(OPEN_BYTES)]);
            acts
        };
        let followed_by = |mut acts: Vec<Act>, more: Vec<Act>| {
            acts.extend(more);
            acts
        };
        let cases = [
            (
                followed_by(
                    until_open(),
                    vec![say(OPEN_OK_BYTES), hear(CLOSE_BYTES), say(CLOSE_OK_BYTES)],
                ),
                Ok(()),
            ),
            (
                followed_by(
                    until_open(),
                    vec![Act::SaySlowly(OPEN_OK_BYTES.to_vec()), hear(CLOSE_BYTES)],
                ),
                Ok(()),
            ),
            (
                followed_by(
                    until_start(),
                    vec![say(&broker_close(403, "ACCESS_REFUSED - no")), hear(CLOSE_OK_BYTES)],
                ),
                Err(Reason::LoginRefused { detail: None }),
            ),
            (
                followed_by(
                    until_open(),
                    vec![
                        say(&broker_close(530, "NOT_ALLOWED - vhost / not found")),
                        hear(CLOSE_OK_BYTES),
                    ],
                ),
                Err(Reason::VhostMissing),
            ),
            (followed_by(until_start(), vec![]), Err(Reason::Closed)),
            (followed_by(until_open(), vec![say(&OPEN_OK_BYTES[..5])]), Err(Reason::Closed)),
            (
                vec![hear(PROTOCOL_HEADER), say(&start(b"EXTERNAL"))],
                Err(Reason::LoginRefused {
                    detail: Some("broker has no login of mechanism PLAIN".to_owned()),
                }),
            ),
            // Methods out of order, another version, another protocol.
            (vec![hear(PROTOCOL_HEADER), say(TUNE_BYTES)], Err(FOREIGN)),
            (followed_by(until_start(), vec![say(OPEN_OK_BYTES)]), Err(FOREIGN)),
            (followed_by(until_open(), vec![say(TUNE_BYTES)]), Err(FOREIGN)),
            (vec![hear(PROTOCOL_HEADER), say(b"AMQP\x00\x01\x00\x00")], Err(FOREIGN)),
            (vec![hear(PROTOCOL_HEADER), say(b"HTTP/1.1 400\r\n")], Err(FOREIGN)),
            (vec![], Err(Reason::Closed)),
        ];
        for (index, (acts, expected)) in cases.into_iter().enumerate() {
            let (client, server) = serve(acts);
            assert_eq!(ask(client, &login).await, expected, "case {index}");
            server.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_name_too_long_for_the_protocol_is_refused() {
        let password = Secret::new("pw");
        let vhost = "x".repeat(256);
        let login = Login { user: "app", password: &password, vhost: &vhost };
        let (client, server) = serve(vec![]);
        assert!(matches!(ask(client, &login).await, Err(Reason::InvalidProbe { .. })));
        server.await.unwrap();
    }
}
