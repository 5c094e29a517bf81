//! The marker: which epoch of a sink the server has taken last, and of whom.
//!
//! ```text
//!  pelton_commits   job │ sink │ run │ generation │ epoch │ committed       one row for each sink
//! ```
//!
//! It is changed in the transaction of the rows that it speaks of, and locked before anything else is done there. Decisions are made here and
//! carried out in [`super::publish`]. Invariants: rows go in only while the marker has the writer's own run and generation; an epoch that the marker
//! has passed does not go in again; a run that goes on finds the marker as it left it, or stops.

use pelton_core::model::Epoch;

use super::error::MarkerFault;

/// Columns of the table in which markers are.
pub const DEFINITION: &str = "(job text NOT NULL, sink text NOT NULL, run text NOT NULL, generation bigint NOT NULL, \
     epoch bigint NOT NULL, committed timestamptz NOT NULL DEFAULT pg_catalog.now(), PRIMARY KEY (job, sink))";

/// Whose marker it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub job: String,
    pub sink: String,
    /// A number of the run that began anew, which those that go on after it keep.
    pub run: String,
    pub generation: i64,
    /// The run goes on: it has left a marker.
    pub has_begun: bool,
}

/// A marker as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub run: String,
    pub generation: i64,
    pub epoch: i64,
}

/// What to do with a marker when a writer opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Begin with epoch 0; `instead`: of a run that another one follows now.
    Begin { instead: Option<String> },
    /// Go on after this epoch.
    Continue { epoch: i64 },
}

/// What to do with an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Publish,
    /// The server has it.
    Done,
}

impl Owner {
    pub fn claim(&self, found: Option<Found>) -> Result<Claim, MarkerFault> {
        let (job, sink) = (self.job.clone(), self.sink.clone());
        match found {
            None if self.has_begun => Err(MarkerFault::Missing { job, sink }),
            None => Ok(Claim::Begin { instead: None }),
            Some(found) if found.run == self.run => {
                self.check_generation(&found)?;
                Ok(Claim::Continue { epoch: found.epoch })
            }
            Some(_) if self.has_begun => Err(MarkerFault::Foreign { job, sink }),
            Some(found) => Ok(Claim::Begin { instead: Some(found.run) }),
        }
    }

    /// For a transaction that holds the marker. `before`: the epoch whose rows must be there already.
    pub fn step(&self, found: Option<Found>, before: Epoch, epoch: Epoch) -> Result<Step, MarkerFault> {
        let (job, sink) = (self.job.clone(), self.sink.clone());
        let Some(found) = found else { return Err(MarkerFault::Missing { job, sink }) };
        if found.run != self.run {
            return Err(MarkerFault::Foreign { job, sink });
        }
        self.check_generation(&found)?;
        if found.epoch >= number(epoch.0) {
            return Ok(Step::Done);
        }
        self.check(found.epoch, before)?;
        Ok(Step::Publish)
    }

    /// The server must have the rows up to `last`, and no others; `at` is the marker's epoch.
    pub fn check(&self, at: i64, last: Epoch) -> Result<(), MarkerFault> {
        let own = number(last.0);
        if at == own {
            return Ok(());
        }
        Err(MarkerFault::Apart { job: self.job.clone(), sink: self.sink.clone(), found: at, own })
    }

    fn check_generation(&self, found: &Found) -> Result<(), MarkerFault> {
        if found.generation <= self.generation {
            return Ok(());
        }
        let (job, sink) = (self.job.clone(), self.sink.clone());
        Err(MarkerFault::Fenced { job, sink, found: found.generation, own: self.generation })
    }
}

/// As the server has it. More than 2⁶³ epochs are not to be lived through.
pub fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(generation: i64, has_begun: bool) -> Owner {
        Owner { job: "j".into(), sink: "s".into(), run: "a".into(), generation, has_begun }
    }

    fn found(run: &str, generation: i64, epoch: i64) -> Option<Found> {
        Some(Found { run: run.into(), generation, epoch })
    }

    #[test]
    fn a_marker_is_claimed_by_those_who_left_it_or_who_begin() {
        assert_eq!(owner(1, false).claim(None), Ok(Claim::Begin { instead: None }));
        assert_eq!(owner(1, false).claim(found("b", 9, 9)), Ok(Claim::Begin { instead: Some("b".into()) }));
        assert_eq!(owner(3, true).claim(found("a", 2, 9)), Ok(Claim::Continue { epoch: 9 }));
        assert!(matches!(owner(3, true).claim(None), Err(MarkerFault::Missing { .. })));
        assert!(matches!(owner(3, true).claim(found("b", 1, 1)), Err(MarkerFault::Foreign { .. })));
        assert!(matches!(owner(3, true).claim(found("a", 4, 1)), Err(MarkerFault::Fenced { .. })));
        assert!(matches!(owner(3, false).claim(found("a", 4, 1)), Err(MarkerFault::Fenced { .. })));
    }

    #[test]
    fn an_epoch_goes_in_once_and_for_the_owner_alone() {
        let own = owner(2, true);
        let step = |found| own.step(found, Epoch(5), Epoch(7));
        assert_eq!(step(found("a", 2, 5)), Ok(Step::Publish));
        assert_eq!(step(found("a", 2, 7)), Ok(Step::Done));
        assert_eq!(step(found("a", 2, 9)), Ok(Step::Done));
        assert!(matches!(step(found("a", 3, 5)), Err(MarkerFault::Fenced { found: 3, own: 2, .. })));
        assert!(matches!(step(found("b", 1, 5)), Err(MarkerFault::Foreign { .. })));
        assert!(matches!(step(None), Err(MarkerFault::Missing { .. })));
        // A server that was put back lacks epochs which were published once.
        assert!(matches!(step(found("a", 2, 4)), Err(MarkerFault::Apart { found: 4, own: 5, .. })));
        assert!(matches!(step(found("a", 2, 6)), Err(MarkerFault::Apart { .. })));
    }

    #[test]
    fn a_server_or_a_checkpoint_that_was_put_back_is_found_out() {
        let own = owner(2, true);
        assert_eq!(own.check(7, Epoch(7)), Ok(()));
        assert!(matches!(own.check(5, Epoch(7)), Err(MarkerFault::Apart { found: 5, own: 7, .. })));
        assert!(matches!(own.check(9, Epoch(7)), Err(MarkerFault::Apart { .. })));
    }
}
