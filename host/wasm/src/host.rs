//! What a guest can reach: the host side of `log`, and the meter of everything that a call may use up.
//!
//! One [`Host`] belongs to one instance's store. A call's log lines and metrics are collected here and
//! taken by the caller after the call, so that a guest never waits for, or blocks, anything.

use std::{collections::BTreeMap, time::Duration};

use pelton_core::limits::{LimitName, Limits};
use wasmtime::{ResourceLimiter, StoreLimitsBuilder};

use crate::{
    bindings::pelton::operator::{log, types},
    engine::{CORE_INSTANCES_MAX, MEMORIES_MAX, Metering, TABLE_ELEMENTS_MAX, TABLES_MAX},
    error::escape_control,
    state::CallState,
    wasi::Inert,
};

/// A limit that a guest ran into inside a host call; wasmtime carries it out as the call's error.
#[derive(Debug, thiserror::Error)]
#[error("the limit `{name}` was hit")]
pub(crate) struct LimitExceeded {
    pub(crate) name: LimitName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub level: Level,
    /// Without control characters.
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Metric {
    /// What the call added.
    Counter(u64),
    /// What it was last set to.
    Gauge(f64),
}

/// What one call said besides its answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CallLog {
    pub lines: Vec<LogLine>,
    /// Lines that the limit `log-bytes` dropped.
    pub dropped: u64,
    pub metrics: BTreeMap<String, Metric>,
}

impl CallLog {
    /// Adds what later calls said.
    pub fn absorb(&mut self, later: Self) {
        self.lines.extend(later.lines);
        self.dropped += later.dropped;
        for (name, metric) in later.metrics {
            match (self.metrics.get_mut(&name), metric) {
                (Some(Metric::Counter(sum)), Metric::Counter(added)) => *sum = sum.saturating_add(added),
                _ => {
                    self.metrics.insert(name, metric);
                }
            }
        }
    }
}

/// Names that one operator may give to counters and gauges.
const METRICS_MAX: usize = 64;
const METRIC_NAME_BYTES_MAX: usize = 128;

pub(crate) struct Host {
    pub(crate) meter: Meter,
    pub(crate) wasi: Inert,
    pub(crate) metering: Metering,
    /// Processor time of the thread when the call began.
    pub(crate) began: Duration,
    /// What the import `state` reads, during a call of a keyed operator.
    pub(crate) state: Option<CallState>,
    log: CallLog,
    log_bytes: u64,
    log_calls: u64,
    limits: Limits,
}

impl Host {
    pub(crate) fn new(limits: &Limits, metering: Metering) -> Self {
        Self {
            meter: Meter::new(limits),
            metering,
            began: Duration::ZERO,
            wasi: Inert::default(),
            state: None,
            log: CallLog::default(),
            log_bytes: 0,
            log_calls: 0,
            limits: limits.clone(),
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Forgets the last call.
    pub(crate) fn begin_call(&mut self) {
        self.log_bytes = 0;
        self.log_calls = 0;
    }

    pub(crate) fn take_log(&mut self) -> CallLog {
        let rest = self.wasi.take_line();
        if !rest.is_empty() {
            // A limit that is hit here concerns a call that is over.
            let _ = self.log_line(Level::Info, &rest);
        }
        std::mem::take(&mut self.log)
    }

    /// The last line logged as an error in this call.
    pub(crate) fn last_error(&self) -> Option<String> {
        self.log.lines.iter().rev().find(|line| line.level == Level::Error).map(|line| line.message.clone())
    }

    fn count_call(&mut self) -> wasmtime::Result<()> {
        self.log_calls += 1;
        if self.log_calls > self.limits.log_calls {
            return Err(LimitExceeded { name: LimitName::LogCalls }.into());
        }
        Ok(())
    }

    /// A line of the guest's, from `log` or from its standard output.
    pub(crate) fn log_line(&mut self, level: Level, message: &str) -> wasmtime::Result<()> {
        self.count_call()?;
        let room = self.limits.log_bytes.saturating_sub(self.log_bytes);
        if room == 0 {
            self.log.dropped += 1;
            return Ok(());
        }
        self.log_bytes = self.log_bytes.saturating_add(message.len().max(1) as u64);
        let mut cut = usize::try_from(room).unwrap_or(usize::MAX).min(message.len());
        while !message.is_char_boundary(cut) {
            cut -= 1;
        }
        let mut text = escape_control(message.get(..cut).unwrap_or_default());
        if cut < message.len() {
            text.push('…');
        }
        self.log.lines.push(LogLine { level, message: text });
        Ok(())
    }

    fn metric(&mut self, name: &str, set: impl FnOnce(Option<Metric>) -> Metric) -> wasmtime::Result<()> {
        self.count_call()?;
        if name.len() > METRIC_NAME_BYTES_MAX
            || (self.log.metrics.len() >= METRICS_MAX && !self.log.metrics.contains_key(name))
        {
            self.log.dropped += 1;
            return Ok(());
        }
        let name = escape_control(name);
        let value = set(self.log.metrics.get(&name).copied());
        self.log.metrics.insert(name, value);
        Ok(())
    }
}

impl types::Host for Host {}

impl log::Host for Host {
    fn log(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Trace => Level::Trace,
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.log_line(level, &message)
    }

    fn counter(&mut self, name: String, delta: u64) -> wasmtime::Result<()> {
        self.metric(&name, |old| match old {
            Some(Metric::Counter(value)) => Metric::Counter(value.saturating_add(delta)),
            _ => Metric::Counter(delta),
        })
    }

    fn gauge(&mut self, name: String, value: f64) -> wasmtime::Result<()> {
        self.metric(&name, |_| Metric::Gauge(value))
    }
}

/// Sums all memories of an instance against `memory-bytes`, and bounds tables and instances.
pub(crate) struct Meter {
    limits: wasmtime::StoreLimits,
    memory_bytes: usize,
    memory_bytes_max: usize,
}

impl Meter {
    fn new(limits: &Limits) -> Self {
        let tables = StoreLimitsBuilder::new()
            .table_elements(TABLE_ELEMENTS_MAX)
            .instances(CORE_INSTANCES_MAX as usize)
            .tables(TABLES_MAX as usize)
            .memories(MEMORIES_MAX as usize)
            .build();
        let memory_bytes_max = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
        Self { limits: tables, memory_bytes: 0, memory_bytes_max }
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if total > self.memory_bytes_max {
            return Err(LimitExceeded { name: LimitName::MemoryBytes }.into());
        }
        self.memory_bytes = total;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.limits.table_growing(current, desired, maximum)
    }

    fn instances(&self) -> usize {
        self.limits.instances()
    }

    fn tables(&self) -> usize {
        self.limits.tables()
    }

    fn memories(&self) -> usize {
        self.limits.memories()
    }
}
