//! Random schemas and values, with a liking for what breaks things: nulls, empty strings, NaN, the ends of every range.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

use crate::value::Value;

/// Lists and structs within each other, at most.
const DEPTH_MAX: u32 = 2;

/// Columns of all types, with names that are unique and not always tame.
pub fn fields(random: &mut StdRng) -> Vec<Field> {
    let count = if random.random_bool(0.02) { 0 } else { random.random_range(1..8) };
    (0..count).map(|index| field(&name(index, random), data_type(DEPTH_MAX, random), random)).collect()
}

/// Columns of scalar types alone.
pub fn scalar_fields(random: &mut StdRng) -> Vec<Field> {
    (0..random.random_range(1..8)).map(|index| field(&name(index, random), scalar_type(random), random)).collect()
}

fn field(name: &str, data_type: DataType, random: &mut StdRng) -> Field {
    Field::new(name, data_type, random.random_bool(0.6))
}

fn name(index: usize, random: &mut StdRng) -> String {
    match random.random_range(0..5) {
        0 => format!("é, \"{index}\""),
        1 => format!("{index}{}", "x".repeat(250)),
        _ => format!("c{index}"),
    }
}

fn data_type(depth: u32, random: &mut StdRng) -> DataType {
    let nested = |random: &mut StdRng| field("item", data_type(depth - 1, random), random);
    match random.random_range(0..20) {
        0 if depth > 0 => DataType::List(Arc::new(nested(random))),
        1 if depth > 0 => DataType::LargeList(Arc::new(nested(random))),
        2 | 3 if depth > 0 => {
            let fields = (0..random.random_range(0..4)).map(|index| nested(random).with_name(format!("f{index}")));
            DataType::Struct(Fields::from_iter(fields))
        }
        _ => scalar_type(random),
    }
}

pub fn scalar_type(random: &mut StdRng) -> DataType {
    match random.random_range(0..18) {
        0 => DataType::Boolean,
        1 => DataType::Int8,
        2 => DataType::Int16,
        3 => DataType::Int32,
        4 => DataType::Int64,
        5 => DataType::UInt8,
        6 => DataType::UInt16,
        7 => DataType::UInt32,
        8 => DataType::UInt64,
        9 => DataType::Float32,
        10 => DataType::Float64,
        11 => {
            if random.random() {
                DataType::Utf8
            } else {
                DataType::LargeUtf8
            }
        }
        12 => {
            if random.random() {
                DataType::Binary
            } else {
                DataType::LargeBinary
            }
        }
        13 => DataType::Date32,
        14 => DataType::Timestamp(TimeUnit::Second, zone(random)),
        15 => DataType::Timestamp(
            if random.random() { TimeUnit::Millisecond } else { TimeUnit::Microsecond },
            zone(random),
        ),
        16 => DataType::Timestamp(TimeUnit::Nanosecond, zone(random)),
        _ => {
            let precision = random.random_range(1..=38);
            DataType::Decimal128(precision, random.random_range(0..=precision) as i8)
        }
    }
}

fn zone(random: &mut StdRng) -> Option<Arc<str>> {
    let zones = [None, Some("UTC"), Some("Europe/Paris"), Some("-03:30")];
    zones.choose(random).copied().flatten().map(Arc::from)
}

/// How many rows: none, one, a few, or several batches.
pub fn row_count(random: &mut StdRng) -> usize {
    match random.random_range(0..60) {
        0..3 => 0,
        3..9 => 1,
        9..59 => random.random_range(2..150),
        _ => random.random_range(1_000..6_000),
    }
}

/// A column's values.
pub fn column(field: &Field, rows: usize, random: &mut StdRng) -> Vec<Value> {
    let nulls = [0.0, 0.1, 0.5, 1.0].choose(random).copied().unwrap_or_default();
    (0..rows).map(|_| nullable(field, nulls, random)).collect()
}

fn nullable(field: &Field, nulls: f64, random: &mut StdRng) -> Value {
    if field.is_nullable() && random.random_bool(nulls) { Value::Null } else { value(field.data_type(), random) }
}

/// A value that is not null.
pub fn value(data_type: &DataType, random: &mut StdRng) -> Value {
    match data_type {
        DataType::Boolean => Value::Bool(random.random()),
        DataType::Float32 => Value::Single(single(random).to_bits()),
        DataType::Float64 => Value::Double(double(random).to_bits()),
        DataType::Utf8 | DataType::LargeUtf8 => Value::Text(text(random)),
        DataType::Binary | DataType::LargeBinary => {
            Value::Bytes((0..random.random_range(0_usize..30).saturating_sub(8)).map(|_| random.random()).collect())
        }
        DataType::List(item) | DataType::LargeList(item) => {
            Value::List((0..random.random_range(0..4)).map(|_| nullable(item, 0.2, random)).collect())
        }
        DataType::Struct(fields) => Value::Struct(fields.iter().map(|field| nullable(field, 0.2, random)).collect()),
        other => {
            let (least, most) = range(other);
            let whole = match random.random_range(0..8) {
                0 => least,
                1 => most,
                2 => 0,
                3 => random.random_range(-2..3),
                4 => random.random_range(-1_000..1_000),
                _ => random.random_range(least..=most),
            };
            Value::Whole(whole.clamp(least, most))
        }
    }
}

/// The least and the largest value of a type of whole numbers.
pub fn range(data_type: &DataType) -> (i128, i128) {
    match data_type {
        DataType::Int8 => (i8::MIN.into(), i8::MAX.into()),
        DataType::Int16 => (i16::MIN.into(), i16::MAX.into()),
        DataType::Int32 | DataType::Date32 => (i32::MIN.into(), i32::MAX.into()),
        DataType::Int64 | DataType::Timestamp(..) => (i64::MIN.into(), i64::MAX.into()),
        DataType::UInt8 => (0, u8::MAX.into()),
        DataType::UInt16 => (0, u16::MAX.into()),
        DataType::UInt32 => (0, u32::MAX.into()),
        DataType::UInt64 => (0, u64::MAX.into()),
        DataType::Decimal128(precision, _) => {
            let most = 10_i128.pow(u32::from(*precision)) - 1;
            (-most, most)
        }
        other => unreachable!("{other} is not a type of whole numbers"),
    }
}

fn single(random: &mut StdRng) -> f32 {
    let edges =
        [0.0, -0.0, 1.0, f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, f32::MIN_POSITIVE];
    if random.random() { edges.choose(random).copied().unwrap_or_default() } else { f32::from_bits(random.random()) }
}

fn double(random: &mut StdRng) -> f64 {
    let edges =
        [0.0, -0.0, 1.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, f64::MIN_POSITIVE];
    if random.random() { edges.choose(random).copied().unwrap_or_default() } else { f64::from_bits(random.random()) }
}

fn text(random: &mut StdRng) -> String {
    const EDGES: [&str; 8] = ["", "", "a", "é", "日本語", "\0", "line\nbreak, \"quoted\"\r\n", "\u{feff}\u{10ffff}"];
    match random.random_range(0..20) {
        0 => "long".repeat(random.random_range(0..100)),
        1..10 => EDGES.choose(random).copied().unwrap_or_default().to_owned(),
        _ => (0..random.random_range(1..12)).map(|_| random.random::<char>()).collect(),
    }
}

#[test]
fn every_scalar_type_of_a_job_file_is_drawn() {
    use rand::SeedableRng;
    use std::{collections::HashSet, mem};
    let mut random = StdRng::seed_from_u64(1);
    let kind = |data_type: &DataType| match data_type {
        DataType::Timestamp(unit, _) => (mem::discriminant(data_type), Some(*unit)),
        other => (mem::discriminant(other), None),
    };
    let drawn: HashSet<_> = (0..2_000).map(|_| kind(&scalar_type(&mut random))).collect();
    for name in pelton_core::types::SCALAR_NAMES {
        let data_type = pelton_core::types::parse(name).expect("a type");
        assert!(drawn.contains(&kind(&data_type)), "{name} is never drawn");
    }
}
