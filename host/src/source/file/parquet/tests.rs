//! Files written by the Parquet writer, whole and damaged, read through the source.

use std::{fs, path::Path, slice::from_ref};

use arrow::{
    array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray, UInt64Array},
    compute::concat_batches,
    datatypes::UInt64Type,
};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, GzipLevel, ZstdLevel},
    file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion},
};
use pelton_core::job::{Compression as SpecCompression, Format};

use super::*;
use crate::source::{
    Decoded, Emit, Next, RangeData,
    testing::{decoded, encoded, every_cut, every_flip, every_type, names, ranges, read, read_rows},
};

fn write(path: &Path, batches: &[RecordBatch], properties: WriterPropertiesBuilder) -> ListedFile {
    let file = fs::File::create(path).expect("a file");
    let schema = batches.first().expect("a batch").schema();
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties.build())).expect("a writer");
    batches.iter().for_each(|batch| writer.write(batch).expect("written"));
    writer.close().expect("closed");
    listed(path)
}

fn listed(path: &Path) -> ListedFile {
    let name = path.file_name().expect("a name").to_str().expect("UTF-8");
    ListedFile {
        path: path.to_owned(),
        name: name.into(),
        bytes: fs::metadata(path).expect("a file").len(),
        growth: None,
    }
}

fn spec(schema: Option<SchemaRef>) -> FileSourceSpec {
    let format = Format::Parquet;
    FileSourceSpec {
        paths: Vec::new(),
        format,
        compression: SpecCompression::Auto,
        schema,
        max_row_bytes: 1 << 20,
        watch: None,
        tail: false,
    }
}

fn source(files: Vec<ListedFile>, batch_rows: usize) -> Result<Box<dyn Source>, SourceError> {
    open(files, &spec(None), OnBadRow::Reject, Path::new("."), &BatchSpec { rows: batch_rows, ..BatchSpec::default() })
}

/// The rows of all columns, without the schema's metadata.
fn whole(source: &dyn Source) -> RecordBatch {
    let names = names(source);
    read_rows(source, &names.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn all_types_round_trip() {
    let directory = tempfile::tempdir().expect("a directory");
    let rows = every_type(-50, 1000);
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
        Compression::GZIP(GzipLevel::default()),
    ];
    for (index, codec) in codecs.into_iter().enumerate() {
        let version = if index % 2 == 0 { WriterVersion::PARQUET_1_0 } else { WriterVersion::PARQUET_2_0 };
        let properties = WriterProperties::builder()
            .set_compression(codec)
            .set_writer_version(version)
            .set_max_row_group_row_count(Some(300))
            .set_data_page_row_count_limit(70)
            .set_write_batch_size(10);
        let file = write(&directory.path().join("a.parquet"), from_ref(&rows), properties);
        let source = source(vec![file], 128).expect("a source");
        assert_eq!(whole(source.as_ref()), rows, "{codec}");
        let sizes: Vec<_> = read(source.as_ref(), &["s64"]).expect("read").iter().map(RecordBatch::num_rows).collect();
        assert_eq!(sizes, [128, 128, 44, 128, 128, 44, 128, 128, 44, 100]);
    }
}

#[test]
fn encodings_become_plain_columns() {
    let directory = tempfile::tempdir().expect("a directory");
    let rows = every_type(0, 200);
    let file = write(&directory.path().join("a.parquet"), &[encoded(&rows)], WriterProperties::builder());
    let source = source(vec![file], 64).expect("a source");
    assert_eq!(whole(source.as_ref()), decoded(&rows));
}

#[test]
fn columns_come_in_the_asked_order_with_their_place() {
    let directory = tempfile::tempdir().expect("a directory");
    let properties = || WriterProperties::builder().set_max_row_group_row_count(Some(40));
    let first = write(&directory.path().join("a"), &[every_type(0, 100)], properties());
    let second = write(&directory.path().join("b"), &[every_type(500, 50)], properties());
    let source = source(vec![first, second], 16).expect("a source");
    let rows = read_rows(source.as_ref(), &["_offset", "utf8", "_file", "s64", "utf8"]);
    let expected =
        concat_batches(&every_type(0, 1).schema(), &[every_type(0, 100), every_type(500, 50)]).expect("one schema");
    assert_eq!(rows.column(1), &expected["utf8"]);
    assert_eq!(rows.column(3), &expected["s64"]);
    assert_eq!(rows.column(4), &expected["utf8"]);
    let offsets: Vec<u64> = (0..100).chain(0..50).collect();
    assert_eq!(rows.column(0).as_ref(), &UInt64Array::from(offsets));
    let files: Vec<&str> = std::iter::repeat_n("a", 100).chain(std::iter::repeat_n("b", 50)).collect();
    assert_eq!(rows.column(2).as_ref(), &StringArray::from(files));
}

#[test]
fn rows_are_counted_without_columns() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = write(&directory.path().join("a"), &[every_type(0, 100)], WriterProperties::builder());
    let source = source(vec![file], 30).expect("a source");
    let sizes: Vec<_> = read(source.as_ref(), &[]).expect("read").iter().map(RecordBatch::num_rows).collect();
    assert_eq!(sizes, [30, 30, 30, 10]);
    assert_eq!(read_rows(source.as_ref(), &["_offset"]).num_rows(), 100);
}

#[test]
fn files_without_rows_are_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let empty = write(&directory.path().join("empty"), &[every_type(0, 0)], WriterProperties::builder());
    let full = write(&directory.path().join("full"), &[every_type(0, 3)], WriterProperties::builder());
    let alone = source(vec![empty.clone()], 8).expect("a source");
    assert!(ranges(alone.as_ref()).expect("ranges").is_empty());
    assert_eq!(whole(source(vec![empty, full], 8).expect("a source").as_ref()), every_type(0, 3));
    assert!(ranges(source(Vec::new(), 8).expect("a source").as_ref()).expect("ranges").is_empty());
}

#[test]
fn declared_columns_are_checked() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = write(&directory.path().join("a"), &[every_type(0, 10)], WriterProperties::builder());
    let declare = |name: &str, text: &str| {
        let field = pelton_core::types::parse_column(name, text).expect("a type");
        let spec = spec(Some(Arc::new(Schema::new(vec![field]))));
        open(vec![file.clone()], &spec, OnBadRow::Reject, Path::new("."), &BatchSpec::default())
    };
    let source = declare("s64", "s64?").expect("it has it");
    assert_eq!(names(source.as_ref()), ["s64"]);
    assert_eq!(read_rows(source.as_ref(), &["s64"]).column(0), &every_type(0, 10)["s64"]);
    let error = declare("s64", "utf8").err().expect("refused").to_string();
    assert_eq!(error, "a does not fit the source's schema: column `s64` is `s64`, not `utf8`");
}

#[test]
fn nulls_in_a_column_declared_without_them_are_bad_rows() {
    let directory = tempfile::tempdir().expect("a directory");
    let all = every_type(0, 10);
    let file = write(&directory.path().join("a"), from_ref(&all), WriterProperties::builder());
    let field = pelton_core::types::parse_column("utf8", "utf8").expect("a type");
    let source = open(
        vec![file],
        &spec(Some(Arc::new(Schema::new(vec![field])))),
        OnBadRow::Reject,
        Path::new("."),
        &BatchSpec { rows: 3, ..BatchSpec::default() },
    )
    .expect("a source");
    let mut decoder = source.decoder(&["_offset".into(), "utf8".into()]).expect("a decoder");
    let mut decoded = Vec::new();
    for range in ranges(source.as_ref()).expect("ranges") {
        let mut keep = |one| {
            decoded.push(one);
            Emit::Continue
        };
        decoder.decode(&range, &mut keep).expect("decoded");
    }
    let bad: Vec<u64> = decoded.iter().flat_map(|one| &one.rejected).map(|bad| bad.offset).collect();
    let good: Vec<u64> =
        decoded.iter().flat_map(|one| one.rows.column(0).as_primitive::<UInt64Type>().values().to_vec()).collect();
    assert_eq!((bad, good), (vec![0, 4, 8], vec![1, 2, 3, 5, 6, 7, 9]));
}

/// 4 M rows, which are more than one range.
#[test]
fn runs_of_a_large_row_group_may_be_decoded_in_any_order() {
    let directory = tempfile::tempdir().expect("a directory");
    let numbers: Int64Array = (0..4_000_000_i64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64)).collect();
    let rows = RecordBatch::try_from_iter([("n", Arc::new(numbers) as ArrayRef)]).expect("one column");
    let properties =
        WriterProperties::builder().set_max_row_group_row_count(Some(10_000_000)).set_dictionary_enabled(false);
    let file = write(&directory.path().join("a"), from_ref(&rows), properties);
    let source = source(vec![file], 8192).expect("a source");
    assert_eq!(read_rows(source.as_ref(), &["n"]), rows);

    let ranges = ranges(source.as_ref()).expect("ranges");
    assert!(ranges.len() > 1, "{ranges:?}");
    assert_eq!(ranges.iter().map(|range| range.bytes).sum::<u64>(), source.total_bytes().expect("known"));
    let mut decoder = source.decoder(&["n".into()]).expect("a decoder");
    for range in ranges.iter().rev() {
        let RangeData::Parquet(part) = &range.data else { panic!("{range:?}") };
        let mut at = part.first_row as usize;
        let mut compare = |decoded: Decoded| {
            assert_eq!(decoded.rows, rows.slice(at, decoded.rows.num_rows()));
            at += decoded.rows.num_rows();
            Emit::Continue
        };
        decoder.decode(range, &mut compare).expect("decoded");
        assert_eq!(at as u64, part.first_row + (part.end - part.start));
    }
    let stopped = decoder.decode(&ranges[0], &mut |_| Emit::Stop);
    assert!(matches!(stopped, Err(SourceError::Stopped)));
}

#[test]
fn int96_timestamps_are_read() {
    use parquet::{
        data_type::{Int96, Int96Type},
        file::writer::SerializedFileWriter,
        schema::parser::parse_message_type,
    };
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a");
    let schema = parse_message_type("message rows { required int96 at; }").expect("a schema");
    let file = fs::File::create(&path).expect("a file");
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::default()).expect("a writer");
    let mut group = writer.next_row_group().expect("a row group");
    let mut column = group.next_column().expect("a column").expect("one");
    let mut at = Int96::new();
    at.set_data(7, 0, 2_440_589); // 7 ns into 1970-01-02
    column.typed::<Int96Type>().write_batch(&[at], None, None).expect("written");
    column.close().expect("closed");
    group.close().expect("closed");
    writer.close().expect("closed");
    let rows = whole(source(vec![listed(&path)], 8).expect("a source").as_ref());
    let expected = TimestampNanosecondArray::from(vec![86_400_000_000_007]);
    assert_eq!(rows["at"].as_ref(), &expected);
}

/// Reads what can be read, and no more than some rows of it.
fn read_damaged(path: &Path) -> Result<usize, SourceError> {
    let source = source(vec![listed(path)], 16)?;
    let mut rows = 0;
    let mut count = |decoded: Decoded| {
        rows += decoded.rows.num_rows();
        if rows < 10_000 { Emit::Continue } else { Emit::Stop }
    };
    let mut planner = source.planner()?;
    for _ in 0..100 {
        let Next::Range(range) = planner.next(None)? else { break };
        source.decoder(&names(source.as_ref()))?.decode(&range, &mut count)?;
    }
    Ok(rows)
}

#[test]
fn damaged_files_are_errors_and_not_panics() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a");
    let rows = every_type(0, 40);
    let places: Vec<_> = ["s32", "utf8", "list", "decimal", "bool"]
        .iter()
        .filter_map(|name| rows.schema().index_of(name).ok())
        .collect();
    let rows = rows.project(&places).expect("columns");
    for codec in [Compression::UNCOMPRESSED, Compression::SNAPPY] {
        let properties = WriterProperties::builder().set_compression(codec).set_max_row_group_row_count(Some(25));
        write(&path, from_ref(&rows), properties);
        assert_eq!(read_damaged(&path).expect("whole"), 40);
        let (mut flips, mut errors) = (0, 0);
        every_flip(&path, |_| {
            flips += 1;
            errors += usize::from(read_damaged(&path).is_err());
        });
        assert!(errors > flips / 4, "{errors} of {flips}");
        every_cut(&path, |length| {
            let error = read_damaged(&path).expect_err("it is not whole");
            assert!(matches!(error, SourceError::Corrupt { .. }), "{length} bytes: {error}");
        });
    }
}

#[test]
fn files_of_other_formats_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.csv");
    fs::write(&path, "a,b\n1,2\n").expect("written");
    let error = source(vec![listed(&path)], 8).err().expect("refused");
    assert_eq!(error.to_string(), "a.csv cannot be read as parquet: it does not end with `PAR1`");
    fs::write(&path, [&[0xff; 4], b"PAR1".as_slice()].concat()).expect("written");
    let error = source(vec![listed(&path)], 8).err().expect("refused");
    assert_eq!(error.to_string(), "a.csv cannot be read as parquet: its footer would be 4294967295 bytes long");
}
