//! Instances of keyed operators: rows grouped by key and their state go in, rows and changes come out.
//!
//! Called by the operators that keep state per key; [`crate::calls`] says what an instance may keep. The host owns the state: a
//! call sees it as it was at its start, and what it changes is in the answer alone.

use std::sync::Arc;

use arrow::{array::ArrayRef, datatypes::ToByteSlice, record_batch::RecordBatch};
use pelton_core::{
    contract::{Contract, Input, KeyedSignature, SideTable, StateForm, StateTable},
    limits::Limits,
};

use crate::{
    bindings::exports::pelton::operator::keyed::{Guest, TimersParam},
    calls::{BatchContext, Calls},
    engine::Metering,
    error::CallError,
    host::CallLog,
    keyed_answer::{KeyedAgreed, KeyedAnswer},
    lower::{self, Columns},
    migrate::{self, MigratedRows, OlderRows},
    module::{Exports, Kind, Module},
    state::{CallState, StateReader},
    wire,
};

/// What one call is given.
#[derive(Debug, Clone, Copy)]
pub struct KeyedBatch<'a> {
    pub rows: usize,
    /// The columns of `signature.reads`, all of `rows` rows, grouped by key and stable within a key.
    pub columns: &'a [ArrayRef],
    /// Key i owns the rows from `ends[i - 1]` (0 for the first) to `ends[i]`; there are as many keys as ends.
    pub ends: &'a [u32],
    /// The key columns, one row for each key.
    pub keys: &'a [ArrayRef],
    /// One for each state table: its value columns, one row for each key (all null: no state), if it has no subkey;
    /// else it is not looked at.
    pub state: &'a [Vec<ArrayRef>],
    /// In order of time.
    pub due: DueTimers<'a>,
    /// For each key, whether its time to live has ended (1) or not (0).
    pub expiring: &'a [u8],
}

/// Timers that are due, one element of each list for each.
#[derive(Debug, Clone, Copy, Default)]
pub struct DueTimers<'a> {
    /// Rows of the call's keys.
    pub keys: &'a [u32],
    /// The module's own numbers.
    pub ids: &'a [u32],
    /// What each was set for, in µs since 1970 UTC.
    pub at: &'a [i64],
    /// [`crate::Clock`] as a number.
    pub clocks: &'a [u8],
}

/// One live instance of a keyed operator.
pub struct KeyedInstance(Calls<Guest>);

impl std::fmt::Debug for KeyedInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyedInstance").finish_non_exhaustive()
    }
}

impl KeyedInstance {
    /// Makes an instance; the module's start code runs under the limits of a call.
    pub fn new(module: &Module, limits: &Limits) -> Result<Self, CallError> {
        Self::metered(module, limits, Metering::Time)
    }

    /// The same, its calls metered otherwise.
    pub fn metered(module: &Module, limits: &Limits, metering: Metering) -> Result<Self, CallError> {
        let linked = module.linked(metering)?;
        let Exports::Keyed(exports) = &linked.exported else {
            return Err(CallError::Kind { want: Kind::Keyed, got: module.kind() });
        };
        Ok(Self(Calls::new(linked, limits, metering, |store, instance| exports.load(store, instance))?))
    }

    /// Shows the module its input, the side inputs on offer, and its options (a JSON object); answers with its contract,
    /// unchecked.
    pub fn open(&mut self, input: &Input, tables: &[SideTable], options: &str) -> Result<Contract, CallError> {
        let inputs = std::slice::from_ref(input);
        self.0.open(inputs, tables, options, |guest, store, inputs, options| guest.call_open(store, inputs, options))
    }

    /// Opens an instance with what its plan agreed on: the same contract must come back.
    pub fn open_as(
        &mut self,
        input: &Input,
        tables: &[SideTable],
        options: &str,
        signature: &KeyedSignature,
    ) -> Result<(), CallError> {
        let contract = self.open(input, tables, options)?;
        if contract.check_keyed(input, tables)? == *signature { Ok(()) } else { Err(CallError::ContractChanged) }
    }

    /// Hands over a side input; see [`crate::TransformInstance::load_table`].
    pub fn load_table(&mut self, name: &str, version: u64, rows: &RecordBatch) -> Result<(), CallError> {
        self.0.load_table(name, version, rows)
    }

    /// Makes rows of an older version's state table into rows of `table`, one of this version's.
    pub fn migrate(
        &mut self,
        older: &OlderRows<'_>,
        options: &str,
        table: &StateTable,
    ) -> Result<MigratedRows, CallError> {
        let answer = self.0.migrate(older, options)?;
        migrate::checked(answer, older.rows, table, &self.0.limits)
    }

    /// One batch. `input` is the operator's; `reader` serves ranges of the tables with a subkey for as long as the call
    /// lasts, and is let go when it ends.
    pub fn process(
        &mut self,
        context: &BatchContext,
        batch: &KeyedBatch<'_>,
        reader: Arc<dyn StateReader>,
        input: &Input,
        signature: &KeyedSignature,
    ) -> Result<KeyedAnswer, CallError> {
        let keys = batch.ends.len();
        debug_assert_eq!(batch.ends.last().map_or(0, |end| *end as usize), batch.rows, "every row has a key");
        debug_assert_eq!(batch.expiring.len(), keys, "every key expires or does not");
        debug_assert_eq!(batch.state.len(), signature.state.len(), "every table has its state");
        let state: Vec<_> = batch
            .state
            .iter()
            .zip(signature.state.iter())
            .map(|(columns, table)| match table.form {
                StateForm::Value => Columns { rows: keys, columns },
                StateForm::Map | StateForm::List => Columns { rows: 0, columns: &[] },
            })
            .collect();
        self.0.set_state(Some(CallState {
            reader,
            tables: Arc::clone(&signature.state),
            keys,
            bytes_max: self.0.limits.memory_bytes,
        }));
        let tables =
            [Columns { rows: batch.rows, columns: batch.columns }, Columns { rows: keys, columns: batch.keys }];
        let output = lower::with_tables(tables, |[table, keys]| {
            lower::with_table_list(&state, |state| {
                let due = TimersParam {
                    key: batch.due.keys.to_byte_slice(),
                    ids: batch.due.ids.to_byte_slice(),
                    at: batch.due.at.to_byte_slice(),
                    clock: batch.due.clocks,
                };
                let (context, ends) = (wire::context(context), batch.ends.to_byte_slice());
                self.0.call("process", context.now, context.seed, |guest, store| {
                    guest.call_process(store, context, table, ends, keys, &state, due, batch.expiring)
                })
            })
        });
        self.0.set_state(None);
        KeyedAgreed { batch, input, signature, limits: &self.0.limits }.check(output?)
    }

    /// What the calls since the last take logged and counted.
    pub fn take_log(&mut self) -> CallLog {
        self.0.take_log()
    }
}
