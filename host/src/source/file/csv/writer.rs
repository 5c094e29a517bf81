//! The batch that a CSV decoder fills: its columns, its metadata and its bad rows.
//!
//! Called by [`super::decoder`]. Invariant: between two calls all columns have the same number of rows, [`RowWriter::len`].

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array},
    datatypes::SchemaRef,
};
use pelton_core::job::CsvDialect;

use super::{column::Column, reason, row::Fields, run::Run};
use crate::source::{BadRow, Decoded, SourceError, metadata::file_column};

/// A column of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Index into the columns that are read.
    Read(usize),
    File,
    Offset,
}

/// A column that is read.
pub struct Read {
    pub name: String,
    /// As people write it.
    pub type_name: String,
    /// Position in the file's rows.
    pub field: usize,
    pub column: Box<dyn Column>,
}

/// Takes rows into the batch at hand.
pub struct RowWriter {
    pub dialect: CsvDialect,
    pub max_row_bytes: usize,
    pub batch_rows: usize,
    /// Fields in a row.
    pub fields: usize,
    /// Of the outputs.
    pub schema: SchemaRef,
    pub outputs: Vec<Output>,
    pub reads: Vec<Read>,
    /// Rows in the batch at hand.
    pub len: usize,
    /// Where each of them begins, when `_offset` is asked for.
    pub offsets: Vec<u64>,
    pub rejected: Vec<BadRow>,
    /// The row read exactly.
    pub row: Fields,
}

impl RowWriter {
    /// Whether some rows are odd though they have the right number of fields.
    pub fn looks_at_each_row(&self) -> bool {
        self.fields == 1 || self.dialect.comment.is_some() || self.max_row_bytes < super::decoder::WINDOW
    }

    /// Whether a row with the right number of fields must be read exactly.
    pub fn is_odd(&self, text: &[u8]) -> bool {
        let first = text.first().copied();
        first.is_none() || text == b"\r" || first == self.dialect.comment || text.len() > self.max_row_bytes
    }

    /// Takes all rows of a run, or none: then it answers which are bad.
    pub fn push_run(&mut self, run: &Run<'_>, chunk_offset: u64) -> Vec<usize> {
        let mut bad = Vec::new();
        for read in &mut self.reads {
            read.column.push_run(run, read.field, &mut bad);
        }
        if bad.is_empty() {
            self.len += run.rows;
            if self.outputs.contains(&Output::Offset) {
                let base = chunk_offset + run.base as u64;
                self.offsets.extend(run.starts().map(|start| base + start as u64));
            }
        } else {
            bad.sort_unstable();
            bad.dedup();
            self.undo();
        }
        bad
    }

    /// Takes the row that was read exactly from `bytes`, or says why it is bad.
    pub fn push_row(&mut self, bytes: &[u8], offset: u64, closed: bool) -> Result<(), String> {
        if !closed {
            return Err(reason::unclosed(self.dialect.quote));
        }
        if self.row.len() != self.fields {
            return Err(reason::wrong_number(self.row.len(), self.fields));
        }
        let fault = self.reads.iter_mut().find_map(|read| {
            let field = self.row.get(bytes, read.field)?;
            let fault = read.column.push(field).err()?;
            Some(reason::bad_value(read, fault, field.text))
        });
        if let Some(reason) = fault {
            self.undo();
            return Err(reason);
        }
        self.len += 1;
        if self.outputs.contains(&Output::Offset) {
            self.offsets.push(offset);
        }
        Ok(())
    }

    /// Takes half-written rows out again.
    fn undo(&mut self) {
        for read in &mut self.reads {
            read.column.truncate(self.len);
        }
    }

    /// Everything taken so far; the next batch begins.
    pub fn finish(&mut self, file: &Arc<str>) -> Result<Decoded, SourceError> {
        let rows = std::mem::take(&mut self.len);
        let arrays: Vec<ArrayRef> = self.reads.iter_mut().map(|read| read.column.finish()).collect();
        let offsets = std::mem::take(&mut self.offsets);
        let columns = self
            .outputs
            .iter()
            .filter_map(|output| match output {
                Output::Read(index) => arrays.get(*index).map(Arc::clone),
                Output::File => Some(file_column(file, rows)),
                Output::Offset => Some(Arc::new(UInt64Array::from(offsets.clone())) as ArrayRef),
            })
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map_err(|error| {
            SourceError::Corrupt { file: file.to_string(), format: "csv", reason: error.to_string() }
        })?;
        Ok(Decoded { rows, rejected: std::mem::take(&mut self.rejected) })
    }
}
