//! Rows that leave a keyed operator: passed columns by the row's origin, key columns by its key, computed ones as they came.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, UInt32Array, new_null_array},
    compute::{cast, take},
    datatypes::{DataType, Int64Type, TimeUnit},
    error::ArrowError,
};
use pelton_wasm::{KeyedRows, NO_ORIGIN};

use super::KeyedPort;
use crate::operator::{KeptColumn, record_batch};

/// What a call was made with, as far as its rows need it.
pub(super) struct Given<'a> {
    /// The rows; none: the call had none.
    pub(super) rows: Option<&'a RecordBatch>,
    /// Where its key columns are in the rows.
    pub(super) key_at: &'a [usize],
    pub(super) keys: &'a [ArrayRef],
    /// For each key, the event time in µs of a row that has no other.
    pub(super) times: &'a [i64],
}

/// The batch of one port.
pub(super) fn emitted(port: &KeyedPort, given: &Given<'_>, rows: &KeyedRows) -> Result<RecordBatch, ArrowError> {
    let by_key = UInt32Array::new(rows.keys.clone(), None);
    let origin = rows.origin.as_ref().map(|origin| {
        let has = |row: &u32| *row != NO_ORIGIN;
        let nulls = (!origin.iter().all(has)).then(|| origin.iter().map(has).collect());
        UInt32Array::new(origin.clone(), nulls)
    });
    let fields = port.port.schema.fields();
    let columns = port.port.columns.iter().zip(fields).enumerate().map(|(index, (column, field))| match column {
        KeptColumn::Computed(at) => {
            Ok(rows.computed.get(*at).map(Arc::clone).expect("the boundary checked the number of columns"))
        }
        KeptColumn::Passed(at) => {
            let key = given.key_at.iter().position(|key| key == at).and_then(|key| given.keys.get(key));
            if let Some(key) = key {
                return take(key.as_ref(), &by_key, None);
            }
            let passed = match (given.rows.and_then(|rows| rows.columns().get(*at)), &origin) {
                (Some(column), Some(origin)) => take(column.as_ref(), origin, None)?,
                _ => new_null_array(field.data_type(), rows.rows),
            };
            if port.time_at == Some(index) { timed(passed, given, rows) } else { Ok(passed) }
        }
    });
    let columns = columns.collect::<Result<_, _>>()?;
    Ok(record_batch(&port.port.schema, columns, rows.rows))
}

/// The event time that passes, but as the module says it, and never missing.
fn timed(passed: ArrayRef, given: &Given<'_>, rows: &KeyedRows) -> Result<ArrayRef, ArrowError> {
    let DataType::Timestamp(unit, _) = *passed.data_type() else { return Ok(passed) };
    if rows.times.is_none() && passed.null_count() == 0 {
        return Ok(passed);
    }
    let known = cast(&passed, &DataType::Int64)?;
    let of_key = |key: &u32| given.times.get(*key as usize).copied().unwrap_or_default();
    let told = rows.times.as_ref().map(|times| times.iter().copied());
    let values: Int64Array = match told {
        Some(times) => times.map(|time| Some(in_unit(time, unit))).collect(),
        None => {
            let known = known.as_primitive::<Int64Type>().iter();
            known
                .zip(rows.keys.iter())
                .map(|(time, key)| Some(time.unwrap_or_else(|| in_unit(of_key(key), unit))))
                .collect()
        }
    };
    cast(&values, passed.data_type())
}

/// A time in µs as a timestamp's number.
fn in_unit(time: i64, unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => time.div_euclid(1_000_000),
        TimeUnit::Millisecond => time.div_euclid(1_000),
        TimeUnit::Microsecond => time,
        TimeUnit::Nanosecond => time.saturating_mul(1_000),
    }
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{StringArray, TimestampMillisecondArray},
        buffer::ScalarBuffer,
        datatypes::{Field, Schema},
    };

    use super::*;
    use crate::operator::PortPlan;

    #[test]
    fn a_row_without_origin_keeps_its_key_and_gets_a_time_and_nulls() {
        let ms = DataType::Timestamp(TimeUnit::Millisecond, None);
        let fields = [
            Field::new("user", DataType::Utf8, false),
            Field::new("ts", ms.clone(), false),
            Field::new("page", DataType::Utf8, true),
            Field::new("n", DataType::Int64, false),
        ];
        let schema = Arc::new(Schema::new(fields[..3].to_vec()));
        let texts = |texts: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(texts)) };
        let times: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![1, 2]));
        let batch = RecordBatch::try_new(schema, vec![texts(vec!["a", "b"]), times, texts(vec!["x", "y"])]).unwrap();
        let kept = [KeptColumn::Passed(0), KeptColumn::Passed(1), KeptColumn::Passed(2), KeptColumn::Computed(0)];
        let port = KeyedPort {
            port: PortPlan { schema: Arc::new(Schema::new(fields.to_vec())), columns: kept.to_vec() },
            time_at: Some(1),
        };
        let keys = [texts(vec!["a", "b", "c"])];
        let given = Given { rows: Some(&batch), key_at: &[0], keys: &keys, times: &[5_000, 6_000, 7_999] };
        let rows = |times: Option<Vec<i64>>, origin: Option<Vec<u32>>| KeyedRows {
            port: 0,
            rows: 3,
            keys: ScalarBuffer::from(vec![1, 2, 0]),
            origin: origin.map(ScalarBuffer::from),
            times: times.map(ScalarBuffer::from),
            computed: vec![Arc::new(Int64Array::from(vec![10, 20, 30]))],
        };
        let shown = |batch: &RecordBatch| {
            let ts: Vec<_> =
                cast(batch.column(1), &DataType::Int64).unwrap().as_primitive::<Int64Type>().values().to_vec();
            let text = |at: usize| {
                batch.column(at).as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect::<Vec<_>>()
            };
            (text(0).into_iter().flatten().collect::<String>(), ts, text(2))
        };
        let some = |texts: [Option<&str>; 3]| texts.map(|text| text.map(str::to_owned)).to_vec();
        let mixed = emitted(&port, &given, &rows(None, Some(vec![1, NO_ORIGIN, 0]))).unwrap();
        assert_eq!(shown(&mixed), ("bca".to_owned(), vec![2, 7, 1], some([Some("y"), None, Some("x")])));
        let told = emitted(&port, &given, &rows(Some(vec![-1, 1_000, 9_999]), Some(vec![1, NO_ORIGIN, 0]))).unwrap();
        assert_eq!(shown(&told).1, [-1, 1, 9]);
        let none = emitted(&port, &Given { rows: None, ..given }, &rows(None, None)).unwrap();
        assert_eq!(shown(&none), ("bca".to_owned(), vec![6, 7, 5], some([None, None, None])));
    }
}
