//! Rows of the engine's jobs, followed back: beside the job that may run meanwhile, each epoch by the revision that it had.

use pelton_core::model::Epoch;
use serde_json::Value;

use super::{ControlError, Engine};
use crate::job::{
    look,
    replay::Kept,
    trace::{self, Request, Which},
};

/// What a caller wants to know.
#[derive(Debug, Clone)]
pub struct Trace {
    pub sink: Option<String>,
    pub which: Which,
    pub epoch: Option<u64>,
    pub back: u64,
    pub rows: usize,
}

impl Engine {
    /// Follows a row of a job's sink back to where it was read.
    pub fn trace(&self, name: &str, wanted: &Trace) -> Result<Value, ControlError> {
        let Trace { sink, which, epoch, back, rows } = wanted.clone();
        let request = Request { sink, which, epoch: epoch.map(Epoch), back, rows, threads: self.threads() };
        look::patiently(|| {
            let traced = self.with_retained(name, |_, revisions, retained| {
                trace::trace(revisions, &Kept::Directory(retained), &request)
            });
            Ok(trace::to_json(&traced??))
        })
    }
}
