//! The formats that are tables themselves: Parquet and Arrow IPC.
//!
//! Their writers keep state from batch to batch, so they run in the sink's writer, in canonical order. A Parquet row group ends after
//! [`ROW_GROUP_ROWS_MAX`] rows, or earlier at [`ROW_GROUP_BYTES_MAX`] encoded bytes; every batch is
//! one record batch of an IPC file. Invariant: all of this depends on the batches alone, so that the bytes do too.

use std::io::BufWriter;

use arrow::{
    array::RecordBatch,
    datatypes::{Schema, SchemaRef},
    error::ArrowError,
    ipc::{
        CompressionType,
        writer::{FileWriter, IpcWriteOptions},
    },
};
use parquet::{
    arrow::{ArrowSchemaConverter, ArrowWriter},
    basic::{Compression as PageCompression, GzipLevel, ZstdLevel},
    errors::ParquetError,
    file::properties::WriterProperties,
};
use pelton_core::job::{Compression, Format};

use super::{
    age::AgeLimit,
    parts::{Part, Parts},
};
use crate::checkpoint::CommitPermit;
use crate::sink::{Closing, Encoded, Encoder, Payload, Prepared, SinkError, SinkSummary, Writer};

/// Rows of a Parquet row group.
const ROW_GROUP_ROWS_MAX: usize = 1 << 20;
/// Encoded bytes of a Parquet row group: what the writer keeps in memory.
const ROW_GROUP_BYTES_MAX: usize = 128 << 20;

const PARQUET: &str = "parquet";
const ARROW: &str = "arrow";

/// A format of tables with its options.
#[derive(Debug, Clone)]
pub enum TableFormat {
    Parquet(Box<WriterProperties>),
    Ipc(IpcWriteOptions),
}

impl TableFormat {
    /// None: not a format of tables. Refuses types and compressions that the format does not have.
    pub fn new(format: &Format, compression: Compression, schema: &Schema) -> Result<Option<Self>, SinkError> {
        let some_columns = |format| match schema.fields().is_empty() {
            true => Err(SinkError::Columns { format, needs: "at least one column", count: 0 }),
            false => Ok(()),
        };
        match format {
            Format::Parquet => {
                some_columns(PARQUET)?;
                for field in schema.fields() {
                    let alone = Schema::new(vec![field.clone()]);
                    let converted = ArrowSchemaConverter::new().convert(&alone);
                    converted.map_err(|_| SinkError::unsupported(PARQUET, field))?;
                }
                let properties = WriterProperties::builder()
                    .set_compression(page_compression(compression))
                    .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX))
                    .set_max_row_group_bytes(Some(ROW_GROUP_BYTES_MAX))
                    .build();
                Ok(Some(Self::Parquet(Box::new(properties))))
            }
            Format::Ipc => {
                some_columns(ARROW)?;
                let codec = match compression {
                    Compression::Auto | Compression::None => None,
                    Compression::Zstd => Some(CompressionType::ZSTD),
                    Compression::Gzip => {
                        return Err(SinkError::Compression { format: ARROW, compression: "gzip" });
                    }
                };
                let options = IpcWriteOptions::default().try_with_compression(codec).map_err(ipc_error)?;
                Ok(Some(Self::Ipc(options)))
            }
            Format::Csv(_) | Format::Json(_) | Format::Text => Ok(None),
        }
    }

    pub(super) fn open(&self, part: Part, schema: &SchemaRef) -> Result<TableFile, SinkError> {
        Ok(match self {
            Self::Parquet(properties) => {
                let properties = Some(properties.as_ref().clone());
                let writer = ArrowWriter::try_new(part, schema.clone(), properties).map_err(parquet_error)?;
                TableFile::Parquet(Box::new(writer))
            }
            Self::Ipc(options) => {
                let part = BufWriter::with_capacity(256 << 10, part);
                TableFile::Ipc(Box::new(
                    FileWriter::try_new_with_options(part, schema, options.clone()).map_err(ipc_error)?,
                ))
            }
        })
    }
}

/// Zstd is the default: about as fast as Snappy at level 1, and a third smaller.
fn page_compression(compression: Compression) -> PageCompression {
    match compression {
        Compression::Auto | Compression::Zstd => PageCompression::ZSTD(ZstdLevel::default()),
        Compression::Gzip => PageCompression::GZIP(GzipLevel::default()),
        Compression::None => PageCompression::UNCOMPRESSED,
    }
}

/// Passes batches to the writer.
#[derive(Debug)]
pub struct TableEncoder {
    pub schema: SchemaRef,
    pub format: &'static str,
}

impl Encoder for TableEncoder {
    fn encode(&mut self, rows: &RecordBatch) -> Result<Encoded, SinkError> {
        // The sink's own schema: batches may come from several inputs whose metadata differ.
        let batch = RecordBatch::try_new(self.schema.clone(), rows.columns().to_vec())
            .map_err(|error| SinkError::Encode { format: self.format, reason: error.to_string() })?;
        Ok(Encoded { rows: rows.num_rows() as u64, payload: Payload::Batch(batch) })
    }
}

pub(super) enum TableFile {
    Parquet(Box<ArrowWriter<Part>>),
    Ipc(Box<FileWriter<BufWriter<Part>>>),
}

impl TableFile {
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), SinkError> {
        match self {
            Self::Parquet(writer) => writer.write(batch).map_err(parquet_error),
            Self::Ipc(writer) => writer.write(batch).map_err(ipc_error),
        }
    }

    /// Bytes so far; for Parquet with an estimate of the open row group, which is a function of the rows.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Parquet(writer) => (writer.bytes_written() + writer.in_progress_size()) as u64,
            Self::Ipc(writer) => writer.get_ref().get_ref().bytes() + writer.get_ref().buffer().len() as u64,
        }
    }

    /// Encoded bytes in memory, as a function of the rows.
    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Self::Parquet(writer) => writer.in_progress_size(),
            Self::Ipc(_) => 0,
        }
    }

    /// Writes what is held.
    pub(super) fn flush(&mut self) -> Result<(), SinkError> {
        match self {
            Self::Parquet(writer) => writer.flush().map_err(parquet_error),
            Self::Ipc(_) => Ok(()),
        }
    }

    pub(super) fn close(self) -> Result<Part, SinkError> {
        match self {
            Self::Parquet(writer) => writer.into_inner().map_err(parquet_error),
            Self::Ipc(writer) => {
                let buffered = writer.into_inner().map_err(ipc_error)?;
                buffered.into_inner().map_err(|error| ipc_error(ArrowError::from(error.into_error())))
            }
        }
    }
}

/// Puts batches into parts, in canonical order.
pub struct TableWriter {
    current: Option<TableFile>,
    /// Processing time of the first epoch of the open part.
    began: Option<i64>,
    parts: Parts,
    format: TableFormat,
    schema: SchemaRef,
    roll_bytes: u64,
    age: AgeLimit,
    rows: u64,
}

impl TableWriter {
    pub fn new(parts: Parts, format: TableFormat, schema: SchemaRef, (roll_bytes, age): (u64, AgeLimit)) -> Self {
        Self { current: None, began: None, parts, format, schema, roll_bytes, age, rows: 0 }
    }

    fn begin(&mut self) -> Result<TableFile, SinkError> {
        self.began = None;
        self.format.open(self.parts.begin()?, &self.schema)
    }
}

impl Writer for TableWriter {
    fn write(&mut self, encoded: Encoded) -> Result<(), SinkError> {
        let Payload::Batch(batch) = encoded.payload else {
            return Err(SinkError::Encode { format: "tables", reason: "not this sink's encoder".into() });
        };
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.rows += encoded.rows;
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.begin()?,
        };
        current.write(&batch)?;
        if current.bytes() >= self.roll_bytes {
            self.parts.close(current.close()?)?;
        } else {
            self.current = Some(current);
        }
        Ok(())
    }

    fn prepare(&mut self, end: Closing) -> Result<Prepared, SinkError> {
        if let Some(old) = self.current.take_if(|_| self.age.is_over(&mut self.began, end.now)) {
            self.parts.close(old.close()?)?;
        }
        Ok(Prepared::default())
    }

    fn due(&self) -> Option<i64> {
        self.current.as_ref().and_then(|_| self.age.due(self.began))
    }

    fn publish(&mut self, _permit: &CommitPermit, _prepared: &Prepared) -> Result<(), SinkError> {
        Ok(())
    }

    fn finish(&mut self) -> Result<SinkSummary, SinkError> {
        if self.current.is_none() && self.parts.is_empty() {
            self.current = Some(self.begin()?);
        }
        if let Some(current) = self.current.take() {
            self.parts.close(current.close()?)?;
        }
        self.parts.finish(self.rows)
    }
}

fn parquet_error(error: ParquetError) -> SinkError {
    SinkError::Encode { format: PARQUET, reason: error.to_string() }
}

fn ipc_error(error: ArrowError) -> SinkError {
    SinkError::Encode { format: ARROW, reason: error.to_string() }
}
