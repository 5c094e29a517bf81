//! What an instance has opened: the same for every kind of operator.
//!
//! Called by what the macros export. It stays until the next `open`; natively it is not used but by tests of the exports.

use std::cell::RefCell;

use crate::bindings::{Contract, Failure};

/// What this instance has opened.
#[derive(Debug)]
pub struct Slot<O>(RefCell<Option<O>>);

impl<O> Slot<O> {
    #[expect(clippy::new_without_default, reason = "a default would not be const")]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// Keeps what `open` made, and answers with its contract.
    pub fn open(&self, open: impl FnOnce() -> Result<(Contract, O), String>) -> Result<Contract, String> {
        #[cfg(target_arch = "wasm32")]
        crate::log::report_panics();
        let (contract, opened) = open()?;
        self.0.replace(Some(opened));
        Ok(contract)
    }

    /// Calls `function` with what was opened.
    pub fn call<T>(&self, function: impl FnOnce(&O) -> Result<T, String>) -> Result<T, Failure> {
        self.change(|opened| function(opened))
    }

    /// As [`Slot::call`], for what changes it.
    pub fn change<T>(&self, function: impl FnOnce(&mut O) -> Result<T, String>) -> Result<T, Failure> {
        self.ask(|opened| function(opened).map_err(Failure::Fatal))
    }

    /// As [`Slot::change`], for what may want to be called again.
    pub fn ask<T>(&self, function: impl FnOnce(&mut O) -> Result<T, Failure>) -> Result<T, Failure> {
        match self.0.borrow_mut().as_mut() {
            Some(opened) => function(opened),
            None => Err(Failure::Fatal("the module was called before `open`".to_owned())),
        }
    }
}
