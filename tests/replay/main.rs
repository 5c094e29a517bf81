//! Committed epochs, computed again by the real binary: bit for bit, with other modules, from bundles; and modules that are caught.
//!
//! Every epoch of a job is replayed on its own; together their outputs must be, byte for byte, what the sink's files hold.

mod bundles;
mod damage;
mod place;
mod trace;
mod verified;

use std::{
    collections::BTreeMap,
    fs,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use pelton::checkpoint::inspect;
use pelton_core::checkpoint::record::Snapshot;
use place::{FILES, Place};

pub const FILTER: &str = r#"
[operator.result]
input = "bids"
module = "std:filter"
options = { where = "price > 300" }
"#;

pub const RUNNING: &str = r#"
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
window = { type = "tumbling", length = "3s", lateness = "1s" }
aggregate = { n = "std:count", average = "std:avg(price)" }
"#;

pub const CHANGES: &str = r#"
[operator.auctions]
input = "bids"
key = ["auction"]
aggregate = { bids = "std:count", sum = "std:sum(price)" }
emit = { mode = "retract" }

[operator.result]
input = "auctions"
key = ["bids"]
aggregate = { auctions = "std:count", sum = "std:sum(sum)" }
"#;

pub const SLIDES: &str = r#"
[operator.result]
input = "bids"
key = ["auction"]
window = { type = "sliding", length = "3s", slide = "1s", inverse = true }
aggregate = { n = "std:count", sum = "std:sum(price)" }
"#;

pub const DEDUPLICATED: &str = r#"
[operator.result]
input = "bids"
module = "std:dedup"
key = ["auction", "price"]
state = { ttl = "4s" }
"#;

pub const JOINED: &str = r#"
[operator.result]
join = { type = "full", left = "bids", right = "asks", on = ["auction"], within = ["-200ms", "200ms"] }
"#;

#[test]
fn every_epoch_is_replayed_to_the_same_bytes() {
    let jobs = [
        ("stateless", FILTER, "csv"),
        ("tables", FILTER, "parquet"),
        ("running", RUNNING, "json"),
        ("tumbling", TUMBLING, "csv"),
        ("changes", CHANGES, "csv"),
        ("slides", SLIDES, "csv"),
        ("deduplicated", DEDUPLICATED, "csv"),
        ("joined", JOINED, "csv"),
    ];
    for (name, graph, format) in jobs {
        let place = Place::new(name, graph, format);
        place.run();
        place.replay_all(name);
    }
}

#[test]
fn epochs_are_the_same_after_kills() {
    for (name, graph) in [("running", RUNNING), ("tumbling", TUMBLING), ("changes", CHANGES), ("slides", SLIDES)] {
        let place = Place::new(name, graph, "csv");
        let mut kills = 0;
        for fail in ["commit:3", "publish:4", "snapshot:2", "prepare:3"] {
            let killed = place.command(&["run", "job.toml", "--threads", "2"]).env("PELTON_FAILPOINT", fail).output();
            // Snapshots are seldom, and on a fast machine the last run may have too few epochs left.
            kills += u32::from(!killed.unwrap().status.success());
            let (_, last) = place.replayable();
            assert_eq!(place.replay(last, &[]).done().json()["same"], true, "{name}: what nobody has recovered yet");
        }
        assert!(kills >= 2, "{name}: only {kills} fail points were reached");
        place.run();
        place.replay_all(name);
    }
}

/// A job without end; it is ended by SIGTERM, or killed.
struct Running(Child);

impl Running {
    fn start(place: &Place) -> Self {
        Self(
            place
                .command(&["run", "job.toml", "--threads", "1"])
                .stderr(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }

    fn until_epoch(&mut self, place: &Place, epoch: u64) {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            assert!(self.0.try_wait().unwrap().is_none(), "it runs");
            if pelton::checkpoint::inspect::inspect(&place.path().join("state"))
                .is_ok_and(|found| found.replayable.is_some_and(|(_, last)| last.0 >= epoch))
            {
                return;
            }
            assert!(Instant::now() < until, "epoch {epoch} does not come");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn terminate(mut self) {
        let id = self.0.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert_eq!(self.0.wait().unwrap().code(), Some(130));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_job_that_runs_does_not_notice() {
    let place = Place::numbers("snapshots = \"100ms\"\nreplay = { retain = \"1h\" }");
    place.edit("job.toml", "rows = 50_000\n", "");
    let mut job = Running::start(&place);
    job.until_epoch(&place, 8);
    let mut replayed = 0;
    for epoch in [1, 3, 7, 8] {
        let said = place.replay(epoch, &[]).done().json();
        assert_eq!((&said["same"], &said["epoch"]), (&true.into(), &epoch.into()), "{said}");
        replayed += 1;
    }
    let verified = place.pelton(&["verify", "job.toml", "--sample", "3", "--output", "json"]).done().json();
    assert!(verified["same"] == true && verified["checked"].as_u64() >= Some(3), "{verified}");
    job.until_epoch(&place, 20);
    job.terminate();
    // No row was lost, repeated or turned round meanwhile.
    let rows = String::from_utf8(place.rows("out")).unwrap();
    let wrong = rows.lines().zip(1_u64..).find(|(row, number)| row.parse() != Ok(*number));
    assert_eq!((wrong, replayed), (None, 4));
    let (first, last) = place.replayable();
    assert_eq!(first, 1, "an hour is kept");
    assert_eq!(place.replay(last, &[]).done().json()["same"], true);
}

#[test]
fn another_filter_shows_the_rows_between_the_two() {
    let place = Place::new("stateless", FILTER, "csv");
    place.run();
    for epoch in [1, 5, FILES as u64] {
        let with = ["--with", "std:filter", "--option", "where=price > 500", "--diff", "--rows", "10000"];
        let said = place.replay(epoch, &with).done().json();
        let bids = place.bids(epoch as i64 - 1);
        let between = bids.iter().filter(|(_, price)| (301..=500).contains(price)).count();
        let above = bids.iter().filter(|(_, price)| *price > 500).count();
        let candidate = &said["candidate"];
        assert_eq!((&candidate["operator"], &candidate["same"]), (&"result".into(), &false.into()));
        let sink = &candidate["sinks"][0];
        let found = ["rows_gone", "rows_new", "rows_same"].map(|key| sink[key].as_u64().unwrap() as usize);
        assert_eq!(found, [between, 0, above], "{candidate}");
        let rows = said["rows"][0]["rows"].as_array().unwrap();
        assert!(rows.len() == above && rows.iter().all(|row| row["price"].as_i64() > Some(500)));
    }
    // The same module makes the same rows, and text says so.
    let args = ["replay", "job.toml", "--epoch", "5", "--with", "result=std:filter", "--diff"];
    let said = place.pelton(&args).done().out;
    assert!(said.contains("bit for bit the same as committed") && said.contains("all the same"), "{said}");
    let args =
        ["replay", "job.toml", "--epoch", "5", "--with", "std:filter", "--option", "where=price > 990", "--diff"];
    let said = place.pelton(&args).done().out;
    assert!(said.contains("only as committed (-)") && said.contains("\n    - {\"auction\":"), "{said}");
}

#[test]
fn another_aggregate_takes_the_state_over_as_a_swap_would() {
    let place = Place::new("running", RUNNING, "json");
    place.run();
    let epoch = 7;
    // Bids come in the order of their files, an epoch each. A sum has other columns of state than a maximum, which begins anew; what
    // the count beside it knows goes on.
    let mut expected: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for (file, (auction, price)) in (0..epoch).flat_map(|file| place.bids(file).into_iter().map(move |bid| (file, bid)))
    {
        let (count, most) = expected.entry(auction).or_insert((0, i64::MIN));
        *count += 1;
        if file == epoch - 1 {
            *most = (*most).max(price);
        }
    }
    expected.retain(|_, (_, most)| *most > i64::MIN);
    let with = ["--with", "result.sum=std:max(price)", "--diff", "--rows", "10000"];
    let said = place.replay(epoch as u64, &with).done().json();
    let number = |row: &serde_json::Value, key: &str| row[key].as_i64().unwrap();
    let rows = said["rows"][0]["rows"].as_array().unwrap().iter();
    let found: BTreeMap<i64, (i64, i64)> =
        rows.map(|row| (number(row, "auction"), (number(row, "n"), number(row, "sum")))).collect();
    assert_eq!(found, expected);
}

#[test]
fn what_cannot_be_replayed_is_refused_with_the_reason() {
    let place = Place::new("stateless", FILTER, "csv");
    place.pelton(&["replay", "job.toml", "--epoch", "1"]).refused(1, "PELTON-0705");
    place.run();
    place.replay(99, &[]).refused(1, "epochs 1 to 1");
    let refused = |with: &str, exit, said: &str| {
        place.pelton(&["replay", "job.toml", "--epoch", "2", "--with", with]).refused(exit, said);
    };
    refused("other=std:filter", 2, "the job has no operator `other`: it has `result`");
    refused("std:nothing", 2, "std:nothing");
    refused("missing.wasm", 2, "missing.wasm");
    let columns = ["--with", "std:select", "--option", "where=", "--option", "columns={\"price\":\"price\"}"];
    place.replay(2, &columns).refused(1, "sink `out` would be given other columns").refused(1, "PELTON-0506");
    // The job as it was is what replays.
    place.edit("job.toml", "price > 300", "price > 301");
    place.replay(2, &[]).refused(1, "epoch 2 was computed by the job as it was before it changed");
    place.edit("job.toml", "price > 301", "price > 300");
    place.replay(2, &[]).done();
    place.edit("job.toml", "checkpoint = \"state\"\nsnapshots = \"3ms\"\nreplay = { retain-epochs = 10000 }", "");
    place.replay(2, &[]).refused(1, "keeps no checkpoint");
    place.pelton(&["replay"]).refused(2, "epoch");
    place.pelton(&["replay", "--epoch", "3"]).refused(2, "no job is named");
}

fn files_of(snapshot: &Snapshot) -> usize {
    1 + snapshot.operators.iter().map(|operator| operator.partitions.len()).sum::<usize>()
}

#[test]
fn what_is_retained_can_be_replayed_and_the_rest_goes() {
    let place = Place::numbers("snapshots = \"50ms\"\nreplay = { retain-epochs = 6 }");
    place.run();
    let (first, last) = place.replayable();
    assert!(first > 1 && first + 5 <= last, "epochs {first} to {last}");
    for epoch in [first, first + 1, last - 5, last] {
        assert_eq!(place.replay(epoch, &[]).done().json()["same"], true);
    }
    place.replay(first - 1, &[]).refused(1, "PELTON-0508");
    let said = place.pelton(&["checkpoint", "inspect", "state"]).done().out;
    assert!(said.contains(&format!("epochs {first} to {last}")), "{said}");
    // What no record names is gone, but for what the last snapshots left behind.
    let records = inspect::inspect(&place.path().join("state")).unwrap().records;
    let snapshots: Vec<usize> = records.iter().filter_map(|record| record.snapshot.as_ref()).map(files_of).collect();
    let (named, of_one) = (snapshots.iter().sum::<usize>(), snapshots.iter().max().unwrap());
    let files = fs::read_dir(place.path().join("state/files")).unwrap().count();
    assert!(files <= named + 2 * of_one, "{files} files, of which {named} are named");

    let all = Place::numbers("snapshots = \"50ms\"\nreplay = { retain = \"1h\", retain-epochs = 0 }");
    all.run();
    assert_eq!(all.replayable().0, 1, "an hour is longer than this job");
    let said = all.pelton(&["verify", "job.toml", "--all", "--output", "json"]).done().json();
    assert_eq!((&said["same"], &said["checked"]), (&true.into(), &all.replayable().1.into()), "{said}");
}
