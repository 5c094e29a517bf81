//! How far event time has come at the end of each epoch, for each source.
//!
//! Compute threads report what they saw, the planner which sources have ended. An epoch's watermark is asked for only after all
//! of its tasks are done, so it does not depend on who asks, or when.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use pelton_core::model::Epoch;

/// What is known of one source.
#[derive(Debug)]
struct Source {
    /// Bound of the disorder, in µs.
    bound: i64,
    /// The latest event time of each epoch that had one, in µs.
    latest: BTreeMap<Epoch, i64>,
    ended: Option<Epoch>,
}

#[derive(Debug)]
pub(super) struct EventTimes(Mutex<Vec<Source>>);

impl EventTimes {
    /// One bound for each source.
    pub(super) fn new(bounds: impl Iterator<Item = i64>) -> Self {
        let source = |bound| Source { bound, latest: BTreeMap::new(), ended: None };
        Self(Mutex::new(bounds.map(source).collect()))
    }

    /// A task of `epoch` saw rows of `source` up to `latest`.
    pub(super) fn saw(&self, source: usize, epoch: Epoch, latest: i64) {
        self.with(source, |source| {
            let known = source.latest.entry(epoch).or_insert(latest);
            *known = latest.max(*known);
        });
    }

    /// `source` has no rows after `epoch`.
    pub(super) fn ended(&self, source: usize, epoch: Epoch) {
        self.with(source, |source| source.ended = Some(epoch));
    }

    fn with(&self, source: usize, change: impl FnOnce(&mut Source)) {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = sources.get_mut(source) {
            change(source);
        }
    }

    /// The watermark of these sources together at the end of `epoch`: the least of theirs. `i64::MIN`: none yet,
    /// `i64::MAX`: all have ended.
    pub(super) fn watermark(&self, of: &[usize], epoch: Epoch) -> i64 {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        of.iter().filter_map(|source| Some(sources.get_mut(*source)?.watermark(epoch))).min().unwrap_or(i64::MIN)
    }
}

impl Source {
    fn watermark(&mut self, epoch: Epoch) -> i64 {
        self.forget(Epoch(epoch.0.saturating_sub(1)));
        if self.ended.is_some_and(|ended| ended <= epoch) {
            return i64::MAX;
        }
        let latest = self.latest.range(..=epoch).map(|(_, latest)| *latest).max();
        latest.map_or(i64::MIN, |latest| latest.saturating_sub(self.bound))
    }

    /// Folds what came before `epoch` into one entry: nobody asks about earlier epochs again.
    fn forget(&mut self, epoch: Epoch) {
        let later = self.latest.split_off(&epoch);
        let before = std::mem::replace(&mut self.latest, later).into_values().max();
        if let Some(before) = before {
            let known = self.latest.entry(epoch).or_insert(before);
            *known = before.max(*known);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watermark_of_an_epoch_is_the_least_of_its_sources_and_never_goes_back() {
        let times = EventTimes::new([10, 0].into_iter());
        assert_eq!(times.watermark(&[0, 1], Epoch(1)), i64::MIN);
        times.saw(0, Epoch(1), 100);
        times.saw(1, Epoch(1), 70);
        times.saw(0, Epoch(2), 50);
        times.saw(1, Epoch(3), 500);
        assert_eq!(times.watermark(&[0], Epoch(2)), 90, "less the bound, and not back to 40");
        assert_eq!(times.watermark(&[0, 1], Epoch(2)), 70, "what epoch 3 brought does not count");
        times.ended(0, Epoch(3));
        assert_eq!(times.watermark(&[0, 1], Epoch(3)), 500, "an ended source holds nothing back");
    }
}
