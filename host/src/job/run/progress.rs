//! What a run reports while it goes on, and its summary.

use std::time::Duration;

use pelton_core::model::Epoch;
use pelton_wasm::{CallLog, Metric};

use super::{Comparison, EpochTiming};
use crate::{operator::OperatorStats, sink::SinkSummary};

#[derive(Debug, Clone)]
pub enum Event {
    /// The job goes on where an earlier run left it.
    Resumed(Resumed),
    /// What an operator logged in one task, in canonical order.
    Log { operator: String, log: CallLog },
    /// Epochs from the next one on are of this revision.
    Revision(u64),
    /// An epoch has been written.
    Epoch(Box<EpochReport>),
}

/// What an earlier run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resumed {
    /// The last epoch that it committed.
    pub after: Epoch,
    /// Tasks that are computed again, since their state was not saved.
    pub again: u64,
    /// Its input had ended.
    pub is_ended: bool,
}

/// One epoch, and the sums so far.
#[derive(Debug, Clone)]
pub struct EpochReport {
    pub epoch: Epoch,
    /// By which its rows were computed.
    pub revision: u64,
    /// Of this epoch.
    pub rows_in: u64,
    pub rows_out: u64,
    pub rejected: u64,
    pub bytes_in: u64,
    /// Since the start.
    pub total: Totals,
    pub operators: Vec<OperatorReport>,
    /// Dead letters in the queue; none: the job keeps no checkpoint.
    pub letters: Option<u64>,
    /// Bytes of the whole input, where they are known.
    pub input_bytes: Option<u64>,
    /// Event time up to which the rows of all sources have come, in µs; none: there is none.
    pub watermark: Option<i64>,
    /// How far behind the watermark is: processing time less event time, in µs.
    pub event_time_lag: Option<i64>,
    /// Rows a second that the next epoch takes at most; none: there is no backpressure.
    pub rate_limit: Option<f64>,
    /// Where its time went.
    pub timing: EpochTiming,
    pub elapsed: Duration,
}

/// An operator since the start, and what it holds.
#[derive(Debug, Clone)]
pub struct OperatorReport {
    pub name: String,
    pub stats: OperatorStats,
    pub held: HeldState,
}

/// What state takes at the moment, about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeldState {
    /// Of keys; of windows and keys together where there are windows.
    pub keys: u64,
    pub bytes: u64,
}

impl std::iter::Sum for HeldState {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self { keys: sum.keys + one.keys, bytes: sum.bytes + one.bytes })
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub epochs: u64,
    pub bytes_in: u64,
    /// Rows decoded; rejected ones come on top.
    pub rows_in: u64,
    /// Rows that reached sinks.
    pub rows_out: u64,
    /// By sources and operators.
    pub rejected: u64,
    /// Rows that came after their windows were closed.
    pub late: u64,
    /// Poison rows: those kept as dead letters, and those skipped.
    pub dead: u64,
    pub skipped: u64,
    /// Those of them, and of what else was taken out, on which a module trapped.
    pub traps: u64,
}

/// A finished run.
#[derive(Debug, Clone)]
pub struct Summary {
    pub job: String,
    pub threads: usize,
    /// The run was asked to end before its input did.
    pub interrupted: bool,
    pub elapsed: Duration,
    pub total: Totals,
    pub sources: Vec<SourceSummary>,
    pub operators: Vec<OperatorSummary>,
    pub sinks: Vec<NamedSink>,
    /// What shadows showed.
    pub comparisons: Vec<Comparison>,
    /// Dead letters in the queue; none: the job keeps no checkpoint.
    pub letters: Option<u64>,
}

#[derive(Debug, Clone, Default)]
pub struct SourceSummary {
    pub name: String,
    pub rows: u64,
    pub rejected: u64,
    pub bytes: u64,
    /// Reading and decoding, summed over threads.
    pub time: Duration,
}

#[derive(Debug, Clone, Default)]
pub struct OperatorSummary {
    pub name: String,
    pub stats: OperatorStats,
    pub metrics: Vec<(String, Metric)>,
    pub log_lines_dropped: u64,
}

#[derive(Debug, Clone, Default)]
pub struct NamedSink {
    pub name: String,
    pub summary: SinkSummary,
    /// Formatting, summed over threads.
    pub encode_time: Duration,
    /// On the commit thread.
    pub write_time: Duration,
}
