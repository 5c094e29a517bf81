//! How panes are saved whose groups gain rows and lose them: pane by pane, with the rows of each group counted.

use std::collections::BTreeMap;

use pelton_core::checkpoint::{Damage, packed::Packed};
use serde::{Deserialize, Serialize};

use super::{Changing, Pane};
use crate::{
    operator::aggregate::{
        accumulators::Moving,
        carried::{SavedTallies, Tallies},
        whole::Touched,
    },
    state::{
        keys::KeyCodec,
        numbered::{NumberedKeys, SavedNumbers},
        picked::Picked,
    },
};

/// [`Changing`] as it is saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedChanging<'a>(Vec<SavedPane<'a>>);

#[derive(Debug, Serialize, Deserialize)]
struct SavedPane<'a> {
    start: i64,
    keys: SavedNumbers<'a>,
    groups: SavedTallies<'a>,
    /// Groups that wait for early results.
    touched: Packed<'a, u32>,
}

impl Changing {
    pub fn save(&self, codec: &KeyCodec) -> SavedChanging<'_> {
        let panes = self.panes.iter().map(|(start, pane)| SavedPane {
            start: *start,
            keys: pane.keys.save(codec),
            groups: pane.groups.save(),
            touched: pane.touched.groups().into(),
        });
        SavedChanging(panes.collect())
    }

    pub fn load(saved: SavedChanging<'_>, codec: &KeyCodec) -> Result<Self, Damage> {
        let mut panes = BTreeMap::new();
        for saved in saved.0 {
            let keys = NumberedKeys::load(saved.keys, codec)?;
            let is_taken = keys.are_taken();
            let groups = Tallies::load(&saved.groups, &is_taken)?;
            let waits = |key: &u32| is_taken.get(*key as usize).copied().unwrap_or_default();
            let touched = saved.touched.into_vec();
            Damage::unless(touched.iter().all(waits), "a change of a key that is not known")?;
            let touched = Touched::load(touched, is_taken.len())?;
            let is_new = panes.insert(saved.start, Pane { keys, groups, touched }).is_none();
            Damage::unless(is_new, "two panes with one start")?;
        }
        Ok(Self { panes })
    }

    /// Where accumulators are.
    pub fn slots(&self) -> Vec<u32> {
        self.panes.values().flat_map(|pane| pane.groups.slots()).collect()
    }

    /// Takes the groups of another partition that belong here. Answers with what became of them, by the start of their pane.
    pub fn adopt(
        &mut self,
        other: &Self,
        codec: &KeyCodec,
        is_own: &dyn Fn(u64) -> bool,
        moving: &mut Moving<'_>,
    ) -> BTreeMap<i64, Picked> {
        let mut by_pane = BTreeMap::new();
        for (start, from) in &other.panes {
            let pane = self.panes.entry(*start).or_insert_with(|| Pane {
                keys: NumberedKeys::new(codec.slots()),
                groups: Tallies::default(),
                touched: Touched::default(),
            });
            let picked = pane.keys.adopt(&from.keys, is_own);
            pane.groups.adopt(&from.groups, &picked, moving);
            pane.touched.adopt(&from.touched, &picked);
            by_pane.insert(*start, picked);
        }
        by_pane
    }
}
