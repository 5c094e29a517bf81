//! Arrow IPC: the file format (with a footer) and the stream format, told apart by the magic `ARROW1`.
//!
//! ```text
//! file:    ARROW1 ─ … messages … ─ footer (schema, positions of messages)
//! stream:  schema message ─ messages … ─ end marker, or end of file
//!
//! planner: headers of messages, one record batch after the other ──► decoder: the body ──► batches
//! ```
//!
//! The `file` source calls [`open`]. The planner reads headers and dictionaries, which also say how many rows a
//! record batch has; bodies are read, decompressed and decoded by the decoders, in parallel for both formats.
//! Invariant: a message is checked against the file and itself ([`message`]) before anything of it is decoded.

mod decode;
mod file;
mod layout;
mod message;
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

use self::{decode::IpcDecoder, file::IpcFile, message::Header, plan::IpcPlanner};
use super::{
    arrivals::Arrivals,
    columns::{self, Projection},
    listing::{ListedFile, resumed},
};
use crate::source::{Decoder, Planner, Source, SourceError, metadata};

/// How this format is called in errors.
const FORMAT: &str = "arrow";

/// One record batch.
pub struct IpcRange {
    file: Arc<IpcFile>,
    header: Header,
    /// Values of the dictionaries that the record batch refers to, by their id.
    dictionaries: Arc<message::Dictionaries>,
    /// First row's number within the file.
    first_row: u64,
}

/// Opens Arrow IPC files, all of the same columns, in their order.
pub fn open(
    files: Vec<ListedFile>,
    spec: &FileSourceSpec,
    on_bad_row: OnBadRow,
    base: &Path,
    batch: &BatchSpec,
) -> Result<Box<dyn Source>, SourceError> {
    let schemas = files
        .iter()
        .map(|listed| Ok((Arc::clone(&listed.name), IpcFile::open(listed)?.schema())))
        .collect::<Result<Vec<_>, SourceError>>()?;
    let schema = columns::agree(&schemas, spec.schema.as_ref())?;
    Ok(Box::new(IpcSource {
        files: Arc::new(files.into_iter().map(Arc::new).collect()),
        schema,
        spec: spec.clone(),
        base: base.to_owned(),
        on_bad_row,
        batch_rows: batch.rows.max(1),
    }))
}

struct IpcSource {
    files: Arc<Vec<Arc<ListedFile>>>,
    schema: SchemaRef,
    spec: FileSourceSpec,
    /// What paths are relative to.
    base: PathBuf,
    on_bad_row: OnBadRow,
    batch_rows: usize,
}

impl Source for IpcSource {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn metadata(&self) -> SchemaRef {
        Arc::new(Schema::new(vec![metadata::file_field(), metadata::offset_field()]))
    }

    fn describe(&self) -> Vec<(String, String)> {
        let bytes: u64 = self.files.iter().map(|file| file.bytes).sum();
        vec![
            ("format".into(), FORMAT.into()),
            ("files".into(), self.files.len().to_string()),
            ("bytes".into(), bytes.to_string()),
            ("schema".into(), if self.spec.schema.is_some() { "declared" } else { "from the files" }.into()),
        ]
    }

    fn total_bytes(&self) -> Option<u64> {
        self.spec.watch.is_none().then(|| self.files.iter().map(|file| file.bytes).sum())
    }

    fn listed(&self) -> Vec<FileRecord> {
        self.files.iter().map(|file| file.record()).collect()
    }

    fn resume(&mut self, known: &[FileRecord], from: &Position) -> Result<(), SourceError> {
        let listed: Vec<ListedFile> = self.files.iter().map(|file| file.as_ref().clone()).collect();
        self.files = Arc::new(resumed(listed, known, from)?.into_iter().map(Arc::new).collect());
        Ok(())
    }

    fn planner_from(&self, from: &Position) -> Result<Box<dyn Planner>, SourceError> {
        let known = self.files.iter().map(|file| Arc::clone(&file.name));
        let arrivals = Arrivals::new(&self.base, &self.spec, &self.schema, known);
        Ok(Box::new(IpcPlanner::new(Arc::clone(&self.files)).from(from)?.watching(arrivals)))
    }

    fn beginnings(&self, from: &Position) -> Result<Option<Box<dyn Planner>>, SourceError> {
        if self.spec.watch.is_some() {
            return Ok(None);
        }
        let planner = IpcPlanner::new(Arc::clone(&self.files)).from(&from.of_partition())?.only_first();
        Ok((self.files.len() > 1).then(|| Box::new(planner) as Box<dyn Planner>))
    }

    fn decoder(&self, columns: &[String]) -> Result<Box<dyn Decoder>, SourceError> {
        let name = self.files.first().map_or("the source", |file| &file.name);
        let projection = Projection::new(&self.schema, columns, name, self.on_bad_row)?;
        Ok(Box::new(IpcDecoder::new(projection, self.batch_rows)))
    }
}

#[cfg(test)]
mod tests;
