//! Reads a journal: every segment, every frame, every checksum; what counts is decided by the core.
//!
//! [`open`](super::open) reads it to take the job over, [`inspect`](super::inspect) to show it. Everything is checked, and of epochs only the
//! outlines are kept: [`Epochs`] reads those again that are needed. Memory is bounded by one segment and the outlines.

use std::io;

use pelton_core::{
    checkpoint::{
        chain::{self, Chain, Damage, FrameFacts, Segment, Wrong},
        claim::Claim,
        frame::{self, Defect, FRAME_BYTES_MAX, Frame, Kind},
        record::{Outline, Record},
        recovery::{self, Decision, Entry, What},
    },
    model::Epoch,
};

use super::{
    CheckpointError,
    disk::{Disk, Frames},
    names, payload,
};

/// A segment is hardly longer than its longest frame.
pub(super) const SEGMENT_BYTES_MAX: u64 = FRAME_BYTES_MAX as u64 + (1 << 20);

/// A journal that is valid, but perhaps for its torn tail.
pub(super) struct Journal {
    pub(super) segments: Vec<Segment>,
    pub(super) chain: Chain,
    /// All valid frames, oldest first.
    pub(super) entries: Vec<Placed>,
    pub(super) decision: Decision,
}

/// A valid frame and its place.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) segment: u64,
    pub(super) offset: u64,
    pub(super) generation: u64,
    pub(super) content: Content,
}

/// What a frame says.
#[derive(Debug)]
pub(super) enum Content {
    Claim(Claim),
    Epoch(Box<Outline>),
    Published(Epoch),
    Closed,
}

impl Journal {
    /// The records, oldest first, with their places.
    pub(super) fn records(&self) -> impl Iterator<Item = (&Placed, &Outline)> {
        self.entries.iter().filter_map(|placed| match &placed.content {
            Content::Epoch(record) => Some((placed, record.as_ref())),
            _ => None,
        })
    }
}

/// Reads epochs in full, of which the outlines are known. It holds the segment that it has read last.
pub(super) struct Epochs<'a, D: Disk> {
    disk: &'a D,
    segment: Option<(u64, Vec<u8>)>,
}

impl<'a, D: Disk> Epochs<'a, D> {
    pub(super) fn new(disk: &'a D) -> Self {
        Self { disk, segment: None }
    }

    /// The record of an epoch, and one outbox for each sink.
    pub(super) fn read(&mut self, placed: &Placed) -> Result<(Record, Vec<Vec<u8>>), CheckpointError> {
        let bytes = match self.segment.take() {
            Some((number, bytes)) if number == placed.segment => bytes,
            _ => segment_bytes(self.disk, placed.segment)?,
        };
        let damaged = |what: String| {
            CheckpointError::damaged(self.disk.shown(&names::segment(placed.segment)), placed.offset, what)
        };
        let (_, bytes) = self.segment.insert((placed.segment, bytes));
        let payload =
            frame::payload_at(bytes, placed.offset).ok_or_else(|| damaged("it was changed just now".into()))?;
        let epoch = payload::decode_epoch(payload).map_err(|reason| damaged(undecodable(&reason)))?;
        Ok((epoch.record, epoch.outboxes.into_iter().map(<[u8]>::to_vec).collect()))
    }
}

fn undecodable(reason: &str) -> String {
    format!("the content of a frame cannot be decoded: {reason}")
}

/// The numbers of all segments, lowest first.
pub(super) fn segment_numbers<D: Disk>(disk: &D) -> Result<Vec<u64>, CheckpointError> {
    disk.segment_numbers().map_err(|source| match source.kind() {
        io::ErrorKind::InvalidData => CheckpointError::damaged(disk.shown(names::FLOOR), 0, source),
        _ => CheckpointError::io("read", disk.shown(names::JOURNAL), source),
    })
}

pub(super) fn segment_bytes<D: Disk>(disk: &D, number: u64) -> Result<Vec<u8>, CheckpointError> {
    let path = names::segment(number);
    disk.read(&path, SEGMENT_BYTES_MAX).map_err(|source| CheckpointError::io("read", disk.shown(&path), source))
}

/// Reads and judges these segments, which are given by number, lowest first.
pub(super) fn read<D: Disk>(disk: &D, numbers: &[u64]) -> Result<Journal, CheckpointError> {
    let (mut segments, mut contents) = (Vec::new(), Vec::new());
    for number in numbers {
        let bytes = segment_bytes(disk, *number)?;
        let scan = frame::scan(&bytes);
        let decoded: Vec<_> = scan.frames.iter().map(decode).collect();
        let claim = match decoded.first() {
            Some(Ok(Content::Claim(claim))) => Some(claim.clone()),
            _ => None,
        };
        if disk.frames() == Frames::Put && (scan.flaw.is_some() || scan.frames.is_empty()) {
            // Nothing is ever half there.
            let (offset, what) = scan
                .flaw
                .as_ref()
                .map_or((0, "it holds no frame".into()), |flaw| (flaw.offset, flaw.defect.to_string()));
            return Err(match scan.flaw.map(|flaw| flaw.defect) {
                Some(Defect::Version { .. } | Defect::Kind { .. }) => {
                    CheckpointError::Newer { file: disk.shown(&names::segment(*number)), offset, what }
                }
                _ => CheckpointError::damaged(disk.shown(&names::segment(*number)), offset, what),
            });
        }
        let frames = scan.frames.iter().map(facts).collect();
        segments.push(Segment { number: *number, bytes: bytes.len() as u64, frames, flaw: scan.flaw, claim });
        contents.push(decoded);
    }
    let chain = chain::join(&segments).map_err(|damage| of_damage(disk, &damage))?;
    let entries = entries(disk, &chain, &segments, contents)?;
    let decision = recovery::decide(entries.iter().map(entry)).map_err(|refusal| {
        let place = entries.get(refusal.entry).map_or((0, 0), |placed| (placed.segment, placed.offset));
        CheckpointError::damaged(disk.shown(&names::segment(place.0)), place.1, refusal.why)
    })?;
    let is_restore = |placed: &Placed| matches!(&placed.content, Content::Claim(claim) if claim.restores);
    if decision.last.is_none() && entries.iter().any(is_restore) {
        return Err(CheckpointError::Unrestored { directory: disk.shown("") });
    }
    Ok(Journal { segments, chain, entries, decision })
}

/// The highest generation that anything names, in whatever state it is: for a job that starts over.
pub(super) fn highest_generation<D: Disk>(disk: &D, numbers: &[u64]) -> Result<u64, CheckpointError> {
    let files = disk.list(names::FILES);
    let files = files.map_err(|source| CheckpointError::io("list", disk.shown(names::FILES), source))?;
    let mut highest = files.iter().filter_map(|name| names::file_generation(name)).max().unwrap_or(0);
    for number in numbers {
        let bytes = match segment_bytes(disk, *number) {
            // A listing was behind.
            Err(CheckpointError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => continue,
            bytes => bytes?,
        };
        let generations = frame::scan(&bytes).frames.iter().map(|frame| frame.header.generation).max();
        highest = highest.max(generations.unwrap_or(0));
    }
    Ok(highest)
}

fn facts(frame: &Frame<'_>) -> FrameFacts {
    FrameFacts { header: frame.header, offset: frame.offset, end: frame.end }
}

fn decode(frame: &Frame<'_>) -> Result<Content, String> {
    match frame.header.kind {
        Kind::Claim => payload::decode_claim(frame.payload).map(Content::Claim),
        Kind::Epoch => payload::decode_epoch(frame.payload).map(|epoch| Content::Epoch(Box::new(epoch.record))),
        Kind::Published => payload::decode_published(frame.payload).map(Content::Published),
        Kind::Closed => Ok(Content::Closed),
        Kind::Rows => Err("rows of a source have no place in the journal".into()),
    }
}

/// The frames that count, if all of them can be decoded.
fn entries<D: Disk>(
    disk: &D,
    chain: &Chain,
    segments: &[Segment],
    contents: Vec<Vec<Result<Content, String>>>,
) -> Result<Vec<Placed>, CheckpointError> {
    let mut entries = Vec::new();
    for (segment, contents) in segments.iter().zip(contents) {
        let counted = chain.segments.iter().find(|(number, _)| *number == segment.number);
        let count = counted.map_or(0, |(_, count)| *count);
        for (frame, content) in segment.frames.iter().zip(contents).take(count) {
            let content = content.map_err(|reason| {
                let file = disk.shown(&names::segment(segment.number));
                CheckpointError::damaged(file, frame.offset, undecodable(&reason))
            })?;
            let generation = frame.header.generation;
            entries.push(Placed { segment: segment.number, offset: frame.offset, generation, content });
        }
    }
    Ok(entries)
}

fn entry(placed: &Placed) -> Entry<'_> {
    let what = match &placed.content {
        Content::Claim(_) => What::Claim,
        Content::Epoch(record) => What::Epoch(record),
        Content::Published(epoch) => What::Published(*epoch),
        Content::Closed => What::Closed,
    };
    Entry { generation: placed.generation, what }
}

fn of_damage<D: Disk>(disk: &D, damage: &Damage) -> CheckpointError {
    let file = disk.shown(&names::segment(damage.segment));
    let (offset, what) = (damage.offset, damage.what.to_string());
    match damage.what {
        Wrong::Frame(Defect::Version { .. } | Defect::Kind { .. }) => CheckpointError::Newer { file, offset, what },
        _ => CheckpointError::Damaged { file, offset, what },
    }
}
