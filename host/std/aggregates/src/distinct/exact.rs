//! Sets of values, kept sorted: merging two reads each once, and equal sets have equal bytes.
//!
//! Values of a batch wait in a list until the set is packed or the list is as long as the set, and are then sorted at once.

use crate::packed::{Packed, put, take_bytes};

/// Values that may wait before they are sorted.
const WAITING_MAX: usize = 4_096;

/// A set of 64-bit values.
#[derive(Debug, Default)]
pub struct NumberSet {
    /// Ascending, each once.
    sorted: Vec<u64>,
    waiting: Vec<u64>,
}

impl NumberSet {
    #[inline(always)]
    pub fn add(&mut self, value: u64) {
        // Runs of equal values are common, and cost nothing.
        if self.waiting.last() != Some(&value) {
            self.waiting.push(value);
            if self.waiting.len() >= self.sorted.len().max(WAITING_MAX) {
                self.settle();
            }
        }
    }

    /// Sorts what waits into the set.
    fn settle(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        self.waiting.sort_unstable();
        self.waiting.dedup();
        let waiting = std::mem::take(&mut self.waiting);
        self.sorted = union(&self.sorted, &waiting);
    }

    pub fn merge(&mut self, mut later: Self) {
        self.settle();
        later.settle();
        self.sorted = union(&self.sorted, &later.sorted);
    }

    /// How many values there are; nothing waits in a set that was unpacked.
    pub fn len(&self) -> u64 {
        self.sorted.len() as u64
    }
}

/// What is in either of two ascending lists, each once.
fn union(left: &[u64], right: &[u64]) -> Vec<u64> {
    let mut all = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.iter().copied().peekable(), right.iter().copied().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let (a, b) = (*a, *b);
        all.push(a.min(b));
        if a <= b {
            left.next();
        }
        if b <= a {
            right.next();
        }
    }
    all.extend(left);
    all.extend(right);
    all
}

impl Packed for NumberSet {
    fn pack(mut self) -> Option<Vec<u8>> {
        self.settle();
        (!self.sorted.is_empty()).then(|| self.sorted.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        let (values, rest) = bytes.as_chunks::<8>();
        let sorted = values.iter().map(|value| u64::from_le_bytes(*value)).collect();
        rest.is_empty().then_some(Self { sorted, waiting: Vec::new() })
    }
}

/// A set of byte strings.
#[derive(Debug, Default)]
pub struct ByteSet {
    /// Ascending, each once, each with its length before it.
    sorted: Vec<u8>,
    /// Values one after another, and where each ends.
    waiting: Vec<u8>,
    ends: Vec<usize>,
}

impl ByteSet {
    #[inline(always)]
    pub fn add(&mut self, value: &[u8]) {
        self.waiting.extend_from_slice(value);
        self.ends.push(self.waiting.len());
        if self.ends.len() >= WAITING_MAX && self.waiting.len() >= self.sorted.len() {
            self.settle();
        }
    }

    fn settle(&mut self) {
        if self.ends.is_empty() {
            return;
        }
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let mut values: Vec<&[u8]> =
            starts.zip(&self.ends).map(|(start, end)| self.waiting.get(start..*end).unwrap_or_default()).collect();
        values.sort_unstable();
        values.dedup();
        self.sorted = union_of_bytes(Entries(&self.sorted), values.into_iter());
        self.waiting.clear();
        self.ends.clear();
    }

    pub fn merge(&mut self, mut later: Self) {
        self.settle();
        later.settle();
        self.sorted = union_of_bytes(Entries(&self.sorted), Entries(&later.sorted));
    }

    /// How many values there are; nothing waits in a set that was unpacked.
    pub fn len(&self) -> u64 {
        Entries(&self.sorted).count() as u64
    }
}

/// The values of a packed set.
struct Entries<'a>(&'a [u8]);

impl<'a> Iterator for Entries<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        take_bytes(&mut self.0)
    }
}

fn union_of_bytes<'a>(left: Entries<'a>, right: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut all = Vec::with_capacity(left.0.len());
    let (mut left, mut right) = (left.peekable(), right.peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let (a, b) = (*a, *b);
        put(a.min(b), &mut all);
        if a <= b {
            left.next();
        }
        if b <= a {
            right.next();
        }
    }
    left.for_each(|value| put(value, &mut all));
    right.for_each(|value| put(value, &mut all));
    all
}

impl Packed for ByteSet {
    fn pack(mut self) -> Option<Vec<u8>> {
        self.settle();
        (!self.sorted.is_empty()).then_some(self.sorted)
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        while take_bytes(&mut rest).is_some() {}
        rest.is_empty().then(|| Self { sorted: bytes.to_vec(), ..Self::default() })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn sets_of_numbers_are_sets_however_they_are_filled_and_cut() {
        let values = |from: u64| (from..from + 20_000).map(|row| row * row % 7_919);
        let want: BTreeSet<u64> = values(0).chain(values(5)).collect();
        let of = |values: &mut dyn Iterator<Item = u64>| {
            let mut set = NumberSet::default();
            values.for_each(|value| set.add(value));
            set
        };
        let mut merged = of(&mut values(0));
        merged.merge(of(&mut values(5)));
        let bytes = merged.pack().expect("not empty");
        assert_eq!(of(&mut values(0).chain(values(5))).pack(), Some(bytes.clone()));
        let set = NumberSet::unpack(&bytes).expect("whole");
        assert_eq!((set.len(), set.sorted), (want.len() as u64, want.into_iter().collect()));
        assert!(NumberSet::unpack(&bytes[1..]).is_none());
    }

    #[test]
    fn sets_of_bytes_are_sets_however_they_are_filled_and_cut() {
        let values =
            |from: u32| (from..from + 10_000).map(|row| "x".repeat((row % 41) as usize) + &(row % 97).to_string());
        let of = |values: &mut dyn Iterator<Item = String>| {
            let mut set = ByteSet::default();
            values.for_each(|value| set.add(value.as_bytes()));
            set
        };
        let want: BTreeSet<String> = values(0).chain(values(50_000)).chain([String::new()]).collect();
        let mut merged = of(&mut values(0));
        merged.add(b"");
        merged.merge(of(&mut values(50_000)));
        let bytes = merged.pack().expect("not empty");
        let set = ByteSet::unpack(&bytes).expect("whole");
        assert_eq!(set.len(), want.len() as u64);
        assert!(Entries(&set.sorted).eq(want.iter().map(String::as_bytes)));
        assert!(ByteSet::unpack(&bytes[..bytes.len() - 1]).is_none());
    }
}
