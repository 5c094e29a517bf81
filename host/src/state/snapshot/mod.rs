//! Snapshots: the state of one partition as bytes, and back.
//!
//! ```text
//! "PLST" │ version, u16 LE │ header: kind, shape, partition (MessagePack) │ the state (MessagePack, named fields)
//! ```
//!
//! Every table of state says beside its type how it is saved: large vectors as bytes ([`packed`](pelton_core::checkpoint::packed)),
//! key columns as Arrow's own buffers ([`array`]), hash tables not at all. What the plan knows is not stored, but the shape
//! that it had is, so that bytes of another operator are refused and not misread. Invariant: bytes that are not what was saved are
//! an error, or state that is sound in itself; they neither panic nor make it allocate more than they are long, but for a
//! small factor.

pub mod array;

use std::{borrow::Cow, fmt};

use arrow::datatypes::FieldRef;
use pelton_core::{checkpoint::Damage, types, window::WindowKind};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

const MAGIC: [u8; 4] = *b"PLST";

/// Of the bytes; a change of any structure that is saved is another version. Those before are read: version 1 had numbers in their full width, and the
/// hash of each key.
pub const VERSION: u16 = 2;

/// Why a snapshot cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("it is no snapshot of state")]
    NotASnapshot,
    #[error("it is a snapshot of version {0}, and this engine reads versions 1 to {VERSION}")]
    Version(u16),
    #[error("it is a snapshot of {saved}, and not of {expected}")]
    Other { saved: String, expected: String },
    #[error("it has {saved} partitions, and not {expected}")]
    Count { saved: usize, expected: usize },
    #[error("it is damaged: {0}")]
    Undecodable(#[from] rmp_serde::decode::Error),
    #[error("it is damaged: it has {0}")]
    Damaged(#[from] Damage),
}

/// Whose state it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Aggregate,
    Keyed,
    Join,
    Sort,
    /// How far event time has come in the sources.
    EventTimes,
}

/// What a snapshot must agree on with the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header<'a> {
    pub kind: Kind,
    /// Everything that the layout of the state follows from, in words.
    pub shape: Cow<'a, str>,
    pub partition: u16,
}

impl fmt::Display for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Aggregate => "an aggregate",
            Kind::Keyed => "a keyed operator",
            Kind::Join => "a join",
            Kind::Sort => "a sort",
            Kind::EventTimes => return write!(f, "the event times of {}", self.shape),
        };
        write!(f, "partition {} of {kind} ({})", self.partition, self.shape)
    }
}

/// The bytes of a snapshot; they will be about `size`.
pub fn write<T: Serialize>(header: &Header<'_>, state: &T, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size + 1024);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    let mut out = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    let written = header.serialize(&mut out).and_then(|()| state.serialize(&mut out));
    written.expect("memory takes whatever is written, and these types can be");
    bytes
}

/// Whether `expected` describes what is in a snapshot.
pub fn is_of(expected: &Header<'_>, bytes: &[u8]) -> bool {
    open(bytes).is_ok_and(|(saved, _)| saved == *expected)
}

/// What a snapshot says of itself, without the number of its partition. None: it is no snapshot that this engine reads.
pub fn described(bytes: &[u8]) -> Option<String> {
    let (Header { kind, shape, .. }, _) = open(bytes).ok()?;
    let kind = match kind {
        Kind::Aggregate => "aggregate",
        Kind::Keyed => "keyed",
        Kind::Join => "join",
        Kind::Sort => "sort",
        Kind::EventTimes => "event times",
    };
    Some(format!("{kind}: {shape}"))
}

/// The state in a snapshot that `expected` describes.
pub fn read<T: DeserializeOwned>(expected: &Header<'_>, bytes: &[u8]) -> Result<T, SnapshotError> {
    let (saved, mut state) = open(bytes)?;
    if saved != *expected {
        return Err(SnapshotError::Other { saved: saved.to_string(), expected: expected.to_string() });
    }
    Ok(T::deserialize(&mut state)?)
}

type State<'a> = rmp_serde::Deserializer<rmp_serde::decode::ReadRefReader<'a, [u8]>>;

/// What a snapshot says of itself, and where its state begins.
fn open(bytes: &[u8]) -> Result<(Header<'_>, State<'_>), SnapshotError> {
    let (version, rest) =
        bytes.strip_prefix(&MAGIC).and_then(|rest| rest.split_first_chunk::<2>()).ok_or(SnapshotError::NotASnapshot)?;
    let version = u16::from_le_bytes(*version);
    if !(1..=VERSION).contains(&version) {
        return Err(SnapshotError::Version(version));
    }
    let mut input = rmp_serde::Deserializer::from_read_ref(rest);
    let saved = Header::deserialize(&mut input)?;
    Ok((saved, input))
}

/// Columns in words, for shapes.
pub fn columns<'a>(fields: impl IntoIterator<Item = &'a FieldRef>) -> String {
    let one = |field: &FieldRef| {
        let nullable = if field.is_nullable() { "?" } else { "" };
        format!("{} {}{nullable}", field.name(), types::name(field.data_type()))
    };
    fields.into_iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Windows in words, for shapes: what bounds the panes that state lies in.
pub fn window(kind: &WindowKind) -> String {
    match kind {
        WindowKind::Tumbling { length, offset, zone } => {
            let zone = zone.as_ref().map(|zone| format!(" in {}", zone.name().unwrap_or("a zone"))).unwrap_or_default();
            format!("tumbling windows of {length} µs from {offset}{zone}")
        }
        WindowKind::Sliding { length, slide, offset } => {
            format!("sliding windows of {length} µs every {slide} from {offset}")
        }
        WindowKind::Session { gap } => format!("sessions with a gap of {gap} µs"),
        WindowKind::Count { rows } => format!("windows of {rows} rows"),
        WindowKind::Global => "one window".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(kind: Kind, shape: &str) -> Header<'_> {
        Header { kind, shape: shape.into(), partition: 3 }
    }

    #[test]
    fn what_is_not_this_partition_is_refused_by_name() {
        let bytes = write(&header(Kind::Keyed, "key a s64"), &vec![1_u8, 2], 0);
        let read =
            |header: &Header<'_>, bytes: &[u8]| read::<Vec<u8>>(header, bytes).map_err(|error| error.to_string());
        let own = header(Kind::Keyed, "key a s64");
        assert_eq!(read(&own, &bytes), Ok(vec![1, 2]));
        let refused = "it is a snapshot of partition 3 of a keyed operator (key a s64), and not of partition 3 of a join (key a s64)";
        assert_eq!(read(&header(Kind::Join, "key a s64"), &bytes), Err(refused.into()));
        assert!(read(&header(Kind::Keyed, "key a s32"), &bytes).is_err());
        assert!(read(&Header { partition: 4, ..own.clone() }, &bytes).is_err());
        assert_eq!(read(&own, b"PAR1"), Err("it is no snapshot of state".into()));
        let mut other = bytes.clone();
        other[4] = 9;
        assert_eq!(
            read(&own, &other),
            Err("it is a snapshot of version 9, and this engine reads versions 1 to 2".into())
        );
        for end in 0..bytes.len() {
            assert!(read(&own, &bytes[..end]).is_err(), "cut at {end}");
        }
    }
}
