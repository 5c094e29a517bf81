//! One partition of an operator, loaded to be looked at: its entries (keys, groups of windows, rows of a join or a sort), their keys, their rows.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch},
    datatypes::FieldRef,
};

use super::LookError;
use crate::{
    job::plan::Logic,
    operator::{
        aggregate::{self, AggregatePlan},
        join::{self, JoinPlan},
        keyed::{self, KeyedPlan},
        sort::{self, Phase},
    },
    state::{budget::Budget, looked::Looked, snapshot::SnapshotError},
};

/// The tables of an operator; of one without state there are none.
pub(super) fn looked(logic: &Logic) -> Vec<Looked> {
    match logic {
        Logic::Keyed(plan) => plan.looked(),
        Logic::Aggregate(plan) => plan.looked(),
        Logic::Join(plan) => plan.looked(),
        Logic::Sort(plan) => plan.looked(),
        Logic::Transform(_) | Logic::Lookup(_) => Vec::new(),
    }
}

/// How many of the first tables are shown if nobody names one: those that are not the host's own.
pub(super) fn main_tables(logic: &Logic) -> usize {
    match logic {
        Logic::Keyed(plan) => plan.signature.state.len(),
        Logic::Aggregate(_) => 1,
        Logic::Sort(plan) => plan.looked().len(),
        Logic::Join(_) => 2,
        Logic::Transform(_) | Logic::Lookup(_) => 0,
    }
}

/// The key of an operator with state; of a join the left side's.
pub(super) fn key(logic: &Logic) -> &[FieldRef] {
    match logic {
        Logic::Keyed(plan) => &plan.shuffle.key_fields,
        Logic::Aggregate(plan) => &plan.key_fields,
        Logic::Join(plan) => plan.shuffles.first().map(|left| left.key_fields.as_slice()).unwrap_or_default(),
        Logic::Transform(_) | Logic::Lookup(_) | Logic::Sort(_) => &[],
    }
}

/// `keyed`, `aggregate`, `join` or `sort`.
pub(super) fn kind(logic: &Logic) -> &'static str {
    match logic {
        Logic::Keyed(_) => "keyed",
        Logic::Aggregate(_) => "aggregate",
        Logic::Join(_) => "join",
        Logic::Sort(plan) if matches!(plan.phase, Phase::Hold { .. }) => "sort",
        Logic::Transform(_) | Logic::Lookup(_) | Logic::Sort(_) => "stateless",
    }
}

pub(super) enum Held {
    Keyed(Arc<KeyedPlan>, Box<keyed::Partition>),
    Aggregate(Arc<AggregatePlan>, Box<aggregate::Partition>, aggregate::Open),
    Join(Arc<JoinPlan>, Box<join::Partition>),
    Sort(Box<sort::Partition>),
}

impl Held {
    /// None: the operator has no state.
    pub(super) fn load(logic: &Logic, number: u16, bytes: &[u8]) -> Result<Option<Self>, SnapshotError> {
        // What is looked at was within its limits when it was saved.
        let budget = Budget::new(u64::MAX);
        Ok(match logic {
            Logic::Keyed(plan) => {
                let partition = keyed::Partition::load(plan, number, &budget, bytes)?;
                Some(Self::Keyed(Arc::clone(plan), Box::new(partition)))
            }
            Logic::Aggregate(plan) => {
                let partition = aggregate::Partition::load(plan, number, bytes)?;
                let open = partition.open(plan);
                Some(Self::Aggregate(Arc::clone(plan), Box::new(partition), open))
            }
            Logic::Join(plan) => {
                let partition = join::Partition::load(plan, number, &budget, bytes)?;
                Some(Self::Join(Arc::clone(plan), Box::new(partition)))
            }
            Logic::Sort(plan) => {
                let partition = sort::Partition::load(plan, number, &budget, bytes)?;
                Some(Self::Sort(Box::new(partition)))
            }
            Logic::Transform(_) | Logic::Lookup(_) => None,
        })
    }

    /// What a table's rows belong to, in an order that is the same every time.
    pub(super) fn entries(&self, table: usize) -> Vec<u32> {
        match self {
            Self::Keyed(_, partition) => partition.slots(),
            Self::Aggregate(_, _, open) => (0..open.len() as u32).collect(),
            Self::Join(_, partition) => partition.numbers(table),
            Self::Sort(partition) => (0..partition.rows() as u32).collect(),
        }
    }

    /// The key columns of these entries.
    pub(super) fn keys(&self, table: usize, entries: &[u32]) -> Result<Vec<ArrayRef>, LookError> {
        Ok(match self {
            Self::Keyed(plan, partition) => partition.key_columns(plan, entries),
            Self::Aggregate(plan, _, open) => open.key_columns(plan, entries),
            Self::Join(plan, partition) => partition.key_columns(plan, table, entries)?,
            Self::Sort(..) => Vec::new(),
        })
    }

    /// The rows of these entries in a table. `now` is the processing time that modules are told.
    pub(super) fn rows(
        &self,
        (table, looked): (usize, &Looked),
        entries: &[u32],
        now: i64,
    ) -> Result<RecordBatch, LookError> {
        match self {
            Self::Keyed(plan, partition) => Ok(partition.look(plan, table, looked, entries)),
            Self::Aggregate(plan, partition, open) => {
                let found = partition.look(plan, (table, looked), open, entries, now);
                found.map_err(|source| LookError::Results { operator: plan.name.clone(), source: Box::new(source) })
            }
            Self::Join(plan, partition) => Ok(partition.look(plan, table, looked, entries)?),
            Self::Sort(partition) => Ok(partition.look(looked, entries)?),
        }
    }
}
