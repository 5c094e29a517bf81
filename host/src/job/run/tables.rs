//! Side tables as epochs see them: loaded before the first one, and again before any whose beginning finds a file changed.
//!
//! The planner thread looks between epochs; all tasks of an epoch share one version of each table. A table that
//! cannot be read any more stays what it was, with a warning: a file that is just being replaced ends no job.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::RunError;
use crate::{
    job::plan::{Logic, Plan, TablePlan},
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

/// Loads tables and watches their files.
pub(super) struct TableWatch {
    plan: Arc<Plan>,
    /// As of the version that is in use.
    seen: Vec<Fingerprint>,
    current: Arc<Tables>,
}

impl TableWatch {
    /// Loads all tables.
    pub(super) fn load(plan: &Arc<Plan>) -> Result<Self, RunError> {
        let failed = |table: &TablePlan, source| RunError::Table { name: table.name.clone(), source };
        let mut seen = Vec::new();
        let mut rows = Vec::new();
        for planned in &plan.tables {
            let (fingerprint, loaded) = load(planned).map_err(|error| failed(planned, error))?;
            seen.push(fingerprint);
            rows.push(Some(loaded));
        }
        let current = Tables { side: Arc::default(), indexes: vec![None; plan.operators.len()] };
        let mut watch = Self { plan: Arc::clone(plan), seen, current: Arc::new(current) };
        watch.index(&rows);
        Ok(watch)
    }

    /// As they were loaded last.
    pub(super) fn current(&self) -> &Tables {
        &self.current
    }

    /// The tables for an epoch that begins now.
    pub(super) fn now(&mut self) -> Arc<Tables> {
        let plan = Arc::clone(&self.plan);
        let mut changed: Vec<Option<RecordBatch>> = Vec::new();
        for (planned, seen) in plan.tables.iter().zip(&mut self.seen) {
            changed.push(match planned.table.fingerprint() {
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
                        Err(error) => warn(planned, &error),
                    }
                }
                // Not there for a moment: what replaces it will have another fingerprint.
                Err(error) => {
                    tracing::debug!(table = planned.name, error = &error as &dyn std::error::Error, "table not found");
                    None
                }
            });
        }
        if changed.iter().any(Option::is_some) {
            self.index(&changed);
        }
        Arc::clone(&self.current)
    }

    /// Makes new indexes of the tables that have new rows.
    fn index(&mut self, rows: &[Option<RecordBatch>]) {
        let operators = self.plan.operators.iter().zip(&self.current.indexes);
        let indexes = operators.map(|(planned, current)| match &planned.logic {
            Logic::Lookup(lookup) => match rows.get(lookup.table).and_then(Option::as_ref) {
                Some(rows) => Some(Arc::new(LookupIndex::new(lookup, rows.clone()))),
                None => current.clone(),
            },
            _ => None,
        });
        let tables = self.plan.tables.iter().zip(rows).enumerate().filter_map(|(at, (planned, rows))| {
            let known = self.current.side.0.get(at);
            match rows {
                None => known.cloned(),
                Some(rows) => {
                    let version = known.map_or(0, |known| known.version) + 1;
                    Some(TableVersion { name: planned.name.clone(), version, rows: rows.clone() })
                }
            }
        });
        let side = Arc::new(SideTables(tables.collect()));
        self.current = Arc::new(Tables { side, indexes: indexes.collect() });
    }
}

fn load(planned: &TablePlan) -> Result<(Fingerprint, RecordBatch), SourceError> {
    let fingerprint = planned.table.fingerprint()?;
    Ok((fingerprint, planned.table.load()?))
}

fn warn(planned: &TablePlan, error: &SourceError) -> Option<RecordBatch> {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let causes: String = causes.map(|cause| format!(": {cause}")).collect();
    tracing::warn!(
        "table `{}` has changed, but cannot be loaded, so the job goes on with what it has: {error}{causes}",
        planned.name
    );
    None
}
