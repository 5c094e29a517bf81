//! State: between the columns that the host keeps and the `Option` of a struct that the function changes.
//!
//! `#[derive(State)]` implements [`State`]; its fields are those of [`crate::kept`]. A row of nulls is `None`, so a struct has at least one field that is no `Option`; the
//! derive sees to that. A key is named in the changes only if its state differs, bit for bit, from what came.

use crate::{
    bindings::{Node, Table, keyed::Change},
    kept::StateColumn,
    loaded::Loaded,
};

/// What is kept for each key. Implemented by `#[derive(State)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the state of a key",
    label = "not a state",
    note = "the state is a struct whose fields the engine keeps for each key: put `#[derive(State)]` on it"
)]
pub trait State: Sized {
    /// The columns as they came.
    type Columns<'a>: Copy;
    /// The columns to send.
    type Made;

    fn columns() -> Vec<StateColumn>;
    fn view(columns: &[Loaded]) -> Result<Self::Columns<'_>, String>;
    /// The state in row `at`; none if all of it is null. The error is the field that is null and must not be.
    fn read(columns: Self::Columns<'_>, at: usize) -> Result<Option<Self>, &'static str>;
    fn is_same(&self, other: &Self) -> bool;
    fn made() -> Self::Made;
    /// Appends a row; of nulls, if there is none.
    fn put(state: Option<Self>, made: &mut Self::Made);
    fn finish(made: Self::Made) -> Result<Vec<Node>, String>;
}

/// Loads the only table of state.
pub(super) fn load<S: State>(tables: Vec<Table>, keys: usize) -> Result<Vec<Loaded>, String> {
    let (given, mut tables) = (tables.len(), tables.into_iter());
    let (Some(table), None) = (tables.next(), tables.next()) else {
        return Err(format!("{given} tables of state came, but the contract has one"));
    };
    if table.rows as usize != keys {
        return Err(format!("{} rows of state came for {keys} keys", table.rows));
    }
    StateColumn::load(&S::columns(), table.nodes, keys, "states")
}

/// Changes of the state, one at most for each key.
pub(super) struct Changes<S: State> {
    kinds: Vec<u8>,
    keys: Vec<u32>,
    made: S::Made,
}

const PUT: u8 = 0;
const DELETE: u8 = 1;

impl<S: State> Changes<S> {
    pub fn new() -> Self {
        Self { kinds: Vec::new(), keys: Vec::new(), made: S::made() }
    }

    /// Notes the state of a key after its call. Rows that did not change, as most of a delta would be, are left out.
    pub fn note(&mut self, key: u32, before: Option<&S>, after: Option<S>) {
        let kind = match (before, &after) {
            (None, None) => return,
            (Some(before), Some(after)) if before.is_same(after) => return,
            (_, Some(_)) => PUT,
            (Some(_), None) => DELETE,
        };
        self.kinds.push(kind);
        self.keys.push(key);
        S::put(after, &mut self.made);
    }

    pub fn finish(self) -> Result<Vec<Change>, String> {
        if self.keys.is_empty() {
            return Ok(Vec::new());
        }
        // A call has at most a u32 of keys.
        let rows = Table { rows: self.keys.len() as u32, nodes: S::finish(self.made)? };
        let key = bytemuck::cast_slice(&self.keys).to_vec();
        Ok(vec![Change { table: 0, kind: self.kinds, key, rows }])
    }
}
