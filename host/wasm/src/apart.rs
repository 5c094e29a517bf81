//! Compilation in a process of its own, for engines that take modules from strangers.
//!
//! ```text
//! Runtime::compile ─► program ARGS… DIGEST ◄─ component by stdin ─► the compile cache ─► Runtime::compile
//! ```
//!
//! A module can make the compiler take any amount of memory and time. Here it is the child's, which has limits, one thread
//! and low priority; the jobs of this process do not notice. What the child leaves in the cache is loaded like any other entry.

use std::{
    io::{Read, Write},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use pelton_core::model::ModuleDigest;

use crate::engine::Metering;

/// The process that compiles: it is given the component by stdin and its digest as the last argument, and calls
/// [`compile_here`](crate::compile_here).
#[derive(Debug, Clone)]
pub struct Compiler {
    pub program: PathBuf,
    pub args: Vec<String>,
    /// After which it is ended.
    pub time: Duration,
}

/// Between two looks at the child.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Of what it says about why it failed.
const SAID_MAX: u64 = 4 << 10;

impl Compiler {
    /// Whether the child says that it has compiled `component`; else why not.
    pub(crate) fn compile(&self, digest: &ModuleDigest, component: &[u8], metering: Metering) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("its compiler cannot be started: {error}");
        let mut child = Command::new(&self.program)
            .args(&self.args)
            .args((metering == Metering::Instructions).then_some("--metered"))
            .arg(digest.to_string())
            .env("RAYON_NUM_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
        thread::scope(|scope| {
            scope.spawn(|| {
                // A child that ends before it has read all says why.
                stdin.map(|mut stdin| stdin.write_all(component))
            });
            let said = scope.spawn(|| {
                let mut said = String::new();
                stderr.map(|stderr| stderr.take(SAID_MAX).read_to_string(&mut said));
                said
            });
            let status = self.wait(&mut child);
            let said = said.join().unwrap_or_default();
            match status {
                Ok(Some(status)) if status.success() => Ok(()),
                Ok(Some(status)) if status.code() == Some(REFUSED) => Err(said.trim().to_owned()),
                Ok(Some(status)) => Err(format!("compiling it took more than it may take ({status})")),
                Ok(None) => Err(format!("compiling it took longer than {} s", self.time.as_secs())),
                Err(error) => Err(format!("its compiler was lost: {error}")),
            }
        })
    }

    /// None: it took too long, and was ended.
    fn wait(&self, child: &mut Child) -> std::io::Result<Option<ExitStatus>> {
        let until = Instant::now() + self.time;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= until {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

/// With which the child ends when it has said why there is nothing to load.
pub const REFUSED: i32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, time: Duration) -> Result<(), String> {
        let args = vec!["-c".to_owned(), script.to_owned()];
        let compiler = Compiler { program: "/bin/sh".into(), args, time };
        compiler.compile(&ModuleDigest([7; 32]), &vec![0; 1 << 20], Metering::Time)
    }

    #[test]
    fn what_the_child_says_and_how_it_ends_is_told() {
        let time = Duration::from_secs(20);
        assert_eq!(shell("cat > /dev/null", time), Ok(()));
        assert_eq!(shell("echo no such thing >&2; exit 3", time), Err("no such thing".into()));
        let killed = shell("kill -9 $$", time).unwrap_err();
        assert!(killed.contains("more than it may take") && killed.contains("signal: 9"), "{killed}");
        let none = Compiler { program: "/no/such/program".into(), args: Vec::new(), time };
        assert!(none.compile(&ModuleDigest([7; 32]), b"", Metering::Time).unwrap_err().contains("cannot be started"));
    }

    #[test]
    fn a_child_that_takes_too_long_is_ended() {
        let started = Instant::now();
        assert_eq!(shell("exec sleep 60", Duration::from_millis(50)), Err("compiling it took longer than 0 s".into()));
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}
