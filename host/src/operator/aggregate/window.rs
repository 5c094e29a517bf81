//! The rows of one window: the groups of its panes, merged pane by pane in order of time.

use std::collections::BTreeMap;

use pelton_core::window::Window;
use pelton_wasm::CallError;

use super::{
    calls::{Calls, Columns},
    reduce::Pane,
};
use crate::state::{
    groups::{GroupRows, Groups},
    keys::KeyStore,
    rows::StateRows,
};

/// The groups of a window, with their accumulators.
pub struct WindowRows {
    pub groups: GroupRows,
    pub accumulators: Vec<Columns>,
}

/// Which groups of a window are wanted.
#[derive(Clone, Copy)]
pub enum Wanted<'a> {
    All,
    /// Those that are here.
    Only(&'a Groups),
}

/// Collects a window. `scratch` has no rows before and after; `keys` is an empty store.
pub fn collect(
    panes: &BTreeMap<i64, Pane>,
    window: &Window,
    wanted: Wanted<'_>,
    rows: &[StateRows],
    calls: &mut Calls,
    keys: &KeyStore,
) -> Result<WindowRows, CallError> {
    let mut groups = Groups::new(keys.clone());
    let mut accumulators: Option<Vec<StateRows>> = None;
    let mut sole: Vec<u32> = Vec::new();
    for pane in panes.range(window.start..window.end).map(|(_, pane)| pane) {
        let mut fresh = Pairs::default();
        let mut known = Pairs::default();
        for (at, slot) in pane.slots.iter().enumerate() {
            let at = at as u32;
            if let Wanted::Only(only) = wanted
                && only.find(pane.groups.rows(), at, 0).is_none()
            {
                continue;
            }
            let (group, is_new) = groups.slot_of(pane.groups.rows(), at, 0);
            if is_new { fresh.push(group, *slot) } else { known.push(group, *slot) }
        }
        match &mut accumulators {
            // The first pane is not copied, for it may be the only one.
            None if sole.is_empty() => sole = fresh.from,
            before => {
                let merged = before.get_or_insert_with(|| copied(rows, &sole));
                let slots: Vec<u32> = fresh.to.iter().map(|_| allocate(merged)).collect();
                debug_assert_eq!(slots, fresh.to, "groups and their rows are numbered alike");
                scatter(merged, &fresh.to, &gather(rows, &fresh.from));
                if !known.to.is_empty() {
                    let (left, right) = (gather(merged, &known.to), gather(rows, &known.from));
                    scatter(merged, &known.to, &calls.merge(known.to.len(), &left, &right)?);
                }
            }
        }
    }
    let accumulators = match accumulators {
        Some(merged) => gather(&merged, &(0..groups.rows().len() as u32).collect::<Vec<_>>()),
        None => gather(rows, &sole),
    };
    Ok(WindowRows { groups: groups.take(keys.clone()), accumulators })
}

/// Groups and the slots of their rows.
#[derive(Default)]
struct Pairs {
    to: Vec<u32>,
    from: Vec<u32>,
}

impl Pairs {
    fn push(&mut self, to: u32, from: u32) {
        self.to.push(to);
        self.from.push(from);
    }
}

fn copied(rows: &[StateRows], slots: &[u32]) -> Vec<StateRows> {
    let mut copies: Vec<StateRows> = rows.iter().map(StateRows::like).collect();
    let to: Vec<u32> = slots.iter().map(|_| allocate(&mut copies)).collect();
    scatter(&mut copies, &to, &gather(rows, slots));
    copies
}

/// A new row in the table of each function, under the same slot.
pub fn allocate(rows: &mut [StateRows]) -> u32 {
    rows.iter_mut().map(StateRows::allocate).last().expect("an operator has at least one function")
}

/// The accumulators of these slots, for each function.
pub fn gather(rows: &[StateRows], slots: &[u32]) -> Vec<Columns> {
    rows.iter().map(|rows| rows.gather(slots)).collect()
}

/// Writes accumulators to their slots, for each function.
pub fn scatter(rows: &mut [StateRows], slots: &[u32], columns: &[Columns]) {
    rows.iter_mut().zip(columns).for_each(|(rows, columns)| rows.scatter(slots, columns));
}
