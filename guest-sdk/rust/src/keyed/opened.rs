//! A keyed operator, opened: `open` and `process` of the interface `keyed`.
//!
//! Called by what `#[keyed]` exports from a module, and by the offline harness.

use super::{
    run::{Made, Shown},
    state::{self, State},
    timers::Timers,
};
use crate::{
    batch::Batch,
    bindings::{
        BatchContext, Contract, Input, StateTable, Table,
        keyed::{KeyedOutput, Timers as Due},
    },
    buffer::Buffer,
    context::Context,
    contract::{self, Plan, PlannedKey, Unsaid},
    fold::StateColumn,
    input::Read,
    loaded::Loaded,
    options::{self, Options},
    ports::{Passing, PortSpec},
    transform::Description,
};

/// The name of the only state table.
const STATE: &str = "state";

/// State has one version until a module says otherwise.
const STATE_VERSION: u32 = 1;

/// A `#[keyed]` function, as its macro describes it.
pub trait Keyed: Sized {
    type Options: Options;
    type State: State;
    const PASSING: Passing;
    const EVENT_TIME: Option<&'static str>;

    fn describe() -> KeyedDescription;
    fn run(shown: &Shown, timers: Timers, options: &Self::Options, context: &Context) -> Result<Made, String>;
}

/// What a keyed operator reads, makes and keeps.
#[derive(Debug)]
pub struct KeyedDescription {
    pub key: Vec<Read>,
    pub reads: Vec<Read>,
    pub ports: Vec<PortSpec>,
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
        let keys = contract::plan_key(inputs, &key)?;
        let description = Description { reads, ports };
        let (contract, plan) = contract::plan(inputs, &description, K::PASSING, K::EVENT_TIME, Unsaid::Key)?;
        let values = state.into_iter().map(StateColumn::into_field).collect();
        let contract = Contract {
            state: vec![StateTable { name: STATE.to_owned(), subkey: Vec::new(), values }],
            state_version: STATE_VERSION,
            ..contract
        };
        Ok((contract, Self { plan, keys, options }))
    }

    pub fn process(&self, call: Call) -> Result<KeyedOutput, String> {
        let (rows, keys) = (call.rows.rows, call.keys.rows as usize);
        let batch = Batch::load(&self.plan.reads, call.rows)?;
        let ends = Buffer::from(call.ends);
        let ends =
            ends.elements::<u32>(keys).ok_or_else(|| format!("there are ends for fewer than the {keys} keys"))?;
        let ends = Shown::ends(&batch, ends, rows)?;
        if call.expiring.len() != keys {
            return Err(format!("{} keys expire or do not, but there are {keys}", call.expiring.len()));
        }
        let timers = Timers::new(call.due, keys)?;
        let loaded = self.load_keys(&call.keys)?;
        let refused = Shown::refused(&self.keys, &loaded);
        let state = state::load::<K::State>(call.state, keys)?;
        let context = Context::new(call.context, batch.kept.clone());
        let shown = Shown { batch, ends, keys: loaded, state, expiring: call.expiring, refused };
        let Made { mut left, changes, timers } = K::run(&shown, timers, &self.options, &context)?;
        let emitted = left.emitted(&self.plan, &shown.batch)?;
        Ok(KeyedOutput { emitted, changes, timers, rejected: shown.batch.rejections(left.rejected)? })
    }

    fn load_keys(&self, keys: &Table) -> Result<Vec<Loaded>, String> {
        let load = |key: &PlannedKey| {
            let name = &key.read.column;
            let node = keys.nodes.get(key.index).ok_or_else(|| format!("column `{name}` of the key did not come"))?;
            Loaded::whole(name, node.clone(), keys.rows as usize, key.read.conversion)
        };
        self.keys.iter().map(load).collect()
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
                static OPENED: macros::KeyedSlot<$keyed> = const { macros::KeyedSlot::new() };
            }

            impl bindings::keyed::Guest for Module {
                fn open(
                    inputs: ::std::vec::Vec<bindings::Input>,
                    options: ::std::string::String,
                ) -> ::core::result::Result<bindings::Contract, ::std::string::String> {
                    OPENED.with(|slot| slot.open(&inputs, &options))
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
                    OPENED.with(|slot| slot.process(call))
                }
            }

    $crate::bindings::keyed::export_keyed!(Module with_types_in $crate::bindings::keyed);
        };
    };
}

/// What this instance has opened.
#[cfg(target_arch = "wasm32")]
pub struct KeyedSlot<K: Keyed>(std::cell::RefCell<Option<Opened<K>>>);

#[cfg(target_arch = "wasm32")]
impl<K: Keyed> KeyedSlot<K> {
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

    pub fn process(&self, call: Call) -> Result<KeyedOutput, crate::bindings::Failure> {
        use crate::bindings::Failure;
        match self.0.borrow().as_ref() {
            Some(opened) => opened.process(call).map_err(Failure::Fatal),
            None => Err(Failure::Fatal("`process` was called before `open`".to_owned())),
        }
    }
}
