//! Frames: what the journal consists of, byte by byte (docs/format.md draws them).
//!
//! ```text
//!  0      4        6     8           16        24       32      40        48            52  56        64
//!  │ magic │ version │ kind │ generation │ sequence │ durable │ bytes │ checksum │ empty sectors │ 0 │ checksum │ payload, zeros │
//! ```
//!
//! The host writes what [`encode`] makes and reads through [`scan`]. A frame starts at a multiple of 64 bytes, so that its header lies
//! within one sector of a disk. Segments are made of zeros before they are written, and a sector is written whole or not at all:
//! so where a frame was not finished, whole sectors are still zero, and everything else that is not valid was changed
//! later. Invariant: the two are never taken for each other.

use std::fmt;

use crate::hash::hash_bytes;

/// Newest layout of frames and their payloads. The header keeps its length, and the places of magic, version and checksum, in all.
pub const FORMAT_VERSION: u16 = 1;
/// Frames start at multiples of this.
pub const ALIGNMENT: usize = 64;
/// A frame is never longer: whoever reads it holds it in memory.
pub const FRAME_BYTES_MAX: usize = 1 << 30;

const HEADER_BYTES: usize = 64;
/// The least that disks write at once.
const SECTOR_BYTES: usize = 512;
const MAGIC: [u8; 4] = *b"PLTJ";

/// What a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A process takes the job over.
    Claim,
    /// An epoch is committed: its record, and what it gives to the sinks.
    Epoch,
    /// The outputs of epochs up to one are visible. The only kind that is not synced before the next frame is written.
    Published,
    /// The process ended in good order.
    Closed,
    /// Rows that a source was given and cannot ask for again. Only in logs of inputs, where nothing else is.
    Rows,
}

impl Kind {
    fn number(self) -> u16 {
        match self {
            Self::Claim => 1,
            Self::Epoch => 2,
            Self::Published => 3,
            Self::Closed => 4,
            Self::Rows => 5,
        }
    }

    fn of(number: u16) -> Option<Self> {
        let kinds = [Self::Claim, Self::Epoch, Self::Published, Self::Closed, Self::Rows];
        kinds.into_iter().find(|kind| kind.number() == number)
    }
}

/// What is known of a frame before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub kind: Kind,
    /// Of the process that writes it.
    pub generation: u64,
    /// Of the frame, from 0 on, without gaps.
    pub sequence: u64,
    /// All frames with lower numbers were durable when this one was written.
    pub durable: u64,
}

/// A frame that was read, and found to be whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    pub header: Header,
    /// Where it starts in its segment, in bytes.
    pub offset: u64,
    /// Where the next one would start.
    pub end: u64,
    pub payload: &'a [u8],
}

/// What a segment holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan<'a> {
    /// The frames that are whole, up to the first that is not.
    pub frames: Vec<Frame<'a>>,
    /// Why they end; none: only zeros follow.
    pub flaw: Option<Flaw>,
}

/// A place where a frame was begun, or something else was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Where the frame starts, in bytes.
    pub offset: u64,
    pub defect: Defect,
    /// A whole frame that lies behind says that the one with this number was durable, and so was this one.
    pub is_committed: bool,
}

/// What is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// Sectors of it have never been written.
    Unfinished,
    Header,
    Payload,
    /// It has as many bytes, and the segment ends before.
    CutShort {
        bytes: u64,
    },
    /// Written by a newer Pelton.
    Version {
        version: u16,
    },
    Kind {
        kind: u16,
    },
    /// Its number does not follow from that of the frame before.
    Sequence {
        expected: u64,
        found: u64,
    },
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfinished => f.write_str("sectors of a frame are missing"),
            Self::Header => f.write_str("the header of a frame does not match its checksum"),
            Self::Payload => f.write_str("the content of a frame does not match its checksum"),
            Self::CutShort { bytes } => write!(f, "the file ends within a frame of {bytes} bytes"),
            Self::Version { version } => write!(f, "the frame has format version {version}"),
            Self::Kind { kind } => write!(f, "the frame is of kind {kind}, which is not known"),
            Self::Sequence { expected, found } => write!(f, "frame number {found} is where {expected} should be"),
        }
    }
}

/// The bytes of a frame whose payload has this many.
pub fn frame_bytes(payload_bytes: usize) -> usize {
    (HEADER_BYTES + payload_bytes).next_multiple_of(ALIGNMENT)
}

/// The bytes of a frame that will start at this offset of its segment.
pub fn encode(header: &Header, offset: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(frame_bytes(payload.len()));
    bytes.resize(HEADER_BYTES, 0);
    bytes.extend_from_slice(payload);
    bytes.resize(frame_bytes(payload.len()), 0);
    let behind = bytes.get(HEADER_BYTES..).unwrap_or_default();
    let empty = empty_sectors(offset + HEADER_BYTES as u64, behind);
    let header = header_bytes(header, payload, empty);
    bytes.splice(..HEADER_BYTES, header);
    bytes
}

fn header_bytes(header: &Header, payload: &[u8], empty: u32) -> [u8; HEADER_BYTES] {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    bytes.extend(MAGIC);
    bytes.extend(FORMAT_VERSION.to_le_bytes());
    bytes.extend(header.kind.number().to_le_bytes());
    bytes.extend(header.generation.to_le_bytes());
    bytes.extend(header.sequence.to_le_bytes());
    bytes.extend(header.durable.to_le_bytes());
    bytes.extend((payload.len() as u64).to_le_bytes());
    bytes.extend(hash_bytes(payload).to_le_bytes());
    bytes.extend(empty.to_le_bytes());
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend(hash_bytes(&bytes).to_le_bytes());
    bytes.try_into().expect("the fields above have 64 bytes")
}

/// How many sectors are all zero, of those that these bytes lie in; of the first and the last, what lies within.
fn empty_sectors(offset: u64, bytes: &[u8]) -> u32 {
    let first = SECTOR_BYTES - (offset % SECTOR_BYTES as u64) as usize;
    let (first, others) = bytes.split_at(first.min(bytes.len()));
    let sectors = std::iter::once(first).filter(|first| !first.is_empty()).chain(others.chunks(SECTOR_BYTES));
    sectors.filter(|sector| is_zero(sector)).count() as u32
}

fn is_zero(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<64>();
    words.iter().all(|word| *word == [0; 64]) && rest.iter().all(|byte| *byte == 0)
}

/// What is left of a header that is valid, or why it is not.
struct RawHeader {
    header: Header,
    bytes: u64,
    checksum: u64,
    empty: u32,
}

fn read_header(bytes: &[u8; HEADER_BYTES]) -> Result<RawHeader, Defect> {
    let (covered, checksum) = bytes.split_last_chunk::<8>().ok_or(Defect::Header)?;
    if !bytes.starts_with(&MAGIC) || hash_bytes(covered) != u64::from_le_bytes(*checksum) {
        return Err(Defect::Header);
    }
    let short =
        |at: usize| covered.get(at..at + 2).and_then(<[u8]>::first_chunk).map_or(0, |two| u16::from_le_bytes(*two));
    let word =
        |at: usize| covered.get(at..at + 8).and_then(<[u8]>::first_chunk).map_or(0, |eight| u64::from_le_bytes(*eight));
    let (version, kind) = (short(4), short(6));
    if version != FORMAT_VERSION {
        return Err(Defect::Version { version });
    }
    let kind = Kind::of(kind).ok_or(Defect::Kind { kind })?;
    let header = Header { kind, generation: word(8), sequence: word(16), durable: word(24) };
    Ok(RawHeader { header, bytes: word(32), checksum: word(40), empty: word(48) as u32 })
}

/// Reads a segment up to its end, or to the first frame that is not whole.
pub fn scan(segment: &[u8]) -> Scan<'_> {
    let mut frames: Vec<Frame<'_>> = Vec::new();
    loop {
        let offset = frames.last().map_or(0, |frame| frame.end);
        let rest = segment.get(offset as usize..).unwrap_or_default();
        let expected = frames.last().map(|frame| frame.header.sequence.saturating_add(1));
        let (defect, skipped) = match next(rest, offset, expected) {
            Ok(Some(frame)) => {
                frames.push(frame);
                continue;
            }
            Ok(None) => return Scan { frames, flaw: None },
            Err(flawed) => flawed,
        };
        // Without a frame before, nothing is known of the number that is missing. But what is first in a segment is
        // synced before anything else is written, so any frame behind it proves that it was.
        let missing = expected.unwrap_or(0);
        let is_committed = later(rest.get(skipped..).unwrap_or_default()).any(|durable| durable > missing);
        return Scan { frames, flaw: Some(Flaw { offset, defect, is_committed }) };
    }
}

/// The payload of the frame at an offset of a segment, if it is whole.
pub fn payload_at(segment: &[u8], offset: u64) -> Option<&[u8]> {
    frame_at(segment, offset).ok().flatten().map(|frame| frame.payload)
}

/// The frame at an offset of a segment; none where only zeros follow, or nothing.
pub fn frame_at(segment: &[u8], offset: u64) -> Result<Option<Frame<'_>>, Defect> {
    let rest = usize::try_from(offset).ok().and_then(|offset| segment.get(offset..)).unwrap_or_default();
    next(rest, offset, None).map_err(|(defect, _)| defect)
}

/// The frame at the start of these bytes; none where all are zero. Else what is wrong, and how many bytes surely belong to it.
fn next(rest: &[u8], offset: u64, expected: Option<u64>) -> Result<Option<Frame<'_>>, (Defect, usize)> {
    let Some(header) = rest.first_chunk::<HEADER_BYTES>() else {
        return if is_zero(rest) { Ok(None) } else { Err((Defect::Header, rest.len())) };
    };
    if is_zero(header) {
        return if is_zero(rest) { Ok(None) } else { Err((Defect::Unfinished, HEADER_BYTES)) };
    }
    let raw = read_header(header).map_err(|defect| (defect, HEADER_BYTES))?;
    let bytes = usize::try_from(raw.bytes).unwrap_or(usize::MAX);
    let length = HEADER_BYTES.saturating_add(bytes).checked_next_multiple_of(ALIGNMENT).unwrap_or(usize::MAX);
    let Some(behind) = rest.get(HEADER_BYTES..length) else {
        return Err((Defect::CutShort { bytes: raw.bytes }, rest.len()));
    };
    let (payload, padding) = behind.split_at(bytes);
    if hash_bytes(payload) != raw.checksum || !is_zero(padding) {
        let is_missing = empty_sectors(offset + HEADER_BYTES as u64, behind) > raw.empty;
        return Err((if is_missing { Defect::Unfinished } else { Defect::Payload }, length));
    }
    let found = raw.header.sequence;
    if let Some(expected) = expected.filter(|expected| *expected != found) {
        return Err((Defect::Sequence { expected, found }, length));
    }
    Ok(Some(Frame { header: raw.header, offset, end: offset + length as u64, payload }))
}

/// What the headers that lie behind a flaw say to be durable.
fn later(rest: &[u8]) -> impl Iterator<Item = u64> {
    let (places, _) = rest.as_chunks::<ALIGNMENT>();
    places.iter().filter_map(|place| read_header(place).ok()).map(|raw| raw.header.durable)
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
