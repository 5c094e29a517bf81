//! Poison rows: what becomes of a row that makes its operator's module fail, and how it is found among the rows of a call.
//!
//! The operators make the calls; which rows go into them is decided here. Invariants: a row is called poison only after a call
//! with it failed and the calls with what lies before it did not; one such row among `n` is found in log2(n) + 1 calls.

use std::{collections::VecDeque, ops::Range, time::Duration};

use serde::{Deserialize, Serialize};

/// What a job owner wants of an operator whose module fails on some rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OnTrap {
    /// The job fails.
    #[default]
    Halt,
    /// The rows are taken out, and the others go on as if they had not been there.
    Isolate {
        fate: Fate,
        /// More than these are no fault of the rows; none: nobody counts them, since what comes of them is thrown away.
        rate: Option<PoisonRate>,
    },
}

impl OnTrap {
    pub fn isolates(&self) -> bool {
        matches!(self, Self::Isolate { .. })
    }

    /// None: the job fails.
    pub fn fate(&self) -> Option<Fate> {
        match self {
            Self::Halt => None,
            Self::Isolate { fate, .. } => Some(*fate),
        }
    }

    pub fn rate(&self) -> Option<&PoisonRate> {
        match self {
            Self::Halt => None,
            Self::Isolate { rate, .. } => rate.as_ref(),
        }
    }

    /// What a shadow does, whose rows go nowhere.
    pub fn of_shadow(&self) -> Self {
        match self {
            Self::Halt => Self::Halt,
            Self::Isolate { .. } => Self::Isolate { fate: Fate::Skip, rate: None },
        }
    }
}

/// What becomes of a poison row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is counted and forgotten.
    Skip,
    /// It is kept with what is known of it.
    DeadLetter,
}

/// What a module fails on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoisonKind {
    #[default]
    Row,
    /// What rows of a key, or of a key and window, have come to: it cannot be finished.
    Group,
    /// Two parts of such a group that cannot be put together: it is dropped.
    Merge,
    /// A row that cannot be added to what its group has, or taken back from it: the group is dropped.
    Change,
    /// The rows of a key on both sides of a window.
    Cogroup,
    /// A timer of a key.
    Timer,
    /// The end of a key's time to live.
    KeyEnd,
}

impl PoisonKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Row => "row",
            Self::Group => "group",
            Self::Merge => "merge",
            Self::Change => "change",
            Self::Cogroup => "cogroup",
            Self::Timer => "timer",
            Self::KeyEnd => "key-end",
        }
    }
}

/// So many poison rows of one operator are borne within so much processing time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoisonRate {
    pub rows: u64,
    pub within: Duration,
}

/// Rows that `on-trap` bears unless the job says otherwise.
pub const POISON_ROWS_DEFAULT: u64 = 100;
pub const POISON_WITHIN_DEFAULT: Duration = Duration::from_secs(60);
/// Poison rows of one call: where there are more, the module is at fault.
pub const POISON_ROWS_OF_CALL_MAX: usize = 64;

/// The first of `rows` that fails by itself, where all of them are known to hold one. `fails` tries some of them. None: none does so by
/// itself.
pub fn first_alone<E>(
    rows: Range<usize>,
    mut fails: impl FnMut(Range<usize>) -> Result<bool, E>,
) -> Result<Option<usize>, E> {
    let (mut low, mut high) = (rows.start, rows.end);
    // Whether just these have failed.
    let mut is_seen = false;
    while high.saturating_sub(low) > 1 {
        let middle = low + (high - low) / 2;
        is_seen = fails(low..middle)?;
        if is_seen { high = middle } else { low = middle }
    }
    let is_one = high > low && (is_seen || fails(low..high)?);
    Ok(is_one.then_some(low))
}

/// The row with which the shortest beginning of `0..rows` ends that fails, where all of them fail. `fails` tries the rows before a number.
pub fn last_of_prefix<E>(rows: usize, mut fails: impl FnMut(usize) -> Result<bool, E>) -> Result<usize, E> {
    let (mut good, mut bad) = (0, rows);
    while bad.saturating_sub(good) > 1 {
        let middle = good + (bad - good) / 2;
        if fails(middle)? { bad = middle } else { good = middle }
    }
    Ok(bad.saturating_sub(1))
}

/// The poison rows of an operator within the time that its rate looks at.
#[derive(Debug, Default)]
pub struct PoisonCount {
    /// Processing time of an epoch in µs, and its rows.
    recent: VecDeque<(i64, u64)>,
}

impl PoisonCount {
    /// Adds the rows of an epoch of this processing time (µs). Answers how many there are within the rate's time.
    pub fn add(&mut self, rate: &PoisonRate, now: i64, rows: u64) -> u64 {
        let within = i64::try_from(rate.within.as_micros()).unwrap_or(i64::MAX);
        self.recent.push_back((now, rows));
        while self.recent.front().is_some_and(|(at, _)| now.saturating_sub(*at) >= within && *at != now) {
            self.recent.pop_front();
        }
        self.recent.iter().map(|(_, rows)| rows).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, convert::Infallible};

    use super::*;
    use crate::random::Random;

    #[test]
    fn the_first_poison_row_is_found_wherever_it_is_and_however_many_there_are() {
        let mut random = Random::for_test("the_first_poison_row");
        for _ in 0..2_000 {
            let rows = random.within(1, 16_385) as usize;
            let count = random.within(1, 6);
            let bad: BTreeSet<usize> = (0..count).map(|_| random.within(0, rows as i64) as usize).collect();
            let mut calls = 0;
            let found = first_alone(0..rows, |tried| {
                calls += 1;
                Ok::<_, Infallible>(bad.range(tried).next().is_some())
            });
            assert_eq!(found, Ok(bad.first().copied()));
            assert!(calls <= rows.next_power_of_two().ilog2() + 1, "{calls} calls for {rows} rows");
        }
    }

    #[test]
    fn rows_that_fail_only_together_are_not_poison() {
        let together = |tried: Range<usize>| Ok::<_, Infallible>(tried.contains(&3) && tried.contains(&900));
        assert_eq!(first_alone(0..1_000, together), Ok(None));
        assert_eq!(first_alone(5..5, |_| Ok::<_, Infallible>(true)), Ok(None), "no row at all");
    }

    #[test]
    fn what_follows_from_the_rows_before_is_blamed_on_the_last_of_them() {
        for (rows, bad) in [(1, 0), (2, 0), (2, 1), (1_000, 0), (1_000, 640), (1_000, 999)] {
            let mut calls = 0;
            let found = last_of_prefix(rows, |tried| {
                calls += 1;
                Ok::<_, Infallible>(tried > bad)
            });
            assert_eq!(found, Ok(bad));
            assert!(calls <= rows.next_power_of_two().ilog2());
        }
    }

    #[test]
    fn poison_is_counted_within_its_time() {
        let rate = PoisonRate { rows: 10, within: Duration::from_secs(60) };
        let mut count = PoisonCount::default();
        let sums: Vec<u64> = [(0, 4), (30, 5), (59, 1), (60, 1), (200, 2)]
            .map(|(at, rows)| count.add(&rate, at * 1_000_000, rows))
            .into();
        assert_eq!(sums, [4, 9, 10, 7, 2]);
    }
}
