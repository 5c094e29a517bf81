//! Reads a log from a frame on, for whoever recovers.
//!
//! What is read was checked by its hash, segment by segment; a frame that is missing is damage, since all up to the end were promised.

use std::{collections::VecDeque, ops::Range, sync::Arc};

use pelton_core::checkpoint::frame::{self, Kind};

use super::segment::Place;
use crate::checkpoint::{self, CheckpointError, disk::Disk};

/// Reads frames of a log in order. Holds one segment.
pub struct InputReader<D: Disk = checkpoint::Place> {
    disk: Arc<D>,
    source: String,
    /// First frames of those that are not loaded yet.
    segments: VecDeque<u64>,
    next: u64,
    end: u64,
    loaded: Option<Loaded>,
}

struct Loaded {
    first: u64,
    bytes: Vec<u8>,
    /// Where the next frame is, and its number.
    offset: u64,
    sequence: u64,
}

impl<D: Disk> InputReader<D> {
    pub(super) fn new(disk: &Arc<D>, source: &str, segments: &[u64], frames: Range<u64>) -> Self {
        Self {
            disk: Arc::clone(disk),
            source: source.to_owned(),
            segments: segments.iter().copied().collect(),
            next: frames.start,
            end: frames.end,
            loaded: None,
        }
    }

    /// The next frame's number and payload; none: all have been read.
    pub fn read(&mut self) -> Result<Option<(u64, Vec<u8>)>, CheckpointError> {
        while self.next < self.end {
            self.load()?;
            let Some(loaded) = &mut self.loaded else { break };
            let place = Place { disk: self.disk.as_ref(), source: &self.source, first: loaded.first };
            let found = frame::frame_at(&loaded.bytes, loaded.offset);
            let frame = match found {
                Ok(Some(frame)) if frame.header.sequence == loaded.sequence && frame.header.kind == Kind::Rows => frame,
                Ok(Some(_) | None) => {
                    return Err(place.damaged(loaded.offset, format!("frame {} is missing", loaded.sequence)));
                }
                Err(defect) => return Err(place.defect(loaded.offset, defect)),
            };
            (loaded.offset, loaded.sequence) = (frame.end, loaded.sequence.saturating_add(1));
            if frame.header.sequence == self.next {
                self.next += 1;
                return Ok(Some((frame.header.sequence, frame.payload.to_vec())));
            }
        }
        Ok(None)
    }

    /// Loads the segment that the next frame is in.
    fn load(&mut self) -> Result<(), CheckpointError> {
        while self.segments.get(1).is_some_and(|following| *following <= self.next) {
            self.segments.pop_front();
        }
        let Some(first) = self.segments.front().copied() else { return Ok(()) };
        if self.loaded.as_ref().is_none_or(|loaded| loaded.first != first) {
            let bytes = super::read(self.disk.as_ref(), &self.source, first)?;
            self.loaded = Some(Loaded { first, bytes, offset: 0, sequence: first });
        }
        Ok(())
    }
}
