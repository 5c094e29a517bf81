//! Where a query's output ends: every column of every row is folded into a checksum, so that no column's work can be
//! optimised away. The twin of Pelton's `blackhole` sink: the same checksums, at the same cost.
//!
//! They are also the answer that `tests/bench/peers.py` compares before it times anything.

use serde_json::{Map, Value};

const A: u64 = 0xa076_1d64_78bd_642f;
const B: u64 = 0xe703_7ed1_a0b4_28db;
const M: u64 = 0x8ebc_6af0_9c88_c6e3;
const L: u64 = 0x9e37_79b1;
const H: u64 = 0x85eb_ca77;

/// Checksums of what arrived, one for each of `N` columns.
#[derive(Debug, PartialEq)]
pub struct Blackhole<const N: usize> {
    names: [&'static str; N],
    rows: u64,
    sums: [u64; N],
}

impl<const N: usize> Blackhole<N> {
    pub fn new(names: [&'static str; N]) -> Self {
        Self { names, rows: 0, sums: [0; N] }
    }

    /// Takes a row: the bits of integers and floats, [`of_bytes`] of text.
    #[inline(always)]
    pub fn take(&mut self, row: [Column; N]) {
        self.rows += 1;
        for (sum, column) in self.sums.iter_mut().zip(row) {
            *sum = sum.wrapping_add(column.0);
        }
    }

    pub fn answer(&self) -> Value {
        let sums = self.names.iter().zip(self.sums).map(|(name, sum)| (format!("checksum_{name}"), sum.into()));
        Value::Object(Map::from_iter([("rows".to_owned(), self.rows.into())].into_iter().chain(sums)))
    }
}

/// What a value adds to its column's checksum.
#[derive(Debug, Clone, Copy)]
pub struct Column(u64);

/// The mixed bits of a value; `host/src/sink/checksum.rs` has the reasons.
#[inline(always)]
pub fn of_integer(value: i64) -> Column {
    let value = value as u64 ^ A;
    let mixed = ((value & 0xffff_ffff) * L).wrapping_add((value >> 32) * H);
    Column(mixed ^ (mixed >> 32))
}

#[inline(always)]
pub fn of_float(value: f64) -> Column {
    of_integer(value.to_bits() as i64)
}

/// The hash of a text and of its length. Nearly all words of the bids have up to 16 bytes.
#[inline(always)]
pub fn of_bytes(bytes: &[u8]) -> Column {
    let half = |bytes: Option<&[u8; 4]>| bytes.map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)));
    let (low, high, seed) = match bytes.len() {
        0..=3 => (bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0, B),
        4..=8 => (half(bytes.first_chunk()), half(bytes.last_chunk()), B),
        9..=16 => (word(bytes.first_chunk()), word(bytes.last_chunk()), B),
        _ => long(bytes),
    };
    Column(fold(low ^ A, high ^ seed ^ M).wrapping_add(bytes.len() as u64).wrapping_mul(M) ^ fold(low ^ B, A))
}

/// The last two words of more than 16 bytes, and what the blocks of 16 come to.
fn long(bytes: &[u8]) -> (u64, u64, u64) {
    let (blocks, _) = bytes.as_chunks::<16>();
    let (last, whole) = blocks.split_last().map_or((&[0; 16], Default::default()), |(last, whole)| (last, whole));
    let seed = whole.iter().fold(B, |seed, block| fold(low(block) ^ A, high(block) ^ seed));
    let tail = bytes.last_chunk().unwrap_or(last);
    (low(tail), high(tail), fold(low(last) ^ M, high(last) ^ seed))
}

fn low(block: &[u8; 16]) -> u64 {
    word(block.first_chunk())
}

fn high(block: &[u8; 16]) -> u64 {
    word(block.last_chunk())
}

#[inline(always)]
fn word(bytes: Option<&[u8; 8]>) -> u64 {
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As they are pinned in `host/src/sink/checksum_tests.rs`.
    #[test]
    fn texts_of_any_length_have_the_checksums_of_the_sink() {
        for (text, checksum) in [
            ("", 0xb98b_daa0_8f26_6f4a),
            ("a", 0xc014_fa8d_a8ee_1eda),
            ("abcd", 0x8fbf_7de7_0972_7c9f),
            ("abcdefghi", 0x1d3e_18a0_5f53_bcb4),
            ("abcdefghijklmnopq", 0xf688_bcf2_223c_4d4e),
            ("abcdefghijklmnopqrstuvwxyz0123456789", 0x5dcf_b83d_8cca_5417),
        ] {
            assert_eq!(of_bytes(text.as_bytes()).0, checksum, "{text}");
        }
    }
}
