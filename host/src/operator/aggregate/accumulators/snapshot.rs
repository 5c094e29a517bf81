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
}
