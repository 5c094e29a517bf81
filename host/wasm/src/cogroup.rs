//! Instances of cogroups: the rows of both sides of each key go in, rows that belong to keys come out.
//!
//! Called by the operator that joins two inputs; [`crate::calls`] says what an instance may keep. The host matches: it brings
//! the rows of equal keys together, and an instance sees each key once in a call, with all of its rows on both sides.

use arrow::{array::ArrayRef, datatypes::ToByteSlice, record_batch::RecordBatch};
use pelton_core::{
    contract::{CogroupSignature, Contract, Input, SideTable},
    limits::Limits,
};

use crate::{
    answer::{Agreed, Answer, Origins},
    bindings::exports::pelton::operator::cogroup::Guest,
    calls::{BatchContext, Calls},
    engine::Metering,
    error::CallError,
    host::CallLog,
    lower::{self, Columns},
    module::{Exports, Kind, Module},
    wire,
};

/// What one call is given.
#[derive(Debug, Clone, Copy)]
pub struct CogroupBatch<'a> {
    pub left: CogroupSide<'a>,
    pub right: CogroupSide<'a>,
    /// The columns of `signature.keys`, one row for each key.
    pub keys: &'a [ArrayRef],
}

/// The rows of one input, grouped by key and stable within a key.
#[derive(Debug, Clone, Copy)]
pub struct CogroupSide<'a> {
    pub rows: usize,
    /// The columns of this side's `signature.reads`, all of `rows` rows.
    pub columns: &'a [ArrayRef],
    /// Key i owns the rows from `ends[i - 1]` (0 for the first) to `ends[i]`, which may be none; there are as many keys as
    /// ends.
    pub ends: &'a [u32],
}

impl<'a> CogroupSide<'a> {
    fn table(&self) -> Columns<'a> {
        Columns { rows: self.rows, columns: self.columns }
    }

    fn is_whole(&self) -> bool {
        self.ends.last().map_or(0, |end| *end as usize) == self.rows
    }
}

/// One live instance of a cogroup.
pub struct CogroupInstance(Calls<Guest>);

impl std::fmt::Debug for CogroupInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CogroupInstance").finish_non_exhaustive()
    }
}

impl CogroupInstance {
    /// Makes an instance; the module's start code runs under the limits of a call.
    pub fn new(module: &Module, limits: &Limits) -> Result<Self, CallError> {
        Self::metered(module, limits, Metering::Time)
    }

    /// The same, its calls metered otherwise.
    pub fn metered(module: &Module, limits: &Limits, metering: Metering) -> Result<Self, CallError> {
        let linked = module.linked(metering)?;
        let Exports::Cogroup(exports) = &linked.exported else {
            return Err(CallError::Kind { want: Kind::Cogroup, got: module.kind() });
        };
        Ok(Self(Calls::new(linked, limits, metering, |store, instance| exports.load(store, instance))?))
    }

    /// Shows the module its inputs (left, then right), the side inputs on offer, and its options (a JSON object); answers
    /// with its contract, unchecked.
    pub fn open(&mut self, inputs: &[Input; 2], tables: &[SideTable], options: &str) -> Result<Contract, CallError> {
        self.0.open(inputs, tables, options, |guest, store, inputs, options| guest.call_open(store, inputs, options))
    }

    /// Opens an instance with what its plan agreed on: the same contract must come back.
    pub fn open_as(
        &mut self,
        inputs: &[Input; 2],
        tables: &[SideTable],
        options: &str,
        signature: &CogroupSignature,
    ) -> Result<(), CallError> {
        let contract = self.open(inputs, tables, options)?;
        if contract.check_cogroup(inputs, tables)? == *signature { Ok(()) } else { Err(CallError::ContractChanged) }
    }

    /// Hands over a side input; see [`crate::TransformInstance::load_table`].
    pub fn load_table(&mut self, name: &str, version: u64, rows: &RecordBatch) -> Result<(), CallError> {
        self.0.load_table(name, version, rows)
    }

    /// One batch. An answer's `origin` names rows of `batch.keys` (none: key for key); its rejections name left rows, and
    /// right rows from `batch.left.rows` on.
    pub fn process(
        &mut self,
        context: &BatchContext,
        batch: &CogroupBatch<'_>,
        signature: &CogroupSignature,
    ) -> Result<Answer, CallError> {
        let CogroupBatch { left, right, keys: key_columns } = batch;
        let keys = left.ends.len();
        debug_assert_eq!(right.ends.len(), keys, "every key ends on both sides");
        debug_assert!(left.is_whole() && right.is_whole(), "every row has a key");
        let tables = [left.table(), right.table(), Columns { rows: keys, columns: key_columns }];
        let output = lower::with_tables(tables, |[left_rows, right_rows, key_rows]| {
            let (left_ends, right_ends) = (left.ends.to_byte_slice(), right.ends.to_byte_slice());
            let context = wire::context(context);
            self.0.call("process", context.now, context.seed, |guest, store| {
                guest.call_process(store, context, left_rows, left_ends, right_rows, right_ends, key_rows)
            })
        })?;
        let agreed = Agreed {
            call: "process",
            rows: left.rows + right.rows,
            origins: Origins::Keys(keys),
            ports: &signature.ports,
            limits: &self.0.limits,
        };
        agreed.check(output)
    }

    /// What the calls since the last take logged and counted.
    pub fn take_log(&mut self) -> CallLog {
        self.0.take_log()
    }
}
