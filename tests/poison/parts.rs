//! What is more than a row: parts of a group that cannot be merged, rows that cannot be taken back or added to what is there, keys of a
//! cogroup. Each is dropped by itself, with a letter; all other keys are as without it, on any number of threads and wherever the
//! process is killed.

use std::process::Stdio;

use serde_json::{Value, json};

use super::place::Place;

const DEAD: &str = "on-trap = { type = \"dead-letter\", rows = 1000 }";
const START: i64 = 1_700_000_040_000;
/// Of 25 seconds each; each file is an epoch.
const FILES: i64 = 12;
/// The key that is bad.
const BAD_KEY: i64 = 3;
/// A -9 of that key, and not of key 77.
const BEHIND: i64 = -99;

/// What the rows go through.
#[derive(Debug, Clone, Copy)]
struct Shape {
    name: &'static str,
    module: &'static str,
    operator: &'static str,
    /// Of the bad row.
    x: i64,
    kind: &'static str,
    said: &'static str,
}

const MERGE: Shape = Shape {
    name: "tumbling",
    module: "touchy_parts",
    operator: "window = { type = \"tumbling\", length = \"1m\" }",
    x: -7,
    kind: "merge",
    said: "nobody thought of merging -7",
};
const SLIDING: Shape = Shape {
    name: "sliding",
    operator: "window = { type = \"sliding\", length = \"40s\", slide = \"10s\", lateness = \"20s\" }",
    ..MERGE
};
const SESSIONS: Shape = Shape { name: "sessions", operator: "window = { type = \"session\", gap = \"5s\" }", ..MERGE };
const STRANDS: Shape = Shape { name: "strands", module: "touchy_strands", ..SESSIONS };
const GLOBAL: Shape = Shape { name: "global", operator: "", ..MERGE };
const COUNT: Shape = Shape { name: "count", operator: "window = { type = \"count\", rows = 60 }", ..MERGE };
const RETRACT: Shape = Shape {
    name: "retract",
    operator: "window = { type = \"sliding\", length = \"40s\", slide = \"10s\", inverse = true }",
    x: -8,
    kind: "change",
    said: "nobody thought of taking back -8",
    ..MERGE
};
const ADD: Shape = Shape { name: "add", x: -9, said: "nobody thought of -9 behind", ..RETRACT };
const COGROUP: Shape = Shape {
    name: "cogroup",
    module: "touchy_pairs",
    operator: "window = { type = \"tumbling\", length = \"1m\" }",
    kind: "cogroup",
    said: "nobody thought of -7 of 3",
    ..MERGE
};
const ALL: [Shape; 9] = [MERGE, SLIDING, SESSIONS, STRANDS, GLOBAL, COUNT, RETRACT, ADD, COGROUP];

/// Every key from 0 to 19 in each second of five minutes; the bad key has one row more, in the 88th second. The key 77 comes in every
/// tenth second.
fn write_rows(place: &Place, folder: &str, bad: Option<i64>) {
    for file in 0..FILES {
        let mut text = String::new();
        for second in file * 25..(file + 1) * 25 {
            let at = START + second * 1_000;
            let x = bad.filter(|x| *x == -9 && second == 80).unwrap_or(second);
            if second % 10 == 0 {
                text += &format!("77,{x},{at}\n");
            }
            for key in 0..20 {
                text += &format!("{key},{second},{at}\n");
            }
            if let Some(x) = bad.filter(|x| *x != -9 && second == 88) {
                let x = if x == BEHIND { -9 } else { x };
                text += &format!("{BAD_KEY},{x},{at}\n");
            }
        }
        place.write(&format!("{folder}/{file:02}.csv"), &text);
    }
}

fn job(place: &Place, shape: &Shape, name: &str, folder: &str, on_trap: &str) {
    let module = pelton_tests::touchy(shape.module).expect("the guests are built");
    let is_cogroup = shape.module == "touchy_pairs";
    let input = if is_cogroup {
        "join = { type = \"cogroup\", left = \"rows\", right = \"others\", on = [\"key\"] }"
    } else {
        "input = \"rows\"\nkey = [\"key\"]"
    };
    let source = |name: &str, folder: &str| {
        format!(
            "[source.{name}]\ntype = \"file\"\npath = \"{folder}/*.csv\"\nformat = \"csv\"\nschema = {{ key = \"s64\", x = \"s64\", ts = \"timestamp[ms]\" }}\nevent-time = {{ column = \"ts\", watermark = \"1s\" }}\n"
        )
    };
    let others = if is_cogroup { source("others", "good") } else { String::new() };
    let (rows, operator) = (source("rows", folder), shape.operator);
    let job = format!(
        r#"
name = "parts"
checkpoint = "state-{name}"
snapshots = "3ms"
batch = {{ max-bytes = 1, rows = 128 }}
{rows}
{others}
[operator.touchy]
{input}
module = "{}"
{operator}
{on_trap}
[sink.out]
input = "touchy"
type = "file"
path = "out-{name}"
format = "json"
"#,
        module.display()
    );
    place.write(&format!("{name}.toml"), &job);
}

/// The results, in the order in which they left.
fn results(place: &Place, name: &str) -> Vec<Value> {
    place.output(name).lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn letters(place: &Place, name: &str) -> Vec<Value> {
    let said = place.pelton(&["dlq", "list", &format!("state-{name}"), "--offline", "--output", "json"]).done();
    said.json()["letters"].as_array().expect("letters").clone()
}

/// What of a letter does not depend on when it came.
fn told(letters: &[Value]) -> Vec<Value> {
    letters.iter().map(|letter| json!([letter["kind"], letter["error"], letter["row"], letter["modules"]])).collect()
}

fn of_key(results: &[Value], is_wanted: impl Fn(i64) -> bool) -> Vec<Value> {
    results.iter().filter(|row| is_wanted(row["key"].as_i64().expect("a key"))).cloned().collect()
}

fn number(row: &Value, column: &str) -> i64 {
    row[column].as_i64().unwrap_or_else(|| panic!("{column} of {row}"))
}

fn bad_key(shape: &Shape) -> i64 {
    if shape.x == -9 { 77 } else { BAD_KEY }
}

/// The results with and without the bad row, and the letter.
fn isolated(place: &Place, shape: &Shape) -> (Vec<Value>, Vec<Value>, Value) {
    write_rows(place, "good", None);
    write_rows(place, "all", Some(shape.x));
    job(place, shape, "good", "good", "");
    job(place, shape, "all", "all", DEAD);
    place.run("good");
    let summary = place.run("all");
    let (good, all) = (results(place, "good"), results(place, "all"));
    let (name, key) = (shape.name, bad_key(shape));
    let others = |results: &[Value]| {
        let mut others: Vec<String> = of_key(results, |other| other != key).iter().map(Value::to_string).collect();
        others.sort_unstable();
        others
    };
    assert!(!others(&good).is_empty() && others(&good) == others(&all), "{name}: other keys have other results");
    let [letter] = <[Value; 1]>::try_from(letters(place, "all")).unwrap_or_else(|all| panic!("{name}: {all:?}"));
    assert_eq!((&letter["kind"], &letter["code"]), (&json!(shape.kind), &json!("PELTON-0307")), "{name}: {letter}");
    assert!(letter["error"].as_str().unwrap().contains(shape.said), "{name}: {letter}");
    assert_eq!(letter["row"]["key"], key, "{name}: {letter}");
    let operator = &summary["operators"][0];
    assert_eq!((&operator["dead"], &operator["traps"]), (&json!(1), &json!(1)), "{name}: {operator}");
    assert!((1..=40).contains(&number(operator, "trials")), "{name}: {operator}");
    (of_key(&good, |other| other == key), of_key(&all, |other| other == key), letter)
}

#[test]
fn parts_of_a_window_that_cannot_be_merged_are_dropped_and_it_begins_anew() {
    for shape in [MERGE, GLOBAL] {
        let place = Place::new();
        let (good, all, letter) = isolated(&place, &shape);
        // Without windows each epoch has a result, and the last one says all.
        let is_global = shape.operator.is_empty();
        let sum = |results: &[Value], column: &str| {
            let last = if is_global { results.len().saturating_sub(1) } else { 0 };
            results[last..].iter().map(|row| number(row, column)).sum::<i64>()
        };
        let [left, right] = ["_left", "_right"].map(|part| &letter["row"][part]);
        assert_eq!(number(left, "sevens") + number(right, "sevens"), 1, "{letter}");
        for (column, bad) in [("rows", 1), ("sum", shape.x)] {
            let dropped = number(left, column) + number(right, column);
            assert_eq!(sum(&all, column), sum(&good, column) + bad - dropped, "{}: {column}, {letter}", shape.name);
        }
        if !is_global {
            let differing: Vec<&Value> = all.iter().filter(|row| !good.contains(row)).collect();
            assert_eq!(differing.len(), 1, "{differing:?}");
            assert_eq!(bound(&letter["row"], "window_start"), bound(differing[0], "window_start"), "{letter}");
        }
    }
}

/// To the second: sinks and letters write the rest in other ways.
fn bound<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().and_then(|text| text.get(..19)).unwrap_or_else(|| panic!("{name} of {of}"))
}

/// Whether the window of a result has nothing of a letter's.
fn is_apart(row: &Value, letter: &Value) -> bool {
    bound(row, "window_end") <= bound(&letter["row"], "window_start")
        || bound(row, "window_start") >= bound(&letter["row"], "window_end")
}

#[test]
fn windows_that_have_nothing_of_what_was_dropped_are_as_without_it() {
    for shape in [SLIDING, RETRACT, ADD, COGROUP] {
        let place = Place::new();
        let (good, all, letter) = isolated(&place, &shape);
        let apart = |results: &[Value]| -> Vec<Value> {
            results.iter().filter(|row| is_apart(row, &letter)).cloned().collect()
        };
        // What a row that is minded later does to windows before that is no matter of this.
        let later = |results: &[Value]| {
            let mut later = apart(results);
            later.retain(|row| bound(row, "window_start") >= bound(&letter["row"], "window_end"));
            later
        };
        let name = shape.name;
        assert!(!later(&good).is_empty() && later(&good) == later(&all), "{name}: {letter}\n{all:?}");
        if shape.kind != "change" {
            assert_eq!(apart(&good), apart(&all), "{name}: {letter}");
        }
        if shape.kind == "cogroup" {
            assert_eq!((apart(&good).len() + 1, all.len()), (good.len(), good.len() - 1), "{name}");
            let row = &letter["row"];
            assert_eq!((&row["_left_rows"], &row["_right_rows"]), (&json!(61), &json!(60)), "{letter}");
            assert!(row["_left"].as_array().unwrap().iter().any(|row| row["x"] == -7), "{letter}");
        }
        if shape.kind == "change" {
            assert_eq!(letter["row"]["_row"]["x"], shape.x, "{letter}");
            assert!(number(&letter["row"], "rows") > 0, "{letter}");
        }
    }
}

#[test]
fn sessions_and_windows_that_count_rows_are_dropped_alone() {
    for shape in [SESSIONS, STRANDS, COUNT] {
        let place = Place::new();
        let (good, all, letter) = isolated(&place, &shape);
        let sum = |results: &[Value]| results.iter().map(|row| number(row, "rows")).sum::<i64>();
        let [left, right] = ["_left", "_right"].map(|part| number(&letter["row"][part], "rows"));
        assert!(left > 0 && right > 0 && sum(&all) <= sum(&good) + 1 - left - right, "{}: {letter}", shape.name);
        assert!(sum(&all) > 0, "{}: it begins anew", shape.name);
        if shape.name == "count" {
            assert!(all.iter().all(|row| row["rows"] == 60), "{all:?}");
            assert_eq!(sum(&good) - sum(&all), 60, "one window");
        }
    }
}

#[test]
fn a_row_that_fails_behind_others_of_its_key_is_taken_out_alone() {
    for shape in [MERGE, GLOBAL, SESSIONS, COUNT] {
        // Its key has a row just before it, in the same call.
        let shape = Shape { x: BEHIND, kind: "row", said: "nobody thought of -9 behind", ..shape };
        let place = Place::new();
        let (good, all, letter) = isolated(&place, &shape);
        assert_eq!((&letter["row"]["x"], good), (&json!(-9), all), "{}: {letter}", shape.name);
    }
}

#[test]
fn what_is_dropped_is_the_same_on_any_number_of_threads_and_wherever_the_process_is_killed() {
    for shape in ALL {
        let place = Place::new();
        write_rows(&place, "good", None);
        write_rows(&place, "all", Some(shape.x));
        job(&place, &shape, "all", "all", DEAD);
        let anew = || {
            for folder in ["state-all", "out-all"] {
                let _ = std::fs::remove_dir_all(place.path().join(folder));
            }
        };
        let mut expected = None;
        for threads in ["1", "2", "4"] {
            anew();
            place.pelton(&["run", "all.toml", "--threads", threads]).done();
            let found = (place.output("all"), told(&letters(&place, "all")));
            let expected = expected.get_or_insert_with(|| found.clone());
            assert!(*expected == found, "{} on {threads} threads: {:?} and {:?}", shape.name, expected.1, found.1);
        }
        let expected = expected.expect("three runs");
        assert_eq!(expected.1.len(), 1, "{}: {:?}", shape.name, expected.1);
        let mut kills = 0;
        for fail in ["prepare:5", "snapshot:3", "commit:4", "commit:6", "publish:5", "published:4"] {
            anew();
            let mut command = place.command(&["run", "all.toml", "--threads", "2"]);
            let ended = command.env("PELTON_FAILPOINT", fail).stderr(Stdio::null()).status().unwrap();
            kills += u32::from(!ended.success());
            place.run("all");
            let found = (place.output("all"), told(&letters(&place, "all")));
            assert!(expected == found, "{} killed at {fail}: {:?} and {:?}", shape.name, expected.1, found.1);
        }
        assert!(kills >= 4, "{}: only {kills} kills", shape.name);
    }
}

#[test]
fn they_can_be_skipped_and_a_job_without_a_word_fails() {
    for shape in ALL {
        let place = Place::new();
        write_rows(&place, "good", None);
        write_rows(&place, "all", Some(shape.x));
        job(&place, &shape, "all", "all", "on-trap = \"skip\"");
        let summary = place.run("all");
        assert_eq!((&summary["rows_skipped"], &summary["rows_dead"]), (&json!(1), &json!(0)), "{}", shape.name);
        assert_eq!(letters(&place, "all").len(), 0, "{}", shape.name);
        job(&place, &shape, "halt", "all", "");
        let said = place.pelton(&["run", "halt.toml"]);
        assert!(said.code == Some(1) && said.err.contains(shape.said), "{}: {said:?}", shape.name);
        job(&place, &shape, "rate", "all", "on-trap = { type = \"dead-letter\", rows = 0 }");
        let said = place.pelton(&["run", "rate.toml"]);
        assert!(said.code == Some(1) && said.err.contains("PELTON-0507"), "{}: {said:?}", shape.name);
    }
}

#[test]
fn a_letter_of_what_was_dropped_is_shown_and_discarded_and_says_why_it_cannot_be_replayed() {
    for shape in [MERGE, RETRACT, COGROUP] {
        let place = Place::new();
        let (.., letter) = isolated(&place, &shape);
        let id = letter["id"].as_str().unwrap();
        let refused = place.pelton(&["dlq", "replay", "state-all", id, "--offline"]);
        let why = format!("is no row but a {}", shape.kind);
        assert!(refused.code != Some(0) && refused.err.contains(&why), "{refused:?}");
        let shown = place.pelton(&["dlq", "show", "state-all", id, "--offline"]).done().out;
        assert!(shown.contains("{\"key\":3") && shown.contains("pelton dlq discard"), "{shown}");
        place.pelton(&["dlq", "discard", "state-all", id, "--offline"]).done();
        place.run("all");
        assert_eq!(letters(&place, "all").len(), 0);
    }
}
