//! The loop over the keys of a call.
//!
//! A key is shown to the function if it has rows that the function can be shown, a timer that is due, or has come to its
//! end. Its state is read when its turn comes, its lists and maps when the function reads them; nothing is allocated for a row.

use super::{
    opened::KeyedDescription,
    out::{Left, Out},
    state::{Changes, State},
    tables::KeyedTables,
    timers::Timers,
};
use crate::{
    bindings::keyed::{Change, TimerChanges},
    context::Context,
    fold::Done,
    group::Group,
    grouped::{Keys, Side},
    input::{InputColumns, InputRow},
    loaded::Loaded,
    outcome::{Leave, Outcome},
    ports::Ports,
};

/// What the function may be shown.
#[derive(Debug)]
pub struct Shown {
    pub(super) side: Side,
    pub(super) keys: Keys,
    pub(super) state: Vec<Loaded>,
    /// For each key.
    pub(super) expiring: Vec<u8>,
}

/// What the function made.
#[derive(Debug)]
pub struct Made {
    pub(super) left: Left,
    pub(super) changes: Vec<Change>,
    pub(super) timers: TimerChanges,
}

/// Calls `function` for every key.
pub fn run<'a, K: InputRow<'a>, S: State, R: InputRow<'a>, O: Leave, T: KeyedTables, D: Done>(
    shown: &'a Shown,
    mut timers: Timers,
    context: &'a Context,
    mut function: impl FnMut(K, &mut Option<S>, Group<'a, R>, &mut T, &mut Timers, &mut Out<O>) -> D,
) -> Result<Made, String> {
    let Side { batch, .. } = &shown.side;
    let keys = K::Columns::view(&shown.keys.columns, shown.keys.count)?;
    let columns = R::Columns::view(&batch.columns, batch.rows)?;
    let states = S::view(&shown.state)?;
    let mut out = Out::new(shown.keys.count);
    let mut changes = Changes::new();
    // The table with a row for each key is the first, if there is one.
    let mut tables = T::new(u32::from(!shown.state.is_empty()));
    for ((key, rows), expiring) in shown.side.ranges().enumerate().zip(&shown.expiring) {
        let number = key as u32;
        let is_called = timers.enter(number, *expiring != 0);
        if !is_called && rows.is_empty() {
            continue;
        }
        out.enter(number);
        if let Some(why) = shown.keys.why_refused(key) {
            rows.for_each(|row| out.refuse(row as u32, why.to_owned()));
            continue;
        }
        let read = || S::read(states, key).map_err(no_value);
        let mut state = read()?;
        let existed = state.is_some();
        context.enter(rows.start);
        let group = Group::new(columns, rows, 0, context);
        tables.enter(number);
        function(K::row(keys, key), &mut state, group, &mut tables, &mut timers, &mut out).done()?;
        tables.leave();
        // Read again rather than copied before: most states are changed, and copying would ask for `Clone`.
        let before = if existed { read()? } else { None };
        changes.note(number, before.as_ref(), state);
    }
    let mut changes = changes.finish()?;
    tables.finish(&mut changes)?;
    Ok(Made { left: out.finish()?, changes, timers: timers.into_changes() })
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
