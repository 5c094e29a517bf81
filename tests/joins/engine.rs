//! The engine's side of a timeline: the map sides and the reduce side of a join, in process.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray},
    datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType},
};
use pelton::{
    operator::{
        Closing, KeptColumn, PortPlan,
        admit::TimeColumn,
        join::{JoinForm, JoinOutput, JoinPlan, Partition, Reducer},
        shuffle::{LateRows, ShufflePlan, Shuffler},
    },
    state::{budget::Budget, snapshot::SnapshotError},
};
use pelton_core::{
    poison::OnTrap,
    window::{Clock, WindowKind, WindowSpec},
};
use pelton_tests::snapshots::{self, Run as _};
use pelton_wasm::{BatchContext, CallError};

use crate::{
    Joined, Outcome,
    timeline::{Epoch, Row, Shape, Timeline},
};

const TIME: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// Of either side.
fn columns() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("number", DataType::Int64, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("time", TIME, true),
        Field::new("id", DataType::Int64, false),
    ]))
}

fn plan(timeline: &Timeline) -> JoinPlan {
    let is_windowed = matches!(timeline.shape, Shape::Windows { .. } | Shape::Sessions { .. });
    let lateness = timeline.lateness;
    let (form, late_rows) = match timeline.shape {
        Shape::Interval { least, most } => (JoinForm::Interval { least, most, lateness }, LateRows::Behind(lateness)),
        Shape::Windows { length, slide, offset } => {
            let kind = if length == slide {
                WindowKind::Tumbling { length, offset, zone: None }
            } else {
                WindowKind::Sliding { length, slide, offset }
            };
            let spec = WindowSpec { kind, lateness, clock: Clock::Event, inverse: false };
            (JoinForm::Windows(spec.clone()), LateRows::After(spec))
        }
        Shape::Sessions { gap } => {
            let kind = WindowKind::Session { gap };
            (JoinForm::Windows(WindowSpec { kind, lateness, clock: Clock::Event, inverse: false }), LateRows::Never)
        }
        Shape::Global => {
            let spec = WindowSpec { kind: WindowKind::Global, lateness: 0, clock: Clock::Event, inverse: false };
            (JoinForm::Windows(spec), LateRows::Never)
        }
    };
    let has_time = timeline.shape != Shape::Global;
    let key_at: Vec<usize> = if timeline.by_name { vec![0, 1] } else { vec![0] };
    let key_fields: Vec<FieldRef> = key_at.iter().map(|at| Arc::clone(&columns().fields()[*at])).collect();
    let passed: Vec<KeptColumn> = (0..4).map(KeptColumn::Passed).collect();
    let mut with_reason = columns().fields().to_vec();
    with_reason.push(Arc::new(Field::new("_reason", DataType::Utf8, false)));
    let shuffle = |input| ShufflePlan {
        input,
        key_at: key_at.clone(),
        key_fields: key_fields.clone(),
        time: has_time.then_some(TimeColumn { at: 2, shift: 0, ahead: None }),
        late_rows: late_rows.clone(),
        partitions: timeline.partitions,
        late: Some(PortPlan { schema: columns(), columns: passed.clone() }),
        rejected: Some(PortPlan {
            schema: Arc::new(Schema::new(with_reason.clone())),
            columns: passed.iter().copied().chain([KeptColumn::Computed(0)]).collect(),
        }),
    };
    let mut fields = vec![
        (Field::new("number", DataType::Int64, true), KeptColumn::Passed(0), Some(4)),
        (Field::new("name", DataType::Utf8, true), KeptColumn::Passed(1), timeline.by_name.then_some(5)),
        (Field::new("time", TIME, true), KeptColumn::Passed(2), has_time.then_some(6)),
        (Field::new("left", DataType::Int64, true), KeptColumn::Passed(3), None),
        (Field::new("right", DataType::Int64, true), KeptColumn::Passed(7), None),
    ];
    if is_windowed {
        fields.push((Field::new("window_start", TIME, false), KeptColumn::Computed(0), None));
        fields.push((Field::new("window_end", TIME, false), KeptColumn::Computed(1), None));
    }
    let schema = Schema::new(fields.iter().map(|(field, ..)| field.clone()).collect::<Vec<_>>());
    let port = PortPlan { schema: Arc::new(schema), columns: fields.iter().map(|(_, column, _)| *column).collect() };
    let fallback = fields.into_iter().map(|(.., fallback)| fallback).collect();
    JoinPlan {
        name: "joins".into(),
        kind: timeline.kind,
        shuffles: [shuffle(0), shuffle(1)],
        schemas: [columns(), columns()],
        form,
        partitions: timeline.partitions,
        output: Some(JoinOutput { port, left_columns: 4, fallback }),
        cogroup: None,
        on_trap: OnTrap::Halt,
        state_bytes: 1 << 30,
        rows_max: timeline.rows_max,
    }
}

pub fn run(timeline: &Timeline) -> Vec<Outcome> {
    let mut run = Run::new(timeline);
    timeline.epochs.iter().map(|epoch| run.epoch(epoch).expect("it goes through")).collect()
}

/// An operator on its way through a timeline.
pub struct Run<'a> {
    timeline: &'a Timeline,
    plan: Arc<JoinPlan>,
    shufflers: [Shuffler; 2],
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
        let budget = Budget::new(plan.state_bytes);
        Self {
            timeline,
            shufflers: plan.shuffles.clone().map(Shuffler::new),
            reducers: [Reducer::new(Arc::clone(&plan)), Reducer::new(Arc::clone(&plan))],
            partitions: (0..timeline.partitions).map(|number| Partition::new(&plan, number, &budget)).collect(),
            plan,
            number: 0,
            before: i64::MIN,
        }
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
        let budget = Budget::new(self.plan.state_bytes);
        let load = |(number, bytes): (u16, &Vec<u8>)| Partition::load(&self.plan, number, &budget, bytes);
        let partitions = (0..).zip(bytes).map(load).collect::<Result<_, _>>()?;
        Ok(Self { partitions, number: self.number, before: self.before, ..Self::new(self.timeline) })
    }

    fn epoch(&mut self, epoch: &Epoch) -> Result<Outcome, CallError> {
        let mut outcome = Outcome::default();
        let mut context =
            BatchContext { epoch: self.number as u64, first_row: 0, now: 0, watermark: self.before, seed: 0 };
        let mut pieces = Vec::new();
        for (side, rows) in &epoch.batches {
            let mapped = self.shufflers[*side].shuffle(&context, &batch(rows));
            pieces.extend(mapped.pieces);
            outcome.late[*side].extend(mapped.late.iter().flat_map(ids));
            outcome.rejected[*side].extend(mapped.rejected.iter().flat_map(ids));
        }
        context.watermark = epoch.watermark;
        let closing = Closing { watermark: epoch.watermark, is_last: epoch.watermark == i64::MAX };
        for partition in &mut self.partitions {
            let reduced = self.reducers[self.number % 2].reduce(&context, partition, &pieces, closing)?;
            assert!(reduced.emitted.iter().all(|(_, batch)| batch.num_rows() <= self.timeline.rows_max));
            for (side, batch) in &reduced.late_of {
                outcome.late[*side].extend(ids(batch));
            }
            outcome.joined.extend(reduced.emitted.iter().flat_map(|(_, batch)| joined(batch)));
        }
        outcome.kept = [0, 1].map(|side| self.partitions.iter().map(|partition| partition.numbers(side).len()).sum());
        outcome.keys = self.partitions.iter().map(Partition::keys).sum();
        self.before = epoch.watermark;
        self.number += 1;
        Ok(outcome)
    }
}

impl snapshots::Move for Run<'_> {
    fn moved(&self, partitions: u16) -> Result<Self, SnapshotError> {
        let elsewhere = JoinPlan { partitions, ..plan(self.timeline) };
        let shuffles = elsewhere.shuffles.clone().map(|shuffle| ShufflePlan { partitions, ..shuffle });
        let plan = Arc::new(JoinPlan { shuffles, ..elsewhere });
        let budget = Budget::new(plan.state_bytes);
        let gather = |number| -> Result<Partition, SnapshotError> {
            let bytes = Partition::gather(&plan, number, &budget, &self.partitions)?.save(&plan);
            Partition::load(&plan, number, &budget, &bytes)
        };
        Ok(Self {
            timeline: self.timeline,
            shufflers: plan.shuffles.clone().map(Shuffler::new),
            reducers: [Reducer::new(Arc::clone(&plan)), Reducer::new(Arc::clone(&plan))],
            partitions: (0..partitions).map(gather).collect::<Result<_, _>>()?,
            number: self.number,
            before: self.before,
            plan,
        })
    }

    fn unordered(mut outcome: Outcome) -> Outcome {
        outcome.sort();
        outcome
    }
}

fn batch(rows: &[Row]) -> RecordBatch {
    let columns_of: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.number))),
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.name))),
        Arc::new(TimestampMicrosecondArray::from_iter(rows.iter().map(|row| row.time))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.id))),
    ];
    RecordBatch::try_new(columns(), columns_of).expect("a column for each field")
}

fn ids(batch: &RecordBatch) -> Vec<i64> {
    batch.column_by_name("id").expect("all columns pass").as_primitive::<Int64Type>().values().to_vec()
}

fn joined(batch: &RecordBatch) -> Vec<Joined> {
    let number = |name: &str, row: usize| {
        let column = batch.column_by_name(name).expect("it is there").as_primitive::<Int64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    let time = |name: &str, row: usize| {
        let column = batch.column_by_name(name)?.as_primitive::<TimestampMicrosecondType>();
        column.is_valid(row).then(|| column.value(row))
    };
    let names = batch.column_by_name("name").expect("it is there").as_string::<i32>();
    let one = |row: usize| Joined {
        left: number("left", row),
        right: number("right", row),
        number: number("number", row),
        name: names.is_valid(row).then(|| names.value(row).to_owned()),
        time: time("time", row),
        window: time("window_start", row).zip(time("window_end", row)),
    };
    (0..batch.num_rows()).map(one).collect()
}
