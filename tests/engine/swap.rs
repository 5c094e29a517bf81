//! Jobs that change while they run: swapped under kill -9, rolled back after a trap, tried as shadows.

use std::{thread, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::Value;

use super::{
    jobs::{made, traps},
    served::{Place, Served},
};

/// Rows without end, numbered from 1 on, each with the version that it went through.
pub fn numbered(rate: u32) -> String {
    format!(
        r#"
name = "numbers"
batch = {{ interval = "10ms" }}
threads = 2

[source.numbers]
type = "generator"
rate = {rate}
[source.numbers.columns]
x = {{ sequence = {{ start = 1 }} }}

[operator.mark]
input = "numbers"
module = "std:select"
options = {{ columns = {{ x = "x", version = "0" }} }}

[sink.out]
input = "mark"
type = "file"
path = "out"
format = "csv"
"#
    )
}

fn version(number: u32) -> String {
    format!("columns={{\"x\":\"x\",\"version\":\"{number}\"}}")
}

/// The rows of the sink: number and version.
fn rows(place: &Place) -> Vec<(i64, i64)> {
    let text: Vec<u8> = place.parts("out").into_values().flatten().collect();
    let row = |line: &str| {
        let (x, version) = line.split_once(',').unwrap();
        (x.parse().unwrap(), version.parse().unwrap())
    };
    String::from_utf8(text).unwrap().lines().map(row).collect()
}

fn assert_whole(rows: &[(i64, i64)]) {
    let gap = rows.iter().zip(1..).find(|((x, _), expected)| x != expected);
    assert_eq!(gap, None, "rows are lost, repeated or out of order");
}

fn ended<'a>(engine: Served<'a>, job: &str) -> Served<'a> {
    engine.pelton(&["job", "drain", job]).done();
    engine.until(job, "finished");
    engine
}

#[test]
fn swaps_and_kills_lose_repeat_and_turn_round_no_row() {
    let place = Place::new();
    place.write("job.toml", numbered(20_000));
    let mut random = StdRng::seed_from_u64(7);
    let mut engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    let mut kills = 0;
    for number in 1..=30 {
        let args =
            ["swap", "numbers", "mark", "std:select", "--option", &version(number), "--watch", "0s", "--no-wait"];
        if number % 3 == 0 {
            // The client is told or not; whatever the engine has written down holds.
            let mut client = place.command(&args).env("PELTON_ENGINE", &engine.url).spawn().unwrap();
            thread::sleep(Duration::from_millis(random.random_range(0..40)));
            engine.kill();
            client.wait().unwrap();
            kills += 1;
            engine = place.serve();
            engine.until_that("numbers", "running", |job| job["figures"]["epoch"].is_u64());
        } else {
            engine.pelton(&args).done();
        }
    }
    let job = engine.job("numbers");
    let wanted = job["revision"].as_u64();
    engine.until_that("numbers", "at its last revision", |job| job["figures"]["revision"].as_u64() == wanted);
    ended(engine, "numbers");
    let rows = rows(&place);
    assert_whole(&rows);
    assert!(rows.is_sorted_by_key(|row| row.1), "a version came back");
    let mut versions: Vec<i64> = rows.iter().map(|row| row.1).collect();
    versions.dedup();
    println!("{} rows, {} versions, {kills} kills", rows.len(), versions.len());
    assert!(versions.len() >= 15, "{versions:?}");
    assert!(versions.last() >= Some(&29), "{versions:?}");
}

#[test]
fn open_windows_and_their_state_go_through_swaps_and_kills() {
    let place = Place::new();
    let head = "snapshots = \"3ms\"\n";
    place.write("plain.toml", made("plain", 100_000, Some(6_000), "expected"));
    place.pelton(&["run", "plain.toml"]).done();
    place.write("job.toml", format!("{head}{}", made("clicks", 3_000, Some(6_000), "out")));
    let mut engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    for (step, module) in ["std:count(id)", "std:count", "std:count(id)", "std:count"].into_iter().enumerate() {
        engine.until_that("clicks", "further", |job| job["figures"]["rows_in"].as_u64() >= Some(300));
        let answer = engine.pelton(&["swap", "clicks", "hours.n", module, "--watch", "5s"]).done();
        assert!(answer.out.contains("revision"), "{answer:?}");
        if step % 2 == 0 {
            engine.kill();
            engine = place.serve();
        }
    }
    engine.until("clicks", "finished");
    assert_eq!(place.parts("out"), place.parts("expected"));
    assert_eq!(place.parts("out-windows"), place.parts("expected-windows"));
}

#[test]
fn windows_are_drained_through_kills_and_then_the_module_before_goes() {
    let place = Place::new();
    let head = "snapshots = \"3ms\"\n";
    let made = |name, rate, out| made(name, rate, Some(6_000), out).replace("length = \"1h\"", "length = \"20s\"");
    place.write("plain.toml", made("plain", 100_000, "expected"));
    place.pelton(&["run", "plain.toml"]).done();
    place.write("job.toml", format!("{head}{}", made("clicks", 1_000, "out")));
    let mut engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until_that("clicks", "further", |job| job["figures"]["rows_in"].as_u64() >= Some(300));
    let swap = ["swap", "clicks", "hours.n", "std:count(id)", "--windows", "drain", "--watch", "0s"];
    let tried = engine.pelton(&[&swap[..], &["--dry-run"]].concat()).done();
    assert!(tried.out.contains("those that are open are finished by the module before"), "{tried:?}");
    engine.pelton(&swap).done();
    let job = engine.until_that("clicks", "draining", |job| job["migrations"][0]["draining"] == true);
    assert_eq!(job["migrations"][0]["operator"], "hours");
    let shown = engine.pelton(&["job", "show", "clicks"]).done();
    assert!(shown.out.contains("windows of hours by the module before: 1 keys left"), "{shown:?}");
    let again = engine.pelton(&["swap", "clicks", "hours.n", "std:count", "--watch", "0s"]);
    assert!(again.err.contains("still finishes the"), "{again:?}");
    // A job is not stopped for a file that would leave the windows to nobody.
    let applied = engine.pelton(&["job", "apply", "job.toml", "--restart"]);
    assert!(applied.code != Some(0) && applied.err.contains("still finishes the"), "{applied:?}");
    assert_eq!(engine.job("clicks")["state"], "running");
    let trial = engine.pelton(&[&swap[..], &["--shadow", "5"]].concat());
    assert!(trial.err.contains("--windows drain` alone"), "{trial:?}");
    engine.kill();
    engine = place.serve();
    engine.until_that("clicks", "without the module before", |job| {
        job["revision"].as_u64() == Some(3) && job["migrations"].as_array().is_some_and(Vec::is_empty)
    });
    let history = engine.pelton(&["history", "clicks"]).done();
    assert!(history.out.contains("the module before has finished its windows"), "{history:?}");
    engine.until("clicks", "finished");
    assert_eq!(place.parts("out"), place.parts("expected"));
    assert_eq!(place.parts("out-windows"), place.parts("expected-windows"));
}

#[test]
fn a_module_that_traps_gives_its_place_back_by_itself() {
    let place = Place::new();
    let module = traps();
    // Before it traps it must fit: the sink has `y` alone.
    let job = numbered(5_000)
        .replace("x = \"x\", version = \"0\"", "y = \"x\"")
        .replace("interval = \"10ms\"", "interval = \"5ms\"");
    place.write("job.toml", job);
    place.write("traps.wat", module);
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until_that("numbers", "running", |job| job["figures"]["epoch"].is_u64());
    engine.pelton(&["swap", "numbers", "mark", "traps.wat", "--no-wait"]).done();
    let job = engine.until_that("numbers", "rolled back", |job| job["revision"] == 3);
    assert_eq!(job["last_error"]["code"], "PELTON-0307", "{job}");
    engine.until_that("numbers", "running again", |job| job["figures"]["revision"] == 3);
    let history = engine.json(&["history", "numbers"]);
    let origins: Vec<&Value> =
        history["revisions"].as_array().unwrap().iter().map(|revision| &revision["origin"]["kind"]).collect();
    assert_eq!(origins, ["submit", "swap", "rollback"]);
    let reason = history["revisions"][2]["origin"]["reason"].as_str().unwrap();
    assert!(reason.contains("operator `mark`") && !reason.contains('\n'), "{reason}");
    ended(engine, "numbers");
    let text: Vec<u8> = place.parts("out").into_values().flatten().collect();
    let numbers: Vec<i64> = String::from_utf8(text).unwrap().lines().map(|line| line.parse().unwrap()).collect();
    assert!(numbers.iter().zip(1..).all(|(x, expected)| *x == expected) && numbers.len() > 100, "{}", numbers.len());
}

#[test]
fn a_job_that_fails_as_another_file_is_told_and_goes_back() {
    let place = Place::new();
    let job = numbered(5_000).replace("x = \"x\", version = \"0\"", "y = \"x\"");
    place.write("job.toml", &job);
    place.write("traps.wat", traps());
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until_that("numbers", "running", |job| job["figures"]["epoch"].is_u64());
    let select = "module = \"std:select\"\noptions = { columns = { y = \"x\" } }";
    let trapping = job.replace(select, "module = \"traps.wat\"");
    assert_ne!(trapping, job);
    place.write("job.toml", format!("restart = \"none\"\n{trapping}"));
    let told = engine.pelton(&["job", "apply", "job.toml", "--restart"]).refused(1, "PELTON-0307").err;
    assert!(told.contains("as revision 2") && told.contains("pelton rollback numbers"), "{told}");
    engine.pelton(&["rollback", "numbers"]).done();
    engine.until_that("numbers", "running again", |job| job["figures"]["revision"] == 3 && job["state"] == "running");
    let history = engine.json(&["history", "numbers"]);
    let origins: Vec<&Value> =
        history["revisions"].as_array().unwrap().iter().map(|revision| &revision["origin"]["kind"]).collect();
    assert_eq!(origins, ["submit", "apply", "rollback"]);
    ended(engine, "numbers");
    let text: Vec<u8> = place.parts("out").into_values().flatten().collect();
    let numbers: Vec<i64> = String::from_utf8(text).unwrap().lines().map(|line| line.parse().unwrap()).collect();
    assert!(numbers.iter().zip(1..).all(|(x, expected)| *x == expected) && numbers.len() > 100, "{}", numbers.len());
}

#[test]
fn a_shadow_is_promoted_if_it_does_the_same_and_goes_if_not() {
    let place = Place::new();
    place.write("job.toml", numbered(5_000));
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until_that("numbers", "running", |job| job["figures"]["epoch"].is_u64());
    let shadow = |option: &str| {
        let args = ["swap", "numbers", "mark", "std:select", "--option", option, "--shadow", "5", "--auto"];
        engine.pelton(&args).done()
    };
    shadow(&version(1));
    engine.until_that("numbers", "settled", |job| job["revision"] == 3);
    shadow("columns={\"x\":\"x + 0\",\"version\":\"0\"}");
    engine.until_that("numbers", "promoted", |job| job["revision"] == 5);
    let history = engine.pelton(&["history", "numbers"]).done().out;
    for word in ["submitted", "a shadow for 5 epochs", "the shadow goes", "another module"] {
        assert!(history.contains(word), "{history}");
    }
    let said = engine.pelton(&["shadow", "numbers"]).done().out;
    assert!(said.contains("shadow of mark: same rows"), "{said}");
    engine.pelton(&["rollback", "numbers"]).done();
    assert!(engine.pelton(&["rollback", "numbers"]).refused(3, "PELTON-").err.contains("could be taken back"));
    ended(engine, "numbers");
    let rows = rows(&place);
    assert_whole(&rows);
    assert!(rows.iter().all(|row| row.1 == 0), "a shadow's rows went out");
}

#[test]
fn a_whole_job_file_is_applied_to_a_job_that_runs() {
    let place = Place::new();
    let job = numbered(5_000);
    place.write("job.toml", &job);
    let engine = place.serve();
    let apply = |more: &[&str]| engine.pelton(&[&["job", "apply", "job.toml"], more].concat());
    assert!(apply(&["--dry-run"]).done().out.contains("would start"));
    assert!(apply(&[]).done().out.contains("starts as revision 1"));
    engine.until_that("numbers", "running", |job| job["figures"]["epoch"].is_u64());
    assert!(apply(&[]).done().out.contains("nothing changes"));
    let other = job.replace("version = \"0\"", "version = \"1\"");
    place.write("job.toml", &other);
    let dry = apply(&["--dry-run"]).done().out;
    assert!(dry.contains("would be followed by") && dry.contains("other options"), "{dry}");
    assert_eq!(engine.job("numbers")["revision"], 1);
    assert!(apply(&[]).done().out.contains("numbers goes by revision 2"));
    place.write("job.toml", other.replace("10ms", "20ms").replace("version = \"1\"", "version = \"2\""));
    let refused = apply(&[]).refused(3, "PELTON-0506").err;
    assert!(refused.contains("`batch` changes") && refused.contains("--restart"), "{refused}");
    let dry = apply(&["--dry-run", "--restart"]).done().out;
    assert!(dry.contains("would have to stop: `batch` changes"), "{dry}");
    apply(&["--restart"]).done();
    engine.until_that("numbers", "at its third revision", |job| job["figures"]["revision"] == 3);
    place.write("job.toml", numbered(5_000).replace("10ms", "20ms").replace("std:select", "std:nothing"));
    assert!(apply(&[]).err.contains("std:nothing"));
    let history = engine.pelton(&["history", "numbers"]).done().out;
    assert!(history.contains("another job file"), "{history}");
    ended(engine, "numbers");
    let rows = rows(&place);
    assert_whole(&rows);
    assert!(rows.is_sorted_by_key(|row| row.1) && rows.last().unwrap().1 == 2);
}

#[test]
fn a_canary_does_a_share_of_the_work_and_then_all_of_it() {
    let place = Place::new();
    place.write("job.toml", numbered(20_000));
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until_that("numbers", "running", |job| job["figures"]["epoch"].is_u64());
    let canary = ["swap", "numbers", "mark", "std:select", "--option", &version(1), "--canary"];
    let canary = |share| engine.pelton(&[canary.as_slice(), &[share]].concat());
    assert!(canary("8/8").err.contains("a share is a fraction below 1"));
    let said = canary("1/4").done();
    assert!(said.err.contains("takes 1/4 of the batches") && said.err.contains("pelton promote numbers"), "{said:?}");
    let shown = engine.until_shown(&["shadow", "numbers"], |shown| {
        let cost = |of: &str| shown["shadows"][0][of]["rows_in"].as_u64().unwrap_or_default();
        cost("shadow") > 1_000 && cost("main") > 1_000
    });
    assert_eq!(shown["shadows"][0]["share"], "1/4");
    let text = engine.pelton(&["shadow", "numbers"]).done().out;
    assert!(text.contains("canary of mark: 1/4, for") && text.contains("0.00 % rejected"), "{text}");
    engine.pelton(&["promote", "numbers"]).done();
    let history = engine.pelton(&["history", "numbers"]).done().out;
    assert!(history.contains("a canary for 1/4"), "{history}");
    ended(engine, "numbers");
    let rows = rows(&place);
    assert_whole(&rows);
    let turns = rows.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
    assert!(turns > 2 && rows.first().unwrap().1 == 0 && rows.last().unwrap().1 == 1, "{turns} turns");
}

#[test]
fn a_canary_that_traps_gives_its_share_back_by_itself() {
    let place = Place::new();
    place.write("job.toml", numbered(5_000).replace("x = \"x\", version = \"0\"", "y = \"x\""));
    place.write("traps.wat", traps());
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until_that("numbers", "running", |job| job["figures"]["epoch"].is_u64());
    engine.pelton(&["swap", "numbers", "mark", "traps.wat", "--canary", "1/8", "--no-wait"]).done();
    engine.until_that("numbers", "rolled back", |job| job["figures"]["revision"] == 3);
    let history = engine.json(&["history", "numbers"]);
    let reason = history["revisions"][2]["origin"]["reason"].as_str().unwrap();
    assert!(reason.contains("operator `mark~canary`"), "{reason}");
    ended(engine, "numbers");
    let text: Vec<u8> = place.parts("out").into_values().flatten().collect();
    let numbers: Vec<i64> = String::from_utf8(text).unwrap().lines().map(|line| line.parse().unwrap()).collect();
    assert!(numbers.iter().zip(1..).all(|(x, expected)| *x == expected) && numbers.len() > 100, "{}", numbers.len());
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let place = Place::new();
    place.write("job.toml", numbered(1_000));
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until_that("numbers", "running", |job| job["figures"]["epoch"].is_u64());
    let swap = |more: &[&str]| {
        let args: Vec<&str> = ["swap", "numbers", "mark"].iter().chain(more).copied().collect();
        engine.pelton(&args)
    };
    let dry = swap(&["std:select", "--option", &version(4), "--dry-run"]).done().out;
    assert!(dry.contains("would be followed by") && dry.contains("other options"), "{dry}");
    swap(&["std:select", "--option", "columns={\"x\":\"x\"}"]).refused(3, "PELTON-0506");
    swap(&["std:filter(x > 3)", "--option", "columns="]).refused(3, "PELTON-0506");
    swap(&["std:select", "--option", "columns={\"x\":\"nothing\"}"]).refused(3, "PELTON-0111");
    swap(&["prices@1.0.0"]).refused(3, "PELTON-");
    let none = engine.pelton(&["swap", "numbers", "nobody", "std:select"]);
    assert!(none.code == Some(2) && none.err.contains("no operator `nobody`"), "{none:?}");
    engine.pelton(&["promote", "numbers"]).refused(3, "PELTON-");
    engine.pelton(&["rollback", "numbers"]).refused(3, "PELTON-");
    engine.pelton(&["swap", "strangers", "mark", "std:select"]).refused(3, "PELTON-");
    assert_eq!(engine.job("numbers")["revision"], 1);
}

#[test]
fn a_job_at_rest_is_swapped_for_its_next_start() {
    let place = Place::new();
    place.write("job.toml", numbered(5_000));
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until_that("numbers", "running", |job| job["figures"]["epoch"].is_u64());
    engine.pelton(&["job", "pause", "numbers"]).done();
    engine.pelton(&["swap", "numbers", "mark", "std:select", "--option", &version(1), "--watch", "0s"]).done();
    let before = rows(&place).len();
    engine.pelton(&["job", "resume", "numbers"]).done();
    engine.until_that("numbers", "swapped", |job| job["figures"]["revision"] == 2);
    ended(engine, "numbers");
    let rows = rows(&place);
    assert_whole(&rows);
    assert!(rows.iter().take(before).all(|row| row.1 == 0) && rows.iter().skip(before).all(|row| row.1 == 1));
    assert!(rows.len() > before);
}

#[test]
fn a_stopped_job_goes_on_with_another_sink() {
    let place = Place::new();
    let job = made("clicks", 4_000, Some(3_000), "out");
    place.write("job.toml", &job);
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until_that("clicks", "running", |job| job["figures"]["rows_in"].as_u64() > Some(200));
    engine.pelton(&["job", "stop", "clicks"]).done();
    let before: Vec<u8> = place.parts("out").into_values().flatten().collect();
    place.write("job.toml", job.replace("path = \"out\"", "path = \"out-2\""));
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until("clicks", "finished");
    let after: Vec<u8> = place.parts("out-2").into_values().flatten().collect();
    let all = String::from_utf8([before, after].concat()).unwrap();
    assert_eq!(all, (1..=3_000).map(|id| format!("{id}\n")).collect::<String>());
    // The window was open all the time.
    let windows: Vec<u8> = place.parts("out-windows").into_values().flatten().collect();
    assert!(String::from_utf8(windows).unwrap().contains(",3000,3000"));
}
