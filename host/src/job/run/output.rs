//! What compute threads and the planner tell the commit thread.

use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use arrow::array::RecordBatch;
use pelton_core::{
    checkpoint::record::{FileRecord, Record, SourceTurn},
    model::Epoch,
};
use pelton_wasm::CallLog;

use super::{
    error::RunError,
    letters::{Asked, Poisoned},
    lineage::TaskLineage,
    revision::Revision,
    tables::Tables,
};
use crate::{
    operator::{OperatorStats, enrich::recorded::AskedCall},
    sink::Encoded,
    source::Bookmark,
};

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
    /// The planner closed an epoch.
    EpochClosed(Box<ClosedEpoch>),
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

/// An epoch whose tasks have all been handed out.
pub(super) struct ClosedEpoch {
    pub(super) epoch: Epoch,
    /// When it was closed.
    pub(super) closed: Instant,
    pub(super) revision: Arc<Revision>,
    /// Processing time, in µs.
    pub(super) now: i64,
    /// Its tasks are these.
    pub(super) tasks: Range<u64>,
    /// Which source gave how many ranges, in order.
    pub(super) turns: Vec<SourceTurn>,
    /// How far each source has been read; none: to its end.
    pub(super) bookmarks: Vec<Option<Bookmark>>,
    /// The files that each source has found since the last epoch.
    pub(super) found: Vec<Vec<FileRecord>>,
    /// Sources that fell idle, or are not idle any more.
    pub(super) idle: Vec<Option<bool>>,
    pub(super) tables: Arc<Tables>,
    pub(super) is_reduced: bool,
    pub(super) is_last: bool,
    /// What it carries out of what was asked for.
    pub(super) asked: Option<Asked>,
    /// No epoch comes after it.
    pub(super) is_end: bool,
    /// Its reduce tasks save their state.
    pub(super) saves: bool,
    /// For each source that has ended, and has a log: where that ends.
    pub(super) log_ends: Vec<Option<u64>>,
    /// It had been committed by an earlier run, and is only computed again.
    pub(super) again: Option<Box<Record>>,
}

/// The state of one partition at the end of an epoch.
pub(super) struct Saved {
    pub(super) operator: usize,
    pub(super) partition: u16,
    pub(super) bytes: Vec<u8>,
    /// How far event time had come: the same for all partitions.
    pub(super) event_times: Vec<u8>,
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
    /// By which it was computed.
    pub(super) revision: Option<Arc<Revision>>,
    /// None: it read no source.
    pub(super) source: Option<usize>,
    pub(super) stats: TaskStats,
    /// None: nobody asked where rows come from.
    pub(super) lineage: Option<TaskLineage>,
    /// What it took a compute thread, which may have waited for the commit thread.
    pub(super) time: Duration,
    /// (operator, what it said).
    pub(super) logs: Vec<(usize, CallLog)>,
    pub(super) saved: Option<Saved>,
    /// (tap, its rows), in order.
    pub(super) tapped: Vec<(usize, RecordBatch)>,
    /// (shadow, why it failed).
    pub(super) failures: Vec<(usize, String)>,
    /// Rows to be kept as dead letters, in order.
    pub(super) poison: Vec<Poisoned>,
    /// What endpoints were asked and answered, in order.
    pub(super) asked: Vec<AskedCall>,
    /// (operator, its poison rows of one batch, why the first of them is one).
    pub(super) faults: Vec<(usize, u64, String)>,
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
