//! How the rows of a windowed join are saved: pane by pane, in the order of their arrival.

use std::collections::BTreeMap;

use pelton_core::{
    checkpoint::{Damage, packed::Packed},
    window::WindowSpec,
};
use serde::{Deserialize, Serialize};

use super::WindowStore;
use crate::operator::join::side::{Moved, Rows};

/// A [`WindowStore`] as it is saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedWindows<'a> {
    panes: Packed<'a, i64>,
    left_counts: Packed<'a, u32>,
    right_counts: Packed<'a, u32>,
    /// Of all panes.
    left: Packed<'a, u32>,
    right: Packed<'a, u32>,
    closed: i64,
}

impl WindowStore {
    pub(in super::super) fn save(&self) -> SavedWindows<'_> {
        SavedWindows {
            panes: self.by_pane.keys().copied().collect(),
            left_counts: self.by_pane.values().map(|[left, _]| left.len() as u32).collect(),
            right_counts: self.by_pane.values().map(|[_, right]| right.len() as u32).collect(),
            left: self.by_pane.values().flat_map(|[left, _]| left).copied().collect(),
            right: self.by_pane.values().flat_map(|[_, right]| right).copied().collect(),
            closed: self.closed,
        }
    }

    /// `spec` is what [`WindowStore::new`] was given.
    pub(in super::super) fn load(spec: &WindowSpec, saved: &SavedWindows<'_>, rows: &Rows) -> Result<Self, Damage> {
        let count = saved.panes.len();
        let is_whole = [saved.left_counts.len(), saved.right_counts.len()] == [count; 2];
        Damage::unless(is_whole, "panes without rows")?;
        let [left, right] = &rows.sides;
        let are_all = left.are_all(saved.left.iter()) && right.are_all(saved.right.iter());
        Damage::unless(are_all, "rows that are in no pane, or in two")?;
        let (mut left, mut right) = (saved.left.iter(), saved.right.iter());
        let mut by_pane = BTreeMap::new();
        let counts = saved.left_counts.iter().zip(saved.right_counts.iter());
        for (pane, (lefts, rights)) in saved.panes.iter().zip(counts) {
            let own: [Vec<u32>; 2] =
                [left.by_ref().take(lefts as usize).collect(), right.by_ref().take(rights as usize).collect()];
            Damage::unless(by_pane.insert(pane, own).is_none(), "two panes with one start")?;
        }
        let is_end = left.next().is_none() && right.next().is_none();
        let kept: usize = by_pane.values().flatten().map(Vec::len).sum();
        Damage::unless(is_end && kept == saved.left.len() + saved.right.len(), "rows in no pane")?;
        Ok(Self { by_pane, rows: kept, closed: saved.closed, ..Self::new(spec) })
    }

    /// Takes the rows of another partition that came here.
    pub(in super::super) fn adopt(&mut self, other: &Self, moved: &Moved) {
        for (pane, from) in &other.by_pane {
            for (side, old) in from.iter().enumerate() {
                let own: Vec<u32> = moved.numbers(side, old).collect();
                if own.is_empty() {
                    continue;
                }
                self.rows += own.len();
                if let Some(to) = self.by_pane.entry(*pane).or_default().get_mut(side) {
                    to.extend(own);
                }
            }
        }
        self.closed = self.closed.max(other.closed);
    }
}
