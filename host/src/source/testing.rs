//! What the tests of the sources share: reading a source whole, and sample columns of every type.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

use arrow::{
    array::{
        Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
        Int8Array, Int16Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
        TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
        UInt8Array, UInt16Array, UInt32Array, UInt64Array, types::Int64Type,
    },
    compute::concat_batches,
    datatypes::{DataType, Field, Schema},
};

use super::{Decoded, Emit, Next, Range, Source, SourceError};

/// All ranges, in canonical order.
pub fn ranges(source: &dyn Source) -> Result<Vec<Range>, SourceError> {
    let mut planner = source.planner()?;
    let mut ranges = Vec::new();
    loop {
        match planner.next(None)? {
            Next::Range(range) => ranges.push(range),
            Next::Pending => panic!("pending without a deadline"),
            Next::End => return Ok(ranges),
        }
    }
}

/// All batches of these columns, in canonical order.
pub fn read(source: &dyn Source, columns: &[&str]) -> Result<Vec<RecordBatch>, SourceError> {
    let columns: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
    let mut decoder = source.decoder(&columns)?;
    let mut batches = Vec::new();
    let mut keep = |decoded: Decoded| {
        batches.push(decoded.rows);
        Emit::Continue
    };
    ranges(source)?.iter().try_for_each(|range| decoder.decode(range, &mut keep))?;
    Ok(batches)
}

/// All rows of these columns.
pub fn read_rows(source: &dyn Source, columns: &[&str]) -> RecordBatch {
    let batches = read(source, columns).expect("readable");
    let schema = batches.first().expect("some rows").schema();
    concat_batches(&schema, &batches).expect("batches of one schema")
}

/// All columns of a source, by name.
pub fn names(source: &dyn Source) -> Vec<String> {
    source.schema().fields().iter().map(|field| field.name().clone()).collect()
}

/// Every type that columns have, each row with nulls here and there; `first` is added to the values.
pub fn every_type(first: i64, rows: usize) -> RecordBatch {
    let numbers = || (first..).take(rows);
    let some = |number: i64, every: i64| (number % every != 0).then_some(number);
    let text =
        |number: i64| some(number, 4).map(|number| "é".repeat(number.rem_euclid(7) as usize) + &number.to_string());
    let list = |number: i64| some(number, 3).map(|number| (0..number % 4).map(move |item| (item != 1).then_some(item)));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("bool", Arc::new(BooleanArray::from_iter(numbers().map(|n| some(n, 5).map(|n| n % 2 == 0))))),
        ("s8", Arc::new(Int8Array::from_iter(numbers().map(|n| some(n, 5).map(|n| n as i8))))),
        ("s16", Arc::new(Int16Array::from_iter(numbers().map(|n| some(n, 5).map(|n| n as i16))))),
        ("s32", Arc::new(Int32Array::from_iter(numbers().map(|n| some(n, 5).map(|n| n as i32))))),
        ("s64", Arc::new(Int64Array::from_iter_values(numbers().map(|n| n.wrapping_mul(i64::MAX / 3))))),
        ("u8", Arc::new(UInt8Array::from_iter(numbers().map(|n| some(n, 5).map(|n| n as u8))))),
        ("u16", Arc::new(UInt16Array::from_iter(numbers().map(|n| some(n, 5).map(|n| n as u16))))),
        ("u32", Arc::new(UInt32Array::from_iter(numbers().map(|n| some(n, 5).map(|n| u32::MAX - n as u32))))),
        ("u64", Arc::new(UInt64Array::from_iter(numbers().map(|n| some(n, 5).map(|n| u64::MAX - n as u64))))),
        ("f32", Arc::new(Float32Array::from_iter(numbers().map(|n| some(n, 5).map(|n| n as f32 / 3.0))))),
        ("f64", Arc::new(Float64Array::from_iter(numbers().map(|n| some(n, 5).map(|n| n as f64 / 3.0))))),
        ("utf8", Arc::new(StringArray::from_iter(numbers().map(text)))),
        ("binary", Arc::new(BinaryArray::from_iter(numbers().map(|n| some(n, 5).map(|n| n.to_le_bytes()))))),
        ("date", Arc::new(Date32Array::from_iter(numbers().map(|n| some(n, 5).map(|n| n as i32))))),
        ("ts_s", Arc::new(TimestampSecondArray::from_iter(numbers().map(|n| some(n, 5))))),
        ("ts_ms", Arc::new(TimestampMillisecondArray::from_iter(numbers().map(|n| some(n, 5))))),
        ("ts_us", Arc::new(TimestampMicrosecondArray::from_iter_values(numbers()).with_timezone("Europe/Paris"))),
        ("ts_ns", Arc::new(TimestampNanosecondArray::from_iter(numbers().map(|n| some(n, 5))).with_timezone("UTC"))),
        (
            "decimal",
            Arc::new(
                Decimal128Array::from_iter(numbers().map(|n| some(n, 5).map(|n| i128::from(n) * 10_i128.pow(12))))
                    .with_precision_and_scale(38, 4)
                    .expect("a decimal"),
            ),
        ),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(numbers().map(list)))),
        ("struct", nested(&numbers().map(text).collect::<Vec<_>>(), rows)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| {
        let nullable = !["s64", "ts_us"].contains(&name);
        (name, array, nullable)
    }))
    .expect("equal lengths")
}

/// struct<word: utf8?, at: struct<n: s64>>
fn nested(words: &[Option<String>], rows: usize) -> ArrayRef {
    let inner = StructArray::from(vec![(
        Arc::new(Field::new("n", DataType::Int64, false)),
        Arc::new(Int64Array::from_iter_values(0..rows as i64)) as ArrayRef,
    )]);
    Arc::new(StructArray::from(vec![
        (
            Arc::new(Field::new("word", DataType::Utf8, true)),
            Arc::new(StringArray::from_iter(words.iter().map(Option::as_deref))) as ArrayRef,
        ),
        (Arc::new(Field::new("at", inner.data_type().clone(), false)), Arc::new(inner) as ArrayRef),
    ]))
}

/// The same values in the encodings that plain columns come from.
pub fn encoded(rows: &RecordBatch) -> RecordBatch {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let item = Arc::new(Field::new("element", DataType::Int64, true));
    let columns = [
        ("dictionary", "utf8", dictionary),
        ("large_utf8", "utf8", DataType::LargeUtf8),
        ("utf8_view", "utf8", DataType::Utf8View),
        ("large_binary", "binary", DataType::LargeBinary),
        ("binary_view", "binary", DataType::BinaryView),
        ("large_list", "list", DataType::LargeList(item)),
        ("date64", "date", DataType::Date64),
        ("half", "f32", DataType::Float16),
    ]
    .map(|(name, from, to)| {
        let from = rows.column_by_name(from).expect("a sample column");
        (name, arrow::compute::cast(from, &to).expect("an encoding of it"), true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).expect("equal lengths")
}

/// What [`encoded`] columns are given as.
pub fn decoded(rows: &RecordBatch) -> RecordBatch {
    let columns = encoded(rows).schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    let half = arrow::compute::cast(&rows["f32"], &DataType::Float16).expect("a number");
    let half = arrow::compute::cast(&half, &DataType::Float32).expect("a number");
    let plain = ["utf8", "utf8", "utf8", "binary", "binary", "list", "date"].map(|name| Arc::clone(&rows[name]));
    let arrays: Vec<ArrayRef> = plain.into_iter().chain([half]).collect();
    let fields: Vec<_> =
        columns.iter().zip(&arrays).map(|(name, array)| Field::new(name, array.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("equal lengths")
}

/// Calls `each` for a file cut off at every length, shortest last.
pub fn every_cut(path: &Path, mut each: impl FnMut(usize)) {
    let whole = fs::metadata(path).expect("a file").len();
    let file = OpenOptions::new().write(true).open(path).expect("a file");
    for length in (0..whole).rev() {
        file.set_len(length).expect("shortened");
        each(length as usize);
    }
}

/// Calls `each` for a file with every byte changed in turn: a low bit, a high bit, or all.
pub fn every_flip(path: &Path, mut each: impl FnMut(usize)) {
    let good = fs::read(path).expect("a file");
    let file = OpenOptions::new().write(true).open(path).expect("a file");
    for ((place, byte), flip) in good.iter().enumerate().zip([0x01, 0x80, 0xff].into_iter().cycle()) {
        file.write_all_at(&[byte ^ flip], place as u64).expect("changed");
        each(place);
        file.write_all_at(&[*byte], place as u64).expect("restored");
    }
}
