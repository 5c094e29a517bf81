//! Puts an object on a condition, and finds out what happened when the answer does not tell.
//!
//! ```text
//!  put ─┬─ done                        ─► put
//!       ├─ conflict ─┐             ┌─ our bytes: an earlier try has come through ─► put
//!       └─ no answer ┴─► read back ┼─ other bytes, or another version             ─► taken
//!                                  └─ as before: nothing has happened (yet)       ─► again, a few times
//! ```
//!
//! A request that was given up may still arrive later; it has the same bytes and the same condition, so that it does nothing or what was
//! wanted. Bytes are never those of another process: frames and names of files have its generation, claims a random number.

use std::{thread, time::Duration};

use super::bucket::{Before, Bucket, Failure};
use crate::checkpoint::read::SEGMENT_BYTES_MAX;

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is there.
    Put,
    /// Something else is there.
    Taken,
}

const TRIES: u32 = 5;
/// Doubles with each try. Tests go through it thousands of times.
const PAUSE: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_millis(5) };

pub fn put(bucket: &dyn Bucket, key: &str, bytes: &[u8], before: &Before) -> Result<Outcome, Failure> {
    let mut tries = 1;
    loop {
        let failure = match bucket.put(key, bytes, before) {
            Ok(_) => return Ok(Outcome::Put),
            Err(Failure::Refused(error)) => return Err(Failure::Refused(error)),
            Err(failure) => failure,
        };
        let unclear = match bucket.get(key, SEGMENT_BYTES_MAX) {
            Ok(Some(found)) if found.bytes == bytes => return Ok(Outcome::Put),
            Ok(Some(found)) if *before != Before::Version(found.version.clone()) => return Ok(Outcome::Taken),
            Ok(_) => failure,
            Err(Failure::Refused(error)) => return Err(Failure::Refused(error)),
            Err(unread) => unread,
        };
        if tries == TRIES {
            return Err(unclear);
        }
        thread::sleep(PAUSE * (1 << tries));
        tries += 1;
    }
}
