//! `std:filter`: rows for which a condition is true. Where it is false or null they are dropped.

use std::rc::Rc;

use pelton_guest::{
    dynamic::{BatchContext, Emitted, Input, Output, Shape, Table, emitted_rows, options_from_map},
    prelude::*,
};
use serde_json::{Map, Value};

use crate::{
    Chosen, Step,
    expression::{Binder, Mistake, cast_to, compile},
    input,
    program::{Program, rejections},
    types::Type,
};

const OPTION: &str = "where";

#[derive(Options)]
struct Options {
    r#where: String,
}

struct Filter(Program);

pub fn open(input: &Input, options: &Map<String, Value>) -> Chosen {
    let text = options_from_map::<Options>(options)?.r#where;
    let columns = input::columns(input)?;
    let mut binder = Binder::new(&columns);
    let mut node = compile(&mut binder, &text, OPTION)?;
    if node.ty == Type::Null {
        let text = Rc::clone(&node.text);
        node = cast_to(node, Type::Bool, false, &text)?;
    }
    if node.ty != Type::Bool {
        let what = format!("a filter wants true or false, but this is {}: compare it with something", node.ty.name());
        return Err(Mistake::new(&(0..text.len()), what).explain(OPTION, &text));
    }
    let program = Program { sources: binder.sources, nodes: vec![node] };
    let makes = columns.iter().map(|column| input::pass(column, &column.field.name)).collect();
    let shape = Shape { reads: program.reads(), makes, event_time: None };
    Ok((shape, Box::new(Filter(program))))
}

impl Step for Filter {
    fn process(&self, _: &BatchContext, rows: Table) -> Result<Output, String> {
        let count = rows.rows;
        self.0.run(rows, |vectors, faults| {
            let condition = vectors.first().ok_or("a filter without a condition")?;
            let mut kept = condition.bits().and(&condition.valid).positions(count as usize);
            if !faults.is_empty() {
                kept.retain(|row| !faults.contains_key(row));
            }
            let emitted = if kept.len() == count as usize && count > 0 {
                vec![Emitted { port: 0, origin: None, computed: Table { rows: count, nodes: Vec::new() } }]
            } else {
                emitted_rows(&kept, Vec::new())
            };
            Ok(Output { emitted, rejected: rejections(faults) })
        })
    }
}
