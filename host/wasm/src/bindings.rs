//! Host bindings of `wit/`, made by wasmtime's `bindgen!`.
//!
//! What goes in borrows from the batch (one copy, made by the lowering); what comes out is owned
//! (one copy, made by the lifting).

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "transform-operator",
    ownership: Borrowing { duplicate_if_necessary: true },
    imports: { default: trappable },
});
