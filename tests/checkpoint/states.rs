//! Jobs at rest whose checkpoints are on file: state of every kind, which each later version must go on from to the same end.
//!
//! ```text
//!  files 0 to 4 ─► run, stopped in peace ─► tests/checkpoint/golden/NAME   (once for each version of snapshots, by PELTON_BLESS=1)
//!                                                │ copied
//!  files 5 to 7 ─────────────────────────────────┴─► run ─► sums of all sinks ─┐ the same
//!  files 0 to 7 ─► run, of one piece ──────────────────────► sums of all sinks ─┘
//! ```
//!
//! Windows of every kind and with every kind of accumulator, changes, keyed state (value, list, map, timers, ends of keys), joins, a cogroup,
//! rows of a sort, a side table, dead letters, watermarks, a log of rows that come once, and a savepoint of all but the last two. What waits for a server is in
//! `records.rs`.

use std::{
    fmt::Write,
    fs::{self, File},
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{copy, golden};

const PATIENCE: Duration = Duration::from_secs(60);
/// Of the input; the checkpoint on file has read five of them.
const FILES: i64 = 8;
const READ: i64 = 5;
const ROWS: i64 = 60;

/// Checkpoints of each version that snapshots of state have had; the last one is today's.
const STATES: [&str; 2] = ["states-v1", "states-v2"];
const SORTS: [&str; 2] = ["sorted-v1", "sorted-v2"];

/// A blackhole behind each operator, but `counted`, which has a file.
const EVERYTHING: &str = include_str!("everything.toml");
const SINKS: usize = 17;

/// A sort reads what ends, so it is stopped while rows are made.
const SORTED: &str = r#"
name = "sorted"
checkpoint = "state"
snapshots = "1h"
batch = { interval = "50ms" }
partitions = 2
replay = { retain-epochs = 0 }

[source.rows]
type = "generator"
rows = 3000
rate = 2500
[source.rows.columns]
n = { sequence = { start = 1 } }
word = { choice = ["a", "b", "c"] }
value = { uniform = { min = 0, max = 500 }, null = 0.1 }

[operator.ordered]
input = "rows"
sort = ["word desc", "value"]

[sink.out]
input = "ordered"
type = "file"
path = "out"
format = "csv"

[sink.seen]
input = "rows"
type = "file"
path = "seen"
format = "csv"
"#;

const RECEIVED: &str = r#"
name = "received"
checkpoint = "state"
snapshots = "1h"
batch = { interval = "10ms" }
partitions = 2
replay = { retain-epochs = 0 }

[source.in]
type = "stdin"
format = "csv"
schema = { n = "s64", word = "utf8" }

[operator.running]
input = "in"
key = ["word"]
aggregate = { n = "std:count", last = "std:max(n)" }

[sink.out]
input = "in"
type = "file"
path = "out"
format = "csv"

[sink.counts]
input = "running"
type = "file"
path = "counts"
format = "csv"
"#;

struct Place(TempDir);

impl Place {
    fn new(job: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("job.toml", job);
        let even: String = (0..13).step_by(2).map(|key| format!("{key},name-{key}\n")).collect();
        place.write("names.csv", &even);
        for (name, module) in [
            ("ledger", pelton_tests::guest("ledger")),
            ("unpaid", pelton_tests::guest("unpaid")),
            ("touchy", pelton_tests::touchy("touchy")),
        ] {
            fs::copy(module.unwrap(), place.path(&format!("{name}.wasm"))).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Rows of an irregular rhythm for each auction, in order of time. Timers are set for a minute and a half later.
    fn write_bids(&self, files: std::ops::Range<i64>) {
        const WORDS: [&str; 12] =
            ["add", "push", "put", "sum", "some", "set", "add", "drop", "pull", "remove", "clear", "push"];
        for file in files {
            let mut text = String::new();
            for row in file * ROWS..(file + 1) * ROWS {
                let time = 1_767_225_600_000_000 + row * 250_000;
                let word = WORDS[(row * 5 % 12) as usize];
                writeln!(text, "{},{word},{},{time}", row * row * 7 % 13, row * 31 % 101).unwrap();
            }
            self.write(&format!("bids/{file:02}.csv"), &text);
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(pelton_tests::binary().unwrap());
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        command.args(args).args(["--output", "json"]).current_dir(self.0.path()).stdin(Stdio::null()).stderr(log);
        command
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The last line that a command prints, which ends well.
    fn said(&self, args: &[&str]) -> Value {
        let output = self.command(args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{args:?}: {}", self.log());
        serde_json::from_str(text.lines().last().expect("a line")).unwrap()
    }

    /// What is in the checkpoint, if there is one.
    fn inspected(&self) -> Option<Value> {
        let output = self.command(&["checkpoint", "inspect", "state"]).output().unwrap();
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    /// Of each sink the name, rows and sums of all columns, all runs of it together.
    fn sums(&self) -> Vec<(Value, Value, Value)> {
        let summary = self.said(&["run", "job.toml"]);
        let sinks = summary["sinks"].as_array().unwrap().iter();
        let sums = |sink: &&Value| sink["details"].get("directory").is_none();
        sinks.filter(sums).map(|sink| (sink["name"].clone(), sink["rows"].clone(), sink["details"].clone())).collect()
    }

    /// Dead letters.
    fn letters(&self) -> u64 {
        let last = &self.inspected().expect("a checkpoint")["last"];
        last["letters"]["queue"].as_array().expect("a queue").iter().map(|file| file["letters"].as_u64().unwrap()).sum()
    }

    /// Of a sink of text.
    fn lines(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(folder)) else { return Vec::new() };
        let mut parts: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        parts.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("part-"));
        parts.sort();
        parts
            .iter()
            .flat_map(|part| fs::read_to_string(part).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    /// Runs the job until it is so, and stops it in peace; `input` is what it reads.
    fn run_until(&self, input: &str, is_so: impl Fn(&Self) -> bool) {
        let mut process =
            self.command(&["run", "job.toml"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut pipe = process.stdin.take().unwrap();
        pipe.write_all(input.as_bytes()).unwrap();
        let ends = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < ends && process.try_wait().unwrap().is_none(), "{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
        assert!(Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap().success());
        assert_eq!(process.wait().unwrap().code(), Some(130), "{}", self.log());
    }

    /// A checkpoint on file, and what its job had written.
    fn take(&self, name: &str) {
        copy(&golden().join(name), self.0.path());
    }

    /// Puts it there, where there is none. Space that was set aside is not for a repository.
    fn bless(&self, name: &str, folders: &[&str]) {
        for folder in folders {
            copy(&self.path(folder), &golden().join(name).join(folder));
        }
        let state = golden().join(name).join("state");
        fs::remove_file(state.join("lock")).unwrap();
        let mut left = vec![state.join("journal"), state.join("inputs")];
        while let Some(folder) = left.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    left.push(path);
                    continue;
                }
                let bytes = fs::read(&path).unwrap();
                let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
                fs::write(&path, &bytes[..end.next_multiple_of(64).min(bytes.len())]).unwrap();
            }
        }
    }
}

/// Whether a directory has to be made, which is never changed afterwards.
fn is_missing(name: &str) -> bool {
    let is_missing = !golden().join(name).exists();
    assert!(!is_missing || std::env::var_os("PELTON_BLESS").is_some(), "{name} is gone");
    is_missing
}

/// Several tests begin with it.
static AT_REST: LazyLock<()> = LazyLock::new(|| {
    let [.., newest] = STATES;
    if !is_missing(newest) {
        return;
    }
    let place = Place::new(&EVERYTHING.replace("[table.", "watch = \"10ms\"\n[table."));
    place.write_bids(0..READ);
    // A file is an epoch.
    place.run_until("", |place| place.inspected().is_some_and(|said| said["last"]["epoch"] == READ));
    place.said(&["savepoint", "create", "job.toml", "--name", "golden"]);
    place.bless(newest, &["state", "out"]);
});

#[test]
fn state_of_every_kind_goes_on_to_the_same_end() {
    LazyLock::force(&AT_REST);
    let whole = Place::new(EVERYTHING);
    whole.write_bids(0..FILES);
    let expected = whole.sums();
    assert_eq!(expected.len(), SINKS - 1, "{expected:?}");
    assert!(expected.iter().all(|(_, rows, _)| rows.as_u64() > Some(20)), "{expected:?}");
    for states in STATES {
        let place = Place::new(EVERYTHING);
        place.take(states);
        place.write_bids(0..FILES);
        for (one, other) in expected.iter().zip(&place.sums()) {
            assert_eq!(one, other, "{states}");
        }
        assert_eq!(whole.lines("out"), place.lines("out"), "{states}");
        assert_eq!((whole.letters(), place.letters()), (5, 5), "{states}");
    }
}

#[test]
fn a_savepoint_of_every_kind_of_state_is_restored() {
    LazyLock::force(&AT_REST);
    let whole = Place::new(EVERYTHING);
    whole.write_bids(0..FILES);
    let expected = whole.sums();
    for (states, partitions) in STATES.into_iter().flat_map(|states| [(states, 2), (states, 3)]) {
        let place = Place::new(&EVERYTHING.replace("partitions = 2", &format!("partitions = {partitions}")));
        place.take(states);
        place.write_bids(0..FILES);
        let last = place.inspected().expect("a checkpoint")["last"].clone();
        fs::remove_dir_all(place.path("out")).unwrap();
        place.said(&["savepoint", "restore", "job.toml", "golden", "--yes"]);
        // Sinks of a restored job begin anew.
        for ((name, rows, _), (_, of_whole, _)) in place.sums().iter().zip(&expected) {
            let sink = last["sinks"].as_array().unwrap().iter().find(|sink| sink["name"] == *name).unwrap();
            let before = sink["state"]["Checksums"]["rows"].as_u64().unwrap();
            assert_eq!(
                rows.as_u64().unwrap() + before,
                of_whole.as_u64().unwrap(),
                "{states}: {name}, {partitions} partitions"
            );
        }
        assert_eq!(place.letters(), 5);
    }
}

#[test]
fn rows_of_a_sort_go_on_to_the_same_end() {
    let [.., newest] = SORTS;
    if is_missing(newest) {
        let place = Place::new(SORTED);
        place.run_until("", |place| place.lines("seen").len() > 800);
        place.bless(newest, &["state", "seen"]);
    }
    let ended = |place: &Place| {
        place.said(&["run", "job.toml"]);
        assert_eq!(place.lines("seen").len(), 3_000);
        place.lines("out")
    };
    let whole = ended(&Place::new(SORTED));
    for sorts in SORTS {
        let place = Place::new(SORTED);
        place.take(sorts);
        assert_eq!(whole, ended(&place), "{sorts}");
    }
}

#[test]
fn a_log_of_rows_that_come_once_goes_on() {
    let rows = |numbers: std::ops::Range<u64>| -> String { numbers.map(|n| format!("{n},word-{}\n", n % 7)).collect() };
    if is_missing("received-v1") {
        let place = Place::new(RECEIVED);
        place.run_until(&rows(0..50), |place| place.lines("out").len() == 50);
        place.bless("received-v1", &["state", "out", "counts"]);
    }
    let place = Place::new(RECEIVED);
    place.take("received-v1");
    let mut process = place.command(&["run", "job.toml"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(rows(50..80).as_bytes()).unwrap();
    assert!(process.wait().unwrap().success(), "{}", place.log());
    assert_eq!(place.lines("out"), rows(0..80).lines().collect::<Vec<_>>());
    // Of each word, one row of an epoch at most, and the last count of all.
    let counts = place.lines("counts");
    let last = |word: u64| counts.iter().rfind(|line| line.starts_with(&format!("word-{word},"))).cloned();
    let expected = |word: u64| Some(format!("word-{word},{},{}", (80 - word).div_ceil(7), (79 - word) / 7 * 7 + word));
    assert!((0..7).all(|word| last(word) == expected(word)), "{counts:?}");
}

/// The test of the tests: what is not on file makes another end.
#[test]
fn a_job_without_its_state_comes_to_another_end() {
    LazyLock::force(&AT_REST);
    let place = Place::new(EVERYTHING);
    place.take("states-v1");
    fs::remove_dir_all(place.path("state")).unwrap();
    fs::remove_dir_all(place.path("out")).unwrap();
    place.write_bids(READ..FILES);
    let found = place.sums();
    let whole = Place::new(EVERYTHING);
    whole.write_bids(0..FILES);
    assert!(whole.sums().iter().zip(&found).all(|(one, other)| one.2 != other.2), "{found:?}");
}
