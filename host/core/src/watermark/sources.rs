//! How far event time has come at the end of each epoch, source by source and for several together.
//!
//! Facts come in any order and may be of epochs that nobody asks for yet: the planner of a run is ahead of its compute
//! threads. A source's partitions (its files) are read one after the other, so its watermark is the least of how far the open
//! one has come and of how those begin that nobody has read yet: files that cover the same time make no row late, in
//! whichever order they are read. Invariant: the watermark of an epoch depends on the facts of it and of those before.

use std::collections::{BTreeMap, HashMap};

use super::Mark;
use crate::model::Epoch;

/// How the partitions of each source begin.
#[derive(Debug, Clone, Default)]
pub struct Beginnings {
    /// For each source and partition, the earliest event time with which it and those after it begin.
    least_from: Vec<Vec<i64>>,
}

/// What is known of the sources of a job, at the ends of its last epochs.
#[derive(Debug, Default)]
pub struct Watermarks {
    pub(super) sources: Vec<Source>,
    /// For sources that are asked for together, the last epoch that has been settled, and their watermark at its end. A
    /// source that was idle may come back behind the others: what was said is not taken back.
    pub(super) settled: HashMap<Vec<usize>, (Epoch, i64)>,
}

/// What is known of one source. Times in µs.
#[derive(Debug)]
pub(super) struct Source {
    /// Bound of the disorder.
    pub(super) bound: i64,
    /// The latest event time that each epoch saw of each partition.
    pub(super) latest: BTreeMap<(Epoch, u32), i64>,
    /// The partition from which each epoch read last.
    pub(super) reached: BTreeMap<Epoch, u32>,
    pub(super) ended: Option<Epoch>,
    /// From which epochs on it is idle, or is not any more.
    pub(super) idle: BTreeMap<Epoch, bool>,
    /// The last epoch that has been folded away, and the watermark at its end.
    pub(super) settled: (Epoch, i64),
}

impl Beginnings {
    /// Of the event time, in µs, with which each partition of each source begins. [`i64::MAX`]: it has no rows. No entry:
    /// nothing is known, and it holds nothing back.
    pub fn new(first_times: Vec<Vec<i64>>) -> Self {
        let least_from = |mut times: Vec<i64>| {
            let mut least = i64::MAX;
            for time in times.iter_mut().rev() {
                least = least.min(*time);
                *time = least;
            }
            times
        };
        Self { least_from: first_times.into_iter().map(least_from).collect() }
    }

    /// The earliest time with which a partition behind this one begins.
    fn behind(&self, source: usize, partition: u32) -> i64 {
        let times = self.least_from.get(source);
        times.and_then(|times| times.get(partition as usize + 1)).copied().unwrap_or(i64::MAX)
    }
}

impl Watermarks {
    /// One bound for each source, in µs: how far out of order its rows come within a partition.
    pub fn new(bounds: impl Iterator<Item = i64>) -> Self {
        let source = |bound| Source {
            bound,
            latest: BTreeMap::new(),
            reached: BTreeMap::new(),
            ended: None,
            idle: BTreeMap::new(),
            settled: (Epoch(0), i64::MIN),
        };
        Self { sources: bounds.map(source).collect(), settled: HashMap::new() }
    }

    /// `epoch` saw rows of a partition up to `latest`.
    pub fn saw(&mut self, source: usize, epoch: Epoch, partition: u32, latest: i64) {
        if let Some(source) = self.sources.get_mut(source) {
            let known = source.latest.entry((epoch, partition)).or_insert(latest);
            *known = latest.max(*known);
        }
    }

    /// `epoch` reads `partition`.
    pub fn reached(&mut self, source: usize, epoch: Epoch, partition: u32) {
        if let Some(source) = self.sources.get_mut(source) {
            source.reached.insert(epoch, partition);
        }
    }

    /// `source` has no rows after `epoch`.
    pub fn ended(&mut self, source: usize, epoch: Epoch) {
        if let Some(source) = self.sources.get_mut(source) {
            source.ended = Some(epoch);
        }
    }

    /// From `epoch` on nobody waits for `source`, or somebody does again.
    pub fn idle(&mut self, source: usize, epoch: Epoch, is_idle: bool) {
        if let Some(source) = self.sources.get_mut(source) {
            source.idle.insert(epoch, is_idle);
        }
    }

    /// The watermark of these sources together at the end of `epoch`: the least of theirs, but of those that are idle.
    /// `i64::MIN`: none yet, `i64::MAX`: all have ended. Epochs are asked for in order, each also once the next one runs.
    pub fn watermark(&mut self, beginnings: &Beginnings, of: &[usize], epoch: Epoch) -> i64 {
        if epoch == Epoch(0) {
            return i64::MIN;
        }
        let Self { sources, settled } = self;
        let mut at = |epoch: Epoch| {
            let one = |source: &usize| {
                let behind = |partition| beginnings.behind(*source, partition);
                Some(sources.get_mut(*source)?.mark(epoch, &behind))
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

    /// Folds what a source had before `epoch` away, as asking for its watermark does.
    pub(super) fn settle(&mut self, beginnings: &Beginnings, source: usize, epoch: Epoch) {
        if let Some(known) = self.sources.get_mut(source) {
            known.watermark(epoch, &|partition| beginnings.behind(source, partition));
        }
    }
}

impl Source {
    fn mark(&mut self, epoch: Epoch, behind: &dyn Fn(u32) -> i64) -> Mark {
        let watermark = self.watermark(epoch, behind);
        let is_idle = self.idle.range(..=epoch).next_back().is_some_and(|(_, is_idle)| *is_idle);
        match watermark {
            i64::MAX => Mark::Ended,
            watermark if is_idle => Mark::Idle(watermark),
            watermark => Mark::Active(watermark),
        }
    }

    /// `behind`: the earliest time with which a partition after this one begins.
    fn watermark(&mut self, epoch: Epoch, behind: &dyn Fn(u32) -> i64) -> i64 {
        if self.ended.is_some_and(|ended| ended <= epoch) {
            return i64::MAX;
        }
        while self.settled.0.next() < epoch {
            let next = self.settled.0.next();
            self.settled = (next, self.at(next, behind).max(self.settled.1));
            self.forget(next);
        }
        if epoch <= self.settled.0 { self.settled.1 } else { self.at(epoch, behind).max(self.settled.1) }
    }

    /// By what is known at the end of `epoch` alone.
    fn at(&self, epoch: Epoch, behind: &dyn Fn(u32) -> i64) -> i64 {
        let Some((_, open)) = self.reached.range(..=epoch).next_back() else { return i64::MIN };
        let seen = self.latest.range(..=(epoch, u32::MAX)).filter(|((_, partition), _)| partition == open);
        let seen = seen.map(|(_, latest)| *latest).max();
        seen.map_or(i64::MIN, |seen| seen.min(behind(*open)).saturating_sub(self.bound))
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
