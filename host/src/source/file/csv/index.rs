//! The places of delimiters and newlines outside quotes, found 64 bytes at a time.
//!
//! Called by the CSV decoder on a window of a chunk that begins with a row. It stops before what only the exact way can
//! read: a misplaced quote, or any if the dialect is not a plain one. Invariant: `places` ascends, and holds every
//! separator before the place where it stopped.

use pelton_core::job::CsvDialect;
use wide::u8x16;

use super::quotes::{Marks, Quotes};

/// Separators within a window.
#[derive(Debug)]
pub struct Index {
    /// First a sentinel one below the window's start (wrapping), then the places of separators; behind `len` it
    /// is scratch.
    places: Vec<u32>,
    len: usize,
    newlines: usize,
    has_quotes: bool,
}

/// The bytes that an index tells apart.
#[derive(Debug, Clone, Copy)]
pub struct Separators {
    delimiter: u8x16,
    newline: u8x16,
    carriage_return: u8x16,
    quote: Option<u8x16>,
    /// Quotes mean what [`Quotes`] takes them for; else the exact way must read rows that have some.
    plain_quotes: bool,
}

impl Separators {
    pub fn new(dialect: &CsvDialect) -> Self {
        Self {
            delimiter: u8x16::splat(dialect.delimiter),
            newline: u8x16::splat(b'\n'),
            carriage_return: u8x16::splat(b'\r'),
            quote: dialect.quote.map(u8x16::splat),
            plain_quotes: dialect.escape.is_none() && dialect.comment.is_none() && !dialect.trim,
        }
    }

    /// One bit for each of the first `len` bytes of a block that matters.
    #[inline(never)]
    fn marks(&self, block: &[u8; 64], len: usize) -> Marks {
        let mask = |wanted: u8x16| {
            let (lanes, _) = block.as_chunks::<16>();
            let lanes = (0_u32..).step_by(16).zip(lanes);
            lanes.fold(0, |mask, (shift, lane)| {
                mask | u64::from(u8x16::from(*lane).simd_eq(wanted).to_bitmask()) << shift
            })
        };
        let valid = u64::MAX >> (64 - len);
        let newlines = mask(self.newline) & valid;
        Marks {
            quotes: self.quote.map_or(0, mask) & valid,
            separators: mask(self.delimiter) & valid | newlines,
            newlines,
            returns: mask(self.carriage_return) & valid,
            valid,
        }
    }

    /// One bit for each byte of a block that is a delimiter or a newline; and, of its four lanes together, newlines
    /// (counted) and quotes (0 or not).
    #[inline(always)]
    fn find(&self, block: &[u8; 64]) -> (u64, u8x16, u8x16) {
        let (mut separators, mut newlines, mut quotes) = (0_u64, u8x16::ZERO, u8x16::ZERO);
        let (lanes, _) = block.as_chunks::<16>();
        for (shift, lane) in (0_u32..).step_by(16).zip(lanes) {
            let lane = u8x16::from(*lane);
            let newline = lane.simd_eq(self.newline);
            separators |= u64::from((lane.simd_eq(self.delimiter) | newline).to_bitmask()) << shift;
            // A lane that is equal is 255, which is -1.
            newlines -= newline;
            if let Some(quote) = self.quote {
                quotes |= lane.simd_eq(quote);
            }
        }
        (separators, newlines, quotes)
    }
}

/// Separators are written in steps of so many, needed or not: that spares a branch that cannot be foreseen.
const STEP: usize = 6;

/// Blocks whose newlines can be counted in bytes.
const GROUP: usize = 63;

impl Index {
    /// For windows of at most `window` bytes and rows of at most `fields` fields.
    pub fn new(window: usize, fields: usize) -> Self {
        Self { places: vec![0; 1 + window + 64 + STEP + fields], len: 0, newlines: 0, has_quotes: false }
    }

    /// Finds the separators of `window`. Answers whether it stopped before the window's end.
    pub fn scan(&mut self, window: &[u8], separators: &Separators) -> bool {
        let (blocks, rest) = window.as_chunks::<64>();
        if let Some(first) = self.places.first_mut() {
            *first = u32::MAX;
        }
        let mut writer = Writer { places: &mut self.places, len: 1, newlines: 0, quotes: None };
        let mut base = 0_u32;
        let mut stopped = false;
        'blocks: for group in blocks.chunks(GROUP) {
            let mut counted = u8x16::ZERO;
            for block in group {
                let (found, newlines, quotes) = separators.find(block);
                if separators.quote.is_some() && (writer.quotes_are_open() || quotes.any()) {
                    if !writer.push_quoted(base, &separators.marks(block, 64), separators) {
                        stopped = true;
                        writer.count(counted);
                        break 'blocks;
                    }
                } else {
                    counted += newlines;
                    writer.push(base, found);
                    if let Some(quotes) = &mut writer.quotes {
                        quotes.pass(found);
                    }
                }
                base += 64;
            }
            writer.count(counted);
        }
        if !stopped && !rest.is_empty() {
            let mut block = [0_u8; 64];
            for (to, from) in block.iter_mut().zip(rest) {
                *to = *from;
            }
            stopped = !writer.push_quoted(base, &separators.marks(&block, rest.len()), separators);
        }
        let Writer { len, newlines, quotes, .. } = writer;
        (self.len, self.newlines, self.has_quotes) = (len, newlines, quotes.is_some());
        stopped
    }

    /// Whether there may be quoted fields between the places.
    pub fn has_quotes(&self) -> bool {
        self.has_quotes
    }

    /// The sentinel and the separators.
    pub fn places(&self) -> &[u32] {
        self.places.get(..self.len).unwrap_or_default()
    }

    /// The same from `first` on, with scratch behind them.
    pub fn places_from(&self, first: usize) -> &[u32] {
        self.places.get(first..).unwrap_or_default()
    }

    pub fn newlines(&self) -> usize {
        self.newlines
    }
}

struct Writer<'a> {
    places: &'a mut [u32],
    len: usize,
    newlines: usize,
    /// From the first block with quotes on.
    quotes: Option<Quotes>,
}

impl Writer<'_> {
    #[inline(always)]
    fn push(&mut self, base: u32, mut mask: u64) {
        let mut at = self.len;
        self.len += mask.count_ones() as usize;
        loop {
            let Some(step) = self.places.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<STEP>()) else {
                unreachable!("places has room for every byte of a window");
            };
            for place in step {
                *place = base.wrapping_add(mask.trailing_zeros());
                mask &= mask.wrapping_sub(1);
            }
            at += STEP;
            if mask == 0 {
                return;
            }
        }
    }

    fn count(&mut self, newlines: u8x16) {
        self.newlines += newlines.to_array().iter().map(|count| usize::from(*count)).sum::<usize>();
    }

    #[inline(always)]
    fn quotes_are_open(&self) -> bool {
        self.quotes.is_some_and(|quotes| quotes.are_open())
    }

    /// A block that may have quotes, or that others end in. Answers no if only the exact way can read it.
    fn push_quoted(&mut self, base: u32, marks: &Marks, separators: &Separators) -> bool {
        if marks.quotes == 0 && !self.quotes_are_open() {
            self.push(base, marks.separators);
            self.newlines += marks.newlines.count_ones() as usize;
            return true;
        }
        let mut quotes = self.quotes.unwrap_or_else(|| Quotes::behind(self.last_is_before(base)));
        let found = if separators.plain_quotes { quotes.block(marks) } else { None };
        let Some(found) = found else { return false };
        self.push(base, found);
        self.newlines += (found & marks.newlines).count_ones() as usize;
        self.quotes = Some(quotes);
        true
    }

    /// Whether the byte before `base` is a separator; there is one before the window.
    fn last_is_before(&self, base: u32) -> bool {
        let last = self.len.checked_sub(1).and_then(|last| self.places.get(last));
        last.is_some_and(|place| place.wrapping_add(1) == base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(window: &[u8], dialect: &CsvDialect) -> (Vec<u32>, usize) {
        let mut inside = false;
        let places: Vec<u32> = (0..window.len() as u32)
            .filter(|at| {
                let byte = window[*at as usize];
                inside ^= Some(byte) == dialect.quote;
                !inside && (byte == dialect.delimiter || byte == b'\n')
            })
            .collect();
        let newlines = places.iter().filter(|at| window[**at as usize] == b'\n').count();
        ([vec![u32::MAX], places].concat(), newlines)
    }

    #[test]
    fn separators_are_found_at_every_place_and_length() {
        let tokens: [&[u8]; 12] = [
            b"a",
            b"bb",
            b",",
            b"\n",
            b",,",
            b";",
            b"\0",
            b"\r\n",
            b",\"x,\ny\",",
            b",\"\",",
            b"\n\"\"\"\"\r\n",
            b",'a'",
        ];
        let mut state = 42_u64;
        let mut whole = 0;
        for len in 0..300 {
            for _ in 0..8 {
                let mut window: Vec<u8> = Vec::new();
                while window.len() < len {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    window.extend(tokens[(state >> 33) as usize % (tokens.len() - len % 2 * 4)]);
                }
                window.truncate(len);
                for (delimiter, quote) in [(b',', Some(b'"')), (b',', None), (0, Some(b'\'')), (b';', Some(0))] {
                    let dialect = CsvDialect { delimiter, quote, ..CsvDialect::default() };
                    let mut index = Index::new(300, 5);
                    let stopped = index.scan(&window, &Separators::new(&dialect));
                    let (places, newlines) = naive(&window, &dialect);
                    if stopped {
                        assert!(quote.is_some() && places.starts_with(index.places()), "{window:?}");
                    } else {
                        assert_eq!((index.places(), index.newlines()), (places.as_slice(), newlines), "{window:?}");
                        whole += 1;
                    }
                }
            }
        }
        assert!(whole > 4000, "only {whole} windows were read to their end");
    }
}
