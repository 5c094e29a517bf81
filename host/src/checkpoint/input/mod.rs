//! The log of a source that cannot ask for its input again: what it was given, as frames, durable before anybody is told so.
//!
//! ```text
//!  inputs/NAME/0000000000.log   frames 0..41, whole: synced before the next one was made
//!              0000000042.log   frames 42.., perhaps with a torn tail, then zeros
//! ```
//!
//! The source appends groups of frames, each with one write and one `fdatasync`; whoever recovers reads them from a frame on. A segment is
//! named by its first frame and ends where the next one begins, whatever lies behind. Invariants: a frame that [`InputLog::append`] has
//! returned for is read by whoever takes the job over; a frame that was not finished is cut and never read; everything else is damage, with file and offset.

mod reader;
mod segment;
#[cfg(test)]
mod tests;
mod upkeep;

use std::{io, sync::Arc};

use pelton_core::checkpoint::frame::{self, ALIGNMENT, Header, Kind};

pub use self::reader::InputReader;
use self::segment::Place;
pub(super) use self::upkeep::{collect, forget, forget_one, verify};
use super::{CheckpointError, disk::Disk, names, owner::Owner, read::SEGMENT_BYTES_MAX, store::OpenSegment};

/// The last frame that there was when a log was opened.
struct Last {
    payload: Vec<u8>,
    generation: u64,
}

/// The log of one source, owned by this process.
pub struct InputLog<D: Disk = super::Place> {
    disk: Arc<D>,
    owner: Arc<Owner<D>>,
    generation: u64,
    source: String,
    segment_bytes: u64,
    /// First frames of the segments that there were when it was opened.
    segments: Vec<u64>,
    /// Made with the first frame: who only reads leaves nothing behind.
    open: Option<OpenSegment<D::File>>,
    /// Number of the next frame. All before are durable.
    next: u64,
    /// The payload of the last frame that there was when it was opened.
    last: Option<Last>,
    /// A write or sync failed: what is on the disk is not known.
    is_failed: bool,
}

impl<D: Disk> InputLog<D> {
    /// Opens the log of a source and cuts its torn tail. The job must have been claimed.
    pub(super) fn open(
        disk: &Arc<D>,
        owner: &Arc<Owner<D>>,
        generation: u64,
        source: &str,
        segment_bytes: u64,
    ) -> Result<Self, CheckpointError> {
        for (folder, above) in [(names::INPUTS.to_owned(), String::new()), (names::input(source), names::INPUTS.into())]
        {
            disk.create_directory(&folder)
                .map_err(|error| CheckpointError::io("create directory", disk.shown(&folder), error))?;
            sync_names(disk.as_ref(), &above)?;
        }
        let mut log = Self {
            disk: Arc::clone(disk),
            owner: Arc::clone(owner),
            generation,
            source: source.to_owned(),
            segment_bytes,
            segments: segments(disk.as_ref(), source)?,
            open: None,
            next: 0,
            last: None,
            is_failed: false,
        };
        // Asked when the segments are known: those of whoever takes the job over later are not among them, and are not cut here.
        log.owner.check()?;
        // And what is missed here may have been collected by then.
        let found = log.find_end();
        found.or_else(|error| log.owner.check().and(Err(error)))?;
        Ok(log)
    }

    /// The oldest frame that is kept.
    pub fn begin(&self) -> u64 {
        self.segments.first().copied().unwrap_or(self.next)
    }

    /// The number of the next frame.
    pub fn end(&self) -> u64 {
        self.next
    }

    /// The payload of the last frame that there was when the log was opened.
    pub fn last(&self) -> Option<&[u8]> {
        self.last.as_ref().map(|last| last.payload.as_slice())
    }

    /// The process that wrote the last frame that there was when the log was opened; none: there was none.
    pub(super) fn last_generation(&self) -> Option<u64> {
        self.last.as_ref().map(|last| last.generation)
    }

    /// Appends frames, and answers the number of the first: when this returns, they will be read by whoever comes next.
    pub fn append(&mut self, payloads: &[Vec<u8>]) -> Result<u64, CheckpointError> {
        if self.is_failed {
            let reason = "a write to the log of an input failed".to_owned();
            return Err(CheckpointError::Poisoned { directory: self.disk.shown(""), reason });
        }
        let first = self.next;
        let appended = self.write(payloads).and_then(|()| self.owner.check());
        self.is_failed = appended.is_err();
        appended.map(|()| first)
    }

    /// Reads the frames from number `from` on that there were when the log was opened.
    pub fn reader(&self, from: u64) -> Result<InputReader<D>, CheckpointError> {
        if from < self.begin() || from > self.next {
            self.owner.check()?;
            return Err(self.missing(from));
        }
        Ok(InputReader::new(&self.disk, &self.source, &self.segments, from..self.next))
    }

    /// What is wrong where a frame is needed that the log does not have.
    pub fn missing(&self, frame: u64) -> CheckpointError {
        let what = format!("frame {frame} is needed, and the log has {}..{}", self.begin(), self.next);
        CheckpointError::damaged(self.disk.shown(&names::input(&self.source)), 0, what)
    }

    fn write(&mut self, payloads: &[Vec<u8>]) -> Result<(), CheckpointError> {
        let bytes: usize = payloads.iter().map(|payload| frame::frame_bytes(payload.len())).sum();
        // Zeros stay behind the last frame, as in the journal.
        let needed = (bytes + ALIGNMENT) as u64;
        let has_room = |open: &OpenSegment<D::File>| open.offset.saturating_add(needed) <= open.bytes;
        if !self.open.as_ref().is_some_and(has_room) {
            self.open = Some(self.create(self.segment_bytes.max(needed))?);
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        let mut group = Vec::with_capacity(bytes);
        for (sequence, payload) in (self.next..).zip(payloads) {
            let header = Header { kind: Kind::Rows, generation: self.generation, sequence, durable: self.next };
            group.extend(frame::encode(&header, open.offset + group.len() as u64, payload));
        }
        let path = names::input_segment(&self.source, open.number);
        let failed = |action| {
            let path = self.disk.shown(&path);
            move |source| CheckpointError::io(action, path, source)
        };
        let written = self.disk.write(&open.file, &group, open.offset).map_err(failed("write"));
        let synced = written.and_then(|()| self.disk.sync_data(&open.file).map_err(failed("sync")));
        if let Err(error) = synced {
            // Nobody was promised these rows, and who sent them may send them again: they are better not found.
            drop(self.disk.truncate(&path, open.offset));
            return Err(error);
        }
        open.offset += group.len() as u64;
        self.next += payloads.len() as u64;
        Ok(())
    }

    /// Makes the segment of the next frame, of zeros, durable before anything is written to it. The one before is synced: every group is.
    fn create(&self, bytes: u64) -> Result<OpenSegment<D::File>, CheckpointError> {
        let path = names::input_segment(&self.source, self.next);
        let failed = |action| {
            let path = self.disk.shown(&path);
            move |source: io::Error| CheckpointError::io(action, path, source)
        };
        let file = self.disk.create(&path, bytes).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => CheckpointError::Fenced { directory: self.disk.shown("") },
            _ => failed("create")(source),
        })?;
        self.disk.sync_file(&file).map_err(failed("sync"))?;
        sync_names(self.disk.as_ref(), &names::input(&self.source))?;
        Ok(OpenSegment { number: self.next, file, offset: 0, bytes })
    }

    /// Finds the last frame that is whole, makes it durable, and cuts what lies behind.
    fn find_end(&mut self) -> Result<(), CheckpointError> {
        let mut bound = None;
        while let Some(first) = self.segments.last().copied() {
            let bytes = read(self.disk.as_ref(), &self.source, first)?;
            let scan = frame::scan(&bytes);
            let place = Place { disk: self.disk.as_ref(), source: &self.source, first };
            place.check(&scan, bound.is_some())?;
            let frames = place.until(&scan, bound);
            let Some(last) = frames.last() else {
                // Its maker died before the first frame was durable. The one before it ends where this one began.
                let path = names::input_segment(&self.source, first);
                let removed = self.disk.remove(&path);
                removed.map_err(|source| CheckpointError::io("remove", self.disk.shown(&path), source))?;
                sync_names(self.disk.as_ref(), &names::input(&self.source))?;
                bound = Some(first);
                self.segments.pop();
                continue;
            };
            self.next = last.header.sequence.saturating_add(1);
            if let Some(bound) = bound.filter(|bound| *bound != self.next) {
                return Err(
                    place.damaged(last.end, format!("frame {} is missing, and {bound} came after it", self.next))
                );
            }
            self.last = Some(Last { payload: last.payload.to_vec(), generation: last.header.generation });
            return self.assure(first, &bytes, frames);
        }
        match bound {
            Some(bound) if bound > 0 => {
                let folder = self.disk.shown(&names::input(&self.source));
                Err(CheckpointError::damaged(folder, 0, format!("the frames before number {bound} are missing")))
            }
            _ => Ok(()),
        }
    }

    /// Writes the frames once more that may be in the memory of this machine alone, syncs them, and cuts the segment behind them.
    fn assure(&self, first: u64, bytes: &[u8], frames: &[frame::Frame<'_>]) -> Result<(), CheckpointError> {
        let path = names::input_segment(&self.source, first);
        let failed = |action| {
            let path = self.disk.shown(&path);
            move |source| CheckpointError::io(action, path, source)
        };
        let durable = frames.iter().map(|frame| frame.header.durable).max().unwrap_or(0);
        let begin = frames.iter().find(|frame| frame.header.sequence >= durable).map(|frame| frame.offset);
        let end = frames.last().map_or(0, |last| last.end);
        if let Some(begin) = begin
            && let Some(unsure) = bytes.get(begin as usize..end as usize)
        {
            let file = self.disk.open(&path).map_err(failed("open"))?;
            self.disk.write(&file, unsure, begin).map_err(failed("write"))?;
            self.disk.sync_data(&file).map_err(failed("sync"))?;
        }
        if bytes.len() as u64 > end {
            self.disk.truncate(&path, end).map_err(failed("cut the end of"))?;
        }
        Ok(())
    }
}

/// The first frames of a log's segments, lowest first.
fn segments<D: Disk>(disk: &D, source: &str) -> Result<Vec<u64>, CheckpointError> {
    let folder = names::input(source);
    let names = disk.list(&folder).map_err(|error| CheckpointError::io("list", disk.shown(&folder), error))?;
    let mut firsts: Vec<u64> = names.iter().filter_map(|name| names::input_segment_first(name)).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

fn read<D: Disk>(disk: &D, source: &str, first: u64) -> Result<Vec<u8>, CheckpointError> {
    let path = names::input_segment(source, first);
    disk.read(&path, SEGMENT_BYTES_MAX).map_err(|error| CheckpointError::io("read", disk.shown(&path), error))
}

fn sync_names<D: Disk>(disk: &D, folder: &str) -> Result<(), CheckpointError> {
    let synced = disk.sync_directory(folder);
    synced.map_err(|source| CheckpointError::io("sync", disk.shown(folder), source))
}
