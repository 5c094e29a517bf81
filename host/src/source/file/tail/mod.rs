//! Files of rows that grow (`tail`): what is added to them is read, each row once.
//!
//! ```text
//!  tracker   which files there are, when each is looked at, renamed and truncated ones
//!  tracked   one file: what was handed out, what is new      scan   where complete rows end
//!  plan      found parts ─► ranges
//! ```
//!
//! What a look finds in a file is a *part*: bytes from one row's beginning to another row's end. Parts are to the checkpoint what files are to other
//! sources: listed in the record of the epoch in which they were found, in the order in which they are read. Invariants: a row without its end is in no
//! part; parts of a file neither overlap nor leave bytes between them, but for a file that was truncated.

mod plan;
mod scan;
mod tracked;
mod tracker;

use std::{
    collections::{HashMap, VecDeque},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::datatypes::{Schema, SchemaRef};
use pelton_core::{
    checkpoint::{
        grown::{next_partition, partition},
        record::{FileRecord, Position},
    },
    job::{BatchSpec, FileSourceSpec, OnBadRow},
    types,
};

use self::{plan::TailPlanner, tracker::Tracker};
use super::{format::RowFormat, infer, listing::ListedFile, rows::RowsDecoder};
use crate::source::{Decoder, Planner, Source, SourceError, metadata};

/// Opens a source of files that grow; `files` are those that are there.
pub fn open(
    files: &[ListedFile],
    spec: &FileSourceSpec,
    on_bad_row: OnBadRow,
    base: &Path,
    batch: &BatchSpec,
) -> Result<Box<dyn Source>, SourceError> {
    let schema = match &spec.schema {
        Some(schema) => Arc::clone(schema),
        None => Arc::new(infer(files, spec)?),
    };
    let (format, spec, base) = (row_format(schema, spec, batch)?, spec.clone(), base.to_owned());
    let files = files.len();
    Ok(Box::new(TailSource { format, spec, on_bad_row, base, files, known: Vec::new(), given: None }))
}

/// The same of parts that were brought along; there are no more.
pub fn open_given(
    files: &[ListedFile],
    spec: &FileSourceSpec,
    on_bad_row: OnBadRow,
    batch: &BatchSpec,
) -> Result<Box<dyn Source>, SourceError> {
    let Some(schema) = spec.schema.clone() else {
        return Err(SourceError::NoFile { path: spec.paths.join(", ") });
    };
    let (format, spec, base) = (row_format(schema, spec, batch)?, spec.clone(), PathBuf::new());
    let numbered = |file: &ListedFile| Some((file.growth?.partition, file.path.clone()));
    let given = Some(files.iter().filter_map(numbered).collect());
    Ok(Box::new(TailSource { format, spec, on_bad_row, base, files: files.len(), known: Vec::new(), given }))
}

fn row_format(schema: SchemaRef, spec: &FileSourceSpec, batch: &BatchSpec) -> Result<Arc<RowFormat>, SourceError> {
    let format = RowFormat::new(&spec.format, schema, batch.rows, spec.max_row_bytes);
    format.map(Arc::new).map_err(|reason| SourceError::Types { reason })
}

struct TailSource {
    format: Arc<RowFormat>,
    spec: FileSourceSpec,
    on_bad_row: OnBadRow,
    /// What paths are relative to.
    base: PathBuf,
    /// When it was opened.
    files: usize,
    /// Parts that earlier runs found.
    known: Vec<FileRecord>,
    /// Where the bytes of parts are that were brought along.
    given: Option<HashMap<u32, PathBuf>>,
}

impl TailSource {
    /// The parts from a place on.
    fn parts_from(&self, from: &Position) -> VecDeque<(u32, Arc<ListedFile>)> {
        let open = match from {
            Position::Start => 0,
            Position::Range { partition, .. } => *partition,
            Position::End => next_partition(&self.known),
        };
        let part = |(index, record): (usize, &FileRecord)| {
            let number = partition(index, record);
            let (name, bytes) = (Arc::from(record.name.as_str()), record.bytes);
            // What was brought along lies elsewhere, under another inode.
            let brought = self.given.as_ref().and_then(|given| given.get(&number)).cloned();
            let mut growth = record.growth;
            if let (Some(growth), Some(Ok(metadata))) = (&mut growth, brought.as_ref().map(fs::metadata)) {
                growth.inode = metadata.ino();
            }
            let path = brought.unwrap_or_else(|| self.base.join(&record.name));
            (number, Arc::new(ListedFile { path, name, bytes, growth }))
        };
        self.known.iter().enumerate().map(part).filter(|(number, _)| *number >= open).collect()
    }
}

impl Source for TailSource {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.format.schema())
    }

    fn metadata(&self) -> SchemaRef {
        Arc::new(Schema::new(vec![metadata::file_field(), metadata::offset_field()]))
    }

    fn describe(&self) -> Vec<(String, String)> {
        let columns: Vec<String> =
            self.format.schema().fields().iter().map(|f| format!("{}: {}", f.name(), types::column(f))).collect();
        let from = if self.spec.schema.is_none() { "inferred from the first file" } else { "declared" };
        vec![
            ("format".to_owned(), self.format.name().to_owned()),
            ("files".to_owned(), format!("{}, which grow", self.files)),
            (format!("schema ({from})"), columns.join(", ")),
        ]
    }

    fn total_bytes(&self) -> Option<u64> {
        None
    }

    fn listed(&self) -> Vec<FileRecord> {
        self.known.clone()
    }

    fn resume(&mut self, known: &[FileRecord], _from: &Position) -> Result<(), SourceError> {
        if let Some(record) = known.iter().find(|record| record.growth.is_none()) {
            return Err(SourceError::OtherTail { file: record.name.clone() });
        }
        self.known = known.to_vec();
        Ok(())
    }

    fn planner_from(&self, from: &Position) -> Result<Box<dyn Planner>, SourceError> {
        let every = self.spec.watch.filter(|_| self.given.is_none());
        let tracker = every.map(|every| Tracker::new(&self.base, &self.spec, every, &self.format, &self.known));
        let handoffs = !self.format.rows_end_at_newlines();
        let parts = (self.parts_from(from), next_partition(&self.known));
        Ok(Box::new(TailPlanner::new(&self.spec, handoffs, parts, from, tracker)?))
    }

    fn beginnings(&self, _from: &Position) -> Result<Option<Box<dyn Planner>>, SourceError> {
        Ok(None)
    }

    fn decoder(&self, columns: &[String]) -> Result<Box<dyn Decoder>, SourceError> {
        Ok(Box::new(RowsDecoder::new(Arc::clone(&self.format), columns, self.on_bad_row)?))
    }
}

#[cfg(test)]
mod tests;
