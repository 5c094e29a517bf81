//! Which partition things belong to, by the stable hash of their keys.
//!
//! Called by every map side. What many partitions read is sorted by partition, so that each reads one stretch of memory and nothing
//! else: an epoch's pieces are larger than the caches. Invariant: things of one partition stay in their order.

use std::ops::Range;

use pelton_core::shuffle;

/// Things, the partitions' one after the other; those of a partition stay in their order.
#[derive(Debug, Default)]
pub struct Sorted {
    /// Where each of them was.
    pub order: Vec<u32>,
    pub parts: Parts,
}

/// Which of the sorted things are a partition's.
#[derive(Debug, Default)]
pub struct Parts {
    ends: Vec<u32>,
}

impl Parts {
    pub fn of(&self, partition: u16) -> Range<u32> {
        let end = |at: usize| self.ends.get(at).copied();
        let at = usize::from(partition);
        let start = at.checked_sub(1).and_then(end).unwrap_or_default();
        start..end(at).unwrap_or(start)
    }
}

impl Sorted {
    /// By the partition of each hash.
    pub fn new(hashes: &[u64], partitions: u16) -> Self {
        let partition_of: Vec<u16> = hashes.iter().map(|hash| partition(*hash, partitions)).collect();
        let mut ends = vec![0_u32; usize::from(partitions)];
        for partition in &partition_of {
            if let Some(count) = ends.get_mut(usize::from(*partition)) {
                *count += 1;
            }
        }
        let mut end = 0;
        let mut next: Vec<u32> = Vec::with_capacity(ends.len());
        for count in &mut ends {
            next.push(end);
            end += *count;
            *count = end;
        }
        let mut order = vec![0; hashes.len()];
        for (at, partition) in (0..).zip(partition_of) {
            let Some(next) = next.get_mut(usize::from(partition)) else { continue };
            if let Some(place) = order.get_mut(*next as usize) {
                *place = at;
            }
            *next += 1;
        }
        Self { order, parts: Parts { ends } }
    }

    /// Those of one partition by these tags, and those of one tag in their order. No tags: as they are.
    pub fn then_by(mut self, tags: &[i64]) -> Self {
        if tags.iter().all(|tag| tags.first() == Some(tag)) {
            return self;
        }
        let mut start = 0;
        for end in &self.parts.ends {
            let part = self.order.get_mut(start..*end as usize).unwrap_or_default();
            part.sort_by_key(|at| tags.get(*at as usize).copied().unwrap_or_default());
            start = *end as usize;
        }
        self
    }

    /// Turns numbers of things into their places.
    pub fn renumber(&self, numbers: &mut [u32]) {
        let mut places = vec![0; self.order.len()];
        for (place, at) in (0..).zip(&self.order) {
            if let Some(of) = places.get_mut(*at as usize) {
                *of = place;
            }
        }
        for number in numbers {
            *number = places.get(*number as usize).copied().unwrap_or_default();
        }
    }
}

/// The partition of a hash.
#[inline]
pub fn partition(hash: u64, partitions: u16) -> u16 {
    const GROUPS: u16 = shuffle::KEY_GROUPS_DEFAULT;
    shuffle::partition(shuffle::key_group(hash, GROUPS), GROUPS, partitions)
}

/// What belongs to each partition, by hash, in order.
pub fn partitioned(hashes: impl ExactSizeIterator<Item = u64>, partitions: u16) -> Vec<Vec<u32>> {
    let share = hashes.len() / usize::from(partitions).max(1);
    let mut by_partition: Vec<Vec<u32>> = (0..partitions).map(|_| Vec::with_capacity(share + share / 8)).collect();
    for (row, hash) in (0..).zip(hashes) {
        if let Some(rows) = by_partition.get_mut(usize::from(partition(hash, partitions))) {
            rows.push(row);
        }
    }
    by_partition
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_of_a_partition_stay_in_their_order() {
        let hashes: Vec<u64> = (0..1_000_u64).map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let by_partition = partitioned(hashes.iter().copied(), 7);
        let sorted = Sorted::new(&hashes, 7);
        for (partition, things) in (0..).zip(&by_partition) {
            let part = sorted.parts.of(partition);
            assert_eq!(sorted.order[part.start as usize..part.end as usize], *things);
        }
        assert_eq!(sorted.parts.of(7), 1_000..1_000, "there is no such partition");
        let tags: Vec<i64> = (0..1_000).map(|at| at % 3).collect();
        let tagged = Sorted::new(&hashes, 7).then_by(&tags);
        for (partition, things) in (0..).zip(&by_partition) {
            let part = tagged.parts.of(partition);
            let mut things = things.clone();
            things.sort_by_key(|at| (at % 3, *at));
            assert_eq!(tagged.order[part.start as usize..part.end as usize], things);
        }
        let mut numbers = vec![5, 0, 999, 5];
        sorted.renumber(&mut numbers);
        let back: Vec<u32> = numbers.iter().map(|place| sorted.order[*place as usize]).collect();
        assert_eq!(back, [5, 0, 999, 5]);
    }
}
