//! Aggregates: rows are folded by key and window, through modules that know nothing of either.
//!
//! ```text
//! map side (in the task that made the batch)            reduce side (one task for each partition and epoch)
//! batch ─► key, pane ─► slots ─► accumulate (wasm) ─► Partial ═ shuffle ═► merge (wasm) into panes ─► windows ─► finish (wasm)
//!   └► late, rejected                                                                                   └► the operator's output
//! ```
//!
//! The host owns keys, panes, windows and state; a module sees typed accumulators and row numbers. Several modules over
//! one window share the slots. Invariant: what is emitted, and in which order, depends on the input and its cut into batches
//! alone: partials are merged in canonical order, groups keep the order of their first appearance, and the number of
//! partitions is the job's, not the machine's.

mod accumulators;
mod admit;
mod calls;
mod combine;
mod counted;
mod emit;
mod joining;
mod partial;
mod reduce;
mod runs;
mod sessions;
mod sliding;
mod whole;

use std::sync::Arc;

use arrow::datatypes::{FieldRef, SchemaRef};
use pelton_core::{
    contract::{AggregateSignature, Input},
    job::Emission,
    limits::Limits,
    poison::OnTrap,
    window::{WindowKind, WindowSpec},
};
use pelton_wasm::Module;

pub use self::{
    combine::Combiner,
    partial::Partial,
    reduce::{Partition, Reducer},
};
use super::{PortPlan, Reduced, tables::Offered};

/// Names of the columns that the host puts before a windowed result.
pub const WINDOW_START: &str = "window_start";
pub const WINDOW_END: &str = "window_end";

/// What all threads share of an aggregating operator.
#[derive(Debug)]
pub struct AggregatePlan {
    pub name: String,
    /// At least one.
    pub functions: Vec<Function>,
    /// Where the key columns are in the batches that arrive.
    pub key_at: Vec<usize>,
    pub key_fields: Vec<FieldRef>,
    /// Where the event time is, for windows by event time.
    pub time_at: Option<usize>,
    /// Added to each event time, in µs: -1 where it is the end of an earlier window, which is not part of that window.
    pub time_shift: i64,
    pub window: WindowSpec,
    pub emission: Emission,
    /// Parts of the state, each reduced on its own.
    pub partitions: u16,
    /// All columns of a result: key columns, the window's bounds if it has any, what the modules compute.
    pub result: SchemaRef,
    /// None: nobody reads the results.
    pub output: Option<PortPlan>,
    /// None: nobody reads late rows, they are only counted.
    pub late: Option<PortPlan>,
    pub rejected: Option<PortPlan>,
    pub on_trap: OnTrap,
    /// Rows in one call, at most.
    pub rows_max: usize,
    /// Rows of a batch from which it is guessed whether to fold it on the map side: not if nine in ten have a key of
    /// their own. A batch with fewer rows than four times this is always folded.
    pub sample_rows: usize,
    pub seed: u64,
}

/// One module of an aggregating operator.
#[derive(Debug)]
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

    /// Whether windows are one pane each and leave once, when they close.
    fn is_pane_by_pane(&self) -> bool {
        let is_one_pane = match self.window.kind {
            WindowKind::Tumbling { .. } => true,
            WindowKind::Sliding { length, slide, .. } => length == slide,
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
