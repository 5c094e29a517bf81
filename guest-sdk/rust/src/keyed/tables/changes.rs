//! What a call changes of one list or map: a row for each change, of all keys, in the order in which they apply.

use super::{
    super::state::{APPEND, DELETE, PUT, State},
    subkey::Subkey,
};
use crate::bindings::{Table, keyed::Change};

/// The columns are made with the first change, since most calls of a large operator change few of its tables.
pub struct Changes<K: Subkey, V: State> {
    kinds: Vec<u8>,
    keys: Vec<u32>,
    columns: Option<(K::Made, V::Made)>,
}

impl<K: Subkey, V: State> Changes<K, V> {
    pub fn new() -> Self {
        Self { kinds: Vec::new(), keys: Vec::new(), columns: None }
    }

    pub fn put(&mut self, key: u32, subkey: K, value: V) {
        self.note(PUT, key, subkey, Some(value));
    }

    pub fn delete(&mut self, key: u32, subkey: K) {
        self.note(DELETE, key, subkey, None);
    }

    /// The host gives the subkey.
    pub fn append(&mut self, key: u32, value: V) {
        self.note(APPEND, key, K::least(), Some(value));
    }

    fn note(&mut self, kind: u8, key: u32, subkey: K, value: Option<V>) {
        self.kinds.push(kind);
        self.keys.push(key);
        let (subkeys, values) = self.columns.get_or_insert_with(|| (K::Made::default(), V::made()));
        subkey.put(subkeys);
        match value {
            Some(value) => V::put(Some(value), values),
            None => V::put_blank(values),
        }
    }

    /// `table` is its place in the contract.
    pub fn finish(self, table: u32) -> Result<Option<Change>, String> {
        let Some((subkeys, values)) = self.columns else { return Ok(None) };
        let rows = u32::try_from(self.keys.len())
            .map_err(|_| "a call changes at most 4294967295 rows of a list or map".to_owned())?;
        let mut nodes = K::finish(subkeys)?;
        nodes.extend(V::finish(values)?);
        let key = bytemuck::cast_slice(&self.keys).to_vec();
        Ok(Some(Change { table, kind: self.kinds, key, rows: Table { rows, nodes } }))
    }
}
