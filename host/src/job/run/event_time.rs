//! How far event time has come at the end of each epoch, for each source.
//!
//! Compute threads report what they saw, the planner what it handed out, and [`super::beginnings`] how each partition
//! begins. A source's partitions (its files) are read one after the other, so its watermark is the least of how far the open
//! one has come and of how those begin that nobody has read yet: files that cover the same time make no row late, in
//! whichever order they are read. An epoch's watermark is asked for only after all of its tasks are done, so it does
//! not depend on who asks, or when.

mod snapshot;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, OnceLock, PoisonError},
};

use pelton_core::{model::Epoch, watermark::Mark};

#[derive(Debug)]
pub(super) struct EventTimes {
    state: Mutex<State>,
    /// For each source and partition, the earliest event time with which it and those after it begin.
    beginnings: OnceLock<Vec<Vec<i64>>>,
}

#[derive(Debug, Default)]
struct State {
    sources: Vec<Source>,
    /// For sources that are asked for together, the last epoch that has been settled, and their watermark at its end. A
    /// source that was idle may come back behind the others: what was said is not taken back.
    settled: HashMap<Vec<usize>, (Epoch, i64)>,
}

/// What is known of one source. Times in µs.
#[derive(Debug)]
struct Source {
    /// Bound of the disorder.
    bound: i64,
    /// The latest event time that each epoch saw of each partition.
    latest: BTreeMap<(Epoch, u32), i64>,
    /// The partition from which each epoch read last.
    reached: BTreeMap<Epoch, u32>,
    ended: Option<Epoch>,
    /// From which epochs on it is idle, or is not any more.
    idle: BTreeMap<Epoch, bool>,
    /// The last epoch that has been folded away, and the watermark at its end.
    settled: (Epoch, i64),
}

impl EventTimes {
    /// One bound for each source.
    pub(super) fn new(bounds: impl Iterator<Item = i64>) -> Self {
        let source = |bound| Source {
            bound,
            latest: BTreeMap::new(),
            reached: BTreeMap::new(),
            ended: None,
            idle: BTreeMap::new(),
            settled: (Epoch(0), i64::MIN),
        };
        let state = State { sources: bounds.map(source).collect(), settled: HashMap::new() };
        Self { state: Mutex::new(state), beginnings: OnceLock::new() }
    }

    /// The event time with which each partition of each source begins; no entry: nothing is known. Watermarks wait for this.
    pub(super) fn begin(&self, first_times: Vec<Vec<i64>>) {
        let least_from = |times: Vec<i64>| {
            let mut least = i64::MAX;
            let mut from: Vec<i64> = times
                .into_iter()
                .rev()
                .map(|time| {
                    least = least.min(time);
                    least
                })
                .collect();
            from.reverse();
            from
        };
        // Said once; a second word would change watermarks that have been told.
        let _ = self.beginnings.set(first_times.into_iter().map(least_from).collect());
    }

    /// A task of `epoch` saw rows of a partition up to `latest`.
    pub(super) fn saw(&self, source: usize, epoch: Epoch, partition: u32, latest: i64) {
        self.with(source, |source| {
            let known = source.latest.entry((epoch, partition)).or_insert(latest);
            *known = latest.max(*known);
        });
    }

    /// `epoch` reads `partition`.
    pub(super) fn reached(&self, source: usize, epoch: Epoch, partition: u32) {
        self.with(source, |source| {
            source.reached.insert(epoch, partition);
        });
    }

    /// `source` has no rows after `epoch`.
    pub(super) fn ended(&self, source: usize, epoch: Epoch) {
        self.with(source, |source| source.ended = Some(epoch));
    }

    /// From `epoch` on nobody waits for `source`, or somebody does again.
    pub(super) fn idle(&self, source: usize, epoch: Epoch, is_idle: bool) {
        self.with(source, |source| {
            source.idle.insert(epoch, is_idle);
        });
    }

    fn with(&self, source: usize, change: impl FnOnce(&mut Source)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = state.sources.get_mut(source) {
            change(source);
        }
    }

    /// The watermark of these sources together at the end of `epoch`: the least of theirs, but of those that are idle.
    /// `i64::MIN`: none yet, `i64::MAX`: all have ended. Epochs are asked for in order, each also once the next one runs.
    pub(super) fn watermark(&self, of: &[usize], epoch: Epoch) -> i64 {
        if epoch == Epoch(0) {
            return i64::MIN;
        }
        let beginnings = self.beginnings.wait();
        self.state.lock().unwrap_or_else(PoisonError::into_inner).watermark(beginnings, of, epoch)
    }
}

impl State {
    fn watermark(&mut self, beginnings: &[Vec<i64>], of: &[usize], epoch: Epoch) -> i64 {
        let Self { sources, settled } = self;
        let mut at = |epoch: Epoch| {
            let one = |source: &usize| {
                let unread = beginnings.get(*source).map(Vec::as_slice).unwrap_or_default();
                Some(sources.get_mut(*source)?.mark(epoch, unread))
            };
            Mark::of_inputs(of.iter().filter_map(one)).watermark()
        };
        let (last, said) = match settled.get_mut(of) {
            Some(known) => known,
            None => settled.entry(of.to_vec()).or_insert((Epoch(0), i64::MIN)),
        };
        while last.next() < epoch {
            (*last, *said) = (last.next(), at(last.next()).max(*said));
        }
        if epoch <= *last { *said } else { at(epoch).max(*said) }
    }
}

impl Source {
    fn mark(&mut self, epoch: Epoch, unread: &[i64]) -> Mark {
        let watermark = self.watermark(epoch, unread);
        let is_idle = self.idle.range(..=epoch).next_back().is_some_and(|(_, is_idle)| *is_idle);
        match watermark {
            i64::MAX => Mark::Ended,
            watermark if is_idle => Mark::Idle(watermark),
            watermark => Mark::Active(watermark),
        }
    }

    fn watermark(&mut self, epoch: Epoch, unread: &[i64]) -> i64 {
        if self.ended.is_some_and(|ended| ended <= epoch) {
            return i64::MAX;
        }
        while self.settled.0.next() < epoch {
            let next = self.settled.0.next();
            self.settled = (next, self.at(next, unread).max(self.settled.1));
            self.forget(next);
        }
        if epoch <= self.settled.0 { self.settled.1 } else { self.at(epoch, unread).max(self.settled.1) }
    }

    /// By what is known at the end of `epoch` alone.
    fn at(&self, epoch: Epoch, unread: &[i64]) -> i64 {
        let Some((_, open)) = self.reached.range(..=epoch).next_back() else { return i64::MIN };
        let seen = self.latest.range(..=(epoch, u32::MAX)).filter(|((_, partition), _)| partition == open);
        let seen = seen.map(|(_, latest)| *latest).max();
        let later = unread.get(*open as usize + 1).copied().unwrap_or(i64::MAX);
        seen.map_or(i64::MIN, |seen| seen.min(later).saturating_sub(self.bound))
    }

    /// Folds all epochs before `epoch` into it.
    fn forget(&mut self, epoch: Epoch) {
        if let Some((_, is_idle)) = self.idle.range(..=epoch).next_back() {
            let is_idle = *is_idle;
            self.idle = self.idle.split_off(&epoch);
            self.idle.entry(epoch).or_insert(is_idle);
        }
        let Some(open) = self.reached.range(..=epoch).next_back().map(|(_, open)| *open) else { return };
        self.reached = self.reached.split_off(&epoch);
        self.reached.entry(epoch).or_insert(open);
        let later = self.latest.split_off(&(epoch, 0));
        let before = std::mem::replace(&mut self.latest, later);
        let seen = before.into_iter().filter(|((_, partition), _)| *partition == open).map(|(_, latest)| latest).max();
        if let Some(seen) = seen {
            let known = self.latest.entry((epoch, open)).or_insert(seen);
            *known = seen.max(*known);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watermark_of_an_epoch_is_the_least_of_its_sources_and_never_goes_back() {
        let times = EventTimes::new([10, 0].into_iter());
        times.begin(Vec::new());
        assert_eq!(times.watermark(&[0, 1], Epoch(1)), i64::MIN);
        for (source, epoch, latest) in [(0, 1, 100), (1, 1, 70), (0, 2, 50), (1, 3, 500)] {
            times.reached(source, Epoch(epoch), 0);
            times.saw(source, Epoch(epoch), 0, latest);
        }
        assert_eq!(times.watermark(&[0], Epoch(2)), 90, "less the bound, and not back to 40");
        assert_eq!(times.watermark(&[0, 1], Epoch(2)), 70, "what epoch 3 brought does not count");
        times.ended(0, Epoch(3));
        assert_eq!(times.watermark(&[0, 1], Epoch(3)), 500, "an ended source holds nothing back");
    }

    #[test]
    fn an_idle_source_holds_nothing_back_and_takes_nothing_back() {
        let times = EventTimes::new([0, 0].into_iter());
        times.begin(Vec::new());
        let read = |source, epoch, latest| {
            times.reached(source, Epoch(epoch), 0);
            times.saw(source, Epoch(epoch), 0, latest);
        };
        read(0, 1, 100);
        read(1, 1, 70);
        assert_eq!(times.watermark(&[0, 1], Epoch(1)), 70);
        read(0, 2, 200);
        times.idle(1, Epoch(2), true);
        assert_eq!(times.watermark(&[0, 1], Epoch(2)), 200);
        assert_eq!(times.watermark(&[1], Epoch(2)), 70, "alone it is where it was");
        read(1, 3, 90);
        times.idle(1, Epoch(3), false);
        assert_eq!(times.watermark(&[0, 1], Epoch(3)), 200, "nothing is taken back");
        read(0, 4, 400);
        read(1, 4, 300);
        assert_eq!(times.watermark(&[0, 1], Epoch(4)), 300, "and it counts again");
    }

    #[test]
    fn files_that_nobody_has_read_hold_the_watermark_back() {
        let times = EventTimes::new([0].into_iter());
        times.begin(vec![vec![0, 5, 1_000, i64::MAX]]);
        let read = |epoch, partition, latest| {
            times.reached(0, Epoch(epoch), partition);
            times.saw(0, Epoch(epoch), partition, latest);
            times.watermark(&[0], Epoch(epoch))
        };
        assert_eq!(read(1, 0, 900), 5, "the second file begins at 5");
        assert_eq!(read(2, 1, 40), 40, "it has come to 40");
        assert_eq!(read(3, 1, 950), 950);
        assert_eq!(read(4, 2, 1_100), 1_100, "the last file is empty");
        assert_eq!(read(5, 3, 10), 1_100, "and never back");
    }
}
