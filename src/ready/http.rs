//! HTTP/1.1: one GET request whose status, and perhaps body, must match.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Uri, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::Reason;
use super::state::quote;

/// As much of a body is read, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// How long the body of a refusal may take: it can explain the status but not change it.
const EXPLANATION: Duration = Duration::from_millis(200);

/// What is asked and what counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    /// Path with query.
    pub(super) path: &'a str,
    /// The status that counts; any of 200 to 399 when absent.
    pub(super) status: Option<u16>,
    /// A text that the body must contain.
    pub(super) body: Option<&'a str>,
}

/// Succeeds when status and body of the answer match.
pub(super) async fn ask<S>(stream: S, question: &Question<'_>) -> Result<(), Reason>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = request(question.path)?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| failure(&error))?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| failure(&error))?;
        let status = response.status().as_u16();
        let body = response.into_body();
        if !question.accepts(status) {
            let mut start = Vec::new();
            // Without its end a body that is JSON cannot be read, and the status has to do.
            let _ = timeout(EXPLANATION, read(body, &mut start, None)).await;
            return Err(match explanation(&start) {
                // Kong's words at `/status/ready`, with the details in brackets behind them.
                Some(message) if message.starts_with("no configuration available") => {
                    Reason::NotConfigured
                }
                message => Reason::HttpStatus { status, message },
            });
        }
        let Some(expected) = question.body else {
            return Ok(());
        };
        let mut start = Vec::new();
        read(body, &mut start, Some(expected)).await?;
        if contains(&start, expected) {
            Ok(())
        } else {
            Err(Reason::BodyLacks { expected: expected.to_owned() })
        }
    };
    let mut exchange = pin!(exchange);
    // The connection moves the bytes. When it ends first, the exchange knows all it will know.
    tokio::select! {
        biased;
        outcome = &mut exchange => outcome,
        _ = connection => exchange.await,
    }
}

impl Question<'_> {
    fn accepts(&self, status: u16) -> bool {
        match self.status {
            Some(expected) => status == expected,
            None => (200..400).contains(&status),
        }
    }
}

fn request(path: &str) -> Result<Request<Empty<Bytes>>, Reason> {
    let invalid = Reason::InvalidProbe { problem: "path is not one of a URL" };
    // An absolute form, such as `http://host/`, parses too but asks for a proxy.
    let uri: Uri = match path.parse::<Uri>() {
        Ok(uri) if path.starts_with('/') => uri,
        _ => return Err(invalid),
    };
    Request::get(uri)
        // The name by which a person would ask; development servers refuse unknown ones.
        .header(header::HOST, "localhost")
        .header(header::USER_AGENT, "devstack")
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .body(Empty::new())
        .map_err(|_| invalid)
}

/// Reads a body up to its end, the limit or the text that is looked for.
async fn read(mut body: Incoming, start: &mut Vec<u8>, until: Option<&str>) -> Result<(), Reason> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|error| failure(&error))?.into_data() {
            let room = BODY_LIMIT - start.len();
            start.extend_from_slice(&data[..data.len().min(room)]);
        }
        if start.len() == BODY_LIMIT || until.is_some_and(|text| contains(start, text)) {
            break;
        }
    }
    Ok(())
}

fn contains(body: &[u8], text: &str) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The `message` of a JSON body.
fn explanation(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let message = quote(body.get("message")?.as_str()?.as_bytes(), None);
    (!message.is_empty()).then_some(message)
}

fn failure(error: &hyper::Error) -> Reason {
    let io_error =
        std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    match io_error {
        Some(error) => Reason::from_io(error),
        None if error.is_parse() => Reason::UnexpectedAnswer { protocol: "HTTP" },
        None => Reason::Closed,
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Act, serve};
    use super::*;

    const REQUEST: &str = "GET /health?full=1 HTTP/1.1\r\nhost: localhost\r\n\
        user-agent: devstack\r\naccept: */*\r\nconnection: close\r\n\r\n";

    fn answer(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn explanations_come_from_json_only() {
        let cases = [
            (r#"{"message":"no configuration available"}"#, Some("no configuration available")),
            (r#"{"statusCode":503,"message":"two\nlines"}"#, Some("two lines")),
            (r#"{"message":["a"]}"#, None),
            (r#"{"message":""}"#, None),
            (r#"{"error":"x"}"#, None),
            (r#"["message"]"#, None),
            (r#"{"message":"cut"#, None),
            ("<html>message</html>", None),
            ("", None),
        ];
        for (body, expected) in cases {
            assert_eq!(explanation(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn conversations_end_in_the_right_state() {
        let path = "/health?full=1";
        let any = Question { path, status: None, body: None };
        let only = |status| Question { path, status: Some(status), body: None };
        let with = |body| Question { path, status: None, body: Some(body) };
        let status = |status, message: Option<&str>| {
            Err(Reason::HttpStatus { status, message: message.map(str::to_owned) })
        };
        let lacks = |expected: &str| Err(Reason::BodyLacks { expected: expected.to_owned() });
        let kong = answer("503 Service Unavailable", r#"{"message":"not ready for proxying"}"#);
        let empty = r#"{"message":"no configuration available (empty configuration present)"}"#;
        let empty = answer("503 Service Unavailable", empty);
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
            4\r\navai\r\n6\r\nlable!\r\n0\r\n\r\n";
        let endless = "HTTP/1.1 200 OK\r\n\r\navailable";
        let mute = "HTTP/1.1 503 Busy\r\ncontent-length: 99\r\n\r\n{";
        let long = format!("{}available", "x".repeat(BODY_LIMIT - 4));
        let say = |text: &str| vec![Act::Say(text.into())];
        let cases = [
            (any, say(&answer("200 OK", "")), Ok(())),
            (any, say(&answer("302 Found", "")), Ok(())),
            (any, say("HTTP/1.0 200 OK\r\n\r\n"), Ok(())),
            (any, say(&answer("404 Not Found", "")), status(404, None)),
            (any, say(&kong), status(503, Some("not ready for proxying"))),
            (any, say(&empty), Err(Reason::NotConfigured)),
            (only(401), say(&answer("401 Unauthorized", "")), Ok(())),
            (only(200), say(&answer("204 No Content", "")), status(204, None)),
            (with("available"), say(&answer("200 OK", r#"{"status":"available"}"#)), Ok(())),
            (with("available"), say(chunked), Ok(())),
            (with("available"), vec![Act::SaySlowly(chunked.into())], Ok(())),
            (with(""), say(&answer("200 OK", "")), Ok(())),
            (with("available"), say(&answer("200 OK", "starting")), lacks("available")),
            // The end of the text lies beyond the limit.
            (with("available"), say(&answer("200 OK", &long)), lacks("available")),
            // A body without an end is read up to the text, one that stalls not for long.
            (with("available"), vec![Act::Say(endless.into()), Act::Stall], Ok(())),
            (any, vec![Act::Say(mute.into()), Act::Stall], status(503, None)),
            // Half a head, half a body, nothing at all.
            (any, say("HTTP/1.1 200 OK\r\ncontent-"), Err(Reason::Closed)),
            (
                with("available"),
                say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\navai"),
                Err(Reason::Closed),
            ),
            (any, vec![], Err(Reason::Closed)),
            (
                any,
                say("-ERR unknown command\r\n"),
                Err(Reason::UnexpectedAnswer { protocol: "HTTP" }),
            ),
            (
                any,
                say("AMQP\x00\x00\x09\x01 and more"),
                Err(Reason::UnexpectedAnswer { protocol: "HTTP" }),
            ),
        ];
        for (index, (question, mut acts, expected)) in cases.into_iter().enumerate() {
            acts.insert(0, Act::Hear(REQUEST.into()));
            let (client, server) = serve(acts);
            assert_eq!(ask(client, &question).await, expected, "case {index}");
            server.abort();
        }
    }

    #[tokio::test]
    async fn a_path_that_is_none_is_refused() {
        for path in ["", "health", "http://localhost/", "/a b", "/\r\nx: y"] {
            let (client, server) = serve(vec![]);
            let question = Question { path, status: None, body: None };
            assert!(
                matches!(ask(client, &question).await, Err(Reason::InvalidProbe { .. })),
                "{path}"
            );
            server.abort();
        }
    }
}
