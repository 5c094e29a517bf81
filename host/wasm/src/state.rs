//! The import `state`: ranges of a key's rows under subkeys, as of the start of the call.
//!
//! Called by a keyed guest in the midst of its call. The engine serves the rows ([`StateReader`]); here is what the guest
//! asks checked, and what it gets bounded: by its own `limit`, and by the memory that it may have.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, UInt32Array},
    buffer::ScalarBuffer,
    datatypes::Schema,
};
use pelton_core::{
    contract::{StateForm, StateTable},
    limits::LimitName,
};

use crate::{
    bindings::pelton::operator::{state, types as wit},
    error::Law,
    fault::BrokenLaw,
    host::{Host, LimitExceeded},
    lift, lower,
};

/// Serves ranges of state. What it answers is as of the start of the call, however often it is asked.
pub trait StateReader: Send + Sync {
    /// Rows in the range, in order of key (as `range.keys` has them) and of subkey or against it: the first `range.rows_max`
    /// of them.
    fn get(&self, range: &StateRange<'_>) -> StateRows;
}

/// A range that is known to be right: the table has a subkey, the keys are the call's, the bounds are of the subkey's types.
#[derive(Debug)]
pub struct StateRange<'a> {
    /// Index into the signature's state.
    pub table: usize,
    /// Rows of the call's keys.
    pub keys: &'a [u32],
    /// One row of subkey columns, included; none: from the first.
    pub from: Option<&'a [ArrayRef]>,
    /// One row of subkey columns, excluded; none: to the last.
    pub to: Option<&'a [ArrayRef]>,
    pub rows_max: usize,
    /// Each key's rows from its last subkey to its first.
    pub is_descending: bool,
}

/// Rows of a state table.
#[derive(Debug, Clone)]
pub struct StateRows {
    /// The key of each row, as a row of the call's keys.
    pub keys: Vec<u32>,
    /// Subkey columns, then value columns.
    pub columns: Vec<ArrayRef>,
}

/// What one call may read.
pub(crate) struct CallState {
    pub(crate) reader: Arc<dyn StateReader>,
    pub(crate) tables: Arc<[StateTable]>,
    /// Keys of the call.
    pub(crate) keys: usize,
    pub(crate) bytes_max: u64,
}

impl state::Host for Host {
    fn get(
        &mut self,
        table: u32,
        keys: Vec<u8>,
        from: Option<wit::TableResult>,
        to: Option<wit::TableResult>,
        limit: u32,
        descending: bool,
    ) -> wasmtime::Result<wit::TableResult> {
        let Some(state) = &self.state else { wasmtime::bail!("state can only be read in `process`") };
        let asked = state.asked(table, keys, from, to).map_err(BrokenLaw)?;
        let rows_max = usize::try_from(limit).unwrap_or(usize::MAX);
        let rows = state.reader.get(&StateRange {
            table: asked.table,
            keys: &asked.keys,
            from: asked.from.as_deref(),
            to: asked.to.as_deref(),
            rows_max,
            is_descending: descending,
        });
        let count = rows.keys.len();
        let mut columns: Vec<ArrayRef> = vec![Arc::new(UInt32Array::from(rows.keys))];
        columns.extend(rows.columns);
        lower::to_owned(count, &columns, state.bytes_max)
            .map_err(|lower::TooLarge| LimitExceeded { name: LimitName::MemoryBytes }.into())
    }
}

/// The arguments of `get`, checked.
struct Asked {
    table: usize,
    keys: ScalarBuffer<u32>,
    from: Option<Vec<ArrayRef>>,
    to: Option<Vec<ArrayRef>>,
}

impl CallState {
    fn asked(
        &self,
        index: u32,
        keys: Vec<u8>,
        from: Option<wit::TableResult>,
        to: Option<wit::TableResult>,
    ) -> Result<Asked, Law> {
        let table = table(&self.tables, index)?;
        if table.form == StateForm::Value {
            return Err(Law::NoRange(table.name.clone()));
        }
        let keys = keys_of(keys.len() / size_of::<u32>(), keys, self.keys, || "`keys` of a range of state".to_owned())?;
        let bound = |bound: Option<wit::TableResult>| bound.map(|row| self::bound(&table.name, &table.subkey, row));
        Ok(Asked { table: index as usize, keys, from: bound(from).transpose()?, to: bound(to).transpose()? })
    }
}

fn bound(table: &str, subkey: &Schema, row: wit::TableResult) -> Result<Vec<ArrayRef>, Law> {
    if row.rows != 1 {
        return Err(Law::Bound { table: table.to_owned(), rows: row.rows });
    }
    lift::columns(subkey, 1, row.nodes, || format!("a bound of a range of state table `{table}`"))
}

/// The state table that a guest names.
pub(crate) fn table(tables: &[StateTable], index: u32) -> Result<&StateTable, Law> {
    tables.get(index as usize).ok_or(Law::StateTable { table: index, tables: tables.len() })
}

/// The key of each of `rows` rows, of the call's `keys` keys.
pub(crate) fn keys_of(
    rows: usize,
    bytes: Vec<u8>,
    keys: usize,
    of: impl Fn() -> String,
) -> Result<ScalarBuffer<u32>, Law> {
    let list = lift::exactly::<u32>(rows, bytes, &of)?;
    match list.iter().copied().max() {
        Some(key) if key as usize >= keys => Err(Law::KeyRange { of: of(), key, keys }),
        _ => Ok(list),
    }
}
