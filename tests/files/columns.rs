//! `watch` of Parquet and Arrow IPC: files that come while the job runs, also such as are not complete yet.

use std::{fs, io::Cursor, sync::Arc, thread, time::Duration};

use arrow::{
    array::{ArrayRef, Int64Array, RecordBatch, StringArray},
    ipc::writer::{FileWriter, StreamWriter},
};
use parquet::arrow::ArrowWriter;

use super::place::Place;

/// How bytes are made of a batch.
type Format = (&'static str, fn(&RecordBatch) -> Vec<u8>);

const FORMATS: [Format; 3] = [("parquet", parquet), ("arrow", file), ("arrow", stream)];

fn parquet(rows: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
    bytes
}

fn file(rows: &RecordBatch) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = FileWriter::try_new(&mut bytes, &rows.schema()).unwrap();
    writer.write(rows).unwrap();
    writer.finish().unwrap();
    drop(writer);
    bytes.into_inner()
}

fn stream(rows: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &rows.schema()).unwrap();
    writer.write(rows).unwrap();
    writer.finish().unwrap();
    drop(writer);
    bytes
}

fn rows(from: i64, until: i64) -> RecordBatch {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(from..until));
    let names: ArrayRef = Arc::new(StringArray::from_iter_values((from..until).map(|n| format!("row {n}"))));
    RecordBatch::try_from_iter([("n", numbers), ("name", names)]).unwrap()
}

fn job(format: &str) -> String {
    format!(
        "name = \"watched\"\ncheckpoint = \"state\"\nsnapshots = \"20ms\"\nbatch = {{ interval = \"5ms\" }}\n\
         [source.in]\ntype = \"file\"\npath = \"in\"\nformat = \"{format}\"\nwatch = \"5ms\"\nschema = {{ n = \"s64\", name = \"utf8\" }}\n\
         [sink.out]\ntype = \"file\"\ninput = \"in\"\npath = \"out\"\nformat = \"csv\"\n"
    )
}

fn expected(until: i64) -> Vec<String> {
    (0..until).map(|n| format!("{n},row {n}")).collect()
}

fn sorted(place: &Place) -> Vec<String> {
    let mut rows: Vec<String> = place.text().lines().map(ToOwned::to_owned).collect();
    rows.sort_by_key(|row| row.split(',').next().and_then(|n| n.parse::<i64>().ok()));
    rows
}

#[test]
fn each_file_that_comes_is_read_once_whenever_the_job_is_killed() {
    for (format, bytes) in FORMATS {
        let mut place = Place::new(&job(format));
        for file in 0..40 {
            place.put(&format!("in/{file:02}"), &bytes(&rows(file * 50, file * 50 + 50)));
            if file % 6 == 0 {
                place.kill();
                place.start(None);
            }
            thread::sleep(Duration::from_millis(u64::try_from(file % 7).unwrap() * 4));
        }
        place.until("all rows", |place| place.lines() >= 2_000);
        place.kill();
        assert_eq!(sorted(&place), expected(2_000), "{format}");
        place.check_parts();
    }
}

#[test]
fn a_file_that_is_not_complete_is_waited_for_and_named() {
    for (format, bytes) in FORMATS {
        let mut place = Place::new(&job(format));
        let whole = bytes(&rows(0, 1_000));
        fs::write(place.path("in/slow"), &whole[..whole.len() / 2]).unwrap();
        place.start(None);
        place.put("in/whole", &bytes(&rows(1_000, 1_100)));
        place.until("the whole one", |place| place.lines() == 100);
        place.until("its name", |place| place.said().contains("in/slow") && place.said().contains("waited for"));
        fs::write(place.path("in/slow"), &whole).unwrap();
        place.until("the other one", |place| place.lines() == 1_100);
        place.kill();
        assert_eq!(sorted(&place), expected(1_100), "{format}");
    }
}

#[test]
fn a_file_with_other_columns_ends_the_job_with_its_name() {
    let mut place = Place::new(&job("parquet"));
    place.start(None);
    place.put("in/good", &parquet(&rows(0, 10)));
    place.until("the good one", |place| place.lines() == 10);
    let other: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    place.put("in/other", &parquet(&RecordBatch::try_from_iter([("x", other)]).unwrap()));
    while !place.has_ended() {
        thread::sleep(Duration::from_millis(10));
    }
    assert!(place.said().contains("in/other") && place.said().contains("it has no column `n`"), "{}", place.said());
}
