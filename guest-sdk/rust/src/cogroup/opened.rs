//! A cogroup, opened: `open` and `process` of the interface `cogroup`.
//!
//! Called by what `#[cogroup]` exports from a module, and by the offline harness.

use super::run::Shown;
use crate::{
    batch::{self, Answer},
    bindings::{BatchContext, Contract, Input, Output, Table},
    context::Context,
    contract::{self, CogroupDescription, CogroupPlan},
    grouped::{Keys, Side},
    options::{self, Options},
    ports::Passing,
};

/// A `#[cogroup]` function, as its macro describes it.
pub trait Cogroup: Sized {
    type Options: Options;
    const PASSING: Passing;
    const EVENT_TIME: Option<&'static str>;

    fn describe() -> CogroupDescription;
    fn run(shown: &Shown, options: &Self::Options, context: &Context) -> Result<Answer, String>;
}

/// The arguments of `process`, as they came.
#[derive(Debug)]
pub struct Call {
    pub context: BatchContext,
    pub left: Table,
    pub left_ends: Vec<u8>,
    pub right: Table,
    pub right_ends: Vec<u8>,
    pub keys: Table,
}

/// A cogroup that has agreed on a contract.
#[derive(Debug)]
pub struct Opened<C: Cogroup> {
    plan: CogroupPlan,
    options: C::Options,
}

impl<C: Cogroup> Opened<C> {
    pub fn open(inputs: &[Input], options: &str) -> Result<(Contract, Self), String> {
        let options = options::parse(options)?;
        let (contract, plan) = contract::plan_cogroup(inputs, &C::describe(), C::PASSING, C::EVENT_TIME)?;
        Ok((contract, Self { plan, options }))
    }

    pub fn process(&self, call: Call) -> Result<Output, String> {
        let keys = Keys::load(&self.plan.key, &call.keys)?;
        let left = Side::load(&self.plan.left, call.left, call.left_ends, keys.count)?;
        let right = Side::load(&self.plan.right, call.right, call.right_ends, keys.count)?;
        let count = keys.count;
        let shown = Shown { keys, left, right };
        let kept = shown.kept();
        let Answer { ports, rejected } = C::run(&shown, &self.options, &Context::new(call.context, kept.clone()))?;
        let emitted = batch::by_group(ports, &self.plan.ports, count);
        Ok(Output { emitted, rejected: shown.rejections(kept.as_deref(), rejected)? })
    }
}

/// Exports the cogroup `$cogroup` from this module.
#[doc(hidden)]
#[macro_export]
#[cfg(target_arch = "wasm32")]
macro_rules! __export_cogroup {
    ($cogroup:ident) => {
        const _: () = {
            use $crate::macros::{self, bindings};

            struct Module;

            ::std::thread_local! {
                static OPENED: macros::Slot<macros::OpenedCogroup<$cogroup>> = const { macros::Slot::new() };
            }

            impl bindings::cogroup::Guest for Module {
                fn open(
                    inputs: ::std::vec::Vec<bindings::Input>,
                    options: ::std::string::String,
                ) -> ::core::result::Result<bindings::Contract, ::std::string::String> {
                    OPENED.with(|slot| slot.open(|| macros::OpenedCogroup::open(&inputs, &options)))
                }

                fn process(
                    context: bindings::BatchContext,
                    left: bindings::Table,
                    left_ends: ::std::vec::Vec<u8>,
                    right: bindings::Table,
                    right_ends: ::std::vec::Vec<u8>,
                    keys: bindings::Table,
                ) -> ::core::result::Result<bindings::Output, bindings::Failure> {
                    let call = macros::CogroupCall { context, left, left_ends, right, right_ends, keys };
                    OPENED.with(|slot| slot.call(|opened| opened.process(call)))
                }
            }

    $crate::bindings::cogroup::export_cogroup!(Module with_types_in $crate::bindings::cogroup);
        };
    };
}
