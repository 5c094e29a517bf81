use arrow::{
    array::{ArrayRef, Int32Array, StringArray, TimestampNanosecondArray},
    datatypes::{Field, Schema},
};

use super::*;

fn encoder(columns: Vec<Column>) -> CopyEncoder {
    let layout = OnceLock::new();
    layout.set(Layout { columns }).unwrap();
    CopyEncoder::new(Arc::new(layout), "t".into())
}

fn column(name: &str, form: Form, is_required: bool) -> Column {
    Column { name: name.into(), form, is_required, is_key: false }
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect()).unwrap()
}

fn bytes(encoded: Encoded) -> Vec<u8> {
    let Payload::Rows { bytes, .. } = encoded.payload else { panic!("rows") };
    bytes
}

#[test]
fn rows_have_their_columns_with_lengths_and_nulls() {
    let rows = batch(vec![
        ("n", Arc::new(Int32Array::from(vec![Some(258), None]))),
        ("s", Arc::new(StringArray::from(vec![Some("ä"), Some("")]))),
    ]);
    let text = Form::Text { chars_max: None };
    let mut encoder = encoder(vec![column("n", Form::Int8, false), column("s", text, false)]);
    let mut expected = vec![0, 2, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 2];
    expected.extend("ä".as_bytes());
    expected.extend([0, 2, 255, 255, 255, 255, 0, 0, 0, 0]);
    assert_eq!(bytes(encoder.encode(&rows).unwrap()), expected);
}

#[test]
fn times_are_counted_from_the_year_2000_and_nanoseconds_are_cut_off() {
    let rows = batch(vec![("t", Arc::new(TimestampNanosecondArray::from(vec![946_684_800_000_001_999, -1])))]);
    let out = bytes(encoder(vec![column("t", Form::Timestamp, false)]).encode(&rows).unwrap());
    let values: Vec<i64> = out.chunks(14).map(|row| i64::from_be_bytes(row[6..].try_into().unwrap())).collect();
    assert_eq!(values, [1, -946_684_800_000_001]);
}

#[test]
fn what_the_server_would_refuse_is_refused_with_its_row() {
    let texts = |values: Vec<Option<&str>>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 70_000]));
    let days: ArrayRef = Arc::new(Date32Array::from(vec![i32::MIN]));
    let cases = [
        (numbers.clone(), Form::Int2, "70000 is out of the range of smallint", "{\"c\":70000}"),
        (texts(vec![Some("a\0b")]), Form::Text { chars_max: None }, "NUL", "{\"c\":\"a\\u0000b\"}"),
        (texts(vec![Some("äöü"), Some("äöüx")]), Form::Text { chars_max: Some(3) }, "more than 3", "äöüx"),
        (texts(vec![Some("{}"), Some("{")]), Form::Json, "no JSON", "{\"c\":\"{\"}"),
        (texts(vec![Some(r#""\\u0000""#), Some(r#""\u0000""#)]), Form::Jsonb, "NUL", "u0000"),
        (texts(vec![Some("0-0")]), Form::Uuid, "no UUID", "0-0"),
        (texts(vec![Some("x"), None]), Form::Text { chars_max: None }, "must not be null", "{\"c\":null}"),
        (days, Form::Date, "no such date", "{\"c\":"),
    ];
    for (array, form, reason, row) in cases {
        let error = encoder(vec![column("c", form, true)]).encode(&batch(vec![("c", array)])).unwrap_err().to_string();
        assert!(error.contains(reason) && error.contains(row) && error.contains("`c`"), "{error}");
    }
}

#[test]
fn a_uuid_is_sixteen_bytes_however_it_is_written() {
    let expected = [0x55, 0x0e, 0x84, 0, 0xe2, 0x9b, 0x41, 0xd4, 0xa7, 0x16, 0x44, 0x66, 0x55, 0x44, 0, 0];
    assert_eq!(uuid("550e8400-e29b-41d4-a716-446655440000"), Some(expected));
    assert_eq!(uuid("550E8400E29B41D4A716446655440000"), Some(expected));
    assert_eq!(uuid("550e8400-e29b-41d4-a716-44665544000g"), None);
    assert_eq!(uuid("550e8400-e29b-41d4-a716-4466554400-0"), None);
}

#[test]
fn the_hash_does_not_depend_on_the_table() {
    let rows = batch(vec![("n", Arc::new(Int32Array::from(vec![1, 2])))]);
    let unset = CopyEncoder::new(Arc::default(), "t".into()).encode(&rows).unwrap().hash(0);
    for form in [Form::Int4, Form::Numeric] {
        assert_eq!(encoder(vec![column("n", form, false)]).encode(&rows).unwrap().hash(0), unset);
    }
    let less = encoder(vec![column("n", Form::Int4, false)]).encode(&rows.slice(0, 1)).unwrap().hash(0);
    assert_ne!(less, unset);
}
