//! Cuts a stream of bytes into runs of whole rows.
//!
//! Called by the readers of compressed files, and of sources whose rows come once, which add what they read and take what is whole.
//! Pure: no I/O, no threads.
//!
//! ```text
//!  held:   │ whole rows │ a row's start … │  ◄── what comes next is added here
//!          0          whole             seen
//! ```
//!
//! Invariants: the rows of all runs are the input's rows, whatever the pieces in which it came; no more than one run,
//! one row of `max-row-bytes` and one piece are held. A row that is longer is skipped without being kept.

use std::{mem, sync::Arc};

use memchr::{memchr, memrchr};
use pelton_core::job::Format;

use super::{
    csv::RowScanner,
    format::{ROW_BYTES_MAX, head},
    lines::{BytesRange, Head, too_long},
};
use crate::source::BadRow;

/// Bytes of one run, about: enough to keep a compute thread busy, few enough for its cache.
pub const RUN_BYTES: usize = 512 << 10;

/// Bytes that may stand before the first row (skipped lines, a header).
const HEAD_BYTES_MAX: usize = 1 << 20;

/// When a run is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// When there is enough for one.
    Full,
    /// When there is any whole row.
    Whole,
    /// When there is anything at all: the input has ended.
    Last,
}

/// Cuts one input.
#[derive(Debug)]
pub struct Cutter {
    format: Format,
    ends: RowEnds,
    run_bytes: usize,
    max_row_bytes: usize,
    /// None: `held` begins with the input.
    head: Option<Arc<Head>>,
    held: Vec<u8>,
    /// Of `held` in the input.
    offset: u64,
    seen: usize,
    whole: usize,
    /// In a row that is too long: bytes are dropped until it ends.
    skipping: bool,
}

impl Cutter {
    /// For inputs of a row format.
    pub fn new(format: Format, run_bytes: usize, max_row_bytes: usize) -> Self {
        Self {
            ends: RowEnds::new(&format),
            format,
            run_bytes: run_bytes.max(1),
            max_row_bytes: max_row_bytes.min(ROW_BYTES_MAX),
            head: None,
            held: Vec::with_capacity(run_bytes),
            offset: 0,
            seen: 0,
            whole: 0,
            skipping: false,
        }
    }

    /// Where the next bytes of the input are to be added, at the end.
    pub fn held(&mut self) -> &mut Vec<u8> {
        &mut self.held
    }

    /// How many bytes to add before the next [`Cutter::take`].
    pub fn room(&self) -> usize {
        self.run_bytes.saturating_sub(self.held.len()).max(self.run_bytes.div_ceil(8))
    }

    /// Bytes of the input up to now.
    pub fn end(&self) -> u64 {
        self.offset + self.held.len() as u64
    }

    /// What the input's first lines said, when they are here. The error is a reason why they cannot be read.
    pub fn head(&mut self, at_end: bool) -> Result<Option<&Arc<Head>>, String> {
        if self.head.is_none() {
            let Some(head) = head(&self.format, &self.held, at_end)? else {
                let most = self.max_row_bytes.max(HEAD_BYTES_MAX);
                return if self.held.len() > most {
                    Err(format!("what stands before its first row is longer than {most} bytes"))
                } else {
                    Ok(None)
                };
            };
            self.forget(usize::try_from(head.rows_at).unwrap_or(usize::MAX));
            self.head = Some(Arc::new(head));
        }
        Ok(self.head.as_ref())
    }

    /// The next run, if it is time for one. Adding nothing between two calls, the second finds none.
    pub fn take(&mut self, when: Take) -> Result<Option<BytesRange>, String> {
        let Some(head) = self.head(when == Take::Last)?.map(Arc::clone) else { return Ok(None) };
        self.follow();
        let rest = self.held.get(self.whole..).unwrap_or_default();
        // What is kept of a bad row must not depend on how much of it is here; `\r` may belong to the row's end.
        let too_long = (rest.len() > self.max_row_bytes.max(BadRow::RAW_MAX) + 1)
            .then(|| too_long(self.offset + self.whole as u64, rest, self.max_row_bytes));
        let due = match when {
            Take::Full => self.whole >= self.run_bytes,
            Take::Whole => self.whole > 0,
            Take::Last => !self.held.is_empty(),
        };
        if !due && too_long.is_none() {
            return Ok(None);
        }
        let at_end = when == Take::Last;
        let (bytes, offset) = if too_long.is_some() {
            let (rows, offset) = (self.held.get(..self.whole).unwrap_or_default().to_vec(), self.offset);
            self.forget(self.held.len());
            self.skipping = true;
            (rows, offset)
        } else if at_end {
            let offset = self.offset;
            self.offset = self.end();
            (mem::take(&mut self.held), offset)
        } else {
            self.split()
        };
        (self.seen, self.whole) = (self.held.len(), 0);
        Ok(Some(BytesRange { bytes, offset, at_end, head, rejected: too_long.into_iter().collect() }))
    }

    /// Takes the whole rows, and their offset.
    fn split(&mut self) -> (Vec<u8>, u64) {
        let rest = self.held.get(self.whole..).unwrap_or_default();
        let mut next = Vec::with_capacity(self.run_bytes.max(rest.len()));
        next.extend_from_slice(rest);
        let mut rows = mem::replace(&mut self.held, next);
        rows.truncate(self.whole);
        let offset = self.offset;
        self.offset += self.whole as u64;
        (rows, offset)
    }

    /// Looks at what was added.
    fn follow(&mut self) {
        if self.skipping {
            let end = self.ends.next_end(&self.held);
            self.skipping = end.is_none();
            self.forget(end.unwrap_or(self.held.len()));
            self.seen = 0;
        }
        if let Some(end) = self.ends.last_end(self.held.get(self.seen..).unwrap_or_default()) {
            self.whole = self.seen + end;
        }
        self.seen = self.held.len();
    }

    fn forget(&mut self, bytes: usize) {
        let bytes = bytes.min(self.held.len());
        self.held.drain(..bytes);
        self.offset += bytes as u64;
    }
}

/// Follows the rows of a format, from a row's start on.
#[derive(Debug)]
enum RowEnds {
    Newlines,
    Csv { scanner: RowScanner, quote: Option<u8> },
}

impl RowEnds {
    fn new(format: &Format) -> Self {
        match format {
            Format::Csv(dialect) => Self::Csv { scanner: RowScanner::new(dialect), quote: dialect.quote },
            _ => Self::Newlines,
        }
    }

    /// The end of the row at hand, if it is in `bytes`, which follow those of the last call.
    fn next_end(&mut self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Newlines => memchr(b'\n', bytes).map(|at| at + 1),
            Self::Csv { scanner, .. } => scanner.next_end(bytes),
        }
    }

    /// The end of the last row that ends in `bytes`, which follow those of the last call.
    fn last_end(&mut self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Newlines => memrchr(b'\n', bytes).map(|at| at + 1),
            Self::Csv { scanner, quote } => {
                let mut last = scanner.next_end(bytes)?;
                let rest = bytes.get(last..).unwrap_or_default();
                // Without a quote every newline ends a row: only what follows the last one needs to be followed.
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

#[cfg(test)]
mod tests {
    use pelton_core::job::{CsvDialect, JsonOptions};
    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::*;

    /// Offsets and bytes.
    type Rows = Vec<(u64, Vec<u8>)>;

    /// The offsets and bytes of the input's rows as the runs give them, and those of the rows that are too long.
    fn cut(
        format: &Format,
        input: &[u8],
        run_bytes: usize,
        max_row_bytes: usize,
        mut piece: impl FnMut() -> (usize, Take),
    ) -> (Rows, Rows) {
        let most = max_row_bytes.max(BadRow::RAW_MAX) + 1;
        let mut cutter = Cutter::new(format.clone(), run_bytes, max_row_bytes);
        let (mut rows, mut long, mut rest) = (Vec::new(), Vec::new(), input);
        loop {
            let (size, when) = piece();
            let (now, later) = rest.split_at(size.min(rest.len()));
            let when = if now.is_empty() { Take::Last } else { when };
            cutter.held().extend_from_slice(now);
            assert!(cutter.held().capacity() <= 4 * (run_bytes + most + size));
            if let Some(run) = cutter.take(when).expect("a head") {
                assert_eq!(run.bytes, input[run.offset as usize..][..run.bytes.len()]);
                let (mut ends, mut at) = (RowEnds::new(format), 0);
                while at < run.bytes.len() {
                    let end = ends.next_end(&run.bytes[at..]).map_or(run.bytes.len(), |end| at + end);
                    let (offset, row) = (run.offset + at as u64, &run.bytes[at..end]);
                    // A decoder rejects what came whole.
                    if row.strip_suffix(b"\n").unwrap_or(row).len() > most {
                        long.push((offset, row[..BadRow::RAW_MAX].to_vec()));
                    } else {
                        rows.push((offset, row.to_vec()));
                    }
                    at = end;
                }
                long.extend(run.rejected.into_iter().map(|bad| (bad.offset, bad.raw)));
            }
            if when == Take::Last {
                assert!(cutter.held().is_empty());
                return (rows, long);
            }
            rest = later;
        }
    }

    #[test]
    fn runs_hold_every_byte_of_the_rows_once_and_end_with_a_row() {
        let quoted = "h1,\"h\n2\"\na,\"b\n\"\"c\"\n\nd,e\r\n\"\n\n\n\",f\ng";
        let format = Format::Csv(CsvDialect { header: true, ..CsvDialect::default() });
        for size in 1..quoted.len() {
            let mut cutter = Cutter::new(format.clone(), 1, 100);
            let mut runs = Vec::new();
            for piece in quoted.as_bytes().chunks(size) {
                cutter.held().extend_from_slice(piece);
                runs.extend(cutter.take(Take::Full).expect("a head"));
            }
            runs.extend(cutter.take(Take::Last).expect("a head"));
            let names = runs[0].head.names.clone();
            assert_eq!(names, Some(vec!["h1".to_owned(), "h\n2".to_owned()]));
            assert!(runs.iter().all(|run| run.bytes == quoted.as_bytes()[run.offset as usize..][..run.bytes.len()]));
            let text: Vec<_> = runs.iter().map(|run| std::str::from_utf8(&run.bytes).expect("ASCII")).collect();
            assert_eq!(text.concat(), quoted["h1,\"h\n2\"\n".len()..], "{size}");
            let starts = ["a,", "\n", "d,", "\"\n", "g"];
            assert!(text.iter().all(|run| starts.iter().any(|start| run.starts_with(start))), "{text:?}");
        }
    }

    #[test]
    fn cuts_do_not_depend_on_how_the_input_comes() {
        for seed in 0..60 {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut input = Vec::new();
            for _ in 0..rng.random_range(0..40) {
                let long = rng.random_bool(0.1);
                let length = rng.random_range(0..if long { 20_000 } else { 30 });
                let alphabet = if rng.random_bool(0.5) { b"ab,x" } else { b"a,\"\n" };
                input.extend((0..length).map(|_| alphabet[rng.random_range(0..4)]));
                input.push(b'\n');
            }
            for format in [Format::Text, Format::Json(JsonOptions::default()), Format::Csv(CsvDialect::default())] {
                let max = [10, 5000][rng.random_range(0..2)];
                let expected = cut(&format, &input, 1 << 20, max, || (1, Take::Full));
                for _ in 0..4 {
                    let run_bytes = rng.random_range(1..3000);
                    let most = [3, 50, 9000][rng.random_range(0..3)];
                    let mut pieces = StdRng::seed_from_u64(rng.random());
                    let piece =
                        || (pieces.random_range(1..most), if pieces.random() { Take::Full } else { Take::Whole });
                    assert_eq!(cut(&format, &input, run_bytes, max, piece), expected, "seed {seed}, {}", format.name());
                }
            }
        }
    }

    #[test]
    fn an_endless_head_is_an_error() {
        let format = Format::Csv(CsvDialect { skip_lines: 1, ..CsvDialect::default() });
        let mut cutter = Cutter::new(format, 1 << 16, 1 << 16);
        cutter.held().resize(HEAD_BYTES_MAX + 1, b'x');
        assert!(cutter.take(Take::Full).expect_err("too long").contains("longer than 1048576 bytes"));
    }
}
