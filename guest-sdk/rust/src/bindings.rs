//! What `wit/` says, as Rust: generated types, the imports, and the macro that exports a module.
//!
//! Everything else in this crate, native or wasm, speaks in these types, so the offline harness and
//! the host exercise the same code. Only [`crate::transform`] uses the export macro.

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
        BatchContext, Contract, Emitted, Failure, Field, Input, Node, Output, OutputField, Port, Rejection, Table,
    },
};
