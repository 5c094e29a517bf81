//! `pelton logs`: what a job's guests say, its print sinks, and the engine of it.

use std::{thread, time::Duration};

use clap::Args;
use serde_json::Value;

use super::{
    Context, Exit,
    client::{Client, escaped},
    time::shown_time,
};

#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    /// The job's name.
    #[arg(value_name = "JOB")]
    job: String,
    /// Go on until Ctrl-C.
    #[arg(long, short)]
    follow: bool,
    /// Lines of this level and above.
    #[arg(long, value_name = "LEVEL", default_value = "trace", value_parser = ["trace", "debug", "info", "warn", "error"])]
    level: String,
    /// So many of the last lines.
    #[arg(long, value_name = "N", default_value_t = 100)]
    lines: u32,
}

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(300);

pub(super) fn logs(context: &Context, args: &LogsArgs) -> Exit {
    let client = Client::new(context);
    let path = format!("/v1/jobs/{}/logs?level={}", escaped(&args.job), args.level);
    let mut asked = format!("{path}&limit={}", args.lines);
    // Of the last line that was shown.
    let mut last = 0;
    loop {
        let answer = match client.get(&asked) {
            Ok(answer) => answer,
            Err(error) => return context.answer(Err(error), |_| String::new()),
        };
        for line in answer.get("lines").and_then(Value::as_array).into_iter().flatten() {
            let number = line.get("number").and_then(Value::as_u64).unwrap_or_default();
            last = last.max(number);
            context.terminal.line(&if context.is_json() { line.to_string() } else { to_text(line) });
        }
        if !args.follow {
            return Exit::Done;
        }
        thread::sleep(PAUSE);
        asked = format!("{path}&limit=2000&after={last}");
    }
}

fn to_text(line: &Value) -> String {
    let text = |key: &str| line.get(key).and_then(Value::as_str);
    let at = shown_time(line.get("at").and_then(Value::as_i64).unwrap_or_default());
    let level = text("level").unwrap_or_default().to_uppercase();
    let from = text("from").map(|from| format!("{from}: ")).unwrap_or_default();
    format!("{at} {level:>5} {from}{}", text("message").unwrap_or_default())
}
