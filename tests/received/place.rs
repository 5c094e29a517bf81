//! A job in a folder of its own, and what its sinks hold.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Place(TempDir);

/// A run; it is killed in the end.
pub struct Run {
    pub process: Child,
}

impl Drop for Run {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Run {
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// SIGTERM, and how it ended.
    pub fn stop(mut self) -> ExitStatus {
        let done = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(done.success());
        self.end(PATIENCE).expect("it ends")
    }

    /// How it ended, if it does in time.
    pub fn end(&mut self, patience: Duration) -> Option<ExitStatus> {
        let ends = Instant::now() + patience;
        while Instant::now() < ends {
            if let Some(status) = self.process.try_wait().unwrap() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(2));
        }
        None
    }
}

/// It was killed, by us or at a fail point.
pub fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(9)
}

impl Place {
    pub fn new(job: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.path().join("job.toml"), job).unwrap();
        place
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(pelton_tests::binary().expect("a binary to test"));
        command.args(["run", "job.toml", "--threads", "2", "--color", "never"]).current_dir(self.path());
        let log = File::options().create(true).append(true).open(self.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command
    }

    pub fn run(&self, fail: Option<&str>) -> Run {
        let mut command = self.command();
        if let Some(fail) = fail {
            command.env("PELTON_FAILPOINT", fail);
        }
        Run { process: command.spawn().unwrap() }
    }

    /// What all runs have said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }

    /// Rows of a sink of CSV, in order.
    pub fn rows(&self, folder: &str) -> Vec<Vec<u64>> {
        let lines = self.lines(folder);
        let number = |field: &str| field.parse().unwrap_or_else(|_| panic!("`{field}` is no number"));
        lines.iter().map(|line| line.split(',').map(number).collect()).collect()
    }

    /// Lines of all parts of a sink, as far as they have been committed: a part may be longer for a moment.
    pub fn lines(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path().join(folder)) else { return Vec::new() };
        let mut parts: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        parts.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("part-"));
        parts.sort();
        let mut lines = Vec::new();
        for part in parts {
            let text = fs::read_to_string(part).unwrap();
            let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
            lines.extend(whole.lines().map(str::to_owned));
        }
        lines
    }

    pub fn until(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let ends = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < ends, "not so: {what}\n{}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The segments of a source's log, oldest first.
    pub fn segments(&self, source: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path().join("state/inputs").join(source)).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    }
}

/// A port that nobody has at the moment.
pub fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|bound| bound.local_addr()).unwrap()
}

/// Waits until somebody listens.
pub fn reachable(address: SocketAddr) {
    let ends = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < ends, "nobody listens on {address}");
        thread::sleep(Duration::from_millis(5));
    }
}
