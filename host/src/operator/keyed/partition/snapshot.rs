//! How the state of a partition of a keyed operator is saved and loaded.

use std::{fmt::Write, sync::Arc};

use pelton_core::{
    checkpoint::Damage,
    contract::{KeyedSignature, StateForm},
};
use serde::{Deserialize, Serialize};

use super::{Partition, Table, Tables};
use crate::{
    operator::keyed::{KeyedPlan, work::Places},
    state::{
        budget::{Budget, Share},
        expiry::{Expiry, SavedExpiry},
        keys::KeyCodec,
        numbered::{NumberedKeys, SavedNumbers},
        ordered::{OrderedRows, SavedOrdered},
        rows::SavedRows,
        snapshot::{self, Header, Kind, SnapshotError},
        timers::{SavedTimers, Timers},
        values::ValueRows,
    },
};

#[derive(Debug, Serialize, Deserialize)]
struct Saved<'a> {
    keys: SavedNumbers<'a>,
    /// In the contract's order.
    tables: Vec<SavedTable<'a>>,
    timers: SavedTimers<'a>,
    expiry: SavedExpiry<'a>,
    event_time: i64,
}

#[derive(Debug, Serialize, Deserialize)]
enum SavedTable<'a> {
    Values(SavedRows<'a>),
    Ordered(SavedOrdered<'a>),
}

impl Partition {
    /// The state at the end of an epoch, as bytes that [`Partition::load`] takes under the same plan.
    pub fn save(&self, plan: &KeyedPlan) -> Vec<u8> {
        let codec = KeyCodec::new(&plan.shuffle.key_fields).expect("the plan checked the key");
        let saved = Saved {
            keys: self.keys.save(&codec),
            tables: self.tables.save(),
            timers: self.timers.save(),
            expiry: self.expiry.save(),
            event_time: self.event_time,
        };
        snapshot::write(&header(plan, self.number), &saved, self.held_bytes())
    }

    /// A partition that goes on where the saved one stood.
    pub fn load(plan: &KeyedPlan, number: u16, budget: &Arc<Budget>, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let saved: Saved<'_> = snapshot::read(&header(plan, number), bytes)?;
        let codec = KeyCodec::new(&plan.shuffle.key_fields).expect("the plan checked the key");
        let keys = NumberedKeys::load(saved.keys, &codec)?;
        let slots = keys.numbers();
        let mut partition = Self {
            number,
            tables: Tables::load(&plan.signature, saved.tables, slots)?,
            timers: Timers::load(&saved.timers, slots)?,
            expiry: Expiry::load(saved.expiry, slots)?,
            keys,
            event_time: saved.event_time,
            places: Places::default(),
            share: Share::new(budget),
        };
        let is_free = |slot: &u32| {
            partition.tables.is_empty_at(*slot)
                && !partition.timers.has(*slot)
                && partition.expiry.deadline(*slot).is_none()
        };
        let taken = partition.keys.are_taken();
        let free = (0..).zip(taken).filter(|(_, is_taken)| !is_taken).map(|(slot, _)| slot);
        Damage::unless(free.into_iter().all(|slot| is_free(&slot)), "state of a key that is not known")?;
        let held = partition.held_bytes() as u64;
        // State beyond its limit is reported by the next call, which says it again.
        let _ = partition.share.hold(held);
        Ok(partition)
    }
}

impl Tables {
    fn save(&self) -> Vec<SavedTable<'_>> {
        let tables = self.all.iter().filter_map(|table| match table {
            Table::Value(rows) => Some(SavedTable::Values(rows.save())),
            Table::Ordered(at) => Some(SavedTable::Ordered(self.ordered.get(*at)?.save())),
        });
        tables.collect()
    }

    fn load(signature: &KeyedSignature, saved: Vec<SavedTable<'_>>, slots: usize) -> Result<Self, Damage> {
        Damage::unless(saved.len() == signature.state.len(), "another number of tables")?;
        let (mut all, mut ordered) = (Vec::new(), Vec::new());
        for (saved, table) in saved.into_iter().zip(signature.state.iter()) {
            all.push(match (saved, table.form) {
                (SavedTable::Values(saved), StateForm::Value) => {
                    Table::Value(ValueRows::load(saved, &table.values, slots)?)
                }
                (SavedTable::Ordered(saved), form @ (StateForm::Map | StateForm::List)) => {
                    let is_list = form == StateForm::List;
                    ordered.push(OrderedRows::load(is_list, &table.subkey, &table.values, saved, slots)?);
                    Table::Ordered(ordered.len() - 1)
                }
                _ => return Err(Damage("a table of another form")),
            });
        }
        Ok(Self { all, ordered: Arc::new(ordered) })
    }
}

fn header(plan: &KeyedPlan, partition: u16) -> Header<'static> {
    let mut shape = format!("key ({})", snapshot::columns(&plan.shuffle.key_fields));
    for table in plan.signature.state.iter() {
        let form = match table.form {
            StateForm::Value => "value",
            StateForm::Map => "map",
            StateForm::List => "list",
        };
        let (subkey, values) = (snapshot::columns(table.subkey.fields()), snapshot::columns(table.values.fields()));
        write!(shape, ", {form} {} ({subkey}) ({values})", table.name).expect("text takes whatever is written");
    }
    Header { kind: Kind::Keyed, shape: shape.into(), partition }
}
