//! The state of a job as of an epoch: from its newest snapshot, or computed again from the one before.
//!
//! Partitions are read one at a time, so that memory is bounded by the largest of them.

use std::{ops::ControlFlow, sync::Arc};

use arrow::array::RecordBatch;
use pelton_core::{
    checkpoint::record::{FileRef, Record},
    job::operator_of,
    model::Epoch,
};

use super::{
    LookError, Wanted,
    filter::Filter,
    held::{Held, key, looked, main_tables},
};
use crate::{
    checkpoint::Retained,
    job::{
        diagnostic::shown,
        plan::{Plan, PlannedOperator},
        replay::{Kept, Revisions},
        run::replay::{Replay, Replayed, Watch, run},
    },
    state::looked::Looked,
};

/// As of which epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum As {
    /// Of the newest snapshot: nothing is computed.
    #[default]
    Saved,
    /// Of the last epoch that was committed.
    Last,
    Of(Epoch),
}

/// What a caller has at hand.
pub struct Known<'a> {
    pub revisions: &'a Revisions<'a>,
    pub retained: &'a Retained,
    /// The revision that runs, with its plan.
    pub current: Option<(u64, Arc<Plan>)>,
    /// For epochs that are computed again.
    pub threads: usize,
}

/// The state of a job.
pub struct Seen<'a> {
    retained: &'a Retained,
    pub epoch: Epoch,
    /// The last epoch that was committed.
    pub committed: Epoch,
    pub revision: u64,
    /// Processing time of the epoch, in µs.
    now: i64,
    pub(super) plan: Arc<Plan>,
    /// By the names of operators, their partitions.
    operators: Vec<(String, Vec<Bytes>)>,
}

enum Bytes {
    File(FileRef),
    Made(Vec<u8>),
}

/// Entries that are worked on at once.
const ENTRIES: usize = 1024;

impl<'a> Seen<'a> {
    /// Finds the state, and computes it if it is not there.
    pub fn new(known: &Known<'a>, as_of: As) -> Result<Self, LookError> {
        let committed = known.retained.last().ok_or(LookError::NotSaved)?;
        let wanted = match as_of {
            As::Saved | As::Last => committed,
            As::Of(epoch) => epoch,
        };
        let saved = known.retained.snapshot(wanted)?;
        match saved.filter(|saved| as_of == As::Saved || saved.epoch == wanted) {
            Some(saved) => Self::saved(known, committed, &saved),
            None if as_of == As::Saved => Err(LookError::NotSaved),
            None => Self::computed(known, committed, wanted),
        }
    }

    fn saved(known: &Known<'a>, committed: Epoch, record: &Record) -> Result<Self, LookError> {
        let plan = match &known.current {
            Some((number, plan)) if *number == record.revision => Arc::clone(plan),
            _ => Arc::new(known.revisions.plan_to_look(record.revision)?),
        };
        let operators = record.snapshot.iter().flat_map(|snapshot| &snapshot.operators).map(|operator| {
            let partitions = operator.partitions.iter().cloned().map(Bytes::File);
            (operator.operator.clone(), partitions.collect())
        });
        let (epoch, revision, now) = (record.epoch, record.revision, record.now);
        Ok(Self { retained: known.retained, epoch, committed, revision, now, plan, operators: operators.collect() })
    }

    fn computed(known: &Known<'a>, committed: Epoch, epoch: Epoch) -> Result<Self, LookError> {
        let kept = Kept::Directory(known.retained);
        let Replayed { epochs, state, .. } = run(Replay {
            stretch: kept.stretch(epoch)?,
            first: epoch,
            files: &|file| kept.get(file),
            plans: &mut |number| known.revisions.plan(number),
            candidate: None,
            beginnings: None,
            threads: known.threads,
            is_forgetful: false,
            keeps_state: true,
            watch: Watch::Nothing,
        })?;
        if let Some(differing) = epochs.iter().find(|epoch| !epoch.is_same()) {
            return Err(LookError::Differs { epoch: differing.epoch });
        }
        let (Some(last), Some(state)) = (epochs.last(), state) else { return Err(LookError::NotSaved) };
        let operators = state.operators.into_iter().map(|(name, partitions)| {
            let partitions = partitions.into_iter().map(Bytes::Made);
            (name, partitions.collect())
        });
        let (revision, now) = (last.revision, last.now);
        let operators = operators.collect();
        Ok(Self { retained: known.retained, epoch, committed, revision, now, plan: state.plan, operators })
    }

    /// The operators that keep state: not those that only stand beside another one.
    pub(super) fn operators(&self) -> impl Iterator<Item = &PlannedOperator> {
        let keeps =
            |planned: &&PlannedOperator| planned.stage > 0 && planned.shadow_of.is_none() && !planned.is_canary();
        self.plan.operators.iter().filter(keeps)
    }

    pub(super) fn operator(&self, name: &str) -> Result<&PlannedOperator, LookError> {
        self.operators().find(|planned| planned.logic.name() == name).ok_or_else(|| {
            let known = self.operators().map(|planned| planned.logic.name().to_owned());
            LookError::Operator { name: shown(name), known: known.collect() }
        })
    }

    /// Bytes of the snapshot of an operator.
    pub(super) fn bytes(&self, name: &str) -> u64 {
        let partitions =
            self.operators.iter().filter(|(known, _)| known == name).flat_map(|(_, partitions)| partitions);
        let bytes = partitions.map(|bytes| match bytes {
            Bytes::File(file) => file.bytes,
            Bytes::Made(bytes) => bytes.len() as u64,
        });
        bytes.sum()
    }

    pub(super) fn filter(&self, wanted: &Wanted) -> Result<(&PlannedOperator, Filter), LookError> {
        let planned = self.operator(&wanted.operator)?;
        Ok((planned, Filter::new(wanted, key(&planned.logic))?))
    }

    /// The table that is meant: the one of this name, or the only one that is not the host's own.
    pub(super) fn table(planned: &PlannedOperator, name: Option<&str>) -> Result<(usize, Looked), LookError> {
        let all = looked(&planned.logic);
        let operator = planned.logic.name().to_owned();
        let known = all.iter().map(|table| table.name.clone()).collect();
        let mut tables = all.into_iter().enumerate();
        match name {
            Some(name) => tables.find(|(_, table)| table.name == name).ok_or_else(|| LookError::Table {
                operator,
                name: shown(name),
                known,
            }),
            None if main_tables(&planned.logic) == 1 => {
                tables.next().ok_or_else(|| LookError::WhichTable { operator, known })
            }
            None => Err(LookError::WhichTable { operator, known }),
        }
    }

    /// All tables of an operator.
    pub(super) fn all_tables(planned: &PlannedOperator) -> Vec<(usize, Looked)> {
        looked(&planned.logic).into_iter().enumerate().collect()
    }

    /// Gives each partition that may hold such keys to `act`, until it has enough.
    pub(super) fn each(
        &self,
        planned: &PlannedOperator,
        filter: &Filter,
        act: &mut dyn FnMut(&Held) -> Result<ControlFlow<()>, LookError>,
    ) -> Result<(), LookError> {
        // As many as were saved: the job file may name another number since.
        let name = planned.logic.name();
        let saved =
            self.operators.iter().find(|(known, _)| known == name).map_or(0, |(_, partitions)| partitions.len());
        let partitions = u16::try_from(saved).unwrap_or(u16::MAX);
        let only = filter.partition(partitions);
        for number in (0..partitions).filter(|number| only.is_none_or(|only| only == *number)) {
            let Some(held) = self.load(planned, number)? else { continue };
            if act(&held)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// None: there is nothing in it.
    fn load(&self, planned: &PlannedOperator, number: u16) -> Result<Option<Held>, LookError> {
        let main = planned.logic.name();
        // An operator shares its partitions with its canary.
        let of_canary = |other: &&PlannedOperator| {
            other.is_canary() && operator_of(other.logic.name()) == main && other.has_partition(number)
        };
        let owner = self.plan.operators.iter().find(of_canary).unwrap_or(planned);
        let name = owner.logic.name();
        let saved = self.operators.iter().find(|(known, _)| known == name);
        let Some(bytes) = saved.and_then(|(_, partitions)| partitions.get(usize::from(number))) else {
            return Ok(None);
        };
        let read;
        let bytes = match bytes {
            Bytes::Made(bytes) => bytes,
            Bytes::File(file) => {
                read = self.retained.get(file)?;
                &read
            }
        };
        let failed = |source| LookError::State { name: format!("operator `{name}`"), source };
        Held::load(&owner.logic, number, bytes).map_err(failed)
    }

    /// Gives the rows of a partition's table whose keys are wanted to `see`, some at a time, until it has enough.
    pub(super) fn rows(
        &self,
        held: &Held,
        (table, looked): (usize, &Looked),
        filter: &Filter,
        see: &mut dyn FnMut(RecordBatch) -> Result<ControlFlow<()>, LookError>,
    ) -> Result<ControlFlow<()>, LookError> {
        for entries in held.entries(table).chunks(ENTRIES) {
            let chosen = filter.choose(entries, &held.keys(table, entries)?)?;
            if chosen.is_empty() {
                continue;
            }
            let rows = held.rows((table, looked), &chosen, self.now)?;
            if rows.num_rows() > 0 && see(rows)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
