//! `std:count-distinct`: how many different values a column has; exactly, or by HyperLogLog with option `precision`.
//!
//! -0 and 0 are one value, and so are all NaNs.

mod exact;
mod hyperloglog;

use pelton_guest::{
    fold::{Accumulator as _, Input, Loaded, Shape, column, options_from_map},
    prelude::*,
};
use serde_json::{Map, Value};

use self::{
    exact::{ByteSet, NumberSet},
    hyperloglog::Sketch,
};
use crate::{
    Chosen,
    column::{Column, Kind},
    count::whole_number,
    function::{Function, Made, Opened},
    hash,
    packed::{Binary, Packed},
};

const NAME: &str = "count_distinct";

#[derive(Options)]
struct Options {
    column: String,
    precision: Option<u8>,
}

pub fn open(input: &Input, options: &Map<String, Value>) -> Chosen {
    let options: Options = options_from_map(options)?;
    let column = Column::find(input, &options.column, "count-distinct")?;
    match options.precision {
        Some(precision) if hyperloglog::PRECISIONS.contains(&precision) => {
            let kind = column.kind;
            opened(column, Estimate { kind, precision })
        }
        Some(precision) => {
            Err(format!("`precision` is {precision}, but must be from 4 (26 % off) to 18 (0.2 % off); 14 is 0.8 % off"))
        }
        None if matches!(column.kind, Kind::Decimal { .. } | Kind::Bytes) => {
            let kind = column.kind;
            opened(column, Bytes { kind })
        }
        None => {
            let kind = column.kind;
            opened(column, Numbers { kind })
        }
    }
}

fn opened<F: Function<State = Binary<S>> + 'static, S: Packed>(column: Column, function: F) -> Chosen {
    let shape = Shape {
        reads: vec![column.name.clone()],
        state: Binary::<S>::columns(),
        makes: vec![whole_number(NAME)],
        ordered: false,
    };
    Ok((shape, Box::new(Opened::new(vec![column], function))))
}

/// Calls `add` for every value of a fixed width, as its bits.
#[inline(always)]
fn each_number<A>(
    kind: Kind,
    values: &Loaded,
    slots: &[u32],
    states: &mut [A],
    mut add: impl FnMut(&mut A, u64),
) -> Result<(), String> {
    match kind {
        Kind::Bool => column(values, slots, states, |state, value: bool| add(state, value.into())),
        Kind::Signed => column(values, slots, states, |state, value: i64| add(state, value as u64)),
        Kind::Float => column(values, slots, states, |state, value: f64| {
            let canonical = if value.is_nan() { f64::NAN } else { value + 0.0 };
            add(state, canonical.to_bits())
        }),
        Kind::Unsigned | Kind::Decimal { .. } | Kind::Bytes => {
            column(values, slots, states, |state, value: u64| add(state, value))
        }
    }
}

/// Calls `add` for every value of a decimal or of bytes.
#[inline(always)]
fn each_bytes<A>(
    kind: Kind,
    values: &Loaded,
    slots: &[u32],
    states: &mut [A],
    mut add: impl FnMut(&mut A, &[u8]),
) -> Result<(), String> {
    if kind == Kind::Bytes {
        return column(values, slots, states, |state, value: &[u8]| add(state, value));
    }
    column(values, slots, states, |state, value: Decimal<38, 0>| add(state, &value.0.to_le_bytes()))
}

fn counts<S>(states: Vec<Binary<S>>, count: impl Fn(&S) -> u64) -> Result<Made, String> {
    // Fewer than 2⁶³ values fit anywhere.
    Ok(states.iter().map(|state| count(&state.0) as i64).collect::<Values<i64>>().finish(NAME)?.into())
}

/// Exact, for values of up to 64 bits.
struct Numbers {
    kind: Kind,
}

impl Function for Numbers {
    type State = Binary<NumberSet>;

    fn add(&self, columns: &[Loaded], slots: &[u32], states: &mut [Self::State]) -> Result<(), String> {
        let values = columns.first().ok_or("no column came")?;
        each_number(self.kind, values, slots, states, |state, bits| state.0.add(bits))
    }

    fn merge(&self, state: &mut Self::State, later: Self::State) -> Result<(), String> {
        state.0.merge(later.0);
        Ok(())
    }

    fn finish(&self, states: Vec<Self::State>) -> Result<Made, String> {
        counts(states, NumberSet::len)
    }
}

/// Exact, for decimals, text and bytes.
struct Bytes {
    kind: Kind,
}

impl Function for Bytes {
    type State = Binary<ByteSet>;

    fn add(&self, columns: &[Loaded], slots: &[u32], states: &mut [Self::State]) -> Result<(), String> {
        let values = columns.first().ok_or("no column came")?;
        each_bytes(self.kind, values, slots, states, |state, bytes| state.0.add(bytes))
    }

    fn merge(&self, state: &mut Self::State, later: Self::State) -> Result<(), String> {
        state.0.merge(later.0);
        Ok(())
    }

    fn finish(&self, states: Vec<Self::State>) -> Result<Made, String> {
        counts(states, ByteSet::len)
    }
}

/// HyperLogLog.
struct Estimate {
    kind: Kind,
    precision: u8,
}

impl Function for Estimate {
    type State = Binary<Sketch>;

    fn add(&self, columns: &[Loaded], slots: &[u32], states: &mut [Self::State]) -> Result<(), String> {
        let values = columns.first().ok_or("no column came")?;
        let precision = self.precision;
        if matches!(self.kind, Kind::Decimal { .. } | Kind::Bytes) {
            return each_bytes(self.kind, values, slots, states, |state, bytes| {
                state.0.add(hash::of_bytes(bytes), precision);
            });
        }
        each_number(self.kind, values, slots, states, |state, bits| state.0.add(hash::of_number(bits), precision))
    }

    fn merge(&self, state: &mut Self::State, later: Self::State) -> Result<(), String> {
        state.0.merge(later.0, self.precision)
    }

    fn finish(&self, states: Vec<Self::State>) -> Result<Made, String> {
        counts(states, |sketch| sketch.estimate(self.precision))
    }
}
