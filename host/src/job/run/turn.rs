//! Whose turn it is: the number of the oldest task that is not yet written.
//!
//! A task whose output has grown large waits here before it makes more, so that tasks that run ahead cannot fill the memory.
//! No deadlock: tasks are taken in order, so the oldest is always running or done, and never waits.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

#[derive(Debug, Clone, Default)]
pub(super) struct Turn(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    current: u64,
    aborted: bool,
}

impl Turn {
    pub(super) fn advance(&self, current: u64) {
        self.change(|state| state.current = current);
    }

    /// Lets everybody through, to find out that the run has ended.
    pub(super) fn abort(&self) {
        self.change(|state| state.aborted = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let (state, changed) = &*self.0;
        change(&mut state.lock().unwrap_or_else(PoisonError::into_inner));
        changed.notify_all();
    }

    /// Blocks until all tasks before `sequence` are written.
    pub(super) fn wait(&self, sequence: u64) {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.current < sequence && !state.aborted {
            state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
