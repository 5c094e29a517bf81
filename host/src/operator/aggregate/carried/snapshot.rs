//! How rows with numbered keys are saved, and what is known of keys from which rows are taken back.

use arrow::datatypes::SchemaRef;
use pelton_core::checkpoint::{Damage, packed::Packed};
use serde::{Deserialize, Serialize};

use super::{NumberedRows, Tallies, Tally, take_rows};
use crate::{
    operator::aggregate::accumulators::Moving,
    state::{picked::Picked, snapshot::array::SavedBatch},
};

/// [`NumberedRows`] as they are saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedNumberedRows<'a> {
    rows: SavedBatch,
    keys: Packed<'a, u32>,
}

impl NumberedRows {
    pub fn save(&self) -> SavedNumberedRows<'_> {
        SavedNumberedRows { rows: SavedBatch::of(&self.batch), keys: self.keys.as_slice().into() }
    }

    /// `schema` is that of rows that cross; `is_taken` says by number whether a key has it.
    pub fn load(saved: SavedNumberedRows<'_>, schema: &SchemaRef, is_taken: &[bool]) -> Result<Self, Damage> {
        let keys = saved.keys.into_vec();
        Damage::unless(keys.len() == saved.rows.rows as usize, "rows without a key")?;
        let is_known = |key: &u32| is_taken.get(*key as usize).copied().unwrap_or_default();
        Damage::unless(keys.iter().all(is_known), "rows of a key that is not known")?;
        Ok(Self { batch: saved.rows.load(schema)?, keys })
    }
}

impl NumberedRows {
    /// The rows of these keys, under the numbers that they get. None: there are none.
    pub fn picked(&self, picked: &Picked) -> Option<Self> {
        let own = || (0..).zip(&self.keys).filter_map(|(row, key)| Some((row, picked.of(*key)?)));
        let rows: Vec<u32> = own().map(|(row, _)| row).collect();
        let keys = own().map(|(_, key)| key).collect();
        (!rows.is_empty()).then(|| Self { batch: take_rows(&self.batch, &rows), keys })
    }
}

/// [`Tallies`] as they are saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedTallies<'a> {
    slots: Packed<'a, u32>,
    rows: Packed<'a, i64>,
}

/// No stream has so many rows: a tally that comes near was never counted.
const ROWS_MAX: u64 = 1 << 60;

impl Tallies {
    /// Between epochs, when all is settled.
    pub fn save(&self) -> SavedTallies<'_> {
        SavedTallies {
            slots: self.0.iter().map(|tally| tally.slot).collect(),
            rows: self.0.iter().map(|tally| tally.rows).collect(),
        }
    }

    /// `is_taken` says by number whether a key has it.
    pub fn load(saved: &SavedTallies<'_>, is_taken: &[bool]) -> Result<Self, Damage> {
        let is_whole = saved.slots.len() == saved.rows.len() && saved.slots.len() <= is_taken.len();
        Damage::unless(is_whole, "counts of rows of no key")?;
        let tallies = saved.slots.iter().zip(saved.rows.iter()).map(|(slot, rows)| Tally { slot, rows });
        let tallies: Vec<Tally> = tallies.collect();
        let is_sound = |(tally, is_taken): (&Tally, &bool)| {
            let has_rows = tally.rows != 0;
            (tally.slot != Tally::NONE) == has_rows && (*is_taken || !has_rows) && tally.rows.unsigned_abs() < ROWS_MAX
        };
        Damage::unless(tallies.iter().zip(is_taken).all(is_sound), "rows without accumulators, or of no key")?;
        Ok(Self(tallies))
    }

    /// By number, the rows of each key.
    pub fn rows(&self) -> impl Iterator<Item = i64> + '_ {
        self.0.iter().map(|tally| tally.rows)
    }

    /// Takes what is known of another partition's keys.
    pub fn adopt(&mut self, other: &Self, picked: &Picked, moving: &mut Moving<'_>) {
        self.0.resize(picked.first(), Tally::EMPTY);
        for old in picked.old() {
            let Tally { slot, rows } = other.get(*old);
            let slot = if slot == Tally::NONE { slot } else { moving.slot(slot) };
            self.0.push(Tally { slot, rows });
        }
    }
}
