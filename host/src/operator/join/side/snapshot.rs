//! How the rows of a join are saved: the batches in which they lie, and by number where each is.

use arrow::datatypes::SchemaRef;
use pelton_core::checkpoint::{
    Damage, are_distinct_below,
    packed::{Bits, Packed},
};
use serde::{Deserialize, Serialize};

use super::{Batch, Kept, NONE, Rows, Side, whole};
use crate::state::{
    keys::KeyCodec,
    numbered::{NumberedKeys, SavedNumbers},
    picked::Picked,
    snapshot::array::SavedBatch,
};

/// [`Rows`] as they are saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedRows<'a> {
    keys: SavedNumbers<'a>,
    left: SavedSide<'a>,
    right: SavedSide<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedSide<'a> {
    times: Packed<'a, i64>,
    keys: Packed<'a, u32>,
    batch_of: Packed<'a, u32>,
    row_of: Packed<'a, u32>,
    have_met: Bits<'a>,
    free: Packed<'a, u32>,
    /// By place.
    batches: Vec<Option<SavedBatch>>,
}

impl Rows {
    pub(in super::super) fn save(&self, codec: &KeyCodec) -> SavedRows<'_> {
        let [left, right] = &self.sides;
        SavedRows { keys: self.keys.save(codec), left: left.save(), right: right.save() }
    }

    /// `schemas` are those of the batches of each side.
    pub(in super::super) fn load(
        saved: SavedRows<'_>,
        codec: &KeyCodec,
        schemas: &[SchemaRef; 2],
    ) -> Result<Self, Damage> {
        let keys = NumberedKeys::load(saved.keys, codec)?;
        let [left, right] = schemas;
        let sides = [Side::load(saved.left, left)?, Side::load(saved.right, right)?];
        let mut by_key = vec![0; keys.numbers()];
        for kept in sides.iter().flat_map(Side::kept).filter(|kept| kept.key != NONE) {
            *by_key.get_mut(kept.key as usize).ok_or(Damage("rows of no key"))? += 1;
        }
        let has_rows = by_key.iter().map(|rows: &u32| *rows > 0);
        Damage::unless(has_rows.eq(keys.are_taken()), "rows of a key that is not known, or a key without rows")?;
        Ok(Self { keys, by_key, sides })
    }
}

/// What rows became of each side, and keys, of a partition whose rows go to others.
pub struct Moved {
    pub(in super::super) keys: Picked,
    /// By old number; [`NONE`]: it went elsewhere.
    numbers: [Vec<u32>; 2],
}

impl Moved {
    /// The new numbers of those of these rows that came here.
    pub(in super::super) fn numbers<'a>(&'a self, side: usize, old: &'a [u32]) -> impl Iterator<Item = u32> + 'a {
        let new = self.numbers.get(side).map(Vec::as_slice).unwrap_or_default();
        old.iter().filter_map(|old| new.get(*old as usize).copied()).filter(|new| *new != NONE)
    }
}

impl Rows {
    /// Takes the rows of another partition whose keys belong here; `takes_keyless`: and those with a null in their key.
    pub(in super::super) fn adopt(
        &mut self,
        other: &Self,
        is_own: &dyn Fn(u64) -> bool,
        takes_keyless: bool,
    ) -> Result<Moved, Damage> {
        let keys = self.keys.adopt(&other.keys, is_own);
        let mut numbers = [Vec::new(), Vec::new()];
        for ((at, from), numbers) in other.sides.iter().enumerate().zip(&mut numbers) {
            let new_key = |kept: &Kept| match kept.key {
                NONE => takes_keyless.then_some(NONE),
                key => keys.of(key),
            };
            let own = from.numbers().into_iter().filter_map(|number| Some((number, from.get(number)?)));
            let own: Vec<(u32, &Kept, u32)> =
                own.filter_map(|(number, kept)| Some((number, kept, new_key(kept)?))).collect();
            *numbers = vec![NONE; from.rows.len()];
            if own.is_empty() {
                continue;
            }
            let old: Vec<u32> = own.iter().map(|(number, ..)| *number).collect();
            let times: Vec<i64> = own.iter().map(|(_, kept, _)| kept.time).collect();
            let new_keys: Vec<u32> = own.iter().map(|(.., key)| *key).collect();
            let batch = whole(from, &old).map_err(|_| Damage("more text in a column than one batch can have"))?;
            let mut new = Vec::new();
            self.add(at, batch, &times, &new_keys, &mut new);
            for ((old, kept, _), new) in own.iter().zip(new) {
                if let (Some(side), true) = (self.sides.get_mut(at), kept.has_met) {
                    side.met(new);
                }
                if let Some(place) = numbers.get_mut(*old as usize) {
                    *place = new;
                }
            }
        }
        Ok(Moved { keys, numbers })
    }
}

impl Side {
    /// The rows that are there.
    fn kept(&self) -> impl Iterator<Item = &Kept> {
        self.rows.iter().filter(|kept| kept.batch != NONE)
    }

    /// Whether these are the numbers of all rows that are there, each once.
    pub(in super::super) fn are_all(&self, numbers: impl Iterator<Item = u32> + Clone) -> bool {
        let is_there = |number: u32| self.get(number).is_some_and(|kept| kept.batch != NONE);
        let wanted = self.rows.len() - self.free.len();
        numbers.clone().count() == wanted
            && numbers.clone().all(is_there)
            && are_distinct_below(self.rows.len(), numbers)
    }

    fn save(&self) -> SavedSide<'_> {
        SavedSide {
            times: self.rows.iter().map(|kept| kept.time).collect(),
            keys: self.rows.iter().map(|kept| kept.key).collect(),
            batch_of: self.rows.iter().map(|kept| kept.batch).collect(),
            row_of: self.rows.iter().map(|kept| kept.row).collect(),
            have_met: self.rows.iter().map(|kept| kept.has_met).collect(),
            free: self.free.as_slice().into(),
            batches: self.batches().map(|batch| batch.map(SavedBatch::of)).collect(),
        }
    }

    fn load(saved: SavedSide<'_>, schema: &SchemaRef) -> Result<Self, Damage> {
        let count = saved.times.len();
        let have_met = saved.have_met.flags().unwrap_or_default();
        let lengths = [saved.keys.len(), saved.batch_of.len(), saved.row_of.len(), have_met.len()];
        Damage::unless(lengths == [count; 4], "rows that lack a part")?;
        let places = saved.batch_of.iter().zip(saved.row_of.iter());
        let rows = saved.times.iter().zip(saved.keys.iter()).zip(places).zip(have_met);
        let rows = rows.map(|(((time, key), (batch, row)), has_met)| Kept { time, key, batch, row, has_met });
        let mut side = Self { rows: rows.collect(), free: saved.free.into_vec(), ..Self::default() };
        for batch in saved.batches {
            let batch = batch.map(|batch| batch.load(schema)).transpose()?;
            let batch = batch.map(|rows| Batch { wanted: 0, bytes: rows.get_array_memory_size(), rows });
            side.batch_bytes += batch.as_ref().map_or(0, |batch| batch.bytes);
            side.batches.push(batch);
        }
        side.want()?;
        Ok(side)
    }

    /// Counts the rows of each batch that are wanted, and holds the numbers that are free against those that are not there.
    fn want(&mut self) -> Result<(), Damage> {
        for kept in self.rows.iter().filter(|kept| kept.batch != NONE) {
            let batch = self.batches.get_mut(kept.batch as usize).and_then(Option::as_mut);
            let batch = batch.filter(|batch| (kept.row as usize) < batch.rows.num_rows());
            batch.ok_or(Damage("a row in no batch"))?.wanted += 1;
        }
        let is_wanted = |batch: &Batch| batch.wanted > 0;
        Damage::unless(self.batches.iter().flatten().all(is_wanted), "a batch of which nothing is wanted")?;
        let is_free = |number: &u32| self.get(*number).is_some_and(|kept| kept.batch == NONE);
        let are_free = self.free.iter().all(is_free) && self.kept().count() + self.free.len() == self.rows.len();
        let are_distinct = are_distinct_below(self.rows.len(), self.free.iter().copied());
        Damage::unless(are_free && are_distinct, "numbers of rows that are neither free nor taken")
    }
}
