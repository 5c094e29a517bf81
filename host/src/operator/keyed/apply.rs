//! The one place where state changes: what a call answered, after it was checked, as a list of changes.

use pelton_core::window::Clock;
use pelton_wasm::{ChangeKind, Clock as TimerClock, StateChanges, TimerChange};

use super::partition::{Partition, Table};
use crate::state::ordered::RowChange;

impl Partition {
    /// Applies the changes of a call whose keys have these slots, in order: tables first, then timers.
    pub(super) fn apply(&mut self, slots: &[u32], changes: &[StateChanges], timers: &[TimerChange]) {
        changes.iter().for_each(|changes| self.apply_rows(slots, changes));
        for change in timers {
            let Some(slot) = slots.get(change.key as usize) else { continue };
            match change.cleared {
                true => self.timers.clear(*slot, change.id),
                false => self.timers.set(*slot, change.id, clock(change.clock), change.at),
            }
        }
    }

    fn apply_rows(&mut self, slots: &[u32], changes: &StateChanges) {
        let at: Vec<u32> = changes.keys.iter().filter_map(|key| slots.get(*key as usize)).copied().collect();
        match self.tables.all.get_mut(changes.table) {
            Some(Table::Value(rows)) => {
                let deletes: Vec<bool> = changes.kinds.iter().map(|kind| *kind == ChangeKind::Delete).collect();
                rows.apply(&deletes, &at, &changes.columns);
            }
            Some(Table::Ordered(index)) => {
                let index = *index;
                let kinds: Vec<RowChange> = changes.kinds.iter().map(row_change).collect();
                if let Some(rows) = self.tables.ordered_mut().get_mut(index) {
                    rows.apply(&kinds, &at, &changes.columns);
                }
            }
            None => {}
        }
    }
}

fn row_change(kind: &ChangeKind) -> RowChange {
    match kind {
        ChangeKind::Put => RowChange::Put,
        ChangeKind::Delete => RowChange::Delete,
        ChangeKind::Append => RowChange::Append,
    }
}

fn clock(clock: TimerClock) -> Clock {
    match clock {
        TimerClock::EventTime => Clock::Event,
        TimerClock::ProcessingTime => Clock::Processing,
    }
}
