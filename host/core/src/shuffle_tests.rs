//! Key groups and ranges against counting, one row at a time.

use super::*;
use crate::{hash::hash_word, random::Random};

#[test]
fn key_groups_are_even_and_follow_the_top_bits() {
    assert_eq!(key_group(0, 128), KeyGroup(0));
    assert_eq!(key_group(u64::MAX, 128), KeyGroup(127));
    assert_eq!(key_group(u64::MAX, u16::MAX), KeyGroup(u16::MAX - 1));
    assert_eq!(key_group(1 << 57, 128), KeyGroup(1));
    assert_eq!(key_group(u64::MAX, 1), KeyGroup(0));
    let mut rows = [0_u32; 128];
    (0..128_000).for_each(|key| rows[usize::from(key_group(hash_word(key), 128).0)] += 1);
    assert!(rows.iter().all(|rows| (850..1150).contains(rows)), "{rows:?}");
}

#[test]
fn partitions_are_contiguous_runs_of_groups_of_even_size() {
    for groups in [1_u16, 2, 7, 128, 1000, u16::MAX] {
        for partitions in [1_u16, 2, 3, 8, 127, 128] {
            let owners: Vec<u16> = (0..groups).map(|group| partition(KeyGroup(group), groups, partitions)).collect();
            assert!(owners.is_sorted() && owners.iter().all(|owner| *owner < partitions));
            let sizes: Vec<usize> = owners.chunk_by(|left, right| left == right).map(<[u16]>::len).collect();
            assert_eq!(sizes.len(), usize::from(groups.min(partitions)), "{groups} {partitions}");
            assert!(sizes.iter().max() <= sizes.iter().min().map(|size| size + 1).as_ref(), "{sizes:?}");
        }
    }
}

#[test]
fn a_key_that_is_most_of_the_sample_has_a_range_of_its_own() {
    let mut sample = vec![50; 900];
    sample.extend(0..50);
    sample.extend(51..101);
    let bounds = RangeBounds::from_sample(sample.clone(), 8);
    assert!(bounds.bounds.is_sorted_by(|left, right| left < right), "{bounds:?}");
    assert_eq!(bounds.bounds.first(), Some(&50), "what is before it is apart");
    assert_eq!(bounds.bounds.get(1), Some(&51), "what is after it is apart");
    assert!(bounds.partitions() <= 8 && bounds.partitions() >= 4, "{bounds:?}");
}

#[test]
fn ranges_are_in_order_and_even_where_keys_allow_it() {
    let mut random = Random::for_test("ranges_are_in_order");
    for _ in 0..500 {
        let keys = random.within(1, 2000);
        let parts = random.within(1, 40) as u16;
        let sample: Vec<i64> = (0..random.within(0, 3000)).map(|_| random.within(-keys, keys)).collect();
        let bounds = RangeBounds::from_sample(sample.clone(), parts);
        assert!(bounds.bounds.is_sorted_by(|left, right| left < right));
        assert!(bounds.partitions() <= usize::from(parts));
        let mut rows = vec![0_usize; bounds.partitions()];
        for key in &sample {
            let naive = bounds.bounds.iter().filter(|bound| *bound <= key).count();
            assert_eq!(usize::from(bounds.partition(key)), naive);
            rows[naive] += 1;
        }
        assert!(sample.is_empty() || rows.iter().all(|rows| *rows > 0), "a range without keys: {rows:?}");
        let heaviest = sample.iter().map(|key| sample.iter().filter(|other| *other == key).count()).take(50).max();
        if sample.len() > 1000 && keys > 1000 {
            let share = sample.len() / usize::from(parts);
            assert!(rows.iter().all(|rows| *rows <= 2 * share + heaviest.unwrap_or(0)), "{share}: {rows:?}");
        }
    }
}

#[test]
fn ranges_of_nothing_and_of_one_key_are_one_partition() {
    assert_eq!(RangeBounds::<u8>::from_sample(vec![], 8).partitions(), 1);
    assert_eq!(RangeBounds::from_sample(vec!["a"; 9], 8).partitions(), 1);
    assert_eq!(RangeBounds::from_sample(vec![1, 2, 3], 0).partitions(), 1);
}
