//! Which tasks are done: what a task that needs all before it waits for.
//!
//! No deadlock: tasks are taken in order and wait only for earlier ones, so the oldest that is under way never waits here.

use std::{
    collections::BTreeSet,
    sync::{Arc, Condvar, Mutex, PoisonError},
};

#[derive(Debug, Clone, Default)]
pub(super) struct Done(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    /// All tasks before this one are done.
    before: u64,
    /// Done, but not all before them.
    ahead: BTreeSet<u64>,
    aborted: bool,
}

impl Done {
    pub(super) fn complete(&self, sequence: u64) {
        self.change(|state| {
            state.ahead.insert(sequence);
            while state.ahead.remove(&state.before) {
                state.before += 1;
            }
        });
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

    /// Blocks until all tasks before `sequence` are done. False: the run is being aborted.
    pub(super) fn wait(&self, sequence: u64) -> bool {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.before < sequence && !state.aborted {
            state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.aborted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_when_all_before_are_done_in_any_order() {
        let done = Done::default();
        let waiting = done.clone();
        let waiter = std::thread::spawn(move || waiting.wait(3));
        for sequence in [2, 0, 1] {
            assert!(!waiter.is_finished());
            done.complete(sequence);
        }
        assert!(waiter.join().unwrap());
        done.abort();
        assert!(!done.wait(9));
    }
}
