//! Sessions against sorting all rows and cutting where they lie a gap apart.

use std::collections::BTreeMap;

use super::*;
use crate::random::Random;

/// Rows as runs whose members lie less than `gap` apart.
fn naive(rows: &[i64], gap: i64) -> Vec<Vec<i64>> {
    let mut rows = rows.to_vec();
    rows.sort_unstable();
    rows.chunk_by(|left, right| right - left < gap).map(<[i64]>::to_vec).collect()
}

/// An engine whose accumulators are the rows themselves.
#[derive(Default)]
struct Engine {
    sessions: Sessions,
    slots: BTreeMap<u32, Vec<i64>>,
    next: u32,
}

impl Engine {
    fn insert(&mut self, rows: Vec<i64>, gap: i64) -> Merge {
        let (start, last) = (rows[0], rows[rows.len() - 1]);
        self.slots.insert(self.next, rows);
        let merge = self.sessions.insert(start, last, self.next, gap);
        self.next += 1;
        let mut firsts = vec![self.slots[&merge.into][0]];
        for slot in merge.absorbed.iter() {
            let absorbed = self.slots.remove(&slot).expect("absorbed once");
            firsts.push(absorbed[0]);
            self.slots.get_mut(&merge.into).expect("kept").extend(absorbed);
        }
        assert!(firsts.is_sorted(), "merged in order of first rows: {firsts:?}");
        merge
    }

    /// The rows of each session, each sorted.
    fn rows(&self) -> Vec<Vec<i64>> {
        let sorted = |session: &Session| {
            let mut rows = self.slots[&session.slot].clone();
            rows.sort_unstable();
            assert_eq!((rows.first(), rows.last()), (Some(&session.start), Some(&session.last)));
            rows
        };
        self.sessions.iter().map(sorted).collect()
    }
}

#[test]
fn sessions_are_those_of_the_sorted_rows_whatever_their_order() {
    let mut random = Random::for_test("sessions_are_those");
    for _ in 0..5_000 {
        let gap = random.within(1, 12);
        let mut engine = Engine::default();
        let mut all = Vec::new();
        for _ in 0..random.within(1, 25) {
            let mut rows = vec![random.within(-60, 60)];
            while random.once_in(2) {
                rows.push(rows[rows.len() - 1] + random.within(0, gap));
            }
            all.extend(rows.clone());
            engine.insert(rows, gap);
            assert_eq!(engine.rows(), naive(&all, gap), "gap {gap}");
            assert_eq!(engine.slots.len(), engine.sessions.iter().count(), "absorbed slots are free");
        }
    }
}

#[test]
fn a_watermark_closes_sessions_that_no_punctual_row_can_join() {
    let mut random = Random::for_test("a_watermark_closes_sessions");
    for _ in 0..3_000 {
        let (gap, lateness) = (random.within(1, 12), random.within(0, 15));
        let mut engine = Engine::default();
        let (mut open, mut watermark) = (Vec::new(), i64::MIN);
        for time in 0..60 {
            let row = time + random.within(-30, 10);
            let mut joined = open.clone();
            joined.push(row);
            let run = naive(&joined, gap).into_iter().find(|run| run.contains(&row)).expect("it is there");
            let (start, end) = (run[0], run[run.len() - 1] + gap);
            assert_eq!(engine.sessions.joined(row, row, gap), (start, end));
            if is_late(end, lateness, watermark) {
                assert!(row < watermark, "only rows before the watermark are late");
            } else {
                open.push(row);
                engine.insert(vec![row], gap);
            }
            if random.once_in(3) {
                let before = watermark;
                watermark = watermark.max(time - random.within(0, 10));
                let ends = |run: &Vec<i64>| run[run.len() - 1] + gap;
                let ended: Vec<i64> = engine.sessions.ended(gap, before, watermark).map(|s| s.end(gap)).collect();
                let runs = naive(&open, gap);
                let expected = runs.iter().map(ends).filter(|end| before < *end && *end <= watermark);
                assert!(expected.eq(ended), "{before} {watermark}");
                let closed: Vec<Session> = engine.sessions.close(gap, lateness, watermark).collect();
                let is_closed = |run: &&Vec<i64>| ends(run) + lateness <= watermark;
                assert_eq!(closed.len(), runs.iter().filter(is_closed).count());
                closed.iter().for_each(|session| drop(engine.slots.remove(&session.slot)));
                open = runs.into_iter().filter(|run| !is_closed(&run)).flatten().collect();
                assert_eq!(engine.rows(), naive(&open, gap));
            }
        }
    }
}

#[test]
fn a_late_row_bridges_two_sessions() {
    let mut engine = Engine::default();
    assert!(engine.insert(vec![0, 5], 10).absorbed.is_empty());
    assert!(engine.insert(vec![20], 10).absorbed.is_empty());
    let merge = engine.insert(vec![12], 10);
    assert_eq!((merge.into, merge.absorbed.iter().collect::<Vec<_>>()), (0, vec![2, 1]));
    assert_eq!(engine.rows(), [[0, 5, 12, 20]]);
}

#[test]
fn rows_exactly_a_gap_apart_are_two_sessions() {
    let mut engine = Engine::default();
    engine.insert(vec![0], 10);
    engine.insert(vec![10], 10);
    assert_eq!(engine.rows(), [[0], [10]]);
    engine.insert(vec![9], 10);
    assert_eq!(engine.rows(), [[0, 9, 10]]);
}

#[test]
fn the_ends_of_time_do_not_overflow() {
    let mut engine = Engine::default();
    engine.insert(vec![i64::MAX - 1], 10);
    engine.insert(vec![i64::MAX], 10);
    engine.insert(vec![i64::MIN], 10);
    assert_eq!(engine.sessions.iter().count(), 2);
    assert_eq!(engine.sessions.close(10, 10, i64::MAX).count(), 2);
    assert!(engine.sessions.is_empty());
}
