//! What the instances of all kinds share: a store with its limits, and calls that end by themselves.
//!
//! An instance belongs to one compute thread. What it keeps in its memory is a cache: the caller drops the instance after
//! any error but [`CallError::Failed`] and [`CallError::Retry`], and makes another.

use std::time::Duration;

use arrow::{array::ArrayRef, record_batch::RecordBatch};
use pelton_core::{
    contract::{Contract, Input, SideTable},
    limits::Limits,
    types,
};
use wasmtime::{Store, UpdateDeadline, component};

use crate::{
    bindings::{
        exports::pelton::operator::{migrate, tables},
        pelton::operator::types as wit,
    },
    engine::Metering,
    error::{CallError, shown},
    fault::fault,
    host::{CallLog, Host},
    lower::{self, Columns},
    migrate::{CALL as MIGRATE, OlderRows},
    module::Linked,
    state::CallState,
    ticker, wire,
};

/// The only call that may be made again because the module says so.
pub(crate) const ANSWER: &str = "answer";

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
    pub(crate) guest: G,
    /// If the module takes side inputs.
    tables: Option<tables::Guest>,
    /// If the module reads state of older versions.
    migrate: Option<migrate::Guest>,
    pub(crate) limits: Limits,
}

impl<G> Calls<G> {
    /// Makes an instance; the module's start code runs under the limits of a call. `load` finds its exports.
    pub(crate) fn new(
        module: &Linked,
        limits: &Limits,
        metering: Metering,
        load: impl FnOnce(&mut Store<Host>, &component::Instance) -> wasmtime::Result<G>,
    ) -> Result<Self, CallError> {
        let mut store = Store::new(&module.engine, Host::new(limits, metering));
        store.limiter(|host| &mut host.meter);
        store.set_hostcall_fuel(usize::try_from(limits.output_bytes).unwrap_or(usize::MAX));
        store.epoch_deadline_callback(|store| Ok(overrun(store.data())));
        wind_up(&mut store, limits);
        let exports = module.pre.instantiate(&mut store).and_then(|instance| {
            let guest = load(&mut store, &instance)?;
            let tables = module.tables.as_ref().map(|exports| exports.load(&mut store, &instance)).transpose()?;
            let migrate = module.migrate.as_ref().map(|exports| exports.load(&mut store, &instance)).transpose()?;
            Ok((guest, tables, migrate))
        });
        match exports {
            Ok((guest, tables, migrate)) => Ok(Self { store, guest, tables, migrate, limits: limits.clone() }),
            Err(error) => Err(match fault("start", &error, &store, limits) {
                CallError::Trap { reason, .. } => CallError::Instantiate(reason),
                other => other,
            }),
        }
    }

    /// Shows the module its inputs and options (a JSON object); answers with its contract, unchecked. The side inputs on
    /// offer are shown to a module that takes any.
    pub(crate) fn open(
        &mut self,
        inputs: &[Input],
        tables: &[SideTable],
        options: &str,
        run: impl FnOnce(&G, &mut Store<Host>, &[wit::Input<'_>], &str) -> wasmtime::Result<Result<wit::Contract, String>>,
    ) -> Result<Contract, CallError> {
        let tables = if self.tables.is_some() { tables } else { &[] };
        self.begin(0, 0);
        let answer = wire::with_inputs(inputs, tables, |inputs| run(&self.guest, &mut self.store, inputs, options));
        let contract = match answer.map_err(|error| CallError::Refused(error.to_string()))? {
            Ok(Ok(contract)) => wire::contract(contract),
            Ok(Err(reason)) => return Err(CallError::Refused(shown(&reason))),
            Err(error) => return Err(fault("open", &error, &self.store, &self.limits)),
        };
        match contract.tables.first().filter(|_| self.tables.is_none()) {
            Some(table) => Err(CallError::NoTables(shown(table))),
            None => Ok(contract),
        }
    }

    /// Hands over a side input. It belongs to no batch: a load has no time, and the same seed always.
    pub(crate) fn load_table(&mut self, name: &str, version: u64, rows: &RecordBatch) -> Result<(), CallError> {
        self.begin(0, 0);
        let Some(tables) = &self.tables else { return Err(CallError::NoTables(name.to_owned())) };
        let columns = rows.columns().iter().filter(|column| types::crosses(column.data_type()));
        let columns: Vec<ArrayRef> = columns.cloned().collect();
        let answer = lower::with_tables([Columns { rows: rows.num_rows(), columns: &columns }], |[rows]| {
            tables.call_load(&mut self.store, name, version, rows)
        });
        self.answered("load", answer)
    }

    /// Hands over rows of a state table of an older version, and the options; answers with this version's, unchecked.
    pub(crate) fn migrate(&mut self, older: &OlderRows<'_>, options: &str) -> Result<wit::TableResult, CallError> {
        self.begin(0, 0);
        let Some(migrate) = &self.migrate else { return Err(CallError::NoMigrate) };
        let OlderRows { table, version, rows, keys, columns } = *older;
        let store = &mut self.store;
        let answer = wire::with_fields(&table.row, |fields| {
            let tables = [Columns { rows, columns: keys }, Columns { rows, columns }];
            lower::with_tables(tables, |[keys, rows]| {
                migrate.call_migrate(store, &table.name, version, fields, keys, rows, options)
            })
        });
        match answer.map_err(|error| CallError::Refused(error.to_string()))? {
            Ok(Ok(table)) => Ok(table),
            Ok(Err(reason)) => Err(CallError::Failed(shown(&reason))),
            Err(error) => Err(fault(MIGRATE, &error, &self.store, &self.limits)),
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
        let answer = run(&self.guest, &mut self.store);
        self.answered(call, answer)
    }

    fn answered<T>(
        &self,
        call: &'static str,
        answer: wasmtime::Result<Result<T, wit::Failure>>,
    ) -> Result<T, CallError> {
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(wit::Failure::Retry(reason))) if call == ANSWER => Err(CallError::Retry(shown(&reason))),
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
        wind_up(&mut self.store, &self.limits);
    }
}

/// What becomes of a call whose deadline has come: the time that others had on its processor, or in which the machine stood still, is given
/// back to it.
fn overrun(host: &Host) -> UpdateDeadline {
    let left = match host.metering {
        Metering::Time => host.limits().call_time.saturating_sub(ticker::processor_time().saturating_sub(host.began)),
        // Nobody is called guilty there.
        Metering::Instructions => Duration::ZERO,
    };
    if left.is_zero() { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(ticker::ticks(left)) }
}

/// What a call may take from now on.
fn wind_up(store: &mut Store<Host>, limits: &Limits) {
    match store.data().metering {
        Metering::Time => {
            store.data_mut().began = ticker::processor_time();
            store.set_epoch_deadline(ticker::ticks(limits.call_time));
        }
        Metering::Instructions => {
            store.set_epoch_deadline(ticker::ticks(metered_time_max(limits)));
            store.set_fuel(instructions_max(limits)).expect("the engine for metered calls counts instructions");
        }
    }
}

/// Instructions for each nanosecond of `call-time`: no machine is as fast, so that whoever needs more has overrun its time on any.
const INSTRUCTIONS_PER_NANOSECOND: u128 = 10;

fn instructions_max(limits: &Limits) -> u64 {
    u64::try_from(limits.call_time.as_nanos().saturating_mul(INSTRUCTIONS_PER_NANOSECOND)).unwrap_or(u64::MAX)
}

/// Where instructions take so long that their number tells nothing, nobody is to blame. So much time is given to find out.
pub(crate) fn metered_time_max(limits: &Limits) -> Duration {
    limits.call_time.saturating_mul(60).saturating_add(Duration::from_secs(10))
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Instant};

    use super::*;

    #[test]
    fn time_without_a_processor_is_given_back() {
        let limits = Limits { call_time: Duration::from_millis(50), ..Limits::default() };
        let mut host = Host::new(&limits, Metering::Time);
        host.began = ticker::processor_time();
        thread::sleep(Duration::from_millis(120));
        assert!(matches!(overrun(&host), UpdateDeadline::Continue(ticks) if ticks > 5), "it has not worked yet");
        let begun = Instant::now();
        while ticker::processor_time() - host.began < limits.call_time {
            assert!(begun.elapsed() < Duration::from_secs(60), "no processor for a minute");
        }
        assert!(matches!(overrun(&host), UpdateDeadline::Interrupt));
    }
}
