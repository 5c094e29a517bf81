//! A grid of equal steps over the whole of time: the arithmetic under windows without a zone.
//!
//! Called by [`super::Panes`]. Exact up to the ends of 64 bits: a boundary beyond them is the nearest value within.

/// Boundaries at `offset + n × step` for every integer n.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    step: i64,
    /// From 0 on and below `step`.
    offset: i64,
}

impl Grid {
    /// Steps are positive; any offset goes.
    pub fn new(step: i64, offset: i64) -> Self {
        Self { step, offset: offset.rem_euclid(step) }
    }

    /// How far `time` lies behind the boundary at or before it.
    #[inline]
    fn behind(self, time: i64) -> i64 {
        let behind = time.rem_euclid(self.step) - self.offset;
        if behind < 0 { behind + self.step } else { behind }
    }

    /// The boundary at or before `time`, and the one after it.
    #[inline]
    pub fn around(self, time: i64) -> (i64, i64) {
        let behind = self.behind(time);
        (time.saturating_sub(behind), time.saturating_add(self.step - behind))
    }

    /// The number of the boundary at or before `time`.
    pub fn number(self, time: i128) -> i128 {
        (time - i128::from(self.offset)).div_euclid(self.step.into())
    }

    /// Where boundary `number` lies, which may be beyond 64 bits.
    pub fn boundary(self, number: i128) -> i128 {
        number * i128::from(self.step) + i128::from(self.offset)
    }
}

/// The nearest value that 64 bits hold.
pub fn saturated(time: i128) -> i64 {
    i64::try_from(time).unwrap_or(if time < 0 { i64::MIN } else { i64::MAX })
}

/// The greatest step that divides both.
pub fn gcd(left: i64, right: i64) -> i64 {
    if right == 0 { left } else { gcd(right, left % right) }
}
