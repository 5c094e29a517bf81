//! Many files at different speeds make no row late: files that overlap and come in any order, sources of which one is much larger
//! than the other, thousands of files, files that begin with times that nobody believes.

use std::{collections::BTreeMap, fmt::Write as _};

use anyhow::{Result, ensure};
use rand::{Rng, rngs::StdRng, seq::SliceRandom};

use super::{
    THREADS, each,
    place::{Place, shown},
};

/// 2026-01-01T00:00:00Z, in seconds.
const START: i64 = 1_767_225_600;
const BOUND: i64 = 30;
const WINDOW: i64 = 600;

/// (word, seconds since 1970)
type Row = (&'static str, i64);

fn source(name: &str) -> String {
    format!(
        r#"
[source.{name}]
type = "file"
path = "{name}"
format = "csv"
schema = {{ word = "utf8", at = "timestamp[s]?" }}
csv = {{ null = "-" }}
event-time = {{ column = "at", watermark = "{BOUND}s" }}
"#
    )
}

/// A count of words over these sources, in windows.
fn job(batch: &str, sources: &[&str]) -> String {
    let names: Vec<String> = sources.iter().map(|name| format!("\"{name}\"")).collect();
    let sources: String = sources.iter().map(|name| source(name)).collect();
    format!(
        r#"
name = "files"
batch = {{ {batch} }}
{sources}
[operator.counted]
input = [{}]
key = ["word"]
module = "std:count"
window = {{ type = "tumbling", length = "{WINDOW}s" }}

[sink.out]
input = "counted"
type = "file"
path = "out"
format = "csv"

[sink.late]
input = "counted.late"
type = "file"
path = "late"
format = "csv"
"#,
        names.join(", ")
    )
}

fn csv(rows: &[Row]) -> String {
    rows.iter().fold(String::new(), |mut text, (word, at)| {
        let _ = writeln!(text, "{word},{at}");
        text
    })
}

/// What the job writes if each row counts, sorted.
fn counted<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<String> {
    let mut windows: BTreeMap<(&str, i64), usize> = BTreeMap::new();
    for (word, at) in rows {
        *windows.entry((*word, at.div_euclid(WINDOW) * WINDOW)).or_default() += 1;
    }
    let mut lines: Vec<String> = windows
        .into_iter()
        .map(|((word, start), count)| {
            format!("{word},{},{},{count}", shown(start * 1_000_000), shown((start + WINDOW) * 1_000_000))
        })
        .collect();
    lines.sort();
    lines
}

/// Rows of a file from `start` on, no further out of order than the bound.
fn file(random: &mut StdRng, start: i64, rows: usize, step: i64) -> Vec<Row> {
    let mut front = start;
    let row = |_| {
        front += random.random_range(0..=step);
        (["a", "b", "c"][random.random_range(0..3)], front - random.random_range(0..=BOUND))
    };
    (0..rows).map(row).collect()
}

fn check(place: &Place, expected: &[String], job: &str) -> Result<()> {
    let mut written = None;
    for threads in THREADS {
        let ran = place.run(threads)?;
        ensure!(ran.total("epochs")? > 2, "an epoch for everything proves nothing");
        let late = ran.total("rows_late")?;
        ensure!(late == 0, "{threads} threads: {late} rows are late:\n{}\n{job}", place.written("late")?);
        ensure!(place.rows("out")? == expected, "{threads} threads: other windows than {expected:#?}\n{job}");
        let bytes = place.written("out")?;
        ensure!(*written.get_or_insert_with(|| bytes.clone()) == bytes, "{threads} threads wrote another order");
    }
    Ok(())
}

#[test]
fn files_that_overlap_and_sources_of_different_size_make_no_row_late() -> Result<()> {
    each("files_that_overlap", 8, |random| {
        let place = Place::new()?;
        // The large source: files that begin in any order, half of the time backwards, and reach into each other.
        let count = random.random_range(5..15_i64);
        let mut starts: Vec<i64> = (0..count).map(|at| START + at * random.random_range(300..1_500)).collect();
        if random.random() {
            starts.reverse()
        } else {
            starts.shuffle(random)
        }
        let mut rows = Vec::new();
        for (number, start) in starts.into_iter().enumerate() {
            let step = random.random_range(1..30);
            let file = file(random, start, 300, step);
            place.write(&format!("large/{number:02}.csv"), &csv(&file))?;
            rows.extend(file);
        }
        // The small one: a few rows over all of that time, or only its end, in a file or two.
        for number in 0..random.random_range(1..3) {
            let (start, few) = (START + random.random_range(0..5_000), random.random_range(1..12));
            let file = file(random, start, few, 2_000);
            place.write(&format!("small/{number}.csv"), &csv(&file))?;
            rows.extend(file);
        }
        let job = job("max-bytes = 1", &["large", "small"]);
        place.write("job.toml", &job)?;
        check(&place, &counted(rows.iter()), &job)
    })
}

#[test]
fn thousands_of_files_from_the_newest_to_the_oldest_make_no_row_late() -> Result<()> {
    let place = Place::new()?;
    let rows: Vec<Row> = (0..5_000).rev().map(|minute| ("a", START + minute * 60)).collect();
    for (number, row) in rows.iter().enumerate() {
        place.write(&format!("many/{number:04}.csv"), &csv(&[*row]))?;
    }
    let job = job("max-bytes = \"2KiB\"", &["many"]);
    place.write("job.toml", &job)?;
    check(&place, &counted(rows.iter()), &job)
}

/// How a file begins is told by its first sound time; if it is not near its beginning, windows wait for the file.
#[test]
fn files_that_begin_with_times_that_nobody_believes_make_no_row_late() -> Result<()> {
    let later = [("a", START + 7_200), ("a", START + 7_300)];
    let earlier = [("a", START), ("b", START + 700), ("a", START + 7_250)];
    let last = [("c", START + 8_000)];
    // 253402300799: the end of the year 9999; below the year 1: the least that the column holds.
    let beginnings = [
        "a,-\n".repeat(20),
        "a,253402300799\n".repeat(20),
        "b,-70000000000\n".repeat(20),
        // More than a range of a file.
        "a,-\n".repeat(200_000),
    ];
    for beginning in beginnings {
        let place = Place::new()?;
        place.write("rows/0.csv", &csv(&later))?;
        place.write("rows/1.csv", "a,-\n")?;
        place.write("rows/2.csv", &format!("{beginning}{}", csv(&earlier)))?;
        place.write("rows/3.csv", &csv(&last))?;
        let job = job("max-bytes = 1, rows = 8", &["rows"]);
        place.write("job.toml", &job)?;
        let rows = later.iter().chain(&earlier).chain(&last);
        check(&place, &counted(rows), &beginning.chars().take(40).collect::<String>())?;
    }
    Ok(())
}
