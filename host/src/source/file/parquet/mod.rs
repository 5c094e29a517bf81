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

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::datatypes::{Schema, SchemaRef};
use pelton_core::{
    checkpoint::record::{FileRecord, Position},
    job::{BatchSpec, FileSourceSpec, OnBadRow},
};

use self::{decode::ParquetDecoder, footer::Footer, plan::ParquetPlanner};
use super::{
    arrivals::Arrivals,
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
    file: Arc<ListedFile>,
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
    listed: Arc<ListedFile>,
    groups: Vec<Group>,
    /// Leaf columns, those within nested columns included.
    leaves: usize,
}

impl AsMut<ListedFile> for PlannedFile {
    fn as_mut(&mut self) -> &mut ListedFile {
        Arc::make_mut(&mut self.listed)
    }
}

impl PlannedFile {
    /// Answers with the file's columns.
    fn read(listed: Arc<ListedFile>) -> Result<(Self, SchemaRef), SourceError> {
        let footer = Footer::read(&Arc::new(FileBytes::open(&listed)?))?;
        Ok((Self { listed, groups: footer.groups(), leaves: footer.leaves() }, footer.schema()))
    }
}

/// A file of an earlier run, of which nothing is left to be read.
impl From<ListedFile> for PlannedFile {
    fn from(listed: ListedFile) -> Self {
        Self { listed: Arc::new(listed), groups: Vec::new(), leaves: 0 }
    }
}

/// Opens Parquet files, all of the same columns, in their order.
pub fn open(
    files: Vec<ListedFile>,
    spec: &FileSourceSpec,
    on_bad_row: OnBadRow,
    base: &Path,
    batch: &BatchSpec,
) -> Result<Box<dyn Source>, SourceError> {
    let mut planned = Vec::with_capacity(files.len());
    let mut schemas = Vec::with_capacity(files.len());
    for listed in files {
        let (file, schema) = PlannedFile::read(Arc::new(listed))?;
        schemas.push((Arc::clone(&file.listed.name), schema));
        planned.push(file);
    }
    let schema = columns::agree(&schemas, spec.schema.as_ref())?;
    Ok(Box::new(ParquetSource {
        files: Arc::new(planned),
        schema,
        spec: spec.clone(),
        base: base.to_owned(),
        on_bad_row,
        batch_rows: batch.rows.max(1) as u64,
    }))
}

struct ParquetSource {
    files: Arc<Vec<PlannedFile>>,
    schema: SchemaRef,
    spec: FileSourceSpec,
    /// What paths are relative to.
    base: PathBuf,
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
            ("schema".into(), if self.spec.schema.is_some() { "declared" } else { "from the files" }.into()),
        ]
    }

    fn total_bytes(&self) -> Option<u64> {
        self.spec.watch.is_none().then(|| self.groups().map(|group| group.stored_bytes).sum())
    }

    fn listed(&self) -> Vec<FileRecord> {
        self.files.iter().map(|file| file.listed.record()).collect()
    }

    fn resume(&mut self, known: &[FileRecord], from: &Position) -> Result<(), SourceError> {
        self.files = Arc::new(resumed(self.files.to_vec(), known, from)?);
        Ok(())
    }

    fn planner_from(&self, from: &Position) -> Result<Box<dyn Planner>, SourceError> {
        let known = self.files.iter().map(|file| Arc::clone(&file.listed.name));
        let arrivals = Arrivals::new(&self.base, &self.spec, &self.schema, known);
        let planner = ParquetPlanner::new(Arc::clone(&self.files), self.batch_rows).from(from)?;
        Ok(Box::new(planner.watching(arrivals)))
    }

    fn beginnings(&self, from: &Position) -> Result<Option<Box<dyn Planner>>, SourceError> {
        if self.spec.watch.is_some() {
            return Ok(None);
        }
        let planner = ParquetPlanner::new(Arc::clone(&self.files), self.batch_rows).from(&from.of_partition())?;
        Ok((self.files.len() > 1).then(|| Box::new(planner.only_first()) as Box<dyn Planner>))
    }

    fn decoder(&self, columns: &[String]) -> Result<Box<dyn Decoder>, SourceError> {
        let name = self.files.first().map_or("the source", |file| &file.listed.name);
        let projection = Projection::new(&self.schema, columns, name, self.on_bad_row)?;
        Ok(Box::new(ParquetDecoder::new(projection)))
    }
}

#[cfg(test)]
mod tests;
