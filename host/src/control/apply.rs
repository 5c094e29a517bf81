//! `pelton job apply`: a whole job file in the place of the one that a job has.
//!
//! ```text
//!  job file ─► does the job run? ─ no ─► submitted, as a new revision
//!                     │ yes
//!                     └► what differs ─► it goes over between two epochs ─ or, if that cannot be ─► refused with all reasons,
//!                                                                                     or stopped and started if the caller says so
//! ```
//!
//! Invariant: no job is stopped for a file that its state is known not to fit.
//!
//! Called by the API. The same steps as those of a swap, for all operators at once, options and limits included.

use std::{sync::Arc, time::Duration};

use serde::Serialize;

use super::{
    ControlError, Engine, Submission,
    catalogue::{Origin, Revision},
    job::Job,
    resolve,
    swap::{Changed, Going},
};
use crate::job::{
    plan::change::{Refusals, widened},
    run::misfits,
};

/// How a job file is applied.
#[derive(Debug, Clone, Copy, Default)]
pub struct How {
    /// Only say what would change.
    pub is_dry_run: bool,
    /// A job that cannot change while it runs is stopped, and goes on as the new one.
    pub restarts: bool,
    /// Operators may ask other endpoints than before.
    pub approves: bool,
}

impl How {
    fn going(self) -> Going {
        Going { is_dry_run: self.is_dry_run, approves: self.approves }
    }
}

/// What was applied, or would be.
#[derive(Debug, Clone, Serialize)]
pub struct Applied {
    #[serde(flatten)]
    pub changed: Changed,
    /// Why the job had to stop, or would have to; none: it went over while it ran.
    pub restart: Vec<String>,
    /// It did not run before.
    pub is_started: bool,
}

/// How long a job may take to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

impl Engine {
    /// Puts a job file in the place of the one that its job has. A job that does not run is submitted.
    pub fn apply(self: &Arc<Self>, submission: Submission, how: How, by: &str) -> Result<Applied, ControlError> {
        let (name, draft) = self.draft(submission, by)?;
        let known = self.find(&name).ok();
        let origin = if known.is_some() { Origin::Apply } else { Origin::Submit };
        let draft = Revision { origin, ..draft };
        let Some(job) = known.filter(|job| !job.is_at_rest()) else {
            let changed = Changed::none(&name);
            if how.is_dry_run {
                return Ok(Applied { changed, restart: Vec::new(), is_started: true });
            }
            let status = self.take(&name, draft, by)?;
            let changed = Changed { revision: Some(status.revision), ..changed };
            return Ok(Applied { changed, restart: Vec::new(), is_started: true });
        };
        match self.apply_to(&job, draft.clone(), how, by) {
            Ok(changed) => Ok(Applied { changed, restart: Vec::new(), is_started: false }),
            Err(ControlError::Change(refusals)) if how.restarts => {
                self.refuse_misfit(&job, draft.clone(), how, by)?;
                let current = job.revision().number;
                let mut changed = Changed { from: current, ..Changed::none(&name) };
                if !how.is_dry_run {
                    self.stop(&name)?;
                    if !job.wait(STOP_PATIENCE) {
                        return Err(ControlError::conflict(
                            format!("job `{name}` has not stopped within {} s", STOP_PATIENCE.as_secs()),
                            format!("`pelton job show {name}` says when it has; then apply the file again"),
                        ));
                    }
                    changed.revision = Some(self.take(&name, draft, by)?.revision);
                }
                let Refusals(restart) = *refusals;
                Ok(Applied { changed, restart, is_started: false })
            }
            Err(error) => Err(error),
        }
    }

    /// A job is not stopped for a file that cannot be planned, or with which it could not go on.
    fn refuse_misfit(&self, job: &Arc<Job>, draft: Revision, how: How, by: &str) -> Result<(), ControlError> {
        let given = draft.pins.clone();
        let next = self.pinned(job, draft, &given, by)?;
        let plan = job.plan(self, &next)?;
        let now = match job.control().and_then(|control| control.current()) {
            Some((_, now)) => now,
            None => Arc::new(job.plan(self, &job.revision())?),
        };
        let reasons = misfits(&now, &plan);
        if !how.is_dry_run {
            how.going().check(job.name(), &widened(&now, &plan))?;
        }
        match reasons.is_empty() {
            true => Ok(()),
            false => Err(ControlError::Misfit { job: job.name().to_owned(), reasons }),
        }
    }

    fn apply_to(&self, job: &Arc<Job>, draft: Revision, how: How, by: &str) -> Result<Changed, ControlError> {
        let _turn = job.turn();
        let current = job.revision();
        let file = resolve::read(&draft, &self.catalogue().checkpoint(job.name()))?;
        resolve::check(&file)?;
        let known = resolve::read(&current, &self.catalogue().checkpoint(job.name()))?.spec;
        let differs = [
            (known.batch != file.spec.batch, "`batch` changes"),
            (known.threads != file.spec.threads, "`threads` changes"),
            (known.restart != file.spec.restart, "`restart` changes"),
        ];
        let refusals: Vec<String> =
            differs.into_iter().filter(|(differs, _)| *differs).map(|(_, what)| what.into()).collect();
        if !refusals.is_empty() {
            return Err(ControlError::Change(Box::new(Refusals(refusals))));
        }
        let given = draft.pins.clone();
        let revision = Revision { number: job.next_number(), origin: Origin::Apply, ..draft };
        if (&revision.text, &revision.overrides) == (&current.text, &current.overrides) {
            // Modules may be others though the file is not.
            let changed =
                self.go_over(job, &current, revision.clone(), &given, by, Going { is_dry_run: true, approves: true })?;
            if changed.operators.is_empty() {
                return Ok(changed);
            }
        }
        self.go_over(job, &current, revision, &given, by, how.going())
    }
}
