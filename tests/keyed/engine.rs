//! The engine's side of a timeline: the map side and the reduce side of a keyed operator, in process.
//!
//! Batches go to two shufflers in turn and partitions to two reducers, as compute threads share them.

use std::{
    fs,
    sync::{Arc, LazyLock},
    time::Duration,
};

use arrow::{
    array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray},
    datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType},
};
use pelton::{
    operator::{
        Closing, KeptColumn, PortPlan,
        admit::TimeColumn,
        keyed::{KeyedPlan, KeyedPort, Partition, Reducer, Ttl},
        shuffle::{LateRows, ShufflePlan, Shuffler},
        tables::SideTables,
    },
    standard,
    state::{budget::Budget, snapshot::SnapshotError},
};
use pelton_core::{
    contract::{Input, Mode, PortColumn},
    limits::Limits,
    poison::OnTrap,
    window::Clock,
};
use pelton_tests::snapshots;
use pelton_wasm::{BatchContext, CallError, KeyedInstance, Module, Runtime, RuntimeOptions};

use crate::{
    Outcome,
    timeline::{Epoch, Guest, KeyForm, Row, Timeline},
};

static LEDGER: LazyLock<Arc<Module>> = LazyLock::new(|| guest("ledger"));
static SHELVES: LazyLock<Arc<Module>> = LazyLock::new(|| guest("shelves"));
static DEDUP: LazyLock<Arc<Module>> = LazyLock::new(|| load(standard::find("std:dedup").expect("it is shipped").bytes));

fn guest(name: &str) -> Arc<Module> {
    load(&fs::read(pelton_tests::guest(name).expect("a module to test")).expect("readable"))
}

fn load(bytes: &[u8]) -> Arc<Module> {
    let runtime = Runtime::new(&RuntimeOptions::default()).expect("the runtime starts");
    Arc::new(Module::load(&runtime, bytes, &limits()).expect("the module loads"))
}

fn module(guest: Guest) -> &'static Arc<Module> {
    match guest {
        Guest::Ledger => &LEDGER,
        Guest::Shelves => &SHELVES,
        Guest::Dedup => &DEDUP,
    }
}

/// For a machine that may be busy.
fn limits() -> Limits {
    Limits { call_time: Duration::from_secs(20), ..Limits::default() }
}

const TIME_AT: usize = 2;

fn columns(key: KeyForm) -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("number", DataType::Int64, false),
        Field::new("text", DataType::Utf8, key == KeyForm::NullableText),
        Field::new("ts", DataType::Timestamp(TimeUnit::Microsecond, None), true),
        Field::new("command", DataType::Utf8, false),
        Field::new("x", DataType::Int64, false),
    ]))
}

fn key_at(key: KeyForm) -> Vec<usize> {
    match key {
        KeyForm::Number => vec![0],
        KeyForm::Text | KeyForm::NullableText => vec![1],
        KeyForm::Both => vec![0, 1],
        KeyForm::None => Vec::new(),
    }
}

/// All columns of all ports are wanted.
pub fn plan(timeline: &Timeline) -> KeyedPlan {
    let schema = columns(timeline.key);
    let key_at = key_at(timeline.key);
    let key_fields: Vec<FieldRef> = key_at.iter().map(|at| Arc::clone(&schema.fields()[*at])).collect();
    let input = Input {
        name: "rows".into(),
        schema: Arc::clone(&schema),
        key: key_fields.iter().map(|field| field.name().clone()).collect(),
        event_time: Some("ts".into()),
        mode: Mode::Append,
    };
    let module = module(timeline.guest);
    let mut instance = KeyedInstance::new(module, &limits()).expect("an instance");
    let contract = instance.open(&input, &[], "{}").expect("the module opens");
    let signature = contract.check_keyed(&input, &[]).expect("a lawful contract");
    let ports = signature.ports.iter().map(|port| {
        let columns = port.columns.iter().map(|column| match column {
            PortColumn::Pass(at) => KeptColumn::Passed(*at),
            PortColumn::Computed(at) => KeptColumn::Computed(*at),
        });
        let plan = PortPlan { schema: Arc::clone(&port.schema), columns: columns.collect() };
        Some(KeyedPort { port: plan, time_at: port.schema.index_of("ts").ok() })
    });
    let passed: Vec<KeptColumn> = (0..schema.fields().len()).map(KeptColumn::Passed).collect();
    let reason = Arc::new(Field::new("_reason", DataType::Utf8, false));
    let with_reason: Vec<FieldRef> = schema.fields().iter().cloned().chain([reason]).collect();
    let shuffle = ShufflePlan {
        input: 0,
        key_at,
        key_fields,
        time: Some(TimeColumn { at: TIME_AT, shift: 0, ahead: None }),
        late_rows: timeline.lateness.map_or(LateRows::Never, LateRows::Behind),
        partitions: timeline.partitions,
        late: Some(PortPlan { schema: Arc::clone(&schema), columns: passed.clone() }),
        rejected: Some(PortPlan {
            schema: Arc::new(Schema::new(with_reason)),
            columns: passed.into_iter().chain([KeptColumn::Computed(0)]).collect(),
        }),
    };
    KeyedPlan {
        name: "tested".into(),
        module_name: "tested.wasm".into(),
        module: Arc::clone(module),
        limits: limits(),
        on_trap: OnTrap::Halt,
        options: "{}".into(),
        shuffle,
        initial: Vec::new(),
        ttl: timeline.ttl.map(|length| Ttl { length, clock: Clock::Event }),
        idle_keys: timeline.idle_keys,
        reads_at: signature.reads.clone(),
        ports: ports.collect(),
        input,
        offered: Arc::default(),
        signature,
        rows_max: timeline.rows_max,
        seed: 7,
    }
}

/// What leaves, and how many keys have state when all has ended.
pub fn run(timeline: &Timeline, state_bytes: u64) -> Result<(Outcome, usize), CallError> {
    let mut run = Run::new(timeline, state_bytes);
    let mut out = Outcome::default();
    timeline.epochs.iter().try_for_each(|epoch| run.epoch_into(epoch, &mut out))?;
    Ok((out, run.keys()))
}

/// An operator on its way through a timeline.
pub struct Run<'a> {
    timeline: &'a Timeline,
    plan: Arc<KeyedPlan>,
    shufflers: [Shuffler; 2],
    reducers: [Reducer; 2],
    state_bytes: u64,
    partitions: Vec<Partition>,
    /// The next epoch.
    number: usize,
    /// The watermark so far.
    before: i64,
}

impl<'a> Run<'a> {
    pub fn new(timeline: &'a Timeline, state_bytes: u64) -> Self {
        let plan = Arc::new(plan(timeline));
        let budget = Budget::new(state_bytes);
        let new = |number| Partition::new(&plan, number, &budget, &SideTables::default());
        Self {
            timeline,
            shufflers: [Shuffler::new(plan.shuffle.clone()), Shuffler::new(plan.shuffle.clone())],
            reducers: [Reducer::new(Arc::clone(&plan)), Reducer::new(Arc::clone(&plan))],
            state_bytes,
            partitions: (0..timeline.partitions).map(new).collect(),
            plan,
            number: 0,
            before: i64::MIN,
        }
    }

    /// How many keys have state.
    pub fn keys(&self) -> usize {
        self.partitions.iter().map(Partition::keys).sum()
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
        let budget = Budget::new(self.state_bytes);
        let load = |(number, bytes): (u16, &Vec<u8>)| Partition::load(&self.plan, number, &budget, bytes);
        let partitions = (0..).zip(bytes).map(load).collect::<Result<_, _>>()?;
        let new = Self::new(self.timeline, self.state_bytes);
        Ok(Self { partitions, number: self.number, before: self.before, ..new })
    }

    fn epoch(&mut self, epoch: &Epoch) -> Result<Outcome, CallError> {
        let mut out = Outcome::default();
        self.epoch_into(epoch, &mut out)?;
        Ok(out)
    }
}

impl snapshots::Move for Run<'_> {
    fn moved(&self, partitions: u16) -> Result<Self, SnapshotError> {
        let mut plan = plan(self.timeline);
        plan.shuffle.partitions = partitions;
        let plan = Arc::new(plan);
        let budget = Budget::new(self.state_bytes);
        let gather = |number| {
            let bytes = Partition::gather(&plan, number, &budget, &self.partitions).save(&plan);
            Partition::load(&plan, number, &budget, &bytes)
        };
        Ok(Self {
            timeline: self.timeline,
            shufflers: [Shuffler::new(plan.shuffle.clone()), Shuffler::new(plan.shuffle.clone())],
            reducers: [Reducer::new(Arc::clone(&plan)), Reducer::new(Arc::clone(&plan))],
            state_bytes: self.state_bytes,
            partitions: (0..partitions).map(gather).collect::<Result<_, _>>()?,
            number: self.number,
            before: self.before,
            plan,
        })
    }

    fn unordered(outcome: Outcome) -> Outcome {
        outcome.sorted()
    }
}

impl Run<'_> {
    /// Adds what the epoch does to `out`.
    pub fn epoch_into(&mut self, epoch: &Epoch, out: &mut Outcome) -> Result<(), CallError> {
        let Self { timeline, number, before, .. } = self;
        let mut context =
            BatchContext { epoch: *number as u64, first_row: 0, now: epoch.now, watermark: *before, seed: 0 };
        let mut pieces = Vec::new();
        for (rows, shuffler) in epoch.batches.iter().zip(self.shufflers.iter().cycle()) {
            let mapped = shuffler.shuffle(&context, &batch(timeline.key, rows));
            pieces.extend(mapped.pieces);
            out.late.extend(mapped.late.iter().flat_map(numbers));
            out.rejected.extend(mapped.rejected.iter().flat_map(numbers));
        }
        context.watermark = epoch.watermark;
        let closing = Closing { watermark: epoch.watermark, is_last: *number + 1 == timeline.epochs.len() };
        for (partition, at) in self.partitions.iter_mut().zip(*number..) {
            let reduced = self.reducers[at % 2].reduce(&context, partition, &pieces, closing)?;
            for (port, batch) in &reduced.emitted {
                take(timeline.key, *port, batch, out);
            }
            out.rejected.extend(reduced.rejected.iter().flat_map(numbers));
        }
        *before = epoch.watermark;
        *number += 1;
        Ok(())
    }
}

pub fn batch(key: KeyForm, rows: &[Row]) -> RecordBatch {
    let columns_of: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.number))),
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.text.as_deref()))),
        Arc::new(TimestampMicrosecondArray::from_iter(rows.iter().map(|row| row.time))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.command))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.x))),
    ];
    RecordBatch::try_new(columns(key), columns_of).expect("a column for each field")
}

fn long(batch: &RecordBatch, name: &str) -> Vec<i64> {
    batch.column_by_name(name).expect("the port has it").as_primitive::<Int64Type>().values().to_vec()
}

/// `x` of rows that were refused.
fn numbers(batch: &RecordBatch) -> Vec<i64> {
    long(batch, "x")
}

fn take(key: KeyForm, port: usize, batch: &RecordBatch, out: &mut Outcome) {
    let names = key_names(key, batch);
    if port == 1 {
        for (name, x) in names.into_iter().zip(long(batch, "x")) {
            out.pushed.entry(name).or_default().push(x);
        }
        return;
    }
    let times = match batch.column_by_name("ts") {
        Some(times) => {
            assert_eq!(times.null_count(), 0, "every row has an event time");
            times.as_primitive::<TimestampMicrosecondType>().values().to_vec()
        }
        // It does not pass.
        None => vec![0; batch.num_rows()],
    };
    // Where nothing is computed the row is what leaves.
    let (what, n) = if batch.column_by_name("what").is_some() { ("what", "n") } else { ("command", "x") };
    let what = batch.column_by_name(what).expect("it passes").as_string::<i32>();
    for (((name, time), what), n) in names.into_iter().zip(times).zip(what).zip(long(batch, n)) {
        out.rows.entry(name).or_default().push((time, what.expect("a word").to_owned(), n));
    }
}

fn key_names(key: KeyForm, batch: &RecordBatch) -> Vec<String> {
    let text = |row: usize| {
        let column = batch.column_by_name("text").expect("keys pass").as_string::<i32>();
        if column.is_null(row) { "null".to_owned() } else { column.value(row).to_owned() }
    };
    let number = |row: usize| long(batch, "number")[row].to_string();
    let name = |row: usize| match key {
        KeyForm::Number => number(row),
        KeyForm::Text | KeyForm::NullableText => text(row),
        KeyForm::Both => format!("{}, {}", number(row), text(row)),
        KeyForm::None => String::new(),
    };
    (0..batch.num_rows()).map(name).collect()
}
