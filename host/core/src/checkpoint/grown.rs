//! Files that grow, in the list of a source's files: each part that was found of one is an entry with a number of its own.
//!
//! Called by whoever keeps that list or looks a place up in it. Numbers of parts are places of partitions, so they stay when entries that nobody needs
//! any more are left out. Invariant: what is left out neither is read again nor says where a file goes on.

use std::collections::HashSet;

use super::record::{FileRecord, Position};

/// The partition of an entry at `index`.
pub fn partition(index: usize, record: &FileRecord) -> u32 {
    record.growth.map_or_else(|| u32::try_from(index).unwrap_or(u32::MAX), |growth| growth.partition)
}

/// The partition of the entry that comes next.
pub fn next_partition(known: &[FileRecord]) -> u32 {
    let last = known.last().map(|record| partition(known.len() - 1, record).saturating_add(1));
    last.unwrap_or(0)
}

/// How many entries lie before a partition.
pub fn entries_before(known: &[FileRecord], end: u32) -> usize {
    known.iter().enumerate().take_while(|(index, record)| partition(*index, record) < end).count()
}

/// Leaves out the parts before `position` that were followed by others of the same file.
pub fn fold(known: &mut Vec<FileRecord>, position: &Position) {
    let Position::Range { partition: open, .. } = position else { return };
    let mut followed = HashSet::new();
    let stays = |record: &FileRecord| {
        record.growth.is_none_or(|growth| {
            let is_last = followed.insert(growth.inode);
            is_last || growth.partition >= *open
        })
    };
    let stay: Vec<bool> = known.iter().rev().map(stays).collect();
    let mut stay = stay.into_iter().rev();
    known.retain(|_| stay.next().unwrap_or(true));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::record::Growth;

    fn part(partition: u32, inode: u64) -> FileRecord {
        let growth = Growth { partition, from: 0, inode, head_bytes: 0, head_hash: 0 };
        FileRecord { name: "app.log".into(), bytes: 7, growth: Some(growth) }
    }

    fn numbers(known: &[FileRecord]) -> Vec<u32> {
        known.iter().enumerate().map(|(index, record)| partition(index, record)).collect()
    }

    #[test]
    fn the_last_part_of_each_file_stays_and_what_is_not_read_yet() {
        let mut known: Vec<FileRecord> =
            [(0, 1), (1, 2), (2, 1), (3, 1), (4, 1), (5, 3)].map(|(number, inode)| part(number, inode)).into();
        let at = |partition| Position::Range { partition, sequence: 1, offset: 9, rows_at: None };
        fold(&mut known, &at(3));
        assert_eq!(numbers(&known), [1, 3, 4, 5]);
        assert_eq!((next_partition(&known), entries_before(&known, 4)), (6, 2));
        fold(&mut known, &at(6));
        assert_eq!(numbers(&known), [1, 4, 5]);
        fold(&mut known, &Position::Start);
        assert_eq!(numbers(&known), [1, 4, 5]);
    }

    #[test]
    fn files_that_do_not_grow_are_numbered_by_their_places() {
        let mut known: Vec<FileRecord> =
            ["a", "b"].map(|name| FileRecord { name: name.into(), bytes: 1, growth: None }).into();
        fold(&mut known, &Position::Range { partition: 2, sequence: 0, offset: 0, rows_at: None });
        assert_eq!((numbers(&known), next_partition(&known), entries_before(&known, 1)), (vec![0, 1], 2, 1));
        assert_eq!(next_partition(&[]), 0);
    }
}
