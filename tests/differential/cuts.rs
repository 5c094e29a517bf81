//! The same input, cut into one epoch or fifty, into one call or fifty, and on one thread or four, by the real binary.
//!
//! The rows are those of the naive evaluator in every case, and the files the same bytes for every number of threads.

use std::{
    fmt::Write as _,
    fs::{self, File},
    path::Path,
    sync::Arc,
};

use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use rand::{Rng, rngs::StdRng, seq::SliceRandom};

use crate::{
    arrays, draw, for_seeds,
    job::{Files, Job},
    rules::Form,
    transposed,
    value::{Row, Value},
};

const THREADS: [&str; 2] = ["1", "4"];

/// Bytes of a CSV file that is read in three ranges of 512 KiB.
const LARGE_BYTES: usize = 1_100_000;
const SMALL_FILES: usize = 47;
const PARQUET_ROWS: usize = 5_000;

#[test]
fn one_epoch_and_fifty_give_the_same_rows() {
    for_seeds("one_epoch_and_fifty_give_the_same_rows", 0..1, |random| {
        let fields = [
            Field::new("id", DataType::Int64, false),
            Field::new("word", DataType::Utf8, true),
            Field::new("number", DataType::Int32, true),
            Field::new("price", DataType::Float64, false),
        ];
        let source = r#"
            path = "data"
            format = "csv"
            csv = { null = ["NULL"] }
            schema = { id = "s64", word = "utf8?", number = "s32?", price = "f64" }"#;
        let forms = [Form::FlatMap { column: 1, by: Some(0) }, Form::Filter { column: 2 }, Form::Map { column: 1 }];
        let wanted = ["id", "word", "number", "price", "copy"].map(str::to_owned);
        let job = Job::new(source, &fields, &forms, &["csv", "arrow"], &wanted);
        let rows = write_csv(&job.dir("data"), random);
        let expected = evaluate(&forms, &fields, rows, &wanted);
        for (bytes, epochs) in [("1GiB", 1), ("1B", 50)] {
            let made = same_on_all_threads(&job, &format!("batch.max-bytes={bytes}"), |summary| {
                assert_eq!(summary["epochs"], epochs, "with batch.max-bytes = {bytes}");
            });
            assert_rows(&expected, &made);
        }
    });
}

#[test]
fn one_call_and_fifty_give_the_same_rows() {
    for_seeds("one_call_and_fifty_give_the_same_rows", 0..4, |random| {
        let mut fields = draw::scalar_fields(random);
        let mut columns: Vec<_> = fields.iter().map(|field| draw::column(field, PARQUET_ROWS, random)).collect();
        let mut column = || random.random_range(0..fields.len());
        let forms = [
            Form::FlatMap { column: column(), by: Some(fields.len()) },
            Form::Map { column: column() },
            Form::Filter { column: column() },
        ];
        fields.push(Field::new("id", DataType::Int64, false));
        columns.push((0..PARQUET_ROWS).map(|id| Value::Whole(id as i128)).collect());
        let wanted = some_columns(&forms, &fields, random);
        let job = Job::new("path = \"data/rows.parquet\"", &fields, &forms, &["arrow"], &wanted);
        write_parquet(&job.dir("data").join("rows.parquet"), &fields, &columns, random);
        let expected = evaluate(&forms, &fields, transposed(&columns, PARQUET_ROWS).collect(), &wanted);
        for (rows, calls) in [(PARQUET_ROWS, 1), (PARQUET_ROWS / 50, 50)] {
            let made = same_on_all_threads(&job, &format!("batch.rows={rows}"), |summary| {
                assert_eq!(summary["operators"][0]["calls"], calls, "with batch.rows = {rows}");
            });
            assert_rows(&expected, &made);
        }
    });
}

/// What the job writes with this setting, which may not depend on the number of threads.
fn same_on_all_threads(job: &Job, set: &str, check: impl Fn(&serde_json::Value)) -> Files {
    let mut runs = THREADS.map(|threads| {
        let (summary, files) = job.run(&["--set", set, "--threads", threads]);
        check(&summary);
        files
    });
    let [one, four] = &mut runs;
    for (path, bytes) in one.iter() {
        assert!(four.get(path) == Some(bytes), "{path} differs between 1 and 4 threads, with {set}");
    }
    assert_eq!(one.len(), four.len(), "files on 1 and on 4 threads, with {set}");
    std::mem::take(one)
}

fn assert_rows(expected: &[Row], files: &Files) {
    let made = crate::job::rows(files);
    let differs = expected.iter().zip(&made).position(|(expected, made)| expected != made);
    if let Some(row) = differs {
        panic!("row {row} is\n{:?}\nand not\n{:?}", made.get(row), expected.get(row));
    }
    assert_eq!(made.len(), expected.len(), "rows");
}

/// One form after the other, and of the result the columns that are wanted.
fn evaluate(forms: &[Form], fields: &[Field], mut rows: Vec<Row>, wanted: &[String]) -> Vec<Row> {
    let mut fields = fields.to_vec();
    for form in forms {
        rows = form.evaluate(&fields, &rows).ports.swap_remove(0);
        (_, fields) = form.ports(&fields);
    }
    let places = wanted.iter().map(|name| fields.iter().position(|field| field.name() == name).expect("a column"));
    let places: Vec<usize> = places.collect();
    rows.iter().map(|row| places.iter().filter_map(|at| row.get(*at).cloned()).collect()).collect()
}

/// Some of the columns that come out, in any order: the host must find them after it dropped the others on the way.
fn some_columns(forms: &[Form], fields: &[Field], random: &mut StdRng) -> Vec<String> {
    let last = forms.iter().fold(fields.to_vec(), |fields, form| form.ports(&fields).1);
    let mut names: Vec<String> = last.iter().map(|field| field.name().clone()).collect();
    names.shuffle(random);
    names.truncate(random.random_range(1..=names.len()));
    names
}

/// One large file among small ones; 50 ranges in all.
fn write_csv(folder: &Path, random: &mut StdRng) -> Vec<Row> {
    let mut rows = Vec::new();
    for file in 0..=SMALL_FILES {
        let mut text = String::new();
        let bytes = if file == SMALL_FILES / 2 { LARGE_BYTES } else { random.random_range(1..4_000) };
        while text.len() < bytes {
            let row = csv_row(rows.len(), random);
            write_line(&row, &mut text);
            rows.push(row);
        }
        fs::write(folder.join(format!("{file:02}.csv")), text).expect("written");
    }
    rows
}

fn csv_row(id: usize, random: &mut StdRng) -> Row {
    let null = |value: Value, random: &mut StdRng| if random.random_bool(0.1) { Value::Null } else { value };
    let word = draw::value(&DataType::Utf8, random);
    let number = draw::value(&DataType::Int32, random);
    let price = random.random_range(-1e9..1e9_f64);
    vec![Value::Whole(id as i128), null(word, random), null(number, random), Value::Double(price.to_bits())]
}

/// RFC 4180, with every string between quotes.
fn write_line(row: &Row, text: &mut String) {
    for (index, value) in row.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        match value {
            Value::Null => text.push_str("NULL"),
            Value::Whole(whole) => write!(text, "{whole}").expect("text grows"),
            Value::Double(bits) => write!(text, "{}", f64::from_bits(*bits)).expect("text grows"),
            Value::Text(word) => write!(text, "\"{}\"", word.replace('"', "\"\"")).expect("text grows"),
            other => unreachable!("{other:?} is in no CSV file"),
        }
    }
    text.push('\n');
}

/// One row group.
fn write_parquet(path: &Path, fields: &[Field], columns: &[Vec<Value>], random: &mut StdRng) {
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let batch = arrays::batch(&schema, columns, PARQUET_ROWS, random);
    let file = File::create(path).expect("created");
    let mut writer = ArrowWriter::try_new(file, schema, None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
}
