//! Modules: pushed, named, fetched, kept over restarts, refused.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::{
    jobs::{drops, traps, with_module},
    served::{Place, Served},
};

#[test]
fn modules_are_pushed_named_fetched_and_removed() {
    let place = Place::new();
    let (one, two) = (place.write("one.wat", drops()), place.write("two.wat", traps()));
    let engine = place.serve();
    let (one, two) = (one.to_str().unwrap(), two.to_str().unwrap());
    let pushed = engine.json(&["module", "push", one, "--name", "work", "--version", "1.0.0"]);
    assert_eq!((&pushed["kind"], &pushed["tags"][0]), (&"transform".into(), &"work@1.0.0".into()));
    assert_eq!((&pushed["pushed_by"], &pushed["contract"]), (&"local".into(), &"pelton:operator@0.1.0".into()));
    assert_eq!(pushed["packaging"], "core module text");
    let again = engine.json(&["module", "push", one, "--name", "work", "--version", "1.0.0"]);
    assert_eq!(again, pushed, "the same once more changes nothing");
    engine.pelton(&["module", "push", two, "--name", "work", "--version", "1.0.0"]).refused(3, "PELTON-0805");
    engine.json(&["module", "push", two, "--name", "work", "--version", "1.1.0+build.7"]);
    let tagged = engine.json(&["module", "tag", "work@1.0.0", "work@stable"]);
    assert_eq!(tagged["tags"], serde_json::json!(["work@1.0.0", "work@stable"]));
    engine.pelton(&["module", "tag", "work@1.1.0+build.7", "work@stable"]).refused(3, "PELTON-0805");

    let wrong = engine.pelton(&["module", "push", one, "--name", "../x", "--version", "1"]).refused(2, "PELTON-0806");
    assert!(
        wrong.err.contains("× `../x@1` cannot be the name of a module") && wrong.err.contains("help: "),
        "{wrong:?}"
    );

    assert!(engine.terminate().success());
    let engine = place.serve();
    let list = engine.json(&["module", "list"]);
    assert_eq!(list["modules"].as_array().unwrap().len(), 2);
    let digest = pushed["digest"].as_str().unwrap();
    for reference in ["work@1.0.0", "work@stable", digest, &digest[..8]] {
        assert_eq!(engine.json(&["module", "show", reference])["digest"], digest, "{reference}");
    }
    engine.pelton(&["module", "pull", "work@1.0.0", "--to", "back.wat"]).done();
    assert_eq!(fs::read_to_string(place.path().join("back.wat")).unwrap(), drops());

    engine.pelton(&["module", "remove", "work@1.0.0"]).done();
    assert_eq!(engine.json(&["module", "show", "work@stable"])["tags"], serde_json::json!(["work@stable"]));
    engine.pelton(&["module", "remove", "work@stable"]).done();
    engine.pelton(&["module", "show", digest]).refused(3, "PELTON-0804");
    engine.pelton(&["module", "remove", "work@9"]).refused(3, "PELTON-0804");
    let text = engine.pelton(&["module", "list"]).done().out;
    assert!(text.contains("work@1.1.0+build.7") && !text.contains("work@stable"), "{text}");
    let audit = fs::read_to_string(place.path().join("data/audit.jsonl")).unwrap();
    let count = |what: &str| audit.lines().filter(|line| line.contains(what)).count();
    assert_eq!((count("module.push"), count("module.tag"), count("module.remove")), (4, 2, 3), "{audit}");
    assert_eq!(count("PELTON-0805"), 2, "{audit}");
}

#[test]
fn a_module_that_makes_the_compiler_greedy_ends_the_compiler_alone() {
    let place = Place::new();
    place.write("small.wat", drops());
    let engine = place.serve_with(&["--compile-memory", "48MiB"]);
    let push =
        |engine: &Served<'_>, file: &str| engine.pelton(&["module", "push", file, "--name", "big", "--version", "1"]);
    let refused = push(&engine, "small.wat").refused(3, "PELTON-0311").err;
    assert!(refused.contains("more than it may take"), "{refused}");
    assert_eq!(engine.get("/ping").status, 200);
    drop(engine);

    let work = "i64.const 3\ni64.mul\ni64.const 5\ni64.xor\n".repeat(500_000);
    let long = format!("(component (core module (func (export \"f\") (param i64) (result i64)\nlocal.get 0\n{work})))");
    place.write("long.wat", long);
    let engine = place.serve_with(&["--compile-time", "1s"]);
    let started = Instant::now();
    let refused = push(&engine, "long.wat").refused(3, "PELTON-0311").err;
    assert!(refused.contains("compiling it took") && started.elapsed() < Duration::from_secs(60), "{refused}");
    push(&engine, "small.wat").done();
}

#[test]
fn what_is_no_module_is_refused_and_leaves_nothing() {
    let place = Place::new();
    let given = |name: &str| concat!(env!("CARGO_MANIFEST_DIR"), "/messages/given/modules/").to_owned() + name;
    let engine = place.serve();
    let push = |file: &str| engine.pelton(&["module", "push", file, "--name", "bad", "--version", "1"]);
    for (file, code) in [
        ("not-wasm.txt", "PELTON-0302"),
        ("damaged.wasm", "PELTON-0302"),
        ("text-broken.wat", "PELTON-0302"),
        ("no-operator.wat", "PELTON-0303"),
        ("imports-sockets.wat", "PELTON-0304"),
        ("relaxed-simd.wat", "PELTON-0311"),
    ] {
        push(&given(file)).refused(3, code);
    }
    push("missing.wasm").refused(2, "PELTON-0301");
    engine
        .pelton(&["module", "push", &given("traps.wat"), "--name", "../bad", "--version", "1"])
        .refused(2, "name@version");
    assert_eq!(engine.json(&["module", "list"])["modules"], serde_json::json!([]));
    assert_eq!(fs::read_dir(place.path().join("data/modules")).unwrap().count(), 0);
}

#[test]
fn a_module_stays_while_a_job_needs_it() {
    let place = Place::new();
    place.write("drops.wat", drops());
    place.write("job.toml", with_module("worker", "drops@1", ""));
    place.write("other.toml", with_module("other", "drops.wat", ""));
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).refused(3, "PELTON-0804");
    engine.pelton(&["module", "push", "drops.wat", "--name", "drops", "--version", "1"]).done();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until("worker", "finished");
    let said = engine.pelton(&["module", "remove", "drops@1"]).refused(3, "PELTON-0805");
    assert!(said.err.contains("job `worker` needs"), "{said:?}");
    engine.pelton(&["job", "remove", "worker"]).done();

    // A file that a job names is pushed with it, and not asked for again.
    engine.pelton(&["job", "submit", "other.toml"]).done();
    engine.until("other", "finished");
    fs::remove_file(place.path().join("drops.wat")).unwrap();
    engine.pelton(&["job", "resume", "other"]).done();
    engine.until("other", "finished");
    let pins = &engine.json(&["job", "show", "other"])["of_revision"]["pins"];
    assert_eq!(pins["drops.wat"], engine.json(&["module", "show", "drops@1"])["digest"]);
    engine.pelton(&["job", "remove", "other"]).done();
    engine.pelton(&["module", "remove", "drops@1"]).done();
}

#[test]
fn a_module_that_was_altered_on_the_disk_is_not_run() {
    let place = Place::new();
    place.write("drops.wat", drops());
    place.write("job.toml", with_module("worker", "drops@1", ""));
    let engine = place.serve();
    let pushed = engine.json(&["module", "push", "drops.wat", "--name", "drops", "--version", "1"]);
    let file = format!("data/modules/{}.wasm", pushed["digest"].as_str().unwrap());
    place.write(&file, traps());
    engine.pelton(&["module", "pull", "drops@1"]).refused(1, "PELTON-0809");
    engine.pelton(&["job", "submit", "job.toml"]).refused(1, "PELTON-0809");
}

#[test]
fn without_an_engine_a_name_of_the_registry_is_a_clear_mistake() {
    let place = Place::new();
    place.write("job.toml", with_module("worker", "drops@1", ""));
    let said = place.pelton(&["run", "job.toml"]).refused(2, "PELTON-0301");
    assert!(said.err.contains("drops@1 is a name in an engine's registry"), "{said:?}");
}
