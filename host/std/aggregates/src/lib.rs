//! The aggregates that are shipped inside Pelton: `std:count`, `std:sum`, `std:quantile` and so on.
//!
//! An ordinary module, written with the SDK that anybody uses and run in the same sandbox. One component holds them
//! all; its option `function` says which one is meant, and the host writes that option when a job names `std:count`.
//! What each does, and with which arguments, is in the host's catalog (`host/src/standard/catalog`, docs/std.md).
//!
//! Columns can be of any type, known only in `open`. So each function is written for the few types to which columns
//! are widened ([`column::Kind`]), and `open` chooses, and says in its contract whether rows can be taken back: those for which an
//! exact inverse exists ([`function::Invertible`]) do. As in SQL, nulls are no values: they are left out, and what has
//! no value is null.

mod average;
mod cell;
mod choice;
mod collect;
mod column;
mod count;
mod digest;
mod distinct;
mod function;
mod hash;
mod kept;
mod moments;
mod packed;
mod quantile;
mod sum;
mod top;
mod wide;

use pelton_guest::fold::{BatchContext, Contract, Fold, Groups, Input, Output, Retract, Shape, Table, suggest};
use serde_json::{Map, Value};

use crate::{choice::Choice, function::Step, moments::Statistic};

/// The functions, as jobs write them after `std:`.
pub const FUNCTIONS: &[&str] = &[
    "avg",
    "collect",
    "count",
    "count-distinct",
    "first",
    "last",
    "max",
    "min",
    "quantile",
    "stddev",
    "sum",
    "top-n",
    "variance",
];

/// What `open` agrees on, and the function that it chose.
type Chosen = Result<(Shape, Box<dyn Step>), String>;

/// One of the functions, opened.
pub struct Std(Box<dyn Step>);

impl Fold for Std {
    fn open(inputs: &[Input], options: &str) -> Result<(Contract, Self), String> {
        let [input] = inputs else {
            return Err(format!("std: functions have one input, but the operator has {}", inputs.len()));
        };
        let mut options: Map<String, Value> =
            serde_json::from_str(options).map_err(|error| format!("the options are not a table: {error}"))?;
        let function = match options.remove("function") {
            Some(Value::String(function)) => function,
            _ => return Err("option `function` is missing: it must be the name of a std: function".to_owned()),
        };
        let (shape, step) = choose(&function, input, &options)?;
        let contract = if step.retracts() { shape.into_retractable_contract() } else { shape.into_contract() };
        Ok((contract, Self(step)))
    }

    fn accumulate(&self, _: BatchContext, rows: Table, slots: Vec<u8>, accumulators: Table) -> Result<Table, String> {
        self.0.accumulate(rows, slots, accumulators)
    }

    fn merge(&self, left: Table, right: Table) -> Result<Table, String> {
        self.0.merge(left, right)
    }

    fn finish(&self, _: BatchContext, _: Groups, accumulators: Table) -> Result<Output, String> {
        self.0.finish(accumulators)
    }
}

impl Retract for Std {
    fn retract(&self, _: BatchContext, rows: Table, slots: Vec<u8>, accumulators: Table) -> Result<Table, String> {
        self.0.retract(rows, slots, accumulators)
    }
}

fn choose(function: &str, input: &Input, options: &Map<String, Value>) -> Chosen {
    match function {
        "avg" => average::open(input, options),
        "collect" => collect::open(input, options),
        "count" => count::open(input, options),
        "count-distinct" => distinct::open(input, options),
        "first" => choice::open(Choice::First, input, options),
        "last" => choice::open(Choice::Last, input, options),
        "max" => choice::open(Choice::Max, input, options),
        "min" => choice::open(Choice::Min, input, options),
        "quantile" => quantile::open(input, options),
        "stddev" => moments::open(Statistic::Deviation, input, options),
        "sum" => sum::open(input, options),
        "top-n" => top::open(input, options),
        "variance" => moments::open(Statistic::Variance, input, options),
        _ => Err(format!("there is no std:{function}: {}", suggest(function, FUNCTIONS.iter().copied()))),
    }
}

pelton_guest::export_retractable_fold!(Std);
