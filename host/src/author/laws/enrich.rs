//! Endpoints that are made up: what enrich operators are told while the laws of transforms are tried on them.
//!
//! A request is always told the same, so that modules that ask for the same are told the same, however rows are cut. Some replies are errors,
//! and some are what nobody expects. One that asks again is told something better; if it is not content with that, its batch has no rows.

use std::collections::BTreeMap;

use arrow::array::ArrayRef;
use pelton_core::contract::Signature;
use pelton_wasm::{Asked, BatchContext, CallError, EnrichInstance, NO_REQUEST, Reply, Request, RequestKey, Whom};

use super::{Answered, answer, sample::Words};
use crate::author::replies;

const BODIES: [&str; 12] = [
    "",
    "1.5",
    "-7",
    "0",
    "1e999",
    "true",
    "null",
    "[]",
    "{}",
    "{\"id\": 1, \"name\": \"e\\u0301\", \"value\": 1.5}",
    "not ready yet",
    "\u{e9}\u{1f600}\r\n\u{0}",
];
/// What is told at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replies {
    /// Errors and what nobody expects, too.
    Anything,
    /// As what is asked again.
    NoErrors,
}

const AGAIN: &str = "asks again: ";

/// What is asked, and what comes of it, in the order of the rows. `from` is the number of the first one.
pub(super) fn call(
    instance: &mut EnrichInstance,
    at: &BatchContext,
    (rows, columns): (usize, &[ArrayRef]),
    signature: &Signature,
    (from, at_first): (usize, Replies),
) -> Result<Answered, CallError> {
    let asked = instance.ask(at, rows, columns, Whom::Anybody)?;
    let mut lines = questions(&asked, from);
    let mut told: BTreeMap<RequestKey, Reply> =
        asked.requests.iter().map(|request| (request.key(), reply(request.key(), at_first))).collect();
    for is_last in [false, true] {
        let replies: Vec<Reply> =
            asked.requests.iter().filter_map(|request| told.get(&request.key())).cloned().collect();
        match instance.answer(at, (rows, columns), &asked.wanted, &replies, signature) {
            Ok(answer) => {
                lines.extend(answer::rows(&answer, &signature.ports, from));
                break;
            }
            Err(CallError::Retry(reason)) if is_last => lines.push((from, format!("{AGAIN}{reason}"))),
            // As an engine does it: what failed is asked again, or else all.
            Err(CallError::Retry(reason)) => {
                lines.push((from, format!("{AGAIN}{reason}")));
                let has_failed = told.values().any(failed);
                for (key, told) in &mut told {
                    if !has_failed || failed(told) {
                        *told = reply(*key, Replies::NoErrors);
                    }
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(answer::in_order(lines))
}

/// Whether a call wanted to ask again: then rows that are cut otherwise are told otherwise, for all rows of a call that failed are asked again.
pub(super) fn asks_again(lines: &[String]) -> bool {
    lines.iter().any(|line| line.starts_with(AGAIN))
}

/// What rows are told at first, as lines of a golden case.
pub(super) fn replies(
    instance: &mut EnrichInstance,
    at: &BatchContext,
    (rows, columns): (usize, &[ArrayRef]),
    at_first: Replies,
) -> Result<Vec<String>, CallError> {
    let asked = instance.ask(at, rows, columns, Whom::Anybody)?;
    Ok(asked.requests.iter().map(|request| replies::line(request, &reply(request.key(), at_first))).collect())
}

/// What each row asks, and what nobody waits for.
fn questions(asked: &Asked, from: usize) -> Vec<(usize, String)> {
    let mut waited = vec![false; asked.requests.len()];
    let mut lines = Vec::new();
    for (row, wanted) in asked.wanted.iter().enumerate().filter(|(_, wanted)| **wanted != NO_REQUEST) {
        let at = *wanted as usize;
        if let (Some(request), Some(waited)) = (asked.requests.get(at), waited.get_mut(at)) {
            *waited = true;
            lines.push((from + row, format!("row {} asks {}", from + row, shown(request))));
        }
    }
    let nobody = asked.requests.iter().zip(waited).filter(|(_, waited)| !waited);
    lines.extend(nobody.map(|(request, _)| (from, format!("no row asks {}", shown(request)))));
    lines
}

/// A request with all that makes it another one.
fn shown(request: &Request) -> String {
    let Request { headers, body, .. } = request;
    let headers: String = headers.iter().map(|(name, value)| format!(", {name}: {value:?}")).collect();
    let body = if body.is_empty() { String::new() } else { format!(", body {:?}", String::from_utf8_lossy(body)) };
    format!("{request}{headers}{body}")
}

fn failed(reply: &Reply) -> bool {
    reply.error.is_some() || reply.status == 429 || reply.status >= 500
}

/// What is answered to a request.
fn reply(RequestKey(key): RequestKey, told: Replies) -> Reply {
    let mut words =
        Words(key.chunks_exact(8).flat_map(<[u8; 8]>::try_from).map(u64::from_le_bytes).fold(0, u64::wrapping_add));
    let kind = words.below(10);
    let body = BODIES.get(words.below(BODIES.len())).copied().unwrap_or_default();
    let ok = |body: &[u8]| Reply {
        status: 200,
        headers: vec![("content-type".into(), "text/plain".into())],
        body: body.to_vec(),
        error: None,
    };
    match kind {
        _ if told == Replies::NoErrors => ok(body.as_bytes()),
        0 => Reply::none("no reply within 10s"),
        1 => Reply { status: 500, ..ok(b"broken") },
        2 => Reply { status: 404, ..ok(b"") },
        3 => Reply { status: 302, headers: vec![("location".into(), "/elsewhere".into())], ..Reply::default() },
        // What is no text, whatever is said of it.
        4 => ok(b"\xff\xfe\x00"),
        _ => ok(body.as_bytes()),
    }
}
