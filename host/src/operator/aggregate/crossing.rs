//! Which batches cross the shuffle row by row, instead of folded into one accumulator for each group.
//!
//! Folding saves what rows of one group would cost behind the shuffle, and costs a call of the module and a merge of each group. It
//! is worth it where groups are few, and where one of them is hot, for its partition would get more than its share. The choice is a
//! function of the batch alone, so that answers do not depend on threads.

use pelton_core::hash::hash_word;

use crate::operator::partitions::partition;

/// When folding costs more than it saves. Measured with counts and sums over keys uniform and after Zipf: docs/adr/0005.
#[derive(Clone, Copy, Debug)]
pub struct Crossing {
    /// Rows of a batch, at least: in small ones folding is as cheap as to ask.
    pub rows_min: usize,
    /// Groups for a hundred rows, at least, about.
    pub groups_min: usize,
    /// How many times its fair share of the rows a partition gets, at most.
    pub share_max: usize,
}

impl Crossing {
    pub const DEFAULT: Self = Self { rows_min: 4096, groups_min: 33, share_max: 2 };

    /// Whether rows with keys of these hashes cross as they are. No tags: a group is a key.
    pub fn suits(&self, hashes: &[u64], tags: &[i64], partitions: usize) -> bool {
        let rows = hashes.len();
        rows >= self.rows_min
            && groups(hashes, tags) * 100 >= self.groups_min * rows
            && busiest(hashes, partitions) * partitions <= self.share_max.saturating_mul(rows)
    }
}

/// How many groups there are, about: linear counting, after Whang, Vander-Zanden and Taylor, "A Linear-Time Probabilistic Counting
/// Algorithm for Database Applications" (1990).
fn groups(hashes: &[u64], tags: &[i64]) -> usize {
    let bits = hashes.len().next_power_of_two().max(64);
    let mut map = vec![0_u64; bits / 64];
    let mut mark = |hash: u64| {
        let bit = hash as usize & (bits - 1);
        if let Some(word) = map.get_mut(bit / 64) {
            *word |= 1 << (bit % 64);
        }
    };
    if tags.is_empty() {
        hashes.iter().copied().for_each(mark);
    } else {
        hashes.iter().zip(tags).for_each(|(hash, tag)| mark(hash ^ hash_word(*tag as u64)));
    }
    let zeros = bits - map.iter().map(|word| word.count_ones() as usize).sum::<usize>();
    (bits as f64 * (bits as f64 / zeros.max(1) as f64).ln()).round() as usize
}

/// Rows of the partition that gets most.
fn busiest(hashes: &[u64], partitions: usize) -> usize {
    let mut counts = vec![0_usize; partitions];
    for hash in hashes {
        if let Some(count) = counts.get_mut(usize::from(partition(*hash, partitions as u16))) {
            *count += 1;
        }
    }
    counts.into_iter().max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(key_of: impl Fn(u64) -> u64) -> Vec<u64> {
        (0..8192).map(|row| hash_word(key_of(row))).collect()
    }

    fn suits(hashes: &[u64], tags: &[i64]) -> bool {
        Crossing::DEFAULT.suits(hashes, tags, 8)
    }

    #[test]
    fn groups_are_counted_about() {
        for distinct in [1, 10, 500, 3000, 8192] {
            let found = groups(&hashes(|row| row % distinct), &[]);
            assert!(found.abs_diff(distinct as usize) <= 20 + distinct as usize / 25, "{found} of {distinct}");
        }
        let tags: Vec<i64> = (0..8192).map(|row| row / 1024).collect();
        let found = groups(&hashes(|row| row % 100), &tags);
        assert!(found.abs_diff(800) < 50, "{found} of a hundred keys in eight panes");
        assert_eq!(groups(&[], &[]), 0);
    }

    #[test]
    fn many_groups_cross_and_few_are_folded() {
        assert!(suits(&hashes(|row| row), &[]));
        assert!(suits(&hashes(|row| row % 3500), &[]));
        assert!(!suits(&hashes(|row| row % 2000), &[]));
        assert!(!suits(&hashes(|row| row)[..4095], &[]), "a small batch");
    }

    #[test]
    fn a_hot_key_is_folded() {
        let hot = |one_in: u64| hashes(move |row| if row % one_in == 0 { 1 << 40 } else { row });
        assert!(!suits(&hot(2), &[]), "half of the rows");
        assert!(!suits(&hot(5), &[]), "a fifth");
        assert!(suits(&hot(20), &[]), "a twentieth");
    }
}
