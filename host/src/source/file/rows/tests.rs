//! Ranges of files: cut anywhere, decoded on many threads, again, or never, they give the rows of one reading.

use std::{fs, io::Write, path::Path, sync::Arc};

use arrow::{
    array::{AsArray, RecordBatch},
    compute::concat_batches,
    datatypes::{Field, Int64Type, Schema},
};
use pelton_core::{
    job::{BatchSpec, Compression, CsvDialect, FileSourceSpec, Format, OnBadRow},
    types,
};
use tempfile::TempDir;

use super::*;
use crate::source::{
    Next, Planner, Source,
    file::{FileSource, listing, plan::FilePlanner},
};

/// Files in a directory of their own, read as CSV.
struct Files {
    directory: TempDir,
    spec: FileSourceSpec,
}

type Rows = (Option<RecordBatch>, Vec<BadRow>);

impl Files {
    fn new(schema: &[&str], dialect: CsvDialect, texts: &[&[u8]]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        for (index, text) in texts.iter().enumerate() {
            fs::write(directory.path().join(format!("{index}.csv")), text).expect("a file");
        }
        let fields: Vec<Field> = schema
            .iter()
            .map(|column| {
                let (name, type_name) = column.split_once(' ').expect("NAME TYPE");
                types::parse_column(name, type_name).expect("a type")
            })
            .collect();
        let spec = FileSourceSpec {
            paths: vec!["*.csv".to_owned()],
            format: Format::Csv(dialect),
            compression: Compression::None,
            schema: (!schema.is_empty()).then(|| Arc::new(Schema::new(fields))),
            max_row_bytes: 1 << 20,
            watch: None,
            tail: false,
        };
        Self { directory, spec }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn open(&self, on_bad_row: OnBadRow) -> Result<Box<dyn Source>, SourceError> {
        FileSource::open(&self.spec, on_bad_row, self.path(), &BatchSpec::default())
    }

    fn decoder(&self) -> RowsDecoder {
        let schema = Arc::clone(self.spec.schema.as_ref().expect("declared"));
        let mut columns: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        columns.extend(["_file", "_offset"].map(str::to_owned));
        let format = RowFormat::new(&self.spec.format, schema, 8192, self.spec.max_row_bytes).expect("a format");
        RowsDecoder::new(Arc::new(format), &columns, OnBadRow::Reject).expect("a decoder")
    }

    fn ranges(&self, range_bytes: u64) -> Vec<Range> {
        let files = listing::list(&self.spec.paths, self.path()).expect("files");
        let files = Arc::new(files.into_iter().map(Arc::new).collect());
        let Format::Csv(dialect) = &self.spec.format else { unreachable!("all are CSV") };
        let planner = FilePlanner::new(files, self.spec.clone(), dialect.quote.is_some());
        let mut planner = planner.with_range_bytes(range_bytes);
        let mut ranges = Vec::new();
        while let Next::Range(range) = planner.next(None).expect("a range") {
            ranges.push(range);
        }
        ranges
    }

    /// All rows, of ranges of so many bytes decoded one after the other.
    fn read(&self, range_bytes: u64) -> Rows {
        let mut decoder = self.decoder();
        let decoded =
            self.ranges(range_bytes).iter().map(|range| decode(&mut decoder, range).expect("decodes")).collect();
        merged(decoded)
    }

    /// The same, each range on a thread of its own, the last one first: all but those who are late must guess.
    fn read_at_once(&self, range_bytes: u64) -> Rows {
        let ranges = self.ranges(range_bytes);
        let mut decoded: Vec<Vec<Decoded>> = std::thread::scope(|scope| {
            let threads: Vec<_> = ranges
                .iter()
                .rev()
                .map(|range| scope.spawn(|| decode(&mut self.decoder(), range).expect("decodes")))
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        decoded.reverse();
        merged(decoded)
    }
}

fn decode(decoder: &mut RowsDecoder, range: &Range) -> Result<Vec<Decoded>, SourceError> {
    let mut out = Vec::new();
    decoder.decode(range, &mut |decoded| {
        out.push(decoded);
        Emit::Continue
    })?;
    Ok(out)
}

fn merged(decoded: Vec<Vec<Decoded>>) -> Rows {
    let decoded: Vec<Decoded> = decoded.into_iter().flatten().collect();
    let rejected = decoded.iter().flat_map(|decoded| decoded.rejected.clone()).collect();
    let batches: Vec<RecordBatch> =
        decoded.into_iter().map(|decoded| decoded.rows).filter(|rows| rows.num_rows() > 0).collect();
    (batches.first().map(|first| concat_batches(&first.schema(), &batches).expect("one schema")), rejected)
}

/// Text in which quotes, newlines and long fields stand where they hurt.
fn text(seed: u64, pieces: usize) -> Vec<u8> {
    let tokens = [
        "a",
        "12",
        ",",
        ",",
        "\n",
        "\r\n",
        "\"",
        "\"",
        "\n\"",
        "\",",
        "\"\n",
        "\"\"",
        "#",
        "\na,b\n",
        "x,\"y\n\nz\"\n",
    ];
    let mut state = seed;
    (0..pieces)
        .flat_map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            tokens[(state >> 33) as usize % tokens.len()].bytes()
        })
        .collect()
}

#[test]
fn ranges_of_every_size_give_the_rows_of_one_reading() {
    for seed in 0..60 {
        let text = text(seed, 10 + seed as usize * 2);
        for quote in [Some(b'"'), None] {
            let dialect = CsvDialect {
                quote,
                comment: (seed % 3 == 0).then_some(b'#'),
                header: seed % 4 == 0,
                ..CsvDialect::default()
            };
            let mut files = Files::new(&["a utf8", "b utf8"], dialect, &[]);
            files.spec.max_row_bytes = [1 << 20, 12, 4][seed as usize % 3];
            let head = if seed % 4 == 0 { "a,b\n" } else { "" };
            fs::write(files.path().join("t.csv"), [head.as_bytes(), &text].concat()).expect("a file");
            let whole = files.read(1 << 20);
            for range_bytes in 1..=text.len() as u64 + 1 {
                assert_eq!(files.read(range_bytes), whole, "seed {seed}, {range_bytes} bytes, quote {quote:?}");
            }
        }
    }
}

#[test]
fn guesses_that_are_wrong_are_put_right() {
    for seed in 0..150 {
        let text = text(seed, 120);
        let files = Files::new(&["a utf8", "b utf8"], CsvDialect::default(), &[&text, b"", b"x,y\n"]);
        let whole = files.read(1 << 20);
        for range_bytes in [7, 20, 64] {
            assert_eq!(files.read_at_once(range_bytes), whole, "seed {seed}, {range_bytes} bytes");
        }
    }
}

#[test]
fn rows_longer_than_several_ranges_are_read_once() {
    let long = format!("\"{}\",1\n", "x,\n\"\"".repeat(20_000));
    let text = format!("a,1\n{long}b,2\n\"{}\",3\n", "\n".repeat(30_000));
    let files = Files::new(&["a utf8", "b s64"], CsvDialect::default(), &[text.as_bytes()]);
    let (rows, rejected) = files.read(1 << 20);
    assert_eq!(rows.as_ref().expect("rows").column(1).as_primitive::<Int64Type>().values(), &[1, 1, 2, 3]);
    assert!(rejected.is_empty());
    for range_bytes in [4096, 50_000] {
        assert_eq!(files.read_at_once(range_bytes), (rows.clone(), Vec::new()));
    }
}

#[test]
fn a_range_can_be_decoded_again_and_alone() {
    let text = text(5, 2000);
    let files = Files::new(&["a utf8", "b utf8"], CsvDialect::default(), &[&text]);
    let mut decoder = files.decoder();
    let ranges = files.ranges(512);
    let first: Vec<_> =
        ranges.iter().map(|range| merged(vec![decode(&mut decoder, range).expect("decodes")])).collect();
    for (index, range) in ranges.iter().enumerate().rev() {
        assert_eq!(merged(vec![decode(&mut decoder, range).expect("decodes")]), first[index]);
    }
    for (index, expected) in first.iter().enumerate() {
        // The ranges before it are dropped unread.
        let alone = files.ranges(512).into_iter().nth(index).expect("as many");
        assert_eq!(merged(vec![decode(&mut decoder, &alone).expect("decodes")]), *expected, "{index}");
    }
}

#[test]
fn a_failure_stops_the_ranges_behind_it() {
    let text = b"some text\n".repeat(10_000);
    let files = Files::new(&["a utf8"], CsvDialect::default(), &[&text]);
    let ranges = files.ranges(20_000);
    let path = files.path().join("0.csv");
    fs::remove_file(&path).expect("removed");
    let failed = decode(&mut files.decoder(), &ranges[0]);
    assert!(matches!(failed, Err(SourceError::Io { action: "open", .. })), "{failed:?}");
    fs::write(&path, &text).expect("back again");
    for range in &ranges[1..] {
        assert!(matches!(decode(&mut files.decoder(), range), Err(SourceError::Stopped)));
    }
}

#[test]
fn a_file_that_became_shorter_is_an_error() {
    let files = Files::new(&["a utf8"], CsvDialect::default(), &[&b"some text\n".repeat(10_000)]);
    let ranges = files.ranges(20_000);
    fs::File::options().write(true).open(files.path().join("0.csv")).expect("opens").set_len(50_000).expect("shrinks");
    let mut decoder = files.decoder();
    assert!(decode(&mut decoder, &ranges[0]).is_ok());
    assert!(decode(&mut decoder, &ranges[1]).is_ok());
    assert!(matches!(decode(&mut decoder, &ranges[2]), Err(SourceError::Shrunk { bytes: 100_000, .. })));
}

#[test]
fn a_row_of_a_gibibyte_is_rejected_without_being_held() {
    const LONG: u64 = 1 << 30;
    for quote in [None, Some(b'"')] {
        let files = Files::new(&["a utf8", "b s64"], CsvDialect { quote, ..CsvDialect::default() }, &[]);
        let open = if quote.is_some() { "a,1\n\"" } else { "a,1\n" };
        let mut file = fs::File::create(files.path().join("t.csv")).expect("a file");
        file.write_all(open.as_bytes()).expect("written");
        file.set_len(open.len() as u64 + LONG).expect("a hole");
        let mut file = fs::File::options().append(true).open(files.path().join("t.csv")).expect("opens");
        file.write_all(if quote.is_some() { b"\",1\nb,2\n" } else { b",1\nb,2\n" }).expect("written");
        let (mut decoder, mut decoded) = (files.decoder(), Vec::new());
        for range in files.ranges(512 << 10) {
            decoded.push(decode(&mut decoder, &range).expect("decodes"));
        }
        let (rows, rejected) = merged(decoded);
        assert_eq!(rows.expect("rows").column(1).as_primitive::<Int64Type>().values(), &[1, 2]);
        let [bad] = rejected.as_slice() else { panic!("{} bad rows", rejected.len()) };
        assert_eq!((bad.offset, bad.raw.len()), (4, BadRow::RAW_MAX));
        assert_eq!(bad.reason, "the row is longer than 1048576 bytes (`max-row-bytes`)");
        assert!(decoder.reader.held() < 4 << 20, "{} bytes", decoder.reader.held());
    }
}

#[test]
fn files_with_headers_may_differ_in_the_order_of_their_columns() {
    let texts: [&[u8]; 3] = [b"\xef\xbb\xbfa,b\nx,1\n", b"b,c,a\n2,?,y\n", b""];
    let files = Files::new(&["a utf8", "b s64"], CsvDialect { header: true, ..CsvDialect::default() }, &texts);
    let (rows, rejected) = files.read(1 << 20);
    let rows = rows.expect("rows");
    assert_eq!(rejected, []);
    assert_eq!(rows.column(0).as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(rows.column(1).as_primitive::<Int64Type>().values(), &[1, 2]);
    assert_eq!(rows.column(2).as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["0.csv", "1.csv"]);
}

#[test]
fn a_missing_column_is_told_when_the_source_is_opened() {
    let files = Files::new(&["a utf8", "z s64"], CsvDialect { header: true, ..CsvDialect::default() }, &[b"a,b\n"]);
    let error = files.open(OnBadRow::Reject).err().expect("refused").to_string();
    assert_eq!(error, "0.csv does not fit the source's schema: its header has no column `z` (it has a, b)");
}

#[test]
fn bad_rows_fail_the_job_when_it_wants_that() {
    let files = Files::new(&["a s64"], CsvDialect::default(), &[b"1\nx\n"]);
    let source = files.open(OnBadRow::Fail).expect("opens");
    let Next::Range(range) = source.planner().expect("plans").next(None).expect("a range") else { panic!("no range") };
    let mut decoder = source.decoder(&["a".to_owned()]).expect("a decoder");
    let error = decoder.decode(&range, &mut |_| Emit::Continue).expect_err("a bad row").to_string();
    assert_eq!(error, "bad row in 0.csv at byte 2: column `a` (field 1): `x` is not an s64");
}

#[test]
fn an_undeclared_schema_is_inferred_and_told() {
    let files = Files::new(&[], CsvDialect { header: true, ..CsvDialect::default() }, &[b"", b"id,price\n1,2.5\n"]);
    let source = files.open(OnBadRow::Reject).expect("opens");
    let schema = source.schema();
    assert_eq!(schema.fields().iter().map(|f| types::column(f)).collect::<Vec<_>>(), ["s64?", "f64?"]);
    let told = source.describe();
    assert!(
        told.contains(&("schema (inferred from the first file)".to_owned(), "id: s64?, price: f64?".to_owned())),
        "{told:?}"
    );
    assert_eq!(source.total_bytes(), Some(15));
}

#[test]
fn an_emitter_that_stops_is_heeded() {
    let files = Files::new(&["a s64"], CsvDialect::default(), &[b"1\n"]);
    let range = files.ranges(100).pop().expect("a range");
    let stopped = files.decoder().decode(&range, &mut |_| Emit::Stop);
    assert!(matches!(stopped, Err(SourceError::Stopped)));
}
