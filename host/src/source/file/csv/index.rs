//! The places of delimiters and newlines, found 64 bytes at a time.
//!
//! Called by the CSV decoder on a window of a chunk that begins with a row. It stops at the first quote, for rows
//! with quotes go the exact way. Invariant: `ends` ascends, and holds every delimiter and newline before `stop`.

use wide::u8x16;

/// Separators within a window.
#[derive(Debug)]
pub struct Index {
    /// First a sentinel one below the window's start (wrapping), then the places of separators; behind `len` it
    /// is scratch.
    places: Vec<u32>,
    len: usize,
    newlines: usize,
}

/// The bytes that an index tells apart.
#[derive(Debug, Clone, Copy)]
pub struct Separators {
    delimiter: u8x16,
    newline: u8x16,
    quote: Option<u8x16>,
}

impl Separators {
    pub fn new(delimiter: u8, quote: Option<u8>) -> Self {
        Self { delimiter: u8x16::splat(delimiter), newline: u8x16::splat(b'\n'), quote: quote.map(u8x16::splat) }
    }

    /// One bit for each byte of a block: (delimiters and newlines, newlines, quotes).
    #[inline(always)]
    fn masks(&self, block: &[u8; 64]) -> (u64, u64, u64) {
        let (mut separators, mut newlines, mut quotes) = (0_u64, 0_u64, 0_u64);
        let (lanes, _) = block.as_chunks::<16>();
        for (shift, lane) in (0_u32..).step_by(16).zip(lanes) {
            let lane = u8x16::from(*lane);
            let newline = lane.simd_eq(self.newline);
            separators |= u64::from((lane.simd_eq(self.delimiter) | newline).to_bitmask()) << shift;
            newlines |= u64::from(newline.to_bitmask()) << shift;
            if let Some(quote) = self.quote {
                quotes |= u64::from(lane.simd_eq(quote).to_bitmask()) << shift;
            }
        }
        (separators, newlines, quotes)
    }
}

/// Separators are written in steps of so many, needed or not: that spares a branch that cannot be foreseen.
const STEP: usize = 8;

impl Index {
    /// For windows of at most `window` bytes and rows of at most `fields` fields.
    pub fn new(window: usize, fields: usize) -> Self {
        Self { places: vec![0; 1 + window + 64 + STEP + fields], len: 0, newlines: 0 }
    }

    /// Finds the separators of `window`, up to its first quote. Answers whether it met one.
    pub fn scan(&mut self, window: &[u8], separators: &Separators) -> bool {
        let (blocks, rest) = window.as_chunks::<64>();
        let mut writer = Writer { places: &mut self.places, len: 1, newlines: 0 };
        if let Some(first) = writer.places.first_mut() {
            *first = u32::MAX;
        }
        let mut base = 0_u32;
        let mut quoted = false;
        for block in blocks {
            let (all, newlines, quotes) = separators.masks(block);
            if quotes != 0 {
                let before = (quotes & quotes.wrapping_neg()) - 1;
                writer.push(base, all & before, newlines & before);
                quoted = true;
                break;
            }
            writer.push(base, all, newlines);
            base += 64;
        }
        if !quoted && !rest.is_empty() {
            let mut block = [0_u8; 64];
            for (to, from) in block.iter_mut().zip(rest) {
                *to = *from;
            }
            let (all, newlines, quotes) = separators.masks(&block);
            // The padding is none of the window's, even if a separator is the NUL byte.
            let before = ((1_u64 << rest.len()) - 1) & (quotes & quotes.wrapping_neg()).wrapping_sub(1);
            quoted = quotes & ((1_u64 << rest.len()) - 1) != 0;
            writer.push(base, all & before, newlines & before);
        }
        let Writer { len, newlines, .. } = writer;
        (self.len, self.newlines) = (len, newlines);
        quoted
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
}

impl Writer<'_> {
    #[inline(always)]
    fn push(&mut self, base: u32, mut mask: u64, newlines: u64) {
        self.newlines += newlines.count_ones() as usize;
        let count = mask.count_ones() as usize;
        let mut at = self.len;
        self.len += count;
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(window: &[u8], delimiter: u8, quote: Option<u8>) -> (Vec<u32>, usize, bool) {
        let stop = window.iter().position(|b| Some(*b) == quote);
        let places: Vec<u32> = (0..stop.unwrap_or(window.len()) as u32)
            .filter(|at| [delimiter, b'\n'].contains(&window[*at as usize]))
            .collect();
        let newlines = places.iter().filter(|at| window[**at as usize] == b'\n').count();
        ([vec![u32::MAX], places].concat(), newlines, stop.is_some())
    }

    #[test]
    fn separators_are_found_at_every_place_and_length() {
        let alphabet = *b"ab,\n\"\0,,x;";
        let mut state = 42_u64;
        for len in 0..300 {
            for _ in 0..8 {
                let window: Vec<u8> = (0..len)
                    .map(|_| {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        alphabet[(state >> 33) as usize % (alphabet.len() - usize::from(len % 3 > 0) * 6)]
                    })
                    .collect();
                for (delimiter, quote) in [(b',', Some(b'"')), (b',', None), (0, Some(b'\'')), (b';', Some(0))] {
                    let mut index = Index::new(300, 5);
                    let quoted = index.scan(&window, &Separators::new(delimiter, quote));
                    let (places, newlines, stopped) = naive(&window, delimiter, quote);
                    assert_eq!(
                        (index.places(), index.newlines(), quoted),
                        (places.as_slice(), newlines, stopped),
                        "{window:?}"
                    );
                }
            }
        }
    }
}
