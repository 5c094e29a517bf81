//! When a sink wants an epoch to end though no row comes: parts of files grow old while their source is silent.
//!
//! The commit thread sets it after each epoch, the planner asks. Invariant: it moves the end of epochs and nothing else; what becomes of a part is
//! decided by the time of the epoch, which its record has.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::sink::Writer;

/// Processing time in µs; `i64::MAX`: nobody waits.
#[derive(Debug)]
pub(super) struct SinksDue(AtomicI64);

impl Default for SinksDue {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MAX))
    }
}

impl SinksDue {
    pub(super) fn set(&self, writers: &[Box<dyn Writer>]) {
        let due = writers.iter().filter_map(|writer| writer.due()).min();
        self.0.store(due.unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// Whether a sink waits for the end of an epoch of this time. Says so once, until the next epoch has ended.
    pub(super) fn is_due(&self, now: i64) -> bool {
        self.0.load(Ordering::Relaxed) <= now && self.0.swap(i64::MAX, Ordering::Relaxed) <= now
    }
}
