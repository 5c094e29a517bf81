//! What shadows show: their rows beside those of the operators whose place they might take.
//!
//! ```text
//! commit thread: rows of both, epoch by epoch ─► bounded queue ─► compare thread: which rows only one of them has
//! ```
//!
//! A canary has its own rows, so that only what it costs and rejects can be compared.
//!
//! Rows are compared as a multiset for each epoch and port, by the columns that somebody reads. A commit never waits: when the
//! queue is full an epoch is passed over, and counted.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
    thread::{self, JoinHandle},
};

use arrow::{
    array::RecordBatch,
    compute::concat_batches,
    datatypes::SchemaRef,
    json::ArrayWriter,
    row::{OwnedRow, RowConverter, SortField},
};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use pelton_core::{job::operator_of, model::Epoch};
use serde::{Deserialize, Serialize};

use super::control::Control;
use crate::{
    job::plan::{Plan, PlannedOperator},
    log::inherited,
    operator::OperatorStats,
};

/// What a shadow or a canary has shown since it began.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The operator that it stands beside.
    pub operator: String,
    /// Of a canary, its share of the rows; none: it is a shadow.
    #[serde(default)]
    pub share: Option<String>,
    /// Epochs that were compared, and those that were not since there was no time.
    pub epochs: u64,
    pub epochs_skipped: u64,
    /// Rows that both have.
    pub rows_same: u64,
    /// Rows that only the operator has, and that only the shadow has.
    pub rows_gone: u64,
    pub rows_new: u64,
    /// The first of them.
    pub examples: Vec<Difference>,
    /// What the operator and the shadow did meanwhile.
    pub main: Cost,
    pub shadow: Cost,
    /// Why the shadow was left out from some epoch on.
    pub failure: Option<String>,
}

impl Comparison {
    /// Nothing speaks against the shadow so far: all rows were the same, and it did not fail.
    pub fn is_same(&self) -> bool {
        self.rows_gone == 0 && self.rows_new == 0 && self.failure.is_none()
    }
}

/// What an operator did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    pub calls: u64,
    pub rows_in: u64,
    pub rows_out: u64,
    pub rejected: u64,
    /// Summed over threads: the calls, and carrying columns across.
    pub seconds: f64,
}

impl Cost {
    fn add(&mut self, stats: &OperatorStats) {
        self.calls += stats.calls;
        self.rows_in += stats.rows_in;
        self.rows_out += stats.rows_out;
        self.rejected += stats.rejected;
        self.seconds += (stats.call_time + stats.assemble_time).as_secs_f64();
    }
}

/// A row that only one of them has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    pub epoch: u64,
    pub port: String,
    /// The shadow has it; else the operator.
    pub is_new: bool,
    /// As a JSON object.
    pub row: String,
}

const EXAMPLES_MAX: usize = 20;
/// Rows of one side of an epoch beyond which it is not compared.
const ROWS_MAX: usize = 1 << 20;
/// Epochs that may wait to be compared.
const QUEUE_EPOCHS: usize = 8;

/// The rows of one epoch, for each tap of the plan in canonical order.
pub(super) struct Tapped {
    pub(super) epoch: Epoch,
    pub(super) batches: Vec<Vec<RecordBatch>>,
    /// For each operator of the plan, what it did in the epoch.
    pub(super) stats: Vec<OperatorStats>,
    /// (shadow, why it failed).
    pub(super) failures: Vec<(usize, String)>,
}

impl Tapped {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            epoch: Epoch::FIRST,
            batches: vec![Vec::new(); plan.taps.len()],
            stats: vec![OperatorStats::default(); plan.operators.len()],
            failures: Vec::new(),
        }
    }

    /// What one task made, the next one in canonical order.
    pub(super) fn add(
        &mut self,
        rows: Vec<(usize, RecordBatch)>,
        failures: Vec<(usize, String)>,
        stats: &[OperatorStats],
    ) {
        for (tap, batch) in rows {
            if let Some(batches) = self.batches.get_mut(tap) {
                batches.push(batch);
            }
        }
        self.failures.extend(failures);
        self.stats.iter_mut().zip(stats).for_each(|(sum, stats)| sum.add(stats));
    }
}

/// The commit thread's side.
pub(super) struct Comparer {
    queue: Sender<Tapped>,
    thread: Option<JoinHandle<Vec<Comparison>>>,
    skipped: u64,
}

impl Comparer {
    /// None: the plan has no shadow and no canary.
    pub(super) fn start(plan: &Arc<Plan>, control: &Control) -> Option<Self> {
        plan.operators.iter().find(|planned| is_candidate(planned))?;
        let (queue, epochs) = bounded(QUEUE_EPOCHS);
        let (plan, control) = (Arc::clone(plan), control.clone());
        let compare = inherited(move || compare(&plan, &epochs, &control));
        let thread = thread::Builder::new().name("compare".into()).spawn(compare);
        let thread = thread.map_err(|error| tracing::warn!(%error, "shadows are not compared")).ok()?;
        Some(Self { queue, thread: Some(thread), skipped: 0 })
    }

    pub(super) fn take(&mut self, tapped: Tapped) {
        if let Err(TrySendError::Full(_)) = self.queue.try_send(tapped) {
            self.skipped += 1;
        }
    }

    /// What was shown in all.
    pub(super) fn finish(mut self) -> Vec<Comparison> {
        drop(self.queue);
        let mut comparisons = self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        comparisons.iter_mut().for_each(|comparison| comparison.epochs_skipped += self.skipped);
        comparisons
    }
}

fn is_candidate(planned: &PlannedOperator) -> bool {
    planned.shadow_of.is_some() || planned.is_canary()
}

fn compare(plan: &Plan, epochs: &Receiver<Tapped>, control: &Control) -> Vec<Comparison> {
    let shadows: Vec<usize> =
        plan.operators.iter().enumerate().filter(|(_, planned)| is_candidate(planned)).map(|(at, _)| at).collect();
    let name = |at: usize| plan.operators.get(at).map(|planned| operator_of(planned.logic.name())).unwrap_or_default();
    let main_of = |shadow: usize| plan.operators.iter().position(|planned| planned.logic.name() == name(shadow));
    let new = |shadow: &usize| {
        let canary = plan.operators.get(*shadow).and_then(|planned| planned.part);
        let share = canary.map(|part| part.share.to_string());
        Comparison { operator: name(*shadow).to_owned(), share, ..Comparison::default() }
    };
    let mut comparisons: Vec<Comparison> = shadows.iter().map(new).collect();
    while let Ok(tapped) = epochs.recv() {
        for (shadow, comparison) in shadows.iter().zip(&mut comparisons) {
            let failure = tapped.failures.iter().find(|(at, _)| at == shadow);
            if let Some((_, why)) = failure
                && comparison.failure.is_none()
            {
                comparison.failure = Some(format!("in epoch {}: {why}", tapped.epoch));
            }
            if comparison.failure.is_some() {
                continue;
            }
            let stats = |at: usize| tapped.stats.get(at).copied().unwrap_or_default();
            comparison.main.add(&main_of(*shadow).map(stats).unwrap_or_default());
            comparison.shadow.add(&stats(*shadow));
            let pairs = plan.taps.iter().zip(&tapped.batches).filter(|(tap, _)| tap.shadow == *shadow);
            let pairs: Vec<_> = pairs.collect();
            let is_whole = pairs
                .iter()
                .filter(|(tap, _)| !tap.is_shadow)
                .map(|(tap, main)| {
                    let other = pairs.iter().find(|(other, _)| other.is_shadow && other.port == tap.port);
                    let shadow = other.map(|(_, batches)| batches.as_slice()).unwrap_or_default();
                    compare_rows((&tap.schema, &tap.port), tapped.epoch, (main, shadow), comparison)
                })
                .fold(true, |all, is_whole| all & is_whole);
            *(if is_whole { &mut comparison.epochs } else { &mut comparison.epochs_skipped }) += 1;
        }
        control.compared(&comparisons);
    }
    comparisons
}

/// Compares the rows of one port in an epoch. Whether that could be done.
pub(super) fn compare_rows(
    (schema, port): (&SchemaRef, &str),
    epoch: Epoch,
    (main, shadow): (&[RecordBatch], &[RecordBatch]),
    comparison: &mut Comparison,
) -> bool {
    let rows = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    if rows(main).max(rows(shadow)) > ROWS_MAX {
        return false;
    }
    let fields = schema.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
    let Ok(converter) = RowConverter::new(fields) else { return false };
    let (Ok(main), Ok(shadow)) = (concat_batches(schema, main), concat_batches(schema, shadow)) else {
        return false;
    };
    let (Ok(main_rows), Ok(shadow_rows)) =
        (converter.convert_columns(main.columns()), converter.convert_columns(shadow.columns()))
    else {
        return false;
    };
    // Each row of the operator, with the numbers of those that are like it.
    let mut known: HashMap<OwnedRow, Vec<usize>> = HashMap::new();
    for (at, row) in main_rows.iter().enumerate() {
        known.entry(row.owned()).or_default().push(at);
    }
    let mut added = Vec::new();
    for (at, row) in shadow_rows.iter().enumerate() {
        match known.entry(row.owned()) {
            Entry::Occupied(mut like) => {
                comparison.rows_same += 1;
                like.get_mut().pop();
                if like.get().is_empty() {
                    like.remove();
                }
            }
            Entry::Vacant(_) => added.push(at),
        }
    }
    let mut gone: Vec<usize> = known.into_values().flatten().collect();
    gone.sort_unstable();
    comparison.rows_gone += gone.len() as u64;
    comparison.rows_new += added.len() as u64;
    // In turns, so that both sides are seen.
    let of_both = (0..gone.len().max(added.len())).flat_map(|at| {
        let gone = gone.get(at).map(|at| (false, &main, *at));
        gone.into_iter().chain(added.get(at).map(|at| (true, &shadow, *at)))
    });
    let room = EXAMPLES_MAX.saturating_sub(comparison.examples.len());
    let examples = of_both.take(room).map(|(is_new, rows, at)| Difference {
        epoch: epoch.0,
        port: port.to_owned(),
        is_new,
        row: json(&rows.slice(at, 1)),
    });
    comparison.examples.extend(examples);
    true
}

/// One row as a JSON object.
pub(super) fn json(row: &RecordBatch) -> String {
    let mut writer = ArrayWriter::new(Vec::new());
    let written = writer.write(row).and_then(|()| writer.finish());
    let text = written.ok().and_then(|()| String::from_utf8(writer.into_inner()).ok()).unwrap_or_default();
    text.trim_start_matches('[').trim_end_matches(']').to_owned()
}
