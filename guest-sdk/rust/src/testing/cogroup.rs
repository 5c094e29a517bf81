//! The offline harness of cogroups: groups the rows of both sides by key, as the host does, and calls the function once.
//!
//! Keys are in the order in which they first come, on the left and then on the right. Nulls are equal to nothing, so a row whose key has one
//! is a key of its own.

use std::marker::PhantomData;

use serde_json::{Map, Value};

use super::{Cell, IntoOptions, Rows, Tested, fold::Grouped, host};
use crate::{
    bindings::{BatchContext, Contract, Input},
    cogroup::{Call, Cogroup, Opened},
    log::sink,
    types::Timestamp,
};

/// What a cogroup can do in tests: `paid.key(["order"]).test(rows! { … }, rows! { … })`.
pub trait TestableCogroup: Cogroup + Copy {
    /// The columns that are the key, on both sides.
    fn key<const N: usize>(self, columns: [&str; N]) -> CogroupTest<Self> {
        let key = columns.map(str::to_owned).to_vec();
        let context = BatchContext { epoch: 1, first_row: 0, now: 0, watermark: i64::MIN, seed: 0 };
        CogroupTest { options: Map::new(), right_key: key.clone(), key, context, cogroup: PhantomData }
    }
}

impl<C: Cogroup + Copy> TestableCogroup for C {}

/// A test of a cogroup being set up; ends with [`CogroupTest::test`], [`CogroupTest::try_test`], [`CogroupTest::contract`] or
/// [`CogroupTest::refusal`].
#[derive(Debug, Clone)]
pub struct CogroupTest<C> {
    options: Map<String, Value>,
    key: Vec<String>,
    right_key: Vec<String>,
    context: BatchContext,
    cogroup: PhantomData<C>,
}

impl<C: Cogroup> CogroupTest<C> {
    pub fn options(mut self, options: impl IntoOptions) -> Self {
        self.options = options.into_options();
        self
    }

    /// The columns of the right that are matched with those of the key, if they have other names.
    pub fn right_key<const N: usize>(mut self, columns: [&str; N]) -> Self {
        self.right_key = columns.map(str::to_owned).to_vec();
        self
    }

    /// The seed of `ctx.random()`; 0 otherwise.
    pub fn seed(mut self, seed: u64) -> Self {
        self.context.seed = seed;
        self
    }

    /// The epoch's processing time; 1970 otherwise.
    pub fn now(mut self, now: Timestamp) -> Self {
        self.context.now = now.0;
        self
    }

    /// Runs the cogroup, and panics with the reason if it does not take the rows. Rejected rows are numbered over both sides,
    /// left ones first.
    #[track_caller]
    pub fn test(self, left: Rows, right: Rows) -> Tested {
        match self.try_test(left, right) {
            Ok(tested) => tested,
            Err(why) => panic!("the cogroup failed: {why}"),
        }
    }

    /// Runs the cogroup; the error is what the owner of the job would see.
    pub fn try_test(self, left: Rows, right: Rows) -> Result<Tested, String> {
        sink::take();
        let (contract, opened) = self.open(&left, &right)?;
        let matched = Matched::new(self.keys(&left, &right)?)?;
        let (left, right) = (Side::new(&matched, 0, &left), Side::new(&matched, left.len(), &right));
        let reads = |side: usize| contract.reads.get(side).map(Vec::as_slice).unwrap_or_default();
        let call = Call {
            context: self.context,
            left: left.rows.as_table(reads(0))?,
            left_ends: bytemuck::cast_slice(&left.ends).to_vec(),
            right: right.rows.as_table(reads(1))?,
            right_ends: bytemuck::cast_slice(&right.ends).to_vec(),
            keys: matched.keys.whole()?,
        };
        let mut output = opened.process(call)?;
        let numbers: Vec<u32> = left.numbers.into_iter().chain(right.numbers).collect();
        for rejection in &mut output.rejected {
            let number = numbers.get(rejection.row as usize).copied();
            rejection.row = number.ok_or_else(|| format!("row {} was rejected, but there is none", rejection.row))?;
        }
        output.rejected.sort_by_key(|rejection| rejection.row);
        host::answer(&contract, output, &matched.keys)
    }

    /// The contract that the cogroup offers for such rows.
    #[track_caller]
    pub fn contract(self, left: &Rows, right: &Rows) -> Contract {
        match self.open(left, right) {
            Ok((contract, _)) => contract,
            Err(why) => panic!("the cogroup refuses the inputs: {why}"),
        }
    }

    /// Why the cogroup refuses such rows or these options; panics if it takes them.
    #[track_caller]
    pub fn refusal(self, left: &Rows, right: &Rows) -> String {
        match self.open(left, right) {
            Ok(_) => panic!("the cogroup takes these rows and options"),
            Err(why) => why,
        }
    }

    fn open(&self, left: &Rows, right: &Rows) -> Result<(Contract, Opened<C>), String> {
        let input = |name: &str, rows: &Rows, key: &[String]| Input {
            name: name.to_owned(),
            key: key.to_vec(),
            ..rows.as_input(None)
        };
        let inputs = [input("left", left, &self.key), input("right", right, &self.right_key)];
        Opened::open(&inputs, &Value::Object(self.options.clone()).to_string())
    }

    /// The key columns of all rows, left ones first.
    fn keys(&self, left: &Rows, right: &Rows) -> Result<Rows, String> {
        let named = |rows: &Rows, from: &[String]| -> Result<Rows, String> {
            let all: Vec<u32> = (0..rows.len() as u32).collect();
            let columns = from.iter().zip(&self.key).map(|(from, to)| {
                let (mut field, node) = rows.take(from, &all)?;
                to.clone_into(&mut field.name);
                Ok((field, node))
            });
            Ok(Rows::from_columns(rows.len(), columns.collect::<Result<_, String>>()?))
        };
        named(left, &self.key)?.concat(&named(right, &self.right_key)?)
    }
}

/// The keys of both sides.
struct Matched {
    keys: Rows,
    /// The key of each row, left ones first.
    slots: Vec<u32>,
}

impl Matched {
    fn new(rows: Rows) -> Result<Self, String> {
        let names: Vec<String> = rows.names().into_iter().map(str::to_owned).collect();
        let Grouped { slots, groups, keys } = Grouped::new(&rows, &names)?;
        let cells = names.iter().map(|name| keys.cells_of(name)).collect::<Result<Vec<_>, String>>()?;
        let is_null = |key: u32| cells.iter().any(|column| column.get(key as usize) == Some(&Cell::Null));
        // One key for each group, but for each row if the group has a null.
        let mut firsts: Vec<u32> = Vec::new();
        let mut key_of_group = vec![None; groups];
        let mut key_of_row = Vec::new();
        for (row, group) in (0_u32..).zip(slots) {
            let known = key_of_group.get_mut(group as usize).filter(|_| !is_null(group));
            let mut new = || {
                firsts.push(row);
                firsts.len() as u32 - 1
            };
            key_of_row.push(match known {
                Some(known) => *known.get_or_insert_with(new),
                None => new(),
            });
        }
        Ok(Self { keys: rows.select(&firsts), slots: key_of_row })
    }
}

/// The rows of one side as the call has them.
struct Side {
    rows: Rows,
    ends: Vec<u32>,
    /// For each row, its number in the test, over both sides.
    numbers: Vec<u32>,
}

impl Side {
    /// `first` is the number of its first row.
    fn new(matched: &Matched, first: usize, rows: &Rows) -> Self {
        let slots = matched.slots.get(first..first + rows.len()).unwrap_or_default();
        let slot = |row: &u32| slots.get(*row as usize).copied().unwrap_or_default();
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        order.sort_by_key(slot);
        let keys = 0..matched.keys.len() as u32;
        let ends = keys.map(|key| order.partition_point(|row| slot(row) <= key) as u32).collect();
        let rows = rows.select(&order);
        Self { rows, ends, numbers: order.into_iter().map(|row| first as u32 + row).collect() }
    }
}
