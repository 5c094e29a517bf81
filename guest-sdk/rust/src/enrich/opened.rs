//! An enrich operator, opened: `open`, `ask` and `answer` of the interface `enrich`.
//!
//! Called by what `#[enrich]` exports from a module, and by the offline harness. Rows are loaded twice, by the same rules, so that both functions
//! see the same ones; a row that is refused asks nothing and is rejected with the answer.

use std::collections::HashMap;

use super::{reply::Replies, request::Request};
use crate::{
    batch::{Answer, Batch},
    bindings::{BatchContext, Contract, Failure, Input, Output, Table, enrich as wit},
    context::Context,
    contract::{self, Plan, Unsaid},
    options::{self, Options},
    ports::Passing,
    transform::Description,
};

/// A type with `ask` and `answer`, as its macro describes it.
pub trait Enrich: Sized {
    type Options: Options;
    const PASSING: Passing;
    const EVENT_TIME: Option<&'static str>;

    fn describe() -> Description;
    fn asks(batch: &Batch, options: &Self::Options, context: &Context) -> Result<Vec<Option<Request>>, String>;
    fn answers(batch: &Batch, replies: &Replies, options: &Self::Options, context: &Context) -> Result<Answer, String>;
}

/// What a row waits for that waits for nothing.
const NO_REQUEST: u32 = u32::MAX;

/// An enrich operator that has agreed on a contract.
#[derive(Debug)]
pub struct Opened<E: Enrich> {
    plan: Plan,
    options: E::Options,
}

impl<E: Enrich> Opened<E> {
    pub fn open(inputs: &[Input], options: &str) -> Result<(Contract, Self), String> {
        let options = options::parse(options)?;
        let (contract, plan) = contract::plan(inputs, &E::describe(), E::PASSING, E::EVENT_TIME, Unsaid::All)?;
        Ok((contract, Self { plan, options }))
    }

    /// Each different request once, in the order in which rows ask for them; and for each row the number of its own (u32).
    pub fn ask(&self, context: BatchContext, rows: Table) -> Result<(Vec<Request>, Vec<u8>), String> {
        let mut wanted = vec![NO_REQUEST; rows.rows as usize];
        let batch = Batch::load(&self.plan.reads, rows)?;
        let context = Context::new(context, batch.kept.clone());
        let asked = E::asks(&batch, &self.options, &context)?;
        let mut known: HashMap<Request, u32> = HashMap::new();
        let mut requests = Vec::new();
        for (row, request) in batch.numbers().into_iter().zip(asked) {
            let Some(request) = request else { continue };
            // A batch has at most a u32 of rows, and each asks once.
            let next = known.len() as u32;
            let number = *known.entry(request).or_insert_with_key(|request| {
                requests.push(request.clone());
                next
            });
            if let Some(wanted) = wanted.get_mut(row as usize) {
                *wanted = number;
            }
        }
        Ok((requests, wanted.into_iter().flat_map(u32::to_le_bytes).collect()))
    }

    /// The same, as it crosses to the host.
    pub fn ask_host(&self, context: BatchContext, rows: Table) -> Result<wit::Requests, String> {
        let (requests, wanted) = self.ask(context, rows)?;
        Ok(wit::Requests { requests: requests.into_iter().map(Request::into_wit).collect(), wanted })
    }

    pub fn answer(
        &self,
        context: BatchContext,
        rows: Table,
        wanted: &[u8],
        replies: Vec<wit::Reply>,
    ) -> Result<Output, Failure> {
        let fatal = Failure::Fatal;
        let wanted: Vec<u32> = wanted.as_chunks::<4>().0.iter().map(|wanted| u32::from_le_bytes(*wanted)).collect();
        let batch = Batch::load(&self.plan.reads, rows).map_err(fatal)?;
        let of_row = |row: u32| {
            let wanted = wanted.get(row as usize).copied().filter(|wanted| *wanted != NO_REQUEST)?;
            Some(wanted as usize)
        };
        let replies = Replies::new(replies, batch.numbers().into_iter().map(of_row).collect());
        let context = Context::new(context, batch.kept.clone());
        let answer = E::answers(&batch, &replies, &self.options, &context).map_err(fatal)?;
        replies.check().map_err(fatal)?;
        match replies.again() {
            Some(why) => Err(Failure::Retry(why)),
            None => batch.assemble(&self.plan, answer).map_err(fatal),
        }
    }
}

/// Exports the enrich operator `$enrich` from this module.
#[doc(hidden)]
#[macro_export]
#[cfg(target_arch = "wasm32")]
macro_rules! __export_enrich {
    ($enrich:ty) => {
        const _: () = {
            use $crate::macros::{self, bindings};

            struct Module;

            ::std::thread_local! {
                static OPENED: macros::Slot<macros::OpenedEnrich<$enrich>> = const { macros::Slot::new() };
            }

            impl bindings::enrich::Guest for Module {
                fn open(
                    inputs: ::std::vec::Vec<bindings::Input>,
                    options: ::std::string::String,
                ) -> ::core::result::Result<bindings::Contract, ::std::string::String> {
                    OPENED.with(|slot| slot.open(|| macros::OpenedEnrich::open(&inputs, &options)))
                }

                fn ask(
                    context: bindings::BatchContext,
                    rows: bindings::Table,
                ) -> ::core::result::Result<bindings::enrich::Requests, bindings::Failure> {
                    OPENED.with(|slot| slot.call(|opened| opened.ask_host(context, rows)))
                }

                fn answer(
                    context: bindings::BatchContext,
                    rows: bindings::Table,
                    wanted: ::std::vec::Vec<u8>,
                    replies: ::std::vec::Vec<bindings::enrich::Reply>,
                ) -> ::core::result::Result<bindings::Output, bindings::Failure> {
                    OPENED.with(|slot| slot.ask(|opened| opened.answer(context, rows, &wanted, replies)))
                }
            }

    $crate::bindings::enrich::export_enrich!(Module with_types_in $crate::bindings::enrich);
        };
    };
}
