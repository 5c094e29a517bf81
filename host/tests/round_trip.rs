//! What the file sink writes, the file source reads back: every format, random rows, random dialects of CSV.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that has not what it expects should fail there"
)]

use std::{path::Path, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch,
        StringArray, TimestampMicrosecondArray, TimestampNanosecondArray,
    },
    compute::concat_batches,
    datatypes::SchemaRef,
};
use pelton::{
    sink::{Sink, file::FileSink},
    source::{Emit, Next, file::FileSource},
};
use pelton_core::job::{
    BatchSpec, Compression, CsvDialect, FileSinkSpec, FileSourceSpec, Format, IfExists, JsonOptions, OnBadRow,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tempfile::TempDir;

fn write(format: &Format, compression: Compression, rows: &RecordBatch, base: &Path) {
    let format = format.clone();
    let if_exists = IfExists::Error;
    let spec = FileSinkSpec {
        path: "out".into(),
        format,
        compression,
        roll_bytes: 10_000,
        roll_after: None,
        if_exists,
        partition_by: Vec::new(),
    };
    let sink = FileSink::open(&spec, rows.schema(), base).unwrap();
    let (mut encoder, mut writer) = (sink.encoder().unwrap(), sink.writer().unwrap());
    for start in (0..rows.num_rows()).step_by(40) {
        let batch = rows.slice(start, 40.min(rows.num_rows() - start));
        writer.write(encoder.encode(&batch).unwrap()).unwrap();
    }
    writer.finish().unwrap();
}

fn read(format: &Format, schema: SchemaRef, base: &Path) -> RecordBatch {
    let spec = FileSourceSpec {
        paths: vec!["out".into()],
        format: format.clone(),
        compression: Compression::Auto,
        schema: Some(schema.clone()),
        max_row_bytes: 1 << 20,
        watch: None,
        tail: false,
    };
    let source = FileSource::open(&spec, OnBadRow::Fail, base, &BatchSpec::default()).unwrap();
    let columns: Vec<_> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let (mut planner, mut decoder) = (source.planner().unwrap(), source.decoder(&columns).unwrap());
    let mut batches = Vec::new();
    while let Next::Range(range) = planner.next(None).unwrap() {
        let mut emit = |decoded: pelton::source::Decoded| {
            assert_eq!(decoded.rejected, [], "{range}");
            batches.push(decoded.rows);
            Emit::Continue
        };
        decoder.decode(&range, &mut emit).unwrap();
    }
    concat_batches(&schema, &batches).unwrap()
}

fn column<T>(random: &mut StdRng, rows: usize, mut value: impl FnMut(&mut StdRng) -> T) -> Vec<Option<T>> {
    (0..rows).map(|_| random.random_bool(0.8).then(|| value(random))).collect()
}

fn text(random: &mut StdRng) -> String {
    let pieces =
        ["a", "Ω", "🦀", "\"", "'", ",", ";", "\n", "\r\n", "\\", " ", "NULL", "#", "\t", "\u{1}", "plain text"];
    (0..random.random_range(0..6)).map(|_| pieces[random.random_range(0..pieces.len())]).collect()
}

/// Rows of every type that CSV can hold, with nulls and extremes.
fn rows(seed: u64) -> RecordBatch {
    let random = &mut StdRng::seed_from_u64(seed);
    let rows = 300;
    let int = |random: &mut StdRng| match random.random_range(0..4) {
        0 => [i64::MIN, i64::MAX, 0, -1][random.random_range(0..4)],
        _ => random.random_range(-1000..1000),
    };
    let float = |random: &mut StdRng| f64::from_bits(random.random::<u64>() & !(1 << 62));
    // Years 1700 to 2250.
    let micros = |random: &mut StdRng| random.random_range(-8_000_000_000_000_000..8_000_000_000_000_000_i64);
    let nanos = TimestampNanosecondArray::from(column(random, rows, |random| micros(random) * 1000 + 7));
    let decimals = Decimal128Array::from(column(random, rows, |random| i128::from(int(random)) * 7));
    let bytes = column(random, rows, |random| random.random::<u32>().to_le_bytes());
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("n", Arc::new(Int64Array::from(column(random, rows, int)))),
        ("f", Arc::new(Float64Array::from(column(random, rows, float)))),
        ("b", Arc::new(BooleanArray::from(column(random, rows, |random| random.random())))),
        ("d", Arc::new(Date32Array::from(column(random, rows, |random| random.random_range(-90_000..90_000))))),
        ("t", Arc::new(TimestampMicrosecondArray::from(column(random, rows, micros)))),
        ("z", Arc::new(nanos.with_timezone("UTC"))),
        ("e", Arc::new(decimals.with_precision_and_scale(30, 4).unwrap())),
        ("s", Arc::new(StringArray::from(column(random, rows, text)))),
        ("x", Arc::new(bytes.iter().map(Option::as_ref).collect::<BinaryArray>())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn check(format: &Format, compression: Compression, rows: &RecordBatch) {
    let root = TempDir::new().unwrap();
    write(format, compression, rows, root.path());
    assert_eq!(&read(format, rows.schema(), root.path()), rows, "{format:?} {compression:?}");
}

#[test]
fn csv_reads_back_in_random_dialects() {
    for seed in 0..60 {
        let random = &mut StdRng::seed_from_u64(seed);
        let delimiter = [b',', b';', b'\t', b'|', b'.', b'-'][random.random_range(0..6)];
        // Without a token a null text would read back as the empty text.
        let null = if delimiter == b'-' { "NULL" } else { ["NULL", "-1", "a", "NA"][random.random_range(0..4)] };
        let dialect = CsvDialect {
            header: random.random(),
            delimiter,
            quote: Some([b'"', b'\''][random.random_range(0..2)]),
            escape: random.random_bool(0.3).then_some(b'\\'),
            comment: random.random_bool(0.3).then_some(b'#'),
            null_tokens: vec![null.into()],
            trim: random.random_bool(0.3),
            ..CsvDialect::default()
        };
        check(&Format::Csv(dialect), Compression::None, &rows(seed));
    }
}

#[test]
fn json_lines_read_back() {
    for seed in 0..20 {
        check(&Format::Json(JsonOptions::default()), Compression::None, &rows(seed));
    }
}

#[test]
fn compressed_parts_read_back() {
    let csv = CsvDialect { header: true, null_tokens: vec!["NULL".into()], ..CsvDialect::default() };
    for compression in [Compression::Gzip, Compression::Zstd] {
        check(&Format::Csv(csv.clone()), compression, &rows(1));
        check(&Format::Json(JsonOptions::default()), compression, &rows(2));
    }
}

#[test]
fn parquet_and_arrow_read_back() {
    for compression in [Compression::Auto, Compression::None, Compression::Gzip, Compression::Zstd] {
        check(&Format::Parquet, compression, &rows(3));
        if compression != Compression::Gzip {
            check(&Format::Ipc, compression, &rows(4));
        }
    }
}
