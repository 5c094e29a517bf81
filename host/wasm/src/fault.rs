//! Why a call gave no answer, told from wasmtime's error: a limit, or a trap with the guest's backtrace.
//!
//! Called after every call that failed, of every kind. Words of the guest are cut and made visible on the way.

use pelton_core::limits::{LimitName, Limits, show_bytes};
use wasmtime::{Store, Trap, WasmBacktrace};

use crate::{
    calls::metered_time_max,
    engine::Metering,
    error::{CallError, GuestBacktrace, Law, show_time, shown},
    host::{Host, LimitExceeded},
};

/// A law that a guest broke inside a host call; wasmtime carries it out as the call's error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BrokenLaw(pub(crate) Law);

/// Why a call failed, told from wasmtime's error.
pub(crate) fn fault(call: &'static str, error: &wasmtime::Error, store: &Store<Host>, limits: &Limits) -> CallError {
    let root = error.root_cause().to_string();
    let root = root.strip_prefix("wasm trap: ").unwrap_or(&root);
    let backtrace = GuestBacktrace(error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default());
    let limit = |name, limit| CallError::Limit { call, name, limit, backtrace: backtrace.clone() };
    if let Some(BrokenLaw(law)) = error.downcast_ref::<BrokenLaw>() {
        return CallError::Invalid { call, law: law.clone() };
    }
    if let Some(exceeded) = error.downcast_ref::<LimitExceeded>() {
        return match exceeded.name {
            LimitName::LogCalls => limit(LimitName::LogCalls, limits.log_calls.to_string()),
            name => limit(name, show_bytes(limits.memory_bytes)),
        };
    }
    match (error.downcast_ref::<Trap>(), store.data().metering) {
        (Some(Trap::Interrupt), Metering::Time) => return limit(LimitName::CallTime, show_time(limits.call_time)),
        (Some(Trap::Interrupt), Metering::Instructions) => {
            return CallError::Undecided { call, time: show_time(metered_time_max(limits)) };
        }
        (Some(Trap::OutOfFuel), _) => {
            return limit(LimitName::CallTime, format!("{} (counted in instructions)", show_time(limits.call_time)));
        }
        _ => {}
    }
    // wasmtime keeps the type of this error to itself; a hostile guest in the test suite holds the wording.
    if root.contains("fuel allocated for hostcalls has been exhausted") {
        return limit(LimitName::OutputBytes, show_bytes(limits.output_bytes));
    }
    // A panic's message goes to the log before the trap.
    let reason = match store.data().last_error() {
        Some(last) => format!("{root} (it last said: {})", shown(&last)),
        None => root.to_owned(),
    };
    CallError::Trap { call, reason, backtrace }
}

/// Innermost first; source places where the module carries them.
fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    const FRAMES_MAX: usize = 32;
    backtrace
        .frames()
        .iter()
        .take(FRAMES_MAX)
        .map(|frame| {
            let name = frame.symbols().iter().find_map(|symbol| symbol.name()).or(frame.func_name());
            let name =
                name.map_or_else(|| format!("function {}", frame.func_index()), |name| shown(&rustc_demangled(name)));
            let place = frame.symbols().iter().find_map(|symbol| Some((symbol.file()?, symbol.line()?)));
            match place {
                Some((file, line)) => format!("{name} at {}:{line}", shown(file)),
                None => name,
            }
        })
        .collect()
}

/// Function names of Rust guests, readable, without their hash.
fn rustc_demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}
