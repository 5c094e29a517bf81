//! A function over columns, and the steps of a fold that are the same for all of them.
//!
//! [`Function`] is one function on one type of value; [`Opened`] converts columns and accumulators for it, and hides the types
//! behind [`Step`].

use pelton_guest::fold::{Accumulator, Emitted, Loaded, Node, Output, Table, load, slots};

use crate::column::Column;

/// One function.
pub trait Function {
    type State: Accumulator;

    /// Adds rows of `columns` (those that were opened) to `states`, row `i` to `slots[i]`.
    fn add(&self, columns: &[Loaded], slots: &[u32], states: &mut [Self::State]) -> Result<(), String>;
    fn merge(&self, state: &mut Self::State, later: Self::State) -> Result<(), String>;
    fn finish(&self, states: Vec<Self::State>) -> Result<Made, String>;
}

/// Adds the values of a column to states, for functions that choose it by the column's type.
pub type Add<S> = fn(&Loaded, &[u32], &mut [S]) -> Result<(), String>;

/// A function whose rows can be taken back: exactly, for a group that has rows left.
pub trait Invertible: Function {
    /// Undoes [`Function::add`] of the same rows.
    fn take_back(&self, columns: &[Loaded], slots: &[u32], states: &mut [Self::State]) -> Result<(), String>;
}

/// Results: the computed columns.
pub struct Made {
    pub nodes: Vec<Node>,
    /// For each row, the accumulator that it is of; none: one row for each.
    pub origin: Option<Vec<u32>>,
}

impl From<Node> for Made {
    /// One column, row for row.
    fn from(node: Node) -> Self {
        Self { nodes: vec![node], origin: None }
    }
}

/// A fold without its types.
pub trait Step {
    fn accumulate(&self, rows: Table, slots: Vec<u8>, accumulators: Table) -> Result<Table, String>;
    fn merge(&self, left: Table, right: Table) -> Result<Table, String>;
    fn finish(&self, accumulators: Table) -> Result<Output, String>;
    /// Whether it takes rows back.
    fn retracts(&self) -> bool;
    fn retract(&self, rows: Table, slots: Vec<u8>, accumulators: Table) -> Result<Table, String>;
}

/// A function, and the columns that it reads.
pub struct Opened<F: Function> {
    columns: Vec<Column>,
    function: F,
    take_back: Option<Change<F>>,
}

/// How a function changes its states by rows.
type Change<F> = fn(&F, &[Loaded], &[u32], &mut [<F as Function>::State]) -> Result<(), String>;

impl<F: Function> Opened<F> {
    /// A function that keeps what it has taken.
    pub fn new(columns: Vec<Column>, function: F) -> Self {
        Self { columns, function, take_back: None }
    }

    fn change(&self, change: Change<F>, rows: Table, bytes: Vec<u8>, accumulators: Table) -> Result<Table, String> {
        let count = rows.rows as usize;
        if rows.nodes.len() != self.columns.len() {
            return Err(format!("{} columns came, but the contract reads {}", rows.nodes.len(), self.columns.len()));
        }
        let columns: Vec<Loaded> = self
            .columns
            .iter()
            .zip(rows.nodes)
            .map(|(column, node)| column.load(node, count))
            .collect::<Result<_, String>>()?;
        let slots = slots(bytes);
        let slots =
            slots.elements::<u32>(count).ok_or_else(|| format!("there are slots for fewer than the {count} rows"))?;
        let mut states = load(accumulators)?;
        change(&self.function, &columns, slots, &mut states)?;
        F::State::store(states)
    }
}

impl<F: Invertible> Opened<F> {
    /// A function whose rows can be taken back.
    pub fn retractable(columns: Vec<Column>, function: F) -> Self {
        Self { columns, function, take_back: Some(F::take_back) }
    }
}

impl<F: Function> Step for Opened<F> {
    fn accumulate(&self, rows: Table, slots: Vec<u8>, accumulators: Table) -> Result<Table, String> {
        self.change(F::add, rows, slots, accumulators)
    }

    fn retracts(&self) -> bool {
        self.take_back.is_some()
    }

    fn retract(&self, rows: Table, slots: Vec<u8>, accumulators: Table) -> Result<Table, String> {
        let take_back = self.take_back.ok_or("rows cannot be taken back from this function")?;
        self.change(take_back, rows, slots, accumulators)
    }

    fn merge(&self, left: Table, right: Table) -> Result<Table, String> {
        if left.rows != right.rows {
            return Err(format!("{} accumulators cannot be merged with {}", left.rows, right.rows));
        }
        let mut merged: Vec<F::State> = load(left)?;
        for (state, later) in merged.iter_mut().zip(load(right)?) {
            self.function.merge(state, later)?;
        }
        F::State::store(merged)
    }

    fn finish(&self, accumulators: Table) -> Result<Output, String> {
        let made = self.function.finish(load(accumulators)?)?;
        let rows = made.nodes.first().map_or(0, |node| node.rows);
        let origin = made.origin.map(|origin| origin.iter().flat_map(|row| row.to_le_bytes()).collect());
        let emitted = Emitted { port: 0, origin, computed: Table { rows, nodes: made.nodes } };
        Ok(Output { emitted: if rows > 0 { vec![emitted] } else { Vec::new() }, rejected: Vec::new() })
    }
}
