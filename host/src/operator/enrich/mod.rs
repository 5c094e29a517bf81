//! Enrich operators: a module asks, the host fetches, and what was answered is recorded with the epoch.
//!
//! ```text
//! rows ─► ask (wasm) ─► requests ─┬─ first time ──────────► fetch: endpoints of the job file, with its secrets ─┐
//!                                 ├─ epoch computed again ► recorded                                            ├► answer (wasm) ─► rows
//!                                 └─ shadow ──────────────► what its operator was answered in the same task ────┘
//! ```
//!
//! Called by [`Operator`](super::Operator), of which this is a kind: row by row, without state. [`endpoint`] has the places that may be asked,
//! [`fetch`] sends, [`asking`] decides where a reply comes from, [`recorded`] is what is kept of an epoch,
//! [`stand_in`] answers golden cases. Invariants: who computes an epoch again
//! sends nothing; a shadow sends nothing; no secret is in what is shown, logged or recorded.

pub mod asking;
pub mod endpoint;
mod fetch;
pub mod recorded;
pub mod stand_in;

use std::sync::Arc;

use arrow::array::ArrayRef;
use pelton_core::contract::Signature;
use pelton_wasm::{Allowed, Answer, BatchContext, CallError, EnrichInstance, Whom};

use self::{asking::Call, endpoint::Endpoints};

/// What an enrich operator may ask.
#[derive(Debug, Clone)]
pub struct EnrichPlan {
    /// All of the job.
    pub endpoints: Arc<Endpoints>,
    /// Those of the operator, with what its requests are held against.
    pub allowed: Vec<Allowed>,
    /// The same, as indices among all.
    pub at: Vec<usize>,
}

/// One batch, asked for until the module answers.
pub(super) fn call(
    instance: &mut EnrichInstance,
    plan: &EnrichPlan,
    context: &BatchContext,
    (rows, columns): (usize, &[ArrayRef]),
    signature: &Signature,
    call: &mut Call<'_, '_>,
) -> Result<Answer, CallError> {
    let asked = instance.ask(context, rows, columns, Whom::Only(&plan.allowed))?;
    loop {
        let replies = call.replies(&asked.requests)?;
        match instance.answer(context, (rows, columns), &asked.wanted, &replies, signature) {
            Err(CallError::Retry(reason)) => call.again(&asked.requests, reason)?,
            answered => return answered,
        }
    }
}
