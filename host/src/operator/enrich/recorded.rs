//! What endpoints answered in one epoch, as a file that the epoch's record names.
//!
//! ```text
//!  0       8           12              12 + h
//!  │ magic │ h: u32 LE │ head: h bytes │ bodies, one after the other │
//!  head, MessagePack: { replies: [{ status, headers, bytes, error }], calls: [{ operator, row, asked: [(key, reply)] }] }
//! ```
//!
//! Written by the commit thread before the record, read by whoever computes the epoch again. Replies that are the same are there once.
//! Invariant: the same calls make the same bytes.

use std::{collections::HashMap, sync::Arc};

use pelton_core::job::operator_of;
use pelton_wasm::{Reply, RequestKey};
use serde::{Deserialize, Serialize};

const MAGIC: &[u8; 8] = b"PELTONR1";

/// What one call of an operator asked, and was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedCall {
    /// With the sign of a canary.
    pub operator: String,
    /// The number of the call's first row, which no other call of the operator has.
    pub first_row: u64,
    /// By their keys, ascending.
    pub replies: Vec<(RequestKey, Arc<Reply>)>,
}

impl AskedCall {
    pub(super) fn reply(&self, key: RequestKey) -> Option<&Arc<Reply>> {
        let at = self.replies.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        self.replies.get(at).map(|(_, reply)| reply)
    }
}

#[derive(Serialize, Deserialize)]
struct Head {
    replies: Vec<ReplyHead>,
    calls: Vec<CallHead>,
}

#[derive(Serialize, Deserialize)]
struct ReplyHead {
    status: u16,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
    /// Of its body.
    bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct CallHead {
    operator: String,
    row: u64,
    /// The halves of a key, and the number of the reply.
    asked: Vec<(u64, u64, u32)>,
}

fn halves(RequestKey(key): RequestKey) -> (u64, u64) {
    let number = u128::from_le_bytes(key);
    (number as u64, (number >> 64) as u64)
}

fn key(low: u64, high: u64) -> RequestKey {
    RequestKey((u128::from(low) | u128::from(high) << 64).to_le_bytes())
}

/// The calls of an epoch, in canonical order, as a file.
pub fn encode(calls: &[AskedCall]) -> Vec<u8> {
    let mut known: HashMap<&Reply, u32> = HashMap::new();
    let (mut replies, mut bodies) = (Vec::new(), Vec::new());
    let mut number = |reply| {
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        *known.entry(reply).or_insert_with(|| {
            let Reply { status, headers, body, error } = reply;
            bodies.extend_from_slice(body);
            let bytes = body.len() as u64;
            replies.push(ReplyHead { status: *status, headers: headers.clone(), bytes, error: error.clone() });
            next
        })
    };
    let calls = calls.iter().map(|call| {
        let asked = call.replies.iter().map(|(key, reply)| {
            let (low, high) = halves(*key);
            (low, high, number(reply.as_ref()))
        });
        CallHead { operator: call.operator.clone(), row: call.first_row, asked: asked.collect() }
    });
    let calls = calls.collect();
    let head = rmp_serde::to_vec_named(&Head { replies, calls }).expect("names, numbers and texts");
    let mut file = Vec::with_capacity(MAGIC.len() + 4 + head.len() + bodies.len());
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&u32::try_from(head.len()).unwrap_or(u32::MAX).to_le_bytes());
    file.extend(head);
    file.extend(bodies);
    file
}

/// The replies of one epoch, to be looked up.
#[derive(Debug, Default)]
pub struct Recorded {
    calls: HashMap<String, Vec<AskedCall>>,
}

impl Recorded {
    /// The error says what is wrong with the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let short = || "it is shorter than it says".to_owned();
        let rest = bytes.strip_prefix(MAGIC.as_slice()).ok_or("it holds no replies")?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let (head, mut bodies) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(short)?;
        let head: Head = rmp_serde::from_slice(head).map_err(|error| error.to_string())?;
        let mut replies = Vec::with_capacity(head.replies.len());
        for ReplyHead { status, headers, bytes, error } in head.replies {
            let bytes = usize::try_from(bytes).map_err(|_| short())?;
            let (body, behind) = bodies.split_at_checked(bytes).ok_or_else(short)?;
            replies.push(Arc::new(Reply { status, headers, body: body.to_vec(), error }));
            bodies = behind;
        }
        if !bodies.is_empty() {
            return Err("it is longer than it says".into());
        }
        let mut calls: HashMap<String, Vec<AskedCall>> = HashMap::new();
        for CallHead { operator, row, asked } in head.calls {
            let reply = |(low, high, number): (u64, u64, u32)| {
                let reply = replies.get(number as usize).ok_or("a call names a reply that is not there")?;
                Ok::<_, String>((key(low, high), Arc::clone(reply)))
            };
            let mut asked = asked.into_iter().map(reply).collect::<Result<Vec<_>, _>>()?;
            asked.sort_unstable_by_key(|(key, _)| *key);
            let call = AskedCall { operator: operator.clone(), first_row: row, replies: asked };
            calls.entry(operator).or_default().push(call);
        }
        for calls in calls.values_mut() {
            calls.sort_by_key(|call| call.first_row);
        }
        Ok(Self { calls })
    }

    /// What this very call was answered.
    pub(super) fn of_call(&self, operator: &str, first_row: u64, key: RequestKey) -> Option<Arc<Reply>> {
        let calls = self.calls.get(operator)?;
        let at = calls.binary_search_by_key(&first_row, |call| call.first_row).ok()?;
        calls.get(at)?.reply(key).map(Arc::clone)
    }

    /// What some call of the operator or of its canary was answered: the last one up to this row, or else any.
    pub(super) fn of_any(&self, operator: &str, first_row: u64, key: RequestKey) -> Option<Arc<Reply>> {
        let mut names: Vec<&String> = self.calls.keys().filter(|name| operator_of(name) == operator).collect();
        names.sort_unstable();
        let calls: Vec<&AskedCall> = names.into_iter().filter_map(|name| self.calls.get(name)).flatten().collect();
        let before = calls.iter().rev().filter(|call| call.first_row <= first_row);
        before.chain(&calls).find_map(|call| call.reply(key)).map(Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &str) -> Arc<Reply> {
        let headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
        Arc::new(Reply { status: 200, headers, body: body.into(), error: None })
    }

    fn call(operator: &str, first_row: u64, replies: &[(u8, Arc<Reply>)]) -> AskedCall {
        let replies = replies.iter().map(|(key, reply)| (RequestKey([*key; 16]), Arc::clone(reply))).collect();
        AskedCall { operator: operator.into(), first_row, replies }
    }

    #[test]
    fn replies_are_found_by_their_calls() {
        let calls = [
            call("a", 0, &[(1, reply("one")), (2, Arc::new(Reply::none("refused")))]),
            call("a", 10, &[(1, reply("ten"))]),
            call("a~canary", 20, &[(1, reply("one")), (7, reply(""))]),
        ];
        let bytes = encode(&calls);
        assert_eq!(bytes, encode(&calls));
        assert_eq!(bytes.windows(3).filter(|window| *window == b"one").count(), 1, "the same reply is there once");
        let recorded = Recorded::decode(&bytes).unwrap();
        let body = |reply: Option<Arc<Reply>>| reply.map(|reply| String::from_utf8(reply.body.clone()).unwrap());
        let of_call = |name: &str, row, key: u8| recorded.of_call(name, row, RequestKey([key; 16]));
        assert_eq!(body(of_call("a", 0, 1)).as_deref(), Some("one"));
        assert_eq!(of_call("a", 0, 2).unwrap().error.as_deref(), Some("refused"));
        assert_eq!(body(of_call("a", 10, 1)).as_deref(), Some("ten"));
        assert_eq!(of_call("a", 10, 2), None);
        assert_eq!(of_call("a", 5, 1), None);
        assert_eq!(of_call("b", 0, 1), None);
        let of_any = |row, key: u8| body(recorded.of_any("a", row, RequestKey([key; 16])));
        assert_eq!(of_any(15, 1).as_deref(), Some("ten"));
        assert_eq!(of_any(5, 1).as_deref(), Some("one"));
        assert_eq!(of_any(5, 7).as_deref(), Some(""));
        assert_eq!(of_any(5, 9), None);
    }

    #[test]
    fn damaged_bytes_are_refused_whatever_they_are() {
        let bytes = encode(&[call("a", 3, &[(1, reply("body"))])]);
        for length in 0..bytes.len() {
            assert!(Recorded::decode(&bytes[..length]).is_err(), "{length}");
        }
        let longer = [bytes.as_slice(), b"x"].concat();
        assert_eq!(Recorded::decode(&longer).unwrap_err(), "it is longer than it says");
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x81;
            // It may be something else then, but never a panic.
            drop(Recorded::decode(&flipped));
        }
    }
}
