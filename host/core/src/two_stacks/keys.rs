//! The lists of all keys, and what a window does to them.
//!
//! Called by the engine's reduce side, one [`TwoStacks`] for each partition of a windowed operator. Invariants, for
//! each key: panes ascend from `head` to `tail`; those from `first` to before `pending` are in the last window that
//! was closed, or were; entries with a suffix, the front, begin at `first` and follow each other; `back` is the merge
//! of the others before `pending`, and none if there are none.

use super::{
    arena::{Arena, NONE},
    plan::{Merge, Operand, Plan},
    scratch::{REFERENCES, Reference, Rows},
};
use crate::window::Window;

/// One key's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    /// The earliest pane that is kept.
    pub(super) head: u32,
    pub(super) tail: u32,
    /// The earliest pane of front and back.
    pub(super) first: u32,
    /// The earliest pane that neither front nor back has.
    pub(super) pending: u32,
    pub(super) back: Reference,
}

pub(super) const EMPTY: Key = Key { head: NONE, tail: NONE, first: NONE, pending: NONE, back: Reference::NONE };

/// The panes of every key of a partition. Keys are small numbers that the engine gives, without large holes.
#[derive(Debug)]
pub struct TwoStacks {
    pub(super) keys: Vec<Key>,
    /// Keys that have panes, in the order in which they got the first.
    pub(super) active: Vec<u32>,
    pub(super) arena: Arena,
    pub(super) scratch: Rows,
    pub(super) plan: Plan,
    /// Answers of the plan that have a scratch row of their own.
    pub(super) answer_rows: Vec<Reference>,
    /// Where the last window closed began: no window to come has panes before it.
    pub(super) closed_start: i64,
    /// The window that begins here, or later, has nothing of the fronts that were made last.
    pub(super) flip_from: i64,
}

impl Default for TwoStacks {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            active: Vec::new(),
            arena: Arena::default(),
            scratch: Rows::default(),
            plan: Plan::default(),
            answer_rows: Vec::new(),
            closed_start: i64::MIN,
            flip_from: i64::MIN,
        }
    }
}

impl TwoStacks {
    /// The payload of a key's pane: `fresh` if it had none, which is then its own. The engine merges into it what has
    /// arrived. Takes as many steps as the key has later panes.
    pub fn upsert(&mut self, key: u32, pane: i64, fresh: u32) -> u32 {
        assert!(fresh < REFERENCES, "payloads are below 2³¹ − 1");
        if self.keys.len() <= key as usize {
            self.keys.resize(key as usize + 1, EMPTY);
        }
        let list = self.key(key);
        let (mut previous, mut next) = (list.tail, NONE);
        while previous != NONE && self.arena.get(previous).pane > pane {
            (previous, next) = (self.arena.get(previous).previous, previous);
        }
        if previous != NONE && self.arena.get(previous).pane == pane {
            self.invalidate(key, previous, previous);
            return self.arena.get(previous).payload;
        }
        let new = self.arena.link(pane, fresh, previous, next);
        if previous == NONE && next == NONE {
            self.active.push(key);
        }
        let list = self.key_mut(key);
        if previous == NONE {
            list.head = new;
        }
        if next == NONE {
            list.tail = new;
        }
        self.invalidate(key, next, new);
        fresh
    }

    /// The payload of a key's pane, if it has that pane.
    pub fn find(&self, key: u32, pane: i64) -> Option<u32> {
        let mut at = self.keys.get(key as usize)?.tail;
        while at != NONE && self.arena.get(at).pane > pane {
            at = self.arena.get(at).previous;
        }
        (at != NONE).then(|| self.arena.get(at)).filter(|entry| entry.pane == pane).map(|entry| entry.payload)
    }

    /// All panes: key, start, payload. Key by key, in the order in which they got their first pane, and those of a key in order of time.
    pub fn panes(&self) -> impl Iterator<Item = (u32, i64, u32)> {
        self.active.iter().flat_map(move |key| {
            let mut at = self.key(*key).head;
            std::iter::from_fn(move || {
                let entry = (at != NONE).then(|| self.arena.get(at))?;
                at = entry.next;
                Some((*key, entry.pane, entry.payload))
            })
        })
    }

    /// The earliest pane of a key from `from` on.
    pub fn earliest_of(&self, key: u32, from: i64) -> Option<i64> {
        let mut at = self.keys.get(key as usize)?.head;
        while at != NONE && self.arena.get(at).pane < from {
            at = self.arena.next(at);
        }
        (at != NONE).then(|| self.arena.get(at).pane)
    }

    /// Takes a key's pane out, with what was merged of it: the plan has no merges, and says that the pane is dropped. Its other panes
    /// are merged again when the next window closes.
    pub fn remove(&mut self, key: u32, pane: i64) -> &Plan {
        self.begin();
        let mut at = self.key(key).head;
        while at != NONE && self.arena.get(at).pane < pane {
            at = self.arena.next(at);
        }
        if at != NONE && self.arena.get(at).pane == pane {
            self.unmerge(key);
            let entry = self.arena.unlink(at);
            self.plan.drop_pane(entry.payload);
            let list = self.key_mut(key);
            if list.head == at {
                list.head = entry.next;
            }
            if list.tail == at {
                list.tail = entry.previous;
            }
            if list.pending == at {
                (list.first, list.pending) = (entry.next, entry.next);
            }
            if list.head == NONE {
                *list = EMPTY;
                self.active.retain(|active| *active != key);
                self.plan.forget(key);
            }
        }
        self.plan.set_scratch_rows(self.scratch.rows());
        &self.plan
    }

    /// Keys that have panes.
    pub fn active(&self) -> usize {
        self.active.len()
    }

    /// The earliest pane from `from` on that any key has: what [`crate::window::Closed::skip_to`] goes on with.
    pub fn earliest(&self, from: i64) -> Option<i64> {
        self.active.iter().filter_map(|key| self.earliest_of(*key, from)).min()
    }

    /// The merges that give every key's accumulator of `window`, which is after all that were closed before. Panes
    /// before `keep` are of no use after it: with no lateness, those that the next window does not have.
    pub fn close(&mut self, window: Window, keep: i64) -> &Plan {
        self.begin();
        self.closed_start = window.start;
        let flips = window.start >= self.flip_from && window.start < window.end;
        if flips {
            self.flip_from = window.end;
        }
        let mut active = std::mem::take(&mut self.active);
        active.retain(|key| {
            self.leave(*key, window.start);
            if flips {
                self.unmerge(*key);
            }
            self.close_key(*key, window);
            self.leave(*key, keep);
            self.drop_panes(*key, keep);
            let is_active = self.key(*key).head != NONE;
            if !is_active {
                self.plan.forget(*key);
            }
            is_active
        });
        self.active = active;
        self.plan.set_scratch_rows(self.scratch.rows());
        &self.plan
    }

    /// The merges that give the accumulators of single windows, closed or open, from their panes alone: for late rows
    /// and early results. Each takes as many merges as its key has panes in it; nothing of it is remembered.
    pub fn fold(&mut self, windows: impl IntoIterator<Item = (u32, Window)>) -> &Plan {
        self.begin();
        windows.into_iter().for_each(|(key, window)| self.fold_key(key, window));
        self.plan.set_scratch_rows(self.scratch.rows());
        &self.plan
    }

    /// Scratch rows in use: for the tests.
    #[cfg(test)]
    pub fn scratch_used(&self) -> usize {
        self.scratch.used()
    }

    fn begin(&mut self) {
        let Self { answer_rows, scratch, plan, .. } = self;
        answer_rows.drain(..).for_each(|reference| scratch.give_back(reference));
        scratch.recycle();
        plan.clear();
    }

    fn key(&self, key: u32) -> Key {
        self.keys.get(key as usize).copied().unwrap_or(EMPTY)
    }

    fn key_mut(&mut self, key: u32) -> &mut Key {
        self.keys.get_mut(key as usize).expect("keys with panes have a list")
    }

    /// The panes before `start` leave front and back. A back that loses one is no longer what it was: what is left of
    /// it waits to be flipped.
    fn leave(&mut self, key: u32, start: i64) {
        let mut list = self.key(key);
        let mut has_lost = false;
        while list.first != list.pending && self.arena.get(list.first).pane < start {
            let entry = self.arena.get_mut(list.first);
            let suffix = std::mem::replace(&mut entry.suffix, Reference::NONE);
            list.first = entry.next;
            has_lost |= suffix.is_none();
            self.scratch.give_back(suffix);
        }
        if has_lost {
            self.scratch.give_back(list.back);
            list.back = Reference::NONE;
            list.pending = list.first;
        }
        *self.key_mut(key) = list;
    }

    /// Front and back take what is pending of the window, and the answer is made of them.
    fn close_key(&mut self, key: u32, window: Window) {
        let mut list = self.key(key);
        while list.first == list.pending && self.is_before(list.pending, window.start) {
            list.pending = self.arena.next(list.pending);
            list.first = list.pending;
        }
        let mut stop = list.pending;
        while self.is_before(stop, window.end) {
            stop = self.arena.next(stop);
        }
        if list.first == list.pending {
            self.flip(list, stop);
        } else {
            list.back = self.append(list, stop);
        }
        list.pending = stop;
        *self.key_mut(key) = list;
        let front = if list.first == stop { Reference::NONE } else { self.arena.get(list.first).suffix };
        match (front.operand(), list.back.operand()) {
            (Some(left), Some(right)) => {
                let into = self.scratch.take();
                self.answer_rows.push(Operand::Scratch(into).into());
                self.plan.push_last(Merge { left, right, into });
                self.plan.answer(key, Operand::Scratch(into));
            }
            (Some(at), None) | (None, Some(at)) => self.plan.answer(key, at),
            (None, None) => {}
        }
    }

    fn is_before(&self, index: u32, time: i64) -> bool {
        index != NONE && self.arena.get(index).pane < time
    }

    /// Makes suffixes of all pending panes before `stop`, from the last one on.
    fn flip(&mut self, list: Key, stop: u32) {
        if list.pending == stop {
            return;
        }
        let mut at = if stop == NONE { list.tail } else { self.arena.get(stop).previous };
        let mut suffix = Operand::Pane(self.arena.get(at).payload);
        self.arena.get_mut(at).suffix = suffix.into();
        let mut round = 0;
        while at != list.pending {
            at = self.arena.get(at).previous;
            let into = self.scratch.take();
            let left = Operand::Pane(self.arena.get(at).payload);
            self.plan.push(round, Merge { left, right: suffix, into });
            round += 1;
            suffix = Operand::Scratch(into);
            self.arena.get_mut(at).suffix = suffix.into();
        }
    }

    /// Merges all pending panes before `stop` into the back.
    fn append(&mut self, list: Key, stop: u32) -> Reference {
        let mut back = list.back.operand();
        let mut at = list.pending;
        let mut round = 0;
        while at != stop {
            let entry = *self.arena.get(at);
            back = Some(self.merge_next(back, entry.payload, &mut round));
            at = entry.next;
        }
        back.map_or(Reference::NONE, Reference::from)
    }

    /// A running merge takes one more pane: in its own scratch row, once it needs one.
    fn merge_next(&mut self, running: Option<Operand>, payload: u32, round: &mut usize) -> Operand {
        let right = Operand::Pane(payload);
        let Some(left) = running else { return right };
        let into = match left {
            Operand::Scratch(row) => row,
            Operand::Pane(_) => self.scratch.take(),
        };
        self.plan.push(*round, Merge { left, right, into });
        *round += 1;
        Operand::Scratch(into)
    }

    fn fold_key(&mut self, key: u32, window: Window) {
        let mut at = self.key(key).tail;
        while at != NONE && self.arena.get(at).pane > window.start {
            let previous = self.arena.get(at).previous;
            if previous == NONE || self.is_before(previous, window.start) {
                break;
            }
            at = previous;
        }
        let mut running = None;
        let mut round = 0;
        while self.is_before(at, window.end) {
            let entry = *self.arena.get(at);
            if entry.pane >= window.start {
                running = Some(self.merge_next(running, entry.payload, &mut round));
            }
            at = entry.next;
        }
        let Some(at) = running else { return };
        if let Operand::Scratch(_) = at {
            self.answer_rows.push(at.into());
        }
        self.plan.answer(key, at);
    }

    /// Takes the panes before `keep` off a list whose front and back do not have them.
    fn drop_panes(&mut self, key: u32, keep: i64) {
        let mut list = self.key(key);
        while self.is_before(list.head, keep) {
            let index = list.head;
            let entry = self.arena.unlink(index);
            self.plan.drop_pane(entry.payload);
            list.head = entry.next;
            if list.pending == index {
                list.pending = entry.next;
                list.first = entry.next;
            }
        }
        if list.head == NONE {
            list = EMPTY;
        }
        *self.key_mut(key) = list;
    }

    /// A pane has changed: `new` is it, and `at` is `new` itself, or the pane after it where `new` has just been
    /// inserted. Drops the merges that should have had it; its panes are pending again.
    fn invalidate(&mut self, key: u32, at: u32, new: u32) {
        let list = self.key(key);
        if at == list.pending {
            let is_without_live = list.first == list.pending;
            let list = self.key_mut(key);
            list.pending = new;
            if is_without_live {
                list.first = new;
            }
            return;
        }
        let is_after = |bound: u32| bound != NONE && self.arena.get(at).pane >= self.arena.get(bound).pane;
        if at == NONE || is_after(list.pending) || list.first == list.pending || !is_after(list.first) {
            return; // among the pending or the kept
        }
        if at == list.first && self.is_before(new, self.closed_start) {
            return; // no window to come has it
        }
        if self.arena.get(at).suffix.is_none() {
            self.drop_back(key, at, new);
        } else {
            self.drop_front_and_back(key, if at == list.first { new } else { list.first });
        }
    }

    /// Makes the panes of the back pending, to which `new` belongs.
    fn drop_back(&mut self, key: u32, at: u32, new: u32) {
        let mut list = self.key(key);
        let mut begin = new;
        if at != list.first {
            while begin != list.first {
                let previous = self.arena.get(begin).previous;
                if !self.arena.get(previous).suffix.is_none() {
                    break;
                }
                begin = previous;
            }
        }
        if at == list.first || begin == list.first {
            list.first = begin;
        }
        list.pending = begin;
        self.scratch.give_back(std::mem::replace(&mut list.back, Reference::NONE));
        *self.key_mut(key) = list;
    }

    /// Makes all panes of front and back pending, for the key to flip with all others: else each window would find some
    /// keys that flip, and take as many rounds of few merges as those have panes.
    fn unmerge(&mut self, key: u32) {
        let list = self.key(key);
        if list.first != list.pending {
            self.drop_front_and_back(key, list.first);
        }
    }

    /// Makes all panes from `begin` on pending.
    fn drop_front_and_back(&mut self, key: u32, begin: u32) {
        let mut list = self.key(key);
        let mut at = list.first;
        while at != NONE && at != list.pending {
            let entry = self.arena.get_mut(at);
            let suffix = std::mem::replace(&mut entry.suffix, Reference::NONE);
            at = entry.next;
            self.scratch.give_back(suffix);
        }
        self.scratch.give_back(list.back);
        list = Key { first: begin, pending: begin, back: Reference::NONE, ..list };
        *self.key_mut(key) = list;
    }
}
