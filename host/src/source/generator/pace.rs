//! When a generator's rows are due.
//!
//! The schedule is open loop: row n is due n / rate after the start, whatever became of the rows before. So there is no
//! drift, and after a stall everything that is due comes at once. How rows are cut into ranges depends on the rate, not
//! on what the clock showed.

use std::time::Duration;

/// How long a due row may wait for the rest of its range.
const WAIT_MAX: Duration = Duration::from_millis(50);
const WAIT_MIN: Duration = Duration::from_millis(5);

#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Rows a second; none: all are due at once.
    rate: Option<f64>,
    range_rows: u64,
}

impl Pace {
    /// `interval`: how long an epoch lasts.
    pub fn new(rate: Option<f64>, interval: Duration, batch_rows: u64) -> Result<Self, String> {
        let range_rows = match rate {
            None => batch_rows,
            Some(rate) if rate.is_finite() && rate > 0.0 => {
                let due = rate * interval.clamp(WAIT_MIN, WAIT_MAX).as_secs_f64();
                (due as u64).clamp(1, batch_rows)
            }
            Some(rate) => return Err(format!("{rate} is no number of rows a second")),
        };
        Ok(Self { rate, range_rows })
    }

    /// Rows of one range.
    pub fn range_rows(&self) -> u64 {
        self.range_rows
    }

    /// How long after the start row number `row` is due; none: not in any time that can be told.
    pub fn due(&self, row: u64) -> Option<Duration> {
        self.rate.map_or(Some(Duration::ZERO), |rate| Duration::try_from_secs_f64(row as f64 / rate).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn rows_are_due_by_their_number_alone() {
        let pace = Pace::new(Some(1_000_000.0), SECOND, 8192).expect("a rate");
        assert_eq!(pace.due(0), Some(Duration::ZERO));
        assert_eq!(pace.due(1_000_000_000_000), Some(Duration::from_secs(1_000_000)));
        assert_eq!(Pace::new(Some(f64::MIN_POSITIVE), SECOND, 1).expect("a rate").due(u64::MAX), None);
    }

    #[test]
    fn ranges_are_small_enough_to_be_in_time() {
        let rows = |rate, interval| Pace::new(Some(rate), interval, 8192).expect("a rate").range_rows();
        assert_eq!(rows(0.5, SECOND), 1);
        assert_eq!(rows(1000.0, SECOND), 50);
        assert_eq!(rows(1000.0, Duration::from_millis(20)), 20);
        assert_eq!(rows(1000.0, Duration::ZERO), 5);
        assert_eq!(rows(1e9, SECOND), 8192);
        assert_eq!(Pace::new(None, SECOND, 8192).expect("no rate").range_rows(), 8192);
    }

    #[test]
    fn impossible_rates_are_refused() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Pace::new(Some(rate), SECOND, 8192).is_err(), "{rate}");
        }
    }
}
