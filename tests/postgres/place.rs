//! A job in a folder of its own that writes to a server, and what should be there in the end.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{self, File},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use super::server::Server;

const PATIENCE: Duration = Duration::from_secs(60);
const ROWS: i64 = 24_000;
/// A file is an epoch, unless the job says otherwise.
const FILES: i64 = 24;

pub struct Place {
    folder: TempDir,
    job: String,
    /// Rows as the server should show them, in order of `id`, or the last ones of each `item`.
    all: String,
    last: String,
}

impl Place {
    /// A job from CSV files to the table `orders`; `sink` is added to its sink, `top` to the job.
    pub fn new(server: &Server, top: &str, sink: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (all, last) = write_inputs(&folder);
        let job = format!(
            "name = \"shop\"\n{top}\n\
             [source.orders]\ntype = \"file\"\npath = \"in/*.csv\"\n\
             schema = {{ id = \"s64\", item = \"s64\", price = \"f64\", name = \"utf8?\" }}\n\n\
             [operator.dear]\ninput = \"orders\"\nmodule = \"std:filter\"\noptions = {{ where = \"price > 10.0\" }}\n\n\
             [sink.out]\ntype = \"postgres\"\ninput = \"dear\"\nurl = \"{}\"\ntable = \"orders\"\n{sink}\n",
            server.url()
        );
        fs::write(folder.path().join("job.toml"), &job).unwrap();
        Self { folder, job, all, last }
    }

    pub fn edit(&mut self, from: &str, to: &str) {
        assert!(self.job.contains(from), "{}", self.job);
        self.job = self.job.replace(from, to);
        fs::write(self.path("job.toml"), &self.job).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Leaves half of the input for a later run.
    pub fn hold_back(&self) {
        fs::create_dir(self.path("held")).unwrap();
        for file in FILES / 2..FILES {
            let name = format!("{file:02}.csv");
            fs::rename(self.path("in").join(&name), self.path("held").join(&name)).unwrap();
        }
    }

    pub fn let_in(&self) {
        for file in fs::read_dir(self.path("held")).unwrap() {
            let file = file.unwrap();
            fs::rename(file.path(), self.path("in").join(file.file_name())).unwrap();
        }
        fs::remove_dir(self.path("held")).unwrap();
    }

    /// Forgets what an earlier trial left.
    pub fn begin_anew(&self, server: &Server) {
        let _ = fs::remove_dir_all(self.path("state"));
        server.sql("DROP TABLE IF EXISTS orders, pelton_commits");
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(pelton_tests::binary().expect("a binary to test"));
        command.args(["run", "job.toml", "--threads", "2", "--color", "never"]).current_dir(self.folder.path());
        command.stdout(Stdio::null());
        command
    }

    /// Starts a run whose messages go to a file.
    pub fn start(&self, fail: Option<&str>) -> Child {
        let mut command = self.command();
        if let Some(fail) = fail {
            command.env("PELTON_FAILPOINT", fail);
        }
        command.stderr(File::create(self.path("log")).unwrap()).spawn().unwrap()
    }

    /// Whether it came to its end before it was killed.
    pub fn run_for(&self, patience: Duration, fail: Option<&str>) -> bool {
        let mut process = self.start(fail);
        match ended(&mut process, patience) {
            Some(status) => {
                let said = self.said();
                assert!(status.success() || status.signal() == Some(9), "{said}");
                status.success()
            }
            None => {
                process.kill().unwrap();
                process.wait().unwrap();
                false
            }
        }
    }

    pub fn run_to_end(&self, fail: Option<&str>) -> bool {
        self.run_for(PATIENCE, fail)
    }

    /// What a run says that ends with an error.
    pub fn refusal(&self) -> String {
        let output = self.command().stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        // As one line, however it was broken.
        said.split_whitespace().filter(|word| !matches!(*word, "│" | "├─▶" | "╰─▶")).collect::<Vec<_>>().join(" ")
    }

    pub fn said(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The table must have every row, once.
    pub fn compare(&self, server: &Server, what: &str) {
        let rows = server.sql("SELECT id, item, price, coalesce(name, '-') FROM orders ORDER BY id");
        self.same(&rows, &self.all, what);
    }

    /// The table must have the last row of each item.
    pub fn compare_last(&self, server: &Server, what: &str) {
        let rows = server.sql("SELECT item, id, price, coalesce(name, '-') FROM orders ORDER BY item");
        self.same(&rows, &self.last, what);
    }

    fn same(&self, rows: &str, expected: &str, what: &str) {
        if rows != expected {
            let differs = rows.lines().zip(expected.lines()).position(|(a, b)| a != b);
            let (found, wanted) = (rows.lines().count(), expected.lines().count());
            panic!(
                "{what}: {found} rows instead of {wanted}, the first difference is in row {differs:?}\n{}",
                self.said()
            );
        }
    }
}

/// How a process ended, if it does in time.
pub fn ended(process: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let ends = Instant::now() + patience;
    while Instant::now() < ends {
        if let Some(status) = process.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(Duration::from_micros(300));
    }
    None
}

/// Orders, and what a filter lets through of them: all, and the last of each item.
fn write_inputs(folder: &TempDir) -> (String, String) {
    let mut random = StdRng::seed_from_u64(23);
    let (mut all, mut last) = (String::new(), BTreeMap::new());
    fs::create_dir(folder.path().join("in")).unwrap();
    for file in 0..FILES {
        let mut csv = String::new();
        for row in 0..ROWS / FILES {
            let id = file * ROWS / FILES + row;
            let (item, quarters) = (random.random_range(0..500), random.random_range(0..400));
            let price = f64::from(quarters) / 4.0;
            // An empty name is quoted, and so no null.
            let name = match random.random_range(0..10) {
                0 => "NULL".to_owned(),
                1 => "ärger \\ 'x'".to_owned(),
                _ => format!("name-{quarters}"),
            };
            writeln!(csv, "{id},{item},{price},\"{name}\"").unwrap();
            if price > 10.0 {
                writeln!(all, "{id}|{item}|{price}|{name}").unwrap();
                last.insert(item, format!("{item}|{id}|{price}|{name}\n"));
            }
        }
        fs::write(folder.path().join(format!("in/{file:02}.csv")), csv).unwrap();
    }
    (all.trim_end().to_owned(), last.into_values().collect::<String>().trim_end().to_owned())
}
