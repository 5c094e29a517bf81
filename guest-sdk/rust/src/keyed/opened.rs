//! A keyed operator, opened: `open` and `process` of the interface `keyed`.
//!
//! Called by what `#[keyed]` exports from a module, and by the offline harness.

use super::{
    migrate::OlderState,
    run::{Made, Shown},
    state::{self, State},
    tables::{self, KeyedTables},
    timers::Timers,
};
use crate::{
    bindings::{
        BatchContext, Contract, Input, Node, StateTable, Table,
        keyed::{KeyedOutput, Timers as Due},
    },
    context::Context,
    contract::{self, Plan, PlannedKey, Unsaid},
    grouped::{Keys, Side},
    input::Read,
    kept::StateColumn,
    options::{self, Options},
    ports::{Passing, PortSpec},
    transform::Description,
};

/// The name of the table that has a row for each key.
pub(super) const STATE: &str = "state";

/// A `#[keyed]` function, as its macro describes it.
pub trait Keyed: Sized {
    type Options: Options;
    type State: State;
    type Tables: KeyedTables;
    /// The names of its lists and maps, in the order of `Tables`.
    const TABLES: &'static [&'static str];
    const PASSING: Passing;
    const EVENT_TIME: Option<&'static str>;
    /// 1 until the module says otherwise.
    const STATE_VERSION: u32;

    fn describe() -> KeyedDescription;
    /// The state of an older version as this version's columns.
    fn migrate(older: OlderState) -> Result<Vec<Node>, String>;
    fn run(shown: &Shown, timers: Timers, options: &Self::Options, context: &Context) -> Result<Made, String>;
}

/// What a keyed operator reads, makes and keeps.
#[derive(Debug)]
pub struct KeyedDescription {
    pub key: Vec<Read>,
    pub reads: Vec<Read>,
    pub ports: Vec<PortSpec>,
    /// Columns of the row that each key has; none: it has none.
    pub state: Vec<StateColumn>,
}

/// The arguments of `process`, as they came.
#[derive(Debug)]
pub struct Call {
    pub context: BatchContext,
    pub rows: Table,
    pub ends: Vec<u8>,
    pub keys: Table,
    pub state: Vec<Table>,
    pub due: Due,
    pub expiring: Vec<u8>,
}

/// A keyed operator that has agreed on a contract.
#[derive(Debug)]
pub struct Opened<K: Keyed> {
    plan: Plan,
    keys: Vec<PlannedKey>,
    options: K::Options,
}

impl<K: Keyed> Opened<K> {
    pub fn open(inputs: &[Input], options: &str) -> Result<(Contract, Self), String> {
        let options = options::parse(options)?;
        let KeyedDescription { key, reads, ports, state } = K::describe();
        let keys = contract::plan_key(contract::only_input(inputs)?, &key, "keeps state for each key")?;
        let description = Description { reads, ports };
        let (contract, plan) = contract::plan(inputs, &description, K::PASSING, K::EVENT_TIME, Unsaid::Key)?;
        let values: Vec<_> = state.into_iter().map(StateColumn::into_field).collect();
        let own = StateTable { name: STATE.to_owned(), subkey: Vec::new(), values };
        let mut state: Vec<StateTable> = Some(own).filter(|own| !own.values.is_empty()).into_iter().collect();
        state.extend(tables::declare::<K::Tables>(K::TABLES));
        tables::check(&state)?;
        let contract = Contract { state, state_version: K::STATE_VERSION, ..contract };
        Ok((contract, Self { plan, keys, options }))
    }

    pub fn process(&self, call: Call) -> Result<KeyedOutput, String> {
        let keys = Keys::load(&self.keys, &call.keys)?;
        let side = Side::load(&self.plan.reads, call.rows, call.ends, keys.count)?;
        if call.expiring.len() != keys.count {
            return Err(format!("{} keys expire or do not, but there are {}", call.expiring.len(), keys.count));
        }
        let timers = Timers::new(call.due, keys.count)?;
        let state = state::load::<K::State>(call.state, K::TABLES.len(), keys.count)?;
        let context = Context::new(call.context, side.batch.kept.clone());
        let shown = Shown { side, keys, state, expiring: call.expiring };
        let Made { mut left, changes, timers } = K::run(&shown, timers, &self.options, &context)?;
        let batch = shown.side.batch;
        let emitted = left.emitted(&self.plan, &batch)?;
        Ok(KeyedOutput { emitted, changes, timers, rejected: batch.rejections(left.rejected)? })
    }
}

/// Exports the keyed operator `$keyed` from this module.
#[doc(hidden)]
#[macro_export]
#[cfg(target_arch = "wasm32")]
macro_rules! __export_keyed {
    ($keyed:ident) => {
        const _: () = {
            use $crate::macros::{self, bindings};

            struct Module;

            ::std::thread_local! {
                static OPENED: macros::Slot<macros::OpenedKeyed<$keyed>> = const { macros::Slot::new() };
            }

            impl bindings::keyed::Guest for Module {
                fn open(
                    inputs: ::std::vec::Vec<bindings::Input>,
                    options: ::std::string::String,
                ) -> ::core::result::Result<bindings::Contract, ::std::string::String> {
                    OPENED.with(|slot| slot.open(|| macros::OpenedKeyed::open(&inputs, &options)))
                }

                fn process(
                    context: bindings::BatchContext,
                    rows: bindings::Table,
                    ends: ::std::vec::Vec<u8>,
                    keys: bindings::Table,
                    state: ::std::vec::Vec<bindings::Table>,
                    due: bindings::keyed::Timers,
                    expiring: ::std::vec::Vec<u8>,
                ) -> ::core::result::Result<bindings::keyed::KeyedOutput, bindings::Failure> {
                    let call = macros::Call { context, rows, ends, keys, state, due, expiring };
                    OPENED.with(|slot| slot.call(|opened| opened.process(call)))
                }
            }

    $crate::bindings::keyed::export_keyed!(Module with_types_in $crate::bindings::keyed);
        };
    };
}
