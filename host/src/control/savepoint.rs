//! Savepoints of the engine's jobs: made beside a job that runs, restored into one that rests.

use pelton_core::model::Epoch;
use serde_json::{Value, json};

use super::{ControlError, Engine};
use crate::job::{
    look::{self, As, Known},
    run::Control,
    savepoint::{self, Choices, Savepoint, SavepointError, Stock, json as shown},
};

/// Bytes of a savepoint that goes by HTTP; a larger one is copied on the engine's machine.
pub const SAVEPOINT_BYTES_MAX: u64 = 512 << 20;

impl Engine {
    /// Makes a savepoint of a job under a name of its own. `epoch`: none is the newest state that was saved, `Some(None)` the last epoch.
    pub fn create_savepoint(&self, job: &str, name: &str, epoch: Option<Option<u64>>) -> Result<Value, ControlError> {
        let location = self.checkpoint_of(job)?;
        let stock = Stock { location: &location };
        stock.check_free(name)?;
        let as_of = match epoch {
            None => As::Saved,
            Some(None) => As::Last,
            Some(Some(epoch)) => As::Of(Epoch(epoch)),
        };
        let made = look::patiently(|| {
            let made = self.with_retained(job, |found, revisions, retained| {
                let current = found.control().as_ref().and_then(Control::current);
                savepoint::make(&Known { revisions, retained, current, threads: 1 }, as_of, job, name)
            });
            Ok::<_, ControlError>(made??)
        })?;
        let bytes = made.encode();
        let said = shown::whole(name, &made, bytes.len() as u64);
        stock.put(name, bytes)?;
        Ok(said)
    }

    pub fn savepoints(&self, job: &str) -> Result<Value, ControlError> {
        let location = self.checkpoint_of(job)?;
        Ok(Stock { location: &location }.listed()?)
    }

    /// All that is in one; every byte of it is checked.
    pub fn savepoint(&self, job: &str, name: &str) -> Result<Value, ControlError> {
        let location = self.checkpoint_of(job)?;
        Ok(Stock { location: &location }.shown_whole(name)?)
    }

    /// The file of one.
    pub fn savepoint_file(&self, job: &str, name: &str) -> Result<Vec<u8>, ControlError> {
        let location = self.checkpoint_of(job)?;
        let bytes = Stock { location: &location }.bytes(name)?;
        if bytes.len() as u64 > SAVEPOINT_BYTES_MAX {
            let what = format!("the savepoint has {} bytes, and {SAVEPOINT_BYTES_MAX} go by HTTP", bytes.len());
            let help = "export it on the engine's machine, with the job file: `pelton savepoint export job.toml …`";
            return Err(ControlError::invalid(what, help));
        }
        Ok(bytes)
    }

    /// Takes the file of one.
    pub fn import_savepoint(&self, job: &str, name: &str, bytes: Vec<u8>) -> Result<Value, ControlError> {
        let location = self.checkpoint_of(job)?;
        let savepoint = Savepoint::decode(&bytes, name)?;
        let said = shown::whole(name, &savepoint, bytes.len() as u64);
        Stock { location: &location }.put(name, bytes)?;
        Ok(said)
    }

    pub fn remove_savepoint(&self, job: &str, name: &str) -> Result<Value, ControlError> {
        let location = self.checkpoint_of(job)?;
        Stock { location: &location }.remove(name)?;
        Ok(json!({ "removed": name }))
    }

    /// Has a job that rests go on from one of its savepoints when it is resumed.
    pub fn restore_savepoint(
        &self,
        name: &str,
        savepoint: &str,
        choices: &Choices,
        is_dry_run: bool,
    ) -> Result<Value, ControlError> {
        let job = self.find(name)?;
        let _turn = job.turn();
        if !is_dry_run && !job.is_at_rest() {
            return Err(ControlError::conflict(
                format!("job `{name}` runs, and would go on with the state that it has"),
                format!("`pelton job pause {name}`, restore the savepoint, `pelton job resume {name}`"),
            ));
        }
        let location = self.checkpoint_of(name)?;
        let found = Stock { location: &location }.get(savepoint)?;
        let revision = job.revision();
        let mut plan = job.plan(self, &revision)?;
        let fit = savepoint::fit(&found, &mut plan, choices)?;
        if is_dry_run {
            return Ok(shown::fitted(savepoint, &found, &fit, None));
        }
        let restored = savepoint::restore(&found, &fit, &plan, revision.number)?;
        Ok(shown::fitted(savepoint, &found, &fit, Some(&restored)))
    }
}

impl From<SavepointError> for ControlError {
    fn from(error: SavepointError) -> Self {
        match error {
            SavepointError::Replay(error) => error.into(),
            error => Self::Savepoint(Box::new(error)),
        }
    }
}
