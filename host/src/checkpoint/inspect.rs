//! Looks at a checkpoint, in a directory or a bucket, without taking the job over: for `pelton checkpoint inspect` and `verify`.
//!
//! Nothing is locked or changed, so that it may be done beside a job that runs. What that job is just writing can then look unfinished or
//! damaged; so a journal that looks damaged is read again before it is called so.

use std::{thread, time::Duration};

use pelton_core::{
    checkpoint::{
        chain::TornTail,
        claim::Claim,
        record::{FileRef, Outline, Record},
        recovery::Decision,
    },
    model::Epoch,
};

use super::{
    CheckpointError, Location, Place,
    disk::{Disk, Frames},
    files, input, names,
    read::{self, Content, Epochs, Journal},
    retained::Bases,
};

/// What a directory holds.
#[derive(Debug)]
pub struct Inspection {
    /// Of the newest process that took the job over; none: nobody has.
    pub claim: Option<Claim>,
    /// 0 where nobody has claimed the job.
    pub generation: u64,
    /// It ended in good order.
    pub is_closed: bool,
    /// Of all records that are in the journal, oldest first.
    pub records: Vec<Outline>,
    /// The newest record.
    pub last: Option<Record>,
    /// The newest epoch with a snapshot.
    pub base: Option<Epoch>,
    /// Outputs of epochs up to this one are known to be visible; 0 where none are.
    pub published_through: Epoch,
    /// The first epoch that can be replayed, and the last; none: there is none.
    pub replayable: Option<(Epoch, Epoch)>,
    pub segments: Vec<SegmentFile>,
    pub frames: u64,
    /// What was begun at the end and never committed.
    pub cut: Option<TornTail>,
}

/// A segment of the journal on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFile {
    /// Relative to the directory.
    pub path: String,
    pub bytes: u64,
    pub frames: u64,
    /// Its frames do not count any more.
    pub is_void: bool,
}

/// What was found when every file that matters was read.
#[derive(Debug, Default)]
pub struct Verification {
    /// Files that records name and that are as they were written.
    pub files: u64,
    pub file_bytes: u64,
    /// Files of records that nobody needs any more to recover, and that have been collected.
    pub collected: u64,
    /// Frames in the logs of inputs.
    pub input_frames: u64,
    pub damages: Vec<CheckpointError>,
}

const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(50);

/// Reads the journal.
pub fn inspect(location: impl Into<Location>) -> Result<Inspection, CheckpointError> {
    let (disk, journal) = open(&location.into())?;
    Inspection::of(&disk, journal)
}

/// Reads the journal and every file that its records name.
pub fn verify(location: impl Into<Location>) -> Result<(Inspection, Verification), CheckpointError> {
    let (disk, journal) = open(&location.into())?;
    let mut verification = verify_files(&disk, &journal);
    let (frames, damages) = look_at_inputs(&disk);
    verification.input_frames = frames;
    verification.damages.extend(damages);
    Ok((Inspection::of(&disk, journal)?, verification))
}

/// Whether a job has been run there, in whatever state its journal is.
pub fn holds_journal(location: &Location) -> bool {
    let is_there = |disk: Place| match disk.frames() {
        Frames::Put => disk.list(names::JOURNAL).is_ok_and(|found| !found.is_empty()),
        Frames::Appended => disk.exists(names::JOURNAL).unwrap_or(true),
    };
    // What cannot be looked at may be there.
    location.may_hold() && Place::open(location).map_or(true, is_there)
}

/// Opens what was there before, and reads its journal.
pub(super) fn open(location: &Location) -> Result<(Place, Journal), CheckpointError> {
    let missing = || CheckpointError::Missing { directory: location.to_string() };
    if !location.may_hold() {
        return Err(missing());
    }
    let disk = Place::open(location)?;
    let has_journal = disk.frames() == Frames::Put
        || disk
            .exists(names::JOURNAL)
            .map_err(|source| CheckpointError::io("find", disk.shown(names::JOURNAL), source))?;
    if !has_journal {
        return Err(missing());
    }
    let journal = look(&disk)?;
    // A bucket has no folders: what nobody has claimed is not there.
    if journal.segments.is_empty() && disk.frames() == Frames::Put { Err(missing()) } else { Ok((disk, journal)) }
}

pub(super) fn look<D: Disk>(disk: &D) -> Result<Journal, CheckpointError> {
    let mut tries = 1;
    loop {
        match read::segment_numbers(disk).and_then(|numbers| read::read(disk, &numbers)) {
            Err(CheckpointError::Damaged { .. } | CheckpointError::Io { .. }) if tries < TRIES => {
                tries += 1;
                thread::sleep(PAUSE);
            }
            other => return other,
        }
    }
}

/// How many frames are in the logs of inputs, and what is damaged.
fn look_at_inputs<D: Disk>(disk: &D) -> (u64, Vec<CheckpointError>) {
    let mut tries = 1;
    loop {
        let found = input::verify(disk);
        if found.1.is_empty() || tries == TRIES {
            return found;
        }
        tries += 1;
        thread::sleep(PAUSE);
    }
}

/// Files of the newest snapshot and of what comes after it must be there; older ones may have been collected.
pub(super) fn verify_files<D: Disk>(disk: &D, journal: &Journal) -> Verification {
    let mut verification = Verification::default();
    let needed_from = journal.decision.base.unwrap_or(0);
    let mut epochs = Epochs::new(disk);
    for (index, (placed, record)) in journal.records().enumerate() {
        verification.damages.extend(epochs.read(placed).err());
        for file in record.files() {
            verification.take(disk, file, index >= needed_from);
        }
        for file in record.outbox() {
            verification.take(disk, file, index >= journal.decision.republish);
        }
    }
    verification
}

impl Verification {
    fn take<D: Disk>(&mut self, disk: &D, file: &FileRef, is_needed: bool) {
        if !is_needed && matches!(disk.exists(&file.name), Ok(false)) {
            self.collected += 1;
            return;
        }
        match files::get(disk, file) {
            Ok(_) => {
                self.files += 1;
                self.file_bytes += file.bytes;
            }
            Err(error) => self.damages.push(error),
        }
    }
}

impl Inspection {
    fn of<D: Disk>(disk: &D, journal: Journal) -> Result<Self, CheckpointError> {
        let last = journal.records().last().map(|(placed, _)| Epochs::new(disk).read(placed)).transpose()?;
        let last = last.map(|(record, _)| record);
        let Journal { segments, chain, entries, decision } = journal;
        let frames = entries.len() as u64;
        let counted = |number: u64| chain.segments.iter().find(|(counted, _)| *counted == number);
        let segments = segments.iter().map(|segment| SegmentFile {
            path: names::segment(segment.number),
            bytes: segment.bytes,
            frames: counted(segment.number).map_or(0, |(_, count)| *count as u64),
            is_void: counted(segment.number).is_none(),
        });
        let segments = segments.collect();
        let (mut claim, mut records) = (None, Vec::new());
        for placed in entries {
            match placed.content {
                Content::Claim(newest) => claim = Some(newest),
                Content::Epoch(record) => records.push(*record),
                Content::Published(_) | Content::Closed => {}
            }
        }
        let Decision { base, republish, next_epoch, is_closed, .. } = decision;
        let replayable = Bases::find(disk, &records.iter().collect::<Vec<_>>())?.replayable();
        let unpublished = records.get(republish).map_or(next_epoch, |record| record.epoch);
        Ok(Self {
            claim,
            generation: chain.generation,
            is_closed,
            base: base.and_then(|base| records.get(base)).map(|record| record.epoch),
            published_through: Epoch(unpublished.0.saturating_sub(1)),
            replayable,
            records,
            last,
            segments,
            frames,
            cut: chain.cut,
        })
    }

    /// Epochs that whoever recovers computes again.
    pub fn again(&self) -> u64 {
        self.records.iter().filter(|record| self.base.is_none_or(|base| record.epoch > base)).count() as u64
    }

    /// Epochs whose outputs whoever recovers publishes, perhaps once more.
    pub fn republish(&self) -> u64 {
        self.records.iter().filter(|record| record.epoch > self.published_through).count() as u64
    }
}
