//! Tables of rows that are made up: ordinary values and edges of each type, nulls where a column takes them.
//!
//! Keys are of a few, so that they have several rows; event times lie within an hour; side tables have some of the values of the rows
//! that look them up, and are empty now and then.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
        Int8Array, Int16Array, Int32Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
        TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
        UInt8Array, UInt16Array, UInt32Array, UInt64Array,
    },
    compute,
    datatypes::{DataType, FieldRef, SchemaRef, TimeUnit},
};
use pelton_core::contract::{Input, SideTable};

use super::{
    Broken, Subject,
    given::{Given, Part},
};

/// A stream of random words: SplitMix64 (Steele, Lea and Flood, 2014).
pub(super) struct Words(pub(super) u64);

impl Words {
    pub(super) fn word(&mut self) -> u64 {
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
    /// The same with fractions, of which a sum has no exact inverse.
    Fractions,
}

/// Keys that a table has at most.
const KEYS: usize = 5;
/// Where event times begin, in seconds since 1970 UTC, and how many seconds they are apart at most.
const TIMES: Range<usize> = 1_699_996_000..1_699_999_600;

/// What a module is called with: up to `rows` rows for each input, and for each side table.
pub(super) fn given(subject: &Subject, rows: usize, values: Values, words: &mut Words) -> Result<Given, Broken> {
    let pool = keys(&subject.inputs, values, words)?;
    let mut parts = Vec::new();
    for input in &subject.inputs {
        let rows = input_rows(input, rows, &pool, values, words)?;
        parts.push(Part { name: input.name.to_string(), rows });
    }
    let known: Vec<ArrayRef> = parts.iter().flat_map(|part| part.rows.columns()).cloned().collect();
    for offered in &subject.offered {
        let rows = side_table(offered, rows, &known, values, words)?;
        parts.push(Part { name: offered.name.clone(), rows });
    }
    Ok(Given { inputs: subject.inputs.len(), parts, replies: Vec::new() })
}

/// Some keys, one column for each of the key's.
fn keys(inputs: &[Input], values: Values, words: &mut Words) -> Result<Vec<ArrayRef>, Broken> {
    let Some(first) = inputs.first() else { return Ok(Vec::new()) };
    let count = 1 + words.below(KEYS);
    let columns = first.key.iter().enumerate().filter_map(|(at, name)| {
        let fields = inputs.iter().filter_map(|input| input.schema.field_with_name(input.key.get(at)?).ok());
        let may_be_null = fields.collect::<Vec<_>>().iter().all(|field| field.is_nullable());
        let field = first.schema.field_with_name(name).ok()?;
        let made = column(field.data_type(), may_be_null, count, values, words);
        Some(made.ok_or_else(|| unknown(field)))
    });
    columns.collect()
}

fn input_rows(
    input: &Input,
    rows: usize,
    keys: &[ArrayRef],
    values: Values,
    words: &mut Words,
) -> Result<RecordBatch, Broken> {
    let rows = 1 + words.below(rows);
    let count = keys.first().map_or(0, |column| column.len());
    let chosen: UInt32Array = (0..rows).map(|_| u32::try_from(words.below(count)).ok()).collect();
    let columns: Result<Vec<ArrayRef>, Broken> = input
        .schema
        .fields()
        .iter()
        .map(|field| {
            let of_key = input.key.iter().position(|name| name == field.name()).and_then(|at| keys.get(at));
            if let Some(key) = of_key {
                return Ok(compute::take(key, &chosen, None).expect("a row of the keys"));
            }
            if input.event_time.as_deref().is_some_and(|name| name == field.name()) {
                return times(field, rows, words).ok_or_else(|| unknown(field));
            }
            column(field.data_type(), field.is_nullable(), rows, values, words).ok_or_else(|| unknown(field))
        })
        .collect();
    Ok(batch(&input.schema, columns?, rows))
}

/// Event times, of which each but a few is later than the one before.
fn times(field: &FieldRef, rows: usize, words: &mut Words) -> Option<ArrayRef> {
    let span = TIMES.len();
    let seconds = (0..rows).map(|row| {
        let on = TIMES.start + span * row / rows;
        i64::try_from(if words.below(5) == 0 { TIMES.start + words.below(span) } else { on }).ok()
    });
    let seconds: TimestampSecondArray = seconds.collect();
    compute::cast(&seconds, field.data_type()).ok()
}

/// One table in four is empty; of the values of the others half are some that rows have.
fn side_table(
    table: &SideTable,
    rows: usize,
    known: &[ArrayRef],
    values: Values,
    words: &mut Words,
) -> Result<RecordBatch, Broken> {
    let rows = if words.below(4) == 0 { 0 } else { 1 + words.below(rows) };
    let columns: Result<Vec<ArrayRef>, Broken> = table
        .schema
        .fields()
        .iter()
        .map(|field| {
            let made = column(field.data_type(), field.is_nullable(), rows, values, words);
            let made = made.ok_or_else(|| unknown(field))?;
            let alike: Vec<&ArrayRef> =
                known.iter().filter(|column| column.data_type() == field.data_type() && !column.is_empty()).collect();
            let Some(like) = words.pick(&alike) else { return Ok(made) };
            let sources: [&dyn Array; 2] = [made.as_ref(), like.as_ref()];
            let places: Vec<(usize, usize)> = (0..rows)
                .map(|row| {
                    let at = words.below(like.len());
                    let fits = field.is_nullable() || like.is_valid(at);
                    if fits && words.below(2) == 0 { (1, at) } else { (0, row) }
                })
                .collect();
            Ok(compute::interleave(&sources, &places).expect("rows of columns of one type"))
        })
        .collect();
    Ok(batch(&table.schema, columns?, rows))
}

fn unknown(field: &arrow::datatypes::Field) -> Broken {
    Broken::Type { column: field.name().clone(), kind: field.data_type().to_string() }
}

/// A table of the columns, which may be none.
pub(super) fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> RecordBatch {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).expect("columns are of the schema")
}

/// These rows of `table`, in this order.
pub(super) fn rows_of(table: &RecordBatch, rows: impl IntoIterator<Item = usize>) -> RecordBatch {
    let rows: UInt32Array = rows.into_iter().map(|row| u32::try_from(row).ok()).collect();
    let take = |column: &ArrayRef| compute::take(column, &rows, None).expect("rows of the table");
    batch(&table.schema(), table.columns().iter().map(take).collect(), rows.len())
}

/// `table` without the rows from `start` on.
pub(super) fn without(table: &RecordBatch, start: usize, count: usize) -> RecordBatch {
    rows_of(table, (0..table.num_rows()).filter(|row| *row < start || *row >= start + count))
}

/// One value in six is an edge, one in five a null where there may be any.
fn column(data_type: &DataType, nullable: bool, rows: usize, values: Values, words: &mut Words) -> Option<ArrayRef> {
    macro_rules! numbers {
        ($array:ty, $value:ty, $edges:expr) => {
            numbers!($array, $value, $edges, |word: usize| word as $value)
        };
        ($array:ty, $value:ty, $edges:expr, $usual:expr) => {{
            let edges: Vec<$value> = if values == Values::Edges { $edges } else { vec![0 as $value] };
            let column: Vec<Option<$value>> = (0..rows)
                .map(|_| match words.below(30) {
                    0..6 if nullable => None,
                    6..11 => words.pick(&edges),
                    _ => Some($usual(words.below(200))),
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
                ],
                |word: usize| if values == Values::Fractions { word as $value / 10.0 } else { word as $value }
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
    use arrow::datatypes::{Field, Schema};
    use pelton_core::{contract::Mode, types};

    use super::*;

    fn input(schema: &SchemaRef, key: &[&str], event_time: Option<&str>) -> Input {
        Input {
            name: "input".into(),
            schema: Arc::clone(schema),
            key: key.iter().map(|name| (*name).into()).collect(),
            event_time: event_time.map(Into::into),
            mode: Mode::Append,
        }
    }

    #[test]
    fn every_type_has_rows_and_a_seed_always_gives_the_same() {
        let text = "struct<a: bool?, b: s8, c: s64?, d: u64, e: f32, f: f64?, g: utf8?, h: binary, i: date, j: timestamp[s], k: timestamp[ns]?, l: decimal(10, 2)?>";
        let Ok(DataType::Struct(fields)) = types::parse(text) else { panic!("types") };
        let schema = Arc::new(Schema::new(fields));
        let input = input(&schema, &[], None);
        let table_of = |seed| input_rows(&input, 50, &[], Values::Edges, &mut Words(seed)).expect("rows");
        assert_eq!(format!("{:?}", table_of(7)), format!("{:?}", table_of(7)));
        assert_ne!(format!("{:?}", table_of(7)), format!("{:?}", table_of(8)));
        assert!(table_of(1).columns().iter().any(|column| column.null_count() > 0));
    }

    #[test]
    fn keys_come_again_times_go_on_and_tables_know_some_of_the_rows() {
        let fields = ["user: utf8", "at: timestamp[ms]"].map(|text| {
            let (name, kind) = text.split_once(": ").expect("name: type");
            types::parse_column(name, kind).expect("a type")
        });
        let schema = Arc::new(Schema::new(fields.to_vec()));
        let input = input(&schema, &["user"], Some("at"));
        let table = SideTable {
            name: "names".into(),
            schema: Arc::new(Schema::new(vec![Field::new("user", DataType::Utf8, false)])),
        };
        let (mut empty, mut found) = (0, 0);
        for seed in 0..40 {
            let mut words = Words(seed);
            let keys = keys(std::slice::from_ref(&input), Values::Edges, &mut words).expect("keys");
            let rows = input_rows(&input, 60, &keys, Values::Edges, &mut words).expect("rows");
            let distinct: std::collections::HashSet<_> =
                (0..rows.num_rows()).map(|row| super::super::answer::cell(rows.column(0), row)).collect();
            assert!(distinct.len() <= KEYS && rows.column(1).null_count() == 0);
            let side = side_table(&table, 60, rows.columns(), Values::Edges, &mut words).expect("rows");
            empty += usize::from(side.num_rows() == 0);
            let cells = (0..side.num_rows()).map(|row| super::super::answer::cell(side.column(0), row));
            found += usize::from(cells.into_iter().any(|cell| distinct.contains(&cell)));
        }
        assert!(empty > 3 && found > 15, "{empty} of 40 tables are empty, {found} have a value of the rows");
    }

    #[test]
    fn rows_are_left_out_where_they_are_named() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
        let table = RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from(vec![0, 1, 2, 3]))]).expect("a table");
        assert_eq!(without(&table, 1, 2).column(0).as_ref(), &Int64Array::from(vec![0, 3]));
    }
}
