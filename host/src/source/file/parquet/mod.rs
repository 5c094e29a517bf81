//! Parquet files: row groups, cut into runs of rows.
//!
//! ```text
//! footer ──► Groups ──► planner: runs of rows of one row group ──► decoder: pages ──► batches
//! ```
//!
//! The `file` source calls [`open`]. Footers are read once to plan and once more by each decoder; pages are read one
//! at a time, so a row group of any size takes the memory of one page for each column that is read.
//! Invariant: the cuts depend on the files and on `batch.rows` alone.

mod decode;
mod footer;
mod plan;

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use pelton_core::{
    checkpoint::record::{FileRecord, Position},
    job::{BatchSpec, FileSourceSpec, OnBadRow},
};

use self::{decode::ParquetDecoder, footer::Footer, plan::ParquetPlanner};
use super::{
    bytes::FileBytes,
    columns::{self, Projection},
    listing::{ListedFile, resumed},
};
use crate::source::{Decoder, Planner, Source, SourceError, metadata};

/// How this format is called in errors.
const FORMAT: &str = "parquet";

/// A run of rows of one row group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParquetRange {
    /// Which of the source's files.
    file: usize,
    row_group: usize,
    /// First row within the row group.
    start: u64,
    /// Row after the last, within the row group; whole batches from its start, or the row group's end.
    end: u64,
    /// First row's number within the file.
    first_row: u64,
    /// Rows of a batch.
    batch_rows: u64,
}

/// A row group, as far as planning goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Group {
    rows: u64,
    /// Bytes of its pages in the file.
    stored_bytes: u64,
    /// Bytes of its pages decompressed.
    encoded_bytes: u64,
}

/// A file whose footer has been read.
#[derive(Debug, Clone)]
struct PlannedFile {
    listed: ListedFile,
    groups: Vec<Group>,
    /// Leaf columns, those within nested columns included.
    leaves: usize,
}

impl AsMut<ListedFile> for PlannedFile {
    fn as_mut(&mut self) -> &mut ListedFile {
        &mut self.listed
    }
}

/// A file of an earlier run, of which nothing is left to be read.
impl From<ListedFile> for PlannedFile {
    fn from(listed: ListedFile) -> Self {
        Self { listed, groups: Vec::new(), leaves: 0 }
    }
}

/// Opens Parquet files, all of the same columns, in their order.
pub fn open(
    files: Vec<ListedFile>,
    spec: &FileSourceSpec,
    on_bad_row: OnBadRow,
    batch: &BatchSpec,
) -> Result<Box<dyn Source>, SourceError> {
    let mut planned = Vec::with_capacity(files.len());
    let mut schemas = Vec::with_capacity(files.len());
    for listed in files {
        let footer = Footer::read(&Arc::new(FileBytes::open(&listed)?))?;
        schemas.push((Arc::clone(&listed.name), footer.schema()));
        planned.push(PlannedFile { listed, groups: footer.groups(), leaves: footer.leaves() });
    }
    let schema = columns::agree(&schemas, spec.schema.as_ref())?;
    Ok(Box::new(ParquetSource {
        files: Arc::new(planned),
        schema,
        declared: spec.schema.is_some(),
        on_bad_row,
        batch_rows: batch.rows.max(1) as u64,
    }))
}

struct ParquetSource {
    files: Arc<Vec<PlannedFile>>,
    schema: SchemaRef,
    declared: bool,
    on_bad_row: OnBadRow,
    batch_rows: u64,
}

impl ParquetSource {
    fn groups(&self) -> impl Iterator<Item = &Group> {
        self.files.iter().flat_map(|file| &file.groups)
    }
}

impl Source for ParquetSource {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn metadata(&self) -> SchemaRef {
        Arc::new(Schema::new(vec![metadata::file_field(), metadata::offset_field()]))
    }

    fn describe(&self) -> Vec<(String, String)> {
        let bytes: u64 = self.files.iter().map(|file| file.listed.bytes).sum();
        let rows: u64 = self.groups().map(|group| group.rows).sum();
        vec![
            ("format".into(), FORMAT.into()),
            ("files".into(), self.files.len().to_string()),
            ("bytes".into(), bytes.to_string()),
            ("rows".into(), rows.to_string()),
            ("row groups".into(), self.groups().count().to_string()),
            ("schema".into(), if self.declared { "declared" } else { "from the files" }.into()),
        ]
    }

    fn total_bytes(&self) -> Option<u64> {
        Some(self.groups().map(|group| group.stored_bytes).sum())
    }

    fn listed(&self) -> Vec<FileRecord> {
        self.files.iter().map(|file| file.listed.record()).collect()
    }

    fn resume(&mut self, known: &[FileRecord], from: &Position) -> Result<(), SourceError> {
        self.files = Arc::new(resumed(self.files.to_vec(), known, from)?);
        Ok(())
    }

    fn planner_from(&self, from: &Position) -> Result<Box<dyn Planner>, SourceError> {
        Ok(Box::new(ParquetPlanner::new(Arc::clone(&self.files), self.batch_rows).from(from)?))
    }

    fn beginnings(&self, from: &Position) -> Result<Option<Box<dyn Planner>>, SourceError> {
        let planner = ParquetPlanner::new(Arc::clone(&self.files), self.batch_rows).from(&from.of_partition())?;
        Ok((self.files.len() > 1).then(|| Box::new(planner.only_first()) as Box<dyn Planner>))
    }

    fn decoder(&self, columns: &[String]) -> Result<Box<dyn Decoder>, SourceError> {
        let name = self.files.first().map_or("the source", |file| &file.listed.name);
        let projection = Projection::new(&self.schema, columns, name, self.on_bad_row)?;
        Ok(Box::new(ParquetDecoder::new(Arc::clone(&self.files), projection)))
    }
}

#[cfg(test)]
mod tests;
