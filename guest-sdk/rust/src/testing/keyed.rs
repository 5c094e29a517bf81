//! The offline harness of keyed operators: batches, time and ends of life, with the state and the timers kept between.
//!
//! Each call is an epoch: rows are grouped by key, keys get their state and the timers that are due, and what the operator answers
//! is applied as the host does. State, lists, maps and timers can be looked at after each.

use std::marker::PhantomData;

use serde_json::{Map, Value};

use super::{
    IntoOptions, Rows, Tested,
    fold::Grouped,
    host,
    stored::{Serving, StoredTable},
};
use crate::{
    bindings::{
        BatchContext, Contract, Table,
        keyed::{KeyedOutput, Timers as Due},
    },
    keyed::{Call, Clock, Keyed, Opened, Timer},
    log::sink,
    types::Timestamp,
};

/// What a keyed operator can do in tests: `visits.key(["user"]).start()`.
pub trait TestableKeyed: Keyed + Copy {
    /// The columns that are the key.
    fn key<const N: usize>(self, columns: [&str; N]) -> KeyedTest<Self> {
        KeyedTest {
            options: Map::new(),
            key: columns.map(str::to_owned).to_vec(),
            event_time: None,
            seed: 0,
            keyed: PhantomData,
        }
    }
}

impl<K: Keyed + Copy> TestableKeyed for K {}

/// A test of a keyed operator being set up; ends with [`KeyedTest::start`], [`KeyedTest::contract`] or [`KeyedTest::refusal`].
#[derive(Debug, Clone)]
pub struct KeyedTest<K> {
    options: Map<String, Value>,
    key: Vec<String>,
    event_time: Option<String>,
    seed: u64,
    keyed: PhantomData<K>,
}

impl<K: Keyed> KeyedTest<K> {
    pub fn options(mut self, options: impl IntoOptions) -> Self {
        self.options = options.into_options();
        self
    }

    /// The column that is the input's event time; none otherwise.
    pub fn event_time(mut self, column: &str) -> Self {
        self.event_time = Some(column.to_owned());
        self
    }

    /// The seed of `ctx.random()`; 0 otherwise.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// A run without state and timers, before its first epoch.
    pub fn start(self) -> KeyedRun<K> {
        let context = BatchContext { epoch: 0, first_row: 0, now: 0, watermark: i64::MIN, seed: self.seed };
        KeyedRun {
            test: self,
            context,
            input: None,
            keys: Rows::default(),
            state: Rows::default(),
            tables: Vec::new(),
            timers: Vec::new(),
        }
    }

    /// The contract that the operator offers for such rows.
    #[track_caller]
    pub fn contract(self, rows: &Rows) -> Contract {
        match self.open(rows) {
            Ok((contract, _)) => contract,
            Err(why) => panic!("the operator refuses the input: {why}"),
        }
    }

    /// Why the operator refuses such rows or these options; panics if it takes them.
    #[track_caller]
    pub fn refusal(self, rows: &Rows) -> String {
        match self.open(rows) {
            Ok(_) => panic!("the operator takes these rows and options"),
            Err(why) => why,
        }
    }

    fn open(&self, rows: &Rows) -> Result<(Contract, Opened<K>), String> {
        let mut input = rows.as_input(self.event_time.clone());
        input.key = self.key.clone();
        Opened::open(&[input], &Value::Object(self.options.clone()).to_string())
    }
}

/// A run of a keyed operator: what the host would keep between epochs.
#[derive(Debug)]
pub struct KeyedRun<K> {
    test: KeyedTest<K>,
    context: BatchContext,
    /// No rows, but the columns of the input, once they are known.
    input: Option<Rows>,
    /// The key columns: a row for each key that ever came.
    keys: Rows,
    /// For each of them, its state; nulls for none.
    state: Rows,
    /// Lists and maps, in the contract's order, once it is known.
    tables: Vec<StoredTable>,
    /// The timers that are set, of keys by number.
    timers: Vec<(u32, Timer)>,
}

impl<K: Keyed> KeyedRun<K> {
    /// An epoch with `rows`. All epochs have the same columns.
    #[track_caller]
    pub fn rows(&mut self, rows: Rows) -> Tested {
        self.epoch(rows, None, &[])
    }

    /// An epoch with `rows`, after which the watermark is `watermark`: timers that it makes due are in the same call.
    #[track_caller]
    pub fn rows_until(&mut self, rows: Rows, watermark: Timestamp) -> Tested {
        self.context.watermark = watermark.0;
        self.epoch(rows, None, &[])
    }

    /// An epoch without rows that only advances event time.
    #[track_caller]
    pub fn watermark(&mut self, watermark: Timestamp) -> Tested {
        self.context.watermark = watermark.0;
        self.epoch(self.no_rows(), None, &[])
    }

    /// An epoch without rows at this processing time, which the next ones keep.
    #[track_caller]
    pub fn now(&mut self, now: Timestamp) -> Tested {
        self.epoch(self.no_rows(), Some(now), &[])
    }

    /// An epoch in which the time to live of all keys with state ends.
    #[track_caller]
    pub fn expire(&mut self) -> Tested {
        let expiring: Vec<u32> = (0..self.keys.len() as u32).filter(|key| self.has_state(*key)).collect();
        self.epoch(self.no_rows(), None, &expiring)
    }

    /// The keys that have state, and their state, in the order in which keys first came.
    pub fn state(&self) -> Rows {
        let with_state: Vec<u32> = (0..self.keys.len() as u32).filter(|key| self.has_state(*key)).collect();
        self.keys.select(&with_state).beside(self.state.select(&with_state))
    }

    /// The rows of a list or map: the columns of the key, of the subkey (a list's is `position`) and of the values, in order.
    #[track_caller]
    pub fn table(&self, name: &str) -> Rows {
        let Some(table) = self.tables.iter().find(|table| table.name() == name) else {
            let names = self.tables.iter().map(StoredTable::name);
            panic!("there is no list or map `{name}`: {}", crate::nearest::suggest(name, names));
        };
        let (keys, rows) = table.rows();
        self.keys.select(&keys).beside(rows)
    }

    /// The timers that are set, in order of time.
    pub fn timers(&self) -> Vec<Timer> {
        let mut timers: Vec<Timer> = self.timers.iter().map(|(_, timer)| *timer).collect();
        timers.sort_by_key(|timer| timer.at);
        timers
    }

    #[track_caller]
    fn no_rows(&self) -> Rows {
        self.input.clone().expect("a test begins with rows, from which the columns are known")
    }

    fn has_state(&self, key: u32) -> bool {
        self.state.has_value(key as usize) || self.tables.iter().any(|table| table.has(key))
    }

    #[track_caller]
    fn epoch(&mut self, rows: Rows, now: Option<Timestamp>, expiring: &[u32]) -> Tested {
        self.context.epoch += 1;
        self.context.now = now.map_or(self.context.now, |now| now.0);
        sink::take();
        match self.try_epoch(&rows, expiring) {
            Ok(tested) => tested,
            Err(why) => panic!("the keyed operator failed: {why}"),
        }
    }

    fn try_epoch(&mut self, rows: &Rows, expiring: &[u32]) -> Result<Tested, String> {
        let (contract, opened) = self.test.open(rows)?;
        self.input.get_or_insert_with(|| rows.select(&[]));
        if self.tables.is_empty() {
            let ordered = contract.state.iter().filter(|table| !table.subkey.is_empty());
            self.tables = ordered.cloned().map(StoredTable::new).collect();
        }
        let grouped = Grouped::new(&self.all_keys(rows)?, &self.test.key)?;
        let slots: Vec<u32> = grouped.slots.iter().skip(self.keys.len()).copied().collect();
        let new = (grouped.groups - self.keys.len()) as u32;
        self.keys = grouped.keys;
        self.state = if self.state.names().is_empty() { no_state(&contract) } else { std::mem::take(&mut self.state) }
            .concat(&no_state(&contract).nulls(new))?;

        let due = self.take_due();
        let mut called: Vec<u32> =
            slots.iter().chain(due.iter().map(|(key, _)| key)).chain(expiring).copied().collect();
        called.sort_unstable();
        called.dedup();
        let epoch = Epoch::new(&called, &slots, rows);
        let call = self.call(&contract, &epoch, &due, expiring)?;
        self.context.first_row += rows.len() as u64;
        let serving = Serving {
            own: contract.state.len() - self.tables.len(),
            tables: std::mem::take(&mut self.tables),
            called: called.clone(),
        };
        let (output, serving) = serving.during(|| opened.process(call));
        self.tables = serving.tables;
        let output = output?;
        self.apply(&contract, &called, expiring, &output)?;
        host::keyed_answer(
            &contract,
            output,
            &host::Given {
                rows: &epoch.rows,
                numbers: &epoch.order,
                keys: &self.keys.select(&called),
                event_time: self.test.event_time.as_deref(),
            },
        )
    }

    /// The keys that are known, and then those of `rows`.
    fn all_keys(&self, rows: &Rows) -> Result<Rows, String> {
        let all: Vec<u32> = (0..rows.len() as u32).collect();
        let columns = self.test.key.iter().map(|name| rows.take(name, &all)).collect::<Result<Vec<_>, String>>()?;
        let new = Rows::from_columns(rows.len(), columns);
        if self.keys.is_empty() { Ok(new) } else { self.keys.concat(&new) }
    }

    /// Takes the timers that are due, in order of time.
    fn take_due(&mut self) -> Vec<(u32, Timer)> {
        let BatchContext { now, watermark, .. } = self.context;
        let is_due = |(_, timer): &mut (u32, Timer)| match timer.clock {
            Clock::EventTime => timer.at.0 <= watermark,
            Clock::ProcessingTime => timer.at.0 <= now,
        };
        let mut due: Vec<_> = self.timers.extract_if(.., is_due).collect();
        due.sort_by_key(|(_, timer)| timer.at);
        due
    }

    fn call(&self, contract: &Contract, epoch: &Epoch, due: &[(u32, Timer)], expiring: &[u32]) -> Result<Call, String> {
        let reads = contract.reads.first().map(Vec::as_slice).unwrap_or_default();
        let called = epoch.called;
        let place = |key: u32| called.iter().position(|other| *other == key).unwrap_or_default() as u32;
        Ok(Call {
            context: self.context,
            rows: epoch.rows.as_table(reads)?,
            ends: epoch.ends.iter().flat_map(|end| end.to_le_bytes()).collect(),
            keys: self.keys.select(called).whole()?,
            state: contract
                .state
                .iter()
                .map(|table| match table.subkey.is_empty() {
                    true => self.state.select(called).whole(),
                    false => Ok(Table { rows: 0, nodes: Vec::new() }),
                })
                .collect::<Result<_, _>>()?,
            due: Due {
                key: due.iter().flat_map(|(key, _)| place(*key).to_le_bytes()).collect(),
                ids: due.iter().flat_map(|(_, timer)| timer.id.to_le_bytes()).collect(),
                at: due.iter().flat_map(|(_, timer)| timer.at.0.to_le_bytes()).collect(),
                clock: due.iter().map(|(_, timer)| u8::from(timer.clock == Clock::ProcessingTime)).collect(),
            },
            expiring: called.iter().map(|key| u8::from(expiring.contains(key))).collect(),
        })
    }

    /// Applies changes of state and timers; drops those of keys that expired.
    fn apply(
        &mut self,
        contract: &Contract,
        called: &[u32],
        expired: &[u32],
        output: &KeyedOutput,
    ) -> Result<(), String> {
        let key_of = |place: u32| called.get(place as usize).copied().ok_or_else(|| format!("there is no key {place}"));
        // For each key, the row of `rows` that is its state now.
        let mut rows = self.state.concat(&no_state(contract).nulls(1))?;
        let null = self.state.len() as u32;
        let mut now: Vec<u32> = (0..null).collect();
        let own = contract.state.len() - self.tables.len();
        for change in &output.changes {
            if let Some(table) = (change.table as usize).checked_sub(own) {
                let table = self.tables.get_mut(table);
                table.ok_or_else(|| format!("there is no state table {}", change.table))?.apply(change, called)?;
                continue;
            }
            let first = rows.len() as u32;
            rows = rows.concat(&no_state(contract).with_table(&change.rows))?;
            let (keys, _) = change.key.as_chunks::<4>();
            for ((row, key), kind) in (first..).zip(keys).zip(&change.kind) {
                let key = key_of(u32::from_le_bytes(*key))?;
                if let Some(now) = now.get_mut(key as usize) {
                    *now = if *kind == 0 { row } else { null };
                }
            }
        }
        let timers = &output.timers.timers;
        let lists =
            timers.key.as_chunks::<4>().0.iter().zip(timers.ids.as_chunks::<4>().0).zip(timers.at.as_chunks::<8>().0);
        for (((key, id), at), (clock, cleared)) in lists.zip(timers.clock.iter().zip(&output.timers.cleared)) {
            let (key, id) = (key_of(u32::from_le_bytes(*key))?, u32::from_le_bytes(*id));
            self.timers.retain(|(other, timer)| (*other, timer.id) != (key, id));
            if *cleared == 0 {
                let clock = if *clock == 0 { Clock::EventTime } else { Clock::ProcessingTime };
                self.timers.push((key, Timer { id, at: Timestamp(i64::from_le_bytes(*at)), clock }));
            }
        }
        for key in expired {
            if let Some(now) = now.get_mut(*key as usize) {
                *now = null;
            }
        }
        for table in &mut self.tables {
            expired.iter().for_each(|key| table.drop_key(*key));
        }
        self.timers.retain(|(key, _)| !expired.contains(key));
        self.state = rows.select(&now);
        Ok(())
    }
}

/// State of no keys.
fn no_state(contract: &Contract) -> Rows {
    let own = contract.state.iter().filter(|table| table.subkey.is_empty());
    let fields = own.flat_map(|table| &table.values);
    Rows::of_fields(fields)
}

/// The rows of an epoch, grouped.
struct Epoch<'a> {
    called: &'a [u32],
    /// Grouped by key, stable within one.
    rows: Rows,
    /// For each of them, its number as the test gave it.
    order: Vec<u32>,
    ends: Vec<u32>,
}

impl<'a> Epoch<'a> {
    fn new(called: &'a [u32], slots: &[u32], rows: &Rows) -> Self {
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        let slot = |row: &u32| slots.get(*row as usize).copied().unwrap_or_default();
        order.sort_by_key(slot);
        let ends = called.iter().map(|key| order.partition_point(|row| slot(row) <= *key) as u32).collect();
        Self { called, rows: rows.select(&order), order, ends }
    }
}
