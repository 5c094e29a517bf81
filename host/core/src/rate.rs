//! How many rows a second a job can work off: the PID rate estimator of Spark Streaming.
//!
//! After each epoch it is told how many rows that had, how long they took, and how long they had waited until they were begun; it answers
//! the rate at which the next one should take rows. Called by the host's commit thread. Invariant: a rate is never below the minimum.
//!
//! The control law is that of `PIDRateEstimator` (Apache Spark 2.0 and later): the error is what the last rate was above the rate at which the
//! epoch was worked off; what had waited is the integral of earlier errors.

use std::time::Duration;

/// Weights of the three terms, and the least rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gains {
    pub proportional: f64,
    pub integral: f64,
    pub derivative: f64,
    /// In rows a second.
    pub minimum: f64,
}

impl Default for Gains {
    /// Spark's.
    fn default() -> Self {
        Self { proportional: 1.0, integral: 0.2, derivative: 0.0, minimum: 100.0 }
    }
}

/// An epoch that has been committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worked {
    /// When, since any fixed instant.
    pub at: Duration,
    pub rows: u64,
    /// How long its rows took.
    pub time: Duration,
    /// How long they waited for those before them.
    pub delay: Duration,
}

#[derive(Debug, Clone)]
pub struct RateEstimator {
    gains: Gains,
    /// Between two epochs.
    interval: f64,
    latest: Option<Latest>,
}

#[derive(Debug, Clone, Copy)]
struct Latest {
    at: Duration,
    rate: f64,
    error: f64,
}

impl RateEstimator {
    /// `interval` is not zero.
    pub fn new(gains: Gains, interval: Duration) -> Self {
        Self { gains, interval: interval.as_secs_f64(), latest: None }
    }

    /// The rate from now on, in rows a second; none: an epoch without rows says nothing.
    pub fn update(&mut self, worked: Worked) -> Option<f64> {
        let time = worked.time.as_secs_f64();
        let since = self.latest.map_or(worked.at, |latest| worked.at.saturating_sub(latest.at)).as_secs_f64();
        if worked.rows == 0 || time <= 0.0 || since <= 0.0 {
            return None;
        }
        let processing_rate = worked.rows as f64 / time;
        let Gains { proportional, integral, derivative, minimum } = self.gains;
        let (rate, error) = match self.latest {
            None => (processing_rate.max(minimum), 0.0),
            Some(latest) => {
                let error = latest.rate - processing_rate;
                let waited = worked.delay.as_secs_f64() * processing_rate / self.interval;
                let slope = (error - latest.error) / since;
                let rate = latest.rate - proportional * error - integral * waited - derivative * slope;
                (rate.max(minimum), error)
            }
        };
        self.latest = Some(Latest { at: worked.at, rate, error });
        Some(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worked(second: u64, rows: u64, time_ms: u64, delay_ms: u64) -> Worked {
        Worked {
            at: Duration::from_secs(second),
            rows,
            time: Duration::from_millis(time_ms),
            delay: Duration::from_millis(delay_ms),
        }
    }

    /// Worked out by hand from the control law, with P 1, I 0.2, D 0 and an interval of a second.
    #[test]
    fn a_golden_trace() {
        let mut estimator = RateEstimator::new(Gains::default(), Duration::from_secs(1));
        let steps = [
            // The first epoch sets the rate at which it was worked off.
            (worked(1, 10_000, 2_000, 0), Some(5_000.0)),
            // As fast as before, but 1 s late: 0.2 of what a second works off is taken back.
            (worked(2, 5_000, 1_000, 1_000), Some(4_000.0)),
            // The job became faster: it follows at once.
            (worked(3, 4_000, 500, 0), Some(8_000.0)),
            // Nothing came: nothing is learnt.
            (worked(4, 0, 10, 0), None),
            (worked(5, 8_000, 4_000, 500), Some(2_000.0 - 0.2 * 0.5 * 2_000.0)),
            // Never below the minimum.
            (worked(6, 10, 1_000, 60_000), Some(100.0)),
        ];
        for (worked, rate) in steps {
            assert_eq!(estimator.update(worked), rate, "{worked:?}");
        }
    }

    #[test]
    fn the_derivative_damps() {
        let gains = Gains { derivative: 0.5, ..Gains::default() };
        let mut estimator = RateEstimator::new(gains, Duration::from_secs(1));
        estimator.update(worked(1, 1_000, 1_000, 0));
        // The error goes from 0 to 500 within two seconds: 0.5 · 250 come off.
        assert_eq!(estimator.update(worked(3, 500, 1_000, 0)), Some(500.0 - 125.0));
    }

    /// A job that works off `capacity` rows a second is given as many as the estimator says, first at a step up, then at a step down.
    #[test]
    fn a_step_of_the_load_converges() {
        let mut estimator = RateEstimator::new(Gains::default(), Duration::from_secs(1));
        let (mut rate, mut delay, mut now) = (100_000.0, 0.0, 0.0);
        for (capacity, epochs) in [(10_000.0, 30), (40_000.0, 30), (5_000.0, 30)] {
            for _ in 0..epochs {
                let time = rate / capacity;
                now += f64::max(1.0, time);
                let seconds = Duration::from_secs_f64;
                let worked = Worked { at: seconds(now), rows: rate as u64, time: seconds(time), delay: seconds(delay) };
                // What takes longer than an interval makes those behind it wait.
                delay = f64::max(0.0, delay + time - 1.0);
                rate = estimator.update(worked).expect("there are rows");
            }
            assert!((rate - capacity).abs() < 0.01 * capacity, "{rate} rows a second, {capacity} would do");
        }
    }
}
