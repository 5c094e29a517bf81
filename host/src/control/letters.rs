//! The dead letters of the engine's jobs, which lie in their checkpoints.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{ControlError, engine::Engine, resolve};
use crate::{
    checkpoint::CheckpointError,
    job::dead_letters::{self, Action, LettersError, Selection},
};

impl Engine {
    /// Those of one operator or all, so many at most, the oldest first.
    pub fn letters(&self, job: &str, operator: Option<&str>, most: usize) -> Result<Value, ControlError> {
        match dead_letters::list(&self.checkpoint_of(job)?, operator, most) {
            // It has not committed anything yet.
            Err(LettersError::Checkpoint(CheckpointError::Missing { .. })) => Ok(json!({ "total": 0, "letters": [] })),
            listed => listed.map_err(ControlError::from),
        }
    }

    /// All that is known of a letter.
    pub fn letter(&self, job: &str, id: &str) -> Result<Value, ControlError> {
        dead_letters::show(&self.checkpoint_of(job)?, id).map_err(ControlError::from)
    }

    /// Asks a job for something, which it carries out in its next epoch.
    pub fn ask_for_letters(&self, job: &str, action: Action, selection: &Selection) -> Result<Value, ControlError> {
        dead_letters::ask(&self.checkpoint_of(job)?, action, selection).map_err(ControlError::from)
    }

    fn checkpoint_of(&self, name: &str) -> Result<PathBuf, ControlError> {
        let revision = self.find(name)?.revision();
        let file = resolve::read(&revision, &self.catalogue().checkpoint(name))?;
        let checkpoint = file.spec.checkpoint.as_ref().map(|checkpoint| file.dir.join(&checkpoint.path));
        checkpoint.ok_or_else(|| ControlError::missing("checkpoint of job", name))
    }
}

impl From<LettersError> for ControlError {
    fn from(error: LettersError) -> Self {
        Self::Letters(Box::new(error))
    }
}
