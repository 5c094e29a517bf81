//! What a change of a job file means for a job that runs: a table of changes and verdicts.
//!
//! Each row edits the same job, plans both, and compares them as `pelton swap --dry-run` and `pelton job apply --dry-run` do.

use std::{fs, sync::Arc};

use pelton::job::plan::change::{Change, OperatorChange};
use pelton_wasm::{Runtime, RuntimeOptions};

use super::live::plan_text;

const JOB: &str = r#"
name = "live"
partitions = 4
checkpoint = "state"
batch = { rows = 1000, interval = "5ms" }

[source.rows]
type = "file"
path = "rows-*.csv"
format = "csv"
schema = { n = "s64", key = "s64", ts = "timestamp[ms]" }
event-time = { column = "ts", watermark = "1s" }

[table.names]
path = "names.csv"
format = "csv"
schema = { id = "s64", name = "utf8" }

[operator.pick]
input = "rows"
module = "std:filter(n > 3)"

[operator.totals]
input = "pick"
key = ["key"]
window = { type = "tumbling", length = "1h" }
aggregate = { n = "std:count", sum = "std:sum(n)" }

[operator.first]
input = "pick"
key = ["key"]
module = "std:dedup"
state = { ttl = "1h" }

[operator.named]
join = { type = "left", left = "pick", right = "names", on = "key = id" }

[operator.near]
join = { left = "rows", right = "pick", on = "key", within = "1s" }

[operator.latest]
input = "pick"
key = ["key"]
aggregate = { seen = "std:count", total = "std:sum(n)" }
emit = { mode = "retract" }

[operator.some]
input = "latest"
module = "std:filter(seen > 2)"

[operator.spread]
input = "some"
key = ["seen"]
aggregate = { keys = "std:count", grand = "std:sum(total)" }

[operator.slides]
input = "pick"
key = ["key"]
window = { type = "sliding", length = "1h", slide = "10m", inverse = true }
aggregate = { rows = "std:count", slid = "std:sum(n)" }

[operator.shown]
input = "rows"
key = ["key"]
aggregate = { last = "std:last(n)" }
emit = { mode = "retract", when = "on-update" }

[sink.out]
input = "totals"
type = "file"
path = "out"
format = "csv"

[sink.rest]
input = "first"
type = "blackhole"

[sink.joined]
input = "named"
type = "blackhole"

[sink.pairs]
input = "near"
type = "blackhole"

[sink.groups]
input = "spread"
type = "blackhole"

[sink.windows]
input = "slides"
type = "blackhole"

[sink.lasts]
input = "shown"
type = "blackhole"
"#;

/// What replaces what in the job.
type Edits = &'static [(&'static str, &'static str)];

const SHADOW: &str = "module = \"std:filter(n > 3)\"\nshadow = { module = \"std:filter(n > 4)\" }";
const CANARY: &str = "module = \"std:filter(n > 3)\"\ncanary = { module = \"std:filter(n > 4)\", share = \"1/8\" }";
const SUMS: &str = "aggregate = { n = \"std:count\", sum = \"std:sum(n)\" }";
const SUMS_CANARY: &str = "aggregate = { n = \"std:count\", sum = \"std:sum(n)\" }\n\
     canary = { aggregate = { n = \"std:count\", sum = \"std:max(n)\" }, share = \"1/4\" }";

/// (the job before, the job after, the verdict: what becomes of operators, or `refused` with the reasons).
const TABLE: &[(Edits, Edits, &str)] = &[
    // Nothing that a run goes by.
    (&[], &[], "nothing"),
    (&[], &[("partitions = 4", "partitions = 4\nthreads = 1")], "nothing"),
    (
        &[],
        &[("partitions = 4", "partitions = 4\nrestart = { type = \"fixed\", delay = \"1s\", attempts = 3 }")],
        "nothing",
    ),
    (&[], &[("interval = \"5ms\"", "interval = \"6ms\"")], "nothing"),
    // Modules, options and limits.
    (&[], &[("n > 3", "n > 4")], "pick: options, has no state"),
    (&[], &[("std:filter(n > 3)", "std:sample(0.5)")], "pick: options, has no state"),
    (
        &[],
        &[("module = \"std:filter(n > 3)\"", "module = \"std:filter(n > 3)\"\nlimits = { call-time = \"3s\" }")],
        "pick: limits, has no state",
    ),
    (&[], &[("std:count\"", "std:count(n)\"")], "totals: options, state is kept"),
    (&[], &[("std:sum(n)", "std:max(n)")], "totals: options, state is kept, with other columns"),
    (&[], &[("std:sum(n)", "std:avg(n)")], "refused: sink `out` would be given other columns"),
    (&[], &[("std:sum(n)", "std:first(ts)")], "refused: sink `out` would be given other columns"),
    (
        &[],
        &[("state = { ttl = \"1h\" }", "state = { ttl = \"1h\" }\nlimits = { state-bytes = \"3GiB\" }")],
        "first: limits, state is kept",
    ),
    (&[], &[("std:dedup", "std:count")], "refused"),
    (&[], &[("std:filter(n > 3)\"", "std:select\"\noptions = { columns = { n = \"n\", key = \"key\" } }")], "refused"),
    (
        &[],
        &[("std:filter(n > 3)\"", "std:select\"\noptions = { columns = { n = \"n\", key = \"key\", ts = \"ts\" } }")],
        "pick: options, has no state",
    ),
    // What a job groups by.
    (
        &[],
        &[("input = \"pick\"\nkey = [\"key\"]\nwindow", "input = \"rows\"\nkey = [\"key\"]\nwindow")],
        "refused: operator `totals`: input cannot change",
    ),
    (&[], &[("key = [\"key\"]\nwindow", "key = []\nwindow")], "operator `totals`: key cannot change"),
    (&[], &[("length = \"1h\"", "length = \"2h\"")], "refused: operator `totals`: window cannot change"),
    (
        &[],
        &[("length = \"1h\"", "length = \"1h\", slide = \"30m\""), ("tumbling", "sliding")],
        "refused: operator `totals`: window cannot change",
    ),
    (
        &[],
        &[("length = \"1h\"", "length = \"1h\", lateness = \"1m\"")],
        "refused: the rows of `totals` would be updates and not facts; operator `totals`: window cannot change",
    ),
    (
        &[],
        &[("[operator.first]", "emit = { early = \"10s\" }\n[operator.first]")],
        "operator `totals`: emit cannot change",
    ),
    (&[], &[("ttl = \"1h\"", "ttl = \"2h\"")], "refused: operator `first`: state cannot change"),
    (
        &[],
        &[("sum = \"std:sum(n)\"", "sum = \"std:sum(n)\", most = \"std:max(n)\"")],
        "operator `totals`: the number of its aggregates cannot change",
    ),
    (&[], &[(", sum = \"std:sum(n)\"", "")], "operator `totals`: the number of its aggregates cannot change"),
    (
        &[],
        &[("key = [\"key\"]\nmodule", "key = [\"key\", \"n\"]\nmodule")],
        "refused: operator `first`: key cannot change",
    ),
    // Joins.
    (&[], &[("type = \"left\"", "type = \"inner\"")], "operator `named`: join cannot change"),
    (&[], &[("within = \"1s\"", "within = \"2s\"")], "operator `near`: join cannot change"),
    (&[], &[("on = \"key\"", "on = \"n\"")], "operator `near`: join cannot change"),
    (&[], &[("within = \"1s\"", "within = \"1s\", prefix = \"other_\"")], "operator `near`: join cannot change"),
    // Shadows and canaries.
    (&[], &[("module = \"std:filter(n > 3)\"", SHADOW)], "pick~shadow: options, has no state"),
    (&[("module = \"std:filter(n > 3)\"", SHADOW)], &[], "nothing"),
    (
        &[("module = \"std:filter(n > 3)\"", SHADOW)],
        &[("module = \"std:filter(n > 3)\"", CANARY)],
        "pick~canary: options, has no state, takes 1/8 of the batches",
    ),
    (
        &[],
        &[("module = \"std:filter(n > 3)\"", CANARY)],
        "pick~canary: options, has no state, takes 1/8 of the batches",
    ),
    (&[("module = \"std:filter(n > 3)\"", CANARY)], &[("n > 3", "n > 4")], "pick: options, has no state"),
    (&[], &[(SUMS, SUMS_CANARY)], "totals~canary: options, state is kept, with other columns, accumulator of std:max"),
    (&[(SUMS, SUMS_CANARY)], &[], "nothing"),
    (
        &[(SUMS, SUMS_CANARY)],
        &[(SUMS, SUMS_CANARY), ("1/4", "1/2")],
        "totals~canary: state is kept, takes 2 of 4 partitions",
    ),
    // Changes, and windows that take rows back.
    (&[], &[("seen > 2", "seen > 3")], "some: options, has no state"),
    (&[], &[("std:filter(seen > 2)", "std:sample(0.5)")], "refused by the planner"),
    (
        &[],
        &[("emit = { mode = \"retract\" }", "emit = { mode = \"retract\", when = \"on-update\" }")],
        "refused: operator `latest`: emit cannot change",
    ),
    (&[], &[("emit = { mode = \"retract\" }", "emit = \"on-update\"")], "refused by the planner"),
    (
        &[],
        &[("emit = { mode = \"retract\", when = \"on-update\" }", "emit = \"on-update\"")],
        "refused: the rows of `shown` would be updates and not changes",
    ),
    (&[], &[("std:last(n)", "std:first(n)")], "operator `shown`: it may have to take back results of (last s64?)"),
    (&[], &[("std:last(n)", "std:last(ts)")], "operator `shown`: it may have to take back results of (last s64"),
    (&[], &[("std:sum(total)", "std:count(total)")], "operator `spread`: it may have to take back results of"),
    (&[], &[("std:sum(total)", "std:max(total)")], "refused by the planner"),
    (
        &[],
        &[("rows = \"std:count\"", "rows = \"std:sum(key)\"")],
        "operator `slides`: it keeps rows of (n s64), and would need (n s64, key s64)",
    ),
    (&[], &[("slid = \"std:sum(n)\"", "slid = \"std:max(n)\"")], "refused by the planner"),
    (&[], &[(", inverse = true", "")], "refused: operator `slides`: window cannot change"),
    (
        &[],
        &[("slid = \"std:sum(n)\" }", "slid = \"std:sum(n)\" }\nlimits = { call-time = \"3s\" }")],
        "slides: limits, state is kept",
    ),
    (
        &[],
        &[(
            "slid = \"std:sum(n)\" }",
            "slid = \"std:sum(n)\" }\nshadow = { aggregate = { rows = \"std:count(n)\", slid = \"std:sum(n)\" } }",
        )],
        "slides~shadow: options, state is kept",
    ),
    (
        &[],
        &[(
            "grand = \"std:sum(total)\" }",
            "grand = \"std:sum(total)\" }\ncanary = { aggregate = { keys = \"std:count\", grand = \"std:sum(total)\" }, share = \"1/4\" }",
        )],
        "spread~canary: state is kept, takes 1 of 4 partitions",
    ),
    // Operators that begin without state.
    (&[], &[("sum = \"std:sum(n)\" }", "sum = \"std:sum(n)\" }\nreset = 1")], "totals: begins empty"),
    (&[], &[("sum = \"std:sum(n)\" }", "sum = \"std:max(n)\" }\nreset = 1")], "totals: options, begins empty"),
    (&[], &[("ttl = \"1h\" }", "ttl = \"1h\" }\nreset = 1")], "first: begins empty"),
    (&[], &[("n > 3)\"", "n > 3)\"\nreset = 1")], "operator `pick`: it has no windows and no state of a module"),
    (&[], &[("within = \"1s\" }", "within = \"1s\" }\nreset = 1")], "operator `near`: it has no windows and no state"),
    (
        &[],
        &[("total = \"std:sum(n)\" }", "total = \"std:sum(n)\" }\nreset = 1")],
        "operator `latest`: it may have to take back results that it said",
    ),
    (
        &[],
        &[(
            SUMS,
            "aggregate = { n = \"std:count\", sum = \"std:sum(n)\" }\nshadow = { aggregate = { n = \"std:count\", sum = \"std:sum(n)\" }, reset = 2 }",
        )],
        "totals~shadow: begins empty",
    ),
    (
        &[(SUMS, SUMS_CANARY)],
        &[(SUMS, SUMS_CANARY), ("[operator.first]", "reset = 1\n[operator.first]")],
        "it has the same state, and cannot begin empty",
    ),
    // What it reads and writes, and what it is.
    (&[], &[("rows-*.csv", "rows-0*.csv")], "refused: its sources change"),
    (&[], &[("watermark = \"1s\"", "watermark = \"2s\"")], "refused: its sources change"),
    (&[], &[("names.csv", "other.csv")], "refused: its tables change"),
    (&[], &[("path = \"out\"", "path = \"elsewhere\"")], "refused: its sinks change"),
    (&[], &[("path = \"out\"\nformat = \"csv\"", "path = \"out\"\nformat = \"json\"")], "refused: its sinks change"),
    (&[], &[("input = \"first\"", "input = [\"first\", \"pick\"]")], "refused: its sinks change"),
    (&[], &[("name = \"live\"", "name = \"alive\"")], "refused: its name changes"),
    (&[], &[("partitions = 4", "partitions = 8")], "refused: its number of partitions changes"),
    (&[], &[("rows = 1000", "rows = 2000")], "refused: `batch.rows` changes"),
    (&[], &[("checkpoint = \"state\"", "checkpoint = \"other\"")], "refused: its checkpoint changes"),
    (
        &[],
        &[("operator.first]", "operator.earliest]"), ("input = \"first\"", "input = \"earliest\"")],
        "operators come, go, or stand in another order",
    ),
    (
        &[],
        &[(
            "[operator.named]",
            "[operator.few]\ninput = \"rows\"\nmodule = \"std:filter(n > 9)\"\n[sink.kept]\ninput = \"few\"\ntype = \"blackhole\"\n[operator.named]",
        )],
        "operator `few` is new",
    ),
];

fn edited(edits: Edits) -> String {
    edits.iter().fold(JOB.to_owned(), |job, (old, new)| {
        assert!(job.contains(old), "the job has no {old}");
        job.replacen(old, new, 1)
    })
}

fn told(change: &OperatorChange) -> String {
    let (before, after) = &change.modules;
    let what = [(before != after, "module"), (change.options_changed, "options"), (change.limits_changed, "limits")];
    let what = what.into_iter().filter(|(is, _)| *is).map(|(_, what)| what.to_owned());
    let all: Vec<String> = what.chain([change.state.to_string()]).chain(change.notes.clone()).collect();
    format!("{}: {}", change.name, all.join(", "))
}

#[test]
fn every_change_has_its_verdict() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["rows-00.csv", "names.csv", "other.csv"] {
        fs::write(folder.path().join(name), if name.starts_with("rows") { "1,2,3\n" } else { "1,a\n" }).unwrap();
    }
    let cache_dir = Some(std::env::temp_dir().join("pelton-tests-cache"));
    let runtime = Runtime::new(&RuntimeOptions { cache_dir }).unwrap();
    let plan = |edits: Edits| {
        plan_text(folder.path(), &Arc::clone(&runtime), &edited(edits)).map_err(|mistakes| format!("{mistakes:?}"))
    };
    let mut wrong = Vec::new();
    for (before, after, expected) in TABLE {
        let from = plan(before).unwrap_or_else(|mistakes| panic!("{before:?}: {mistakes}"));
        let verdict = match plan(after).map(|to| Change::check(&from, &to)) {
            Ok(Ok(changes)) => {
                let changes: Vec<String> = changes.iter().filter(|change| !change.is_nothing()).map(told).collect();
                if changes.is_empty() { "nothing".to_owned() } else { changes.join("; ") }
            }
            Ok(Err(refusals)) => format!("refused: {}", refusals.0.join("; ")),
            Err(mistakes) => format!("refused by the planner: {mistakes}"),
        };
        if !verdict.contains(expected) || (*expected == "nothing") != (verdict == "nothing") {
            wrong.push(format!("{before:?} -> {after:?}\n  expected {expected}\n  but      {verdict}"));
        }
    }
    assert!(TABLE.len() >= 40 && wrong.is_empty(), "{} of {}:\n{}", wrong.len(), TABLE.len(), wrong.join("\n"));
}
