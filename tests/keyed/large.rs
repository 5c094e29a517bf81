//! Keys with large lists and maps: a call costs what it reads and changes, whatever else the key has, and what is kept counts.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use pelton::{
    operator::{
        Closing,
        keyed::{Partition, Reducer},
        shuffle::Shuffler,
        tables::SideTables,
    },
    state::budget::Budget,
};
use pelton_core::limits::LimitName;
use pelton_wasm::{BatchContext, CallError};

use crate::{
    engine,
    timeline::{Guest, KeyForm, Row, Timeline},
};

/// One partition of the shelves, driven epoch by epoch.
struct Shelves {
    shuffler: Shuffler,
    reducer: Reducer,
    partition: Partition,
    epoch: u64,
}

impl Shelves {
    /// The memory of its module and all its state are limited.
    fn new(memory_bytes: u64, state_bytes: u64) -> Self {
        let mut plan = engine::plan(&set_up());
        plan.limits.memory_bytes = memory_bytes;
        plan.limits.call_time = Duration::from_secs(60);
        let plan = Arc::new(plan);
        Self {
            shuffler: Shuffler::new(plan.shuffle.clone()),
            reducer: Reducer::new(Arc::clone(&plan)),
            partition: Partition::new(&plan, 0, &Budget::new(state_bytes), &SideTables::default()),
            epoch: 0,
        }
    }

    /// An epoch of commands to the only key; how long it took to reduce.
    fn obey(&mut self, commands: &[(&'static str, i64)]) -> Result<Duration, CallError> {
        self.epoch += 1;
        let context = BatchContext { epoch: self.epoch, first_row: 0, now: 0, watermark: i64::MIN, seed: 0 };
        let row = |&(command, x): &(&'static str, i64)| Row {
            number: 1,
            text: Some(String::new()),
            time: Some(0),
            command,
            x,
        };
        let rows: Vec<Row> = commands.iter().map(row).collect();
        let pieces = self.shuffler.shuffle(&context, &engine::batch(KeyForm::Number, &rows)).pieces;
        let closing = Closing { watermark: i64::MIN, is_last: false };
        let started = Instant::now();
        self.reducer.reduce(&context, &mut self.partition, &pieces, closing)?;
        Ok(started.elapsed())
    }

    /// The median time of an epoch with these commands.
    fn typical(&mut self, commands: &[(&'static str, i64)]) -> Duration {
        let mut times: Vec<_> = (0..201).map(|_| self.obey(commands).expect("it obeys")).collect();
        times.sort_unstable();
        times[times.len() / 2]
    }
}

/// How the operator is set up; no timeline runs.
fn set_up() -> Timeline {
    Timeline {
        guest: Guest::Shelves,
        key: KeyForm::Number,
        partitions: 1,
        rows_max: 8_192,
        ttl: None,
        lateness: None,
        idle_keys: false,
        epochs: Vec::new(),
    }
}

const MIB: u64 = 1 << 20;

/// A list of so many elements; each of the commands that make it appends `5 * x`.
fn with_list(elements: i64) -> Shelves {
    let mut shelves = Shelves::new(8 * MIB, 1 << 30);
    for rest in (0..elements).step_by(20_000) {
        shelves.obey(&[("fill", (elements - rest).min(20_000) / 5)]).expect("a list");
    }
    shelves
}

#[test]
fn a_key_with_a_million_elements_costs_a_call_what_one_with_ten_does() {
    let (mut small, mut large) = (with_list(10), with_list(1_000_000));
    // Far beyond the memory of the module, so it cannot have been given them.
    assert!(large.partition.held_bytes() as u64 > 5 * 8 * MIB, "{}", large.partition.held_bytes());
    for commands in [
        [("add", 1)].as_slice(),
        &[("push", 1), ("keep", 1_000_000)],
        &[("len", 0), ("ends", 0)],
        &[("at", 7), ("tail", 8), ("slice", 3)],
        &[("push", 3), ("pop", 0)],
    ] {
        let [few, many] = [&mut small, &mut large].map(|shelves| shelves.typical(commands));
        println!("{commands:?}: {few:?} with 10 elements, {many:?} with 1,000,000");
        // To copy the list takes a thousand times as long as such a call.
        assert!(many < few * 10 + Duration::from_micros(200), "{commands:?}: {few:?} and {many:?}");
    }
}

#[test]
fn a_list_larger_than_the_memory_of_the_module_can_be_read_whole() {
    let mut large = with_list(1_000_000);
    println!("a million elements read one by one in {:?}", large.obey(&[("all", 0)]).expect("part by part"));
}

#[test]
fn lists_and_maps_count_against_state_bytes() {
    for commands in [[("fill", 2_000)], [("stock", 2_000)]] {
        let mut shelves = Shelves::new(64 * MIB, 12 << 10);
        shelves.obey(&[("push", 1), ("put", 1), ("place", 1)]).expect("that much is allowed");
        let error = shelves.obey(&commands).expect_err("10,000 elements of a list, or 311 rows of a map, are more");
        assert!(matches!(&error, CallError::Limit { name: LimitName::StateBytes, .. }), "{commands:?}: {error}");
        assert_eq!(error.to_string(), "hit its limit `state-bytes` = 12KiB in `process`");
    }
}

#[test]
fn a_key_whose_lists_and_maps_are_cleared_is_forgotten() {
    let mut shelves = Shelves::new(64 * MIB, 1 << 30);
    shelves.obey(&[("fill", 500), ("stock", 60), ("place", 3), ("place", 4)]).expect("it obeys");
    assert_eq!(shelves.partition.keys(), 1);
    shelves.obey(&[("clear-list", 0), ("clear-map", 0), ("unplace", 3)]).expect("it obeys");
    assert_eq!(shelves.partition.keys(), 1, "one place is left");
    shelves.obey(&[("unplace", 4)]).expect("it obeys");
    assert_eq!(shelves.partition.keys(), 0);
}
