//! What the instances of all kinds share: a store with its limits, and calls that end by themselves.
//!
//! An instance belongs to one compute thread. What it keeps in its memory is a cache: the caller drops the instance after
//! any error but [`CallError::Failed`] and makes another.

use pelton_core::{
    contract::{Contract, Input},
    limits::Limits,
};
use wasmtime::{Store, component};

use crate::{
    bindings::pelton::operator::types as wit,
    error::{CallError, shown},
    fault::fault,
    host::{CallLog, Host},
    module::Module,
    state::CallState,
    ticker, wire,
};

/// What a call may know about the world. Times in µs since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchContext {
    pub epoch: u64,
    pub first_row: u64,
    pub now: i64,
    pub watermark: i64,
    pub seed: u64,
}

/// A live instance whose exports `G` are known.
pub(crate) struct Calls<G> {
    store: Store<Host>,
    guest: G,
    pub(crate) limits: Limits,
}

impl<G> Calls<G> {
    /// Makes an instance; the module's start code runs under the limits of a call. `load` finds its exports.
    pub(crate) fn new(
        module: &Module,
        limits: &Limits,
        load: impl FnOnce(&mut Store<Host>, &component::Instance) -> wasmtime::Result<G>,
    ) -> Result<Self, CallError> {
        let mut store = Store::new(&module.runtime.engine, Host::new(limits));
        store.limiter(|host| &mut host.meter);
        store.set_hostcall_fuel(usize::try_from(limits.output_bytes).unwrap_or(usize::MAX));
        store.epoch_deadline_trap();
        store.set_epoch_deadline(ticker::ticks(limits.call_time));
        let guest = module.pre.instantiate(&mut store).and_then(|instance| load(&mut store, &instance));
        match guest {
            Ok(guest) => Ok(Self { store, guest, limits: limits.clone() }),
            Err(error) => Err(match fault("start", &error, &store, limits) {
                CallError::Trap { reason, .. } => CallError::Instantiate(reason),
                other => other,
            }),
        }
    }

    /// Shows the module its input and options (a JSON object); answers with its contract, unchecked.
    pub(crate) fn open(
        &mut self,
        input: &Input,
        options: &str,
        run: impl FnOnce(&G, &mut Store<Host>, &[wit::Input<'_>], &str) -> wasmtime::Result<Result<wit::Contract, String>>,
    ) -> Result<Contract, CallError> {
        let offered = wire::shown_fields(input).map_err(|error| CallError::Refused(error.to_string()))?;
        let fields: Vec<_> = offered.iter().map(wire::field).collect();
        let key: Vec<_> = input.key.iter().map(String::as_str).collect();
        let input = wit::Input {
            name: &input.name,
            fields: &fields,
            key: &key,
            event_time: input.event_time.as_deref(),
            mode: "append",
            properties: &[],
        };
        self.begin(0, 0);
        match run(&self.guest, &mut self.store, &[input], options) {
            Ok(Ok(contract)) => Ok(wire::contract(contract)),
            Ok(Err(reason)) => Err(CallError::Refused(shown(&reason))),
            Err(error) => Err(fault("open", &error, &self.store, &self.limits)),
        }
    }

    /// Runs one call. To the module it is `now` (µs since 1970 UTC), and its random numbers come from `seed`.
    pub(crate) fn call<T>(
        &mut self,
        call: &'static str,
        now: i64,
        seed: u64,
        run: impl FnOnce(&G, &mut Store<Host>) -> wasmtime::Result<Result<T, wit::Failure>>,
    ) -> Result<T, CallError> {
        self.begin(now, seed);
        match run(&self.guest, &mut self.store) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(wit::Failure::Fatal(reason) | wit::Failure::Retry(reason))) => {
                Err(CallError::Failed(shown(&reason)))
            }
            Err(error) => Err(fault(call, &error, &self.store, &self.limits)),
        }
    }

    /// Gives the import `state` what it reads in the next call, or takes it away.
    pub(crate) fn set_state(&mut self, state: Option<CallState>) {
        self.store.data_mut().state = state;
    }

    /// What the calls since the last take logged and counted.
    pub(crate) fn take_log(&mut self) -> CallLog {
        self.store.data_mut().take_log()
    }

    fn begin(&mut self, now: i64, seed: u64) {
        let host = self.store.data_mut();
        host.begin_call();
        host.wasi.begin_call(now, seed);
        self.store.set_epoch_deadline(ticker::ticks(self.limits.call_time));
    }
}
