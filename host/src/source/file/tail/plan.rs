//! Hands out the parts of files that grow, in the order in which they were found, cut into ranges as plain files are.
//!
//! Called by the planner thread. Invariants: a part is a partition of its own, and its ranges depend on its bytes alone, so that whoever recovers
//! hands out the same from the records; what has been handed out is not kept.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use pelton_core::{
    checkpoint::record::{FileRecord, Position},
    job::FileSourceSpec,
};

use super::tracker::Tracker;
use crate::source::{
    Bookmark, Next, Planner, SourceError,
    file::{
        lines::Head,
        listing::ListedFile,
        plan::{self, Cuts, RANGE_BYTES},
    },
};

pub(super) struct TailPlanner {
    spec: FileSourceSpec,
    /// Whether ranges must tell each other where rows begin.
    handoffs: bool,
    /// Parts with their numbers, the next one first.
    parts: VecDeque<(u32, Arc<ListedFile>)>,
    current: Option<Cuts>,
    /// Number of the part that comes next.
    next: u32,
    /// The inode of the file that was begun last, where that part of it ends, and its first lines.
    head: Option<(u64, u64, Arc<Head>)>,
    /// None: these parts are all.
    tracker: Option<Tracker>,
    found: Vec<FileRecord>,
}

impl TailPlanner {
    /// Begins at `from`; `parts` are those that are known from there on, and `next` is the number behind them.
    pub(super) fn new(
        spec: &FileSourceSpec,
        handoffs: bool,
        (parts, next): (VecDeque<(u32, Arc<ListedFile>)>, u32),
        from: &Position,
        tracker: Option<Tracker>,
    ) -> Result<Self, SourceError> {
        let next = parts.front().map_or(next, |(number, _)| *number);
        let (spec, found) = (spec.clone(), Vec::new());
        let mut planner = Self { spec, handoffs, parts, current: None, next, head: None, tracker, found };
        if let Position::Range { partition, sequence, offset, rows_at } = *from
            && sequence > 0
            && partition == planner.next
            && let Some((number, part)) = planner.parts.pop_front()
        {
            planner.begin((number, &part), (sequence, offset), rows_at)?;
        }
        Ok(planner)
    }

    /// Begins with a part, at its range `sequence`, which is cut at `start`.
    fn begin(
        &mut self,
        (number, part): (u32, &Arc<ListedFile>),
        (sequence, start): (u64, u64),
        rows_at: Option<u64>,
    ) -> Result<(), SourceError> {
        self.next = number.saturating_add(1);
        let (inode, from) = part.growth.map_or((0, 0), |growth| (growth.inode, growth.from));
        let head = match &self.head {
            Some((of, end, head)) if (*of, *end) == (inode, from) => Arc::clone(head),
            // Another file, or one that was truncated since.
            _ => Arc::new(plan::head(&self.spec, part)?),
        };
        self.head = Some((inode, part.bytes, Arc::clone(&head)));
        let rows_at = self.handoffs.then(|| rows_at.unwrap_or(start));
        self.current = Some(Cuts::new((part, number), head, (sequence, start), rows_at));
        Ok(())
    }
}

impl Planner for TailPlanner {
    fn next(&mut self, deadline: Option<Instant>) -> Result<Next, SourceError> {
        loop {
            if let Some(range) = self.current.as_mut().and_then(|cuts| cuts.next(RANGE_BYTES)) {
                return Ok(Next::Range(range));
            }
            self.current = None;
            if let Some((number, part)) = self.parts.pop_front() {
                let start = part.growth.map_or(0, |growth| growth.from);
                self.begin((number, &part), (0, start), None)?;
                continue;
            }
            let Some(tracker) = &mut self.tracker else { return Ok(Next::End) };
            let Some(found) = tracker.look(deadline)? else { return Ok(Next::Pending) };
            self.found.extend(found.iter().map(ListedFile::record));
            let numbered = |part: ListedFile| (part.growth.map_or(0, |growth| growth.partition), Arc::new(part));
            self.parts.extend(found.into_iter().map(numbered));
        }
    }

    fn take_found(&mut self) -> Vec<FileRecord> {
        std::mem::take(&mut self.found)
    }

    fn bookmark(&self) -> Option<Bookmark> {
        // A part that has been handed out is not needed again.
        let begun = self.current.as_ref().and_then(Cuts::place);
        Some(begun.unwrap_or_else(|| {
            Bookmark::at(Position::Range { partition: self.next, sequence: 0, offset: 0, rows_at: None })
        }))
    }
}
