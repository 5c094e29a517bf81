//! Sums of decimals beyond 128 bits: how many whole 10^38 there are, and what is left.
//!
//! `std:sum` and `std:avg` add with it where so many digits could come together; only what comes out of them must fit. Invariant: what is
//! left is at least 0 and less than 10^38, so that a sum has one form, in whatever order its rows came.

use std::fmt;

/// One more than the largest decimal.
pub const LIMIT: i128 = 10_i128.pow(38);
const HALF: u128 = 10_u128.pow(19);

/// Decimals of more digits may come to more than 38 of them: 2⁶³ rows of 19 digits do not.
pub const NARROW_DIGITS: u8 = 19;

/// `high` times 10^38, and `low`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wide {
    pub high: i64,
    pub low: i128,
}

impl Wide {
    /// With a decimal of 38 digits more. None: of more rows than there are.
    #[inline(always)]
    pub fn plus(self, by: i128) -> Option<Self> {
        let Self { high, low } = self;
        if by >= 0 && low >= LIMIT - by {
            return Some(Self { high: high.checked_add(1)?, low: low - (LIMIT - by) });
        }
        let low = low + by;
        if low < 0 { Some(Self { high: high.checked_sub(1)?, low: low + LIMIT }) } else { Some(Self { high, low }) }
    }

    /// With another sum more.
    pub fn merged(self, later: Self) -> Option<Self> {
        Self { high: self.high.checked_add(later.high)?, ..self }.plus(later.low)
    }

    /// What fits into 38 digits.
    pub fn narrow(self) -> Option<i128> {
        match self.high {
            0 => Some(self.low),
            -1 if self.low > 0 => Some(self.low - LIMIT),
            _ => None,
        }
    }

    /// Without its sign: whole 10^38, and what is left.
    fn magnitude(self) -> (u64, u128) {
        match (self.high, self.low) {
            (0.., low) => (self.high.unsigned_abs(), low.unsigned_abs()),
            (high, 0) => (high.unsigned_abs(), 0),
            (high, low) => (high.unsigned_abs() - 1, (LIMIT - low).unsigned_abs()),
        }
    }

    /// The mean of `count` decimals with `more` digits, 4 at most, halves rounded away from zero.
    pub fn mean(self, count: i64, more: u8) -> i128 {
        let (high, low) = self.magnitude();
        let (count, unit) = (u128::from(count.unsigned_abs()).max(1), 10_u128.pow(more.into()));
        // Digit by digit, each of which is one of 10^19: what is carried is less than `count`, and so less than 2^63.
        let first = u128::from(high) * HALF + low / HALF;
        let second = first % count * HALF + low % HALF;
        let whole = first / count * HALF + second / count;
        let rest = second % count * unit;
        let round = u128::from(rest % count * 2 >= count);
        let mean = i128::try_from(whole * unit + rest / count + round).unwrap_or(LIMIT);
        if self.high < 0 { -mean } else { mean }
    }
}

impl fmt::Display for Wide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.high < 0 { "-" } else { "" };
        match self.magnitude() {
            (0, low) => write!(f, "{sign}{low}"),
            (high, low) => write!(f, "{sign}{high}{low:038}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: i128 = LIMIT - 1;

    fn sum(values: &[i128]) -> Wide {
        let add = |sum: Wide, value: &i128| sum.plus(*value).expect("it fits");
        values.iter().fold(Wide { high: 0, low: 0 }, add)
    }

    #[test]
    fn a_sum_has_one_form_in_any_order_and_any_parts() {
        for values in [&[MOST, 1, -5][..], &[-MOST, -1, 5], &[MOST, MOST, MOST, -MOST, -MOST], &[1, -1], &[-7, 3, 0]] {
            let whole = sum(values);
            assert!((0..LIMIT).contains(&whole.low), "{whole:?}");
            let reversed: Vec<i128> = values.iter().rev().copied().collect();
            assert_eq!(sum(&reversed), whole);
            for at in 0..=values.len() {
                assert_eq!(sum(&values[..at]).merged(sum(&values[at..])), Some(whole), "{values:?} at {at}");
            }
        }
        assert_eq!(sum(&[MOST, 1, -5]).narrow(), Some(MOST - 4));
        assert_eq!(sum(&[-MOST, -1, 5]).narrow(), Some(4 - MOST));
        assert_eq!(sum(&[-MOST]).narrow(), Some(-MOST));
        assert_eq!((sum(&[MOST, 1]).narrow(), sum(&[-MOST, -1]).narrow()), (None, None));
    }

    #[test]
    fn it_is_shown_with_all_its_digits() {
        for (values, shown) in [
            (&[MOST, 1][..], "100000000000000000000000000000000000000"),
            (&[-MOST, -1], "-100000000000000000000000000000000000000"),
            (&[-MOST, -3], "-100000000000000000000000000000000000002"),
            (&[-3], "-3"),
            (&[0], "0"),
        ] {
            assert_eq!(sum(values).to_string(), shown);
        }
    }

    #[test]
    fn means_are_rounded_halves_away_from_zero() {
        assert_eq!(sum(&[MOST; 3]).mean(3, 0), MOST);
        assert_eq!(sum(&[-MOST; 7]).mean(7, 0), -MOST);
        assert_eq!((sum(&[1, 2]).mean(2, 0), sum(&[-1, -2]).mean(2, 0)), (2, -2));
        assert_eq!((sum(&[1, 1, 0]).mean(3, 4), sum(&[-1, -1, 0]).mean(3, 4)), (6_667, -6_667));
        let large = 10_i128.pow(34) - 1;
        assert_eq!(sum(&[large, large, large - 1]).mean(3, 4), large * 10_000 - 3_333);
    }
}
