//! What leaves a cogroup: `out`.
//!
//! A row belongs to its key alone, whatever rows of either side it was made of: the sinks number it by its key, which is the
//! origin that the host expects.

use crate::{
    batch::Answer,
    group::Arrival,
    grouped::Rejections,
    outcome::{Leave, Outcome, Rejected},
    ports::Ports,
};

/// Takes the rows that a cogroup makes. Their key columns are the host's to fill in.
pub struct Joined<O: Leave> {
    sinks: <<O as Outcome>::Ports as Ports>::Sinks,
    key: u32,
    rejected: Rejections,
}

impl<O: Leave> Joined<O> {
    pub(super) fn new(keys: usize) -> Self {
        Self { sinks: <O as Outcome>::Ports::sinks(keys), key: 0, rejected: Rejections::default() }
    }

    pub(super) fn enter(&mut self, key: u32) {
        self.key = key;
    }

    /// Emits a row of the key.
    #[inline(always)]
    pub fn emit(&mut self, made: O) {
        // Neither a row nor an enum of ports rejects.
        made.each(&mut self.sinks, self.key, &mut Rejected::default());
    }

    /// Rejects `row`, of either side: it goes to `operator.rejected` with the reason. The first reason counts.
    #[cold]
    pub fn reject<R>(&mut self, row: &Arrival<R>, reason: impl Into<String>) {
        self.refuse(row.at, reason.into());
    }

    pub(super) fn refuse(&mut self, row: u32, reason: String) {
        self.rejected.push(row, reason);
    }

    pub(super) fn finish(self) -> Result<Answer, String> {
        Ok(Answer { ports: <O as Outcome>::Ports::finish(self.sinks)?, rejected: self.rejected.finish() })
    }
}

impl<O: Leave> std::fmt::Debug for Joined<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Joined").field("key", &self.key).finish_non_exhaustive()
    }
}
