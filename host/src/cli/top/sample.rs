//! What an engine says of its jobs, as far as it is drawn. A field that an engine does not know is nothing.

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    pub(super) jobs: Vec<JobSample>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct JobSample {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) revision: u64,
    pub(super) reason: Option<ReasonSample>,
    pub(super) trials: Vec<TrialSample>,
    pub(super) figures: FiguresSample,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ReasonSample {
    pub(super) code: String,
    pub(super) message: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct TrialSample {
    pub(super) operator: String,
    pub(super) kind: String,
    pub(super) module: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct FiguresSample {
    pub(super) epoch: Option<u64>,
    pub(super) rows_per_second: f64,
    pub(super) rows_out_per_second: f64,
    pub(super) rejected: u64,
    pub(super) letters: Option<u64>,
    pub(super) watermark: Option<i64>,
    pub(super) lag_ms: Option<i64>,
    pub(super) restarts: u64,
    pub(super) traps: u64,
    pub(super) operators: Vec<OperatorSample>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct OperatorSample {
    pub(super) name: String,
    pub(super) rows_in_per_second: f64,
    pub(super) rows_out_per_second: f64,
    pub(super) busy: f64,
    pub(super) rejected: u64,
    pub(super) late: u64,
    pub(super) dead: u64,
    pub(super) skipped: u64,
    pub(super) traps: u64,
    pub(super) state_keys: u64,
    pub(super) state_bytes: u64,
}

impl Sample {
    /// Of `{"jobs": […]}`, or of one job.
    pub(super) fn of(answer: &Value) -> Self {
        let one = |job: &Value| serde_json::from_value(job.clone()).unwrap_or_default();
        let jobs = match answer.get("jobs").and_then(Value::as_array) {
            Some(jobs) => jobs.iter().map(one).collect(),
            None => vec![one(answer)],
        };
        Self { jobs }
    }

    pub(super) fn job(&self, name: &str) -> Option<&JobSample> {
        self.jobs.iter().find(|job| job.name == name)
    }
}

impl JobSample {
    /// Over its operators.
    pub(super) fn busy(&self) -> f64 {
        self.figures.operators.iter().map(|operator| operator.busy).sum()
    }

    pub(super) fn state_bytes(&self) -> u64 {
        self.figures.operators.iter().map(|operator| operator.state_bytes).sum()
    }
}
