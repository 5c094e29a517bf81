//! Whole rows of one connection, on their way into the log; and what a frame of the log says.
//!
//! ```text
//!  frame's payload:  │ bytes of the head, u32 │ head: MessagePack │ rows, as they came │
//! ```
//!
//! Invariant: a piece that was encoded and decoded gives the same range, bad rows and offsets included.

use std::{mem, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::source::{
    BadRow,
    file::{
        cut::{Cutter, RUN_BYTES, Take},
        lines::{BytesRange, Head},
    },
};

/// Whole rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Piece {
    /// Bytes of the connection before them that belong to no row: a header, or the end of a row that was too long.
    pub(super) skipped: u64,
    pub(super) bytes: Vec<u8>,
    /// The last row needs no newline.
    pub(super) at_end: bool,
    /// The header's names, where there is a header.
    pub(super) names: Option<Vec<String>>,
    /// Rows behind `bytes` that are too long; their offsets count from the start of `bytes`.
    pub(super) rejected: Vec<BadRow>,
}

/// What a payload begins with.
#[derive(Serialize, Deserialize)]
struct PayloadHead {
    /// Of the first byte, in all that the source was given.
    offset: u64,
    #[serde(default)]
    at_end: bool,
    #[serde(default)]
    names: Option<Vec<String>>,
    /// Offset, reason, first bytes.
    #[serde(default)]
    rejected: Vec<(u64, String, Vec<u8>)>,
}

impl Piece {
    /// Adds what came next, if the two can be one range; else it is given back.
    pub(super) fn merge(&mut self, next: Self) -> Result<(), Self> {
        let fits = self.rejected.is_empty()
            && !self.at_end
            && next.skipped == 0
            && next.names == self.names
            && self.bytes.len() + next.bytes.len() <= RUN_BYTES;
        if !fits {
            return Err(next);
        }
        let before = self.bytes.len() as u64;
        self.bytes.extend_from_slice(&next.bytes);
        self.at_end = next.at_end;
        self.rejected = next.rejected.into_iter().map(|bad| BadRow { offset: bad.offset + before, ..bad }).collect();
        Ok(())
    }

    /// The same as a range, whose first byte has this offset.
    pub(super) fn into_range(self, offset: u64) -> BytesRange {
        let rejected = self.rejected.into_iter().map(|bad| BadRow { offset: bad.offset + offset, ..bad }).collect();
        let head = Arc::new(Head { rows_at: 0, names: self.names });
        BytesRange { bytes: self.bytes, offset, at_end: self.at_end, head, rejected }
    }

    /// The payload of a frame, for rows whose first byte has this offset.
    pub(super) fn encode(&self, offset: u64) -> Vec<u8> {
        let rejected = self.rejected.iter().map(|bad| (bad.offset + offset, bad.reason.clone(), bad.raw.clone()));
        let head = PayloadHead { offset, at_end: self.at_end, names: self.names.clone(), rejected: rejected.collect() };
        let head = rmp_serde::to_vec_named(&head).expect("names and numbers have a form in MessagePack");
        let length = u32::try_from(head.len()).expect("a header and a bad row are far below 4 GiB");
        let mut payload = Vec::with_capacity(4 + head.len() + self.bytes.len());
        payload.extend(length.to_le_bytes());
        payload.extend(head);
        payload.extend_from_slice(&self.bytes);
        payload
    }
}

/// What a payload says; the reason if it says nothing.
pub(super) fn decode(mut payload: Vec<u8>) -> Result<BytesRange, String> {
    const ENDS: &str = "it ends within its head";
    let (length, rest) = payload.split_first_chunk::<4>().ok_or(ENDS)?;
    let head_bytes = u32::from_le_bytes(*length) as usize;
    let head = rest.get(..head_bytes).ok_or(ENDS)?;
    let head: PayloadHead = rmp_serde::from_slice(head).map_err(|error| error.to_string())?;
    payload.drain(..4 + head_bytes);
    Ok(BytesRange {
        bytes: payload,
        offset: head.offset,
        at_end: head.at_end,
        head: Arc::new(Head { rows_at: 0, names: head.names }),
        rejected: head.rejected.into_iter().map(|(offset, reason, raw)| BadRow { offset, reason, raw }).collect(),
    })
}

/// Cuts what comes over one connection into pieces.
#[derive(Debug)]
pub(super) struct Pieces {
    cutter: Cutter,
    /// Bytes of the connection that earlier pieces have.
    taken: u64,
}

impl Pieces {
    pub(super) fn new(cutter: Cutter) -> Self {
        Self { cutter, taken: 0 }
    }

    /// Where bytes are to be added, at the end.
    pub(super) fn held(&mut self) -> &mut Vec<u8> {
        self.cutter.held()
    }

    /// What the first lines said, when they are here.
    pub(super) fn head(&mut self, at_end: bool) -> Result<Option<&Arc<Head>>, String> {
        self.cutter.head(at_end)
    }

    /// The next piece, if it is time for one. The error is a reason why the connection cannot be read.
    pub(super) fn take(&mut self, when: Take) -> Result<Option<Piece>, String> {
        let Some(mut run) = self.cutter.take(when)? else { return Ok(None) };
        let piece = Piece {
            skipped: run.offset.saturating_sub(self.taken),
            at_end: run.at_end,
            names: run.head.names.clone(),
            rejected: run
                .rejected
                .into_iter()
                .map(|bad| BadRow { offset: bad.offset.saturating_sub(run.offset), ..bad })
                .collect(),
            bytes: mem::take(&mut run.bytes),
        };
        self.taken = run.offset + piece.bytes.len() as u64;
        Ok(Some(piece))
    }
}

#[cfg(test)]
mod tests {
    use pelton_core::job::{CsvDialect, Format};

    use super::*;

    fn bad(offset: u64) -> BadRow {
        BadRow { offset, reason: "the row is longer than 5 bytes (`max-row-bytes`)".into(), raw: b"\xff12345".into() }
    }

    #[test]
    fn a_piece_comes_back_from_the_log_as_it_was() {
        let names = Some(vec!["a".to_owned(), "é".to_owned()]);
        let piece = Piece { skipped: 3, bytes: b"1,2\n3,4".into(), at_end: true, names, rejected: vec![bad(7)] };
        let (read, direct) = (decode(piece.encode(100)).expect("a payload"), piece.into_range(100));
        assert_eq!((&read.bytes, read.offset, read.at_end), (&direct.bytes, 100, true));
        assert_eq!((&read.head, &read.rejected), (&direct.head, &vec![bad(107)]));
        assert_eq!(direct.rejected, read.rejected);
    }

    #[test]
    fn hostile_payloads_are_refused() {
        let whole = Piece { bytes: b"1\n".into(), ..Piece::default() }.encode(0);
        for length in 0..whole.len() - 2 {
            assert!(decode(whole[..length].to_vec()).is_err(), "{length}");
        }
        assert!(decode(vec![0xff; 64]).is_err());
    }

    #[test]
    fn pieces_are_merged_as_long_as_offsets_and_heads_allow_it() {
        let piece = |text: &str| Piece { bytes: text.into(), ..Piece::default() };
        let mut one = piece("a\n");
        assert_eq!(one.merge(Piece { rejected: vec![bad(2)], ..piece("b\n") }), Ok(()));
        assert_eq!((one.bytes.as_slice(), one.rejected.first().map(|bad| bad.offset)), (&b"a\nb\n"[..], Some(4)));
        assert!(one.merge(piece("c\n")).is_err(), "the bad row comes before it");
        for other in [
            Piece { skipped: 1, ..piece("b\n") },
            Piece { names: Some(vec!["x".into()]), ..piece("b\n") },
            piece(&"b".repeat(RUN_BYTES)),
        ] {
            assert_eq!(piece("a\n").merge(other.clone()), Err(other));
        }
        assert!(Piece { at_end: true, ..piece("a") }.merge(piece("b\n")).is_err(), "rows would run into each other");
    }

    #[test]
    fn headers_and_long_rows_are_skipped_and_counted() {
        let format = Format::Csv(CsvDialect { header: true, ..CsvDialect::default() });
        let mut pieces = Pieces::new(Cutter::new(format, 1 << 16, 5_000));
        pieces.held().extend_from_slice(b"h,i\n1,2\n3,");
        let first = pieces.take(Take::Whole).expect("a header").expect("a row");
        assert_eq!((first.skipped, first.bytes.as_slice()), (4, &b"1,2\n"[..]));
        assert_eq!(first.names, Some(vec!["h".to_owned(), "i".to_owned()]));
        pieces.held().extend(vec![b'x'; 6_000]);
        let long = pieces.take(Take::Whole).expect("a header").expect("a bad row");
        assert_eq!((long.skipped, long.bytes.len(), long.rejected.len()), (0, 0, 1));
        assert_eq!(long.rejected[0].offset, 0);
        pieces.held().extend_from_slice(b"xx\n5,6\n7");
        let next = pieces.take(Take::Whole).expect("a header").expect("a row");
        assert_eq!((next.skipped, next.bytes.as_slice()), (6_005, &b"5,6\n"[..]));
        assert_eq!(pieces.take(Take::Whole).expect("a header"), None, "`7` is no row yet");
    }
}
