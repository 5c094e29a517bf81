//! Cuts a stream of bytes into runs of whole rows.
//!
//! Called by the readers of compressed files and of standard input, which push what they read and take what is whole.
//! Pure: no I/O, no threads. Invariants: the rows of all runs are the input's rows, whatever the pieces in which it
//! came; at most one run and one row of `max-row-bytes` are held. A row that is longer is skipped without being kept.

use std::{mem, sync::Arc};

use memchr::{memchr, memrchr};
use pelton_core::job::{CsvDialect, Format};

use super::{
    csv::{self, RowScanner},
    lines::{BYTE_ORDER_MARK, BytesRange, Head, too_long},
};
use crate::source::BadRow;

/// Bytes of one run, about: enough for a compute thread to be busy with, few enough for its cache.
pub const RUN_BYTES: usize = 512 << 10;

/// Bytes that may stand before the first row (skipped lines, a header).
const HEAD_BYTES_MAX: usize = 1 << 20;

/// Where the rows of a format end.
#[derive(Debug, Clone)]
pub enum RowEnds {
    /// At every newline.
    Newlines,
    /// At newlines outside quotes, after a head.
    Csv(CsvDialect),
}

impl RowEnds {
    /// Of a row format; none for formats that are not rows.
    pub fn of(format: &Format) -> Option<Self> {
        match format {
            Format::Csv(dialect) => Some(Self::Csv(dialect.clone())),
            Format::Json(_) | Format::Text => Some(Self::Newlines),
            Format::Parquet | Format::Ipc => None,
        }
    }

    /// What stands before the first row, if `bytes` show all of it.
    fn head(&self, bytes: &[u8], at_end: bool) -> Result<Option<Head>, String> {
        match self {
            Self::Csv(dialect) => csv::head(bytes, at_end, dialect),
            Self::Newlines if bytes.len() < BYTE_ORDER_MARK.len() && !at_end => Ok(None),
            Self::Newlines => {
                let mark = if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
                Ok(Some(Head { rows_at: mark as u64, names: None }))
            }
        }
    }
}

/// Follows the rows of a format; begins at a row's start.
#[derive(Debug)]
enum Follower {
    Newlines,
    Csv { scanner: RowScanner, quote: Option<u8> },
}

impl Follower {
    fn new(ends: &RowEnds) -> Self {
        match ends {
            RowEnds::Newlines => Self::Newlines,
            RowEnds::Csv(dialect) => Self::Csv { scanner: RowScanner::new(dialect), quote: dialect.quote },
        }
    }

    /// The end of the row at hand, if it is in `bytes`, which follow those of the last call.
    fn next_end(&mut self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Newlines => memchr(b'\n', bytes).map(|at| at + 1),
            Self::Csv { scanner, .. } => scanner.next_end(bytes),
        }
    }

    /// The end of the last row that ends in `bytes`.
    fn last_end(&mut self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Newlines => memrchr(b'\n', bytes).map(|at| at + 1),
            Self::Csv { scanner, quote } => {
                let mut last = scanner.next_end(bytes)?;
                let rest = bytes.get(last..).unwrap_or_default();
                // Without a quote every newline ends a row, so all but the last row can be passed over.
                if quote.is_none_or(|quote| memchr(quote, rest).is_none()) {
                    last += memrchr(b'\n', rest).map_or(0, |at| at + 1);
                }
                while let Some(end) = scanner.next_end(bytes.get(last..).unwrap_or_default()) {
                    last += end;
                }
                Some(last)
            }
        }
    }
}

/// Cuts one input.
#[derive(Debug)]
pub struct Cutter {
    ends: RowEnds,
    follower: Follower,
    run_bytes: usize,
    max_row_bytes: usize,
    /// None: `held` begins with the input.
    head: Option<Arc<Head>>,
    /// From the start of a row on.
    held: Vec<u8>,
    /// Offset of `held` in the input.
    offset: u64,
    /// How much of `held` the follower has seen, and how much of that are whole rows.
    seen: usize,
    whole: usize,
    /// In a row that is too long: nothing is held until it ends.
    skipping: bool,
    rejected: Vec<BadRow>,
}

impl Cutter {
    pub fn new(ends: RowEnds, run_bytes: usize, max_row_bytes: usize) -> Self {
        Self {
            follower: Follower::new(&ends),
            ends,
            run_bytes: run_bytes.max(1),
            max_row_bytes,
            head: None,
            held: Vec::with_capacity(run_bytes.saturating_mul(2)),
            offset: 0,
            seen: 0,
            whole: 0,
            skipping: false,
            rejected: Vec::new(),
        }
    }

    /// Appends the next bytes of the input: `read` adds some to the end of the vector that it is given. Fails if the
    /// head cannot be read; the reason completes "… cannot be read as csv: …".
    pub fn push<E: From<String>>(&mut self, read: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        let result = read(&mut self.held);
        self.follow(false)?;
        result
    }

    /// The next run, if enough is held to fill one; behind this nothing of a full run is left.
    pub fn take_full(&mut self) -> Option<BytesRange> {
        if self.whole >= self.run_bytes || !self.rejected.is_empty() { self.take(false) } else { None }
    }

    /// The whole rows that are held, full run or not.
    pub fn take_whole(&mut self) -> Option<BytesRange> {
        self.take(false)
    }

    /// The last run, when the input has ended.
    pub fn finish(&mut self) -> Result<Option<BytesRange>, String> {
        self.follow(true)?;
        self.whole = self.held.len();
        Ok(self.take(true))
    }

    /// What the input's first lines said, once they have been read.
    pub fn head(&self) -> Option<&Arc<Head>> {
        self.head.as_ref()
    }

    /// Bytes that it would take to fill a run.
    pub fn room(&self) -> usize {
        self.run_bytes.saturating_sub(self.held.len()).max(self.run_bytes.div_ceil(8))
    }

    fn take(&mut self, at_end: bool) -> Option<BytesRange> {
        if self.whole == 0 && self.rejected.is_empty() {
            return None;
        }
        let head = Arc::clone(self.head.as_ref()?);
        let rest = self.held.get(self.whole..).unwrap_or_default();
        let mut next = Vec::with_capacity(rest.len().max(self.run_bytes) + self.run_bytes / 4);
        next.extend_from_slice(rest);
        let mut bytes = mem::replace(&mut self.held, next);
        bytes.truncate(self.whole);
        let rejected = mem::take(&mut self.rejected);
        let range = BytesRange { offset: self.offset, at_end, head, rejected, bytes };
        self.offset += self.whole as u64;
        self.seen -= self.whole;
        self.whole = 0;
        // A row that is being skipped begins behind the rows that were just taken.
        if self.skipping {
            self.drop_held();
        }
        Some(range)
    }

    fn follow(&mut self, at_end: bool) -> Result<(), String> {
        if self.head.is_none() && !self.read_head(at_end)? {
            return Ok(());
        }
        if self.skipping {
            let new = self.held.get(self.seen..).unwrap_or_default();
            match self.follower.next_end(new) {
                Some(end) => {
                    let end = self.seen + end;
                    self.held.drain(self.whole..end);
                    self.seen = self.whole;
                    self.skipping = false;
                }
                None => {}
            }
        }
        Ok(())
    }

    fn read_head(&mut self, at_end: bool) -> Result<bool, String> {
        let Some(head) = self.ends.head(&self.held, at_end)? else {
            let most = self.max_row_bytes.max(HEAD_BYTES_MAX);
            if self.held.len() > most {
                return Err(format!("what stands before its first row is longer than {most} bytes"));
            }
            return Ok(false);
        };
        self.offset = head.rows_at;
        let length = usize::try_from(head.rows_at).unwrap_or(usize::MAX).min(self.held.len());
        self.held.drain(..length);
        self.head = Some(Arc::new(head));
        Ok(true)
    }

    fn drop_held(&mut self) {
        self.offset += self.held.len() as u64;
        self.held.clear();
        self.seen = 0;
    }
}
