//! The laws of contracts, as the errors of a module that breaks one in `open`.
//!
//! Each message goes on from "module … declared a contract that cannot be kept: ", and names the value that broke the law.

use super::Mode;
use crate::types::TypeError;

/// A law of the contract that a module broke in `open`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContractError {
    #[error("its contract reads {got} inputs, but the operator has {want}")]
    Inputs { want: usize, got: usize },
    #[error("it reads column `{column}`, which input `{input}` does not have (it has {})", list(.have, "no columns"))]
    NoColumn { column: String, input: String, have: Vec<String> },
    #[error("it names column `{0}` twice in `reads`")]
    ReadTwice(String),
    #[error("it declares no port, so nothing can leave it")]
    NoPort,
    #[error("port {index} has the name `{name}`, which {why}")]
    PortName { index: usize, name: String, why: &'static str },
    #[error("port `{port}` has two columns named `{column}`")]
    ColumnTwice { port: String, column: String },
    #[error("port `{port}` has a column named `{column}`, which {why}")]
    ColumnName { port: String, column: String, why: &'static str },
    #[error("column `{column}` of port `{port}`: {source}")]
    Type { port: String, column: String, source: TypeError },
    #[error("port `{port}` takes its event time from `{column}`, which {why}")]
    EventTime { port: String, column: String, why: &'static str },
    #[error(
        "port `{port}` passes column `{column}`, but an aggregate's ports have only computed columns: the host puts the key and the window before them"
    )]
    Passes { port: String, column: String },
    #[error(
        "port `{port}` passes column `{column}`, but on a port of a cogroup only key columns pass ({}): a row of it belongs to a key, not to a row",
        list(.keys, "none")
    )]
    PassesNoKey { port: String, column: String, keys: Vec<String> },
    #[error("it declares {0} state tables, but an aggregate has exactly one: its accumulator")]
    Accumulators(usize),
    #[error("its accumulator `{0}` has a subkey, but an aggregate has one accumulator for each group")]
    AccumulatorSubkey(String),
    #[error("column `{column}` of the accumulator {why}")]
    AccumulatorColumn { column: String, why: String },
    #[error("a state table has the name `{name}`, which {why}")]
    StateName { name: String, why: &'static str },
    #[error("state table `{table}` has two columns named `{column}`")]
    StateColumnTwice { table: String, column: String },
    #[error("state table `{table}` has a column named `{column}`, which {why}")]
    StateColumnName { table: String, column: String, why: &'static str },
    #[error("column `{column}` of state table `{table}` {why}")]
    StateColumn { table: String, column: String, why: String },
    #[error("column `{column}` of state table `{table}`: {source}")]
    StateType { table: String, column: String, source: TypeError },
    #[error("it asks for the side input `{table}`, which the operator is not offered (it is offered {})", list(.have, "none"))]
    NoTable { table: String, have: Vec<String> },
    #[error("it names the side input `{0}` twice in `tables`")]
    TableTwice(String),
    #[error(
        "it declares the property `{0}`, which this host does not know: update Pelton, or build the module for pelton:operator@0.1.0"
    )]
    Property(String),
    #[error("its property `{property}` is `{value}`, which names an edge mode that this host does not know")]
    Mode { property: &'static str, value: String },
    #[error(
        "its input `{input}` is a stream in mode `{mode}`, which it does not take (it takes {})",
        .accepts.iter().map(|mode| mode.name()).collect::<Vec<_>>().join(", ")
    )]
    NotAccepted { input: String, mode: Mode, accepts: Vec<Mode> },
    #[error(
        "it emits changes, but its first port has no column `_op` of type s8 without nulls, which says what each row does"
    )]
    NoOp,
    #[error("it declares {what}, which {kind} do not have")]
    NotFor { kind: &'static str, what: &'static str },
    #[error("it declares {got} {what}, more than the {max} that are allowed")]
    TooMany { what: &'static str, got: usize, max: usize },
}

fn list(names: &[String], none: &str) -> String {
    if names.is_empty() { none.to_owned() } else { names.join(", ") }
}
