//! Rows that come too late: they leave by `NAME.late` as they came, the summary counts them, and no window has them.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use rand::Rng;

use super::{
    THREADS, each,
    place::{Place, shown},
};

/// 2026-01-01T00:00:00Z, in µs.
const START: i64 = 1_767_225_600_000_000;
const ROWS: i64 = 60_000;
const SECOND: i64 = 1_000_000;

const JOB: &str = r#"
name = "late"
batch = { max-bytes = 1 }

[source.rows]
type = "file"
path = "rows.csv"
schema = { id = "s64", at = "timestamp[us]" }
event-time = { column = "at", watermark = "5s" }

[operator.counted]
input = "rows"
aggregate = { n = "std:count", ids = "std:sum(id)" }
window = { type = "tumbling", length = "1m", lateness = "30s" }

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
"#;

/// A row each 100 ms, up to five seconds out of order, and among those of the last third some that are an hour and more behind: by
/// then the first ranges of the file have been epochs of their own.
#[test]
fn late_rows_leave_as_they_came_and_are_counted() -> Result<()> {
    each("late_rows_leave", 4, |random| {
        let place = Place::new()?;
        let (mut text, mut late) = (String::new(), String::new());
        let mut windows = vec![(0, 0); ROWS as usize / 600];
        for id in 0..ROWS {
            let is_late = id > ROWS * 2 / 3 && random.random_ratio(1, 200);
            let at = match is_late {
                true => random.random_range(0..300 * SECOND),
                false => (id * SECOND / 10 - random.random_range(0..=5 * SECOND)).max(0),
            };
            writeln!(text, "{id},{}", START + at)?;
            if is_late {
                writeln!(late, "{id},{}", shown(START + at))?;
            } else {
                let (rows, ids) = &mut windows[(at / (60 * SECOND)) as usize];
                (*rows, *ids) = (*rows + 1, *ids + id);
            }
        }
        place.write("rows.csv", &text)?;
        place.write("job.toml", JOB)?;
        let minute = 60 * SECOND;
        let expected: Vec<String> = (0..)
            .zip(&windows)
            .map(|(at, (rows, ids))| {
                let start = START + at * minute;
                format!("{},{},{rows},{ids}", shown(start), shown(start + minute))
            })
            .collect();
        for threads in THREADS {
            let ran = place.run(threads)?;
            ensure!(place.written("late")? == late, "{threads} threads: expected {late}got {}", place.written("late")?);
            ensure!(ran.total("rows_late")? == late.lines().count() as u64 && !late.is_empty(), "{ran:?}");
            // A window within the lateness leaves again, whole: the last result of each counts.
            let mut last: Vec<String> = Vec::new();
            for line in place.written("out")?.lines() {
                let window = &line[..53];
                last.retain(|known| !known.starts_with(window));
                last.push(line.to_owned());
            }
            last.sort();
            ensure!(last == expected, "{threads} threads: expected {expected:#?}\ngot {last:#?}");
        }
        Ok(())
    })
}
