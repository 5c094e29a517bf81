//! The hash of keys: the same for ever, on every machine.
//!
//! Called once for each row at a shuffle; key groups come from its top bits, hash tables use its low bits. It reaches
//! disk through key groups, so what it returns is pinned by `hash_vectors.txt`: a change of any value is a new
//! [`HASH_VERSION`] and needs a plan for old state. Built as wyhash is (public domain, Wang Yi): words are mixed by
//! 64 × 64 → 128 bit products. Not keyed: whoever chooses keys can make them collide, so equal hashes never mean equal
//! keys.

/// Of the values above. Nothing on a disk says it: what was placed by another hash would need another version of its own format.
pub const HASH_VERSION: u32 = 1;

const A: u64 = 0xa076_1d64_78bd_642f;
const B: u64 = 0xe703_7ed1_a0b4_28db;
const C: u64 = 0x8ebc_6af0_9c88_c6e3;
const D: u64 = 0x5899_65cc_7537_4cc3;

/// The hash of an integer, a time, a boolean or another value of up to 64 bits; signed ones sign-extended.
#[inline]
pub fn hash_word(word: u64) -> u64 {
    let (low, high) = product(word ^ A, B);
    fold(low ^ C, high ^ D)
}

/// The hash of text or binary: of the bytes and their number.
#[inline]
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    let (low, high, seed) = match bytes.len() {
        0..=3 => (short_word(bytes), 0, B),
        4..=8 => (first4(bytes), last4(bytes), B),
        9..=16 => (first8(bytes), last8(bytes), B),
        _ => {
            let (low, high) = bytes.last_chunk::<16>().map_or((0, 0), |tail| (first8(tail), last8(tail)));
            (low, high, blocks(bytes))
        }
    };
    let (low, high) = product(low ^ A, high ^ seed);
    fold(low ^ C ^ bytes.len() as u64, high ^ D)
}

/// The hash of a null key. No other value has it by rule; by chance any may.
#[inline]
pub fn hash_null() -> u64 {
    0x6c62_272e_07bb_0142
}

/// The hash of a composite key whose parts so far have the hash `left`, and the next one has `right`. Order counts.
#[inline]
pub fn combine(left: u64, right: u64) -> u64 {
    let (low, high) = product(left ^ A, right ^ C);
    fold(low ^ right, high ^ B)
}

/// What all blocks of 16 bytes come to, but the last: its bytes are among the 16 that end the value.
#[inline]
fn blocks(bytes: &[u8]) -> u64 {
    let end = bytes.len().saturating_sub(1);
    let (blocks, _) = bytes.split_at(end).0.as_chunks::<16>();
    blocks.iter().fold(B, |seed, block| fold(first8(block) ^ C, last8(block) ^ seed))
}

#[inline]
fn product(left: u64, right: u64) -> (u64, u64) {
    let product = u128::from(left) * u128::from(right);
    (product as u64, (product >> 64) as u64)
}

#[inline]
fn fold(left: u64, right: u64) -> u64 {
    let (low, high) = product(left, right);
    low ^ high
}

#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[inline]
fn first4(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |word| u32::from_le_bytes(*word).into())
}

#[inline]
fn last4(bytes: &[u8]) -> u64 {
    bytes.last_chunk().map_or(0, |word| u32::from_le_bytes(*word).into())
}

#[inline]
fn first8(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

#[inline]
fn last8(bytes: &[u8]) -> u64 {
    bytes.last_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

#[cfg(test)]
#[path = "hash_tests.rs"]
mod tests;
