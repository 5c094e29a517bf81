//! Where a row goes at a shuffle: hash ─► key group ─► partition, or for sorted output key ─► range.
//!
//! Called once for each row by the map side, and by state, which is kept by key group. Key groups never change in the
//! life of a job's state; partitions are runs of them, so that another number of partitions moves whole groups and
//! hashes nothing again. Everything here is a function of its arguments: the same row goes to the same place on every
//! machine.

/// Key groups of a job that does not say otherwise.
pub const KEY_GROUPS_DEFAULT: u16 = 128;

/// A slice of the key space: the unit in which state is kept and moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyGroup(pub u16);

/// The key group of a hash, from its top 32 bits: below `groups`.
#[inline]
pub fn key_group(hash: u64, groups: u16) -> KeyGroup {
    KeyGroup((((hash >> 32) * u64::from(groups)) >> 32) as u16)
}

/// The partition that owns a key group: contiguous runs whose sizes differ by one at most. Below `partitions` for a
/// group below `groups`; with fewer groups than partitions, some partitions own none.
#[inline]
pub fn partition(group: KeyGroup, groups: u16, partitions: u16) -> u16 {
    (u32::from(group.0) * u32::from(partitions) / u32::from(groups.max(1))) as u16
}

/// The cuts of a range partitioning of bounded input: partition `i` has the keys from bound `i − 1` on and below bound
/// `i`. Bounds ascend strictly, so there may be fewer partitions than asked for, but never one that can hold no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeBounds<K> {
    bounds: Vec<K>,
}

impl<K: Ord> RangeBounds<K> {
    /// Cuts a sample into at most `partitions` parts of about equal weight. Equal keys stay together, so a key that is
    /// heavier than a part gets one of its own, and the others share what is left.
    pub fn from_sample(mut sample: Vec<K>, partitions: u16) -> Self {
        sample.sort_unstable();
        let runs: Vec<u64> = sample.chunk_by(|left, right| left == right).map(|run| run.len() as u64).collect();
        sample.dedup();
        let mut left = Part { parts: partitions.into(), weight: runs.iter().sum() };
        let mut filled = 0;
        let mut bounds = Vec::new();
        for (key, run) in sample.into_iter().zip(runs) {
            if filled > 0 && left.parts > 1 && left.is_better_cut_before(filled, run) {
                left = Part { parts: left.parts - 1, weight: left.weight - filled };
                filled = 0;
                bounds.push(key);
            }
            filled += run;
        }
        Self { bounds }
    }

    /// How many partitions there are: at least 1.
    pub fn partitions(&self) -> usize {
        self.bounds.len() + 1
    }

    /// The partition of a key. Ascends with the key.
    #[inline]
    pub fn partition(&self, key: &K) -> u16 {
        // At most 65,534 bounds: one less than the partitions asked for.
        self.bounds.partition_point(|bound| bound <= key) as u16
    }
}

/// What is still to be cut: the weight of `parts` parts.
struct Part {
    parts: u64,
    weight: u64,
}

impl Part {
    /// Whether a part that holds `filled` is nearer to its share without the next run than with it.
    fn is_better_cut_before(&self, filled: u64, run: u64) -> bool {
        u128::from(2 * filled + run) * u128::from(self.parts) > 2 * u128::from(self.weight)
    }
}

#[cfg(test)]
#[path = "shuffle_tests.rs"]
mod tests;
