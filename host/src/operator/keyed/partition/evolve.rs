//! How the state of a partition becomes that of another module.
//!
//! Called when a revision of the job takes the partition over. Columns evolve at once, without the module; what the module migrates
//! itself is only put aside here, so that this takes no longer for many keys than for few.

use std::{mem::replace, sync::Arc};

use pelton_core::{
    contract::{StateForm, StateTable},
    evolution::{Evolution, Takeover},
};

use super::{Older, Partition, Table, Tables};
use crate::{
    operator::keyed::{KeyedPlan, migrate::still_older},
    state::{
        budget::{Budget, Share},
        ordered::OrderedRows,
        values::ValueRows,
    },
};

impl Partition {
    /// The state of `old` as that of `new`: tables are matched by name, and where the module does not migrate them, their columns too. The
    /// error says why it cannot be; what is left then is of no use.
    pub fn evolve(&mut self, old: &KeyedPlan, new: &KeyedPlan, budget: &Arc<Budget>) -> Result<(), String> {
        let (was, is) = (&old.signature, &new.signature);
        let takeover = Takeover::between(was.state_version, is.state_version, new.module.migrates());
        match takeover.map_err(|error| error.to_string())? {
            Takeover::Columns => {
                self.check_older(old, new.module.migrates())?;
                if was.state != is.state {
                    fits(&was.state, &is.state)?;
                    self.tables.evolve(&was.state, &is.state);
                    self.release_idle(self.keys.taken().into_iter());
                }
            }
            Takeover::Migrate => {
                self.check_older(old, false)?;
                let tables = replace(&mut self.tables, Tables::new(&is.state));
                let older = Older::new(was.state_version, Arc::clone(&was.state), tables, self.keys.are_taken());
                self.older = (!older.is_empty()).then(|| Box::new(older));
            }
        }
        self.share = Share::new(budget);
        // State beyond its limit is reported by the next call, which says it again.
        let _ = self.share.hold(self.held_bytes() as u64);
        Ok(())
    }

    /// A partition of `plan` without keys, as far in event time as this one.
    pub fn reset(&self, plan: &KeyedPlan, budget: &Arc<Budget>) -> Self {
        Self { event_time: self.event_time, ..Self::empty(plan, self.number, budget) }
    }

    /// What is older still must have been migrated to the version that is left now, unless who comes next goes on with that.
    fn check_older(&self, old: &KeyedPlan, goes_on: bool) -> Result<(), String> {
        match &self.older {
            Some(older) if !goes_on => Err(still_older(older.left, old.signature.state_version)),
            _ => Ok(()),
        }
    }
}

/// Whether tables that both have can go over without the module.
fn fits(old: &[StateTable], new: &[StateTable]) -> Result<(), String> {
    for table in new {
        let Some(known) = old.iter().find(|known| known.name == table.name) else { continue };
        if (known.form, &known.subkey) != (table.form, &table.subkey) {
            return Err(format!("the subkey of its state `{}` is another", table.name));
        }
        let evolution = Evolution::between(&known.values, &table.values);
        evolution.map_err(|error| format!("state `{}`: {error}", table.name))?;
    }
    Ok(())
}

impl Tables {
    fn evolve(&mut self, old: &[StateTable], new: &[StateTable]) {
        let mut values: Vec<Option<ValueRows>> = Vec::new();
        let mut ordered: Vec<Option<OrderedRows>> = self.ordered_mut().drain(..).map(Some).collect();
        let mut ordered_at = Vec::new();
        for table in self.all.drain(..) {
            match table {
                Table::Value(rows) => {
                    values.push(Some(rows));
                    ordered_at.push(None);
                }
                Table::Ordered(at) => {
                    values.push(None);
                    ordered_at.push(Some(at));
                }
            }
        }
        let (mut all, mut kept) = (Vec::new(), Vec::new());
        for table in new {
            let at = old.iter().position(|known| known.name == table.name);
            let evolution = at.and_then(|at| old.get(at)).map(|known| {
                Evolution::between(&known.values, &table.values).expect("the change of the job was checked")
            });
            match table.form {
                StateForm::Value => {
                    let known = at.and_then(|at| values.get_mut(at)).and_then(Option::take);
                    let mut rows = known.unwrap_or_else(|| ValueRows::new(&table.values));
                    if let Some(evolution) = &evolution {
                        rows.evolve(evolution, &table.values);
                    }
                    all.push(Table::Value(rows));
                }
                form @ (StateForm::Map | StateForm::List) => {
                    let known = at.and_then(|at| ordered_at.get(at).copied().flatten());
                    let known = known.and_then(|at| ordered.get_mut(at)).and_then(Option::take);
                    let new_rows = || OrderedRows::new(form == StateForm::List, &table.subkey, &table.values);
                    let mut rows = known.unwrap_or_else(new_rows);
                    if let Some(evolution) = &evolution {
                        rows.evolve(evolution, &table.values);
                    }
                    all.push(Table::Ordered(kept.len()));
                    kept.push(rows);
                }
            }
        }
        *self = Self { all, ordered: Arc::new(kept) };
    }
}
