//! Looking at state: what a job's keyed operators, windows and joins hold, as it was committed.
//!
//! ```text
//!  Retained ─┬► newest snapshot: the files of its partitions ─┐
//!            └► an epoch computed again: their bytes          ├► Seen ─► partitions, one at a time ─► rows whose key is asked for
//!  plan of its revision: key, tables, modules ────────────────┘                                       ─► JSON, Parquet, Arrow
//! ```
//!
//! Called by `pelton state` and by the engine's routes. Invariant: only what was committed is read, from files; a job that runs
//! meanwhile is neither asked nor held up.

mod error;
mod export;
mod filter;
mod held;
mod rows;
mod seen;

pub(in crate::job) use self::filter::value;
pub use self::{
    error::LookError,
    export::{ExportFormat, Exported, export},
    filter::Wanted,
    rows::{ROWS_DEFAULT, ROWS_MAX, list, rows},
    seen::{As, Known, Seen},
};

use crate::error::{Code, Coded};

/// How often it is tried to read what a job that runs may be collecting just now.
const TRIES: u32 = 3;

/// Reads state, and once more where the job has collected it meanwhile.
pub fn patiently<T, E: Coded>(mut read: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let mut tries = 1;
    loop {
        match read() {
            Err(error) if tries < TRIES && error.code() == Code::CheckpointDamaged => tries += 1,
            done => return done,
        }
    }
}
