//! What replays and verifications found, as JSON: of commands with `--output json`, and of the engine's routes.

use serde_json::{Value, json};

use super::{Candidate, Differing, Outcome, Verification};
use crate::{
    error::Code,
    job::run::replay::{ReplayedSink, SinkRows},
};

/// An epoch with the first `most` rows of each sink.
pub fn outcome(outcome: &Outcome, most: usize) -> Value {
    json!({
        "job": outcome.job,
        "epoch": outcome.epoch.epoch,
        "revision": outcome.epoch.revision,
        "same": outcome.is_same(),
        "computed": outcome.computed,
        "differing": outcome.differing,
        "changed": outcome.changed,
        "sinks": outcome.epoch.sinks.iter().map(sink).collect::<Vec<_>>(),
        "rows": outcome.rows.iter().map(|rows| of_sink(rows, most)).collect::<Vec<_>>(),
        "candidate": outcome.candidate.as_ref().map(candidate),
    })
}

fn sink(sink: &ReplayedSink) -> Value {
    json!({
        "name": sink.name,
        "same": sink.is_same(),
        "rows": sink.rows,
        "hash": format!("{:016x}", sink.hash),
        "committed": sink.committed.map(|(rows, hash)| json!({ "rows": rows, "hash": format!("{hash:016x}") })),
    })
}

fn of_sink(rows: &SinkRows, most: usize) -> Value {
    // They were written as JSON a moment ago.
    let parse = |row: String| serde_json::from_str(&row).unwrap_or(Value::String(row));
    let shown: Vec<Value> = rows.first(most).into_iter().map(parse).collect();
    json!({ "sink": rows.sink, "count": rows.count(), "rows": shown })
}

fn candidate(candidate: &Candidate) -> Value {
    json!({
        "operator": candidate.operator,
        "module": candidate.module,
        "same": candidate.comparisons.iter().all(|comparison| comparison.is_same() && comparison.epochs_skipped == 0),
        "sinks": candidate.comparisons,
    })
}

pub fn verification(verification: &Verification) -> Value {
    json!({
        "job": verification.job,
        "replayable": verification.replayable.map(|(first, last)| [first, last]),
        "checked": verification.checked,
        "same": verification.differing.is_empty(),
        "differing": verification.differing.iter().map(differing).collect::<Vec<_>>(),
    })
}

fn differing(differing: &Differing) -> Value {
    json!({
        "code": Code::NotAFunction.to_string(),
        "epoch": differing.epoch,
        "revision": differing.revision,
        "operator": differing.operator,
        "changed": differing.changed,
        "sinks": differing.sinks.iter().map(sink).collect::<Vec<_>>(),
    })
}
