//! Files that grow, through the planner and the decoder: what comes out of them, and where the next run goes on.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    time::{Duration, Instant},
};

use arrow::{array::AsArray, datatypes::DataType};
use pelton_core::{
    checkpoint::grown::fold,
    job::{Compression, CsvDialect, Format},
};
use tempfile::TempDir;

use super::*;
use crate::source::{Emit, Next};

/// A directory in which files grow, and a run that reads them.
struct Growing {
    dir: TempDir,
    format: Format,
    known: Vec<FileRecord>,
    run: Option<(Box<dyn Planner>, Box<dyn Decoder>)>,
}

impl Growing {
    fn new(format: Format) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), format, known: Vec::new(), run: None }
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.dir.path().join(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.dir.path().join(from), self.dir.path().join(to)).unwrap();
    }

    fn spec(&self) -> FileSourceSpec {
        let columns = match &self.format {
            Format::Csv(_) => vec!["a", "b"],
            _ => vec!["line"],
        };
        let fields: Vec<_> =
            columns.into_iter().map(|name| arrow::datatypes::Field::new(name, DataType::Utf8, false)).collect();
        FileSourceSpec {
            paths: vec!["*.log".into()],
            format: self.format.clone(),
            compression: Compression::None,
            schema: Some(Arc::new(Schema::new(fields))),
            max_row_bytes: 1 << 20,
            watch: Some(Duration::from_millis(1)),
            tail: true,
        }
    }

    fn start(&mut self, from: &Position) {
        let mut source =
            open(&[], &self.spec(), OnBadRow::Fail, self.dir.path(), &BatchSpec::default()).expect("a source");
        source.resume(&self.known, from).unwrap();
        let column = if matches!(self.format, Format::Csv(_)) { "b" } else { "line" };
        self.run = Some((source.planner_from(from).unwrap(), source.decoder(&[column.to_owned()]).unwrap()));
    }

    /// The rows that there are by now, each with its file.
    fn rows(&mut self) -> Vec<String> {
        self.ranges(usize::MAX)
    }

    fn ranges(&mut self, most: usize) -> Vec<String> {
        if self.run.is_none() {
            self.start(&Position::Start);
        }
        let (planner, decoder) = self.run.as_mut().unwrap();
        let mut rows = Vec::new();
        for _ in 0..most {
            match planner.next(Some(Instant::now() + Duration::from_millis(40))).unwrap() {
                Next::Range(range) => decoder
                    .decode(&range, &mut |decoded| {
                        let column = decoded.rows.column(0).as_string::<i32>();
                        rows.extend(column.iter().flatten().map(|row| format!("{} {row}", range.name)));
                        Emit::Continue
                    })
                    .unwrap(),
                Next::Pending => break,
                Next::End => panic!("it never ends"),
            }
        }
        self.known.extend(planner.take_found());
        rows
    }

    /// Ends the run, and begins another where its record says.
    fn restart(&mut self) {
        let (planner, _) = self.run.take().unwrap();
        let position = planner.bookmark().unwrap().resolve();
        fold(&mut self.known, &position);
        self.start(&position);
    }
}

fn text() -> Growing {
    Growing::new(Format::Text)
}

#[test]
fn each_line_that_is_added_comes_once_when_it_is_complete() {
    let mut files = text();
    files.append("a.log", "one\ntw");
    assert_eq!(files.rows(), ["a.log one"]);
    files.append("a.log", "o\nthree");
    files.append("b.log", "x\n");
    // Which of two files is looked at first depends on the time.
    let mut rows = files.rows();
    rows.sort();
    assert_eq!(rows, ["a.log two", "b.log x"]);
    assert_eq!(files.rows(), [""; 0]);
    files.append("a.log", "\n");
    assert_eq!(files.rows(), ["a.log three"]);
}

#[test]
fn a_run_goes_on_behind_what_the_one_before_it_read() {
    let mut files = text();
    files.append("a.log", "one\ntwo\nthr");
    files.append("b.log", "x\n");
    assert_eq!(files.rows(), ["a.log one", "a.log two", "b.log x"]);
    files.append("b.log", "y\n");
    files.restart();
    files.append("a.log", "ee\n");
    let mut rows = files.rows();
    rows.sort();
    assert_eq!(rows, ["a.log three", "b.log y"]);
    for _ in 0..3 {
        files.restart();
        assert_eq!(files.rows(), [""; 0]);
    }
    assert_eq!(files.known.len(), 2, "one entry for each file stays: {:?}", files.known);
}

#[test]
fn a_run_goes_on_within_a_part() {
    let mut files = text();
    let line = "x".repeat(99);
    files.append("a.log", &format!("{line}\n").repeat(20_000));
    let first = files.ranges(2).len();
    assert!(first > 5_000 && first < 20_000, "{first}");
    files.append("a.log", "last\n");
    files.restart();
    let rest = files.rows();
    assert_eq!((first + rest.len(), rest.last().unwrap().as_str()), (20_001, "a.log last"));
}

#[test]
fn a_file_that_is_renamed_away_is_read_to_its_end_before_the_new_one() {
    let mut files = text();
    files.append("a.log", "one\n");
    assert_eq!(files.rows(), ["a.log one"]);
    files.append("a.log", "two\nthr");
    files.rename("a.log", "a.log.1");
    files.append("a.log", "new\n");
    assert_eq!(files.rows(), ["a.log.1 two", "a.log new"]);
    // Its writer has not noticed yet.
    files.append("a.log.1", "ee\n");
    assert_eq!(files.rows(), ["a.log.1 three"]);
    files.rename("a.log.1", "a.log.2");
    files.rename("a.log", "a.log.1");
    files.append("a.log.2", "four\n");
    files.append("a.log.1", "newer\n");
    files.append("a.log", "newest\n");
    files.restart();
    let mut rows = files.rows();
    rows.sort();
    assert_eq!(rows, ["a.log newest", "a.log.1 newer", "a.log.2 four"]);
    fs::remove_file(files.dir.path().join("a.log.2")).unwrap();
    files.append("a.log", "x\n");
    assert_eq!(files.rows(), ["a.log x"], "a file that has been read may go");
    files.restart();
    files.append("a.log", "y\n");
    assert_eq!(files.rows(), ["a.log y"]);
}

#[test]
fn a_rename_to_a_name_that_is_read_too_repeats_nothing() {
    let mut files = text();
    files.append("a.log", "one\n");
    assert_eq!(files.rows(), ["a.log one"]);
    files.rename("a.log", "b.log");
    files.append("b.log", "two\n");
    files.append("a.log", "new\n");
    let mut rows = files.rows();
    rows.sort();
    assert_eq!(rows, ["a.log new", "b.log two"]);
    fs::hard_link(files.dir.path().join("a.log"), files.dir.path().join("c.log")).unwrap();
    assert_eq!(files.rows(), [""; 0], "another name makes no other file");
}

#[test]
fn a_truncated_file_is_read_from_its_beginning() {
    let mut files = text();
    files.append("a.log", "one\ntwo\n");
    assert_eq!(files.rows(), ["a.log one", "a.log two"]);
    let cut = |files: &Growing| File::create(files.dir.path().join("a.log")).unwrap();
    drop(cut(&files));
    assert_eq!(files.rows(), [""; 0]);
    files.append("a.log", "three\n");
    assert_eq!(files.rows(), ["a.log three"]);
    // Longer than before by the next look, and by the next run.
    cut(&files).write_all(b"it begins otherwise now\n").unwrap();
    assert_eq!(files.rows(), ["a.log it begins otherwise now"]);
    cut(&files).write_all(b"and once more in another way\n").unwrap();
    files.restart();
    assert_eq!(files.rows(), ["a.log and once more in another way"]);
}

#[test]
fn a_file_that_is_written_anew_with_as_many_bytes_is_read_from_its_beginning() {
    let mut files = text();
    files.append("a.log", "one\ntwo\n");
    assert_eq!(files.rows(), ["a.log one", "a.log two"]);
    let path = files.dir.path().join("a.log");
    let touched = |seconds: u64| {
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(4_000_000_000 + seconds)).unwrap();
    };
    touched(5);
    assert_eq!(files.rows(), [""; 0], "its time alone says nothing");
    fs::write(&path, "six\nten\n").unwrap();
    touched(10);
    assert_eq!(files.rows(), ["a.log six", "a.log ten"]);
    files.append("a.log", "more\n");
    assert_eq!(files.rows(), ["a.log more"]);
}

#[test]
fn csv_grows_behind_its_header_and_newlines_in_quotes_end_no_row() {
    let mut files = Growing::new(Format::Csv(CsvDialect { header: true, ..CsvDialect::default() }));
    files.append("a.log", "b,");
    assert_eq!(files.rows(), [""; 0]);
    files.append("a.log", "a\n");
    assert_eq!(files.rows(), [""; 0]);
    files.append("a.log", "1,2\n\"3\n");
    assert_eq!(files.rows(), ["a.log 1"]);
    files.restart();
    files.append("a.log", "4\",5\n6,7\n8");
    assert_eq!(files.rows(), ["a.log 3\n4", "a.log 6"]);
    files.append("a.log", ",9\n");
    assert_eq!(files.rows(), ["a.log 8"]);
}

#[test]
fn what_is_compressed_is_left_out() {
    let mut files = text();
    files.append("a.log", "one\n");
    let mut spec = files.spec();
    spec.paths = vec![".".into()];
    files.append("a.log.gz", "\u{1f}");
    let source = open(&[], &spec, OnBadRow::Fail, files.dir.path(), &BatchSpec::default()).unwrap();
    files.run = Some((source.planner().unwrap(), source.decoder(&["line".to_owned()]).unwrap()));
    assert_eq!(files.rows(), ["./a.log one"]);
}

#[test]
fn a_file_that_was_planned_and_is_cut_is_named() {
    let mut files = text();
    files.append("a.log", "one\ntwo\n");
    files.start(&Position::Start);
    let (planner, decoder) = files.run.as_mut().unwrap();
    let Next::Range(range) = planner.next(None).unwrap() else { panic!("there are rows") };
    File::create(files.dir.path().join("a.log")).unwrap();
    let error = decoder.decode(&range, &mut |_| Emit::Continue).unwrap_err().to_string();
    assert_eq!(error, "a.log has become shorter than the 8 bytes that were found in it");
    fs::remove_file(files.dir.path().join("a.log")).unwrap();
    let (_, mut decoder) = files.run.take().unwrap();
    let source = open(&[], &files.spec(), OnBadRow::Fail, files.dir.path(), &BatchSpec::default()).unwrap();
    let mut other = source.decoder(&["line".to_owned()]).unwrap();
    let error = other.decode(&range, &mut |_| Emit::Continue).unwrap_err().to_string();
    assert!(error.starts_with("a.log is not there any more"), "{error}");
    assert!(decoder.decode(&range, &mut |_| Emit::Continue).is_err());
}
