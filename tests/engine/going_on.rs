//! What survives the engine: kill -9 in the middle of a job, SIGTERM, a second engine in the same place.

use std::{fs, thread, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    jobs::{counted, made, write_bids},
    served::Place,
};

#[test]
fn nobody_can_tell_that_the_engine_was_killed() {
    let place = Place::new();
    write_bids(&place);
    place.write("plain.toml", counted("plain", "", "expected"));
    place.pelton(&["run", "plain.toml"]).done();
    let head = "checkpoint = \"state\"\nsnapshots = \"3ms\"";
    place.write("kept.toml", counted("kept", head, "out"));
    place.write("other.toml", counted("other", "", "out-other"));
    let mut random = StdRng::seed_from_u64(5);
    let engine = place.serve();
    engine.pelton(&["job", "submit", "kept.toml"]).done();
    engine.pelton(&["job", "submit", "other.toml"]).done();
    let mut engine = engine;
    let mut kills = 0;
    let unfinished = |engine: &super::served::Served<'_>| {
        engine.job("kept")["state"] != "finished" || engine.job("other")["state"] != "finished"
    };
    while kills < 40 && unfinished(&engine) {
        thread::sleep(Duration::from_millis(random.random_range(0..25)));
        engine.kill();
        kills += 1;
        engine = place.serve();
    }
    engine.until("kept", "finished");
    engine.until("other", "finished");
    println!("{kills} kills");
    assert!(kills >= 2, "it was over too soon to be killed");
    let expected = place.parts("expected");
    assert!(expected.values().map(Vec::len).sum::<usize>() > 10_000);
    assert_eq!(place.parts("out"), expected);
    assert_eq!(place.parts("out-other"), expected);
}

#[test]
fn a_job_that_cannot_be_read_ends_no_other() {
    let place = Place::new();
    for name in ["torn", "whole"] {
        place.write(&format!("{name}.toml"), made(name, 500, None, name));
    }
    let engine = place.serve();
    for name in ["torn", "whole"] {
        engine.pelton(&["job", "submit", &format!("{name}.toml")]).done();
        engine.until_that(name, "running", |job| job["figures"]["epoch"].is_u64());
    }
    engine.kill();
    let record = place.path().join("data/jobs/torn/job.json");
    fs::write(&record, &fs::read(&record).unwrap()[..20]).unwrap();
    let engine = place.serve();
    engine.until("whole", "running");
    let listed = engine.pelton(&["job", "list"]).done().out;
    assert!(listed.contains("job torn cannot be read: ") && listed.contains("job.json is damaged"), "{listed}");
    engine.pelton(&["job", "show", "torn"]).refused(1, "PELTON-0809");
    engine.pelton(&["job", "submit", "torn.toml"]).refused(1, "PELTON-0809");
    engine.pelton(&["job", "remove", "torn"]).done();
    engine.pelton(&["job", "submit", "torn.toml", "--set", "sink.rows.path=torn-2"]).done();
    engine.until("torn", "running");
}

#[test]
fn a_submission_has_happened_or_not() {
    let place = Place::new();
    place.write("job.toml", made("clicks", 500, None, "out"));
    let mut random = StdRng::seed_from_u64(6);
    let mut told = 0;
    for attempt in 0..12 {
        let engine = place.serve();
        let name = format!("clicks-{attempt}");
        let (set, out) = (format!("name={name}"), format!("sink.rows.path=out-{attempt}"));
        let mut client = place
            .command(&[
                "job",
                "submit",
                "job.toml",
                "--set",
                &set,
                "--set",
                &out,
                "--set",
                &format!("sink.windows.path=w-{attempt}"),
            ])
            .env("PELTON_ENGINE", &engine.url)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(random.random_range(0..60)));
        engine.kill();
        let was_told = client.wait().unwrap().success();
        let engine = place.serve();
        let is_there = engine.get(&format!("/v1/jobs/{name}")).status == 200;
        assert!(is_there || !was_told, "{name}: the client was told that it is there");
        told += u32::from(was_told);
        if is_there {
            engine.until_that(&name, "running", |job| job["state"] == "running");
            engine.pelton(&["job", "stop", &name]).done();
        }
        engine.kill();
    }
    println!("{told} of 12 were told");
}

#[test]
fn sigterm_commits_and_the_next_start_goes_on() {
    let place = Place::new();
    place.write("job.toml", made("clicks", 4_000, Some(3_000), "out"));
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until_that("clicks", "running", |job| job["figures"]["rows_in"].as_u64() > Some(100));
    assert_eq!(engine.terminate().code(), Some(0));
    let inspected = place.pelton(&["checkpoint", "inspect", "data/jobs/clicks/checkpoint"]).done();
    assert!(inspected.out.contains("it ended in good order"), "{inspected:?}");
    let engine = place.serve();
    engine.until("clicks", "finished");
    let expected: String = (1..=3_000).map(|id| format!("{id}\n")).collect();
    let written: Vec<u8> = place.parts("out").into_values().flatten().collect();
    assert_eq!(String::from_utf8(written).unwrap(), expected);
    assert_eq!(engine.terminate().code(), Some(0));
    let log = fs::read_to_string(place.path().join("engine.log")).unwrap();
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn a_data_directory_has_one_engine() {
    let place = Place::new();
    let engine = place.serve();
    let said = place.pelton(&["serve", "--data", "data", "--listen", "127.0.0.1:0"]).refused(1, "PELTON-0808");
    assert!(said.err.contains("process "), "the holder is named: {said:?}");
    engine.kill();
    place.serve().kill();
}

#[test]
fn an_engine_does_not_listen_where_others_hear() {
    let place = Place::new();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.7:7117"] {
        place.pelton(&["serve", "--data", "data", "--listen", address]).refused(1, "PELTON-0810");
    }
    let engine = place.serve();
    let taken = engine.url.strip_prefix("http://").unwrap();
    place.pelton(&["serve", "--data", "other", "--listen", taken]).refused(1, "PELTON-0810");
}

#[test]
fn a_client_says_when_no_engine_answers() {
    let place = Place::new();
    place.write("job.toml", made("clicks", 500, None, "out"));
    // Nothing listens on the discard port of a test machine.
    let nowhere = ["--engine", "http://127.0.0.1:9"];
    for args in [&["job", "list"][..], &["module", "list"], &["logs", "a"], &["job", "submit", "job.toml"]] {
        let args: Vec<&str> = args.iter().chain(&nowhere).copied().collect();
        let said = place.pelton(&args).refused(1, "PELTON-0801");
        assert!(said.err.contains("pelton serve"), "{said:?}");
    }
    let said = place.pelton(&["job", "list", "--output", "json", nowhere[0], nowhere[1]]);
    assert_eq!(said.json()["errors"][0]["code"], "PELTON-0801");
    place.pelton(&["module", "list", "--std", nowhere[0], nowhere[1]]).done();
}
