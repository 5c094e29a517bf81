//! What a job has done since the engine was started, from the events of its run.
//!
//! A job that is started again counts from nothing; here its attempts add up, so that counters never fall.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use pelton_core::model::Epoch;
use serde::Serialize;

use crate::job::run::{
    EpochTiming,
    progress::{EpochReport, OperatorReport, Totals},
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
    /// Rows a second that sources gave, of the last seconds.
    pub rows_per_second: f64,
    /// The same of rows that reached sinks.
    pub rows_out_per_second: f64,
    /// Event time up to which the rows of all sources have come, in µs; none: there is none.
    pub watermark: Option<i64>,
    /// Rows a second that epochs take at most, by backpressure.
    pub rate_limit: Option<f64>,
    /// How far the watermark is behind the clock; none: there is no event time.
    pub lag_ms: Option<i64>,
    /// Bytes of the whole input, where they are known.
    pub input_bytes: Option<u64>,
    /// Of the last epoch; none: there is none yet.
    pub timing: Option<TimingFigures>,
    pub failures: u64,
    pub restarts: u64,
    /// Traps of modules: those that ended an attempt, and those for which something was taken out.
    pub traps: u64,
    /// Epochs that were computed again, and those of them that came to something else.
    pub verified: u64,
    pub differing: u64,
    pub operators: Vec<OperatorFigures>,
}

/// Where the time of an epoch went, from its first row to its commit.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct TimingFigures {
    /// Until it was closed: the job waited for more rows.
    pub batching_seconds: f64,
    /// Until the epoch before it was committed.
    pub scheduling_seconds: f64,
    /// Until all of its output was with the sinks.
    pub processing_seconds: f64,
    /// Until it was committed and published.
    pub committing_seconds: f64,
    /// All of it.
    pub delay_seconds: f64,
}

impl TimingFigures {
    fn of(timing: &EpochTiming) -> Self {
        Self {
            batching_seconds: timing.batching.as_secs_f64(),
            scheduling_seconds: timing.scheduling.as_secs_f64(),
            processing_seconds: timing.processing.as_secs_f64(),
            committing_seconds: timing.committing.as_secs_f64(),
            delay_seconds: timing.delay().as_secs_f64(),
        }
    }
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
    /// Requests that were sent to endpoints, and waiting for their replies, summed over threads.
    pub requests: u64,
    pub fetch_seconds: f64,
    /// Traps of its module: those that ended an attempt of the job, and those for which something was taken out.
    pub traps: u64,
    /// Time in the module, summed over threads.
    pub call_seconds: f64,
    /// Time beside it, in which columns are carried across and state is kept.
    pub host_seconds: f64,
    /// Of the last seconds: rows a second, and cores that it kept busy.
    pub rows_in_per_second: f64,
    pub rows_out_per_second: f64,
    pub busy: f64,
    /// Keys and bytes of its state, about.
    pub state_keys: u64,
    pub state_bytes: u64,
}

impl OperatorFigures {
    fn add(&mut self, OperatorReport { stats, held, .. }: &OperatorReport) {
        self.calls += stats.calls;
        self.rows_in += stats.rows_in;
        self.rows_out += stats.rows_out;
        self.rejected += stats.rejected;
        self.late += stats.late;
        self.dead += stats.dead;
        self.skipped += stats.skipped;
        self.trials += stats.trials;
        self.requests += stats.requests;
        self.fetch_seconds += stats.fetch_time.as_secs_f64();
        self.traps += stats.traps;
        self.call_seconds += stats.call_time.as_secs_f64();
        self.host_seconds += stats.assemble_time.as_secs_f64();
        (self.state_keys, self.state_bytes) = (held.keys, held.bytes);
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
    recent: VecDeque<Past>,
    /// Traps that ended an attempt, by the names of operators.
    traps: BTreeMap<String, u64>,
}

/// Sums as they were after an epoch.
#[derive(Debug)]
struct Past {
    at: Instant,
    rows: Flow,
    /// One for each operator.
    operators: Vec<Flow>,
}

/// What rates are taken of.
#[derive(Debug, Clone, Copy, Default)]
struct Flow {
    rows_in: u64,
    rows_out: u64,
    busy_seconds: f64,
}

impl Flow {
    /// Of each a second.
    fn rates(self, since: Self, seconds: f64) -> [f64; 3] {
        let rows = |now: u64, then: u64| (now.saturating_sub(then) as f64 / seconds).round();
        let busy = (self.busy_seconds - since.busy_seconds).max(0.0) / seconds;
        [rows(self.rows_in, since.rows_in), rows(self.rows_out, since.rows_out), busy]
    }
}

impl Count {
    /// An attempt begins.
    pub(super) fn begin(&mut self) {
        self.before = self.now.clone();
    }

    /// `trapped` is the operator whose module did.
    pub(super) fn failed(&mut self, trapped: Option<&str>, is_again: bool) {
        self.now.failures += 1;
        self.now.traps += u64::from(trapped.is_some());
        if let Some(operator) = trapped {
            *self.traps.entry(operator.to_owned()).or_default() += 1;
        }
        self.now.restarts += u64::from(is_again);
    }

    pub(super) fn verified(&mut self, checked: u64, differing: u64) {
        self.now.verified += checked;
        self.now.differing += differing;
    }

    pub(super) fn epoch(&mut self, report: &EpochReport) {
        let Totals { epochs, bytes_in, rows_in, rows_out, rejected, late, dead, skipped, traps } = report.total;
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
            traps: before.traps + traps,
            letters: report.letters,
            bytes_in: before.bytes_in + bytes_in,
            watermark: report.watermark,
            rate_limit: report.rate_limit,
            lag_ms: report.event_time_lag.map(|lag| lag / 1_000),
            input_bytes: report.input_bytes,
            timing: Some(TimingFigures::of(&report.timing)),
            operators: operators(&before.operators, &report.operators),
            ..self.now
        };
        let flow = |operator: &OperatorFigures| Flow {
            rows_in: operator.rows_in,
            rows_out: operator.rows_out,
            busy_seconds: operator.call_seconds + operator.host_seconds,
        };
        let rows = Flow { rows_in: self.now.rows_in, rows_out: self.now.rows_out, busy_seconds: 0.0 };
        let operators = self.now.operators.iter().map(flow).collect::<Vec<_>>();
        // Another revision has other operators in other places.
        if self.recent.back().is_some_and(|past| past.operators.len() != operators.len()) {
            self.recent.clear();
        }
        self.recent.push_back(Past { at: Instant::now(), rows, operators });
        while self.recent.len() > RATE_EPOCHS
            || self.recent.front().is_some_and(|past| past.at.elapsed().as_secs() > RATE_SECONDS)
        {
            self.recent.pop_front();
        }
    }

    pub(super) fn figures(&self) -> Figures {
        let mut figures = self.now.clone();
        let mut recent = self.recent.iter().filter(|past| past.at.elapsed().as_secs() <= RATE_SECONDS);
        for operator in &mut figures.operators {
            operator.traps += self.traps.get(&operator.name).copied().unwrap_or_default();
        }
        let (Some(first), Some(last)) = (recent.next(), recent.next_back()) else { return figures };
        let seconds = first.at.elapsed().as_secs_f64().max(0.1);
        [figures.rows_per_second, figures.rows_out_per_second, _] = last.rows.rates(first.rows, seconds);
        for (operator, (then, now)) in figures.operators.iter_mut().zip(first.operators.iter().zip(&last.operators)) {
            [operator.rows_in_per_second, operator.rows_out_per_second, operator.busy] = now.rates(*then, seconds);
        }
        figures
    }
}

/// An operator may be new to the job since it was last started.
fn operators(before: &[OperatorFigures], now: &[OperatorReport]) -> Vec<OperatorFigures> {
    let sum = |report: &OperatorReport| {
        let known = before.iter().find(|known| known.name == report.name).cloned();
        let new = || OperatorFigures { name: report.name.clone(), ..OperatorFigures::default() };
        let mut sum = known.unwrap_or_else(new);
        sum.add(report);
        sum
    };
    now.iter().map(sum).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{job::run::progress::HeldState, operator::OperatorStats};

    /// Two rows were taken out.
    fn report(epoch: u64, rows: u64) -> EpochReport {
        let call_time = Duration::from_millis(rows);
        let stats = OperatorStats { rows_in: rows, call_time, traps: 2, ..OperatorStats::default() };
        let held = HeldState { keys: epoch, bytes: 100 };
        EpochReport {
            epoch: Epoch(epoch),
            revision: 1,
            rows_in: rows,
            rows_out: 0,
            rejected: 0,
            bytes_in: 0,
            total: Totals { epochs: 1, rows_in: rows, traps: 2, ..Totals::default() },
            operators: vec![OperatorReport { name: "op".into(), stats, held }],
            letters: Some(0),
            input_bytes: None,
            watermark: Some(7),
            event_time_lag: Some(5_000),
            rate_limit: None,
            timing: EpochTiming { batching: Duration::from_millis(40), ..EpochTiming::default() },
            elapsed: Duration::from_secs(1),
        }
    }

    #[test]
    fn attempts_add_up() {
        let mut count = Count::default();
        count.begin();
        count.epoch(&report(7, 100));
        count.epoch(&report(8, 150));
        count.failed(Some("op"), true);
        count.begin();
        count.epoch(&report(9, 10));
        let figures = count.figures();
        assert_eq!((figures.epoch, figures.rows_in, figures.operators[0].rows_in), (Some(9), 160, 160));
        // Two in each attempt, and the one that ended the first.
        assert_eq!((figures.traps, figures.restarts, figures.failures, figures.lag_ms), (5, 1, 1, Some(5)));
        assert!(figures.timing.is_some_and(|timing| timing.delay_seconds == 0.04));
        let [operator] = <[_; 1]>::try_from(figures.operators).unwrap();
        assert_eq!((operator.traps, operator.state_keys, operator.state_bytes), (5, 9, 100));
    }

    #[test]
    fn rates_are_of_the_last_seconds() {
        let mut count = Count::default();
        count.begin();
        assert_eq!(count.figures().rows_per_second, 0.0);
        count.epoch(&report(1, 100));
        std::thread::sleep(Duration::from_millis(200));
        count.epoch(&report(2, 300));
        let figures = count.figures();
        let operator = &figures.operators[0];
        // 200 rows and 0.2 s of work in 0.2 s, or somewhat more.
        for rate in [figures.rows_per_second, operator.rows_in_per_second] {
            assert!((100.0..=1_000.0).contains(&rate), "{rate}");
        }
        assert!((0.1..=1.0).contains(&operator.busy), "{}", operator.busy);
    }
}
