//! A digest of rows: the same for the same rows in the same order, however they are cut into batches.
//!
//! Only compared within one process, to find which operator gives something else the second time.

use arrow::{
    array::RecordBatch,
    row::{RowConverter, SortField},
};
use pelton_core::hash;

/// Of the rows of one output, in order.
#[derive(Default)]
pub(super) struct Digest {
    converter: Option<RowConverter>,
    rows: u64,
    hash: u64,
}

impl Digest {
    pub(super) fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        if self.converter.is_none() {
            let fields = batch.schema_ref().fields().iter().map(|field| SortField::new(field.data_type().clone()));
            self.converter = RowConverter::new(fields.collect()).ok();
        }
        // A type that cannot be compared counts by the number of its rows alone.
        let rows = self.converter.as_ref().and_then(|converter| converter.convert_columns(batch.columns()).ok());
        for row in rows.iter().flatten() {
            self.hash = hash::combine(self.hash, hash::hash_bytes(row.as_ref()));
        }
    }

    /// What was added, and begins anew.
    pub(super) fn take(&mut self) -> u64 {
        let digest = hash::combine(self.rows, self.hash);
        (self.rows, self.hash) = (0, 0);
        digest
    }
}
