//! Letters of groups that a cogroup fails on: the key, the window, and the rows of both sides.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, ListArray, RecordBatch, StructArray, UInt64Array},
    buffer::OffsetBuffer,
    datatypes::{DataType, Field, FieldRef},
    error::ArrowError,
};
use pelton_core::poison::PoisonKind;

use super::{bounds_of, keys_of};
use crate::{
    operator::{
        Reduced,
        aggregate::{WINDOW_END, WINDOW_START, has_bounds},
        join::{
            Group, JoinForm, JoinPlan,
            side::{Rows, whole},
        },
        poison::{Isolated, PoisonRow},
        record_batch,
    },
    state::looked::{Looked, time_field},
};

/// Rows of a side that a letter has, at most: the first ones. It says how many there are.
const ROWS_MAX: usize = 1_000;

/// A letter of each of the groups that were isolated; `groups` are those of the call.
pub(super) fn write<T>(
    plan: &JoinPlan,
    (groups, rows): (&[Group], &Rows),
    isolated: &mut Isolated<T>,
    out: &mut Reduced,
) -> Result<(), ArrowError> {
    for (at, fault) in std::mem::take(&mut isolated.poison) {
        let Some(group) = groups.get(at) else { continue };
        let row = about(plan, group, rows)?;
        out.poison.push(PoisonRow { kind: PoisonKind::Cogroup, row, number: at as u64, fault });
    }
    Ok(())
}

fn about(plan: &JoinPlan, group: &Group, rows: &Rows) -> Result<RecordBatch, ArrowError> {
    let one = std::slice::from_ref(group);
    let (mut fields, mut columns) = (Vec::new(), keys_of(plan, one, rows)?);
    if let JoinForm::Windows(spec) = &plan.form
        && has_bounds(&spec.kind)
    {
        fields.extend([time_field(WINDOW_START, false), time_field(WINDOW_END, false)]);
        columns.extend(bounds_of(one));
    }
    for (side, name) in ["left", "right"].into_iter().enumerate() {
        let (numbers, kept) = (group.sides.get(side), rows.sides.get(side));
        let (Some(numbers), Some(kept)) = (numbers, kept) else { continue };
        let count = Arc::new(Field::new(format!("_{name}_rows"), DataType::UInt64, false));
        fields.push(count);
        columns.push(Arc::new(UInt64Array::from(vec![numbers.len() as u64])));
        // A side without rows may have no batch to say what they are like.
        if let Some(first) = numbers.get(..numbers.len().min(ROWS_MAX)).filter(|first| !first.is_empty()) {
            let (field, list) = listed(&format!("_{name}"), whole(kept, first)?);
            fields.push(field);
            columns.push(list);
        }
    }
    // A row with a null in its key is a group of its own.
    let nullable = |field: &FieldRef| -> FieldRef { Arc::new(field.as_ref().clone().with_nullable(true)) };
    let [left, _] = &plan.shuffles;
    let key_fields: Vec<FieldRef> = left.key_fields.iter().map(nullable).collect();
    Ok(record_batch(&Looked::new("rows", &key_fields, fields).schema, columns, 1))
}

/// Rows as one value.
fn listed(name: &str, rows: RecordBatch) -> (FieldRef, ArrayRef) {
    let count = rows.num_rows();
    let values = StructArray::from(rows);
    let item: FieldRef = Arc::new(Field::new_list_field(values.data_type().clone(), false));
    let list = ListArray::new(Arc::clone(&item), OffsetBuffer::from_lengths([count]), Arc::new(values), None);
    (Arc::new(Field::new(name, DataType::List(item), false)), Arc::new(list))
}
