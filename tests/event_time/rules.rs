//! Times that nobody believes: null, before the year 1, from the year 9999 on, and with `ahead` those too far in the future. They
//! leave by `NAME.rejected`, move no watermark, and cost no other row.

use std::fmt::Write as _;

use anyhow::{Result, ensure};

use super::{
    THREADS,
    place::{Place, shown},
};

/// 2026-01-01T00:00:00Z, in µs.
const START: i64 = 1_767_225_600_000_000;
const ROWS: i64 = 60_000;
const MINUTE: i64 = 60_000_000;

fn job(event_time: &str) -> String {
    format!(
        r#"
name = "rules"
batch = {{ max-bytes = 1 }}

[source.rows]
type = "file"
path = "rows.csv"
schema = {{ word = "utf8", at = "timestamp[us]?" }}
csv = {{ null = "-" }}
event-time = {{ column = "at", watermark = "1s"{event_time} }}

[operator.passed]
input = "rows"
module = "std:filter(word <> 'nobody')"

[operator.counted]
input = "passed"
key = ["word"]
module = "std:count"
window = {{ type = "tumbling", length = "10m" }}

[sink.out]
input = "counted"
type = "file"
path = "out"
format = "csv"

[sink.rejected]
input = "counted.rejected"
type = "file"
path = "rejected"
format = "csv"

[sink.late]
input = "counted.late"
type = "file"
path = "late"
format = "csv"
"#
    )
}

/// A row each 100 ms, with these before the first: several ranges, and so several epochs.
fn rows(strange: &[&str]) -> String {
    let mut text = String::new();
    for strange in strange {
        let _ = writeln!(text, "strange,{strange}");
    }
    (0..ROWS).fold(text, |mut text, row| {
        let _ = writeln!(text, "sound,{}", START + row * 100_000);
        text
    })
}

/// All sound rows, counted.
fn counted() -> Vec<String> {
    let windows = (0..ROWS / 6_000).map(|window| START + window * 10 * MINUTE);
    windows.map(|start| format!("sound,{},{},6000", shown(start), shown(start + 10 * MINUTE))).collect()
}

#[test]
fn null_and_absurd_times_are_rejected_and_drag_no_watermark() -> Result<()> {
    let place = Place::new()?;
    place.write("rows.csv", &rows(&["-", "9999-12-31T23:59:59Z", "0000-12-31T23:59:59Z", "9999-01-01T00:00:00Z"]))?;
    place.write("job.toml", &job(""))?;
    let years = "its event time is outside of the years that the job allows";
    let expected = format!(
        "strange,,its event time is null\n\
         strange,9999-12-31T23:59:59.000000,{years}\n\
         strange,0000-12-31T23:59:59.000000,{years}\n\
         strange,9999-01-01T00:00:00.000000,{years}\n"
    );
    for threads in THREADS {
        let ran = place.run(threads)?;
        ensure!(ran.total("epochs")? > 2, "an epoch for everything proves nothing");
        ensure!(ran.total("rows_late")? == 0, "{}", place.written("late")?);
        ensure!(ran.total("rows_rejected")? == 4, "{ran:?}");
        let rejected = place.written("rejected")?;
        ensure!(rejected == expected, "{rejected}");
        ensure!(place.rows("out")? == counted(), "{}", place.written("out")?);
    }
    Ok(())
}

#[test]
fn times_ahead_of_the_clock_are_rejected_where_the_job_says_so() -> Result<()> {
    let place = Place::new()?;
    place.write("rows.csv", &rows(&["2900-01-01T00:00:00Z"]))?;
    // Years ahead: the rows may be of the future of whoever runs this, but 2900 is further.
    place.write("job.toml", &job(", ahead = \"36500d\""))?;
    for threads in THREADS {
        let ran = place.run(threads)?;
        ensure!(ran.total("rows_late")? == 0, "{}", place.written("late")?);
        let rejected = place.written("rejected")?;
        let reason = "its event time is further ahead of the clock than the job allows";
        ensure!(rejected == format!("strange,2900-01-01T00:00:00.000000,{reason}\n"), "{rejected}");
        ensure!(place.rows("out")? == counted(), "{}", place.written("out")?);
    }
    // Without it the job takes the row at its word: what comes after it is late.
    place.write("job.toml", &job(""))?;
    let ran = place.run("2")?;
    ensure!(ran.total("rows_rejected")? == 0 && ran.total("rows_late")? > 0, "{ran:?}");
    Ok(())
}
