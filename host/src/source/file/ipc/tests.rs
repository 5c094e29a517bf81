//! Files and streams written by the Arrow writer, whole and damaged, read through the source.

use std::{fs, path::Path, slice::from_ref};

use arrow::{
    array::{
        ArrayRef, DictionaryArray, Int64Array, ListViewArray, RecordBatch, StringArray, UInt64Array, types::Int8Type,
    },
    compute::{cast, concat_batches},
    datatypes::{DataType, Field},
    ipc::{
        CompressionType,
        writer::{FileWriter, IpcWriteOptions, StreamWriter},
    },
};
use pelton_core::job::{Compression, Format};

use super::*;
use crate::source::{
    Decoded, Emit, Next,
    testing::{decoded, encoded, every_cut, every_flip, every_type, names, ranges, read, read_rows},
};

#[derive(Debug, Clone, Copy)]
enum Kind {
    File,
    Stream,
}

fn options(codec: Option<CompressionType>) -> IpcWriteOptions {
    IpcWriteOptions::default().try_with_compression(codec).expect("a codec")
}

fn write(path: &Path, batches: &[RecordBatch], kind: Kind, codec: Option<CompressionType>) -> ListedFile {
    let file = fs::File::create(path).expect("a file");
    let schema = batches.first().expect("a batch").schema();
    let batches = batches.iter().filter(|batch| batch.num_rows() > 0);
    match kind {
        Kind::File => {
            let mut writer = FileWriter::try_new_with_options(file, &schema, options(codec)).expect("a writer");
            batches.for_each(|batch| writer.write(batch).expect("written"));
            writer.finish().expect("finished");
        }
        Kind::Stream => {
            let mut writer = StreamWriter::try_new_with_options(file, &schema, options(codec)).expect("a writer");
            batches.for_each(|batch| writer.write(batch).expect("written"));
            writer.finish().expect("finished");
        }
    }
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

fn source(files: Vec<ListedFile>, rows: usize) -> Result<Box<dyn Source>, SourceError> {
    let spec = FileSourceSpec {
        paths: Vec::new(),
        format: Format::Ipc,
        compression: Compression::Auto,
        schema: None,
        max_row_bytes: 1 << 20,
        watch: None,
        tail: false,
    };
    open(files, &spec, OnBadRow::Reject, Path::new("."), &BatchSpec { rows, ..BatchSpec::default() })
}

fn whole(source: &dyn Source) -> RecordBatch {
    let names = names(source);
    read_rows(source, &names.iter().map(String::as_str).collect::<Vec<_>>())
}

const KINDS: [Kind; 2] = [Kind::File, Kind::Stream];

#[test]
fn all_types_round_trip() {
    let directory = tempfile::tempdir().expect("a directory");
    let batches = [every_type(-50, 100), every_type(1000, 1), every_type(0, 300)];
    let rows = concat_batches(&batches[0].schema(), &batches).expect("one schema");
    for kind in KINDS {
        for codec in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
            let file = write(&directory.path().join("a.arrow"), &batches, kind, codec);
            let source = source(vec![file], 128).expect("a source");
            assert_eq!(whole(source.as_ref()), rows, "{kind:?} {codec:?}");
            let sizes: Vec<_> =
                read(source.as_ref(), &["s64"]).expect("read").iter().map(RecordBatch::num_rows).collect();
            assert_eq!(sizes, [100, 1, 128, 128, 44]);
        }
    }
}

#[test]
fn each_column_is_read_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let rows = every_type(0, 3000);
    let all = encoded(&rows);
    for kind in KINDS {
        for codec in [None, Some(CompressionType::LZ4_FRAME)] {
            let plain =
                source(vec![write(&directory.path().join("a"), from_ref(&rows), kind, codec)], 8192).expect("a source");
            for field in rows.schema().fields() {
                let column = read_rows(plain.as_ref(), &[field.name().as_str()]);
                assert_eq!(column.column(0), &rows[field.name().as_str()], "{kind:?} {codec:?} {field}");
            }
            let views =
                source(vec![write(&directory.path().join("b"), from_ref(&all), kind, codec)], 8192).expect("a source");
            for field in decoded(&rows).schema().fields() {
                let column = read_rows(views.as_ref(), &[field.name().as_str()]);
                assert_eq!(column.column(0), &decoded(&rows)[field.name().as_str()], "{kind:?} {codec:?} {field}");
            }
        }
    }
}

#[test]
fn encodings_become_plain_columns() {
    let directory = tempfile::tempdir().expect("a directory");
    let rows = every_type(0, 200);
    for kind in KINDS {
        let file = write(&directory.path().join("a"), &[encoded(&rows)], kind, None);
        assert_eq!(whole(source(vec![file], 64).expect("a source").as_ref()), decoded(&rows), "{kind:?}");
    }
    let view = DataType::ListView(Arc::new(Field::new("element", DataType::Int64, true)));
    let lists = cast(&rows["list"], &view).expect("a list view");
    assert!(lists.as_any().is::<ListViewArray>());
    let lists = RecordBatch::try_from_iter_with_nullable([("l", lists, true)]).expect("one column");
    let file = write(&directory.path().join("a"), &[lists], Kind::File, None);
    assert_eq!(whole(source(vec![file], 64).expect("a source").as_ref()).column(0), &rows["list"]);
}

#[test]
fn a_stream_may_replace_its_dictionaries() {
    let directory = tempfile::tempdir().expect("a directory");
    let words = [vec!["a", "b", "a"], vec!["c", "b"], vec!["d"]];
    let batches = words.clone().map(|words| {
        let words: DictionaryArray<Int8Type> = words.into_iter().collect();
        RecordBatch::try_from_iter([("word", Arc::new(words) as ArrayRef)]).expect("one column")
    });
    let file = write(&directory.path().join("a"), &batches, Kind::Stream, None);
    let source = source(vec![file], 8).expect("a source");
    let ranges = ranges(source.as_ref()).expect("ranges");
    let mut decoder = source.decoder(&["word".into(), "_offset".into()]).expect("a decoder");
    for (range, (words, first)) in ranges.iter().zip(words.into_iter().zip([0, 3, 5])).rev() {
        let mut compare = |decoded: Decoded| {
            assert_eq!(decoded.rows.column(0).as_ref(), &StringArray::from(words.clone()));
            let offsets = UInt64Array::from_iter_values(first..first + words.len() as u64);
            assert_eq!(decoded.rows.column(1).as_ref(), &offsets);
            Emit::Continue
        };
        decoder.decode(range, &mut compare).expect("decoded");
    }
}

#[test]
fn files_and_streams_of_one_source_follow_each_other() {
    let directory = tempfile::tempdir().expect("a directory");
    let files = vec![
        write(&directory.path().join("a"), &[every_type(0, 10)], Kind::File, None),
        write(&directory.path().join("b"), &[every_type(0, 0)], Kind::Stream, None),
        write(&directory.path().join("c"), &[every_type(10, 5)], Kind::Stream, None),
        write(&directory.path().join("d"), &[every_type(0, 0)], Kind::File, None),
    ];
    let source = source(files, 4).expect("a source");
    let rows = read_rows(source.as_ref(), &["_file", "s64", "_offset"]);
    assert_eq!(rows.column(1), &every_type(0, 15)["s64"]);
    assert_eq!(rows.column(2).as_ref(), &UInt64Array::from_iter_values((0..10).chain(0..5)));
    let files: Vec<&str> = std::iter::repeat_n("a", 10).chain(std::iter::repeat_n("c", 5)).collect();
    assert_eq!(rows.column(0).as_ref(), &StringArray::from(files));
    assert_eq!(read(source.as_ref(), &[]).expect("read").iter().map(RecordBatch::num_rows).sum::<usize>(), 15);
}

#[test]
fn other_columns_are_refused_by_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let other =
        RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).expect("one column");
    let first = write(&directory.path().join("a"), &[every_type(0, 10)], Kind::File, None);
    let second = write(&directory.path().join("b"), &[other], Kind::File, None);
    let error = source(vec![first, second], 4).err().expect("refused").to_string();
    assert_eq!(error, "b does not fit the source's schema: it has a column `n`, which the first file does not have");
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
    let rows = every_type(0, 20);
    let columns = [
        ("s32", Arc::clone(&rows["s32"])),
        ("list", Arc::clone(&rows["list"])),
        ("word", Arc::clone(&encoded(&rows)["dictionary"])),
        ("view", Arc::clone(&encoded(&rows)["utf8_view"])),
    ];
    let rows = RecordBatch::try_from_iter(columns).expect("equal lengths");
    for kind in KINDS {
        for codec in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
            write(&path, &[rows.clone(), rows.slice(0, 5)], kind, codec);
            assert_eq!(read_damaged(&path).expect("whole"), 25);
            let (mut flips, mut errors) = (0, 0);
            every_flip(&path, |_| {
                flips += 1;
                errors += usize::from(read_damaged(&path).is_err());
            });
            assert!(errors > flips / 10, "{errors} of {flips}");
            // A stream may also end without its end marker.
            every_cut(&path, |length| match (read_damaged(&path), kind) {
                (Err(SourceError::Corrupt { .. }), _) => {}
                (Ok(rows), Kind::Stream) => assert!([0, 20, 25].contains(&rows), "{rows} rows of {length} bytes"),
                (other, _) => panic!("{kind:?} of {length} bytes: {other:?}"),
            });
        }
    }
}

#[test]
fn announced_sizes_are_not_believed() {
    let directory = tempfile::tempdir().expect("a directory");
    let (path, damaged) = (directory.path().join("a"), directory.path().join("damaged"));
    let zeros =
        RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![0; 1000])) as ArrayRef)]).expect("one column");
    write(&path, &[zeros], Kind::Stream, Some(CompressionType::ZSTD));
    let good = fs::read(&path).expect("a file");
    let announced = 8000_i64.to_le_bytes();
    let place = good.windows(8).position(|window| window == announced).expect("the length before a buffer");
    let mut bytes = good.clone();
    bytes[place..place + 8].copy_from_slice(&(1_i64 << 50).to_le_bytes());
    fs::write(&damaged, &bytes).expect("written");
    let error = read_damaged(&damaged).expect_err("too large").to_string();
    assert!(error.ends_with("a record batch is larger than 1073741824 bytes when it is decompressed"), "{error}");
}

#[test]
fn files_of_other_formats_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.csv");
    for text in ["", "a", "auction,bidder\n1,2\n", "ARROW1\0\0"] {
        fs::write(&path, text).expect("written");
        let error = source(vec![listed(&path)], 8).err().expect("refused");
        assert!(matches!(error, SourceError::Corrupt { .. }), "{text:?}: {error}");
    }
}
