//! The shuffle: what the map side of keyed operators made in an epoch, until the reduce side takes it.
//!
//! Pieces keep the order of the tasks that made them, and of the calls within a task. The rows of a piece are not
//! copied for each partition: a piece knows the rows of each, and all partitions share it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use pelton_core::model::Epoch;

use crate::operator::shuffle::Piece;

/// The pieces of one operator.
#[derive(Debug, Default)]
pub(super) struct Exchange(Mutex<HashMap<Epoch, Pieces>>);

#[derive(Debug, Default)]
struct Pieces {
    /// By task and position within the task.
    pieces: BTreeMap<(u64, u32), Piece>,
    /// Partitions that have taken theirs.
    taken: u16,
}

impl Exchange {
    /// `position` counts the pieces of one task.
    pub(super) fn put(&self, epoch: Epoch, task: u64, position: u32, piece: Piece) {
        let mut epochs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        epochs.entry(epoch).or_default().pieces.insert((task, position), piece);
    }

    /// All pieces of an epoch in canonical order; the last of `partitions` takes them away.
    pub(super) fn take(&self, epoch: Epoch, partitions: u16) -> Vec<Piece> {
        let mut epochs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pieces) = epochs.get_mut(&epoch) else { return Vec::new() };
        pieces.taken += 1;
        if pieces.taken < partitions {
            return pieces.pieces.values().cloned().collect();
        }
        epochs.remove(&epoch).map(|pieces| pieces.pieces.into_values().collect()).unwrap_or_default()
    }
}
