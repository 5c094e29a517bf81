//! `std:sum`: integers as s64 (u64 for u64), floats as f64, decimals with 38 digits.
//!
//! Integers are added with 128 bits, so that only the result can be out of range, never a part of it: whether a sum
//! fits does not depend on the order of its rows.

use pelton_guest::{
    fold::{Accumulator as _, Field, Input, Loaded, Shape, column, options_from_map},
    prelude::*,
};
use serde_json::{Map, Value};

use crate::{
    Chosen,
    column::{Column, Kind},
    function::{Add, Function, Made, Opened},
};

#[derive(Options)]
struct Options {
    column: String,
}

pub fn open(input: &Input, options: &Map<String, Value>) -> Chosen {
    let column = Column::find_number(input, &options_from_map::<Options>(options)?.column, "sum")?;
    let name = column.name.clone();
    match column.kind {
        Kind::Signed => exact(column, Exact { name, value: Exact::signed, range: Range::Signed }, "l".to_owned()),
        Kind::Unsigned if column.format == "L" => {
            exact(column, Exact { name, value: Exact::unsigned, range: Range::Unsigned }, "L".to_owned())
        }
        Kind::Unsigned => exact(column, Exact { name, value: Exact::unsigned, range: Range::Signed }, "l".to_owned()),
        Kind::Decimal { scale, .. } => {
            exact(column, Exact { name, value: Exact::decimal, range: Range::Decimal }, format!("d:38,{scale}"))
        }
        Kind::Float | Kind::Bool | Kind::Bytes => {
            let makes = Field { name: "sum".to_owned(), format: "g".to_owned(), nullable: true, children: 0 };
            let shape = Shape { reads: vec![name], state: Real::columns(), makes: vec![makes], ordered: false };
            Ok((shape, Box::new(Opened { columns: vec![column], function: Floats })))
        }
    }
}

fn exact(column: Column, function: Exact, format: String) -> Chosen {
    let mut state = Whole::columns();
    if matches!(function.range, Range::Decimal) {
        state.iter_mut().for_each(|state| state.format.clone_from(&format));
    }
    let makes = Field { name: "sum".to_owned(), format, nullable: true, children: 0 };
    let shape = Shape { reads: vec![column.name.clone()], state, makes: vec![makes], ordered: false };
    Ok((shape, Box::new(Opened { columns: vec![column], function })))
}

/// A sum of integers, or of unscaled decimals.
#[derive(Accumulator, Default)]
struct Whole {
    sum: Option<Decimal<38, 0>>,
}

struct Exact {
    /// The column, for messages.
    name: String,
    value: Add<Whole>,
    range: Range,
}

/// What the result must fit into.
#[derive(Clone, Copy)]
enum Range {
    Signed,
    Unsigned,
    Decimal,
}

impl Exact {
    fn signed(values: &Loaded, slots: &[u32], states: &mut [Whole]) -> Result<(), String> {
        column(values, slots, states, |state: &mut Whole, value: i64| state.add(value.into()))
    }

    fn unsigned(values: &Loaded, slots: &[u32], states: &mut [Whole]) -> Result<(), String> {
        column(values, slots, states, |state: &mut Whole, value: u64| state.add(value.into()))
    }

    fn decimal(values: &Loaded, slots: &[u32], states: &mut [Whole]) -> Result<(), String> {
        column(values, slots, states, |state: &mut Whole, value: Decimal<38, 0>| state.add(value.0))
    }

    fn out_of_range(&self, sum: i128) -> String {
        let (range, help) = match self.range {
            Range::Signed => ("s64", "cast the column to decimal or f64"),
            Range::Unsigned => ("u64", "cast the column to decimal or f64"),
            Range::Decimal => ("38 digits", "cast the column to f64"),
        };
        format!("the sum of `{}` is {sum}, which does not fit into {range}: {help}", self.name)
    }
}

impl Whole {
    #[inline(always)]
    fn add(&mut self, value: i128) -> Result<(), String> {
        let sum = self.sum.map_or(0, |sum| sum.0);
        // Only decimals can overflow: 2⁶³ rows of 64 bits cannot.
        let sum = sum.checked_add(value).ok_or("a sum of decimals leaves 128 bits")?;
        self.sum = Some(Decimal(sum));
        Ok(())
    }
}

impl Function for Exact {
    type State = Whole;

    fn add(&self, columns: &[Loaded], slots: &[u32], states: &mut [Whole]) -> Result<(), String> {
        (self.value)(columns.first().ok_or("no column came")?, slots, states)
    }

    fn merge(&self, state: &mut Whole, later: Whole) -> Result<(), String> {
        later.sum.map_or(Ok(()), |sum| state.add(sum.0))
    }

    fn finish(&self, states: Vec<Whole>) -> Result<Made, String> {
        let sums = states.into_iter().map(|state| state.sum.map(|sum| sum.0));
        let node = match self.range {
            Range::Signed => {
                let fit = |sum: i128| i64::try_from(sum).map_err(|_| self.out_of_range(sum));
                sums.map(|sum| sum.map(fit).transpose()).collect::<Result<Values<_>, _>>()?.finish("sum")
            }
            Range::Unsigned => {
                let fit = |sum: i128| u64::try_from(sum).map_err(|_| self.out_of_range(sum));
                sums.map(|sum| sum.map(fit).transpose()).collect::<Result<Values<_>, _>>()?.finish("sum")
            }
            Range::Decimal => {
                let limit = 10_i128.pow(38);
                let fit = |sum: i128| {
                    if sum.abs() < limit { Ok(Decimal::<38, 0>(sum)) } else { Err(self.out_of_range(sum)) }
                };
                sums.map(|sum| sum.map(fit).transpose()).collect::<Result<Values<_>, _>>()?.finish("sum")
            }
        }?;
        Ok(node.into())
    }
}

/// A sum of floats.
#[derive(Accumulator, Default)]
struct Real {
    sum: Option<f64>,
}

struct Floats;

impl Function for Floats {
    type State = Real;

    fn add(&self, columns: &[Loaded], slots: &[u32], states: &mut [Real]) -> Result<(), String> {
        column(columns.first().ok_or("no column came")?, slots, states, |state: &mut Real, value: f64| {
            state.sum = Some(state.sum.unwrap_or(0.0) + value);
        })
    }

    fn merge(&self, state: &mut Real, later: Real) -> Result<(), String> {
        if let Some(later) = later.sum {
            state.sum = Some(state.sum.map_or(later, |sum| sum + later));
        }
        Ok(())
    }

    fn finish(&self, states: Vec<Real>) -> Result<Made, String> {
        Ok(states.iter().map(|state| state.sum).collect::<Values<Option<f64>>>().finish("sum")?.into())
    }
}
