//! Dead letters of the engine's jobs: listed, replayed into a job that runs after its module was mended, discarded; and a job that
//! pauses because there are too many.

use serde_json::Value;

use super::served::{Place, Served};

/// Rows come as files do; the operator fails where `x` is -1.
fn job(module: &str, key: &str, on_trap: &str) -> String {
    let module = pelton_tests::touchy(module).expect("the guests are built");
    format!(
        r#"
name = "touchy"
batch = {{ interval = "20ms", max-bytes = 1 }}
threads = 2

[source.rows]
type = "file"
path = "in"
format = "csv"
schema = {{ id = "s64", x = "s64" }}
watch = "20ms"

[operator.touchy]
input = "rows"
module = "{}"
{key}
on-trap = {on_trap}

[sink.out]
input = "touchy"
type = "file"
path = "out"
format = "csv"
"#,
        module.display()
    )
}

fn put(place: &Place, name: &str, lines: &str) {
    let hidden = place.write(&format!("in/.{name}"), lines);
    std::fs::rename(hidden, place.path().join("in").join(name)).unwrap();
}

fn output(place: &Place) -> Vec<String> {
    let text: Vec<u8> = place.parts("out").into_values().flatten().collect();
    String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
}

fn queue(engine: &Served<'_>) -> Vec<Value> {
    engine.json(&["dlq", "list", "touchy"])["letters"].as_array().expect("letters").clone()
}

fn until_out(engine: &Served<'_>, rows: u64) -> Value {
    engine.until_that("touchy", "that far", |job| job["figures"]["rows_out"].as_u64() >= Some(rows))
}

/// Tries letters with the module as it is, and as it would be mended.
fn tried(engine: &Served<'_>, module: &str) {
    let path = pelton_tests::touchy(module).unwrap();
    let dry_run = |more: &[&str]| {
        let args = [&["dlq", "replay", "touchy", "--all", "--dry-run"], more].concat();
        engine.json(&args)["letters"].as_array().expect("letters").clone()
    };
    let outcome = |letter: &Value| letter["outcome"].as_str().unwrap().to_owned();
    let (now, then) = (dry_run(&[]), dry_run(&["--with", path.to_str().unwrap(), "--option", "mended=true"]));
    if module == "touchy_totals" {
        assert!(now.iter().chain(&then).all(|letter| outcome(letter) == "unknown"), "{now:?} {then:?}");
    } else {
        assert!(now.iter().all(|letter| outcome(letter) == "fails" && letter["code"] == "PELTON-0307"), "{now:?}");
        assert!(then.iter().all(|letter| outcome(letter) == "passes" && letter["rows_out"] == 1), "{then:?}");
        assert_eq!(then[0]["rows"][0]["row"]["id"], 1, "{then:?}");
    }
    assert_eq!(queue(engine).len(), 2, "nothing has changed");
    assert_eq!(engine.job("touchy")["figures"]["dead"], 2);
    let refused = engine.pelton(&["dlq", "replay", "state", "--all", "--dry-run", "--offline"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
}

#[test]
fn letters_are_replayed_into_a_job_whose_module_was_mended() {
    for (module, key, mended) in
        [("touchy", "", ["1,-1,-2", "3,-1,-2"]), ("touchy_totals", "key = [\"id\"]", ["1,-1", "3,-1"])]
    {
        let place = Place::new();
        put(&place, "0.csv", "0,5\n1,-1\n2,7\n3,-1\n4,1\n");
        place.write("touchy.toml", job(module, key, "\"dead-letter\""));
        let engine = place.serve();
        assert_eq!(engine.pelton(&["dlq", "list", "nobody"]).code, Some(3));
        engine.pelton(&["job", "submit", "touchy.toml"]).done();
        let job = until_out(&engine, 3);
        let figures = &job["figures"];
        assert_eq!((&figures["dead"], &figures["letters"], &figures["rows_in"]), (&2.into(), &2.into(), &5.into()));
        assert_eq!((&figures["traps"], &figures["operators"][0]["traps"]), (&2.into(), &2.into()), "{figures}");
        let shown = engine.pelton(&["job", "show", "touchy"]).done().out;
        assert!(shown.contains("0 restarts, 2 traps"), "{shown}");
        let metrics = String::from_utf8(engine.get("/metrics").body).unwrap();
        for line in [
            "pelton_job_dead_letters_total{job=\"touchy\"} 2\n",
            "pelton_job_dead_letter_queue{job=\"touchy\"} 2\n",
            "pelton_job_traps_total{job=\"touchy\"} 2\n",
        ] {
            assert!(metrics.contains(line), "{line} is not in\n{metrics}");
        }
        let letters = queue(&engine);
        assert_eq!(letters.len(), 2);
        let id = letters[0]["id"].as_str().unwrap();
        let shown = engine.pelton(&["dlq", "show", "touchy", id]).done().out;
        assert!(shown.contains("nobody thought of -1") && shown.contains(&format!("pelton dlq replay touchy {id}")));
        let logs = engine.pelton(&["logs", "touchy", "--level", "warn"]).done().out;
        assert!(logs.contains("poison rows, dead letters: 2"), "{logs}");

        tried(&engine, module);
        // As it is, they fail again.
        engine.pelton(&["dlq", "replay", "touchy", "--all"]).done();
        engine.until_that("touchy", "tried", |job| job["figures"]["dead"] == 4);
        assert_eq!(queue(&engine).len(), 2);

        let module = pelton_tests::touchy(module).unwrap();
        engine
            .pelton(&["swap", "touchy", "touchy", module.to_str().unwrap(), "--option", "mended=true", "--no-wait"])
            .done();
        engine.pelton(&["dlq", "replay", "touchy", "--operator", "touchy"]).done();
        until_out(&engine, 5);
        engine.until_that("touchy", "empty", |job| job["figures"]["letters"] == 0);
        put(&place, "1.csv", "5,-1\n");
        until_out(&engine, 6);
        engine.pelton(&["job", "stop", "touchy"]).done();
        let rows = output(&place);
        assert_eq!(rows.len(), 6, "{rows:?}");
        for mended in mended {
            let found = rows.iter().filter(|row| row.as_str() == mended).count();
            // A keyed operator's rows may leave with fewer columns.
            assert!(
                found == 1 || rows.iter().filter(|row| row.starts_with(mended)).count() == 1,
                "{mended} in {rows:?}"
            );
        }
        let audit = std::fs::read_to_string(place.path().join("data/audit.jsonl")).unwrap();
        assert!(audit.contains("letters.replay"), "{audit}");
    }
}

#[test]
fn a_job_with_too_many_bad_rows_pauses() {
    let place = Place::new();
    put(&place, "0.csv", "0,5\n1,-1\n2,7\n");
    place.write("touchy.toml", job("touchy", "", "{ type = \"dead-letter\", rows = 3, within = \"1h\" }"));
    let engine = place.serve();
    engine.pelton(&["job", "submit", "touchy.toml"]).done();
    until_out(&engine, 2);
    put(&place, "1.csv", "3,-1\n4,-1\n5,-1\n6,8\n");
    let job = engine.until("touchy", "paused");
    assert_eq!(job["reason"]["code"], "PELTON-0507");
    assert!(job["reason"]["message"].as_str().unwrap().contains("nobody thought of -1"), "{job}");
    assert_eq!((queue(&engine).len(), output(&place).len()), (1, 2), "its epoch has not happened");
    // Whoever resumes it has looked: the count begins anew.
    engine.pelton(&["job", "resume", "touchy"]).done();
    engine.until_that("touchy", "that far", |job| job["figures"]["letters"] == 4);
    engine.pelton(&["dlq", "discard", "touchy", "--all"]).done();
    engine.until_that("touchy", "empty", |job| job["figures"]["letters"] == 0);
    assert_eq!(engine.get("/v1/jobs/touchy/letters?limit=x").status, 400);
    assert_eq!(engine.get("/v1/jobs/touchy/letters/1.2.3").status, 400);
    assert_eq!(engine.get("/v1/jobs/touchy/letters/99.0").status, 404);
}
