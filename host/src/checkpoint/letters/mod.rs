//! Dead letters: rows that a job could not process, kept with what is known of them until somebody replays or discards them.
//!
//! ```text
//!  epoch N: new letters ─► a file ─┐
//!           replayed, discarded ───┴─► record N names the files of the whole queue ─► the requests that N carried out go
//!  pelton dlq ─► requests/… ─► the run looks, and carries them out in its next epoch
//! ```
//!
//! The run works with a [`LetterBox`]; everybody else [`look`]s, and leaves a [`Request`]. Invariants: the queue is what the newest
//! record says, so that each letter is in it once whenever the process dies; a request that is carried out twice changes nothing
//! the second time, for its letters are not in the queue any more.

mod letter;
mod requests;

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use pelton_core::checkpoint::record::{FileRef, LetterFile, Record};

pub use self::{
    letter::{Head, Letter, LetterId},
    requests::{Action, REQUEST_LETTERS_MAX, Request, request},
};
use super::{
    CheckpointError, Location, Place, Store,
    disk::{Disk, Frames},
    files,
    files::Files,
    inspect,
};

/// A part of the queue takes no more letters when it has so many bytes.
const PART_BYTES_MAX: u64 = 16 << 20;

/// The queue of a job that runs. Shared by the threads that add letters and that replay them.
#[derive(Debug)]
pub struct LetterBox {
    disk: Arc<Place>,
    files: Files,
    queue: Mutex<Vec<LetterFile>>,
    /// When requests were last looked for.
    looked: Mutex<Option<Instant>>,
    /// Letters in the queue.
    count: AtomicU64,
}

impl Store<Place> {
    /// The dead letters of the job, as its last record has them.
    pub fn letters(&self, last: Option<&Record>) -> LetterBox {
        let queue = last.map(|last| last.letters.queue.clone()).unwrap_or_default();
        let count = AtomicU64::new(sum(&queue));
        let (disk, queue, looked) = (Arc::clone(&self.disk), Mutex::new(queue), Mutex::default());
        LetterBox { disk, files: self.files(), queue, looked, count }
    }
}

fn sum(queue: &[LetterFile]) -> u64 {
    queue.iter().map(|part| part.letters).sum()
}

impl LetterBox {
    /// Letters in the queue.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn queue(&self) -> MutexGuard<'_, Vec<LetterFile>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The queue with these letters behind it and without those. Files are written; the queue changes with [`Self::committed`].
    pub fn next(&self, fresh: &[Letter], gone: &[LetterId]) -> Result<Vec<LetterFile>, CheckpointError> {
        let queue = self.queue();
        let gone: HashSet<LetterId> = gone.iter().copied().collect();
        let mut next = Vec::with_capacity(queue.len() + 1);
        for part in queue.iter() {
            if gone.is_empty() {
                next.push(part.clone());
                continue;
            }
            let mut letters = self.read(&part.file)?;
            letters.retain(|letter| !gone.contains(&letter.id()));
            match letters.len() as u64 {
                0 => {}
                count if count == part.letters => next.push(part.clone()),
                _ => next.push(self.put(&letters)?),
            }
        }
        if !fresh.is_empty() {
            next.push(self.put(fresh)?);
            // Parts double in size, so that there are few of them and each letter is written few times.
            while let [.., older, newer] = next.as_slice()
                && older.letters <= newer.letters.saturating_mul(2)
                && older.file.bytes + newer.file.bytes <= PART_BYTES_MAX
            {
                let mut both = self.read(&older.file)?;
                both.extend(self.read(&newer.file)?);
                let one = self.put(&both)?;
                next.truncate(next.len() - 2);
                next.push(one);
            }
        }
        Ok(next)
    }

    /// The epoch has happened whose record names this queue.
    pub fn committed(&self, queue: Vec<LetterFile>) {
        self.count.store(sum(&queue), Ordering::Relaxed);
        *self.queue() = queue;
    }

    /// The letters of the queue that are asked for, in its order.
    pub fn find(&self, wanted: &[LetterId]) -> Result<Vec<Letter>, CheckpointError> {
        let wanted: HashSet<LetterId> = wanted.iter().copied().collect();
        let mut found = Vec::new();
        // No part goes while the lock is held.
        for part in self.queue().iter() {
            found.extend(self.read(&part.file)?.into_iter().filter(|letter| wanted.contains(&letter.id())));
        }
        Ok(found)
    }

    /// Writes letters to a file, which a record is to name.
    pub fn put(&self, letters: &[Letter]) -> Result<LetterFile, CheckpointError> {
        let file = self.files.put("letters", &letter::encode(letters))?;
        Ok(LetterFile { file, letters: letters.len() as u64 })
    }

    pub fn read(&self, file: &FileRef) -> Result<Vec<Letter>, CheckpointError> {
        decoded(file, &self.files.get(file)?)
    }

    /// The oldest request that is not among these. On an object store, where looking costs time and money, it looks once a second.
    pub fn next_request(&self, known: &HashSet<String>) -> Result<Option<(String, Request)>, CheckpointError> {
        if self.disk.frames() == Frames::Put {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
                return Ok(None);
            }
            *looked = Some(Instant::now());
        }
        requests::oldest(self.disk.as_ref(), known)
    }

    /// These requests have been carried out.
    pub fn carried_out(&self, names: &[String]) -> Result<(), CheckpointError> {
        requests::remove(self.disk.as_ref(), names)
    }

    /// The job starts over: what was asked for means other letters.
    pub fn forget_requests(&self) -> Result<(), CheckpointError> {
        requests::remove_all(self.disk.as_ref())
    }
}

/// The letters of a file that a record names.
pub fn decoded(file: &FileRef, bytes: &[u8]) -> Result<Vec<Letter>, CheckpointError> {
    letter::decode(bytes).map_err(|reason| CheckpointError::unreadable(file, reason))
}

/// The dead letters of a job, as its checkpoint directory has them.
#[derive(Debug, Default)]
pub struct Queue {
    /// The oldest first.
    pub letters: Vec<Letter>,
    /// What was asked for and has not been carried out.
    pub pending: Vec<Request>,
    /// The job's input has ended, and its windows were closed: nothing can be replayed any more.
    pub is_over: bool,
}

impl Queue {
    /// What is to become of a letter.
    pub fn asked(&self, id: LetterId) -> Option<Action> {
        self.pending.iter().find(|request| request.letters.contains(&id)).map(|request| request.action)
    }
}

const LOOK_EVERY: Duration = Duration::from_secs(1);
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(50);

/// Reads the dead letters of a job, which may run meanwhile: nothing is locked or changed.
pub fn look(location: impl Into<Location>) -> Result<Queue, CheckpointError> {
    let location = location.into();
    let mut tries = 1;
    loop {
        match look_once(&location) {
            // The job that runs has collected a file that an older record names.
            Err(CheckpointError::Damaged { .. } | CheckpointError::Io { .. }) if tries < TRIES => {
                tries += 1;
                thread::sleep(PAUSE);
            }
            other => return other,
        }
    }
}

fn look_once(location: &Location) -> Result<Queue, CheckpointError> {
    let last = inspect::inspect(location)?.last;
    let disk = Place::open(location)?;
    let mut letters = Vec::new();
    for part in last.iter().flat_map(|last| &last.letters.queue) {
        letters.extend(decoded(&part.file, &files::get(&disk, &part.file)?)?);
    }
    let pending = requests::all(&disk)?.into_iter().map(|(_, request)| request).collect();
    Ok(Queue { letters, pending, is_over: last.is_some_and(|last| last.is_last) })
}

#[cfg(test)]
mod tests;
