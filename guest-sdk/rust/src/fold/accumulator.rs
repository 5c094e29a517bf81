//! Accumulators: between the columns that the host keeps and a struct that `add` changes.
//!
//! `#[derive(Accumulator)]` implements [`Accumulator`]. Every column of an accumulator is nullable, because an all-null
//! row stands for the accumulator into which nothing was folded: the struct's `Default`. Fields are those of [`crate::kept`].

use crate::{
    bindings::Table,
    kept::{KeptField, StateColumn},
    loaded::Loaded,
};

/// What rows are folded into. Implemented by `#[derive(Accumulator)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an accumulator",
    label = "not an accumulator",
    note = "an aggregate is a struct whose fields the engine keeps for each group: put `#[derive(Accumulator, Default)]` on it"
)]
pub trait Accumulator: Default {
    fn columns() -> Vec<StateColumn>;
    /// One for each row; nulls are [`Default`]'s values.
    fn read(columns: &[Loaded], rows: usize) -> Result<Vec<Self>, String>;
    fn store(accumulators: Vec<Self>) -> Result<Table, String>;
    /// Fails if the default would not come back from the nulls that stand for it.
    fn check_default() -> Result<(), String>;
}

/// Accumulators from the table in which they came.
pub fn load<A: Accumulator>(table: Table) -> Result<Vec<A>, String> {
    let rows = table.rows as usize;
    A::read(&StateColumn::load(&A::columns(), table.nodes, rows, "accumulators")?, rows)
}

/// A field from what came; nulls are the default's, but for a field that can be null itself.
#[inline(always)]
pub fn restore<F: KeptField>(held: Option<F::Held>, default: F) -> F {
    F::restore(held).unwrap_or(default)
}

/// Refuses a default that nulls cannot stand for; called with each field of one.
pub fn check_field<F: KeptField>(name: &str, default: &F) -> Result<(), String> {
    match F::restore(None) {
        Some(null) if !null.is_same(default) => Err(format!(
            "`{name}` of the accumulator is Some by default, but nulls stand for the default: make it None, or no Option"
        )),
        _ => Ok(()),
    }
}
