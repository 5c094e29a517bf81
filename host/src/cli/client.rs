//! The engine's client: what commands ask it by HTTP, and what they show when it says no.
//!
//! Called by every command that asks an engine. What comes back is JSON or bytes; an error becomes a [`ClientError`] that looks as if it had
//! happened here.

use std::{fmt, fs, path::Path, time::Duration};

use serde_json::Value;
use ureq::{
    Agent,
    http::{Method, Request, Response, header},
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
};

use super::{Context, Exit};
use crate::error::{Code, Coded};

/// Bytes of an answer, at most: a module.
const ANSWER_MAX: u64 = 512 << 20;
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// A module may take long to compile, and a job to commit.
const PATIENCE: Duration = Duration::from_secs(600);
/// A longer body is sent when the engine asks for it: one that refuses it answers, and closes the connection before it has all.
const UNASKED_BYTES_MAX: usize = 16 << 10;
/// How long the engine has for that; then the body goes all the same.
const ASK_PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Client {
    /// Or why the authorities that it should trust cannot be read.
    agent: Result<Agent, String>,
    url: String,
    token: Option<String>,
}

/// Why the engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("no engine answers at {url}")]
    Unreachable { url: String, source: ureq::Error },
    #[error("failed to read the authorities of the engine's certificate: {0}")]
    Authorities(String),
    #[error("what answers at {url} is not an engine of Pelton (status {status})")]
    Stranger { url: String, status: u16 },
    /// The engine's own words.
    #[error("{message}")]
    Refused {
        code: Code,
        message: String,
        help: Option<String>,
        source: Option<Cause>,
        /// Mistakes of a job, with their places.
        errors: Box<Value>,
    },
}

/// One of the causes that the engine gave, with those behind it.
#[derive(Debug)]
pub(super) struct Cause {
    message: String,
    next: Option<Box<Cause>>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.next.as_deref().map(|next| next as _)
    }
}

impl Coded for ClientError {
    fn code(&self) -> Code {
        match self {
            Self::Unreachable { .. } | Self::Authorities(_) | Self::Stranger { .. } => Code::EngineUnreachable,
            Self::Refused { code, .. } => *code,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Unreachable { url, .. } if url.starts_with("https:") => Some(
                "the engine must speak TLS (`pelton serve --tls-cert`), with a certificate for the name in the URL, of an \
                 authority that browsers know or `--engine-ca FILE`, PELTON_ENGINE_CA or pelton.toml names"
                    .into(),
            ),
            Self::Authorities(_) => {
                Some("`engine-ca` names a file of certificates in PEM: of the authority, or the engine's own".into())
            }
            Self::Unreachable { .. } => {
                Some("start one with `pelton serve`, or name another: `--engine URL`, PELTON_ENGINE".into())
            }
            Self::Stranger { .. } => Some("name the engine: `--engine URL`, PELTON_ENGINE or pelton.toml".into()),
            Self::Refused { code: Code::Unauthorised, .. } => Some(
                "give the engine's token in PELTON_TOKEN or pelton.toml; on its machine `pelton token create` makes one"
                    .into(),
            ),
            Self::Refused { help, .. } => help.clone(),
        }
    }
}

impl ClientError {
    /// How a command ends that met it.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { .. } | Self::Stranger { .. } => Exit::Failed,
            Self::Authorities(_) => Exit::Usage,
            Self::Refused { code: Code::BadRequest, .. } => Exit::Usage,
            Self::Refused { code: Code::DataUnusable | Code::RunFailed, .. } => Exit::Failed,
            Self::Refused { .. } => Exit::Refused,
        }
    }
}

impl Client {
    pub(super) fn new(context: &Context) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // An engine is never behind the proxy for the world outside.
            .proxy(None)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT_PATIENCE))
            .timeout_await_100(Some(ASK_PATIENCE))
            .timeout_global(Some(PATIENCE));
        let agent = match context.config.engine_ca.value.as_deref() {
            None => Ok(config.build().new_agent()),
            Some(file) => authorities(file).map(|authorities| {
                let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&authorities)).build();
                config.tls_config(tls).build().new_agent()
            }),
        };
        Self {
            agent,
            url: context.config.engine.value.trim_end_matches('/').to_owned(),
            token: context.config.token.value.clone(),
        }
    }

    pub(super) fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.json(Method::GET, path, "", Vec::new())
    }

    pub(super) fn delete(&self, path: &str) -> Result<Value, ClientError> {
        self.json(Method::DELETE, path, "", Vec::new())
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.json(Method::POST, path, "application/json", body.to_string().into_bytes())
    }

    pub(super) fn post_bytes(&self, path: &str, bytes: Vec<u8>) -> Result<Value, ClientError> {
        self.json(Method::POST, path, "application/wasm", bytes)
    }

    /// An answer that is a file.
    pub(super) fn post_for_bytes(&self, path: &str, body: &Value) -> Result<Vec<u8>, ClientError> {
        Ok(self.send(Method::POST, path, "application/json", body.to_string().into_bytes())?.1)
    }

    fn json(&self, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Result<Value, ClientError> {
        let (status, bytes) = self.send(method, path, kind, body)?;
        serde_json::from_slice(&bytes).map_err(|_| ClientError::Stranger { url: self.url.clone(), status })
    }

    pub(super) fn bytes(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        Ok(self.send(Method::GET, path, "", Vec::new())?.1)
    }

    fn send(&self, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Result<(u16, Vec<u8>), ClientError> {
        let agent = self.agent.as_ref().map_err(|why| ClientError::Authorities(why.clone()))?;
        let unreachable = |source| ClientError::Unreachable { url: self.url.clone(), source };
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let answered = if kind.is_empty() {
            request.body(()).map_err(ureq::Error::from).and_then(|request| agent.run(request))
        } else {
            if body.len() > UNASKED_BYTES_MAX {
                request = request.header(header::EXPECT, "100-continue");
            }
            let request = request.header(header::CONTENT_TYPE, kind).body(body);
            request.map_err(ureq::Error::from).and_then(|request| agent.run(request))
        };
        let mut answer: Response<ureq::Body> = answered.map_err(unreachable)?;
        let status = answer.status();
        let bytes = answer.body_mut().with_config().limit(ANSWER_MAX).read_to_vec().map_err(unreachable)?;
        if status.is_success() {
            return Ok((status.as_u16(), bytes));
        }
        let stranger = || ClientError::Stranger { url: self.url.clone(), status: status.as_u16() };
        Err(refused(&bytes).unwrap_or_else(stranger))
    }
}

/// The certificates of a file; there is at least one.
fn authorities(file: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let certificates: Vec<_> = parse_pem(&bytes)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
            Ok(_) => None,
            Err(error) => Some(Err(format!("{}: {error}", file.display()))),
        })
        .collect::<Result<_, _>>()?;
    if certificates.is_empty() {
        return Err(format!("{} has no certificate", file.display()));
    }
    Ok(certificates)
}

/// The engine's error; none: this is not one.
fn refused(bytes: &[u8]) -> Option<ClientError> {
    let mut body: Value = serde_json::from_slice(bytes).ok()?;
    let text = |key: &str| Some(body.get(key)?.as_str()?.to_owned());
    let (code, message, help) = (Code::parse(&text("code")?)?, text("message")?, text("help"));
    let causes = body.get("causes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let source = causes.rev().fold(None, |next: Option<Cause>, message| {
        Some(Cause { message: message.to_owned(), next: next.map(Box::new) })
    });
    let errors = Box::new(body.get_mut("errors").map(Value::take).unwrap_or_default());
    Some(ClientError::Refused { code, message, help, source, errors })
}

/// A name as a part of a path.
pub(super) fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'@' => {
                escaped.push(char::from(byte))
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

impl Context {
    /// Shows what the engine answered: as it is, or as `text` puts it.
    pub(super) fn answer(&self, answer: Result<Value, ClientError>, text: impl FnOnce(&Value) -> String) -> Exit {
        match answer {
            Ok(answer) => {
                self.terminal.line(&if self.is_json() { answer.to_string() } else { text(&answer) });
                Exit::Done
            }
            Err(error) => {
                self.error(&error);
                error.exit()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_engine_come_back_with_their_causes() {
        let body =
            br#"{"code":"PELTON-0303","message":"the module cannot be used","help":"mend it","causes":["a","b"]}"#;
        let error = refused(body).expect("an error");
        assert_eq!((error.code(), error.help().as_deref()), (Code::WrongWorld, Some("mend it")));
        assert_eq!(crate::error::causes(&error), ["a", "b"]);
        for strange in [&b"<html>"[..], b"{}", br#"{"code":"PELTON-9999","message":"x"}"#, b"[]"] {
            assert!(refused(strange).is_none());
        }
    }

    #[test]
    fn names_are_escaped_in_paths() {
        assert_eq!(escaped("to-euro@1.2.0"), "to-euro@1.2.0");
        assert_eq!(escaped("../a b?c#ä"), "..%2Fa%20b%3Fc%23%C3%A4");
    }
}
