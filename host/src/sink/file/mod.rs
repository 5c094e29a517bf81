//! The `file` sink: a directory of parts in CSV, JSON lines, text, Parquet or Arrow IPC.
//!
//! ```text
//!  rows       text formats, encoded on compute threads (csv, compress)
//!  tables     Parquet and Arrow IPC, encoded by the writer
//!  parts      names, temp files, the directory's lock: what is visible at the end of the job
//!  published  the same for jobs with checkpoints: what is visible epoch by epoch (growing text, rolled tables)
//! ```
//!
//! Guarantee: a part is whole under its final name or has no final name; the same rows give the same bytes,
//! for any number of threads, on every run; an empty result is one part without rows, so that readers find the
//! schema. A part is closed after the chunk (a batch) that brings it to `roll-bytes`, and with the first
//! epoch whose time says that it is older than `roll-after`.

mod age;
mod compress;
mod csv;
mod folders;
mod growing;
mod parts;
mod published;
mod rolled;
mod rows;
mod tables;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::datatypes::SchemaRef;
use pelton_core::job::{Compression, FileSinkSpec, Format, IfExists};

pub use self::published::MANIFEST;
use self::{
    age::AgeLimit,
    compress::Codec,
    folders::{FolderEncoder, Folders},
    growing::GrowingWriter,
    parts::Parts,
    published::Published,
    rolled::RolledWriter,
    rows::{Buffers, RowEncoder, RowFormatter, RowWriter},
    tables::{TableEncoder, TableFormat, TableWriter},
};
use super::{Begin, Encoder, Sink, SinkError, Writer};

/// Touches nothing on disk before [`Sink::writer`].
#[derive(Debug)]
pub struct FileSink {
    spec: FileSinkSpec,
    directory: PathBuf,
    /// Of the columns that files hold.
    schema: SchemaRef,
    layout: Layout,
    folders: Option<Folders>,
}

#[derive(Debug)]
enum Layout {
    Rows { formatter: Arc<RowFormatter>, header: Vec<u8>, codec: Option<Codec>, buffers: Arc<Buffers> },
    Table(TableFormat),
}

impl FileSink {
    /// Refuses columns that the format cannot hold; relative paths start at `base`.
    pub fn open(spec: &FileSinkSpec, schema: SchemaRef, base: &Path) -> Result<Self, SinkError> {
        let folders = Folders::new(&spec.partition_by, &schema)?;
        let schema = folders.as_ref().map_or(schema, |folders| Arc::clone(folders.schema()));
        let layout = match RowFormatter::new(&spec.format, &schema)? {
            Some(formatter) => Layout::Rows {
                header: formatter.header(&schema)?,
                formatter: Arc::new(formatter),
                codec: Codec::of(spec.compression),
                buffers: Arc::default(),
            },
            None => {
                let table = TableFormat::new(&spec.format, spec.compression, &schema)?;
                Layout::Table(table.expect("a format is one of rows or one of tables"))
            }
        };
        Ok(Self { spec: spec.clone(), directory: base.join(&spec.path), schema, layout, folders })
    }

    /// `country=…/day=…/`
    fn folder(&self) -> String {
        self.spec.partition_by.iter().map(|column| format!("{column}=…/")).collect()
    }

    fn extension(&self) -> String {
        let extension = match self.spec.format {
            Format::Csv(_) => ".csv",
            Format::Json(_) => ".jsonl",
            Format::Text => ".txt",
            Format::Parquet => ".parquet",
            Format::Ipc => ".arrow",
        };
        let suffix = match &self.layout {
            Layout::Rows { codec, .. } => codec.map(Codec::suffix).unwrap_or_default(),
            Layout::Table(_) => "",
        };
        format!("{extension}{suffix}")
    }
}

impl Sink for FileSink {
    fn encoder(&self) -> Result<Box<dyn Encoder>, SinkError> {
        let inner: Box<dyn Encoder> = match &self.layout {
            Layout::Rows { formatter, codec, buffers, .. } => {
                let (formatter, buffers) = (formatter.clone(), buffers.clone());
                Box::new(RowEncoder { formatter, codec: *codec, buffers, expected: 0 })
            }
            Layout::Table(_) => Box::new(TableEncoder { schema: self.schema.clone(), format: self.spec.format.name() }),
        };
        Ok(match self.folders.clone() {
            Some(folders) => Box::new(FolderEncoder { folders, inner }),
            None => inner,
        })
    }

    fn writer(&self) -> Result<Box<dyn Writer>, SinkError> {
        if self.folders.is_some() {
            // Epoch by epoch, though nobody can go on with it.
            return self.publishing(false);
        }
        let parts = Parts::claim(&self.directory, self.extension(), self.spec.if_exists)?;
        let roll = (self.spec.roll_bytes, AgeLimit::new(self.spec.roll_after));
        Ok(match &self.layout {
            Layout::Rows { header, codec, buffers, .. } => {
                Box::new(RowWriter::new(parts, header.clone(), *codec, roll, buffers.clone()))
            }
            Layout::Table(format) => Box::new(TableWriter::new(parts, format.clone(), self.schema.clone(), roll)),
        })
    }

    fn epoch_writer(&self, begin: &Begin<'_>) -> Result<Box<dyn Writer>, SinkError> {
        self.publishing(begin.last.is_some())
    }

    fn describe(&self) -> Vec<(String, String)> {
        let compression = match (&self.spec.format, self.spec.compression) {
            (Format::Parquet, Compression::Auto) | (_, Compression::Zstd) => "zstd",
            (_, Compression::Gzip) => "gzip",
            (_, Compression::Auto | Compression::None) => "none",
        };
        let if_exists = match self.spec.if_exists {
            IfExists::Error => "error",
            IfExists::Replace => "replace",
        };
        let roll_after = self.spec.roll_after.map_or_else(|| "never".to_owned(), |age| format!("{age:?}"));
        [
            ("directory", self.directory.display().to_string()),
            ("files", format!("{}part-NNNNN{}", self.folder(), self.extension())),
            ("compression", compression.to_owned()),
            ("roll-bytes", self.spec.roll_bytes.to_string()),
            ("roll-after", roll_after),
            ("if-exists", if_exists.to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }
}

impl FileSink {
    /// `begun`: the parts that are there are this job's own.
    fn publishing(&self, begun: bool) -> Result<Box<dyn Writer>, SinkError> {
        let (depth, if_exists) = (self.spec.partition_by.len(), self.spec.if_exists);
        let published = Published::claim(&self.directory, self.extension(), depth, if_exists, begun)?;
        let roll_bytes = self.spec.roll_bytes;
        Ok(match &self.layout {
            Layout::Rows { header, codec, buffers, .. } => {
                let roll = (roll_bytes, AgeLimit::new(self.spec.roll_after));
                Box::new(GrowingWriter::new(published, header.clone(), *codec, roll, buffers.clone()))
            }
            Layout::Table(format) => {
                Box::new(RolledWriter::new(published, format.clone(), self.schema.clone(), roll_bytes))
            }
        })
    }
}

#[cfg(test)]
mod tests;
