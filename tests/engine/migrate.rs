//! State that a new version of a module migrates while the engine is killed: planned, tried, told of, and never misread.

use std::{collections::HashMap, thread, time::Duration};

use pelton_tests::versions;

use super::served::Place;

const KEYS: i64 = 40_000;

fn job() -> String {
    format!(
        r#"
name = "sums"
batch = {{ interval = "10ms", rows = 100 }}
threads = 2
snapshots = "20ms"

[source.numbers]
type = "generator"
rate = 20000
[source.numbers.columns]
n = {{ sequence = {{}} }}

[operator.keys]
input = "numbers"
module = "std:select"
options = {{ columns = {{ n = "n", k = "n % {KEYS}" }} }}

[operator.sums]
input = "keys"
key = ["k"]
module = "version_1.wasm"

[sink.out]
input = "sums"
type = "file"
path = "out"
format = "csv"
"#
    )
}

/// Every row of the sink says the sum of its key until then; answers with the number of rows of each version.
fn check(place: &Place) -> HashMap<i64, usize> {
    let text: Vec<u8> = place.parts("out").into_values().flatten().collect();
    let mut rows: Vec<Vec<i64>> = String::from_utf8(text)
        .unwrap()
        .lines()
        .map(|line| line.split(',').map(|field| field.parse().unwrap()).collect())
        .collect();
    rows.sort_unstable_by_key(|row| row[1]);
    let (mut sums, mut of_versions) = (HashMap::new(), HashMap::new());
    for (expected, row) in (0..).zip(&rows) {
        // k, n, cents, last, version
        let sum = sums.entry(row[0]).or_insert(0);
        *sum += row[1];
        assert_eq!((row[0], row[1], row[2]), (expected % KEYS, expected, *sum), "by version {}", row[4]);
        *of_versions.entry(row[4]).or_default() += 1;
    }
    of_versions
}

#[test]
fn a_state_is_migrated_though_the_engine_is_killed() {
    let place = Place::new();
    for version in ["version_1", "version_2"] {
        place.write(&format!("{version}.wasm"), std::fs::read(versions(version).unwrap()).unwrap());
    }
    place.write("job.toml", job());
    let mut engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until_that("sums", "further", |job| job["figures"]["rows_in"].as_u64() >= Some(60_000));

    let planned = engine.pelton(&["swap", "sums", "sums", "version_2.wasm", "--dry-run"]).done().out;
    assert!(planned.contains("state is migrated from version 1 to version 2"), "{planned}");
    assert!(planned.contains("`migrate` was tried on copies of "), "{planned}");
    assert_eq!(engine.job("sums")["migrations"].as_array().unwrap().len(), 0);

    engine.pelton(&["swap", "sums", "sums", "version_2.wasm", "--watch", "0s", "--no-wait"]).done();
    for pause in [0, 30, 60] {
        thread::sleep(Duration::from_millis(pause));
        engine.kill();
        engine = place.serve();
    }
    engine.until_that("sums", "at its second revision", |job| job["figures"]["revision"] == 2);
    engine.until_that("sums", "migrated", |job| job["migrations"].as_array().is_some_and(Vec::is_empty));
    let refused = engine.pelton(&["rollback", "sums"]).refused(3, "PELTON-0506");
    assert!(refused.err.contains("its state is of version 2"), "{refused:?}");
    engine.pelton(&["job", "drain", "sums"]).done();
    engine.until("sums", "finished");
    let versions = check(&place);
    assert!(versions.len() == 2 && versions[&2] > 100, "{versions:?}");
}
