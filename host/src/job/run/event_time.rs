//! How far event time has come at the end of each epoch, for each source.
//!
//! Compute threads report what they saw, the planner what it handed out, and [`super::beginnings`] how each partition
//! begins; [`Watermarks`] makes watermarks of it. An epoch's watermark is asked for only after all of its tasks are done, so
//! it does not depend on who asks, or when.

mod snapshot;

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use pelton_core::{
    model::Epoch,
    watermark::{Beginnings, Watermarks},
};

#[derive(Debug)]
pub(super) struct EventTimes {
    state: Mutex<Watermarks>,
    beginnings: OnceLock<Beginnings>,
}

impl EventTimes {
    /// One bound for each source, in µs.
    pub(super) fn new(bounds: impl Iterator<Item = i64>) -> Self {
        Self { state: Mutex::new(Watermarks::new(bounds)), beginnings: OnceLock::new() }
    }

    /// The event time with which each partition of each source begins; no entry: nothing is known. Watermarks wait for this.
    pub(super) fn begin(&self, first_times: Vec<Vec<i64>>) {
        // Said once; a second word would change watermarks that have been told.
        let _ = self.beginnings.set(Beginnings::new(first_times));
    }

    /// A task of `epoch` saw rows of a partition up to `latest`.
    pub(super) fn saw(&self, source: usize, epoch: Epoch, partition: u32, latest: i64) {
        self.state().saw(source, epoch, partition, latest);
    }

    /// `epoch` reads `partition`.
    pub(super) fn reached(&self, source: usize, epoch: Epoch, partition: u32) {
        self.state().reached(source, epoch, partition);
    }

    /// `source` has no rows after `epoch`.
    pub(super) fn ended(&self, source: usize, epoch: Epoch) {
        self.state().ended(source, epoch);
    }

    /// From `epoch` on nobody waits for `source`, or somebody does again.
    pub(super) fn idle(&self, source: usize, epoch: Epoch, is_idle: bool) {
        self.state().idle(source, epoch, is_idle);
    }

    fn state(&self) -> MutexGuard<'_, Watermarks> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The watermark of these sources together at the end of `epoch`: the least of theirs, but of those that are idle.
    /// `i64::MIN`: none yet, `i64::MAX`: all have ended. Epochs are asked for in order, each also once the next one runs.
    pub(super) fn watermark(&self, of: &[usize], epoch: Epoch) -> i64 {
        if epoch == Epoch(0) {
            return i64::MIN;
        }
        let beginnings = self.beginnings.wait();
        self.state().watermark(beginnings, of, epoch)
    }
}
