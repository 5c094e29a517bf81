//! How tables with a row for each key are saved: as their rows. Which of them are there, their nulls say.

use arrow::datatypes::SchemaRef;
use pelton_core::checkpoint::Damage;

use super::ValueRows;
use crate::state::rows::{SavedRows, StateRows};

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
}
