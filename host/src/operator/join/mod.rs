//! Joins: the host puts rows of two inputs together by key, in windows or within an interval of event time; or rows of
//! a stream with those of a table.
//!
//! ```text
//! left  ─► admit, key, hash ═╗        ┌► interval: each row meets those of the other side that are near enough
//!                            ╠═► keep ┤                                                        ├─► pairs ─► output
//! right ─► admit, key, hash ═╝        └► windowed: a window or a session that closes pairs what fell into it
//!
//! stream ─► key ─► lookup ◄─ index ◄─ table                                                    ──► pairs ─► output
//! ```
//!
//! Nulls are equal to nothing, so that a row with one in its key has no partner. State is bounded by the watermark: a row
//! is let go when no row that may still come can meet it, and leaves alone then, if its side keeps such rows. Invariant:
//! what leaves depends on the input, its cut into epochs and the tables' versions alone; each pair leaves once, or once
//! for each window that holds both rows.

mod arrivals;
mod cogroup;
mod interval;
mod lookup;
mod output;
mod partition;
mod sessions;
mod side;
mod windowed;

use std::{sync::Arc, time::Instant};

use arrow::datatypes::SchemaRef;
use pelton_core::{
    job::JoinKind,
    poison::OnTrap,
    window::{Window, WindowKind, WindowSpec},
};
use pelton_wasm::{BatchContext, CallError, CallLog};

use self::{
    arrivals::Arrived,
    cogroup::Cogrouping,
    output::Pairs,
    partition::Store,
    sessions::SessionStore,
    side::{Rows, whole},
};
pub use self::{
    cogroup::CogroupPlan,
    lookup::{Lookup, LookupIndex, LookupPlan},
    partition::Partition,
};
use super::{
    Closing, PortPlan, Reduced, assemble, record_batch,
    shuffle::{Piece, ShufflePlan},
    tables::SideTables,
};

/// What all threads share of a join of two streams.
#[derive(Debug)]
pub struct JoinPlan {
    pub name: String,
    pub kind: JoinKind,
    /// The map sides, left and right.
    pub shuffles: [ShufflePlan; 2],
    /// Of the batches that arrive, left and right.
    pub schemas: [SchemaRef; 2],
    pub form: JoinForm,
    pub partitions: u16,
    /// None: nobody reads it.
    pub output: Option<JoinOutput>,
    /// What makes the output instead of pairs.
    pub cogroup: Option<CogroupPlan>,
    /// Of the module, where there is one.
    pub on_trap: OnTrap,
    /// What it may hold, over all partitions.
    pub state_bytes: u64,
    /// Rows in one batch of the output, at most.
    pub rows_max: usize,
}

/// Which rows with the same key belong together. Times in µs.
#[derive(Debug, Clone)]
pub enum JoinForm {
    /// The right row happens from `least` to `most` after the left one.
    Interval { least: i64, most: i64, lateness: i64 },
    /// Both rows are in the same window or session, which closes when the watermark has passed its end and the lateness.
    Windows(WindowSpec),
}

impl JoinForm {
    /// Whether windows are made by the rows of a key, so that only the reduce side knows which are late.
    pub fn is_of_sessions(&self) -> bool {
        matches!(self, Self::Windows(spec) if matches!(spec.kind, WindowKind::Session { .. }))
    }
}

/// What leaves a join of two streams.
#[derive(Debug)]
pub struct JoinOutput {
    /// Columns that pass are numbered over the batches of both sides, left first. Computed are the bounds of the window.
    pub port: PortPlan,
    /// Columns of a left batch; those after them are the right one's.
    pub left_columns: usize,
    /// For each column of the port, the other side's column that has the same value where its own side has no row.
    pub fallback: Vec<Option<usize>>,
}

/// The rows of one key in one window.
#[derive(Debug, Clone)]
struct Group {
    window: Window,
    /// The number of the key, or [`side::NONE`].
    key: u32,
    /// The rows by their numbers, left and right.
    sides: [Vec<u32>; 2],
}

/// The reduce side on one compute thread.
#[derive(Debug)]
pub struct Reducer {
    plan: Arc<JoinPlan>,
    cogrouping: Cogrouping,
}

impl Reducer {
    pub fn new(plan: Arc<JoinPlan>) -> Self {
        Self { plan, cogrouping: Cogrouping::default() }
    }

    /// From now on calls see these tables.
    pub fn see(&mut self, tables: &Arc<SideTables>) {
        self.cogrouping.see(tables);
    }

    /// What the calls since the last take logged and counted.
    pub fn take_log(&mut self) -> CallLog {
        self.cogrouping.take_log()
    }

    /// The epoch of one partition.
    pub fn reduce(
        &mut self,
        context: &BatchContext,
        partition: &mut Partition,
        pieces: &[Piece],
        closing: Closing,
    ) -> Result<Reduced, CallError> {
        let started = Instant::now();
        let plan = Arc::clone(&self.plan);
        let arrived = arrivals::arrive(&plan, partition, pieces);
        let mut reduced = self.join(&plan, context, partition, &arrived, closing.watermark)?;
        partition.settle()?;
        reduced.stats.assemble_time += started.elapsed().saturating_sub(reduced.stats.call_time);
        Ok(reduced)
    }

    /// Joins what has arrived, and what the watermark makes due.
    fn join(
        &mut self,
        plan: &JoinPlan,
        context: &BatchContext,
        partition: &mut Partition,
        arrived: &[Arrived],
        watermark: i64,
    ) -> Result<Reduced, CallError> {
        let Partition { rows, store, .. } = partition;
        let mut pairs = Pairs::new(plan);
        match (store, &plan.form) {
            (Store::Interval(store), JoinForm::Interval { least, most, lateness }) => {
                let bounds = interval::Bounds { least: *least, most: *most, lateness: *lateness };
                store.meet(&bounds, rows, arrived, &mut pairs)?;
                store.expire(&bounds, rows, watermark, &mut pairs)?;
            }
            (Store::Windows(store), _) if plan.cogroup.is_some() => {
                let mut reduced = Reduced::default();
                self.cogrouping.begin();
                store.keep(rows, arrived);
                store.close(rows, watermark, |window, sides, rows| {
                    self.cogrouping.window(plan, context, window, sides, rows, &mut reduced)
                })?;
                return Ok(reduced);
            }
            (Store::Windows(store), _) => {
                store.keep(rows, arrived);
                store.close(rows, watermark, |window, sides, rows| windowed::pair(window, sides, rows, &mut pairs))?;
            }
            (Store::Sessions(store), _) => return self.sessions(plan, context, (store, rows), arrived, watermark),
            (Store::Interval(_), JoinForm::Windows(_)) => unreachable!("stores are made from the plan"),
        }
        pairs.finish(rows)
    }

    /// The same within sessions: only here is it known which rows are late.
    fn sessions(
        &mut self,
        plan: &JoinPlan,
        context: &BatchContext,
        (store, rows): (&mut SessionStore, &mut Rows),
        arrived: &[Arrived],
        watermark: i64,
    ) -> Result<Reduced, CallError> {
        let late = store.keep(rows, arrived);
        let closed = store.close(rows, watermark);
        let mut reduced = Reduced::default();
        if plan.cogroup.is_some() {
            self.cogrouping.begin();
            self.cogrouping.groups(plan, context, &closed, rows, &mut reduced)?;
        } else {
            let mut pairs = Pairs::new(plan);
            closed.iter().try_for_each(|group| sessions::pair(group, rows, &mut pairs))?;
            reduced = pairs.finish(rows)?;
        }
        for (side, numbers) in late.iter().enumerate() {
            reduced.stats.late += numbers.len() as u64;
            let port = plan.shuffles.get(side).and_then(|shuffle| shuffle.late.as_ref());
            if let (Some(port), Some(kept)) = (port.filter(|_| !numbers.is_empty()), rows.sides.get(side)) {
                let all = whole(kept, numbers).map_err(assemble::too_large)?;
                reduced.late_of.push((side, record_batch(&port.schema, port.pass(&all), numbers.len())));
            }
        }
        for sides in closed.iter().map(|group| &group.sides).chain([&late]) {
            for (side, numbers) in sides.iter().enumerate() {
                numbers.iter().for_each(|number| rows.release(side, *number));
            }
        }
        Ok(reduced)
    }
}
