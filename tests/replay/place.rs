//! A folder with a job, its input and its checkpoint, and the real binary in it.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use pelton::checkpoint::inspect;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::Value;
use tempfile::TempDir;

/// Rows of each file, and files of each source: a file is a range, and here an epoch.
pub const ROWS: i64 = 400;
pub const FILES: i64 = 12;

/// Two sources of files, some rows out of order.
pub const SOURCES: &str = r#"
[source.bids]
type = "file"
path = "bids/*.csv"
schema = { auction = "s64", price = "s64", ts = "timestamp[ms]" }
event-time = { column = "ts", watermark = "2s" }
"#;

pub const ASKS: &str = r#"
[source.asks]
type = "file"
path = "asks/*.csv"
schema = { auction = "s64", name = "utf8", ts = "timestamp[ms]" }
event-time = { column = "ts", watermark = "2s" }
"#;

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

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Said {
    pub fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// It must have ended so, and said this.
    pub fn refused(self, exit: i32, said: &str) -> Self {
        assert!(self.code == Some(exit) && format!("{}{}", self.out, self.err).contains(said), "{said}: {self:?}");
        self
    }
}

impl Place {
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With the input, and a job whose epochs are all kept. `graph` makes `result`.
    pub fn new(name: &str, graph: &str, format: &str) -> Self {
        let place = Self::empty();
        place.write_inputs();
        let asks = if graph.contains("asks") { ASKS } else { "" };
        let kept = "checkpoint = \"state\"\nsnapshots = \"3ms\"\nreplay = { retain-epochs = 10000 }";
        place.write(
            "job.toml",
            format!(
                "name = \"{name}\"\n{kept}\nbatch = {{ max-bytes = 1, rows = 64 }}\n{SOURCES}{asks}{graph}\n\
                 [sink.out]\ninput = \"result\"\ntype = \"file\"\npath = \"out\"\nformat = \"{format}\"\n"
            ),
        );
        place
    }

    /// Numbered rows that come for some seconds, their running sum, and what is said of its checkpoint.
    pub fn numbers(checkpoint: &str) -> Self {
        let place = Self::empty();
        place.write(
            "job.toml",
            format!(
                r#"
name = "numbers"
checkpoint = "state"
{checkpoint}
batch = {{ interval = "20ms" }}

[source.numbers]
type = "generator"
rate = 20000
rows = 50_000
[source.numbers.columns]
x = {{ sequence = {{ start = 1 }} }}
key = {{ sequence = {{ start = 0, step = 0 }} }}

[operator.sums]
input = "numbers"
key = ["key"]
aggregate = {{ sum = "std:sum(x)" }}
emit = "on-update"

[sink.totals]
input = "sums"
type = "file"
path = "totals"
format = "csv"

[sink.out]
input = "numbers"
type = "file"
path = "out"
format = "csv"
columns = ["x"]
"#
            ),
        );
        place
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.path().join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    fn write_inputs(&self) {
        let mut random = StdRng::seed_from_u64(5);
        for source in ["bids", "asks"] {
            for file in 0..FILES {
                let mut out = Vec::new();
                for row in 0..ROWS {
                    let time = (file * ROWS + row) * 20;
                    let late = if random.random_ratio(1, 8) { random.random_range(0..4_000) } else { 0 };
                    let (auction, value) = (random.random_range(0..12), random.random_range(0..1_000));
                    let time = (time - late).max(0);
                    match source {
                        "bids" => writeln!(out, "{auction},{value},{time}").unwrap(),
                        _ => writeln!(out, "{auction},name-{value},{time}").unwrap(),
                    }
                }
                self.write(&format!("{source}/{file:02}.csv"), out);
            }
        }
    }

    /// The rows of a file of bids: auction and price.
    pub fn bids(&self, file: i64) -> Vec<(i64, i64)> {
        let text = fs::read_to_string(self.path().join(format!("bids/{file:02}.csv"))).unwrap();
        let row = |line: &str| {
            let mut fields = line.split(',').map(|field| field.parse().unwrap());
            (fields.next().unwrap(), fields.next().unwrap())
        };
        text.lines().map(row).collect()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(pelton_tests::binary().expect("a binary to test"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        for variable in ["PELTON_TOKEN", "PELTON_ENGINE", "PELTON_OUTPUT", "PELTON_LOG"] {
            command.env_remove(variable);
        }
        let cache = std::env::temp_dir().join(format!("pelton-replay-tests-{}", std::process::id()));
        command.env("PELTON_CACHE_DIR", cache).env("LC_ALL", "C.UTF-8");
        command
    }

    pub fn pelton(&self, args: &[&str]) -> Said {
        self.command(args).output().unwrap().into()
    }

    pub fn run(&self) {
        self.pelton(&["run", "job.toml", "--threads", "2"]).done();
    }

    pub fn replay(&self, epoch: u64, more: &[&str]) -> Said {
        let epoch = epoch.to_string();
        let args = ["replay", "job.toml", "--epoch", &epoch, "--threads", "2", "--output", "json"];
        self.pelton(&args.iter().chain(more).copied().collect::<Vec<_>>())
    }

    /// The first epoch that can be replayed, and the last.
    pub fn replayable(&self) -> (u64, u64) {
        let inspection = inspect::inspect(&self.path().join("state")).unwrap();
        let (first, last) = inspection.replayable.expect("epochs that can be replayed");
        (first.0, last.0)
    }

    /// The parts of a sink, one after the other.
    pub fn rows(&self, folder: &str) -> Vec<u8> {
        self.parts(folder).into_values().flatten().collect()
    }

    pub fn parts(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let Ok(entries) = fs::read_dir(self.path().join(folder)) else { return BTreeMap::new() };
        let named = entries.map(|entry| entry.unwrap());
        let named = named.map(|entry| (entry.file_name().into_string().unwrap(), entry.path()));
        let parts = named.filter(|(name, _)| name.starts_with("part-"));
        parts.map(|(name, path)| (name, fs::read(path).unwrap())).collect()
    }

    /// Replays every epoch, and compares what they gave to the sink with what is in its files.
    pub fn replay_all(&self, what: &str) {
        let (first, last) = self.replayable();
        assert_eq!(first, 1, "{what}: all of them are kept");
        let mut rows = Vec::new();
        for epoch in first..=last {
            let out = format!("again/{epoch}");
            let said = self.replay(epoch, &["--out", &out, "--rows", "0"]).done().json();
            assert!(said["same"] == true && said["epoch"] == epoch, "{what}: {said}");
            rows.extend(self.rows(&format!("{out}/out")));
        }
        assert!(last >= 10, "{what}: only {last} epochs");
        if self.parts("out").keys().all(|name| name.ends_with(".csv") || name.ends_with(".jsonl")) {
            assert!(rows == self.rows("out"), "{what}: the epochs are not, byte for byte, what the sink has");
        }
        fs::remove_dir_all(self.path().join("again")).unwrap();
    }
}
