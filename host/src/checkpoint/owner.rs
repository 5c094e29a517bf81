//! Whether this process still has the job: asked by the journal and by the logs of inputs, each after its sync.
//!
//! Whoever takes the job over makes the next segment of the journal before it reads anything, and that segment goes only after ours has
//! gone. So if it is not there after a sync, what was synced will be read. Invariant: nothing is promised to anybody before this
//! has been asked.

use std::sync::{Arc, Mutex, PoisonError};

use super::{CheckpointError, disk::Disk, names, store::OpenSegment};

pub(super) struct Owner<D: Disk> {
    disk: Arc<D>,
    /// The newest segment of the journal that this process has made.
    segment: Mutex<u64>,
}

impl<D: Disk> Owner<D> {
    pub(super) fn new(disk: Arc<D>, segment: u64) -> Self {
        Self { disk, segment: Mutex::new(segment) }
    }

    /// Refuses if another process has taken the job over.
    pub(super) fn check(&self) -> Result<(), CheckpointError> {
        let newest = self.segment.lock().unwrap_or_else(PoisonError::into_inner);
        let exists = |number| {
            let path = names::segment(number);
            self.disk.exists(&path).map_err(|source| CheckpointError::io("find", self.disk.shown(&path), source))
        };
        if exists(*newest + 1)? || !exists(*newest)? {
            return Err(CheckpointError::Fenced { directory: self.disk.shown("") });
        }
        Ok(())
    }

    /// Has the next segment of the journal made. Nobody takes it for another process's meanwhile.
    pub(super) fn roll<F>(
        &self,
        make: impl FnOnce(u64) -> Result<OpenSegment<F>, CheckpointError>,
    ) -> Result<OpenSegment<F>, CheckpointError> {
        let mut newest = self.segment.lock().unwrap_or_else(PoisonError::into_inner);
        let made = make(*newest + 1)?;
        *newest = made.number;
        Ok(made)
    }
}
