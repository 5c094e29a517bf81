//! What a running job does while its input is silent, by the real binary: the clock closes windows, early results leave, and
//! an idle source holds nobody back.

use anyhow::{Result, ensure};
use pelton_tests::live::Live;

const SAID: &str = r#"
name = "live"
batch = { interval = "50ms" }

[source.said]
type = "stdin"
format = "csv"
schema = { word = "utf8", at = "timestamp[ms]" }
event-time = { column = "at", watermark = "0s" }

[operator.counted]
input = "said"
key = ["word"]
module = "std:count"
WINDOW

[sink.out]
type = "print"
input = "counted"
"#;

#[test]
fn windows_of_processing_time_close_without_rows() -> Result<()> {
    for window in ["type = \"tumbling\", length = \"300ms\"", "type = \"session\", gap = \"300ms\""] {
        let window = format!("window = {{ {window}, time = \"processing\" }}");
        let mut live = Live::start(&SAID.replace("WINDOW", &window))?;
        live.say("a,2026-01-01T00:00:00Z\na,2026-01-01T00:00:00Z\n")?;
        live.expect("\"count\":2")?;
    }
    Ok(())
}

#[test]
fn early_results_leave_before_the_window_closes_and_replace_each_other() -> Result<()> {
    let window = "window = { type = \"tumbling\", length = \"1h\" }\nemit = { early = \"200ms\" }";
    let mut live = Live::start(&SAID.replace("WINDOW", window))?;
    live.say("a,2026-01-01T00:00:00Z\n")?;
    live.expect("\"count\":1")?;
    live.say("a,2026-01-01T00:00:01Z\n")?;
    live.expect("\"count\":2")
}

#[test]
fn an_idle_source_holds_no_window_open() -> Result<()> {
    let job = |idle: &str| {
        format!(
            r#"
name = "live"
batch = {{ interval = "50ms" }}

[source.made]
type = "generator"
rate = 200.0
columns = {{ word = {{ choice = ["made"] }}, at = {{ time = {{ start = 2026-01-01T00:00:00Z, step = "10ms" }} }} }}
event-time = {{ column = "at", watermark = "0s" }}

[source.said]
type = "stdin"
format = "csv"
schema = {{ word = "utf8", at = "timestamp[us]" }}
event-time = {{ column = "at", watermark = "0s"{idle} }}

[operator.counted]
input = ["made", "said"]
key = ["word"]
module = "std:count"
window = {{ type = "tumbling", length = "500ms" }}

[sink.out]
type = "print"
input = "counted"

[sink.late]
type = "print"
input = "counted.late"
"#
        )
    };
    let waited_for = Live::start(&job(""))?;
    let mut idle = Live::start(&job(", idle = \"300ms\""))?;
    idle.expect("\"count\":50")?;
    let printed = waited_for.printed()?;
    ensure!(!printed.contains("\"count\""), "a source that is waited for holds windows open: {printed}");
    let printed = idle.printed()?;
    ensure!(!printed.contains("\"sink\":\"late\""), "nothing is late yet: {printed}");
    // It has come back: rows behind what has been told are late, others count.
    idle.say("late,2026-01-01T00:00:00Z\nsaid,2027-01-01T00:00:00Z\n")?;
    idle.expect("\"rows\":[{\"word\":\"late\",\"at\":\"2026-01-01T00:00:00.000000\"}]")?;
    let printed = idle.printed()?;
    ensure!(!printed.contains("\"said\""), "a row that is not late is in a window that is open: {printed}");
    Ok(())
}
