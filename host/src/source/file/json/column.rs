//! Columns that grow by one JSON value at a time, and can take rows back.
//!
//! An [`super::object::Object`] owns one for each field that the job reads. Invariant: when a row fails in its middle,
//! `truncate` brings every column back to the rows before it, so a bad row leaves no trace.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, ArrowPrimitiveType, BooleanArray, BooleanBufferBuilder, NullBufferBuilder, PrimitiveArray},
    datatypes::{
        DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
        Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use pelton_core::{job::JsonOptions, types};

use super::{
    super::time::TimeReader,
    fault::Problem,
    list::List,
    number::{Decimal, Float, Integer},
    object::Object,
    scan::Scanner,
    string::{Binary, Utf8},
    time::Date,
};

/// A growing column.
pub trait Column: Send {
    /// Reads a value that is not null and appends it. After an error the column may hold half a value: truncate it.
    fn append(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem>;

    /// Appends a null, whether or not the column's own field has nulls: a struct that is null masks its fields.
    fn append_null(&mut self);

    fn len(&self) -> usize;

    /// Keeps the first `len` values, and nothing of a half appended one.
    fn truncate(&mut self, len: usize);

    /// Takes the column, which is then empty and keeps its capacity in mind.
    fn finish(&mut self) -> ArrayRef;
}

/// The column of a field. The error is the reason why JSON cannot be read as its type.
pub fn column(field: &Field, options: &JsonOptions) -> Result<Box<dyn Column>, String> {
    let data_type = field.data_type();
    Ok(match data_type {
        DataType::Boolean => {
            Box::new(Booleans { values: BooleanBufferBuilder::new(0), nulls: NullBufferBuilder::new(0) })
        }
        DataType::Int8 => Primitive::<Int8Type, _>::boxed(data_type, Integer),
        DataType::Int16 => Primitive::<Int16Type, _>::boxed(data_type, Integer),
        DataType::Int32 => Primitive::<Int32Type, _>::boxed(data_type, Integer),
        DataType::Int64 => Primitive::<Int64Type, _>::boxed(data_type, Integer),
        DataType::UInt8 => Primitive::<UInt8Type, _>::boxed(data_type, Integer),
        DataType::UInt16 => Primitive::<UInt16Type, _>::boxed(data_type, Integer),
        DataType::UInt32 => Primitive::<UInt32Type, _>::boxed(data_type, Integer),
        DataType::UInt64 => Primitive::<UInt64Type, _>::boxed(data_type, Integer),
        DataType::Float32 => Primitive::<Float32Type, _>::boxed(data_type, Float),
        DataType::Float64 => Primitive::<Float64Type, _>::boxed(data_type, Float),
        DataType::Decimal128(precision, scale) => {
            Primitive::<Decimal128Type, _>::boxed(data_type, Decimal::new(*precision, *scale))
        }
        DataType::Utf8 => Box::new(Utf8::default()),
        DataType::Binary => Box::new(Binary::default()),
        DataType::Date32 => Primitive::<Date32Type, _>::boxed(data_type, Date { form: options.date_format.clone() }),
        DataType::Timestamp(unit, zone) => {
            let reader = TimeReader::new(*unit, zone.as_deref(), options.timestamp_format.as_deref())
                .ok_or_else(|| format!("there is no time zone `{}`", zone.as_deref().unwrap_or_default()))?;
            match unit {
                TimeUnit::Second => Primitive::<TimestampSecondType, _>::boxed(data_type, reader),
                TimeUnit::Millisecond => Primitive::<TimestampMillisecondType, _>::boxed(data_type, reader),
                TimeUnit::Microsecond => Primitive::<TimestampMicrosecondType, _>::boxed(data_type, reader),
                TimeUnit::Nanosecond => Primitive::<TimestampNanosecondType, _>::boxed(data_type, reader),
            }
        }
        DataType::List(item) => Box::new(List::new(Arc::clone(item), options)?),
        DataType::Struct(fields) => Box::new(super::object::StructColumn::new(Object::new(fields.clone(), options)?)),
        other => {
            return Err(format!("JSON cannot be read as {} (column `{}`)", types::name(other), field.name()));
        }
    })
}

/// Reads one value of a fixed width.
pub trait ReadValue<T>: Send {
    fn read(&mut self, scanner: &mut Scanner<'_>) -> Result<T, Problem>;
}

/// A column of numbers, dates or times.
struct Primitive<T: ArrowPrimitiveType, R> {
    data_type: DataType,
    values: Vec<T::Native>,
    nulls: NullBufferBuilder,
    reader: R,
}

impl<T: ArrowPrimitiveType, R: ReadValue<T::Native> + 'static> Primitive<T, R> {
    fn boxed(data_type: &DataType, reader: R) -> Box<dyn Column> {
        let data_type = data_type.clone();
        Box::new(Self { data_type, values: Vec::new(), nulls: NullBufferBuilder::new(0), reader })
    }
}

impl<T: ArrowPrimitiveType, R: ReadValue<T::Native>> Column for Primitive<T, R> {
    #[inline]
    fn append(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        self.values.push(self.reader.read(scanner)?);
        self.nulls.append_non_null();
        Ok(())
    }

    fn append_null(&mut self) {
        self.values.push(T::default_value());
        self.nulls.append_null();
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
        self.nulls.truncate(len);
    }

    fn finish(&mut self) -> ArrayRef {
        let values = take(&mut self.values);
        Arc::new(PrimitiveArray::<T>::new(values.into(), self.nulls.finish()).with_data_type(self.data_type.clone()))
    }
}

struct Booleans {
    values: BooleanBufferBuilder,
    nulls: NullBufferBuilder,
}

impl Column for Booleans {
    fn append(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        let value = match scanner.peek() {
            Some(b't') if scanner.eat_all(b"true") => true,
            Some(b'f') if scanner.eat_all(b"false") => false,
            _ => return Err(Problem::Unfit),
        };
        self.values.append(value);
        self.nulls.append_non_null();
        Ok(())
    }

    fn append_null(&mut self) {
        self.values.append(false);
        self.nulls.append_null();
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
        self.nulls.truncate(len);
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(BooleanArray::new(self.values.finish(), self.nulls.finish()))
    }
}

/// Takes a vector and leaves an empty one of the same size: the next batch will be like this one.
pub fn take<T>(values: &mut Vec<T>) -> Vec<T> {
    let next = Vec::with_capacity(values.len());
    std::mem::replace(values, next)
}
