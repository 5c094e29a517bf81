//! What a partition of a sort keeps as a table, for people.
//!
//! Called by whoever looks at saved state, never by a run.

use std::sync::Arc;

use arrow::{
    array::{Array, RecordBatch},
    compute::interleave,
    datatypes::{DataType, Field},
    error::ArrowError,
};

use super::Partition;
use crate::{
    operator::{
        record_batch,
        sort::{Phase, SortPlan},
    },
    state::looked::Looked,
};

impl SortPlan {
    /// Its table as people see it: the columns that the job needs, and the number of each row among all.
    pub fn looked(&self) -> Vec<Looked> {
        match self.phase {
            Phase::Hold { .. } => {
                let number = Arc::new(Field::new("_row", DataType::UInt64, false));
                vec![Looked::new("rows", &[], self.schema.fields().iter().cloned().chain([number]))]
            }
            Phase::Merge { .. } => Vec::new(),
        }
    }
}

impl Partition {
    /// Rows that it keeps.
    pub fn rows(&self) -> usize {
        self.held.iter().map(RecordBatch::num_rows).sum()
    }

    /// Some of its rows, by their places. `looked` is the table.
    pub fn look(&self, looked: &Looked, rows: &[u32]) -> Result<RecordBatch, ArrowError> {
        if rows.is_empty() {
            return Ok(RecordBatch::new_empty(Arc::clone(&looked.schema)));
        }
        let held = self.held.iter().enumerate();
        let all: Vec<(usize, usize)> =
            held.flat_map(|(at, batch)| (0..batch.num_rows()).map(move |row| (at, row))).collect();
        let places: Vec<(usize, usize)> = rows.iter().filter_map(|row| all.get(*row as usize).copied()).collect();
        let columns = (0..looked.schema.fields().len()).map(|column| {
            let arrays = self.held.iter().filter_map(|batch| batch.columns().get(column));
            let arrays: Vec<&dyn Array> = arrays.map(|array| array.as_ref()).collect();
            interleave(&arrays, &places)
        });
        Ok(record_batch(&looked.schema, columns.collect::<Result<_, _>>()?, places.len()))
    }
}
