//! Who answers in the place of all endpoints of a job: the replies of a golden case.

use std::sync::Arc;

use pelton_wasm::{CallError, Reply, Request};

use super::fetch::{Fetched, Sending, may_pass, too_large};

/// Answers requests without sending anything.
pub trait StandIn: std::fmt::Debug + Send + Sync {
    /// `sent` says how often the request was sent in this call before.
    fn reply(&self, request: &Request, sent: u32) -> Reply;
}

/// As endpoints would be asked, but without waiting: what may pass is sent again.
pub(super) fn fetch(stand_in: &dyn StandIn, sending: Vec<Sending>, bytes_max: u64) -> Result<Vec<Fetched>, CallError> {
    let mut bytes = 0_u64;
    let mut one = |Sending { request, sends, before, .. }: Sending| {
        let mut sent = 0;
        loop {
            let reply = stand_in.reply(&request, before + sent);
            sent += 1;
            if sent < sends && may_pass(&reply) {
                continue;
            }
            bytes += reply.bytes() as u64;
            if bytes > bytes_max {
                return Err(too_large(bytes_max));
            }
            return Ok(Fetched { reply: Arc::new(reply), sent });
        }
    };
    sending.into_iter().map(&mut one).collect()
}
