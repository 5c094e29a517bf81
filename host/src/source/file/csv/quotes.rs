//! Which bytes are inside quotes, 64 at a time.
//!
//! Called by the index for blocks with quotes. Every quote changes between outside and inside, so the bytes inside are
//! those behind an odd number of quotes; a doubled quote goes out and in again. That is what a row means only if each quote
//! that opens stands at a field's start, and each that closes at a field's end: else the exact way must read it.

/// What is known at the end of a block.
#[derive(Debug, Clone, Copy)]
pub struct Quotes {
    /// All ones inside quotes, else 0.
    inside: u64,
    /// 1 if the last byte was a separator, or closed a quoted field, else 0.
    after_separator: u64,
    after_closing: u64,
}

/// The bytes of a block that matter, one bit for each.
#[derive(Debug, Clone, Copy)]
pub struct Marks {
    pub quotes: u64,
    /// Delimiters and newlines, in quotes or not.
    pub separators: u64,
    pub newlines: u64,
    pub returns: u64,
    /// Bytes that the block has.
    pub valid: u64,
}

impl Quotes {
    /// Outside quotes, behind a separator or not.
    pub fn behind(separator: bool) -> Self {
        Self { inside: 0, after_separator: u64::from(separator), after_closing: 0 }
    }

    /// Whether the next block must be looked at even if it has no quotes.
    pub fn are_open(&self) -> bool {
        self.inside | self.after_closing != 0
    }

    /// Goes past a block without quotes, outside of them.
    #[inline(always)]
    pub fn pass(&mut self, separators: u64) {
        self.after_separator = separators >> 63;
    }

    /// Goes past a block: answers its separators outside quotes, or none if a quote is not where it belongs.
    pub fn block(&mut self, marks: &Marks) -> Option<u64> {
        let inside = behind_odd(marks.quotes) ^ self.inside;
        let separators = marks.separators & !inside;
        let (opening, closing) = (marks.quotes & inside, marks.quotes & !inside);
        let behind_separator = (separators << 1) | self.after_separator;
        let behind_closing = (closing << 1) | self.after_closing;
        let misplaced = opening & !(behind_separator | behind_closing);
        // A quoted field may end before the carriage return of its line.
        let line_end = marks.returns & ((marks.newlines & separators) >> 1);
        let continued = behind_closing & !(separators | opening | line_end) & marks.valid;
        if misplaced | continued != 0 {
            return None;
        }
        self.inside = 0_u64.wrapping_sub(inside >> 63);
        self.after_separator = separators >> 63;
        self.after_closing = closing >> 63;
        Some(separators)
    }
}

/// The bits that have an odd number of ones at or below them.
fn behind_odd(bits: u64) -> u64 {
    [1, 2, 4, 8, 16, 32].into_iter().fold(bits, |bits, shift| bits ^ (bits << shift))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(block: &[u8]) -> Marks {
        let bits = |wanted: &[u8]| {
            block.iter().enumerate().filter(|(_, b)| wanted.contains(b)).fold(0, |bits, (at, _)| bits | 1 << at)
        };
        Marks {
            quotes: bits(b"\""),
            separators: bits(b",\n"),
            newlines: bits(b"\n"),
            returns: bits(b"\r"),
            valid: u64::MAX >> (64 - block.len()),
        }
    }

    #[test]
    fn separators_inside_quotes_are_none() {
        for block in ["a,\"b,c\",d\n", "\"a\"\"\n,\",b\r\n", "\"a\"\r\n\"\",\n", "\"\"\"\",\"\n", "a,b\n"] {
            let found = Quotes::behind(true).block(&marks(block.as_bytes())).expect("well placed");
            let places: Vec<usize> = (0..64).filter(|at| found >> at & 1 == 1).collect();
            assert_eq!(places, outside(block), "{block:?}");
        }
    }

    fn outside(block: &str) -> Vec<usize> {
        let mut inside = false;
        block
            .bytes()
            .enumerate()
            .filter(|(_, byte)| {
                inside ^= *byte == b'"';
                !inside && b",\n".contains(byte)
            })
            .map(|(at, _)| at)
            .collect()
    }

    #[test]
    fn misplaced_quotes_are_left_to_the_exact_way() {
        for block in ["a\"b\"\n", "\"a\"b\n", "\"a\" ,\n", "\"a\"\rb\n", " \"a\"\n"] {
            assert_eq!(Quotes::behind(true).block(&marks(block.as_bytes())), None, "{block:?}");
        }
    }
}
