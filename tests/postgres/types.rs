//! Every type of ours goes to the server and means the same there.

use std::{fs::File, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array,
        Int16Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
        TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
        UInt8Array, UInt16Array, UInt32Array, UInt64Array,
    },
    datatypes::{DataType, Field, Int32Type, Schema},
    ipc::writer::FileWriter,
};

use super::{place::Place, server::Server};

/// A name, an array, and what the server shows of it: the extremes, a value between, and null.
fn columns() -> Vec<(&'static str, ArrayRef, [&'static str; 3])> {
    let decimals = vec![Some(-99_999_999_999_999_999_999_999_999_999_999_999_999_i128), Some(5), None];
    let inner: ArrayRef = Arc::new(StringArray::from(vec![Some("ä\"\\"), None, Some("x")]));
    let structs = StructArray::from(vec![(Arc::new(Field::new("s", DataType::Utf8, true)), inner)]);
    let lists = vec![Some(vec![Some(1), None]), Some(vec![]), None];
    vec![
        ("bool", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])), ["true", "false", "∅"]),
        ("s8", Arc::new(Int8Array::from(vec![Some(i8::MIN), Some(0), None])), ["-128", "0", "∅"]),
        ("s16", Arc::new(Int16Array::from(vec![Some(i16::MIN), Some(1), None])), ["-32768", "1", "∅"]),
        ("s32", Arc::new(Int32Array::from(vec![Some(i32::MIN), Some(1), None])), ["-2147483648", "1", "∅"]),
        ("s64", Arc::new(Int64Array::from(vec![Some(i64::MIN), Some(1), None])), ["-9223372036854775808", "1", "∅"]),
        ("u8", Arc::new(UInt8Array::from(vec![Some(u8::MAX), Some(1), None])), ["255", "1", "∅"]),
        ("u16", Arc::new(UInt16Array::from(vec![Some(u16::MAX), Some(1), None])), ["65535", "1", "∅"]),
        ("u32", Arc::new(UInt32Array::from(vec![Some(u32::MAX), Some(1), None])), ["4294967295", "1", "∅"]),
        (
            "u64",
            Arc::new(UInt64Array::from(vec![Some(u64::MAX), Some(10_000), None])),
            ["18446744073709551615", "10000", "∅"],
        ),
        ("f32", Arc::new(Float32Array::from(vec![Some(0.1), Some(f32::INFINITY), None])), ["0.1", "Infinity", "∅"]),
        ("f64", Arc::new(Float64Array::from(vec![Some(0.1), Some(f64::NAN), None])), ["0.1", "NaN", "∅"]),
        ("utf8", Arc::new(StringArray::from(vec![Some(""), Some("a|\\.\t€"), None])), ["", "a|\\.\t€", "∅"]),
        ("binary", Arc::new(BinaryArray::from(vec![Some(&b"\0\xff"[..]), Some(b""), None])), ["\\x00ff", "\\x", "∅"]),
        (
            "date",
            Arc::new(Date32Array::from(vec![Some(-719_162), Some(19_782), None])),
            ["0001-01-01", "2024-02-29", "∅"],
        ),
        (
            "ts_s",
            Arc::new(TimestampSecondArray::from(vec![Some(-1), Some(0), None])),
            ["1969-12-31 23:59:59", "1970-01-01 00:00:00", "∅"],
        ),
        (
            "ts_ms",
            Arc::new(TimestampMillisecondArray::from(vec![Some(-1), Some(1), None])),
            ["1969-12-31 23:59:59.999", "1970-01-01 00:00:00.001", "∅"],
        ),
        (
            "ts_us",
            Arc::new(TimestampMicrosecondArray::from(vec![Some(1), Some(253_402_300_799_999_999), None])),
            ["1970-01-01 00:00:00.000001", "9999-12-31 23:59:59.999999", "∅"],
        ),
        (
            "ts_ns",
            Arc::new(TimestampNanosecondArray::from(vec![Some(-1), Some(1_999), None])),
            ["1969-12-31 23:59:59.999999", "1970-01-01 00:00:00.000001", "∅"],
        ),
        (
            "ts_zone",
            Arc::new(TimestampMillisecondArray::from(vec![Some(0), Some(1), None]).with_timezone("Europe/Paris")),
            ["1970-01-01 00:00:00+00", "1970-01-01 00:00:00.001+00", "∅"],
        ),
        (
            "dec",
            Arc::new(Decimal128Array::from(decimals).with_precision_and_scale(38, 4).unwrap()),
            ["-9999999999999999999999999999999999.9999", "0.0005", "∅"],
        ),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)), ["[1, null]", "[]", "∅"]),
        ("struct", Arc::new(structs), ["{\"s\": \"ä\\\"\\\\\"}", "{\"s\": null}", "{\"s\": \"x\"}"]),
    ]
}

/// A job over one Arrow file with these columns.
fn place(server: &Server, sink: &str) -> Place {
    let mut place = Place::new(server, "checkpoint = \"state\"", sink);
    let rows = columns();
    let fields: Vec<Field> =
        rows.iter().map(|(name, array, _)| Field::new(*name, array.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = rows.iter().map(|(_, array, _)| Arc::clone(array)).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    let mut writer = FileWriter::try_new(File::create(place.path("types.arrow")).unwrap(), &schema).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    place.edit("path = \"in/*.csv\"", "path = \"types.arrow\"");
    place.edit("\nschema = { id = \"s64\", item = \"s64\", price = \"f64\", name = \"utf8?\" }", "");
    place.edit("input = \"dear\"", "input = \"orders\"");
    place.edit(
        "[operator.dear]\ninput = \"orders\"\nmodule = \"std:filter\"\noptions = { where = \"price > 10.0\" }\n",
        "",
    );
    place
}

fn shown(server: &Server) {
    for (name, _, expected) in columns() {
        let found = server.sql(&format!("SELECT coalesce(\"{name}\"::text, '∅') FROM orders ORDER BY s64 NULLS LAST"));
        // The order of rows is that of `s64`: least, between, null.
        assert_eq!(found.split('\n').collect::<Vec<_>>(), expected, "{name}");
    }
}

#[test]
fn every_type_goes_into_a_table_that_was_made_for_it() {
    let Some(server) = Server::start() else { return };
    let place = place(&server, "create = true");
    place.begin_anew(&server);
    assert!(place.run_to_end(None), "{}", place.said());
    shown(&server);
    let types = server.sql(
        "SELECT string_agg(format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_attribute \
         WHERE attrelid = 'orders'::regclass AND attnum > 0",
    );
    let expected = "boolean, smallint, smallint, integer, bigint, smallint, integer, bigint, numeric(20,0), real, double precision, \
         text, bytea, date, timestamp without time zone, timestamp without time zone, timestamp without time zone, \
         timestamp without time zone, timestamp with time zone, numeric(38,4), jsonb, jsonb";
    assert_eq!(types, expected);
}

#[test]
fn every_type_goes_into_wider_columns() {
    let Some(server) = Server::start() else { return };
    let place = place(&server, "");
    place.begin_anew(&server);
    server.sql(
        "CREATE TABLE orders (bool boolean, s8 numeric, s16 bigint, s32 float8, s64 numeric, u8 int, u16 float8, \
         u32 numeric(12), u64 numeric, f32 float8, f64 float8, utf8 varchar(9), binary bytea, date date, \
         ts_s timestamp, ts_ms timestamp, ts_us timestamp, ts_ns timestamp, ts_zone timestamptz, dec numeric, \
         list jsonb, struct jsonb)"
            .replace("binary", "\"binary\"")
            .as_str(),
    );
    assert!(place.run_to_end(None), "{}", place.said());
    server.sql("UPDATE orders SET f32 = round(f32::numeric, 6) WHERE f32 < 1");
    shown(&server);
}
