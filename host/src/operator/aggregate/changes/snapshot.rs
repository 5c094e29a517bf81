//! How results that may still change are saved: as columns, for the bytes that they lie in are Arrow's own affair.
//!
//! ```text
//! windows: starts, ends, how many groups ─► groups: keys ─► rows: the group of each, what the modules computed
//! ```

use std::collections::{BTreeMap, HashMap};

use arrow::{array::Array, datatypes::SchemaRef};
use pelton_core::checkpoint::{Damage, packed::Packed};
use serde::{Deserialize, Serialize};

use super::{Emitted, ResultCodec, Rows, held_bytes};
use crate::state::snapshot::array::SavedArray;

/// [`Emitted`] as it is saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedEmitted<'a> {
    starts: Packed<'a, i64>,
    ends: Packed<'a, i64>,
    groups: Packed<'a, u32>,
    /// By group, the number of its key.
    keys: Packed<'a, u32>,
    /// By row, its group.
    group_of: Packed<'a, u32>,
    computed: Vec<SavedArray>,
}

impl Emitted {
    /// `computed`: what the modules compute.
    pub fn save(&self, computed: &SchemaRef) -> SavedEmitted<'_> {
        let (mut starts, mut ends, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        let (mut keys, mut group_of, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for ((end, start), said) in self.windows.iter().filter(|(_, said)| !said.is_empty()) {
            starts.push(*start);
            ends.push(*end);
            groups.push(said.len() as u32);
            let mut said: Vec<(u32, &Rows)> = said.iter().map(|(key, rows)| (*key, rows)).collect();
            said.sort_unstable_by_key(|(key, _)| *key);
            for (key, result) in said {
                group_of.extend(std::iter::repeat_n(keys.len() as u32, result.len()));
                rows.extend(result.iter().map(AsRef::as_ref));
                keys.push(key);
            }
        }
        let columns = ResultCodec::new(computed).decode(rows.into_iter());
        SavedEmitted {
            starts: starts.into(),
            ends: ends.into(),
            groups: groups.into(),
            keys: keys.into(),
            group_of: group_of.into(),
            computed: columns.iter().map(|column| SavedArray::of(column.as_ref())).collect(),
        }
    }

    pub fn load(saved: SavedEmitted<'_>, computed: &SchemaRef) -> Result<Self, Damage> {
        let rows = saved.group_of.len();
        Damage::unless(saved.computed.len() == computed.fields().len(), "results of another number of columns")?;
        let columns = saved.computed.into_iter().zip(computed.fields()).map(|(column, field)| column.load(field));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        Damage::unless(columns.iter().all(|column| column.len() == rows), "columns of results of different lengths")?;
        let mut results: Vec<Rows> = vec![Rows::new(); saved.keys.len()];
        let ascends = saved.group_of.iter().zip(saved.group_of.iter().skip(1)).all(|(group, next)| group <= next);
        for (group, row) in saved.group_of.iter().zip(ResultCodec::new(computed).encode(&columns, rows)) {
            results.get_mut(group as usize).ok_or(Damage("a result of no group"))?.push(row);
        }
        Damage::unless(ascends && results.iter().all(|result| !result.is_empty()), "a group without a result")?;
        let bytes = results.iter().map(held_bytes).sum();
        let is_whole = saved.starts.len() == saved.ends.len() && saved.starts.len() == saved.groups.len();
        Damage::unless(is_whole, "results of windows without bounds")?;
        let mut groups = saved.keys.iter().zip(results);
        let mut windows = BTreeMap::new();
        for ((start, end), count) in saved.starts.iter().zip(saved.ends.iter()).zip(saved.groups.iter()) {
            let said: HashMap<u32, Rows> = groups.by_ref().take(count as usize).collect();
            Damage::unless(count > 0 && said.len() == count as usize, "two results of one key, or none")?;
            let is_next = windows.last_key_value().is_none_or(|(last, _)| *last < (end, start));
            Damage::unless(is_next, "results of windows out of order")?;
            windows.insert((end, start), said);
        }
        Damage::unless(groups.next().is_none(), "results of no window")?;
        Ok(Self { windows, bytes })
    }

    /// Takes what another partition said of the keys that belong here: `number` says what becomes of a key's number in a window that starts there.
    pub fn adopt(&mut self, other: &Self, number: &dyn Fn(i64, u32) -> Option<u32>) {
        for ((end, start), said) in &other.windows {
            for (key, rows) in said {
                let Some(key) = number(*start, *key) else { continue };
                self.bytes += held_bytes(rows);
                self.windows.entry((*end, *start)).or_default().insert(key, rows.clone());
            }
        }
    }
}
