//! How ends of keys are saved: by slot; the queue is built anew.

use pelton_core::checkpoint::{Damage, packed::Packed};
use serde::{Deserialize, Serialize};

use super::{Expiry, NEVER};
use crate::state::picked::Picked;

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

    /// Takes the ends of another partition's keys.
    pub fn adopt(&mut self, other: &Self, picked: &Picked) {
        self.deadlines.resize(picked.first(), NEVER);
        self.queued.resize(picked.first(), NEVER);
        let time = |times: &[i64], slot: u32| times.get(slot as usize).copied().unwrap_or(NEVER);
        for (old, new) in picked.pairs() {
            let queued = time(&other.queued, old);
            self.deadlines.push(time(&other.deadlines, old));
            self.queued.push(queued);
            if queued != NEVER {
                self.queue.insert((queued, new));
            }
        }
    }
}
