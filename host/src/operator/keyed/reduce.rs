//! The reduce side: an epoch's rows, timers and ends are handed to the module, and what it answers is applied and sent on.
//!
//! A [`Partition`] is the state; a [`Reducer`] is a compute thread's instance of the module, which works on any partition.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arrow::{
    array::{Array, ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array, new_empty_array},
    compute::interleave,
    datatypes::{DataType, Field, Schema, TimeUnit},
    error::ArrowError,
};
use pelton_core::{
    batch,
    contract::{StateForm, StateTable},
    poison::PoisonKind,
    window::Clock,
};
use pelton_wasm::{
    BatchContext, CallError, CallLog, DueTimers, KeyedAnswer, KeyedBatch, KeyedInstance, Metering, OlderRows,
};

use super::{
    KeyedPlan,
    emit::{Given, emitted},
    isolate::{Blamed, Part, isolate},
    partition::{Partition, Table},
    work::{Call, Due, Grouped, Reasons, calls},
};
use crate::{
    operator::{
        Closing, Reduced, assemble,
        poison::{PoisonRow, taken_out},
        record_batch,
        shuffle::Piece,
        tables::{Loaded, SideTables},
    },
    state::keys::KeyCodec,
};

/// How often timers are set and fire after the input has ended: a module that sets a timer whenever one fires would else
/// never come to an end.
const LAST_ROUNDS_MAX: usize = 64;
/// The call that migrates, as errors name it.
const MIGRATE: &str = "migrate";

/// The reduce side on one compute thread.
#[derive(Debug)]
pub struct Reducer {
    plan: Arc<KeyedPlan>,
    codec: Arc<KeyCodec>,
    /// Made at the first call, and again after it was dropped.
    instance: Option<(Metering, KeyedInstance)>,
    loaded: Loaded,
    /// What was said in calls that count, by instances that may be gone.
    said: CallLog,
    call_time: Duration,
}

impl Reducer {
    pub fn new(plan: Arc<KeyedPlan>) -> Self {
        let codec = Arc::new(KeyCodec::new(&plan.shuffle.key_fields).expect("the plan checked the key"));
        let (loaded, said) = (Loaded::default(), CallLog::default());
        Self { plan, codec, instance: None, loaded, said, call_time: Duration::ZERO }
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
        loop {
            let next = state.next_to_migrate(&self.plan);
            self.migrate(state, &next)?;
            let has_more = !next.is_empty() && closing.is_last;
            state.release_idle(next.into_iter());
            if !has_more {
                break;
            }
        }
        out.stats.call_time = std::mem::take(&mut self.call_time);
        out.stats.assemble_time = started.elapsed().saturating_sub(out.stats.call_time);
        Ok(out)
    }

    /// Has these keys' rows be of this version of the module.
    fn migrate(&mut self, state: &mut Partition, slots: &[u32]) -> Result<(), CallError> {
        if state.keys_left() == 0 {
            return Ok(());
        }
        let (plan, codec) = (Arc::clone(&self.plan), Arc::clone(&self.codec));
        let mut ask = |older: &OlderRows<'_>, table: &StateTable| {
            let started = Instant::now();
            let migrated = self.instance(Metering::Time)?.migrate(older, &plan.options, table);
            self.call_time += started.elapsed();
            if migrated.is_err() {
                self.instance = None;
            }
            migrated
        };
        state.migrate(&plan, &codec, slots, &mut ask)?;
        state.account(MIGRATE)
    }

    /// What the calls since the last take logged and counted.
    pub fn take_log(&mut self) -> CallLog {
        self.keep_log();
        std::mem::take(&mut self.said)
    }

    /// Puts by what the instance has said: it may be dropped.
    fn keep_log(&mut self) {
        if let Some((_, instance)) = &mut self.instance {
            self.said.absorb(instance.take_log());
        }
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
        self.migrate(state, &call.slots)?;
        // An earlier call of the same key may have cleared or moved a timer.
        let due: Vec<Due> = call.due.iter().filter(|due| state.timers.is_set(due.clock, &due.timer)).copied().collect();
        if call.is_continued && due.is_empty() && !call.ending.contains(&1) {
            return Ok(());
        }
        let isolates = plan.on_trap.isolates();
        if isolates {
            self.keep_log();
        }
        match self.ask(context, state, grouped, call, &due, Metering::Time) {
            Ok(asked) => self.take(context, state, (grouped, call, &due), asked, out),
            Err(error) if isolates && error.blames_rows() => {
                // Timers that are not set any more are no part of it.
                let whole = Call { due, ..call.clone() };
                let Some((grouped, part, asked)) = self.isolate(context, state, grouped, &whole, error, out)? else {
                    return Ok(());
                };
                self.take(context, state, (&grouped, &part, &part.due), asked, out)
            }
            Err(error) => Err(error),
        }
    }

    /// A call that failed, without what is to blame. None: nothing else is left.
    fn isolate<'a>(
        &mut self,
        context: &BatchContext,
        state: &mut Partition,
        grouped: &Grouped<'a>,
        call: &Call,
        error: CallError,
        out: &mut Reduced,
    ) -> Result<Option<(Grouped<'a>, Call, Asked)>, CallError> {
        let plan = Arc::clone(&self.plan);
        let mut said = CallLog::default();
        let mut make = |part: &Part, metering: Metering| -> Result<_, CallError> {
            let (grouped, call) = part.of(grouped, call);
            let asked = self.ask(context, state, &grouped, &call, &call.due, metering)?;
            // Only the last of these calls counts.
            said = self.instance.as_mut().map(|(_, instance)| instance.take_log()).unwrap_or_default();
            Ok((grouped, call, asked))
        };
        let isolated = isolate(call, error, &mut make)?;
        if isolated.answer.is_some() {
            self.said.absorb(said);
        }
        out.stats.trials += isolated.trials;
        taken_out(plan.on_trap.fate(), isolated.poison.iter().map(|(_, fault)| fault), &mut out.stats);
        let rows = gathered(grouped, call).map_err(assemble::too_large)?;
        for (blamed, fault) in isolated.poison {
            let (kind, at, row) = match blamed {
                Blamed::Row(at) => (PoisonKind::Row, at, rows.as_ref().map(|rows| rows.slice(at, 1))),
                Blamed::Due(at) => {
                    let due = call.due.get(at).copied();
                    let slot = due.map(|due| due.timer.slot);
                    // It has fired, and does not come back.
                    due.iter().for_each(|due| state.timers.clear(due.timer.slot, due.timer.id));
                    (PoisonKind::Timer, at, slot.map(|slot| self.about(state, slot, due)))
                }
                Blamed::End(key) => {
                    let slot = call.slots.get(key).copied();
                    let row = slot.map(|slot| self.about(state, slot, None));
                    // Its time is over, whatever its module makes of that.
                    slot.iter().for_each(|slot| state.drop_state(*slot));
                    (PoisonKind::KeyEnd, key, row)
                }
            };
            let number = context.first_row + at as u64;
            out.poison.extend(row.map(|row| PoisonRow { kind, row, number, fault }));
        }
        if let Some(ttl) = plan.ttl {
            // A poison row is a sign of life of its key, also where no other row is left of it.
            let latest = if plan.needs_times() { latest(grouped, call) } else { Vec::new() };
            touch(state, call, ttl.length, |key| match ttl.clock {
                Clock::Event => latest.get(key).copied().flatten(),
                Clock::Processing => Some(context.now),
            });
        }
        Ok(isolated.answer)
    }

    /// What is known of a key's timer, or of its end.
    fn about(&self, state: &Partition, slot: u32, due: Option<Due>) -> RecordBatch {
        let mut columns = self.codec.decode(state.keys.keys(), &[slot]);
        let mut fields = self.plan.shuffle.key_fields.clone();
        if let Some(Due { clock, timer, .. }) = due {
            let clock = if clock == Clock::Processing { "processing" } else { "event" };
            let column = |name: &str, kind| Arc::new(Field::new(name, kind, false));
            fields.push(column("_timer", DataType::UInt32));
            columns.push(Arc::new(UInt32Array::from(vec![timer.id])));
            fields.push(column("_clock", DataType::Utf8));
            columns.push(Arc::new(StringArray::from(vec![clock])));
            fields.push(column("_at", DataType::Timestamp(TimeUnit::Microsecond, None)));
            columns.push(Arc::new(TimestampMicrosecondArray::from(vec![timer.at])));
        }
        record_batch(&Arc::new(Schema::new(fields)), columns, 1)
    }

    /// Applies what a call answered, and sends it on.
    fn take(
        &mut self,
        context: &BatchContext,
        state: &mut Partition,
        (grouped, call, due): (&Grouped<'_>, &Call, &[Due]),
        asked: Asked,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let plan = Arc::clone(&self.plan);
        let Asked { batch, keys, answer } = asked;
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

        let times = row_times(context, call, due, &latest);
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

    /// One call. Whoever fails is dropped.
    fn ask(
        &mut self,
        context: &BatchContext,
        state: &Partition,
        grouped: &Grouped<'_>,
        call: &Call,
        due: &[Due],
        metering: Metering,
    ) -> Result<Asked, CallError> {
        let plan = Arc::clone(&self.plan);
        let batch = gathered(grouped, call).map_err(assemble::too_large)?;
        let keys = self.codec.decode(state.keys.keys(), &call.slots);
        let columns: Vec<ArrayRef> = match &batch {
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
            keys: &keys,
            state: &values,
            due: DueTimers { keys: &due_keys, ids: &ids, at: &at, clocks: &clocks },
            expiring: &call.ending,
        };
        let reader = state.tables.reader(&call.slots);
        let started = Instant::now();
        let answer = self.instance(metering)?.process(context, &asked, reader, &plan.input, &plan.signature);
        self.call_time += started.elapsed();
        if answer.is_err() {
            self.instance = None;
        }
        Ok(Asked { answer: answer?, batch, keys })
    }

    /// Makes the module's instance, so that the first call need not wait for it.
    pub fn warm(&mut self) -> Result<(), CallError> {
        self.instance(Metering::default()).map(drop)
    }

    fn instance(&mut self, metering: Metering) -> Result<&mut KeyedInstance, CallError> {
        if self.instance.as_ref().is_none_or(|(made, _)| *made != metering) {
            let mut instance = KeyedInstance::metered(&self.plan.module, &self.plan.limits, metering)?;
            instance.open_as(&self.plan.input, &self.plan.offered, &self.plan.options, &self.plan.signature)?;
            self.loaded.forget();
            self.instance = Some((metering, instance));
        }
        let (_, instance) = self.instance.as_mut().expect("made above");
        let asked = &self.plan.signature.tables;
        self.loaded.give(asked, |name, version, rows| instance.load_table(name, version, rows))?;
        Ok(instance)
    }
}

/// A call that was answered.
struct Asked {
    /// Its rows; none: it has none.
    batch: Option<RecordBatch>,
    keys: Vec<ArrayRef>,
    answer: KeyedAnswer,
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
