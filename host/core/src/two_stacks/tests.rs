//! Windows against concatenating their panes: merges that are associative and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{
    random::Random,
    window::{Panes, Window, WindowKind},
};

/// An engine whose accumulators are lists of rows, and merges append.
#[derive(Default)]
struct Engine {
    stacks: TwoStacks,
    payloads: Vec<Vec<u32>>,
    scratch: Vec<Vec<u32>>,
    /// Merges so far, the last round of each plan left out.
    chained: usize,
}

impl Engine {
    fn add(&mut self, key: u32, pane: i64, row: u32) -> u32 {
        let fresh = self.payloads.len() as u32;
        let payload = self.stacks.upsert(key, pane, fresh);
        assert_eq!(self.stacks.find(key, pane), Some(payload));
        if payload == fresh {
            self.payloads.push(Vec::new());
        }
        self.payloads[payload as usize].push(row);
        payload
    }

    fn read(&self, at: Operand) -> &Vec<u32> {
        match at {
            Operand::Pane(payload) => &self.payloads[payload as usize],
            Operand::Scratch(row) => &self.scratch[row as usize],
        }
    }

    /// Carries a plan out, and returns the answers.
    fn run(&mut self, plan: &Plan) -> Vec<(u32, Vec<u32>)> {
        self.scratch.resize(plan.scratch_rows(), Vec::new());
        for round in plan.rounds() {
            assert!(!round.is_empty());
            let written: BTreeSet<u32> = round.iter().map(|merge| merge.into).collect();
            assert_eq!(written.len(), round.len(), "no row is written twice in a round");
            let foreign =
                |merge: &Merge, at| matches!(at, Operand::Scratch(row) if row != merge.into && written.contains(&row));
            assert!(!round.iter().any(|merge| foreign(merge, merge.left) || foreign(merge, merge.right)));
            for merge in round {
                let merged = [self.read(merge.left).clone(), self.read(merge.right).clone()].concat();
                self.scratch[merge.into as usize] = merged;
            }
            self.chained += round.len();
        }
        plan.answers().iter().map(|answer| (answer.key, self.read(answer.at).clone())).collect()
    }

    fn close(&mut self, window: Window, keep: i64) -> (Vec<(u32, Vec<u32>)>, Plan) {
        let plan = self.stacks.close(window, keep).clone();
        (self.run(&plan), plan)
    }
}

type Model = BTreeMap<(u32, i64), (u32, Vec<u32>)>;

/// What each key has in a window, pane after pane.
fn naive(model: &Model, window: Window) -> BTreeMap<u32, Vec<u32>> {
    let mut answers: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for ((key, pane), (_, rows)) in model {
        if (window.start..window.end).contains(pane) {
            answers.entry(*key).or_default().extend(rows);
        }
    }
    answers
}

#[test]
fn windows_are_what_their_panes_come_to_with_late_rows_and_gaps() {
    let mut random = Random::for_test("windows_are_what");
    for _ in 0..1_500 {
        let slide = random.within(1, 6);
        let length = slide + random.within(0, 20);
        let lateness = if random.once_in(2) { 0 } else { random.within(1, 20) };
        let mut panes = Panes::new(&WindowKind::Sliding { length, slide, offset: 0 }).expect("a good kind");
        let mut engine = Engine::default();
        let mut model = Model::new();
        let (mut watermark, mut keep, mut row) = (i64::MIN, i64::MIN, 0);
        let keys = random.within(1, 6);
        for time in 0..40 {
            for _ in 0..random.within(0, 6) {
                let pane = panes.pane_start(time + random.within(-lateness - 2, 8));
                if pane < keep || pane + length <= watermark.saturating_sub(lateness) {
                    continue;
                }
                let key = random.within(0, keys) as u32;
                row += 1;
                let payload = engine.add(key, pane, row);
                let entry = model.entry((key, pane)).or_insert((payload, Vec::new()));
                assert_eq!(entry.0, payload);
                entry.1.push(row);
            }
            let some = random.within(0, 5 * model.len().max(1) as i64) as usize;
            if let Some((key, pane)) = model.keys().nth(some).copied() {
                let (payload, _) = model.remove(&(key, pane)).expect("it is there");
                let plan = engine.stacks.remove(key, pane);
                assert_eq!((plan.dropped(), plan.rounds().count()), (&[payload][..], 0));
                let is_last = !model.keys().any(|(other, _)| *other == key);
                assert_eq!(plan.forgotten(), if is_last { vec![key] } else { Vec::new() });
                assert!(engine.stacks.find(key, pane).is_none());
            }
            let to = time - random.within(0, 6);
            if to <= watermark {
                continue;
            }
            let from = std::mem::replace(&mut watermark, to).max(-100);
            for window in panes.closed(from, to) {
                keep = window.start + slide - lateness;
                let expected = naive(&model, window);
                let (answers, plan) = engine.close(window, keep);
                assert_eq!(answers.len(), expected.len(), "one answer for each key that has rows");
                assert_eq!(answers.into_iter().collect::<BTreeMap<_, _>>(), expected, "{length} {slide} {window:?}");
                let kept = model.split_off(&(0, i64::MIN)).into_iter().partition(|((_, pane), _)| *pane >= keep);
                let (kept, gone): (Model, Model) = kept;
                model = kept;
                let payloads: BTreeSet<u32> = gone.values().map(|(payload, _)| *payload).collect();
                assert_eq!(plan.dropped().iter().copied().collect::<BTreeSet<_>>(), payloads);
                assert_eq!(plan.dropped().len(), payloads.len(), "dropped once");
                let live: BTreeSet<u32> = model.keys().map(|(key, _)| *key).collect();
                assert_eq!(engine.stacks.active(), live.len());
                assert!(plan.forgotten().iter().all(|key| !live.contains(key)));
            }
            let start = random.within(time - 20, time + 5);
            let window = Window { start, end: start + random.within(1, 15) };
            let plan = engine.stacks.fold((0..keys as u32).map(|key| (key, window))).clone();
            assert_eq!(engine.run(&plan).into_iter().collect::<BTreeMap<_, _>>(), naive(&model, window));
            let earliest = model.keys().map(|(_, pane)| *pane).filter(|pane| *pane >= start).min();
            assert_eq!(engine.stacks.earliest(start), earliest);
        }
        engine.close(Window { start: 1000, end: 1001 }, 1000);
        engine.stacks.fold([]);
        assert_eq!((engine.stacks.active(), engine.stacks.scratch_used()), (0, 0), "nothing is left behind");
    }
}

/// Merges per window of one key with a row in every pane.
fn merges_per_window(length: i64) -> f64 {
    let mut engine = Engine::default();
    let windows = 3 * length;
    for time in 0..windows {
        engine.stacks.upsert(0, time, time as u32);
        let plan = engine.stacks.close(Window { start: time + 1 - length, end: time + 1 }, time + 2 - length);
        engine.chained += plan.rounds().map(<[Merge]>::len).sum::<usize>();
        assert_eq!(plan.answers().len(), 1);
    }
    engine.chained as f64 / windows as f64
}

#[test]
fn the_cost_of_a_window_does_not_grow_with_its_panes() {
    for length in [1, 2, 10, 100, 3600] {
        let merges = merges_per_window(length);
        assert!(merges <= 3.0, "{length} panes: {merges} merges");
    }
}

#[test]
fn a_key_with_one_pane_needs_no_merge_and_no_scratch() {
    let mut engine = Engine::default();
    for key in 0..100 {
        engine.add(key, 5, key);
    }
    let (answers, plan) = engine.close(Window { start: 0, end: 10 }, 1);
    assert_eq!((answers.len(), plan.rounds().count(), plan.scratch_rows()), (100, 0, 0));
    let (_, plan) = engine.close(Window { start: 5, end: 15 }, 6);
    assert_eq!((plan.dropped().len(), plan.forgotten().len()), (100, 100));
}

#[test]
fn keys_share_rounds() {
    let mut engine = Engine::default();
    for key in 0..50 {
        for pane in 0..4 {
            engine.add(key, pane, 0);
        }
    }
    let (_, plan) = engine.close(Window { start: 0, end: 4 }, 0);
    assert_eq!(plan.rounds().map(<[Merge]>::len).collect::<Vec<_>>(), [50, 50, 50]);
}
