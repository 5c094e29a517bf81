//! `std:sum`: integers as s64 (u64 for u64), floats as f64, decimals with 38 digits.
//!
//! Integers are added with 128 bits, decimals of many digits with more ([`crate::wide`]), so that only the result can be out of range,
//! never a part of it: whether a sum fits does not depend on the order of its rows. For the same reason rows can be taken back from them
//! exactly. Not so from floats: (a + b) − b is not a, what is lost to rounding stays lost, and one infinity or NaN would never leave
//! again.

use pelton_guest::{
    fold::{Accumulator, Field, Input, Loaded, Shape, column, options_from_map},
    prelude::*,
};
use serde_json::{Map, Value};

use crate::{
    Chosen,
    column::{Column, Kind},
    function::{Add, Function, Invertible, Made, Opened},
    wide::{LIMIT, NARROW_DIGITS, Wide},
};

#[derive(Options)]
struct Options {
    column: String,
}

pub fn open(input: &Input, options: &Map<String, Value>) -> Chosen {
    let column = Column::find_number(input, &options_from_map::<Options>(options)?.column, "sum")?;
    let name = column.name.clone();
    match column.kind {
        Kind::Decimal { precision, .. } if precision > NARROW_DIGITS => exact::<Carried>(column),
        // A group whose values are all null has none: only where there are nulls must values be counted to know it.
        Kind::Signed | Kind::Unsigned | Kind::Decimal { .. } if column.is_nullable => exact::<Counted>(column),
        Kind::Signed | Kind::Unsigned | Kind::Decimal { .. } => exact::<Whole>(column),
        Kind::Float | Kind::Bool | Kind::Bytes => {
            let makes = Field { name: "sum".to_owned(), format: "g".to_owned(), nullable: true, children: 0 };
            let shape = Shape { reads: vec![name], state: Real::columns(), makes: vec![makes], ordered: false };
            Ok((shape, Box::new(Opened::new(vec![column], Floats))))
        }
    }
}

fn exact<S: Sum + 'static>(column: Column) -> Chosen {
    let (changes, range, format): ([Add<S>; 2], _, _) = match column.kind {
        Kind::Decimal { scale, .. } => ([decimal::<S, 1>, decimal::<S, -1>], Range::Decimal, format!("d:38,{scale}")),
        Kind::Unsigned if column.format == "L" => {
            ([unsigned::<S, 1>, unsigned::<S, -1>], Range::Unsigned, "L".to_owned())
        }
        Kind::Unsigned => ([unsigned::<S, 1>, unsigned::<S, -1>], Range::Signed, "l".to_owned()),
        Kind::Signed | Kind::Float | Kind::Bool | Kind::Bytes => {
            ([signed::<S, 1>, signed::<S, -1>], Range::Signed, "l".to_owned())
        }
    };
    let mut state = S::columns();
    if let (Range::Decimal, Some(sum)) = (range, state.first_mut()) {
        sum.format.clone_from(&format);
    }
    let [add, take_back] = changes;
    let function = Exact { name: column.name.clone(), add, take_back, range };
    let makes = Field { name: "sum".to_owned(), format, nullable: true, children: 0 };
    let shape = Shape { reads: vec![column.name.clone()], state, makes: vec![makes], ordered: false };
    Ok((shape, Box::new(Opened::retractable(vec![column], function))))
}

fn signed<S: Sum, const BY: i64>(values: &Loaded, slots: &[u32], states: &mut [S]) -> Result<(), String> {
    column(values, slots, states, |state: &mut S, value: i64| state.change(i128::from(BY) * i128::from(value), BY))
}

fn unsigned<S: Sum, const BY: i64>(values: &Loaded, slots: &[u32], states: &mut [S]) -> Result<(), String> {
    column(values, slots, states, |state: &mut S, value: u64| state.change(i128::from(BY) * i128::from(value), BY))
}

fn decimal<S: Sum, const BY: i64>(values: &Loaded, slots: &[u32], states: &mut [S]) -> Result<(), String> {
    column(values, slots, states, |state: &mut S, value: Decimal<38, 0>| {
        state.change(value.0.checked_mul(BY.into()).ok_or(TOO_LARGE)?, BY)
    })
}

// Nothing does: there are no 2⁶³ rows.
const TOO_LARGE: &str = "a sum has more rows than there are numbers for them";

/// A sum of integers, or of unscaled decimals.
trait Sum: Accumulator {
    /// Adds `by`, which is the sum of so many more values, or of fewer.
    fn change(&mut self, by: i128, values: i64) -> Result<(), String>;
    fn merge(&mut self, later: Self) -> Result<(), String>;
    /// None: of no value. As text where it has more than 38 digits.
    fn sum(&self) -> Option<Result<i128, String>>;
}

/// Of a column without nulls: whoever has rows has values.
#[derive(Accumulator, Default)]
struct Whole {
    sum: Option<Decimal<38, 0>>,
}

/// Of a column with nulls.
#[derive(Accumulator, Default)]
struct Counted {
    sum: Decimal<38, 0>,
    values: i64,
}

impl Sum for Whole {
    #[inline(always)]
    fn change(&mut self, by: i128, _values: i64) -> Result<(), String> {
        let sum = self.sum.map_or(0, |sum| sum.0);
        self.sum = Some(Decimal(sum.checked_add(by).ok_or(TOO_LARGE)?));
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), String> {
        later.sum.map_or(Ok(()), |sum| self.change(sum.0, 0))
    }

    fn sum(&self) -> Option<Result<i128, String>> {
        self.sum.map(|sum| Ok(sum.0))
    }
}

impl Sum for Counted {
    #[inline(always)]
    fn change(&mut self, by: i128, values: i64) -> Result<(), String> {
        self.sum.0 = self.sum.0.checked_add(by).ok_or(TOO_LARGE)?;
        self.values += values;
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<(), String> {
        self.change(later.sum.0, later.values)
    }

    fn sum(&self) -> Option<Result<i128, String>> {
        (self.values > 0).then_some(Ok(self.sum.0))
    }
}

/// Of decimals with so many digits that their sum may have more than 38 before it has less again.
#[derive(Accumulator, Default)]
struct Carried {
    sum: Decimal<38, 0>,
    /// So many times 10^38 more.
    carry: i64,
    values: i64,
}

impl Carried {
    fn wide(&self) -> Wide {
        Wide { high: self.carry, low: self.sum.0 }
    }

    fn set(&mut self, sum: Option<Wide>) -> Result<(), String> {
        let Wide { high, low } = sum.ok_or(TOO_LARGE)?;
        (self.carry, self.sum) = (high, Decimal(low));
        Ok(())
    }
}

impl Sum for Carried {
    #[inline(always)]
    fn change(&mut self, by: i128, values: i64) -> Result<(), String> {
        self.values += values;
        self.set(self.wide().plus(by))
    }

    fn merge(&mut self, later: Self) -> Result<(), String> {
        self.values += later.values;
        self.set(self.wide().merged(later.wide()))
    }

    fn sum(&self) -> Option<Result<i128, String>> {
        let sum = self.wide();
        (self.values > 0).then(|| sum.narrow().ok_or_else(|| sum.to_string()))
    }
}

struct Exact<S> {
    /// The column, for messages.
    name: String,
    add: Add<S>,
    take_back: Add<S>,
    range: Range,
}

/// What the result must fit into.
#[derive(Clone, Copy)]
enum Range {
    Signed,
    Unsigned,
    Decimal,
}

impl<S> Exact<S> {
    fn out_of_range(&self, sum: impl std::fmt::Display) -> String {
        let (range, help) = match self.range {
            Range::Signed => ("s64", "cast the column to decimal or f64"),
            Range::Unsigned => ("u64", "cast the column to decimal or f64"),
            Range::Decimal => ("38 digits", "cast the column to f64"),
        };
        format!("the sum of `{}` is {sum}, which does not fit into {range}: {help}", self.name)
    }
}

impl<S: Sum> Invertible for Exact<S> {
    fn take_back(&self, columns: &[Loaded], slots: &[u32], states: &mut [S]) -> Result<(), String> {
        (self.take_back)(columns.first().ok_or("no column came")?, slots, states)
    }
}

impl<S: Sum> Function for Exact<S> {
    type State = S;

    fn add(&self, columns: &[Loaded], slots: &[u32], states: &mut [S]) -> Result<(), String> {
        (self.add)(columns.first().ok_or("no column came")?, slots, states)
    }

    fn merge(&self, state: &mut S, later: S) -> Result<(), String> {
        state.merge(later)
    }

    fn finish(&self, states: Vec<S>) -> Result<Made, String> {
        let whole = |sum: Option<Result<i128, String>>| sum.transpose().map_err(|sum| self.out_of_range(sum));
        let sums = states.iter().map(|state| whole(state.sum()));
        let node = match self.range {
            Range::Signed => {
                let fit = |sum: i128| i64::try_from(sum).map_err(|_| self.out_of_range(sum));
                sums.map(|sum| sum?.map(fit).transpose()).collect::<Result<Values<_>, _>>()?.finish("sum")
            }
            Range::Unsigned => {
                let fit = |sum: i128| u64::try_from(sum).map_err(|_| self.out_of_range(sum));
                sums.map(|sum| sum?.map(fit).transpose()).collect::<Result<Values<_>, _>>()?.finish("sum")
            }
            Range::Decimal => {
                let fit = |sum: i128| {
                    if sum.abs() < LIMIT { Ok(Decimal::<38, 0>(sum)) } else { Err(self.out_of_range(sum)) }
                };
                sums.map(|sum| sum?.map(fit).transpose()).collect::<Result<Values<_>, _>>()?.finish("sum")
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
