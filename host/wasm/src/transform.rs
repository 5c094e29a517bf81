//! Instances of transforms: `open` and `process`, called with a deadline and believed only after checks.
//!
//! Called by the operators that run row by row; [`crate::calls`] says what an instance may keep.

use arrow::{array::ArrayRef, record_batch::RecordBatch};
use pelton_core::{
    contract::{Contract, Input, SideTable, Signature},
    limits::Limits,
};

use crate::{
    answer::{Agreed, Answer, Origins},
    bindings::exports::pelton::operator::transform::Guest,
    calls::{BatchContext, Calls},
    engine::Metering,
    error::CallError,
    host::CallLog,
    lower::{self, Columns},
    module::{Exports, Kind, Module},
    wire,
};

/// One live instance of a transform.
pub struct TransformInstance(Calls<Guest>);

impl std::fmt::Debug for TransformInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransformInstance").finish_non_exhaustive()
    }
}

impl TransformInstance {
    /// Makes an instance; the module's start code runs under the limits of a call.
    pub fn new(module: &Module, limits: &Limits) -> Result<Self, CallError> {
        Self::metered(module, limits, Metering::Time)
    }

    /// The same, its calls metered otherwise.
    pub fn metered(module: &Module, limits: &Limits, metering: Metering) -> Result<Self, CallError> {
        let linked = module.linked(metering)?;
        let Exports::Transform(exports) = &linked.exported else {
            return Err(CallError::Kind { want: Kind::Transform, got: module.kind() });
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
        signature: &Signature,
    ) -> Result<(), CallError> {
        let contract = self.open(input, tables, options)?;
        if contract.check(input, tables)? == *signature { Ok(()) } else { Err(CallError::ContractChanged) }
    }

    /// Hands over a side input, in place of the version before: all columns of `rows` that can cross. Between `open` and
    /// `process`, and again whenever it changes; an instance's first call needs every table of its contract.
    pub fn load_table(&mut self, name: &str, version: u64, rows: &RecordBatch) -> Result<(), CallError> {
        self.0.load_table(name, version, rows)
    }

    /// One batch. `columns` are those of `signature.reads`, all of `rows` rows.
    pub fn process(
        &mut self,
        context: &BatchContext,
        rows: usize,
        columns: &[ArrayRef],
        signature: &Signature,
    ) -> Result<Answer, CallError> {
        let output = lower::with_tables([Columns { rows, columns }], |[table]| {
            self.0.call("process", context.now, context.seed, |guest, store| {
                guest.call_process(store, wire::context(context), table)
            })
        })?;
        let (ports, limits) = (signature.ports.as_slice(), &self.0.limits);
        let origins = Origins::Rows { reorders: signature.reorders };
        Agreed { call: "process", rows, origins, ports, limits }.check(output)
    }

    /// What the calls since the last take logged and counted.
    pub fn take_log(&mut self) -> CallLog {
        self.0.take_log()
    }
}
