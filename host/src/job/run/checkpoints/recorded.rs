//! What a replay begins with: the state, the positions and the tables of epochs that were committed, without taking the job over.
//!
//! ```text
//!  base: snapshot ─► state, watermarks, files that had been listed        before the first epoch: where sources go on
//!  records after it ─► ranges, tables, processing time of each epoch; the revisions that computed them
//! ```
//!
//! Invariant: what is found is what a recovery would find that had to compute the same epochs; nothing on the disk changes.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use pelton_core::{
    checkpoint::{
        grown::entries_before,
        record::{FileRecord, Position, Record},
    },
    model::Epoch,
};

use super::{Again, Beginning, Engine, Get, PlannerBeginning, engine, read_replies, read_table, same_versions};
use crate::{
    checkpoint::{Stretch, letters},
    job::{
        plan::{Plan, change::Change},
        run::{RunError, tables::Tables},
    },
};

/// The number of a revision that no record names: the candidate's.
pub(in crate::job::run) const CANDIDATE: u64 = u64::MAX;

/// What everything else of a replay is made from.
pub(in crate::job::run) struct Recorded {
    /// The revision that the state is of.
    pub(in crate::job::run) revision: u64,
    pub(in crate::job::run) plan: Plan,
    pub(in crate::job::run) beginning: Beginning,
    pub(in crate::job::run) planner: PlannerBeginning,
    pub(in crate::job::run) files: Vec<NeededFiles>,
}

/// The files of a source that the epochs read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeededFiles {
    pub source: String,
    /// All that had been listed, in order.
    pub listed: Vec<FileRecord>,
    /// What is read lies between these places.
    pub from: Position,
    pub to: Position,
}

impl Recorded {
    /// Reads what is needed to compute the epochs of `stretch` again from `first` on; a job with state computes also those before it. A
    /// `candidate` takes over in the last one. With `looked` it is known how partitions begin, so that no file is needed beyond those that are read.
    pub(in crate::job::run) fn read(
        stretch: Stretch,
        first: Epoch,
        get: Get<'_>,
        plans: &mut dyn FnMut(u64) -> Result<Plan, RunError>,
        candidate: Option<Plan>,
        looked: bool,
    ) -> Result<Self, RunError> {
        let Stretch { base, mut again } = stretch;
        let Some(last) = again.last() else { return Err(RunError::UnknownRevision { revision: CANDIDATE }) };
        let (last_revision, last_epoch) = (last.revision, last.epoch);
        let last_plan = plans(last_revision)?;
        let is_keyed = last_plan.is_keyed;
        let engine = base.as_ref().and_then(|base| base.snapshot.as_ref()).map(|snapshot| engine(get, snapshot));
        let engine = engine.transpose()?;
        let (catalogue, begun_with) = listed(engine.as_ref(), &again);
        let mut before = base.clone();
        if !is_keyed {
            let wanted = again.iter().position(|record| record.epoch >= first).unwrap_or(0);
            let later = again.split_off(wanted);
            before = again.pop().or(before);
            again = later;
        }
        let mut upcoming = VecDeque::new();
        for record in base.as_ref().filter(|_| is_keyed).into_iter().chain(&again) {
            let is_new = upcoming.back().is_none_or(|(number, _): &(u64, Plan)| *number != record.revision);
            if is_new && record.revision != last_revision {
                upcoming.push_back((record.revision, plans(record.revision)?));
            }
        }
        upcoming.push_back((last_revision, last_plan));
        // A job that was stopped in peace and handed over anew with other sources or sinks: its state was taken by names.
        while let (Some((_, one)), Some((_, next))) = (upcoming.front(), upcoming.get(1))
            && Change::check(one, next).is_err()
        {
            upcoming.pop_front();
        }
        check_identity(&upcoming, &again)?;
        if let Some(candidate) = candidate {
            if let Some((_, committed)) = upcoming.back() {
                Change::check(committed, &candidate).map_err(|source| RunError::Candidate { source })?;
            }
            upcoming.push_back((CANDIDATE, candidate));
            if let Some(last) = again.last_mut() {
                last.revision = CANDIDATE;
            }
        }
        // What is computed again is not committed: it ends with the last epoch.
        upcoming.iter_mut().for_each(|(_, plan)| plan.checkpoint = None);
        let tables = tables(&again, &upcoming, get)?;
        let (revision, mut plan) = upcoming.pop_front().expect("the last revision is among them");
        let files = resume(&mut plan, &catalogue, (before.as_ref(), again.last()), looked)?;
        let first_task = before.as_ref().map_or(0, |record| record.end_task);
        let mut state = HashMap::new();
        for operator in base.iter().flat_map(|base| &base.snapshot).flat_map(|snapshot| &snapshot.operators) {
            let partitions = operator.partitions.iter().map(get).collect::<Result<Vec<_>, _>>()?;
            state.insert(operator.operator.clone(), partitions);
        }
        let beginning_with_letters = |(record, tables): (Record, Arc<Tables>)| -> Result<Again, RunError> {
            let replayed = record.letters.replayed.as_ref();
            let letters = replayed.map(|file| Ok::<_, RunError>(letters::decoded(file, &get(file)?)?)).transpose()?;
            let replies = read_replies(get, &record)?;
            Ok(Again { record, tables, letters: letters.unwrap_or_default(), replies })
        };
        let planner = PlannerBeginning {
            epoch: again.first().map_or(last_epoch, |record| record.epoch),
            positions: files.iter().map(|files| files.from.clone()).collect(),
            again: again.into_iter().zip(tables).map(beginning_with_letters).collect::<Result<_, _>>()?,
            upcoming,
            is_ended: false,
            letters: None,
        };
        let beginning = Beginning {
            first_task,
            state,
            event_times: engine.map(Engine::into_times).filter(|_| is_keyed),
            positions: planner.positions.clone(),
            begun_with,
            last: base,
            ..Beginning::default()
        };
        Ok(Self { revision, plan, beginning, planner, files })
    }
}

/// What the engine itself would have saved after the last epoch of `again`, or with `base` if there is none; `event_times` are the watermarks then.
pub fn engine_as_of(
    get: Get<'_>,
    base: Option<&Record>,
    again: &[Record],
    event_times: Option<Vec<u8>>,
) -> Result<Vec<u8>, RunError> {
    let saved = base.and_then(|base| base.snapshot.as_ref()).map(|snapshot| engine(get, snapshot)).transpose()?;
    let (catalogue, begun_with) = listed(saved.as_ref(), again);
    let (event_times, sources) = match (event_times, saved) {
        (Some(computed), _) => {
            let last = again.last().or(base).map(|record| record.sources.as_slice()).unwrap_or_default();
            (computed, last.iter().map(|source| source.name.clone()).collect())
        }
        (None, saved) => saved.map(|saved| (saved.event_times, saved.sources)).unwrap_or_default(),
    };
    let engine = Engine { catalogue, begun_with, event_times, sources };
    Ok(rmp_serde::to_vec_named(&engine).expect("names and numbers have a form in MessagePack"))
}

/// The files of each source that are in what the engine saved. None: it is nothing of that kind.
pub fn catalogue_of(engine: &[u8]) -> Option<HashMap<String, Vec<FileRecord>>> {
    rmp_serde::from_slice::<Engine>(engine).ok().map(|engine| engine.catalogue)
}

/// The files of each source in order, and how many there were when the job began.
fn listed(engine: Option<&Engine>, again: &[Record]) -> (HashMap<String, Vec<FileRecord>>, HashMap<String, usize>) {
    let mut catalogue = engine.map(|engine| engine.catalogue.clone()).unwrap_or_default();
    for source in again.iter().flat_map(|record| &record.sources) {
        catalogue.entry(source.name.clone()).or_default().extend(source.listed.iter().cloned());
    }
    let begun_with = match engine {
        Some(engine) => engine.begun_with.clone(),
        None => {
            let sources = again.first().into_iter().flat_map(|record| &record.sources);
            sources.map(|source| (source.name.clone(), source.listed.len())).collect()
        }
    };
    (catalogue, begun_with)
}

/// Each epoch must have been computed by the plan that is at hand.
fn check_identity(upcoming: &VecDeque<(u64, Plan)>, again: &[Record]) -> Result<(), RunError> {
    for record in again {
        let plan = upcoming.iter().find(|(number, _)| *number == record.revision);
        match plan {
            Some((_, plan)) if plan.identity == record.job => {}
            _ => return Err(RunError::OtherJob { epoch: record.epoch }),
        }
    }
    Ok(())
}

/// The side tables as each epoch saw them, for the operators of its revision.
fn tables(again: &[Record], upcoming: &VecDeque<(u64, Plan)>, get: Get<'_>) -> Result<Vec<Arc<Tables>>, RunError> {
    let mut made: Vec<Arc<Tables>> = Vec::new();
    let mut of = None;
    for record in again {
        let known = made.last().filter(|known| of == Some(record.revision) && same_versions(known, &record.tables));
        let tables = match known {
            Some(known) => Arc::clone(known),
            None => {
                let plan = upcoming.iter().find(|(number, _)| *number == record.revision);
                let (_, plan) = plan.ok_or(RunError::UnknownRevision { revision: record.revision })?;
                let versions = record.tables.iter().map(|table| read_table(get, table));
                Arc::new(Tables::new(plan, versions.collect::<Result<_, _>>()?, &Tables::default()))
            }
        };
        of = Some(record.revision);
        made.push(tables);
    }
    Ok(made)
}

/// Tells each source which files it had and where it was. Answers what will be read of them.
fn resume(
    plan: &mut Plan,
    catalogue: &HashMap<String, Vec<FileRecord>>,
    (before, last): (Option<&Record>, Option<&Record>),
    looked: bool,
) -> Result<Vec<NeededFiles>, RunError> {
    let epoch = before.map_or(Epoch::FIRST, |before| before.epoch.next());
    let mut needed = Vec::new();
    let is_keyed = plan.is_keyed;
    for planned in &mut plan.sources {
        let at = |record: Option<&Record>| {
            let source = record.and_then(|record| record.sources.iter().find(|source| source.name == planned.name));
            source.map(|source| source.position.clone())
        };
        let (from, to) = (at(before).unwrap_or_default(), at(last).unwrap_or(Position::End));
        let mut listed = catalogue.get(&planned.name).cloned().unwrap_or_default();
        // Watermarks look at the beginnings of files that come later.
        if looked || !is_keyed || planned.event_time.is_none() {
            listed.truncate(files_before(&to, &listed));
        }
        let name = &planned.name;
        let source = Arc::get_mut(&mut planned.source).expect("nobody shares a plan that does not run yet");
        let failed = |source| RunError::Source { name: name.clone(), epoch, source };
        source.resume(&listed, &from).map_err(failed)?;
        needed.push(NeededFiles { source: name.clone(), listed, from, to });
    }
    Ok(needed)
}

/// How many files lie before a place, the one that it is within included.
fn files_before(to: &Position, listed: &[FileRecord]) -> usize {
    match to {
        Position::Start => 0,
        Position::Range { partition, sequence: 0, .. } => entries_before(listed, *partition),
        Position::Range { partition, .. } => entries_before(listed, partition.saturating_add(1)),
        Position::End => listed.len(),
    }
}
