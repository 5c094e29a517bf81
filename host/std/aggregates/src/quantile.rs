//! `std:quantile`: one or several quantiles of a column of numbers, by a t-digest.

use pelton_guest::{
    fold::{Accumulator as _, Field, Input, Loaded, Shape, options_from_map},
    prelude::*,
};
use serde_json::{Map, Value};

use crate::{
    Chosen,
    column::{Column, Real},
    digest::Digest,
    function::{Function, Made, Opened},
    packed::Binary,
};

#[derive(Options)]
struct Options {
    column: String,
    q: Vec<f64>,
    #[default(100)]
    compression: u32,
}

struct Quantiles {
    number: Real,
    /// (the column's name, 0 to 1)
    wanted: Vec<(String, f64)>,
    compression: u32,
}

pub fn open(input: &Input, options: &Map<String, Value>) -> Chosen {
    let options: Options = options_from_map(options)?;
    let column = Column::find_number(input, &options.column, "quantile")?;
    if !(20..=1_000).contains(&options.compression) {
        return Err(format!("`compression` is {}, but must be from 20 to 1000", options.compression));
    }
    let mut wanted: Vec<(String, f64)> = Vec::new();
    for quantile in options.q {
        if !(0.0..=1.0).contains(&quantile) {
            return Err(format!("a quantile is from 0 to 1, not {quantile}: 0.99 is the 99th percentile"));
        }
        let name = name(quantile);
        if wanted.iter().any(|(other, _)| *other == name) {
            return Err(format!("quantile {quantile} is asked for twice"));
        }
        wanted.push((name, quantile));
    }
    if wanted.is_empty() {
        return Err("no quantile is asked for: write `std:quantile(column, 0.99)`".to_owned());
    }
    let makes =
        |(name, _): &(String, f64)| Field { name: name.clone(), format: "g".to_owned(), nullable: true, children: 0 };
    let shape = Shape {
        reads: vec![column.name.clone()],
        state: Binary::<Digest>::columns(),
        makes: wanted.iter().map(makes).collect(),
        ordered: false,
    };
    let function = Quantiles { number: Real::of(&column), wanted, compression: options.compression };
    Ok((shape, Box::new(Opened::new(vec![column], function))))
}

/// The column of a quantile, as people say it: 0.5 is `p50`, 0.999 `p99_9`.
fn name(quantile: f64) -> String {
    // Rounded, because 0.29 * 100 is not 29.
    let percent = (quantile * 1e10).round() / 1e8;
    format!("p{percent}").replace('.', "_")
}

impl Function for Quantiles {
    type State = Binary<Digest>;

    fn add(&self, columns: &[Loaded], slots: &[u32], states: &mut [Binary<Digest>]) -> Result<(), String> {
        let values = columns.first().ok_or("no column came")?;
        self.number.each(values, slots, states, |state, value| {
            // NaN has no place among numbers, as null has none.
            if !value.is_nan() {
                state.0.add(value, self.compression);
            }
        })?;
        states.iter_mut().for_each(|state| state.0.compress(self.compression));
        Ok(())
    }

    fn merge(&self, state: &mut Binary<Digest>, later: Binary<Digest>) -> Result<(), String> {
        state.0.merge(later.0, self.compression);
        Ok(())
    }

    fn finish(&self, states: Vec<Binary<Digest>>) -> Result<Made, String> {
        let column = |(name, quantile): &(String, f64)| {
            states.iter().map(|state| state.0.quantile(*quantile)).collect::<Values<Option<f64>>>().finish(name)
        };
        Ok(Made { nodes: self.wanted.iter().map(column).collect::<Result<_, _>>()?, origin: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_as_percentiles() {
        for (quantile, want) in [(0.5, "p50"), (0.29, "p29"), (0.999, "p99_9"), (0.0, "p0"), (1.0, "p100")] {
            assert_eq!(name(quantile), want);
        }
    }
}
