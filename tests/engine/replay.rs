//! Epochs of the engine's jobs, computed again: each by its own revision, also after swaps and kills; in bundles; verified.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};

use super::{
    served::{Place, Served},
    swap::numbered,
};

const OPTIONS: [&str; 3] = ["1", "2", "3"];

/// A job that went through four versions with a kill between, and has ended.
fn swapped(place: &Place) -> (Served<'_>, u64) {
    place.write("job.toml", format!("replay = {{ retain = \"1h\" }}\nsnapshots = \"100ms\"\n{}", numbered(2_000)));
    let mut engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    let epoch = |job: &Value| job["figures"]["epoch"].as_u64().unwrap_or_default();
    for version in OPTIONS {
        let now = epoch(&engine.job("numbers"));
        engine.until_that("numbers", "some epochs on", |job| epoch(job) >= now + 5);
        let option = format!("columns={{\"x\":\"x\",\"version\":\"{version}\"}}");
        let args = ["swap", "numbers", "mark", "std:select", "--option", &option, "--watch", "0s"];
        engine.pelton(&args).done();
        if version == "2" {
            engine.kill();
            engine = place.serve();
        }
    }
    let now = epoch(&engine.job("numbers"));
    engine.until_that("numbers", "some epochs on", |job| epoch(job) >= now + 5);
    (engine, now + 5)
}

/// The committed rows of the sink, in order: number and version.
fn rows(place: &Place, folder: &str) -> Vec<(i64, i64)> {
    let text: Vec<u8> = place.parts(folder).into_values().flatten().collect();
    let row = |line: &str| {
        let (x, version) = line.split_once(',').unwrap();
        (x.parse().unwrap(), version.parse().unwrap())
    };
    String::from_utf8(text).unwrap().lines().map(row).collect()
}

#[test]
fn each_epoch_is_replayed_by_the_revision_that_it_had() {
    let place = Place::new();
    let (engine, _) = swapped(&place);
    // Beside the running job, and when it rests.
    let running = engine.json(&["replay", "numbers", "--epoch", "3", "--rows", "10000"]);
    assert_eq!(running["same"], true, "{running}");
    engine.pelton(&["job", "drain", "numbers"]).done();
    engine.until("numbers", "finished");
    let committed = rows(&place, "out");
    let checkpoint = place.path().join("data/jobs/numbers/checkpoint");
    let inspection = pelton::checkpoint::inspect::inspect(&checkpoint).unwrap();
    let last = inspection.records.last().unwrap().epoch.0;
    let (mut found, mut revisions) = (Vec::new(), BTreeMap::new());
    for epoch in 1..=last {
        let said = engine.json(&["replay", "numbers", "--epoch", &epoch.to_string(), "--rows", "10000"]);
        assert_eq!(said["same"], true, "{said}");
        let replayed = said["rows"][0]["rows"].as_array().unwrap().iter();
        let replayed: Vec<(i64, i64)> =
            replayed.map(|row| (row["x"].as_i64().unwrap(), row["version"].as_i64().unwrap())).collect();
        revisions.entry(said["revision"].as_u64().unwrap()).or_insert(replayed.first().map(|row| row.1));
        found.extend(replayed);
    }
    assert!(found == committed, "the epochs together are not what was committed");
    assert_eq!(revisions.len(), 4, "{revisions:?}");
    let verified = engine.json(&["verify", "numbers", "--all"]);
    assert_eq!((&verified["same"], &verified["checked"]), (&true.into(), &last.into()), "{verified}");
}

#[test]
fn each_row_is_traced_by_the_revision_that_made_it() {
    let place = Place::new();
    let (engine, _) = swapped(&place);
    let body = |body: Value| engine.ask("POST", "/v1/jobs/numbers/trace", &[], body.to_string().as_bytes());
    // Beside the running job.
    let said = engine.json(&["trace", "numbers", "--row", "x=7"]);
    assert_eq!((&said["sources"][0]["offset"], &said["row"]["version"]), (&6.into(), &0.into()), "{said}");
    engine.pelton(&["job", "drain", "numbers"]).done();
    engine.until("numbers", "finished");
    let committed = rows(&place, "out");
    assert_eq!(place.parts("out").len(), 1, "lines are those of one part");
    let mut seen = BTreeMap::new();
    for (at, (x, version)) in committed.iter().enumerate().step_by(committed.len() / 16) {
        let said = engine.json(&["trace", "numbers", "--part", "out/part-00000.csv", "--line", &(at + 1).to_string()]);
        assert_eq!((&said["row"]["x"], &said["row"]["version"]), (&json!(x), &json!(version)), "{said}");
        let read = &said["sources"][0];
        assert_eq!((&read["offset"], &read["source"]), (&json!(x - 1), &json!("numbers")), "{said}");
        let from = &said["trace"]["from"];
        assert_eq!((&from["modules"], &from["how"]), (&json!("std:select"), &json!("row-by-row")), "{said}");
        let known = seen.entry(said["revision"].as_u64().unwrap()).or_insert(*version);
        assert_eq!(known, version, "a revision makes one version");
    }
    assert!(seen.len() >= 2, "{seen:?}");

    // What a caller gets wrong is told as anywhere else.
    engine.pelton(&["trace", "numbers", "--row", "x=-1"]).refused(3, "PELTON-0510");
    engine.pelton(&["trace", "numbers", "--row", "x=1", "--epoch", "9999"]).refused(3, "PELTON-0508");
    engine.pelton(&["trace", "nobody", "--row", "x=1"]).refused(3, "PELTON-0804");
    for wrong in [json!({}), json!({ "row": {} }), json!({ "part": "p" }), json!({ "row": { "x": "1" }, "line": 1 })] {
        let answer = body(wrong);
        assert_eq!((answer.status, answer.code().as_str()), (400, "PELTON-0806"));
    }
    let answer = body(json!({ "part": "../../secret", "line": 1 }));
    assert_eq!((answer.status, answer.code().as_str()), (422, "PELTON-0510"));
}

#[test]
fn another_module_and_a_bundle_of_an_engines_job() {
    let place = Place::new();
    let (engine, epoch) = swapped(&place);
    engine.pelton(&["job", "stop", "numbers"]).done();
    engine.until("numbers", "stopped");
    let epoch = epoch.to_string();
    let option = "columns={\"x\":\"x\",\"version\":\"x % 2 + 2\"}";
    let with = ["--with", "mark=std:select", "--option", option, "--rows", "10000"];
    let replay = |args: &[&str]| {
        let all = ["replay", "numbers", "--epoch", &epoch].iter().chain(args).copied().collect::<Vec<_>>();
        engine.json(&all)
    };
    let said = replay(&with);
    let now = said["rows"][0]["rows"].as_array().unwrap();
    let even = now.iter().filter(|row| row["x"].as_i64().unwrap() % 2 == 0).count() as u64;
    let sink = &said["candidate"]["sinks"][0];
    // The last version wrote 3 into every row.
    assert_eq!((&sink["rows_gone"], &sink["rows_new"]), (&even.into(), &even.into()), "{sink}");
    assert_eq!(said["same"], true, "what was committed is compared with what the committed module makes");

    let saved = replay(&["--save", "bundle", "--out", "again", "--rows", "10000"]);
    assert_eq!(saved["same"], true);
    let other = Place::new();
    fs::copy(place.path().join("bundle"), other.path().join("bundle")).unwrap();
    let said = other.pelton(&["replay", "--bundle", "bundle", "--out", "again", "--rows", "10000", "--output", "json"]);
    let said = said.done().json();
    assert_eq!(
        (&said["sinks"], &said["rows"], &said["revision"]),
        (&saved["sinks"], &saved["rows"], &saved["revision"])
    );
    assert_eq!(rows(&other, "again/out"), rows(&place, "again/out"));

    // What a caller gets wrong is told as anywhere else.
    engine.pelton(&["replay", "numbers", "--epoch", "9999"]).refused(3, "PELTON-0508");
    engine.pelton(&["replay", "nobody", "--epoch", "1"]).refused(3, "PELTON-0804");
    engine.pelton(&["verify", "nobody"]).refused(3, "PELTON-0804");
    let answer = engine.ask("POST", "/v1/jobs/numbers/replay", &[], json!({ "epoch": -1 }).to_string().as_bytes());
    assert_eq!((answer.status, answer.code().as_str()), (400, "PELTON-0806"));
}

#[test]
fn an_engine_verifies_by_itself_and_names_what_is_no_function() {
    let place = Place::new();
    let module = pelton_tests::lawless("counts").expect("a module to test");
    fs::copy(module, place.path().join("counts.wasm")).unwrap();
    let good = format!("replay = {{ verify = \"1s\" }}\n{}", numbered(2_000));
    let (start, end) = (good.find("module = ").unwrap(), good.find("[sink.out]").unwrap());
    let bad = format!("{}module = \"counts.wasm\"\n{}", &good[..start], &good[end..])
        .replace("name = \"numbers\"", "name = \"counter\"")
        .replace("x = {", "n = {")
        .replace("path = \"out\"", "path = \"counted\"");
    place.write("good.toml", &good);
    place.write("bad.toml", bad);
    let engine = place.serve();
    engine.pelton(&["job", "submit", "good.toml"]).done();
    engine.pelton(&["job", "submit", "bad.toml"]).done();
    let figure = |job: &Value, name: &str| job["figures"][name].as_u64().unwrap_or_default();
    engine.until_that("counter", "found out", |job| figure(job, "differing") > 0);
    let log = engine.pelton(&["logs", "counter", "--level", "error"]).done().out;
    assert!(log.contains("operator `mark` is not a function") && log.contains("PELTON-0504"), "{log}");
    let numbers = engine.until_that("numbers", "verified", |job| figure(job, "verified") > 1);
    assert_eq!(figure(&numbers, "differing"), 0, "{numbers}");
    assert_eq!(engine.pelton(&["logs", "numbers", "--level", "warn"]).done().out.trim(), "");
    assert!(engine.pelton(&["job", "show", "counter"]).done().out.contains("came to something else"));
    let metrics = String::from_utf8(engine.get("/metrics").body).unwrap();
    assert!(metrics.contains("differing_epochs_total"), "{metrics}");
}
