//! A call whose rows are grouped by key: what keyed operators and cogroups have in common.
//!
//! [`Side`] is the rows of one input, [`Keys`] the keys that they belong to. Both check what came before any of it is shown; a
//! key that is null where the function takes none is not shown at all, and its rows are rejected.

use std::ops::Range;

use crate::{
    batch::Batch,
    bindings::{Rejection, Table},
    buffer::Buffer,
    contract::{PlannedKey, PlannedRead},
    loaded::Loaded,
};

/// The rows of one input, in the order of their keys.
#[derive(Debug)]
pub struct Side {
    pub batch: Batch,
    /// For each key, where its rows in `batch` end.
    ends: Vec<usize>,
    /// Rows that came, with those that the function is not shown.
    pub came: u32,
}

impl Side {
    /// `ends` are u32s, one for each of `keys` keys.
    pub fn load(reads: &[PlannedRead], rows: Table, ends: Vec<u8>, keys: usize) -> Result<Self, String> {
        let came = rows.rows;
        let batch = Batch::load(reads, rows)?;
        let ends = Buffer::from(ends);
        let ends =
            ends.elements::<u32>(keys).ok_or_else(|| format!("there are ends for fewer than the {keys} keys"))?;
        if !ends.is_sorted() || ends.last().copied().unwrap_or_default() != came {
            return Err(format!("the rows of the keys do not end at the {came} rows that there are"));
        }
        let end = |end: &u32| match &batch.kept {
            None => *end as usize,
            Some(kept) => kept.partition_point(|row| row < end),
        };
        let ends = ends.iter().map(end).collect();
        Ok(Self { batch, ends, came })
    }

    /// The rows of each key, in order.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| start..*end)
    }
}

/// The keys of a call.
#[derive(Debug)]
pub struct Keys {
    pub count: usize,
    /// The columns that the function reads.
    pub columns: Vec<Loaded>,
    /// Keys that cannot be shown, in order, and why.
    refused: Vec<(usize, String)>,
}

impl Keys {
    pub fn load(planned: &[PlannedKey], keys: &Table) -> Result<Self, String> {
        let count = keys.rows as usize;
        let load = |key: &PlannedKey| {
            let name = &key.read.column;
            let node = keys.nodes.get(key.index).ok_or_else(|| format!("column `{name}` of the key did not come"))?;
            Loaded::whole(name, node.clone(), count, key.read.conversion)
        };
        let columns = planned.iter().map(load).collect::<Result<Vec<_>, String>>()?;
        let strict = planned.iter().zip(&columns).filter(|(key, _)| !key.read.takes_null);
        let mut refused: Vec<(usize, String)> = strict
            .flat_map(|(key, column)| {
                let is_null = |row: &usize| column.is_null(*row);
                (0..count).filter(is_null).map(|row| (row, format!("`{}` is null", key.read.column)))
            })
            .collect();
        refused.sort_by_key(|(key, _)| *key);
        Ok(Self { count, columns, refused })
    }

    /// Why the function cannot be shown a key; none if it can.
    pub fn why_refused(&self, key: usize) -> Option<&str> {
        let at = self.refused.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        self.refused.get(at).map(|(_, why)| why.as_str())
    }
}

/// Rows that a function rejects, in any order; the first reason of each counts.
#[derive(Debug, Default)]
pub struct Rejections(Vec<Rejection>);

impl Rejections {
    #[cold]
    pub fn push(&mut self, row: u32, reason: String) {
        self.0.push(Rejection { row, reason });
    }

    /// Each row once, in order.
    pub fn finish(self) -> Vec<Rejection> {
        let Self(mut rejected) = self;
        // Stable: the first reason stays.
        rejected.sort_by_key(|rejection| rejection.row);
        rejected.dedup_by_key(|rejection| rejection.row);
        rejected
    }
}
