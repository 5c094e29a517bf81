//! `std:sample`: a share of the rows, drawn by the batch's seed and the row's number: a replay draws the same.

use pelton_guest::{
    dynamic::{BatchContext, Input, Output, Shape, Table, emitted_rows, options_from_map, random},
    prelude::*,
};
use serde_json::{Map, Value};

use crate::{Chosen, Step, input};

#[derive(Options)]
struct Options {
    fraction: f64,
}

struct Sample {
    fraction: f64,
}

pub fn open(input: &Input, options: &Map<String, Value>) -> Chosen {
    let fraction = options_from_map::<Options>(options)?.fraction;
    if !(0.0..=1.0).contains(&fraction) {
        return Err(format!("option `fraction` must be from 0 to 1, not {fraction}: 0.1 is a row in ten"));
    }
    let columns = input::columns(input)?;
    let makes = columns.iter().map(|column| input::pass(column, &column.field.name)).collect();
    Ok((Shape { makes, ..Shape::default() }, Box::new(Sample { fraction })))
}

impl Step for Sample {
    fn process(&self, context: &BatchContext, rows: Table) -> Result<Output, String> {
        // Below 1 always: 1 keeps every row, and 0 none.
        let kept: Vec<u32> = (0..rows.rows).filter(|row| random(context, *row) < self.fraction).collect();
        Ok(Output { emitted: emitted_rows(&kept, Vec::new()), rejected: Vec::new() })
    }
}
