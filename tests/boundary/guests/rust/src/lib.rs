//! The boundary benchmark's guest in Rust: the same operators by every way to cross.
//!
//! The loops are in `pelton-boundary-kernels`; this crate only takes arguments apart and puts answers together, one
//! file for each candidate. Compiled to `wasm32-unknown-unknown` with profile `guest`.

mod bindings {
    wit_bindgen::generate!({ path: "../../wit-variants", world: "guest", generate_all, pub_export_macro: true });
}
mod buffers;
mod columns;
mod rows;

struct Guest;

mod exported {
    #![expect(unsafe_code, reason = "generated: the canonical ABI's exported functions")]
    crate::bindings::export!(Guest with_types_in crate::bindings);
    use crate::Guest;
}
