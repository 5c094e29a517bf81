//! What `std:dedup` should let pass: a set of keys, of which each is forgotten when its time to live has ended.
//!
//! Knows of the engine no more than docs/std/dedup.md says: the first row of a key passes; a key is remembered until the watermark has passed its
//! latest row by the time to live, and never forgotten in an epoch that has a row of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Outcome, oracle,
    timeline::{Guest, Timeline},
};

/// What leaves, and how many keys are remembered when all has ended.
pub fn run(timeline: &Timeline) -> (Outcome, usize) {
    let mut out = Outcome::default();
    // By key, the time of its latest row.
    let mut seen: BTreeMap<String, i64> = BTreeMap::new();
    let (mut before, mut event_time) = (i64::MIN, i64::MIN);
    for epoch in &timeline.epochs {
        let mut touched = BTreeSet::new();
        for row in epoch.batches.iter().flatten() {
            let Some(time) = row.time.filter(|time| *time != i64::MAX) else {
                out.rejected.push(row.x);
                continue;
            };
            if timeline.lateness.is_some_and(|lateness| time < before.saturating_sub(lateness)) {
                out.late.push(row.x);
                continue;
            }
            let key = oracle::name(timeline.key, row);
            if !seen.contains_key(&key) {
                out.rows.entry(key.clone()).or_default().push((time, row.command.to_owned(), row.x));
            }
            let latest = seen.entry(key.clone()).or_insert(time);
            *latest = time.max(*latest);
            touched.insert(key);
        }
        // The end of the input is no time: what is remembered then stays.
        if epoch.watermark < i64::MAX {
            event_time = event_time.max(epoch.watermark);
        }
        if let Some(ttl) = timeline.ttl {
            seen.retain(|key, latest| touched.contains(key) || *latest + ttl > event_time);
        }
        before = epoch.watermark;
    }
    (out, seen.len())
}

#[test]
fn the_timelines_have_duplicates_and_keys_that_come_again_after_they_were_forgotten() {
    let (mut rows, mut passed, mut again, mut forgotten) = (0, 0, 0, 0);
    for seed in 1..400 {
        let timeline = Timeline::random(Guest::Dedup, seed);
        let (out, remembered) = run(&timeline);
        rows += timeline.epochs.iter().flat_map(|epoch| &epoch.batches).map(Vec::len).sum::<usize>();
        passed += out.rows.values().map(Vec::len).sum::<usize>();
        again += out.rows.values().map(|rows| rows.len() - 1).sum::<usize>();
        forgotten += out.rows.len() - remembered;
    }
    println!("{rows} rows, {passed} passed, {again} of them again, {forgotten} keys forgotten in the end");
    assert!(rows > 2 * passed && again > 100 && forgotten > 100);
}
