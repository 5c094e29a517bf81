//! Values to Arrow arrays and back.
//!
//! What a null hides is filled with random values, as real batches have it: a host that looks there is found out.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, GenericByteArray, GenericListArray,
        OffsetSizeTrait, PrimitiveArray, RecordBatch, RecordBatchOptions, StructArray,
    },
    buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer},
    datatypes::{
        BinaryType, ByteArrayType, DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int8Type,
        Int16Type, Int32Type, Int64Type, LargeBinaryType, LargeUtf8Type, SchemaRef, TimeUnit, TimestampMicrosecondType,
        TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
        UInt64Type, Utf8Type,
    },
};
use rand::{Rng, rngs::StdRng};

use crate::{
    draw,
    value::{Row, Value},
};

/// A batch of `rows` rows, one list of values for each column. Its arrays are often parts of longer ones.
pub fn batch(schema: &SchemaRef, columns: &[Vec<Value>], rows: usize, random: &mut StdRng) -> RecordBatch {
    let [before, after] = if random.random() { [0, 0] } else { [0; 2].map(|_| random.random_range(0..20)) };
    let arrays = schema.fields().iter().zip(columns).map(|(field, values)| {
        let mut longer = draw::column(field, before, random);
        longer.extend_from_slice(values);
        longer.extend(draw::column(field, after, random));
        array(field, &longer, random).slice(before, rows)
    });
    let arrays = arrays.collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options).expect("arrays of the schema's types")
}

/// Nulls in a column that is not nullable are those of the struct that it is in.
fn array(field: &Field, values: &[Value], random: &mut StdRng) -> ArrayRef {
    let has_null = values.contains(&Value::Null);
    let nulls = (has_null || field.is_nullable() && random.random())
        .then(|| NullBuffer::from_iter(values.iter().map(|value| *value != Value::Null)));
    let mut filled = values.to_vec();
    for value in filled.iter_mut().filter(|value| **value == Value::Null) {
        *value = draw::value(field.data_type(), random);
    }
    match field.data_type() {
        DataType::Boolean => {
            let bits = BooleanBuffer::from_iter(filled.iter().map(|value| *value == Value::Bool(true)));
            Arc::new(BooleanArray::new(bits, nulls))
        }
        DataType::Int8 => primitive::<Int8Type>(field, &filled, nulls, |value| whole(value) as i8),
        DataType::Int16 => primitive::<Int16Type>(field, &filled, nulls, |value| whole(value) as i16),
        DataType::Int32 => primitive::<Int32Type>(field, &filled, nulls, |value| whole(value) as i32),
        DataType::Int64 => primitive::<Int64Type>(field, &filled, nulls, |value| whole(value) as i64),
        DataType::UInt8 => primitive::<UInt8Type>(field, &filled, nulls, |value| whole(value) as u8),
        DataType::UInt16 => primitive::<UInt16Type>(field, &filled, nulls, |value| whole(value) as u16),
        DataType::UInt32 => primitive::<UInt32Type>(field, &filled, nulls, |value| whole(value) as u32),
        DataType::UInt64 => primitive::<UInt64Type>(field, &filled, nulls, |value| whole(value) as u64),
        DataType::Date32 => primitive::<Date32Type>(field, &filled, nulls, |value| whole(value) as i32),
        DataType::Decimal128(..) => primitive::<Decimal128Type>(field, &filled, nulls, whole),
        DataType::Timestamp(unit, _) => {
            let time = |value: &Value| whole(value) as i64;
            match unit {
                TimeUnit::Second => primitive::<TimestampSecondType>(field, &filled, nulls, time),
                TimeUnit::Millisecond => primitive::<TimestampMillisecondType>(field, &filled, nulls, time),
                TimeUnit::Microsecond => primitive::<TimestampMicrosecondType>(field, &filled, nulls, time),
                TimeUnit::Nanosecond => primitive::<TimestampNanosecondType>(field, &filled, nulls, time),
            }
        }
        DataType::Float32 => primitive::<Float32Type>(field, &filled, nulls, |value| match value {
            Value::Single(bits) => f32::from_bits(*bits),
            other => unreachable!("{other:?} in {field}"),
        }),
        DataType::Float64 => primitive::<Float64Type>(field, &filled, nulls, |value| match value {
            Value::Double(bits) => f64::from_bits(*bits),
            other => unreachable!("{other:?} in {field}"),
        }),
        DataType::Utf8 => strings::<Utf8Type>(&filled, nulls),
        DataType::LargeUtf8 => strings::<LargeUtf8Type>(&filled, nulls),
        DataType::Binary => strings::<BinaryType>(&filled, nulls),
        DataType::LargeBinary => strings::<LargeBinaryType>(&filled, nulls),
        DataType::List(item) => list::<i32>(item, &filled, nulls, random),
        DataType::LargeList(item) => list::<i64>(item, &filled, nulls, random),
        DataType::Struct(fields) => {
            // Some writers mark what a null struct hides as null, too.
            let masked = random.random();
            let columns = fields.iter().enumerate().map(|(at, child)| {
                let values: Vec<_> = values
                    .iter()
                    .zip(&filled)
                    .map(|(value, filled)| match (value, filled) {
                        (Value::Null, _) if masked => Value::Null,
                        (_, Value::Struct(values)) => values.get(at).expect("a value for each field").clone(),
                        (_, other) => unreachable!("{other:?} in {field}"),
                    })
                    .collect();
                array(child, &values, random)
            });
            let columns = columns.collect();
            let made = StructArray::try_new_with_length(fields.clone(), columns, nulls, values.len());
            Arc::new(made.expect("a valid struct"))
        }
        other => unreachable!("{other} is not drawn"),
    }
}

fn whole(value: &Value) -> i128 {
    match value {
        Value::Whole(whole) => *whole,
        other => unreachable!("{other:?} is not a whole number"),
    }
}

fn primitive<T: ArrowPrimitiveType>(
    field: &Field,
    values: &[Value],
    nulls: Option<NullBuffer>,
    native: impl Fn(&Value) -> T::Native,
) -> ArrayRef {
    let values = ScalarBuffer::from_iter(values.iter().map(native));
    Arc::new(PrimitiveArray::<T>::new(values, nulls).with_data_type(field.data_type().clone()))
}

fn strings<T: ByteArrayType>(values: &[Value], nulls: Option<NullBuffer>) -> ArrayRef {
    let parts = || {
        values.iter().map(|value| match value {
            Value::Text(text) => text.as_bytes(),
            Value::Bytes(bytes) => bytes,
            other => unreachable!("{other:?} is not a string"),
        })
    };
    let offsets = OffsetBuffer::from_lengths(parts().map(<[u8]>::len));
    let bytes: Vec<u8> = parts().flatten().copied().collect();
    Arc::new(GenericByteArray::<T>::new(offsets, Buffer::from_vec(bytes), nulls))
}

fn list<O: OffsetSizeTrait>(
    item: &Arc<Field>,
    values: &[Value],
    nulls: Option<NullBuffer>,
    random: &mut StdRng,
) -> ArrayRef {
    let lists = || {
        values.iter().map(|value| match value {
            Value::List(items) => items,
            other => unreachable!("{other:?} is not a list"),
        })
    };
    let offsets = OffsetBuffer::from_lengths(lists().map(Vec::len));
    let items: Vec<Value> = lists().flatten().cloned().collect();
    let items = array(item, &items, random);
    Arc::new(GenericListArray::<O>::new(Arc::clone(item), offsets, items, nulls))
}

/// The rows of a batch, read cell by cell.
pub fn rows(batch: &RecordBatch) -> impl Iterator<Item = Row> {
    (0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| value(column, row)).collect())
}

fn value(array: &ArrayRef, row: usize) -> Value {
    fn number<T: ArrowPrimitiveType>(array: &ArrayRef, row: usize) -> T::Native {
        array.as_primitive::<T>().value(row)
    }
    fn text<O: OffsetSizeTrait>(array: &ArrayRef, row: usize) -> Value {
        Value::Text(array.as_string::<O>().value(row).to_owned())
    }
    fn bytes<O: OffsetSizeTrait>(array: &ArrayRef, row: usize) -> Value {
        Value::Bytes(array.as_binary::<O>().value(row).to_vec())
    }
    fn items<O: OffsetSizeTrait>(array: &ArrayRef, row: usize) -> Value {
        let items = array.as_list::<O>().value(row);
        Value::List((0..items.len()).map(|item| value(&items, item)).collect())
    }
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int8 => Value::Whole(number::<Int8Type>(array, row).into()),
        DataType::Int16 => Value::Whole(number::<Int16Type>(array, row).into()),
        DataType::Int32 => Value::Whole(number::<Int32Type>(array, row).into()),
        DataType::Int64 => Value::Whole(number::<Int64Type>(array, row).into()),
        DataType::UInt8 => Value::Whole(number::<UInt8Type>(array, row).into()),
        DataType::UInt16 => Value::Whole(number::<UInt16Type>(array, row).into()),
        DataType::UInt32 => Value::Whole(number::<UInt32Type>(array, row).into()),
        DataType::UInt64 => Value::Whole(number::<UInt64Type>(array, row).into()),
        DataType::Date32 => Value::Whole(number::<Date32Type>(array, row).into()),
        DataType::Decimal128(..) => Value::Whole(number::<Decimal128Type>(array, row)),
        DataType::Timestamp(unit, _) => Value::Whole(i128::from(match unit {
            TimeUnit::Second => number::<TimestampSecondType>(array, row),
            TimeUnit::Millisecond => number::<TimestampMillisecondType>(array, row),
            TimeUnit::Microsecond => number::<TimestampMicrosecondType>(array, row),
            TimeUnit::Nanosecond => number::<TimestampNanosecondType>(array, row),
        })),
        DataType::Float32 => Value::Single(number::<Float32Type>(array, row).to_bits()),
        DataType::Float64 => Value::Double(number::<Float64Type>(array, row).to_bits()),
        DataType::Utf8 => text::<i32>(array, row),
        DataType::LargeUtf8 => text::<i64>(array, row),
        DataType::Binary => bytes::<i32>(array, row),
        DataType::LargeBinary => bytes::<i64>(array, row),
        DataType::List(_) => items::<i32>(array, row),
        DataType::LargeList(_) => items::<i64>(array, row),
        DataType::Struct(_) => {
            Value::Struct(array.as_struct().columns().iter().map(|column| value(column, row)).collect())
        }
        other => unreachable!("{other} is not drawn"),
    }
}
