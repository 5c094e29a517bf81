//! Savepoints by the real binary: of jobs with every kind of state, restored into other partitions, places and files, against the run that nobody
//! interrupted; killed half-way; damaged; and refused where they do not fit.
//!
//! ```text
//!  job.toml:   epochs 1 … 6 │ 7 … 12        one run, to its end: the oracle
//!  there.toml:     restore ─┴► 7 … 12'      the rows of 1 … 6 and those of 7 … 12' are the oracle's
//! ```

mod damage;
mod fits;
#[path = "../replay/place.rs"]
mod place;
mod running;

use std::{collections::BTreeMap, fs};

use place::Place;
use serde_json::Value;

const FILTER: &str = r#"
[operator.result]
input = "bids"
module = "std:filter"
options = { where = "price > 300" }
"#;

const RUNNING: &str = r#"
[operator.result]
input = "bids"
key = ["auction"]
aggregate = { n = "std:count", sum = "std:sum(price)" }
emit = "on-update"
"#;

pub const TUMBLING: &str = r#"
[operator.result]
input = "bids"
key = ["auction"]
window = { type = "tumbling", length = "7s", lateness = "3s" }
aggregate = { n = "std:count", most = "std:max(price)" }
"#;

const SLIDING: &str = r#"
[operator.result]
input = "bids"
key = ["auction"]
window = { type = "sliding", length = "10s", slide = "2s" }
aggregate = { n = "std:count", most = "std:max(price)" }
"#;

const INVERSE: &str = r#"
[operator.result]
input = "bids"
key = ["auction"]
window = { type = "sliding", length = "10s", slide = "2s", inverse = true }
aggregate = { n = "std:count", sum = "std:sum(price)" }
"#;

const SESSIONS: &str = r#"
[operator.result]
input = "bids"
key = ["auction"]
window = { type = "session", gap = "500ms" }
aggregate = { n = "std:count", sum = "std:sum(price)" }
"#;

const COUNTED: &str = r#"
[operator.result]
input = "bids"
key = ["auction"]
window = { type = "count", rows = 37 }
aggregate = { n = "std:count", sum = "std:sum(price)" }
"#;

const CHANGES: &str = r#"
[operator.auctions]
input = "bids"
key = ["auction"]
aggregate = { bids = "std:count", sum = "std:sum(price)" }
emit = { mode = "retract" }

[operator.result]
input = "auctions"
key = ["bids"]
aggregate = { auctions = "std:count", sum = "std:sum(sum)" }
emit = { mode = "retract" }
"#;

const KEYED: &str = r#"
[operator.result]
input = "bids"
module = "std:dedup"
key = ["auction", "price"]
state = { ttl = "20s" }
"#;

const INTERVAL: &str = r#"
[operator.result]
join = { type = "full", left = "bids", right = "asks", on = ["auction"], within = ["-200ms", "200ms"] }
"#;

const WINDOWED: &str = r#"
[operator.result]
join = { type = "full", left = "bids", right = "asks", on = ["auction"] }
window = { type = "tumbling", length = "2s" }
"#;

const OF_SESSIONS: &str = r#"
[operator.result]
join = { type = "inner", left = "bids", right = "asks", on = ["auction"] }
window = { type = "session", gap = "60ms" }
"#;

/// Windows, keys and a join, one behind the other.
pub const ALL: &str = r#"
[operator.once]
input = "bids"
module = "std:dedup"
key = ["auction", "price"]
state = { ttl = "20s" }

[operator.paid]
join = { type = "inner", left = "once", right = "asks", on = ["auction"], within = ["-300ms", "300ms"] }

[operator.result]
input = "paid"
key = ["auction"]
window = { type = "tumbling", length = "5s" }
aggregate = { n = "std:count", sum = "std:sum(price)" }
"#;

const SORTED: &str = r#"
[operator.result]
input = "bids"
sort = ["price desc", "auction"]
"#;

/// A message without the lines and the marks in which it is shown.
pub fn plain(message: &str) -> String {
    message.split_whitespace().filter(|word| !["│", "×", "╰─▶", "├─▶"].contains(word)).collect::<Vec<_>>().join(" ")
}

/// The epoch that savepoints are of.
pub const EPOCH: u64 = 6;

/// The job as it is to be after a restore: with another checkpoint, another sink directory and another number of partitions.
pub fn there(place: &Place, partitions: u16) {
    let job = fs::read_to_string(place.path().join("job.toml")).unwrap();
    let job = job.replace("\npartitions = 4", "");
    let job = job.replace("checkpoint = \"state\"", &format!("checkpoint = \"there\"\npartitions = {partitions}"));
    place.write("there.toml", job.replace("path = \"out\"", "path = \"out-there\""));
}

pub fn forget_there(place: &Place) {
    for folder in ["there", "out-there"] {
        let _ = fs::remove_dir_all(place.path().join(folder));
    }
}

/// Bytes of each part that were final after an epoch, as the sink's own manifest has them.
fn committed(place: &Place, epoch: u64) -> BTreeMap<String, usize> {
    let manifest = fs::read_to_string(place.path().join("out/_manifest.jsonl")).unwrap();
    let mut parts = BTreeMap::new();
    for line in manifest.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if line["epoch"].as_u64().unwrap() <= epoch {
            parts.insert(line["part"].as_str().unwrap().to_owned(), line["bytes"].as_u64().unwrap() as usize);
        }
    }
    parts
}

/// What the uninterrupted run wrote after an epoch.
pub fn rest(place: &Place, epoch: u64) -> Vec<u8> {
    let before = committed(place, epoch);
    let parts = place.parts("out").into_iter();
    parts.flat_map(|(name, bytes)| bytes[before.get(&name).copied().unwrap_or(0)..].to_vec()).collect()
}

pub fn lines(bytes: &[u8]) -> Vec<&str> {
    let mut lines: Vec<&str> = std::str::from_utf8(bytes).unwrap().lines().collect();
    lines.sort_unstable();
    lines
}

fn header(lines: &mut Vec<&str>, of: &[u8]) {
    // Each directory has a header of its own.
    let first = std::str::from_utf8(of).unwrap().lines().next().unwrap_or_default();
    if first.chars().next().is_some_and(char::is_alphabetic) {
        lines.retain(|line| *line != first);
    }
}

/// Compares what the restored job writes with what the uninterrupted one did.
pub fn compare(place: &Place, what: &str, is_same_order: bool) {
    let (expected, got) = (rest(place, EPOCH), place.rows("out-there"));
    let (mut expected_lines, mut got_lines) = (lines(&expected), lines(&got));
    header(&mut expected_lines, &place.rows("out"));
    header(&mut got_lines, &got);
    assert!(expected_lines.len() > 50, "{what}: only {} rows after the savepoint", expected_lines.len());
    let differ = expected_lines.iter().zip(&got_lines).find(|(expected, got)| expected != got);
    assert!(
        expected_lines == got_lines,
        "{what}: {} rows expected, {} got; {differ:?}",
        expected_lines.len(),
        got_lines.len()
    );
    if is_same_order {
        assert!(got.ends_with(&expected), "{what}: the rows are the same, but not byte for byte");
    }
}

#[test]
fn each_kind_of_state_goes_on_in_any_number_of_partitions() {
    let jobs = [
        ("stateless", FILTER),
        ("running", RUNNING),
        ("tumbling", TUMBLING),
        ("sliding", SLIDING),
        ("inverse", INVERSE),
        ("sessions", SESSIONS),
        ("counted", COUNTED),
        ("changes", CHANGES),
        ("keyed", KEYED),
        ("interval", INTERVAL),
        ("windowed", WINDOWED),
        ("of-sessions", OF_SESSIONS),
        ("all", ALL),
    ];
    for (name, graph) in jobs {
        let place = Place::new(name, graph, "csv");
        place.edit("job.toml", "checkpoint = \"state\"", "checkpoint = \"state\"\npartitions = 4");
        place.run();
        let epoch = EPOCH.to_string();
        let made =
            place.pelton(&["savepoint", "create", "job.toml", "--name", "half", "--epoch", &epoch, "--output", "json"]);
        let made = made.done().json();
        assert_eq!((&made["epoch"], &made["name"]), (&EPOCH.into(), &"half".into()), "{name}: {made}");
        place.pelton(&["savepoint", "export", "job.toml", "half", "--to", "half.savepoint"]).done();
        for (partitions, threads) in [(4, "1"), (4, "3"), (1, "2"), (7, "3"), (16, "2")] {
            forget_there(&place);
            there(&place, partitions);
            let what = format!("{name} in {partitions} partitions");
            place.pelton(&["savepoint", "restore", "there.toml", "--from", "half.savepoint"]).done();
            let run = place.pelton(&["run", "there.toml", "--threads", threads]);
            assert_eq!(run.code, Some(0), "{what}: {run:?}");
            compare(&place, &what, partitions == 4);
            // What it committed is a checkpoint like any other.
            place.pelton(&["checkpoint", "verify", "there"]).done();
            place.pelton(&["verify", "there.toml", "--all"]).done();
        }
    }
}

#[test]
fn a_sort_goes_on_to_the_same_bytes_whatever_the_partitions() {
    let place = Place::new("sorted", SORTED, "csv");
    place.run();
    let epoch = EPOCH.to_string();
    place.pelton(&["savepoint", "create", "job.toml", "--name", "half", "--epoch", &epoch]).done();
    place.pelton(&["savepoint", "export", "job.toml", "half", "--to", "half.savepoint"]).done();
    for partitions in [1, 3, 8, 11] {
        forget_there(&place);
        there(&place, partitions);
        place.pelton(&["savepoint", "restore", "there.toml", "--from", "half.savepoint"]).done();
        place.pelton(&["run", "there.toml", "--threads", "2"]).done();
        assert!(place.rows("out-there") == place.rows("out"), "{partitions} partitions");
    }
}

#[test]
fn a_savepoint_is_restored_as_often_as_one_likes() {
    let place = Place::new("twice", ALL, "csv");
    place.run();
    let epoch = EPOCH.to_string();
    place.pelton(&["savepoint", "create", "job.toml", "--name", "half", "--epoch", &epoch]).done();
    place.pelton(&["savepoint", "export", "job.toml", "half", "--to", "half.savepoint"]).done();
    there(&place, 5);
    for round in 0..3 {
        let restore = ["savepoint", "restore", "there.toml", "--from", "half.savepoint", "--yes"];
        place.pelton(&restore).done();
        if round == 1 {
            // Once more, before anything was run.
            place.pelton(&restore).done();
        }
        let _ = fs::remove_dir_all(place.path().join("out-there"));
        place.pelton(&["run", "there.toml"]).done();
        compare(&place, &format!("round {round}"), false);
    }
}
