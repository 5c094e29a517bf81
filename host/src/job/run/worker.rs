//! A compute thread: decodes a range, pushes its batches through the graph, encodes what reaches the sinks.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt64Array},
    compute,
    datatypes::{
        DataType, SchemaRef, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType,
    },
};
use crossbeam_channel::{Receiver, Sender};
use pelton_core::model::Epoch;
use pelton_wasm::{BatchContext, CallError};

use super::{
    RunError, Stop, Task,
    output::{Message, SinkPart, TaskDone},
    turn::Turn,
};
use crate::{
    job::plan::{Plan, Target, to_micros},
    operator::{Operator, OperatorStats, record_batch},
    sink::{Encoder, SinkError},
    source::{BadRow, Decoded, Decoder, Emit, SourceError},
};

/// Bytes of output that a task may hold back before it waits for its turn.
const HELD_BYTES_MAX: usize = 4 << 20;
/// Numbers of one task's rows: `first_row` of its batches counts within them.
const TASK_ROWS_BITS: u32 = 32;

pub(super) struct Worker {
    plan: Arc<Plan>,
    decoders: Vec<Box<dyn Decoder>>,
    graph: Graph,
    messages: Sender<Message>,
    abort: Stop,
}

/// Everything behind the decoders.
struct Graph {
    plan: Arc<Plan>,
    operators: Vec<Operator>,
    encoders: Vec<Box<dyn Encoder>>,
    turn: Turn,
    messages: Sender<Message>,
    task: Current,
}

/// The task under way.
struct Current {
    sequence: u64,
    epoch: Epoch,
    now: i64,
    held_bytes: usize,
    done: TaskDone,
    /// Rows that each operator has seen of this task.
    operator_rows: Vec<u64>,
    /// Time in operators and encoders, which is not the decoder's.
    downstream: Duration,
}

/// Why a batch did not get through.
enum Fault {
    Operator { index: usize, error: CallError },
    Sink { index: usize, error: SinkError },
}

impl Worker {
    pub(super) fn new(plan: &Arc<Plan>, turn: Turn, messages: Sender<Message>, abort: Stop) -> Result<Self, RunError> {
        let decoders = plan
            .sources
            .iter()
            .map(|planned| {
                planned.source.decoder(&planned.columns).map_err(|source| RunError::Source {
                    name: planned.name.clone(),
                    epoch: Epoch::FIRST,
                    source,
                })
            })
            .collect::<Result<_, _>>()?;
        let encoders = plan
            .sinks
            .iter()
            .map(|planned| {
                planned.sink.encoder().map_err(|source| RunError::Sink { name: planned.name.clone(), source })
            })
            .collect::<Result<_, _>>()?;
        let operators = plan.operators.iter().map(|planned| Operator::new(Arc::clone(&planned.operator))).collect();
        let graph = Graph {
            plan: Arc::clone(plan),
            operators,
            encoders,
            turn,
            messages: messages.clone(),
            task: Current::new(plan),
        };
        Ok(Self { plan: Arc::clone(plan), decoders, graph, messages, abort })
    }

    pub(super) fn run(&mut self, tasks: &Receiver<Task>) {
        while let Ok(task) = tasks.recv() {
            if self.abort.is_requested() {
                return;
            }
            let sequence = task.sequence;
            let message = match self.task(&task) {
                Ok(done) => Message::Done { sequence, done: Box::new(done) },
                Err(Some(error)) => Message::Failed { sequence, error: Box::new(error) },
                Err(None) => return,
            };
            if self.messages.send(message).is_err() {
                return;
            }
        }
    }

    /// None: the run is being aborted.
    fn task(&mut self, task: &Task) -> Result<TaskDone, Option<RunError>> {
        let Self { plan, decoders, graph, abort, .. } = self;
        let (Some(source), Some(decoder)) = (plan.sources.get(task.source), decoders.get_mut(task.source)) else {
            return Err(None);
        };
        graph.begin(task);
        let started = Instant::now();
        let mut fault = None;
        let decoded = decoder.decode(&task.range, &mut |decoded| {
            if abort.is_requested() {
                return Emit::Stop;
            }
            match graph.decoded(task, decoded) {
                Ok(()) => Emit::Continue,
                Err(failed) => {
                    fault = Some(failed);
                    Emit::Stop
                }
            }
        });
        let mut done = graph.end(task.source);
        match (fault, decoded) {
            (Some(fault), _) => Err(Some(error(plan, task, fault))),
            (None, Err(SourceError::Stopped)) => Err(None),
            (None, Err(error)) => {
                Err(Some(RunError::Source { name: source.name.clone(), epoch: task.epoch, source: error }))
            }
            (None, Ok(())) => {
                done.stats.bytes_in = task.range.bytes;
                done.stats.decode_time = started.elapsed().saturating_sub(graph.task.downstream);
                Ok(done)
            }
        }
    }
}

fn error(plan: &Plan, task: &Task, fault: Fault) -> RunError {
    let name_of_source = plan.sources.get(task.source).map(|source| source.name.clone()).unwrap_or_default();
    match fault {
        Fault::Operator { index, error } => {
            let operator = plan.operators.get(index).map(|planned| &planned.operator);
            RunError::Operator {
                name: operator.map(|operator| operator.name.clone()).unwrap_or_default(),
                module: operator.map(|operator| operator.module_name.clone()).unwrap_or_default(),
                digest: operator.map(|operator| short(&operator.module.digest.to_string())).unwrap_or_default(),
                epoch: task.epoch,
                source_name: name_of_source,
                range: task.range.to_string(),
                source: error,
            }
        }
        Fault::Sink { index, error } => RunError::Sink {
            name: plan.sinks.get(index).map(|sink| sink.name.clone()).unwrap_or_default(),
            source: error,
        },
    }
}

/// Enough of a digest to tell modules apart.
fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

impl Current {
    fn new(plan: &Plan) -> Self {
        Self {
            sequence: 0,
            epoch: Epoch::FIRST,
            now: 0,
            held_bytes: 0,
            done: TaskDone::default(),
            operator_rows: vec![0; plan.operators.len()],
            downstream: Duration::ZERO,
        }
    }
}

impl Graph {
    fn begin(&mut self, task: &Task) {
        let mut current = Current::new(&self.plan);
        (current.sequence, current.epoch, current.now) = (task.sequence, task.epoch, task.now);
        current.done.stats.operators = vec![OperatorStats::default(); self.operators.len()];
        current.done.stats.encode_time = vec![Duration::ZERO; self.encoders.len()];
        self.task = current;
    }

    fn end(&mut self, source: usize) -> TaskDone {
        for (index, operator) in self.operators.iter_mut().enumerate() {
            let log = operator.take_log();
            if !log.lines.is_empty() || !log.metrics.is_empty() || log.dropped > 0 {
                self.task.done.logs.push((index, log));
            }
        }
        let mut done = std::mem::take(&mut self.task.done);
        done.source = source;
        done
    }

    /// A decoded batch and its bad rows enter the graph.
    fn decoded(&mut self, task: &Task, decoded: Decoded) -> Result<(), Fault> {
        let started = Instant::now();
        let plan = Arc::clone(&self.plan);
        let Some(source) = plan.sources.get(task.source) else { return Ok(()) };
        let stats = &mut self.task.done.stats;
        stats.rows_in += decoded.rows.num_rows() as u64;
        stats.rejected += decoded.rejected.len() as u64;
        if let Some((column, _)) = source.event_time {
            stats.event_time_max = stats.event_time_max.max(event_time_max(decoded.rows.column(column)));
        }
        if decoded.rows.num_rows() > 0 {
            self.push(source.rows, &decoded.rows)?;
        }
        if let Some(output) = plan.outputs.get(source.rejected)
            && !decoded.rejected.is_empty()
            && !output.readers.is_empty()
        {
            let all = rejected_batch(&output.schema, &task.range.name, &decoded.rejected);
            let kept = all.project(&output.kept).expect("kept columns are of this schema");
            self.push(source.rejected, &kept)?;
        }
        self.task.downstream += started.elapsed();
        Ok(())
    }

    /// Gives a batch to all readers of an output, depth first.
    fn push(&mut self, output: usize, batch: &RecordBatch) -> Result<(), Fault> {
        let plan = Arc::clone(&self.plan);
        let readers = plan.outputs.get(output).map(|output| output.readers.as_slice()).unwrap_or_default();
        for reader in readers {
            let columns: Vec<ArrayRef> = reader.columns.iter().map(|at| Arc::clone(batch.column(*at))).collect();
            let batch = record_batch(&reader.schema, columns, batch.num_rows());
            match reader.to {
                Target::Operator(index) => self.operate(index, &batch)?,
                Target::Sink(index) => self.encode(index, &batch)?,
            }
        }
        Ok(())
    }

    fn operate(&mut self, index: usize, batch: &RecordBatch) -> Result<(), Fault> {
        let plan = Arc::clone(&self.plan);
        let (Some(operator), Some(planned)) = (self.operators.get_mut(index), plan.operators.get(index)) else {
            return Ok(());
        };
        let seen = self.task.operator_rows.get_mut(index).expect("one counter for each operator");
        let context = BatchContext {
            epoch: self.task.epoch.0,
            first_row: (self.task.sequence << TASK_ROWS_BITS) + *seen,
            now: self.task.now,
            watermark: i64::MIN,
            seed: planned.operator.seed,
        };
        *seen += batch.num_rows() as u64;
        let processed = operator.process(context, batch).map_err(|error| Fault::Operator { index, error })?;
        if let Some(stats) = self.task.done.stats.operators.get_mut(index) {
            stats.add(&processed.stats);
        }
        for (port, batch) in processed.emitted {
            if let Some(output) = planned.ports.get(port) {
                self.push(*output, &batch)?;
            }
        }
        for batch in processed.rejected {
            self.push(planned.rejected, &batch)?;
        }
        Ok(())
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

fn rejected_batch(schema: &SchemaRef, file: &str, rows: &[BadRow]) -> RecordBatch {
    let files: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|_| file)));
    let offsets: ArrayRef = Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.offset)));
    let reasons: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.reason)));
    let raw: ArrayRef =
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| String::from_utf8_lossy(&row.raw))));
    record_batch(schema, vec![files, offsets, reasons, raw], rows.len())
}

/// The latest event time of a batch, in µs.
fn event_time_max(column: &ArrayRef) -> Option<i64> {
    let DataType::Timestamp(unit, _) = column.data_type() else { return None };
    let max = match unit {
        TimeUnit::Second => compute::max(column.as_primitive::<TimestampSecondType>()),
        TimeUnit::Millisecond => compute::max(column.as_primitive::<TimestampMillisecondType>()),
        TimeUnit::Microsecond => compute::max(column.as_primitive::<TimestampMicrosecondType>()),
        TimeUnit::Nanosecond => compute::max(column.as_primitive::<TimestampNanosecondType>()),
    };
    max.map(|value| to_micros(*unit, value))
}
