//! `std:variance` and `std:stddev`: of a sample, or of a population.
//!
//! Rows are added by Welford's method (Technometrics 4(3), 1962), and parts merged by Chan, Golub and LeVeque's (Updating Formulae
//! and a Pairwise Algorithm for Computing Sample Variances, 1979): neither subtracts squares, which would lose all digits when
//! values are far from zero.

use pelton_guest::{
    fold::{Accumulator as _, Field, Input, Loaded, Shape, options_from_map},
    prelude::*,
};
use serde_json::{Map, Value};

use crate::{
    Chosen,
    column::{Column, Real},
    function::{Function, Made, Opened},
};

/// What is made of the moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    Variance,
    Deviation,
}

impl Statistic {
    fn name(self) -> &'static str {
        match self {
            Self::Variance => "variance",
            Self::Deviation => "stddev",
        }
    }
}

#[derive(Options)]
struct Options {
    column: String,
    /// Whether the rows are all there are, rather than a sample of them.
    #[default(false)]
    population: bool,
}

pub fn open(statistic: Statistic, input: &Input, options: &Map<String, Value>) -> Chosen {
    let options: Options = options_from_map(options)?;
    let column = Column::find_number(input, &options.column, statistic.name())?;
    let makes = Field { name: statistic.name().to_owned(), format: "g".to_owned(), nullable: true, children: 0 };
    let shape =
        Shape { reads: vec![column.name.clone()], state: Moments::columns(), makes: vec![makes], ordered: false };
    let function = Spread { statistic, population: options.population, number: Real::of(&column) };
    Ok((shape, Box::new(Opened::new(vec![column], function))))
}

/// How many values, their mean, and the sum of squared distances from it.
#[derive(Accumulator, Default, Clone, Copy)]
struct Moments {
    count: i64,
    mean: f64,
    squares: f64,
}

struct Spread {
    statistic: Statistic,
    population: bool,
    number: Real,
}

impl Moments {
    #[inline(always)]
    fn add(&mut self, value: f64) {
        self.count += 1;
        let distance = value - self.mean;
        self.mean += distance / self.count as f64;
        self.squares += distance * (value - self.mean);
    }

    fn merge(&mut self, later: Self) {
        if self.count == 0 {
            *self = later;
        } else if later.count > 0 {
            let (left, right) = (self.count as f64, later.count as f64);
            let (distance, all) = (later.mean - self.mean, left + right);
            self.squares += later.squares + distance * distance * (left * right / all);
            self.mean += distance * (right / all);
            self.count += later.count;
        }
    }
}

impl Function for Spread {
    type State = Moments;

    fn add(&self, columns: &[Loaded], slots: &[u32], states: &mut [Moments]) -> Result<(), String> {
        self.number.each(columns.first().ok_or("no column came")?, slots, states, Moments::add)
    }

    fn merge(&self, state: &mut Moments, later: Moments) -> Result<(), String> {
        state.merge(later);
        Ok(())
    }

    fn finish(&self, states: Vec<Moments>) -> Result<Made, String> {
        let fewest = if self.population { 1 } else { 2 };
        let of = |state: &Moments| {
            let freedom = state.count - i64::from(!self.population);
            (state.count >= fewest).then(|| {
                let variance = state.squares / freedom as f64;
                match self.statistic {
                    Statistic::Variance => variance,
                    Statistic::Deviation => variance.sqrt(),
                }
            })
        };
        Ok(states.iter().map(of).collect::<Values<Option<f64>>>().finish(self.statistic.name())?.into())
    }
}
