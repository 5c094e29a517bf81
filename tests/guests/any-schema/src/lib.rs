//! The module of the differential tests: a transform that learns its input's columns in `open`, whatever they are.
//!
//! `tests/differential` runs it beside a naive evaluator of the same rules. It is written against `wit/` alone, without the
//! SDK, so that a mistake of the SDK cannot hide one of the host. The options say which [`form::Form`] it plays.

mod bindings {
    wit_bindgen::generate!({ path: "../../../wit", world: "transform-operator", generate_all, pub_export_macro: true });
}
mod cell;
mod column;
mod form;

use std::sync::OnceLock;

use crate::{
    bindings::exports::pelton::operator::transform::{
        BatchContext, Contract, Failure, Guest as Transform, Input, Output, Table,
    },
    form::Form,
};

struct Guest;

/// Set by `open`, once in each instance.
static FORM: OnceLock<Form> = OnceLock::new();

impl Transform for Guest {
    fn open(inputs: Vec<Input>, options: String) -> Result<Contract, String> {
        let [input] = inputs.as_slice() else { return Err(format!("{} inputs, not one", inputs.len())) };
        let columns = column::top_level(&input.fields);
        let form = Form::read(&options, &columns)?;
        let contract = form.contract(&columns);
        FORM.set(form).map_err(|_| "opened twice".to_owned())?;
        Ok(contract)
    }

    fn process(context: BatchContext, rows: Table) -> Result<Output, Failure> {
        let form = FORM.get().ok_or_else(|| Failure::Fatal("not opened".to_owned()))?;
        form.process(context.first_row, rows).ok_or_else(|| Failure::Fatal("other columns than agreed".to_owned()))
    }
}

mod exported {
    #![expect(unsafe_code, reason = "generated: the canonical ABI's exported functions")]
    crate::bindings::export!(Guest with_types_in crate::bindings);
    use crate::Guest;
}
