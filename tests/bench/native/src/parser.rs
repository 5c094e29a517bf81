//! From bytes to bids, in two ways.
//!
//! - [`hand`]: what a person writes for these files alone: one pass, digits folded as they are read, no quotes.
//! - [`csv_core()`]: the crate csv-core splits records as RFC 4180 says, and library calls parse the fields.

use std::{io, path::Path, slice};

use crate::{bid::Bid, chunks, query::Query};

/// Divisors for up to nine decimals. A mantissa below 2^53 divided by one of them is the correctly rounded price.
const POWERS_OF_TEN: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// Runs `query` over the files of `directory`, parsed by hand.
pub fn hand(directory: &Path, query: &mut impl Query) -> io::Result<()> {
    chunks::for_each(directory, "csv", |chunk| {
        let mut rest = chunk.iter();
        while !rest.as_slice().is_empty() {
            query.row(&row(&mut rest).ok_or_else(|| invalid("a row has too few fields"))?);
        }
        query.chunk(chunk.len());
        Ok(())
    })
}

#[inline(always)]
fn row(rest: &mut slice::Iter<'_, u8>) -> Option<Bid> {
    let auction = integer(rest)?;
    let bidder = integer(rest)?;
    let price = decimal(rest)?;
    rest.find(|byte| **byte == b',')?;
    let ts = integer(rest)?;
    let after = rest.as_slice();
    let end = memchr::memchr(b'\n', after).map_or(after.len(), |newline| newline + 1);
    *rest = after.get(end..)?.iter();
    Some(Bid { auction, bidder, price, ts })
}

/// An unsigned integer and its comma.
#[inline(always)]
fn integer(rest: &mut slice::Iter<'_, u8>) -> Option<i64> {
    let mut value = 0_u64;
    loop {
        match *rest.next()? {
            b',' => return Some(value as i64),
            byte => value = value.wrapping_mul(10).wrapping_add(digit(byte)),
        }
    }
}

/// An unsigned decimal fraction and its comma.
#[inline(always)]
fn decimal(rest: &mut slice::Iter<'_, u8>) -> Option<f64> {
    let mut mantissa = 0_u64;
    loop {
        match *rest.next()? {
            b',' => return Some(mantissa as i64 as f64),
            b'.' => break,
            byte => mantissa = mantissa.wrapping_mul(10).wrapping_add(digit(byte)),
        }
    }
    let mut decimals = 0;
    loop {
        match *rest.next()? {
            b',' => return Some(mantissa as i64 as f64 / POWERS_OF_TEN.get(decimals)?),
            byte => mantissa = mantissa.wrapping_mul(10).wrapping_add(digit(byte)),
        }
        decimals += 1;
    }
}

#[inline(always)]
fn digit(byte: u8) -> u64 {
    u64::from(byte).wrapping_sub(u64::from(b'0'))
}

/// Runs `query` over the files of `directory`, split by csv-core.
pub fn csv_core(directory: &Path, query: &mut impl Query) -> io::Result<()> {
    let mut reader = csv_core::Reader::new();
    let mut text = [0; 4096];
    let mut ends = [0; 16];
    chunks::for_each(directory, "csv", |chunk| {
        let mut rest = chunk;
        while !rest.is_empty() {
            let (result, read, _, fields) = reader.read_record(rest, &mut text, &mut ends);
            if result != csv_core::ReadRecordResult::Record {
                return Err(invalid("a row is cut off or too long"));
            }
            rest = rest.get(read..).unwrap_or_default();
            let ends = ends.get(..fields).unwrap_or_default();
            query.row(&fields_to_bid(&text, ends).ok_or_else(|| invalid("a row has a field of the wrong type"))?);
        }
        query.chunk(chunk.len());
        Ok(())
    })
}

#[inline(always)]
fn fields_to_bid(text: &[u8], ends: &[usize]) -> Option<Bid> {
    let &[auction, bidder, price, channel, ts, _] = ends else { return None };
    let field = |start, end| std::str::from_utf8(text.get(start..end)?).ok();
    Some(Bid {
        auction: field(0, auction)?.parse().ok()?,
        bidder: field(auction, bidder)?.parse().ok()?,
        price: fast_float2::parse(text.get(bidder..price)?).ok()?,
        ts: field(channel, ts)?.parse().ok()?,
    })
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;

    #[derive(Default)]
    struct Collect(Vec<Bid>);

    impl Query for Collect {
        fn row(&mut self, bid: &Bid) {
            self.0.push(*bid);
        }

        fn answer(&self) -> serde_json::Value {
            self.0.len().into()
        }
    }

    const ROWS: &str = "1180,16642,383.60,channel-5,1700000025000,xx\n7,0,0.00,channel-10,1699999998001,\n";

    fn expected() -> Vec<Bid> {
        vec![
            Bid { auction: 1180, bidder: 16642, price: 383.6, ts: 1_700_000_025_000 },
            Bid { auction: 7, bidder: 0, price: 0.0, ts: 1_699_999_998_001 },
        ]
    }

    fn directory(text: &str) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.csv"), text).unwrap();
        std::fs::write(directory.path().join("ignored.txt"), "not rows").unwrap();
        directory
    }

    #[test]
    fn both_parsers_read_the_same_bids() {
        let directory = directory(ROWS);
        let (mut by_hand, mut by_csv_core) = (Collect::default(), Collect::default());
        hand(directory.path(), &mut by_hand).unwrap();
        csv_core(directory.path(), &mut by_csv_core).unwrap();
        assert_eq!(by_hand.0, expected());
        assert_eq!(by_csv_core.0, expected());
    }

    #[test]
    fn rows_that_span_chunks_are_read_once() {
        let directory = directory(&ROWS.repeat(20_000));
        let mut rows = Collect::default();
        hand(directory.path(), &mut rows).unwrap();
        assert_eq!(rows.0, expected().repeat(20_000));
    }

    #[test]
    fn a_row_with_too_few_fields_is_an_error() {
        let directory = directory("1,2,3.00\n");
        assert!(hand(directory.path(), &mut Collect::default()).is_err());
        assert!(csv_core(directory.path(), &mut Collect::default()).is_err());
    }
}
