//! Replies of a golden case: `replies.jsonl` says which request is told what, in the place of all endpoints.
//!
//! ```text
//! {"request":{"endpoint":"rates","path":"/latest/USD"},"reply":{"body":"0.92"}}
//! {"request":{"endpoint":"rates","path":"/latest/XAU"},"reply":{"status":404}}
//! {"request":{"endpoint":"rates","method":"POST","path":"/ask","body":"what?"},"reply":{"error":"no reply within 10s"}}
//! ```
//!
//! A request is told the same as often as it is sent; if several lines have it, each sending within a call takes the next of them, and those
//! after the last one take that. Nothing is sent. Requests that no line has, and lines that no request was told, are faults of the case.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use pelton_wasm::{Reply, Request};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::operator::enrich::stand_in::StandIn;

/// The name of the file.
pub const REPLIES: &str = "replies.jsonl";
const UNTOLD: &str = "the case has no reply to this request";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    request: Asked,
    #[serde(default)]
    reply: Told,
}

/// Which requests a line is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    endpoint: String,
    #[serde(default = "get", skip_serializing_if = "is_get")]
    method: String,
    #[serde(default)]
    path: String,
    /// Those that are named must be there; there may be others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    body: Value,
}

/// What they are told.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    body: Value,
    /// Why no answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

fn is_get(method: &str) -> bool {
    method == "GET"
}

/// A text as it is, and anything else as JSON.
fn bytes(body: &Value) -> Vec<u8> {
    match body {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        json => json.to_string().into_bytes(),
    }
}

impl Asked {
    fn is(&self, request: &Request) -> bool {
        let has = |(name, value): (&String, &String)| {
            request.headers.iter().any(|(other, given)| other.eq_ignore_ascii_case(name) && given == value)
        };
        self.endpoint == request.name
            && self.method == request.method
            && self.path == request.path
            && bytes(&self.body) == request.body
            && self.headers.iter().all(has)
    }
}

impl Told {
    fn reply(&self) -> Reply {
        if let Some(error) = &self.error {
            return Reply::none(error.as_str());
        }
        let headers = self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        Reply { status: self.status.unwrap_or(200), headers, body: bytes(&self.body), error: None }
    }

    /// What is wrong with it.
    fn fault(&self) -> Option<&'static str> {
        let is_answered = self.status.is_some() || !self.headers.is_empty() || !self.body.is_null();
        if self.error.is_some() && is_answered {
            return Some("a reply has an `error`, or a `status`, `headers` and `body`");
        }
        let is_status = self.status.is_none_or(|status| (100..1000).contains(&status));
        (!is_status).then_some("a `status` has three digits")
    }
}

/// The line that tells a request this. Bodies that are no text are shown as near to one as can be.
pub(super) fn line(request: &Request, reply: &Reply) -> String {
    let text = |body: &[u8]| match body {
        [] => Value::Null,
        body => Value::String(String::from_utf8_lossy(body).into_owned()),
    };
    let pairs = |headers: &[(String, String)]| headers.iter().cloned().collect();
    let reply = Told {
        status: reply.error.is_none().then_some(reply.status),
        headers: pairs(&reply.headers),
        body: text(&reply.body),
        error: reply.error.clone(),
    };
    let request = Asked {
        endpoint: request.name.clone(),
        method: request.method.clone(),
        path: request.path.clone(),
        headers: pairs(&request.headers),
        body: text(&request.body),
    };
    serde_json::to_string(&Line { request, reply }).unwrap_or_default()
}

/// The replies of a case, and which of them were told.
#[derive(Debug, Default)]
pub(super) struct Canned {
    /// With their numbers in the file, from 1 on.
    lines: Vec<(usize, Line)>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Places in `lines`.
    told: BTreeSet<usize>,
    /// Lines for requests that have none.
    untold: BTreeSet<String>,
}

/// How the replies of a case and the requests of its module do not fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Misfit {
    /// Requests without a reply, each as a line that would be one.
    pub untold: Vec<String>,
    /// Lines that nobody asked for, as in `line 3: GET /latest/XAU of `rates``.
    pub unasked: Vec<String>,
}

impl Canned {
    /// The error says which line is none, and why.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(|(at, line)| {
            let wrong = |why: String| format!("line {} of {REPLIES} is no reply: {why}", at + 1);
            let line: Line = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
            line.reply.fault().map_or(Ok(()), |fault| Err(wrong(fault.to_owned())))?;
            Ok((at + 1, line))
        });
        Ok(Self { lines: lines.collect::<Result<_, String>>()?, seen: Mutex::default() })
    }

    /// The endpoints that it knows, each once.
    pub(super) fn endpoints(&self) -> BTreeSet<String> {
        self.lines.iter().map(|(_, line)| line.request.endpoint.clone()).collect()
    }

    /// None: everything was told and asked.
    pub(super) fn misfit(&self) -> Option<Misfit> {
        let seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let unasked =
            self.lines.iter().enumerate().filter(|(at, _)| !seen.told.contains(at)).map(|(_, (number, line))| {
                let Asked { endpoint, method, path, .. } = &line.request;
                format!("line {number}: {method} {path} of `{endpoint}`")
            });
        let misfit = Misfit { untold: seen.untold.iter().cloned().collect(), unasked: unasked.collect() };
        (misfit != Misfit::default()).then_some(misfit)
    }
}

impl StandIn for Canned {
    fn reply(&self, request: &Request, sent: u32) -> Reply {
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut lines = self.lines.iter().enumerate().filter(|(_, (_, line))| line.request.is(request));
        let found = match lines.clone().nth(sent as usize) {
            Some(found) => Some(found),
            None => lines.next_back(),
        };
        match found {
            Some((at, (_, line))) => {
                seen.told.insert(at);
                line.reply.reply()
            }
            None => {
                seen.untold.insert(self::line(request, &Reply { status: 200, ..Reply::default() }));
                Reply::none(UNTOLD)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, body: &str) -> Request {
        let method = if body.is_empty() { "GET" } else { "POST" };
        Request {
            endpoint: 0,
            name: "rates".into(),
            method: method.into(),
            path: path.into(),
            headers: vec![("accept".into(), "text/plain".into())],
            body: body.into(),
        }
    }

    const LINES: &str = r#"
{"request":{"endpoint":"rates","path":"/usd"},"reply":{"status":503}}
{"request":{"endpoint":"rates","path":"/usd","headers":{"Accept":"text/plain"}},"reply":{"body":"0.5","headers":{"X-Left":"1"}}}
{"request":{"endpoint":"rates","method":"POST","path":"/q","body":{"a":1}},"reply":{"body":[1]}}
{"request":{"endpoint":"rates","path":"/gone"},"reply":{"error":"refused"}}
{"request":{"endpoint":"rates","path":"/usd","headers":{"accept":"text/html"}}}
"#;

    #[test]
    fn requests_are_told_what_their_line_says() {
        let canned = Canned::read(LINES).unwrap();
        assert_eq!(canned.reply(&request("/usd", ""), 0).status, 503);
        for sent in [1, 2, 9] {
            let reply = canned.reply(&request("/usd", ""), sent);
            assert_eq!((reply.status, reply.body.as_slice()), (200, b"0.5".as_slice()), "the last one holds");
            assert_eq!(reply.headers, [("x-left".to_owned(), "1".to_owned())]);
        }
        assert_eq!(canned.reply(&request("/q", "{\"a\":1}"), 0).body, b"[1]");
        assert_eq!(canned.reply(&request("/q", "{}"), 0).error.as_deref(), Some(UNTOLD));
        let misfit = canned.misfit().unwrap();
        assert_eq!(misfit.unasked, ["line 5: GET /gone of `rates`", "line 6: GET /usd of `rates`"]);
        let line = r#"{"request":{"endpoint":"rates","method":"POST","path":"/q","headers":{"accept":"text/plain"},"body":"{}"},"reply":{"status":200}}"#;
        assert_eq!(misfit.untold, [line]);
        // Put where it is missed, it is the reply.
        let canned = Canned::read(line).unwrap();
        assert_eq!(canned.reply(&request("/q", "{}"), 0).status, 200);
        assert_eq!(canned.misfit(), None);
    }

    #[test]
    fn what_is_no_reply_is_named_with_its_line() {
        for (line, why) in [
            ("{}", "missing field `request`"),
            ("nothing", "expected"),
            (r#"{"request":{"endpoint":"a"},"reply":{"statu":1}}"#, "unknown field `statu`"),
            (r#"{"request":{"endpoint":"a"},"reply":{"status":1}}"#, "three digits"),
            (r#"{"request":{"endpoint":"a"},"reply":{"status":200,"error":"x"}}"#, "has an `error`, or"),
        ] {
            let error = Canned::read(&format!("\n{line}\n")).unwrap_err();
            assert!(error.starts_with("line 2 of replies.jsonl is no reply: ") && error.contains(why), "{error}");
        }
    }
}
