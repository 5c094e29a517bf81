//! The row formats by name: what each has to say about heads, schemas, row ends and decoders.
//!
//! Called by the sources of plain files and of streams; everything that differs between CSV, JSON lines and text
//! is behind this.

use arrow::datatypes::{Schema, SchemaRef};
use pelton_core::job::{CsvDialect, Format, JsonOptions};

use super::{
    csv::{self, CsvFormat, RowScanner},
    json::{self, JsonDecoder},
    lines::{BYTE_ORDER_MARK, Head, RowDecoder, is_beginning},
    text::{self, TextDecoder},
};
use crate::source::SourceError;

/// A row of more bytes is rejected whatever the job says: it would not fit into a batch of text.
pub const ROW_BYTES_MAX: usize = 1 << 30;

/// How the rows of one source are read.
#[derive(Debug, Clone)]
pub enum RowFormat {
    Csv(CsvFormat),
    Json(JsonOptions, LineFormat),
    Text(LineFormat),
}

/// What JSON lines and text have in common.
#[derive(Debug, Clone)]
pub struct LineFormat {
    schema: SchemaRef,
    batch_rows: usize,
    max_row_bytes: usize,
}

impl RowFormat {
    /// `format` with the columns of `schema`; the reason if it cannot have such columns.
    pub fn new(format: &Format, schema: SchemaRef, batch_rows: usize, max_row_bytes: usize) -> Result<Self, String> {
        let max_row_bytes = max_row_bytes.min(ROW_BYTES_MAX);
        let lines = |schema| LineFormat { schema, batch_rows, max_row_bytes };
        match format {
            Format::Csv(dialect) => {
                let format = CsvFormat { dialect: dialect.clone(), schema, batch_rows, max_row_bytes };
                format.check().map(|()| Self::Csv(format))
            }
            Format::Json(options) => {
                json::check(&schema, options)?;
                Ok(Self::Json(options.clone(), lines(schema)))
            }
            Format::Text => {
                text::check(&schema)?;
                Ok(Self::Text(lines(schema)))
            }
            other => Err(not_rows(other)),
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::Json(..) => "json",
            Self::Text(_) => "text",
        }
    }

    pub fn schema(&self) -> &SchemaRef {
        match self {
            Self::Csv(format) => &format.schema,
            Self::Json(_, lines) | Self::Text(lines) => &lines.schema,
        }
    }

    pub fn max_row_bytes(&self) -> usize {
        match self {
            Self::Csv(format) => format.max_row_bytes,
            Self::Json(_, lines) | Self::Text(lines) => lines.max_row_bytes,
        }
    }

    /// Whether every newline ends a row, wherever it stands.
    pub fn rows_end_at_newlines(&self) -> bool {
        match self {
            Self::Csv(format) => format.dialect.quote.is_none(),
            Self::Json(..) | Self::Text(_) => true,
        }
    }

    /// Finds row ends in bytes that begin with a row.
    pub fn scanner(&self) -> RowScanner {
        match self {
            Self::Csv(format) => RowScanner::new(&format.dialect),
            // A row is one field that only a newline ends.
            Self::Json(..) | Self::Text(_) => {
                RowScanner::new(&CsvDialect { delimiter: b'\n', quote: None, ..CsvDialect::default() })
            }
        }
    }

    /// A decoder of these columns, or metadata columns, in this order, for inputs with this head.
    pub fn decoder(&self, columns: &[String], head: &Head, file: &str) -> Result<Box<dyn RowDecoder>, SourceError> {
        match self {
            Self::Csv(format) => Ok(Box::new(format.decoder(columns, head, file)?)),
            Self::Json(options, LineFormat { schema, batch_rows, max_row_bytes }) => {
                Ok(Box::new(JsonDecoder::new(schema, columns, options, *batch_rows, *max_row_bytes)?))
            }
            Self::Text(LineFormat { schema, batch_rows, max_row_bytes }) => {
                Ok(Box::new(TextDecoder::new(schema, columns, *batch_rows, *max_row_bytes)?))
            }
        }
    }
}

/// The head of an input from its first bytes; `at_end`: they are all there is. None if more are needed.
pub fn head(format: &Format, bytes: &[u8], at_end: bool) -> Result<Option<Head>, String> {
    match format {
        Format::Csv(dialect) => csv::head(bytes, at_end, dialect),
        Format::Json(_) | Format::Text if !at_end && is_beginning(BYTE_ORDER_MARK, bytes) => Ok(None),
        Format::Json(_) | Format::Text => {
            let mark = if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
            Ok(Some(Head { rows_at: mark as u64, names: None }))
        }
        other => Err(not_rows(other)),
    }
}

/// The columns of the rows in `sample`, which follow `head`.
pub fn infer(format: &Format, sample: &[u8], at_end: bool, head: &Head) -> Result<Schema, String> {
    match format {
        Format::Csv(dialect) => csv::infer(sample, at_end, dialect, head),
        Format::Json(_) => json::infer(sample, at_end),
        Format::Text => Ok(text::schema()),
        other => Err(not_rows(other)),
    }
}

fn not_rows(format: &Format) -> String {
    format!("{} is not a format of rows", format.name())
}
