//! A job in a folder of its own: rows, a graph, runs of the real binary.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// Rows of the input.
pub const ROWS: usize = 100_000;
/// In one call.
pub const CALL_ROWS: usize = 8_192;

pub struct Place {
    folder: TempDir,
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// The last line of JSON.
    pub fn json(&self) -> Value {
        let last = self.out.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// What the rows go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Transform,
    Aggregate,
    /// Its rows are folded behind the shuffle.
    Inverse,
    /// Its windows count rows.
    Count,
    Keyed,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Transform, Self::Aggregate, Self::Inverse, Self::Count, Self::Keyed];

    fn module(self) -> &'static str {
        match self {
            Self::Transform => "touchy",
            Self::Aggregate | Self::Inverse | Self::Count => "touchy_sum",
            Self::Keyed => "touchy_totals",
        }
    }

    /// The operator, but for what it does with bad rows.
    fn operator(self) -> &'static str {
        match self {
            Self::Transform => "",
            Self::Aggregate => "key = [\"key\"]\nwindow = { type = \"tumbling\", length = \"1m\", lateness = \"1h\" }",
            Self::Inverse => {
                "key = [\"key\"]\nwindow = { type = \"sliding\", length = \"20s\", slide = \"5s\", inverse = true }"
            }
            Self::Count => "key = [\"key\"]\nwindow = { type = \"count\", rows = 7 }",
            Self::Keyed => "key = [\"key\"]",
        }
    }
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A file of the source `rows`.
    pub fn rows(&self, file: &str, rows: &[Row]) {
        let text = rows.iter().fold(String::new(), |mut text, row| {
            writeln!(text, "{},{},{},{}", row.id, row.x, row.id % 97, 1_700_000_000_000 + row.id as i64).unwrap();
            text
        });
        self.write(file, &text);
    }

    /// A job over `source` whose operator has this beside its module.
    pub fn job(&self, name: &str, kind: Kind, source: &str, head: &str, operator: &str) {
        let module = pelton_tests::touchy(kind.module()).expect("the guests are built");
        let module = module.display();
        let of_kind = kind.operator();
        let job = format!(
            r#"
name = "poison"
threads = 2
{head}

[source.rows]
type = "file"
path = "{source}"
format = "csv"
schema = {{ id = "s64", x = "s64", key = "s64", ts = "timestamp[ms]" }}
event-time = {{ column = "ts", watermark = "1s" }}

[operator.touchy]
input = "rows"
module = "{module}"
{of_kind}
{operator}

[sink.out]
input = "touchy"
type = "file"
path = "out-{name}"
format = "csv"
"#
        );
        self.write(&format!("{name}.toml"), &job);
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(pelton_tests::binary().expect("a binary to test"));
        command.args(args).current_dir(self.path()).env("LC_ALL", "C.UTF-8");
        command.env("PELTON_CACHE_DIR", std::env::temp_dir().join("pelton-tests-cache"));
        command
    }

    pub fn pelton(&self, args: &[&str]) -> Said {
        self.command(args).output().unwrap().into()
    }

    /// Runs a job; answers its summary.
    pub fn run(&self, name: &str) -> Value {
        self.pelton(&["run", &format!("{name}.toml"), "--output", "json"]).done().json()
    }

    /// What a job wrote, part after part.
    pub fn output(&self, name: &str) -> String {
        let Ok(entries) = fs::read_dir(self.path().join(format!("out-{name}"))) else { return String::new() };
        let parts: BTreeMap<_, _> =
            entries.map(|entry| entry.unwrap().path()).map(|path| (path.clone(), path)).collect();
        let is_part = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("part-");
        parts.into_values().filter(is_part).map(|path| fs::read_to_string(path).unwrap()).collect()
    }

    /// The queue of the job whose checkpoint is in `state`.
    pub fn letters(&self) -> Vec<Value> {
        let said = self.pelton(&["dlq", "list", "state", "--offline", "--limit", "100000", "--output", "json"]).done();
        said.json()["letters"].as_array().expect("letters").clone()
    }

    /// `id` of the rows in the queue.
    pub fn dead(&self) -> Vec<usize> {
        self.letters().iter().map(|letter| letter["row"]["id"].as_u64().expect("an id") as usize).collect()
    }
}

/// A row of the input.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub id: usize,
    pub x: i64,
}

/// `count` rows from `first` on, of which these are bad in this way.
pub fn rows(first: usize, count: usize, bad: &[usize], x: i64) -> Vec<Row> {
    let row = |id: usize| Row { id, x: if bad.contains(&id) { x } else { id as i64 % 1_000 } };
    (first..first + count).map(row).collect()
}

/// The same without the bad ones.
pub fn without(rows: &[Row], bad: &[usize]) -> Vec<Row> {
    rows.iter().filter(|row| !bad.contains(&row.id)).copied().collect()
}
