//! Collects garbage: segments, files and logged input that no record needs which stays, and what was kept until it was published.
//!
//! What may go is decided by the core. Segments go from the oldest on, each for good before the next, so that what is left of the journal never
//! has a gap; files go after the records that name them.

use std::sync::Arc;

use pelton_core::checkpoint::retain::{Retain, choose};

use super::{
    CheckpointError,
    disk::{Disk, Frames},
    input, names,
    store::Store,
};

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    pub segments: u64,
    pub files: u64,
    /// Segments of logs of inputs.
    pub inputs: u64,
}

impl<D: Disk> Store<D> {
    /// Removes what is needed neither to recover nor to compute any of the epochs again that `retain` keeps.
    pub fn collect(&mut self, retain: &Retain) -> Result<Collected, CheckpointError> {
        self.guarded(|store| {
            store.check_owner()?;
            let garbage = choose(&store.kept, retain, store.published_durable);
            let disk = Arc::clone(&store.disk);
            let failed = |folder: &'static str| {
                let path = disk.shown(folder);
                move |source| CheckpointError::io("collect in", path, source)
            };
            let before = garbage.segments_before;
            let segments = store.disk.remove_segments_before(before).map_err(failed(names::JOURNAL))?;
            store.disk.remove_files(&garbage.files).map_err(failed(names::FILES))?;
            let files = garbage.files.len() as u64;
            let mut collected = Collected { segments, files, inputs: 0 };
            if store.disk.frames() == Frames::Appended {
                collected.inputs = input::collect(store.disk.as_ref(), &garbage)?;
            }
            store.kept.retain(|record| record.epoch.0 >= garbage.epochs_before);
            let published = store.published_durable;
            store.kept.iter_mut().filter(|record| record.epoch.0 <= published).for_each(|record| record.outbox.clear());
            Ok(collected)
        })
    }
}
