//! Collects garbage: segments, files and logged input that no record needs which stays.
//!
//! What may go is decided by the core. Segments go from the oldest on, each for good before the next, so that what is left of the journal never
//! has a gap; files go after the records that name them.

use pelton_core::checkpoint::retain::{Retain, choose};

use super::{CheckpointError, disk::Disk, input, names, read, store::Store};

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
            let mut collected = Collected::default();
            for number in read::segment_numbers(store.disk.as_ref())? {
                if number >= garbage.segments_before {
                    break;
                }
                store.remove(&names::segment(number))?;
                store.sync_names(names::JOURNAL)?;
                collected.segments += 1;
            }
            for name in &garbage.files {
                store.remove(name)?;
                collected.files += 1;
            }
            collected.inputs = input::collect(store.disk.as_ref(), &garbage)?;
            store.kept.retain(|record| record.epoch.0 >= garbage.epochs_before);
            Ok(collected)
        })
    }

    fn remove(&self, path: &str) -> Result<(), CheckpointError> {
        match self.disk.remove(path) {
            // A process that was killed in between has removed it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(|source| CheckpointError::io("remove", self.disk.shown(path), source)),
        }
    }

    fn sync_names(&self, folder: &str) -> Result<(), CheckpointError> {
        let synced = self.disk.sync_directory(folder);
        synced.map_err(|source| CheckpointError::io("sync", self.disk.shown(folder), source))
    }
}
