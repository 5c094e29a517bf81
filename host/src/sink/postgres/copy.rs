//! Rows as `COPY … (FORMAT binary)` takes them, made on compute threads.
//!
//! ```text
//!  columns: i16 │ for each: length: i32, -1 for null │ value         all big endian
//! ```
//!
//! Invariant: what can be known here to be refused by the server is refused here, before its epoch is committed, with the row: nulls where none
//! may be, numbers that are too large, texts that are too long, NUL characters, times out of range.

use std::sync::{Arc, OnceLock};

use arrow::{
    array::{
        Array, AsArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Int64Array, PrimitiveArray,
        RecordBatch, UInt64Array,
    },
    compute::cast,
    datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, TimeUnit, UInt64Type},
};

use super::{
    FORMAT, PostgresError,
    form::Form,
    numeric,
    table::{Column, Layout},
};
use crate::sink::{
    Encoded, Encoder, Payload, SinkError, hash_of,
    value::{
        json::{JsonColumn, JsonObject},
        plain::TimeFormats,
        strings::{Binaries, Strings},
    },
};

/// Days and microseconds from 1970 to 2000, where PostgreSQL's time begins.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;
/// From 4714 BC on, for 5,874,897 and 294,276 years: PostgreSQL's own bounds.
const DAYS: std::ops::Range<i32> = -2_451_545..2_145_031_949;
const MICROS: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;

/// Characters of a row that an error shows.
const SHOWN_MAX: usize = 300;

/// Turns batches into rows of the server's table.
pub struct CopyEncoder {
    /// Unset: nobody writes, and only the hash is wanted.
    layout: Arc<OnceLock<Layout>>,
    table: String,
    formats: TimeFormats,
    /// Bytes of the last batch's rows: what to expect of the next.
    expected: usize,
}

impl CopyEncoder {
    pub fn new(layout: Arc<OnceLock<Layout>>, table: String) -> Self {
        Self { layout, table, formats: TimeFormats::default(), expected: 0 }
    }

    fn rows(&self, rows: &RecordBatch, layout: &Layout) -> Result<Vec<u8>, SinkError> {
        let mut out = Vec::with_capacity(self.expected);
        let columns = layout.columns.iter().zip(rows.columns());
        let bound = columns.map(|(column, array)| {
            let array: &dyn Array = array.as_ref();
            Some((column, array, Cells::bind(array, column, &self.formats)?))
        });
        let cells: Vec<(&Column, &dyn Array, Cells<'_>)> =
            bound.collect::<Option<_>>().filter(|cells: &Vec<_>| cells.len() == layout.columns.len()).ok_or_else(
                || SinkError::Encode { format: FORMAT, reason: "a batch has other types than the sink".into() },
            )?;
        let count = i16::try_from(cells.len()).unwrap_or(i16::MAX);
        for row in 0..rows.num_rows() {
            out.extend(count.to_be_bytes());
            for (column, array, cells) in &cells {
                let put = if array.is_null(row) || matches!(cells, Cells::Null) {
                    out.extend((-1_i32).to_be_bytes());
                    if column.is_required { Err(column.null_reason().to_owned()) } else { Ok(()) }
                } else {
                    cells.put(column.form, row, &mut out)
                };
                put.map_err(|reason| self.refused(column, reason, rows, row))?;
            }
        }
        Ok(out)
    }

    fn refused(&self, column: &Column, reason: String, rows: &RecordBatch, row: usize) -> SinkError {
        let schema = rows.schema_ref();
        let columns = schema.fields().iter().map(AsRef::as_ref).zip(rows.columns().iter().map(AsRef::as_ref));
        let mut json = Vec::new();
        if let Some(object) = JsonObject::bind(columns, &self.formats) {
            object.write(row, &mut json);
        }
        let json = String::from_utf8_lossy(&json);
        let mut shown: String = json.chars().take(SHOWN_MAX).collect();
        if shown.len() < json.len() {
            shown.push('…');
        }
        PostgresError::Value { table: self.table.clone(), column: column.name.clone(), reason, row: shown }.into()
    }
}

impl Encoder for CopyEncoder {
    fn encode(&mut self, rows: &RecordBatch) -> Result<Encoded, SinkError> {
        let bytes = match self.layout.get() {
            Some(layout) => self.rows(rows, layout)?,
            None => Vec::new(),
        };
        self.expected = bytes.len();
        Ok(Encoded { rows: rows.num_rows() as u64, payload: Payload::Rows { bytes, hash: hash_of(rows) } })
    }
}

/// A column of a batch, bound to what writes its values.
enum Cells<'a> {
    Null,
    Bool(&'a BooleanArray),
    Int(Int64Array),
    Unsigned(&'a UInt64Array),
    Float4(&'a Float32Array),
    Float8(PrimitiveArray<Float64Type>),
    Decimal(&'a Decimal128Array, i8),
    Text(Strings<'a>),
    Bytes(Binaries<'a>),
    Date(&'a Date32Array),
    Time(Int64Array, TimeUnit),
    Json(JsonColumn<'a>),
}

impl<'a> Cells<'a> {
    /// None: the column is not what the sink was opened with.
    fn bind(array: &'a dyn Array, column: &Column, formats: &'a TimeFormats) -> Option<Self> {
        let integers = || cast(array, &DataType::Int64).ok()?.as_primitive_opt::<Int64Type>().cloned();
        let floats = || cast(array, &DataType::Float64).ok()?.as_primitive_opt::<Float64Type>().cloned();
        Some(match (array.data_type(), column.form) {
            (DataType::Null, _) => Self::Null,
            (DataType::Boolean, _) => Self::Bool(array.as_boolean_opt()?),
            (DataType::Float32, Form::Float4) => Self::Float4(array.as_primitive_opt()?),
            (_, Form::Float8) => Self::Float8(floats()?),
            (DataType::UInt64, _) => Self::Unsigned(array.as_primitive_opt::<UInt64Type>()?),
            (
                DataType::Int8
                | DataType::Int16
                | DataType::Int32
                | DataType::Int64
                | DataType::UInt8
                | DataType::UInt16
                | DataType::UInt32,
                _,
            ) => Self::Int(integers()?),
            (DataType::Decimal128(_, scale), _) => Self::Decimal(array.as_primitive_opt::<Decimal128Type>()?, *scale),
            (DataType::Date32, _) => Self::Date(array.as_primitive_opt()?),
            (DataType::Timestamp(unit, _), _) => Self::Time(integers()?, *unit),
            (DataType::List(_) | DataType::LargeList(_) | DataType::Struct(_), _) => {
                Self::Json(JsonColumn::bind(array, formats)?)
            }
            _ => match (Strings::bind(array), Binaries::bind(array)) {
                (Some(strings), _) => Self::Text(strings),
                (None, Some(binaries)) => Self::Bytes(binaries),
                (None, None) => return None,
            },
        })
    }

    /// Writes a value that is not null, with its length before it.
    fn put(&self, form: Form, row: usize, out: &mut Vec<u8>) -> Result<(), String> {
        match self {
            Self::Null => fixed(&[], out),
            Self::Bool(array) => fixed(&[u8::from(array.value(row))], out),
            Self::Int(array) => return integer(i128::from(array.value(row)), form, out),
            Self::Unsigned(array) => return integer(i128::from(array.value(row)), form, out),
            Self::Float4(array) => fixed(&array.value(row).to_be_bytes(), out),
            Self::Float8(array) => fixed(&array.value(row).to_be_bytes(), out),
            Self::Decimal(array, scale) => sized(out, |out| numeric::write(array.value(row), *scale, out))?,
            Self::Text(strings) => return text(strings.value(row), form, out),
            Self::Bytes(binaries) => sized(out, |out| out.extend_from_slice(binaries.value(row)))?,
            Self::Date(array) => {
                let days = array.value(row).checked_sub(EPOCH_DAYS).filter(|days| DAYS.contains(days));
                fixed(&days.ok_or("PostgreSQL has no such date")?.to_be_bytes(), out);
            }
            Self::Time(array, unit) => {
                let micros = micros(array.value(row), *unit).and_then(|micros| micros.checked_sub(EPOCH_MICROS));
                let micros = micros.filter(|micros| MICROS.contains(micros));
                fixed(&micros.ok_or("PostgreSQL has no such time")?.to_be_bytes(), out);
            }
            Self::Json(column) => return json(form, out, |out| column.write(row, out)),
        }
        Ok(())
    }
}

/// A value whose length is known.
fn fixed(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend((bytes.len() as i32).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// A value whose length shows.
fn sized(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), String> {
    let at = out.len();
    out.extend([0; 4]);
    write(out);
    let length = i32::try_from(out.len() - at - 4).map_err(|_| "it is longer than 2 GiB".to_owned())?;
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

fn integer(value: i128, form: Form, out: &mut Vec<u8>) -> Result<(), String> {
    let large = |kind: &str| format!("{value} is out of the range of {kind}");
    match form {
        Form::Int2 => fixed(&i16::try_from(value).map_err(|_| large("smallint"))?.to_be_bytes(), out),
        Form::Int4 => fixed(&i32::try_from(value).map_err(|_| large("integer"))?.to_be_bytes(), out),
        Form::Numeric => sized(out, |out| numeric::write(value, 0, out))?,
        _ => fixed(&i64::try_from(value).map_err(|_| large("bigint"))?.to_be_bytes(), out),
    }
    Ok(())
}

fn text(value: &str, form: Form, out: &mut Vec<u8>) -> Result<(), String> {
    if memchr::memchr(0, value.as_bytes()).is_some() {
        return Err("its text has a NUL character, which PostgreSQL cannot hold".into());
    }
    match form {
        Form::Uuid => fixed(&uuid(value).ok_or("its text is no UUID")?, out),
        Form::Json | Form::Jsonb => {
            serde_json::from_str::<serde::de::IgnoredAny>(value).map_err(|_| "its text is no JSON")?;
            return json(form, out, |out| out.extend_from_slice(value.as_bytes()));
        }
        Form::Text { chars_max: Some(most) } if value.len() > most && value.chars().count() > most => {
            return Err(format!("its text has more than {most} characters"));
        }
        _ => sized(out, |out| out.extend_from_slice(value.as_bytes()))?,
    }
    Ok(())
}

/// `jsonb` has the version of its form in front.
fn json(form: Form, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), String> {
    if form != Form::Jsonb {
        return sized(out, write);
    }
    let at = out.len();
    sized(out, |out| {
        out.push(1);
        write(out);
    })?;
    if has_escaped_nul(out.get(at..).unwrap_or_default()) {
        return Err("its text has a NUL character, which jsonb cannot hold".into());
    }
    Ok(())
}

/// `\u0000`, where the backslash is not escaped itself.
fn has_escaped_nul(json: &[u8]) -> bool {
    memchr::memmem::find_iter(json, b"\\u0000").any(|at| {
        let before = json.get(..at).unwrap_or_default();
        before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0
    })
}

/// 32 hexadecimal digits, with or without the usual hyphens.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let is_hyphen = |index: usize| matches!(index, 8 | 13 | 18 | 23);
    let digits: Vec<u8> = match text.len() {
        32 => text.bytes().collect(),
        36 if text.bytes().enumerate().all(|(index, byte)| (byte == b'-') == is_hyphen(index)) => {
            text.bytes().filter(|byte| *byte != b'-').collect()
        }
        _ => return None,
    };
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(high? * 16 + low?).ok()?;
    }
    Some(bytes)
}

fn micros(value: i64, unit: TimeUnit) -> Option<i64> {
    match unit {
        TimeUnit::Second => value.checked_mul(1_000_000),
        TimeUnit::Millisecond => value.checked_mul(1_000),
        TimeUnit::Microsecond => Some(value),
        TimeUnit::Nanosecond => Some(value.div_euclid(1_000)),
    }
}

#[cfg(test)]
#[path = "copy_tests.rs"]
mod tests;
