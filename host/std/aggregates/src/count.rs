//! `std:count`: rows, or the values of a column that are not null.

use pelton_guest::{
    fold::{Accumulator as _, Field, Input, Loaded, Shape, options_from_map},
    prelude::*,
};
use serde_json::{Map, Value};

use crate::{
    Chosen,
    column::Column,
    function::{Function, Invertible, Made, Opened},
};

#[derive(Options)]
struct Options {
    column: Option<String>,
}

#[derive(Accumulator, Default)]
pub struct Counted {
    count: i64,
}

struct Count;

pub fn open(input: &Input, options: &Map<String, Value>) -> Chosen {
    let options: Options = options_from_map(options)?;
    let mut columns: Vec<Column> =
        options.column.iter().map(|name| Column::find(input, name, "count")).collect::<Result<_, _>>()?;
    // A column without nulls need not come.
    columns.retain(|column| column.is_nullable);
    let shape = Shape {
        reads: columns.iter().map(|column| column.name.clone()).collect(),
        state: Counted::columns(),
        makes: vec![whole_number("count")],
        ordered: false,
    };
    Ok((shape, Box::new(Opened::retractable(columns, Count))))
}

/// A column of results that are s64 and never null.
pub fn whole_number(name: &str) -> Field {
    Field { name: name.to_owned(), format: "l".to_owned(), nullable: false, children: 0 }
}

/// Adds to each count as often as its slot has a row that counts, or takes away.
fn change(columns: &[Loaded], slots: &[u32], states: &mut [Counted], by: i64) -> Result<(), String> {
    let column = columns.first().filter(|column| !column.validity.bytes().is_empty());
    for (row, slot) in slots.iter().enumerate() {
        let state = states.get_mut(*slot as usize).ok_or("a slot is out of range")?;
        state.count += by * i64::from(column.is_none_or(|column| !column.is_null(row)));
    }
    Ok(())
}

impl Invertible for Count {
    fn take_back(&self, columns: &[Loaded], slots: &[u32], states: &mut [Counted]) -> Result<(), String> {
        change(columns, slots, states, -1)
    }
}

impl Function for Count {
    type State = Counted;

    fn add(&self, columns: &[Loaded], slots: &[u32], states: &mut [Counted]) -> Result<(), String> {
        change(columns, slots, states, 1)
    }

    fn merge(&self, state: &mut Counted, later: Counted) -> Result<(), String> {
        state.count += later.count;
        Ok(())
    }

    fn finish(&self, states: Vec<Counted>) -> Result<Made, String> {
        Ok(states.iter().map(|state| state.count).collect::<Values<i64>>().finish("count")?.into())
    }
}
