//! Epochs that a directory still holds: what is needed to compute any of them again.
//!
//! Called by replays, and by looks at state. Like [`inspect`](super::inspect) it takes nothing over: it locks and changes nothing, and may be asked beside a job that runs. What
//! that job collects meanwhile is then missed with an error, never replaced by something older.

use std::collections::HashMap;

use pelton_core::{
    checkpoint::record::{FileRef, Outline, Record},
    model::Epoch,
};

use super::{
    CheckpointError, Location, Place,
    disk::Disk,
    files,
    inspect::open,
    names,
    read::{Epochs, Journal, Placed},
};

/// The records of a directory, as they were when it was opened.
pub struct Retained<D: Disk = Place> {
    disk: D,
    journal: Journal,
    kept: Bases,
}

/// Where a computation can begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bases {
    /// With the job: nothing has been collected that this takes.
    from_start: bool,
    /// After these epochs, oldest first, whose snapshots are there.
    snapshots: Vec<Epoch>,
    last: Option<Epoch>,
}

/// Epochs that follow each other, with what comes before them.
#[derive(Debug, Clone)]
pub struct Stretch {
    /// The newest record with a snapshot before them; none: they begin with the job.
    pub base: Option<Record>,
    /// The records after the base, oldest first, up to the last epoch that is asked for.
    pub again: Vec<Record>,
}

impl Retained<Place> {
    /// Reads the journal.
    pub fn open(location: impl Into<Location>) -> Result<Self, CheckpointError> {
        let (disk, journal) = open(&location.into())?;
        Self::of(disk, journal)
    }
}

impl<D: Disk> Retained<D> {
    fn of(disk: D, journal: Journal) -> Result<Self, CheckpointError> {
        let outlines: Vec<&Outline> = journal.records().map(|(_, record)| record).collect();
        let kept = Bases::find(&disk, &outlines)?;
        Ok(Self { disk, journal, kept })
    }

    /// The first epoch that can be computed again, and the last; none: there is none.
    pub fn replayable(&self) -> Option<(Epoch, Epoch)> {
        self.kept.replayable()
    }

    /// The last epoch; none: nothing has been committed.
    pub fn last(&self) -> Option<Epoch> {
        self.kept.last
    }

    /// The newest record with a snapshot, up to an epoch; none: there is none, or its files have been collected.
    pub fn snapshot(&self, up_to: Epoch) -> Result<Option<Record>, CheckpointError> {
        let base = self.kept.snapshots.iter().rfind(|base| **base <= up_to);
        let placed = base.and_then(|base| self.journal.records().find(|(_, record)| record.epoch == *base));
        placed.map(|(placed, _)| Ok(Epochs::new(&self.disk).read(placed)?.0)).transpose()
    }

    /// What it takes to compute `epoch` again, with `more` epochs before it as far as they can be; none: it is not among those that can be.
    pub fn stretch(&self, epoch: Epoch, more: u64) -> Result<Option<Stretch>, CheckpointError> {
        if self.replayable().is_none_or(|(first, last)| epoch < first || epoch > last) {
            return Ok(None);
        }
        let base = self.kept.base(Epoch(epoch.0.saturating_sub(more)));
        let wanted =
            |(_, record): &(&Placed, &Outline)| base.is_none_or(|base| record.epoch >= base) && record.epoch <= epoch;
        let mut epochs = Epochs::new(&self.disk);
        let mut stretch = Stretch { base: None, again: Vec::new() };
        for (placed, _) in self.journal.records().filter(wanted) {
            let (record, _) = epochs.read(placed)?;
            if Some(record.epoch) == base { stretch.base = Some(record) } else { stretch.again.push(record) }
        }
        Ok(Some(stretch))
    }

    /// Reads a file that a record names, and checks it.
    pub fn get(&self, file: &FileRef) -> Result<Vec<u8>, CheckpointError> {
        files::get(&self.disk, file)
    }
}

impl Bases {
    /// Looks which files are there.
    pub(super) fn find<D: Disk>(disk: &D, records: &[&Outline]) -> Result<Self, CheckpointError> {
        let mut known: HashMap<&str, bool> = HashMap::new();
        let mut snapshots = Vec::new();
        let mut from_start = records.first().is_some_and(|first| first.epoch == Epoch::FIRST);
        for record in records {
            let mut is_whole = true;
            for file in record.files() {
                let is_there = match known.get(file.name.as_str()) {
                    Some(is_there) => *is_there,
                    None => names::is_file(&file.name) && exists(disk, &file.name)?,
                };
                known.insert(&file.name, is_there);
                is_whole &= is_there;
            }
            if !is_whole {
                // It was collected, and so was what comes before it: of that at most the records are left, in a segment with later ones.
                from_start = false;
                snapshots.clear();
            } else if record.snapshot.is_some() {
                snapshots.push(record.epoch);
            }
        }
        Ok(Self { from_start, snapshots, last: records.last().map(|last| last.epoch) })
    }

    /// The newest snapshot before an epoch; where there is none, the oldest one, unless everything can be computed from the start.
    fn base(&self, epoch: Epoch) -> Option<Epoch> {
        let before = self.snapshots.iter().rfind(|base| **base < epoch);
        before.or(self.snapshots.first().filter(|_| !self.from_start)).copied()
    }

    pub(super) fn replayable(&self) -> Option<(Epoch, Epoch)> {
        let after = self.snapshots.first().map(|base| base.next());
        let first = if self.from_start { Epoch::FIRST } else { after? };
        self.last.filter(|last| first <= *last).map(|last| (first, last))
    }
}

fn exists<D: Disk>(disk: &D, name: &str) -> Result<bool, CheckpointError> {
    disk.exists(name).map_err(|source| CheckpointError::io("find", disk.shown(name), source))
}

#[cfg(test)]
#[path = "retained_tests.rs"]
mod tests;
