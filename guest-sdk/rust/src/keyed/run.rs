//! The loop over the keys of a call.
//!
//! A key is shown to the function if it has rows that the function can be shown, a timer that is due, or has come to its
//! end. Its state is read when its turn comes; nothing is allocated for a row.

use super::{
    group::Group,
    opened::KeyedDescription,
    out::{Leave, Left, Out},
    state::{Changes, State},
    timers::Timers,
};
use crate::{
    batch::Batch,
    bindings::keyed::{Change, TimerChanges},
    context::Context,
    contract::PlannedKey,
    fold::Done,
    input::{InputColumns, InputRow},
    loaded::Loaded,
    outcome::Outcome,
    ports::Ports,
};

/// What the function may be shown.
#[derive(Debug)]
pub struct Shown {
    pub(super) batch: Batch,
    /// For each key, where its rows in `batch` end.
    pub(super) ends: Vec<usize>,
    /// The key columns that are read.
    pub(super) keys: Vec<Loaded>,
    pub(super) state: Vec<Loaded>,
    /// For each key.
    pub(super) expiring: Vec<u8>,
    /// For each key that cannot be shown, the column that is null.
    pub(super) refused: Vec<(usize, String)>,
}

/// What the function made.
#[derive(Debug)]
pub struct Made {
    pub(super) left: Left,
    pub(super) changes: Vec<Change>,
    pub(super) timers: TimerChanges,
}

impl Shown {
    /// The ends of the keys among the rows that a batch has kept.
    pub(super) fn ends(batch: &Batch, given: &[u32], rows: u32) -> Result<Vec<usize>, String> {
        if !given.is_sorted() || given.last().copied().unwrap_or_default() != rows {
            return Err(format!("the rows of the keys do not end at the {rows} rows that there are"));
        }
        let end = |end: &u32| match &batch.kept {
            None => *end as usize,
            Some(kept) => kept.partition_point(|row| row < end),
        };
        Ok(given.iter().map(end).collect())
    }

    /// Keys that are null where the function takes none.
    pub(super) fn refused(planned: &[PlannedKey], keys: &[Loaded]) -> Vec<(usize, String)> {
        let strict = planned.iter().zip(keys).filter(|(key, _)| !key.read.takes_null);
        let mut refused: Vec<(usize, String)> = strict
            .flat_map(|(key, column)| {
                let is_null = |row: &usize| column.is_null(*row);
                (0..column.rows).filter(is_null).map(|row| (row, format!("`{}` is null", key.read.column)))
            })
            .collect();
        refused.sort_by_key(|(key, _)| *key);
        refused
    }

    fn why_refused(&self, key: usize) -> Option<&str> {
        let at = self.refused.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        self.refused.get(at).map(|(_, why)| why.as_str())
    }
}

/// Calls `function` for every key.
pub fn run<'a, K: InputRow<'a>, S: State, R: InputRow<'a>, O: Leave, D: Done>(
    shown: &'a Shown,
    mut timers: Timers,
    context: &'a Context,
    mut function: impl FnMut(K, &mut Option<S>, Group<'a, R>, &mut Timers, &mut Out<O>) -> D,
) -> Result<Made, String> {
    let keys = K::Columns::view(&shown.keys, shown.ends.len())?;
    let columns = R::Columns::view(&shown.batch.columns, shown.batch.rows)?;
    let states = S::view(&shown.state)?;
    let mut out = Out::new(shown.ends.len());
    let mut changes = Changes::new();
    let mut start = 0;
    for ((key, end), expiring) in shown.ends.iter().enumerate().zip(&shown.expiring) {
        let rows = start..*end;
        start = *end;
        let number = key as u32;
        let is_called = timers.enter(number, *expiring != 0);
        if !is_called && rows.is_empty() {
            continue;
        }
        out.enter(number);
        if let Some(why) = shown.why_refused(key) {
            rows.for_each(|row| out.refuse(row as u32, why.to_owned()));
            continue;
        }
        let read = || S::read(states, key).map_err(no_value);
        let mut state = read()?;
        let existed = state.is_some();
        context.enter(rows.start);
        let group = Group::new(columns, rows, context);
        function(K::row(keys, key), &mut state, group, &mut timers, &mut out).done()?;
        // Read again rather than copied before: most states are changed, and copying would ask for `Clone`.
        let before = if existed { read()? } else { None };
        changes.note(number, before.as_ref(), state);
    }
    Ok(Made { left: out.finish()?, changes: changes.finish()?, timers: timers.into_changes() })
}

#[cold]
fn no_value(field: &str) -> String {
    format!("`{field}` of a key's state is null, though other fields have values and it is no Option")
}

/// What a function reads and makes.
pub fn describe<'a, K: InputRow<'a>, S: State, R: InputRow<'a>, O: Leave>() -> KeyedDescription {
    KeyedDescription {
        key: K::Columns::reads(),
        reads: R::Columns::reads(),
        ports: <O as Outcome>::Ports::specs(),
        state: S::columns(),
    }
}
