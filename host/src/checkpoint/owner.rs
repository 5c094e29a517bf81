//! Whether this process still has the job: asked by the journal and by the logs of inputs, each after its sync.
//!
//! Whoever takes the job over makes a segment of the journal with a higher number than all others before it reads anything, and from then on there is one
//! with a number as high. So if ours is the highest after a sync, what was synced will be read. On an object store the frame itself is the question: it is put
//! where the other's claim would be. Invariant: nothing is promised to anybody before this has been asked.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    CheckpointError,
    disk::{Disk, Frames},
    names,
    store::OpenSegment,
};

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
        let is_ours = match self.disk.frames() {
            // All of them: whoever came after one that died before its claim has a higher number than the next, and has removed that one.
            Frames::Appended => {
                let numbers = self.disk.segment_numbers();
                let failed = |source| CheckpointError::io("list", self.disk.shown(names::JOURNAL), source);
                numbers.map_err(failed)?.last() == Some(&*newest)
            }
            Frames::Put => {
                let next = names::segment(*newest + 1);
                let failed = |source| CheckpointError::io("find", self.disk.shown(&next), source);
                // In this order: the next one is collected after ours.
                !self.disk.exists(&next).map_err(failed)? && !self.is_collected(*newest)?
            }
        };
        if is_ours { Ok(()) } else { Err(self.fenced()) }
    }

    /// The same right after the newest frame was synced. Where that was put, nobody else has put one there; but the number could have been free
    /// again, because whoever took the job over has gone far ahead.
    pub(super) fn check_synced(&self) -> Result<(), CheckpointError> {
        if self.disk.frames() == Frames::Appended {
            return self.check();
        }
        let newest = self.segment.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_collected(*newest)? {
            return Ok(());
        }
        drop(self.disk.remove(&names::segment(*newest)));
        Err(self.fenced())
    }

    fn is_collected(&self, segment: u64) -> Result<bool, CheckpointError> {
        let failed = |source| CheckpointError::io("find", self.disk.shown(&names::segment(segment)), source);
        self.disk.is_collected(segment).map_err(failed)
    }

    fn fenced(&self) -> CheckpointError {
        CheckpointError::Fenced { directory: self.disk.shown("") }
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
