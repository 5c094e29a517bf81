//! Jobs: what they write, how they fail, how they are paused, stopped, drained and removed.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    jobs::{counted, made, traps, with_module, write_bids},
    served::Place,
};

#[test]
fn a_job_writes_what_a_run_writes() {
    let place = Place::new();
    write_bids(&place);
    place.write("plain.toml", counted("counted", "", "expected"));
    place.write("jobs/counted.toml", counted("counted", "", "out").replace("bids/*.csv", "../bids/*.csv"));
    place.pelton(&["run", "plain.toml"]).done();
    let engine = place.serve();
    let submitted = engine.json(&["job", "submit", "jobs/counted.toml"]);
    assert_eq!((&submitted["name"], &submitted["revision"]), (&"counted".into(), &1.into()));
    let job = engine.until("counted", "finished");
    assert_eq!((&job["figures"]["rows_in"], &job["figures"]["failures"]), (&40_000.into(), &0.into()));
    assert_eq!(place.parts("jobs/out"), place.parts("expected"));
    assert!(place.path().join("data/jobs/counted/checkpoint/journal").is_dir(), "every job has a checkpoint");

    let text = engine.pelton(&["job", "list"]).done().out;
    assert!(text.contains("counted") && text.contains("finished") && text.contains("40,000"), "{text}");
    let text = engine.pelton(&["job", "show", "counted"]).done().out;
    assert!(text.contains("rows       40,000 in") && text.contains("operator   counted: "), "{text}");
    let metrics = String::from_utf8(engine.get("/metrics").body).unwrap();
    for line in [
        "pelton_job_rows_in_total{job=\"counted\"} 40000\n",
        "pelton_job_state{job=\"counted\",state=\"finished\"} 1\n",
        "pelton_operator_rows_in_total{job=\"counted\",operator=\"counted\"} 40000\n",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[test]
fn rows_are_seen_while_they_leave_an_output() {
    let place = Place::new();
    place.write("made.toml", made("made", 5_000, None, "out"));
    let engine = place.serve();
    engine.pelton(&["job", "submit", "made.toml"]).done();
    engine.until_that("made", "running", |job| job["figures"]["epoch"].is_u64());
    let tapped = engine.json(&["tap", "made", "clicks", "--rows", "7"]);
    let rows = tapped["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 7, "{tapped}");
    assert!(rows.iter().all(|row| row["epoch"].is_u64() && row["row"]["id"].is_i64()), "{tapped}");
    let table = engine.pelton(&["tap", "made", "clicks", "--rows", "2"]).done().out;
    assert!(table.lines().count() == 3 && table.starts_with(" epoch"), "{table}");
    let none = engine.pelton(&["tap", "made", "nothing"]);
    assert!(none.code == Some(2) && none.err.contains("nothing reads an output `nothing`"), "{none:?}");
    assert!(none.err.contains("its outputs: clicks"), "{none:?}");
    engine.pelton(&["job", "pause", "made"]).done();
    let paused = engine.pelton(&["tap", "made", "clicks"]);
    assert!(paused.err.contains("job `made` does not run") && paused.err.contains("pelton job resume"), "{paused:?}");
}

#[test]
fn rows_are_followed_as_they_come() {
    let place = Place::new();
    place.write("made.toml", made("made", 1, None, "out"));
    let engine = place.serve();
    engine.pelton(&["job", "submit", "made.toml"]).done();
    engine.until("made", "running");
    let mut follows = place
        .command(&["tap", "made", "clicks", "--follow", "--wait", "30"])
        .env("PELTON_ENGINE", &engine.url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let mut lines = BufReader::new(follows.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        assert!(lines.next().unwrap().unwrap().starts_with("epoch "));
    }
    let took = started.elapsed();
    follows.kill().unwrap();
    follows.wait().unwrap();
    // Ten rows take ten seconds.
    assert!(took < Duration::from_secs(8), "two rows of one a second took {took:?}");
}

#[test]
fn a_job_that_fails_leaves_its_neighbour_alone() {
    let place = Place::new();
    write_bids(&place);
    place.write("plain.toml", counted("plain", "", "expected"));
    place.write("good.toml", counted("good", "", "out"));
    place.write("traps.wat", traps());
    let restart = "checkpoint = \"state\"\nrestart = { type = \"fixed\", delay = \"10ms\", attempts = 2 }";
    place.write("bad.toml", with_module("bad", "traps.wat", restart));
    place.pelton(&["run", "plain.toml"]).done();
    let engine = place.serve();
    engine.pelton(&["job", "submit", "bad.toml"]).done();
    engine.pelton(&["job", "submit", "good.toml"]).done();
    engine.until("good", "finished");
    assert_eq!(place.parts("out"), place.parts("expected"));
    let bad = engine.until("bad", "paused");
    assert_eq!(bad["reason"]["code"], "PELTON-0307");
    assert!(bad["reason"]["message"].as_str().unwrap().contains("operator `work`"), "{bad}");
    let figures = &bad["figures"];
    assert_eq!((&figures["failures"], &figures["restarts"], &figures["traps"]), (&3.into(), &2.into(), &3.into()));
    let logs = engine.pelton(&["logs", "bad", "--level", "error"]).done().out;
    assert!(logs.contains("failure 3: ") && logs.contains("it is given up"), "{logs}");
    assert!(engine.pelton(&["job", "list"]).done().out.contains("(PELTON-0307)"));
    engine.pelton(&["job", "resume", "bad"]).done();
    engine.until_that("bad", "given up once more", |job| job["figures"]["failures"] == 6);
}

#[test]
fn mistakes_are_shown_at_their_places() {
    let place = Place::new();
    write_bids(&place);
    let job = counted("counted", "", "out");
    place.write("local.toml", job.replace("type = \"tumbling\"", "type = \"tumblin\""));
    place.write("columns.toml", job.replace("std:sum(price)", "std:sum(prise)"));
    place.write("input.toml", "name = \"a\"\n[source.s]\ntype = \"stdin\"\nformat = \"text\"\n[sink.o]\ntype = \"blackhole\"\ninput = \"s\"\n");
    let engine = place.serve();
    let said = engine.pelton(&["job", "submit", "local.toml"]).refused(2, "PELTON-0104");
    assert!(said.err.contains("local.toml:16:"), "{said:?}");
    let said = engine.pelton(&["job", "submit", "columns.toml"]).refused(2, "PELTON-0");
    assert!(said.err.contains("columns.toml:13:"), "{said:?}");
    engine.pelton(&["job", "submit", "input.toml"]).refused(3, "PELTON-0502");
    assert_eq!(engine.json(&["job", "list"])["jobs"], serde_json::json!([]));
    engine.pelton(&["job", "show", "counted"]).refused(3, "PELTON-0804");
}

fn ids(place: &Place, folder: &str) -> String {
    place.parts(folder).into_values().map(|part| String::from_utf8(part).unwrap()).collect()
}

#[test]
fn a_paused_job_rests_over_restarts_and_goes_on() {
    let place = Place::new();
    place.write("job.toml", made("clicks", 4_000, Some(4_000), "out"));
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until_that("clicks", "running", |job| job["figures"]["rows_in"].as_u64() > Some(100));
    let paused = engine.json(&["job", "pause", "clicks"]);
    assert_eq!((&paused["state"], &paused["reason"]), (&"paused".into(), &Value::Null));
    engine.pelton(&["job", "pause", "clicks"]).refused(3, "PELTON-0805");
    let before = ids(&place, "out");
    assert!(!before.is_empty() && before.lines().count() < 4_000);
    engine.kill();

    let engine = place.serve();
    thread::sleep(Duration::from_millis(200));
    assert_eq!(engine.job("clicks")["state"], "paused");
    assert_eq!(ids(&place, "out"), before, "nothing was written meanwhile");
    engine.pelton(&["job", "resume", "clicks"]).done();
    engine.pelton(&["job", "resume", "clicks"]).refused(3, "PELTON-0805");
    engine.until("clicks", "finished");
    let expected: String = (1..=4_000).map(|id| format!("{id}\n")).collect();
    assert_eq!(ids(&place, "out"), expected);
    assert!(ids(&place, "out-windows").ends_with(",4000,4000\n"), "{}", ids(&place, "out-windows"));
}

#[test]
fn a_stopped_job_can_be_revised_and_removed() {
    let place = Place::new();
    place.write("job.toml", made("clicks", 2_000, None, "out"));
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.pelton(&["job", "submit", "job.toml"]).refused(3, "PELTON-0805");
    engine.pelton(&["job", "remove", "clicks"]).refused(3, "PELTON-0805");
    engine.until_that("clicks", "running", |job| job["figures"]["rows_in"].as_u64() > Some(100));
    assert_eq!(engine.json(&["job", "stop", "clicks"])["state"], "stopped");
    let first = ids(&place, "out").lines().count();
    engine.pelton(&["job", "submit", "job.toml", "--set", "operator.hours.limits.call-time=3s"]).done();
    let more = Some(first as u64 + 100);
    let job = engine.until_that("clicks", "running", |job| job["figures"]["rows_in"].as_u64() > more);
    assert_eq!(job["revision"], 2);
    assert_eq!(engine.json(&["job", "stop", "clicks"])["state"], "stopped");
    let lines = ids(&place, "out");
    assert!(lines.lines().count() > first, "the second revision goes on where the first was");
    let count = lines.lines().count();
    assert_eq!(lines, (1..=count).map(|id| format!("{id}\n")).collect::<String>());
    let revisions = engine.get("/v1/jobs/clicks/revisions").json();
    assert_eq!(revisions["revisions"][1]["overrides"]["operator.hours.limits.call-time"], "3s");
    engine.pelton(&["job", "remove", "clicks"]).done();
    assert!(!place.path().join("data/jobs/clicks").exists());
    engine.pelton(&["job", "stop", "clicks"]).refused(3, "PELTON-0804");
}

#[test]
fn a_drained_job_closes_its_windows() {
    let place = Place::new();
    place.write("job.toml", made("clicks", 2_000, None, "out"));
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until_that("clicks", "running", |job| job["figures"]["rows_in"].as_u64() > Some(100));
    assert_eq!(ids(&place, "out-windows"), "", "the window is an hour long");
    engine.pelton(&["job", "drain", "clicks"]).done();
    engine.until("clicks", "finished");
    let rows = ids(&place, "out").lines().count();
    let windows = ids(&place, "out-windows");
    assert!(windows.ends_with(&format!(",{rows},{rows}\n")) && windows.lines().count() == 1, "{windows}");
}

#[test]
fn what_a_job_prints_is_in_its_log() {
    let place = Place::new();
    let printed = with_module("worker", "std:filter", "").replace("type = \"blackhole\"", "type = \"print\"\nrows = 2");
    place.write(
        "job.toml",
        printed.replace("module = \"std:filter\"", "module = \"std:filter\"\noptions = { where = \"x > 7\" }"),
    );
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until("worker", "finished");
    let said = engine.pelton(&["logs", "worker", "--output", "json"]).done().out;
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let printed = lines.iter().find(|line| line["from"] == "print").expect("what the sink printed");
    assert!(printed["message"].as_str().unwrap().contains(r#""rows":[{"x":8},{"x":9}]"#), "{printed}");
    let last = lines.last().unwrap()["number"].as_u64().unwrap();
    let rest = engine.get(&format!("/v1/jobs/worker/logs?after={}", last - 1)).json();
    assert_eq!(rest["lines"].as_array().unwrap().len(), 1);
}
