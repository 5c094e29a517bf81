//! Sends requests and waits for their replies, as many at once as each endpoint allows.
//!
//! The compute thread that asked waits; one thread of the job drives what is under way. A request that got no answer, or one that says that it
//! may pass (429, 502, 503, 504), is sent again after a while, up to the endpoint's `retries`. Invariant: nothing of a request, its headers or its
//! URL is in the error that a module is told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crossbeam_channel::{RecvTimeoutError, unbounded};
use pelton_core::{
    enrich::joined,
    limits::{LimitName, show_bytes},
};
use pelton_wasm::{CallError, GuestBacktrace, Reply, Request};
use reqwest::{
    Method, Url,
    header::{HeaderName, HeaderValue},
};

use super::{
    endpoint::{Endpoint, Endpoints},
    stand_in,
};

/// How long a wait lasts before it is looked whether anybody still wants the reply.
const PATIENCE: Duration = Duration::from_millis(20);
const DELAY_MAX: Duration = Duration::from_secs(30);
/// Bytes of the headers of a reply that a module is shown.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// A request on its way.
pub(super) struct Sending {
    /// Among all endpoints of the job.
    pub(super) endpoint: usize,
    pub(super) request: Request,
    /// How often it may be sent.
    pub(super) sends: u32,
    /// How often it was sent in this call before.
    pub(super) before: u32,
}

/// What came of it.
pub(super) struct Fetched {
    pub(super) reply: Arc<Reply>,
    /// How often it was sent.
    pub(super) sent: u32,
}

/// All of the requests, in their order. `bytes_max` bounds the bytes of all replies; `cancelled` says that nobody wants them any more.
pub(super) fn fetch(
    endpoints: &Endpoints,
    sending: Vec<Sending>,
    bytes_max: u64,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<Fetched>, CallError> {
    if let Some(stand_in) = endpoints.stand_in() {
        return stand_in::fetch(stand_in, sending, bytes_max);
    }
    let started = endpoints.started().map_err(|error| CallError::Fetch(error.to_string()))?;
    let count = sending.len();
    let (done, fetched) = unbounded();
    let bytes = Arc::new(AtomicU64::new(0));
    let mut under_way = Vec::with_capacity(count);
    for (at, Sending { endpoint, request, sends, .. }) in sending.into_iter().enumerate() {
        let Some(endpoint) = started.endpoints.get(endpoint).map(Arc::clone) else { continue };
        let (done, bytes) = (done.clone(), Arc::clone(&bytes));
        let one = async move {
            let fetched = endpoint.fetch(&request, sends).await;
            let total = bytes.fetch_add(fetched.reply.bytes() as u64, Ordering::Relaxed);
            let is_within = total.saturating_add(fetched.reply.bytes() as u64) <= bytes_max;
            // Nobody listens any more if the call was given up.
            drop(done.send((at, is_within.then_some(fetched))));
        };
        under_way.push(started.runtime.spawn(one));
    }
    drop(done);
    let mut replies: Vec<Option<Fetched>> = (0..count).map(|_| None).collect();
    let gathered = gather(&fetched, &mut replies, bytes_max, cancelled);
    // What was not waited for is given up.
    under_way.iter().for_each(tokio::task::JoinHandle::abort);
    gathered?;
    replies.into_iter().map(|reply| reply.ok_or_else(|| lost("its thread has died"))).collect()
}

fn gather(
    fetched: &crossbeam_channel::Receiver<(usize, Option<Fetched>)>,
    replies: &mut [Option<Fetched>],
    bytes_max: u64,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), CallError> {
    let mut left = replies.len();
    while left > 0 {
        match fetched.recv_timeout(PATIENCE) {
            Ok((at, Some(fetched))) => {
                if let Some(reply) = replies.get_mut(at) {
                    *reply = Some(fetched);
                }
                left -= 1;
            }
            Ok((_, None)) => return Err(too_large(bytes_max)),
            Err(RecvTimeoutError::Timeout) if cancelled() => return Err(lost("the run is ending")),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(lost("its thread has died")),
        }
    }
    Ok(())
}

/// The replies of a call are more than its module may be given.
pub(super) fn too_large(bytes_max: u64) -> CallError {
    let (name, limit) = (LimitName::ReplyBytes, show_bytes(bytes_max));
    CallError::Limit { call: "replies", name, limit, backtrace: GuestBacktrace::default() }
}

fn lost(why: &str) -> CallError {
    CallError::Fetch(why.to_owned())
}

/// Waits on the compute thread. False: nobody wants what comes after any more.
pub(super) fn pause(delay: Duration, cancelled: &dyn Fn() -> bool) -> bool {
    let until = Instant::now() + delay.min(DELAY_MAX);
    while !cancelled() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(PATIENCE));
    }
    false
}

/// The delay before something is sent again that was sent so often.
pub(super) fn delay(first: Duration, sent: u32) -> Duration {
    first.saturating_mul(1_u32.checked_shl(sent.saturating_sub(1)).unwrap_or(u32::MAX)).min(DELAY_MAX)
}

/// It may be otherwise the next time.
pub(super) fn may_pass(reply: &Reply) -> bool {
    reply.error.is_some() || matches!(reply.status, 429 | 502 | 503 | 504)
}

impl Endpoint {
    async fn fetch(&self, request: &Request, sends: u32) -> Fetched {
        let mut sent = 0;
        loop {
            let reply = {
                // It is never closed; without a slot nothing would be waited for.
                let _slot = self.slots.acquire().await;
                self.send(request).await
            };
            sent += 1;
            if sent >= sends || !may_pass(&reply) {
                return Fetched { reply: Arc::new(reply), sent };
            }
            tokio::time::sleep(delay(self.spec.backoff, sent)).await;
        }
    }

    async fn send(&self, request: &Request) -> Reply {
        match tokio::time::timeout(self.spec.timeout, self.exchange(request)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(why)) => Reply::none(why),
            Err(_) => Reply::none(format!("no reply within {:?}", self.spec.timeout)),
        }
    }

    async fn exchange(&self, request: &Request) -> Result<Reply, String> {
        let url = Url::parse(&joined(&self.spec.url, &request.path)).map_err(|_| "its URL cannot be read")?;
        if !self.holds(&url) {
            return Err("its path leaves the endpoint".into());
        }
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| "its method is none")?;
        let mut headers = self.headers.clone();
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "a header has no name")?;
            // What the job file sets was refused before.
            if !self.headers.contains_key(&name) {
                headers.append(name, HeaderValue::from_str(value).map_err(|_| "a header has no value")?);
            }
        }
        let mut asked = self.client.request(method, url).headers(headers);
        if request.method == "POST" {
            asked = asked.body(request.body.clone());
        }
        let mut response = asked.send().await.map_err(told)?;
        let status = response.status().as_u16();
        let headers = shown(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(told)? {
            if (body.len() + chunk.len()) as u64 > self.spec.reply_bytes {
                return Err(format!("the reply is larger than `max-reply` = {}", show_bytes(self.spec.reply_bytes)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, headers, body, error: None })
    }
}

/// The headers of a reply that are text, as many as may be shown.
fn shown(headers: &reqwest::header::HeaderMap) -> Vec<(String, String)> {
    let mut bytes = 0;
    let text =
        headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    text.take_while(|(name, value)| {
        bytes += name.len() + value.len();
        bytes <= HEADER_BYTES_MAX
    })
    .collect()
}

/// Why there is no reply, without the URL.
fn told(error: reqwest::Error) -> String {
    let what = if error.is_connect() { "cannot connect" } else { "the exchange failed" };
    let error = error.without_url();
    let innermost = std::iter::successors(std::error::Error::source(&error), |cause| cause.source()).last();
    innermost.map_or_else(|| what.to_owned(), |cause| format!("{what}: {cause}"))
}
