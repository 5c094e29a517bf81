//! Cuts row groups into ranges.
//!
//! A row group of ordinary size is one range. A large one is cut into runs, so that an epoch does not have to take all
//! of it and every core has work; but not finer than a few pages of each column, since a cut falls inside pages,
//! which both of its sides then decompress.

use std::{sync::Arc, time::Instant};

use pelton_core::checkpoint::record::{FileRecord, Position};

use super::{super::arrivals::Arrivals, Group, ParquetRange, PlannedFile};
use crate::source::{Bookmark, Next, Planner, Range, RangeData, RangeLabel, SourceError};

/// Decompressed bytes of a range, about.
const RANGE_BYTES: u64 = 16 << 20;

/// Decompressed bytes of one column in a range, about: some pages, which are usually 1 MiB or less.
const COLUMN_BYTES: u64 = 4 << 20;

/// Decompressed bytes of a batch, about: batches of very long rows have fewer of them.
const BATCH_BYTES: u64 = 32 << 20;

pub struct ParquetPlanner {
    files: Arc<Vec<PlannedFile>>,
    batch_rows: u64,
    file: usize,
    row_group: usize,
    /// The next range's first row within its row group.
    start: u64,
    /// The row group's first row within its file.
    group_row: u64,
    sequence: u64,
    /// Of each file only the first range.
    only_first: bool,
    /// None: the files that are there are all.
    arrivals: Option<Arrivals>,
}

impl ParquetPlanner {
    pub fn new(files: Arc<Vec<PlannedFile>>, batch_rows: u64) -> Self {
        Self {
            files,
            batch_rows,
            file: 0,
            row_group: 0,
            start: 0,
            group_row: 0,
            sequence: 0,
            only_first: false,
            arrivals: None,
        }
    }

    /// Hands out the first range of each file and no other.
    pub fn only_first(self) -> Self {
        Self { only_first: true, ..self }
    }

    /// Goes on with new files when it has come to the end of those that are there.
    pub fn watching(self, arrivals: Option<Arrivals>) -> Self {
        Self { arrivals, ..self }
    }

    /// Begins at a place that [`Planner::bookmark`] gave, of the same files.
    pub fn from(mut self, position: &Position) -> Result<Self, SourceError> {
        match *position {
            Position::Start => {}
            Position::End => self.file = self.files.len(),
            Position::Range { partition, sequence, .. } => {
                self.file = partition as usize;
                while self.file == partition as usize
                    && self.sequence < sequence
                    && !matches!(self.next(None)?, Next::End)
                {}
            }
        }
        Ok(self)
    }

    fn next_file(&mut self) {
        self.file += 1;
        self.row_group = 0;
        self.start = 0;
        self.group_row = 0;
        self.sequence = 0;
    }

    /// Waits for new files; answers what to say if there is none.
    fn arrive(&mut self, deadline: Option<Instant>) -> Result<Option<Next>, SourceError> {
        let Some(arrivals) = &mut self.arrivals else { return Ok(Some(Next::End)) };
        let Some(found) = arrivals.look(deadline)? else { return Ok(Some(Next::Pending)) };
        for listed in found {
            let (file, schema) = PlannedFile::read(listed)?;
            arrivals.check(&file.listed, schema)?;
            Arc::make_mut(&mut self.files).push(file);
        }
        Ok(None)
    }

    fn next_group(&mut self, group: Group) {
        self.row_group += 1;
        self.start = 0;
        self.group_row = self.group_row.saturating_add(group.rows);
    }
}

impl Planner for ParquetPlanner {
    fn next(&mut self, deadline: Option<Instant>) -> Result<Next, SourceError> {
        loop {
            let files = Arc::clone(&self.files);
            let Some(file) = files.get(self.file) else {
                drop(files);
                match self.arrive(deadline)? {
                    Some(nothing) => return Ok(nothing),
                    None => continue,
                }
            };
            let Some(&group) = file.groups.get(self.row_group) else {
                self.next_file();
                continue;
            };
            if self.start >= group.rows {
                self.next_group(group);
                continue;
            }
            let start = self.start;
            let batch_rows = batch_rows(group, self.batch_rows);
            let end = start.saturating_add(run_rows(group, file.leaves, batch_rows)).min(group.rows);
            let first_row = self.group_row.saturating_add(start);
            let range = Range {
                partition: u32::try_from(self.file).unwrap_or(u32::MAX),
                sequence: self.sequence,
                name: Arc::clone(&file.listed.name),
                bytes: bytes_before(group, end) - bytes_before(group, start),
                label: if end - start == group.rows {
                    RangeLabel::RowGroup(self.row_group)
                } else {
                    RangeLabel::Rows(first_row, first_row.saturating_add(end - start))
                },
                data: RangeData::Parquet(ParquetRange {
                    file: Arc::clone(&file.listed),
                    row_group: self.row_group,
                    start,
                    end,
                    first_row,
                    batch_rows,
                }),
            };
            self.start = end;
            self.sequence += 1;
            if self.only_first {
                self.next_file();
            }
            return Ok(Next::Range(range));
        }
    }

    fn take_found(&mut self) -> Vec<FileRecord> {
        self.arrivals.as_mut().map(Arrivals::take_found).unwrap_or_default()
    }

    fn bookmark(&self) -> Option<Bookmark> {
        let partition = u32::try_from(self.file).unwrap_or(u32::MAX);
        Some(Bookmark::at(Position::Range { partition, sequence: self.sequence, offset: 0, rows_at: None }))
    }
}

/// Rows of one batch.
fn batch_rows(group: Group, batch_rows: u64) -> u64 {
    let row_bytes = group.encoded_bytes.div_ceil(group.rows.max(1)).max(1);
    batch_rows.min(BATCH_BYTES / row_bytes).max(1)
}

/// Rows of one range: a multiple of `batch_rows`.
fn run_rows(group: Group, leaves: usize, batch_rows: u64) -> u64 {
    let bytes = RANGE_BYTES.max(COLUMN_BYTES.saturating_mul(leaves as u64));
    let ranges = group.encoded_bytes.div_ceil(bytes).max(1);
    group.rows.div_ceil(ranges).next_multiple_of(batch_rows)
}

/// The part of a row group's bytes that its first `rows` rows stand for.
fn bytes_before(group: Group, rows: u64) -> u64 {
    let share = u128::from(group.stored_bytes) * u128::from(rows) / u128::from(group.rows.max(1));
    u64::try_from(share).unwrap_or(group.stored_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_row_group_is_one_run() {
        let group = Group { rows: 100_000, stored_bytes: 1 << 20, encoded_bytes: 8 << 20 };
        assert!(run_rows(group, 4, 8192) >= 100_000);
    }

    #[test]
    fn a_large_row_group_is_cut_at_whole_batches() {
        let group = Group { rows: 10_000_000, stored_bytes: 1 << 29, encoded_bytes: 1 << 30 };
        assert_eq!(run_rows(group, 4, 8192), 163_840);
        assert_eq!(run_rows(group, 100, 8192) % 8192, 0);
        assert!(run_rows(group, 100, 8192) > 3_000_000);
    }

    #[test]
    fn batches_of_long_rows_are_small() {
        let group = |row_bytes: u64| Group { rows: 1000, stored_bytes: 0, encoded_bytes: 1000 * row_bytes };
        assert_eq!(batch_rows(group(100), 8192), 8192);
        assert_eq!(batch_rows(group(1 << 20), 8192), 32);
        assert_eq!(batch_rows(group(1 << 40), 8192), 1);
        assert_eq!(batch_rows(Group { rows: 0, stored_bytes: 0, encoded_bytes: 0 }, 8192), 8192);
    }

    #[test]
    fn the_bytes_of_all_runs_are_those_of_the_row_group() {
        let group = Group { rows: 1000, stored_bytes: 12_347, encoded_bytes: 1 };
        let parts: u64 =
            [0, 300, 600, 900, 1000].windows(2).map(|w| bytes_before(group, w[1]) - bytes_before(group, w[0])).sum();
        assert_eq!(parts, 12_347);
    }
}
