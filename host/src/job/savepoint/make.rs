//! Makes a savepoint: from the newest snapshot of a checkpoint, or of an epoch that is computed again.
//!
//! Beside a job that runs or rests; it takes nothing over. Operators stand in a savepoint as their job file has them: a canary's partitions are its
//! operator's, and shadows have nothing that anybody would go on with.

use std::collections::BTreeMap;

use pelton_core::{
    checkpoint::record::{FileRef, ModuleRecord, Record},
    job::{SHADOW_SUFFIX, operator_of},
    model::Epoch,
};

use super::{
    Savepoint, SavepointError,
    file::Members,
    manifest::{FORMAT, LetterEntry, Manifest, ModuleEntry, OperatorEntry, TableEntry},
};
use crate::{
    checkpoint::{Retained, Stretch, is_savepoint_name},
    clock,
    job::{
        look::{As, Known},
        replay::Kept,
        run::{
            engine_as_of,
            replay::{Replay, Watch, run},
        },
    },
    state::snapshot,
};

/// The state of each operator, partition by partition.
type State = Vec<(String, Vec<Vec<u8>>)>;

/// What a savepoint is made of.
struct Content {
    record: Record,
    engine: Vec<u8>,
    state: State,
}

/// Makes a savepoint of a job. It is in memory, and nowhere else.
pub fn make(known: &Known<'_>, as_of: As, job: &str, name: &str) -> Result<Savepoint, SavepointError> {
    if !is_savepoint_name(name) {
        return Err(SavepointError::Name { name: name.to_owned() });
    }
    let content = content(known, as_of)?;
    pack(known.retained, content, job, name)
}

fn content(known: &Known<'_>, as_of: As) -> Result<Content, SavepointError> {
    let retained = known.retained;
    let committed = retained.last().ok_or(SavepointError::NotSaved)?;
    let wanted = match as_of {
        As::Saved | As::Last => committed,
        As::Of(epoch) => epoch,
    };
    let saved = retained.snapshot(wanted)?;
    let has_state = |record: &Record| record.snapshot.as_ref().is_some_and(|saved| !saved.operators.is_empty());
    match saved.filter(|saved| saved.epoch == wanted || as_of == As::Saved && has_state(saved)) {
        Some(saved) => saved_content(retained, saved),
        None => recorded_content(known, as_of, wanted),
    }
}

/// As the job saved it.
fn saved_content(retained: &Retained, record: Record) -> Result<Content, SavepointError> {
    let mut state = State::new();
    for operator in record.snapshot.iter().flat_map(|snapshot| &snapshot.operators) {
        let partitions = operator.partitions.iter().map(|file| retained.get(file));
        state.push((operator.operator.clone(), partitions.collect::<Result<_, _>>()?));
    }
    let engine = record.snapshot.as_ref().map(|snapshot| retained.get(&snapshot.engine)).transpose()?;
    Ok(Content { engine: engine.unwrap_or_default(), state, record })
}

/// After an epoch with whose record no state was saved: a job without state needs none, that of others is computed.
fn recorded_content(known: &Known<'_>, as_of: As, epoch: Epoch) -> Result<Content, SavepointError> {
    let kept = Kept::Directory(known.retained);
    let stretch = kept.stretch(epoch)?;
    let Some(record) = stretch.again.last().cloned() else { return Err(SavepointError::NotSaved) };
    let get = |file: &FileRef| kept.get(file);
    if !known.revisions.plan_to_look(record.revision)?.is_keyed {
        let engine = engine_as_of(&get, stretch.base.as_ref(), &stretch.again, None)?;
        return Ok(Content { record, engine, state: State::new() });
    }
    if as_of == As::Saved {
        return Err(SavepointError::NotSaved);
    }
    let Stretch { base, again } = stretch.clone();
    let replayed = run(Replay {
        stretch,
        first: epoch,
        files: &get,
        plans: &mut |number| known.revisions.plan(number),
        candidate: None,
        beginnings: None,
        threads: known.threads,
        is_forgetful: false,
        keeps_state: true,
        watch: Watch::Nothing,
    })?;
    if let Some(differing) = replayed.epochs.iter().find(|epoch| !epoch.is_same()) {
        return Err(SavepointError::Differs { epoch: differing.epoch });
    }
    let state = replayed.state.ok_or(SavepointError::NotSaved)?;
    let engine = engine_as_of(&get, base.as_ref(), &again, Some(state.event_times))?;
    Ok(Content { record, engine, state: state.operators })
}

fn pack(retained: &Retained, content: Content, job: &str, name: &str) -> Result<Savepoint, SavepointError> {
    let Content { record, engine, state } = content;
    let mut members = Members::default();
    let number = members.add("record", rmp_serde::to_vec_named(&record).expect("a record was read from MessagePack"));
    let engine = members.add("engine", engine);
    let mut operators = Vec::new();
    for (name, partitions) in of_job_file(state) {
        let shape = partitions.iter().find_map(|bytes| snapshot::described(bytes)).unwrap_or_default();
        let partitions = partitions.into_iter().map(|bytes| members.add("state", bytes)).collect();
        operators.push(OperatorEntry { name, shape, partitions });
    }
    let mut tables = Vec::new();
    for table in &record.tables {
        let member = members.add("table", retained.get(&table.rows)?);
        tables.push(TableEntry { name: table.name.clone(), version: table.version, member });
    }
    let mut letters = Vec::new();
    for part in &record.letters.queue {
        letters.push(LetterEntry { letters: part.letters, member: members.add("letters", retained.get(&part.file)?) });
    }
    members.check()?;
    let module =
        |module: &ModuleRecord| ModuleEntry { operator: module.operator.clone(), digests: module.digests.clone() };
    let manifest = Manifest {
        format: FORMAT,
        pelton: env!("CARGO_PKG_VERSION").to_owned(),
        name: name.to_owned(),
        job: job.to_owned(),
        epoch: record.epoch.0,
        revision: record.revision,
        made: clock::now_us(),
        now: record.now,
        record: number,
        engine,
        operators,
        tables,
        letters,
        modules: record.modules.iter().map(module).collect(),
        members: members.entries,
    };
    Ok(Savepoint::new(manifest, record, members.contents))
}

/// By the names that the job file has: of each partition what the operator or its canary had of it.
fn of_job_file(state: State) -> State {
    let mut merged: Vec<String> = Vec::new();
    let mut by_name: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for (name, partitions) in state.into_iter().filter(|(name, _)| !name.ends_with(SHADOW_SUFFIX)) {
        let main = operator_of(&name).to_owned();
        let Some(own) = by_name.get_mut(&main) else {
            merged.push(main.clone());
            by_name.insert(main, partitions);
            continue;
        };
        for (own, other) in own.iter_mut().zip(partitions) {
            if own.is_empty() {
                *own = other;
            }
        }
    }
    merged.into_iter().filter_map(|name| by_name.remove_entry(&name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_a_part_of_its_operator_and_a_shadow_is_left_out() {
        let of = |parts: &[&str]| parts.iter().map(|part| part.as_bytes().to_vec()).collect::<Vec<_>>();
        let state = vec![
            ("b".to_owned(), of(&["", "b1", ""])),
            ("b~canary".to_owned(), of(&["c0", "", "c2"])),
            ("b~shadow".to_owned(), of(&["s0", "s1", "s2"])),
            ("a".to_owned(), of(&["a0"])),
        ];
        assert_eq!(of_job_file(state), [("b".to_owned(), of(&["c0", "b1", "c2"])), ("a".to_owned(), of(&["a0"]))]);
    }
}
