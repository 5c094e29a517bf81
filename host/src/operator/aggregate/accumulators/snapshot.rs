//! How accumulators are saved: a table for each function.

use pelton_core::checkpoint::Damage;

use super::Accumulators;
use crate::{
    operator::aggregate::AggregatePlan,
    state::rows::{SavedRows, StateRows},
};

impl Accumulators {
    pub fn save(&self) -> Vec<SavedRows<'_>> {
        self.0.iter().map(StateRows::save).collect()
    }

    /// `used` are the slots that groups have.
    pub fn load(plan: &AggregatePlan, saved: Vec<SavedRows<'_>>, used: &[u32]) -> Result<Self, Damage> {
        Damage::unless(saved.len() == plan.functions.len(), "accumulators of another number of functions")?;
        let tables = saved.into_iter().zip(&plan.functions).map(|(saved, function)| {
            let rows = StateRows::load(saved, &function.signature.accumulator)?;
            rows.check_owners(used.iter().copied())?;
            Ok(rows)
        });
        Ok(Self(tables.collect::<Result<_, Damage>>()?))
    }

    /// A new place for each slot of `from` that is asked for; [`Moving::carry_out`] fills them.
    pub fn moving<'a>(&self, from: &'a Self) -> Moving<'a> {
        let first = self.0.first().map_or(0, StateRows::rows) as u32;
        Moving { from, first, slots: Vec::new() }
    }
}

/// Accumulators on their way from one partition to another.
pub struct Moving<'a> {
    from: &'a Accumulators,
    /// Where the first of them will be.
    first: u32,
    slots: Vec<u32>,
}

impl Moving<'_> {
    /// Where this slot's accumulators will be. To be asked once for each.
    pub fn slot(&mut self, old: u32) -> u32 {
        self.slots.push(old);
        self.first + self.slots.len() as u32 - 1
    }

    /// `to` is what [`Accumulators::moving`] was asked of.
    pub fn carry_out(self, to: &mut Accumulators) {
        to.append(self.from, &self.slots);
    }
}
