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

/// The hash of a text of up to 16 bytes, which is what nearly all words of the bids are; of a longer one,
/// its length and ends.
#[inline(always)]
pub fn of_bytes(bytes: &[u8]) -> Column {
    let word = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let half = |bytes: Option<&[u8; 4]>| bytes.map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)));
    let (low, high) = match bytes.len() {
        0..=3 => (bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0),
        4..=8 => (half(bytes.first_chunk()), half(bytes.last_chunk())),
        _ => (word(bytes.first_chunk()), word(bytes.last_chunk())),
    };
    Column(fold(low ^ A, high ^ B ^ M).wrapping_add(bytes.len() as u64).wrapping_mul(M) ^ fold(low ^ B, A))
}

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}
