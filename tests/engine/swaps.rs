//! Swaps by the hundred, of the real engine under load: some while an epoch is committed, at which it dies, some with a kill -9 in their midst.
//!
//! ```text
//!  rows 1, 2, 3, … ─► mark: which version made me ─► out          commit records: how many rows of `out` each epoch has, and
//!                      └► totals of each of 100 keys ─► totals      which revision computed it ─► the version of each row
//! ```
//!
//! No row may be lost, repeated or out of order; each must say the version that the record of its epoch says; and totals count on
//! whatever module counts them. `make chaos` does PELTON_SWAPS of them, of which 10 in 13 go under load, 2 die within a commit, and one is killed.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    thread,
    time::Duration,
};

use pelton::checkpoint::Retained;
use pelton_core::model::Epoch;
use pelton_tests::seeds::each;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::served::{Place, Served};

const JOB: &str = r#"
name = "numbers"
batch = { interval = "5ms" }
threads = 2
snapshots = "20ms"
replay = { retain = "10h" }

[source.numbers]
type = "generator"
rate = 5000
[source.numbers.columns]
x = { sequence = { start = 1 } }

[operator.mark]
input = "numbers"
module = "std:select"
options = { columns = { x = "x", k = "x % 100", version = "0" } }

[operator.totals]
input = "mark"
key = ["k"]
emit = "on-update"
aggregate = { n = "std:count" }

[sink.out]
input = "mark"
type = "file"
path = "out"
format = "csv"

[sink.counted]
input = "totals"
type = "file"
path = "totals"
format = "csv"
"#;

/// A swap of the operator whose rows say it, or of the one that counts; both change every time.
fn swap(number: u64) -> Value {
    let version = json!({ "columns": { "x": "x", "k": "x % 100", "version": number.to_string() } });
    let (operator, module, options) = match number % 4 {
        0 => ("totals.n", if number.is_multiple_of(8) { "std:count" } else { "std:count(x)" }, json!({})),
        _ => ("mark", "std:select", version),
    };
    json!({ "operator": operator, "module": module, "options": options, "watch_ms": 0 })
}

/// The engine's status of the answer; none: it is gone, or goes meanwhile.
fn ask(url: &str, body: &Value) -> Option<u16> {
    let address = url.strip_prefix("http://")?;
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    let body = body.to_string();
    let head = format!(
        "POST /v1/jobs/numbers/swap HTTP/1.1\r\nConnection: close\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
}

fn running(engine: &Served<'_>) {
    engine.until_that("numbers", "running", |job| job["figures"]["epoch"].is_u64());
}

/// The lines of a sink, as numbers.
fn lines(place: &Place, sink: &str) -> Vec<Vec<i64>> {
    let text: Vec<u8> = place.parts(sink).into_values().flatten().collect();
    let text = String::from_utf8(text).unwrap();
    text.lines().map(|line| line.split(',').map(|field| field.parse().unwrap()).collect()).collect()
}

/// For each epoch in order, its revision, and how many rows it gave `out`.
fn recorded(directory: &Path) -> Vec<(u64, u64)> {
    let retained = Retained::open(directory).unwrap();
    let (first, last) = retained.replayable().expect("epochs are retained");
    assert_eq!(first, Epoch::FIRST, "all of them are retained");
    let stretch = retained.stretch(last, u64::MAX).unwrap().expect("it is among them");
    let rows = |sinks: &[pelton_core::checkpoint::record::SinkRecord]| {
        sinks.iter().find(|sink| sink.name == "out").map_or(0, |sink| sink.rows)
    };
    assert!(stretch.base.is_none());
    stretch.again.iter().map(|record| (record.revision, rows(&record.sinks))).collect()
}

/// What the text of each revision has as the version.
fn versions(engine: &Served<'_>) -> HashMap<u64, i64> {
    let history = engine.json(&["history", "numbers"]);
    let of = |revision: &Value| {
        let text = revision["text"].as_str().expect("a text");
        let after = text.split("version = \"").nth(1).unwrap_or_else(|| panic!("{text}"));
        (revision["number"].as_u64().unwrap(), after.split('"').next().unwrap().parse().unwrap())
    };
    history["revisions"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn each_row_is_of_the_version_that_its_commit_record_says() {
    let swaps: u64 = std::env::var("PELTON_SWAPS").map_or(26, |swaps| swaps.parse().unwrap());
    each("-p pelton-tests --test engine each_row_is_of_the_version", 7..8, |seed| swap_under_load(swaps, seed));
}

fn swap_under_load(swaps: u64, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let place = Place::new();
    place.write("job.toml", JOB);
    let mut engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    running(&engine);
    let (mut loaded, mut died, mut killed) = (0_u64, 0, 0);
    for number in 1..=swaps {
        let body = swap(number);
        match number % 13 {
            12 => {
                let url = engine.url.clone();
                let client = thread::spawn(move || ask(&url, &body));
                thread::sleep(Duration::from_micros(random.random_range(0..60_000)));
                engine.kill();
                client.join().unwrap();
                killed += 1;
            }
            4 | 8 => {
                drop(engine);
                let step = ["prepare", "commit", "publish"][random.random_range(0..3)];
                let failing = place.serve_failing(&format!("{step}:{}", random.random_range(20..120)));
                // Whatever it is asked until it dies is a swap, too.
                let mut more = number;
                while ask(&failing.url, &swap(more)).is_some() {
                    more = if more == number { number + 1_000_000 } else { number };
                }
                died += 1;
            }
            _ => {
                assert_eq!(ask(&engine.url, &body), Some(200), "swap {number}");
                loaded += 1;
                continue;
            }
        }
        engine = place.serve();
        running(&engine);
    }
    let wanted = engine.job("numbers")["revision"].as_u64();
    engine.until_that("numbers", "at its last revision", |job| job["figures"]["revision"].as_u64() == wanted);
    let versions = versions(&engine);
    engine.pelton(&["job", "drain", "numbers"]).done();
    engine.until("numbers", "finished");

    let rows = lines(&place, "out");
    let wrong = rows.iter().zip(1..).find(|(row, expected)| row[0] != *expected || row[1] != expected % 100);
    assert_eq!(wrong, None, "rows are lost, repeated or out of order");
    let recorded = recorded(&place.path().join("data/jobs/numbers/checkpoint"));
    let expected = recorded.iter().flat_map(|(revision, rows)| vec![versions[revision]; *rows as usize]);
    let wrong = rows.iter().zip(expected.clone()).find(|(row, version)| row[2] != *version);
    assert_eq!(
        (wrong, expected.count()),
        (None, rows.len()),
        "a row is of another version than its epoch's record says"
    );
    let mut totals: HashMap<i64, i64> = HashMap::new();
    for row in lines(&place, "totals") {
        let before = totals.insert(row[0], row[1]).unwrap_or_default();
        assert!(row[1] > before, "key {} counted {before}, then {}", row[0], row[1]);
    }
    let counted = |k: i64| rows.iter().filter(|row| row[1] == k).count() as i64;
    assert!((0..100).all(|k| totals.get(&k) == Some(&counted(k))), "totals are others than the rows say");
    let mut revisions: Vec<u64> = recorded.iter().map(|(revision, _)| *revision).collect();
    revisions.dedup();
    println!(
        "{loaded} swaps under load, {died} engines that died within a commit while they swapped, {killed} killed within a swap: {} rows, {} epochs of {} revisions",
        rows.len(),
        recorded.len(),
        revisions.len()
    );
    assert!(revisions.len() as u64 > loaded / 2, "{} revisions", revisions.len());
}
