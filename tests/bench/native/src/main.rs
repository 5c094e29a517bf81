//! The hand-written native program that Pelton is measured against: `pelton-bench-native QUERY PARSER DIRECTORY [last]`.
//!
//! One thread, one query compiled into one parser's loop, no sandbox, no checkpoints: the least that these
//! answers can cost on this machine. Called by tests/bench/peers.py and ysb.py, which read the line of JSON that it prints:
//! `answer` (with `last`, of the last update of each group), `wall_seconds`, `cpu_seconds` and `peak_bytes` of the process.

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
    time::Instant,
};

use serde_json::{Value, json};

use crate::{query::Query, views::Views, words::Words};

mod bid;
mod blackhole;
mod chunks;
mod parser;
mod query;
mod running;
mod views;
mod windows;
mod words;

const USAGE: &str = "usage: pelton-bench-native q1|q2|run|wc|q7|q5|ysb hand|csv-core DIRECTORY [last]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (arguments, is_last) = match arguments.as_slice() {
        [arguments @ .., last] if last == "last" => (arguments, true),
        arguments => (arguments, false),
    };
    let [query, parser, directory] = arguments else { return fail(USAGE) };
    let begin = Instant::now();
    let path = directory.as_ref();
    let answer = match query.as_str() {
        "q1" => run(query::Project::default(), parser, path, is_last),
        "q2" => run(query::Filter::default(), parser, path, is_last),
        "run" => run(running::Running::default(), parser, path, is_last),
        "q7" => run(windows::Tumbling::default(), parser, path, is_last),
        "q5" => run(windows::Sliding::default(), parser, path, is_last),
        // It has no fields, so that there is nothing to parse by csv-core.
        "wc" => Words::count(path).map(|words| if is_last { words.last_updates() } else { words.answer() }),
        // Nor have lines of JSON.
        "ysb" => Views::count(path).map(|views| views.answer()),
        _ => return fail(USAGE),
    };
    match answer {
        Ok(answer) => report(&answer, begin),
        Err(error) => fail(&format!("failed to run {query} over {directory}: {error}")),
    }
}

fn run(mut query: impl Query, parser: &str, directory: &Path, is_last: bool) -> io::Result<Value> {
    match parser {
        "hand" => parser::hand(directory, &mut query)?,
        "csv-core" => parser::csv_core(directory, &mut query)?,
        _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, USAGE)),
    }
    query.end();
    Ok(if is_last { query.last_updates() } else { query.answer() })
}

fn report(answer: &Value, begin: Instant) -> ExitCode {
    let line = json!({
        "answer": answer,
        "wall_seconds": begin.elapsed().as_secs_f64(),
        "cpu_seconds": cpu_seconds(),
        "peak_bytes": peak_bytes(),
    });
    match writeln!(io::stdout(), "{line}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Time that the one thread has been on a core, where the system tells.
fn cpu_seconds() -> Option<f64> {
    let statistics = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    Some(statistics.split(' ').next()?.parse::<u64>().ok()? as f64 / 1e9)
}

/// The largest resident memory so far, where the system tells.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

fn fail(reason: &str) -> ExitCode {
    // A message that cannot be written has nowhere else to go.
    let _ = writeln!(io::stderr(), "{reason}");
    ExitCode::FAILURE
}
