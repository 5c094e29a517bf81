//! The map side of operators that need the rows themselves: each is hashed once and told its partition, none is copied.
//!
//! ```text
//! batch ─► admit ─► key, hash ─► ShuffledRows ═ exchange ═► the reduce task of each partition, in canonical order
//!            └► late, rejected
//! ```
//!
//! Also what every map side leaves behind ([`Mapped`], [`Piece`]). Invariant: a piece is a function of its batch and of the
//! watermark of the epoch before, so that neither threads nor timing show in it.

use std::{sync::Arc, time::Instant};

use arrow::{
    array::{ArrayRef, RecordBatch},
    datatypes::FieldRef,
};
use pelton_core::window::{self, Panes, WindowSpec};
use pelton_wasm::BatchContext;

use super::{
    OperatorStats, PortPlan,
    admit::{Refused, TimeColumn},
    aggregate::Partial,
    partitions::partitioned,
    poison::PoisonRow,
    sort::Run,
};
use crate::state::keys::{self, KeyCodec, Keys};

/// What a map side puts into the exchange.
#[derive(Debug, Clone)]
pub enum Piece {
    /// Rows folded into accumulators.
    Partial(Arc<Partial>),
    Rows(Arc<ShuffledRows>),
    /// Rows as they came, for a sort.
    Batch(RecordBatch),
    /// Rows in order.
    Run(Arc<Run>),
}

/// What became of a batch on the map side.
#[derive(Debug, Default)]
pub struct Mapped {
    pub pieces: Vec<Piece>,
    pub late: Option<RecordBatch>,
    pub rejected: Option<RecordBatch>,
    /// Rows that were taken out.
    pub poison: Vec<PoisonRow>,
    pub stats: OperatorStats,
}

/// Rows on their way to the partitions. All partitions share them.
#[derive(Debug)]
pub struct ShuffledRows {
    /// Which input of the operator they came by.
    pub input: usize,
    pub rows: RecordBatch,
    /// The stable hash of each row's key.
    pub hashes: Vec<u64>,
    /// The key of each row, as the operator's [`KeyCodec`] encodes it.
    pub keys: Keys,
    /// The event time of each row, in µs; empty when the input has none.
    pub times: Vec<i64>,
    /// The rows of each partition, in order.
    pub by_partition: Vec<Vec<u32>>,
}

/// What a map side needs to know of one input.
#[derive(Debug, Clone)]
pub struct ShufflePlan {
    pub input: usize,
    /// Where the key columns are in the batches that arrive.
    pub key_at: Vec<usize>,
    pub key_fields: Vec<FieldRef>,
    /// Rows without a sound event time are rejected; none: the input has no such column.
    pub time: Option<TimeColumn>,
    pub late_rows: LateRows,
    pub partitions: u16,
    /// None: nobody reads late rows, they are only counted.
    pub late: Option<PortPlan>,
    pub rejected: Option<PortPlan>,
}

/// Which rows are late.
#[derive(Debug, Clone)]
pub enum LateRows {
    /// None is.
    Never,
    /// Those that are further behind the watermark than so many µs.
    Behind(i64),
    /// Those whose last window is closed.
    After(WindowSpec),
}

impl LateRows {
    /// For each row whether it is on time; none: all are.
    fn on_time(&self, watermark: i64, times: &[i64]) -> Option<Vec<bool>> {
        let on_time: Vec<bool> = match self {
            Self::Never => return None,
            Self::Behind(lateness) => {
                let oldest = watermark.saturating_sub(*lateness);
                times.iter().map(|time| *time >= oldest).collect()
            }
            Self::After(spec) => {
                let mut panes = Panes::new(&spec.kind)?;
                let mut on_time = |time: &i64| {
                    let pane = panes.pane_start(*time);
                    !window::is_late(panes.last_window_end(pane), spec.lateness, watermark)
                };
                // Most batches lie behind no closed window.
                let earliest = times.iter().min()?;
                if on_time(earliest) {
                    return None;
                }
                times.iter().map(on_time).collect()
            }
        };
        (!on_time.iter().all(|on_time| *on_time)).then_some(on_time)
    }
}

/// The map side of one input on one compute thread.
#[derive(Debug)]
pub struct Shuffler {
    plan: ShufflePlan,
    codec: KeyCodec,
}

impl Shuffler {
    /// The key's types are those that [`KeyCodec`] takes.
    pub fn new(plan: ShufflePlan) -> Self {
        let codec = KeyCodec::new(&plan.key_fields).expect("the plan checked the key");
        Self { plan, codec }
    }

    /// Prepares `batch` for the exchange; `context.watermark` is the input's at the end of the epoch before.
    pub fn shuffle(&self, context: &BatchContext, batch: &RecordBatch) -> Mapped {
        let started = Instant::now();
        let mut out = Mapped::default();
        out.stats.rows_in = batch.num_rows() as u64;
        let (rows, times) = self.admit(context, batch.clone(), &mut out);
        let count = rows.num_rows();
        if count > 0 {
            let key: Vec<ArrayRef> =
                self.plan.key_at.iter().filter_map(|at| rows.columns().get(*at)).map(Arc::clone).collect();
            let hashes = keys::hashes(&key, count);
            let keys = self.codec.encode(&key, count);
            let by_partition = partitioned(hashes.iter().copied(), self.plan.partitions);
            let piece = ShuffledRows { input: self.plan.input, rows, hashes, keys, times, by_partition };
            out.pieces.push(Piece::Rows(Arc::new(piece)));
        }
        out.stats.assemble_time = started.elapsed();
        out
    }

    fn admit(&self, context: &BatchContext, batch: RecordBatch, out: &mut Mapped) -> (RecordBatch, Vec<i64>) {
        let Some(time) = self.plan.time else { return (batch, Vec::new()) };
        let refused = Refused { late: self.plan.late.as_ref(), rejected: self.plan.rejected.as_ref() };
        let (batch, times) = refused.sound(batch, time, context.now, out);
        let Some(on_time) = self.plan.late_rows.on_time(context.watermark, &times) else { return (batch, times) };
        let batch = refused.on_time(&batch, &on_time, out);
        (batch, times.into_iter().zip(on_time).filter(|(_, on_time)| *on_time).map(|(time, _)| time).collect())
    }
}
