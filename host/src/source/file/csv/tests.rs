//! The CSV decoder as a whole: against the `csv` crate, against itself cut elsewhere, and on bad rows.

use std::sync::Arc;

use arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::{
        DataType, Field, Float32Type, Float64Type, Int64Type, Schema, TimestampMicrosecondType,
        TimestampMillisecondType, TimestampSecondType, UInt16Type,
    },
    util::display::array_value_to_string,
};
use pelton_core::{job::CsvDialect, types};

use super::{CsvFormat, fuzz_split};
use crate::source::{
    BadRow, Decoded,
    file::lines::{Chunk, Head, RowDecoder},
};

/// SplitMix64: random enough, and the same for ever.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn chance(&mut self, of_a_hundred: usize) -> bool {
        self.below(100) < of_a_hundred
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

fn format(schema: &[&str], dialect: CsvDialect) -> CsvFormat {
    let fields: Vec<Field> = schema
        .iter()
        .map(|column| {
            let (name, type_name) = column.split_once(' ').expect("NAME TYPE");
            types::parse_column(name, type_name).expect("a type")
        })
        .collect();
    CsvFormat { dialect, schema: Arc::new(Schema::new(fields)), batch_rows: 8192, max_row_bytes: 1 << 20 }
}

fn decode_as(format: &CsvFormat, head: &Head, columns: &[&str], text: &[u8]) -> Vec<Decoded> {
    let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
    let name = Arc::from("t.csv");
    let mut decoder = format.decoder(&columns, head, &name).expect("a decoder");
    let mut out = Vec::new();
    let chunk = Chunk { bytes: text, offset: head.rows_at, limit: text.len(), at_end: true, name: &name };
    assert_eq!(decoder.decode(&chunk, &mut out).expect("decodes"), text.len());
    out
}

fn decode(format: &CsvFormat, text: &[u8]) -> (Vec<RecordBatch>, Vec<BadRow>) {
    let columns: Vec<&str> = format.schema.fields().iter().map(|field| field.name().as_str()).collect();
    let decoded = decode_as(format, &Head::default(), &columns, text);
    let rejected = decoded.iter().flat_map(|d| d.rejected.clone()).collect();
    (decoded.into_iter().map(|d| d.rows).collect(), rejected)
}

/// All values as text, row by row.
fn cells(batch: &RecordBatch) -> Vec<Vec<String>> {
    let cell = |row: usize, at: usize| match batch.column(at).data_type() {
        // Times in a zone need its table to be shown.
        DataType::Timestamp(_, Some(_)) => String::new(),
        _ => array_value_to_string(batch.column(at), row).expect("prints"),
    };
    (0..batch.num_rows()).map(|row| (0..batch.num_columns()).map(|at| cell(row, at)).collect()).collect()
}

/// Pieces of text that matter to CSV.
fn random_text(random: &mut Random, dialect: &CsvDialect, pieces: usize) -> Vec<u8> {
    let delimiter = [dialect.delimiter];
    let quote = [dialect.quote.unwrap_or(b'"')];
    let escape = [dialect.escape.unwrap_or(b'x')];
    let tokens: [&[u8]; 14] = [
        &delimiter,
        &delimiter,
        &delimiter,
        &quote,
        &quote,
        &escape,
        b"\n",
        b"\r\n",
        b"a",
        b"12",
        b" ",
        "é".as_bytes(),
        b"-1.5",
        b"long text without an end",
    ];
    let quotes = if random.chance(30) { 0 } else { 1 + random.below(39) };
    (0..pieces)
        .flat_map(|_| {
            let token = random.pick(&tokens);
            if token == quote && random.below(40) >= quotes { Vec::new() } else { token.to_vec() }
        })
        .collect()
}

#[test]
fn rows_are_those_of_the_csv_crate() {
    let (mut rows, mut bad) = (0, 0);
    for seed in 0..4000 {
        let mut random = Random(seed);
        let dialect = CsvDialect {
            delimiter: random.pick(b",;|\t"),
            quote: random.pick(&[Some(b'"'), Some(b'"'), Some(b'\''), None]),
            escape: random.pick(&[None, None, Some(b'\\')]),
            comment: random.pick(&[None, None, Some(b'a')]),
            ..CsvDialect::default()
        };
        let pieces = if seed % 50 == 0 { 20_000 } else { random.below(120) };
        let mut text = random_text(&mut random, &dialect, pieces);
        if dialect.comment.is_some() {
            // The crate makes a row of a comment that ends with the input.
            text.push(b'\n');
        }
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(dialect.delimiter)
            .quoting(dialect.quote.is_some())
            .quote(dialect.quote.unwrap_or(b'"'))
            .escape(dialect.escape)
            .comment(dialect.comment)
            .from_reader(text.as_slice());
        let mut expected: Vec<Vec<Vec<u8>>> =
            reader.byte_records().map(|row| row.expect("a row").iter().map(<[u8]>::to_vec).collect()).collect();
        let Some(width) = expected.first().map(Vec::len) else { continue };
        let columns: Vec<String> = (0..width).map(|at| format!("c{at} binary")).collect();
        let mut format = format(&columns.iter().map(String::as_str).collect::<Vec<_>>(), dialect);
        format.batch_rows = 1 + random.below(19);
        let (batches, rejected) = decode(&format, &text);
        // The crate takes a quote that is never closed as if it were.
        if rejected.iter().any(|bad| bad.reason.contains("lacks its closing")) {
            expected.pop();
        }
        let expected: Vec<_> = expected.into_iter().filter(|row| row.len() == width).collect();
        let got: Vec<Vec<Vec<u8>>> = batches
            .iter()
            .flat_map(|batch| {
                (0..batch.num_rows())
                    .map(|row| batch.columns().iter().map(|c| c.as_binary::<i32>().value(row).to_vec()).collect())
            })
            .collect();
        assert_eq!(got, expected, "seed {seed}: {:?} in {:?}", String::from_utf8_lossy(&text), format.dialect);
        (rows, bad) = (rows + got.len(), bad + rejected.len());
    }
    assert!(rows > 20_000 && bad > 1_000, "{rows} rows and {bad} bad ones are too few to tell");
}

#[test]
fn where_the_text_is_cut_makes_no_difference() {
    for seed in 0..3000 {
        let mut random = Random(seed);
        let pieces = random.below(60);
        let mut data: Vec<u8> = (0..3).map(|_| random.next() as u8).collect();
        let dialect = CsvDialect { delimiter: random.pick(b",\t"), escape: Some(b'\\'), ..CsvDialect::default() };
        data.extend(random_text(&mut random, &dialect, pieces));
        if std::panic::catch_unwind(|| fuzz_split(&data)).is_err() {
            panic!("seed {seed}");
        }
    }
}

/// Regular rows with now and then an odd one: the quick way and the exact way change places often.
#[test]
fn numbers_and_texts_are_read_as_they_were_written() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let mut dialect = CsvDialect { trim: random.chance(20), ..CsvDialect::default() };
        if random.chance(20) {
            dialect.null_tokens = vec!["NA".into(), "-7".into()];
        }
        let format = CsvFormat {
            batch_rows: 1 + random.below(600),
            ..format(&["a s64", "b f64?", "c utf8", "d u16?", "e timestamp[ms]"], dialect.clone())
        };
        let odd = random.below(20);
        let (mut text, mut expected, mut bad) = (String::new(), Vec::new(), 0);
        for _ in 0..random.below(3000) {
            let wide = 1 + random.below(62);
            let a: i64 = (random.next() >> (64 - wide)).cast_signed() * random.pick(&[1, -1]);
            let b =
                random.chance(90).then(|| (random.below(2_000_000) as f64 - 1e6) / 10_f64.powi(random.below(6) as i32));
            let c = random.pick(&[
                "",
                "x",
                "é",
                "channel-12",
                "a long text that fills more than one block of sixty-four bytes, or so",
            ]);
            let d = random.chance(90).then(|| random.next() as u16);
            let e: i64 = random.below(2_000_000_000_000) as i64;
            let show = |v: Option<String>| {
                v.unwrap_or_else(|| if dialect.null_tokens.is_empty() { String::new() } else { "NA".into() })
            };
            let quote = c.contains(',') || random.chance(odd);
            let c_text = if quote { format!("\"{c}\"") } else { c.to_owned() };
            let end = if random.chance(30) { "\r\n" } else { "\n" };
            let pad = if dialect.trim { " " } else { "" };
            let e_text = if random.chance(odd) { format!("x{e}") } else { e.to_string() };
            text += &format!(
                "{a}{pad},{},{c_text},{pad}{},{e_text}{pad}{end}",
                show(b.map(|v| v.to_string())),
                show(d.map(|v| v.to_string()))
            );
            let null_token = |text: &str| dialect.null_tokens.iter().any(|token| token == text);
            if e_text.starts_with('x') || null_token(&a.to_string()) {
                bad += 1;
            } else {
                let b = b.filter(|v| !null_token(&v.to_string()));
                expected.push((a, b, c.to_owned(), d, e));
            }
        }
        let (batches, rejected) = decode(&format, text.as_bytes());
        assert!(batches.iter().rev().skip(1).all(|batch| batch.num_rows() == format.batch_rows), "seed {seed}");
        let got: Vec<_> = batches
            .iter()
            .flat_map(|batch| {
                let column = |at: usize| Arc::clone(batch.column(at));
                (0..batch.num_rows()).map(move |row| {
                    let (b, d) = (column(1), column(3));
                    (
                        column(0).as_primitive::<Int64Type>().value(row),
                        b.is_valid(row).then(|| b.as_primitive::<Float64Type>().value(row)),
                        column(2).as_string::<i32>().value(row).to_owned(),
                        d.is_valid(row).then(|| d.as_primitive::<UInt16Type>().value(row)),
                        column(4).as_primitive::<TimestampMillisecondType>().value(row),
                    )
                })
            })
            .collect();
        assert_eq!(got.len(), expected.len(), "seed {seed}: {:?}", rejected.first());
        for (at, (got, expected)) in got.iter().zip(&expected).enumerate() {
            assert_eq!(got, expected, "seed {seed}, row {at}");
        }
        assert_eq!(rejected.len(), bad, "seed {seed}");
    }
}

#[test]
fn bad_rows_say_why_and_cost_no_other_row() {
    let format = format(
        &["id s64", "small u8?", "name utf8", "when timestamp[ms]?"],
        CsvDialect { null_tokens: vec!["NA".into()], ..CsvDialect::default() },
    );
    let good = "1,2,ok,\n";
    for (row, reason) in [
        ("1,2,x", "the row has 3 fields instead of 4"),
        ("1,2,x,,", "the row has 5 fields instead of 4"),
        ("\"1\"", "the row has 1 field instead of 4"),
        ("one,2,x,", "column `id` (field 1): `one` is not an s64"),
        (",2,x,", "column `id` (field 1) is empty, and s64 has no nulls (`s64?` has)"),
        ("NA,2,x,", "column `id` (field 1): `NA` means null, and s64 has no nulls (`s64?` has)"),
        ("99999999999999999999,2,x,", "column `id` (field 1): `99999999999999999999` is out of range for s64"),
        ("1,256,x,", "column `small` (field 2): `256` is out of range for u8"),
        ("1,-1,x,", "column `small` (field 2): `-1` is out of range for u8"),
        ("1,2,x,2024-13-01", "column `when` (field 4): `2024-13-01` is not a timestamp[ms]"),
        ("x,300,x,soon", "column `id` (field 1): `x` is not an s64"),
        ("\"a\u{1b}\nb\",2,x,", "column `id` (field 1): `a\\u{1b}\\nb` is not an s64"),
    ] {
        let text = format!("{good}{good}{row}\n{good}{row}\r\n");
        let (batches, rejected) = decode(&format, text.as_bytes());
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 3, "{row:?}");
        let offsets = [16, 25 + row.len() as u64];
        assert_eq!(rejected.iter().map(|bad| bad.offset).collect::<Vec<_>>(), offsets, "{row:?}");
        assert!(rejected.iter().all(|bad| bad.reason == reason), "{row:?}: {rejected:?}");
        assert_eq!(rejected[0].raw, row.as_bytes());
    }
    let (batches, rejected) = decode(&format, b"1,2,\xff\xfe,\n1,2,\xc3\xa9,\n1,2,\xc3,\xa9\n");
    assert_eq!(batches[0].num_rows(), 1);
    assert_eq!(rejected[0].reason, "column `name` (field 3): `\\xff\\xfe` is not UTF-8");
    assert_eq!(rejected.len(), 2);
    let (batches, rejected) = decode(&format, b"1,2,x,\n1,2,\"x,\n1,2,x,\n");
    assert_eq!((batches[0].num_rows(), rejected.len(), rejected[0].offset), (1, 1, 7));
    assert_eq!(rejected[0].reason, "a quoted field lacks its closing \\\": the input ends within it");
}

#[test]
fn rows_that_are_too_long_are_rejected_wherever_they_stand() {
    let mut format = format(&["a utf8", "b utf8"], CsvDialect::default());
    for max in [5, 100, 20_000] {
        format.max_row_bytes = max;
        let fits = format!("{},\n", "x".repeat(max - 1));
        let quoted = format!("\"{}\",\n", "y".repeat(max - 2));
        let long = format!("{},\n", "z".repeat(max));
        let (batches, rejected) =
            decode(&format, [&fits, &long, &quoted, &fits].map(String::as_str).concat().as_bytes());
        assert_eq!(batches[0].num_rows(), 2, "{max}");
        let offsets: Vec<u64> = rejected.iter().map(|bad| bad.offset).collect();
        assert_eq!(offsets, [fits.len() as u64, (fits.len() + long.len()) as u64], "{max}");
        assert!(rejected.iter().all(|bad| bad.reason.contains(&format!("longer than {max} bytes")) && bad.raw.len() <= BadRow::RAW_MAX));
    }
}

#[test]
fn only_the_columns_asked_for_are_read_in_their_order_with_metadata() {
    let format = format(&["a s64", "b s64", "c utf8"], CsvDialect { header: true, ..CsvDialect::default() });
    let head = Head { rows_at: 10, names: Some(["x", "c", "b", "a"].map(String::from).to_vec()) };
    let out = decode_as(&format, &head, &["_offset", "b", "_file", "a"], b"no number,\xff,2,1\nskipped,\"q\",4,3\n");
    assert_eq!(
        out[0].rows.schema().fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>(),
        ["_offset", "b", "_file", "a"]
    );
    assert_eq!(cells(&out[0].rows), [["10", "2", "t.csv", "1"], ["26", "4", "t.csv", "3"]]);
    let counted = decode_as(&format, &head, &[], b"1,2,3,4\n1,2,3\n1,2,3,4\n");
    assert_eq!((counted[0].rows.num_rows(), counted[0].rejected.len()), (2, 1));
    let missing = Head { rows_at: 0, names: Some(vec!["a".into(), "b".into()]) };
    let error = format.decoder(&[], &missing, "t.csv").err().expect("c is missing").to_string();
    assert_eq!(error, "t.csv does not fit the source's schema: its header has no column `c` (it has a, b)");
}

#[test]
fn every_type_is_read() {
    let format = format(
        &[
            "a bool?",
            "b s8",
            "c f32",
            "d date",
            "e timestamp[us, Europe/Paris]",
            "f timestamp[ns]",
            "g decimal(9, 2)",
            "h binary",
            "i timestamp[s, +02:00]",
        ],
        CsvDialect::default(),
    );
    let text = b"yes,-8,1.5,2024-02-29,2024-07-01 12:00:00,2024-07-01T12:00:00.123456789Z,-1.5,\xff,1970-01-01 02:00\n,-8,-inf,1969-12-31,0,1,1,,5\n";
    let (batches, rejected) = decode(&format, text);
    assert_eq!(rejected, []);
    let paris = batches[0].column(4).as_primitive::<TimestampMicrosecondType>().value(0);
    assert_eq!(paris, 1_719_828_000_000_000);
    let expected = ["true", "-8", "1.5", "2024-02-29", "2024-07-01T12:00:00.123456789", "-1.50", "ff"];
    let row: Vec<String> = [0, 1, 2, 3, 5, 6, 7].map(|at| cells(&batches[0])[0][at].clone()).to_vec();
    assert_eq!(row, expected);
    assert_eq!(batches[0].column(8).as_primitive::<TimestampSecondType>().values(), &[0, 5]);
    assert_eq!(batches[0].column(2).as_primitive::<Float32Type>().value(1), f32::NEG_INFINITY);
    assert_eq!(batches[0].column(0).null_count(), 1);
}
