//! The `file` source: files in any format, listed once, cut into ranges.
//!
//! [`listing`] finds the files. Row formats ([`format`](mod@format): [`csv`] and others) are cut into byte ranges ([`lines`], planned by
//! [`plan`]; compressed files by [`stream`]) and decoded by [`rows`]; formats that know their own parts (Parquet, Arrow IPC) come
//! as sources of their own. Files of rows that grow are found part by part ([`tail`]).

mod arrivals;
pub mod bytes;
pub mod codec;
pub mod columns;
mod complete;
pub mod csv;
pub mod cut;
pub mod format;
pub mod handoff;
pub mod ipc;
pub mod json;
pub mod lines;
pub mod listing;
pub mod needed;
pub mod newline;
pub mod parquet;
pub mod place;
mod plan;
mod reader;
pub mod rows;
pub mod stream;
mod tail;
pub mod text;
mod time;
mod watch;

#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use pelton_core::{
    checkpoint::record::{FileRecord, Position},
    job::{BatchSpec, FILE_COLUMN, FileSourceSpec, Format, OFFSET_COLUMN, OnBadRow},
    types,
};

pub use time::is_zone;

use self::{format::RowFormat, lines::Head, listing::ListedFile, plan::FilePlanner, rows::RowsDecoder, watch::Watch};
use super::{Decoder, Planner, Source, SourceError, metadata};

/// Opens the `file` sources.
pub struct FileSource {
    format: Arc<RowFormat>,
    spec: FileSourceSpec,
    on_bad_row: OnBadRow,
    files: Arc<Vec<Arc<ListedFile>>>,
    inferred: bool,
    /// What paths are relative to.
    base: PathBuf,
}

/// Files of a source that were brought along, instead of those that its paths name.
#[derive(Debug, Clone, Default)]
pub struct GivenFiles {
    /// In order; of files that are not needed any more only the names are known, and they are left out.
    pub files: Vec<ListedFile>,
    /// The source's columns; none: as the job file says, or the files.
    pub schema: Option<SchemaRef>,
}

/// Bytes of the first file that a schema is inferred from.
const SAMPLE_BYTES: u64 = 4 << 20;

impl FileSource {
    /// Finds the files of `spec`, relative to `base`, and learns or checks their columns.
    pub fn open(
        spec: &FileSourceSpec,
        on_bad_row: OnBadRow,
        base: &Path,
        batch: &BatchSpec,
    ) -> Result<Box<dyn Source>, SourceError> {
        let mut files = match spec.watch {
            None => listing::list(&spec.paths, base)?,
            Some(_) => listing::list_new(&spec.paths, base, &|_| false)?,
        };
        if spec.watch.is_some() {
            let mut incomplete = Ok(());
            files.retain(|file| {
                let is_complete = complete::is_complete(&spec.format, file);
                is_complete.unwrap_or_else(|error| {
                    incomplete = Err(error);
                    false
                })
            });
            incomplete?;
            if files.is_empty() && spec.schema.is_none() {
                return Err(SourceError::NoFile { path: spec.paths.join(", ") });
            }
        }
        if spec.tail {
            return tail::open(&files, spec, on_bad_row, base, batch);
        }
        Self::of_files(files, spec, on_bad_row, base, batch)
    }

    /// The same of files that are given, wherever `spec` would look for them; there are no more.
    pub fn open_given(
        given: &GivenFiles,
        spec: &FileSourceSpec,
        on_bad_row: OnBadRow,
        batch: &BatchSpec,
    ) -> Result<Box<dyn Source>, SourceError> {
        let schema = given.schema.clone().or(spec.schema.clone());
        if spec.tail {
            let spec = FileSourceSpec { schema, ..spec.clone() };
            return tail::open_given(&given.files, &spec, on_bad_row, batch);
        }
        let spec = FileSourceSpec { schema, watch: None, ..spec.clone() };
        Self::of_files(given.files.clone(), &spec, on_bad_row, Path::new(""), batch)
    }

    fn of_files(
        files: Vec<ListedFile>,
        spec: &FileSourceSpec,
        on_bad_row: OnBadRow,
        base: &Path,
        batch: &BatchSpec,
    ) -> Result<Box<dyn Source>, SourceError> {
        match spec.format {
            Format::Parquet => return parquet::open(files, spec, on_bad_row, base, batch),
            Format::Ipc => return ipc::open(files, spec, on_bad_row, base, batch),
            Format::Csv(_) | Format::Json(_) | Format::Text => {}
        }
        let schema = match &spec.schema {
            Some(schema) => Arc::clone(schema),
            None if files.is_empty() => {
                return Err(SourceError::NoFile { path: spec.paths.join(", ") });
            }
            None => Arc::new(infer(&files, spec)?),
        };
        let format = RowFormat::new(&spec.format, schema, batch.rows, spec.max_row_bytes)
            .map_err(|reason| SourceError::Types { reason })?;
        // A header without the declared columns is told now, not when the job runs.
        if let Some(file) = files.first() {
            format.decoder(&[], &plan::head(spec, file)?, &file.name)?;
        }
        Ok(Box::new(Self {
            format: Arc::new(format),
            spec: spec.clone(),
            on_bad_row,
            files: Arc::new(files.into_iter().map(Arc::new).collect()),
            inferred: spec.schema.is_none(),
            base: base.to_owned(),
        }))
    }
}

impl Source for FileSource {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.format.schema())
    }

    fn metadata(&self) -> SchemaRef {
        Arc::new(Schema::new(vec![metadata::file_field(), metadata::offset_field()]))
    }

    fn describe(&self) -> Vec<(String, String)> {
        let columns: Vec<String> =
            self.format.schema().fields().iter().map(|f| format!("{}: {}", f.name(), types::column(f))).collect();
        let from = if self.inferred { "inferred from the first file" } else { "declared" };
        vec![
            ("format".to_owned(), self.format.name().to_owned()),
            ("files".to_owned(), self.files.len().to_string()),
            ("bytes".to_owned(), self.files.iter().map(|file| file.bytes).sum::<u64>().to_string()),
            (format!("schema ({from})"), columns.join(", ")),
        ]
    }

    fn total_bytes(&self) -> Option<u64> {
        self.spec.watch.is_none().then(|| self.files.iter().map(|file| file.bytes).sum())
    }

    fn listed(&self) -> Vec<FileRecord> {
        self.files.iter().map(|file| file.record()).collect()
    }

    fn resume(&mut self, known: &[FileRecord], from: &Position) -> Result<(), SourceError> {
        let listed = self.files.iter().map(|file| file.as_ref().clone()).collect();
        let files = listing::resumed(listed, known, from)?;
        self.files = Arc::new(files.into_iter().map(Arc::new).collect());
        Ok(())
    }

    fn planner_from(&self, from: &Position) -> Result<Box<dyn Planner>, SourceError> {
        let handoffs = !self.format.rows_end_at_newlines();
        let planner = FilePlanner::new(Arc::clone(&self.files), self.spec.clone(), handoffs);
        let planner = planner.from(from)?;
        Ok(match self.spec.watch {
            None => Box::new(planner),
            Some(every) => Box::new(planner.watching(Watch::new(
                &self.base,
                every,
                self.files.iter().map(|file| Arc::clone(&file.name)),
            ))),
        })
    }

    fn beginnings(&self, from: &Position) -> Result<Option<Box<dyn Planner>>, SourceError> {
        if self.spec.watch.is_some() {
            return Ok(None);
        }
        let handoffs = !self.format.rows_end_at_newlines();
        let planner = FilePlanner::new(Arc::clone(&self.files), self.spec.clone(), handoffs);
        let planner = planner.from(&from.of_partition())?;
        Ok((self.files.len() > 1).then(|| Box::new(planner.only_first()) as Box<dyn Planner>))
    }

    fn decoder(&self, columns: &[String]) -> Result<Box<dyn Decoder>, SourceError> {
        Ok(Box::new(RowsDecoder::new(Arc::clone(&self.format), columns, self.on_bad_row)?))
    }
}

/// The columns of the first file that has any bytes.
fn infer(files: &[ListedFile], spec: &FileSourceSpec) -> Result<Schema, SourceError> {
    let Some(file) = files.iter().find(|file| file.bytes > 0).or(files.first()) else {
        return Ok(Schema::empty());
    };
    let head: Head = plan::head(spec, file)?;
    let (sample, at_end) = codec::first_bytes(file, spec.compression, head.rows_at + SAMPLE_BYTES)?;
    // The last row of a file that grows may be half of one.
    let at_end = at_end && !spec.tail;
    let rows = usize::try_from(head.rows_at).ok().and_then(|at| sample.get(at..)).unwrap_or_default();
    format::infer(&spec.format, rows, at_end, &head)
        .map_err(|reason| SourceError::Inference { file: file.name.to_string(), reason })
}

/// The column of this name, of the source's own or of its metadata.
fn output_field(schema: &Schema, name: &str) -> Result<FieldRef, SourceError> {
    match (schema.fields().find(name), name) {
        (Some((_, field)), _) => Ok(Arc::clone(field)),
        (None, FILE_COLUMN) => Ok(Arc::new(metadata::file_field())),
        (None, OFFSET_COLUMN) => Ok(Arc::new(metadata::offset_field())),
        _ => Err(SourceError::NoColumn { column: name.to_owned() }),
    }
}
