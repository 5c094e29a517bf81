//! Timers of processing time in a running job, by the real binary: they fire while no row comes.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use pelton_tests::{guest, live::Live};

#[test]
fn a_timer_of_processing_time_fires_without_rows_and_not_before_its_time() -> Result<()> {
    let job = format!(
        r#"
name = "live"
batch = {{ interval = "20ms" }}

[source.said]
type = "stdin"
format = "csv"
schema = {{ user = "utf8", command = "utf8", x = "s64" }}

[operator.shelves]
input = "said"
module = {:?}
key = ["user"]

[sink.out]
type = "print"
input = "shelves"
"#,
        guest("shelves")?
    );
    let mut live = Live::start(&job)?;
    let said = Instant::now();
    live.say("ada,push,7\nada,wake-ms,700\nbob,wake-ms,3600000\n")?;
    live.expect("wake-ms")?;
    ensure!(said.elapsed() > Duration::from_millis(700) || !live.printed()?.contains("woke"), "it fired too early");
    live.expect("woke")?;
    ensure!(said.elapsed() >= Duration::from_millis(700), "it fired after {:?}", said.elapsed());
    // Moved to an earlier time, it fires then, and once.
    let said = Instant::now();
    live.say("cyd,wake-ms,3000000\n")?;
    live.say("cyd,wake-ms,2000000\ncyd,wake-ms,800\n")?;
    live.expect("\"user\":\"cyd\",\"what\":\"woke\"")?;
    ensure!(said.elapsed() >= Duration::from_millis(800), "it fired after {:?}", said.elapsed());
    ensure!(live.printed()?.matches("\"woke\"").count() == 2, "bob's is not due for an hour: {}", live.printed()?);
    Ok(())
}
