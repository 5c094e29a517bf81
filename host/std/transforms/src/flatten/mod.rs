//! `std:flatten`: the fields of structs as columns of their own, the items of a list as rows.
//!
//! A struct `a` with field `b` becomes column `a_b`, at every level; a list of structs does both. What is computed are the nested
//! columns that were named; all others pass.

mod nested;

use std::collections::HashSet;

use pelton_guest::{
    dynamic::{
        BatchContext, ContractField, Emitted, Field, Input, Node, Output, Shape, Table, emitted_rows, options_from_map,
    },
    prelude::*,
};
use serde_json::{Map, Value};

use self::nested::{Branch, Form, Nested};
use crate::{
    Chosen, Step,
    input::{self, Column},
};

#[derive(Options)]
struct Options {
    columns: Option<Vec<String>>,
    #[default("_")]
    separator: String,
}

struct Flatten {
    /// The columns to flatten, in the order of the input.
    branches: Vec<Branch>,
}

pub fn open(input: &Input, options: &Map<String, Value>) -> Chosen {
    let options: Options = options_from_map(options)?;
    let columns = input::columns(input)?;
    let chosen = choose(&columns, options.columns.as_deref())?;
    let mut layout = Layout { separator: &options.separator, makes: Vec::new() };
    let (mut reads, mut branches) = (Vec::new(), Vec::new());
    for column in &columns {
        let name = &column.field.name;
        if !chosen.contains(name) {
            layout.makes.push(input::pass(column, name));
            continue;
        }
        let branch = Branch::new(column)?;
        match &branch.form {
            Form::Struct(_) => layout.fields(&branch, name, false),
            Form::List { item, .. } => layout.fields(item, name, false),
            Form::Leaf(_) => {
                return Err(format!(
                    "column `{name}` is {}, and only structs and lists can be flattened",
                    crate::types::Type::of(&branch.field.format).name()
                ));
            }
        }
        reads.push(name.clone());
        branches.push(branch);
    }
    let lists: Vec<&str> =
        branches.iter().filter(|branch| branch.is_list()).map(|branch| branch.field.name.as_str()).collect();
    if let [one, other, ..] = lists.as_slice() {
        return Err(format!(
            "`{one}` and `{other}` are lists, and a row cannot become rows by both: flatten them one after another"
        ));
    }
    layout.check_names()?;
    Ok((Shape { reads, makes: layout.makes, event_time: None }, Box::new(Flatten { branches })))
}

/// The columns to flatten: those named, or all structs.
fn choose(columns: &[Column<'_>], named: Option<&[String]>) -> Result<HashSet<String>, String> {
    if let Some(named) = named {
        return named.iter().map(|name| Ok(input::find(columns, name)?.field.name.clone())).collect();
    }
    let structs = columns.iter().filter(|column| column.field.format == "+s").map(|column| column.field.name.clone());
    let structs: HashSet<String> = structs.collect();
    if structs.is_empty() {
        return Err(
            "the input has no column that is a struct; a list is flattened when it is named: std:flatten(items)"
                .to_owned(),
        );
    }
    Ok(structs)
}

impl Branch {
    fn is_list(&self) -> bool {
        matches!(self.form, Form::List { .. })
    }
}

/// The port's columns, as they grow.
struct Layout<'a> {
    separator: &'a str,
    makes: Vec<ContractField>,
}

impl Layout<'_> {
    /// The columns that `branch` becomes, as `name`; `nullable` is whether a struct around it can be null.
    fn fields(&mut self, branch: &Branch, name: &str, nullable: bool) {
        let nullable = nullable || branch.field.nullable;
        if let Form::Struct(children) = &branch.form {
            for child in children {
                self.fields(child, &format!("{name}{}{}", self.separator, child.field.name), nullable);
            }
            return;
        }
        let mut fields: Vec<Field> = Vec::new();
        branch.fields(&mut fields);
        if let Some(first) = fields.first_mut() {
            *first = Field { name: name.to_owned(), nullable, ..first.clone() };
        }
        self.makes.extend(fields.into_iter().map(ContractField::Computed));
    }

    fn check_names(&self) -> Result<(), String> {
        let mut names = HashSet::new();
        let mut fields = self.makes.iter();
        while let Some(field) = fields.next() {
            let (name, mut children) = match field {
                ContractField::Pass((_, name)) => (name, 0),
                ContractField::Computed(field) => (&field.name, u64::from(field.children)),
            };
            if !names.insert(name) {
                return Err(format!(
                    "two columns would have the name `{name}`: choose another `separator`, or rename one with std:rename before"
                ));
            }
            // The children of a list have names of their own.
            while children > 0 {
                children -= 1;
                if let Some(ContractField::Computed(child)) = fields.next() {
                    children += u64::from(child.children);
                }
            }
        }
        Ok(())
    }
}

/// The columns that `nested` becomes.
fn leaves(branch: &Branch, nested: Nested, out: &mut Vec<Node>) -> Result<(), String> {
    match &branch.form {
        Form::Struct(children) => {
            children.iter().zip(nested.into_fields()?).try_for_each(|(child, field)| leaves(child, field, out))
        }
        Form::Leaf(_) | Form::List { .. } => {
            nested.into_nodes(out);
            Ok(())
        }
    }
}

impl Step for Flatten {
    fn process(&self, _: &BatchContext, rows: Table) -> Result<Output, String> {
        let mut nodes = rows.nodes.into_iter();
        let mut loaded = Vec::with_capacity(self.branches.len());
        let mut origin = None;
        for branch in &self.branches {
            let nested = branch.load(&mut nodes)?;
            loaded.push(match &branch.form {
                Form::List { item, .. } => {
                    let (rows, items) = nested.into_items()?;
                    origin = Some(rows);
                    (&**item, items, true)
                }
                _ => (branch, nested, false),
            });
        }
        let mut made = Vec::new();
        for (branch, nested, is_item) in loaded {
            let nested = match &origin {
                Some(origin) if !is_item => nested.take(origin),
                _ => nested,
            };
            leaves(branch, nested, &mut made)?;
        }
        let emitted = match origin {
            Some(origin) => emitted_rows(&origin, made),
            None if rows.rows == 0 => Vec::new(),
            None => vec![Emitted { port: 0, origin: None, computed: Table { rows: rows.rows, nodes: made } }],
        };
        Ok(Output { emitted, rejected: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, format: &str, children: u32) -> Field {
        Field { name: name.to_owned(), format: format.to_owned(), nullable: true, children }
    }

    fn node(rows: u32, validity: &[u8], values: &[u8]) -> Node {
        Node { rows, buffers: vec![validity.to_vec(), values.to_vec()] }
    }

    fn words(values: &[i32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn input(fields: Vec<Field>) -> Input {
        let mode = "append".to_owned();
        Input { name: "rows".to_owned(), fields, key: Vec::new(), event_time: None, mode, properties: Vec::new() }
    }

    fn flatten(fields: Vec<Field>, options: &str, rows: u32, nodes: Vec<Node>) -> (Shape, Output) {
        let options: Map<String, Value> = serde_json::from_str(options).expect("options");
        let (shape, step) = open(&input(fields), &options).unwrap_or_else(|why| panic!("{why}"));
        let context = BatchContext { epoch: 1, first_row: 0, now: 0, watermark: 0, seed: 0 };
        let output = step.process(&context, Table { rows, nodes }).expect("it flattens");
        (shape, output)
    }

    fn computed(shape: &Shape) -> Vec<(&str, &str, bool)> {
        let fields = shape.makes.iter().filter_map(|field| match field {
            ContractField::Computed(field) => Some((field.name.as_str(), field.format.as_str(), field.nullable)),
            ContractField::Pass(_) => None,
        });
        fields.collect()
    }

    #[test]
    fn items_under_a_null_list_are_left_out_and_lists_of_lists_lose_one_level() {
        let fields = vec![field("a", "+l", 1), field("item", "+l", 1), field("item", "i", 0)];
        // Rows: [[1], []], null (with an item that means nothing), [[2, 3]].
        let nodes = vec![
            node(3, &[0b101], &words(&[0, 2, 3, 4])),
            node(4, &[], &words(&[0, 1, 1, 2, 4])),
            node(4, &[0b1111], &words(&[1, 9, 2, 3])),
        ];
        let (shape, output) = flatten(fields, r#"{"columns": ["a"]}"#, 3, nodes);
        assert_eq!(computed(&shape), [("a", "+l", true), ("item", "i", true)]);
        let [emitted] = output.emitted.as_slice() else { panic!("one port") };
        assert_eq!(emitted.origin, Some(words(&[0, 0, 2])));
        let [lists, items] = emitted.computed.nodes.as_slice() else { panic!("two nodes") };
        assert_eq!((lists.rows, &lists.buffers[1]), (3, &words(&[0, 1, 1, 3])));
        assert_eq!((items.rows, &items.buffers[1]), (3, &words(&[1, 2, 3])));
    }

    #[test]
    fn fields_of_a_null_struct_are_null_at_every_level() {
        let fields = vec![field("s", "+s", 2), field("x", "i", 0), field("t", "+s", 1), field("y", "i", 0)];
        let nodes = vec![
            node(3, &[0b110], &[]),
            node(3, &[], &words(&[1, 2, 3])),
            node(3, &[0b011], &[]),
            node(3, &[0b111], &words(&[4, 5, 6])),
        ];
        let (shape, output) = flatten(fields, r#"{"separator": "."}"#, 3, nodes);
        assert_eq!(computed(&shape), [("s.x", "i", true), ("s.t.y", "i", true)]);
        let [emitted] = output.emitted.as_slice() else { panic!("one port") };
        let validity: Vec<u8> = emitted.computed.nodes.iter().map(|node| node.buffers[0][0] & 7).collect();
        assert_eq!(validity, [0b110, 0b010]);
    }

    #[test]
    fn what_cannot_be_flattened_is_refused() {
        let refusal = |fields: Vec<Field>, options: &str| {
            let options: Map<String, Value> = serde_json::from_str(options).expect("options");
            open(&input(fields), &options).err().unwrap_or_else(|| panic!("it is flattened"))
        };
        let list = |name: &str| vec![field(name, "+l", 1), field("item", "i", 0)];
        assert!(refusal(list("a"), "{}").contains("no column that is a struct"));
        assert!(refusal([list("a"), list("b")].concat(), r#"{"columns": ["a", "b"]}"#).contains("one after another"));
        assert!(refusal(vec![field("n", "i", 0)], r#"{"columns": ["n"]}"#).contains("only structs and lists"));
        let clash = vec![field("s", "+s", 1), field("x", "i", 0), field("s_x", "i", 0)];
        assert!(refusal(clash, "{}").contains("two columns would have the name `s_x`"));
        let missing = vec![field("s", "+s", 2), field("x", "i", 0)];
        assert!(refusal(missing, "{}").contains("missing"));
    }

    #[test]
    fn offsets_that_leave_the_items_are_an_error() {
        let fields = vec![field("a", "+l", 1), field("item", "i", 0)];
        let options: Map<String, Value> = serde_json::from_str(r#"{"columns": ["a"]}"#).expect("options");
        let (_, step) = open(&input(fields), &options).unwrap_or_else(|why| panic!("{why}"));
        let context = BatchContext { epoch: 1, first_row: 0, now: 0, watermark: 0, seed: 0 };
        for offsets in [&[0, 9][..], &[1, 0], &[-1, 1], &[0]] {
            let nodes = vec![node(1, &[], &words(offsets)), node(1, &[], &words(&[1]))];
            let error = step.process(&context, Table { rows: 1, nodes }).err();
            assert!(error.is_some_and(|error| error.contains("`a`")), "{offsets:?}");
        }
    }
}
