//! Claims: how a process takes a job over, and what of the journal it found to be valid.
//!
//! A process that starts makes a new segment, reads all earlier ones, and writes its claim as the first frame of the new one. The
//! claim has a higher generation, and it says where the journal ended that it goes on from. So a torn tail need not be erased
//! before the claim is durable, and what a process writes that has lost the job without knowing it is void.

use serde::{Deserialize, Serialize};

/// Who takes the job over, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub holder: Holder,
    /// Where the journal ended; none: the job starts, or starts over, and whatever lies before is void.
    pub follows: Option<End>,
    /// A random number where claims are objects, so that no two are the same; else 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub token: u64,
    /// The job starts over with a savepoint, whose record comes next: until it is there, nobody goes on from this claim.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restores: bool,
}

fn is_zero(token: &u64) -> bool {
    *token == 0
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    pub host: String,
    /// When it took the job over, in µs since 1970 UTC.
    pub since: i64,
    /// Of Pelton.
    pub version: String,
}

/// The end of what is valid in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Number of the segment with the last valid frame.
    pub segment: u64,
    /// Where in that segment the frame ends.
    pub bytes: u64,
    /// Number that the next frame has.
    pub sequence: u64,
}
