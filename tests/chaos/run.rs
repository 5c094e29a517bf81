//! One job in a folder of its own: run, killed, run again, compared.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use arrow::{
    array::{ArrayRef, AsArray},
    compute,
    datatypes::{DataType, Int64Type},
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use super::{
    jobs::{ASKS, BIDS, Job},
    oracle::{Answer, Inputs, Row, bid},
};

/// Rows of all files of a source.
const ROWS: i64 = 60_000;
/// A file of this size is a range, and here an epoch.
const FILES: i64 = 24;

pub struct Trial {
    folder: TempDir,
    kept: Kept,
    pub inputs: Inputs,
    /// What a run that nobody disturbed wrote; it is what [`Answer`] says.
    expected: BTreeMap<String, Vec<u8>>,
    /// Time that the whole job takes, about.
    pub whole: Duration,
}

/// Where the job keeps its checkpoint.
#[derive(Clone)]
pub enum Kept {
    Directory,
    /// At a place in a bucket that begins so, and with this environment.
    Bucket {
        url: String,
        environment: Vec<(String, String)>,
    },
}

impl Trial {
    pub fn new(job: &Job) -> Self {
        Self::keeping(job, Kept::Directory)
    }

    /// Runs the job once, without a checkpoint, to know which bytes it should write, and has the oracle look at them. A format of
    /// tables has its parts cut by epochs, so there a run with a checkpoint says what they should be.
    pub fn keeping(job: &Job, kept: Kept) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inputs = write_inputs(folder.path());
        let file = |checkpoint: &str| {
            let Job { name, graph, format, sink } = job;
            let asks = if graph.contains("asks") { ASKS } else { "" };
            format!(
                "name = \"{name}\"\n{checkpoint}\nbatch = {{ max-bytes = 1, rows = 512 }}\n{BIDS}{asks}{graph}\n\
                 [sink.out]\ninput = \"result\"\ntype = \"file\"\npath = \"out\"\nformat = \"{format}\"\nroll-bytes = \"150KiB\"\n{sink}\n"
            )
        };
        fs::write(folder.path().join("plain.toml"), file("")).unwrap();
        fs::write(folder.path().join("job.toml"), file("checkpoint = \"state\"\nsnapshots = \"3ms\"")).unwrap();
        let mut trial = Self { folder, kept, inputs, expected: BTreeMap::new(), whole: Duration::ZERO };
        let first = if job.format == "parquet" { "job.toml" } else { "plain.toml" };
        let output = trial.command(first).stderr(Stdio::piped()).output().unwrap();
        assert!(output.status.success(), "{}: {}", job.name, String::from_utf8_lossy(&output.stderr));
        trial.expected = trial.parts();
        assert!(trial.expected.values().map(Vec::len).sum::<usize>() > 20_000, "{}: too little output", job.name);
        let refuted = Answer::of(job.name, &trial.inputs).refute(&trial.lines());
        assert_eq!(refuted, None, "{}: what nobody disturbed is not what the oracle says", job.name);
        trial.begin_anew();
        let started = Instant::now();
        assert!(trial.run_to_end(None), "{}: with a checkpoint", job.name);
        trial.whole = started.elapsed();
        trial.compare(&format!("{}: with a checkpoint, and not killed", job.name));
        trial
    }

    pub fn begin_anew(&self) {
        for folder in ["state", "out"] {
            let _ = fs::remove_dir_all(self.folder.path().join(folder));
        }
        if let Kept::Bucket { url, .. } = &self.kept {
            // A place that nobody has been to.
            let path = self.folder.path().join("job.toml");
            let job = fs::read_to_string(&path).unwrap();
            let (before, behind) = job.split_once("checkpoint = \"").unwrap();
            let (_, behind) = behind.split_once('"').unwrap();
            let place = format!("{url}/{:016x}", rand::random::<u64>());
            fs::write(path, format!("{before}checkpoint = \"{place}\"{behind}")).unwrap();
        }
    }

    pub fn forget_checkpoint(&self) {
        fs::remove_dir_all(self.folder.path().join("state")).unwrap();
    }

    /// Whether it came to its end; at a fail point it does not.
    pub fn run_to_end(&self, fail: Option<&str>) -> bool {
        self.run_for(Duration::from_secs(60), fail)
    }

    /// Changes the job file.
    pub fn edit(&self, from: &str, to: &str) {
        let path = self.folder.path().join("job.toml");
        let job = fs::read_to_string(&path).unwrap();
        assert!(job.contains(from), "{job}");
        fs::write(path, job.replace(from, to)).unwrap();
    }

    /// What a run says that ends with an error.
    pub fn refusal(&self) -> String {
        let output = self.command("job.toml").stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    }

    /// Whether it came to its end before it was killed.
    pub fn run_for(&self, patience: Duration, fail: Option<&str>) -> bool {
        let log = File::create(self.folder.path().join("log")).unwrap();
        let mut command = self.command("job.toml");
        if let Some(fail) = fail {
            command.env("PELTON_FAILPOINT", fail);
        }
        let mut process = command.stderr(log).spawn().unwrap();
        let ends = Instant::now() + patience;
        loop {
            if let Some(status) = process.try_wait().unwrap() {
                use std::os::unix::process::ExitStatusExt;
                let said = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                assert!(status.success() || status.signal() == Some(9) || said.contains("PELTON-0401"), "{said}");
                return status.success();
            }
            if Instant::now() >= ends {
                process.kill().unwrap();
                process.wait().unwrap();
                return false;
            }
            thread::sleep(Duration::from_micros(300));
        }
    }

    /// The output must be the expected one, byte for byte.
    pub fn compare(&self, what: &str) {
        let parts = self.parts();
        let shown = |parts: &BTreeMap<String, Vec<u8>>| {
            parts.iter().map(|(name, bytes)| format!("{name}: {} bytes", bytes.len())).collect::<Vec<_>>()
        };
        if parts != self.expected {
            let kept = tempfile::tempdir().unwrap().keep();
            for (name, bytes) in &parts {
                fs::create_dir_all(kept.join(name).parent().unwrap()).unwrap();
                fs::write(kept.join(name), bytes).unwrap();
            }
            panic!(
                "{what}: the output differs, see {}: {:?} instead of {:?}",
                kept.display(),
                shown(&parts),
                shown(&self.expected)
            );
        }
    }

    pub fn parts(&self) -> BTreeMap<String, Vec<u8>> {
        let mut parts = BTreeMap::new();
        let out = self.folder.path().join("out");
        let mut left = vec![out.clone()];
        while let Some(folder) = left.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                if path.is_dir() {
                    left.push(path);
                } else if name.starts_with("part-") {
                    let name = path.strip_prefix(&out).unwrap().to_str().unwrap().to_owned();
                    parts.insert(name, fs::read(path).unwrap());
                }
            }
        }
        parts
    }

    /// Rows of all parts, in their order, as a sink of text writes them; before one of a folder there is its name.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, bytes) in self.parts() {
            let folder = name.rsplit_once('/').map(|(folder, _)| format!("{folder},")).unwrap_or_default();
            let rows = match name.ends_with(".parquet") {
                true => rows_of(&self.folder.path().join("out").join(&name)),
                false => String::from_utf8(bytes).unwrap(),
            };
            lines.extend(rows.lines().map(|line| format!("{folder}{line}")));
        }
        lines
    }

    /// The manifest must say of every part how long it is, and of no other.
    pub fn compare_manifest(&self, what: &str) {
        let text = fs::read_to_string(self.folder.path().join("out/_manifest.jsonl")).unwrap();
        let mut told = BTreeMap::new();
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            told.insert(line["part"].as_str().unwrap().to_owned(), line["bytes"].as_u64().unwrap() as usize);
        }
        let parts: BTreeMap<_, _> = self.parts().into_iter().map(|(name, bytes)| (name, bytes.len())).collect();
        assert_eq!(told, parts, "{what}: the manifest");
    }

    fn command(&self, job: &str) -> Command {
        let mut command = Command::new(pelton_tests::binary().expect("a binary to test"));
        command.args(["run", job, "--threads", "2", "--color", "never"]).current_dir(self.folder.path());
        command.stdout(Stdio::null());
        if let Kept::Bucket { environment, .. } = &self.kept {
            command.envs(environment.iter().map(|(name, value)| (name, value)));
        }
        command
    }
}

/// Rows of Parquet as text: bids, with times in ms, or whole numbers.
fn rows_of(path: &Path) -> String {
    let mut text = String::new();
    for batch in ParquetRecordBatchReader::try_new(File::open(path).unwrap(), 1_024).unwrap() {
        let batch = batch.unwrap();
        let numbers = |column: &ArrayRef| {
            compute::cast(column, &DataType::Int64).unwrap().as_primitive::<Int64Type>().values().to_vec()
        };
        let columns: Vec<Vec<i64>> = batch.columns().iter().map(numbers).collect();
        for row in 0..batch.num_rows() {
            let line = match columns.as_slice() {
                [auction, value, time] => bid(&Row { auction: auction[row], value: value[row], time: time[row] }),
                columns => columns.iter().map(|column| column[row].to_string()).collect::<Vec<_>>().join(","),
            };
            text += &format!("{line}\n");
        }
    }
    text
}

/// Rows in order of time, but for one in eight, over files that follow each other.
fn write_inputs(folder: &Path) -> Inputs {
    let mut random = StdRng::seed_from_u64(11);
    let mut files = |source: &str| {
        fs::create_dir(folder.join(source)).unwrap();
        let mut files = Vec::new();
        for file in 0..FILES {
            let (mut out, mut rows) = (Vec::new(), Vec::new());
            for row in 0..ROWS / FILES {
                let time = (file * ROWS / FILES + row) * 5;
                let late = if random.random_ratio(1, 8) { random.random_range(0..4_000) } else { 0 };
                let row = Row {
                    auction: random.random_range(0..60),
                    value: random.random_range(0..1_000),
                    time: (time - late).max(0),
                };
                let before = if source == "asks" { "name-" } else { "" };
                writeln!(out, "{},{before}{},{}", row.auction, row.value, row.time).unwrap();
                rows.push(row);
            }
            fs::write(folder.join(source).join(format!("{file:02}.csv")), out).unwrap();
            files.push(rows);
        }
        files
    };
    Inputs { bids: files("bids"), asks: files("asks") }
}
