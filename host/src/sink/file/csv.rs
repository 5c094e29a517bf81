//! CSV: RFC 4180 in the dialect of the job file, lines ended by a line feed.
//!
//! A field is quoted when it could be misread otherwise: it holds the delimiter, the quote, the escape, the comment character, a
//! line break, or a blank where the dialect trims; or it equals a null token.
//! Null is the first null token, or the empty field; an empty string in a nullable column is then `""`, so that
//! the two differ. Binary is written byte for byte, as the source reads it, and need not be UTF-8. `skip-lines` has no meaning for a sink.
//!
//! Invariant: what a reader of the same dialect reads is what was written, or the sink refuses to write it.

use arrow::{
    array::{Array, RecordBatch, new_empty_array},
    buffer::NullBuffer,
    datatypes::{DataType, Schema},
};
use pelton_core::job::CsvDialect;

use crate::sink::{
    SinkError,
    value::{
        digits::push_short,
        plain::{Plain, TimeFormats},
        strings::{Binaries, Strings, holds_any},
    },
};

const FORMAT: &str = "csv";

/// Bytes that numbers, booleans, dates and timestamps are made of.
const PLAIN_BYTES: &[u8] = b"0123456789+-.:TZaefilnrstuN";

/// Formats batches of one schema in one dialect.
#[derive(Debug)]
pub struct CsvFormatter {
    dialect: CsvDialect,
    formats: TimeFormats,
    null: Vec<u8>,
    /// Bytes that a field may hold only between quotes. Comments and blanks count wherever they are.
    specials: Vec<u8>,
    /// Numbers and times need a look before they are written as they are.
    check_plain: bool,
    /// By column.
    nullable: Vec<bool>,
}

impl CsvFormatter {
    /// Refuses types without a CSV form, and dialects that cannot be written.
    pub fn new(dialect: &CsvDialect, schema: &Schema) -> Result<Self, SinkError> {
        if schema.fields().is_empty() {
            return Err(SinkError::Columns { format: FORMAT, needs: "at least one column", count: 0 });
        }
        let formats = TimeFormats::new(FORMAT, dialect.date_format.as_deref(), dialect.timestamp_format.as_deref())?;
        for field in schema.fields() {
            let empty = new_empty_array(field.data_type());
            if Cells::bind(&empty, &formats).is_none() {
                return Err(SinkError::unsupported(FORMAT, field));
            }
        }
        let null = dialect.null_tokens.first().map(|token| token.clone().into_bytes()).unwrap_or_default();
        let formatter = Self {
            specials: specials(dialect),
            check_plain: plain_needs_check(dialect),
            nullable: schema.fields().iter().map(|field| field.is_nullable()).collect(),
            formats,
            null,
            dialect: dialect.clone(),
        };
        if holds_any(&formatter.null, &formatter.specials) {
            return Err(SinkError::Encode {
                format: FORMAT,
                reason: "the null token holds a delimiter, a quote or a line break".into(),
            });
        }
        Ok(formatter)
    }

    /// The line of column names; empty when the dialect has none.
    pub fn header(&self, schema: &Schema) -> Result<Vec<u8>, SinkError> {
        let mut out = Vec::new();
        if self.dialect.header {
            for (index, field) in schema.fields().iter().enumerate() {
                if index > 0 {
                    out.push(self.dialect.delimiter);
                }
                self.write_field(field.name().as_bytes(), false, &mut out)?;
            }
            out.push(b'\n');
        }
        Ok(out)
    }

    /// Appends all rows, each with its line feed.
    pub fn format(&self, rows: &RecordBatch, out: &mut Vec<u8>) -> Result<(), SinkError> {
        let mut columns = Vec::with_capacity(rows.num_columns());
        for (array, nullable) in rows.columns().iter().zip(&self.nullable) {
            columns.push(self.bind(array, *nullable)?);
        }
        // A line without any byte would not be a row to most readers.
        let alone = columns.len() == 1;
        let mut scratch = Vec::new();
        for row in 0..rows.num_rows() {
            let start = out.len();
            for column in &columns {
                self.write_cell(column, row, &mut scratch, out)?;
                out.push(self.dialect.delimiter);
            }
            out.pop();
            if alone
                && out.len() == start
                && let Some(quote) = self.dialect.quote
            {
                out.extend_from_slice(&[quote, quote]);
            }
            out.push(b'\n');
        }
        Ok(())
    }

    fn bind<'a>(&'a self, array: &'a dyn Array, nullable: bool) -> Result<Column<'a>, SinkError> {
        let cells = Cells::bind(array, &self.formats).ok_or_else(|| SinkError::Encode {
            format: FORMAT,
            reason: format!("a batch has a column of type {}", array.data_type()),
        })?;
        let checked = match &cells {
            Cells::Plain(plain) => self.check_plain || plain.has_form(),
            Cells::Text(strings) => strings.bytes().is_none_or(|bytes| holds_any(bytes, &self.specials)),
            Cells::Binary(_) => true,
            Cells::Null => false,
        };
        Ok(Column { nulls: array.nulls(), cells, checked, nullable })
    }

    /// Inlined with all below it: called for every value, that is a fifth of the time.
    #[inline(always)]
    fn write_cell(
        &self,
        column: &Column<'_>,
        row: usize,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), SinkError> {
        if column.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            out.extend_from_slice(&self.null);
            return Ok(());
        }
        match &column.cells {
            Cells::Plain(plain) if !column.checked => plain.write(row, out),
            Cells::Text(strings) => {
                let text = strings.value(row).as_bytes();
                if column.checked || self.means_null(text, column.nullable) {
                    return self.write_field(text, column.nullable, out);
                }
                push_short(text, out);
            }
            Cells::Plain(plain) => {
                scratch.clear();
                plain.write(row, scratch);
                return self.write_field(scratch, column.nullable, out);
            }
            Cells::Binary(binaries) => return self.write_field(binaries.value(row), column.nullable, out),
            Cells::Null => out.extend_from_slice(&self.null),
        }
        Ok(())
    }

    /// Writes a field, between quotes when it needs them.
    fn write_field(&self, text: &[u8], nullable: bool, out: &mut Vec<u8>) -> Result<(), SinkError> {
        if !self.needs_quotes(text, nullable) {
            out.extend_from_slice(text);
            return Ok(());
        }
        let Some(quote) = self.dialect.quote else {
            // Without quotes an empty string is the empty field, null or not.
            if text.is_empty() {
                return Ok(());
            }
            return Err(SinkError::Encode {
                format: FORMAT,
                reason: format!("`{}` needs quotes, and `quote` is off", text.escape_ascii()),
            });
        };
        let escape = self.dialect.escape.unwrap_or(quote);
        out.push(quote);
        for byte in text {
            if *byte == quote || *byte == escape {
                out.push(escape);
            }
            out.push(*byte);
        }
        out.push(quote);
        Ok(())
    }

    fn needs_quotes(&self, text: &[u8], nullable: bool) -> bool {
        self.means_null(text, nullable) || holds_any(text, &self.specials)
    }

    /// Whether a field of this text would be read as null if it had no quotes.
    #[inline]
    fn means_null(&self, text: &[u8], nullable: bool) -> bool {
        (text.is_empty() && nullable) || self.dialect.null_tokens.iter().any(|token| token.as_bytes() == text)
    }
}

/// A column of a batch and how it is written.
struct Column<'a> {
    nulls: Option<&'a NullBuffer>,
    cells: Cells<'a>,
    /// Its values must be searched one by one.
    checked: bool,
    nullable: bool,
}

enum Cells<'a> {
    Plain(Plain<'a>),
    Text(Strings<'a>),
    Binary(Binaries<'a>),
    Null,
}

impl<'a> Cells<'a> {
    fn bind(array: &'a dyn Array, formats: &'a TimeFormats) -> Option<Self> {
        if array.data_type() == &DataType::Null {
            return Some(Self::Null);
        }
        let plain = Plain::bind(array, formats).map(Self::Plain);
        plain.or_else(|| Strings::bind(array).map(Self::Text)).or_else(|| Binaries::bind(array).map(Self::Binary))
    }
}

fn specials(dialect: &CsvDialect) -> Vec<u8> {
    let mut specials = vec![dialect.delimiter, b'\n', b'\r'];
    specials.extend([dialect.quote, dialect.escape, dialect.comment].into_iter().flatten());
    if dialect.trim {
        specials.extend(b" \t");
    }
    specials
}

/// Whether a number or a time could be misread in this dialect: `1.5` where fields end at a point,
/// or `-1` where that means null.
fn plain_needs_check(dialect: &CsvDialect) -> bool {
    let marks = [Some(dialect.delimiter), dialect.quote, dialect.escape, dialect.comment];
    let marked = marks.into_iter().flatten().any(|mark| PLAIN_BYTES.contains(&mark));
    let is_value = |token: &str| {
        matches!(token, "true" | "false" | "NaN" | "inf" | "-inf")
            || token.bytes().any(|byte| byte.is_ascii_digit()) && token.bytes().all(|byte| PLAIN_BYTES.contains(&byte))
    };
    marked || dialect.null_tokens.iter().any(|token| is_value(token))
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
