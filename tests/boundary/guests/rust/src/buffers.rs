//! Candidate (c), the chosen one: Arrow's buffers as bytes, by Pelton's own contract.
//!
//! `options` is `{"operation": …, "above": …}`. A buffer is never cast to a typed slice: byte arrays of a value's
//! width need no alignment. The contract that `open` answers is empty, since the benchmark does not plan a job.

use std::sync::OnceLock;

use pelton_boundary_kernels::{self as kernels, Combined};
use serde_json::Value;

use crate::Guest;
use crate::bindings::exports::pelton::operator::transform::{
    BatchContext, Contract, Failure, Guest as Transform, Input, Output, Table,
};
use crate::bindings::pelton::operator::types::{Emitted, Node};

enum Operation {
    Filter { above: f64 },
    FilterByPush { above: f64 },
    Add,
    Upper,
    Scale,
    Combine,
    Echo,
}

/// Set by `open`, once in each instance.
static OPERATION: OnceLock<Operation> = OnceLock::new();

impl Transform for Guest {
    fn open(_inputs: Vec<Input>, options: String) -> Result<Contract, String> {
        let operation = Operation::parse(&options).ok_or_else(|| format!("options `{options}` name no operation"))?;
        OPERATION.set(operation).map_err(|_| "opened twice".to_owned())?;
        Ok(Contract {
            reads: Vec::new(),
            ports: Vec::new(),
            tables: Vec::new(),
            state: Vec::new(),
            state_version: 0,
            properties: Vec::new(),
        })
    }

    fn process(_context: BatchContext, rows: Table) -> Result<Output, Failure> {
        let operation = OPERATION.get().ok_or_else(|| Failure::Fatal("not opened".to_owned()))?;
        let emitted = operation.run(rows).ok_or_else(|| Failure::Fatal("wrong columns".to_owned()))?;
        Ok(Output { emitted: vec![emitted], rejected: Vec::new() })
    }
}

impl Operation {
    fn parse(options: &str) -> Option<Self> {
        let options: Value = serde_json::from_str(options).ok()?;
        let above = options.get("above").and_then(Value::as_f64);
        Some(match options.get("operation")?.as_str()? {
            "filter" => Self::Filter { above: above? },
            "filter-by-push" => Self::FilterByPush { above: above? },
            "add" => Self::Add,
            "upper" => Self::Upper,
            "scale" => Self::Scale,
            "combine" => Self::Combine,
            "echo" => Self::Echo,
            _ => return None,
        })
    }

    /// `None` when the columns are not those of the operation.
    fn run(&self, table: Table) -> Option<Emitted> {
        let mut nodes = table.nodes.into_iter();
        Some(match self {
            Self::Filter { above } => {
                let [_, prices] = buffers(nodes.next()?)?;
                let (origin, euro) = kernels::filter(lanes(&prices), *above);
                emitted(Some(origin), [[Vec::new(), euro.into_flattened()]])
            }
            Self::FilterByPush { above } => {
                let [_, prices] = buffers(nodes.next()?)?;
                let (origin, euro) = kernels::filter_by_push(lanes(&prices), *above);
                emitted(Some(origin), [[Vec::new(), euro.into_flattened()]])
            }
            Self::Add => {
                let mut columns = [const { [Vec::new(), Vec::new()] }; 8];
                for (by, column) in (1..).zip(&mut columns) {
                    let [_, values] = buffers(nodes.next()?)?;
                    *column = [Vec::new(), kernels::add(lanes(&values), by).into_flattened()];
                }
                rows_for_rows(table.rows, columns)
            }
            Self::Upper => {
                let [validity, offsets, bytes] = buffers(nodes.next()?)?;
                rows_for_rows(table.rows, [[validity, offsets, kernels::upper(&bytes)]])
            }
            Self::Scale => {
                let [validity, values] = buffers(nodes.next()?)?;
                rows_for_rows(table.rows, [[validity, kernels::scale(lanes(&values)).into_flattened()]])
            }
            Self::Combine => {
                let ([_, keys], [_, values]) = (buffers(nodes.next()?)?, buffers(nodes.next()?)?);
                let Combined { origin, counts, sums } = kernels::combine(lanes(&keys), lanes(&values));
                emitted(Some(origin), [[Vec::new(), counts.into_flattened()], [Vec::new(), sums.into_flattened()]])
            }
            Self::Echo => {
                Emitted { port: 0, origin: None, computed: Table { rows: table.rows, nodes: nodes.collect() } }
            }
        })
    }
}

fn buffers<const N: usize>(node: Node) -> Option<[Vec<u8>; N]> {
    node.buffers.try_into().ok()
}

/// A buffer as fixed-width values.
fn lanes<const WIDTH: usize>(buffer: &[u8]) -> &[[u8; WIDTH]] {
    buffer.as_chunks().0
}

fn rows_for_rows<const BUFFERS: usize>(rows: u32, columns: impl IntoIterator<Item = [Vec<u8>; BUFFERS]>) -> Emitted {
    let nodes = columns.into_iter().map(|buffers| Node { rows, buffers: buffers.into() }).collect();
    Emitted { port: 0, origin: None, computed: Table { rows, nodes } }
}

fn emitted<const BUFFERS: usize>(
    origin: Option<Vec<[u8; 4]>>,
    columns: impl IntoIterator<Item = [Vec<u8>; BUFFERS]>,
) -> Emitted {
    let rows = origin.as_ref().map_or(0, |origin| origin.len() as u32);
    Emitted { origin: origin.map(Vec::into_flattened), ..rows_for_rows(rows, columns) }
}
