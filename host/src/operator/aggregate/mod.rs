//! Aggregates: rows are folded by key and window, through modules that know nothing of either.
//!
//! ```text
//! map side (in the task that made the batch)            reduce side (one task for each partition and epoch)
//! batch ─► key, pane ─► slots ─► accumulate (wasm) ─► Partial ═ shuffle ═► merge (wasm) into panes ─► windows ─► finish (wasm)
//!   └► late, rejected                                                                                   └► the operator's output
//! ```
//!
//! Where rows may be taken back (`inverse` windows, streams of changes), they cross the shuffle as they are, and `accumulate` and
//! `retract` are called on the reduce side.
//!
//! The host owns keys, panes, windows and state; a module sees typed accumulators and row numbers. Several modules over
//! one window share the slots. Invariant: what is emitted, and in which order, depends on the input and its cut into batches
//! alone: partials are merged in canonical order, groups keep the order of their first appearance, and the number of
//! partitions is the job's, not the machine's.

mod accumulators;
mod admit;
mod calls;
mod carried;
mod changes;
mod changing;
mod combine;
mod counted;
mod crossing;
mod draining;
mod emit;
mod joining;
mod letters;
mod lost;
mod partial;
mod reduce;
mod rolling;
mod runs;
mod sessions;
mod sliding;
mod sorted;
mod whole;

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use pelton_core::{
    contract::{AggregateSignature, Input},
    job::Emission,
    limits::Limits,
    poison::OnTrap,
    window::{WindowKind, WindowSpec},
};
use pelton_wasm::Module;

use self::carried::Carrying;
pub use self::{
    combine::Combiner,
    crossing::Crossing,
    draining::Line,
    partial::Partial,
    reduce::{Open, Partition, Reducer},
};
use super::{PortPlan, Reduced, tables::Offered};

/// Names of the columns that the host puts before a windowed result.
pub const WINDOW_START: &str = "window_start";
pub const WINDOW_END: &str = "window_end";

/// What all threads share of an aggregating operator.
#[derive(Debug, Clone)]
pub struct AggregatePlan {
    pub name: String,
    /// At least one.
    pub functions: Vec<Function>,
    /// Where the key columns are in the batches that arrive.
    pub key_at: Vec<usize>,
    pub key_fields: Vec<FieldRef>,
    /// Where the event time is, for windows by event time.
    pub time_at: Option<usize>,
    /// Where the column is that says what a row of a stream of changes does; none: the input has facts.
    pub op_at: Option<usize>,
    /// Added to each event time, in µs: -1 where it is the end of an earlier window, which is not part of that window.
    pub time_shift: i64,
    /// How far ahead of processing time it may be, in µs; none: as far as time goes.
    pub time_ahead: Option<i64>,
    pub window: WindowSpec,
    pub emission: Emission,
    /// Results depend on the order of rows, as some function's contract says: those of a group are merged as they came.
    pub in_order: bool,
    /// A result that replaces an earlier one leaves behind it, with the column `_op` in both.
    pub emits_changes: bool,
    /// Parts of the state, each reduced on its own.
    pub partitions: u16,
    /// All columns of a result: key columns, the window's bounds if it has any, what the modules compute, `_op` if it emits
    /// changes.
    pub result: SchemaRef,
    /// None: nobody reads the results.
    pub output: Option<PortPlan>,
    /// None: nobody reads late rows, they are only counted.
    pub late: Option<PortPlan>,
    pub rejected: Option<PortPlan>,
    pub on_trap: OnTrap,
    /// Rows in one call, at most.
    pub rows_max: usize,
    /// When the map side does not fold.
    pub crossing: Crossing,
    pub seed: u64,
    /// The same operator with the modules that finish the windows which were open when these took their place.
    pub draining: Option<Arc<AggregatePlan>>,
}

/// One module of an aggregating operator.
#[derive(Debug, Clone)]
pub struct Function {
    /// As the job file names it, for errors.
    pub module_name: String,
    pub module: Arc<Module>,
    pub limits: Limits,
    /// A JSON object.
    pub options: String,
    pub input: Input,
    pub offered: Offered,
    pub signature: AggregateSignature,
    /// Where the columns that the module reads are in the batches that arrive, in its order.
    pub reads_at: Vec<usize>,
}

impl AggregatePlan {
    /// Whether results have the bounds of their window.
    fn has_bounds(&self) -> bool {
        has_bounds(&self.window.kind)
    }

    /// Whether rows may be taken back, so that they are folded behind the shuffle, where their accumulators are.
    pub fn takes_rows_back(&self) -> bool {
        self.op_at.is_some() || self.window.inverse && self.slides()
    }

    /// What has to stay as it is in a running job: the columns of rows that are kept to be taken back, if any are.
    pub fn kept_columns(&self) -> Option<SchemaRef> {
        (self.slides() && self.takes_rows_back()).then(|| SchemaRef::clone(Carrying::of(self).schema()))
    }

    /// The same of results that may be taken back.
    pub fn said_columns(&self) -> Option<SchemaRef> {
        self.emits_changes.then(|| self.computed())
    }

    /// What the modules compute.
    fn computed(&self) -> SchemaRef {
        let ports = self.functions.iter().filter_map(|function| function.signature.ports.first());
        Arc::new(Schema::new(ports.flat_map(|port| port.computed.fields().iter().cloned()).collect::<Vec<_>>()))
    }

    /// Whether windows have several panes.
    fn slides(&self) -> bool {
        matches!(self.window.kind, WindowKind::Sliding { length, slide, .. } if length != slide)
    }

    /// Whether windows are one pane each and leave once, when they close.
    fn is_pane_by_pane(&self) -> bool {
        let is_one_pane = match self.window.kind {
            WindowKind::Tumbling { .. } => true,
            WindowKind::Sliding { .. } => !self.slides(),
            WindowKind::Global | WindowKind::Session { .. } | WindowKind::Count { .. } => false,
        };
        is_one_pane && !self.tracks_touched()
    }

    /// Whether it matters which groups changed: when updates are emitted, or a closed window may still change.
    fn tracks_touched(&self) -> bool {
        self.emission != Emission::OnClose || self.window.lateness > 0
    }
}

/// Whether windows of this kind are bounded in time.
pub fn has_bounds(kind: &WindowKind) -> bool {
    !matches!(kind, WindowKind::Global | WindowKind::Count { .. })
}
