//! What compute threads and the planner tell the commit thread.

use std::time::Duration;

use pelton_core::model::Epoch;
use pelton_wasm::CallLog;

use super::error::RunError;
use crate::{operator::OperatorStats, sink::Encoded};

pub(super) enum Message {
    /// Some of a task's output; more follows.
    Part {
        sequence: u64,
        parts: Vec<SinkPart>,
    },
    Done {
        sequence: u64,
        done: Box<TaskDone>,
    },
    Failed {
        sequence: u64,
        error: Box<RunError>,
    },
    /// The planner closed an epoch: its tasks are those before `end`.
    EpochClosed {
        epoch: Epoch,
        end: u64,
    },
    /// The planner has no more: `end` tasks in all.
    InputEnded {
        end: u64,
    },
    /// The planner failed after `end` tasks.
    PlannerFailed {
        end: u64,
        error: Box<RunError>,
    },
}

/// An encoded batch for one sink.
pub(super) struct SinkPart {
    pub(super) sink: usize,
    pub(super) encoded: Encoded,
}

/// The end of a task's output, and its sums.
#[derive(Default)]
pub(super) struct TaskDone {
    pub(super) parts: Vec<SinkPart>,
    /// None: it read no source.
    pub(super) source: Option<usize>,
    pub(super) stats: TaskStats,
    /// (operator, what it said).
    pub(super) logs: Vec<(usize, CallLog)>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct TaskStats {
    pub(super) bytes_in: u64,
    pub(super) rows_in: u64,
    pub(super) rejected: u64,
    /// Latest event time, in µs.
    pub(super) event_time_max: Option<i64>,
    pub(super) decode_time: Duration,
    pub(super) operators: Vec<OperatorStats>,
    pub(super) encode_time: Vec<Duration>,
}
