//! The transforms that are shipped inside Pelton: `std:filter`, `std:select`, `std:parse-json` and so on.
//!
//! An ordinary module, written with the SDK that anybody uses and run in the same sandbox. One component holds them
//! all; its option `function` says which one is meant, and the host writes that option when a job names `std:filter`.
//! What each does, and with which arguments, is in the host's catalog (`host/src/standard/catalog`, docs/std.md); the language of
//! expressions in docs/expressions.md.
//!
//! Columns can be of any type, known only in `open`. Expressions are computed column by column ([`evaluate`]), on the few kinds
//! of values to which columns are widened ([`types::Kind`]).

mod evaluate;
pub mod expression;
mod filter;
mod flatten;
mod input;
mod json;
mod options;
mod program;
mod rename;
mod sample;
mod select;
mod types;
mod value;
mod vector;

use pelton_guest::dynamic::{BatchContext, Contract, ContractField, Input, Output, Process, Shape, Table, suggest};
use serde_json::{Map, Value};

/// The functions, as jobs write them after `std:`.
pub const FUNCTIONS: &[&str] = &["cast", "drop", "filter", "flatten", "parse-json", "rename", "sample", "select"];

/// What `open` agrees on, and the function that it chose.
type Chosen = Result<(Shape, Box<dyn Step>), String>;

/// A function, opened.
trait Step {
    fn process(&self, context: &BatchContext, rows: Table) -> Result<Output, String>;
}

/// One of the functions, opened.
pub struct Std(Box<dyn Step>);

impl Process for Std {
    fn open(inputs: &[Input], options: &str) -> Result<(Contract, Self), String> {
        let input = input::only(inputs)?;
        let mut options: Map<String, Value> =
            serde_json::from_str(options).map_err(|error| format!("the options are not a table: {error}"))?;
        let function = match options.shift_remove("function") {
            Some(Value::String(function)) => function,
            _ => return Err("option `function` is missing: it must be the name of a std: function".to_owned()),
        };
        let (shape, step) = choose(&function, input, &options)?;
        let takes_changes = takes_changes(&function, input, &shape);
        let mut contract = shape.into_contract();
        if takes_changes {
            let changes = [("accepts", "append,retract"), ("emits", "retract")];
            contract.properties = changes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        }
        Ok((contract, Self(step)))
    }

    fn process(&self, context: BatchContext, rows: Table) -> Result<Output, String> {
        self.0.process(&context, rows)
    }
}

/// Whether rows of a stream of changes come out as changes: what takes a row back must fare as the row did, and still say that
/// it takes it back. A sample is drawn row by row, so that the two would part.
fn takes_changes(function: &str, input: &Input, shape: &Shape) -> bool {
    const OP: &str = "_op";
    let passes = |field: &ContractField| matches!(field, ContractField::Pass((from, to)) if from == OP && to == OP);
    let is_read = shape.reads.iter().any(|column| column == OP);
    input.mode == "retract" && function != "sample" && !is_read && shape.makes.iter().any(passes)
}

fn choose(function: &str, input: &Input, options: &Map<String, Value>) -> Chosen {
    match function {
        "cast" => select::open_cast(input, options),
        "drop" => rename::open_drop(input, options),
        "filter" => filter::open(input, options),
        "flatten" => flatten::open(input, options),
        "parse-json" => json::open(input, options),
        "rename" => rename::open(input, options),
        "sample" => sample::open(input, options),
        "select" => select::open(input, options),
        _ => Err(format!("there is no std:{function}: {}", suggest(function, FUNCTIONS.iter().copied()))),
    }
}

pelton_guest::export_process!(Std);
