//! Tables of rows that are made up: ordinary values and edges of each type, nulls where a column takes them.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array,
        Int16Array, Int32Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray,
        TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt8Array, UInt16Array,
        UInt32Array, UInt32Builder, UInt64Array,
    },
    compute,
    datatypes::{DataType, SchemaRef, TimeUnit},
};

use super::Broken;

/// A stream of random words: SplitMix64 (Steele, Lea and Flood, 2014).
pub(super) struct Words(pub(super) u64);

impl Words {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.word() % bound.max(1) as u64).unwrap_or(0)
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.below(from.len())).cloned()
    }
}

/// How wild values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// Every edge that a type has.
    Edges,
    /// Such as sums can be compared of: no overflow, no infinity.
    Tame,
}

/// A table of up to `rows` rows.
pub(super) fn table(schema: &SchemaRef, rows: usize, values: Values, words: &mut Words) -> Result<RecordBatch, Broken> {
    let rows = 1 + words.below(rows);
    let columns: Result<Vec<ArrayRef>, Broken> = schema
        .fields()
        .iter()
        .map(|field| {
            let unknown = || Broken::Type { column: field.name().clone(), kind: field.data_type().to_string() };
            column(field.data_type(), field.is_nullable(), rows, values, words).ok_or_else(unknown)
        })
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns?, &options).expect("columns are of the schema"))
}

/// `table` without the rows from `start` on.
pub(super) fn without(table: &RecordBatch, start: usize, count: usize) -> RecordBatch {
    let mut kept = UInt32Builder::new();
    for row in (0..table.num_rows()).filter(|row| *row < start || *row >= start + count) {
        kept.append_value(u32::try_from(row).unwrap_or(u32::MAX));
    }
    let kept = kept.finish();
    let take = |column: &ArrayRef| compute::take(column, &kept, None).expect("rows of the table");
    let columns: Vec<ArrayRef> = table.columns().iter().map(take).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(kept.len()));
    RecordBatch::try_new_with_options(table.schema(), columns, &options).expect("columns are of the schema")
}

/// One value in six is an edge, one in five a null where there may be any.
fn column(data_type: &DataType, nullable: bool, rows: usize, values: Values, words: &mut Words) -> Option<ArrayRef> {
    macro_rules! numbers {
        ($array:ty, $value:ty, $edges:expr) => {{
            let edges: Vec<$value> = if values == Values::Edges { $edges } else { vec![0 as $value] };
            let column: Vec<Option<$value>> = (0..rows)
                .map(|_| match words.below(30) {
                    0..6 if nullable => None,
                    6..11 => words.pick(&edges),
                    _ => Some(words.below(200) as $value),
                })
                .collect();
            Arc::new(<$array>::from(column)) as ArrayRef
        }};
    }
    macro_rules! integers {
        ($array:ty, $value:ty) => {
            numbers!($array, $value, vec![0, 1, <$value>::MIN, <$value>::MAX, <$value>::MAX / 2])
        };
    }
    macro_rules! floats {
        ($array:ty, $value:ty) => {
            numbers!(
                $array,
                $value,
                vec![
                    0.0,
                    -0.0,
                    -1.5,
                    <$value>::MIN,
                    <$value>::MAX,
                    <$value>::INFINITY,
                    <$value>::NEG_INFINITY,
                    <$value>::NAN
                ]
            )
        };
    }
    // Moments that every unit can hold in microseconds.
    const SECONDS: i64 = 9_000_000_000;
    macro_rules! timestamps {
        ($array:ty, $zone:expr, $scale:expr) => {{
            let column = numbers!($array, i64, vec![0, -1, 1, SECONDS * $scale, -SECONDS * $scale]);
            match $zone {
                Some(zone) => {
                    let with = DataType::Timestamp(
                        match $scale {
                            1 => TimeUnit::Second,
                            1_000 => TimeUnit::Millisecond,
                            1_000_000 => TimeUnit::Microsecond,
                            _ => TimeUnit::Nanosecond,
                        },
                        Some(Arc::clone(zone)),
                    );
                    compute::cast(&column, &with).ok()?
                }
                None => column,
            }
        }};
    }
    Some(match data_type {
        DataType::Boolean => {
            let column: Vec<Option<bool>> = (0..rows)
                .map(|_| if nullable && words.below(5) == 0 { None } else { Some(words.below(2) == 0) })
                .collect();
            Arc::new(BooleanArray::from(column))
        }
        DataType::Int8 => integers!(Int8Array, i8),
        DataType::Int16 => integers!(Int16Array, i16),
        DataType::Int32 => integers!(Int32Array, i32),
        DataType::Int64 => integers!(Int64Array, i64),
        DataType::UInt8 => integers!(UInt8Array, u8),
        DataType::UInt16 => integers!(UInt16Array, u16),
        DataType::UInt32 => integers!(UInt32Array, u32),
        DataType::UInt64 => integers!(UInt64Array, u64),
        DataType::Float32 => floats!(Float32Array, f32),
        DataType::Float64 => floats!(Float64Array, f64),
        // The years 1 to 9999, which every language has.
        DataType::Date32 => numbers!(Date32Array, i32, vec![0, -1, -719_162, 2_932_896]),
        DataType::Timestamp(TimeUnit::Second, zone) => timestamps!(TimestampSecondArray, zone, 1),
        DataType::Timestamp(TimeUnit::Millisecond, zone) => timestamps!(TimestampMillisecondArray, zone, 1_000),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => timestamps!(TimestampMicrosecondArray, zone, 1_000_000),
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => timestamps!(TimestampNanosecondArray, zone, 1_000_000_000),
        DataType::Decimal128(precision, scale) => {
            let most = 10_i128.checked_pow(u32::from(*precision))?.checked_sub(1)?;
            let column: Vec<Option<i128>> = (0..rows)
                .map(|_| match words.below(30) {
                    0..6 if nullable => None,
                    6..11 => words.pick(&[0, 1, -1, most, -most]),
                    _ => Some((words.below(200) as i128).min(most)),
                })
                .collect();
            Arc::new(Decimal128Array::from(column).with_precision_and_scale(*precision, *scale).ok()?)
        }
        DataType::Utf8 => Arc::new(StringArray::from(texts(nullable, rows, words))),
        DataType::Binary => {
            let texts = texts(nullable, rows, words);
            Arc::new(texts.iter().map(|text| text.as_ref().map(|text| text.as_bytes())).collect::<BinaryArray>())
        }
        _ => return None,
    })
}

fn texts(nullable: bool, rows: usize, words: &mut Words) -> Vec<Option<String>> {
    const EDGES: [&str; 9] =
        ["", " ", "\0", "a\nb\tc", "\"quoted\", 'single'", "Zwölf Boxkämpfer", "🦀 日本", "\u{feff}x", "-1e999"];
    (0..rows)
        .map(|_| match words.below(30) {
            0..6 if nullable => None,
            6..12 => words.pick(&EDGES).map(str::to_owned),
            12 => Some("long ".repeat(words.below(300))),
            _ => {
                Some(format!("{} {}", ["bid", "ask", "warn:", "x"].get(words.below(4)).unwrap_or(&""), words.below(50)))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use arrow::{array::Array, datatypes::Schema};
    use pelton_core::types;

    use super::*;

    #[test]
    fn every_type_has_rows_and_a_seed_always_gives_the_same() {
        let text = "struct<a: bool?, b: s8, c: s64?, d: u64, e: f32, f: f64?, g: utf8?, h: binary, i: date, j: timestamp[s], k: timestamp[ns]?, l: decimal(10, 2)?>";
        let Ok(DataType::Struct(fields)) = types::parse(text) else { panic!("types") };
        let schema = Arc::new(Schema::new(fields));
        let table_of = |seed| table(&schema, 50, Values::Edges, &mut Words(seed)).expect("rows");
        assert_eq!(format!("{:?}", table_of(7)), format!("{:?}", table_of(7)));
        assert_ne!(format!("{:?}", table_of(7)), format!("{:?}", table_of(8)));
        assert!(table_of(1).columns().iter().any(|column| column.null_count() > 0));
    }

    #[test]
    fn rows_are_left_out_where_they_are_named() {
        let schema = Arc::new(Schema::new(vec![arrow::datatypes::Field::new("n", DataType::Int64, false)]));
        let table = RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from(vec![0, 1, 2, 3]))]).expect("a table");
        assert_eq!(without(&table, 1, 2).column(0).as_ref(), &Int64Array::from(vec![0, 3]));
    }
}
