//! How the state of a partition of a keyed operator is saved and loaded.

use std::{fmt::Write, sync::Arc};

use pelton_core::{
    checkpoint::{Damage, packed::Bits},
    contract::{ContractState, StateForm, StateTable},
    types::FlatField,
};
use serde::{Deserialize, Serialize};

use super::{Older, Partition, Table, Tables};
use crate::{
    operator::keyed::{KeyedPlan, work::Places},
    state::{
        budget::{Budget, Share},
        expiry::{Expiry, SavedExpiry},
        keys::KeyCodec,
        numbered::{NumberedKeys, SavedNumbers},
        ordered::{OrderedRows, SavedOrdered},
        rows::{self, SavedRows},
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

/// State of which a part is still of an older version.
#[derive(Debug, Serialize, Deserialize)]
struct SavedBoth<'a> {
    state: Saved<'a>,
    older: SavedOlder<'a>,
}

/// What that version declared is saved with it: the plan knows the new one alone.
#[derive(Debug, Serialize, Deserialize)]
struct SavedOlder<'a> {
    version: u32,
    declared: Vec<SavedDeclaration>,
    tables: Vec<SavedTable<'a>>,
    /// By slot.
    waits: Bits<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedDeclaration {
    name: String,
    subkey: Vec<SavedField>,
    values: Vec<SavedField>,
}

/// As in the contract: an Arrow format string.
#[derive(Debug, Serialize, Deserialize)]
struct SavedField {
    name: String,
    format: String,
    nullable: bool,
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
        let own = header(plan, self.number);
        match &self.older {
            None => snapshot::write(&own, &saved, self.held_bytes()),
            Some(older) => {
                snapshot::write(&both(&own), &SavedBoth { state: saved, older: older.save() }, self.held_bytes())
            }
        }
    }

    /// A partition that goes on where the saved one stood.
    pub fn load(plan: &KeyedPlan, number: u16, budget: &Arc<Budget>, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let own = header(plan, number);
        let (saved, older): (Saved<'_>, Option<SavedOlder<'_>>) = match snapshot::read(&own, bytes) {
            Err(SnapshotError::Other { .. }) if plan.module.migrates() && snapshot::is_of(&both(&own), bytes) => {
                let SavedBoth { state, older } = snapshot::read(&both(&own), bytes)?;
                (state, Some(older))
            }
            saved => (saved?, None),
        };
        let codec = KeyCodec::new(&plan.shuffle.key_fields).expect("the plan checked the key");
        let keys = NumberedKeys::load(saved.keys, &codec)?;
        let slots = keys.numbers();
        let mut partition = Self {
            number,
            tables: Tables::load(&plan.signature.state, saved.tables, slots)?,
            older: older.map(|older| Older::load(older, &keys)).transpose()?.map(Box::new),
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

    fn load(declared: &[StateTable], saved: Vec<SavedTable<'_>>, slots: usize) -> Result<Self, Damage> {
        Damage::unless(saved.len() == declared.len(), "another number of tables")?;
        let (mut all, mut ordered) = (Vec::new(), Vec::new());
        for (saved, table) in saved.into_iter().zip(declared) {
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

impl Older {
    fn save(&self) -> SavedOlder<'_> {
        let field = |field: FlatField| SavedField { name: field.name, format: field.format, nullable: field.nullable };
        let fields = |fields: Vec<FlatField>| fields.into_iter().map(field).collect();
        let declaration = |table: &StateTable| {
            let ContractState { name, subkey, values } = table.declared();
            SavedDeclaration { name, subkey: fields(subkey), values: fields(values) }
        };
        SavedOlder {
            version: self.version,
            declared: self.declared.iter().map(declaration).collect(),
            tables: self.tables.save(),
            waits: Bits::of(&self.waits),
        }
    }

    fn load(saved: SavedOlder<'_>, keys: &NumberedKeys) -> Result<Self, Damage> {
        let declared = saved.declared.into_iter().map(SavedDeclaration::load).collect::<Result<Arc<[_]>, _>>()?;
        let tables = Tables::load(&declared, saved.tables, keys.numbers())?;
        let waits = saved.waits.flags().ok_or(Damage("keys that wait, or not"))?;
        let taken = keys.are_taken();
        let may_wait = |(slot, waits): (usize, &bool)| !waits || taken.get(slot).copied().unwrap_or_default();
        Damage::unless(waits.iter().enumerate().all(may_wait), "a key that waits and is not known")?;
        let of = |slot: usize| waits.get(slot).copied().unwrap_or_default() || tables.is_empty_at(slot as u32);
        Damage::unless((0..taken.len()).all(of), "older state of a key that does not wait")?;
        Ok(Self::new(saved.version, declared, tables, waits))
    }
}

impl SavedDeclaration {
    fn load(self) -> Result<StateTable, Damage> {
        let field = |field: SavedField| {
            let SavedField { name, format, nullable } = field;
            FlatField { name, format, nullable, children: 0 }
        };
        let fields = |fields: Vec<SavedField>| fields.into_iter().map(field).collect();
        let declared = ContractState { name: self.name, subkey: fields(self.subkey), values: fields(self.values) };
        let table =
            declared.keyed_table().map_err(|_| Damage("a table of an older version that nobody could declare"))?;
        let is_held = table.values.fields().iter().all(|field| rows::holds(field.data_type()));
        Damage::unless(is_held, "a column of an older version that state cannot hold")?;
        Ok(table)
    }
}

/// Of state of which a part is older.
fn both(header: &Header<'static>) -> Header<'static> {
    let shape = format!("{}, and what is older", header.shape).into();
    Header { kind: header.kind, shape, partition: header.partition }
}

fn header(plan: &KeyedPlan, partition: u16) -> Header<'static> {
    let mut shape = format!("key ({})", snapshot::columns(&plan.shuffle.key_fields));
    // The first version has no number: most modules never have another.
    if plan.signature.state_version > 1 {
        write!(shape, ", version {}", plan.signature.state_version).expect("text takes whatever is written");
    }
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
