//! The state of one partition of a join: the rows of both sides that may still find a partner.

mod gather;
mod look;
mod snapshot;

use std::sync::Arc;

use pelton_core::window::WindowKind;
use pelton_wasm::CallError;

use super::{
    JoinForm, JoinPlan, interval::IntervalStore, output::too_much, sessions::SessionStore, side::Rows,
    windowed::WindowStore,
};
use crate::state::{
    budget::{Budget, Share},
    keys::KeyCodec,
};

#[derive(Debug)]
pub struct Partition {
    pub(super) number: u16,
    pub(super) rows: Rows,
    pub(super) store: Store,
    share: Share,
}

/// How rows find each other.
#[derive(Debug)]
pub(super) enum Store {
    Interval(IntervalStore),
    Windows(WindowStore),
    Sessions(SessionStore),
}

impl Partition {
    pub fn new(plan: &JoinPlan, number: u16, budget: &Arc<Budget>) -> Self {
        let [left, _] = &plan.shuffles;
        let codec = KeyCodec::new(&left.key_fields).expect("the plan checked the key");
        let store = match &plan.form {
            JoinForm::Interval { .. } => Store::Interval(IntervalStore::default()),
            JoinForm::Windows(spec) => match spec.kind {
                WindowKind::Session { gap } => Store::Sessions(SessionStore::new(gap, spec.lateness)),
                _ => Store::Windows(WindowStore::new(spec)),
            },
        };
        Self { number, rows: Rows::new(codec.slots()), store, share: Share::new(budget) }
    }

    /// It goes by another budget from now on.
    pub fn account_to(&mut self, budget: &Arc<Budget>) {
        self.share = Share::new(budget);
        // State beyond its limit is reported by the end of the next epoch, which says it again.
        let _ = self.share.hold(self.held_bytes() as u64);
    }

    /// The end of an epoch.
    pub(super) fn settle(&mut self) -> Result<(), CallError> {
        self.rows.compact();
        let held = self.held_bytes() as u64;
        self.share.hold(held).map_err(too_much)
    }

    /// Keys that have rows.
    pub fn keys(&self) -> usize {
        self.rows.keys.len()
    }

    /// Bytes held, about.
    pub fn held_bytes(&self) -> usize {
        let store = match &self.store {
            Store::Interval(store) => store.held_bytes(),
            Store::Windows(store) => store.held_bytes(),
            Store::Sessions(store) => store.held_bytes(),
        };
        self.rows.held_bytes() + store
    }
}
