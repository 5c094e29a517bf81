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
        aggregate::{AggregatePlan, Combiner, Function, Partition, Reducer, WINDOW_END, WINDOW_START},
    },
    standard,
    state::snapshot::SnapshotError,
};
use pelton_core::{
    contract::Input,
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
    LazyLock::new(|| [r#"{"function":"collect","column":"id"}"#, r#"{"function":"count"}"#].map(function));

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

fn input() -> Input {
    Input { name: "rows".into(), schema: columns(), key: Vec::new(), event_time: Some("time".into()) }
}

fn function(options: &str) -> Function {
    let mut instance = AggregateInstance::new(&MODULE, &Limits::default()).expect("an instance");
    let contract = instance.open(&input(), &[], options).expect("the module opens");
    let signature = contract.check_aggregate(&input(), &[]).expect("a lawful contract");
    Function {
        module_name: options.to_owned(),
        module: Arc::clone(&MODULE),
        limits: Limits::default(),
        options: options.to_owned(),
        input: input(),
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

pub fn plan(timeline: &Timeline) -> AggregatePlan {
    let functions = FUNCTIONS.iter().map(copied).collect::<Vec<_>>();
    let kind = kind(timeline);
    let has_time = !matches!(kind, WindowKind::Global | WindowKind::Count { .. });
    let clock = match timeline.clock {
        Clock::Event => window::Clock::Event,
        Clock::Processing => window::Clock::Processing,
    };
    let key_at: Vec<usize> = (0..2).filter(|at| timeline.key[*at]).collect();
    let key_fields: Vec<FieldRef> = key_at.iter().map(|at| Arc::clone(&columns().fields()[*at])).collect();
    let bounds = [WINDOW_START, WINDOW_END]
        .map(|name| Arc::new(Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, None), false)));
    let computed = functions.iter().flat_map(|function| function.signature.ports[0].computed.fields().iter().cloned());
    let bounds = bounds.into_iter().filter(|_| has_time);
    let result: SchemaRef =
        Arc::new(Schema::new(key_fields.iter().cloned().chain(bounds).chain(computed).collect::<Vec<_>>()));
    let all = (0..result.fields().len()).map(KeptColumn::Computed).collect();
    let passed: Vec<KeptColumn> = (0..4).map(KeptColumn::Passed).collect();
    let mut with_reason = columns().fields().to_vec();
    with_reason.push(Arc::new(Field::new("_reason", DataType::Utf8, false)));
    AggregatePlan {
        name: "windows".into(),
        functions,
        key_at,
        key_fields,
        time_at: (has_time && timeline.clock == Clock::Event).then_some(2),
        time_shift: 0,
        window: WindowSpec { kind, lateness: timeline.lateness, clock },
        emission: match timeline.emit {
            Emit::OnClose => Emission::OnClose,
            Emit::OnUpdate => Emission::OnUpdate,
            Emit::Early(every) => Emission::Early(every),
        },
        partitions: timeline.partitions,
        output: Some(PortPlan { schema: Arc::clone(&result), columns: all }),
        result,
        late: Some(PortPlan { schema: columns(), columns: passed.clone() }),
        rejected: Some(PortPlan {
            schema: Arc::new(Schema::new(with_reason)),
            columns: passed.into_iter().chain([KeptColumn::Computed(0)]).collect(),
        }),
        on_trap: OnTrap::Halt,
        rows_max: timeline.rows_max,
        sample_rows: timeline.sample_rows,
        seed: 0,
    }
}

pub fn run(timeline: &Timeline) -> Vec<Outcome> {
    let mut run = Run::new(timeline);
    timeline.epochs.iter().map(|epoch| run.epoch(epoch).expect("it goes through")).collect()
}

/// An operator on its way through a timeline.
pub struct Run<'a> {
    timeline: &'a Timeline,
    plan: Arc<AggregatePlan>,
    combiners: [Combiner; 2],
    reducers: [Reducer; 2],
    partitions: Vec<Partition>,
    /// The next epoch.
    number: usize,
    /// The watermark so far.
    before: i64,
}

impl<'a> Run<'a> {
    pub fn new(timeline: &'a Timeline) -> Self {
        let plan = Arc::new(plan(timeline));
        let partitions = (0..timeline.partitions).map(|number| Partition::new(&plan, number)).collect();
        let combiners = [Combiner::new(Arc::clone(&plan)), Combiner::new(Arc::clone(&plan))];
        let reducers = [Reducer::new(Arc::clone(&plan)), Reducer::new(Arc::clone(&plan))];
        Self { timeline, plan, combiners, reducers, partitions, number: 0, before: i64::MIN }
    }
}

impl snapshots::Run for Run<'_> {
    type Epoch = Epoch;
    type Outcome = Outcome;
    type Error = CallError;
    type Refusal = SnapshotError;

    fn save(&self) -> Vec<Vec<u8>> {
        self.partitions.iter().map(|partition| partition.save(&self.plan)).collect()
    }

    /// Another process, which goes on after this one with what it saved.
    fn load(&self, bytes: &[Vec<u8>]) -> Result<Self, SnapshotError> {
        let partitions = (0..).zip(bytes).map(|(number, bytes)| Partition::load(&self.plan, number, bytes));
        let partitions = partitions.collect::<Result<_, _>>()?;
        Ok(Self { partitions, number: self.number, before: self.before, ..Self::new(self.timeline) })
    }

    fn epoch(&mut self, epoch: &Epoch) -> Result<Outcome, CallError> {
        let Self { timeline, plan, number, before, .. } = self;
        let mut outcome = Outcome::default();
        let mut context =
            BatchContext { epoch: *number as u64, first_row: 0, now: epoch.now, watermark: *before, seed: 0 };
        let mut pieces = Vec::new();
        for (at, rows) in epoch.batches.iter().enumerate() {
            let mapped = self.combiners[at % 2].combine(&context, &batch(rows))?;
            pieces.extend(mapped.pieces);
            outcome.late.extend(mapped.late.iter().flat_map(ids));
            outcome.rejected.extend(mapped.rejected.iter().flat_map(ids));
        }
        let is_last = *number + 1 == timeline.epochs.len();
        let watermark = if plan.time_at.is_some() || is_last { epoch.watermark } else { i64::MIN };
        context.watermark = watermark;
        for partition in &mut self.partitions {
            let reducer = &mut self.reducers[*number % 2];
            let reduced = reducer.reduce(&context, partition, &pieces, Closing { watermark, is_last })?;
            outcome.late.extend(reduced.late.iter().flat_map(ids));
            outcome.results.extend(reduced.emitted.iter().flat_map(|(_, batch)| folds(timeline, batch)));
        }
        *before = watermark;
        *number += 1;
        Ok(outcome)
    }

    fn goes_on_after_damage(&self) -> bool {
        // A pane that is moved to another age is no damage that loading can see, and every slide in between is a window: files
        // have checksums against that.
        self.timeline.kind != Kind::Sliding
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

fn ids(batch: &RecordBatch) -> Vec<i64> {
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
        if timeline.kind == Kind::Session {
            // The order in which sessions are merged depends on the batches.
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
