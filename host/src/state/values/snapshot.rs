//! How tables with a row for each key are saved: as their rows. Which of them are there, their nulls say.

use arrow::datatypes::SchemaRef;
use pelton_core::checkpoint::Damage;

use super::ValueRows;
use crate::state::{
    picked::Picked,
    rows::{SavedRows, StateRows},
};

impl ValueRows {
    pub fn save(&self) -> SavedRows<'_> {
        self.rows.save()
    }

    /// `values` is what [`ValueRows::new`] was given; keys have slots below `slots`.
    pub fn load(saved: SavedRows<'_>, values: &SchemaRef, slots: usize) -> Result<Self, Damage> {
        let rows = StateRows::load(saved, values)?;
        Damage::unless(rows.rows() <= slots, "rows of no key")?;
        rows.check_owners(0..rows.rows() as u32)?;
        let is_there = rows.have_values();
        Ok(Self { rows, is_there })
    }

    /// Takes the rows of another partition's keys.
    pub fn adopt(&mut self, other: &Self, picked: &Picked) {
        self.rows.grow_to(picked.first());
        self.is_there.resize(picked.first(), false);
        self.rows.append(&other.rows, picked.old());
        self.is_there.extend(picked.old().iter().map(|slot| !other.is_empty_at(*slot)));
    }
}
