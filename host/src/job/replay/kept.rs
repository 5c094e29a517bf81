//! Where committed epochs come from: a checkpoint directory, or a bundle of one epoch.

use pelton_core::{checkpoint::record::FileRef, model::Epoch};

use super::{ReplayError, bundle::Unpacked};
use crate::checkpoint::{CheckpointError, Retained, Stretch};

/// What is known of committed epochs.
pub enum Kept<'a> {
    Directory(&'a Retained),
    Bundle(&'a Unpacked),
}

impl Kept<'_> {
    /// The first epoch that can be computed again, and the last.
    pub fn replayable(&self) -> Option<(Epoch, Epoch)> {
        match self {
            Self::Directory(retained) => retained.replayable(),
            Self::Bundle(unpacked) => Some((unpacked.epoch(), unpacked.epoch())),
        }
    }

    /// What it takes to compute an epoch again.
    pub fn stretch(&self, epoch: Epoch) -> Result<Stretch, ReplayError> {
        self.longer_stretch(epoch, 0)
    }

    /// The same with `more` epochs before it, as far as there are so many.
    pub fn longer_stretch(&self, epoch: Epoch, more: u64) -> Result<Stretch, ReplayError> {
        let stretch = match self {
            Self::Directory(retained) => retained.stretch(epoch, more)?,
            Self::Bundle(unpacked) => (epoch == unpacked.epoch()).then(|| unpacked.stretch()),
        };
        stretch.ok_or_else(|| ReplayError::NotRetained { epoch, held: self.replayable() })
    }

    /// Reads a file that a record names, and checks it.
    pub fn get(&self, file: &FileRef) -> Result<Vec<u8>, CheckpointError> {
        match self {
            Self::Directory(retained) => retained.get(file),
            Self::Bundle(unpacked) => unpacked.get(file),
        }
    }

    /// How the partitions of each source begin, where it is known.
    pub fn beginnings(&self) -> Option<Vec<Vec<i64>>> {
        match self {
            Self::Directory(_) => None,
            Self::Bundle(unpacked) => Some(unpacked.beginnings()),
        }
    }
}
