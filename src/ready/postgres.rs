//! PostgreSQL: a full login as the application's user to its database, then `SELECT 1`.
//!
//! Nothing less is proof. A connection is accepted, and even a request for TLS is answered, while
//! the server still refuses every login.

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{ErrorResponseBody, Header, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Reason;
use super::state::quote;
use super::wire::{Foreign, MESSAGE_LIMIT, Wire};
use crate::project::Secret;

/// Who asks, and for which database.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login<'a> {
    /// Role.
    pub(super) user: &'a str,
    /// Its password.
    pub(super) password: &'a Secret,
    /// Database.
    pub(super) database: &'a str,
}

/// Succeeds when the server has answered a query of this user in this database.
pub(super) async fn ask<S>(stream: S, login: &Login<'_>) -> Result<(), Reason>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut wire = Wire::new(stream, "PostgreSQL");
    let mut session = Session { login, scram: None, stage: Stage::Login };
    wire.say(&startup(login)?).await;
    loop {
        let message = wire.hear(decode).await?;
        match session.answer(message) {
            Ok(Answer::Nothing) => {}
            Ok(Answer::Say(bytes)) => wire.say(&bytes).await,
            Ok(Answer::Leave(bytes)) => {
                wire.say(&bytes).await;
                return Ok(());
            }
            Err(Failure::Told(reason)) => return Err(reason),
            Err(Failure::Foreign) => return Err(wire.foreign()),
        }
    }
}

/// How far a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Login,
    Authenticated,
    Asked,
    Answered,
}

/// What to do after a message.
enum Answer {
    Nothing,
    Say(BytesMut),
    /// Say this and hang up: the server is ready.
    Leave(BytesMut),
}

/// Why a conversation ends early.
enum Failure {
    Told(Reason),
    Foreign,
}

impl From<std::io::Error> for Failure {
    // The library reports what it cannot read or verify as an I/O error.
    fn from(_: std::io::Error) -> Self {
        Self::Foreign
    }
}

struct Session<'a> {
    login: &'a Login<'a>,
    scram: Option<ScramSha256>,
    stage: Stage,
}

impl Session<'_> {
    fn answer(&mut self, message: Message) -> Result<Answer, Failure> {
        let mut bytes = BytesMut::new();
        match (self.stage, message) {
            (_, Message::ErrorResponse(error)) => {
                return Err(Failure::Told(complaint(&error, self.login.password)));
            }
            (_, Message::NoticeResponse(_) | Message::ParameterStatus(_)) => {
                return Ok(Answer::Nothing);
            }
            (Stage::Login, Message::AuthenticationCleartextPassword) => {
                frontend::password_message(self.password(), &mut bytes)?;
            }
            (Stage::Login, Message::AuthenticationMd5Password(request)) => {
                let user = self.login.user.as_bytes();
                let hash = md5_hash(user, self.password(), request.salt());
                frontend::password_message(hash.as_bytes(), &mut bytes)?;
            }
            (Stage::Login, Message::AuthenticationSasl(request)) => {
                if !request.mechanisms().any(|mechanism| Ok(mechanism == SCRAM_SHA_256))? {
                    return Err(unsupported());
                }
                let scram = ScramSha256::new(self.password(), ChannelBinding::unsupported());
                frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut bytes)?;
                self.scram = Some(scram);
            }
            (Stage::Login, Message::AuthenticationSaslContinue(request)) => {
                let scram = self.scram.as_mut().ok_or(Failure::Foreign)?;
                scram.update(request.data())?;
                frontend::sasl_response(scram.message(), &mut bytes)?;
            }
            (Stage::Login, Message::AuthenticationSaslFinal(request)) => {
                self.scram.take().ok_or(Failure::Foreign)?.finish(request.data())?;
                return Ok(Answer::Nothing);
            }
            (Stage::Login, Message::AuthenticationOk) => {
                self.stage = Stage::Authenticated;
                return Ok(Answer::Nothing);
            }
            (
                Stage::Login,
                Message::AuthenticationGss
                | Message::AuthenticationKerberosV5
                | Message::AuthenticationScmCredential
                | Message::AuthenticationSspi,
            ) => return Err(unsupported()),
            (Stage::Authenticated, Message::BackendKeyData(_))
            | (Stage::Asked, Message::RowDescription(_) | Message::CommandComplete(_))
            | (Stage::Answered, Message::CommandComplete(_)) => return Ok(Answer::Nothing),
            (Stage::Authenticated, Message::ReadyForQuery(_)) => {
                self.stage = Stage::Asked;
                frontend::query("SELECT 1", &mut bytes)?;
            }
            (Stage::Asked, Message::DataRow(_)) => {
                self.stage = Stage::Answered;
                return Ok(Answer::Nothing);
            }
            (Stage::Answered, Message::ReadyForQuery(_)) => {
                // A client that just hangs up leaves a line in the server's log.
                frontend::terminate(&mut bytes);
                return Ok(Answer::Leave(bytes));
            }
            _ => return Err(Failure::Foreign),
        }
        Ok(Answer::Say(bytes))
    }

    fn password(&self) -> &[u8] {
        self.login.password.expose().as_bytes()
    }
}

fn unsupported() -> Failure {
    let detail = "wants a way to log in other than by password".to_owned();
    Failure::Told(Reason::LoginRefused { detail: Some(detail) })
}

/// Encodes the first message.
fn startup(login: &Login<'_>) -> Result<BytesMut, Reason> {
    let mut bytes = BytesMut::new();
    let parameters = [
        ("user", login.user),
        ("database", login.database),
        ("application_name", "devstack"),
        ("client_encoding", "UTF8"),
    ];
    frontend::startup_message(parameters, &mut bytes)
        .map_err(|_| Reason::InvalidProbe { problem: "user or database contains a zero byte" })?;
    if login.password.expose().contains('\0') {
        return Err(Reason::InvalidProbe { problem: "password contains a zero byte" });
    }
    Ok(bytes)
}

/// Takes the first whole message from the received bytes.
fn decode(received: &mut BytesMut) -> Result<Option<Message>, Foreign> {
    // The library reserves whatever length a message claims, so foreign bytes end here.
    let Some(header) = Header::parse(received).map_err(|_| Foreign)? else {
        return Ok(None);
    };
    match usize::try_from(header.len()) {
        Ok(length) if length <= MESSAGE_LIMIT => Message::parse(received).map_err(|_| Foreign),
        _ => Err(Foreign),
    }
}

/// Reads an error by its SQLSTATE (PostgreSQL documentation, appendix A).
fn complaint(error: &ErrorResponseBody, password: &Secret) -> Reason {
    let mut state = Vec::new();
    let mut message = String::new();
    let mut fields = error.fields();
    while let Ok(Some(field)) = fields.next() {
        match field.type_() {
            b'C' => state = field.value_bytes().to_vec(),
            b'M' => message = quote(field.value_bytes(), Some(password)),
            _ => {}
        }
    }
    match state.as_slice() {
        // cannot_connect_now: only the text, in the server's language, tells why.
        b"57P03" if message.contains("shutting down") => Reason::ShuttingDown,
        b"57P03" if message.contains("recovery") || message.contains("not yet accepting") => {
            Reason::Recovering
        }
        b"57P03" => Reason::StartingUp,
        b"57P01" | b"57P02" => Reason::ShuttingDown,
        b"53300" => Reason::TooManyConnections,
        b"28P01" => Reason::WrongPassword,
        b"3D000" => Reason::DatabaseMissing,
        // The file's name is the same in each of the server's languages.
        b"28000" if message.contains("pg_hba.conf") => Reason::NoEntry { detail: message },
        b"28000" | b"42501" => Reason::LoginRefused { detail: Some(message) },
        _ => Reason::Rejected { message },
    }
}

#[cfg(test)]
mod tests;
