//! What an enrich operator asks for, checked before anything of it is believed, and what it is answered.
//!
//! A module is hostile: it may name any place, any header, and any number of both. Invariant: a [`Request`] names an endpoint that the job
//! allows, stays below its URL, sets no header that is the host's or the job's, and is not asked for twice in a call.

use std::{collections::HashMap, fmt};

use pelton_core::{
    enrich::{HEADER_BYTES_MAX, HEADERS_MAX, header_fault, method_fault, path_fault},
    limits::{LimitName, Limits, show_bytes},
};

use crate::{
    bindings::exports::pelton::operator::enrich as wit,
    error::{CallError, GuestBacktrace, Law, shown},
    lift,
};

/// What a row waits for that waits for nothing.
pub const NO_REQUEST: u32 = u32::MAX;
pub(crate) const ASK: &str = "ask";

/// An endpoint as far as requests are held against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    pub name: String,
    /// Headers that the job file sets, in lower case: no module may.
    pub headers: Vec<String>,
}

/// The endpoints that requests are held against.
#[derive(Debug, Clone, Copy)]
pub enum Whom<'a> {
    /// These, by their places in the list.
    Only(&'a [Allowed]),
    /// Any: nothing is sent, as where laws are tried. All are the first.
    Anybody,
}

/// A request that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Index into the endpoints that the operator may ask.
    pub endpoint: usize,
    pub name: String,
    pub method: String,
    /// To be appended to the endpoint's URL.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// The same for the same request, and for no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey(pub [u8; 16]);

/// What is asked, without headers and body.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of `{}`", self.method, self.path, self.name)
    }
}

impl Request {
    pub fn key(&self) -> RequestKey {
        let mut hasher = blake3::Hasher::new();
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        [&self.name, &self.method, &self.path].into_iter().for_each(|text| part(text.as_bytes()));
        part(&(self.headers.len() as u64).to_le_bytes());
        for (name, value) in &self.headers {
            part(name.as_bytes());
            part(value.as_bytes());
        }
        part(&self.body);
        let mut key = [0; 16];
        hasher.finalize_xof().fill(&mut key);
        RequestKey(key)
    }
}

/// What one call asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// All different.
    pub requests: Vec<Request>,
    /// For each row the request that it waits for, or [`NO_REQUEST`].
    pub wanted: Vec<u32>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Reply {
    /// 0 where no answer came.
    pub status: u16,
    /// In the order in which they came, names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Why no answer came.
    pub error: Option<String>,
}

impl Reply {
    pub fn none(why: impl Into<String>) -> Self {
        Self { error: Some(why.into()), ..Self::default() }
    }

    pub fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        headers + self.body.len() + self.error.as_ref().map_or(0, String::len)
    }
}

/// Checks what a call of `rows` rows asks for.
pub(crate) fn checked(asked: wit::Requests, rows: usize, whom: Whom<'_>, limits: &Limits) -> Result<Asked, CallError> {
    let limit = |name, limit: String| CallError::Limit { call: ASK, name, limit, backtrace: GuestBacktrace::default() };
    let invalid = |law| CallError::Invalid { call: ASK, law };
    if asked.requests.len() > limits.requests as usize {
        return Err(limit(LimitName::Requests, limits.requests.to_string()));
    }
    let bytes: u64 = asked.requests.iter().map(bytes_of).sum();
    if bytes > limits.request_bytes {
        return Err(limit(LimitName::RequestBytes, show_bytes(limits.request_bytes)));
    }
    let wanted = lift::exactly::<u32>(rows, asked.wanted, || "`wanted`".into()).map_err(invalid)?.to_vec();
    let count = asked.requests.len();
    let beyond = |(_, wanted): &(usize, &u32)| **wanted != NO_REQUEST && **wanted as usize >= count;
    if let Some((row, wanted)) = wanted.iter().enumerate().find(beyond) {
        return Err(invalid(Law::Wanted { row, wanted: *wanted, requests: count }));
    }
    let mut seen = HashMap::with_capacity(count);
    let mut requests = Vec::with_capacity(count);
    for (at, request) in asked.requests.into_iter().enumerate() {
        let request = one(request, whom).map_err(|fault| invalid(Law::Request { at, fault }))?;
        if let Some(first) = seen.insert(request.key(), at) {
            return Err(invalid(Law::RequestTwice { first, again: at }));
        }
        requests.push(request);
    }
    Ok(Asked { requests, wanted })
}

fn bytes_of(request: &wit::Request) -> u64 {
    let headers: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let texts = request.endpoint.len() + request.method.len() + request.path.len();
    (texts + headers + request.body.len()) as u64
}

/// Why a request is refused, or the request.
fn one(request: wit::Request, whom: Whom<'_>) -> Result<Request, String> {
    let wit::Request { endpoint: name, method, path, headers, body } = request;
    let (endpoint, own) = match whom {
        Whom::Anybody => (0, [].as_slice()),
        Whom::Only(allowed) => {
            let found = allowed.iter().enumerate().find(|(_, allowed)| allowed.name == name);
            let (endpoint, own) = found.ok_or_else(|| {
                let names: Vec<String> = allowed.iter().map(|allowed| format!("`{}`", allowed.name)).collect();
                let (name, names) = (shown(&name), names.join(", "));
                format!("the operator may not ask the endpoint `{name}`; it may ask {names}: its `endpoints` in the job file say so")
            })?;
            (endpoint, own.headers.as_slice())
        }
    };
    if let Some(fault) = method_fault(&method, !body.is_empty()) {
        return Err(format!("its method `{}` {fault}", shown(&method)));
    }
    if let Some(fault) = path_fault(&path) {
        return Err(format!("its path `{}` {fault}", shown(&path)));
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if headers.len() > HEADERS_MAX || bytes > HEADER_BYTES_MAX {
        return Err(format!("it has more than {HEADERS_MAX} headers, or more than 8 KiB of them"));
    }
    let mut checked: Vec<(String, String)> = Vec::with_capacity(headers.len());
    for (header, value) in headers {
        if let Some(fault) = header_fault(&header, &value) {
            return Err(format!("header `{}` {fault}", shown(&header)));
        }
        let header = header.to_ascii_lowercase();
        if own.contains(&header) {
            return Err(format!("header `{header}` is set by the job file"));
        }
        checked.push((header, value));
    }
    Ok(Request { endpoint, name, method, path, headers: checked, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> wit::Request {
        wit::Request {
            endpoint: "rates".into(),
            method: "GET".into(),
            path: "/eur".into(),
            headers: vec![("Accept".into(), "text/plain".into())],
            body: Vec::new(),
        }
    }

    fn check(requests: Vec<wit::Request>, wanted: &[u32]) -> Result<Asked, CallError> {
        let allowed = [Allowed { name: "rates".into(), headers: vec!["authorization".into()] }];
        let bytes = wanted.iter().flat_map(|wanted| wanted.to_le_bytes()).collect();
        let limits = Limits { requests: 3, request_bytes: 1 << 10, ..Limits::default() };
        checked(wit::Requests { requests, wanted: bytes }, 2, Whom::Only(&allowed), &limits)
    }

    fn why(requests: Vec<wit::Request>, wanted: &[u32]) -> String {
        check(requests, wanted).unwrap_err().to_string()
    }

    #[test]
    fn what_is_asked_is_taken_as_it_is() {
        let asked =
            check(vec![request(), wit::Request { path: "/usd".into(), ..request() }], &[1, NO_REQUEST]).unwrap();
        assert_eq!(asked.wanted, [1, NO_REQUEST]);
        assert_eq!(asked.requests[0].headers, [("accept".to_owned(), "text/plain".to_owned())]);
        assert_ne!(asked.requests[0].key(), asked.requests[1].key());
    }

    #[test]
    fn what_breaks_a_law_is_refused_and_named() {
        let with = |change: fn(&mut wit::Request)| {
            let mut request = request();
            change(&mut request);
            why(vec![request], &[0, 0])
        };
        assert!(
            with(|request| request.endpoint = "geo".into())
                .contains("may not ask the endpoint `geo`; it may ask `rates`")
        );
        assert!(with(|request| request.endpoint = "\u{1b}[2J".into()).contains("\\u{1b}"));
        assert!(with(|request| request.method = "DELETE".into()).contains("its method `DELETE` is none of"));
        assert!(with(|request| request.body = vec![1]).contains("has no body"));
        assert!(with(|request| request.path = "/../admin".into()).contains("its path `/../admin` has a segment"));
        assert!(with(|request| request.path = "//evil.example/".into()).contains("names a host"));
        assert!(with(|request| request.headers = vec![("Host".into(), "evil".into())]).contains("set by Pelton alone"));
        assert!(
            with(|request| request.headers = vec![("Authorization".into(), "x".into())])
                .contains("set by the job file")
        );
        assert!(with(|request| request.headers = vec![("x".into(), "1".into()); 33]).contains("more than 32 headers"));
        assert!(why(vec![request()], &[0, 1]).contains("row 1 waits for request 1, but there are 1"));
        assert!(why(vec![request()], &[0]).contains("`wanted` has 4 bytes, but 2 rows need 8"));
        assert!(why(vec![request(), request()], &[0, 1]).contains("request 1 is request 0 once more"));
        let other = wit::Request { headers: vec![("accept".into(), "text/plain".into())], ..request() };
        assert!(why(vec![request(), other], &[0, 1]).contains("once more"), "names of headers have no case");
    }

    #[test]
    fn limits_are_named() {
        let many = (0..4).map(|at| wit::Request { path: format!("/{at}"), ..request() }).collect();
        assert!(why(many, &[0, 1]).contains("hit its limit `requests` = 3 in `ask`"));
        let long = wit::Request { method: "POST".into(), body: vec![0; 2 << 10], ..request() };
        assert!(why(vec![long], &[0, 0]).contains("hit its limit `request-bytes` = 1KiB in `ask`"));
    }
}
