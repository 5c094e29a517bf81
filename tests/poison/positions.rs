//! One bad row in 100,000 at each class of positions, and several; for each kind of operator.

use serde_json::Value;

use super::place::{CALL_ROWS, Kind, Place, ROWS, rows, without};

const STATE: &str = "checkpoint = \"state\"";
const DEAD: &str = "on-trap = { type = \"dead-letter\", rows = 1000 }";

/// Runs `all` with and without the bad rows. Answers the summary of the run with them.
fn isolated(kind: Kind, count: usize, bad: &[usize]) -> Value {
    let place = Place::new();
    let all = rows(0, count, bad, -1);
    place.rows("all.csv", &all);
    place.rows("good.csv", &without(&all, bad));
    place.job("good", kind, "good.csv", "", "");
    place.job("all", kind, "all.csv", STATE, DEAD);
    place.run("good");
    let summary = place.run("all");
    let what = format!("{kind:?} {bad:?}");
    let (mut expected, mut found) = (lines(&place, "good"), lines(&place, "all"));
    // Where calls are cut differs by a row; keys leave in the order of their first row in an epoch, which does not.
    if kind != Kind::Transform {
        expected.sort_unstable();
        found.sort_unstable();
    }
    assert!(expected == found, "{what}: {} and {} rows", expected.len(), found.len());
    let mut dead = place.dead();
    dead.sort_unstable();
    assert_eq!(dead, bad, "{what}");
    let operator = &summary["operators"][0];
    let number = |key: &str| operator[key].as_u64().unwrap_or_else(|| panic!("{key} of {operator}"));
    assert_eq!(number("dead"), bad.len() as u64, "{what}");
    assert_eq!(number("rows_in"), count as u64, "{what}");
    if kind == Kind::Transform {
        let processed = number("rows_out");
        assert_eq!(number("rows_in"), processed + number("dead") + number("skipped") + number("rejected"), "{what}");
    }
    summary
}

fn lines(place: &Place, name: &str) -> Vec<String> {
    place.output(name).lines().map(str::to_owned).collect()
}

fn trials(summary: &Value) -> u64 {
    summary["operators"][0]["trials"].as_u64().expect("trials")
}

#[test]
fn one_row_is_isolated_wherever_it_is() {
    // The first and the last row, the middle of a call, both sides of a cut, and one of the last call, which is not full.
    let positions = [0, ROWS - 1, ROWS / 2, CALL_ROWS - 1, CALL_ROWS, ROWS - ROWS % CALL_ROWS + 3];
    for kind in Kind::ALL {
        for position in positions {
            let summary = isolated(kind, ROWS, &[position]);
            assert!((1..=40).contains(&trials(&summary)), "{kind:?} at {position}: {} calls", trials(&summary));
        }
    }
}

#[test]
fn a_row_that_is_alone_leaves_nothing() {
    for kind in Kind::ALL {
        let place = Place::new();
        place.rows("all.csv", &rows(5, 1, &[5], -1));
        place.job("all", kind, "all.csv", STATE, DEAD);
        place.run("all");
        assert_eq!((place.output("all").as_str(), place.dead()), ("", vec![5]), "{kind:?}");
    }
}

#[test]
fn several_rows_are_isolated_one_by_one() {
    let bad = [3, 4, 700, 8_191, 8_192, 9_999, 50_000, 50_001, 99_998, 99_999];
    for kind in Kind::ALL {
        isolated(kind, ROWS, &bad);
    }
    // All rows of a call but one.
    isolated(Kind::Transform, 40, &(0..39).collect::<Vec<_>>());
}

#[test]
fn skipped_rows_are_counted_and_not_kept() {
    for kind in Kind::ALL {
        let place = Place::new();
        let all = rows(0, 5_000, &[17, 4_000], -1);
        place.rows("all.csv", &all);
        place.rows("good.csv", &without(&all, &[17, 4_000]));
        place.job("good", kind, "good.csv", "", "");
        place.job("all", kind, "all.csv", "", "on-trap = \"skip\"");
        place.run("good");
        let summary = place.run("all");
        assert_eq!((&summary["rows_skipped"], &summary["rows_dead"]), (&2.into(), &0.into()), "{kind:?}");
        let (mut expected, mut found) = (lines(&place, "good"), lines(&place, "all"));
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(expected, found, "{kind:?}");
    }
}

#[test]
fn without_a_word_the_job_fails() {
    let place = Place::new();
    place.rows("all.csv", &rows(0, 100, &[50], -1));
    for on_trap in ["", "on-trap = \"halt\""] {
        place.job("all", Kind::Transform, "all.csv", "", on_trap);
        let said = place.pelton(&["run", "all.toml"]);
        assert!(said.code == Some(1) && said.err.contains("nobody thought of -1"), "{said:?}");
        assert!(said.err.contains("PELTON-0307"), "{said:?}");
    }
}

#[test]
fn too_many_of_them_are_the_modules_fault() {
    let place = Place::new();
    let bad: Vec<usize> = (0..200).map(|row| row * 400).collect();
    place.rows("all.csv", &rows(0, ROWS, &bad, -1));
    place.job("all", Kind::Transform, "all.csv", STATE, "on-trap = { type = \"dead-letter\", rows = 20 }");
    let said = place.pelton(&["run", "all.toml"]);
    assert!(said.code == Some(1) && said.err.contains("PELTON-0507"), "{said:?}");
    assert!(said.err.contains("20 are borne") && said.err.contains("nobody thought of -1"), "{said:?}");
    let kept = place.letters();
    assert!(kept.len() <= 20, "what was not committed is not kept: {}", kept.len());
    // In one call there is a limit whatever the job says.
    place.rows("all.csv", &rows(0, 300, &(0..200).collect::<Vec<_>>(), -1));
    place.job("many", Kind::Transform, "all.csv", "checkpoint = \"other\"", DEAD);
    let said = place.pelton(&["run", "many.toml"]);
    assert!(said.code == Some(1) && said.err.contains("more than 64 in one call"), "{said:?}");
}
