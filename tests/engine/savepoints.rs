//! Savepoints of an engine's jobs: made while they run, restored when they rest, in the revision that they have then; by commands and by HTTP.

use super::served::{Place, Served};

const ROWS: u64 = 80_000;

/// A running sum of numbers that come for some seconds.
fn job(partitions: u16) -> String {
    format!(
        r#"
name = "sums"
partitions = {partitions}
snapshots = "50ms"
batch = {{ interval = "20ms" }}
threads = 1

[source.numbers]
type = "generator"
rate = 8000
rows = {ROWS}
[source.numbers.columns]
x = {{ sequence = {{ start = 1 }} }}
key = {{ sequence = {{ start = 0, step = 0 }} }}

[operator.sums]
input = "numbers"
key = ["key"]
aggregate = {{ sum = "std:sum(x)" }}
emit = "on-update"

[sink.totals]
input = "sums"
type = "file"
path = "totals"
format = "csv"
if-exists = "replace"
"#
    )
}

fn submitted(place: &Place) -> Served<'_> {
    place.write("job.toml", job(4));
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until_that("sums", "some epochs on", |job| job["figures"]["epoch"].as_u64().is_some_and(|epoch| epoch > 15));
    engine
}

fn last_sum(place: &Place) -> u64 {
    let text: Vec<u8> = place.parts("totals").into_values().flatten().collect();
    String::from_utf8(text).unwrap().lines().last().unwrap().rsplit(',').next().unwrap().parse().unwrap()
}

#[test]
fn a_job_goes_on_in_other_partitions_through_a_savepoint() {
    let place = Place::new();
    let engine = submitted(&place);
    let made = engine.until_shown(&["savepoint", "list", "sums"], |_| true);
    assert_eq!(made["savepoints"].as_array().unwrap().len(), 0);
    let made = engine.json(&["savepoint", "create", "sums", "--name", "before"]);
    assert!(made["epoch"].as_u64().unwrap() > 0 && made["operators"][0]["partitions"] == 4, "{made}");
    engine.json(&["savepoint", "create", "sums", "--name", "last", "--epoch", "last"]);
    engine.pelton(&["savepoint", "create", "sums", "--name", "before"]).refused(3, "PELTON-0710");
    let answer = engine.ask("POST", "/v1/jobs/sums/savepoints", &[], br#"{"name": "by/http"}"#);
    assert_eq!(answer.code(), "PELTON-0710", "{answer:?}");
    assert_eq!(engine.get("/v1/jobs/sums/savepoints/before").json()["epoch"], made["epoch"]);
    // It runs, and would go on with what it has.
    engine.pelton(&["savepoint", "restore", "sums", "before", "--yes"]).refused(3, "PELTON-0805");
    engine.pelton(&["savepoint", "restore", "sums", "before", "--dry-run"]).done();
    // From a file, too, and what is refused leaves nothing behind.
    engine.pelton(&["savepoint", "export", "sums", "before", "--to", "before.savepoint"]).done();
    engine.pelton(&["savepoint", "remove", "sums", "before"]).done();
    for _ in 0..2 {
        let from = ["savepoint", "restore", "sums", "--from", "before.savepoint"];
        engine.pelton(&[&from[..], &["--yes"]].concat()).refused(3, "PELTON-0805");
        engine.pelton(&[&from[..], &["--dry-run"]].concat()).done();
        let listed = engine.json(&["savepoint", "list", "sums"]);
        assert_eq!(listed["savepoints"].as_array().unwrap().len(), 1, "{listed}");
    }
    engine.pelton(&["savepoint", "import", "sums", "before.savepoint"]).done();
    // What cannot change while it runs says what can be done.
    place.write("job.toml", job(9));
    let refused = engine.pelton(&["job", "apply", "job.toml"]).refused(3, "PELTON-0506");
    let said = refused.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("savepoint"), "{said}");
    // Nor would its state fit after a stop: it is not stopped for nothing.
    for more in [&["--restart", "--dry-run"][..], &["--restart"]] {
        let refused = engine.pelton(&[&["job", "apply", "job.toml"], more].concat()).refused(3, "PELTON-0506").err;
        let said = refused.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("the state of operator `sums`: it has 4 partitions, and not 9"), "{said}");
        assert!(said.contains("pelton savepoint restore sums NAME"), "{said}");
    }
    assert_eq!((&engine.job("sums")["state"], &engine.job("sums")["revision"]), (&"running".into(), &1.into()));
    engine.pelton(&["job", "stop", "sums"]).done();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until_that("sums", "at rest", |job| job["state"] != "running" && job["reason"]["code"] == "PELTON-0505");
    let restored = engine.json(&["savepoint", "restore", "sums", "before", "--yes"]);
    assert_eq!(
        (&restored["operators"][0]["from"], &restored["operators"][0]["to"]),
        (&4.into(), &9.into()),
        "{restored}"
    );
    engine.pelton(&["job", "resume", "sums"]).done();
    engine.until("sums", "finished");
    assert_eq!(last_sum(&place), ROWS * (ROWS + 1) / 2);
    // The other one is still there, and goes to another job.
    engine.pelton(&["savepoint", "export", "sums", "last", "--to", "last.savepoint"]).done();
    engine.pelton(&["savepoint", "import", "sums", "last.savepoint", "--name", "copy"]).done();
    let listed = engine.json(&["savepoint", "list", "sums"]);
    let names: Vec<&str> =
        listed["savepoints"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["before", "copy", "last"]);
    engine.pelton(&["savepoint", "remove", "sums", "before"]).done();
    engine.pelton(&["savepoint", "show", "sums", "before"]).refused(3, "PELTON-0710");
    // By the file alone, without the engine: another checkpoint, another directory.
    drop(engine);
    let here = job(2).replace("\nsnapshots", "\ncheckpoint = \"here\"\nsnapshots");
    place.write("here.toml", here.replace("path = \"totals\"", "path = \"here-totals\""));
    place.pelton(&["savepoint", "restore", "here.toml", "--from", "last.savepoint"]).done();
    place.pelton(&["run", "here.toml"]).done();
    let text: Vec<u8> = place.parts("here-totals").into_values().flatten().collect();
    let sum = String::from_utf8(text).unwrap().lines().last().unwrap().rsplit(',').next().unwrap().to_owned();
    assert_eq!(sum, (ROWS * (ROWS + 1) / 2).to_string());
}
