//! The host side of every way to cross, generated from `wit-variants`.
//!
//! Arguments borrow: a batch is lowered from the slices where it lies. Answers are owned, since a guest's memory is
//! freed before the call returns.

wasmtime::component::bindgen!({
    path: "wit-variants",
    world: "guest",
    ownership: Borrowing { duplicate_if_necessary: true },
});
