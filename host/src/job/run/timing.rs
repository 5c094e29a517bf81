//! Where the time of an epoch went.

use std::time::{Duration, Instant};

/// From an epoch's first row to its commit: four stretches that follow each other without a gap. Ranges are computed while their epoch is still
/// open, so what lies in `processing` is only what was left to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EpochTiming {
    /// When it began, in µs since 1970 UTC.
    pub began: i64,
    /// Until it was closed: the job waited for more rows.
    pub batching: Duration,
    /// Until the epoch before it was committed.
    pub scheduling: Duration,
    /// Until all of its output was with the sinks.
    pub processing: Duration,
    /// Until it was committed and published.
    pub committing: Duration,
}

/// The instants of an epoch, in their order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instants {
    pub closed: Instant,
    /// When the epoch before it was committed; none: there is none.
    pub before: Option<Instant>,
    /// When all of its output was with the sinks.
    pub written: Instant,
    pub committed: Instant,
}

impl EpochTiming {
    /// Of an epoch that began at `began` and was committed at `now`, both in µs since 1970 UTC.
    pub(super) fn between(began: i64, now: i64, instants: Instants) -> Self {
        let Instants { closed, before, written, committed } = instants;
        let processed_from = before.map_or(closed, |before| before.clamp(closed, written.max(closed)));
        let whole = Duration::from_micros(u64::try_from(now.saturating_sub(began)).unwrap_or_default());
        Self {
            began,
            batching: whole.saturating_sub(committed.saturating_duration_since(closed)),
            scheduling: processed_from.saturating_duration_since(closed),
            processing: written.saturating_duration_since(processed_from),
            committing: committed.saturating_duration_since(written),
        }
    }

    /// From the first row to the commit.
    pub fn delay(&self) -> Duration {
        self.batching + self.scheduling + self.processing + self.committing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Epochs of a virtual clock, one each second, of which one takes 3.5 s to compute and all others 0.4; a commit takes 0.1 s.
    #[test]
    fn a_slow_epoch_delays_those_behind_it_until_they_have_caught_up() {
        let ms = Duration::from_millis;
        let start = Instant::now();
        let mut before: Option<Instant> = None;
        let mut shown = Vec::new();
        for epoch in 0..10_u64 {
            let closed = start + ms(1_000 * (epoch + 1));
            let work = if epoch == 2 { ms(3_500) } else { ms(400) };
            let written = before.map_or(closed, |before| before.max(closed)) + work;
            let committed = written + ms(100);
            let now = i64::try_from((committed - start).as_micros()).unwrap();
            let instants = Instants { closed, before, written, committed };
            let timing = EpochTiming::between(1_000_000 * i64::try_from(epoch).unwrap(), now, instants);
            assert_eq!((timing.batching, timing.processing, timing.committing), (ms(1_000), work, ms(100)));
            assert_eq!(timing.delay(), committed - (closed - ms(1_000)), "the stretches leave no gap");
            shown.push(timing.scheduling.as_millis());
            before = Some(committed);
        }
        // The slow one ends 2.6 s after the next was closed; each epoch behind it makes half a second good.
        assert_eq!(shown, [0, 0, 0, 2_600, 2_100, 1_600, 1_100, 600, 100, 0]);
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_stretch_negative() {
        let closed = Instant::now();
        let written = closed + Duration::from_millis(5);
        let instants = Instants { closed, before: Some(written), written, committed: written };
        let timing = EpochTiming::between(10_000_000, 1_000_000, instants);
        assert_eq!((timing.batching, timing.processing), (Duration::ZERO, Duration::ZERO));
        assert_eq!(timing.delay(), Duration::from_millis(5));
    }
}
