//! The engine's side of a timeline: the map side and the reduce side of an aggregating operator, in process.
//!
//! Batches go to two combiners in turn and partitions to two reducers, as compute threads share them.

use std::sync::{Arc, LazyLock};

use arrow::{
    array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray},
    datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType},
};
use pelton::{
    operator::{
        Closing, KeptColumn, PortPlan,
        aggregate::{AggregatePlan, Combiner, Crossing, Function, Partition, Reducer, WINDOW_END, WINDOW_START},
    },
    standard,
    state::snapshot::SnapshotError,
};
use pelton_core::{
    contract::{Input, Mode, OP_COLUMN},
    job::Emission,
    limits::Limits,
    poison::OnTrap,
    window::{self, WindowKind, WindowSpec},
};
use pelton_tests::snapshots::{self, Run as _};
use pelton_wasm::{AggregateInstance, BatchContext, CallError, Module, Runtime, RuntimeOptions};

use crate::{
    Fold, Outcome,
    timeline::{Clock, Emit, Epoch, Kind, Row, Shape, Timeline},
};

/// Two modules, opened on the timelines' columns.
static FUNCTIONS: LazyLock<[Function; 2]> =
    LazyLock::new(|| [r#"{"function":"collect","column":"id"}"#, COUNT].map(|options| function(options, &input())));

/// Two modules that take rows back.
static RETRACTABLE: LazyLock<[Function; 2]> = LazyLock::new(|| [SUM, COUNT].map(|options| function(options, &input())));

pub const SUM: &str = r#"{"function":"sum","column":"id"}"#;
pub const COUNT: &str = r#"{"function":"count"}"#;

static MODULE: LazyLock<Arc<Module>> = LazyLock::new(|| {
    let bytes = standard::find("std:count").expect("it is shipped").bytes;
    let runtime = Runtime::new(&RuntimeOptions::default()).expect("the runtime starts");
    Arc::new(Module::load(&runtime, bytes, &Limits::default()).expect("the component loads"))
});

fn columns() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    Arc::new(Schema::new(vec![
        Field::new("number", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("time", time, true),
        Field::new("id", DataType::Int64, false),
    ]))
}

pub fn input() -> Input {
    Input {
        name: "rows".into(),
        schema: columns(),
        key: Vec::new(),
        event_time: Some("time".into()),
        mode: Mode::Append,
    }
}

/// A module of std:, opened.
pub fn function(options: &str, input: &Input) -> Function {
    let mut instance = AggregateInstance::new(&MODULE, &Limits::default()).expect("an instance");
    let contract = instance.open(input, &[], options).expect("the module opens");
    let signature = contract.check_aggregate(input, &[]).expect("a lawful contract");
    Function {
        module_name: options.to_owned(),
        module: Arc::clone(&MODULE),
        limits: Limits::default(),
        options: options.to_owned(),
        input: input.clone(),
        offered: Arc::default(),
        reads_at: signature.reads.clone(),
        signature,
    }
}

fn copied(function: &Function) -> Function {
    Function {
        module_name: function.module_name.clone(),
        module: Arc::clone(&function.module),
        limits: function.limits.clone(),
        options: function.options.clone(),
        input: function.input.clone(),
        offered: Arc::clone(&function.offered),
        signature: function.signature.clone(),
        reads_at: function.reads_at.clone(),
    }
}

fn kind(timeline: &Timeline) -> WindowKind {
    match timeline.shape {
        Shape::Time { length, offset, .. } if timeline.kind == Kind::Tumbling => {
            WindowKind::Tumbling { length, offset, zone: None }
        }
        Shape::Time { length, slide, offset } => WindowKind::Sliding { length, slide, offset },
        Shape::Session { gap } => WindowKind::Session { gap },
        Shape::Count { rows } => WindowKind::Count { rows: rows as u64 },
        Shape::Global => WindowKind::Global,
    }
}

fn emission(timeline: &Timeline) -> Emission {
    match timeline.emit {
        Emit::OnClose => Emission::OnClose,
        Emit::OnUpdate => Emission::OnUpdate,
        Emit::Early(every) => Emission::Early(every),
    }
}

/// An operator that all rows of `input` reach.
pub struct Operator {
    pub input: SchemaRef,
    pub functions: Vec<Function>,
    pub key_at: Vec<usize>,
    pub time_at: Option<usize>,
    pub time_shift: i64,
    pub op_at: Option<usize>,
    pub window: WindowSpec,
    pub emission: Emission,
    pub in_order: bool,
    pub emits_changes: bool,
    pub partitions: u16,
    pub rows_max: usize,
    pub crossing: Crossing,
}

impl Operator {
    /// The timeline's, with `collect` and `count`.
    fn of(timeline: &Timeline) -> Self {
        let kind = kind(timeline);
        let has_time = !matches!(kind, WindowKind::Global | WindowKind::Count { .. });
        let clock = match timeline.clock {
            Clock::Event => window::Clock::Event,
            Clock::Processing => window::Clock::Processing,
        };
        Self {
            input: columns(),
            functions: FUNCTIONS.iter().map(copied).collect(),
            key_at: (0..2).filter(|at| timeline.key[*at]).collect(),
            time_at: (has_time && timeline.clock == Clock::Event).then_some(2),
            time_shift: 0,
            op_at: None,
            window: WindowSpec { kind, lateness: timeline.lateness, clock, inverse: false },
            emission: emission(timeline),
            in_order: timeline.in_order,
            emits_changes: false,
            partitions: timeline.partitions,
            rows_max: timeline.rows_max,
            crossing: timeline.crossing,
        }
    }

    /// The timeline's, with `sum` and `count`, which take rows back.
    pub fn retractable(timeline: &Timeline) -> Self {
        Self::with(timeline, RETRACTABLE.as_slice())
    }

    /// The timeline's, with these functions, whose results do not depend on the order of rows.
    pub fn with(timeline: &Timeline, functions: &[Function]) -> Self {
        Self { functions: functions.iter().map(copied).collect(), in_order: false, ..Self::of(timeline) }
    }

    pub fn plan(self) -> AggregatePlan {
        let has_bounds = !matches!(self.window.kind, WindowKind::Global | WindowKind::Count { .. });
        let key_fields: Vec<FieldRef> = self.key_at.iter().map(|at| Arc::clone(&self.input.fields()[*at])).collect();
        let bounds = [WINDOW_START, WINDOW_END]
            .map(|name| Arc::new(Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, None), false)));
        let bounds = bounds.into_iter().filter(|_| has_bounds);
        let ports = self.functions.iter().map(|function| &function.signature.ports[0]);
        let computed = ports.flat_map(|port| port.computed.fields().iter().cloned());
        let op = self.emits_changes.then(|| Arc::new(Field::new(OP_COLUMN, DataType::Int8, false)));
        let result: Vec<FieldRef> = key_fields.iter().cloned().chain(bounds).chain(computed).chain(op).collect();
        let result: SchemaRef = Arc::new(Schema::new(result));
        let all = (0..result.fields().len()).map(KeptColumn::Computed).collect();
        let passed: Vec<KeptColumn> = (0..self.input.fields().len()).map(KeptColumn::Passed).collect();
        let mut with_reason = self.input.fields().to_vec();
        with_reason.push(Arc::new(Field::new("_reason", DataType::Utf8, false)));
        AggregatePlan {
            name: "windows".into(),
            functions: self.functions,
            key_at: self.key_at,
            key_fields,
            time_at: self.time_at,
            op_at: self.op_at,
            time_shift: self.time_shift,
            time_ahead: None,
            window: self.window,
            emission: self.emission,
            in_order: self.in_order,
            emits_changes: self.emits_changes,
            partitions: self.partitions,
            output: Some(PortPlan { schema: Arc::clone(&result), columns: all }),
            result,
            late: Some(PortPlan { schema: self.input, columns: passed.clone() }),
            rejected: Some(PortPlan {
                schema: Arc::new(Schema::new(with_reason)),
                columns: passed.into_iter().chain([KeptColumn::Computed(0)]).collect(),
            }),
            on_trap: OnTrap::Halt,
            rows_max: self.rows_max,
            crossing: self.crossing,
            draining: None,
            seed: 0,
        }
    }
}

pub fn plan(timeline: &Timeline) -> AggregatePlan {
    Operator::of(timeline).plan()
}

pub fn run(timeline: &Timeline) -> Vec<Outcome> {
    let mut run = Run::new(timeline);
    timeline.epochs.iter().map(|epoch| run.epoch(epoch).expect("it goes through")).collect()
}

/// A running operator.
pub struct Running {
    pub plan: Arc<AggregatePlan>,
    combiners: [Combiner; 2],
    reducers: [Reducer; 2],
    partitions: Vec<Partition>,
    /// The watermark so far.
    before: i64,
}

/// What left an operator in one epoch.
#[derive(Debug, Default, PartialEq)]
pub struct Left {
    pub results: Vec<RecordBatch>,
    pub late: Vec<RecordBatch>,
    pub rejected: Vec<RecordBatch>,
}

impl Running {
    pub fn new(plan: AggregatePlan) -> Self {
        Self::of(Arc::new(plan))
    }

    fn of(plan: Arc<AggregatePlan>) -> Self {
        Self {
            combiners: [Combiner::new(Arc::clone(&plan)), Combiner::new(Arc::clone(&plan))],
            reducers: [Reducer::new(Arc::clone(&plan)), Reducer::new(Arc::clone(&plan))],
            partitions: (0..plan.partitions).map(|number| Partition::new(&plan, number)).collect(),
            before: i64::MIN,
            plan,
        }
    }

    pub fn epoch(
        &mut self,
        number: usize,
        now: i64,
        batches: &[RecordBatch],
        closing: Closing,
    ) -> Result<Left, CallError> {
        let mut left = Left::default();
        let mut context = BatchContext { epoch: number as u64, first_row: 0, now, watermark: self.before, seed: 0 };
        let mut pieces = Vec::new();
        for (at, batch) in batches.iter().enumerate() {
            let mapped = self.combiners[at % 2].combine(&context, batch)?;
            pieces.extend(mapped.pieces);
            left.late.extend(mapped.late);
            left.rejected.extend(mapped.rejected);
        }
        context.watermark = closing.watermark;
        for partition in &mut self.partitions {
            let reducer = &mut self.reducers[number % 2];
            let reduced = reducer.reduce(&context, partition, &pieces, closing)?;
            left.late.extend(reduced.late);
            left.results.extend(reduced.emitted.into_iter().map(|(_, batch)| batch));
        }
        self.before = closing.watermark;
        Ok(left)
    }

    pub fn save(&self) -> Vec<Vec<u8>> {
        self.partitions.iter().map(|partition| partition.save(&self.plan)).collect()
    }

    /// Another process, which goes on after this one with what it saved.
    pub fn load(&self, bytes: &[Vec<u8>]) -> Result<Self, SnapshotError> {
        let partitions = (0..).zip(bytes).map(|(number, bytes)| Partition::load(&self.plan, number, bytes));
        let partitions = partitions.collect::<Result<_, _>>()?;
        Ok(Self { partitions, before: self.before, ..Self::of(Arc::clone(&self.plan)) })
    }

    /// Goes on with the state of this one, under a plan that differs in the number of its partitions.
    pub fn moved(&self, plan: AggregatePlan) -> Result<Self, SnapshotError> {
        let made = (0..plan.partitions).map(|number| Partition::gather(&plan, number, &self.partitions).save(&plan));
        let made: Vec<Vec<u8>> = made.collect();
        Self { before: self.before, ..Self::new(plan) }.load(&made)
    }

    /// The same operator under another plan, as a swap exchanges it.
    pub fn under(mut self, plan: AggregatePlan) -> Self {
        self.partitions.iter_mut().for_each(|partition| partition.evolve(&self.plan, &plan));
        Self { partitions: self.partitions, before: self.before, ..Self::new(plan) }
    }

    /// Groups that are still known.
    pub fn groups(&self) -> usize {
        self.partitions.iter().map(Partition::groups).sum()
    }
}

/// How an epoch of a timeline ends.
pub fn closing(timeline: &Timeline, number: usize, has_event_time: bool) -> Closing {
    let is_last = number + 1 == timeline.epochs.len();
    let watermark = if has_event_time || is_last { timeline.epochs[number].watermark } else { i64::MIN };
    Closing { watermark, is_last }
}

/// The operator of a timeline on its way.
pub struct Run<'a> {
    timeline: &'a Timeline,
    running: Running,
    /// The next epoch.
    number: usize,
}

impl<'a> Run<'a> {
    pub fn new(timeline: &'a Timeline) -> Self {
        Self { timeline, running: Running::new(plan(timeline)), number: 0 }
    }
}

impl<'a> Run<'a> {
    /// It goes on as another timeline says, of the same epochs: loaded from a snapshot, or as it is.
    pub fn under(self, timeline: &'a Timeline, by_snapshot: bool) -> Self {
        let other = plan(timeline);
        let running = if by_snapshot {
            let empty = Running { before: self.running.before, ..Running::new(other) };
            empty.load(&self.save()).expect("it fits")
        } else {
            self.running.under(other)
        };
        Self { timeline, running, number: self.number }
    }
}

impl snapshots::Run for Run<'_> {
    type Epoch = Epoch;
    type Outcome = Outcome;
    type Error = CallError;
    type Refusal = SnapshotError;

    fn save(&self) -> Vec<Vec<u8>> {
        self.running.save()
    }

    fn load(&self, bytes: &[Vec<u8>]) -> Result<Self, SnapshotError> {
        Ok(Self { running: self.running.load(bytes)?, ..*self })
    }

    fn epoch(&mut self, epoch: &Epoch) -> Result<Outcome, CallError> {
        let timeline = self.timeline;
        let batches: Vec<RecordBatch> = epoch.batches.iter().map(|rows| batch(rows)).collect();
        let closing = closing(timeline, self.number, self.running.plan.time_at.is_some());
        let left = self.running.epoch(self.number, epoch.now, &batches, closing)?;
        self.number += 1;
        Ok(Outcome {
            results: left.results.iter().flat_map(|batch| folds(timeline, batch)).collect(),
            late: left.late.iter().flat_map(ids).collect(),
            rejected: left.rejected.iter().flat_map(ids).collect(),
        })
    }

    fn goes_on_after_damage(&self) -> bool {
        // A pane that is moved to another age is no damage that loading can see, and every slide in between is a window: files
        // have checksums against that.
        self.timeline.kind != Kind::Sliding
    }
}

impl snapshots::Move for Run<'_> {
    fn moved(&self, partitions: u16) -> Result<Self, SnapshotError> {
        let plan = Operator { partitions, ..Operator::of(self.timeline) }.plan();
        Ok(Self { running: self.running.moved(plan)?, ..*self })
    }

    fn unordered(mut outcome: Outcome) -> Outcome {
        outcome.results.sort();
        outcome.late.sort_unstable();
        outcome.rejected.sort_unstable();
        outcome
    }
}

pub fn batch(rows: &[Row]) -> RecordBatch {
    let columns_of: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.number))),
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.name))),
        Arc::new(TimestampMicrosecondArray::from_iter(rows.iter().map(|row| row.time))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.id))),
    ];
    RecordBatch::try_new(columns(), columns_of).expect("a column for each field")
}

pub fn ids(batch: &RecordBatch) -> Vec<i64> {
    batch.column_by_name("id").expect("all columns pass").as_primitive::<Int64Type>().values().to_vec()
}

/// The results of a batch: key columns, bounds, the list of rows, their count.
fn folds(timeline: &Timeline, batch: &RecordBatch) -> Vec<Fold> {
    let time = |name: &str| batch.column_by_name(name).map(|column| column.as_primitive::<TimestampMicrosecondType>());
    let (starts, ends) = (time(WINDOW_START), time(WINDOW_END));
    let lists = batch.column_by_name("collect").expect("the first module's column").as_list::<i32>();
    let counts = batch.column_by_name("count").expect("the second module's column");
    let counts = arrow::compute::cast(counts, &DataType::Int64).expect("a number");
    let key = |row: usize| {
        let number =
            batch.column_by_name("number").map(|column| column.as_primitive::<Int64Type>().value(row).to_string());
        let name = batch.column_by_name("name").map(|column| {
            let column = column.as_string::<i32>();
            if column.is_null(row) { "null".to_owned() } else { format!("{:?}", column.value(row)) }
        });
        number.into_iter().chain(name).collect()
    };
    let fold = |row: usize| {
        let mut rows = lists.value(row).as_primitive::<Int64Type>().values().to_vec();
        if timeline.kind == Kind::Session && !timeline.in_order {
            rows.sort_unstable();
        }
        Fold {
            key: key(row),
            bounds: starts.zip(ends).map(|(starts, ends)| (starts.value(row), ends.value(row))),
            rows,
            count: counts.as_primitive::<Int64Type>().value(row),
        }
    };
    (0..batch.num_rows()).map(fold).collect()
}
