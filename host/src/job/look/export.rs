//! State as a file that other programs read: Parquet, or an Arrow IPC file.
//!
//! Called by `pelton state export` and the engine's route. The file is whole or it is not there: it is written beside its place and renamed.

use std::{
    fs::{File, Permissions},
    io,
    ops::ControlFlow,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
};

use arrow::{array::RecordBatch, datatypes::SchemaRef, error::ArrowError, ipc::writer::FileWriter};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::properties::WriterProperties,
};
use serde_json::{Value, json};

use super::{LookError, Seen, Wanted};

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    Parquet,
    Arrow,
}

impl ExportFormat {
    /// By the ending of a name.
    pub fn of(path: &Path) -> Result<Self, LookError> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("parquet") => Ok(Self::Parquet),
            Some("arrow" | "ipc" | "feather") => Ok(Self::Arrow),
            _ => Err(LookError::Format { path: path.display().to_string() }),
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    pub table: String,
    pub rows: u64,
    pub bytes: u64,
}

impl Exported {
    pub fn to_json(&self, seen: &Seen<'_>, operator: &str) -> Value {
        json!({
            "job": seen.plan.name,
            "operator": operator,
            "epoch": seen.epoch,
            "committed": seen.committed,
            "table": self.table,
            "rows": self.rows,
            "bytes": self.bytes,
        })
    }
}

/// Writes all rows of one table whose keys are wanted.
pub fn export(seen: &Seen<'_>, wanted: &Wanted, path: &Path, format: ExportFormat) -> Result<Exported, LookError> {
    let (planned, filter) = seen.filter(wanted)?;
    let (table, looked) = Seen::table(planned, wanted.table.as_deref())?;
    let failed = |source: Failure| LookError::Write { path: path.display().to_string(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // As readable as any file that this user makes.
    let mut beside = tempfile::Builder::new();
    beside.prefix(".").suffix(".tmp").permissions(Permissions::from_mode(0o666));
    let file = beside.tempfile_in(folder).map_err(|error| failed(error.into()))?;
    let clone = file.as_file().try_clone().map_err(|error| failed(error.into()))?;
    let mut writer = TableWriter::new(clone, &looked.schema, format).map_err(failed)?;
    let mut count = 0;
    seen.each(planned, &filter, &mut |held| {
        seen.rows(held, (table, &looked), &filter, &mut |rows| {
            count += rows.num_rows() as u64;
            writer.write(&rows).map_err(failed)?;
            Ok(ControlFlow::Continue(()))
        })
    })?;
    writer.finish().map_err(failed)?;
    let sealed = || -> io::Result<u64> {
        file.as_file().sync_all()?;
        let bytes = file.as_file().metadata()?.len();
        file.persist(path)?;
        Ok(bytes)
    };
    let bytes = sealed().map_err(|error| failed(error.into()))?;
    Ok(Exported { table: looked.name, rows: count, bytes })
}

enum TableWriter {
    Parquet(Box<ArrowWriter<File>>),
    Arrow(Box<FileWriter<File>>),
}

impl TableWriter {
    fn new(file: File, schema: &SchemaRef, format: ExportFormat) -> Result<Self, Failure> {
        Ok(match format {
            ExportFormat::Parquet => {
                let level = ZstdLevel::default();
                let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
                Self::Parquet(Box::new(ArrowWriter::try_new(file, Arc::clone(schema), Some(properties))?))
            }
            ExportFormat::Arrow => Self::Arrow(Box::new(FileWriter::try_new(file, schema)?)),
        })
    }

    fn write(&mut self, rows: &RecordBatch) -> Result<(), Failure> {
        match self {
            Self::Parquet(writer) => writer.write(rows).map_err(|error: ParquetError| error.into()),
            Self::Arrow(writer) => writer.write(rows).map_err(|error: ArrowError| error.into()),
        }
    }

    fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Parquet(writer) => drop(writer.close()?),
            Self::Arrow(mut writer) => writer.finish()?,
        }
        Ok(())
    }
}
