//! How old a part may become: `roll-after`.
//!
//! Called by the writers of parts at the end of each epoch. Invariant: the only clock is the processing time of epochs, which their records have, so
//! that whoever goes on after a crash closes the parts that the process before it would have closed.

use std::time::Duration;

/// The age at which a part takes no more rows; none: it never grows too old.
#[derive(Debug, Clone, Copy)]
pub(super) struct AgeLimit {
    /// In µs.
    limit: Option<i64>,
}

impl AgeLimit {
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self { limit: limit.map(|limit| i64::try_from(limit.as_micros()).unwrap_or(i64::MAX)) }
    }

    /// Whether a part takes no rows after the epoch of the time `now`. `began` is the time of the first epoch that it was asked for in, and is set
    /// by this; it goes back with a clock that was set back, so that no part stays open for the time between.
    pub(super) fn is_over(self, began: &mut Option<i64>, now: i64) -> bool {
        let Some(limit) = self.limit else { return false };
        let since = began.map_or(now, |began| began.min(now));
        *began = Some(since);
        now.saturating_sub(since) >= limit
    }

    /// When a part that began at this time is too old.
    pub(super) fn due(self, began: Option<i64>) -> Option<i64> {
        Some(began?.saturating_add(self.limit?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_as_old_as_the_time_since_its_first_epoch() {
        let age = AgeLimit::new(Some(Duration::from_secs(60)));
        let mut began = None;
        assert!(!age.is_over(&mut began, 5_000_000));
        assert_eq!((began, age.due(began)), (Some(5_000_000), Some(65_000_000)));
        assert!(!age.is_over(&mut began, 64_999_999));
        assert!(age.is_over(&mut began, 65_000_000));
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_no_part_open() {
        let age = AgeLimit::new(Some(Duration::from_secs(60)));
        let mut began = Some(86_400_000_000);
        assert!(!age.is_over(&mut began, 1_000_000));
        assert!(age.is_over(&mut began, 61_000_000));
    }

    #[test]
    fn without_a_limit_nothing_is_remembered() {
        let (age, mut began) = (AgeLimit::new(None), None);
        assert!(!age.is_over(&mut began, i64::MAX));
        assert_eq!((began, age.due(Some(1))), (None, None));
    }
}
