//! The plan of a job: every module opened, every edge typed, before anything runs.
//!
//! ```text
//! job file ─► open sources ─► open modules along the graph ─► open sinks ─► prune columns ─► Plan
//! ```
//!
//! Called by `pelton lint`, `plan` and `run`, by the engine for each attempt of a job, and for epochs that are replayed or looked at. Collects all mistakes that it
//! can find in one go, each at its place in the job file. Invariant: a [`Plan`] fits together; what runs it need not check types again.

mod aggregate;
mod assemble;
mod build;
pub mod change;
mod join;
mod keyed;
mod leaves;
mod mistakes;
mod modes;
pub mod modules;
mod on_trap;
mod prune;
mod sort;
mod union;
mod zones;

use std::{sync::Arc, time::Duration};

pub use build::{RAW_COLUMN, REASON_COLUMN, to_micros};

use arrow::datatypes::SchemaRef;
use pelton_core::{
    checkpoint::retain::Retain,
    contract::Mode,
    job::{BatchSpec, FileSinkSpec, JobSpec, OperatorSpec, SinkKind, SourceKind},
    model::ModuleDigest,
    restart::RestartSpec,
    share::Share,
};
use pelton_wasm::Runtime;

use self::modules::Modules;
use crate::{
    checkpoint::Location,
    job::{diagnostic::Diagnostics, file::JobFile},
    operator::{
        OperatorPlan,
        aggregate::AggregatePlan,
        enrich::endpoint::Endpoints,
        join::{JoinPlan, LookupPlan},
        keyed::KeyedPlan,
        sort::SortPlan,
    },
    sink::{self, print::PrintTarget},
    source::{Source, table::Table},
};

/// What planning needs besides the job file.
pub struct Surroundings {
    pub runtime: Arc<Runtime>,
    pub print: PrintTarget,
    pub modules: Modules,
    /// Rows that leave operators with state keep their keys, times and windows, also where nobody reads them: so it can be told what they
    /// were made of.
    pub keeps_keys: bool,
}

/// A job whose parts fit.
pub struct Plan {
    /// As it was written.
    pub spec: JobSpec,
    pub name: String,
    pub batch: BatchSpec,
    pub threads: Option<usize>,
    /// None: nothing is kept.
    pub checkpoint: Option<CheckpointPlan>,
    /// What happens after a failure.
    pub restart: RestartSpec,
    /// BLAKE3 of what its results depend on: graph, options, modules, number of partitions.
    pub identity: String,
    pub sources: Vec<SourcePlan>,
    /// Each after those that it reads.
    pub operators: Vec<PlannedOperator>,
    pub tables: Vec<TablePlan>,
    pub sinks: Vec<SinkPlan>,
    /// The outputs of shadows, and of what they stand beside.
    pub taps: Vec<TapPlan>,
    /// All outputs of sources and operators.
    pub outputs: Vec<OutputPlan>,
    /// Some operator is keyed: epochs end with a shuffle.
    pub is_keyed: bool,
}

/// Where a job's checkpoints are.
#[derive(Debug, Clone)]
pub struct CheckpointPlan {
    pub location: Location,
    /// Time between two snapshots of the state, at least.
    pub snapshots: Duration,
    /// How far back epochs can be replayed.
    pub retain: Retain,
}

pub struct SourcePlan {
    pub name: String,
    pub kind: SourceKind,
    /// Shared by the plans of all revisions that a run knows.
    pub source: Arc<dyn Source>,
    /// Columns to decode.
    pub columns: Vec<String>,
    /// Index of its rows in `Plan::outputs`.
    pub rows: usize,
    /// Index of its rejected rows.
    pub rejected: usize,
    /// Position among `columns` of the event time, and the bound of its disorder in µs.
    pub event_time: Option<(usize, i64)>,
    /// After so many µs of processing time without a row it holds no watermark back; none: it is waited for.
    pub idle: Option<i64>,
    /// Rows that are more µs ahead of processing time move no watermark.
    pub ahead: Option<i64>,
}

pub struct PlannedOperator {
    /// As it was written; of a shadow, with its own modules.
    pub spec: OperatorSpec,
    pub logic: Logic,
    /// The operator beside which it runs as its shadow: what leaves it is compared and thrown away.
    pub shadow_of: Option<usize>,
    /// What it does of the work that it shares with a canary, or with the operator whose canary it is. None: all of it.
    pub part: Option<Part>,
    /// One; of a join of two streams left, then right.
    pub sides: Vec<PlannedSide>,
    /// Indices of its ports in `Plan::outputs`, in the contract's order.
    pub ports: Vec<usize>,
    /// The sources that its rows come from: its watermark is theirs.
    pub sources: Vec<usize>,
    /// How far its watermark is behind theirs, in µs: for rows that a join before it held back.
    pub held_back: i64,
    /// 0: it runs where its input is made. Others reduce after all of the stages before them, at the end of an epoch.
    pub stage: usize,
}

/// One side of an operator that has a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The canary's.
    pub share: Share,
    pub is_canary: bool,
}

impl PlannedOperator {
    /// Whether a partition's state is its own.
    pub fn has_partition(&self, number: u16) -> bool {
        self.part.is_none_or(|part| part.share.has_partition(number, self.logic.partitions()) == part.is_canary)
    }

    pub fn is_canary(&self) -> bool {
        self.part.is_some_and(|part| part.is_canary)
    }

    /// Whether it takes a batch, of which this is the number of the first row. For operators without state.
    pub fn has_batch(&self, first_row: u64) -> bool {
        self.part.is_none_or(|part| part.share.has_batch(first_row) == part.is_canary)
    }

    /// The output of what it rejects of an input.
    pub fn rejected(&self, input: usize) -> Option<usize> {
        self.sides.get(input)?.rejected
    }

    /// The output of an input's late rows.
    pub fn late(&self, input: usize) -> Option<usize> {
        self.sides.get(input)?.late
    }
}

/// An input of an operator.
pub struct PlannedSide {
    /// Indices in `Plan::outputs`; several are a union.
    pub inputs: Vec<usize>,
    /// The output of rejected rows; none: every row is taken.
    pub rejected: Option<usize>,
    /// The output of late rows, for operators that know them.
    pub late: Option<usize>,
}

/// What an operator does, by kind.
#[derive(Debug, Clone)]
pub enum Logic {
    Transform(Arc<OperatorPlan>),
    Aggregate(Arc<AggregatePlan>),
    Keyed(Arc<KeyedPlan>),
    /// Of two streams.
    Join(Arc<JoinPlan>),
    /// Of a stream and a table.
    Lookup(Arc<LookupPlan>),
    /// One half of a sort.
    Sort(Arc<SortPlan>),
}

impl Logic {
    pub fn name(&self) -> &str {
        match self {
            Self::Transform(plan) => &plan.name,
            Self::Aggregate(plan) => &plan.name,
            Self::Keyed(plan) => &plan.name,
            Self::Join(plan) => &plan.name,
            Self::Lookup(plan) => &plan.name,
            Self::Sort(plan) => &plan.name,
        }
    }

    /// Whether both are one: see [`change`](change::Change), which lets plans share what stays the same.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Transform(one), Self::Transform(other)) => Arc::ptr_eq(one, other),
            (Self::Aggregate(one), Self::Aggregate(other)) => Arc::ptr_eq(one, other),
            (Self::Keyed(one), Self::Keyed(other)) => Arc::ptr_eq(one, other),
            (Self::Join(one), Self::Join(other)) => Arc::ptr_eq(one, other),
            (Self::Lookup(one), Self::Lookup(other)) => Arc::ptr_eq(one, other),
            (Self::Sort(one), Self::Sort(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    /// Its modules, as the job file names them.
    pub fn modules(&self) -> String {
        match self {
            Self::Transform(plan) => plan.module_name.clone(),
            Self::Keyed(plan) => plan.module_name.clone(),
            Self::Join(plan) => plan.cogroup.as_ref().map(|cogroup| cogroup.module_name.clone()).unwrap_or_default(),
            Self::Lookup(_) | Self::Sort(_) => String::new(),
            Self::Aggregate(plan) => {
                let names: Vec<_> = plan.functions.iter().map(|function| function.module_name.as_str()).collect();
                names.join(", ")
            }
        }
    }

    /// Its modules', in order, with those that finish windows of before behind.
    pub fn digests(&self) -> Vec<ModuleDigest> {
        match self {
            Self::Aggregate(plan) => {
                let draining = plan.draining.iter().flat_map(|before| &before.functions);
                plan.functions.iter().chain(draining).map(|function| function.module.digest).collect()
            }
            _ => self.digest().into_iter().collect(),
        }
    }

    /// Where the columns of its key are in the batches that arrive, for operators with a key and one input.
    pub fn key_at(&self) -> &[usize] {
        match self {
            Self::Aggregate(plan) => &plan.key_at,
            Self::Keyed(plan) => &plan.shuffle.key_at,
            Self::Transform(_) | Self::Join(_) | Self::Lookup(_) | Self::Sort(_) => &[],
        }
    }

    /// What its modules are opened with, in order: JSON objects.
    pub fn options(&self) -> Vec<&str> {
        match self {
            Self::Transform(plan) => vec![&plan.options],
            Self::Aggregate(plan) => plan.functions.iter().map(|function| function.options.as_str()).collect(),
            Self::Keyed(plan) => vec![&plan.options],
            Self::Join(plan) => plan.cogroup.iter().map(|cogroup| cogroup.options.as_str()).collect(),
            Self::Lookup(_) | Self::Sort(_) => Vec::new(),
        }
    }

    /// Its (first) module's; none: it has no module.
    pub fn digest(&self) -> Option<ModuleDigest> {
        match self {
            Self::Transform(plan) => Some(plan.module.digest),
            Self::Keyed(plan) => Some(plan.module.digest),
            Self::Aggregate(plan) => plan.functions.first().map(|function| function.module.digest),
            Self::Join(plan) => plan.cogroup.as_ref().map(|cogroup| cogroup.module.digest),
            Self::Lookup(_) | Self::Sort(_) => None,
        }
    }

    pub fn seed(&self) -> u64 {
        match self {
            Self::Transform(plan) => plan.seed,
            Self::Aggregate(plan) => plan.seed,
            Self::Keyed(plan) => plan.seed,
            Self::Join(plan) => plan.cogroup.as_ref().map_or(0, |cogroup| cogroup.seed),
            Self::Lookup(_) | Self::Sort(_) => 0,
        }
    }

    /// Parts of its state.
    pub fn partitions(&self) -> u16 {
        match self {
            Self::Transform(_) | Self::Lookup(_) => 0,
            Self::Aggregate(plan) => plan.partitions,
            Self::Keyed(plan) => plan.partitions(),
            Self::Join(plan) => plan.partitions,
            Self::Sort(plan) => plan.partitions,
        }
    }
}

/// A side input.
pub struct TablePlan {
    pub name: String,
    pub table: Table,
}

pub struct SinkPlan {
    pub name: String,
    pub kind: SinkKind,
    pub inputs: Vec<usize>,
    pub schema: SchemaRef,
    pub sink: Arc<dyn sink::Sink>,
}

impl SinkPlan {
    /// A digest of where and how it writes: under the same name another sink may take its place.
    pub fn target(&self) -> String {
        let target = match &self.kind {
            // A server that has moved is the same one if it has the marker.
            SinkKind::Postgres(spec) => format!("postgres {} {}", spec.table, spec.marker_table),
            // As it was before there were such keys; when its parts are closed makes no other sink of it.
            SinkKind::File(spec) => {
                let kind = SinkKind::File(FileSinkSpec { roll_after: None, ..spec.clone() });
                format!("{kind:?}").replace(", partition_by: []", "").replace(", roll_after: None", "")
            }
            kind => format!("{kind:?}"),
        };
        blake3::hash(target.as_bytes()).to_hex().chars().take(16).collect()
    }
}

/// One side of what is compared: a port of a shadow, or the same port of its operator.
pub struct TapPlan {
    /// Index of the shadow among the operators.
    pub shadow: usize,
    pub is_shadow: bool,
    pub port: String,
    /// The columns that both have and somebody reads.
    pub schema: SchemaRef,
}

/// An edge's beginning: what leaves a source or an operator, and who reads it.
#[derive(Debug)]
pub struct OutputPlan {
    /// As inputs name it.
    pub name: String,
    pub schema: SchemaRef,
    pub event_time: Option<String>,
    /// The event time is the end of a window, which is not part of it: rows count as the microsecond before.
    pub is_window_end: bool,
    /// The event time is that of sources, of which none is further ahead of processing time, in µs. None: it may be.
    pub ahead: Option<i64>,
    /// What its rows say about those before them.
    pub mode: Mode,
    /// The sources that its rows come from.
    pub sources: Vec<usize>,
    /// How far behind their watermark its rows may be, in µs.
    pub held_back: i64,
    /// Of the operator that made it, or of what that reads.
    pub stage: usize,
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
    Operator {
        operator: usize,
        input: usize,
    },
    Sink(usize),
    /// Index in `Plan::taps`.
    Tap(usize),
}

impl Plan {
    pub fn operator(&self, name: &str) -> Option<&PlannedOperator> {
        self.operators.iter().find(|planned| planned.logic.name() == name)
    }

    /// Those of the job, if any of its operators asks one.
    pub fn endpoints(&self) -> Option<&Endpoints> {
        self.operators.iter().find_map(|planned| match &planned.logic {
            Logic::Transform(transform) => Some(transform.enrich.as_ref()?.endpoints.as_ref()),
            _ => None,
        })
    }

    /// Opens everything that `file` names.
    pub fn new(file: &JobFile, surroundings: &Surroundings) -> Result<Self, Diagnostics> {
        build::build(file, surroundings).map_err(|mistakes| file.diagnostics(mistakes))
    }
}
