//! Which frames of all segments are valid: the pure half of reading a journal.
//!
//! Segments are judged from the newest to the oldest, because each says how the one before it ended: its first frame is a claim that
//! names the end, or the same process went on in a new segment and had synced the old one. Only the newest segment
//! that holds anything may end in an unfinished frame. Everything else that is not as it was written is damage.

use super::{
    claim::{Claim, End},
    frame::{Defect, Flaw, Header, Kind},
};

/// What was read of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub number: u64,
    /// Its length on disk, with the zeros behind the frames.
    pub bytes: u64,
    pub frames: Vec<FrameFacts>,
    pub flaw: Option<Flaw>,
    /// Its first frame, if that is a claim that could be decoded.
    pub claim: Option<Claim>,
}

/// A whole frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameFacts {
    pub header: Header,
    pub offset: u64,
    pub end: u64,
}

/// The journal, as far as it is valid.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chain {
    /// Segments by number, oldest first, with the number of their frames that count. All others are void.
    pub segments: Vec<(u64, usize)>,
    /// Where the next claim goes on; none: there is nothing to go on from.
    pub end: Option<End>,
    /// The highest of the valid frames; 0 where there are none.
    pub generation: u64,
    /// Frames with lower numbers are known to be durable; the others may only be in the memory of this machine.
    pub durable: u64,
    /// What was begun at the end and is not valid.
    pub cut: Option<TornTail>,
}

/// An unfinished frame at the end of the journal: whoever wrote it had not been told that it was durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    pub segment: u64,
    pub offset: u64,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub segment: u64,
    pub offset: u64,
    pub what: Wrong,
}

/// What is wrong with a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    #[error("{0}")]
    Frame(Defect),
    #[error("a frame that was committed here is missing")]
    Missing,
    #[error("the file ends here and was longer")]
    CutShort,
    #[error("the segment is missing")]
    NoSegment,
    #[error("the frame was written by generation {found} in a segment of generation {expected}")]
    Generation { expected: u64, found: u64 },
    #[error("there is a claim behind the first frame of the segment")]
    ClaimInside,
    #[error("the claim cannot be decoded")]
    Claim,
    #[error("the segment follows one of generation {found}, which is not lower than its own")]
    NotHigher { found: u64 },
}

/// How the segment before the one that was judged must have ended.
#[derive(Debug, Clone, Copy)]
enum Limit {
    /// Nothing valid has been found in newer segments.
    Tail,
    /// A claim names the end.
    Claimed { end: End, generation: u64 },
    /// The same process went on in the next segment.
    Rolled { segment: u64, sequence: u64, generation: u64 },
    /// Everything is void.
    Void,
}

impl Limit {
    fn names(&self, number: u64) -> bool {
        match self {
            Self::Claimed { end, .. } => end.segment == number,
            Self::Rolled { segment, .. } => *segment == number,
            Self::Tail | Self::Void => false,
        }
    }
}

impl Segment {
    fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.flaw.is_none()
    }
}

/// Judges the segments of a journal, which are given by number, oldest first.
pub fn join(segments: &[Segment]) -> Result<Chain, Damage> {
    let mut chain = Chain::default();
    let mut limit = Limit::Tail;
    // The oldest ones, if nobody wrote to them: whoever made them came so late that their numbers had been collected. What was lost of others is missed
    // by recovery.
    let late = segments.iter().take_while(|segment| segment.is_empty()).count();
    for segment in segments.iter().skip(late).rev() {
        let count = match limit {
            Limit::Void => continue,
            // Somebody who had lost the job made it and never wrote to it.
            _ if segment.is_empty() && !limit.names(segment.number) => continue,
            Limit::Claimed { end, .. } if segment.number > end.segment => continue,
            Limit::Claimed { end, generation } => claimed(segment, &end, generation)?,
            Limit::Rolled { segment: number, sequence, generation } => {
                rolled(segment, number, sequence, generation)?;
                segment.frames.len()
            }
            Limit::Tail => {
                tail(segment, &mut chain)?;
                segment.frames.len()
            }
        };
        let frames = segment.frames.get(..count).unwrap_or_default();
        let (Some(first), Some(last)) = (frames.first(), frames.last()) else { continue };
        check(segment.number, frames)?;
        chain.generation = chain.generation.max(first.header.generation);
        // Segments of processes that committed and published nothing need not be followed: they will be removed.
        let has_content = frames.iter().any(|frame| matches!(frame.header.kind, Kind::Epoch | Kind::Published));
        if chain.end.is_none() && has_content {
            let sequence = last.header.sequence.saturating_add(1);
            chain.end = Some(End { segment: segment.number, bytes: last.end, sequence });
        }
        let durable = frames.iter().map(|frame| frame.header.durable).max();
        chain.durable = chain.durable.max(durable.unwrap_or(0));
        chain.segments.push((segment.number, count));
        limit = before(segment, first)?;
    }
    chain.segments.reverse();
    Ok(chain)
}

/// The newest segment with anything in it: it may end in a frame that was not finished.
fn tail(segment: &Segment, chain: &mut Chain) -> Result<(), Damage> {
    let Some(flaw) = &segment.flaw else {
        // Zeros follow the last frame for as long as the segment is written, so that a file that was cut is known.
        let is_cut =
            segment.frames.last().is_some_and(|last| last.end == segment.bytes && last.header.kind != Kind::Closed);
        return if is_cut { Err(damage(segment.number, segment.bytes, Wrong::CutShort)) } else { Ok(()) };
    };
    if flaw.is_committed || flaw.defect != Defect::Unfinished {
        return Err(damage(segment.number, flaw.offset, Wrong::Frame(flaw.defect)));
    }
    chain.cut = Some(TornTail { segment: segment.number, offset: flaw.offset });
    Ok(())
}

/// The segment that a claim goes on from: what lies behind the end that it names is void.
fn claimed(segment: &Segment, end: &End, generation: u64) -> Result<usize, Damage> {
    if segment.number < end.segment {
        return Err(damage(end.segment, 0, Wrong::NoSegment));
    }
    let count = segment.frames.iter().take_while(|frame| frame.end <= end.bytes).count();
    let last = count.checked_sub(1).and_then(|last| segment.frames.get(last));
    let place = last.map_or(0, |last| last.end);
    if place != end.bytes || last.is_none_or(|last| last.header.sequence.saturating_add(1) != end.sequence) {
        return Err(flaw_or(segment, place, Wrong::Missing));
    }
    match last.map(|last| last.header.generation) {
        Some(found) if found >= generation => Err(damage(segment.number, place, Wrong::NotHigher { found })),
        _ => Ok(count),
    }
}

/// A segment that its writer left for the next one, and synced before.
fn rolled(segment: &Segment, number: u64, sequence: u64, generation: u64) -> Result<(), Damage> {
    if segment.number != number {
        return Err(damage(number, 0, Wrong::NoSegment));
    }
    let last = segment.frames.last();
    let place = last.map_or(0, |last| last.end);
    if segment.flaw.is_some() || last.is_none_or(|last| last.header.sequence.saturating_add(1) != sequence) {
        return Err(flaw_or(segment, place, Wrong::Missing));
    }
    match last.map(|last| last.header.generation) {
        Some(found) if found != generation => {
            Err(damage(segment.number, place, Wrong::Generation { expected: generation, found }))
        }
        _ => Ok(()),
    }
}

/// One process writes a segment, and claims the job only at its start.
fn check(segment: u64, frames: &[FrameFacts]) -> Result<(), Damage> {
    let expected = frames.first().map_or(0, |first| first.header.generation);
    for (index, frame) in frames.iter().enumerate() {
        let found = frame.header.generation;
        if found != expected {
            return Err(damage(segment, frame.offset, Wrong::Generation { expected, found }));
        }
        if index > 0 && frame.header.kind == Kind::Claim {
            return Err(damage(segment, frame.offset, Wrong::ClaimInside));
        }
    }
    Ok(())
}

/// What a segment says about the one before it.
fn before(segment: &Segment, first: &FrameFacts) -> Result<Limit, Damage> {
    let Header { kind, generation, sequence, .. } = first.header;
    if kind != Kind::Claim {
        let before = segment.number.saturating_sub(1);
        return Ok(Limit::Rolled { segment: before, sequence, generation });
    }
    let claim = segment.claim.as_ref().ok_or_else(|| damage(segment.number, first.offset, Wrong::Claim))?;
    match claim.follows {
        None => Ok(Limit::Void),
        Some(end) if end.segment >= segment.number || end.sequence != sequence => {
            Err(damage(segment.number, first.offset, Wrong::Claim))
        }
        Some(end) => Ok(Limit::Claimed { end, generation }),
    }
}

fn damage(segment: u64, offset: u64, what: Wrong) -> Damage {
    Damage { segment, offset, what }
}

/// The segment's own flaw, if that is where frames end that should go on.
fn flaw_or(segment: &Segment, offset: u64, what: Wrong) -> Damage {
    let what = segment.flaw.as_ref().map_or(what, |flaw| Wrong::Frame(flaw.defect));
    damage(segment.number, segment.flaw.as_ref().map_or(offset, |flaw| flaw.offset), what)
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
