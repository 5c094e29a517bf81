//! The state of a partition as tables, for people: the rows of each side that may still find a partner.
//!
//! Called by whoever looks at saved state, never by a run.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, BooleanArray, RecordBatch},
    datatypes::{DataType, Field, FieldRef},
    error::ArrowError,
};

use super::{super::JoinPlan, Partition};
use crate::{
    operator::record_batch,
    state::looked::{Looked, time_field},
};

impl JoinPlan {
    /// Its tables as people see them: `left`, then `right`. Of their rows the columns are there that the job needs.
    pub fn looked(&self) -> Vec<Looked> {
        let side = |side: usize, name: &str| {
            let (key, rest) = self.columns(side);
            let field = |at: &usize| self.schemas.get(side).and_then(|schema| schema.fields().get(*at)).cloned();
            let key: Vec<FieldRef> = key.iter().filter_map(field).collect();
            let own: [FieldRef; 2] =
                [time_field("_time", false), Arc::new(Field::new("_has_met", DataType::Boolean, false))];
            Looked::new(name, &key, rest.iter().filter_map(field).chain(own))
        };
        vec![side(0, "left"), side(1, "right")]
    }

    /// Where the key columns of a side are, and where the others.
    fn columns(&self, side: usize) -> (&[usize], Vec<usize>) {
        let key = self.shuffles.get(side).map(|shuffle| shuffle.key_at.as_slice()).unwrap_or_default();
        let count = self.schemas.get(side).map_or(0, |schema| schema.fields().len());
        (key, (0..count).filter(|at| !key.contains(at)).collect())
    }
}

impl Partition {
    /// The numbers of a side's rows: 0 is left, 1 right.
    pub fn numbers(&self, side: usize) -> Vec<u32> {
        self.rows.sides.get(side).map(|side| side.numbers()).unwrap_or_default()
    }

    /// The key columns of these rows of a side.
    pub fn key_columns(&self, plan: &JoinPlan, side: usize, numbers: &[u32]) -> Result<Vec<ArrayRef>, ArrowError> {
        let (key, _) = plan.columns(side);
        let Some(rows) = self.rows.sides.get(side) else { return Ok(Vec::new()) };
        key.iter().map(|at| rows.column(*at, numbers)).collect()
    }

    /// These rows of a side. `looked` is the side's table.
    pub fn look(
        &self,
        plan: &JoinPlan,
        side: usize,
        looked: &Looked,
        numbers: &[u32],
    ) -> Result<RecordBatch, ArrowError> {
        let Some(rows) = self.rows.sides.get(side).filter(|_| !numbers.is_empty()) else {
            return Ok(RecordBatch::new_empty(Arc::clone(&looked.schema)));
        };
        let mut columns = self.key_columns(plan, side, numbers)?;
        let (_, rest) = plan.columns(side);
        for at in rest {
            columns.push(rows.column(at, numbers)?);
        }
        let kept = || numbers.iter().filter_map(|number| rows.get(*number));
        let times = kept().map(|kept| kept.time);
        columns.push(Arc::new(arrow::array::TimestampMicrosecondArray::from_iter_values(times)));
        columns.push(Arc::new(kept().map(|kept| Some(kept.has_met)).collect::<BooleanArray>()));
        Ok(record_batch(&looked.schema, columns, numbers.len()))
    }
}
