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
mod cogroup;
mod columns;
mod context;
mod contract;
pub mod dynamic;
mod enrich;
pub mod fold;
mod group;
mod grouped;
mod input;
mod kept;
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
mod slot;
mod strings;
mod tables;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod transform;
mod types;

#[doc(hidden)]
pub use wit_bindgen::rt as wit_bindgen_runtime;

pub use crate::{
    cogroup::Joined,
    columns::{Emit, Values, kept},
    context::Context,
    enrich::{Reply, Request, encode},
    fold::{Pane, Window},
    group::{Arrival, Group},
    input::{Bools, Nullable},
    keyed::{Clock, List, Map, Out, Timer, Timers},
    log::{counter, gauge},
    strings::{Binaries, Strings},
    tables::{Lookup, TableRows},
    types::{Date, Decimal, Timestamp},
};
pub use pelton_guest_macros::{
    Accumulator, Options, Ports, Row, State, Subkey, aggregate, cogroup, enrich, keyed, transform,
};

/// Everything that a module uses: `use pelton_guest::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Accumulator, Arrival, Binaries, Bools, Clock, Context, Date, Decimal, Emit, Group, Joined, List, Lookup, Map,
        Nullable, Options, Out, Pane, Ports, Reply, Request, Row, State, Strings, Subkey, TableRows, Timer, Timers,
        Timestamp, Values, Window, aggregate, cogroup, counter, encode, enrich, gauge, kept, keyed, log, transform,
    };
    #[cfg(not(target_arch = "wasm32"))]
    pub use crate::{
        options, rows,
        testing::{
            CogroupTest, EnrichTest, FoldTest, KeyedTest, ProcessTest, Rows, Test, Testable as _,
            TestableAggregate as _, TestableCogroup as _, TestableEnrich as _, TestableKeyed as _, Tested,
        },
    };
}

/// What the macros' output names. Not for people.
#[doc(hidden)]
pub mod macros {
    pub use crate::{
        batch::{Answer, Batch},
        bindings::{self, Node, Table},
        block::Block,
        cogroup::{
            Call as CogroupCall, Cogroup, Opened as OpenedCogroup, Shown as CogroupShown, describe as describe_cogroup,
            run as run_cogroup,
        },
        columns::{ColumnsOutcome, RowValues, describe as describe_columns, run as run_columns},
        context::Context,
        contract::CogroupDescription,
        dynamic::Process,
        enrich::{Enrich, Opened as OpenedEnrich, Question, Replies, Request, ask as ask_rows, run as run_enrich},
        fold::{
            Accumulator, Fold, Groups, Retract, Windows,
            accumulator::{check_field, restore as restore_field},
            aggregate::{Aggregate, Opened, Retractable},
            rows::{Arrived, Done, finish as finish_aggregate, fold, makes, reads},
        },
        input::{InputColumns, InputField, InputRow, Read, view},
        kept::{KeptField, StateColumn},
        keyed::{
            Call, Keyed, KeyedDescription, KeyedTable, KeyedTables, List, Made, Map as StateMap, Migrated, NoState,
            OlderState, Opened as OpenedKeyed, Shown, State, Subkey, SubkeyField, Timers, describe as describe_keyed,
            migrate as migrate_keyed, run as run_keyed,
        },
        loaded::Loaded,
        options::{NoOptions, OptionValue, Options, check_names, field},
        outcome::{Each, Leave, Outcome, Rejected},
        output::{Computed, OutputField, OutputRow, finish},
        ports::{Finished, Pass, Passing, PortSink, PortSpec, Ports},
        run::{describe as describe_rows, run as run_rows},
        slot::Slot,
        tables::{NoTables, SideTable, Tables, load_table, no_table, open_table},
        transform::{Description, Opened as OpenedTransform, Transform},
        types::TimeUnit,
    };
    pub use serde_json::{Map, Value};

    /// Stands for an argument of a function that is not called: only its type is looked at.
    pub fn unused<T>() -> T {
        unreachable!("the function is not called")
    }
}
