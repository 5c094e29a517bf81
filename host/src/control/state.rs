//! Looking at the state of the engine's jobs: at what their checkpoints hold, whether they run or not.

use std::path::Path;

use serde_json::Value;

use super::{ControlError, Engine};
use crate::job::{
    look::{self, As, ExportFormat, Known, LookError, Seen, Wanted},
    run::Control,
};

/// Bytes of an export that are answered; a larger one is made where the checkpoint is.
const EXPORT_BYTES_MAX: u64 = 512 << 20;

impl Engine {
    /// The operators of a job that keep state, with their tables.
    pub fn state_tables(&self, name: &str) -> Result<Value, ControlError> {
        self.with_state(name, As::Saved, |seen| Ok(look::list(seen)))
    }

    /// Rows of a job's state, so many of each table at most. As of another epoch than that of the newest snapshot it is computed, on one thread:
    /// the job has the others.
    pub fn state(&self, name: &str, wanted: &Wanted, as_of: As, most: usize) -> Result<Value, ControlError> {
        self.with_state(name, as_of, |seen| look::rows(seen, wanted, most))
    }

    /// A table of a job's state as a file's bytes.
    pub fn export_state(&self, name: &str, wanted: &Wanted, format: ExportFormat) -> Result<Vec<u8>, ControlError> {
        let folder = tempfile::tempdir().map_err(ControlError::io("make a folder in", std::env::temp_dir()))?;
        let path = folder.path().join("state");
        let exported = self.with_state(name, As::Saved, |seen| look::export(seen, wanted, &path, format))?;
        if exported.bytes > EXPORT_BYTES_MAX {
            let what = format!("the table has {} bytes, and {EXPORT_BYTES_MAX} go by HTTP", exported.bytes);
            let help = "export it on the engine's machine, with the job file: `pelton state export job.toml …`";
            return Err(ControlError::invalid(what, help));
        }
        read(&path)
    }

    fn with_state<T>(
        &self,
        name: &str,
        as_of: As,
        mut act: impl FnMut(&Seen<'_>) -> Result<T, LookError>,
    ) -> Result<T, ControlError> {
        look::patiently(|| {
            let found = self.with_retained(name, |job, revisions, retained| {
                let current = job.control().as_ref().and_then(Control::current);
                act(&Seen::new(&Known { revisions, retained, current, threads: 1 }, as_of)?)
            });
            Ok(found??)
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ControlError> {
    std::fs::read(path).map_err(ControlError::io("read", path))
}
