//! A job that runs while a test speaks to it: standard input stays open, and the test waits for what it prints.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::binary;

const PATIENCE: Duration = Duration::from_secs(60);

/// A job that reads standard input, which stays open; it is killed in the end.
#[derive(Debug)]
pub struct Live {
    dir: tempfile::TempDir,
    job: Child,
}

impl Drop for Live {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.job.kill();
        let _ = self.job.wait();
    }
}

impl Live {
    pub fn start(job: &str) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        fs::write(dir.path().join("job.toml"), job)?;
        let job = Command::new(binary()?)
            .args(["run", "job.toml", "--output", "json"])
            .current_dir(dir.path())
            .stdin(Stdio::piped())
            .stdout(fs::File::create(dir.path().join("stdout"))?)
            .stderr(fs::File::create(dir.path().join("stderr"))?)
            .spawn()?;
        Ok(Self { dir, job })
    }

    pub fn say(&mut self, lines: &str) -> Result<()> {
        let input = self.job.stdin.as_mut().context("its standard input")?;
        input.write_all(lines.as_bytes())?;
        Ok(input.flush()?)
    }

    pub fn printed(&self) -> Result<String> {
        Ok(fs::read_to_string(self.dir.path().join("stdout"))?)
    }

    /// Waits until it prints this.
    pub fn expect(&mut self, text: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.printed()?.contains(text) {
            let ended = self.job.try_wait()?;
            let said = |path: &Path| fs::read_to_string(path).unwrap_or_default();
            ensure!(
                ended.is_none() && Instant::now() < deadline,
                "it has not printed {text}:\n{}\n{}",
                self.printed()?,
                said(&self.dir.path().join("stderr"))
            );
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}
