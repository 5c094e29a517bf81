//! Savepoints as JSON: what `--output json` and the engine's routes answer.

use pelton_core::checkpoint::record::{Position, SourceRecord};
use serde_json::{Value, json};

use super::{Became, Fate, Fit, Restored, Savepoint, manifest::OperatorEntry};

/// In a list.
pub fn line(name: &str, savepoint: &Savepoint, file_bytes: u64) -> Value {
    let manifest = &savepoint.manifest;
    json!({
        "name": name,
        "job": manifest.job,
        "epoch": manifest.epoch,
        "revision": manifest.revision,
        "made": manifest.made,
        "operators": manifest.operators.len(),
        "bytes": savepoint.content_bytes(),
        "file_bytes": file_bytes,
    })
}

/// All that is in it.
pub fn whole(name: &str, savepoint: &Savepoint, file_bytes: u64) -> Value {
    let manifest = &savepoint.manifest;
    let operator = |operator: &OperatorEntry| {
        json!({
            "name": operator.name,
            "shape": operator.shape,
            "partitions": operator.partitions.len(),
            "bytes": manifest.bytes(&operator.partitions),
        })
    };
    let source = |source: &SourceRecord| {
        let position = match &source.position {
            Position::Start => json!("start"),
            Position::End => json!("end"),
            Position::Range { partition, sequence, offset, .. } => {
                json!({ "partition": partition, "sequence": sequence, "offset": offset })
            }
        };
        json!({ "name": source.name, "position": position, "watermark": source.watermark })
    };
    let mut shown = line(name, savepoint, file_bytes);
    let more = json!({
        "made_as": manifest.name,
        "pelton": manifest.pelton,
        "now": manifest.now,
        "operators": manifest.operators.iter().map(operator).collect::<Vec<_>>(),
        "sources": savepoint.record.sources.iter().map(source).collect::<Vec<_>>(),
        "tables": manifest.tables.iter().map(|table| json!({ "name": table.name, "version": table.version })).collect::<Vec<_>>(),
        "letters": manifest.letters.iter().map(|part| part.letters).sum::<u64>(),
        "modules": manifest.modules,
    });
    if let (Some(shown), Value::Object(more)) = (shown.as_object_mut(), more) {
        shown.extend(more);
    }
    shown
}

/// What restoring it does, or did.
pub fn fitted(name: &str, savepoint: &Savepoint, fit: &Fit, restored: Option<&Restored>) -> Value {
    let became = |became: &Became| {
        let mut shown = json!({ "name": became.operator });
        let (fate, more) = match &became.fate {
            Fate::Kept { partitions } => ("kept", json!({ "partitions": partitions })),
            Fate::Repartitioned { from, to } => ("repartitioned", json!({ "from": from, "to": to })),
            Fate::Begins => ("begins", json!({})),
            Fate::Dropped => ("dropped", json!({})),
        };
        if let (Some(shown), Value::Object(more)) = (shown.as_object_mut(), more) {
            shown.insert("fate".into(), fate.into());
            shown.extend(more);
        }
        shown
    };
    json!({
        "savepoint": name,
        "job": savepoint.manifest.job,
        "epoch": savepoint.manifest.epoch,
        "operators": fit.became.iter().map(became).collect::<Vec<_>>(),
        "restored": restored.is_some(),
        "checkpoint": restored.map(|restored| restored.place.as_str()),
    })
}
