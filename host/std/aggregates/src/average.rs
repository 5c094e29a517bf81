//! `std:avg`: the mean; f64, or a decimal with four more digits after the point for decimals.
//!
//! Integers and decimals are added exactly, those of many digits beyond 128 bits ([`crate::wide`]), and divided once; so rows can be taken
//! back. Floats are not, as in [`crate::sum`].

use pelton_guest::{
    fold::{Accumulator as _, Field, Input, Loaded, Node, Shape, StateColumn, column, options_from_map},
    prelude::*,
};
use serde_json::{Map, Value};

use crate::{
    Chosen,
    column::{Column, Kind},
    function::{Add, Function, Invertible, Made, Opened},
    wide::{NARROW_DIGITS, Wide},
};

#[derive(Options)]
struct Options {
    column: String,
}

const NAME: &str = "avg";
/// Digits that the mean of decimals has more than they, as in other engines.
const MORE_DIGITS: u8 = 4;
const DIGITS_MAX: u8 = 38;

pub fn open(input: &Input, options: &Map<String, Value>) -> Chosen {
    let column = Column::find_number(input, &options_from_map::<Options>(options)?.column, NAME)?;
    match column.kind {
        Kind::Signed => whole(column, "g".to_owned(), Whole { add: signed::<1>, take_back: signed::<-1>, more: None }),
        Kind::Unsigned => {
            whole(column, "g".to_owned(), Whole { add: unsigned::<1>, take_back: unsigned::<-1>, more: None })
        }
        Kind::Decimal { precision, scale } => {
            let more = MORE_DIGITS.min(DIGITS_MAX.saturating_sub(precision));
            let format = format!("d:{},{}", precision + more, scale + more);
            if precision > NARROW_DIGITS {
                let shape = shape(&column, summed(CarriedMean::columns(), &column), format);
                return Ok((shape, Box::new(Opened::retractable(vec![column], Carried { more }))));
            }
            whole(column, format, Whole { add: decimal::<1>, take_back: decimal::<-1>, more: Some(more) })
        }
        Kind::Float | Kind::Bool | Kind::Bytes => {
            let shape = shape(&column, RealMean::columns(), "g".to_owned());
            Ok((shape, Box::new(Opened::new(vec![column], Floats))))
        }
    }
}

fn shape(column: &Column, state: Vec<StateColumn>, format: String) -> Shape {
    let makes = vec![Field { name: NAME.to_owned(), format, nullable: true, children: 0 }];
    Shape { reads: vec![column.name.clone()], state, makes, ordered: false }
}

fn whole(column: Column, format: String, function: Whole) -> Chosen {
    let shape = shape(&column, summed(WholeMean::columns(), &column), format);
    Ok((shape, Box::new(Opened::retractable(vec![column], function))))
}

/// The first column of a state is a sum: of decimals, one with their scale.
fn summed(mut state: Vec<StateColumn>, column: &Column) -> Vec<StateColumn> {
    if let (Kind::Decimal { scale, .. }, Some(sum)) = (column.kind, state.first_mut()) {
        sum.format = format!("d:{DIGITS_MAX},{scale}");
    }
    state
}

/// The sum of integers or of unscaled decimals, and how many there were.
#[derive(Accumulator, Default)]
struct WholeMean {
    sum: Decimal<38, 0>,
    count: i64,
}

struct Whole {
    add: Add<WholeMean>,
    take_back: Add<WholeMean>,
    /// For decimals, the digits that the result has more than the column.
    more: Option<u8>,
}

fn signed<const BY: i64>(values: &Loaded, slots: &[u32], states: &mut [WholeMean]) -> Result<(), String> {
    column(values, slots, states, |state: &mut WholeMean, value: i64| state.add(i128::from(BY) * i128::from(value), BY))
}

fn unsigned<const BY: i64>(values: &Loaded, slots: &[u32], states: &mut [WholeMean]) -> Result<(), String> {
    column(values, slots, states, |state: &mut WholeMean, value: u64| state.add(i128::from(BY) * i128::from(value), BY))
}

fn decimal<const BY: i64>(values: &Loaded, slots: &[u32], states: &mut [WholeMean]) -> Result<(), String> {
    column(values, slots, states, |state: &mut WholeMean, value: Decimal<38, 0>| {
        state.add(value.0.checked_mul(BY.into()).ok_or(TOO_LARGE)?, BY)
    })
}

const TOO_LARGE: &str = "a sum of decimals leaves 128 bits: cast the column to f64";

impl WholeMean {
    #[inline(always)]
    fn add(&mut self, sum: i128, count: i64) -> Result<(), String> {
        self.sum.0 = self.sum.0.checked_add(sum).ok_or(TOO_LARGE)?;
        self.count += count;
        Ok(())
    }

    fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum.0 as f64 / self.count as f64)
    }

    /// The mean with `more` digits, halves rounded away from zero.
    fn decimal(&self, more: u8) -> Option<Decimal<38, 0>> {
        if self.count == 0 {
            return None;
        }
        let (unit, count) = (10_i128.pow(more.into()), i128::from(self.count));
        // Divided in two steps, because the sum times the unit may not fit.
        let (whole, rest) = (self.sum.0 / count, self.sum.0 % count);
        let (digits, left) = (rest * unit / count, rest * unit % count);
        let round = if left.abs() * 2 >= count { left.signum() } else { 0 };
        Some(Decimal(whole * unit + digits + round))
    }
}

impl Invertible for Whole {
    fn take_back(&self, columns: &[Loaded], slots: &[u32], states: &mut [WholeMean]) -> Result<(), String> {
        (self.take_back)(columns.first().ok_or("no column came")?, slots, states)
    }
}

impl Function for Whole {
    type State = WholeMean;

    fn add(&self, columns: &[Loaded], slots: &[u32], states: &mut [WholeMean]) -> Result<(), String> {
        (self.add)(columns.first().ok_or("no column came")?, slots, states)
    }

    fn merge(&self, state: &mut WholeMean, later: WholeMean) -> Result<(), String> {
        state.add(later.sum.0, later.count)
    }

    fn finish(&self, states: Vec<WholeMean>) -> Result<Made, String> {
        let node: Node = match self.more {
            None => states.iter().map(WholeMean::mean).collect::<Values<_>>().finish(NAME)?,
            Some(more) => states.iter().map(|state| state.decimal(more)).collect::<Values<_>>().finish(NAME)?,
        };
        Ok(node.into())
    }
}

/// The sum of decimals with so many digits that it may have more than 38, and how many there were.
#[derive(Accumulator, Default)]
struct CarriedMean {
    sum: Decimal<38, 0>,
    /// So many times 10^38 more.
    carry: i64,
    count: i64,
}

impl CarriedMean {
    fn wide(&self) -> Wide {
        Wide { high: self.carry, low: self.sum.0 }
    }

    fn set(&mut self, sum: Option<Wide>, count: i64) -> Result<(), String> {
        let Wide { high, low } = sum.ok_or(TOO_LARGE)?;
        (self.carry, self.sum) = (high, Decimal(low));
        self.count += count;
        Ok(())
    }
}

struct Carried {
    /// Digits that the result has more than the column.
    more: u8,
}

fn carried<const BY: i64>(columns: &[Loaded], slots: &[u32], states: &mut [CarriedMean]) -> Result<(), String> {
    let values = columns.first().ok_or("no column came")?;
    column(values, slots, states, |state: &mut CarriedMean, value: Decimal<38, 0>| {
        let by = value.0.checked_mul(BY.into()).ok_or(TOO_LARGE)?;
        state.set(state.wide().plus(by), BY)
    })
}

impl Invertible for Carried {
    fn take_back(&self, columns: &[Loaded], slots: &[u32], states: &mut [CarriedMean]) -> Result<(), String> {
        carried::<-1>(columns, slots, states)
    }
}

impl Function for Carried {
    type State = CarriedMean;

    fn add(&self, columns: &[Loaded], slots: &[u32], states: &mut [CarriedMean]) -> Result<(), String> {
        carried::<1>(columns, slots, states)
    }

    fn merge(&self, state: &mut CarriedMean, later: CarriedMean) -> Result<(), String> {
        state.set(state.wide().merged(later.wide()), later.count)
    }

    fn finish(&self, states: Vec<CarriedMean>) -> Result<Made, String> {
        let mean = |state: &CarriedMean| {
            (state.count > 0).then(|| Decimal::<38, 0>(state.wide().mean(state.count, self.more)))
        };
        Ok(states.iter().map(mean).collect::<Values<_>>().finish(NAME)?.into())
    }
}

/// The sum of floats, and how many there were.
#[derive(Accumulator, Default)]
struct RealMean {
    sum: f64,
    count: i64,
}

struct Floats;

impl Function for Floats {
    type State = RealMean;

    fn add(&self, columns: &[Loaded], slots: &[u32], states: &mut [RealMean]) -> Result<(), String> {
        column(columns.first().ok_or("no column came")?, slots, states, |state: &mut RealMean, value: f64| {
            state.sum += value;
            state.count += 1;
        })
    }

    fn merge(&self, state: &mut RealMean, later: RealMean) -> Result<(), String> {
        state.sum += later.sum;
        state.count += later.count;
        Ok(())
    }

    fn finish(&self, states: Vec<RealMean>) -> Result<Made, String> {
        let mean = |state: &RealMean| (state.count > 0).then(|| state.sum / state.count as f64);
        Ok(states.iter().map(mean).collect::<Values<Option<f64>>>().finish(NAME)?.into())
    }
}
