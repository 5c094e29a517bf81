//! Instances of aggregates: `accumulate`, `retract`, `merge` and `finish`, called with a deadline and believed only after checks.
//!
//! Called by the operators that fold rows into groups; [`crate::calls`] says what an instance may keep. The host owns groups,
//! windows and emission: an instance sees accumulators as columns and answers with columns of the same type and length, so
//! that nothing of a group lives in the guest between calls.

use arrow::{array::ArrayRef, datatypes::ToByteSlice, record_batch::RecordBatch};
use pelton_core::{
    contract::{AggregateSignature, Contract, Input, Mode, SideTable},
    limits::Limits,
};

use crate::{
    answer::{Agreed, Answer, Origins},
    bindings::{
        exports::pelton::operator::{aggregate, retractable},
        pelton::operator::types as wit,
    },
    calls::{BatchContext, Calls},
    engine::Metering,
    error::{CallError, Law},
    host::CallLog,
    lift,
    lower::{self, Columns},
    module::{Exports, Kind, Module},
    wire,
};

/// One live instance of an aggregate.
pub struct AggregateInstance(Calls<Guests>);

/// Where its functions are.
struct Guests {
    fold: aggregate::Guest,
    retract: Option<retractable::Guest>,
}

impl std::fmt::Debug for AggregateInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AggregateInstance").finish_non_exhaustive()
    }
}

impl AggregateInstance {
    /// Makes an instance; the module's start code runs under the limits of a call.
    pub fn new(module: &Module, limits: &Limits) -> Result<Self, CallError> {
        Self::metered(module, limits, Metering::Time)
    }

    /// The same, its calls metered otherwise.
    pub fn metered(module: &Module, limits: &Limits, metering: Metering) -> Result<Self, CallError> {
        let linked = module.linked(metering)?;
        let Exports::Aggregate(exports) = &linked.exported else {
            return Err(CallError::Kind { want: Kind::Aggregate, got: module.kind() });
        };
        let calls = Calls::new(linked, limits, metering, |store, instance| {
            let fold = exports.load(&mut *store, instance)?;
            let retract = linked.retractable.as_ref();
            Ok(Guests { fold, retract: retract.map(|exports| exports.load(&mut *store, instance)).transpose()? })
        });
        Ok(Self(calls?))
    }

    /// Shows the module its input, the side inputs on offer, and its options (a JSON object); answers with its contract,
    /// unchecked.
    pub fn open(&mut self, input: &Input, tables: &[SideTable], options: &str) -> Result<Contract, CallError> {
        let inputs = std::slice::from_ref(input);
        let contract = self.0.open(inputs, tables, options, |guest, store, inputs, options| {
            guest.fold.call_open(store, inputs, options)
        })?;
        if self.0.guest.retract.is_none() && contract.accepts()?.contains(&Mode::Retract) {
            return Err(CallError::NoRetract);
        }
        Ok(contract)
    }

    /// Opens an instance with what its plan agreed on: the same contract must come back.
    pub fn open_as(
        &mut self,
        input: &Input,
        tables: &[SideTable],
        options: &str,
        signature: &AggregateSignature,
    ) -> Result<(), CallError> {
        let contract = self.open(input, tables, options)?;
        if contract.check_aggregate(input, tables)? == *signature { Ok(()) } else { Err(CallError::ContractChanged) }
    }

    /// Hands over a side input; see [`crate::TransformInstance::load_table`].
    pub fn load_table(&mut self, name: &str, version: u64, rows: &RecordBatch) -> Result<(), CallError> {
        self.0.load_table(name, version, rows)
    }

    /// Adds row i to accumulator `slots[i]`, and answers with all `groups` accumulators.
    ///
    /// `columns` are those of `signature.reads`, all of `rows` rows, as `slots` is; `accumulators` are the columns of
    /// `signature.accumulator`, all of `groups` rows: exactly those of the slots that the call touches.
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of `accumulate` in wit/aggregate.wit")]
    pub fn accumulate(
        &mut self,
        context: &BatchContext,
        rows: usize,
        columns: &[ArrayRef],
        slots: &[u32],
        groups: usize,
        accumulators: &[ArrayRef],
        signature: &AggregateSignature,
    ) -> Result<Vec<ArrayRef>, CallError> {
        debug_assert_eq!(slots.len(), rows, "every row has a slot");
        let tables = [Columns { rows, columns }, Columns { rows: groups, columns: accumulators }];
        let answer = lower::with_tables(tables, |[table, accumulators]| {
            self.0.call("accumulate", context.now, context.seed, |guest, store| {
                guest.fold.call_accumulate(store, wire::context(context), table, slots.to_byte_slice(), accumulators)
            })
        })?;
        checked("accumulate", answer, groups, signature)
    }

    /// Takes row i back from accumulator `slots[i]`, into which it was folded before, and answers with all `groups`
    /// accumulators. The arguments are those of [`Self::accumulate`]; only for modules whose signature `retracts`.
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of `retract` in wit/aggregate.wit")]
    pub fn retract(
        &mut self,
        context: &BatchContext,
        rows: usize,
        columns: &[ArrayRef],
        slots: &[u32],
        groups: usize,
        accumulators: &[ArrayRef],
        signature: &AggregateSignature,
    ) -> Result<Vec<ArrayRef>, CallError> {
        debug_assert_eq!(slots.len(), rows, "every row has a slot");
        if self.0.guest.retract.is_none() {
            return Err(CallError::NoRetract);
        }
        let tables = [Columns { rows, columns }, Columns { rows: groups, columns: accumulators }];
        let answer = lower::with_tables(tables, |[table, accumulators]| {
            self.0.call("retract", context.now, context.seed, |guest, store| {
                let guest = guest.retract.as_ref().expect("asked above");
                guest.call_retract(store, wire::context(context), table, slots.to_byte_slice(), accumulators)
            })
        })?;
        checked("retract", answer, groups, signature)
    }

    /// Merges row by row; `left` came earlier. Both are the columns of `signature.accumulator`, all of `rows` rows.
    pub fn merge(
        &mut self,
        rows: usize,
        left: &[ArrayRef],
        right: &[ArrayRef],
        signature: &AggregateSignature,
    ) -> Result<Vec<ArrayRef>, CallError> {
        let tables = [Columns { rows, columns: left }, Columns { rows, columns: right }];
        // A merge belongs to no batch: it has no time, and the same seed always.
        let answer = lower::with_tables(tables, |[left, right]| {
            self.0.call("merge", 0, 0, |guest, store| guest.fold.call_merge(store, left, right))
        })?;
        checked("merge", answer, rows, signature)
    }

    /// The results of `rows` groups. `keys` are the key columns, `starts` and `ends` bound each group's window (µs since
    /// 1970 UTC), `panes` says of each whether it is early (0), on time (1) or late (2). An answer's `origin` names groups.
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of `finish` in wit/aggregate.wit")]
    pub fn finish(
        &mut self,
        context: &BatchContext,
        rows: usize,
        keys: &[ArrayRef],
        starts: &[i64],
        ends: &[i64],
        panes: &[u8],
        accumulators: &[ArrayRef],
        signature: &AggregateSignature,
    ) -> Result<Answer, CallError> {
        debug_assert!([starts.len(), ends.len(), panes.len()] == [rows; 3], "every group has a window and a pane");
        let tables = [Columns { rows, columns: keys }, Columns { rows, columns: accumulators }];
        let output = lower::with_tables(tables, |[keys, accumulators]| {
            let (starts, ends) = (starts.to_byte_slice(), ends.to_byte_slice());
            self.0.call("finish", context.now, context.seed, |guest, store| {
                guest.fold.call_finish(store, wire::context(context), keys, starts, ends, panes, accumulators)
            })
        })?;
        let (ports, limits) = (signature.ports.as_slice(), &self.0.limits);
        let origins = Origins::Rows { reorders: false };
        Agreed { call: "finish", rows, origins, ports, limits }.check(output)
    }

    /// What the calls since the last take logged and counted.
    pub fn take_log(&mut self) -> CallLog {
        self.0.take_log()
    }
}

/// Accumulators that came back: as many as were given, of the agreed types.
fn checked(
    call: &'static str,
    answer: wit::TableResult,
    rows: usize,
    signature: &AggregateSignature,
) -> Result<Vec<ArrayRef>, CallError> {
    let invalid = |law| CallError::Invalid { call, law };
    if answer.rows as usize != rows {
        return Err(invalid(Law::AccumulatorRows { want: rows, got: answer.rows }));
    }
    lift::columns(&signature.accumulator, rows, answer.nodes, || "the accumulator".to_owned()).map_err(invalid)
}
