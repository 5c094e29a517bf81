//! A transform, opened: the same code in a module and in the offline harness.
//!
//! `#[transform]` implements [`Transform`]; [`Opened`] is a [`Process`], which answers `open` and `process` with it, and `load` if it
//! has side tables. In wasm the macro at the end exports them.

use crate::{
    batch::{Answer, Batch},
    bindings::{BatchContext, Contract, Input, Output, Table},
    context::Context,
    contract::{self, Plan, Unsaid},
    dynamic::Process,
    input::Read,
    options::{self, Options},
    ports::{Passing, PortSpec},
    tables::Tables,
};

/// A `#[transform]` function, as its macro describes it.
pub trait Transform: Sized {
    type Options: Options;
    type Tables: Tables;
    const PASSING: Passing;
    const EVENT_TIME: Option<&'static str>;

    fn describe() -> Description;
    fn run(batch: &Batch, options: &Self::Options, tables: &Self::Tables, context: &Context) -> Result<Answer, String>;
}

/// What a transform reads and makes.
#[derive(Debug)]
pub struct Description {
    pub reads: Vec<Read>,
    pub ports: Vec<PortSpec>,
}

/// A transform that has agreed on a contract.
#[derive(Debug)]
pub struct Opened<T: Transform> {
    plan: Plan,
    options: T::Options,
    tables: T::Tables,
}

impl<T: Transform> Process for Opened<T> {
    fn open(inputs: &[Input], options: &str) -> Result<(Contract, Self), String> {
        let options = options::parse(options)?;
        let (contract, plan) = contract::plan(inputs, &T::describe(), T::PASSING, T::EVENT_TIME, Unsaid::All)?;
        let (_, offered) = contract::split(inputs);
        let tables = T::Tables::open(offered)?;
        let names = T::Tables::NAMES.iter().map(|name| (*name).to_owned());
        Ok((Contract { tables: names.collect(), ..contract }, Self { plan, options, tables }))
    }

    fn load(&mut self, name: &str, rows: Table) -> Result<(), String> {
        self.tables.load(name, rows)
    }

    fn process(&self, context: BatchContext, rows: Table) -> Result<Output, String> {
        let batch = Batch::load(&self.plan.reads, rows)?;
        let context = Context::new(context, batch.kept.clone());
        let answer = T::run(&batch, &self.options, &self.tables, &context)?;
        batch.assemble(&self.plan, answer)
    }
}

/// Exports transform `$transform` from this module; with `tables` after it, also the interface `tables`.
#[doc(hidden)]
#[macro_export]
#[cfg(target_arch = "wasm32")]
macro_rules! __export {
    ($transform:ident $($tables:ident)?) => {
        const _: () = {
            use $crate::macros::{self, Process as _, bindings};

            struct Module;

            ::std::thread_local! {
                static OPENED: macros::Slot<macros::OpenedTransform<$transform>> = const { macros::Slot::new() };
            }

            impl bindings::TransformGuest for Module {
                fn open(
                    inputs: ::std::vec::Vec<bindings::Input>,
                    options: ::std::string::String,
                ) -> ::core::result::Result<bindings::Contract, ::std::string::String> {
                    OPENED.with(|slot| slot.open(|| macros::OpenedTransform::open(&inputs, &options)))
                }

                fn process(
                    context: bindings::BatchContext,
                    rows: bindings::Table,
                ) -> ::core::result::Result<bindings::Output, bindings::Failure> {
                    OPENED.with(|slot| slot.call(|opened| opened.process(context, rows)))
                }
            }

    $crate::bindings::export_transform!(Module with_types_in $crate::bindings);

            $(
                impl bindings::$tables::Guest for Module {
                    fn load(
                        name: ::std::string::String,
                        _version: u64,
                        rows: bindings::Table,
                    ) -> ::core::result::Result<(), bindings::Failure> {
                        OPENED.with(|slot| slot.change(|opened| opened.load(&name, rows)))
                    }
                }

                $crate::bindings::$tables::export_tables!(Module with_types_in $crate::bindings::$tables);
            )?
        };
    };
}
