//! What is no row: windows that cannot be finished, timers, ends of keys. Each is taken out by itself, and all else is as without it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::place::Place;

const DEAD: &str = "on-trap = { type = \"dead-letter\", rows = 1000 }";

/// `key,ts` rows: every key in every second of five minutes, keys 0 to 19; key 3 has one row more in the first minute.
fn write_rows(place: &Place) {
    let mut text = String::new();
    for second in 0..300 {
        for key in 0..20 {
            text += &format!("{key},{key},{}\n", 1_700_000_040_000_i64 + second * 1_000);
        }
        if second == 7 {
            text += &format!("3,3,{}\n", 1_700_000_047_500_i64);
        }
    }
    // Nothing but key 19 for an hour: the time of all others is over.
    text += "19,19,1700004000000\n";
    place.write("rows.csv", &text);
}

fn job(place: &Place, name: &str, module: &str, operator: &str) {
    let module = pelton_tests::touchy(module).expect("the guests are built");
    let job = format!(
        r#"
name = "no-rows"
threads = 2
checkpoint = "state-{name}"
batch = {{ max-bytes = 4000 }}
[source.rows]
type = "file"
path = "rows.csv"
format = "csv"
schema = {{ key = "s64", x = "s64", ts = "timestamp[ms]" }}
event-time = {{ column = "ts", watermark = "1s" }}
[operator.touchy]
input = "rows"
key = ["key"]
module = "{}"
{operator}
[sink.out]
input = "touchy"
type = "file"
path = "out-{name}"
format = "csv"
"#,
        module.display()
    );
    place.write(&format!("{name}.toml"), &job);
}

fn lines(place: &Place, name: &str) -> Vec<String> {
    let mut lines: Vec<String> = place.output(name).lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

fn letters(place: &Place, name: &str) -> Vec<Value> {
    let said = place.pelton(&["dlq", "list", &format!("state-{name}"), "--offline", "--output", "json"]).done();
    said.json()["letters"].as_array().expect("letters").clone()
}

#[test]
fn a_window_that_cannot_be_finished_is_taken_out_alone() {
    let place = Place::new();
    write_rows(&place);
    let window = "window = { type = \"tumbling\", length = \"1m\" }";
    job(&place, "good", "touchy_windows", window);
    job(&place, "all", "touchy_windows", &format!("{window}\noptions = {{ minds = 61 }}\n{DEAD}"));
    place.run("good");
    let summary = place.run("all");
    let (good, all) = (lines(&place, "good"), lines(&place, "all"));
    let missing: Vec<&String> = good.iter().filter(|line| !all.contains(line)).collect();
    assert!(missing.len() == 1 && all.len() + 1 == good.len(), "{missing:?}");
    assert!(missing[0].starts_with("3,") && missing[0].ends_with(",61,183"), "{missing:?}");
    let [letter] = <[Value; 1]>::try_from(letters(&place, "all")).expect("one letter");
    assert_eq!((&letter["kind"], &letter["code"]), (&json!("group"), &json!("PELTON-0307")), "{letter}");
    assert!(letter["error"].as_str().unwrap().contains("nobody thought of 61 rows"), "{letter}");
    let row = &letter["row"];
    assert_eq!((&row["key"], &row["rows"], &row["sum"]), (&json!(3), &json!(61), &json!(183)), "{letter}");
    assert!(row["window_start"].as_str().is_some_and(|start| start.starts_with("2023-11-14T22:14")), "{letter}");
    assert_eq!(summary["operators"][0]["dead"], 1);
    assert!(summary["operators"][0]["trials"].as_u64().unwrap() <= 40, "{summary}");

    // By itself it cannot be replayed; with all others it stays. It can be discarded.
    let id = letter["id"].as_str().unwrap();
    let refused = place.pelton(&["dlq", "replay", "state-all", id, "--offline"]);
    assert!(refused.code != Some(0) && refused.err.contains("is no row but a group"), "{refused:?}");
    let shown = place.pelton(&["dlq", "show", "state-all", id, "--offline"]).done().out;
    assert!(shown.contains("group      {\"key\":3") && shown.contains("pelton dlq discard"), "{shown}");
    place.pelton(&["dlq", "discard", "state-all", id, "--offline"]).done();
    place.run("all");
    assert_eq!(letters(&place, "all").len(), 0);
    assert_eq!(lines(&place, "all"), all);
}

#[test]
fn a_result_that_cannot_be_finished_leaves_the_one_before() {
    let place = Place::new();
    write_rows(&place);
    let emits = "emit = { mode = \"retract\" }";
    job(&place, "all", "touchy_windows", &format!("{emits}\noptions = {{ minds = 301 }}\n{DEAD}"));
    place.run("all");
    // What is left when each result has taken back the one before: the last one of each key; key 3 stopped before its last row.
    let mut sums: BTreeMap<i64, i64> = BTreeMap::new();
    for line in lines(&place, "all") {
        let [key, rows, _, op] = line.split(',').map(|part| part.parse().unwrap()).collect::<Vec<i64>>()[..] else {
            panic!("{line}")
        };
        *sums.entry(key).or_default() += op * rows;
    }
    let letters = letters(&place, "all");
    let keys: Vec<i64> = letters.iter().map(|letter| letter["row"]["key"].as_i64().unwrap()).collect();
    assert!(!keys.is_empty() && keys.iter().all(|key| [3, 19].contains(key)), "{keys:?}");
    for (key, sum) in sums {
        let whole = 300 + i64::from(key == 3 || key == 19);
        assert!(if keys.contains(&key) { (1..whole).contains(&sum) } else { sum == whole }, "{key}: {sum} of {whole}");
    }
}

#[test]
fn a_timer_and_the_end_of_a_key_are_taken_out_alone() {
    let place = Place::new();
    write_rows(&place);
    let state = "state = { ttl = \"10m\" }";
    job(&place, "good", "touchy_timers", state);
    job(&place, "all", "touchy_timers", &format!("{state}\noptions = {{ timer_of = 5, end_of = 11 }}\n{DEAD}"));
    place.run("good");
    let summary = place.run("all");
    let (good, all) = (lines(&place, "good"), lines(&place, "all"));
    let missing: Vec<&String> = good.iter().filter(|line| !all.contains(line)).collect();
    assert!(missing.len() == 2 && all.len() + 2 == good.len(), "{missing:?} of {good:?}");
    assert!(missing.iter().any(|line| line.starts_with("5,") && line.ends_with("timer")), "{missing:?}");
    assert!(missing.iter().any(|line| line.starts_with("11,") && line.ends_with("end")), "{missing:?}");
    let kinds: BTreeMap<String, Value> = letters(&place, "all")
        .into_iter()
        .map(|letter| (letter["kind"].as_str().unwrap().to_owned(), letter["row"].clone()))
        .collect();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    let (timer, end) = (&kinds["timer"], &kinds["key-end"]);
    assert_eq!((&timer["key"], &timer["_timer"], &timer["_clock"]), (&json!(5), &json!(7), &json!("event")), "{timer}");
    assert_eq!(end, &json!({ "key": 11 }));
    assert_eq!(summary["operators"][0]["dead"], 2);
    // Without the word for it the job fails, as before.
    job(&place, "halt", "touchy_timers", &format!("{state}\noptions = {{ timer_of = 5 }}"));
    let said = place.pelton(&["run", "halt.toml"]);
    assert!(said.code == Some(1) && said.err.contains("nobody thought of the timer of 5"), "{said:?}");
}
