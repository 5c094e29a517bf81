//! Running a plan: epochs planned, ranges computed in parallel, everything written in one canonical order.
//!
//! ```text
//!  planner thread          compute threads (pinned)            commit thread (the caller's)
//!  ranges of epoch n+1 ──► decode ─► operators ─► encode ──► in canonical order ─► sinks ─► end of epoch n
//!        ▲                                                            │
//!        └───────────────────── permits: ranges in flight ◄───────────┘
//! ```
//!
//! A range is a task. Tasks are numbered in the order in which they were planned, which depends on the input alone; threads
//! take them in that order, and the commit thread puts their results back into it. So the order of everything that leaves
//! does not depend on the number of threads. Memory is bounded by permits (tasks in flight) and, within a task, by [`turn`]: a
//! task whose output grows large waits until it is the oldest.
//!
//! A keyed operator cuts the graph in two. Its map side is part of the task that makes the batch and leaves pieces in the
//! [`exchange`]; its reduce side is a task of its own for each partition, which waits (in [`done`]) until all tasks before it are done, and
//! then takes the pieces in canonical order. Reduce tasks stand in the same queue, at the end of their epoch, stage by stage.

mod beginnings;
mod checkpoints;
mod commit;
mod comparison;
mod control;
mod crew;
mod done;
mod due;
mod epochs;
mod error;
mod event_time;
mod exchange;
mod graph;
mod heirs;
pub mod letters;
pub mod lineage;
mod order;
mod output;
mod part;
mod partition;
mod pressure;
pub mod progress;
pub mod replay;
mod resume;
mod revision;
mod runner;
mod samples;
mod tables;
mod timing;
mod trial;
mod turn;
mod worker;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arrow::array::RecordBatch;
pub use error::RunError;
pub use heirs::misfits;
use pelton_core::model::Epoch;
use progress::{Event, Summary};

use self::{
    checkpoints::Beginning, commit::Committer, crew::Crew, done::Done, due::SinksDue, event_time::EventTimes,
    pressure::EpochBytes, revision::Revision, samples::Samples, tables::TableWatch,
};
pub use self::{
    checkpoints::{
        Start,
        recorded::{catalogue_of, engine_as_of},
    },
    comparison::{Comparison, Cost, Difference},
    control::{Control, Migration, Stop},
    samples::Sample,
    timing::EpochTiming,
};
use super::plan::{Plan, SourcePlan};
use crate::{operator::enrich::recorded::Recorded, source::Range};

/// A job as it is to run.
pub struct Job<'a> {
    /// The number of the revision that it goes by in the end; 0 where nobody counts.
    pub revision: u64,
    pub plan: Plan,
    /// Plans an earlier revision, whose epochs may have to be computed again.
    pub earlier: &'a mut dyn FnMut(u64) -> Result<Plan, RunError>,
}

/// A piece of work for a compute thread.
struct Task {
    /// Position in the canonical order.
    sequence: u64,
    /// All tasks before this one must be done first.
    after: u64,
    epoch: Epoch,
    /// Processing time of its epoch, in µs.
    now: i64,
    /// Whose epoch it belongs to.
    revision: Arc<Revision>,
    /// As its epoch sees them.
    tables: Arc<tables::Tables>,
    /// What endpoints answered to its epoch, which was committed before; none: they are asked.
    replies: Option<Arc<Recorded>>,
    work: Work,
}

enum Work {
    /// A range of a source, through the graph up to the map sides of keyed operators.
    Read { source: usize, range: Range },
    /// Rows that an operator gets once more, through the graph from there on.
    Letters { operator: usize, batch: RecordBatch },
    /// The epoch of one partition of a keyed operator, through the graph behind it.
    Reduce { operator: usize, partition: u16, is_last: bool, saves: bool },
}

/// What all threads share of a run, whatever the revision.
struct Shared {
    done: Done,
    event_times: EventTimes,
    /// Number of the run's first task among all tasks of the job.
    first_task: u64,
    /// What the last snapshot cost, in µs.
    snapshot_cost: AtomicU64,
    samples: Samples,
    epoch_bytes: EpochBytes,
    sinks_due: SinksDue,
    /// Every task has instances of its own, so that nothing is kept in the memory of a module from one to the next.
    is_forgetful: bool,
    /// Where rows come from is taken down.
    keeps_lineage: bool,
}

impl Shared {
    fn new(plan: &Plan, beginning: &Beginning, control: &Control) -> Result<Self, RunError> {
        let bound = |source: &SourcePlan| source.event_time.map_or(0, |(_, bound)| bound);
        let event_times = match &beginning.event_times {
            Some(saved) => EventTimes::load(plan.sources.iter().map(|source| (&*source.name, bound(source))), saved)
                .map_err(|source| RunError::State { name: "the watermarks".into(), source })?,
            None => EventTimes::new(plan.sources.iter().map(bound)),
        };
        Ok(Self {
            done: Done::default(),
            event_times,
            first_task: beginning.first_task,
            snapshot_cost: AtomicU64::new(0),
            samples: control.samples(),
            epoch_bytes: EpochBytes::new(&plan.batch),
            sinks_due: SinksDue::default(),
            is_forgetful: false,
            keeps_lineage: false,
        })
    }

    fn note_snapshot_cost(&self, cost: Duration) {
        self.snapshot_cost.store(u64::try_from(cost.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Time between snapshots, so that they take a twentieth of it.
    fn snapshot_pause(&self) -> Duration {
        Duration::from_micros(self.snapshot_cost.load(Ordering::Relaxed).saturating_mul(20))
    }
}

/// A job that lacks a secret fails before it takes a row. Nobody reads what nobody asks for.
fn prepare_endpoints(plan: &Plan) -> Result<(), RunError> {
    plan.endpoints().map_or(Ok(()), |endpoints| endpoints.prepare().map_err(RunError::Endpoint))
}

/// Runs `job` on `threads` compute threads until its input ends or a stop is requested. Events are given to `observe` on the
/// calling thread, in order. After an error nothing is visible that was not complete. A job that keeps checkpoints goes
/// on where it was, unless `start` says otherwise: it begins with the revision that its state is of, and goes over to
/// the next ones where it did.
pub fn run(
    job: Job<'_>,
    threads: usize,
    start: Start,
    control: &Control,
    observe: &mut dyn FnMut(Event),
) -> Result<Summary, RunError> {
    let threads = threads.max(1);
    control.begin(threads);
    let (number, plan, mut beginning) = Beginning::open(job, start)?;
    let plan = &Arc::new(plan);
    prepare_endpoints(plan)?;
    let tables = TableWatch::load(plan, &beginning.tables)?;
    let looked = beginning.looked(plan);
    let again = beginning.again(plan)?;
    let first_tables = again.again.front().map_or_else(|| tables.current(), |first| &first.tables);
    let shared = Arc::new(Shared::new(plan, &beginning, control)?);
    let revision = Arc::new(Revision::first(number, Arc::clone(plan), &first_tables.side, &beginning)?);
    control.goes_by(&revision);
    if let Some(resumed) = beginning.resumed() {
        observe(Event::Resumed(resumed));
    }
    let mut committer = Committer::open(&revision, &shared, threads, beginning, control)?;
    let crew = Crew::new(revision, &shared, (tables, again), threads, control)?;
    let look = |abort: &Stop| if plan.is_keyed { beginnings::look(plan, &looked, abort) } else { Vec::new() };
    crew.work(look, |messages, permits, turn| committer.run(messages, permits, turn, observe))
}
