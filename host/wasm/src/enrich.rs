//! Instances of enrich operators: `ask` says what to fetch for rows, `answer` makes rows of the replies.
//!
//! ```text
//! rows ─► ask (wasm) ─► requests, checked ─► whoever calls fetches, or looks up what was fetched ─► answer (wasm) ─► rows out
//! ```
//!
//! Called by the operators that run row by row; [`crate::calls`] says what an instance may keep. Nothing is fetched here.

use arrow::{array::ArrayRef, record_batch::RecordBatch};
use pelton_core::{
    contract::{Contract, Input, SideTable, Signature},
    limits::Limits,
};

use crate::{
    answer::{Agreed, Answer, Origins},
    bindings::exports::pelton::operator::enrich::{Guest, Reply as ReplyParam},
    calls::{ANSWER, BatchContext, Calls},
    engine::Metering,
    error::CallError,
    host::CallLog,
    lower::{self, Columns},
    module::{Exports, Kind, Module},
    requests::{ASK, Asked, Reply, Whom, checked},
    wire,
};

/// One live instance of an enrich operator.
pub struct EnrichInstance(Calls<Guest>);

impl std::fmt::Debug for EnrichInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrichInstance").finish_non_exhaustive()
    }
}

impl EnrichInstance {
    /// Makes an instance; the module's start code runs under the limits of a call.
    pub fn new(module: &Module, limits: &Limits) -> Result<Self, CallError> {
        Self::metered(module, limits, Metering::Time)
    }

    /// The same, its calls metered otherwise.
    pub fn metered(module: &Module, limits: &Limits, metering: Metering) -> Result<Self, CallError> {
        let linked = module.linked(metering)?;
        let Exports::Enrich(exports) = &linked.exported else {
            return Err(CallError::Kind { want: Kind::Enrich, got: module.kind() });
        };
        Ok(Self(Calls::new(linked, limits, metering, |store, instance| exports.load(store, instance))?))
    }

    /// Shows the module its input, the side inputs on offer, and its options (a JSON object); answers with its contract,
    /// unchecked: that of a transform.
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

    /// Hands over a side input; see [`crate::TransformInstance::load_table`].
    pub fn load_table(&mut self, name: &str, version: u64, rows: &RecordBatch) -> Result<(), CallError> {
        self.0.load_table(name, version, rows)
    }

    /// What one batch needs to know. `columns` are those of `signature.reads`, all of `rows` rows; `whom` are the endpoints that
    /// may be asked.
    pub fn ask(
        &mut self,
        context: &BatchContext,
        rows: usize,
        columns: &[ArrayRef],
        whom: Whom<'_>,
    ) -> Result<Asked, CallError> {
        let requests = lower::with_tables([Columns { rows, columns }], |[table]| {
            self.0.call(ASK, context.now, context.seed, |guest, store| {
                guest.call_ask(store, wire::context(context), table)
            })
        })?;
        checked(requests, rows, whom, &self.0.limits)
    }

    /// The same batch, what it asked for, and one reply for each request. [`CallError::Retry`]: the module wants them asked again.
    pub fn answer(
        &mut self,
        context: &BatchContext,
        (rows, columns): (usize, &[ArrayRef]),
        wanted: &[u32],
        replies: &[impl AsRef<Reply>],
        signature: &Signature,
    ) -> Result<Answer, CallError> {
        let headers: Vec<Vec<(&str, &str)>> = replies
            .iter()
            .map(|reply| reply.as_ref().headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect())
            .collect();
        let replies: Vec<ReplyParam<'_>> = replies
            .iter()
            .zip(&headers)
            .map(|(reply, headers)| {
                let Reply { status, body, error, .. } = reply.as_ref();
                ReplyParam { status: *status, headers, body, error: error.as_deref() }
            })
            .collect();
        let wanted: Vec<u8> = wanted.iter().flat_map(|wanted| wanted.to_le_bytes()).collect();
        let output = lower::with_tables([Columns { rows, columns }], |[table]| {
            self.0.call(ANSWER, context.now, context.seed, |guest, store| {
                guest.call_answer(store, wire::context(context), table, &wanted, &replies)
            })
        })?;
        let (ports, limits) = (signature.ports.as_slice(), &self.0.limits);
        let origins = Origins::Rows { reorders: signature.reorders };
        Agreed { call: ANSWER, rows, origins, ports, limits }.check(output)
    }

    /// What the calls since the last take logged and counted.
    pub fn take_log(&mut self) -> CallLog {
        self.0.take_log()
    }
}

impl AsRef<Self> for Reply {
    fn as_ref(&self) -> &Self {
        self
    }
}
