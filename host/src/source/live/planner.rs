//! Hands out what was received: first what is in the log already, then what comes.
//!
//! Invariants: ranges are numbered as the frames of the log are; when the planner is dropped, nobody listens any more.

use std::{io, sync::Arc, thread::JoinHandle, time::Instant};

use crossbeam_channel::RecvTimeoutError;
use pelton_core::checkpoint::record::Position;

use super::{
    intake::{Recorded, Recorder},
    piece,
    receiver::{Ending, Receiver},
};
use crate::source::{Bookmark, Next, Planner, Range, RangeData, RangeLabel, SourceError, file::lines::BytesRange};

pub(super) struct LivePlanner {
    name: Arc<str>,
    recorder: Recorder,
    /// None: it has ended.
    receiver: Option<Receiver>,
}

impl LivePlanner {
    pub(super) fn new(name: &Arc<str>, recorder: Recorder, receiver: Receiver) -> Self {
        Self { name: Arc::clone(name), recorder, receiver: Some(receiver) }
    }

    /// The next range of those that were in the log at the start.
    fn logged(&mut self) -> Result<Option<Next>, SourceError> {
        let Some(reader) = &mut self.recorder.logged else { return Ok(None) };
        let failed = |source| SourceError::Log { name: self.name.to_string(), source: Box::new(source) };
        let Some((number, payload)) = reader.read().map_err(failed)? else {
            self.recorder.logged = None;
            return Ok(None);
        };
        let range =
            piece::decode(payload).map_err(|reason| SourceError::Logged { name: self.name.to_string(), reason })?;
        Ok(Some(self.range(number, range)))
    }

    /// Nothing more comes: the input has ended, unless a thread has died.
    fn ended(&mut self) -> Result<Next, SourceError> {
        let received = self.receiver.take().map_or(Ok(()), Receiver::end);
        let recorded = self.recorder.thread.take().map_or(Ok(()), JoinHandle::join);
        received.and(recorded).map(|()| Next::End).map_err(|_| SourceError::Io {
            action: "receive from",
            file: self.name.to_string(),
            source: io::Error::other("a thread of the source has died"),
        })
    }

    fn range(&mut self, sequence: u64, range: BytesRange) -> Next {
        let bytes = range.bytes.len() as u64;
        let end = range.offset + bytes;
        self.recorder.next = (sequence + 1, end);
        Next::Range(Range {
            partition: 0,
            sequence,
            name: Arc::clone(&self.name),
            bytes,
            label: RangeLabel::Bytes(range.offset, end),
            data: RangeData::Bytes(range),
        })
    }
}

impl Planner for LivePlanner {
    fn next(&mut self, deadline: Option<Instant>) -> Result<Next, SourceError> {
        if let Some(range) = self.logged()? {
            return Ok(range);
        }
        let ranges = &self.recorder.ranges;
        let received = match deadline {
            Some(deadline) => ranges.recv_deadline(deadline),
            None => ranges.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(Ok(Recorded { number, range, .. })) => Ok(self.range(number, range)),
            Ok(Err(error)) => Err(error),
            Err(RecvTimeoutError::Timeout) => Ok(Next::Pending),
            Err(RecvTimeoutError::Disconnected) => self.ended(),
        }
    }

    fn bookmark(&self) -> Option<Bookmark> {
        let (sequence, offset) = self.recorder.next;
        let position = Position::Range { partition: 0, sequence, offset, rows_at: None };
        self.recorder.has_log.then(|| Bookmark::at(position))
    }

    fn log_end(&self) -> Option<u64> {
        self.recorder.has_log.then_some(self.recorder.next.0)
    }

    fn drain(&mut self) -> bool {
        if let Some(receiver) = &self.receiver {
            receiver.stop(Ending::HandOver);
        }
        true
    }
}

impl Drop for LivePlanner {
    fn drop(&mut self) {
        // First those who hand over, then the one who is given to: it writes down all of it.
        if let Some(receiver) = self.receiver.take() {
            receiver.stop(if self.recorder.has_log { Ending::HandOver } else { Ending::Leave });
        }
        if let Some(thread) = self.recorder.thread.take() {
            // What it panicked with has been logged.
            let _ = thread.join();
        }
    }
}
