//! What JSON lines decode to: each type, each reason, cut invariance, and arrow-json as a second opinion.

use std::{fmt::Write, sync::Arc};

use arrow::{
    array::{Array, RecordBatch},
    compute::concat_batches,
    datatypes::{DataType, Field, Fields, Schema},
    util::display::array_value_to_string,
};
use pelton_core::{
    job::JsonOptions,
    types::{self, parse_column},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;

fn schema(columns: &[(&str, &str)]) -> Schema {
    Schema::new(columns.iter().map(|(name, text)| parse_column(name, text).expect("a type")).collect::<Vec<_>>())
}

fn all(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

fn decoder(schema: &Schema, max_row_bytes: usize) -> JsonDecoder {
    JsonDecoder::new(schema, &all(schema), &JsonOptions::default(), 1000, max_row_bytes)
        .expect("JSON holds these types")
}

fn decode_all(decoder: &mut JsonDecoder, input: &[u8]) -> Vec<Decoded> {
    let name = Arc::from("x.json");
    let mut out = Vec::new();
    let chunk = Chunk { bytes: input, offset: 0, limit: input.len(), at_end: true, name: &name };
    assert_eq!(decoder.decode(&chunk, &mut out).expect("decodes"), input.len());
    out
}

/// All good rows as one batch, and the bad ones.
fn decode(columns: &[(&str, &str)], input: &str) -> (RecordBatch, Vec<BadRow>) {
    let schema = schema(columns);
    let out = decode_all(&mut decoder(&schema, 1 << 20), input.as_bytes());
    let batches: Vec<_> = out.iter().map(|decoded| decoded.rows.clone()).collect();
    let rejected = out.into_iter().flat_map(|decoded| decoded.rejected).collect();
    (concat_batches(&Arc::new(schema), &batches).expect("one schema"), rejected)
}

/// Each row's values, nulls as nothing.
fn table(rows: &RecordBatch) -> Vec<String> {
    let cell = |column: &dyn Array, row| array_value_to_string(column, row).expect("can be shown");
    (0..rows.num_rows()).map(|row| rows.columns().iter().map(|c| cell(c, row)).collect::<Vec<_>>().join(" ")).collect()
}

/// The values of one column that the rows `{"x": …}` decode to, as text; the reason where a row is bad.
fn values(data_type: &str, values: &[&str]) -> Vec<String> {
    let one = |value: &&str| {
        let (rows, rejected) = decode(&[("x", data_type)], &format!("{{\"x\": {value}}}\n"));
        match rejected.first() {
            Some(bad) => bad.reason.clone(),
            None if rows.column(0).is_null(0) => "null".to_owned(),
            None => array_value_to_string(rows.column(0), 0).expect("can be shown"),
        }
    };
    values.iter().map(one).collect()
}

#[test]
fn each_type_reads_its_values() {
    assert_eq!(values("bool", &["true", "false"]), ["true", "false"]);
    assert_eq!(values("s8", &["-128", "127"]), ["-128", "127"]);
    assert_eq!(values("u64", &["0", "18446744073709551615"]), ["0", "18446744073709551615"]);
    assert_eq!(values("f64", &["1", "-0.5", "1e3"]), ["1.0", "-0.5", "1000.0"]);
    assert_eq!(values("utf8", &[r#""a\"\u00e9🦀""#, r#""""#]), ["a\"é🦀", ""]);
    assert_eq!(values("binary", &[r#""00ff""#, r#""""#, r#""aBCd""#]), ["00ff", "", "abcd"]);
    assert_eq!(values("date", &[r#""2024-02-29""#]), ["2024-02-29"]);
    assert_eq!(
        values("timestamp[ms]", &[r#""2024-02-29T12:00:00.5Z""#, "1"]),
        ["2024-02-29T12:00:00.500", "1970-01-01T00:00:00.001"]
    );
    assert_eq!(values("decimal(5, 2)", &["1.5", r#""-999.99""#]), ["1.50", "-999.99"]);
    assert_eq!(values("list<s64?>", &["[]", "[1, null,3]"]), ["[]", "[1, , 3]"]);
    assert_eq!(
        values("struct<a: s64?, b: list<utf8>?>", &[r#"{"b": ["x"], "c": 1}"#, "{}"]),
        ["{a: , b: [x]}", "{a: , b: }"]
    );
    assert_eq!(values("s64?", &["null"]), ["null"]);
}

#[test]
fn a_reason_names_the_column_the_type_and_the_value() {
    assert_eq!(
        values("f64", &["\"abc\"", "1e999", "null"]),
        [
            "column `x`: `\"abc\"` is not an f64",
            "column `x`: `1e999` is out of range for f64",
            "column `x`: is null, and f64 has no nulls (`f64?` has)",
        ]
    );
    assert_eq!(
        values("u8", &["256", "-1", "1.5", "true"]),
        [
            "column `x`: `256` is out of range for u8",
            "column `x`: `-1` is out of range for u8",
            "column `x`: `1.5` is not a u8",
            "column `x`: `true` is not a u8",
        ]
    );
    assert_eq!(
        values("utf8", &["1", r#""\ud800""#]),
        ["column `x`: `1` is not utf8", r#"column `x`: `"\ud800"` is not utf8"#]
    );
    assert_eq!(values("binary", &["\"?\""]), ["column `x`: `\"?\"` is not binary"]);
    assert_eq!(
        values("date", &["\"2023-02-29\"", "1"]),
        ["column `x`: `\"2023-02-29\"` is not a date", "column `x`: `1` is not a date"]
    );
    assert_eq!(
        values("timestamp[ns]", &["\"2500-01-01\""]),
        ["column `x`: `\"2500-01-01\"` is out of range for timestamp[ns]"]
    );
    assert_eq!(
        values("decimal(4, 2)", &["1.005", "100"]),
        ["column `x`: `1.005` is not a decimal(4, 2)", "column `x`: `100` is out of range for decimal(4, 2)",]
    );
    assert_eq!(
        values("list<struct<a: s64>>", &["[{\"a\": 1}, {\"a\": \"x\"}]", "[null]", "[{}]", "7"]),
        [
            "column `x[].a`: `\"x\"` is not an s64",
            "column `x[]`: is null, and struct<a: s64> has no nulls (`struct<a: s64>?` has)",
            "column `x[].a`: is missing, and s64 has no nulls (`s64?` has)",
            "column `x`: `7` is not a list<struct<a: s64>>",
        ]
    );
    assert_eq!(
        values("s64", &["1 2", "[", "1}x", "01", "\"a\u{1}\"", "tru"]),
        [
            "not JSON at byte 8 of the row: expected `,` or `}`, found `2`",
            "not JSON at byte 7 of the row: expected a value, found `}`",
            "not JSON at byte 8 of the row: expected the row's end, found `x`",
            "not JSON at byte 8 of the row: expected no leading zero, found `}`",
            "not JSON at byte 8 of the row: expected no raw control character in a string, found `\\u{1}`",
            "not JSON at byte 6 of the row: expected a value, found `t`",
        ]
    );
    let long = values("s64", &[&format!("\"{}\"", "y".repeat(1000))]);
    assert!(long[0].len() < 150 && long[0].contains("yy…` is not an s64"), "{long:?}");
    let deep = values("s64", &[&"[".repeat(1000)]);
    assert_eq!(deep, ["nested deeper than 128 levels at byte 134 of the row"]);
}

#[test]
fn rows_that_are_no_objects_are_bad_and_cost_no_other() {
    let input = "{\"x\":1}\n[1]\nfoo\n\n  \r\n{\"x\":2} \r\n{\"x\":3\n{\"x\":4}}\n12\n{\"x\":5}";
    let (rows, rejected) = decode(&[("x", "s64")], input);
    assert_eq!(table(&rows), ["1", "2", "5"]);
    let reasons: Vec<_> = rejected.iter().map(|row| (row.offset, row.raw.as_slice(), row.reason.as_str())).collect();
    assert_eq!(
        reasons,
        [
            (8, &b"[1]"[..], "`[1]` is not a JSON object"),
            (12, b"foo", "`foo` is not a JSON object"),
            (31, b"{\"x\":3", "not JSON at byte 6 of the row: expected `,` or `}`, the row ends"),
            (38, b"{\"x\":4}}", "not JSON at byte 7 of the row: expected the row's end, found `}`"),
            (47, b"12", "`12` is not a JSON object"),
        ]
    );
}

#[test]
fn invalid_utf8_is_bad_wherever_it_stands_and_costs_no_other() {
    let input = b"{\"x\":1}\n{\"x\":2,\"y\":\"\xff\"}\r\n\xc3\n\xa9{\"x\":3}\n{\"x\":4}\n";
    let out = decode_all(&mut decoder(&schema(&[("x", "s64")]), 100), input);
    assert_eq!(out.iter().map(|batch| batch.rows.num_rows()).sum::<usize>(), 2);
    let rejected: Vec<_> =
        out.iter().flat_map(|batch| &batch.rejected).map(|row| (row.offset, row.reason.as_str())).collect();
    assert_eq!(
        rejected,
        [
            (8, "invalid UTF-8 at byte 12 of the row"),
            (25, "invalid UTF-8 at byte 0 of the row"),
            (27, "invalid UTF-8 at byte 0 of the row"),
        ]
    );
}

#[test]
fn a_bad_row_leaves_no_trace_in_any_column() {
    let columns = [
        ("a", "utf8"),
        ("l", "list<struct<s: utf8?, n: s64?>>?"),
        ("b", "binary?"),
        ("o", "struct<t: bool, u: utf8>?"),
        ("z", "s8"),
    ];
    let good = "{\"a\":\"x\",\"l\":[{\"s\":\"y\",\"n\":1}],\"b\":\"AAAA\",\"o\":{\"t\":true,\"u\":\"w\"},\"z\":1}\n";
    let bad = [
        "{\"a\":\"x\",\"l\":[{\"s\":\"y\",\"n\":1},{\"s\":\"y\",\"n\":\"no\"}],\"z\":1}\n",
        "{\"a\":\"x\",\"l\":[{\"s\":\"y\",\"n\":1}],\"b\":\"AAAA\",\"o\":{\"t\":true,\"u\":\"w\"},\"z\":1000}\n",
        "{\"a\":\"x\",\"b\":\"AAAx\",\"z\":1}\n",
        "{\"a\":\"x\\ud800\",\"z\":1}\n",
        "{\"a\":\"x\",\"o\":{\"t\":true,\"u\":\"w\",\"u\":1},\"z\":1}\n",
        "{\"a\":\"x\",\"o\":null}\n",
    ];
    let (expected, none) = decode(&columns, &good.repeat(3));
    assert!(none.is_empty());
    let mixed: String = bad.iter().map(|row| format!("{row}{row}")).collect();
    let (rows, rejected) = decode(&columns, &format!("{mixed}{good}{mixed}{good}{good}{mixed}"));
    assert_eq!(rejected.len(), 36);
    assert_eq!(rows, expected);
}

#[test]
fn members_may_come_in_any_order_twice_escaped_or_unknown() {
    let input = "{\"a\":1,\"b\":\"x\"}\n{\"b\":\"y\",\"a\":2}\n{\"c\":[{}],\"a\":3,\"a\":4}\n{ \"\\u0061\" : 5 , \"b\" : null }\n{\"b\":\"z\",\"d\":0}\n{\"a\": 6, \"b\":\"q\",\"b\":\"r\"}\n";
    let (rows, rejected) = decode(&[("a", "s64?"), ("b", "utf8?")], input);
    assert!(rejected.is_empty(), "{rejected:?}");
    assert_eq!(table(&rows), ["1 x", "2 y", "4 ", "5 ", " z", "6 r"]);
}

#[test]
fn keys_that_are_data_do_not_fill_the_memory() {
    let input: String = (0..20_000).map(|i| format!("{{\"k{i}\":1,\"a\":{i}}}\n")).collect();
    let (rows, rejected) = decode(&[("a", "s64")], &input);
    assert_eq!((rows.num_rows(), rejected.len()), (20_000, 0));
}

#[test]
fn only_the_wanted_columns_are_decoded_with_their_metadata() {
    let schema = schema(&[("a", "s64"), ("b", "s64")]);
    let columns = ["_offset".to_owned(), "b".to_owned(), "_file".to_owned()];
    let mut decoder = JsonDecoder::new(&schema, &columns, &JsonOptions::default(), 1, 100).expect("columns");
    let out = decode_all(&mut decoder, b"{\"a\":\"not read\",\"b\":1}\n\n{\"b\":2}\n");
    let shown: Vec<_> = out.iter().flat_map(|batch| table(&batch.rows)).collect();
    assert_eq!(shown, ["0 1 x.json", "24 2 x.json"]);
    let unknown = JsonDecoder::new(&schema, &["c".to_owned()], &JsonOptions::default(), 1, 100);
    assert!(matches!(unknown, Err(SourceError::NoColumn { column }) if column == "c"));
}

#[test]
fn rows_longer_than_the_limit_are_bad() {
    let out =
        decode_all(&mut decoder(&schema(&[("x", "s64")]), 7), b"{\"x\":1}\n{\"x\":12}\n{\"x\":2}\r\n{\"x\":bad}\n");
    assert_eq!(out[0].rows.num_rows(), 2);
    let reasons: Vec<_> = out[0].rejected.iter().map(|row| row.reason.as_str()).collect();
    assert_eq!(reasons, ["the row is longer than 7 bytes (`max-row-bytes`)"; 2]);
}

/// A random type, nested `depth` levels at most.
fn random_type(rng: &mut StdRng, depth: u32) -> DataType {
    let scalar: Vec<&str> = types::SCALAR_NAMES.into_iter().chain(["decimal(38, 10)"]).collect();
    match rng.random_range(0..if depth == 0 { 8 } else { 10 }) {
        8 => DataType::List(Arc::new(Field::new("item", random_type(rng, depth - 1), rng.random()))),
        9 => DataType::Struct(random_fields(rng, depth - 1)),
        _ => types::parse(scalar[rng.random_range(0..scalar.len())]).expect("a type"),
    }
}

fn random_fields(rng: &mut StdRng, depth: u32) -> Fields {
    let names = ["a", "b", "long name with spaces", "é", "quote\"d"];
    let count = rng.random_range(1..=names.len());
    names[..count].iter().map(|name| Field::new(*name, random_type(rng, depth), rng.random())).collect()
}

fn write_value(rng: &mut StdRng, field: &Field, out: &mut String) {
    if field.is_nullable() && rng.random_bool(0.2) {
        out.push_str("null");
        return;
    }
    let bits = [7, 15, 31, 63][rng.random_range(0..4)];
    let number: u64 = rng.random::<u64>() >> (63 - bits);
    let result = match field.data_type() {
        DataType::Boolean => write!(out, "{}", rng.random::<bool>()),
        DataType::Int8 => write!(out, "{}", number as i8),
        DataType::Int16 => write!(out, "{}", number as i16),
        DataType::Int32 => write!(out, "{}", number as i32),
        DataType::Int64 => write!(out, "{}", number as i64),
        DataType::UInt8 => write!(out, "{}", number as u8),
        DataType::UInt16 => write!(out, "{}", number as u16),
        DataType::UInt32 => write!(out, "{}", number as u32),
        DataType::UInt64 => write!(out, "{number}"),
        DataType::Float32 => write!(out, "{:e}", f32::from_bits(number as u32 & 0x7eff_ffff)),
        DataType::Float64 => match rng.random_range(0..3) {
            0 => write!(out, "{:e}", f64::from_bits(number & 0x7fdf_ffff_ffff_ffff)),
            1 => write!(out, "{}", number as f64 / 1000.0),
            _ => write!(out, "-{}.{}E-{}", number % 1000, rng.random::<u32>(), rng.random_range(0..30)),
        },
        DataType::Utf8 => {
            let pieces = [
                "",
                "x",
                "a longer piece of plain text",
                "é",
                "🦀",
                "\\n",
                "\\u00e9",
                "\\ud83e\\udd80",
                "\\\"",
                "\\\\",
                "/",
            ];
            let text: String = (0..rng.random_range(0..6)).map(|_| pieces[rng.random_range(0..pieces.len())]).collect();
            write!(out, "\"{text}\"")
        }
        DataType::Binary => write!(out, "\"{number:0width$x}\"", width = 2 * rng.random_range(8..12)),
        DataType::Date32 => write!(out, "\"{:04}-{:02}-{:02}\"", number % 9999 + 1, number % 12 + 1, number % 28 + 1),
        DataType::Timestamp(..) if rng.random() => write!(out, "{}", number as i64),
        DataType::Timestamp(..) => {
            let (day, second) = (number % 28 + 1, number % 60);
            let zone = ["", "Z", "+05:30", "-0800"][rng.random_range(0..4)];
            let separator = ['T', ' '][rng.random_range(0..2)];
            let fraction = ["", ".5", ".123456789"][rng.random_range(0..3)];
            write!(out, "\"{}-03-{day:02}{separator}23:59:{second:02}{fraction}{zone}\"", 1700 + number % 500)
        }
        DataType::Decimal128(_, scale) => {
            let quote = if rng.random() { "\"" } else { "" };
            let digits = *scale as usize;
            write!(out, "{quote}-{}.{:0digits$}{quote}", number % 100_000_000, number % 10_000)
        }
        DataType::List(item) => {
            out.push('[');
            for index in 0..rng.random_range(0..4) {
                out.push_str(if index > 0 { " ," } else { "" });
                write_value(rng, item, out);
            }
            out.push(']');
            Ok(())
        }
        DataType::Struct(fields) => {
            write_object(rng, fields, out);
            Ok(())
        }
        other => unreachable!("no random type is {other}"),
    };
    result.expect("strings grow");
}

fn write_object(rng: &mut StdRng, fields: &Fields, out: &mut String) {
    let blank = |rng: &mut StdRng| if rng.random_bool(0.1) { " \t" } else { "" };
    let mut separator = "";
    let mut order: Vec<_> = fields.iter().collect();
    if rng.random_bool(0.1) {
        order.reverse();
    }
    out.push('{');
    for field in order {
        if field.is_nullable() && rng.random_bool(0.1) {
            continue;
        }
        if rng.random_bool(0.1) {
            out.push_str(separator);
            out.push_str("\"other\":{\"a\":[1,\"}\",{}]}");
            separator = ",";
        }
        let name = field.name().replace('"', "\\\"");
        let _ = write!(out, "{separator}{}\"{name}\"{}:{}", blank(rng), blank(rng), blank(rng));
        write_value(rng, field, out);
        out.push_str(blank(rng));
        separator = ",";
    }
    out.push('}');
}

/// A schema and rows that all fit it.
fn random_rows(seed: u64) -> (Schema, String) {
    let mut rng = StdRng::seed_from_u64(seed);
    let schema = Schema::new(random_fields(&mut rng, 2));
    let mut text = String::new();
    for _ in 0..rng.random_range(0..60) {
        write_object(&mut rng, schema.fields(), &mut text);
        text.push_str(["\n", "\r\n", "\n\n", " \n"][rng.random_range(0..4)]);
    }
    (schema, text)
}

#[test]
fn arrow_json_reads_the_same_rows() {
    let mut compared = 0;
    for seed in 0..1000 {
        let (schema, text) = random_rows(seed);
        let schema = Arc::new(schema);
        let out = decode_all(&mut decoder(&schema, 1 << 20), text.as_bytes());
        let rejected: Vec<_> = out.iter().flat_map(|batch| &batch.rejected).collect();
        let ours: Vec<_> = out.iter().map(|batch| batch.rows.clone()).collect();
        let ours = concat_batches(&schema, &ours).expect("one schema");
        let theirs: Result<Vec<_>, _> = arrow::json::ReaderBuilder::new(Arc::clone(&schema))
            .with_batch_size(1000)
            .build(text.as_bytes())
            .expect("a reader")
            .collect();
        match theirs {
            Ok(theirs) => {
                assert!(rejected.is_empty(), "seed {seed}: {rejected:?}");
                let theirs = concat_batches(&schema, &theirs).expect("one schema");
                assert_eq!(ours, theirs, "seed {seed}\n{text}");
                compared += ours.num_rows();
            }
            // One row out of range (a timestamp[ns] far away) fails all of theirs.
            Err(error) => assert!(!rejected.is_empty(), "seed {seed}: {error}"),
        }
    }
    assert!(compared > 10_000, "{compared}");
}

#[test]
fn rows_do_not_depend_on_where_the_input_is_cut() {
    for seed in 0..40 {
        let (schema, mut text) = random_rows(seed);
        text.push_str("not a row\n{\"a\": \u{e9}}\n{\"unfinished\": ");
        let bytes = [text.as_bytes(), b"\xff\n\n", text.as_bytes()].concat();
        let name = Arc::from("x");
        let whole = decode_all(&mut decoder(&schema, 300), &bytes);
        let shown = |out: &[Decoded]| {
            let rows: Vec<_> = out.iter().map(|batch| batch.rows.clone()).collect();
            let rejected: Vec<_> = out.iter().flat_map(|batch| batch.rejected.clone()).collect();
            (concat_batches(&Arc::new(schema.clone()), &rows).expect("one schema"), rejected)
        };
        let expected = shown(&whole);
        for size in [1, 2, 3, 7, 16, 61, 500, 5000] {
            let mut decoder = decoder(&schema, 300);
            let (mut out, mut at, mut end) = (Vec::new(), 0, 0);
            while at < bytes.len() {
                end = (end + size).min(bytes.len());
                // The limit lies anywhere: rows that begin behind it must wait.
                let limit = (end - at).div_ceil(2).max(1);
                let chunk =
                    Chunk { bytes: &bytes[at..end], offset: at as u64, limit, at_end: end == bytes.len(), name: &name };
                let taken = decoder.decode(&chunk, &mut out).expect("decodes");
                assert!(taken > 0 || end < bytes.len(), "seed {seed}, size {size}: stuck");
                at += taken;
            }
            assert_eq!(shown(&out), expected, "seed {seed}, size {size}");
        }
    }
}
