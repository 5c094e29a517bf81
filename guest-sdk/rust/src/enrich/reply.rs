//! What was answered, as the author's function sees it.

use std::cell::{Cell, RefCell};

use crate::{bindings::enrich as wit, context::Context};

/// The reply to a request, or why there is none.
///
/// Statuses such as 404 and 500 are replies; a refused connection, a timeout, or a body over the endpoint's `max-reply` is [`Reply::error`].
/// By then the engine has sent the request as often as the endpoint's `retries` allow, if it got no answer or 429, 502, 503 or 504.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    error: Option<String>,
    again: Again,
}

/// Whether the batch is to be asked again; it is no part of what a reply is.
#[derive(Debug, Clone, Default)]
struct Again(RefCell<Option<String>>);

impl PartialEq for Again {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Again {}

impl Reply {
    /// A reply for tests: `Reply::new(200, "1.08")`.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }

    /// No answer, for tests: why there is none.
    pub fn none(error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..Self::default() }
    }

    /// With a header, for tests.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// 0 if there is no answer.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Why no answer came; none if one did.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// A status from 200 to 299.
    pub fn is_ok(&self) -> bool {
        self.error.is_none() && (200..300).contains(&self.status)
    }

    /// The first header of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body of a reply that is ok, as text. The error says what came instead.
    pub fn text(&self) -> Result<&str, String> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        if !self.is_ok() {
            return Err(format!("status {}", self.status));
        }
        std::str::from_utf8(&self.body).map_err(|_| "the reply is not UTF-8".to_owned())
    }

    /// Has the whole batch asked again, after a while: replies that are errors, or all if there are none such. If that was done as often as the
    /// endpoint allows, the job fails. Answers `why`, so that it can be the row's error: `return Err(reply.again("not ready yet"))`.
    pub fn again(&self, why: impl Into<String>) -> String {
        let why = why.into();
        self.again.0.replace(Some(why.clone()));
        why
    }

    pub(super) fn from_wit(reply: wit::Reply) -> Self {
        let wit::Reply { status, headers, body, error } = reply;
        Self { status, headers, body, error, again: Again::default() }
    }

    /// As it comes from the host, for tests.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn into_wit(self) -> wit::Reply {
        let Self { status, headers, body, error, .. } = self;
        wit::Reply { status, headers, body, error }
    }
}

/// All replies of a call, and which row waits for which.
#[derive(Debug)]
pub struct Replies {
    replies: Vec<Reply>,
    /// For each row that the function sees.
    wanted: Vec<Option<usize>>,
    /// A row waits for a reply that is not there.
    is_missing: Cell<bool>,
}

impl Replies {
    pub(super) fn new(replies: Vec<wit::Reply>, wanted: Vec<Option<usize>>) -> Self {
        let replies = replies.into_iter().map(Reply::from_wit).collect();
        Self { replies, wanted, is_missing: Cell::new(false) }
    }

    /// That of the row which the context is at.
    pub fn of_row(&self, context: &Context) -> Option<&Reply> {
        let wanted = self.wanted.get(context.position()).copied().flatten()?;
        let reply = self.replies.get(wanted);
        self.is_missing.set(self.is_missing.get() | reply.is_none());
        reply
    }

    /// Why the batch is to be asked again, if it is.
    pub(super) fn again(&self) -> Option<String> {
        self.replies.iter().find_map(|reply| reply.again.0.borrow().clone())
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.is_missing.get() {
            Err("the engine has no reply for a row that waits for one".to_owned())
        } else {
            Ok(())
        }
    }
}
