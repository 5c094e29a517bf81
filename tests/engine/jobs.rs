//! Jobs and modules of these tests.

use std::fmt::Write;

use super::served::Place;

/// Rows of the source, over all files.
const ROWS: i64 = 40_000;
const FILES: i64 = 20;

/// A module that traps when it is given rows.
pub fn traps() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/messages/given/modules/traps.wat");
    std::fs::read_to_string(path).expect("a module")
}

/// The same, but that it makes no row of any.
pub fn drops() -> String {
    let module = traps();
    let dropping = module.replace("    (call $divide)))", "    (i32.const 0x800)))");
    assert_ne!(module, dropping);
    dropping
}

/// Writes the files that [`counted`] reads.
pub fn write_bids(place: &Place) {
    for file in 0..FILES {
        let mut text = String::new();
        for row in file * ROWS / FILES..(file + 1) * ROWS / FILES {
            let late = if row % 8 == 0 { row % 1_700 } else { 0 };
            writeln!(text, "{},{},{}", row * 7 % 60, row * 31 % 1_000, (row * 5 - late).max(0)).unwrap();
        }
        place.write(&format!("bids/{file:02}.csv"), text);
    }
}

/// A job with windows over the bids, which writes to `out`.
pub fn counted(name: &str, head: &str, out: &str) -> String {
    format!(
        r#"
name = "{name}"
batch = {{ max-bytes = 1, rows = 512 }}
threads = 2
{head}

[source.bids]
type = "file"
path = "bids/*.csv"
schema = {{ auction = "s64", price = "s64", ts = "timestamp[ms]" }}
event-time = {{ column = "ts", watermark = "2s" }}

[operator.counted]
input = "bids"
key = ["auction"]
window = {{ type = "tumbling", length = "7s", lateness = "1s" }}
aggregate = {{ n = "std:count", sum = "std:sum(price)" }}

[sink.out]
input = "counted"
type = "file"
path = "{out}"
format = "csv"
"#
    )
}

/// A job that makes rows of its own, so many a second, without end if `rows` is none.
pub fn made(name: &str, rate: u32, rows: Option<u32>, out: &str) -> String {
    let rows = rows.map(|rows| format!("rows = {rows}")).unwrap_or_default();
    format!(
        r#"
name = "{name}"
batch = {{ interval = "20ms", max-bytes = 1 }}
threads = 1

[source.clicks]
type = "generator"
rate = {rate}
{rows}
event-time = {{ column = "ts", watermark = "0s" }}
[source.clicks.columns]
id = {{ sequence = {{ start = 1 }} }}
ts = {{ time = {{ start = 2026-01-31T12:00:00Z, step = "10ms" }} }}

[operator.hours]
input = "clicks"
window = {{ type = "tumbling", length = "1h" }}
aggregate = {{ n = "std:count", last = "std:max(id)" }}

[sink.windows]
input = "hours"
type = "file"
path = "{out}-windows"
format = "csv"

[sink.rows]
input = "clicks"
columns = ["id"]
type = "file"
path = "{out}"
format = "csv"
"#
    )
}

/// A job that gives a module the column `x`.
pub fn with_module(name: &str, module: &str, head: &str) -> String {
    format!(
        r#"
name = "{name}"
threads = 1
{head}

[source.numbers]
type = "generator"
rows = 1_000
[source.numbers.columns]
x = {{ sequence = {{ start = 1 }} }}

[operator.work]
input = "numbers"
module = "{module}"

[sink.out]
input = "work"
type = "blackhole"
"#
    )
}
