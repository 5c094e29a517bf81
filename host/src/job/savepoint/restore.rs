//! Puts a savepoint into a checkpoint: takes it over, fills it, and commits the epoch that the savepoint is of.
//!
//! ```text
//!  claim ("restores"), synced ─► files ─► record of the epoch, synced ─► published: the next run goes on after it
//!  └── killed here: whoever comes is told that nothing was restored, and goes no further ──┘
//! ```
//!
//! What the checkpoint had is void with the claim. Sinks begin anew: what was published since the epoch stays where it is, and the record names no
//! sink, so that nothing is published again.

use pelton_core::{
    checkpoint::record::{
        FileRef, LetterFile, Letters, OperatorSnapshot, Position, Record, Snapshot, SourceRecord, TableRecord,
    },
    model::Epoch,
};

use super::{Fit, Savepoint, SavepointError};
use crate::{
    checkpoint::{Store, Take},
    failpoint,
    job::plan::Plan,
};

/// What there is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The next one is the first that is computed.
    pub epoch: Epoch,
    pub place: String,
}

/// Restores what fits. `revision` is the job's, 0 without an engine.
pub fn restore(savepoint: &Savepoint, fit: &Fit, plan: &Plan, revision: u64) -> Result<Restored, SavepointError> {
    let checkpoint = plan.checkpoint.as_ref();
    let checkpoint = checkpoint.ok_or_else(|| SavepointError::NoCheckpoint { job: plan.name.clone() })?;
    let (store, recovered) = Store::open(&checkpoint.location, Take::Restore)?;
    failpoint::reach("restoring");
    let put = |hint: &str, bytes: &[u8]| -> Result<FileRef, SavepointError> { Ok(store.put(hint, bytes)?) };
    let mut operators = Vec::new();
    for (operator, state) in &fit.state {
        let partitions = state.iter().map(|bytes| put("state", bytes)).collect::<Result<_, _>>()?;
        operators.push(OperatorSnapshot { operator: operator.clone(), partitions });
    }
    let engine = put("engine", savepoint.engine())?;
    let mut tables = Vec::new();
    for table in &savepoint.manifest.tables {
        let rows = put("table", savepoint.member(table.member))?;
        tables.push(TableRecord { name: table.name.clone(), version: table.version, rows });
    }
    let mut queue = Vec::new();
    for letters in &savepoint.manifest.letters {
        let file = put("letters", savepoint.member(letters.member))?;
        queue.push(LetterFile { file, letters: letters.letters });
    }
    failpoint::reach("refilled");
    let was = &savepoint.record;
    let record = Record {
        epoch: was.epoch,
        generation: recovered.generation,
        now: was.now,
        job: plan.identity.clone(),
        revision,
        first_task: was.first_task,
        end_task: was.end_task,
        sources: fit.begins.iter().map(|(name, is_new)| source(was, name, *is_new)).collect(),
        turns: Vec::new(),
        is_reduced: was.is_reduced,
        is_last: was.is_last,
        tables,
        modules: was.modules.clone(),
        sinks: Vec::new(),
        snapshot: Some(Snapshot { engine, operators }),
        published_through: Epoch(was.epoch.0.saturating_sub(1)),
        letters: Letters { queue, replayed: None },
        replies: None,
    };
    // What somebody wanted of letters was meant for those of the checkpoint as it was.
    store.letters(None).forget_requests()?;
    store.commit_restored(&record)?;
    failpoint::reach("restored");
    Ok(Restored { epoch: record.epoch, place: checkpoint.location.to_string() })
}

/// Where a source goes on. Its files are in what the engine keeps.
fn source(was: &Record, name: &str, is_new: bool) -> SourceRecord {
    let known = was.sources.iter().find(|source| source.name == name);
    let kept = known.filter(|_| !is_new);
    SourceRecord {
        name: name.to_owned(),
        position: kept.map_or(Position::Start, |source| source.position.clone()),
        listed: Vec::new(),
        idle: kept.and_then(|source| source.idle),
        watermark: known.and_then(|source| source.watermark),
        log_end: None,
    }
}
