//! The formats whose rows are text: CSV, JSON lines, and plain lines.
//!
//! ```text
//!  compute threads                                    sink thread
//!  batch ─► text ─► (compressed, when large enough) ─► part-00000.csv.gz, rolled by its size
//! ```
//!
//! Compressed text is a sequence of gzip members or zstd frames, each a chunk of whole rows, so that compression runs on
//! all threads and the bytes still depend on the rows alone. Chunks that are too small to compress well
//! are gathered by the writer first.

use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, SchemaRef},
};
use pelton_core::job::Format;

use super::{
    age::AgeLimit,
    compress::{Codec, MEMBER_BYTES_MIN},
    csv::CsvFormatter,
    parts::{Part, Parts},
};
use crate::checkpoint::CommitPermit;
use crate::sink::{
    Closing, Encoded, Encoder, Payload, Prepared, SinkError, SinkSummary, Writer,
    value::{
        json::{JsonColumn, JsonObject},
        plain::TimeFormats,
        strings::Strings,
    },
};

/// Turns batches into lines.
#[derive(Debug)]
pub enum RowFormatter {
    Csv(CsvFormatter),
    Json(TimeFormats),
    /// The values of the one column, each with a line feed; null is an empty line. A value that holds line feeds is
    /// several lines.
    Text,
}

impl RowFormatter {
    /// None: not a format of rows. Refuses types that the format has no form for.
    pub fn new(format: &Format, schema: &SchemaRef) -> Result<Option<Self>, SinkError> {
        Ok(Some(match format {
            Format::Csv(dialect) => Self::Csv(CsvFormatter::new(dialect, schema)?),
            Format::Json(options) => {
                let formats =
                    TimeFormats::new("json", options.date_format.as_deref(), options.timestamp_format.as_deref())?;
                for field in schema.fields() {
                    let empty = arrow::array::new_empty_array(field.data_type());
                    if JsonColumn::bind(&empty, &formats).is_none() {
                        return Err(SinkError::unsupported("json", field));
                    }
                }
                Self::Json(formats)
            }
            Format::Text => {
                let [field] = schema.fields().as_ref() else {
                    let count = schema.fields().len();
                    return Err(SinkError::Columns { format: "text", needs: "exactly one utf8 column", count });
                };
                if !matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
                    return Err(SinkError::unsupported("text", field));
                }
                Self::Text
            }
            Format::Parquet | Format::Ipc => return Ok(None),
        }))
    }

    /// What every part begins with.
    pub fn header(&self, schema: &SchemaRef) -> Result<Vec<u8>, SinkError> {
        match self {
            Self::Csv(formatter) => formatter.header(schema),
            Self::Json(_) | Self::Text => Ok(Vec::new()),
        }
    }

    fn format(&self, rows: &RecordBatch, out: &mut Vec<u8>) -> Result<(), SinkError> {
        let mismatch = |format| SinkError::Encode { format, reason: "a batch has other types than the sink".into() };
        match self {
            Self::Csv(formatter) => formatter.format(rows, out)?,
            Self::Json(formats) => {
                let schema = rows.schema_ref();
                let columns = schema.fields().iter().map(AsRef::as_ref).zip(rows.columns().iter().map(AsRef::as_ref));
                let object = JsonObject::bind(columns, formats).ok_or_else(|| mismatch("json"))?;
                for row in 0..rows.num_rows() {
                    object.write(row, out);
                    out.push(b'\n');
                }
            }
            Self::Text => {
                let array = rows.columns().first().ok_or_else(|| mismatch("text"))?;
                let strings = Strings::bind(array).ok_or_else(|| mismatch("text"))?;
                for row in 0..rows.num_rows() {
                    if array.is_valid(row) {
                        out.extend_from_slice(strings.value(row).as_bytes());
                    }
                    out.push(b'\n');
                }
            }
        }
        Ok(())
    }
}

/// Buffers on their way back from the writer to the encoders.
#[derive(Debug, Default)]
pub struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    const KEPT_MAX: usize = 32;
    /// A buffer that one giant batch has blown up is not kept.
    const KEPT_BYTES_MAX: usize = 8 << 20;

    fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(super) fn give(&self, mut buffer: Vec<u8>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < Self::KEPT_MAX && buffer.capacity() <= Self::KEPT_BYTES_MAX {
            buffer.clear();
            kept.push(buffer);
        }
    }
}

/// Formats and compresses on a compute thread.
pub struct RowEncoder {
    pub formatter: Arc<RowFormatter>,
    pub codec: Option<Codec>,
    pub buffers: Arc<Buffers>,
    /// Bytes of the last batch's text: what to expect of the next.
    pub expected: usize,
}

impl Encoder for RowEncoder {
    fn encode(&mut self, rows: &RecordBatch) -> Result<Encoded, SinkError> {
        let mut text = self.buffers.take();
        text.reserve(self.expected);
        self.formatter.format(rows, &mut text)?;
        self.expected = text.len();
        let payload = match self.codec {
            Some(codec) if text.len() >= MEMBER_BYTES_MIN => {
                let mut member = self.buffers.take();
                codec.compress(&text, &mut member)?;
                self.buffers.give(text);
                Payload::Compressed(member)
            }
            _ => Payload::Bytes(text),
        };
        Ok(Encoded { rows: rows.num_rows() as u64, payload })
    }
}

/// Puts chunks of rows into parts, in canonical order.
pub struct RowWriter {
    current: Option<RowPart>,
    parts: Parts,
    header: Vec<u8>,
    codec: Option<Codec>,
    /// Text that waits to be compressed.
    pending: Vec<u8>,
    roll_bytes: u64,
    age: AgeLimit,
    buffers: Arc<Buffers>,
    rows: u64,
}

struct RowPart {
    part: Part,
    /// Bytes of the part so far, as on disk.
    bytes: u64,
    /// Processing time of its first epoch.
    began: Option<i64>,
}

impl RowWriter {
    pub fn new(
        parts: Parts,
        header: Vec<u8>,
        codec: Option<Codec>,
        (roll_bytes, age): (u64, AgeLimit),
        buffers: Arc<Buffers>,
    ) -> Self {
        Self { current: None, parts, header, codec, pending: Vec::new(), roll_bytes, age, buffers, rows: 0 }
    }

    fn begin(&mut self) -> Result<RowPart, SinkError> {
        let mut current = RowPart { part: self.parts.begin()?, bytes: 0, began: None };
        if self.codec.is_some() {
            self.pending.extend_from_slice(&self.header);
        } else {
            current.append(&self.header)?;
        }
        Ok(current)
    }

    fn put(&mut self, current: &mut RowPart, payload: Payload) -> Result<(), SinkError> {
        let bytes = match payload {
            Payload::Bytes(text) if self.codec.is_some() => {
                self.pending.extend_from_slice(&text);
                if self.pending.len() >= MEMBER_BYTES_MIN {
                    self.compress_pending(current)?;
                }
                text
            }
            Payload::Bytes(text) => {
                current.append(&text)?;
                text
            }
            Payload::Compressed(member) => {
                self.compress_pending(current)?;
                current.append(&member)?;
                member
            }
            Payload::Batch(_) | Payload::Checksums(_) | Payload::Rows { .. } | Payload::Folders(_) => {
                return Err(SinkError::Encode { format: "rows", reason: "not this sink's encoder".into() });
            }
        };
        self.buffers.give(bytes);
        Ok(())
    }

    fn compress_pending(&mut self, current: &mut RowPart) -> Result<(), SinkError> {
        if let Some(codec) = self.codec
            && !self.pending.is_empty()
        {
            let mut member = self.buffers.take();
            codec.compress(&self.pending, &mut member)?;
            self.pending.clear();
            current.append(&member)?;
            self.buffers.give(member);
        }
        Ok(())
    }

    fn close(&mut self, mut current: RowPart) -> Result<(), SinkError> {
        self.compress_pending(&mut current)?;
        if self.codec.is_some() && current.bytes == 0 {
            // A compressed file without a member is not a compressed file.
            let mut member = Vec::new();
            self.codec.into_iter().try_for_each(|codec| codec.compress(&[], &mut member))?;
            current.append(&member)?;
        }
        self.parts.close(current.part)
    }
}

impl RowPart {
    fn append(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.bytes += bytes.len() as u64;
        self.part.write_all(bytes).map_err(|source| self.part.error("write", source))
    }
}

impl Writer for RowWriter {
    fn write(&mut self, encoded: Encoded) -> Result<(), SinkError> {
        if encoded.rows == 0 {
            return Ok(());
        }
        self.rows += encoded.rows;
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.begin()?,
        };
        self.put(&mut current, encoded.payload)?;
        if current.bytes >= self.roll_bytes {
            self.close(current)?;
        } else {
            self.current = Some(current);
        }
        Ok(())
    }

    fn prepare(&mut self, end: Closing) -> Result<Prepared, SinkError> {
        if let Some(old) = self.current.take_if(|current| self.age.is_over(&mut current.began, end.now)) {
            self.close(old)?;
        }
        Ok(Prepared::default())
    }

    fn due(&self) -> Option<i64> {
        self.current.as_ref().and_then(|current| self.age.due(current.began))
    }

    fn publish(&mut self, _permit: &CommitPermit, _prepared: &Prepared) -> Result<(), SinkError> {
        Ok(())
    }

    fn finish(&mut self) -> Result<SinkSummary, SinkError> {
        if self.current.is_none() && self.parts.is_empty() {
            self.current = Some(self.begin()?);
        }
        if let Some(current) = self.current.take() {
            self.close(current)?;
        }
        self.parts.finish(self.rows)
    }
}
