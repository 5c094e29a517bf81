//! What a job is doing, as callers see it.

use serde::Serialize;

use super::{
    catalogue::{Reason, Standing},
    figures::Figures,
};

pub use super::figures::OperatorFigures;

/// What a job is doing at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its modules are opened.
    Starting,
    Running,
    /// It has failed and waits for its next attempt.
    Restarting,
    /// It commits what it has begun.
    Stopping,
    Paused,
    Stopped,
    Finished,
    Failed,
}

impl State {
    pub const ALL: [Self; 8] = [
        Self::Starting,
        Self::Running,
        Self::Restarting,
        Self::Stopping,
        Self::Paused,
        Self::Stopped,
        Self::Finished,
        Self::Failed,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Stopping => "stopping",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }

    /// The state of a job that has no thread. One that should run has none while the engine closes.
    pub(super) fn at_rest(standing: Standing) -> Self {
        match standing {
            Standing::Running | Standing::Draining | Standing::Stopped => Self::Stopped,
            Standing::Paused => Self::Paused,
            Standing::Finished => Self::Finished,
            Standing::Failed => Self::Failed,
        }
    }
}

/// A module that is tried, or that is watched after it was exchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// The operator that it stands beside.
    pub operator: String,
    /// `shadow` or `canary`.
    pub kind: &'static str,
    pub module: String,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastError {
    #[serde(flatten)]
    pub reason: Reason,
    /// The revision that was wanted then.
    pub revision: u64,
    /// In µs since 1970 UTC.
    pub at: i64,
}

/// A job, as it is now.
#[derive(Debug, Clone, Serialize)]
pub struct JobStatus {
    pub name: String,
    pub state: State,
    /// What it should be doing.
    pub desired: Standing,
    /// Why it does not run though nobody stopped it.
    pub reason: Option<Reason>,
    /// The last failure of an attempt since the engine was started.
    pub last_error: Option<LastError>,
    pub revision: u64,
    /// When it was submitted, or last paused, resumed, stopped; in µs since 1970 UTC.
    pub changed: i64,
    /// Operators whose state is being migrated to another version of their modules, or whose open windows the modules before finish.
    pub migrations: Vec<Migrating>,
    /// Modules that stand beside operators at the moment.
    pub trials: Vec<Trial>,
    pub figures: Figures,
}

/// State that is being migrated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Migrating {
    pub operator: String,
    /// Keys that are left, or keys of open windows; none: it has not begun.
    pub keys_left: Option<usize>,
    /// The modules before finish windows.
    pub draining: bool,
}
