//! What a job has done since the engine was started, from the events of its run.
//!
//! A job that is started again counts from nothing; here its attempts add up, so that counters never fall.

use std::{collections::VecDeque, time::Instant};

use pelton_core::model::Epoch;
use serde::Serialize;

use crate::{
    job::run::progress::{EpochReport, Totals},
    operator::OperatorStats,
};

/// Sums over attempts.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figures {
    /// The last epoch that was committed.
    pub epoch: Option<u64>,
    /// The revision that it was computed by.
    pub revision: Option<u64>,
    pub epochs: u64,
    pub rows_in: u64,
    pub rows_out: u64,
    pub rejected: u64,
    pub late: u64,
    /// Poison rows: those kept as dead letters, and those skipped.
    pub dead: u64,
    pub skipped: u64,
    /// Dead letters in the queue; none: nothing is known of it yet.
    pub letters: Option<u64>,
    pub bytes_in: u64,
    /// Rows a second, of the last seconds.
    pub rows_per_second: f64,
    /// How far the watermark is behind the clock; none: there is no event time.
    pub lag_ms: Option<i64>,
    /// Bytes of the whole input, where they are known.
    pub input_bytes: Option<u64>,
    pub failures: u64,
    pub restarts: u64,
    pub traps: u64,
    pub operators: Vec<OperatorFigures>,
}

/// Of one operator.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OperatorFigures {
    pub name: String,
    pub calls: u64,
    pub rows_in: u64,
    pub rows_out: u64,
    pub rejected: u64,
    pub late: u64,
    pub dead: u64,
    pub skipped: u64,
    /// Calls that were made to find poison rows.
    pub trials: u64,
    /// Time in the module, summed over threads.
    pub call_seconds: f64,
}

impl OperatorFigures {
    fn add(&mut self, stats: &OperatorStats) {
        self.calls += stats.calls;
        self.rows_in += stats.rows_in;
        self.rows_out += stats.rows_out;
        self.rejected += stats.rejected;
        self.late += stats.late;
        self.dead += stats.dead;
        self.skipped += stats.skipped;
        self.trials += stats.trials;
        self.call_seconds += stats.call_time.as_secs_f64();
    }
}

/// Seconds over which a rate is taken.
const RATE_SECONDS: u64 = 10;
/// Epochs that are kept for it.
const RATE_EPOCHS: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Count {
    /// Of attempts that are over.
    before: Figures,
    now: Figures,
    recent: VecDeque<(Instant, u64)>,
}

impl Count {
    /// An attempt begins.
    pub(super) fn begin(&mut self) {
        self.before = self.now.clone();
    }

    pub(super) fn failed(&mut self, is_trap: bool, is_again: bool) {
        self.now.failures += 1;
        self.now.traps += u64::from(is_trap);
        self.now.restarts += u64::from(is_again);
    }

    pub(super) fn epoch(&mut self, report: &EpochReport) {
        let Totals { epochs, bytes_in, rows_in, rows_out, rejected, late, dead, skipped } = report.total;
        let before = &self.before;
        let Epoch(epoch) = report.epoch;
        self.now = Figures {
            epoch: Some(epoch),
            revision: Some(report.revision),
            epochs: before.epochs + epochs,
            rows_in: before.rows_in + rows_in,
            rows_out: before.rows_out + rows_out,
            rejected: before.rejected + rejected,
            late: before.late + late,
            dead: before.dead + dead,
            skipped: before.skipped + skipped,
            letters: report.letters,
            bytes_in: before.bytes_in + bytes_in,
            rows_per_second: 0.0,
            lag_ms: report.event_time_lag.map(|lag| lag / 1_000),
            input_bytes: report.input_bytes,
            operators: operators(&before.operators, &report.operators),
            ..self.now
        };
        self.recent.push_back((Instant::now(), self.now.rows_in));
        while self.recent.len() > RATE_EPOCHS
            || self.recent.front().is_some_and(|(at, _)| at.elapsed().as_secs() > RATE_SECONDS)
        {
            self.recent.pop_front();
        }
    }

    pub(super) fn figures(&self) -> Figures {
        Figures { rows_per_second: self.rate(), ..self.now.clone() }
    }

    fn rate(&self) -> f64 {
        let recent: Vec<_> = self.recent.iter().filter(|(at, _)| at.elapsed().as_secs() <= RATE_SECONDS).collect();
        let (Some((first_at, first)), Some((_, last))) = (recent.first(), recent.last()) else { return 0.0 };
        let seconds = first_at.elapsed().as_secs_f64().max(0.1);
        (last.saturating_sub(*first) as f64 / seconds).round()
    }
}

/// An operator may be new to the job since it was last started.
fn operators(before: &[OperatorFigures], now: &[(String, OperatorStats)]) -> Vec<OperatorFigures> {
    let sum = |(name, stats): &(String, OperatorStats)| {
        let known = before.iter().find(|known| known.name == *name).cloned();
        let mut sum = known.unwrap_or_else(|| OperatorFigures { name: name.clone(), ..OperatorFigures::default() });
        sum.add(stats);
        sum
    };
    now.iter().map(sum).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn report(epoch: u64, rows: u64) -> EpochReport {
        let stats = OperatorStats { rows_in: rows, ..OperatorStats::default() };
        EpochReport {
            epoch: Epoch(epoch),
            revision: 1,
            rows_in: rows,
            rows_out: 0,
            rejected: 0,
            bytes_in: 0,
            total: Totals { epochs: 1, rows_in: rows, ..Totals::default() },
            operators: vec![("op".into(), stats)],
            letters: Some(0),
            input_bytes: None,
            event_time_lag: Some(5_000),
            elapsed: Duration::from_secs(1),
        }
    }

    #[test]
    fn attempts_add_up() {
        let mut count = Count::default();
        count.begin();
        count.epoch(&report(7, 100));
        count.epoch(&report(8, 150));
        count.failed(true, true);
        count.begin();
        count.epoch(&report(9, 10));
        let figures = count.figures();
        assert_eq!((figures.epoch, figures.rows_in, figures.operators[0].rows_in), (Some(9), 160, 160));
        assert_eq!((figures.traps, figures.restarts, figures.failures, figures.lag_ms), (1, 1, 1, Some(5)));
    }
}
