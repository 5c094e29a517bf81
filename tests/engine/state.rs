//! Looking at state: every kind of table, of a job that runs and of one that rests, by the engine and from the checkpoint directory; as of any epoch;
//! and out to Parquet and in again.

use std::{collections::BTreeMap, fs::File};

use arrow::array::{Array, AsArray, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use super::served::{Place, Served};

/// A job whose module keeps a total, a list, a map and timers for each user; it goes on until it is stopped.
fn ledger(place: &Place, rows: &str) {
    let module = std::fs::read(pelton_tests::guest("ledger").expect("a guest")).unwrap();
    place.write("ledger.wasm", module);
    place.write("rows/0.csv", format!("user,ts,command,x\n{rows}"));
    place.write("ledger.toml", LEDGER);
}

const LEDGER: &str = r#"
name = "ledger"
checkpoint = "state"
snapshots = "50ms"
batch = { interval = "20ms" }
threads = 1

[source.rows]
type = "file"
path = "rows"
watch = "20ms"
format = "csv"
csv = { header = true }
schema = { user = "utf8", ts = "timestamp[us]", command = "utf8", x = "s64" }
event-time = { column = "ts", watermark = "1s" }

[operator.ledger]
input = "rows"
module = "ledger.wasm"
key = ["user"]
state = { ttl = "1h" }

[sink.out]
input = "ledger"
type = "file"
path = "out"
format = "csv"
"#;

const ROWS: &str = "\
ada,2026-01-01T10:00:00Z,add,5
bob,2026-01-01T10:00:01Z,add,1
ada,2026-01-01T10:00:02Z,push,7
ada,2026-01-01T10:00:03Z,push,8
ada,2026-01-01T10:00:04Z,put,12
adam,2026-01-01T10:00:04Z,add,9
bob,2026-01-01T10:00:05Z,set,30
";

/// The rows of each table.
fn tables(found: &Value) -> BTreeMap<String, Value> {
    let tables = found["tables"].as_array().unwrap_or_else(|| panic!("{found}")).iter();
    tables.map(|table| (table["name"].as_str().unwrap().to_owned(), table["rows"].clone())).collect()
}

/// The values of a column, in order.
fn column(rows: &Value, name: &str) -> Vec<Value> {
    let mut values: Vec<Value> = rows.as_array().unwrap().iter().map(|row| row[name].clone()).collect();
    values.sort_by_key(ToString::to_string);
    values
}

/// The engine with the job, all of whose rows are in saved state.
fn settled(place: &Place) -> Served<'_> {
    let engine = place.serve();
    engine.pelton(&["job", "submit", "ledger.toml"]).done();
    engine.until_that("ledger", "has read all", |job| job["figures"]["rows_in"] == 7);
    engine.pelton(&["job", "stop", "ledger"]).done();
    engine.until("ledger", "stopped");
    engine
}

#[test]
fn every_table_of_a_key_is_shown() {
    let place = Place::new();
    ledger(&place, ROWS);
    let engine = settled(&place);
    // By the engine, and from the directory by the job file.
    for job in ["ledger", "ledger.toml"] {
        let ada = engine.json(&["state", "get", job, "ledger", "ada"]);
        assert_eq!(ada["epoch"], ada["committed"], "{ada}");
        let found = tables(&ada);
        assert_eq!(found["total"], json!([{ "user": "ada", "total": 5 }]));
        assert_eq!(found["list"], json!([{ "user": "ada", "at": 0, "x": 7 }, { "user": "ada", "at": 1, "x": 8 }]));
        assert_eq!(found["map"], json!([{ "user": "ada", "rest": "2", "x": 12 }]));
        assert_eq!(found["_timers"], json!([]));
        assert_eq!(found["_keys"], json!([{ "user": "ada", "ends": "2026-01-01T11:00:04" }]));
        let bob = tables(&engine.json(&["state", "get", job, "ledger", "bob"]));
        let timer = json!([{ "user": "bob", "timer": 0, "clock": "event", "at": "2026-01-01T10:00:05.000030" }]);
        assert_eq!((&bob["_timers"], &bob["list"]), (&timer, &json!([])));
        let nobody = engine.json(&["state", "get", job, "ledger", "nobody"]);
        assert!(tables(&nobody).values().all(|rows| *rows == json!([])), "{nobody}");

        let scanned = engine.json(&["state", "scan", job, "ledger", "--table", "total", "--prefix", "ad"]);
        assert_eq!(column(&tables(&scanned)["total"], "total"), [5, 9], "{scanned}");
        let one = engine.json(&["state", "scan", job, "ledger", "--table", "_keys", "--limit", "1"]);
        assert_eq!((tables(&one)["_keys"].as_array().unwrap().len(), &one["tables"][0]["more"]), (1, &true.into()));
        let all = engine.json(&["state", "scan", job, "ledger", "--table", "_keys", "--limit", "3"]);
        assert_eq!((column(&tables(&all)["_keys"], "user").len(), &all["tables"][0]["more"]), (3, &false.into()));

        let listed = engine.json(&["state", "list", job]);
        let operator = &listed["operators"][0];
        assert_eq!((&operator["kind"], &operator["key"]), (&"keyed".into(), &json!(["user"])), "{listed}");
        assert_eq!(column(&operator["tables"], "name"), ["_keys", "_timers", "list", "map", "total"]);
    }
    let text = engine.pelton(&["state", "get", "ledger", "ledger", "ada"]).done().out;
    for expected in ["total:\n user  total", " ada   5", "list:\n user  at  x", " ada   1   8", "the last one"] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    assert!(!text.contains("_timers"), "of a key only that is shown which it has: {text}");
    let text = engine.pelton(&["state", "get", "ledger.toml", "ledger", "nobody"]).done().out;
    assert!(text.contains("nothing is kept of this key"), "{text}");
}

#[test]
fn what_is_not_there_is_refused_with_what_is() {
    let place = Place::new();
    ledger(&place, ROWS);
    let engine = settled(&place);
    for (job, exit) in [("ledger", 3), ("ledger.toml", 2)] {
        let refused = |args: &[&str], said: &str| {
            let all: Vec<&str> = ["state"].iter().chain(args).copied().collect();
            let answer = engine.pelton(&all).refused(exit, "PELTON-0509");
            assert!(answer.err.contains(said), "{said} is not in {answer:?}");
        };
        refused(&["get", job, "nobody", "ada"], "no operator `nobody` that keeps state: there is `ledger`");
        refused(&["get", job, "ledger"], "0 values are given for the key of operator `ledger`, which has 1");
        refused(&["get", job, "ledger", "ada", "7"], "2 values are given");
        refused(&["get", job, "ledger", "\\N"], "key column `user` is never null");
        refused(&["scan", job, "ledger"], "operator `ledger` has several tables: there is `total`, `list`, `map`");
        refused(&["scan", job, "ledger", "--table", "totals"], "operator `ledger` has no table `totals`");
        refused(&["scan", job, "ledger", "ada", "--prefix", "a", "--table", "total"], "nothing is left for a prefix");
    }
    let unknown = engine.pelton(&["state", "export", "ledger", "ledger", "--table", "total", "--to", "total.xls"]);
    unknown.refused(2, "PELTON-0509");
    engine.pelton(&["state", "list", "nobody"]).refused(3, "PELTON-0804");
    engine.pelton(&["state", "get", "ledger", "ledger", "ada", "--epoch", "99999"]).refused(3, "PELTON-0508");
    let bad = engine.get("/v1/jobs/ledger/state/ledger?key=ada");
    assert_eq!((bad.status, bad.code().as_str()), (400, "PELTON-0806"));
    let bad = engine.get("/v1/jobs/ledger/state/ledger/export?format=xls&table=total");
    assert_eq!((bad.status, bad.code().as_str()), (400, "PELTON-0806"));
}

fn parquet(path: &std::path::Path) -> Vec<RecordBatch> {
    let file = File::open(path).unwrap();
    ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().map(Result::unwrap).collect()
}

#[test]
fn state_goes_out_to_parquet_and_into_another_job() {
    let place = Place::new();
    ledger(&place, ROWS);
    let engine = settled(&place);
    let mut known = Vec::new();
    for (job, to) in [("ledger", "engine.parquet"), ("ledger.toml", "file.parquet")] {
        let args = ["state", "export", job, "ledger", "--table", "total", "--to", to];
        engine.pelton(&args).done();
        let mut totals = BTreeMap::new();
        for batch in parquet(&place.path().join(to)) {
            let users = batch.column_by_name("user").unwrap().as_string::<i32>().clone();
            let values = batch.column_by_name("total").unwrap().as_primitive::<arrow::datatypes::Int64Type>().clone();
            totals.extend((0..users.len()).map(|at| (users.value(at).to_owned(), values.value(at))));
        }
        known.push(totals);
    }
    let expected: BTreeMap<String, i64> = [("ada", 5), ("adam", 9), ("bob", 1)].map(|(k, v)| (k.into(), v)).into();
    assert_eq!(known, [expected.clone(), expected]);
    let to_arrow = ["state", "export", "ledger.toml", "ledger", "ada", "--table", "list", "--to", "list.arrow"];
    let said = engine.json(&to_arrow);
    assert_eq!((&said["rows"], &said["table"]), (&2.into(), &"list".into()));
    let file = File::open(place.path().join("list.arrow")).unwrap();
    let rows: usize = arrow::ipc::reader::FileReader::try_new(file, None).unwrap().map(|b| b.unwrap().num_rows()).sum();
    assert_eq!(rows, 2);

    // The exported table is what another job begins with.
    let other = LEDGER
        .replace("name = \"ledger\"", "name = \"heir\"")
        .replace("\"state\"\n", "\"state-of-heir\"\n")
        .replace("watch = \"20ms\"\n", "")
        .replace("path = \"rows\"", "path = \"more\"")
        .replace("path = \"out\"", "path = \"out-of-heir\"")
        .replace("ttl = \"1h\"", "initial = { total = \"totals\" }");
    place.write("heir.toml", format!("{other}\n[table.totals]\npath = \"file.parquet\"\nformat = \"parquet\"\n"));
    place.write("more/0.csv", "user,ts,command,x\nadam,2026-01-02T10:00:00Z,add,1\neve,2026-01-02T10:00:00Z,add,1\n");
    place.pelton(&["run", "heir.toml"]).done();
    let out: Vec<u8> = place.parts("out-of-heir").into_values().flatten().collect();
    let mut lines: Vec<String> = String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    let ends: Vec<&str> = lines.iter().map(|line| line.rsplit(',').next().unwrap()).collect();
    assert_eq!(ends, ["10", "1"], "{lines:?}");
}

/// Counts clicks by user, in all and in windows of every kind; goes on until it is stopped.
const CLICKS: &str = r#"
name = "clicks"
checkpoint = "clicks-state"
snapshots = "200ms"
replay = { retain = "1h" }
batch = { interval = "20ms" }
threads = 1

[source.clicks]
type = "generator"
rate = 3000
event-time = { column = "ts", watermark = "0s" }
[source.clicks.columns]
id = { sequence = { start = 1 } }
user = { choice = ["ada", "bob", "eve"] }
ts = { time = { start = 2026-01-31T12:00:00Z, step = "10ms" } }

[operator.all]
input = "clicks"
key = ["user"]
aggregate = { n = "std:count", last = "std:max(id)" }
emit = "on-update"

[operator.hours]
input = "clicks"
key = ["user"]
window = { type = "tumbling", length = "1h" }
aggregate = { n = "std:count", average = "std:avg(id)" }

[operator.sliding]
input = "clicks"
key = ["user"]
window = { type = "sliding", length = "10m", slide = "5m" }
aggregate = { n = "std:count" }

[operator.session]
input = "clicks"
key = ["user"]
window = { type = "session", gap = "1m" }
aggregate = { n = "std:count" }

[operator.hundred]
input = "clicks"
key = ["user"]
window = { type = "count", rows = 100 }
aggregate = { n = "std:count" }

[operator.pairs]
join = { type = "inner", left = "clicks", right = "all-of-them", on = ["user"], within = ["-1s", "1s"] }

[source.all-of-them]
type = "generator"
rate = 10
event-time = { column = "at", watermark = "0s" }
[source.all-of-them.columns]
user = { choice = ["ada", "bob", "eve"] }
at = { time = { start = 2026-01-31T12:00:00Z, step = "1s" } }

[sink.rows-shown]
input = "clicks"
columns = ["id", "user"]
type = "file"
path = "rows-out"
format = "csv"

[sink.all-shown]
input = "all"
type = "blackhole"

[sink.hours-shown]
input = "hours"
type = "blackhole"

[sink.sliding-shown]
input = "sliding"
type = "blackhole"

[sink.session-shown]
input = "session"
type = "blackhole"

[sink.hundred-shown]
input = "hundred"
type = "blackhole"

[sink.pairs-shown]
input = "pairs"
type = "blackhole"
"#;

/// How many clicks each user has in all.
fn of_all(found: &Value) -> (BTreeMap<String, u64>, u64) {
    let rows = found["tables"][0]["rows"].as_array().unwrap_or_else(|| panic!("{found}"));
    let count = |row: &Value| (row["user"].as_str().unwrap().to_owned(), row["n"].as_u64().unwrap());
    let last = rows.iter().map(|row| row["last"].as_u64().unwrap()).max().unwrap_or_default();
    (rows.iter().map(count).collect(), last)
}

#[test]
fn open_windows_of_every_kind_are_shown_and_add_up() {
    let place = Place::new();
    place.write("clicks.toml", CLICKS);
    let engine = place.serve();
    engine.pelton(&["job", "submit", "clicks.toml"]).done();
    engine.until_that("clicks", "some way on", |job| job["figures"]["rows_in"].as_u64() > Some(3_000));
    // While it runs: what was saved, and no row counted twice or left out.
    let saved = engine.until_shown(&["state", "list", "clicks"], |found| found["operators"].is_array());
    assert_eq!(saved["operators"].as_array().unwrap().len(), 6, "{saved}");
    let before = engine.json(&["state", "scan", "clicks", "all"]);
    let (counts, last) = of_all(&before);
    assert_eq!(counts.values().sum::<u64>(), last, "{before}");
    assert!(before["epoch"].as_u64() <= before["committed"].as_u64(), "{before}");
    engine.pelton(&["job", "stop", "clicks"]).done();
    engine.until("clicks", "stopped");

    let rows: Vec<u8> = place.parts("rows-out").into_values().flatten().collect();
    let rows = String::from_utf8(rows).unwrap();
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for line in rows.lines() {
        *expected.entry(line.split_once(',').unwrap().1.to_owned()).or_default() += 1;
    }
    let after = engine.json(&["state", "scan", "clicks", "all"]);
    assert_eq!(of_all(&after).0, expected, "the state is that of the last commit");
    let one = engine.json(&["state", "get", "clicks.toml", "all", "bob"]);
    assert_eq!(tables(&one)["groups"][0]["n"], expected["bob"]);

    let table = |operator: &str, name: &str| {
        let found =
            engine.json(&["state", "scan", "clicks.toml", operator, "bob", "--table", name, "--limit", "10000"]);
        tables(&found)[name].clone()
    };
    let sum = |rows: &Value| column(rows, "n").iter().map(|n| n.as_u64().unwrap()).sum::<u64>();
    let hours = table("hours", "windows");
    assert_eq!(hours[0]["window_start"], "2026-01-31T12:00:00", "{hours}");
    assert_eq!(hours[0]["window_end"], "2026-01-31T13:00:00");
    assert!(hours[0]["average"].is_f64(), "finished as it will be: {hours}");
    // An hour of event time is 360,000 rows.
    assert_eq!(sum(&hours), expected["bob"]);
    assert_eq!(sum(&table("session", "windows")), expected["bob"], "one session without end");
    assert_eq!(sum(&table("hundred", "windows")), expected["bob"] % 100, "what no full window has");
    let hundred = table("hundred", "accumulators");
    assert!(expected["bob"].is_multiple_of(100) || hundred[0]["rows"] == expected["bob"] % 100, "{hundred}");
    let panes = table("sliding", "panes");
    assert!(panes.as_array().is_some_and(|panes| !panes.is_empty()) && sum(&panes) <= expected["bob"], "{panes}");
    let accumulators = table("hours", "accumulators");
    let names: Vec<&String> = accumulators[0].as_object().unwrap().keys().collect();
    assert!(names.iter().any(|name| name.starts_with("average.")), "{names:?}");
    for side in ["left", "right"] {
        let kept = table("pairs", side);
        assert!(kept.as_array().unwrap().iter().all(|row| row["user"] == "bob" && row["_time"].is_string()), "{kept}");
    }
}

#[test]
fn state_is_shown_as_of_any_epoch_that_is_kept() {
    let place = Place::new();
    place.write("clicks.toml", CLICKS);
    let engine = place.serve();
    engine.pelton(&["job", "submit", "clicks.toml"]).done();
    engine.until_that("clicks", "some way on", |job| job["figures"]["epoch"].as_u64() > Some(20));
    let before = engine.until_shown(&["state", "scan", "clicks", "all"], |found| found["tables"].is_array());
    // Beside the job that runs.
    let now = engine.json(&["state", "scan", "clicks", "all", "--epoch", "last"]);
    assert_eq!(now["epoch"], now["committed"], "{now}");
    let (counts, last) = of_all(&now);
    assert_eq!(counts.values().sum::<u64>(), last, "{now}");
    engine.kill();

    let epoch = before["epoch"].as_u64().unwrap();
    let at = |epoch: &str| {
        let said = place.pelton(&["state", "scan", "clicks.toml", "all", "--epoch", epoch, "--output", "json"]);
        said.done().json()
    };
    assert_eq!(of_all(&at(&epoch.to_string())), of_all(&before), "the same epoch, later");
    let newest = at("last");
    assert_eq!(newest["epoch"], newest["committed"]);
    let mut least = 0;
    for epoch in [2, 3, epoch + 1, newest["epoch"].as_u64().unwrap()] {
        let found = at(&epoch.to_string());
        let (counts, last) = of_all(&found);
        assert_eq!((counts.values().sum::<u64>(), found["epoch"].as_u64()), (last, Some(epoch)), "{found}");
        assert!(last >= least, "{found}");
        least = last;
    }
    let rows: Vec<u8> = place.parts("rows-out").into_values().flatten().collect();
    assert!(String::from_utf8(rows).unwrap().lines().count() as u64 <= least, "what was committed is in it");
}
