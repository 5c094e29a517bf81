//! How windows from which rows are taken back are saved: the running accumulators, and all rows that a window to come still has.

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;
use pelton_core::checkpoint::{Damage, packed::Packed};
use serde::{Deserialize, Serialize};

use super::{Pane, Rolling};
use crate::{
    operator::aggregate::{
        accumulators::Moving,
        carried::{NumberedRows, SavedNumberedRows, SavedTallies, Tallies},
    },
    state::{
        keys::KeyCodec,
        numbered::{NumberedKeys, SavedNumbers},
        picked::Picked,
    },
};

/// [`Rolling`] as it is saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedRolling<'a> {
    keys: SavedNumbers<'a>,
    running: SavedTallies<'a>,
    starts: Packed<'a, i64>,
    panes: Vec<SavedPane<'a>>,
    entered_to: i64,
    /// Panes before that which have not entered.
    #[serde(default)]
    behind: Vec<(i64, SavedPane<'a>)>,
}

/// The pieces of a pane as they came, or as they were joined when it entered.
#[derive(Debug, Serialize, Deserialize)]
struct SavedPane<'a> {
    added: Vec<SavedNumberedRows<'a>>,
    taken_back: Vec<SavedNumberedRows<'a>>,
}

impl Rolling {
    pub fn save(&self, codec: &KeyCodec) -> SavedRolling<'_> {
        SavedRolling {
            keys: self.keys.save(codec),
            running: self.running.save(),
            starts: self.panes.keys().copied().collect(),
            panes: self.panes.values().map(Pane::save).collect(),
            entered_to: self.entered_to,
            behind: self.behind.iter().map(|(start, pane)| (*start, pane.save())).collect(),
        }
    }

    /// `schema` is that of rows that cross.
    pub fn load(saved: SavedRolling<'_>, codec: &KeyCodec, schema: &SchemaRef) -> Result<Self, Damage> {
        let keys = NumberedKeys::load(saved.keys, codec)?;
        let is_taken = keys.are_taken();
        let running = Tallies::load(&saved.running, &is_taken)?;
        Damage::unless(saved.starts.len() == saved.panes.len(), "panes without a start")?;
        let mut panes = BTreeMap::new();
        for (start, pane) in saved.starts.iter().zip(saved.panes) {
            let is_next = panes.last_key_value().is_none_or(|(last, _)| *last < start);
            Damage::unless(is_next, "panes out of order")?;
            panes.insert(start, Pane::load(pane, schema, &is_taken)?);
        }
        let mut behind = BTreeMap::new();
        for (start, pane) in saved.behind {
            let is_sound = start < saved.entered_to && !behind.contains_key(&start);
            Damage::unless(is_sound, "a pane behind no other")?;
            behind.insert(start, Pane::load(pane, schema, &is_taken)?);
        }
        let mut kept = vec![0_u64; keys.numbers()];
        let mut entered = vec![0_i64; keys.numbers()];
        let in_panes = panes.iter().map(|(start, pane)| (*start < saved.entered_to, pane));
        for (has_entered, pane) in in_panes.chain(behind.values().map(|pane| (false, pane))) {
            for (pieces, sign) in [(&pane.added, 1), (&pane.taken_back, -1)] {
                for key in pieces.iter().flat_map(|rows| &rows.keys) {
                    let Some((kept, entered)) = kept.get_mut(*key as usize).zip(entered.get_mut(*key as usize)) else {
                        continue;
                    };
                    *kept += 1;
                    if has_entered {
                        *entered += sign;
                    }
                }
            }
        }
        let has_rows = kept.iter().map(|rows| *rows > 0);
        Damage::unless(has_rows.eq(is_taken), "a key without rows")?;
        let counted = running.rows().chain(std::iter::repeat(0));
        Damage::unless(
            entered.iter().copied().zip(counted).all(|(rows, counted)| rows == counted),
            "rows not counted",
        )?;
        let all = panes.values().chain(behind.values()).flat_map(Pane::all);
        let row_bytes = all.map(NumberedRows::held_bytes).sum();
        Ok(Self { keys, running, kept, panes, entered_to: saved.entered_to, behind, row_bytes })
    }

    /// Where accumulators are.
    pub fn slots(&self) -> Vec<u32> {
        self.running.slots()
    }

    /// Takes the rows of another partition's keys that belong here.
    pub fn adopt(&mut self, other: &Self, is_own: &dyn Fn(u64) -> bool, moving: &mut Moving<'_>) -> Picked {
        let picked = self.keys.adopt(&other.keys, is_own);
        self.running.adopt(&other.running, &picked, moving);
        self.kept.resize(picked.first(), 0);
        self.kept.extend(picked.old().iter().map(|key| other.kept.get(*key as usize).copied().unwrap_or_default()));
        // What had not entered in its partition, and would have in the other one, is behind.
        let entered_to = self.entered_to.max(other.entered_to);
        let waiting = self.panes.split_off(&self.entered_to);
        for (start, pane) in waiting {
            let list = if start < entered_to { &mut self.behind } else { &mut self.panes };
            list.entry(start).or_default().append(pane);
        }
        let own = |pieces: &[NumberedRows]| -> Vec<NumberedRows> {
            pieces.iter().filter_map(|rows| rows.picked(&picked)).collect()
        };
        let has_entered = |start: i64| start < other.entered_to || start >= entered_to;
        let from = other.panes.iter().map(|(start, pane)| (*start, pane, has_entered(*start)));
        for (start, from, is_level) in from.chain(other.behind.iter().map(|(start, pane)| (*start, pane, false))) {
            let taken = Pane { added: own(&from.added), taken_back: own(&from.taken_back) };
            if taken.all().next().is_some() {
                self.row_bytes += taken.all().map(NumberedRows::held_bytes).sum::<usize>();
                let list = if is_level { &mut self.panes } else { &mut self.behind };
                list.entry(start).or_default().append(taken);
            }
        }
        self.entered_to = entered_to;
        picked
    }
}

impl Pane {
    fn save(&self) -> SavedPane<'_> {
        SavedPane {
            added: self.added.iter().map(NumberedRows::save).collect(),
            taken_back: self.taken_back.iter().map(NumberedRows::save).collect(),
        }
    }

    fn load(saved: SavedPane<'_>, schema: &SchemaRef, is_taken: &[bool]) -> Result<Self, Damage> {
        let pieces = |pieces: Vec<SavedNumberedRows<'_>>| -> Result<Vec<NumberedRows>, Damage> {
            pieces.into_iter().map(|rows| NumberedRows::load(rows, schema, is_taken)).collect()
        };
        Ok(Self { added: pieces(saved.added)?, taken_back: pieces(saved.taken_back)? })
    }
}
