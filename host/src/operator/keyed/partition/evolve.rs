//! How the state of a partition becomes that of another module.

use std::sync::Arc;

use pelton_core::{
    contract::{StateForm, StateTable},
    evolution::Evolution,
};

use super::{Partition, Table, Tables};
use crate::{
    operator::keyed::KeyedPlan,
    state::{
        budget::{Budget, Share},
        ordered::OrderedRows,
        values::ValueRows,
    },
};

impl Partition {
    /// The state of `old` as that of `new`, whose state tables fit: tables are matched by name, and their columns too.
    pub fn evolve(&mut self, old: &KeyedPlan, new: &KeyedPlan, budget: &Arc<Budget>) {
        if old.signature.state != new.signature.state {
            self.tables.evolve(&old.signature.state, &new.signature.state);
            self.release_idle(self.keys.taken().into_iter());
        }
        self.share = Share::new(budget);
        // State beyond its limit is reported by the next call, which says it again.
        let _ = self.share.hold(self.held_bytes() as u64);
    }
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
