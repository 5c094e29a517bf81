//! What the `file` source gives as a whole: the same rows for plain and compressed files, defects where they are.

use std::{fs, io::Write, path::Path};

use arrow::{array::RecordBatch, compute::concat_batches};
use pelton_core::job::{Compression, CsvDialect, JsonOptions};

use super::*;
use crate::source::{BadRow, Emit, Next};

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).expect("memory");
    encoder.finish().expect("memory")
}

fn spec(path: &str, format: &Format) -> FileSourceSpec {
    let compression = Compression::Auto;
    FileSourceSpec {
        paths: vec![path.to_owned()],
        format: format.clone(),
        compression,
        schema: None,
        max_row_bytes: 5000,
        watch: None,
        tail: false,
    }
}

/// All rows with their offsets, the bad rows, the input's bytes by its ranges, and how it ended.
fn read(base: &Path, path: &str, format: &Format) -> (RecordBatch, Vec<BadRow>, u64, Result<(), SourceError>) {
    let source = FileSource::open(&spec(path, format), OnBadRow::Reject, base, &BatchSpec::default()).expect("opens");
    let mut columns: Vec<_> = source.schema().fields().iter().map(|field| field.name().clone()).collect();
    columns.push(OFFSET_COLUMN.to_owned());
    let (mut planner, mut decoder) = (source.planner().expect("plans"), source.decoder(&columns).expect("columns"));
    let (mut batches, mut rejected, mut bytes) = (Vec::new(), Vec::new(), 0);
    let result = loop {
        match planner.next(None) {
            Ok(Next::Range(range)) => {
                bytes += range.bytes;
                let mut emit = |decoded: crate::source::Decoded| {
                    batches.push(decoded.rows);
                    rejected.extend(decoded.rejected);
                    Emit::Continue
                };
                decoder.decode(&range, &mut emit).expect("decodes");
            }
            Ok(Next::End) => break Ok(()),
            Ok(Next::Pending) => panic!("pending without a deadline"),
            Err(error) => break Err(error),
        }
    };
    let schema = batches.first().expect("there are rows").schema();
    (concat_batches(&schema, &batches).expect("one schema"), rejected, bytes, result)
}

/// Some MiB of rows of each format, a few of them bad.
fn inputs() -> Vec<(&'static str, Format, Vec<u8>)> {
    let long = "x".repeat(7000);
    let rows = |row: &dyn Fn(usize) -> String| (0..30_000).map(row).collect::<String>().into_bytes();
    let csv = rows(&|i| match i {
        0 => "n,text\r\n".to_owned(),
        _ if i % 7001 == 0 => format!("{i},\"{long}\n\"\n"),
        _ if i % 5003 == 0 => "no number,\n".to_owned(),
        _ => format!("{i},\"a \"\"quoted\"\"\nline, {}\"\n", i * i),
    });
    let json = rows(&|i| match i {
        _ if i % 7001 == 7000 => format!("{{\"n\": {i}, \"text\": \"{long}\"}}\n"),
        _ if i % 5003 == 5002 => "{\"n\": }\n".to_owned(),
        _ => format!("{{\"n\": {i}, \"text\": \"some text \\n {}\", \"more\": [1.5, null]}}\n", i * i),
    });
    let text = rows(&|i| {
        if i % 7001 == 7000 { format!("{long}\n") } else { format!("a line of text, number {i}, {}\n", i * i) }
    });
    let dialect = CsvDialect { header: true, ..CsvDialect::default() };
    vec![
        ("csv", Format::Csv(dialect), csv),
        ("json", Format::Json(JsonOptions::default()), json),
        ("text", Format::Text, text),
    ]
}

#[test]
fn compressed_files_give_the_rows_of_plain_ones() {
    let base = tempfile::tempdir().expect("a directory");
    for (name, format, content) in inputs() {
        let whole: [(&str, Vec<u8>); 3] = [
            (name, content.clone()),
            ("gz", [gzip(&content[..99_999]), gzip(&content[99_999..])].concat()),
            ("zst", zstd::encode_all(&content[..], 1).expect("memory")),
        ];
        let mut results = Vec::new();
        for (extension, bytes) in &whole {
            let file = format!("{name}.{extension}");
            fs::write(base.path().join(&file), bytes).expect("a file");
            let (rows, rejected, read_bytes, result) = read(base.path(), &file, &format);
            result.expect("whole");
            assert!(rows.num_rows() > 29_000 && rejected.len() >= 4, "{file}: {} {}", rows.num_rows(), rejected.len());
            assert!(read_bytes <= bytes.len() as u64 && read_bytes > bytes.len() as u64 / 2, "{file}");
            results.push((rows, rejected));
        }
        assert_eq!(results[0], results[1], "{name}.gz");
        assert_eq!(results[0], results[2], "{name}.zst");
    }
}

#[test]
fn a_file_that_is_cut_off_fails_behind_its_rows() {
    let base = tempfile::tempdir().expect("a directory");
    for (name, format, content) in inputs() {
        fs::write(base.path().join("plain"), &content).expect("a file");
        let (expected, ..) = read(base.path(), "plain", &format);
        let bytes = gzip(&content);
        fs::write(base.path().join("cut.gz"), &bytes[..bytes.len() * 2 / 3]).expect("a file");
        let (rows, _, _, result) = read(base.path(), "cut.gz", &format);
        let error = result.expect_err("cut off").to_string();
        assert!(error.starts_with("cut.gz cannot be read as gzip: it is cut off at byte "), "{error}");
        assert!(rows.num_rows() > 1000, "{name}: {} rows", rows.num_rows());
        assert_eq!(rows, expected.slice(0, rows.num_rows()), "{name}");
    }
}

#[test]
fn a_name_that_promises_gzip_is_held_to_it() {
    let base = tempfile::tempdir().expect("a directory");
    fs::write(base.path().join("a.txt.gz"), "plain\n").expect("a file");
    let error =
        FileSource::open(&spec("a.txt.gz", &Format::Text), OnBadRow::Reject, base.path(), &BatchSpec::default());
    let error = error.err().expect("refused").to_string();
    assert_eq!(error, "a.txt.gz cannot be read as gzip: it does not begin as gzip files do");
}
