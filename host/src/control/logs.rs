//! The last lines that a job has said: its guests' log, its print sinks, what the engine has to say of it.
//!
//! Kept in memory, by each job. Invariant: bounded in lines and bytes; each line has a number that grows by one, so that whoever reads
//! on knows whether lines are missing.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use pelton_wasm::Level;
use serde::Serialize;

use super::job::Job;
use crate::{clock, log::Listen};

const LINES_MAX: usize = 4_096;
const BYTES_MAX: usize = 2 << 20;
/// Longer lines are cut.
const LINE_BYTES_MAX: usize = 8 << 10;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// From 1 on, since the engine was started.
    pub number: u64,
    /// In µs since 1970 UTC.
    pub at: i64,
    pub level: &'static str,
    /// The operator or sink; none: the engine speaks.
    pub from: Option<String>,
    pub message: String,
}

#[derive(Debug, Default)]
pub(super) struct Logs {
    lines: VecDeque<(Level, LogEntry)>,
    bytes: usize,
    count: u64,
}

/// The name of a level in logs and questions.
pub fn level_name(level: Level) -> &'static str {
    match level {
        Level::Trace => "trace",
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

/// The level of a name.
pub fn level(name: &str) -> Option<Level> {
    let all = [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error];
    all.into_iter().find(|level| level_name(*level) == name)
}

impl Logs {
    pub(super) fn push(&mut self, level: Level, from: Option<&str>, message: &str) {
        let cut = message.floor_char_boundary(LINE_BYTES_MAX);
        let mut text = message.get(..cut).unwrap_or_default().to_owned();
        if cut < message.len() {
            text.push('…');
        }
        self.count += 1;
        self.bytes += text.len();
        let entry = LogEntry {
            number: self.count,
            at: clock::now_us(),
            level: level_name(level),
            from: from.map(str::to_owned),
            message: text,
        };
        self.lines.push_back((level, entry));
        while self.lines.len() > LINES_MAX || self.bytes > BYTES_MAX {
            let Some((_, oldest)) = self.lines.pop_front() else { break };
            self.bytes -= oldest.message.len();
        }
    }

    /// Lines of this level and above that come after a number, `most` of them at most: the last ones if `after` is none.
    pub(super) fn read(&self, after: Option<u64>, least: Level, most: usize) -> Vec<LogEntry> {
        let wanted = |(level, entry): &&(Level, LogEntry)| *level >= least && entry.number > after.unwrap_or(0);
        let found = self.lines.iter().filter(wanted).map(|(_, entry)| entry.clone());
        match after {
            Some(_) => found.take(most).collect(),
            None => {
                let found: Vec<_> = found.collect();
                let skipped = found.len().saturating_sub(most);
                found.into_iter().skip(skipped).collect()
            }
        }
    }
}

pub(super) fn lock(logs: &Mutex<Logs>) -> MutexGuard<'_, Logs> {
    logs.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What parts of the engine say while they work for the job.
impl Listen for Mutex<Logs> {
    fn hear(&self, level: tracing::Level, from: Option<&str>, message: &str) {
        let level = match level {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warn,
            tracing::Level::INFO => Level::Info,
            tracing::Level::DEBUG => Level::Debug,
            tracing::Level::TRACE => Level::Trace,
        };
        lock(self).push(level, from, message);
    }
}

/// Where the print sinks of a job print.
#[derive(Debug)]
pub(super) struct PrintToLogs(Weak<Job>);

impl PrintToLogs {
    pub(super) fn new(job: &Arc<Job>) -> Self {
        Self(Arc::downgrade(job))
    }
}

impl Write for PrintToLogs {
    /// Sinks print whole lines.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(job) = self.0.upgrade() {
            String::from_utf8_lossy(bytes).lines().for_each(|line| job.say(Level::Info, Some("print"), line));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_stay_and_numbers_go_on() {
        let mut logs = Logs::default();
        (0..LINES_MAX + 10).for_each(|line| logs.push(Level::Info, None, &format!("line {line}")));
        let last = logs.read(None, Level::Trace, 2);
        let numbers: Vec<u64> = last.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, [LINES_MAX as u64 + 9, LINES_MAX as u64 + 10]);
        assert_eq!(logs.read(Some(0), Level::Trace, usize::MAX).len(), LINES_MAX);
        assert_eq!(logs.read(Some(LINES_MAX as u64 + 10), Level::Trace, 5), []);
    }

    #[test]
    fn long_lines_are_cut_and_many_are_dropped() {
        let mut logs = Logs::default();
        (0..1_000).for_each(|_| logs.push(Level::Warn, Some("op"), &"ä".repeat(LINE_BYTES_MAX)));
        assert!(logs.bytes <= BYTES_MAX && logs.lines.len() < 1_000);
        assert!(logs.read(None, Level::Warn, 1)[0].message.ends_with("ä…"));
    }

    #[test]
    fn levels_filter() {
        let mut logs = Logs::default();
        for level in [Level::Debug, Level::Error, Level::Info] {
            logs.push(level, None, level_name(level));
        }
        let said: Vec<String> = logs.read(None, Level::Info, 9).into_iter().map(|entry| entry.message).collect();
        assert_eq!(said, ["error", "info"]);
        assert_eq!((level("warn"), level("loud")), (Some(Level::Warn), None));
    }
}
