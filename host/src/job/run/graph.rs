//! The graph on one compute thread: batches go in where a source's rows do, and leave by sinks, taps and exchanges.
//!
//! Depth first: a batch has gone all its way before the next one begins. A shadow that fails is left out from then on; any other
//! failure ends the task.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array},
    compute,
    datatypes::{
        DataType, SchemaRef, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType,
    },
};
use crossbeam_channel::Sender;
use pelton_core::{job::operator_of, model::Epoch, poison::Fate, watermark::TimeRule};
use pelton_wasm::{BatchContext, CallError, CallLog, Level, LogLine};

use super::{
    RunError, Shared, Stop, Task,
    checkpoints::recorded::CANDIDATE,
    letters::Poisoned,
    lineage::{self, Cause, TaskLineage},
    output::{Message, SinkPart, TaskDone},
    part::own_part,
    revision::Revision,
    runner::Runner,
    tables::Tables,
    turn::Turn,
};
use crate::{
    job::plan::{Plan, PlannedOperator, SinkPlan, Target, to_micros},
    operator::{
        Closing, OperatorStats,
        enrich::{
            asking::{Replies, Source},
            recorded::Recorded,
        },
        poison::PoisonRow,
        record_batch,
        shuffle::Mapped,
    },
    sink::{Encoder, SinkError},
    source::{BadRow, Decoded, Range},
};

/// Bytes of output that a task may hold back before it waits for its turn.
const HELD_BYTES_MAX: usize = 4 << 20;
/// Numbers of one task's rows: `first_row` of its batches counts within them.
const TASK_ROWS_BITS: u32 = 32;

/// Everything behind the decoders, on one thread.
pub(super) struct Graph {
    /// The revision's.
    pub(super) plan: Arc<Plan>,
    pub(super) revision: Arc<Revision>,
    pub(super) shared: Arc<Shared>,
    operators: Vec<Runner>,
    encoders: Vec<Box<dyn Encoder>>,
    turn: Turn,
    messages: Sender<Message>,
    /// Nobody waits for what is under way any more.
    abort: Stop,
    task: Current,
}

/// The task under way.
struct Current {
    sequence: u64,
    epoch: Epoch,
    now: i64,
    /// Pieces that it has put into exchanges.
    pieces: u32,
    held_bytes: usize,
    done: TaskDone,
    /// Rows that each operator has seen of this task.
    operator_rows: Vec<u64>,
    tables: Arc<Tables>,
    /// None: endpoints are asked.
    replies: Option<Arc<Recorded>>,
    /// None: nobody asks where rows come from.
    lineage: Option<TaskLineage>,
    /// Time in operators and encoders, which is not the decoder's.
    downstream: Duration,
}

/// Why a batch did not get through.
pub(super) enum Fault {
    Operator { index: usize, error: CallError },
    Sink { index: usize, error: SinkError },
}

impl Current {
    fn new(plan: &Plan) -> Self {
        Self {
            sequence: 0,
            epoch: Epoch::FIRST,
            now: 0,
            pieces: 0,
            held_bytes: 0,
            done: TaskDone::default(),
            operator_rows: vec![0; plan.operators.len()],
            tables: Arc::default(),
            replies: None,
            lineage: None,
            downstream: Duration::ZERO,
        }
    }
}

impl Graph {
    pub(super) fn new(
        revision: &Arc<Revision>,
        shared: &Arc<Shared>,
        turn: Turn,
        messages: Sender<Message>,
        abort: Stop,
    ) -> Result<Self, RunError> {
        let plan = &revision.plan;
        let encoder = |planned: &SinkPlan| {
            planned.sink.encoder().map_err(|source| RunError::Sink { name: planned.name.clone(), source })
        };
        Ok(Self {
            plan: Arc::clone(plan),
            revision: Arc::clone(revision),
            shared: Arc::clone(shared),
            operators: plan.operators.iter().map(|planned| Runner::new(&planned.logic)).collect(),
            encoders: plan.sinks.iter().map(encoder).collect::<Result<_, _>>()?,
            turn,
            messages,
            abort,
            task: Current::new(plan),
        })
    }

    /// Goes over to another revision. Operators that stay the same keep their instances, and sinks their encoders.
    pub(super) fn goes_by(&mut self, revision: &Arc<Revision>) {
        let old = std::mem::replace(&mut self.plan, Arc::clone(&revision.plan));
        let mut runners = std::mem::take(&mut self.operators);
        let mut same = |planned: &PlannedOperator| {
            let at = old.operators.iter().position(|known| known.logic.is_same(&planned.logic))?;
            Some(std::mem::replace(runners.get_mut(at)?, Runner::Gone))
        };
        let mut warm = revision.take_warm();
        let mut warm = |at: usize| Some(warm.swap_remove(warm.iter().position(|(number, _)| *number == at)?).1);
        let runner = |(at, planned): (usize, &PlannedOperator)| {
            same(planned).or_else(|| warm(at)).unwrap_or_else(|| Runner::new(&planned.logic))
        };
        self.operators = self.plan.operators.iter().enumerate().map(runner).collect();
        revision.retire(runners);
        self.revision = Arc::clone(revision);
    }

    /// Time that the task under way has been in operators and encoders.
    pub(super) fn downstream(&self) -> Duration {
        self.task.downstream
    }

    pub(super) fn begin(&mut self, task: &Task) {
        if self.shared.is_forgetful {
            self.operators = self.plan.operators.iter().map(|planned| Runner::new(&planned.logic)).collect();
        }
        let mut current = Current::new(&self.plan);
        (current.sequence, current.epoch, current.now) = (task.sequence, task.epoch, task.now);
        current.tables = Arc::clone(&task.tables);
        current.replies.clone_from(&task.replies);
        current.lineage = self.shared.keeps_lineage.then(TaskLineage::default);
        current.done.stats.operators = vec![OperatorStats::default(); self.operators.len()];
        for runner in &mut self.operators {
            runner.see(&task.tables);
        }
        current.done.stats.encode_time = vec![Duration::ZERO; self.encoders.len()];
        self.task = current;
    }

    pub(super) fn end(&mut self, source: Option<usize>) -> TaskDone {
        for (index, operator) in self.operators.iter_mut().enumerate() {
            let logs = match operator {
                Runner::Transform(operator) => vec![operator.take_log()],
                Runner::Aggregate { combiner, reducer } => {
                    combiner.take_logs().into_iter().chain(reducer.take_logs()).collect()
                }
                Runner::Keyed { reducer, .. } => vec![reducer.take_log()],
                Runner::Join { reducer, .. } => vec![reducer.take_log()],
                // The host's own.
                Runner::Lookup(_) | Runner::Sort(_) | Runner::Gone => Vec::new(),
            };
            let spoke = |log: &CallLog| !log.lines.is_empty() || !log.metrics.is_empty() || log.dropped > 0;
            self.task.done.logs.extend(logs.into_iter().filter(spoke).map(|log| (index, log)));
        }
        let mut done = std::mem::take(&mut self.task.done);
        (done.source, done.revision) = (source, Some(Arc::clone(&self.revision)));
        done.lineage = self.task.lineage.take();
        done
    }

    /// A decoded batch and its bad rows enter the graph.
    pub(super) fn decoded(&mut self, index: usize, range: &Range, decoded: Decoded) -> Result<(), Fault> {
        let started = Instant::now();
        let plan = Arc::clone(&self.plan);
        let Some(source) = plan.sources.get(index) else { return Ok(()) };
        let (rows, offsets) = match self.task.lineage {
            Some(_) => lineage::places(source, decoded.rows),
            None => (decoded.rows, None),
        };
        let stats = &mut self.task.done.stats;
        stats.rows_in += rows.num_rows() as u64;
        stats.rejected += decoded.rejected.len() as u64;
        if let Some((column, _)) = source.event_time {
            let rule = TimeRule::ahead_of(self.task.now, source.ahead);
            stats.event_time_max = stats.event_time_max.max(event_time_max(rows.column(column), rule));
        }
        if rows.num_rows() > 0 {
            let cause = Cause::Read { source: index, file: Arc::clone(&range.name), offsets };
            self.push(source.rows, &rows, &cause)?;
        }
        if let Some(output) = plan.outputs.get(source.rejected)
            && !decoded.rejected.is_empty()
            && !output.readers.is_empty()
        {
            let all = rejected_batch(&output.schema, &range.name, &decoded.rejected);
            let kept = all.project(&output.kept).expect("kept columns are of this schema");
            let cause = Cause::Undecoded { source: index, file: Arc::clone(&range.name) };
            self.push(source.rejected, &kept, &cause)?;
        }
        self.task.downstream += started.elapsed();
        Ok(())
    }

    /// Rows that an operator is given once more, and its shadow or its canary with it.
    pub(super) fn replay(&mut self, operator: usize, batch: &RecordBatch) -> Result<(), Fault> {
        let plan = Arc::clone(&self.plan);
        let name = |planned: &PlannedOperator| operator_of(planned.logic.name()).to_owned();
        let Some(of) = plan.operators.get(operator).map(name) else { return Ok(()) };
        let both = plan.operators.iter().enumerate().filter(|(_, planned)| name(planned) == of);
        let both: Vec<usize> = both.map(|(at, _)| at).collect();
        both.into_iter().try_for_each(|operator| {
            let from = self.note(None, batch, &Cause::Letters { operator });
            self.operate(operator, 0, batch, from)
        })
    }

    /// Notes rows that were taken out of a call: in the log, and to be kept if that is wanted.
    fn poisoned(&mut self, index: usize, rows: Vec<PoisonRow>) {
        let plan = Arc::clone(&self.plan);
        let (Some(first), Some(planned)) = (rows.first(), plan.operators.get(index)) else { return };
        if planned.shadow_of.is_some() {
            return;
        }
        let keeps = planned.spec.on_trap.fate() == Some(Fate::DeadLetter);
        let became = if keeps { "dead letters" } else { "skipped" };
        let message = format!("poison rows, {became}: {}; the first one {}", rows.len(), first.fault.message);
        let line = LogLine { level: Level::Warn, message };
        let (count, why) = (rows.len() as u64, first.fault.message.clone());
        self.task.done.faults.push((index, count, why));
        self.task.done.logs.push((index, CallLog { lines: vec![line], ..CallLog::default() }));
        if keeps {
            let poisoned = |row| Poisoned { operator: index, row, origin: String::new() };
            self.task.done.poison.extend(rows.into_iter().map(poisoned));
        }
    }

    /// Takes a batch down, if somebody asks where rows come from. Answers its number.
    fn note(&mut self, output: Option<usize>, batch: &RecordBatch, cause: &Cause) -> Option<usize> {
        Some(self.task.lineage.as_mut()?.note(output, batch, cause))
    }

    /// Gives a batch to all readers of an output, depth first.
    fn push(&mut self, index: usize, batch: &RecordBatch, cause: &Cause) -> Result<(), Fault> {
        let plan = Arc::clone(&self.plan);
        let Some(output) = plan.outputs.get(index) else { return Ok(()) };
        self.shared.samples.see(&output.name, self.task.epoch, batch);
        let noted = self.note(Some(index), batch, cause);
        for reader in &output.readers {
            let columns: Vec<ArrayRef> = reader.columns.iter().map(|at| Arc::clone(batch.column(*at))).collect();
            let batch = record_batch(&reader.schema, columns, batch.num_rows());
            match reader.to {
                Target::Operator { operator, input } => self.operate(operator, input, &batch, noted)?,
                Target::Sink(index) => {
                    if let Some((lineage, noted)) = self.task.lineage.as_mut().zip(noted) {
                        lineage.give(index, noted);
                    }
                    self.encode(index, &batch)?;
                }
                Target::Tap(index) => self.task.done.tapped.push((index, batch)),
            }
        }
        Ok(())
    }

    /// `from` is the batch's number, if it was taken down.
    fn operate(&mut self, index: usize, input: usize, batch: &RecordBatch, from: Option<usize>) -> Result<(), Fault> {
        let plan = Arc::clone(&self.plan);
        let Some(planned) = plan.operators.get(index) else { return Ok(()) };
        if planned.shadow_of.is_some() {
            return self.operate_shadow(index, input, batch, from);
        }
        self.operate_on(index, planned, (input, from), batch)
    }

    /// A shadow that fails is left out from then on: what it stands beside does not notice.
    fn operate_shadow(
        &mut self,
        index: usize,
        input: usize,
        batch: &RecordBatch,
        from: Option<usize>,
    ) -> Result<(), Fault> {
        let plan = Arc::clone(&self.plan);
        let Some(planned) = plan.operators.get(index).filter(|_| !self.revision.has_failed(index)) else {
            return Ok(());
        };
        let done = self.operate_on(index, planned, (input, from), batch);
        self.forgive(index, done)
    }

    /// Notes why a shadow failed.
    fn forgive(&mut self, index: usize, done: Result<(), Fault>) -> Result<(), Fault> {
        match done {
            Err(Fault::Operator { index: at, error }) if at == index => {
                self.revision.fail(index);
                let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
                let causes: String = causes.map(|cause| format!(": {cause}")).collect();
                self.task.done.failures.push((index, format!("{error}{causes}")));
                Ok(())
            }
            done => done,
        }
    }

    fn operate_on(
        &mut self,
        index: usize,
        planned: &PlannedOperator,
        (input, from): (usize, Option<usize>),
        batch: &RecordBatch,
    ) -> Result<(), Fault> {
        let seen = self.task.operator_rows.get_mut(index).expect("one counter for each operator");
        let first_row = ((self.shared.first_task + self.task.sequence) << TASK_ROWS_BITS) + *seen;
        *seen += batch.num_rows() as u64;
        let context = self.context(index, first_row);
        let Some(batch) = own_part(planned, first_row, batch) else { return Ok(()) };
        let batch = batch.as_ref();
        match self.operators.get_mut(index) {
            Some(Runner::Transform(operator)) => {
                let numbered = from.map(|_| lineage::numbered(batch));
                let batch = numbered.as_ref().unwrap_or(batch);
                // Only the operator itself asks: its shadow, and whoever computes an epoch again, are told what was answered.
                let source = match &self.task.replies {
                    Some(replies) => {
                        let is_candidate = planned.shadow_of.is_some() || self.revision.number == CANDIDATE;
                        Source::Recorded { replies, is_candidate }
                    }
                    None if planned.shadow_of.is_some() => Source::Task,
                    None => Source::Endpoints,
                };
                let (asked, abort) = (&mut self.task.done.asked, &self.abort);
                let mut replies = Replies { source, asked, cancelled: &|| abort.is_requested() };
                let processed = operator.process_with(context, batch, &mut replies);
                let processed = processed.map_err(|error| Fault::Operator { index, error })?;
                self.count(index, &processed.stats);
                self.poisoned(index, processed.poison);
                for (port, batch) in processed.emitted {
                    self.push_made((index, from), planned.ports.get(port).copied(), batch)?;
                }
                let rejected = planned.rejected(0);
                processed.rejected.into_iter().try_for_each(|batch| self.push_made((index, from), rejected, batch))
            }
            Some(Runner::Aggregate { combiner, .. }) => {
                let mapped = combiner.combine(&context, batch).map_err(|error| Fault::Operator { index, error })?;
                self.mapped(index, input, mapped)
            }
            Some(Runner::Keyed { shuffler, .. }) => {
                let mapped = shuffler.shuffle(&context, batch);
                self.mapped(index, input, mapped)
            }
            Some(Runner::Join { shufflers, .. }) => {
                let Some(shuffler) = shufflers.get(input) else { return Ok(()) };
                let mapped = shuffler.shuffle(&context, batch);
                self.mapped(index, input, mapped)
            }
            Some(Runner::Sort(sorter)) => {
                let mapped = sorter.map(batch).map_err(|error| Fault::Operator { index, error })?;
                self.mapped(index, input, mapped)
            }
            Some(Runner::Lookup(lookup)) => {
                let tables = Arc::clone(&self.task.tables);
                let Some(table) = tables.indexes.get(index).and_then(Option::as_ref) else { return Ok(()) };
                let numbered = from.map(|_| lineage::numbered(batch));
                let (joined, stats) = lookup.join(table, numbered.as_ref().unwrap_or(batch));
                self.count(index, &stats);
                let output = planned.ports.first().copied();
                joined.into_iter().try_for_each(|batch| self.push_made((index, from), output, batch))
            }
            Some(Runner::Gone) | None => Ok(()),
        }
    }

    /// The end of a map side: pieces wait for the end of the epoch, the other rows go on.
    fn mapped(&mut self, index: usize, input: usize, mapped: Mapped) -> Result<(), Fault> {
        let plan = Arc::clone(&self.plan);
        let revision = Arc::clone(&self.revision);
        let (Some(planned), Some(exchange)) = (plan.operators.get(index), revision.exchange(index)) else {
            return Ok(());
        };
        for piece in mapped.pieces {
            exchange.put(self.task.epoch, self.task.sequence, self.task.pieces, piece);
            self.task.pieces += 1;
        }
        self.count(index, &mapped.stats);
        self.poisoned(index, mapped.poison);
        self.push_all(index, planned.late(input), mapped.late.as_slice())?;
        self.push_all(index, planned.rejected(input), mapped.rejected.as_slice())
    }

    /// Gives what an operator made of single rows of batch `from` to all readers of an output, if there is one.
    fn push_made(
        &mut self,
        (operator, from): (usize, Option<usize>),
        output: Option<usize>,
        batch: RecordBatch,
    ) -> Result<(), Fault> {
        let Some(output) = output else { return Ok(()) };
        let (batch, cause) = lineage::made(operator, from, batch);
        self.push(output, &batch, &cause)
    }

    /// Gives what an operator made to all readers of an output, if there is one.
    fn push_all(&mut self, operator: usize, output: Option<usize>, batches: &[RecordBatch]) -> Result<(), Fault> {
        let Some(output) = output else { return Ok(()) };
        batches.iter().try_for_each(|batch| self.push(output, batch, &Cause::Operator { operator }))
    }

    /// The epoch of one partition of a keyed operator.
    pub(super) fn reduce(&mut self, index: usize, partition: u16, is_last: bool) -> Result<(), Fault> {
        let plan = Arc::clone(&self.plan);
        match plan.operators.get(index) {
            Some(planned) if planned.shadow_of.is_none() => self.reduce_one(index, planned, partition, is_last),
            Some(planned) if !self.revision.has_failed(index) => {
                let done = self.reduce_one(index, planned, partition, is_last);
                self.forgive(index, done)
            }
            _ => Ok(()),
        }
    }

    fn reduce_one(
        &mut self,
        index: usize,
        planned: &PlannedOperator,
        partition: u16,
        is_last: bool,
    ) -> Result<(), Fault> {
        let revision = Arc::clone(&self.revision);
        let (Some(exchange), Some(held), Some(runner)) =
            (revision.exchange(index), revision.partition(index, partition), self.operators.get_mut(index))
        else {
            return Ok(());
        };
        let event_times = &self.shared.event_times;
        let watermark = match is_last {
            true => i64::MAX,
            false => held_back(event_times.watermark(&planned.sources, self.task.epoch), planned.held_back),
        };
        let context = BatchContext {
            epoch: self.task.epoch.0,
            first_row: (self.shared.first_task + self.task.sequence) << TASK_ROWS_BITS,
            now: self.task.now,
            watermark,
            seed: planned.logic.seed(),
        };
        let pieces = exchange.take(self.task.epoch, planned.logic.partitions());
        if !planned.has_partition(partition) {
            return Ok(());
        }
        let mut state = held.lock(&planned.logic);
        let reduced = runner
            .reduce(&context, &mut state, &pieces, Closing { watermark, is_last })
            .map_err(|error| Fault::Operator { index, error })?;
        held.sleep(&planned.logic, &state);
        drop(state);
        self.count(index, &reduced.stats);
        self.poisoned(index, reduced.poison);
        self.push_all(index, planned.late(0), &reduced.late)?;
        for (input, batch) in &reduced.late_of {
            self.push_all(index, planned.late(*input), std::slice::from_ref(batch))?;
        }
        for (port, batch) in &reduced.emitted {
            self.push_all(index, planned.ports.get(*port).copied(), std::slice::from_ref(batch))?;
        }
        for (input, batch) in &reduced.rejected_of {
            self.push_all(index, planned.rejected(*input), std::slice::from_ref(batch))?;
        }
        self.push_all(index, planned.rejected(0), &reduced.rejected)
    }

    /// What a call on the map side or of a transform is told; the watermark is that of the epoch before.
    fn context(&self, index: usize, first_row: u64) -> BatchContext {
        let planned = self.plan.operators.get(index);
        let before = Epoch(self.task.epoch.0.saturating_sub(1));
        BatchContext {
            epoch: self.task.epoch.0,
            first_row,
            now: self.task.now,
            watermark: match planned {
                Some(planned) if self.plan.is_keyed => {
                    held_back(self.shared.event_times.watermark(&planned.sources, before), planned.held_back)
                }
                _ => i64::MIN,
            },
            seed: planned.map(|planned| planned.logic.seed()).unwrap_or_default(),
        }
    }

    fn count(&mut self, index: usize, stats: &OperatorStats) {
        if let Some(sum) = self.task.done.stats.operators.get_mut(index) {
            sum.add(stats);
        }
    }

    fn encode(&mut self, index: usize, batch: &RecordBatch) -> Result<(), Fault> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let started = Instant::now();
        let Some(encoder) = self.encoders.get_mut(index) else { return Ok(()) };
        let encoded = encoder.encode(batch).map_err(|error| Fault::Sink { index, error })?;
        self.task.held_bytes += encoded.held_bytes();
        self.task.done.parts.push(SinkPart { sink: index, encoded });
        if let Some(time) = self.task.done.stats.encode_time.get_mut(index) {
            *time += started.elapsed();
        }
        if self.task.held_bytes > HELD_BYTES_MAX {
            self.flush();
        }
        Ok(())
    }

    /// Hands over what is held, once this task is the oldest.
    fn flush(&mut self) {
        let started = Instant::now();
        self.turn.wait(self.task.sequence);
        let parts = std::mem::take(&mut self.task.done.parts);
        self.task.held_bytes = 0;
        // A closed channel means that the run has ended, which the next batch finds out.
        let _ = self.messages.send(Message::Part { sequence: self.task.sequence, parts });
        // Waiting is nobody's work.
        self.task.downstream += started.elapsed();
    }
}

/// The watermark of an operator that is so many µs behind its sources.
fn held_back(watermark: i64, held_back: i64) -> i64 {
    // None yet, or the end of the input: that is known of all.
    if watermark == i64::MIN || watermark == i64::MAX { watermark } else { watermark.saturating_sub(held_back) }
}

fn rejected_batch(schema: &SchemaRef, file: &str, rows: &[BadRow]) -> RecordBatch {
    let files: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|_| file)));
    let offsets: ArrayRef = Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.offset)));
    let reasons: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.reason)));
    let raw: ArrayRef =
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| String::from_utf8_lossy(&row.raw))));
    record_batch(schema, vec![files, offsets, reasons, raw], rows.len())
}

/// The latest event time of a batch, in µs. Times that no row may have do not count: they would drag the watermark.
fn event_time_max(column: &ArrayRef, rule: TimeRule) -> Option<i64> {
    let times = micros(column)?;
    let latest = compute::max(&times)?;
    if rule.admits(latest) {
        return Some(latest);
    }
    times.iter().flatten().filter(|time| rule.admits(*time)).max()
}

/// A column of event times, in µs.
pub(super) fn micros(column: &ArrayRef) -> Option<TimestampMicrosecondArray> {
    let DataType::Timestamp(unit, _) = column.data_type() else { return None };
    Some(match unit {
        TimeUnit::Second => column.as_primitive::<TimestampSecondType>().unary(|time| to_micros(*unit, time)),
        TimeUnit::Millisecond => column.as_primitive::<TimestampMillisecondType>().unary(|time| to_micros(*unit, time)),
        TimeUnit::Microsecond => column.as_primitive::<TimestampMicrosecondType>().unary(|time| time),
        TimeUnit::Nanosecond => column.as_primitive::<TimestampNanosecondType>().unary(|time| to_micros(*unit, time)),
    })
}
