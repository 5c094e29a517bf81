//! `journal/first`: where the journal begins, as one small object.
//!
//! ```text
//!  0             8             16                24
//!  │ first: u64 │ swept: u64 │ checksum: u64 │
//! ```
//!
//! Whoever collects raises it before anything goes; whoever recovers begins at it and asks for one segment after the other, so that no listing is
//! believed. Invariants: it never falls; the segment that it names is there; a segment below it is read by nobody.

use pelton_core::hash::hash_bytes;

/// Segments below `first` are collected; those below `swept` are known to be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floor {
    pub first: u64,
    pub swept: u64,
}

impl Floor {
    /// Of a journal of which nothing was collected.
    pub const START: Self = Self { first: 1, swept: 1 };

    pub fn encode(self) -> Vec<u8> {
        let mut bytes = self.first.to_le_bytes().to_vec();
        bytes.extend(self.swept.to_le_bytes());
        bytes.extend(hash_bytes(&bytes).to_le_bytes());
        bytes
    }

    /// None: it is damaged.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (covered, checksum) = bytes.split_last_chunk::<8>()?;
        let (first, swept) = covered.split_first_chunk::<8>()?;
        let floor = Self { first: u64::from_le_bytes(*first), swept: u64::from_le_bytes(swept.try_into().ok()?) };
        let is_whole = hash_bytes(covered) == u64::from_le_bytes(*checksum) && floor.swept <= floor.first;
        is_whole.then_some(floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_of_the_floor_is_seen() {
        let floor = Floor { first: 4711, swept: 4000 };
        let bytes = floor.encode();
        assert_eq!(Floor::decode(&bytes), Some(floor));
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            assert_eq!(Floor::decode(&changed), None, "byte {index}");
        }
        assert_eq!(Floor::decode(&bytes[..16]), None);
        assert_eq!(Floor::decode(&[]), None);
    }
}
