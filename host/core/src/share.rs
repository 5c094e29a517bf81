//! A share of an operator's work, such as 1/8: which partitions, and which batches, are its canary's.
//!
//! Asked by the planner, and by the run for every batch and partition. A function of its arguments, so that an epoch that is
//! computed again is shared out in the same way.

use std::{fmt, str::FromStr};

/// More than nothing and less than all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    parts: u16,
    of: u16,
}

/// The greatest number that a share may have below its line.
pub const PARTS_MAX: u16 = 1000;

impl Share {
    /// Whether a partition belongs to the share. The first ones do, one at least.
    pub fn has_partition(self, number: u16, partitions: u16) -> bool {
        u32::from(number) * u32::from(self.of) < u32::from(self.parts) * u32::from(partitions)
    }

    /// Of so many partitions, those that belong to the share.
    pub fn partitions(self, partitions: u16) -> usize {
        (0..partitions).filter(|number| self.has_partition(*number, partitions)).count()
    }

    /// Whether a batch belongs to the share, by the number of its first row.
    pub fn has_batch(self, first_row: u64) -> bool {
        mixed(first_row) % u64::from(self.of) < u64::from(self.parts)
    }
}

/// Every bit of the result depends on every bit of `x`: the last steps of SplitMix64 (Steele, Lea and Flood 2014).
fn mixed(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.parts, self.of)
    }
}

/// Why a text is no share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a share is a fraction below 1, such as 1/8, with at most {PARTS_MAX} below the line")]
pub struct NoShare;

impl FromStr for Share {
    type Err = NoShare;

    fn from_str(text: &str) -> Result<Self, NoShare> {
        let (parts, of) = text.split_once('/').ok_or(NoShare)?;
        let number = |text: &str| text.trim().parse::<u16>().map_err(|_| NoShare);
        let (parts, of) = (number(parts)?, number(of)?);
        let is_share = parts > 0 && parts < of && of <= PARTS_MAX;
        is_share.then_some(Self { parts, of }).ok_or(NoShare)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(text: &str) -> Share {
        text.parse().unwrap()
    }

    #[test]
    fn fractions_below_one_are_shares() {
        assert_eq!(share("1/8").to_string(), "1/8");
        assert_eq!(share(" 3 / 1000 ").to_string(), "3/1000");
        for text in ["", "1", "0/8", "8/8", "9/8", "1/1001", "-1/8", "1/8/2", "0.125", "1/0"] {
            assert_eq!(text.parse::<Share>(), Err(NoShare), "{text}");
        }
    }

    #[test]
    fn a_share_has_one_partition_at_least_and_about_its_part_of_many() {
        assert_eq!(share("1/8").partitions(8), 1);
        assert_eq!(share("1/8").partitions(2), 1);
        assert_eq!(share("1/3").partitions(8), 3);
        assert_eq!(share("1/2").partitions(128), 64);
        assert_eq!(share("1/1000").partitions(8), 1);
        assert_eq!(share("999/1000").partitions(8), 8, "nothing would be left");
    }

    #[test]
    fn a_share_has_its_part_of_many_batches() {
        let tasks = (0..80_000_u64).map(|task| task << 32);
        let taken = tasks.filter(|first_row| share("1/8").has_batch(*first_row)).count();
        assert!((9_600..10_400).contains(&taken), "{taken} of 80,000");
    }
}
