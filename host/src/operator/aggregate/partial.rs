//! What crosses the shuffle: groups of a batch with their partial accumulators, and rows that the reduce side must see.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::calls::{Columns, ReadColumns};
use crate::{
    operator::partitions::{Parts, partitioned},
    state::groups::GroupRows,
};

/// What became of one call's batch.
#[derive(Debug)]
pub struct Partial {
    /// Key, and as tag the start of the pane, or of the session. Those of one partition after those of another, in order.
    pub groups: GroupRows,
    pub parts: Parts,
    /// For sessions, the time of each group's latest row.
    pub lasts: Vec<i64>,
    pub content: Content,
    /// Rows as they came: all of them where they are folded behind the shuffle; for sessions those that are late unless they
    /// join others.
    pub rows: Option<CarriedRows>,
    /// What the modules before made of the same rows, where they finish windows.
    pub before: Option<Arc<Partial>>,
}

#[derive(Debug)]
pub enum Content {
    /// One set of columns for each function, group for group. None where rows are folded behind the shuffle: for windows of
    /// a number of rows, where it is known how many came before, and where rows may be taken back.
    Accumulators(Vec<Columns>),
    /// Nearly every row has a key of its own, so that to fold them here would save nothing: each group is one row.
    Rows(ReadColumns),
}

impl Content {
    /// The rows, if it has them.
    pub fn rows(&self) -> Option<&ReadColumns> {
        match self {
            Self::Rows(rows) => Some(rows),
            Self::Accumulators(_) => None,
        }
    }
}

#[derive(Debug)]
pub struct CarriedRows {
    pub batch: RecordBatch,
    /// The group of each row.
    pub groups: Vec<u32>,
    /// The rows of each partition, in order.
    pub by_partition: Vec<Vec<u32>>,
}

impl CarriedRows {
    pub fn new(batch: RecordBatch, groups: Vec<u32>, of: &GroupRows, partitions: u16) -> Self {
        let hashes = groups.iter().map(|group| of.hashes.get(*group as usize).copied().unwrap_or_default());
        let by_partition = partitioned(hashes, partitions);
        Self { batch, groups, by_partition }
    }
}
