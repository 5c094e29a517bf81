//! How ends of keys are saved: by slot; the queue is built anew.

use pelton_core::checkpoint::{Damage, packed::Packed};
use serde::{Deserialize, Serialize};

use super::{Expiry, NEVER};

/// An [`Expiry`] as it is saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedExpiry<'a> {
    deadlines: Packed<'a, i64>,
    queued: Packed<'a, i64>,
}

impl Expiry {
    pub fn save(&self) -> SavedExpiry<'_> {
        SavedExpiry { deadlines: self.deadlines.as_slice().into(), queued: self.queued.as_slice().into() }
    }

    /// Keys have slots below `slots`.
    pub fn load(saved: SavedExpiry<'_>, slots: usize) -> Result<Self, Damage> {
        let (deadlines, queued) = (saved.deadlines.into_vec(), saved.queued.into_vec());
        Damage::unless(deadlines.len() <= slots && queued.len() == deadlines.len(), "an end of no key")?;
        let is_sound =
            |(deadline, queued): (&i64, &i64)| queued <= deadline && (*queued == NEVER) == (*deadline == NEVER);
        Damage::unless(deadlines.iter().zip(&queued).all(is_sound), "a key that ends before it is looked at")?;
        let waiting = queued.iter().copied().zip(0..).filter(|(time, _)| *time != NEVER);
        Ok(Self { queue: waiting.collect(), deadlines, queued })
    }
}
