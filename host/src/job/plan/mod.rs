//! The plan of a job: every module opened, every edge typed, before anything runs.
//!
//! ```text
//! job file ─► open sources ─► open modules along the graph ─► open sinks ─► prune columns ─► Plan
//! ```
//!
//! Called by `pelton lint`, `plan` and `run`. Collects all mistakes that it can find in one go, each at its place in the job
//! file. Invariant: a [`Plan`] fits together; what runs it need not check types again.

mod build;
mod mistakes;
mod prune;
mod union;

use std::sync::Arc;

pub use build::{RAW_COLUMN, REASON_COLUMN, to_micros};

use arrow::datatypes::SchemaRef;
use pelton_core::job::{BatchSpec, SinkKind, SourceKind};
use pelton_wasm::Runtime;

use crate::{
    job::{diagnostic::Diagnostics, file::JobFile},
    operator::OperatorPlan,
    sink::{self, print::PrintTarget},
    source::Source,
};

/// What planning needs besides the job file.
pub struct Surroundings {
    pub runtime: Arc<Runtime>,
    pub print: PrintTarget,
}

/// A job whose parts fit.
pub struct Plan {
    pub name: String,
    pub batch: BatchSpec,
    pub threads: Option<usize>,
    pub sources: Vec<SourcePlan>,
    /// Each after those that it reads.
    pub operators: Vec<PlannedOperator>,
    pub sinks: Vec<SinkPlan>,
    /// All outputs of sources and operators.
    pub outputs: Vec<OutputPlan>,
}

pub struct SourcePlan {
    pub name: String,
    pub kind: SourceKind,
    pub source: Box<dyn Source>,
    /// Columns to decode.
    pub columns: Vec<String>,
    /// Index of its rows in `Plan::outputs`.
    pub rows: usize,
    /// Index of its rejected rows.
    pub rejected: usize,
    /// Position among `columns` of the event time, and the bound of its disorder in µs.
    pub event_time: Option<(usize, i64)>,
}

pub struct PlannedOperator {
    pub operator: Arc<OperatorPlan>,
    pub inputs: Vec<usize>,
    /// Indices of its ports in `Plan::outputs`, in the contract's order.
    pub ports: Vec<usize>,
    pub rejected: usize,
}

pub struct SinkPlan {
    pub name: String,
    pub kind: SinkKind,
    pub inputs: Vec<usize>,
    pub schema: SchemaRef,
    pub sink: Box<dyn sink::Sink>,
}

/// An edge's beginning: what leaves a source or an operator, and who reads it.
#[derive(Debug)]
pub struct OutputPlan {
    /// As inputs name it.
    pub name: String,
    pub schema: SchemaRef,
    pub event_time: Option<String>,
    /// Columns of `schema` that somebody wants: those that batches on this edge have.
    pub kept: Vec<usize>,
    pub readers: Vec<Reader>,
}

/// An edge's end.
#[derive(Debug, Clone)]
pub struct Reader {
    pub to: Target,
    /// The reader's columns as positions in the edge's batches.
    pub columns: Vec<usize>,
    pub schema: SchemaRef,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Operator(usize),
    Sink(usize),
}

impl Plan {
    /// Opens everything that `file` names.
    pub fn new(file: &JobFile, surroundings: &Surroundings) -> Result<Self, Diagnostics> {
        build::build(file, surroundings).map_err(|mistakes| file.diagnostics(mistakes))
    }
}
