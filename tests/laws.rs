//! `pelton check` by the real binary: one planted bug for each law is caught, and modules that keep the laws pass.

use std::process::{Command, Output};

use serde_json::Value;

fn check(module: &std::path::Path, columns: &str, more: &[&str]) -> Output {
    Command::new(pelton_tests::binary().expect("a binary to test"))
        .args(["check", "--columns", columns, "--output", "json", "--color", "never"])
        .args(more)
        .arg(module)
        .output()
        .expect("it runs")
}

fn events(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).expect("lines of JSON")).collect()
}

/// The law that a module breaks, the rows of the smallest tables that show it, and the event that says so.
fn broken_by(name: &str, columns: &str, more: &[&str]) -> (String, usize, Value) {
    let output = check(&pelton_tests::lawless(name).expect("a module to test"), columns, more);
    assert_eq!(output.status.code(), Some(1), "{name} {more:?}: {output:?}");
    let mut events = events(&output);
    let last = events.pop().expect("an event");
    assert_eq!((last["event"].as_str(), last["holds"].as_bool()), (Some("law"), Some(false)), "{name}: {last}");
    assert_eq!(last["code"], "PELTON-0907", "{name}: {last}");
    assert_ne!(last["ways"][0]["rows"], last["ways"][1]["rows"], "{name}: {last}");
    let tables = last["tables"].as_object().expect("tables").values();
    let rows = tables.map(|rows| rows.as_array().expect("rows").len()).sum();
    (last["law"].as_str().expect("a name").to_owned(), rows, last)
}

fn broken(name: &str) -> (String, usize) {
    let (law, rows, _) = broken_by(name, "n: s64", &[]);
    (law, rows)
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
    let (law, rows, _) = broken_by("returns_floats", "n: f64", &[]);
    assert_eq!(law, "taken-back");
    assert!(rows <= 4, "a sum of floats needs {rows} rows");
}

/// Columns of a keyed operator, and how it is keyed.
const KEYED: (&str, [&str; 4]) = ("k: s64, n: s64, at: timestamp[us]", ["--key", "k", "--event-time", "at"]);

#[test]
fn a_bug_for_each_law_of_keyed_operators_is_caught_and_shrunk() {
    let (columns, keyed) = KEYED;
    // What one of them does wrong breaks several laws: those before the one that is meant are left out.
    for (bug, law, rows, more) in [
        ("answers", "answers", 1, [].as_slice()),
        ("twice", "twice", 1, &[]),
        ("after-others", "after-others", 1, &[]),
        ("fresh-instance", "fresh-instance", 2, &[]),
        ("batch-split", "batch-split", 3, &[]),
        ("keys", "key-order", 3, &[]),
        ("keys", "other-keys", 3, &["--except", "key-order"]),
        ("keys", "partitions", 3, &["--except", "key-order,other-keys"]),
        ("timers", "timers", 1, &["--except", "batch-split"]),
        ("clock", "clock", 1, &["--also", "clock"]),
        ("seed", "seed", 1, &["--also", "seed", "--except", "batch-split,key-order,other-keys,partitions,epochs"]),
        ("epochs", "epochs", 2, &["--also", "epochs"]),
    ] {
        let options = format!("{{\"bug\": \"{bug}\"}}");
        let more = [keyed.as_slice(), more, &["--options", &options]].concat();
        let (broken, needs, _) = broken_by("keyed_breaks", columns, &more);
        assert_eq!(broken, law, "{bug}");
        assert!(needs <= rows, "{bug} needs {needs} rows");
    }
}

#[test]
fn a_bug_for_each_law_of_cogroups_is_caught_and_shrunk() {
    for (bug, law, rows, more) in [
        ("answers", "answers", 2, [].as_slice()),
        ("twice", "twice", 1, &[]),
        ("after-others", "after-others", 1, &[]),
        ("keys", "key-order", 2, &[]),
        ("keys", "other-keys", 2, &["--except", "key-order"]),
        ("clock", "clock", 1, &["--also", "clock"]),
        ("seed", "seed", 1, &["--also", "seed", "--except", "key-order,other-keys"]),
    ] {
        let options = format!("{{\"bug\": \"{bug}\"}}");
        let more = [["--key", "k"].as_slice(), more, &["--options", &options]].concat();
        let (broken, needs, _) = broken_by("cogroup_breaks", "k: s64, n: s64", &more);
        assert_eq!(broken, law, "{bug}");
        assert!(needs <= rows, "{bug} needs {needs} rows");
    }
}

#[test]
fn a_bug_for_each_law_of_enrich_operators_is_caught_and_shrunk() {
    for (bug, law, rows, more) in [
        ("answers", "answers", 1, [].as_slice()),
        ("path", "answers", 1, &[]),
        ("twice", "twice", 1, &[]),
        ("keeps", "twice", 1, &[]),
        ("position", "batch-split", 2, &[]),
        ("position", "one-by-one", 2, &["--except", "batch-split"]),
        ("clock", "clock", 1, &["--also", "clock"]),
        ("seed", "seed", 1, &["--also", "seed"]),
    ] {
        let options = format!("{{\"bug\": \"{bug}\"}}");
        let (broken, needs, event) = broken_by("enrich_breaks", "n: s64", &[more, &["--options", &options]].concat());
        assert_eq!((broken.as_str(), needs), (law, rows), "{bug}: {event}");
        // Its golden case has what the rows were told, where they asked for what may be asked.
        let replies = event["case"]["replies.jsonl"].as_str().unwrap_or_default();
        assert!(replies.starts_with("{\"request\":{\"endpoint\":\"numbers\"") || bug == "path", "{bug}: {event}");
    }
}

#[test]
fn enrich_operators_that_keep_the_laws_pass() {
    let module = pelton_tests::lawless("enrich_breaks").expect("a module to test");
    // One that is never content has no rows that could be compared.
    for options in ["{}", "{\"bug\": \"again\"}"] {
        let output = check(&module, "n: s64", &["--options", options]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(events(&output).iter().filter(|event| event["holds"] == true).count(), 8, "{output:?}");
    }
}

#[test]
fn a_bug_for_each_law_of_migrations_is_caught_and_shrunk() {
    let before = pelton_tests::lawless("keeps_cents").expect("a module to test").display().to_string();
    let migrates = ["--key", "k", "--from", &before];
    for (name, law, rows, more) in [
        ("euros_refuses", "migrates", 2, [].as_slice()),
        ("euros_counts", "migrate-twice", 1, &[]),
        ("euros_follows", "migrate-split", 2, &["--except", "migrate-twice"]),
        ("euros_stumbles", "goes-on", 2, &[]),
    ] {
        let (broken, needs, _) = broken_by(name, "k: s64, n: s64", &[migrates.as_slice(), more].concat());
        assert_eq!(broken, law, "{name}");
        assert!(needs <= rows, "{name} needs {needs} rows");
    }
}

#[test]
fn side_tables_are_made_up_too_also_without_rows() {
    let tables = ["--table", "names=n: s64, name: s64"];
    for (bug, law, rows) in [("reload", "reload", 1), ("empty", "answers", 1)] {
        let options = format!("{{\"bug\": \"{bug}\"}}");
        let more = [tables.as_slice(), &["--options", &options]].concat();
        let (broken, needs, event) = broken_by("looks_up", "n: s64", &more);
        assert_eq!((broken.as_str(), needs), (law, rows), "{bug}");
        assert_eq!(event["tables"]["names"], serde_json::json!([]), "{event}");
        // It is a golden case, too.
        let case = &event["case"];
        assert!(case["case.toml"].as_str().expect("a file").contains("[table.names]"), "{case}");
        assert_eq!(case["names.jsonl"], "", "{case}");
        assert!(case["input.jsonl"].as_str().expect("a file").starts_with("{\"n\":"), "{case}");
    }
}

#[test]
fn what_a_module_may_do_is_said_and_is_no_error() {
    for on in ["clock", "seed"] {
        let options = format!("{{\"on\": \"{on}\"}}");
        let module = pelton_tests::lawless("drifts").expect("a module to test");
        let output = check(&module, "n: s64", &["--options", &options]);
        assert!(output.status.success(), "{output:?}");
        let events = events(&output);
        let depends: Vec<_> = events.iter().filter(|event| event["event"] == "depends").collect();
        assert_eq!(depends.len(), 1, "{events:?}");
        assert_eq!((depends[0]["law"].as_str(), depends[0]["holds"].as_bool()), (Some(on), Some(false)));
        let (broken, rows, _) = broken_by("drifts", "n: s64", &["--options", &options, "--also", on]);
        assert_eq!((broken.as_str(), rows), (on, 1));
    }
}

#[test]
fn keyed_operators_cogroups_and_migrations_that_keep_the_laws_pass() {
    let (columns, keyed) = KEYED;
    let before = pelton_tests::lawless("keeps_cents").expect("a module to test").display().to_string();
    let migrates = ["--key", "k", "--from", &before];
    let tables = ["--table", "names=n: s64, name: s64"];
    for (name, columns, more, laws) in [
        ("keyed_breaks", columns, keyed.as_slice(), 12),
        ("cogroup_breaks", "k: s64, n: s64", &["--key", "k"], 7),
        ("euros", "k: s64, n: s64", &migrates, 15),
        ("looks_up", "n: s64", &tables, 9),
    ] {
        let output = check(&pelton_tests::lawless(name).expect("a module to test"), columns, more);
        assert!(output.status.success(), "{name}: {output:?}");
        assert_eq!(events(&output).iter().filter(|event| event["holds"] == true).count(), laws, "{name}: {output:?}");
    }
}

#[test]
fn a_law_that_is_not_there_and_a_version_that_is_no_other_are_refused() {
    let euros = pelton_tests::lawless("euros").expect("a module to test");
    let from = euros.display().to_string();
    for (more, says) in [
        (["--key", "k", "--except", "batch-spilt"], "batch-spilt"),
        (["--key", "k", "--from", &from], "version 2"),
        (["--key", "n,k", "--event-time", "k"], "no timestamp"),
        (["--key", "q", "--rows", "9"], "has no column `q`"),
    ] {
        let output = check(&euros, "k: s64, n: s64", &more);
        assert_eq!(output.status.code(), Some(3), "{more:?}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains(says), "{more:?}: {output:?}");
    }
}

#[test]
fn modules_that_keep_the_laws_pass() {
    let transform = "../examples/to-euro/to-euro.wasm".to_owned();
    let aggregate = pelton_tests::lawless("keeps").expect("a module to test").display().to_string();
    for (module, columns, options, laws) in
        [(transform, "auction: s64, price: f64?", r#"{"rate": 0.5, "min": 10.0}"#, 8), (aggregate, "n: s64", "{}", 8)]
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
    let output = check(&pelton_tests::lawless("counts").expect("a module to test"), "other: s64", &[]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}
