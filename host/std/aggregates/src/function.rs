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
}

/// A function, and the columns that it reads.
pub struct Opened<F> {
    pub columns: Vec<Column>,
    pub function: F,
}

impl<F: Function> Step for Opened<F> {
    fn accumulate(&self, rows: Table, bytes: Vec<u8>, accumulators: Table) -> Result<Table, String> {
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
        self.function.add(&columns, slots, &mut states)?;
        F::State::store(states)
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
