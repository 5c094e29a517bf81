//! The sink as a whole: round trips through the readers of each format, rolling, equal bytes on every run.

use std::{
    fs::{self, File},
    io::{BufReader, Read},
    slice,
    sync::Arc,
};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
        Int8Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
        TimestampNanosecondArray, UInt64Array,
    },
    buffer::{NullBuffer, OffsetBuffer},
    compute::concat_batches,
    datatypes::{DataType, Field, Schema},
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use pelton_core::job::{CsvDialect, JsonOptions};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use super::*;
use crate::sink::{Closing, SinkSummary};

fn spec(format: Format) -> FileSinkSpec {
    FileSinkSpec {
        path: "out".into(),
        format,
        compression: Compression::Auto,
        roll_bytes: 1 << 30,
        roll_after: None,
        if_exists: IfExists::Error,
        partition_by: Vec::new(),
    }
}

/// Writes the batches, as two encoders that take turns, and gives the parts by name.
fn run(spec: &FileSinkSpec, batches: &[RecordBatch]) -> (SinkSummary, Vec<(String, Vec<u8>)>) {
    let root = TempDir::new().unwrap();
    let sink = FileSink::open(spec, batches[0].schema(), root.path()).unwrap();
    let mut encoders = [sink.encoder().unwrap(), sink.encoder().unwrap()];
    let mut writer = sink.writer().unwrap();
    for (index, batch) in batches.iter().enumerate() {
        writer.write(encoders[index % 2].encode(batch).unwrap()).unwrap();
    }
    let summary = writer.finish().unwrap();
    let mut parts: Vec<_> = fs::read_dir(root.path().join("out"))
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
        })
        .collect();
    parts.sort();
    (summary, parts)
}

fn random_text(random: &mut StdRng) -> String {
    let pieces = ["a", "Ω", "🦀", "\"", ",", "\n", "\r\n", "\\", " ", "NA", "x,y", "\t", "\u{1}", "𝔘", "plain text"];
    (0..random.random_range(0..6)).map(|_| pieces[random.random_range(0..pieces.len())]).collect()
}

fn column<T>(random: &mut StdRng, rows: usize, mut value: impl FnMut(&mut StdRng) -> T) -> Vec<Option<T>> {
    (0..rows).map(|_| random.random_bool(0.8).then(|| value(random))).collect()
}

/// Scalars of all types that every row format can hold, with nulls and extremes.
fn scalars(seed: u64, rows: usize) -> RecordBatch {
    let random = &mut StdRng::seed_from_u64(seed);
    let extreme = |random: &mut StdRng| match random.random_range(0..4) {
        0 => [i64::MIN, i64::MAX, 0, -1][random.random_range(0..4)],
        _ => random.random_range(-1000..1000),
    };
    let float = |random: &mut StdRng| loop {
        let float = f64::from_bits(random.random());
        if float.is_finite() {
            return float;
        }
    };
    // Years 1700 to 2250: what all readers know.
    let micros = |random: &mut StdRng| random.random_range(-8_000_000_000_000_000..8_000_000_000_000_000_i64);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("n", Arc::new(Int64Array::from(column(random, rows, extreme)))),
        ("u", Arc::new(UInt64Array::from(column(random, rows, |random| random.random())))),
        ("i", Arc::new(Int8Array::from(column(random, rows, |random| random.random())))),
        ("f", Arc::new(Float64Array::from(column(random, rows, float)))),
        ("g", Arc::new(Float32Array::from(column(random, rows, |random| random.random::<f32>())))),
        ("b", Arc::new(BooleanArray::from(column(random, rows, |random| random.random())))),
        ("d", Arc::new(Date32Array::from(column(random, rows, |random| random.random_range(-90_000..90_000))))),
        ("t", Arc::new(TimestampMicrosecondArray::from(column(random, rows, micros)))),
        (
            "z",
            Arc::new(
                TimestampNanosecondArray::from(column(random, rows, |random| micros(random) * 1000))
                    .with_timezone("+00:00"),
            ),
        ),
        (
            "e",
            Arc::new(
                Decimal128Array::from(column(random, rows, |random| i128::from(extreme(random)) * 7))
                    .with_precision_and_scale(30, 4)
                    .unwrap(),
            ),
        ),
        ("s", Arc::new(StringArray::from(column(random, rows, random_text)))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

/// Scalars, binary, and nested types.
fn everything(seed: u64, rows: usize) -> RecordBatch {
    let random = &mut StdRng::seed_from_u64(seed);
    let scalars = scalars(seed, rows);
    let bytes = column(random, rows, |random| random.random::<u32>().to_le_bytes());
    let item = Arc::new(Field::new("item", DataType::Utf8, true));
    let lengths: Vec<usize> = (0..rows).map(|_| random.random_range(0..3)).collect();
    let items = StringArray::from(column(random, lengths.iter().sum(), random_text));
    let nulls = NullBuffer::from_iter((0..rows).map(|_| random.random_bool(0.8)));
    let list = ListArray::new(item, OffsetBuffer::from_lengths(lengths), Arc::new(items), Some(nulls));
    let inner = StructArray::from(vec![
        (Arc::new(Field::new("list \"x\"", list.data_type().clone(), true)), Arc::new(list) as ArrayRef),
        (Arc::new(Field::new("n", DataType::Int64, true)), scalars.column(0).clone()),
    ]);
    let mut fields: Vec<_> = scalars.schema().fields().iter().cloned().collect();
    let mut columns = scalars.columns().to_vec();
    fields.push(Arc::new(Field::new("x", DataType::Binary, true)));
    columns.push(Arc::new(bytes.iter().map(Option::as_ref).collect::<BinaryArray>()));
    fields.push(Arc::new(Field::new("nested", inner.data_type().clone(), true)));
    columns.push(Arc::new(inner));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn cut(rows: &RecordBatch, size: usize) -> Vec<RecordBatch> {
    (0..rows.num_rows()).step_by(size).map(|start| rows.slice(start, size.min(rows.num_rows() - start))).collect()
}

#[test]
fn csv_reads_back_as_it_was() {
    for seed in 0..20 {
        let rows = scalars(seed, 137);
        // arrow-csv takes every empty field for null, quoted or not.
        let strings = rows.column(10).as_string::<i32>().iter().map(|text| text.filter(|text| !text.is_empty()));
        let mut columns = rows.columns().to_vec();
        columns[10] = Arc::new(strings.collect::<StringArray>());
        let rows = RecordBatch::try_new(rows.schema(), columns).unwrap();
        let dialect = CsvDialect { header: true, ..CsvDialect::default() };
        let (_, parts) = run(&spec(Format::Csv(dialect)), &cut(&rows, 50));
        let reader = arrow::csv::ReaderBuilder::new(rows.schema()).with_header(true).build(&parts[0].1[..]).unwrap();
        let read = concat_batches(&rows.schema(), &reader.collect::<Result<Vec<_>, _>>().unwrap()).unwrap();
        assert_eq!(read, rows, "seed {seed}");
    }
}

#[test]
fn json_lines_read_back_as_they_were() {
    for seed in 0..20 {
        let rows = everything(seed, 137);
        let (_, parts) = run(&spec(Format::Json(JsonOptions::default())), &cut(&rows, 50));
        let reader = arrow::json::ReaderBuilder::new(rows.schema()).build(&parts[0].1[..]).unwrap();
        let read = concat_batches(&rows.schema(), &reader.collect::<Result<Vec<_>, _>>().unwrap()).unwrap();
        assert_eq!(read, rows, "seed {seed}");
    }
}

#[test]
fn parquet_and_arrow_read_back_as_they_were() {
    let rows = everything(1, 1000);
    let (_, parts) = run(&spec(Format::Parquet), &cut(&rows, 300));
    let bytes = bytes_of(&parts[0].1);
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
    let read = concat_batches(&rows.schema(), &reader.collect::<Result<Vec<_>, _>>().unwrap()).unwrap();
    assert_eq!(read, rows);
    for compression in [Compression::None, Compression::Zstd] {
        let (_, parts) = run(&FileSinkSpec { compression, ..spec(Format::Ipc) }, &cut(&rows, 300));
        let reader = arrow::ipc::reader::FileReader::try_new(std::io::Cursor::new(&parts[0].1), None).unwrap();
        let read = concat_batches(&rows.schema(), &reader.collect::<Result<Vec<_>, _>>().unwrap()).unwrap();
        assert_eq!(read, rows);
    }
}

fn bytes_of(part: &[u8]) -> File {
    use std::io::{Seek, Write};
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(part).unwrap();
    file.rewind().unwrap();
    file
}

#[test]
fn json_has_its_golden_lines() {
    let rows = RecordBatch::try_from_iter(vec![
        ("a\"b", Arc::new(Float64Array::from(vec![Some(1.5), Some(f64::NAN), None])) as ArrayRef),
        ("s", Arc::new(StringArray::from(vec!["x\ty", "\u{1b}[31m", "ok"]))),
        ("t", Arc::new(Date32Array::from(vec![0, 1, 2]))),
        ("x", Arc::new(BinaryArray::from(vec![&b"\xff"[..], b"", b"a"]))),
    ])
    .unwrap();
    let (_, parts) = run(&spec(Format::Json(JsonOptions::default())), &[rows]);
    let expected = "{\"a\\\"b\":1.5,\"s\":\"x\\ty\",\"t\":\"1970-01-01\",\"x\":\"ff\"}\n\
        {\"a\\\"b\":null,\"s\":\"\\u001b[31m\",\"t\":\"1970-01-02\",\"x\":\"\"}\n\
        {\"a\\\"b\":null,\"s\":\"ok\",\"t\":\"1970-01-03\",\"x\":\"61\"}\n";
    assert_eq!(String::from_utf8(parts[0].1.clone()).unwrap(), expected);
}

#[test]
fn text_is_one_column_of_utf8() {
    let lines = RecordBatch::try_from_iter(vec![(
        "line",
        Arc::new(StringArray::from(vec![Some("a"), None, Some("ü")])) as ArrayRef,
    )])
    .unwrap();
    let (_, parts) = run(&spec(Format::Text), &[lines]);
    assert_eq!(parts, [("part-00000.txt".to_owned(), "a\n\nü\n".as_bytes().to_vec())]);
    let refuse = |schema: Schema| FileSink::open(&spec(Format::Text), Arc::new(schema), Path::new("/")).unwrap_err();
    let number = Field::new("n", DataType::Int64, true);
    let error = refuse(Schema::new(vec![number.clone()]));
    assert_eq!(error.to_string(), "text cannot hold column `n` of type s64");
    let error = refuse(Schema::new(vec![number.clone(), number]));
    assert_eq!(error.to_string(), "text needs exactly one utf8 column, not 2 columns");
}

#[test]
fn parts_roll_by_their_bytes_and_each_begins_with_the_header() {
    let rows = scalars(3, 1000);
    let dialect = CsvDialect { header: true, ..CsvDialect::default() };
    let rolled = FileSinkSpec { roll_bytes: 20_000, ..spec(Format::Csv(dialect.clone())) };
    let (summary, parts) = run(&rolled, &cut(&rows, 100));
    assert!(parts.len() > 2, "{} parts", parts.len());
    assert_eq!(summary.bytes, parts.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>());
    let (_, whole) = run(&spec(Format::Csv(dialect)), &cut(&rows, 100));
    let header_len = whole[0].1.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let (header, mut joined) = (&whole[0].1[..header_len], whole[0].1[..header_len].to_vec());
    for (index, (name, bytes)) in parts.iter().enumerate() {
        assert_eq!(*name, format!("part-{index:05}.csv"));
        assert!(bytes.starts_with(header));
        joined.extend_from_slice(&bytes[header_len..]);
    }
    assert_eq!(joined, whole[0].1);
}

#[test]
fn every_format_gives_the_same_bytes_again_and_rolls() {
    let rows = everything(4, 3000);
    for format in [Format::Json(JsonOptions::default()), Format::Parquet, Format::Ipc] {
        let spec = FileSinkSpec { roll_bytes: 100_000, ..spec(format) };
        let (_, first) = run(&spec, &cut(&rows, 500));
        let (_, second) = run(&spec, &cut(&rows, 500));
        assert_eq!(first, second);
        assert!(first.len() > 1, "{} part of {}", first.len(), spec.format.name());
    }
}

#[test]
fn compressed_parts_are_chains_of_members_that_decompress_to_the_text() {
    let rows = scalars(5, 20_000);
    let csv = || Format::Csv(CsvDialect { header: true, ..CsvDialect::default() });
    // Large chunks are compressed by encoders, small ones by the writer.
    for size in [1000, 37] {
        let (_, plain) = run(&spec(csv()), &cut(&rows, size));
        for (compression, name) in [(Compression::Gzip, "part-00000.csv.gz"), (Compression::Zstd, "part-00000.csv.zst")]
        {
            let (_, parts) = run(&FileSinkSpec { compression, ..spec(csv()) }, &cut(&rows, size));
            let mut text = Vec::new();
            match compression {
                Compression::Gzip => flate2::read::MultiGzDecoder::new(&parts[0].1[..]).read_to_end(&mut text).unwrap(),
                _ => zstd::stream::read::Decoder::new(&parts[0].1[..]).unwrap().read_to_end(&mut text).unwrap(),
            };
            assert_eq!(parts[0].0, name);
            assert!(text == plain[0].1, "{name}: other text");
            assert!(parts[0].1.len() < text.len());
        }
    }
}

#[test]
fn an_empty_result_is_one_part_that_shows_the_schema() {
    let empty = scalars(0, 0);
    let csv = CsvDialect { header: true, ..CsvDialect::default() };
    let (summary, parts) = run(&spec(Format::Csv(csv.clone())), slice::from_ref(&empty));
    assert_eq!((summary.rows, parts.len()), (0, 1));
    assert_eq!(parts[0].1, b"n,u,i,f,g,b,d,t,z,e,s\n");
    let (_, parts) =
        run(&FileSinkSpec { compression: Compression::Gzip, ..spec(Format::Text) }, &[empty.project(&[10]).unwrap()]);
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(&parts[0].1[..]).read_to_end(&mut text).unwrap();
    assert!(!parts[0].1.is_empty() && text.is_empty());
    let (_, parts) = run(&spec(Format::Ipc), slice::from_ref(&empty));
    let reader = arrow::ipc::reader::FileReader::try_new(BufReader::new(bytes_of(&parts[0].1)), None).unwrap();
    assert_eq!(reader.schema(), empty.schema());
    let (_, parts) = run(&spec(Format::Parquet), slice::from_ref(&empty));
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes_of(&parts[0].1)).unwrap();
    assert_eq!(builder.schema(), &empty.schema());
}

#[test]
fn a_writer_dropped_in_the_middle_leaves_no_file() {
    for format in [Format::Json(JsonOptions::default()), Format::Parquet, Format::Ipc] {
        let root = TempDir::new().unwrap();
        let rows = everything(6, 100);
        let sink = FileSink::open(&spec(format), rows.schema(), root.path()).unwrap();
        let mut writer = sink.writer().unwrap();
        writer.write(sink.encoder().unwrap().encode(&rows).unwrap()).unwrap();
        drop(writer);
        assert_eq!(fs::read_dir(root.path().join("out")).unwrap().count(), 0);
    }
}

#[test]
fn a_plan_leaves_no_trace_on_disk() {
    let root = TempDir::new().unwrap();
    let sink = FileSink::open(&spec(Format::Parquet), scalars(0, 1).schema(), root.path()).unwrap();
    sink.encoder().unwrap();
    assert!(sink.describe().iter().any(|(key, value)| key == "compression" && value == "zstd"));
    assert!(!root.path().join("out").exists());
}

#[test]
fn what_a_format_does_not_have_is_refused_by_name() {
    let schema =
        Arc::new(Schema::new(vec![Field::new("gap", DataType::Duration(arrow::datatypes::TimeUnit::Second), true)]));
    let json = spec(Format::Json(JsonOptions::default()));
    let error = FileSink::open(&json, schema.clone(), Path::new("/")).unwrap_err();
    assert!(error.to_string().starts_with("json cannot hold column `gap`"), "{error}");
    let zipped = FileSinkSpec { compression: Compression::Gzip, ..spec(Format::Ipc) };
    let error = FileSink::open(&zipped, schema, Path::new("/")).unwrap_err();
    assert_eq!(error.to_string(), "arrow files cannot be compressed by gzip");
}

/// Writes `rows` as one epoch, and answers every file below the directory.
fn in_folders(format: Format, rows: &RecordBatch) -> Result<Vec<(String, Vec<u8>)>, SinkError> {
    let root = TempDir::new().unwrap();
    let spec = FileSinkSpec { partition_by: vec!["n".into()], ..spec(format) };
    let sink = FileSink::open(&spec, rows.schema(), root.path()).unwrap();
    let (mut encoder, mut writer) = (sink.encoder().unwrap(), sink.writer().unwrap());
    for epoch in 1..=2 {
        writer.write(encoder.encode(rows)?)?;
        let end = Closing { epoch: pelton_core::model::Epoch(epoch), now: 0, is_end: epoch == 2 };
        let prepared = writer.prepare(end)?;
        writer.publish(&crate::checkpoint::CommitPermit::without_checkpoint(end.epoch), &prepared)?;
    }
    writer.finish()?;
    let out = root.path().join("out");
    let mut files = Vec::new();
    for folder in fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for file in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = file.strip_prefix(&out).unwrap().to_str().unwrap().to_owned();
            files.push((name, fs::read(file).unwrap()));
        }
    }
    files.sort();
    Ok(files)
}

fn numbered(numbers: impl Iterator<Item = i64>) -> RecordBatch {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..numbers.len()).map(|row| format!("row {row}"))));
    RecordBatch::try_from_iter([("n", numbers), ("s", texts)]).unwrap()
}

#[test]
fn text_grows_in_its_folder_and_tables_get_a_part_for_each_epoch() {
    let rows = numbered([7, 8, 7].into_iter());
    let csv = in_folders(Format::Csv(CsvDialect::default()), &rows).unwrap();
    let text = |text: &str| text.as_bytes().to_vec();
    let expected =
        [("n=7/part-00000.csv", text("row 0\nrow 2\nrow 0\nrow 2\n")), ("n=8/part-00001.csv", text("row 1\nrow 1\n"))];
    assert_eq!(csv, expected.map(|(name, bytes)| (name.to_owned(), bytes)));
    for format in [Format::Parquet, Format::Ipc] {
        let end = if format == Format::Parquet { "parquet" } else { "arrow" };
        let names: Vec<String> = in_folders(format, &rows).unwrap().into_iter().map(|(name, _)| name).collect();
        let expected = ["n=7/part-00000", "n=7/part-00002", "n=8/part-00001", "n=8/part-00003"];
        assert_eq!(names, expected.map(|name| format!("{name}.{end}")));
    }
}

#[test]
fn an_epoch_writes_to_so_many_folders_and_no_more() {
    for format in [Format::Csv(CsvDialect::default()), Format::Parquet] {
        assert_eq!(
            in_folders(format.clone(), &numbered(0..256)).unwrap().len(),
            if format == Format::Parquet { 512 } else { 256 }
        );
        let error = in_folders(format, &numbered(0..257)).unwrap_err().to_string();
        assert!(error.contains("more than 256 folders"), "{error}");
    }
}

#[test]
fn old_parts_are_closed_at_the_end_of_an_epoch_in_every_format() {
    let rows = numbered(0..3);
    for format in [Format::Csv(CsvDialect::default()), Format::Parquet, Format::Ipc] {
        let root = TempDir::new().unwrap();
        let spec = FileSinkSpec { roll_after: Some(std::time::Duration::from_secs(1)), ..spec(format) };
        let sink = FileSink::open(&spec, rows.schema(), root.path()).unwrap();
        let (mut encoder, mut writer) = (sink.encoder().unwrap(), sink.writer().unwrap());
        let mut epoch = pelton_core::model::Epoch::FIRST;
        for (now, due) in [(5, Some(1_000_005)), (1_000_004, Some(1_000_005)), (1_000_005, None), (9, Some(1_000_009))]
        {
            writer.write(encoder.encode(&rows).unwrap()).unwrap();
            writer.prepare(Closing { epoch, now, is_end: false }).unwrap();
            assert_eq!(writer.due(), due, "{} at {now}", spec.format.name());
            epoch = epoch.next();
        }
        writer.finish().unwrap();
        let parts = fs::read_dir(root.path().join("out")).unwrap().count();
        assert_eq!(parts, 2, "{}", spec.format.name());
    }
}
