//! A bit for each row: validity, the values of bools, and which rows are asked for.
//!
//! No bytes at all are ones for every row, as in Arrow; so most validities cost nothing. Bits beyond the last row mean nothing, and may be
//! set: [`Bits::any`] and [`Bits::positions`] are told how many rows there are.

use std::borrow::Cow;

use pelton_guest::dynamic::{bit, pack_bits};

#[derive(Debug, Clone, PartialEq)]
pub struct Bits<'a>(Cow<'a, [u8]>);

impl<'a> Bits<'a> {
    pub const ONES: Self = Self(Cow::Borrowed(&[]));

    pub fn zeros(rows: usize) -> Self {
        // One byte at least: none would be ones.
        Self(Cow::Owned(vec![0; rows.div_ceil(8).max(1)]))
    }

    pub fn of(value: bool, rows: usize) -> Self {
        if value { Self::ONES } else { Self::zeros(rows) }
    }

    /// From a byte of 0 or 1 for each row.
    pub fn from_flags(flags: &[u8]) -> Self {
        if flags.is_empty() { Self::ONES } else { Self(Cow::Owned(pack_bits(flags))) }
    }

    /// A bitmap as it came; empty if all bits are ones.
    pub fn borrowed(bitmap: &'a [u8], rows: usize) -> Self {
        Self(Cow::Borrowed(bitmap.get(..rows.div_ceil(8)).unwrap_or_default()))
    }

    /// The same, owned.
    pub fn owned(bitmap: Vec<u8>) -> Self {
        Self(Cow::Owned(bitmap))
    }

    /// Whether they are ones without a look at them.
    pub fn is_ones(&self) -> bool {
        self.0.is_empty()
    }

    #[inline(always)]
    pub fn get(&self, row: usize) -> bool {
        self.0.is_empty() || bit(&self.0, row)
    }

    pub fn and(&self, other: &Bits<'a>) -> Self {
        match (self.is_ones(), other.is_ones()) {
            (true, _) => other.clone(),
            (_, true) => self.clone(),
            _ => self.zip(other, |left, right| left & right),
        }
    }

    pub fn or(&self, other: &Bits<'a>) -> Self {
        if self.is_ones() || other.is_ones() { Self::ONES } else { self.zip(other, |left, right| left | right) }
    }

    pub fn not(&self, rows: usize) -> Self {
        if self.is_ones() { Self::zeros(rows) } else { Self(self.0.iter().map(|byte| !byte).collect()) }
    }

    fn zip(&self, other: &Self, of: impl Fn(u8, u8) -> u8) -> Self {
        Self(self.0.iter().zip(other.0.iter()).map(|(left, right)| of(*left, *right)).collect())
    }

    /// Whether any of the first `rows` bits is a one.
    pub fn any(&self, rows: usize) -> bool {
        if self.is_ones() {
            return rows > 0;
        }
        let (whole, rest) = self.0.split_at_checked(rows / 8).unwrap_or((&self.0, &[]));
        whole.iter().any(|byte| *byte != 0) || rest.first().is_some_and(|byte| byte & ((1 << (rows % 8)) - 1) != 0)
    }

    /// Whether all of the first `rows` bits are ones.
    pub fn all(&self, rows: usize) -> bool {
        self.is_ones() || !self.not(rows).any(rows)
    }

    /// The rows among the first `rows` whose bits are ones, in order.
    pub fn positions(&self, rows: usize) -> Vec<u32> {
        if self.is_ones() {
            return (0..rows as u32).collect();
        }
        let ones: u32 = self.0.iter().map(|byte| byte.count_ones()).sum();
        let mut positions = Vec::with_capacity(ones as usize);
        let (words, rest) = self.0.as_chunks::<8>();
        let mut last = [0; 8];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        for (start, word) in (0..).step_by(64).zip(words.iter().chain([&last])) {
            let mut word = u64::from_le_bytes(*word);
            while word != 0 {
                positions.push(start + word.trailing_zeros());
                word &= word - 1;
            }
        }
        positions.truncate(positions.partition_point(|row| (*row as usize) < rows));
        positions
    }

    /// As a validity that crosses: empty if no row is null.
    pub fn into_validity(self, rows: usize) -> Vec<u8> {
        if self.all(rows) { Vec::new() } else { self.0.into_owned() }
    }

    /// As the bitmap of a column of bools.
    pub fn into_bitmap(self, rows: usize) -> Vec<u8> {
        if self.is_ones() { vec![0xff; rows.div_ceil(8)] } else { self.0.into_owned() }
    }

    /// The bits of the rows at `positions`, in that order.
    pub fn take(&self, positions: &[u32]) -> Self {
        if self.is_ones() {
            return self.clone();
        }
        let flags: Vec<u8> = positions.iter().map(|row| u8::from(self.get(*row as usize))).collect();
        Self::from_flags(&flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_those_of_their_bits() {
        for rows in [1, 7, 8, 9, 63, 64, 65, 130] {
            let left: Vec<u8> = (0..rows).map(|row| u8::from(row * row % 3 == 1)).collect();
            let right: Vec<u8> = (0..rows).map(|row| u8::from(row % 5 < 2)).collect();
            let (a, b) = (Bits::from_flags(&left), Bits::from_flags(&right));
            let and: Vec<u32> =
                (0..rows as u32).filter(|row| left[*row as usize] & right[*row as usize] == 1).collect();
            assert_eq!(a.and(&b).positions(rows), and);
            let none: Vec<u32> =
                (0..rows as u32).filter(|row| left[*row as usize] | right[*row as usize] == 0).collect();
            assert_eq!(a.or(&b).not(rows).positions(rows), none);
            assert_eq!(a.and(&Bits::ONES), a);
            assert!(Bits::zeros(rows).not(rows).all(rows) && !Bits::zeros(rows).any(rows));
            assert!(Bits::ONES.not(rows).positions(rows).is_empty());
            assert_eq!(Bits::ONES.positions(rows).len(), rows);
        }
    }
}
