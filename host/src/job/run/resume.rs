//! Where each source goes on: told to it before any planner is made.
//!
//! Sources of files are told what had been listed, sources whose rows come once are given their logs. Invariant: a log that does not reach as far as
//! the newest record has read is damage, and nothing is computed.

use std::{collections::HashMap, sync::Arc};

use pelton_core::{
    checkpoint::{
        grown::next_partition,
        record::{FileRecord, Position, Record, SourcePlace, SourceRecord},
    },
    job::SourceKind,
    model::Epoch,
};

use super::RunError;
use crate::{
    checkpoint::{CheckpointError, InputLog, Store},
    job::plan::Plan,
};

/// Tells each source where it is, and answers its position.
pub(super) fn resume(
    plan: &mut Plan,
    store: &Store,
    catalogue: &HashMap<String, Vec<FileRecord>>,
    from: Option<&Record>,
    last: Option<&Record>,
) -> Result<Vec<Position>, RunError> {
    let epoch = from.map_or(Epoch::FIRST, |from| from.epoch.next());
    let mut positions = Vec::new();
    for planned in &mut plan.sources {
        let known = catalogue.get(&planned.name).map(Vec::as_slice).unwrap_or_default();
        let record = from.and_then(|from| from.sources.iter().find(|source| source.name == planned.name));
        let mut position = record.map(|record| record.position.clone()).unwrap_or_default();
        let name = &planned.name;
        let failed = |source| RunError::Source { name: name.clone(), epoch, source };
        let source = Arc::get_mut(&mut planned.source).expect("nobody shares a plan that does not run yet");
        source.resume(known, &position).map_err(failed)?;
        let is_over = plan.is_keyed && last.is_some_and(|last| last.is_last);
        if let Some(slot) = source.log_slot().filter(|_| !is_over) {
            let record = |of: Option<&Record>| of.and_then(|of| place(of, name));
            *slot = Some(log(store, name, last, record(last))?);
            if let Some(frame) = record(from).and_then(|place| place.log_end).filter(|_| position == Position::End) {
                // A later run may be given more than the one that came to an end.
                position = Position::Range { partition: 0, sequence: frame, offset: 0, rows_at: None };
            }
        }
        let has_more = planned.source.listed().len() > known.len();
        if is_over && (has_more || planned.source.is_given_more()) {
            return Err(RunError::Ended { name: planned.name.clone() });
        }
        // One that watches now had not been asked to when its input ended.
        let watches = matches!(&planned.kind, SourceKind::File(spec) if spec.watch.is_some());
        if (has_more || (watches && !is_over)) && position == Position::End {
            let partition = next_partition(known);
            position = Position::Range { partition, sequence: 0, offset: 0, rows_at: None };
        }
        positions.push(position);
    }
    Ok(positions)
}

fn place(record: &Record, source: &str) -> Option<SourcePlace> {
    record.sources.iter().find(|known| known.name == source).cloned().map(SourceRecord::place)
}

/// The log of a source that is at `place` in the newest record.
fn log(
    store: &Store,
    source: &str,
    last: Option<&Record>,
    place: Option<SourcePlace>,
) -> Result<InputLog, CheckpointError> {
    let unknown_to = last.filter(|_| place.is_none()).map(|last| last.generation);
    let log = store.input_log(source, unknown_to)?;
    match place.and_then(|place| place.frame()) {
        Some(frame) if frame > log.end() => Err(log.missing(frame)),
        _ => Ok(log),
    }
}
