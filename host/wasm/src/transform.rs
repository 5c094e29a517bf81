//! Instances of transforms: `open` and `process`, called with a deadline and believed only after checks.
//!
//! Called by the operators that run row by row; [`crate::calls`] says what an instance may keep.

use arrow::array::ArrayRef;
use pelton_core::{
    contract::{Contract, Input, Signature},
    limits::Limits,
};

use crate::{
    answer::{Agreed, Answer},
    bindings::exports::pelton::operator::transform::Guest,
    calls::{BatchContext, Calls},
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
        let Exports::Transform(exports) = &module.exported else {
            return Err(CallError::Kind { want: Kind::Transform, got: module.kind() });
        };
        Ok(Self(Calls::new(module, limits, |store, instance| exports.load(store, instance))?))
    }

    /// Shows the module its input and options (a JSON object); answers with its contract, unchecked.
    pub fn open(&mut self, input: &Input, options: &str) -> Result<Contract, CallError> {
        self.0.open(input, options, |guest, store, inputs, options| guest.call_open(store, inputs, options))
    }

    /// Opens an instance with what its plan agreed on: the same contract must come back.
    pub fn open_as(&mut self, input: &Input, options: &str, signature: &Signature) -> Result<(), CallError> {
        let contract = self.open(input, options)?;
        if contract.check(input)? == *signature { Ok(()) } else { Err(CallError::ContractChanged) }
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
        Agreed { call: "process", rows, ports, reorders: signature.reorders, limits }.check(output)
    }

    /// What the calls since the last take logged and counted.
    pub fn take_log(&mut self) -> CallLog {
        self.0.take_log()
    }
}
