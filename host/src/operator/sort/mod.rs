//! Sorting: all rows of an input that ends, in one order, in partitions that are ranges of it.
//!
//! ```text
//! batch ─► hold: a part for each partition ─ the input ends ─► sorted runs ═ exchange ═► merge: ranges from a sample, each out of every run
//! ```
//!
//! Two operators of the plan for one of the job file, the second of which reduces a stage later. Ranges are known when all rows are, so they
//! are even whatever the input begins with, and no record has to remember them. Invariant: what leaves is a function of the rows in
//! canonical order alone; rows that are equal in all columns of `sort` keep that order.

mod hold;
mod merge;

use std::{sync::Arc, time::Instant};

use arrow::{
    array::{Array, RecordBatch},
    compute::{SortOptions, interleave},
    datatypes::{DataType, SchemaRef},
    row::{RowConverter, Rows, SortField},
};
use pelton_wasm::CallError;

pub use self::hold::Partition;
use super::{
    Closing, KeptColumn, PortPlan, Reduced, assemble, record_batch,
    shuffle::{Mapped, Piece},
};

/// What all threads share of one half of a sort.
#[derive(Debug)]
pub struct SortPlan {
    pub name: String,
    pub phase: Phase,
    /// The columns that rows are ordered by, the most significant first.
    pub by: Vec<SortedBy>,
    /// Of the batches that arrive.
    pub schema: SchemaRef,
    pub partitions: u16,
    /// Columns that pass; computed is the number of a row among all rows of the input. None: nobody reads it.
    pub output: Option<PortPlan>,
    /// What it may hold, over all partitions.
    pub state_bytes: u64,
    /// Rows in one batch of the output, at most.
    pub rows_max: usize,
}

/// Which half it is.
#[derive(Debug, Clone)]
pub enum Phase {
    /// Keeps all rows until the input ends. `held`: the columns that arrive, and the number of each row.
    Hold { held: SchemaRef },
    /// Puts sorted runs together. `number_at`: the column with the number of each row.
    Merge { number_at: usize },
}

/// A column that rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortedBy {
    /// Its position in the batches that arrive.
    pub at: usize,
    pub descending: bool,
}

/// Rows in order, with that by which they are ordered as bytes that compare as they do.
#[derive(Debug)]
pub struct Run {
    rows: RecordBatch,
    keys: Rows,
}

/// One half of a sort on one compute thread.
#[derive(Debug)]
pub struct Sorter {
    plan: Arc<SortPlan>,
    converter: RowConverter,
}

/// Whether rows can be ordered by columns of this type.
pub fn can_order(data_type: &DataType) -> bool {
    RowConverter::supports_fields(&[SortField::new(data_type.clone())])
}

impl Sorter {
    /// The columns of `by` are of types that [`can_order`] takes.
    pub fn new(plan: Arc<SortPlan>) -> Self {
        let field = |by: &SortedBy| {
            let data_type = plan.schema.fields().get(by.at).map(|field| field.data_type().clone());
            // Nulls come before all else, and behind all else when the order is turned round.
            let options = SortOptions { descending: by.descending, nulls_first: !by.descending };
            SortField::new_with_options(data_type.expect("the plan found the column"), options)
        };
        let fields = plan.by.iter().map(field).collect();
        let converter = RowConverter::new(fields).expect("the plan checked the types");
        Self { plan, converter }
    }

    /// The map side.
    pub fn map(&self, batch: &RecordBatch) -> Result<Mapped, CallError> {
        let started = Instant::now();
        let mut mapped = Mapped::default();
        mapped.stats.rows_in = batch.num_rows() as u64;
        mapped.pieces.push(match self.plan.phase {
            Phase::Hold { .. } => Piece::Batch(batch.clone()),
            Phase::Merge { .. } => Piece::Run(Arc::new(Run { keys: self.keys(batch)?, rows: batch.clone() })),
        });
        mapped.stats.assemble_time = started.elapsed();
        Ok(mapped)
    }

    /// The epoch of one partition.
    pub fn reduce(&self, partition: &mut Partition, pieces: &[Piece], closing: Closing) -> Result<Reduced, CallError> {
        let started = Instant::now();
        let mut reduced = Reduced::default();
        match &self.plan.phase {
            Phase::Hold { held } => {
                partition.keep(&self.plan, held, pieces)?;
                if closing.watermark == i64::MAX {
                    self.leave(partition, &mut reduced)?;
                }
                partition.settle()?;
            }
            Phase::Merge { number_at } => self.merge(partition.number(), *number_at, pieces, &mut reduced)?,
        }
        reduced.stats.assemble_time = started.elapsed();
        Ok(reduced)
    }

    /// By what each row is ordered.
    fn keys(&self, batch: &RecordBatch) -> Result<Rows, CallError> {
        let columns = self.plan.by.iter().filter_map(|by| batch.columns().get(by.at)).map(Arc::clone);
        self.converter.convert_columns(&columns.collect::<Vec<_>>()).map_err(assemble::too_large)
    }

    /// Gathers rows, given by batch and row, into batches of the output. Computed is the last column of `batches`.
    fn emit(
        &self,
        batches: &[&RecordBatch],
        places: &[(usize, usize)],
        reduced: &mut Reduced,
    ) -> Result<(), CallError> {
        reduced.stats.rows_out += places.len() as u64;
        let Some(port) = &self.plan.output else { return Ok(()) };
        for places in places.chunks(self.plan.rows_max.max(1)) {
            let columns = port.columns.iter().map(|column| {
                let arrays = batches.iter().filter_map(|batch| match column {
                    KeptColumn::Passed(at) => batch.columns().get(*at),
                    KeptColumn::Computed(_) => batch.columns().last(),
                });
                let arrays: Vec<&dyn Array> = arrays.map(|array| array.as_ref()).collect();
                interleave(&arrays, places)
            });
            let columns = columns.collect::<Result<_, _>>().map_err(assemble::too_large)?;
            reduced.emitted.push((0, record_batch(&port.schema, columns, places.len())));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
