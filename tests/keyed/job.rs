//! Keyed operators in jobs, by the real binary.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

struct Job(TempDir);

const KEYS: u64 = 40;

/// Rows of commands, from a small generator of its own.
fn rows(count: u64) -> String {
    let commands = ["add", "push", "sum", "put", "some", "set", "clear", "add", "reject"];
    let mut text = String::from("user,ts,command,x\n");
    let mut word = 1_u64;
    for row in 0..count {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let high = word >> 33;
        let command = commands[(high % commands.len() as u64) as usize];
        writeln!(text, "u{},{},{command},{}", high / 16 % KEYS, row * 1_000 + high % 5_000, high % 60)
            .expect("text grows");
    }
    text
}

impl Job {
    fn new(state: &str, batch: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let module = pelton_tests::guest("ledger").expect("a module to test");
        fs::copy(module, folder.path().join("ledger.wasm")).expect("copied");
        fs::write(folder.path().join("rows.csv"), rows(60_000)).expect("written");
        let text = format!(
            r#"
name = "ledger"
batch = {{ {batch} }}
[source.rows]
type = "file"
path = "rows.csv"
csv = {{ header = true }}
schema = {{ user = "utf8", ts = "timestamp[us]", command = "utf8", x = "s64" }}
event-time = {{ column = "ts", watermark = "10ms" }}
[operator.ledger]
input = "rows"
module = "ledger.wasm"
key = ["user"]
{state}
[sink.out]
input = "ledger"
type = "file"
path = "out"
format = "csv"
[sink.pushed]
input = "ledger.pushed"
type = "file"
path = "pushed"
format = "csv"
[sink.rejected]
input = "ledger.rejected"
type = "file"
path = "rejected"
format = "csv"
"#
        );
        fs::write(folder.path().join("job.toml"), text).expect("written");
        Self(folder)
    }

    fn command(&self, arguments: &[&str]) -> Output {
        Command::new(pelton_tests::binary().expect("a binary to test"))
            .args(arguments)
            .args(["--color", "never", "--cache-dir", "cache"])
            .current_dir(self.0.path())
            .output()
            .expect("started")
    }

    /// What the sinks write on so many threads.
    fn run(&self, threads: &str) -> BTreeMap<String, Vec<u8>> {
        let output = self.command(&["run", "job.toml", "--threads", threads]);
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "on {threads} threads it ended with {}:\n{message}", output.status);
        let mut files = BTreeMap::new();
        for sink in ["out", "pushed", "rejected"] {
            let folder = self.0.path().join(sink);
            take(&folder, sink, &mut files);
            fs::remove_dir_all(&folder).expect("removed");
        }
        files
    }
}

fn take(folder: &Path, sink: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("the sink made its folder") {
        let path = entry.expect("a file").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        files.insert(format!("{sink}/{name}"), fs::read(&path).expect("readable"));
    }
}

#[test]
fn one_two_and_four_threads_write_the_same_bytes() {
    for (state, batch) in [("", ""), ("state = { ttl = \"20ms\" }", "interval = \"0s\", max-bytes = \"100KiB\"")] {
        let job = Job::new(state, batch);
        let one = job.run("1");
        assert!(one.values().map(Vec::len).sum::<usize>() > 100_000, "{one:?}");
        for threads in ["2", "4"] {
            let many = job.run(threads);
            assert_eq!(many.keys().collect::<Vec<_>>(), one.keys().collect::<Vec<_>>());
            let differs = one.iter().find(|(path, bytes)| many.get(*path) != Some(bytes));
            assert!(differs.is_none(), "{:?} on {threads} threads, with `{state}`", differs.map(|(path, _)| path));
        }
    }
}

#[test]
fn too_much_state_fails_the_job_and_names_operator_and_limit() {
    let job = Job::new("limits = { state-bytes = \"10KiB\" }", "");
    let output = job.command(&["run", "job.toml"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    for part in ["operator `ledger`", "limit `state-bytes` = 10KiB", "raise `limits.state-bytes` of the operator"] {
        assert!(message.contains(part), "{part} should be in\n{message}");
    }
}

#[test]
fn the_plan_shows_what_is_kept_for_each_key() {
    let job = Job::new("state = { ttl = \"30d\", idle-keys = true }", "");
    let output = job.command(&["plan", "job.toml"]);
    let plan = String::from_utf8_lossy(&output.stdout);
    for part in [
        "one row of total: s64?",
        "list of at: s64 ─► x: s64",
        "map of rest: utf8 ─► x: s64",
        "2592000s after its last row, by event time",
        "in every epoch for every key with state",
        "1GiB at most",
    ] {
        assert!(plan.contains(part), "{part} should be in\n{plan}{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn what_does_not_fit_a_keyed_operator_is_refused_at_its_place() {
    for (state, message, place) in [
        ("emit = \"on-close\"", "operator `ledger` has `emit`, but its module exports `keyed`", "job.toml:14"),
        (
            "window = { type = \"global\" }",
            "operator `ledger` has `window`, but its module exports `keyed`",
            "job.toml:14",
        ),
        ("state = { ttl = \"0s\" }", "must be a duration", "job.toml:14"),
    ] {
        let job = Job::new(state, "");
        let output = job.command(&["lint", "job.toml"]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{state}: {text}");
        assert!(text.contains(message) && text.contains(place), "{state}: {text}");
    }
}

#[test]
fn state_begins_with_the_rows_of_a_table() {
    let initial: BTreeMap<&str, i64> = [("u0", 1_000), ("u5", -70), ("nobody", 5)].into();
    let job = Job::new("state = { initial = { total = \"totals\" } }", "");
    let path = job.0.path().join("job.toml");
    let text = fs::read_to_string(&path).expect("the job");
    let table = "[table.totals]\npath = \"totals.csv\"\nschema = { user = \"utf8\", total = \"s64?\" }\n";
    fs::write(&path, format!("{text}{table}")).expect("written");
    // Of several rows with one key the last one stays; a row of nulls is no state.
    let rows: Vec<String> = initial.iter().map(|(user, total)| format!("{user},{total}\n")).collect();
    fs::write(job.0.path().join("totals.csv"), format!("u0,3\nu7,\n{}", rows.concat())).expect("written");
    let with = job.run("3");
    let without = Job::new("", "").run("3");
    let lines = |files: &BTreeMap<String, Vec<u8>>| -> Vec<String> {
        let out = files.iter().filter(|(path, _)| path.starts_with("out/")).map(|(_, bytes)| bytes.clone());
        String::from_utf8(out.collect::<Vec<_>>().concat()).expect("text").lines().map(str::to_owned).collect()
    };
    let mut moved = 0;
    let expected: Vec<String> = lines(&without)
        .into_iter()
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let [user, ts, what, n] = fields[..] else { panic!("{line}") };
            // Timers tell the total as well.
            match initial.get(user).filter(|_| matches!(what, "add" | "timer")) {
                Some(total) => {
                    moved += 1;
                    format!("{user},{ts},{what},{}", n.parse::<i64>().expect("a number") + total)
                }
                None => line,
            }
        })
        .collect();
    assert!(moved > 100, "{moved}");
    let differs = lines(&with).into_iter().zip(expected).find(|(got, expected)| got != expected);
    assert!(differs.is_none(), "{differs:?}");

    for (state, message) in [
        ("totals = \"totals\"", "the module of operator `ledger` has no state `totals` with one row for each key"),
        ("list = \"totals\"", "has no state `list` with one row for each key"),
        ("total = \"total\"", "operator `ledger` begins with table `total`, which is not there"),
        ("total = 1", "`operator.ledger.state.initial.total` must be the name of a table, not `1`"),
    ] {
        let changed = text.replace("total = \"totals\"", state);
        fs::write(&path, format!("{changed}{table}")).expect("written");
        let output = job.command(&["lint", "job.toml"]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(message), "{state}: {told}");
    }
    for (schema, message) in [
        ("user = \"utf8\", sum = \"s64?\"", "begins with `total`, which table `totals` does not have"),
        (
            "user = \"s64\", total = \"s64?\"",
            "column `user` of table `totals` is s64, but the state of operator `ledger` has utf8",
        ),
    ] {
        let changed = table.replace("user = \"utf8\", total = \"s64?\"", schema);
        fs::write(&path, format!("{text}{changed}")).expect("written");
        let output = job.command(&["lint", "job.toml"]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(message), "{schema}: {told}");
    }
}
