//! What a run begins with, and what it commits: the job's side of the checkpoint store.
//!
//! ```text
//!  last record ─► where sources go on, side tables, sinks        last snapshot ─► state of keyed operators
//!  records since the snapshot ─► epochs that are computed again, their output compared and not given to sinks
//!  every closed epoch ─► what sinks prepared, and a snapshot now and then ─► record ─► publish
//! ```
//!
//! Invariant: nothing that a record names is missing when the record is durable, and nothing is published before that. What replays begin
//! with is in [`recorded`].

pub(super) mod recorded;

use std::{
    collections::{HashMap, VecDeque},
    mem::take,
    sync::Arc,
    time::Instant,
};

use arrow::{
    array::RecordBatch,
    ipc::{reader::FileReader, writer::FileWriter},
};
use pelton_core::{
    checkpoint::{
        grown::fold,
        record::{
            FileRecord, FileRef, Letters, ModuleRecord, OperatorSnapshot, Position, Record, SinkRecord, SinkState,
            Snapshot, SourceRecord, TableRecord,
        },
        retain::Retain,
    },
    model::Epoch,
};
use serde::{Deserialize, Serialize};

use super::{
    Job, RunError, Shared,
    beginnings::Looked,
    heirs::heirs,
    output::{ClosedEpoch, Saved},
    progress::Resumed,
    resume::resume,
    tables::Tables,
};
use crate::{
    checkpoint::{
        CheckpointError, CommitPermit, Committed, Recovered, Store, Take,
        letters::{Letter, LetterBox},
    },
    failpoint,
    job::plan::{Plan, PlannedOperator, SourcePlan, change::Change},
    operator::{
        enrich::recorded::{self as replies, AskedCall, Recorded},
        tables::TableVersion,
    },
    sink::{Begin, Prepared, Writer},
};

/// Whether a job goes on with what it did before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    #[default]
    Continue,
    /// It forgets what it did.
    Fresh,
}

/// Epochs after which what was published is synced, at the latest. Until then their outboxes stay in the journal.
const UNSYNCED_EPOCHS_MAX: u64 = 32;

/// An epoch of an earlier run that is computed again.
pub(super) struct Again {
    pub(super) record: Record,
    pub(super) tables: Arc<Tables>,
    /// Letters that it begins with.
    pub(super) letters: Vec<Letter>,
    /// What endpoints answered.
    pub(super) replies: Arc<Recorded>,
}

/// What the planner begins with.
pub(super) struct PlannerBeginning {
    pub(super) epoch: Epoch,
    /// For each source.
    pub(super) positions: Vec<Position>,
    pub(super) again: VecDeque<Again>,
    /// Revisions to go over to, the one that is wanted last.
    pub(super) upcoming: VecDeque<(u64, Plan)>,
    /// The input had ended, and keyed operators know.
    pub(super) is_ended: bool,
    /// None: the job keeps no checkpoint.
    pub(super) letters: Option<Arc<LetterBox>>,
}

/// What a run begins with.
#[derive(Default)]
pub(super) struct Beginning {
    keeper: Option<Keeper>,
    /// Number of the first task among all tasks of the job.
    pub(super) first_task: u64,
    /// The state of keyed operators by their names, partition by partition.
    pub(super) state: HashMap<String, Vec<Vec<u8>>>,
    pub(super) event_times: Option<SavedTimes>,
    /// As the last epoch saw them.
    pub(super) tables: Vec<TableVersion>,
    again: Vec<Record>,
    upcoming: VecDeque<(u64, Plan)>,
    positions: Vec<Position>,
    /// How many files each source had when the job began, by its name.
    begun_with: HashMap<String, usize>,
    last: Option<Record>,
    republish: Vec<Committed>,
}

/// What the engine itself keeps with a snapshot.
#[derive(Serialize, Deserialize)]
struct Engine {
    /// All files ever listed, in order, by the name of their source.
    catalogue: HashMap<String, Vec<FileRecord>>,
    /// How many of them each source had when the job began.
    begun_with: HashMap<String, usize>,
    event_times: Vec<u8>,
    /// Whose event times they are, in their order. Empty in snapshots of 0.1.0's first months: those of the job file, in its order.
    #[serde(default)]
    sources: Vec<String>,
}

/// How far the event time of each source had come.
pub(super) struct SavedTimes {
    /// Empty: the sources are those of the plan, in its order.
    pub(super) sources: Vec<String>,
    pub(super) bytes: Vec<u8>,
}

impl Engine {
    fn into_times(self) -> SavedTimes {
        SavedTimes { sources: self.sources, bytes: self.event_times }
    }
}

impl Beginning {
    /// Takes the job over, and tells its sources where to go on. Answers also with the revision that its state is of, and the
    /// plan of it.
    pub(super) fn open(job: Job<'_>, start: Start) -> Result<(u64, Plan, Self), RunError> {
        let Job { revision, plan, earlier } = job;
        let Some(checkpoint) = &plan.checkpoint else { return Ok((revision, plan, Self::default())) };
        let take = match start {
            Start::Continue => Take::Continue,
            Start::Fresh => Take::Fresh,
        };
        let (store, recovered) = Store::open(&checkpoint.location, take)?;
        let Recovered { last, base, again, republish, generation, cut, .. } = recovered;
        if let Some(cut) = cut {
            tracing::warn!(?cut, "the last run ended within a write, which did not count");
        }
        let engine = base
            .as_ref()
            .and_then(|base| base.snapshot.as_ref())
            .map(|snapshot| engine(&|file| store.get(file), snapshot));
        let engine = engine.transpose()?;
        let mut catalogue = engine.as_ref().map(|engine| engine.catalogue.clone()).unwrap_or_default();
        for source in again.iter().flat_map(|record| &record.sources) {
            catalogue.entry(source.name.clone()).or_default().extend(source.listed.iter().cloned());
        }
        let begun_with = match (&engine, again.first()) {
            (Some(engine), _) => engine.begun_with.clone(),
            (None, first) => {
                let sources = first.iter().flat_map(|record| &record.sources);
                sources.map(|source| (source.name.clone(), source.listed.len())).collect()
            }
        };
        // Without state there is nothing to compute again.
        let again = if plan.is_keyed { again } else { Vec::new() };
        let state_of = base.as_ref().filter(|_| plan.is_keyed);
        let mut upcoming = VecDeque::new();
        for record in state_of.into_iter().chain(&again) {
            if upcoming.back().is_none_or(|(number, _)| *number != record.revision) && record.revision != revision {
                match earlier(record.revision) {
                    Ok(plan) => upcoming.push_back((record.revision, plan)),
                    // Nothing is computed by it any more, and state is found by the names of its operators.
                    Err(error) if again.is_empty() => {
                        tracing::debug!(revision = record.revision, %error, "the job as it was is not known");
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        // A job that was stopped in peace, and handed over anew with other sources or sinks, begins with the new ones: its state is taken by
        // the names of its operators.
        let is_other = |(_, before): &(u64, Plan)| Change::check(before, &plan).is_err();
        if again.is_empty() && upcoming.back().is_some_and(is_other) {
            upcoming.clear();
        }
        upcoming.push_back((revision, plan));
        let (revision, mut plan) = upcoming.pop_front().expect("the revision that is wanted is there");
        if let Some(last) = last.as_ref().filter(|last| last.revision == revision)
            && last.job != plan.identity
            && !again.is_empty()
        {
            return Err(RunError::Changed { epoch: last.epoch, again: again.len() });
        }
        let from = if again.is_empty() { last.as_ref() } else { base.as_ref() };
        let positions = resume(&mut plan, &store, &catalogue, from, last.as_ref())?;
        let mut state = HashMap::new();
        if let Some(snapshot) = from.and_then(|record| record.snapshot.as_ref()) {
            let heirs = heirs(&plan, &snapshot.operators)?;
            for (operator, heir) in snapshot.operators.iter().zip(heirs) {
                let Some(heir) = heir else { continue };
                let partitions = operator.partitions.iter().map(|file| store.get(file));
                state.insert(heir, partitions.collect::<Result<Vec<_>, _>>()?);
            }
        }
        let mut tables = Vec::new();
        for table in last.iter().flat_map(|last| &last.tables) {
            tables.push(read_table(&|file| store.get(file), table)?);
        }
        let first_task = from.map_or(0, |record| record.end_task);
        let keeper = Keeper::new(&plan, store, generation, (&catalogue, &begun_with), last.as_ref());
        if start == Start::Fresh {
            keeper.letters.forget_requests()?;
        }
        // A savepoint of a job without state has none.
        let event_times = engine.map(Engine::into_times).filter(|times| plan.is_keyed && !times.bytes.is_empty());
        let keeper = Some(keeper);
        let beginning = Self {
            keeper,
            first_task,
            state,
            event_times,
            tables,
            again,
            upcoming,
            positions,
            begun_with,
            last,
            republish,
        };
        Ok((revision, plan, beginning))
    }

    /// What the planner begins with.
    pub(super) fn again(&mut self, plan: &Plan) -> Result<PlannerBeginning, RunError> {
        let last = self.last.as_ref();
        let next = last.map_or(Epoch::FIRST, |last| last.epoch.next());
        let epoch = self.again.first().map_or(next, |record| record.epoch);
        let is_ended = self.again.is_empty() && last.is_some_and(|last| last.is_last);
        let mut again = VecDeque::new();
        let mut before = Arc::new(Tables::default());
        for record in take(&mut self.again) {
            let keeper = self.keeper.as_ref().expect("an epoch to compute again comes from a store");
            let store = &keeper.store;
            if !same_versions(&before, &record.tables) || again.is_empty() {
                let versions = record.tables.iter().map(|table| read_table(&|file| store.get(file), table));
                before = Arc::new(Tables::new(plan, versions.collect::<Result<_, _>>()?, &before));
            }
            let letters = record.letters.replayed.as_ref().map(|file| keeper.letters.read(file)).transpose()?;
            let letters = letters.unwrap_or_default();
            let replies = read_replies(&|file| store.get(file), &record)?;
            again.push_back(Again { record, tables: Arc::clone(&before), letters, replies });
        }
        let (positions, upcoming) = (take(&mut self.positions), take(&mut self.upcoming));
        let letters = self.keeper.as_ref().map(|keeper| Arc::clone(&keeper.letters));
        Ok(PlannerBeginning { epoch, positions, again, upcoming, is_ended, letters })
    }

    /// How the files of each source count for watermarks.
    pub(super) fn looked(&self, plan: &Plan) -> Vec<Looked> {
        let one = |(index, planned): (usize, &SourcePlan)| Looked {
            from: self.positions.get(index).cloned().unwrap_or_default(),
            begun_with: self.begun_with.get(&planned.name).copied(),
        };
        plan.sources.iter().enumerate().map(one).collect()
    }

    /// None: the job begins.
    pub(super) fn resumed(&self) -> Option<Resumed> {
        let last = self.last.as_ref()?;
        Some(Resumed {
            after: last.epoch,
            again: last.end_task.saturating_sub(self.first_task),
            is_ended: last.is_last,
        })
    }

    /// Opens the writers, and publishes what was committed and may not be visible.
    pub(super) fn sinks(&mut self, plan: &Plan) -> Result<Vec<Box<dyn Writer>>, RunError> {
        let failed = |name: &str| {
            let name = name.to_owned();
            move |source| RunError::Sink { name, source }
        };
        let mut writers = Vec::new();
        for planned in &plan.sinks {
            let target = planned.target();
            let is_own =
                |sink: &&SinkRecord| sink.name == planned.name && (sink.target.is_empty() || sink.target == target);
            let last = self.last.as_ref().and_then(|last| last.sinks.iter().find(is_own));
            let Some(keeper) = &self.keeper else {
                writers.push(planned.sink.writer().map_err(failed(&planned.name))?);
                continue;
            };
            let last = last.map(|last| &last.state);
            let files = keeper.store.files();
            let begin = Begin { job: &plan.name, generation: keeper.generation, last, files };
            let mut writer = planned.sink.epoch_writer(&begin).map_err(failed(&planned.name))?;
            for Committed { record, outboxes, permit } in &self.republish {
                let sinks = record.sinks.iter().zip(outboxes);
                for (sink, outbox) in sinks.filter(|(sink, _)| sink.name == planned.name) {
                    if !is_own(&sink) {
                        // What is not visible yet belongs to the sink as it was.
                        return Err(RunError::Changed { epoch: record.epoch, again: 1 });
                    }
                    let (state, files) = (sink.state.clone(), sink.outbox.clone());
                    let prepared = Prepared { state, outbox: outbox.clone(), files };
                    writer.publish(permit, &prepared).map_err(failed(&planned.name))?;
                    failpoint::reach("republish");
                }
            }
            let nothing = SinkState::None;
            writer.recover(last.unwrap_or(&nothing)).map_err(failed(&planned.name))?;
            failpoint::reach("recover");
            writers.push(writer);
        }
        self.republish.clear();
        Ok(writers)
    }

    pub(super) fn into_keeper(self) -> Option<Keeper> {
        self.keeper
    }
}

/// Reads a file that a record names.
type Get<'a> = &'a dyn Fn(&FileRef) -> Result<Vec<u8>, CheckpointError>;

fn engine(get: Get<'_>, snapshot: &Snapshot) -> Result<Engine, RunError> {
    let bytes = get(&snapshot.engine)?;
    let unreadable = |error: rmp_serde::decode::Error| CheckpointError::unreadable(&snapshot.engine, &error);
    Ok(rmp_serde::from_slice(&bytes).map_err(unreadable)?)
}

fn read_table(get: Get<'_>, table: &TableRecord) -> Result<TableVersion, RunError> {
    let bytes = get(&table.rows)?;
    let unreadable = |error: arrow::error::ArrowError| CheckpointError::unreadable(&table.rows, &error);
    let reader = FileReader::try_new(std::io::Cursor::new(bytes), None).map_err(unreadable)?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let rows = arrow::compute::concat_batches(&schema, &batches).map_err(unreadable)?;
    Ok(TableVersion { name: table.name.clone(), version: table.version, rows })
}

fn read_replies(get: Get<'_>, record: &Record) -> Result<Arc<Recorded>, RunError> {
    let Some(file) = &record.replies else { return Ok(Arc::default()) };
    let unreadable = |why: String| CheckpointError::unreadable(file, std::io::Error::other(why));
    Ok(Arc::new(Recorded::decode(&get(file)?).map_err(unreadable)?))
}

fn table_bytes(rows: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let schema = rows.schema();
    let written = FileWriter::try_new(&mut bytes, &schema).and_then(|mut writer| {
        writer.write(rows)?;
        writer.finish()
    });
    written.expect("Arrow's own format holds every batch, and memory takes it");
    bytes
}

fn same_versions(tables: &Tables, records: &[TableRecord]) -> bool {
    let versions = tables.side.0.iter().map(|table| (table.name.as_str(), table.version));
    versions.eq(records.iter().map(|table| (table.name.as_str(), table.version)))
}

fn module(planned: &PlannedOperator) -> ModuleRecord {
    ModuleRecord {
        operator: planned.logic.name().to_owned(),
        digests: planned.logic.digests().iter().map(ToString::to_string).collect(),
    }
}

/// Commits the epochs of a run.
pub(super) struct Keeper {
    store: Store,
    generation: u64,
    /// Of the last epoch's revision.
    retain: Retain,
    /// Their names, as their writers are ordered.
    sinks: Vec<String>,
    catalogue: HashMap<String, Vec<FileRecord>>,
    begun_with: HashMap<String, usize>,
    /// For each source, the files that no record has.
    unlisted: Vec<Vec<FileRecord>>,
    /// Where each version of a table is.
    tables: HashMap<(String, u64), FileRef>,
    /// Epochs that are visible, and that a power cut leaves so.
    published: Epoch,
    /// The last epoch that is visible.
    permit: Option<CommitPermit>,
    letters: Arc<LetterBox>,
    /// Requests that were carried out in epochs that have happened.
    carried_out: Vec<String>,
}

impl Keeper {
    fn new(
        plan: &Plan,
        store: Store,
        generation: u64,
        (catalogue, begun_with): (&HashMap<String, Vec<FileRecord>>, &HashMap<String, usize>),
        last: Option<&Record>,
    ) -> Self {
        let mut begun_with = begun_with.clone();
        for planned in &plan.sources {
            begun_with.entry(planned.name.clone()).or_insert_with(|| planned.source.listed().len());
        }
        let unlisted = plan.sources.iter().map(|planned| {
            let known = catalogue.get(&planned.name).map_or(0, Vec::len);
            planned.source.listed().split_off(known)
        });
        let tables = last.iter().flat_map(|last| &last.tables);
        Self {
            letters: Arc::new(store.letters(last)),
            carried_out: Vec::new(),
            store,
            generation,
            retain: plan.checkpoint.as_ref().map(|checkpoint| checkpoint.retain).unwrap_or_default(),
            sinks: plan.sinks.iter().map(|planned| planned.name.clone()).collect(),
            unlisted: unlisted.collect(),
            catalogue: catalogue.clone(),
            begun_with,
            tables: tables.map(|table| ((table.name.clone(), table.version), table.rows.clone())).collect(),
            published: last.map_or(Epoch(0), |last| last.published_through),
            permit: None,
        }
    }

    /// Dead letters in the queue.
    pub(super) fn letters(&self) -> u64 {
        self.letters.count()
    }

    /// Commits an epoch: from then on it has happened. `watermarks` for each source.
    pub(super) fn commit(
        &mut self,
        shared: &Shared,
        closed: ClosedEpoch,
        (sinks, outboxes): &(Vec<SinkRecord>, Vec<Vec<u8>>),
        (saved, fresh, asked): (Vec<Saved>, Vec<Letter>, &[AskedCall]),
        watermarks: &[Option<i64>],
    ) -> Result<CommitPermit, RunError> {
        let ClosedEpoch {
            epoch,
            revision,
            now,
            tasks,
            turns,
            bookmarks,
            mut found,
            idle,
            log_ends,
            tables,
            is_reduced,
            is_last,
            saves,
            asked: wanted,
            ..
        } = closed;
        let plan = &revision.plan;
        self.retain = plan.checkpoint.as_ref().map(|checkpoint| checkpoint.retain).unwrap_or_default();
        let mut sources = Vec::new();
        for (index, (planned, bookmark)) in plan.sources.iter().zip(bookmarks).enumerate() {
            let mut listed = self.unlisted.get_mut(index).map(take).unwrap_or_default();
            listed.append(&mut found.get_mut(index).map(take).unwrap_or_default());
            self.catalogue.entry(planned.name.clone()).or_default().extend(listed.iter().cloned());
            let position = bookmark.map_or(Position::End, |bookmark| bookmark.resolve());
            if let Some(known) = self.catalogue.get_mut(&planned.name).filter(|_| saves) {
                fold(known, &position);
            }
            sources.push(SourceRecord {
                name: planned.name.clone(),
                position,
                listed,
                idle: idle.get(index).copied().flatten(),
                watermark: watermarks.get(index).copied().flatten(),
                log_end: log_ends.get(index).copied().flatten(),
            });
        }
        let tables = self.tables(&tables)?;
        let (name, gone, replayed) =
            wanted.map_or((None, Vec::new(), None), |wanted| (Some(wanted.name), wanted.gone, wanted.replayed));
        let queue = self.letters.next(&fresh, &gone)?;
        let replies = (!asked.is_empty()).then(|| self.store.put("replies", &replies::encode(asked))).transpose()?;
        let snapshot = if saves { Some(self.snapshot(plan, shared, epoch, saved)?) } else { None };
        let record = Record {
            epoch,
            generation: self.generation,
            now,
            job: plan.identity.clone(),
            revision: revision.number,
            first_task: shared.first_task + tasks.start,
            end_task: shared.first_task + tasks.end,
            sources,
            turns,
            is_reduced,
            is_last,
            tables,
            modules: plan.operators.iter().map(module).collect(),
            sinks: sinks.clone(),
            snapshot,
            published_through: self.published,
            letters: Letters { queue: queue.clone(), replayed },
            replies,
        };
        let permit = self.store.commit(&record, outboxes)?;
        self.letters.committed(queue);
        self.carried_out.extend(name);
        Ok(permit)
    }

    fn tables(&mut self, tables: &Tables) -> Result<Vec<TableRecord>, RunError> {
        let mut records = Vec::new();
        for table in &tables.side.0 {
            let version = (table.name.clone(), table.version);
            let rows = match self.tables.get(&version) {
                Some(rows) => rows.clone(),
                None => {
                    let rows = self.store.put("table", &table_bytes(&table.rows))?;
                    self.tables.insert(version, rows.clone());
                    rows
                }
            };
            records.push(TableRecord { name: table.name.clone(), version: table.version, rows });
        }
        Ok(records)
    }

    fn snapshot(
        &mut self,
        plan: &Plan,
        shared: &Shared,
        epoch: Epoch,
        saved: Vec<Saved>,
    ) -> Result<Snapshot, RunError> {
        let started = Instant::now();
        let mut operators: Vec<OperatorSnapshot> = Vec::new();
        for (index, planned) in plan.operators.iter().enumerate().filter(|(_, planned)| planned.stage > 0) {
            let mut of_operator: Vec<&Saved> = saved.iter().filter(|saved| saved.operator == index).collect();
            if of_operator.len() < usize::from(planned.logic.partitions()) && planned.shadow_of.is_some() {
                // It has failed, or is about to: its state is worth nothing.
                continue;
            }
            of_operator.sort_unstable_by_key(|saved| saved.partition);
            let partitions = of_operator.into_iter().map(|saved| self.store.put("state", &saved.bytes));
            let partitions = partitions.collect::<Result<_, _>>()?;
            operators.push(OperatorSnapshot { operator: planned.logic.name().to_owned(), partitions });
        }
        // Without keyed operators nobody asks for watermarks.
        let event_times = saved.into_iter().next().map(|saved| saved.event_times);
        let event_times = event_times.unwrap_or_else(|| shared.event_times.save_as_of(epoch));
        let (catalogue, begun_with) = (self.catalogue.clone(), self.begun_with.clone());
        let sources = plan.sources.iter().map(|source| source.name.clone()).collect();
        let engine = Engine { catalogue, begun_with, event_times, sources };
        let engine = rmp_serde::to_vec_named(&engine).expect("names and numbers have a form in MessagePack");
        let engine = self.store.put("engine", &engine)?;
        failpoint::reach("snapshot");
        shared.note_snapshot_cost(started.elapsed());
        Ok(Snapshot { engine, operators })
    }

    /// The epoch of this permit is visible.
    pub(super) fn published(
        &mut self,
        permit: CommitPermit,
        had_snapshot: bool,
        writers: &mut [Box<dyn Writer>],
    ) -> Result<(), RunError> {
        let epoch = permit.epoch();
        self.permit = Some(permit);
        self.letters.carried_out(&take(&mut self.carried_out))?;
        if had_snapshot || epoch.0.saturating_sub(self.published.0) >= UNSYNCED_EPOCHS_MAX {
            self.sync(writers)?;
        }
        if had_snapshot {
            failpoint::reach("collect");
            self.store.collect(&self.retain)?;
        }
        Ok(())
    }

    /// What is visible stays so.
    fn sync(&mut self, writers: &mut [Box<dyn Writer>]) -> Result<(), RunError> {
        let Some(permit) = self.permit.take() else { return Ok(()) };
        for (writer, name) in writers.iter_mut().zip(&self.sinks) {
            writer.sync().map_err(|source| RunError::Sink { name: name.clone(), source })?;
        }
        self.published = permit.epoch();
        failpoint::reach("published");
        self.store.published(permit)?;
        Ok(())
    }

    /// The run has ended in peace.
    pub(super) fn close(mut self, writers: &mut [Box<dyn Writer>]) -> Result<(), RunError> {
        self.sync(writers)?;
        Ok(self.store.close()?)
    }
}
