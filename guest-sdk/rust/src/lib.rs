#![doc = include_str!("../README.md")]

extern crate self as pelton_guest;

#[cfg(target_endian = "big")]
compile_error!("columns are little endian, and this machine is not");

#[cfg(target_arch = "wasm32")]
mod allocator;
mod batch;
#[doc(hidden)]
pub mod bindings;
mod bits;
mod block;
mod buffer;
mod columns;
mod context;
mod contract;
pub mod fold;
mod input;
mod keyed;
mod loaded;
pub mod log;
mod nearest;
mod options;
mod outcome;
mod output;
mod ports;
mod positions;
mod run;
mod strings;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod transform;
mod types;

#[doc(hidden)]
pub use wit_bindgen::rt as wit_bindgen_runtime;

pub use crate::{
    columns::{Emit, Values},
    context::Context,
    fold::{Pane, Window},
    input::{Bools, Nullable},
    keyed::{Arrival, Clock, Group, Out, Timer, Timers},
    log::{counter, gauge},
    strings::{Binaries, Strings},
    types::{Date, Decimal, Timestamp},
};
pub use pelton_guest_macros::{Accumulator, Options, Ports, Row, State, aggregate, keyed, transform};

/// Everything that a module uses: `use pelton_guest::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Accumulator, Arrival, Binaries, Bools, Clock, Context, Date, Decimal, Emit, Group, Nullable, Options, Out,
        Pane, Ports, Row, State, Strings, Timer, Timers, Timestamp, Values, Window, aggregate, counter, gauge, keyed,
        log, transform,
    };
    #[cfg(not(target_arch = "wasm32"))]
    pub use crate::{
        options, rows,
        testing::{FoldTest, KeyedTest, Rows, Test, Testable as _, TestableAggregate as _, TestableKeyed as _, Tested},
    };
}

/// What the macros' output names. Not for people.
#[doc(hidden)]
pub mod macros {
    pub use crate::{
        batch::{Answer, Batch},
        bindings::{self, Node, Table},
        block::Block,
        columns::{ColumnsOutcome, RowValues, describe as describe_columns, run as run_columns},
        context::Context,
        fold::{
            Accumulator, AccumulatorField, Fold, FoldSlot, Groups, Retract, StateColumn, Windows,
            accumulator::{check_field, store_column},
            aggregate::{Aggregate, Opened, Retractable},
            rows::{Arrived, Done, finish as finish_aggregate, fold, makes, reads},
        },
        input::{InputColumns, InputField, InputRow, Read, view},
        keyed::{
            Call, Group, Keyed, KeyedDescription, Leave, Made, Opened as OpenedKeyed, Out, Shown, State, StateField,
            Timers, describe as describe_keyed, run as run_keyed, state_column,
        },
        loaded::Loaded,
        options::{NoOptions, OptionValue, Options, check_names, field},
        outcome::{Each, Outcome, Rejected},
        output::{Computed, OutputField, OutputRow, finish},
        ports::{Finished, Passing, PortSink, PortSpec, Ports},
        run::{describe as describe_rows, run as run_rows},
        transform::{Description, Transform},
        types::TimeUnit,
    };
    #[cfg(target_arch = "wasm32")]
    pub use crate::{keyed::KeyedSlot, transform::Slot};
    pub use serde_json::{Map, Value};

    /// Stands for an argument of a function that is not called: only its type is looked at.
    pub fn unused<T>() -> T {
        unreachable!("the function is not called")
    }
}
