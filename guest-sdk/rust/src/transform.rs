//! A transform, opened: the same code in a module and in the offline harness.
//!
//! `#[transform]` implements [`Transform`]; [`Opened`] answers `open` and `process` with it. In wasm the macro at the
//! end exports both; what is opened there stays in the instance until the next `open`.

use crate::{
    batch::{Answer, Batch},
    bindings::{BatchContext, Contract, Failure, Input, Output, Table},
    context::Context,
    contract::{self, Plan, Unsaid},
    input::Read,
    options::{self, Options},
    ports::{Passing, PortSpec},
};

/// A `#[transform]` function, as its macro describes it.
pub trait Transform: Sized {
    type Options: Options;
    const PASSING: Passing;
    const EVENT_TIME: Option<&'static str>;

    fn describe() -> Description;
    fn run(batch: &Batch, options: &Self::Options, context: &Context) -> Result<Answer, String>;
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
}

impl<T: Transform> Opened<T> {
    pub fn open(inputs: &[Input], options: &str) -> Result<(Contract, Self), String> {
        let options = options::parse(options)?;
        let (contract, plan) = contract::plan(inputs, &T::describe(), T::PASSING, T::EVENT_TIME, Unsaid::All)?;
        Ok((contract, Self { plan, options }))
    }

    pub fn process(&self, context: BatchContext, rows: Table) -> Result<Output, Failure> {
        let answer = || {
            let batch = Batch::load(&self.plan.reads, rows)?;
            let answer = T::run(&batch, &self.options, &Context::new(context, batch.kept.clone()))?;
            batch.assemble(&self.plan, answer)
        };
        answer().map_err(Failure::Fatal)
    }
}

/// Exports transform `$transform` from this module.
#[doc(hidden)]
#[macro_export]
#[cfg(target_arch = "wasm32")]
macro_rules! __export {
    ($transform:ident) => {
        const _: () = {
            use $crate::macros::{self, bindings};

            struct Module;

            ::std::thread_local! {
                static OPENED: macros::Slot<$transform> = const { macros::Slot::new() };
            }

            impl bindings::TransformGuest for Module {
                fn open(
                    inputs: ::std::vec::Vec<bindings::Input>,
                    options: ::std::string::String,
                ) -> ::core::result::Result<bindings::Contract, ::std::string::String> {
                    OPENED.with(|slot| slot.open(&inputs, &options))
                }

                fn process(
                    context: bindings::BatchContext,
                    rows: bindings::Table,
                ) -> ::core::result::Result<bindings::Output, bindings::Failure> {
                    OPENED.with(|slot| slot.process(context, rows))
                }
            }

    $crate::bindings::export_transform!(Module with_types_in $crate::bindings);
        };
    };
}

/// What this instance has opened.
#[cfg(target_arch = "wasm32")]
pub struct Slot<T: Transform>(std::cell::RefCell<Option<Opened<T>>>);

#[cfg(target_arch = "wasm32")]
impl<T: Transform> Slot<T> {
    #[expect(clippy::new_without_default, reason = "a default would not be const")]
    pub const fn new() -> Self {
        Self(std::cell::RefCell::new(None))
    }

    pub fn open(&self, inputs: &[Input], options: &str) -> Result<Contract, String> {
        crate::log::report_panics();
        let (contract, opened) = Opened::open(inputs, options)?;
        self.0.replace(Some(opened));
        Ok(contract)
    }

    pub fn process(&self, context: BatchContext, rows: Table) -> Result<Output, Failure> {
        match self.0.borrow().as_ref() {
            Some(opened) => opened.process(context, rows),
            None => Err(Failure::Fatal("`process` was called before `open`".to_owned())),
        }
    }
}
