//! A folder in which a job runs, is killed, and runs again.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

pub struct Place {
    folder: TempDir,
    run: Option<Child>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Place {
    /// A job with a checkpoint, whose sink `out` writes to the folder `out`.
    pub fn new(job: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("job.toml"), job).unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        Self { folder, run: None }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn append(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Puts a whole file in place by renaming.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path("in-hand"), bytes).unwrap();
        fs::rename(self.path("in-hand"), self.path(name)).unwrap();
    }

    pub fn start(&mut self, fail: Option<&str>) {
        let mut command = Command::new(pelton_tests::binary().expect("a binary to test"));
        command.args(["run", "job.toml", "--threads", "2", "--color", "never"]).current_dir(self.folder.path());
        if let Some(fail) = fail {
            command.env("PELTON_FAILPOINT", fail);
        }
        let log = OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        self.run = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    pub fn kill(&mut self) {
        if let Some(mut run) = self.run.take() {
            // It may have ended by itself.
            let _ = run.kill();
            run.wait().unwrap();
        }
    }

    /// A run that has died at a fail point is followed by another.
    pub fn restart_if_ended(&mut self) {
        let ended = self.run.as_mut().and_then(|run| run.try_wait().unwrap());
        if let Some(status) = ended {
            assert_eq!(status.signal(), Some(9), "the job has ended: {status}\n{}", self.said());
            self.start(None);
        }
    }

    /// By SIGTERM: it ends in good order.
    pub fn stop(&mut self) {
        if let Some(run) = &self.run {
            let told = Command::new("kill").args(["-TERM", &run.id().to_string()]).status().unwrap();
            assert!(told.success());
        }
        self.until_ended();
    }

    pub fn until_ended(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.has_ended() {
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.said());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether it runs no more.
    pub fn has_ended(&mut self) -> bool {
        self.run.as_mut().is_none_or(|run| run.try_wait().unwrap().is_some())
    }

    pub fn said(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Waits until something holds.
    pub fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            self.restart_if_ended();
            assert!(Instant::now() < deadline, "{what}: in vain:\n{}\n{:?}", self.said(), self.manifest());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The committed bytes of each part, and whether it is closed, as the manifest says.
    pub fn manifest(&self) -> BTreeMap<String, (usize, bool)> {
        self.manifest_of("out")
    }

    fn manifest_of(&self, folder: &str) -> BTreeMap<String, (usize, bool)> {
        let text = fs::read_to_string(self.path(folder).join("_manifest.jsonl")).unwrap_or_default();
        let mut parts = BTreeMap::new();
        for line in text.lines() {
            let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else { continue };
            let state = (line["bytes"].as_u64().unwrap() as usize, line["closed"].as_bool().unwrap());
            parts.insert(line["part"].as_str().unwrap().to_owned(), state);
        }
        parts
    }

    /// The text that is final, by the manifest, of all parts in the order of their numbers.
    pub fn text(&self) -> String {
        self.text_of("out")
    }

    pub fn text_of(&self, folder: &str) -> String {
        let mut parts: Vec<_> = self.manifest_of(folder).into_iter().collect();
        parts.sort_by_key(|(name, _)| Path::new(name).file_name().map(ToOwned::to_owned));
        let mut text = String::new();
        for (name, (bytes, _)) in parts {
            let part = fs::read(self.path(folder).join(name)).unwrap_or_default();
            text.push_str(&String::from_utf8_lossy(part.get(..bytes).unwrap_or_default()));
        }
        text
    }

    pub fn lines(&self) -> usize {
        self.text().lines().count()
    }

    /// No part is there that the manifest does not know, and none is longer than it says.
    pub fn check_parts(&self) {
        let told = self.manifest();
        let mut left = vec![self.path("out")];
        while let Some(folder) = left.pop() {
            for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    left.push(path);
                } else if path.file_name().unwrap().to_str().unwrap().starts_with("part-") {
                    let name = path.strip_prefix(self.path("out")).unwrap().to_str().unwrap().to_owned();
                    let bytes = File::open(&path).unwrap().metadata().unwrap().len() as usize;
                    assert_eq!(told.get(&name).map(|(bytes, _)| *bytes), Some(bytes), "{name}: {told:?}");
                }
            }
        }
    }
}
