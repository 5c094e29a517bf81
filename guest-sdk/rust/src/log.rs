//! Lines for the job's log, counters and gauges.
//!
//! In a module they go to the host; in tests they are collected, and the test reads them. A line costs a call, so
//! log what an operator on call would want to know, not every row: past the operator's limit lines are dropped.
//!
//! ```
//! use pelton_guest::prelude::*;
//!
//! #[derive(Row)]
//! struct Bid { price: f64 }
//!
//! #[transform]
//! fn keep_positive(bid: Bid) -> bool {
//!     if bid.price < 0.0 {
//!         log::warn!("a bid of {}", bid.price);
//!         counter("negative").add(1);
//!     }
//!     bid.price > 0.0
//! }
//!
//! let tested = keep_positive.test(rows! { price: [1.0, -2.0] });
//! assert_eq!(tested.logs(), [(log::Level::Warn, "a bid of -2".to_owned())]);
//! assert_eq!(tested.counter("negative"), 1);
//! ```

pub use crate::bindings::pelton::operator::log::Level;
pub use crate::{__debug as debug, __error as error, __info as info, __trace as trace, __warn as warn};

/// A counter of this operator, named `operator.name` in its metrics. At most 64 names.
#[derive(Debug, Clone, Copy)]
#[must_use = "a counter counts when `add` is called"]
pub struct Counter<'a>(&'a str);

/// The counter `name`.
pub fn counter(name: &str) -> Counter<'_> {
    Counter(name)
}

impl Counter<'_> {
    pub fn add(self, delta: u64) {
        sink::counter(self.0, delta);
    }
}

/// Sets the gauge `operator.name`.
pub fn gauge(name: &str, value: f64) {
    sink::gauge(name, value);
}

/// Writes one line; the macros call it.
#[doc(hidden)]
pub fn line(level: Level, message: std::fmt::Arguments<'_>) {
    sink::log(level, &message.to_string());
}

/// Sends a panic's message and place to the log, because the trap that follows names neither.
#[cfg(target_arch = "wasm32")]
pub(crate) fn report_panics() {
    std::panic::set_hook(Box::new(|panic| sink::log(Level::Error, &panic.to_string())));
}

#[cfg(target_arch = "wasm32")]
use crate::bindings::pelton::operator::log as sink;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod sink {
    //! Outside of a module: everything is kept for the test that runs on this thread.

    use std::{cell::RefCell, collections::BTreeMap};

    use super::Level;

    /// What was logged and counted.
    #[derive(Debug, Default, Clone)]
    pub struct Collected {
        pub lines: Vec<(Level, String)>,
        pub counters: BTreeMap<String, u64>,
        pub gauges: BTreeMap<String, f64>,
    }

    thread_local! {
        static COLLECTED: RefCell<Collected> = RefCell::default();
    }

    /// What was collected on this thread since the last call.
    pub fn take() -> Collected {
        COLLECTED.take()
    }

    pub fn log(level: Level, message: &str) {
        COLLECTED.with_borrow_mut(|collected| collected.lines.push((level, message.to_owned())));
    }

    pub fn counter(name: &str, delta: u64) {
        COLLECTED.with_borrow_mut(|collected| *collected.counters.entry(name.to_owned()).or_default() += delta);
    }

    pub fn gauge(name: &str, value: f64) {
        COLLECTED.with_borrow_mut(|collected| collected.gauges.insert(name.to_owned(), value));
    }
}

/// Logs a line at level trace; arguments as for `format!`.
#[macro_export]
#[doc(hidden)]
macro_rules! __trace {
    ($($argument:tt)*) => {
        $crate::log::line($crate::log::Level::Trace, ::core::format_args!($($argument)*))
    };
}

/// Logs a line at level debug; arguments as for `format!`.
#[macro_export]
#[doc(hidden)]
macro_rules! __debug {
    ($($argument:tt)*) => {
        $crate::log::line($crate::log::Level::Debug, ::core::format_args!($($argument)*))
    };
}

/// Logs a line at level info; arguments as for `format!`.
#[macro_export]
#[doc(hidden)]
macro_rules! __info {
    ($($argument:tt)*) => {
        $crate::log::line($crate::log::Level::Info, ::core::format_args!($($argument)*))
    };
}

/// Logs a line at level warn; arguments as for `format!`.
#[macro_export]
#[doc(hidden)]
macro_rules! __warn {
    ($($argument:tt)*) => {
        $crate::log::line($crate::log::Level::Warn, ::core::format_args!($($argument)*))
    };
}

/// Logs a line at level error; arguments as for `format!`.
#[macro_export]
#[doc(hidden)]
macro_rules! __error {
    ($($argument:tt)*) => {
        $crate::log::line($crate::log::Level::Error, ::core::format_args!($($argument)*))
    };
}
