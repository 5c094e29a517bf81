//! What one operator may use up, with the defaults of an ordinary module.
//!
//! Every limit that is hit is reported by the name given here ([`LimitName`]), which is also its key
//! in the job file's `limits` table.

use std::{fmt, time::Duration};

/// Bytes as a job file gives them: `64MiB` where that is exact.
pub fn show_bytes(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}B"),
    }
}

/// The limits of one operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the module itself.
    pub module_bytes: u64,
    /// Linear memory of one instance, all its memories together, in bytes.
    pub memory_bytes: u64,
    /// Wall time of one call.
    pub call_time: Duration,
    /// Bytes that one call may return, all buffers together.
    pub output_bytes: u64,
    /// Rows that one call may return for each row that it was given.
    pub rows_out_per_row: u32,
    /// Bytes of log lines in one call; what is longer is dropped and counted.
    pub log_bytes: u64,
    /// Calls of `log`, `counter` and `gauge` in one call.
    pub log_calls: u64,
    /// Bytes of one row of state.
    pub state_row_bytes: u64,
    /// Bytes of all state of the operator.
    pub state_bytes: u64,
    /// Requests that one call may ask for.
    pub requests: u32,
    /// Bytes of what one call asks for: paths, headers and bodies.
    pub request_bytes: u64,
    /// Bytes of all replies to one call.
    pub reply_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            module_bytes: 64 << 20,
            memory_bytes: 64 << 20,
            call_time: Duration::from_secs(1),
            output_bytes: 64 << 20,
            rows_out_per_row: 1_000,
            log_bytes: 64 << 10,
            log_calls: 100_000,
            state_row_bytes: 1 << 20,
            state_bytes: 1 << 30,
            requests: 10_000,
            request_bytes: 16 << 20,
            reply_bytes: 32 << 20,
        }
    }
}

/// The name under which a limit is set and reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitName {
    ModuleBytes,
    MemoryBytes,
    CallTime,
    OutputBytes,
    RowsOutPerRow,
    LogBytes,
    LogCalls,
    StateRowBytes,
    StateBytes,
    Requests,
    RequestBytes,
    ReplyBytes,
}

impl LimitName {
    pub const ALL: [Self; 12] = [
        Self::ModuleBytes,
        Self::MemoryBytes,
        Self::CallTime,
        Self::OutputBytes,
        Self::RowsOutPerRow,
        Self::LogBytes,
        Self::LogCalls,
        Self::StateRowBytes,
        Self::StateBytes,
        Self::Requests,
        Self::RequestBytes,
        Self::ReplyBytes,
    ];

    /// The key in the job file.
    pub fn key(self) -> &'static str {
        match self {
            Self::ModuleBytes => "module-bytes",
            Self::MemoryBytes => "memory-bytes",
            Self::CallTime => "call-time",
            Self::OutputBytes => "output-bytes",
            Self::RowsOutPerRow => "rows-out-per-row",
            Self::LogBytes => "log-bytes",
            Self::LogCalls => "log-calls",
            Self::StateRowBytes => "state-row-bytes",
            Self::StateBytes => "state-bytes",
            Self::Requests => "requests",
            Self::RequestBytes => "request-bytes",
            Self::ReplyBytes => "reply-bytes",
        }
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}
