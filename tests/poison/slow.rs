//! Rows that take long: poison only if their instructions say so.

use super::place::{Kind, Place, rows, without};

const STATE: &str = "checkpoint = \"state\"";

fn job(place: &Place, time: &str, options: &str) {
    let operator =
        format!("on-trap = \"dead-letter\"\nlimits = {{ call-time = \"{time}\" }}\noptions = {{ {options} }}");
    place.job("all", Kind::Transform, "all.csv", STATE, &operator);
}

#[test]
fn a_row_that_never_ends_is_poison() {
    let place = Place::new();
    let all = rows(0, 2_000, &[1_234], -2);
    place.rows("all.csv", &all);
    place.rows("good.csv", &without(&all, &[1_234]));
    place.job("good", Kind::Transform, "good.csv", "", "");
    place.run("good");
    job(&place, "50ms", "");
    let summary = place.run("all");
    assert_eq!(place.dead(), [1_234]);
    assert!(place.output("good") == place.output("all"));
    let letter = &place.letters()[0];
    assert_eq!(letter["code"], "PELTON-0308");
    assert!(letter["error"].as_str().unwrap().contains("counted in instructions"), "{letter}");
    assert!(summary["operators"][0]["trials"].as_u64().unwrap() <= 40, "{summary}");
}

/// Twice eight million roots, each of which waits for the one before, take longer than 20 ms, and not half of the instructions that are allowed.
#[test]
fn rows_that_take_long_and_end_are_no_poison() {
    let place = Place::new();
    place.rows("all.csv", &rows(0, 500, &[7, 300], -3));
    job(&place, "20ms", "turns = 1000000");
    let summary = place.run("all");
    assert_eq!((place.dead(), place.output("all").lines().count()), (Vec::new(), 500));
    assert!(summary["operators"][0]["trials"].as_u64().unwrap() >= 1, "the time had run out: {summary}");
}
