//! Snapshots of a cogroup between any two epochs: the module is handed the same rows in the same calls as without.

use std::{
    env, fs,
    sync::{Arc, LazyLock},
};

use arrow::{
    array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray},
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
};
use pelton::{
    operator::{
        Closing, KeptColumn, PortPlan, Reduced,
        admit::TimeColumn,
        join::{CogroupPlan, JoinForm, JoinPlan, Partition, Reducer},
        shuffle::{LateRows, Piece, ShufflePlan, Shuffler},
    },
    state::budget::Budget,
};
use pelton_core::{
    contract::{Input, Mode},
    job::JoinKind,
    limits::Limits,
    poison::OnTrap,
    window::{Clock, WindowKind, WindowSpec},
};
use pelton_tests::seeds::each;
use pelton_wasm::{BatchContext, CogroupInstance, Module, Runtime, RuntimeOptions};
use rand::{Rng, SeedableRng, rngs::StdRng};

static MODULE: LazyLock<Arc<Module>> = LazyLock::new(|| {
    let bytes = fs::read(pelton_tests::guest("unpaid").expect("a module to test")).expect("readable");
    let runtime = Runtime::new(&RuntimeOptions::default()).expect("the runtime starts");
    Arc::new(Module::load(&runtime, &bytes, &Limits::default()).expect("the module loads"))
});

const OPTIONS: &str = r#"{"tolerance":1.0}"#;
const PARTITIONS: u16 = 3;

fn inputs() -> [Input; 2] {
    let order = Field::new("order", DataType::Int64, true);
    let at = Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, None), false);
    let item = Field::new("item", DataType::Utf8, false);
    let number = |name: &str| Field::new(name, DataType::Float64, false);
    let items = vec![order.clone(), at.clone(), item, number("price")];
    let payments = vec![order, at, number("euro")];
    [("items", items), ("payments", payments)].map(|(name, fields)| Input {
        name: name.into(),
        schema: Arc::new(Schema::new(fields)),
        key: vec!["order".into()],
        event_time: Some("at".into()),
        mode: Mode::Append,
    })
}

fn plan(kind: WindowKind) -> JoinPlan {
    let inputs = inputs();
    let mut instance = CogroupInstance::new(&MODULE, &Limits::default()).expect("an instance");
    let contract = instance.open(&inputs, &[], OPTIONS).expect("the module opens");
    let signature = contract.check_cogroup(&inputs, &[]).expect("a lawful contract");
    let ports = signature.ports.iter().map(|port| {
        let columns = (0..port.schema.fields().len()).map(KeptColumn::Computed).collect();
        Some(PortPlan { schema: Arc::clone(&port.schema), columns })
    });
    let ports = ports.collect();
    let schemas = inputs.each_ref().map(|input| SchemaRef::clone(&input.schema));
    let rejected = schemas.each_ref().map(|schema| {
        let fields = schema.fields().iter().cloned().chain([Arc::new(Field::new("_reason", DataType::Utf8, false))]);
        let passed = (0..schema.fields().len()).map(KeptColumn::Passed);
        let columns = passed.chain([KeptColumn::Computed(0)]).collect();
        PortPlan { schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns }
    });
    let shuffle = |input: usize| ShufflePlan {
        input,
        key_at: vec![0],
        key_fields: vec![Arc::clone(&schemas[0].fields()[0])],
        time: Some(TimeColumn { at: 1, shift: 0, ahead: None }),
        late_rows: LateRows::Never,
        partitions: PARTITIONS,
        late: None,
        rejected: Some(rejected[input].clone()),
    };
    let cogroup = CogroupPlan {
        module_name: "unpaid.wasm".into(),
        module: Arc::clone(&MODULE),
        limits: Limits::default(),
        options: OPTIONS.into(),
        reads_at: signature.reads.clone(),
        inputs,
        offered: Arc::default(),
        signature,
        ports,
        seed: 0,
    };
    JoinPlan {
        name: "unpaid".into(),
        kind: JoinKind::Cogroup,
        shuffles: [shuffle(0), shuffle(1)],
        form: JoinForm::Windows(WindowSpec { kind, lateness: 3, clock: Clock::Event, inverse: false }),
        partitions: PARTITIONS,
        output: None,
        cogroup: Some(cogroup),
        on_trap: OnTrap::Halt,
        state_bytes: 1 << 30,
        rows_max: 6,
        schemas,
    }
}

/// What comes to one side in an epoch.
fn batch(plan: &JoinPlan, side: usize, epoch: i64, random: &mut StdRng) -> RecordBatch {
    let rows = random.random_range(1..12);
    let mut column = |make: &mut dyn FnMut(&mut StdRng) -> Option<i64>| -> Vec<Option<i64>> {
        (0..rows).map(|_| make(random)).collect()
    };
    let orders = column(&mut |random| random.random_ratio(7, 8).then(|| random.random_range(0..5)));
    let times = column(&mut |random| Some(epoch * 10 + random.random_range(-8..8)));
    let amounts = column(&mut |random| Some(random.random_range(-1..20)));
    let amounts: ArrayRef = Arc::new(Float64Array::from_iter(amounts.iter().map(|n| n.map(|n| n as f64))));
    let mut columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(orders)), Arc::new(TimestampMicrosecondArray::from(times)), amounts];
    if side == 0 {
        columns.insert(2, Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("item {row}")))));
    }
    RecordBatch::try_new(Arc::clone(&plan.schemas[side]), columns).expect("a column for each field")
}

fn reduce(reducer: &mut Reducer, partitions: &mut [Partition], epoch: u64, pieces: &[Piece], to: i64) -> Vec<Reduced> {
    let context = BatchContext { epoch, first_row: 0, now: 0, watermark: to, seed: 0 };
    let closing = Closing { watermark: to, is_last: to == i64::MAX };
    let one = |partition| reducer.reduce(&context, partition, pieces, closing).expect("it goes through");
    partitions.iter_mut().map(one).collect()
}

#[test]
fn cogroups_go_on_from_a_snapshot() {
    const EPOCHS: i64 = 8;
    let sliding = WindowKind::Sliding { length: 15, slide: 5, offset: 0 };
    let mut rows = 0;
    let tumbling = WindowKind::Tumbling { length: 12, offset: 0, zone: None };
    for kind in [tumbling, sliding, WindowKind::Session { gap: 4 }, WindowKind::Global] {
        each("-p pelton-tests --test joins cogroups_go_on", 0..20, |seed| {
            let random = &mut StdRng::seed_from_u64(seed);
            let plan = Arc::new(plan(kind.clone()));
            let shufflers = plan.shuffles.clone().map(Shuffler::new);
            let budget = Budget::new(plan.state_bytes);
            let new = |number| Partition::new(&plan, number, &budget);
            let mut whole: Vec<Partition> = (0..PARTITIONS).map(new).collect();
            let mut reducer = Reducer::new(Arc::clone(&plan));
            for epoch in 0..EPOCHS {
                let pieces = (0..4).flat_map(|at| {
                    let batch = batch(&plan, at % 2, epoch, random);
                    let context =
                        BatchContext { epoch: epoch as u64, first_row: 0, now: 0, watermark: i64::MIN, seed: 0 };
                    shufflers[at % 2].shuffle(&context, &batch).pieces
                });
                let pieces: Vec<Piece> = pieces.collect();
                let save = |partitions: &[Partition]| -> Vec<Vec<u8>> {
                    partitions.iter().map(|partition| partition.save(&plan)).collect()
                };
                let bytes = save(&whole);
                let load = |(number, bytes): (u16, &Vec<u8>)| Partition::load(&plan, number, &budget, bytes);
                let mut loaded: Vec<Partition> =
                    (0..).zip(&bytes).map(load).collect::<Result<_, _>>().expect("they were saved");
                let to = if epoch + 1 == EPOCHS { i64::MAX } else { epoch * 10 - 5 };
                let expected = reduce(&mut reducer, &mut whole, epoch as u64, &pieces, to);
                let got = reduce(&mut Reducer::new(Arc::clone(&plan)), &mut loaded, epoch as u64, &pieces, to);
                for (expected, got) in expected.iter().zip(&got) {
                    assert_eq!(expected.emitted, got.emitted, "{kind:?}, seed {seed}, epoch {epoch}");
                    assert_eq!(expected.rejected_of, got.rejected_of, "{kind:?}, seed {seed}, epoch {epoch}");
                    rows += expected.stats.rows_out;
                }
                assert!(save(&whole) == save(&loaded), "{kind:?}, seed {seed}, epoch {epoch}: other bytes");
            }
        });
    }
    assert!(env::var_os("PELTON_SEED").is_some() || rows > 1_000, "{rows} rows test little");
}
