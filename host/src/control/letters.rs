//! The dead letters of the engine's jobs, which lie in their checkpoints.

use serde_json::{Value, json};

use super::{ControlError, engine::Engine, resolve, swap::Swap};
use crate::{
    checkpoint::{CheckpointError, Location},
    job::dead_letters::{self, Action, LettersError, Selection, dry_run},
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

    /// What operators would make of dead letters, as they are or with the module of `candidate`, which is then of no effect otherwise.
    /// A candidate without an operator stands in for the one that the letters are of.
    pub fn try_letters(
        &self,
        job: &str,
        selection: &Selection,
        candidate: Option<Swap>,
    ) -> Result<Value, ControlError> {
        let checkpoint = self.checkpoint_of(job)?;
        let found = self.find(job)?;
        let plan = match candidate {
            None => found.plan(self, &found.revision())?,
            Some(mut candidate) => {
                if candidate.operator.is_empty() {
                    candidate.operator = match dry_run::operators(&checkpoint, selection)?.as_slice() {
                        [operator] => operator.clone(),
                        operators => return Err(one_operator(operators)),
                    };
                }
                self.plan_with(&found, &candidate)?
            }
        };
        dry_run::dry_run(&checkpoint, selection, &plan).map_err(ControlError::from)
    }

    pub(super) fn checkpoint_of(&self, name: &str) -> Result<Location, ControlError> {
        let revision = self.find(name)?.revision();
        let file = resolve::read(&revision, &self.catalogue().checkpoint(name))?;
        let checkpoint = file.spec.checkpoint.as_ref().map(|checkpoint| Location::of(&file.dir, &checkpoint.path));
        checkpoint.ok_or_else(|| ControlError::missing("checkpoint of job", name))
    }
}

fn one_operator(operators: &[String]) -> ControlError {
    let message = match operators {
        [] => "no dead letters are meant".to_owned(),
        operators => format!("the dead letters are of several operators: {}", operators.join(", ")),
    };
    ControlError::invalid(message, "name the operator whose place the module is to take: `--operator NAME`")
}

impl From<LettersError> for ControlError {
    fn from(error: LettersError) -> Self {
        Self::Letters(Box::new(error))
    }
}
