//! `pelton check` by the real binary: one planted bug for each law is caught, and modules that keep the laws pass.

use std::process::{Command, Output};

use serde_json::Value;

fn check(module: &std::path::Path, columns: &str) -> Output {
    Command::new(pelton_tests::binary().expect("a binary to test"))
        .args(["check", "--columns", columns, "--output", "json", "--color", "never"])
        .arg(module)
        .output()
        .expect("it runs")
}

fn events(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).expect("lines of JSON")).collect()
}

/// The law that a module breaks, and the rows of the smallest table that shows it.
fn broken(name: &str) -> (String, usize) {
    let output = check(&pelton_tests::lawless(name).expect("a module to test"), "n: s64");
    assert_eq!(output.status.code(), Some(1), "{name}: {output:?}");
    let events = events(&output);
    let last = events.last().expect("an event");
    assert_eq!((last["event"].as_str(), last["holds"].as_bool()), (Some("law"), Some(false)), "{name}: {last}");
    assert_eq!(last["code"], "PELTON-0907", "{name}: {last}");
    assert_ne!(last["ways"][0]["rows"], last["ways"][1]["rows"], "{name}: {last}");
    (last["law"].as_str().expect("a name").to_owned(), last["table"].as_array().expect("rows").len())
}

#[test]
fn a_bug_for_each_law_of_transforms_is_caught_and_shrunk() {
    for (name, law, rows) in [
        ("counts", "twice", 1),
        ("remembers", "after-others", 1),
        ("numbers", "batch-split", 2),
        ("pairs", "one-by-one", 2),
        ("divides", "answers", 1),
        ("forgets", "empty", 1),
    ] {
        assert_eq!(broken(name), (law.to_owned(), rows), "{name}");
    }
}

#[test]
fn a_bug_for_each_law_of_aggregates_is_caught_and_shrunk() {
    for (name, law) in [
        ("counts_folds", "twice"),
        ("counts_merges", "identity-left"),
        ("empties", "identity-right"),
        ("loses", "parts"),
        ("batches", "parts"),
        ("brackets", "associative"),
        ("begins", "batch-split"),
        ("first", "commutative"),
        ("returns", "taken-back"),
    ] {
        let (broken, rows) = broken(name);
        assert_eq!(broken, law, "{name}");
        assert!(rows <= 2, "{name} needs {rows} rows");
    }
}

#[test]
fn modules_that_keep_the_laws_pass() {
    let transform = "../examples/to-euro/to-euro.wasm".to_owned();
    let aggregate = pelton_tests::lawless("keeps").expect("a module to test").display().to_string();
    for (module, columns, options, laws) in
        [(transform, "auction: s64, price: f64?", r#"{"rate": 0.5, "min": 10.0}"#, 6), (aggregate, "n: s64", "{}", 8)]
    {
        let output = Command::new(pelton_tests::binary().expect("a binary to test"))
            .args(["check", &module, "--columns", columns, "--options", options, "--output", "json"])
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{module}: {output:?}");
        assert_eq!(events(&output).iter().filter(|event| event["holds"] == true).count(), laws, "{module}");
    }
}

#[test]
fn columns_that_do_not_fit_are_refused() {
    let output = check(&pelton_tests::lawless("counts").expect("a module to test"), "other: s64");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}
