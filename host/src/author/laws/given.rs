//! What a module is called with when a law is tried: rows of each input and of each side table; made smaller, and shown as a golden case.

use arrow::{
    array::RecordBatch,
    json::{LineDelimitedWriter, WriterBuilder, writer::LineDelimited},
};
use pelton_core::{contract::Input, types};
use toml_edit::{DocumentMut, InlineTable, Item, Table, Value, value};

use super::{Subject, sample};
use crate::author::replies::REPLIES;

#[derive(Debug, Clone)]
pub struct Given {
    /// How many of the parts are rows of inputs; the others are side tables.
    pub(super) inputs: usize,
    pub(super) parts: Vec<Part>,
    /// Lines of `replies.jsonl`, of an enrich operator.
    pub(super) replies: Vec<String>,
}

/// Rows of one input or table.
#[derive(Debug, Clone)]
pub struct Part {
    pub name: String,
    pub rows: RecordBatch,
}

impl Given {
    /// The inputs' parts, then those of side tables.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The rows of an input.
    pub(super) fn input(&self, at: usize) -> &RecordBatch {
        &self.parts.get(at).expect("there is a part for each input").rows
    }

    pub(super) fn tables(&self) -> &[Part] {
        self.parts.get(self.inputs..).unwrap_or_default()
    }

    /// The same, with other rows of an input.
    pub(super) fn with_input(&self, at: usize, rows: RecordBatch) -> Self {
        let mut other = self.clone();
        if let Some(part) = other.parts.get_mut(at) {
            part.rows = rows;
        }
        other
    }

    /// The same rows, with the tables of another.
    pub(super) fn with_tables_of(&self, other: &Self) -> Self {
        let inputs = self.parts.iter().take(self.inputs);
        Self { parts: inputs.chain(other.tables()).cloned().collect(), ..self.clone() }
    }

    fn rows(&self) -> usize {
        self.parts.iter().map(|part| part.rows.num_rows()).sum()
    }

    /// The smallest for which `differs` still holds: parts of each table are left out as long as it does.
    pub(super) fn shrunk(self, differs: &mut dyn FnMut(&Self) -> bool) -> Self {
        let mut smallest = self;
        loop {
            let before = smallest.rows();
            for at in 0..smallest.parts.len() {
                let rows = smallest.input(at).clone();
                let rows = shrunk(rows, &mut |rows| differs(&smallest.with_input(at, rows.clone())));
                smallest = smallest.with_input(at, rows);
            }
            if smallest.parts.len() < 2 || smallest.rows() == before {
                return smallest;
            }
        }
    }

    /// The files of a golden case with these rows, as `pelton test` reads them: names, and texts.
    pub fn case(&self, subject: &Subject) -> Vec<(String, String)> {
        let mut case = DocumentMut::new();
        for (input, part) in subject.inputs.iter().zip(&self.parts) {
            let mut table = source(&part.rows);
            if let Some(time) = &input.event_time {
                let mut event_time = InlineTable::new();
                event_time.insert("column", Value::from(time.as_str()));
                event_time.insert("watermark", Value::from("0s"));
                table.insert("event-time", value(event_time));
            }
            case.insert(&part.name, Item::Table(table));
        }
        case.insert("operator", Item::Table(operator(subject)));
        let mut tables = Table::new();
        tables.set_implicit(true);
        for part in self.tables() {
            tables.insert(&part.name, Item::Table(source(&part.rows)));
        }
        if !tables.is_empty() {
            case.insert("table", Item::Table(tables));
        }
        let rows = self.parts.iter().map(|part| (format!("{}.jsonl", part.name), json_lines(&part.rows)));
        let replies = (!self.replies.is_empty()).then(|| (REPLIES.to_owned(), self.replies.join("\n") + "\n"));
        std::iter::once(("case.toml".to_owned(), case.to_string())).chain(rows).chain(replies).collect()
    }
}

fn source(rows: &RecordBatch) -> Table {
    let mut schema = InlineTable::new();
    for field in rows.schema().fields() {
        schema.insert(field.name(), Value::from(types::column(field)));
    }
    let mut table = Table::new();
    table.insert("schema", value(schema));
    table
}

fn operator(subject: &Subject) -> Table {
    let mut operator = Table::new();
    let keys = |input: &Input| value(input.key.iter().map(String::as_str).collect::<toml_edit::Array>());
    match subject.inputs.as_slice() {
        [left, right] => {
            let mut join = InlineTable::new();
            join.insert("type", Value::from("cogroup"));
            for (side, input) in [("left", left), ("right", right)] {
                join.insert(side, Value::from(input.name.as_str()));
            }
            join.insert("on", Value::from(left.key.iter().map(String::as_str).collect::<toml_edit::Array>()));
            operator.insert("join", value(join));
            let mut window = InlineTable::new();
            window.insert("type", Value::from("global"));
            operator.insert("window", value(window));
        }
        [input, ..] if !input.key.is_empty() => {
            operator.insert("key", keys(input));
        }
        _ => {}
    }
    let options = serde_json::from_str(&subject.options).ok().as_ref().and_then(toml);
    if let Some(options) = options.filter(|options| options.as_inline_table().is_some_and(|table| !table.is_empty())) {
        operator.insert("options", value(options));
    }
    operator
}

/// TOML has no null.
fn toml(json: &serde_json::Value) -> Option<Value> {
    use serde_json::Value as Json;
    Some(match json {
        Json::Null => return None,
        Json::Bool(flag) => Value::from(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::from(integer),
            None => Value::from(number.as_f64()?),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::from(items.iter().filter_map(toml).collect::<toml_edit::Array>()),
        Json::Object(fields) => {
            let mut table = InlineTable::new();
            for (name, field) in fields {
                if let Some(field) = toml(field) {
                    table.insert(name, field);
                }
            }
            Value::from(table)
        }
    })
}

/// A row is a line; what JSON has no form for is null.
fn json_lines(rows: &RecordBatch) -> String {
    let mut text = Vec::new();
    let mut writer: LineDelimitedWriter<_> =
        WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut text);
    let written = writer.write(rows).and_then(|()| writer.finish());
    if written.is_err() || rows.num_columns() == 0 {
        return "{}\n".repeat(rows.num_rows());
    }
    String::from_utf8(text).unwrap_or_default()
}

/// The smallest table that `differs` still holds for: parts of it are left out as long as it does.
fn shrunk(rows: RecordBatch, differs: &mut dyn FnMut(&RecordBatch) -> bool) -> RecordBatch {
    let mut smallest = rows;
    let mut part = (smallest.num_rows() / 2).max(usize::from(smallest.num_rows() > 0));
    let mut tried_pairs = false;
    while part > 0 {
        let mut start = 0;
        let mut is_smaller = false;
        while start < smallest.num_rows() {
            let without = sample::without(&smallest, start, part);
            if differs(&without) {
                smallest = without;
                is_smaller = true;
            } else {
                start += part;
            }
        }
        tried_pairs &= !is_smaller;
        if part == 1 && !is_smaller && !tried_pairs && smallest.num_rows() > 2 {
            // A law may go by every other row: one row less would turn all those behind it round.
            (part, tried_pairs) = (2, true);
        } else if !is_smaller || part > smallest.num_rows() {
            part = (part / 2).min(smallest.num_rows());
        }
    }
    smallest
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{AsArray, Int64Array, RecordBatch},
        datatypes::{DataType, Field, Int64Type, Schema},
    };

    use super::*;

    fn table(values: impl IntoIterator<Item = i64>) -> RecordBatch {
        let schema = Schema::new(vec![Field::new("n", DataType::Int64, false)]);
        let column = Int64Array::from_iter_values(values);
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(column)]).expect("a table")
    }

    fn values(rows: &RecordBatch) -> Vec<i64> {
        rows.column(0).as_primitive::<Int64Type>().values().to_vec()
    }

    #[test]
    fn a_failure_that_needs_two_rows_shrinks_to_them() {
        let mut differs = |rows: &RecordBatch| values(rows).contains(&17) && values(rows).contains(&71);
        assert_eq!(values(&shrunk(table(0..100), &mut differs)), [17, 71]);
    }

    #[test]
    fn a_failure_that_needs_no_rows_shrinks_to_none() {
        assert_eq!(shrunk(table(0..5), &mut |_| true).num_rows(), 0);
    }

    #[test]
    fn all_tables_shrink_until_none_does() {
        let part = |name: &str, rows| Part { name: name.to_owned(), rows };
        let given = Given {
            replies: Vec::new(),
            inputs: 1,
            parts: vec![part("input", table(0..50)), part("names", table(0..50))],
        };
        // A row less of the one needs a row less of the other first.
        let mut differs = |given: &Given| {
            let (rows, names) = (values(given.input(0)), values(given.input(1)));
            rows.contains(&3) && names.contains(&4) && names.len() <= rows.len() + 1
        };
        let smallest = given.shrunk(&mut differs);
        assert_eq!((values(smallest.input(0)), values(smallest.input(1))), (vec![3], vec![4]));
    }
}
