use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::super::script::{Act, serve};
use super::*;

const FOREIGN: Reason = Reason::UnexpectedAnswer { protocol: "PostgreSQL" };

/// A message as the server sends it.
fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag], length.to_be_bytes().as_slice(), body].concat()
}

fn error(state: &str, text: &str) -> Vec<u8> {
    message(b'E', format!("SFATAL\0VFATAL\0C{state}\0M{text}\0Fpostmaster.c\0\0").as_bytes())
}

fn authentication(kind: u32, data: &[u8]) -> Vec<u8> {
    message(b'R', &[kind.to_be_bytes().as_slice(), data].concat())
}

/// From a successful login to the first prompt.
fn welcome() -> Vec<u8> {
    [
        authentication(0, b""),
        message(b'S', b"server_version\x0017.5\0"),
        message(b'K', &[0; 8]),
        message(b'N', b"SNOTICE\0Mhello\0\0"),
        message(b'Z', b"I"),
    ]
    .concat()
}

/// The answer to the query.
fn one() -> Vec<u8> {
    [
        message(b'T', b"\0\x01?column?\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0"),
        message(b'D', b"\0\x01\0\0\0\x011"),
        message(b'C', b"SELECT 1\0"),
        message(b'Z', b"I"),
    ]
    .concat()
}

const STARTUP: &[u8] = b"\0\0\0\x4f\0\x03\0\0user\0app\0database\0shop\0\
    application_name\0devstack\0client_encoding\0UTF8\0\0";
const QUERY: &[u8] = b"Q\0\0\0\x0dSELECT 1\0";
const TERMINATE: &[u8] = b"X\0\0\0\x04";

#[tokio::test]
async fn conversations_end_in_the_right_state() {
    let password = Secret::new("pw");
    let login = Login { user: "app", password: &password, database: "shop" };
    let hear = |bytes: &[u8]| Act::Hear(bytes.to_vec());
    let refusal = |state: &str, text: &str| vec![hear(STARTUP), Act::Say(error(state, text))];
    let after_startup = |bytes: Vec<u8>| vec![hear(STARTUP), Act::Say(bytes)];
    let md5 = format!("p\0\0\0\x28{}\0", md5_hash(b"app", b"pw", *b"salt"));
    let no_entry = "no pg_hba.conf entry for host \"172.18.0.1\"";
    let cases = [
        // Trust, in one read and byte by byte.
        (
            vec![hear(STARTUP), Act::Say(welcome()), hear(QUERY), Act::Say(one()), hear(TERMINATE)],
            Ok(()),
        ),
        (
            vec![
                hear(STARTUP),
                Act::SaySlowly(welcome()),
                hear(QUERY),
                Act::SaySlowly(one()),
                hear(TERMINATE),
            ],
            Ok(()),
        ),
        // Cleartext and MD5.
        (
            vec![
                hear(STARTUP),
                Act::Say(authentication(3, b"")),
                hear(b"p\0\0\0\x07pw\0"),
                Act::Say(welcome()),
                hear(QUERY),
                Act::Say(one()),
                hear(TERMINATE),
            ],
            Ok(()),
        ),
        (
            vec![
                hear(STARTUP),
                Act::Say(authentication(5, b"salt")),
                hear(md5.as_bytes()),
                Act::Say(error("28P01", "password authentication failed for user \"app\"")),
            ],
            Err(Reason::WrongPassword),
        ),
        // A server that is not there yet, or does not let us in.
        (refusal("57P03", "the database system is starting up"), Err(Reason::StartingUp)),
        (refusal("57P03", "das Datenbanksystem startet"), Err(Reason::StartingUp)),
        (
            refusal("57P03", "the database system is not yet accepting connections"),
            Err(Reason::Recovering),
        ),
        (refusal("57P03", "the database system is in recovery mode"), Err(Reason::Recovering)),
        (refusal("57P03", "the database system is shutting down"), Err(Reason::ShuttingDown)),
        (refusal("57P01", "terminating connection"), Err(Reason::ShuttingDown)),
        (refusal("53300", "sorry, too many clients already"), Err(Reason::TooManyConnections)),
        (refusal("28P01", "password authentication failed"), Err(Reason::WrongPassword)),
        (refusal("28000", no_entry), Err(Reason::NoEntry { detail: no_entry.to_owned() })),
        (refusal("XX000", "echo pw"), Err(Reason::Rejected { message: "echo ***".to_owned() })),
        (
            after_startup([authentication(0, b""), error("3D000", "no shop")].concat()),
            Err(Reason::DatabaseMissing),
        ),
        (
            after_startup(authentication(7, b"")),
            Err(Reason::LoginRefused {
                detail: Some("wants a way to log in other than by password".to_owned()),
            }),
        ),
        (
            after_startup(authentication(10, b"SCRAM-SHA-256-PLUS\0\0")),
            Err(Reason::LoginRefused {
                detail: Some("wants a way to log in other than by password".to_owned()),
            }),
        ),
        // An error in place of the row.
        (
            vec![
                hear(STARTUP),
                Act::Say(welcome()),
                hear(QUERY),
                Act::Say(error("57P02", "terminating connection because of crash")),
            ],
            Err(Reason::ShuttingDown),
        ),
        // Prompts that answer no question.
        (after_startup(message(b'Z', b"I")), Err(FOREIGN)),
        (after_startup([welcome(), message(b'Z', b"I")].concat()), Err(FOREIGN)),
        // SCRAM out of order.
        (after_startup(authentication(11, b"r=x")), Err(FOREIGN)),
        (after_startup(authentication(12, b"v=x")), Err(FOREIGN)),
        // Other protocols: the fifth byte of `HTTP/1.1` would be a length of 1.3 GB.
        (after_startup(b"HTTP/1.1 400 Bad Request\r\n".to_vec()), Err(FOREIGN)),
        (after_startup(b"-ERR unknown command\r\n".to_vec()), Err(FOREIGN)),
        (after_startup(b"E\0\0\0\x03".to_vec()), Err(FOREIGN)),
        (after_startup(message(b'?', b"")), Err(FOREIGN)),
        (after_startup(authentication(99, b"")), Err(FOREIGN)),
        // A half reply and none.
        (after_startup(b"R\0\0".to_vec()), Err(Reason::Closed)),
        (after_startup(Vec::new()), Err(Reason::Closed)),
        (vec![], Err(Reason::Closed)),
    ];
    for (index, (acts, expected)) in cases.into_iter().enumerate() {
        let (client, server) = serve(acts);
        assert_eq!(ask(client, &login).await, expected, "case {index}");
        server.await.unwrap();
    }
}

#[tokio::test]
async fn zero_bytes_are_refused_before_anything_is_sent() {
    let (good, bad) = (Secret::new("pw"), Secret::new("p\0w"));
    let cases = [
        (Login { user: "a\0b", password: &good, database: "shop" }, "user or database"),
        (Login { user: "app", password: &good, database: "a\0b" }, "user or database"),
        (Login { user: "app", password: &bad, database: "shop" }, "password"),
    ];
    for (login, what) in cases {
        let (client, server) = serve(vec![]);
        let reason = ask(client, &login).await.unwrap_err();
        assert_eq!(
            reason.to_string(),
            format!("probe cannot be asked: {what} contains a zero byte")
        );
        server.await.unwrap();
    }
}

#[tokio::test]
async fn scram_logs_in_when_the_server_proves_itself() {
    let password = Secret::new("pencil");
    let login = Login { user: "app", password: &password, database: "shop" };
    for (forged, expected) in [(false, Ok(())), (true, Err(FOREIGN))] {
        let (client, mut server) = tokio::io::duplex(4096);
        let serving = tokio::spawn(async move {
            let mut startup = vec![0; STARTUP.len()];
            server.read_exact(&mut startup).await.unwrap();
            let offer = authentication(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
            server.write_all(&offer).await.unwrap();
            let first = read_body(&mut server).await;
            let bare = first.strip_prefix("SCRAM-SHA-256\0\0\0\0\x20n,,").unwrap();
            let nonce = bare.strip_prefix("n=,r=").unwrap();
            let challenge = format!("r={nonce}server,s=c2FsdHNhbHQ=,i=2");
            server.write_all(&authentication(11, challenge.as_bytes())).await.unwrap();
            let last = read_body(&mut server).await;
            let (without_proof, _) = last.rsplit_once(",p=").unwrap();
            let salted = salted_password(b"pencil", b"saltsalt");
            let server_key = hmac(&salted, b"Server Key");
            let signed = format!("{bare},{challenge},{without_proof}");
            let mut signature = hmac(&server_key, signed.as_bytes());
            signature[0] ^= u8::from(forged);
            let verdict = format!("v={}", base64(&signature));
            server.write_all(&authentication(12, verdict.as_bytes())).await.unwrap();
            if !forged {
                server.write_all(&welcome()).await.unwrap();
                assert_eq!(read_body(&mut server).await, "SELECT 1\0");
                server.write_all(&one()).await.unwrap();
            }
        });
        assert_eq!(ask(client, &login).await, expected);
        serving.await.unwrap();
    }
}

/// Reads one message of the client without its header.
async fn read_body(server: &mut DuplexStream) -> String {
    server.read_u8().await.unwrap();
    let length = server.read_u32().await.unwrap() as usize - 4;
    let mut body = vec![0; length];
    server.read_exact(&mut body).await.unwrap();
    String::from_utf8(body).unwrap()
}

/// RFC 2104.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let pad = |with: u8| -> Vec<u8> {
        (0..64).map(|index| key.get(index).copied().unwrap_or(0) ^ with).collect()
    };
    let inner = Sha256::digest([pad(0x36).as_slice(), text].concat());
    Sha256::digest([pad(0x5c).as_slice(), inner.as_slice()].concat()).to_vec()
}

/// RFC 5802, `Hi` with two iterations.
fn salted_password(password: &[u8], salt: &[u8]) -> Vec<u8> {
    let first = hmac(password, &[salt, &[0, 0, 0, 1]].concat());
    let second = hmac(password, &first);
    first.iter().zip(second).map(|(one, other)| one ^ other).collect()
}

/// RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for index in 0..4 {
            let digit = ALPHABET[(group >> (18 - 6 * index) & 63) as usize];
            text.push(if index <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}
