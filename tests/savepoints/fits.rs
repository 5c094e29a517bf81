//! What fits and what does not: operators that are gone, renamed or changed, sources, names, confirmations.

use std::fs;

use super::{ALL, EPOCH, RUNNING, TUMBLING, compare, forget_there, place::Place, plain, there};

fn saved(name: &str, graph: &str) -> Place {
    let place = Place::new(name, graph, "csv");
    place.run();
    let epoch = EPOCH.to_string();
    place.pelton(&["savepoint", "create", "job.toml", "--name", "half", "--epoch", &epoch]).done();
    place.pelton(&["savepoint", "export", "job.toml", "half", "--to", "half.savepoint"]).done();
    there(&place, 8);
    place
}

const RESTORE: [&str; 5] = ["savepoint", "restore", "there.toml", "--from", "half.savepoint"];

/// Restoring with these changes of the job is refused so, and leaves nothing behind.
fn refused(place: &Place, edits: &[(&str, &str)], said: &str) {
    there(place, 8);
    for (from, to) in edits {
        place.edit("there.toml", from, to);
    }
    let answer = place.pelton(&RESTORE).refused(3, "PELTON-0709");
    let message = plain(&answer.err);
    assert!(message.contains(said), "{said} is not in {message}");
    assert!(!place.path().join("there").exists(), "nothing was begun");
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let place = saved("fits", TUMBLING);
    let key = ("key = [\"auction\"]", "key = [\"price\"]");
    let key_of = ("\"std:max(price)\"", "\"std:max(auction)\"");
    refused(&place, &[key, key_of], "the state of operator `result`");
    refused(&place, &[("length = \"7s\"", "length = \"8s\"")], "tumbling windows of 7000000 µs");
    refused(&place, &[("n = \"std:count\", ", "")], "the state of operator `result`");
    refused(
        &place,
        &[("operator.result]", "operator.other]"), ("input = \"result\"", "input = \"other\"")],
        "no operator `result`",
    );
    refused(
        &place,
        &[("source.bids]", "source.offers]"), ("input = \"bids\"", "input = \"offers\"")],
        "its sources are `bids`",
    );
    let stateless = [(TUMBLING, "\n[operator.result]\ninput = \"bids\"\nmodule = \"std:filter(price > 1)\"\n")];
    refused(&place, &stateless, "keeps no state any more");
    // Input that is not there any more: what has been read to its end may go, the rest may not.
    let go = |name: &str| fs::rename(place.path().join(name), place.path().join(name).with_extension("gone")).unwrap();
    go("bids/02.csv");
    go("bids/08.csv");
    there(&place, 8);
    let said = place.pelton(&RESTORE).refused(3, "PELTON-0709");
    assert!(plain(&said.err).contains("source `bids`"), "{said:?}");
    fs::rename(place.path().join("bids/08.gone"), place.path().join("bids/08.csv")).unwrap();
    place.pelton(&RESTORE).done();
}

#[test]
fn operators_are_renamed_dropped_and_begun_as_one_says() {
    let place = saved("renamed", TUMBLING);
    place.edit("there.toml", "operator.result]", "operator.closed]");
    place.edit("there.toml", "input = \"result\"", "input = \"closed\"");
    let with = |more: &[&str]| place.pelton(&RESTORE.iter().chain(more).copied().collect::<Vec<_>>());
    let said = with(&["--rename", "results=closed"]).refused(3, "PELTON-0709");
    assert!(plain(&said.err).contains("no state of an operator `results`"), "{said:?}");
    let said = with(&["--rename", "result=closed", "--dry-run"]).done();
    assert!(said.out.contains("fits") && said.out.contains("closed: 8 partitions go over as they are"), "{said:?}");
    assert!(!place.path().join("there").exists(), "a dry run changes nothing");
    with(&["--rename", "result=closed"]).done();
    place.pelton(&["run", "there.toml"]).done();
    compare(&place, "renamed", true);
    forget_there(&place);
    let said = with(&["--drop", "result"]).done();
    assert!(said.out.contains("left behind") && said.out.contains("closed: begins empty"), "{said:?}");
    place.pelton(&["run", "there.toml"]).done();
    assert!(!place.rows("out-there").is_empty());
    with(&["--drop", "result", "--yes"]).done();
}

#[test]
fn a_job_without_a_savepoint_does_not_change_its_partitions_and_says_what_does() {
    let place = saved("partitions", RUNNING);
    place.edit("job.toml", "checkpoint = \"state\"", "checkpoint = \"state\"\npartitions = 3");
    let said = place.pelton(&["run", "job.toml"]).refused(1, "PELTON-0505");
    assert!(plain(&said.err).contains("pelton savepoint create"), "{said:?}");
    // In place: the savepoint lies beside the checkpoint that it replaces, and outlives it.
    fs::rename(place.path().join("out"), place.path().join("out-before")).unwrap();
    place.pelton(&["savepoint", "restore", "job.toml", "half", "--yes"]).done();
    place.pelton(&["run", "job.toml"]).done();
    fs::rename(place.path().join("out"), place.path().join("out-there")).unwrap();
    fs::rename(place.path().join("out-before"), place.path().join("out")).unwrap();
    compare(&place, "in place", false);
    place.pelton(&["savepoint", "show", "job.toml", "half"]).done();
}

#[test]
fn names_lists_copies_and_removals() {
    let place = saved("names", ALL);
    let create = |name: &str| place.pelton(&["savepoint", "create", "job.toml", "--name", name]);
    create("half").refused(3, "PELTON-0710");
    for wrong in ["", ".hidden", "a/b", "a b", "../up"] {
        create(wrong).refused(2, "PELTON-0710");
    }
    // The last snapshot of a job that has ended is that of its last epoch.
    let last = place.pelton(&["savepoint", "create", "job.toml", "--name", "end", "--output", "json"]).done().json();
    assert!(last["epoch"].as_u64().unwrap() > EPOCH, "{last}");
    let names: Vec<&str> = last["operators"].as_array().unwrap().iter().map(|o| o["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["once", "paid", "result"], "{last}");
    let listed = place.pelton(&["savepoint", "list", "job.toml", "--output", "json"]).done().json();
    assert_eq!(listed["savepoints"].as_array().unwrap().len(), 2, "{listed}");
    let shown = place.pelton(&["savepoint", "show", "--from", "half.savepoint"]).done().out;
    for expected in
        ["half of job names", "operator once", "keyed: key (auction s64, price s64)", "source asks", "event time up to"]
    {
        assert!(shown.contains(expected), "{expected} is not in\n{shown}");
    }
    // Another job takes it into its own, by another name.
    place.pelton(&["savepoint", "import", "there.toml", "half.savepoint", "--name", "moved"]).done();
    place.pelton(&["savepoint", "import", "there.toml", "half.savepoint", "--name", "moved"]).refused(3, "PELTON-0710");
    place.pelton(&["savepoint", "restore", "there.toml", "moved"]).done();
    place.pelton(&["run", "there.toml"]).done();
    compare(&place, "moved", true);
    // Starting over forgets what was committed, and keeps what was kept by name.
    fs::remove_dir_all(place.path().join("out")).unwrap();
    place.pelton(&["run", "job.toml", "--fresh", "--yes"]).done();
    place.pelton(&["savepoint", "show", "job.toml", "end"]).done();
    place.pelton(&["savepoint", "remove", "job.toml", "end"]).done();
    place.pelton(&["savepoint", "remove", "job.toml", "end"]).refused(3, "PELTON-0710");
    place.pelton(&["savepoint", "export", "job.toml", "half", "--to", "half.savepoint"]).refused(1, "PELTON-0708");
    place.pelton(&["checkpoint", "verify", "state"]).done();
}
