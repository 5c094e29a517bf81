//! The reduce side: an epoch's rows, timers and ends are handed to the module, and what it answers is applied and sent on.
//!
//! A [`Partition`] is the state; a [`Reducer`] is a compute thread's instance of the module, which works on any partition.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arrow::{
    array::{Array, ArrayRef, RecordBatch, new_empty_array},
    compute::interleave,
    error::ArrowError,
};
use pelton_core::{batch, contract::StateForm, window::Clock};
use pelton_wasm::{BatchContext, CallError, CallLog, DueTimers, KeyedAnswer, KeyedBatch, KeyedInstance};

use super::{
    KeyedPlan,
    emit::{Given, emitted},
    partition::{Partition, Table},
    work::{Call, Due, Grouped, Reasons, calls},
};
use crate::{
    operator::{
        Closing, Reduced, assemble, record_batch,
        shuffle::Piece,
        tables::{Loaded, SideTables},
    },
    state::keys::KeyCodec,
};

/// How often timers are set and fire after the input has ended: a module that sets a timer whenever one fires would else
/// never come to an end.
const LAST_ROUNDS_MAX: usize = 64;

/// The reduce side on one compute thread.
#[derive(Debug)]
pub struct Reducer {
    plan: Arc<KeyedPlan>,
    codec: KeyCodec,
    /// Made at the first call.
    instance: Option<KeyedInstance>,
    loaded: Loaded,
    call_time: Duration,
}

impl Reducer {
    pub fn new(plan: Arc<KeyedPlan>) -> Self {
        let codec = KeyCodec::new(&plan.shuffle.key_fields).expect("the plan checked the key");
        Self { plan, codec, instance: None, loaded: Loaded::default(), call_time: Duration::ZERO }
    }

    /// From now on calls see these tables.
    pub fn see(&mut self, tables: &Arc<SideTables>) {
        self.loaded.see(tables);
    }

    /// One epoch: what the map side made for this partition, in the order given, and then what is due.
    pub fn reduce(
        &mut self,
        context: &BatchContext,
        state: &mut Partition,
        pieces: &[Piece],
        closing: Closing,
    ) -> Result<Reduced, CallError> {
        let started = Instant::now();
        let mut out = Reduced::default();
        if closing.watermark < i64::MAX {
            state.event_time = state.event_time.max(closing.watermark);
        }
        // Before any row: what rows set now for a time that has passed is due in the next epoch.
        let mut reasons = Reasons { due: state.timers.due(context.watermark, context.now), ..Reasons::default() };
        let grouped = Grouped::of(state, pieces);
        if let Some(ttl) = self.plan.ttl {
            let time = if ttl.clock == Clock::Event { state.event_time } else { context.now };
            reasons.ended = state.expiry.due(time).into_iter().map(|(_, slot)| slot).collect();
        }
        if self.plan.idle_keys {
            reasons.idle = state.keys.taken();
        }
        self.run(context, state, &grouped, reasons, &mut out)?;
        for _ in 0..LAST_ROUNDS_MAX {
            let due = state.timers.due(context.watermark, context.now);
            if !closing.is_last || due.is_empty() {
                break;
            }
            self.run(context, state, &Grouped::default(), Reasons { due, ..Reasons::default() }, &mut out)?;
        }
        out.stats.call_time = std::mem::take(&mut self.call_time);
        out.stats.assemble_time = started.elapsed().saturating_sub(out.stats.call_time);
        Ok(out)
    }

    /// What the calls since the last take logged and counted.
    pub fn take_log(&mut self) -> CallLog {
        self.instance.as_mut().map(KeyedInstance::take_log).unwrap_or_default()
    }

    fn run(
        &mut self,
        context: &BatchContext,
        state: &mut Partition,
        grouped: &Grouped<'_>,
        reasons: Reasons,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        // Keys are packed whole, so pieces of equal size are no aim here.
        let rows_max = match self.read_bytes(grouped) {
            0 => self.plan.rows_max,
            bytes => self.plan.rows_max.min((grouped.rows.len() * batch::CALL_BYTES / bytes).max(1)),
        };
        let calls = calls(grouped, reasons, rows_max);
        for call in &calls {
            let context = BatchContext { first_row: context.first_row + call.rows.start as u64, ..*context };
            self.call(&context, state, grouped, call, out)?;
        }
        state.release_idle(calls.iter().flat_map(|call| call.slots.iter().copied()));
        Ok(())
    }

    /// Bytes of the columns that the module reads, about.
    fn read_bytes(&self, grouped: &Grouped<'_>) -> usize {
        let all: usize = grouped.pieces.iter().map(|piece| piece.rows.num_rows()).sum();
        let columns = grouped
            .pieces
            .iter()
            .flat_map(|piece| self.plan.reads_at.iter().filter_map(|at| piece.rows.columns().get(*at)));
        let bytes: usize = columns.map(|column| column.to_data().get_slice_memory_size().unwrap_or(0)).sum();
        (bytes as u128 * grouped.rows.len() as u128 / all.max(1) as u128) as usize
    }

    fn call(
        &mut self,
        context: &BatchContext,
        state: &mut Partition,
        grouped: &Grouped<'_>,
        call: &Call,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let plan = Arc::clone(&self.plan);
        // An earlier call of the same key may have cleared or moved a timer.
        let due: Vec<Due> = call.due.iter().filter(|due| state.timers.is_set(due.clock, &due.timer)).copied().collect();
        if call.is_continued && due.is_empty() && !call.ending.contains(&1) {
            return Ok(());
        }
        let batch = gathered(grouped, call).map_err(assemble::too_large)?;
        let keys = self.codec.decode(state.keys.keys(), &call.slots);
        let answer = self.ask(context, state, batch.as_ref(), &keys, call, &due)?;

        due.iter().for_each(|due| state.timers.clear(due.timer.slot, due.timer.id));
        state.apply(&call.slots, &answer.changes, &answer.timers);
        let latest = if plan.needs_times() { latest(grouped, call) } else { Vec::new() };
        if let Some(ttl) = plan.ttl {
            touch(state, call, ttl.length, |key| match ttl.clock {
                Clock::Event => latest.get(key).copied().flatten(),
                Clock::Processing => Some(context.now),
            });
        }
        let ended = call.slots.iter().zip(&call.ending).filter(|(_, ending)| **ending == 1);
        ended.for_each(|(slot, _)| state.drop_state(*slot));
        state.account("process")?;

        let times = row_times(context, call, &due, &latest);
        let given = Given { rows: batch.as_ref(), key_at: &plan.shuffle.key_at, keys: &keys, times: &times };
        for rows in &answer.emitted {
            out.stats.rows_out += rows.rows as u64;
            if let Some(Some(port)) = plan.ports.get(rows.port)
                && rows.rows > 0
            {
                out.emitted.push((rows.port, emitted(port, &given, rows).map_err(assemble::too_large)?));
            }
        }
        out.stats.rejected += answer.rejected.len() as u64;
        if let (Some(port), Some(batch)) = (&plan.shuffle.rejected, &batch)
            && !answer.rejected.is_empty()
        {
            out.rejected.push(assemble::rejected(port, batch, &answer.rejected).map_err(assemble::too_large)?);
        }
        out.stats.calls += 1;
        Ok(())
    }

    fn ask(
        &mut self,
        context: &BatchContext,
        state: &Partition,
        rows: Option<&RecordBatch>,
        keys: &[ArrayRef],
        call: &Call,
        due: &[Due],
    ) -> Result<KeyedAnswer, CallError> {
        let plan = Arc::clone(&self.plan);
        let columns: Vec<ArrayRef> = match rows {
            Some(rows) => plan.reads_at.iter().filter_map(|at| rows.columns().get(*at)).cloned().collect(),
            None => {
                let fields = plan.signature.reads.iter().map(|column| plan.input.schema.field(*column));
                fields.map(|field| new_empty_array(field.data_type())).collect()
            }
        };
        let tables = state.tables.all.iter().zip(plan.signature.state.iter());
        let values: Vec<Vec<ArrayRef>> = tables
            .map(|(rows, table)| match (rows, table.form) {
                (Table::Value(rows), StateForm::Value) => rows.gather(&call.slots),
                _ => Vec::new(),
            })
            .collect();
        let due_keys: Vec<u32> = due.iter().map(|due| due.key).collect();
        let ids: Vec<u32> = due.iter().map(|due| due.timer.id).collect();
        let at: Vec<i64> = due.iter().map(|due| due.timer.at).collect();
        let clocks: Vec<u8> = due.iter().map(|due| u8::from(due.clock == Clock::Processing)).collect();
        let asked = KeyedBatch {
            rows: call.rows.len(),
            columns: &columns,
            ends: &call.ends,
            keys,
            state: &values,
            due: DueTimers { keys: &due_keys, ids: &ids, at: &at, clocks: &clocks },
            expiring: &call.ending,
        };
        let reader = state.tables.reader(&call.slots);
        let started = Instant::now();
        let answer = self.instance()?.process(context, &asked, reader, &plan.input, &plan.signature);
        self.call_time += started.elapsed();
        answer
    }

    /// Makes the module's instance, so that the first call need not wait for it.
    pub fn warm(&mut self) -> Result<(), CallError> {
        if self.instance.is_none() {
            let mut instance = KeyedInstance::new(&self.plan.module, &self.plan.limits)?;
            instance.open_as(&self.plan.input, &self.plan.offered, &self.plan.options, &self.plan.signature)?;
            self.loaded.forget();
            self.instance = Some(instance);
        }
        Ok(())
    }

    fn instance(&mut self) -> Result<&mut KeyedInstance, CallError> {
        self.warm()?;
        let instance = self.instance.as_mut().expect("made above");
        let asked = &self.plan.signature.tables;
        self.loaded.give(asked, |name, version, rows| instance.load_table(name, version, rows))?;
        Ok(instance)
    }
}

/// The rows of a call; none: it has none.
fn gathered(grouped: &Grouped<'_>, call: &Call) -> Result<Option<RecordBatch>, ArrowError> {
    let rows = grouped.rows.get(call.rows.clone()).unwrap_or_default();
    let Some(first) = grouped.pieces.first().filter(|_| !rows.is_empty()) else { return Ok(None) };
    let columns = (0..first.rows.num_columns()).map(|column| {
        let arrays: Vec<&dyn Array> = grouped.pieces.iter().map(|piece| piece.rows.column(column).as_ref()).collect();
        interleave(&arrays, rows)
    });
    let columns = columns.collect::<Result<_, _>>()?;
    Ok(Some(record_batch(&first.rows.schema(), columns, rows.len())))
}

/// The rows of each key of a call, as positions among the epoch's.
fn key_rows(call: &Call) -> impl Iterator<Item = std::ops::Range<usize>> {
    let starts = std::iter::once(0).chain(call.ends.iter().copied());
    call.ends.iter().zip(starts).map(|(end, start)| call.rows.start + start as usize..call.rows.start + *end as usize)
}

/// The latest event time among the rows of each key.
fn latest(grouped: &Grouped<'_>, call: &Call) -> Vec<Option<i64>> {
    key_rows(call).map(|rows| rows.filter_map(|row| grouped.time(row)).max()).collect()
}

/// Keys with rows live on.
fn touch(state: &mut Partition, call: &Call, length: i64, time: impl Fn(usize) -> Option<i64>) {
    for (key, (slot, rows)) in call.slots.iter().zip(key_rows(call)).enumerate() {
        if let Some(time) = time(key).filter(|_| !rows.is_empty()) {
            state.expiry.touch(*slot, time.saturating_add(length));
        }
    }
}

/// The event time of rows of each key that have none of their own: that of its last timer due, else of its latest row, else
/// how far event time has come, else the epoch's own time.
fn row_times(context: &BatchContext, call: &Call, due: &[Due], latest: &[Option<i64>]) -> Vec<i64> {
    let has_come = context.watermark > i64::MIN && context.watermark < i64::MAX;
    let otherwise = if has_come { context.watermark } else { context.now };
    let mut times: Vec<i64> =
        (0..call.slots.len()).map(|key| latest.get(key).copied().flatten().unwrap_or(otherwise)).collect();
    for due in due.iter().filter(|due| due.clock == Clock::Event) {
        if let Some(time) = times.get_mut(due.key as usize) {
            *time = due.timer.at;
        }
    }
    times
}
