//! What `wit/` says, as Rust: generated types, the imports, and the macro that exports a module.
//!
//! Everything else in this crate, native or wasm, speaks in these types, so the offline harness and
//! the host exercise the same code. Only [`crate::transform`], [`crate::fold`], [`crate::keyed`], [`crate::cogroup`] and [`crate::enrich`] use the export
//! macros. All
//! worlds share the types of the first, so that there is one `Table` in this crate.

wit_bindgen::generate!({
    path: "../../wit",
    world: "transform-operator",
    pub_export_macro: true,
    export_macro_name: "export_transform",
    default_bindings_module: "::pelton_guest::bindings",
    runtime_path: "::pelton_guest::wit_bindgen_runtime",
    generate_all,
});

pub use self::{
    exports::pelton::operator::transform::Guest as TransformGuest,
    pelton::operator::types::{
        BatchContext, Contract, Emitted, Failure, Field, Input, Node, Output, OutputField, Port, Rejection, StateTable,
        Table,
    },
};

/// The world of aggregates.
pub mod aggregate {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "aggregate-operator",
        with: {
            "pelton:operator/types@0.1.0": crate::bindings::pelton::operator::types,
            "pelton:operator/log@0.1.0": crate::bindings::pelton::operator::log,
        },
        pub_export_macro: true,
        export_macro_name: "export_aggregate",
        default_bindings_module: "::pelton_guest::bindings::aggregate",
        runtime_path: "::pelton_guest::wit_bindgen_runtime",
    });

    pub use self::exports::pelton::operator::aggregate::Guest;
}

/// What an aggregate that can take rows back exports besides: a module of `retractable-aggregate-operator` is of both worlds.
pub mod retractable {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package pelton:sdk; world retract { export pelton:operator/retractable@0.1.0; }",
        world: "pelton:sdk/retract",
        with: { "pelton:operator/types@0.1.0": crate::bindings::pelton::operator::types },
        pub_export_macro: true,
        export_macro_name: "export_retractable",
        default_bindings_module: "::pelton_guest::bindings::retractable",
        runtime_path: "::pelton_guest::wit_bindgen_runtime",
    });

    pub use self::exports::pelton::operator::retractable::Guest;
}

/// The world of keyed operators.
pub mod keyed {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "keyed-operator",
        with: {
            "pelton:operator/types@0.1.0": crate::bindings::pelton::operator::types,
            "pelton:operator/log@0.1.0": crate::bindings::pelton::operator::log,
        },
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_keyed",
        default_bindings_module: "::pelton_guest::bindings::keyed",
        runtime_path: "::pelton_guest::wit_bindgen_runtime",
    });

    pub use self::exports::pelton::operator::keyed::{Change, Guest, KeyedEmitted, KeyedOutput, TimerChanges, Timers};
}

/// The world of cogroups.
pub mod cogroup {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "cogroup-operator",
        with: {
            "pelton:operator/types@0.1.0": crate::bindings::pelton::operator::types,
            "pelton:operator/log@0.1.0": crate::bindings::pelton::operator::log,
        },
        pub_export_macro: true,
        export_macro_name: "export_cogroup",
        default_bindings_module: "::pelton_guest::bindings::cogroup",
        runtime_path: "::pelton_guest::wit_bindgen_runtime",
    });

    pub use self::exports::pelton::operator::cogroup::Guest;
}

/// The world of enrich operators.
pub mod enrich {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "enrich-operator",
        with: {
            "pelton:operator/types@0.1.0": crate::bindings::pelton::operator::types,
            "pelton:operator/log@0.1.0": crate::bindings::pelton::operator::log,
        },
        pub_export_macro: true,
        export_macro_name: "export_enrich",
        default_bindings_module: "::pelton_guest::bindings::enrich",
        runtime_path: "::pelton_guest::wit_bindgen_runtime",
    });

    pub use self::exports::pelton::operator::enrich::{Guest, Reply, Request, Requests};
}

/// What a module that reads state of older versions exports besides.
pub mod migrate {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "with-migrate",
        with: { "pelton:operator/types@0.1.0": crate::bindings::pelton::operator::types },
        pub_export_macro: true,
        export_macro_name: "export_migrate",
        default_bindings_module: "::pelton_guest::bindings::migrate",
        runtime_path: "::pelton_guest::wit_bindgen_runtime",
    });

    pub use self::exports::pelton::operator::migrate::Guest;
}

/// What a module with side tables exports besides.
pub mod tables {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "with-tables",
        with: { "pelton:operator/types@0.1.0": crate::bindings::pelton::operator::types },
        pub_export_macro: true,
        export_macro_name: "export_tables",
        default_bindings_module: "::pelton_guest::bindings::tables",
        runtime_path: "::pelton_guest::wit_bindgen_runtime",
    });

    pub use self::exports::pelton::operator::tables::Guest;
}
