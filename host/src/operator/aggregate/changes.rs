//! Results as changes: what was said of a group is taken back before something else is said of it.
//!
//! [`Emitted`] is a partition's memory of the results that may still change; `emit` asks it with each result. What was said is
//! kept as it was said and not made again from accumulators: a module may be told something else when it is asked again
//! (the pane, the time), and may have been swapped. Invariant: added to each other, the rows that left with 1 less those with -1
//! are the results as they stand.

mod snapshot;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, Int8Array, TimestampMicrosecondArray, UInt32Array},
    compute,
    datatypes::SchemaRef,
    row::{RowConverter, SortField},
};
use pelton_core::window::{Window, is_late};
use pelton_wasm::{BatchContext, CallError};

pub use self::snapshot::SavedEmitted;
use super::{Reduced, calls::Columns, reduce::Tools};
use crate::{operator::record_batch, state::keys::KeyStore};

/// The rows of one group's result, each as [`RowConverter`] encodes what the modules computed.
type Rows = Vec<Box<[u8]>>;

/// Results of one partition that may still change.
#[derive(Debug, Default)]
pub struct Emitted {
    /// By (end, start), then by the number of the key.
    windows: BTreeMap<(i64, i64), HashMap<u32, Rows>>,
    bytes: usize,
}

/// Of a row and of a group, besides its bytes.
const ROW_BYTES: usize = 16;
const GROUP_BYTES: usize = 40;

fn held_bytes(result: &Rows) -> usize {
    GROUP_BYTES + result.iter().map(|row| row.len() + ROW_BYTES).sum::<usize>()
}

impl Emitted {
    /// Bytes held, about.
    pub fn held_bytes(&self) -> usize {
        self.bytes
    }

    /// Remembers what is said now; answers with what was said before. None: it is the same.
    fn replace(&mut self, window: &Window, key: u32, result: Rows) -> Option<Rows> {
        let groups = self.windows.entry((window.end, window.start)).or_default();
        if groups.get(&key).map_or(&[][..], Vec::as_slice) == result.as_slice() {
            return None;
        }
        let before = if result.is_empty() {
            groups.remove(&key)
        } else {
            self.bytes += held_bytes(&result);
            groups.insert(key, result)
        };
        self.bytes -= before.as_ref().map_or(0, held_bytes);
        Some(before.unwrap_or_default())
    }

    /// Forgets the results of windows that take no more rows.
    pub fn forget(&mut self, lateness: i64, watermark: i64) {
        while let Some(first) = self.windows.first_entry()
            && is_late(first.key().0, lateness, watermark)
        {
            self.bytes -= first.remove().values().map(held_bytes).sum::<usize>();
        }
    }
}

/// How results are remembered, on one compute thread.
#[derive(Debug)]
pub struct ResultCodec {
    /// None: the modules compute no column.
    rows: Option<RowConverter>,
}

impl ResultCodec {
    /// `computed`: what the modules compute.
    pub fn new(computed: &SchemaRef) -> Self {
        let fields: Vec<SortField> =
            computed.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
        let rows = (!fields.is_empty()).then(|| {
            RowConverter::new(fields).expect("columns that cross the boundary are of types that rows can have")
        });
        Self { rows }
    }

    fn encode(&self, columns: &[ArrayRef], rows: usize) -> Rows {
        match &self.rows {
            Some(converter) => {
                let rows = converter.convert_columns(columns).expect("columns of the types that it was made for");
                rows.iter().map(|row| Box::from(row.as_ref())).collect()
            }
            None => vec![Box::default(); rows],
        }
    }

    fn decode<'a>(&self, rows: impl Iterator<Item = &'a [u8]>) -> Columns {
        let Some(converter) = &self.rows else { return Columns::new() };
        let parser = converter.parser();
        converter.convert_rows(rows.map(|row| parser.parse(row))).expect("rows that it made itself")
    }
}

/// Results of a call, group by group.
pub struct Said<'a> {
    /// The numbers of their keys, and the windows.
    pub keys: &'a [u32],
    pub windows: &'a [Window],
    /// What the host puts before the results, a row for each group.
    pub host_columns: &'a Columns,
    /// The group of each row; none: group for group.
    pub origin: Option<&'a [u32]>,
    pub computed: &'a Columns,
    pub rows: usize,
}

/// Rows of one batch of changes: of each the group, and what it says.
#[derive(Default)]
struct Changed {
    groups: Vec<u32>,
    rows: Vec<Box<[u8]>>,
}

impl Changed {
    fn extend(&mut self, group: u32, rows: Rows) {
        self.groups.extend(std::iter::repeat_n(group, rows.len()));
        self.rows.extend(rows);
    }
}

impl Tools {
    /// Emits the results that are not what was said before, behind what they replace.
    pub fn emit_changes(&mut self, said: &Said<'_>, emitted: &mut Emitted, out: &mut Reduced) {
        let mut results: Vec<Rows> = vec![Rows::new(); said.keys.len()];
        let rows = self.results.encode(said.computed, said.rows);
        for (row, encoded) in (0..).zip(rows) {
            let group = said.origin.map_or(Some(row), |origin| origin.get(row as usize).copied());
            if let Some(result) = group.and_then(|group| results.get_mut(group as usize)) {
                result.push(encoded);
            }
        }
        let (mut before, mut now) = (Changed::default(), Changed::default());
        for (group, ((key, window), result)) in (0..).zip(said.keys.iter().zip(said.windows).zip(results)) {
            if let Some(replaced) = emitted.replace(window, *key, result.clone()) {
                before.extend(group, replaced);
                now.extend(group, result);
            }
        }
        self.leave(said.host_columns, before, -1, out);
        self.leave(said.host_columns, now, 1, out);
    }

    /// Takes back what was said of groups that have no rows left. Nothing, where results do not leave as changes.
    pub fn take_back(
        &mut self,
        context: &BatchContext,
        keys: &[u32],
        window: Window,
        store: &KeyStore,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let Some(emitted) = &mut self.emitted else { return Ok(()) };
        let said = |key: &u32| Some((*key, emitted.replace(&window, *key, Rows::new())?));
        let (keys, said): (Vec<u32>, Vec<Rows>) = keys.iter().filter_map(said).unzip();
        if keys.is_empty() {
            return Ok(());
        }
        // What was due before leaves before.
        self.finish(context, out)?;
        let mut said = said.into_iter();
        for keys in keys.chunks(self.plan.rows_max) {
            let mut before = Changed::default();
            (0..).zip(said.by_ref().take(keys.len())).for_each(|(group, rows)| before.extend(group, rows));
            let mut columns = self.codec.decode(store, keys);
            if self.plan.has_bounds() {
                let bound = |bound: i64| Arc::new(TimestampMicrosecondArray::from(vec![bound; keys.len()])) as ArrayRef;
                columns.extend([bound(window.start), bound(window.end)]);
            }
            self.leave(&columns, before, -1, out);
        }
        Ok(())
    }

    fn leave(&self, host_columns: &Columns, changed: Changed, op: i8, out: &mut Reduced) {
        let count = changed.groups.len();
        out.stats.rows_out += count as u64;
        let Some(port) = self.plan.output.as_ref().filter(|_| count > 0) else { return };
        let groups = UInt32Array::from(changed.groups);
        let one = |column: &ArrayRef| compute::take(column.as_ref(), &groups, None).expect("these groups exist");
        let mut columns: Columns = host_columns.iter().map(one).collect();
        columns.extend(self.results.decode(changed.rows.iter().map(AsRef::as_ref)));
        columns.push(Arc::new(Int8Array::from(vec![op; count])));
        out.emitted.push((0, record_batch(&port.schema, port.computed(&columns), count)));
    }
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{AsArray, Float64Array, StringArray},
        datatypes::{DataType, Field, Float64Type, Schema},
    };

    use super::*;

    #[test]
    fn results_come_back_as_they_were_said() {
        let fields = vec![Field::new("mean", DataType::Float64, true), Field::new("name", DataType::Utf8, true)];
        let codec = ResultCodec::new(&Schema::new(fields).into());
        let means: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.1 + 0.2), None, Some(-0.0), Some(f64::NAN)]));
        let names: ArrayRef = Arc::new(StringArray::from(vec![None, Some(""), Some("x"), Some("y")]));
        let rows = codec.encode(&[Arc::clone(&means), Arc::clone(&names)], 4);
        let back = codec.decode(rows.iter().map(AsRef::as_ref));
        let bits = |column: &ArrayRef| -> Vec<Option<u64>> {
            column.as_primitive::<Float64Type>().iter().map(|value| value.map(f64::to_bits)).collect()
        };
        assert_eq!(bits(&back[0]), bits(&means));
        assert_eq!(&back[1], &names);
        let none = ResultCodec::new(&Schema::empty().into());
        assert_eq!(none.encode(&[], 3).len(), 3);
        assert!(none.decode([&b""[..]].into_iter()).is_empty());
    }

    #[test]
    fn what_did_not_change_is_not_said_again() {
        let mut emitted = Emitted::default();
        let (window, later) = (Window { start: 0, end: 10 }, Window { start: 10, end: 20 });
        let row = |text: &str| vec![Box::from(text.as_bytes())];
        assert_eq!(emitted.replace(&window, 7, row("a")), Some(vec![]));
        assert_eq!(emitted.replace(&window, 7, row("a")), None);
        assert_eq!(emitted.replace(&later, 7, row("a")), Some(vec![]));
        assert_eq!(emitted.replace(&window, 7, row("b")), Some(row("a")));
        assert_eq!(emitted.replace(&window, 8, vec![]), None, "nothing was said of it");
        emitted.forget(5, 14);
        assert_eq!(emitted.replace(&window, 7, vec![]), Some(row("b")));
        assert_eq!(emitted.replace(&window, 7, vec![]), None);
        emitted.forget(5, 15);
        emitted.forget(5, 25);
        assert_eq!((emitted.held_bytes(), emitted.windows.len()), (0, 0));
    }
}
