//! The queue: what is in it after kills, what replaying and discarding do, and that each letter is there, or processed, once.

use std::process::Stdio;

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::place::{Kind, Place, Row, rows, without};

/// Files of the source; each is an epoch.
const FILES: usize = 30;
const FILE_ROWS: usize = 400;
const HEAD: &str = "checkpoint = \"state\"\nsnapshots = \"3ms\"\nbatch = { max-bytes = 1, rows = 128 }";
const DEAD: &str = "on-trap = { type = \"dead-letter\", rows = 100000 }";

/// About one row in 300 is bad.
fn bad() -> Vec<usize> {
    (0..FILES * FILE_ROWS).filter(|row| row % 307 == 5).collect()
}

/// Its input, and what it writes when nobody disturbs it.
fn undisturbed(kind: Kind) -> (Place, String) {
    let place = Place::new();
    for file in 0..FILES {
        place.rows(&format!("in/{file:02}.csv"), &rows(file * FILE_ROWS, FILE_ROWS, &bad(), -1));
    }
    place.job("all", kind, "in/*.csv", HEAD, DEAD);
    place.run("all");
    assert_eq!(sorted(place.dead()), bad(), "{kind:?}, undisturbed");
    let output = place.output("all");
    begin_anew(&place);
    (place, output)
}

/// An epoch's letters of a keyed operator come partition by partition.
fn sorted(mut dead: Vec<usize>) -> Vec<usize> {
    dead.sort_unstable();
    dead
}

fn begin_anew(place: &Place) {
    for folder in ["state", "out-all"] {
        let _ = std::fs::remove_dir_all(place.path().join(folder));
    }
}

fn run_to(place: &Place, fail: &str) -> bool {
    let mut command = place.command(&["run", "all.toml"]);
    let status = command.env("PELTON_FAILPOINT", fail).stderr(Stdio::null()).status().unwrap();
    status.success()
}

#[test]
fn each_letter_is_in_the_queue_once_wherever_the_process_is_killed() {
    for kind in Kind::ALL {
        let (place, expected) = undisturbed(kind);
        let mut fired = 0;
        for point in ["prepare", "snapshot", "commit", "publish", "published", "collect"] {
            for pass in [1, 5, 17] {
                begin_anew(&place);
                fired += u64::from(!run_to(&place, &format!("{point}:{pass}")));
                place.run("all");
                let what = format!("{kind:?}, killed at {point}:{pass}");
                assert!(place.output("all") == expected, "{what}: other output");
                assert_eq!(sorted(place.dead()), bad(), "{what}");
            }
        }
        assert!(fired >= 12, "{kind:?}: only {fired} kills");
    }
}

#[test]
fn each_letter_is_in_the_queue_once_after_kills_at_random_instants() {
    let seed = std::env::var("PELTON_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(5);
    let mut random = StdRng::seed_from_u64(seed);
    for kind in Kind::ALL {
        let (place, expected) = undisturbed(kind);
        let mut kills = 0;
        for _ in 0..4 {
            begin_anew(&place);
            loop {
                let mut process = place.command(&["run", "all.toml"]).stderr(Stdio::null()).spawn().unwrap();
                std::thread::sleep(std::time::Duration::from_millis(random.random_range(5..400)));
                if process.try_wait().unwrap().is_some_and(|status| status.success()) {
                    break;
                }
                let _ = process.kill();
                process.wait().unwrap();
                kills += 1;
                assert!(kills < 2_000, "{kind:?}: it never ends");
            }
            assert!(place.output("all") == expected, "{kind:?}, PELTON_SEED={seed}: other output");
            assert_eq!(sorted(place.dead()), bad(), "{kind:?}, PELTON_SEED={seed}");
        }
        println!("{kind:?}: {kills} kills");
    }
}

/// `id` of the lines that only a mended module can have made.
fn mended(output: &str) -> Vec<usize> {
    let id = |line: &str| line.split(',').next().and_then(|id| id.parse().ok()).expect("an id");
    output.lines().filter(|line| line.ends_with(",-2")).map(id).collect()
}

#[test]
fn replayed_letters_are_processed_once_wherever_the_process_is_killed() {
    let (place, _) = undisturbed(Kind::Transform);
    for fail in ["", "prepare:1", "snapshot:1", "commit:1", "publish:1", "published:1"] {
        begin_anew(&place);
        place.job("all", Kind::Transform, "in/*.csv", HEAD, DEAD);
        place.run("all");
        let before = place.output("all");
        place.job("all", Kind::Transform, "in/*.csv", HEAD, &format!("{DEAD}\noptions = {{ mended = true }}"));
        let asked = place.pelton(&["dlq", "replay", "state", "--offline", "--all"]).done().out;
        assert!(asked.contains(&format!("{} dead letters will be replayed", bad().len())), "{asked}");
        assert!(place.letters().iter().all(|letter| letter["asked"] == "replay"), "they wait");
        let again = place.pelton(&["dlq", "replay", "state", "--offline", "--all"]).done().out;
        assert!(again.contains("asked for already"), "{again}");
        if !fail.is_empty() {
            assert!(!run_to(&place, fail), "{fail} fires");
        }
        for _ in 0..2 {
            place.run("all");
            let output = place.output("all");
            // They come after the rows that came after them, and those stay as they were.
            assert!(output.starts_with(&before), "killed at {fail}");
            assert_eq!(sorted(mended(&output)), bad(), "killed at {fail}");
            assert_eq!(output.lines().count(), FILES * FILE_ROWS, "killed at {fail}");
            assert_eq!(place.letters().len(), 0, "killed at {fail}");
        }
    }
}

#[test]
fn a_letter_that_fails_again_is_a_new_letter() {
    let place = Place::new();
    place.rows("in/0.csv", &rows(0, 100, &[42], -1));
    place.job("all", Kind::Transform, "in/*.csv", HEAD, DEAD);
    place.run("all");
    let first = place.letters();
    place.pelton(&["dlq", "replay", "state", "--offline", first[0]["id"].as_str().unwrap()]).done();
    place.run("all");
    let second = place.letters();
    assert_eq!((place.dead(), second.len()), (vec![42], 1));
    assert_ne!(first[0]["id"], second[0]["id"]);
    assert!(second[0]["origin"].as_str().unwrap().contains("dead letters of operator `touchy`"), "{}", second[0]);
}

#[test]
fn a_bundle_has_the_letters_that_its_epoch_began_with() {
    let place = Place::new();
    place.rows("in/0.csv", &rows(0, 100, &[42], -1));
    place.job("all", Kind::Transform, "in/*.csv", HEAD, DEAD);
    place.run("all");
    place.pelton(&["dlq", "replay", "state", "--offline", "--all"]).done();
    place.run("all");
    // It failed again, as a letter of the epoch that it was put into.
    let again = place.letters()[0]["id"].as_str().unwrap().to_owned();
    let (epoch, _) = again.split_once('.').expect("an epoch and a number");
    place.pelton(&["replay", "all.toml", "--epoch", epoch, "--rows", "0", "--save", "bundle"]).done();
    let elsewhere = Place::new();
    std::fs::copy(place.path().join("bundle"), elsewhere.path().join("bundle")).unwrap();
    let said = elsewhere.pelton(&["replay", "--bundle", "bundle", "--rows", "0"]).done();
    assert!(said.out.contains("bit for bit the same as committed"), "{said:?}");
}

#[test]
fn a_letter_says_what_is_known_of_it() {
    let place = Place::new();
    let all = [Row { id: 1, x: 5 }, Row { id: 2, x: -1 }];
    place.rows("in/0.csv", &all);
    place.job("all", Kind::Transform, "in/*.csv", HEAD, DEAD);
    place.run("all");
    let letter = &place.letters()[0];
    assert_eq!(letter["row"].to_string(), r#"{"id":2,"x":-1,"key":2,"ts":"2023-11-14T22:13:20.002"}"#);
    assert_eq!((&letter["operator"], &letter["code"]), (&"touchy".into(), &"PELTON-0307".into()));
    let id = letter["id"].as_str().unwrap();
    let shown = place.pelton(&["dlq", "show", "state", "--offline", id]).done().out;
    for expected in
        ["nobody thought of -1", "in/0.csv", "source `rows`", "at ", &format!("pelton dlq replay state --offline {id}")]
    {
        assert!(shown.contains(expected), "{expected} is not in\n{shown}");
    }
    let listed = place.pelton(&["dlq", "list", "state", "--offline"]).done().out;
    assert!(listed.contains(id) && listed.contains("touchy") && listed.contains("\"x\":-1"), "{listed}");
    let verified = place.pelton(&["checkpoint", "verify", "state"]).done().out;
    assert!(verified.contains("are as they were written"), "{verified}");
}

#[test]
fn discarded_letters_are_gone_with_the_next_run() {
    let place = Place::new();
    place.rows("in/0.csv", &rows(0, 100, &[1, 42, 77], -1));
    place.job("all", Kind::Transform, "in/*.csv", HEAD, DEAD);
    place.run("all");
    let output = place.output("all");
    let ids: Vec<String> = place.letters().iter().map(|letter| letter["id"].as_str().unwrap().to_owned()).collect();
    place.pelton(&["dlq", "discard", "state", "--offline", &ids[0], &ids[2]]).done();
    assert_eq!(place.dead().len(), 3, "the job carries it out");
    place.run("all");
    assert_eq!((place.dead(), place.output("all")), (vec![42], output));
    for (args, code) in [
        (vec!["dlq", "discard", "state", "--offline"], 2),
        (vec!["dlq", "discard", "state", "--offline", "9.9"], 3),
        (vec!["dlq", "show", "state", "--offline", "nine"], 2),
        (vec!["dlq", "list", "nowhere", "--offline"], 1),
    ] {
        assert_eq!(place.pelton(&args).code, Some(code), "{args:?}");
    }
}

#[test]
fn letters_cannot_be_replayed_into_windows_that_were_closed_for_good() {
    let place = Place::new();
    place.rows("in/0.csv", &rows(0, 100, &[42], -1));
    place.job("all", Kind::Aggregate, "in/*.csv", HEAD, DEAD);
    place.run("all");
    let said = place.pelton(&["dlq", "replay", "state", "--offline", "--all"]);
    assert!(said.code == Some(3) && said.err.contains("its windows were closed"), "{said:?}");
    let output = place.output("all");
    place.pelton(&["dlq", "discard", "state", "--offline", "--all"]).done();
    for _ in 0..2 {
        place.run("all");
        assert_eq!((place.letters().len(), place.output("all") == output), (0, true));
    }
}

#[test]
fn good_rows_of_a_killed_job_are_as_without_the_bad_ones() {
    let place = Place::new();
    let all = rows(0, 5_000, &[9, 4_999], -1);
    place.rows("in/0.csv", &without(&all, &[9, 4_999]));
    place.job("all", Kind::Keyed, "in/*.csv", HEAD, DEAD);
    place.run("all");
    let expected = place.output("all");
    begin_anew(&place);
    place.rows("in/0.csv", &all);
    assert!(!run_to(&place, "commit:1"));
    place.run("all");
    let lines = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(lines(&place.output("all")), lines(&expected));
}
