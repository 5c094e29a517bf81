//! The store of a running job: commits epochs, one frame and one `fdatasync` each.
//!
//! ```text
//!  commit N: names of new files synced ─► frame written ─► fdatasync ─► nobody took the job over? ─► permit N
//! ```
//!
//! Invariants: a permit is made only here and in `open`, for what is durable. After any failure the store does nothing more: what a
//! failed sync left on the disk is not known, so that neither the descriptor nor what was written through it is trusted again.
//! Whoever takes the job over makes a segment with a higher number *before* it reads; so if there is none after the sync, it
//! will read what was committed (`open.rs`). On an object store each frame is a segment, and writing and syncing it is one conditional put.

use std::{fmt, io, sync::Arc};

use pelton_core::{
    checkpoint::{
        frame::{self, ALIGNMENT, FRAME_BYTES_MAX, Header, Kind},
        record::{FileRef, Outline, Record},
        retain::Kept,
    },
    model::Epoch,
};

use super::{
    CheckpointError, InputLog, Place,
    disk::{Disk, Frames},
    files::Files,
    input, names,
    owner::Owner,
    payload,
};

/// Space that is set aside at once. A frame that is longer gets a segment of its own.
pub(super) const SEGMENT_BYTES: u64 = 16 << 20;

/// The right to make the outputs of an epoch visible: it is committed.
#[derive(Debug, PartialEq, Eq)]
pub struct CommitPermit {
    epoch: Epoch,
}

impl CommitPermit {
    pub(super) fn new(epoch: Epoch) -> Self {
        Self { epoch }
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Of a job that keeps no checkpoints: its epochs have happened when they have been computed.
    pub(crate) fn without_checkpoint(epoch: Epoch) -> Self {
        Self { epoch }
    }
}

/// The checkpoints of one job, owned by this process.
pub struct Store<D: Disk = Place> {
    pub(super) disk: Arc<D>,
    pub(super) files: Files<D>,
    pub(super) segment: OpenSegment<D::File>,
    /// Shared with the logs of inputs.
    pub(super) owner: Arc<Owner<D>>,
    pub(super) segment_bytes: u64,
    pub(super) generation: u64,
    /// Number of the next frame.
    pub(super) sequence: u64,
    /// Frames with lower numbers are durable.
    pub(super) durable: u64,
    pub(super) next_epoch: Epoch,
    /// Outputs of epochs up to this one are visible; 0 where none are.
    pub(super) published: u64,
    /// The same, as the journal says it for good.
    pub(super) published_durable: u64,
    /// The records that are in the journal, oldest first.
    pub(super) kept: Vec<Kept>,
    /// Outputs up to this epoch are visible, which no frame says: there each frame is an object, and this one would hardly be worth it.
    pub(super) unnoted: Option<Epoch>,
    /// Why nothing goes on.
    pub(super) poison: Option<String>,
}

/// The segment that frames are written to.
pub(super) struct OpenSegment<F> {
    pub(super) number: u64,
    pub(super) file: F,
    /// Where the next frame starts.
    pub(super) offset: u64,
    /// Its length, of which the rest is zeros.
    pub(super) bytes: u64,
}

impl<D: Disk> Store<D> {
    /// Of this process; every record that it commits has it.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The directory, for messages.
    pub fn directory(&self) -> String {
        self.disk.shown("")
    }

    /// A handle for threads that write files beside the run.
    pub fn files(&self) -> Files<D> {
        self.files.clone()
    }

    /// [`Files::put`]
    pub fn put(&self, hint: &str, bytes: &[u8]) -> Result<FileRef, CheckpointError> {
        self.files.put(hint, bytes)
    }

    /// [`Files::get`]
    pub fn get(&self, file: &FileRef) -> Result<Vec<u8>, CheckpointError> {
        // What is missing may have been collected by whoever has taken the job over.
        self.files.get(file).or_else(|error| self.owner.check().and(Err(error)))
    }

    /// Opens the log of a source, which must not be open yet. Where the newest record, of generation `unknown_to`, does not know the source,
    /// what that process and earlier ones have logged is of another source of this name that the job had once, and is removed.
    pub fn input_log(&self, source: &str, unknown_to: Option<u64>) -> Result<InputLog<D>, CheckpointError> {
        if self.disk.frames() == Frames::Put {
            let reason = format!("the log of source `{source}` is appended to, which needs a directory");
            return Err(CheckpointError::Unusable { place: self.directory(), reason });
        }
        let open = || InputLog::open(&self.disk, &self.owner, self.generation, source, self.segment_bytes);
        let log = open()?;
        if log.last_generation().zip(unknown_to).is_some_and(|(logged, known)| logged <= known) {
            self.owner.check()?;
            input::forget_one(self.disk.as_ref(), source)?;
            return open();
        }
        Ok(log)
    }

    /// Commits an epoch: when this returns, it has happened, whatever happens next. `outboxes` are one for each sink, and may be empty.
    pub fn commit(&mut self, record: &Record, outboxes: &[Vec<u8>]) -> Result<CommitPermit, CheckpointError> {
        self.check_order(record)?;
        let payload = payload::encode_epoch(record, outboxes).map_err(|reason| {
            CheckpointError::io("encode the record of an epoch for", self.directory(), io::Error::other(reason))
        })?;
        if payload.len() > FRAME_BYTES_MAX - ALIGNMENT {
            let (bytes, bytes_max) = (payload.len() as u64, (FRAME_BYTES_MAX - ALIGNMENT) as u64);
            return Err(CheckpointError::TooLarge { bytes, bytes_max });
        }
        self.guarded(|store| {
            store.files.sync_names()?;
            store.append(Kind::Epoch, &payload)?;
            store.sync()?;
            store.owner.check_synced()
        })?;
        self.kept.push(Kept::of(&Outline::of(record), self.segment.number));
        self.published = self.published.max(record.published_through.0);
        // Frames say it as well, where frames are appended; they are durable with this one.
        self.published_durable = match self.disk.frames() {
            Frames::Appended => self.published,
            Frames::Put => self.published_durable.max(record.published_through.0),
        };
        self.next_epoch = record.epoch.next();
        Ok(CommitPermit::new(record.epoch))
    }

    /// Commits the epoch that a savepoint is of, as the first of a job that was taken over by [`Take::Restore`](super::Take::Restore), and ends
    /// there in good order: whoever comes next goes on after it. It has nothing to publish.
    pub fn commit_restored(mut self, record: &Record) -> Result<(), CheckpointError> {
        self.next_epoch = record.epoch;
        let permit = self.commit(record, &[])?;
        self.published(permit)?;
        self.close()
    }

    /// Notes that the outputs of an epoch, and of all before, are visible, and that the sinks have made them durable: they will not be
    /// published again. The note is durable with the next commit; until then a power cut makes whoever recovers publish them once more.
    pub fn published(&mut self, permit: CommitPermit) -> Result<(), CheckpointError> {
        let payload = payload::encode_published(permit.epoch);
        self.guarded(|store| {
            if store.disk.frames() == Frames::Put {
                store.unnoted = Some(permit.epoch);
                return Ok(());
            }
            // What starts a segment is always synced. The next record says the same as this frame.
            if store.has_room(payload.len()) { store.append(Kind::Published, &payload) } else { Ok(()) }
        })?;
        self.published = self.published.max(permit.epoch.0);
        Ok(())
    }

    /// Ends in good order: whoever comes next knows that nothing was cut.
    pub fn close(mut self) -> Result<(), CheckpointError> {
        self.guarded(|store| {
            if let Some(epoch) = store.unnoted.filter(|epoch| epoch.0 > store.published_durable) {
                store.append(Kind::Published, &payload::encode_published(epoch))?;
            }
            store.append(Kind::Closed, &[])?;
            store.sync()
        })
    }

    /// Does something after which the store is trusted only if it succeeds.
    pub(super) fn guarded<T>(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<T, CheckpointError>,
    ) -> Result<T, CheckpointError> {
        if let Some(reason) = &self.poison {
            return Err(CheckpointError::Poisoned { directory: self.directory(), reason: reason.clone() });
        }
        act(self).inspect_err(|error| {
            let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
            self.poison = Some(format!("{error}{cause}"));
        })
    }

    fn check_order(&self, record: &Record) -> Result<(), CheckpointError> {
        if record.epoch == self.next_epoch && record.generation == self.generation {
            return Ok(());
        }
        let (epoch, next) = (record.epoch.0, self.next_epoch.0);
        Err(CheckpointError::OutOfOrder { epoch, generation: record.generation, next, own: self.generation })
    }

    /// Zeros are left behind the last frame, so that a file that was cut is known.
    fn has_room(&self, payload_bytes: usize) -> bool {
        let needed = (frame::frame_bytes(payload_bytes) + ALIGNMENT) as u64;
        self.segment.offset.saturating_add(needed) <= self.segment.bytes
    }

    pub(super) fn append(&mut self, kind: Kind, payload: &[u8]) -> Result<(), CheckpointError> {
        if !self.has_room(payload.len()) {
            self.roll(payload.len())?;
        }
        let header = Header { kind, generation: self.generation, sequence: self.sequence, durable: self.durable };
        let segment = &mut self.segment;
        let bytes = frame::encode(&header, segment.offset, payload);
        self.disk
            .write(&segment.file, &bytes, segment.offset)
            .map_err(|source| CheckpointError::io("write", self.disk.shown(&names::segment(segment.number)), source))?;
        segment.offset += bytes.len() as u64;
        self.sequence += 1;
        Ok(())
    }

    /// Goes on in a new segment; the old one is synced before, since only the last one may have an unfinished end.
    fn roll(&mut self, payload_bytes: usize) -> Result<(), CheckpointError> {
        if self.durable < self.sequence {
            self.sync()?;
        }
        let bytes = self.segment_bytes.max((frame::frame_bytes(payload_bytes) + ALIGNMENT) as u64);
        let old = names::segment(self.segment.number);
        let owner = Arc::clone(&self.owner);
        self.segment = owner.roll(|number| create_segment(self.disk.as_ref(), number, bytes))?;
        if self.disk.frames() == Frames::Put {
            // Nothing is there yet.
            return Ok(());
        }
        // The next number is free again if whoever took the job over has collected it, after ours.
        match self.disk.exists(&old) {
            Ok(true) => Ok(()),
            Ok(false) => {
                drop(self.disk.remove(&names::segment(self.segment.number)));
                Err(CheckpointError::Fenced { directory: self.directory() })
            }
            Err(source) => Err(CheckpointError::io("find", self.disk.shown(&old), source)),
        }
    }

    pub(super) fn sync(&mut self) -> Result<(), CheckpointError> {
        let segment = &self.segment;
        self.disk.sync_data(&segment.file).map_err(|source| match source.kind() {
            // Somebody else has put the next frame, which can only be a claim.
            io::ErrorKind::AlreadyExists => CheckpointError::Fenced { directory: self.directory() },
            io::ErrorKind::Unsupported => {
                CheckpointError::Unusable { place: self.directory(), reason: source.to_string() }
            }
            _ => CheckpointError::io("sync", self.disk.shown(&names::segment(segment.number)), source),
        })?;
        self.durable = self.sequence;
        Ok(())
    }

    /// [`Owner::check`]
    pub(super) fn check_owner(&self) -> Result<(), CheckpointError> {
        self.owner.check()
    }
}

impl<D: Disk> fmt::Debug for Store<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Store");
        fields.field("directory", &self.directory()).field("generation", &self.generation);
        fields.field("next_epoch", &self.next_epoch).field("poison", &self.poison).finish_non_exhaustive()
    }
}

/// Makes a segment of zeros that is durable before anything is written to it.
pub(super) fn create_segment<D: Disk>(
    disk: &D,
    number: u64,
    bytes: u64,
) -> Result<OpenSegment<D::File>, CheckpointError> {
    let path = names::segment(number);
    let error = |action, path: &str, source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => CheckpointError::Fenced { directory: disk.shown("") },
        _ => CheckpointError::io(action, disk.shown(path), source),
    };
    let file = disk.create(&path, bytes).map_err(|source| error("create", &path, source))?;
    disk.sync_file(&file).map_err(|source| error("sync", &path, source))?;
    disk.sync_directory(names::JOURNAL).map_err(|source| error("sync", names::JOURNAL, source))?;
    Ok(OpenSegment { number, file, offset: 0, bytes })
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
