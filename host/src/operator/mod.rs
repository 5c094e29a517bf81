//! Operators: a batch goes in, the module is called, and batches come out of its ports.
//!
//! ```text
//! input batch ─► columns that the module reads ─► process (wasm) ─► origin + computed columns
//!      └────────────── columns that pass ──────────── take by origin ──┴─► port's batch
//! ```
//!
//! One [`Operator`] lives on one compute thread. Only columns that somebody downstream wants are assembled; a port that
//! nobody reads costs nothing.

pub mod admit;
pub mod aggregate;
mod assemble;
pub mod enrich;
mod error;
pub mod join;
pub mod keyed;
pub mod partitions;
pub mod poison;
pub mod shuffle;
pub mod sort;
pub mod tables;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arrow::{
    array::{Array, ArrayRef, RecordBatch, RecordBatchOptions},
    datatypes::SchemaRef,
};
use pelton_core::{
    batch,
    contract::{Input, Signature},
    limits::Limits,
    poison::OnTrap,
};
use pelton_wasm::{
    Answer, BatchContext, CallError, CallLog, EnrichInstance, Kind, Metering, Module, TransformInstance,
};

use self::{
    enrich::{
        EnrichPlan,
        asking::{Call, Replies, Source},
    },
    poison::{Chosen, PoisonRow, isolate, taken_out},
    tables::{Loaded, Offered, SideTables},
};

/// What all threads share of an operator.
#[derive(Debug, Clone)]
pub struct OperatorPlan {
    pub name: String,
    /// As the job file names it, for errors.
    pub module_name: String,
    pub module: Arc<Module>,
    pub limits: Limits,
    pub on_trap: OnTrap,
    /// A JSON object.
    pub options: String,
    pub input: Input,
    pub offered: Offered,
    pub signature: Signature,
    /// Where the columns that the module reads are in the batches that arrive, in its order.
    pub reads_at: Vec<usize>,
    /// One for each port of the signature; none: nobody reads it.
    pub ports: Vec<Option<PortPlan>>,
    /// None: nobody reads rejected rows, they are only counted.
    pub rejected: Option<PortPlan>,
    /// What its module may ask; none: it is no enrich operator.
    pub enrich: Option<EnrichPlan>,
    /// Rows in one call, at most.
    pub rows_max: usize,
    pub seed: u64,
}

/// What leaves by one port.
#[derive(Debug, Clone)]
pub struct PortPlan {
    pub schema: SchemaRef,
    pub columns: Vec<KeptColumn>,
}

impl PortPlan {
    /// The columns of a batch that pass.
    fn pass(&self, batch: &RecordBatch) -> Vec<ArrayRef> {
        self.columns
            .iter()
            .filter_map(|column| match column {
                KeptColumn::Passed(at) => batch.columns().get(*at).cloned(),
                KeptColumn::Computed(_) => None,
            })
            .collect()
    }

    /// The computed columns that are kept.
    fn computed(&self, columns: &[ArrayRef]) -> Vec<ArrayRef> {
        self.columns
            .iter()
            .filter_map(|column| match column {
                KeptColumn::Computed(at) => columns.get(*at).cloned(),
                KeptColumn::Passed(_) => None,
            })
            .collect()
    }
}

/// Where a column of a port comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptColumn {
    /// This column of the batch that arrived.
    Passed(usize),
    /// This column of the module's answer; for rejected rows, the reason.
    Computed(usize),
}

/// What came out of one batch.
#[derive(Debug, Default)]
pub struct Processed {
    /// (port, its batch), in the order of the calls.
    pub emitted: Vec<(usize, RecordBatch)>,
    pub rejected: Vec<RecordBatch>,
    /// Rows that were taken out.
    pub poison: Vec<PoisonRow>,
    pub stats: OperatorStats,
}

/// How an epoch ends for a partition.
#[derive(Debug, Clone, Copy)]
pub struct Closing {
    /// Of the operator's input at the end of the epoch; `i64::MAX` when the input has ended.
    pub watermark: i64,
    /// The input has ended: whatever is left is emitted.
    pub is_last: bool,
}

/// What came out of the epoch of one partition.
#[derive(Debug, Default)]
pub struct Reduced {
    /// (port, its batch), in the order of the calls.
    pub emitted: Vec<(usize, RecordBatch)>,
    pub rejected: Vec<RecordBatch>,
    /// (input, rows of it that are rejected), of operators with several inputs.
    pub rejected_of: Vec<(usize, RecordBatch)>,
    /// Rows that only the reduce side could know to be late.
    pub late: Vec<RecordBatch>,
    /// (input, such rows of it), of operators with several inputs.
    pub late_of: Vec<(usize, RecordBatch)>,
    /// Rows that were taken out.
    pub poison: Vec<PoisonRow>,
    pub stats: OperatorStats,
}

impl Reduced {
    /// What came out besides, behind it.
    pub fn append(&mut self, other: Self) {
        let Self { emitted, rejected, rejected_of, late, late_of, poison, stats } = other;
        self.emitted.extend(emitted);
        self.rejected.extend(rejected);
        self.rejected_of.extend(rejected_of);
        self.late.extend(late);
        self.late_of.extend(late_of);
        self.poison.extend(poison);
        self.stats.add(&stats);
    }
}

/// Sums over calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OperatorStats {
    pub calls: u64,
    pub rows_in: u64,
    /// Over all ports, read or not.
    pub rows_out: u64,
    pub rejected: u64,
    /// Rows that came after their last window was closed.
    pub late: u64,
    /// Poison rows that were kept as dead letters, and those that were skipped.
    pub dead: u64,
    pub skipped: u64,
    /// Calls that were made to find them.
    pub trials: u64,
    /// Requests that were sent to endpoints, those that were sent again among them.
    pub requests: u64,
    /// Waiting for replies.
    pub fetch_time: Duration,
    /// Those of them on which the module trapped.
    pub traps: u64,
    /// In the module, with its copies and checks.
    pub call_time: Duration,
    /// Carrying the other columns across.
    pub assemble_time: Duration,
}

impl OperatorStats {
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.rows_in += other.rows_in;
        self.rows_out += other.rows_out;
        self.rejected += other.rejected;
        self.late += other.late;
        self.dead += other.dead;
        self.skipped += other.skipped;
        self.trials += other.trials;
        self.requests += other.requests;
        self.fetch_time += other.fetch_time;
        self.traps += other.traps;
        self.call_time += other.call_time;
        self.assemble_time += other.assemble_time;
    }
}

/// An operator on one compute thread.
#[derive(Debug)]
pub struct Operator {
    plan: Arc<OperatorPlan>,
    /// Made at the first batch, and again after it was dropped.
    instance: Option<(Metering, Instance)>,
    loaded: Loaded,
    /// What was said in calls that count, by instances that may be gone.
    said: CallLog,
}

/// By the kind of its module.
#[derive(Debug)]
enum Instance {
    Transform(TransformInstance),
    Enrich(EnrichInstance),
}

impl Instance {
    fn open(plan: &OperatorPlan, metering: Metering) -> Result<Self, CallError> {
        let OperatorPlan { module, limits, input, offered, options, signature, .. } = plan;
        if module.kind() == Kind::Enrich {
            let mut instance = EnrichInstance::metered(module, limits, metering)?;
            instance.open_as(input, offered, options, signature)?;
            return Ok(Self::Enrich(instance));
        }
        let mut instance = TransformInstance::metered(module, limits, metering)?;
        instance.open_as(input, offered, options, signature)?;
        Ok(Self::Transform(instance))
    }

    fn load_table(&mut self, name: &str, version: u64, rows: &RecordBatch) -> Result<(), CallError> {
        match self {
            Self::Transform(instance) => instance.load_table(name, version, rows),
            Self::Enrich(instance) => instance.load_table(name, version, rows),
        }
    }

    fn take_log(&mut self) -> CallLog {
        match self {
            Self::Transform(instance) => instance.take_log(),
            Self::Enrich(instance) => instance.take_log(),
        }
    }
}

impl Operator {
    pub fn new(plan: Arc<OperatorPlan>) -> Self {
        Self { plan, instance: None, loaded: Loaded::default(), said: CallLog::default() }
    }

    pub fn plan(&self) -> &OperatorPlan {
        &self.plan
    }

    /// From now on calls see these tables.
    pub fn see(&mut self, tables: &Arc<SideTables>) {
        self.loaded.see(tables);
    }

    /// Runs the module over `batch`; `context.first_row` is the number of its first row. A module that asks is answered by nobody.
    pub fn process(&mut self, context: BatchContext, batch: &RecordBatch) -> Result<Processed, CallError> {
        let mut asked = Vec::new();
        let mut replies = Replies { source: Source::Nobody, asked: &mut asked, cancelled: &|| false };
        self.process_with(context, batch, &mut replies)
    }

    /// The same; a module that asks is answered from `replies`.
    pub fn process_with(
        &mut self,
        context: BatchContext,
        batch: &RecordBatch,
        replies: &mut Replies<'_>,
    ) -> Result<Processed, CallError> {
        let mut processed = Processed::default();
        let rows = batch.num_rows();
        let piece = batch::piece_rows(rows, self.read_bytes(batch), self.plan.rows_max);
        for start in (0..rows).step_by(piece) {
            let part = if piece >= rows { batch.clone() } else { batch.slice(start, piece.min(rows - start)) };
            let context = BatchContext { first_row: context.first_row + start as u64, ..context };
            self.call(&context, &part, replies, &mut processed)?;
        }
        Ok(processed)
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

    fn read_bytes(&self, batch: &RecordBatch) -> usize {
        self.read_columns(batch).map(|column| column.to_data().get_slice_memory_size().unwrap_or(0)).sum()
    }

    fn read_columns<'a>(&'a self, batch: &'a RecordBatch) -> impl Iterator<Item = &'a ArrayRef> {
        self.plan.reads_at.iter().filter_map(|at| batch.columns().get(*at))
    }

    fn call(
        &mut self,
        context: &BatchContext,
        batch: &RecordBatch,
        replies: &mut Replies<'_>,
        processed: &mut Processed,
    ) -> Result<(), CallError> {
        let started = Instant::now();
        let plan = Arc::clone(&self.plan);
        let whose = (plan.name.as_str(), context.first_row, plan.limits.reply_bytes);
        let mut asking = plan.enrich.as_ref().map(|enrich| Call::new(enrich, whose, replies));
        let answered = self.answered(context, batch, &mut asking, processed);
        let waited = asking.as_ref().map(|asking| asking.stats).unwrap_or_default();
        processed.stats.requests += waited.requests;
        processed.stats.fetch_time += waited.time;
        let answered = answered?;
        if let Some(asking) = asking {
            asking.finish();
        }
        let Some((batch, answer)) = answered else { return Ok(()) };
        let batch = &batch;
        let called = Instant::now();
        processed.stats.calls += 1;
        processed.stats.rejected += answer.rejected.len() as u64;
        for emitted in answer.emitted {
            processed.stats.rows_out += emitted.rows as u64;
            if let Some(Some(port)) = plan.ports.get(emitted.port) {
                processed
                    .emitted
                    .push((emitted.port, assemble::emitted(port, batch, &emitted).map_err(assemble::too_large)?));
            }
        }
        if let Some(port) = &plan.rejected
            && !answer.rejected.is_empty()
        {
            processed.rejected.push(assemble::rejected(port, batch, &answer.rejected).map_err(assemble::too_large)?);
        }
        processed.stats.call_time += (called - started).saturating_sub(waited.time);
        processed.stats.assemble_time += called.elapsed();
        Ok(())
    }

    /// The rows that the module takes, and what it answers. None: all of them are poison.
    fn answered(
        &mut self,
        context: &BatchContext,
        batch: &RecordBatch,
        asking: &mut Option<Call<'_, '_>>,
        processed: &mut Processed,
    ) -> Result<Option<(RecordBatch, Answer)>, CallError> {
        let plan = Arc::clone(&self.plan);
        let isolates = plan.on_trap.isolates();
        if isolates {
            self.keep_log();
        }
        let rows = batch.num_rows();
        processed.stats.rows_in += rows as u64;
        match self.ask(context, batch, Metering::Time, asking) {
            Ok(answer) => Ok(Some((batch.clone(), answer))),
            Err(error) if isolates && error.blames_rows() => self.isolate(context, batch, error, asking, processed),
            Err(error) => Err(error),
        }
    }

    /// Makes the module's instance, so that the first batch need not wait for it.
    pub fn warm(&mut self) -> Result<(), CallError> {
        self.instance(Metering::default()).map(drop)
    }

    /// A call that failed, without its poison rows. None: no other row is left.
    fn isolate(
        &mut self,
        context: &BatchContext,
        batch: &RecordBatch,
        error: CallError,
        asking: &mut Option<Call<'_, '_>>,
        processed: &mut Processed,
    ) -> Result<Option<(RecordBatch, Answer)>, CallError> {
        if let Some(asking) = asking {
            asking.is_trial = true;
        }
        let mut said = CallLog::default();
        let mut make = |chosen: &Chosen, metering: Metering| -> Result<_, CallError> {
            let rows = chosen.rows(batch);
            let answer = self.ask(context, &rows, metering, asking)?;
            // Only the last of these calls counts.
            said = self.instance.as_mut().map(|(_, instance)| instance.take_log()).unwrap_or_default();
            Ok((rows, answer))
        };
        let mut isolated = isolate(batch.num_rows(), error, &mut make)?;
        if isolated.answer.is_some() {
            self.said.absorb(said);
        }
        processed.stats.trials += isolated.trials;
        taken_out(self.plan.on_trap.fate(), isolated.faults(), &mut processed.stats);
        processed.poison.extend(isolated.of(batch, context.first_row));
        Ok(isolated.answer)
    }

    /// One call; of an enrich operator the two of them. Whoever fails is dropped.
    fn ask(
        &mut self,
        context: &BatchContext,
        batch: &RecordBatch,
        metering: Metering,
        asking: &mut Option<Call<'_, '_>>,
    ) -> Result<Answer, CallError> {
        let columns: Vec<ArrayRef> = self.read_columns(batch).cloned().collect();
        let (plan, rows) = (Arc::clone(&self.plan), batch.num_rows());
        let answer = match (self.instance(metering)?, &plan.enrich, asking) {
            (Instance::Transform(instance), ..) => instance.process(context, rows, &columns, &plan.signature),
            (Instance::Enrich(instance), Some(enrich), Some(asking)) => {
                enrich::call(instance, enrich, context, (rows, &columns), &plan.signature, asking)
            }
            (Instance::Enrich(_), ..) => unreachable!("the plan of an enrich operator says what it may ask"),
        };
        if answer.is_err() {
            self.instance = None;
        }
        answer
    }

    fn instance(&mut self, metering: Metering) -> Result<&mut Instance, CallError> {
        if self.instance.as_ref().is_none_or(|(made, _)| *made != metering) {
            let instance = Instance::open(&self.plan, metering)?;
            self.loaded.forget();
            self.instance = Some((metering, instance));
        }
        let (_, instance) = self.instance.as_mut().expect("made above");
        let asked = &self.plan.signature.tables;
        self.loaded.give(asked, |name, version, rows| instance.load_table(name, version, rows))?;
        Ok(instance)
    }
}

/// A batch that knows its rows even without columns.
pub(crate) fn record_batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> RecordBatch {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .expect("the plan typed these columns, and the boundary checked them")
}
