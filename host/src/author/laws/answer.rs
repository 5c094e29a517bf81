//! Answers as lines that can be compared and shown: one for each row that came out, and one for each that was rejected.

use arrow::{
    array::{Array, ArrayRef, RecordBatch},
    util::display::{ArrayFormatter, FormatOptions},
};
use pelton_core::contract::Port;
use pelton_wasm::Answer;

/// The rows of an answer, each with the number of the row that it came of; the first of the call has the number `from`.
pub(super) fn rows(answer: &Answer, ports: &[Port], from: usize) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    for emitted in &answer.emitted {
        let port = ports.get(emitted.port);
        let name = port.map_or("?", |port| port.name.as_str());
        for row in 0..emitted.rows {
            let origin = emitted.origin.as_ref().and_then(|origin| origin.get(row)).map_or(row, |at| *at as usize);
            let cells = emitted.computed.iter().enumerate().map(|(at, column)| {
                let field = port.and_then(|port| port.computed.fields().get(at));
                format!("{}: {}", field.map_or("?", |field| field.name()), cell(column, row))
            });
            let cells: Vec<String> = cells.collect();
            lines.push((from + origin, format!("row {} → {name} {{ {} }}", from + origin, cells.join(", "))));
        }
    }
    for rejection in &answer.rejected {
        let row = from + rejection.row as usize;
        lines.push((row, format!("row {row} rejected: {}", rejection.reason)));
    }
    lines
}

/// In the order of the input. Ports have no order among each other, rows within a port have.
pub(super) fn in_order(mut lines: Vec<(usize, String)>) -> Vec<String> {
    lines.sort_by_key(|(row, _)| *row);
    lines.into_iter().map(|(_, line)| line).collect()
}

/// Every row of a table, for people.
pub fn lines(table: &RecordBatch) -> Vec<String> {
    (0..table.num_rows())
        .map(|row| {
            let schema = table.schema();
            let cells: Vec<String> = schema
                .fields()
                .iter()
                .zip(table.columns())
                .map(|(field, column)| format!("{}: {}", field.name(), cell(column, row)))
                .collect();
            format!("row {row} {{ {} }}", cells.join(", "))
        })
        .collect()
}

/// Bits that differ make cells that differ, but for the bits of a NaN. Texts are quoted, so that no text looks like a null.
pub(super) fn cell(column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) {
        return "null".to_owned();
    }
    let options = FormatOptions::default();
    let shown = ArrayFormatter::try_new(column, &options).map(|formatter| formatter.value(row).to_string());
    let shown = shown.unwrap_or_else(|error| error.to_string());
    if matches!(column.data_type(), arrow::datatypes::DataType::Utf8) { format!("{shown:?}") } else { shown }
}
