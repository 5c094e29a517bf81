//! Columns under construction: fields go in, an Arrow array comes out.
//!
//! Called by the CSV decoder, one column of a run of rows after the other, so that each loop does one thing to
//! values of one type. Invariant: after a fault a column holds a placeholder for that row, and the decoder takes it
//! out again with [`Column::truncate`].

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, BooleanArray, BooleanBufferBuilder, NullBufferBuilder, PrimitiveArray},
    buffer::ScalarBuffer,
    datatypes::{
        DataType, Field, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
        TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
        UInt64Type,
    },
};
use pelton_core::job::CsvDialect;

use super::{
    super::time::TimeReader,
    row,
    run::{FieldRules, Run},
    text::Texts,
    value::{self, Date, Decimal, Fault, Float32, Float64, Integer, Native, Parser, Timestamp},
};

/// A column of a batch that is being filled.
pub trait Column: Send {
    /// Adds field `field` of all rows; `bad` gets the rows where it is at fault, which hold a placeholder.
    fn push_run(&mut self, run: &Run<'_>, field: usize, bad: &mut Vec<usize>);

    /// Adds one field.
    fn push(&mut self, field: row::Field<'_>) -> Result<(), Fault>;

    fn truncate(&mut self, rows: usize);

    /// Everything pushed so far; the column is empty afterwards.
    fn finish(&mut self) -> ArrayRef;
}

/// A column of a type that can be read from text, or none.
pub fn column(field: &Field, dialect: &CsvDialect, rows: usize) -> Option<Box<dyn Column>> {
    let shared = Shared {
        rules: FieldRules::new(dialect),
        nullable: field.is_nullable(),
        validity: NullBufferBuilder::new(rows),
        rows,
    };
    let data_type = field.data_type();
    Some(match data_type {
        DataType::Boolean => Box::new(Booleans { shared, values: BooleanBufferBuilder::new(rows) }),
        DataType::Int8 => primitive(shared, Integer::<Int8Type>::new(), data_type),
        DataType::Int16 => primitive(shared, Integer::<Int16Type>::new(), data_type),
        DataType::Int32 => primitive(shared, Integer::<Int32Type>::new(), data_type),
        DataType::Int64 => primitive(shared, Integer::<Int64Type>::new(), data_type),
        DataType::UInt8 => primitive(shared, Integer::<UInt8Type>::new(), data_type),
        DataType::UInt16 => primitive(shared, Integer::<UInt16Type>::new(), data_type),
        DataType::UInt32 => primitive(shared, Integer::<UInt32Type>::new(), data_type),
        DataType::UInt64 => primitive(shared, Integer::<UInt64Type>::new(), data_type),
        DataType::Float32 => primitive(shared, Float32, data_type),
        DataType::Float64 => primitive(shared, Float64, data_type),
        DataType::Date32 => primitive(shared, Date { pattern: dialect.date_format.clone() }, data_type),
        DataType::Timestamp(unit, zone) => {
            let reader = TimeReader::new(*unit, zone.as_deref(), dialect.timestamp_format.as_deref())?;
            match unit {
                TimeUnit::Second => primitive(shared, Timestamp::<TimestampSecondType>::new(reader), data_type),
                TimeUnit::Millisecond => {
                    primitive(shared, Timestamp::<TimestampMillisecondType>::new(reader), data_type)
                }
                TimeUnit::Microsecond => {
                    primitive(shared, Timestamp::<TimestampMicrosecondType>::new(reader), data_type)
                }
                TimeUnit::Nanosecond => primitive(shared, Timestamp::<TimestampNanosecondType>::new(reader), data_type),
            }
        }
        DataType::Decimal128(precision, scale) => {
            let decimal = Decimal { precision: *precision, scale: u8::try_from(*scale).ok()? };
            primitive(shared, decimal, data_type)
        }
        DataType::Utf8 => Box::new(Texts::new(shared, true)),
        DataType::Binary => Box::new(Texts::new(shared, false)),
        _ => return None,
    })
}

fn primitive<P: Parser + 'static>(shared: Shared, parser: P, data_type: &DataType) -> Box<dyn Column> {
    let values = Vec::with_capacity(shared.rows);
    Box::new(Primitives { shared, parser, values, data_type: data_type.clone(), faults: Vec::new() })
}

/// What all columns have.
pub struct Shared {
    pub rules: FieldRules,
    pub nullable: bool,
    pub validity: NullBufferBuilder,
    /// Of a full batch.
    pub rows: usize,
}

impl Shared {
    /// Whether a field of a column other than text is null.
    fn is_null(&self, field: row::Field<'_>) -> Result<bool, Fault> {
        let null = field.text.is_empty() || !field.quoted && self.rules.is_null_token(field.text);
        if null && !self.nullable { Err(Fault::Null) } else { Ok(null) }
    }
}

/// Numbers, dates, times.
struct Primitives<P: Parser> {
    shared: Shared,
    parser: P,
    values: Vec<Native<P>>,
    data_type: DataType,
    /// Rows of a run that did not go the quick way.
    faults: Vec<usize>,
}

impl<P: Parser> Primitives<P> {
    /// Adds all fields, those that do not go the quick way as placeholders.
    #[inline(always)]
    fn push_quick(&mut self, run: &Run<'_>, spans: impl ExactSizeIterator<Item = (usize, usize)>) {
        let (parser, faults, bytes) = (&self.parser, &mut self.faults, run.bytes);
        self.values.extend(spans.enumerate().map(|(row, (start, end))| match parser.quick(bytes, start, end) {
            Some(value) => value,
            None => {
                put_aside(faults, row);
                Native::<P>::default()
            }
        }));
    }

    fn value(&self, field: row::Field<'_>) -> Result<Option<Native<P>>, Fault> {
        if self.shared.is_null(field)? { Ok(None) } else { self.parser.exact(field.text).map(Some) }
    }
}

impl<P: Parser> Column for Primitives<P> {
    fn push_run(&mut self, run: &Run<'_>, field: usize, bad: &mut Vec<usize>) {
        let base = self.values.len();
        self.faults.clear();
        if !self.shared.rules.are_plain() {
            self.values.resize(base + run.rows, Native::<P>::default());
            self.faults.extend(0..run.rows);
        } else if run.quoted {
            let (quote, bytes) = (self.shared.rules.quote, run.bytes);
            let within = |(start, end): (usize, usize)| {
                if bytes.get(start) == Some(&quote) { (start + 1, end.wrapping_sub(1)) } else { (start, end) }
            };
            self.push_quick(run, run.spans::<true>(field).map(within));
        } else if run.has_returns(field) {
            self.push_quick(run, run.spans::<true>(field));
        } else {
            self.push_quick(run, run.spans::<false>(field));
        }
        let (mut valid_from, mut scratch) = (0, Vec::new());
        for row in std::mem::take(&mut self.faults) {
            let field = self.shared.rules.field(run, row, field, &mut scratch);
            match self.value(field) {
                Ok(Some(value)) => {
                    if let Some(slot) = self.values.get_mut(base + row) {
                        *slot = value;
                    }
                }
                Ok(None) => {
                    self.shared.validity.append_n_non_nulls(row - valid_from);
                    self.shared.validity.append_null();
                    valid_from = row + 1;
                }
                Err(_) => bad.push(row),
            }
        }
        self.shared.validity.append_n_non_nulls(run.rows - valid_from);
    }

    fn push(&mut self, field: row::Field<'_>) -> Result<(), Fault> {
        let value = self.value(field)?;
        self.shared.validity.append(value.is_some());
        self.values.push(value.unwrap_or_default());
        Ok(())
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.shared.validity.truncate(rows);
    }

    fn finish(&mut self) -> ArrayRef {
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(self.shared.rows));
        let nulls = self.shared.validity.finish();
        let array = PrimitiveArray::<P::Type>::new(ScalarBuffer::from(values), nulls);
        Arc::new(array.with_data_type(self.data_type.clone()))
    }
}

/// Out of the loop's way.
#[cold]
#[inline(never)]
fn put_aside(faults: &mut Vec<usize>, row: usize) {
    faults.push(row);
}

/// Booleans.
struct Booleans {
    shared: Shared,
    values: BooleanBufferBuilder,
}

impl Column for Booleans {
    fn push_run(&mut self, run: &Run<'_>, field: usize, bad: &mut Vec<usize>) {
        let mut scratch = Vec::new();
        for row in 0..run.rows {
            let field = self.shared.rules.field(run, row, field, &mut scratch);
            if self.push(field).is_err() {
                bad.push(row);
                self.values.append(false);
                self.shared.validity.append_non_null();
            }
        }
    }

    fn push(&mut self, field: row::Field<'_>) -> Result<(), Fault> {
        let value = if self.shared.is_null(field)? { None } else { Some(value::boolean(field.text)?) };
        self.values.append(value.unwrap_or_default());
        self.shared.validity.append(value.is_some());
        Ok(())
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.shared.validity.truncate(rows);
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(BooleanArray::new(self.values.finish(), self.shared.validity.finish()))
    }
}
