//! Letters of what is no row: groups that cannot be finished, or merged, or from which a row cannot be taken back.
//!
//! A letter has one row: the key, the window, and what the modules were given. Whoever writes one has dropped what it tells of, or has left
//! it as it was: [`super::emit`] for `finish`, each kind of window for the others.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, StructArray, TimestampMicrosecondArray},
    datatypes::{DataType, Field, FieldRef, Fields},
};
use pelton_core::{
    poison::PoisonKind,
    window::{Panes, Window},
};

use super::{
    AggregatePlan, Reduced, WINDOW_END, WINDOW_START, calls::Columns, carried::Unfolded, emit::UNBOUNDED,
    lost::Unmerged, reduce::Tools,
};
use crate::{
    operator::{
        poison::{PoisonRow, taken_out},
        record_batch,
    },
    state::{
        keys::KeyStore,
        looked::{Looked, time_field},
    },
};

/// The two parts of a group that cannot be merged, and the row of one that cannot be folded or taken back. No column of a module or
/// an input is called so.
const LEFT: &str = "_left";
const RIGHT: &str = "_right";
const ROW: &str = "_row";

impl Tools {
    /// Notes a group that is dropped, since its parts cannot be merged.
    pub fn lose_parts(&self, unmerged: Unmerged, (keys, key): (&KeyStore, u32), window: Window, out: &mut Reduced) {
        let Unmerged { left, right, number, fault } = unmerged;
        let fields = self.plan.accumulator_fields();
        let parts = [(LEFT, left), (RIGHT, right)];
        let parts = parts.map(|(name, columns)| nested(name, &fields, columns.into_iter().flatten().collect()));
        let row = about(&self.plan, self.codec.decode(keys, &[key]), window, parts.into());
        taken_out(self.plan.on_trap.fate(), [&fault], &mut out.stats);
        out.poison.push(PoisonRow { kind: PoisonKind::Merge, row, number, fault });
    }

    /// Notes a group that is dropped, since a row cannot be added to it, or taken back from it.
    pub fn lose_row(&self, unfolded: Unfolded, keys: &KeyStore, window: Window, out: &mut Reduced) {
        let Unfolded { key, accumulators, row, number, fault } = unfolded;
        let fields = self.plan.accumulator_fields();
        let mut known: Vec<(FieldRef, ArrayRef)> = fields.into_iter().zip(accumulators.into_iter().flatten()).collect();
        let columns = row.schema().fields().iter().cloned().collect::<Vec<_>>();
        known.push(nested(ROW, &columns, row.columns().to_vec()));
        let row = about(&self.plan, self.codec.decode(keys, &[key]), window, known);
        taken_out(self.plan.on_trap.fate(), [&fault], &mut out.stats);
        out.poison.push(PoisonRow { kind: PoisonKind::Change, row, number, fault });
    }

    /// The window of a pane, or the pane where windows have several.
    pub fn bounds_of_pane(&self, start: i64) -> Window {
        self.panes.as_ref().map_or(UNBOUNDED, |panes: &Panes| Window { start, end: panes.pane_end(start) })
    }
}

impl AggregatePlan {
    /// What is known of a group besides its key: its window, its accumulators. `keys` has one row, as `accumulators` have.
    pub fn about_group(&self, keys: Columns, window: Window, accumulators: Columns) -> RecordBatch {
        about(self, keys, window, self.accumulator_fields().into_iter().zip(accumulators).collect())
    }
}

fn about(plan: &AggregatePlan, keys: Columns, window: Window, known: Vec<(FieldRef, ArrayRef)>) -> RecordBatch {
    let (mut fields, mut columns) = (Vec::new(), keys);
    if plan.has_bounds() {
        fields.extend([time_field(WINDOW_START, false), time_field(WINDOW_END, false)]);
        let bound = |bound: i64| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(vec![bound])) };
        columns.extend([bound(window.start), bound(window.end)]);
    }
    for (field, column) in known {
        // As it is told of, nothing has to be there.
        fields.push(Arc::new(field.as_ref().clone().with_data_type(column.data_type().clone()).with_nullable(true)));
        columns.push(column);
    }
    record_batch(&Looked::new("accumulators", &plan.key_fields, fields).schema, columns, 1)
}

/// Columns of one row as one column.
fn nested(name: &str, fields: &[FieldRef], columns: Columns) -> (FieldRef, ArrayRef) {
    let fields = fields.iter().zip(&columns);
    let fields: Fields = fields
        .map(|(field, column)| field.as_ref().clone().with_data_type(column.data_type().clone()).with_nullable(true))
        .collect();
    let array = if columns.is_empty() {
        StructArray::new_empty_fields(1, None)
    } else {
        StructArray::new(fields.clone(), columns, None)
    };
    (Arc::new(Field::new(name, DataType::Struct(fields), true)), Arc::new(array))
}
