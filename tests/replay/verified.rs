//! `pelton verify`: jobs that are what they should be, and a module that remembers.

use std::fs;

use super::{CHANGES, FILTER, RUNNING, SLIDES, TUMBLING, place::Place};

#[test]
fn jobs_of_functions_are_the_same() {
    let jobs =
        [("stateless", FILTER), ("running", RUNNING), ("tumbling", TUMBLING), ("changes", CHANGES), ("slides", SLIDES)];
    for (name, graph) in jobs {
        let place = Place::new(name, graph, "csv");
        place.run();
        let (first, last) = place.replayable();
        let said = place.pelton(&["verify", "job.toml", "--all", "--output", "json"]).done().json();
        assert_eq!((&said["same"], &said["checked"]), (&true.into(), &(last - first + 1).into()), "{name}: {said}");
        let said = place.pelton(&["verify", "job.toml", "--sample", "2"]).done().out;
        assert!(said.contains(&format!("of 1 to {last} computed again, all of them the same")), "{said}");
    }
}

/// `counts` keeps a counter in its memory, which the contract forbids, and writes it into every row.
fn remembering() -> Place {
    let graph = r#"
[operator.plain]
input = "bids"
module = "std:select"
options = { columns = { n = "price", auction = "auction" } }

[operator.calls]
input = "plain"
module = "counts.wasm"

[operator.result]
input = "calls"
module = "std:filter"
options = { where = "n > 10" }
"#;
    let place = Place::new("remembers", graph, "csv");
    let module = pelton_tests::lawless("counts").expect("a module to test");
    fs::copy(module, place.path().join("counts.wasm")).unwrap();
    place
}

#[test]
fn a_module_that_remembers_is_named() {
    let place = remembering();
    place.pelton(&["run", "job.toml", "--threads", "1"]).done();
    let said = place.pelton(&["verify", "job.toml", "--all", "--output", "json"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let found = said.json();
    let differing = found["differing"].as_array().unwrap();
    assert!(differing.len() >= 10, "every epoch but the first: {found}");
    assert_eq!((&differing[0]["operator"], &differing[0]["code"]), (&"calls".into(), &"PELTON-0504".into()));
    assert_eq!(differing[0]["changed"].as_array().map(Vec::len), Some(0));
    let said = place.pelton(&["verify", "job.toml"]).refused(1, "operator calls is not a function").out;
    assert!(said.contains("came to something else"), "{said}");
    // A replay of one of its epochs says so as well.
    place.replay(6, &[]).refused(1, "\"same\":false");
    place.pelton(&["replay", "job.toml", "--epoch", "6"]).refused(1, "PELTON-0504");
}
