//! State of an older version of a module, made into this version's by the module itself.
//!
//! Called with rows of one state table, of any keys, before the module is called with any of these keys. Nothing of an answer is
//! used before its rows, types and sizes were checked. A call belongs to no batch: it has no time, and the same seed always.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef},
    datatypes::{Field, FieldRef, Schema},
};
use pelton_core::{
    contract::StateTable,
    limits::{LimitName, Limits, show_bytes},
};

use crate::{
    bindings::pelton::operator::types as wit,
    error::{CallError, GuestBacktrace, Law},
    lift, state_row,
};

/// Rows of a state table as an older version kept them.
#[derive(Debug, Clone, Copy)]
pub struct OlderRows<'a> {
    /// As that version declared it.
    pub table: &'a StateTable,
    pub version: u32,
    pub rows: usize,
    /// The key columns, row for row.
    pub keys: &'a [ArrayRef],
    /// The columns of `table.row`.
    pub columns: &'a [ArrayRef],
}

/// The same rows, as this version keeps them.
#[derive(Debug)]
pub struct MigratedRows {
    /// The columns of the new table's `row`.
    pub columns: Vec<ArrayRef>,
    /// For each row whether it is there; the others are null in every column.
    pub is_kept: Vec<bool>,
}

pub(crate) const CALL: &str = "migrate";

/// What came back for `rows` rows of what is `table` now.
pub(crate) fn checked(
    answer: wit::TableResult,
    rows: usize,
    table: &StateTable,
    limits: &Limits,
) -> Result<MigratedRows, CallError> {
    let invalid = |law| CallError::Invalid { call: CALL, law };
    if answer.rows as usize != rows {
        return Err(invalid(Law::MigratedRows { table: table.name.clone(), want: rows, got: answer.rows }));
    }
    // A row that goes is null where columns else are not.
    let nullable = |field: &FieldRef| Arc::new(Field::clone(field).with_nullable(true));
    let nullable = Schema::new(table.row.fields().iter().map(nullable).collect::<Vec<FieldRef>>());
    let columns = lift::columns(&nullable, rows, answer.nodes, || format!("state table `{}`", table.name))
        .map_err(|law| match law {
            Law::Column { column, fault } => Law::Column { column: format!("{}.{column}", table.name), fault },
            law => law,
        })
        .map_err(invalid)?;
    let is_kept = are_kept(rows, &columns);
    for (field, column) in table.row.fields().iter().zip(&columns).filter(|(field, _)| !field.is_nullable()) {
        if let Some(row) = is_kept.iter().enumerate().position(|(row, is_kept)| *is_kept && column.is_null(row)) {
            let column = format!("{}.{}", table.name, field.name());
            let fault = format!("it is not nullable, but row {row} is null in it and not in every column");
            return Err(invalid(Law::Column { column, fault }));
        }
    }
    if let Some(bytes) = state_row::larger_than(limits.state_row_bytes, rows, &columns) {
        let (max, table) = (show_bytes(limits.state_row_bytes), &table.name);
        return Err(CallError::Limit {
            call: CALL,
            name: LimitName::StateRowBytes,
            limit: format!("{max} with {bytes} bytes for state table `{table}`"),
            backtrace: GuestBacktrace::default(),
        });
    }
    Ok(MigratedRows { columns, is_kept })
}

/// For each row, whether some column has a value.
fn are_kept(rows: usize, columns: &[ArrayRef]) -> Vec<bool> {
    if columns.iter().any(|column| column.null_count() == 0) {
        return vec![true; rows];
    }
    (0..rows).map(|row| columns.iter().any(|column| column.is_valid(row))).collect()
}

#[cfg(test)]
mod tests {
    use pelton_core::{contract::ContractState, types::FlatField};

    use super::*;

    fn map() -> StateTable {
        let flat = |name: &str, nullable| FlatField { name: name.into(), format: "l".into(), nullable, children: 0 };
        let subkey = vec![flat("at", false)];
        let values = vec![flat("strict", false), flat("loose", true)];
        ContractState { name: "path".into(), subkey, values }.keyed_table().unwrap()
    }

    /// Three columns of two rows, of which these are null.
    fn answer(nulls: [u8; 3]) -> Result<MigratedRows, CallError> {
        let node = |nulls: u8| wit::NodeResult { rows: 2, buffers: vec![vec![!nulls], vec![0; 16]] };
        let answer = wit::TableResult { rows: 2, nodes: nulls.map(node).to_vec() };
        checked(answer, 2, &map(), &Limits::default())
    }

    #[test]
    fn a_row_is_null_in_every_column_or_in_none_that_cannot_be() {
        assert_eq!(answer([0b00, 0b00, 0b11]).unwrap().is_kept, [true, true]);
        assert_eq!(answer([0b10, 0b10, 0b10]).unwrap().is_kept, [true, false]);
        let error = answer([0b10, 0b10, 0b00]).unwrap_err().to_string();
        let expected = "column `path.at`: it is not nullable, but row 1 is null in it and not in every column";
        assert_eq!(error, format!("answered `migrate` against the contract: {expected}"));
        let error = answer([0b00, 0b01, 0b11]).unwrap_err().to_string();
        assert!(error.contains("`path.strict`: it is not nullable, but row 0"), "{error}");
    }
}
