//! From receivers to the planner: room for what has come, one log, groups that are made durable together.
//!
//! Receivers wait for [`Room`] before they hand a piece over, and keep it until the planner has taken the range; so memory is bounded, and a
//! receiver that gets no room stops reading. The recorder thread takes all that has been handed over by the time the last group
//! was durable, and makes that the next group: one write and one `fdatasync`, however many came. Invariant: a receipt is
//! given, and a range handed on, only after the rows are in the log.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_channel as channel;
use pelton_core::checkpoint::record::Position;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{
    piece::{self, Piece},
    receiver::Stop,
};
use crate::{
    checkpoint::{InputLog, InputReader},
    failpoint,
    log::inherited,
    source::{SourceError, file::lines::BytesRange},
};

/// Bytes of one group, about.
const GROUP_BYTES: usize = 4 << 20;

/// What a planted bug waits before it makes durable what it has promised.
const EARLY: Duration = Duration::from_millis(50);

/// Where receivers hand over what has come.
#[derive(Clone)]
pub(super) struct Intake {
    room: Arc<Semaphore>,
    room_bytes: u32,
    pieces: channel::Sender<Handed>,
}

/// The right to hand over so many bytes.
pub(super) struct Room {
    /// None: of what is handed over at the end, room or not.
    _permit: Option<OwnedSemaphorePermit>,
}

/// Told when the rows are in the log; given up when they never will be.
pub(super) type Receipt = oneshot::Receiver<()>;

enum Handed {
    Rows {
        pieces: Vec<Piece>,
        room: Room,
        receipt: oneshot::Sender<()>,
    },
    /// Nothing more comes, because of this.
    Failure(SourceError),
}

/// A range that may be planned.
pub(super) struct Recorded {
    pub(super) number: u64,
    pub(super) range: BytesRange,
    /// Given back when the planner has taken the range.
    _room: Vec<Arc<Room>>,
}

/// What the planner has of the recorder.
pub(super) struct Recorder {
    /// What is in the log already; none: all was read, or there is no log.
    pub(super) logged: Option<InputReader>,
    pub(super) ranges: channel::Receiver<Result<Recorded, SourceError>>,
    /// The number of the first range, and its offset.
    pub(super) next: (u64, u64),
    pub(super) has_log: bool,
    pub(super) thread: Option<JoinHandle<()>>,
}

/// Starts a recorder whose planner begins at `from`.
pub(super) fn open(
    name: &Arc<str>,
    log: Option<InputLog>,
    room_bytes: usize,
    from: &Position,
) -> Result<(Intake, Recorder), SourceError> {
    let (next, offset) = match from {
        Position::Range { sequence, offset, .. } => (*sequence, *offset),
        Position::Start | Position::End => (0, 0),
    };
    let failed = |source| SourceError::Log { name: name.to_string(), source: Box::new(source) };
    let logged = log.as_ref().map(|log| log.reader(next)).transpose().map_err(failed)?;
    let mut end = (next, offset);
    if let Some(log) = &log {
        let last = log.last().map(|payload| piece::decode(payload.to_vec())).transpose();
        let last = last.map_err(|reason| SourceError::Logged { name: name.to_string(), reason })?;
        end = (log.end(), last.map_or(0, |last| last.offset + last.bytes.len() as u64));
    }
    // A piece is never larger than all the room there is.
    let room_bytes = u32::try_from(room_bytes).unwrap_or(u32::MAX).max(1);
    let room = Arc::new(Semaphore::new(room_bytes as usize));
    let (pieces, handed) = channel::unbounded();
    let (sender, ranges) = channel::unbounded();
    let has_log = log.is_some();
    let recording = Recording { name: Arc::clone(name), log, number: end.0, offset: end.1, ranges: sender };
    let thread = thread::Builder::new()
        .name("pelton-recorder".to_owned())
        .spawn(inherited(move || recording.run(&handed)))
        .map_err(|source| SourceError::Io { action: "start a recorder of", file: name.to_string(), source })?;
    let recorder = Recorder { logged, ranges, next: (next, offset), has_log, thread: Some(thread) };
    Ok((Intake { room, room_bytes, pieces }, recorder))
}

impl Intake {
    fn clamp(&self, bytes: usize) -> u32 {
        u32::try_from(bytes).unwrap_or(u32::MAX).clamp(1, self.room_bytes)
    }

    /// Waits for room.
    pub(super) async fn room(&self, bytes: usize) -> Room {
        let room = Arc::clone(&self.room).acquire_many_owned(self.clamp(bytes)).await;
        Room { _permit: Some(room.expect("the semaphore is never closed")) }
    }

    /// Room, if there is any at the moment.
    pub(super) fn try_room(&self, bytes: usize) -> Option<Room> {
        Arc::clone(&self.room)
            .try_acquire_many_owned(self.clamp(bytes))
            .ok()
            .map(|permit| Room { _permit: Some(permit) })
    }

    /// Waits for room, but not when the receiver is to end: what has been read is handed over then, room or not. That is at most a block
    /// and a row for each connection.
    pub(super) async fn room_or_end(&self, bytes: usize, stop: &mut Stop) -> Room {
        tokio::select! {
            room = self.room(bytes) => room,
            _ = stop.requested() => Room { _permit: None },
        }
    }

    /// Hands pieces over, which come one after the other.
    pub(super) fn hand(&self, pieces: Vec<Piece>, room: Room) -> Receipt {
        let (receipt, told) = oneshot::channel();
        // If the recorder is gone, the receipt is given up.
        let _ = self.pieces.send(Handed::Rows { pieces, room, receipt });
        told
    }

    /// Tells the planner, behind the rows that were handed over before.
    pub(super) fn fail(&self, error: SourceError) {
        let _ = self.pieces.send(Handed::Failure(error));
    }
}

/// The recorder thread's own.
struct Recording {
    name: Arc<str>,
    log: Option<InputLog>,
    /// Of the next range.
    number: u64,
    /// Of the next byte.
    offset: u64,
    ranges: channel::Sender<Result<Recorded, SourceError>>,
}

/// Who waits no more needs no receipt.
fn give(receipt: oneshot::Sender<()>) {
    let _ = receipt.send(());
}

/// What is made durable together.
#[derive(Default)]
struct Group {
    pieces: Vec<(Piece, Vec<Arc<Room>>)>,
    receipts: Vec<oneshot::Sender<()>>,
    bytes: usize,
    failure: Option<SourceError>,
}

impl Group {
    fn add(&mut self, handed: Handed) {
        let (pieces, room, receipt) = match handed {
            Handed::Rows { pieces, room, receipt } => (pieces, Arc::new(room), receipt),
            Handed::Failure(error) => {
                self.failure = Some(error);
                return;
            }
        };
        for piece in pieces {
            self.bytes += piece.bytes.len();
            let merged = match self.pieces.last_mut() {
                Some((last, rooms)) => last.merge(piece).map(|()| rooms.push(Arc::clone(&room))),
                None => Err(piece),
            };
            if let Err(piece) = merged {
                self.pieces.push((piece, vec![Arc::clone(&room)]));
            }
        }
        self.receipts.push(receipt);
    }

    fn is_full(&self) -> bool {
        self.bytes >= GROUP_BYTES || self.failure.is_some()
    }
}

impl Recording {
    /// Until every receiver is gone, or the log cannot be written.
    fn run(mut self, handed: &channel::Receiver<Handed>) {
        while let Ok(first) = handed.recv() {
            let mut group = Group::default();
            group.add(first);
            while !group.is_full()
                && let Ok(more) = handed.try_recv()
            {
                group.add(more);
            }
            let Group { pieces, mut receipts, failure, .. } = group;
            if failpoint::is_planted("early-receipt") {
                receipts.drain(..).for_each(give);
                thread::sleep(EARLY);
            }
            let recorded = self.record(pieces);
            let has_failed = recorded.is_err() || failure.is_some();
            match recorded {
                Ok(ranges) => {
                    ranges.into_iter().for_each(|range| drop(self.ranges.send(Ok(range))));
                    receipts.into_iter().for_each(give);
                }
                Err(error) => drop(self.ranges.send(Err(error))),
            }
            if let Some(error) = failure {
                drop(self.ranges.send(Err(error)));
            }
            if has_failed {
                return;
            }
        }
    }

    /// Makes pieces durable, where there is a log.
    fn record(&mut self, pieces: Vec<(Piece, Vec<Arc<Room>>)>) -> Result<Vec<Recorded>, SourceError> {
        let (mut ranges, mut payloads) = (Vec::new(), Vec::new());
        for (piece, room) in pieces {
            self.offset += piece.skipped;
            if self.log.is_some() {
                payloads.push(piece.encode(self.offset));
            }
            let range = piece.into_range(self.offset);
            self.offset += range.bytes.len() as u64;
            ranges.push(Recorded { number: self.number, range, _room: room });
            self.number += 1;
        }
        if let Some(log) = self.log.as_mut().filter(|_| !payloads.is_empty()) {
            failpoint::reach("receive");
            let failed = |source| SourceError::Log { name: self.name.to_string(), source: Box::new(source) };
            log.append(&payloads).map_err(failed)?;
            failpoint::reach("receipt");
        }
        Ok(ranges)
    }
}
