//! State as JSON: of commands with `--output json`, and of the engine's routes.

use std::ops::ControlFlow;

use arrow::{
    array::RecordBatch,
    datatypes::FieldRef,
    json::{WriterBuilder, writer::JsonArray},
};
use pelton_core::types;
use serde_json::{Value, json};

use super::{
    LookError, Seen, Wanted,
    held::{key, kind, looked},
};
use crate::state::looked::Looked;

/// Rows of each table in one answer.
pub const ROWS_DEFAULT: usize = 100;
pub const ROWS_MAX: usize = 10_000;

/// The operators that keep state, with their keys and tables.
pub fn list(seen: &Seen<'_>) -> Value {
    let operators = seen.operators().map(|planned| {
        let (name, logic) = (planned.logic.name(), &planned.logic);
        let tables = looked(logic).into_iter().map(|table| json!({ "name": table.name, "columns": columns(&table) }));
        json!({
            "operator": name,
            "kind": kind(logic),
            "key": key(logic).iter().map(|field| field.name()).collect::<Vec<_>>(),
            "partitions": logic.partitions(),
            "bytes": seen.bytes(name),
            "tables": tables.collect::<Vec<_>>(),
        })
    });
    let operators: Vec<Value> = operators.collect();
    with_epochs(seen, json!({ "operators": operators }))
}

/// The rows of those keys that are wanted, `most` of each table at most. Of a key that is given whole all tables are shown.
pub fn rows(seen: &Seen<'_>, wanted: &Wanted, most: usize) -> Result<Value, LookError> {
    let (planned, filter) = seen.filter(wanted)?;
    let tables = match &wanted.table {
        None if filter.is_whole() => Seen::all_tables(planned),
        table => vec![Seen::table(planned, table.as_deref())?],
    };
    let mut found: Vec<(Vec<Value>, bool)> = tables.iter().map(|_| (Vec::new(), false)).collect();
    seen.each(planned, &filter, &mut |held| {
        let mut is_full = true;
        for ((table, looked), (shown, has_more)) in tables.iter().zip(&mut found) {
            let _ = seen.rows(held, (*table, looked), &filter, &mut |rows| {
                let room = most.saturating_sub(shown.len());
                *has_more |= rows.num_rows() > room;
                shown.extend(json_rows(&rows.slice(0, rows.num_rows().min(room)))?);
                Ok(if *has_more { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
            is_full &= *has_more;
        }
        Ok(if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    let tables = tables.iter().zip(found).map(|((_, table), (rows, more))| {
        json!({ "name": table.name, "columns": columns(table), "rows": rows, "more": more })
    });
    let tables: Vec<Value> = tables.collect();
    Ok(with_epochs(seen, json!({ "operator": wanted.operator, "tables": tables })))
}

fn with_epochs(seen: &Seen<'_>, of: Value) -> Value {
    let mut shown = json!({
        "job": seen.plan.name,
        "epoch": seen.epoch,
        "committed": seen.committed,
        "revision": seen.revision,
    });
    if let (Some(shown), Value::Object(of)) = (shown.as_object_mut(), of) {
        shown.extend(of);
    }
    shown
}

fn columns(table: &Looked) -> Vec<Value> {
    let fields = table.schema.fields().iter().enumerate();
    let one = |(at, field): (usize, &FieldRef)| json!({ "name": field.name(), "type": types::name(field.data_type()), "key": at < table.key_columns });
    fields.map(one).collect()
}

fn json_rows(rows: &RecordBatch) -> Result<Vec<Value>, LookError> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    writer.write(rows)?;
    writer.finish()?;
    let bytes = writer.into_inner();
    // An empty batch is no array at all.
    Ok(if bytes.is_empty() { Vec::new() } else { serde_json::from_slice(&bytes).unwrap_or_default() })
}
