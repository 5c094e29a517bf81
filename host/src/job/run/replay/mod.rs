//! Epochs that were committed, computed again: what they gave to the sinks, and whether it is the same.
//!
//! ```text
//!  Stretch (snapshot, records) ─► the planner's epochs "again" ─► graph ─┬► hash of what each sink is given ─► the record's?
//!                                                                        ├► taps: the rows of the last epoch, or a digest of every output
//!                                                                        └► lineage: what every batch was made of, epoch by epoch
//! ```
//!
//! The machinery is that of a recovery, with an end: no store is opened, no sink is written, no source is asked for more than the records name.
//! Called by `job::replay`. Invariant: nothing on the disk changes, so that it may be done beside a run of the same job.

mod collect;
mod digest;

use std::sync::Arc;

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use pelton_core::{checkpoint::record::FileRef, model::Epoch};

use self::collect::Collector;
pub use super::checkpoints::recorded::NeededFiles;
use super::{
    Comparison, Control, RunError, Shared, beginnings,
    checkpoints::recorded::Recorded,
    comparison::{compare_rows, json},
    crew::Crew,
    lineage::{self, EpochLineage},
    revision::Revision,
    tables::TableWatch,
};
use crate::{
    checkpoint::{CheckpointError, Stretch},
    job::plan::{Plan, Reader, Target},
};

/// What is to be computed again.
pub struct Replay<'a, 'w> {
    /// Up to the last epoch.
    pub stretch: Stretch,
    /// The first epoch that is asked for. Those before it are computed only if there is state.
    pub first: Epoch,
    /// Reads a file that a record names.
    pub files: &'a dyn Fn(&FileRef) -> Result<Vec<u8>, CheckpointError>,
    /// Plans a revision of the job.
    pub plans: &'a mut dyn FnMut(u64) -> Result<Plan, RunError>,
    /// Takes over in the last epoch.
    pub candidate: Option<Plan>,
    /// How the partitions of each source begin, as an earlier replay found it; none: it is looked up in the files.
    pub beginnings: Option<Vec<Vec<i64>>>,
    pub threads: usize,
    /// Every task has instances of its own.
    pub is_forgetful: bool,
    /// The state after the last epoch is wanted.
    pub keeps_state: bool,
    pub watch: Watch<'w>,
}

/// What is taken down besides the hashes.
pub enum Watch<'a> {
    Nothing,
    /// The rows that each sink is given in the last epoch.
    Sinks,
    /// A digest of what leaves each source and operator, in each epoch.
    Outputs,
    /// Where the rows of each epoch come from, given as the epochs end.
    Lineage(&'a mut dyn FnMut(EpochLineage)),
}

/// What came of it.
pub struct Replayed {
    /// Oldest first; those before the first that was asked for as well, if they were computed.
    pub epochs: Vec<ReplayedEpoch>,
    /// Of the last epoch, with [`Watch::Sinks`].
    pub rows: Vec<SinkRows>,
    pub beginnings: Vec<Vec<i64>>,
    /// What was read of each source.
    pub files: Vec<NeededFiles>,
    /// After the last epoch, if it was wanted.
    pub state: Option<ReplayedState>,
}

/// The state of a job after an epoch.
pub struct ReplayedState {
    pub plan: Arc<Plan>,
    /// By the names of operators, the snapshot of each partition.
    pub operators: Vec<(String, Vec<Vec<u8>>)>,
    /// The snapshot of the watermarks.
    pub event_times: Vec<u8>,
}

/// One epoch, computed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayedEpoch {
    pub epoch: Epoch,
    /// By which it was committed.
    pub revision: u64,
    /// Processing time when it was committed, in µs.
    pub now: i64,
    pub sinks: Vec<ReplayedSink>,
    /// (output, digest of its rows), in the order of the graph; with [`Watch::Outputs`].
    pub outputs: Vec<(String, u64)>,
}

impl ReplayedEpoch {
    /// Every sink was given what it was given when the epoch was committed.
    pub fn is_same(&self) -> bool {
        self.sinks.iter().all(ReplayedSink::is_same)
    }
}

/// What one sink was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayedSink {
    pub name: String,
    pub rows: u64,
    pub hash: u64,
    /// Rows and hash as they are in the record; none: the epoch had no such sink.
    pub committed: Option<(u64, u64)>,
}

impl ReplayedSink {
    pub fn is_same(&self) -> bool {
        self.committed == Some((self.rows, self.hash))
    }
}

/// Rows for one sink, in canonical order.
#[derive(Debug, Clone)]
pub struct SinkRows {
    pub sink: String,
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
}

impl SinkRows {
    /// The first rows as JSON objects.
    pub fn first(&self, most: usize) -> Vec<String> {
        let rows = self.batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |at| batch.slice(at, 1)));
        rows.take(most).map(|row| json(&row)).collect()
    }

    pub fn count(&self) -> u64 {
        self.batches.iter().map(|batch| batch.num_rows() as u64).sum()
    }

    /// The rows that only one of two computations of an epoch gave this sink.
    pub fn compare(&self, epoch: Epoch, other: &Self) -> Comparison {
        let mut comparison = Comparison { operator: self.sink.clone(), ..Comparison::default() };
        let is_whole =
            compare_rows((&self.schema, &self.sink), epoch, (&self.batches, &other.batches), &mut comparison);
        *(if is_whole { &mut comparison.epochs } else { &mut comparison.epochs_skipped }) += 1;
        comparison
    }
}

/// Computes epochs again.
pub fn run(replay: Replay<'_, '_>) -> Result<Replayed, RunError> {
    let Replay { stretch, first, files, plans, candidate, beginnings, threads, is_forgetful, keeps_state, watch } =
        replay;
    let threads = threads.max(1);
    let mut tapped = |revision| plans(revision).map(|plan| tap(plan, &watch));
    let candidate = candidate.map(|plan| tap(plan, &watch));
    let recorded = Recorded::read(stretch, first, files, &mut tapped, candidate, beginnings.is_some())?;
    let Recorded { revision, plan, beginning, planner, files } = recorded;
    let plan = Arc::new(plan);
    let tables = TableWatch::still(&plan);
    let first_tables = planner.again.front().map_or_else(|| tables.current(), |first| &first.tables);
    let control = Control::default();
    let keeps_lineage = matches!(watch, Watch::Lineage(_));
    let shared = Arc::new(Shared { is_forgetful, keeps_lineage, ..Shared::new(&plan, &beginning, &control)? });
    let revision = Arc::new(Revision::first(revision, Arc::clone(&plan), &first_tables.side, &beginning)?);
    // The planner's own end comes after the last epoch that is recorded.
    control.stop.request();
    let beginnings = match beginnings {
        Some(known) => known,
        None if plan.is_keyed => beginnings::look(&plan, &beginning.looked(&plan), &super::Stop::default()),
        None => Vec::new(),
    };
    let begin = beginnings.clone();
    let mut collector = Collector::new(watch, &revision);
    let crew = Crew::new(revision, &shared, (tables, planner), threads, &control)?;
    let (epochs, rows) = crew.work(|_| begin, |messages, permits, turn| collector.run(messages, permits, turn))?;
    let last = epochs.last().map(|last: &ReplayedEpoch| last.epoch).filter(|_| keeps_state);
    let state = last.map(|last| state(collector.revision(), shared.event_times.save_as_of(last)));
    Ok(Replayed { epochs, rows, beginnings, files, state })
}

/// What the partitions of a revision hold, of which all epochs are done.
fn state(revision: &Revision, event_times: Vec<u8>) -> ReplayedState {
    let keyed = revision.plan.operators.iter().enumerate();
    // What has failed is a shadow, and its state is worth nothing.
    let keyed = keyed.filter(|(index, planned)| planned.stage > 0 && !revision.has_failed(*index));
    let operators = keyed.map(|(index, planned)| {
        let numbers = 0..planned.logic.partitions();
        let held = numbers.filter_map(|number| revision.partition(index, number));
        let saved = held.map(|partition| partition.lock(&planned.logic).save(&planned.logic));
        (planned.logic.name().to_owned(), saved.collect())
    });
    ReplayedState { operators: operators.collect(), plan: Arc::clone(&revision.plan), event_times }
}

/// Has the rows that are watched also go to taps behind the plan's own.
fn tap(mut plan: Plan, watch: &Watch<'_>) -> Plan {
    if matches!(watch, Watch::Lineage(_)) {
        return lineage::trace(plan);
    }
    let own = plan.taps.len();
    let sinks = plan.sinks.len();
    for (index, output) in plan.outputs.iter_mut().enumerate() {
        match watch {
            Watch::Nothing | Watch::Lineage(_) => {}
            Watch::Sinks => {
                // Right behind the sink, so that the rows of several outputs come in its order.
                let with_tap = |reader: Reader| {
                    let tap = match reader.to {
                        Target::Sink(sink) => Some(Reader { to: Target::Tap(own + sink), ..reader.clone() }),
                        Target::Operator { .. } | Target::Tap(_) => None,
                    };
                    std::iter::once(reader).chain(tap)
                };
                output.readers = std::mem::take(&mut output.readers).into_iter().flat_map(with_tap).collect();
            }
            Watch::Outputs if output.readers.is_empty() => {}
            Watch::Outputs => {
                let fields = output.kept.iter().filter_map(|kept| output.schema.fields().get(*kept).cloned());
                let schema = Arc::new(arrow::datatypes::Schema::new(fields.collect::<Vec<_>>()));
                let columns = (0..output.kept.len()).collect();
                output.readers.push(Reader { to: Target::Tap(own + sinks + index), columns, schema });
            }
        }
    }
    plan
}
