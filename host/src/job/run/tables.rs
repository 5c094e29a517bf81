//! Side tables as epochs see them: loaded before the first one, and again before any whose beginning finds a file changed.
//!
//! The planner thread looks between epochs; all tasks of an epoch share one version of each table. A table that
//! cannot be read any more stays what it was, with a warning: a file that is just being replaced ends no job.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::RunError;
use crate::{
    job::plan::{Logic, Plan, PlannedOperator, TablePlan},
    operator::{
        join::LookupIndex,
        tables::{SideTables, TableVersion},
    },
    source::{SourceError, table::Fingerprint},
};

/// The tables of one epoch.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// As modules see them.
    pub(crate) side: Arc<SideTables>,
    /// For each operator the index of its table; none: it joins with none.
    pub(crate) indexes: Vec<Option<Arc<LookupIndex>>>,
}

impl Tables {
    /// Indexes of tables that `before` has in the same version are taken over.
    pub(super) fn new(plan: &Plan, versions: Vec<TableVersion>, before: &Self) -> Self {
        let index = |(at, planned): (usize, &PlannedOperator)| {
            let Logic::Lookup(lookup) = &planned.logic else { return None };
            let table = versions.get(lookup.table)?;
            let same = before.side.0.get(lookup.table).is_some_and(|known| known.version == table.version);
            let known = before.indexes.get(at).cloned().flatten().filter(|_| same);
            Some(known.unwrap_or_else(|| Arc::new(LookupIndex::new(lookup, table.rows.clone()))))
        };
        let indexes = plan.operators.iter().enumerate().map(index).collect();
        Self { indexes, side: Arc::new(SideTables(versions)) }
    }
}

/// Loads tables and watches their files.
pub(super) struct TableWatch {
    plan: Arc<Plan>,
    /// As of the version that is in use.
    seen: Vec<Fingerprint>,
    /// Whose files are gone, which was told.
    missing: Vec<bool>,
    current: Arc<Tables>,
}

impl TableWatch {
    /// Loads all tables. `known` are those of an earlier run: a table that is still the same keeps its version.
    pub(super) fn load(plan: &Arc<Plan>, known: &[TableVersion]) -> Result<Self, RunError> {
        let failed = |table: &TablePlan, source| RunError::Table { name: table.name.clone(), source };
        let mut seen = Vec::new();
        let mut versions = Vec::new();
        for planned in &plan.tables {
            let (fingerprint, rows) = load(planned).map_err(|error| failed(planned, error))?;
            seen.push(fingerprint);
            let before = known.iter().find(|known| known.name == planned.name);
            let version = before.map_or(1, |known| known.version + u64::from(known.rows != rows));
            versions.push(TableVersion { name: planned.name.clone(), version, rows });
        }
        let missing = vec![false; seen.len()];
        let current = Arc::new(Tables::new(plan, versions, &Tables::default()));
        Ok(Self { plan: Arc::clone(plan), seen, missing, current })
    }

    /// Tables that stay what they are: of epochs that are computed again, each of which brings its own.
    pub(super) fn still(plan: &Arc<Plan>) -> Self {
        Self { plan: Arc::clone(plan), seen: Vec::new(), missing: Vec::new(), current: Arc::default() }
    }

    /// From now on they are for the operators of another plan with the same tables.
    pub(super) fn goes_by(&mut self, plan: &Arc<Plan>) {
        let versions = self.current.side.0.clone();
        self.current = Arc::new(Tables::new(plan, versions, &Tables::default()));
        self.plan = Arc::clone(plan);
    }

    /// As they were loaded last.
    pub(super) fn current(&self) -> &Arc<Tables> {
        &self.current
    }

    /// The tables for an epoch that begins now.
    pub(super) fn now(&mut self) -> Arc<Tables> {
        let plan = Arc::clone(&self.plan);
        let mut is_changed = false;
        let mut versions = self.current.side.0.clone();
        let watched = self.seen.iter_mut().zip(&mut self.missing);
        for ((planned, (seen, is_missing)), known) in plan.tables.iter().zip(watched).zip(&mut versions) {
            let found = planned.table.fingerprint();
            let was_missing = std::mem::replace(is_missing, found.is_err());
            let rows = match found {
                Ok(fingerprint) if fingerprint == *seen => None,
                Ok(fingerprint) => {
                    // Told once for each change, whether it can be read or not.
                    *seen = fingerprint;
                    match load(planned) {
                        Ok((fingerprint, rows)) => {
                            tracing::info!(table = planned.name, rows = rows.num_rows(), "table loaded again");
                            *seen = fingerprint;
                            Some(rows)
                        }
                        Err(error) => warn(planned, "has changed, but cannot be loaded", &error),
                    }
                }
                // What replaces it will have another fingerprint, or is what it was.
                Err(error) if !was_missing => warn(planned, "cannot be found any more", &error),
                Err(_) => None,
            };
            if let Some(rows) = rows {
                (known.version, known.rows) = (known.version + 1, rows);
                is_changed = true;
            }
        }
        if is_changed {
            self.current = Arc::new(Tables::new(&plan, versions, &self.current));
        }
        Arc::clone(&self.current)
    }
}

fn load(planned: &TablePlan) -> Result<(Fingerprint, RecordBatch), SourceError> {
    let fingerprint = planned.table.fingerprint()?;
    Ok((fingerprint, planned.table.load()?))
}

fn warn(planned: &TablePlan, what: &str, error: &SourceError) -> Option<RecordBatch> {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let causes: String = causes.map(|cause| format!(": {cause}")).collect();
    tracing::warn!("table `{}` {what}, so the job goes on with what it has: {error}{causes}", planned.name);
    None
}
