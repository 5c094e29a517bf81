//! Backpressure: how much input an epoch takes, so that the job works it off within an interval.
//!
//! The commit thread tells what each epoch has cost; the planner asks before each epoch. Sources that wait are the rest of it: they are read
//! no faster than epochs take their rows.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use pelton_core::{
    job::BatchSpec,
    rate::{Gains, RateEstimator, Worked},
};

/// The first epoch takes this part of `batch.max-bytes`: nothing is known yet.
const FIRST_PART: u64 = 64;

/// Bytes that an epoch takes at most, as the planner sees it.
#[derive(Debug)]
pub(super) struct EpochBytes(AtomicU64);

impl EpochBytes {
    pub(super) fn new(batch: &BatchSpec) -> Self {
        let first = if is_wanted(batch) { (batch.max_bytes / FIRST_PART).max(1) } else { u64::MAX };
        Self(AtomicU64::new(first))
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

fn is_wanted(batch: &BatchSpec) -> bool {
    batch.backpressure && !batch.interval.is_zero()
}

/// What an epoch was, and cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct EpochCost {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// Of compute threads, summed.
    pub(super) computing: Duration,
    /// Of the commit thread.
    pub(super) committing: Duration,
    /// When the planner closed it.
    pub(super) closed: Instant,
}

/// On the commit thread.
#[derive(Debug)]
pub(super) struct Pressure {
    estimator: RateEstimator,
    interval: Duration,
    threads: u32,
    begun: Instant,
}

impl Pressure {
    /// None: the job does not want it.
    pub(super) fn new(batch: &BatchSpec, threads: usize) -> Option<Self> {
        is_wanted(batch).then(|| Self {
            estimator: RateEstimator::new(Gains::default(), batch.interval),
            interval: batch.interval,
            threads: u32::try_from(threads).unwrap_or(u32::MAX).max(1),
            begun: Instant::now(),
        })
    }

    /// An epoch has been committed. The rate from now on, in rows a second.
    pub(super) fn note(&mut self, cost: EpochCost, limit: &EpochBytes) -> Option<f64> {
        let EpochCost { rows, bytes, computing, committing, closed } = cost;
        // The two sides work at the same time: the slower one sets the pace.
        let time = (computing / self.threads).max(committing);
        let delay = closed.elapsed().saturating_sub(time);
        let rate = self.estimator.update(Worked { at: self.begun.elapsed(), rows, time, delay })?;
        let bytes = rate * self.interval.as_secs_f64() * (bytes as f64 / rows as f64);
        limit.0.store((bytes as u64).max(1), Ordering::Relaxed);
        Some(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(rows: u64, computing_ms: u64, committing_ms: u64) -> EpochCost {
        let ms = Duration::from_millis;
        EpochCost {
            rows,
            bytes: rows * 10,
            computing: ms(computing_ms),
            committing: ms(committing_ms),
            closed: Instant::now(),
        }
    }

    #[test]
    fn an_epoch_takes_what_an_interval_works_off() {
        let batch = BatchSpec { backpressure: true, interval: Duration::from_millis(500), ..BatchSpec::default() };
        let limit = EpochBytes::new(&batch);
        assert_eq!(limit.get(), 1 << 20);
        let mut pressure = Pressure::new(&batch, 2).expect("it is wanted");
        // 10,000 rows in 1 s of two threads: 20,000 a second, 10,000 in an interval, of 10 bytes each.
        assert_eq!(pressure.note(cost(10_000, 1_000, 100), &limit), Some(20_000.0));
        assert_eq!(limit.get(), 100_000);
        // A slow sink counts as much as slow operators.
        let rate = pressure.note(cost(10_000, 1_000, 2_000), &limit).expect("a rate");
        assert!((4_000.0..=5_000.0).contains(&rate), "{rate}");
    }

    #[test]
    fn without_an_interval_there_is_none() {
        let batch = BatchSpec { backpressure: true, interval: Duration::ZERO, ..BatchSpec::default() };
        assert!(Pressure::new(&batch, 1).is_none() && Pressure::new(&BatchSpec::default(), 1).is_none());
        assert_eq!(EpochBytes::new(&batch).get(), u64::MAX);
    }
}
