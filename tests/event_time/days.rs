//! Days of a time zone that begin at six: 23 and 25 hours where clocks change, by hand.

use std::fmt::Write as _;

use anyhow::{Result, ensure};

use super::{
    THREADS,
    place::{Place, shown},
};

const JOB: &str = r#"
name = "days"

[source.rows]
type = "file"
path = "rows.csv"
schema = { at = "timestamp[us]" }
event-time = { column = "at", watermark = "0s" }

[operator.days]
input = "rows"
module = "std:count"
window = { type = "tumbling", length = "1d", time-zone = "Europe/Paris", offset = "6h" }

[sink.out]
input = "days"
type = "file"
path = "out"
format = "csv"
"#;

/// Clocks went forward on 29 March 2026 and back on 25 October: six o'clock in Paris is 05:00 UTC in winter and 04:00 in summer.
/// A row at each full hour, so that a day counts its hours.
const DAYS: &str = "\
2026-03-27T05:00:00.000000,2026-03-28T05:00:00.000000,24
2026-03-28T05:00:00.000000,2026-03-29T04:00:00.000000,23
2026-03-29T04:00:00.000000,2026-03-30T04:00:00.000000,24
2026-03-30T04:00:00.000000,2026-03-31T04:00:00.000000,1
2026-10-23T04:00:00.000000,2026-10-24T04:00:00.000000,24
2026-10-24T04:00:00.000000,2026-10-25T05:00:00.000000,25
2026-10-25T05:00:00.000000,2026-10-26T05:00:00.000000,24
2026-10-26T05:00:00.000000,2026-10-27T05:00:00.000000,1
";

#[test]
fn days_from_six_to_six_in_paris_have_23_and_25_hours_where_clocks_change() -> Result<()> {
    let place = Place::new()?;
    let mut text = String::new();
    // 2026-03-27T05:00Z and 2026-10-23T04:00Z, in seconds, and the hours up to the beginning of the last day.
    for (first, hours) in [(1_774_587_600_i64, 24 + 23 + 24), (1_792_728_000, 24 + 25 + 24)] {
        for hour in 0..=hours {
            writeln!(text, "{}", shown((first + hour * 3_600) * 1_000_000))?;
        }
    }
    place.write("rows.csv", &text)?;
    place.write("job.toml", JOB)?;
    for threads in THREADS {
        place.run(threads)?;
        let days = place.written("out")?;
        ensure!(days == DAYS, "{days}");
    }
    Ok(())
}
