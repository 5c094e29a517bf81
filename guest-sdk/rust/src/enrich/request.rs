//! What is asked: a method, a place below an endpoint of the job file, headers and a body.

use std::fmt::Write;

use super::reply::Reply;
use crate::bindings::enrich as wit;

/// A request to an endpoint, by the name that the job file gives it. The engine sends it: it adds the endpoint's URL and its secrets.
///
/// ```
/// use pelton_guest::prelude::*;
///
/// let request = Request::get("rates", "/latest").query("base", "é€").header("accept", "text/plain");
/// assert_eq!(request.path(), "/latest?base=%C3%A9%E2%82%AC");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Request {
    endpoint: String,
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// Asks for what is at `path`, which is appended to the endpoint's URL. Parts of it that come from rows are to be [`encode`]d.
    pub fn get(endpoint: impl Into<String>, path: impl Into<String>) -> Self {
        let (endpoint, path) = (endpoint.into(), path.into());
        Self { endpoint, method: "GET", path, headers: Vec::new(), body: Vec::new() }
    }

    /// Asks by `body`, at `path`. It may be sent more than once: it should ask, and change nothing.
    pub fn post(endpoint: impl Into<String>, path: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { method: "POST", body: body.into(), ..Self::get(endpoint, path) }
    }

    /// Adds `name=value` to the query, encoded.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        let sign = if self.path.contains('?') { '&' } else { '?' };
        // Text takes whatever is written.
        let _ = write!(self.path, "{sign}{}={}", encode(name), encode(value));
        self
    }

    /// Adds a header. Those that the job file sets, and those that say how the request is sent, are not a module's to set.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub fn method(&self) -> &str {
        self.method
    }

    /// With the query.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    pub fn body(&self) -> &[u8] {
        &self.body
    }

    pub(super) fn into_wit(self) -> wit::Request {
        let Self { endpoint, method, path, headers, body } = self;
        wit::Request { endpoint, method: method.to_owned(), path, headers, body }
    }
}

/// Text as it may stand within a segment of a path, or in a query: all but letters, digits, `-`, `_`, `.` and `~` becomes `%41`. The engine
/// refuses a segment that is `.` or `..`, however it is written: a row that may have one is for `None`.
///
/// ```
/// use pelton_guest::prelude::*;
///
/// assert_eq!(format!("/users/{}", encode("a/b c")), "/users/a%2Fb%20c");
/// ```
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// What `ask` may return: a [`Request`], or an `Option` of one for rows that need nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that can be asked",
    label = "not a request",
    note = "`ask` returns a `Request`, or an `Option<Request>`; `answer` then takes `reply: &Reply` or `reply: Option<&Reply>`"
)]
pub trait Question {
    /// What `answer` takes.
    type Reply<'a>;

    fn into_request(self) -> Option<Request>;

    /// `reply` is there if something was asked.
    fn reply(reply: Option<&Reply>) -> Result<Self::Reply<'_>, String>;
}

impl Question for Request {
    type Reply<'a> = &'a Reply;

    fn into_request(self) -> Option<Request> {
        Some(self)
    }

    fn reply(reply: Option<&Reply>) -> Result<&Reply, String> {
        reply.ok_or_else(|| "the engine has no reply for a row that waits for one".to_owned())
    }
}

impl Question for Option<Request> {
    type Reply<'a> = Option<&'a Reply>;

    fn into_request(self) -> Self {
        self
    }

    fn reply(reply: Option<&Reply>) -> Result<Option<&Reply>, String> {
        Ok(reply)
    }
}
