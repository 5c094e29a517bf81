//! The forms that the module plays, by its options: `{"form": "map", "column": "price"}`.

use serde_json::Value;

use crate::{
    bindings::pelton::operator::types::{Contract, Emitted, Field, Node, Output, OutputField, Port, Rejection, Table},
    cell::Cell,
    column::{self, Column, Kind},
};

/// What is added to the end of buffers, which may be longer than needed.
const SPARE: [u8; 3] = [0xff; 3];

/// The kind of the column `copy`.
const COPY: Kind = Kind::Whole { width: 4 };

/// The reason of rejected rows.
const REASON: &str = "it is null";

#[derive(Debug)]
pub enum Form {
    /// Identity: makes every column anew, from the bytes that it was given.
    Echo,
    /// Identity: has every column passed.
    Pass,
    /// Keeps rows whose value is kept, or null.
    Filter(Chosen),
    /// Changes the values of one column; null and zero change places if the column is nullable.
    Map(Chosen),
    /// Gives row i (i mod 3) times, with its value made anew and a column `copy` that counts. `by`: i is this column's
    /// value, not the row's number.
    FlatMap { chosen: Chosen, by: Option<Chosen> },
    /// Port `kept` has the rows whose value is kept, port `dropped` the others; null is rejected.
    Split(Chosen),
}

/// The column that a form works on.
#[derive(Debug, Clone)]
pub struct Chosen {
    name: String,
    kind: Kind,
    nullable: bool,
}

impl Form {
    pub fn read(options: &str, columns: &[Column<'_>]) -> Result<Self, String> {
        let options: Value = serde_json::from_str(options).map_err(|error| error.to_string())?;
        let text = |key: &str| options.get(key).and_then(Value::as_str);
        let chosen = |key: &str| {
            let name = text(key).ok_or_else(|| format!("no `{key}`"))?;
            let column = columns.iter().find(|column| column.name == name);
            let found = column.and_then(|column| Some((column, column.kind?)));
            let (column, kind) = found.ok_or_else(|| format!("no scalar column `{name}`"))?;
            Ok::<_, String>(Chosen { name: name.to_owned(), kind, nullable: column.nullable })
        };
        Ok(match text("form") {
            Some("echo") => Self::Echo,
            Some("pass") => Self::Pass,
            Some("filter") => Self::Filter(chosen("column")?),
            Some("map") => Self::Map(chosen("column")?),
            Some("flat-map") => {
                let by = if options.get("by").is_some() { Some(chosen("by")?) } else { None };
                Self::FlatMap { chosen: chosen("column")?, by }
            }
            Some("split") => Self::Split(chosen("column")?),
            other => return Err(format!("no form {other:?}")),
        })
    }

    pub fn contract(&self, columns: &[Column<'_>]) -> Contract {
        let passed =
            || columns.iter().map(|column| OutputField::Pass((column.name.to_owned(), column.name.to_owned())));
        let replaced = |chosen: &Chosen| -> Vec<OutputField> {
            let fields = columns.iter().zip(passed());
            fields
                .flat_map(|(column, pass)| if column.name == chosen.name { computed(column) } else { vec![pass] })
                .collect()
        };
        let (reads, ports) = match self {
            Self::Echo => {
                let fields = columns.iter().flat_map(computed).collect();
                (columns.iter().map(|column| column.name.to_owned()).collect(), vec![port("out", fields)])
            }
            Self::Pass => (Vec::new(), vec![port("out", passed().collect())]),
            Self::Filter(chosen) => (vec![chosen.name.clone()], vec![port("out", passed().collect())]),
            Self::Map(chosen) => (vec![chosen.name.clone()], vec![port("out", replaced(chosen))]),
            Self::FlatMap { chosen, by } => {
                let copy = Field { name: "copy".into(), format: "I".into(), nullable: false, children: 0 };
                let mut fields = replaced(chosen);
                fields.push(OutputField::Computed(copy));
                let reads = [Some(chosen), by.as_ref()].into_iter().flatten();
                (reads.map(|chosen| chosen.name.clone()).collect(), vec![port("out", fields)])
            }
            Self::Split(chosen) => {
                let ports = ["kept", "dropped"].map(|name| port(name, passed().collect()));
                (vec![chosen.name.clone()], ports.into())
            }
        };
        Contract {
            reads: vec![reads],
            ports,
            tables: Vec::new(),
            state: Vec::new(),
            state_version: 0,
            properties: Vec::new(),
        }
    }

    /// None if the columns are not those of the contract.
    pub fn process(&self, first_row: u64, rows: Table) -> Option<Output> {
        let mut output = Output { emitted: Vec::new(), rejected: Vec::new() };
        match self {
            Self::Echo => output.emitted.push(row_for_row(rows.rows, rows.nodes.into_iter().map(spared).collect())),
            Self::Pass => output.emitted.push(row_for_row(rows.rows, Vec::new())),
            Self::Filter(chosen) => {
                let cells = chosen.cells(rows.nodes.first()?)?;
                let kept = cells.iter().zip(0..).filter(|(cell, _)| cell.as_ref().is_none_or(Cell::is_kept));
                output.emitted.push(from_rows(0, kept.map(|(_, row)| row), Vec::new()));
            }
            Self::Map(chosen) => {
                let cells: Vec<_> =
                    chosen.cells(rows.nodes.first()?)?.into_iter().map(|cell| chosen.mapped(cell)).collect();
                output.emitted.push(row_for_row(rows.rows, vec![column::write(chosen.kind, &cells)]));
            }
            Self::FlatMap { chosen, by } => {
                let times: Vec<u64> = match by {
                    None => (first_row..).take(rows.rows as usize).collect(),
                    Some(by) => by.cells(rows.nodes.get(1)?)?.iter().map(number).collect(),
                };
                let cells = chosen.cells(rows.nodes.first()?)?;
                let repeated = || {
                    let rows = (0_u32..).zip(&cells).zip(&times);
                    rows.flat_map(|((row, cell), times)| (0..times % 3).map(move |copy| (row, cell, copy)))
                };
                let values: Vec<_> = repeated().map(|(_, cell, _)| cell.clone()).collect();
                let copies: Vec<_> = repeated().map(|(_, _, copy)| Some(Cell::Whole(copy))).collect();
                let nodes = vec![column::write(chosen.kind, &values), column::write(COPY, &copies)];
                output.emitted.push(from_rows(0, repeated().map(|(row, _, _)| row), nodes));
            }
            Self::Split(chosen) => {
                let cells = chosen.cells(rows.nodes.first()?)?;
                for (port, is_kept) in [(0, true), (1, false)] {
                    let rows = cells
                        .iter()
                        .zip(0..)
                        .filter(|(cell, _)| cell.as_ref().is_some_and(|cell| cell.is_kept() == is_kept));
                    output.emitted.push(from_rows(port, rows.map(|(_, row)| row), Vec::new()));
                }
                let nulls = cells.iter().zip(0..).filter(|(cell, _)| cell.is_none());
                output.rejected = nulls.map(|(_, row)| Rejection { row, reason: REASON.to_owned() }).collect();
            }
        }
        Some(output)
    }
}

impl Chosen {
    fn cells(&self, node: &Node) -> Option<Vec<Option<Cell>>> {
        column::read(self.kind, node)
    }

    fn mapped(&self, cell: Option<Cell>) -> Option<Cell> {
        let zero = Cell::zero(self.kind);
        match cell {
            None => Some(zero),
            Some(cell) if self.nullable && cell == zero => None,
            Some(cell) => Some(cell.changed()),
        }
    }
}

fn number(cell: &Option<Cell>) -> u64 {
    match cell {
        Some(Cell::Whole(bits)) => *bits,
        _ => 0,
    }
}

fn computed(column: &Column<'_>) -> Vec<OutputField> {
    column.fields.iter().cloned().map(OutputField::Computed).collect()
}

fn port(name: &str, fields: Vec<OutputField>) -> Port {
    Port { name: name.to_owned(), fields, event_time: None }
}

/// The same array, in buffers that are longer than needed.
fn spared(mut node: Node) -> Node {
    // An empty validity buffer says that nothing is null.
    node.buffers.iter_mut().filter(|buffer| !buffer.is_empty()).for_each(|buffer| buffer.extend(SPARE));
    node
}

fn row_for_row(rows: u32, nodes: Vec<Node>) -> Emitted {
    Emitted { port: 0, origin: None, computed: Table { rows, nodes } }
}

fn from_rows(port: u32, rows: impl Iterator<Item = u32>, nodes: Vec<Node>) -> Emitted {
    let origin: Vec<u8> = rows.flat_map(u32::to_le_bytes).collect();
    Emitted { port, computed: Table { rows: (origin.len() / 4) as u32, nodes }, origin: Some(origin) }
}
