//! An epoch's rows in the order of the groups that they are folded into.
//!
//! Called by [`super::whole`] where rows cross the shuffle as they are and groups are many more than the caches hold. Rows come in
//! any order, so each would wait for the accumulators of its group; in the order of groups a call's accumulators lie side by side,
//! and the epoch walks over memory once. Invariant: rows of one group stay in their order, so that answers are the same as
//! without sorting.

use std::ops::Range;

/// From so many groups on sorting is worth it: their accumulators no longer fit a core's cache.
pub const SORTED_GROUPS_MIN: usize = 1 << 15;

/// Groups that need not be told apart: their accumulators fit a core's cache together.
const BLOCK_GROUPS: u32 = 1 << 12;

/// Rows, named by (piece, row in it).
#[derive(Debug, Default)]
pub struct SortedRows {
    pub rows: Vec<(u32, u32)>,
    /// The group of each.
    pub groups: Vec<u32>,
}

impl SortedRows {
    /// The rows of these pieces, one after the other; `groups` are theirs, and all below `groups_end`.
    pub fn new(pieces: impl Iterator<Item = Range<u32>>, groups: &[u32], groups_end: usize) -> Self {
        let block = |group: u32| (group / BLOCK_GROUPS) as usize;
        let mut next = vec![0_usize; groups_end.div_ceil(BLOCK_GROUPS as usize)];
        for group in groups {
            if let Some(count) = next.get_mut(block(*group)) {
                *count += 1;
            }
        }
        let mut start = 0;
        for next in &mut next {
            start += std::mem::replace(next, start);
        }
        let mut sorted = Self { rows: vec![(0, 0); groups.len()], groups: vec![0; groups.len()] };
        let rows = (0..).zip(pieces).flat_map(|(piece, rows)| rows.map(move |row| (piece, row)));
        for (row, group) in rows.zip(groups) {
            let Some(next) = next.get_mut(block(*group)) else { continue };
            if let (Some(place), Some(of)) = (sorted.rows.get_mut(*next), sorted.groups.get_mut(*next)) {
                (*place, *of) = (row, *group);
            }
            *next += 1;
        }
        sorted
    }
}

#[cfg(test)]
mod tests {
    use pelton_core::hash::hash_word;

    use super::*;

    #[test]
    fn rows_come_by_blocks_of_groups_and_those_of_a_block_in_their_order() {
        let groups: Vec<u32> = (0..10_000).map(|row| (hash_word(row) % 50_000) as u32).collect();
        let sorted = SortedRows::new([0..4_000, 7..6_007].into_iter(), &groups, 50_000);
        let all = (0..4_000).map(|row| (0, row)).chain((7..6_007).map(|row| (1, row)));
        let mut expected: Vec<((u32, u32), u32)> = all.zip(groups).collect();
        expected.sort_by_key(|(_, group)| group / BLOCK_GROUPS);
        let sorted: Vec<_> = sorted.rows.into_iter().zip(sorted.groups).collect();
        assert_eq!(sorted, expected);
        assert!(SortedRows::new(std::iter::empty(), &[], 0).rows.is_empty());
    }
}
