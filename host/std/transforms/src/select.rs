//! `std:select`: columns by expressions; and `std:cast`: columns in other types, which is a select of casts.
//!
//! An expression that is no more than a column passes: no byte of it crosses.

use pelton_guest::{
    dynamic::{
        BatchContext, ContractField, Emitted, Field, Input, Output, Shape, Table, emitted_rows, options_from_map,
    },
    prelude::*,
};
use serde_json::{Map, Value};

use crate::{
    Chosen, Step,
    expression::{Binder, Node, cast_to, column_name, compile},
    input::{self, Column},
    options::{OnError, take_on_error, take_table},
    program::{Program, rejections},
    types::{Kind, Type},
    vector::node,
};

#[derive(Options)]
struct SelectOptions {
    #[default(false)]
    keep: bool,
}

#[derive(Options)]
struct CastOptions {}

/// A column of the output.
struct Item<'a> {
    name: String,
    what: What<'a>,
}

enum What<'a> {
    Pass(Column<'a>),
    Compute(Node),
}

struct Select(Program);

pub fn open(input: &Input, options: &Map<String, Value>) -> Chosen {
    let mut options = options.clone();
    let wanted = take_table(&mut options, "columns", "expressions")?;
    let keep = options_from_map::<SelectOptions>(&options)?.keep;
    let columns = input::columns(input)?;
    let mut binder = Binder::new(&columns);
    let compiled = wanted.into_iter().map(|(name, text)| {
        let bare = column_name(&text).and_then(|bare| columns.iter().find(|column| column.field.name == bare));
        let what = match bare {
            Some(column) => What::Pass(*column),
            None => What::Compute(compile(&mut binder, &text, &format!("columns.{name}"))?),
        };
        Ok(Item { name, what })
    });
    let items = compiled.collect::<Result<Vec<_>, String>>()?;
    assemble(input, &columns, items, keep, binder)
}

/// Opens `std:cast`.
pub fn open_cast(input: &Input, options: &Map<String, Value>) -> Chosen {
    let mut options = options.clone();
    let wanted = take_table(&mut options, "columns", "types")?;
    let is_try = take_on_error(&mut options)? == OnError::Null;
    options_from_map::<CastOptions>(&options)?;
    let columns = input::columns(input)?;
    let mut binder = Binder::new(&columns);
    let cast = wanted.into_iter().map(|(name, ty)| {
        let ty = Type::parse(&ty).map_err(|why| format!("in `columns.{name}`: {why}"))?;
        let column = input::find(&columns, &name)?;
        if Type::of(&column.field.format) == ty {
            return Ok(Item { name, what: What::Pass(*column) });
        }
        let text = name.as_str().into();
        let cast =
            cast_to(binder.column(column), ty, is_try, &text).map_err(|why| format!("column `{name}`: {why}"))?;
        Ok(Item { name, what: What::Compute(cast) })
    });
    let items = cast.collect::<Result<Vec<_>, String>>()?;
    assemble(input, &columns, items, true, binder)
}

/// The columns of the output: with `keep` the input's, an item in the place of the column whose name it has, and then the
/// other items.
fn assemble(input: &Input, columns: &[Column<'_>], items: Vec<Item<'_>>, keep: bool, binder: Binder<'_>) -> Chosen {
    let mut program = Program { sources: binder.sources, nodes: Vec::new() };
    let mut makes = Vec::new();
    // An event time that is computed anew keeps its role, if it can.
    let event_time = items.iter().find(|item| {
        let is_timestamp = matches!(&item.what, What::Compute(node) if matches!(node.ty, Type::Timestamp(..)));
        is_timestamp && input.event_time.as_ref() == Some(&item.name)
    });
    let event_time = event_time.map(|item| item.name.clone());
    let mut items: Vec<Option<Item<'_>>> = items.into_iter().map(Some).collect();
    if keep {
        for column in columns {
            let name = &column.field.name;
            match items.iter_mut().find(|item| item.as_ref().is_some_and(|item| item.name == *name)) {
                Some(item) => makes.extend(item.take().map(|item| item.add(&mut program)).transpose()?),
                None => makes.push(input::pass(column, name)),
            }
        }
    }
    for item in items.into_iter().flatten() {
        makes.push(item.add(&mut program)?);
    }
    let shape = Shape { reads: program.reads(), makes, event_time };
    Ok((shape, Box::new(Select(program))))
}

impl Item<'_> {
    /// The column of the port. One that is computed is added to the program.
    fn add(self, program: &mut Program) -> Result<ContractField, String> {
        let node = match self.what {
            What::Pass(column) => return Ok(input::pass(&column, &self.name)),
            What::Compute(node) => node,
        };
        if node.ty.kind() == Kind::Presence {
            return Err(format!("`{}` is {}, which cannot be made", node.text, node.ty.name()));
        }
        let field = Field { name: self.name, format: node.ty.format(), nullable: node.nullable, children: 0 };
        program.nodes.push(node);
        Ok(ContractField::Computed(field))
    }
}

impl Step for Select {
    fn process(&self, _: &BatchContext, rows: Table) -> Result<Output, String> {
        let count = rows.rows;
        self.0.run(rows, |vectors, faults| {
            let kept: Option<Vec<u32>> =
                (!faults.is_empty()).then(|| (0..count).filter(|row| !faults.contains_key(row)).collect());
            let columns = self.0.nodes.iter().zip(vectors);
            let made = columns.map(|(one, vector)| node(vector, &one.ty, count as usize, kept.as_deref()));
            let nodes = made.collect::<Result<Vec<_>, _>>()?;
            let emitted = match kept {
                Some(kept) => emitted_rows(&kept, nodes),
                None if count == 0 => Vec::new(),
                None => vec![Emitted { port: 0, origin: None, computed: Table { rows: count, nodes } }],
            };
            Ok(Output { emitted, rejected: rejections(faults) })
        })
    }
}
