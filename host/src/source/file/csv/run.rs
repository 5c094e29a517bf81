//! Rows that the index found to be regular, and what a field means before its type is looked at.
//!
//! Called by the CSV decoder, which makes runs, and by the columns, which read one field of every row in them.

use memchr::memchr;
use pelton_core::job::CsvDialect;

use super::row;

/// Consecutive rows of exactly `fields` fields, whose quotes are where they belong.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The window that `places` point into, and what follows it.
    pub bytes: &'a [u8],
    /// Where `bytes` begin in the chunk.
    pub base: usize,
    /// The place before the first row (wrapping below 0), and the places of all separators of the rows; `fields`
    /// more entries follow, which mean nothing.
    pub places: &'a [u32],
    pub fields: usize,
    pub rows: usize,
    /// Fields may be quoted.
    pub quoted: bool,
}

impl<'a> Run<'a> {
    /// Where field `field` of each row begins and ends. A carriage return at the end of a row is dropped if `RETURNS`,
    /// else it is part of the last field.
    #[inline(always)]
    pub fn spans<const RETURNS: bool>(
        &self,
        field: usize,
    ) -> impl ExactSizeIterator<Item = (usize, usize)> + use<'a, RETURNS> {
        let (bytes, fields) = (self.bytes, self.fields);
        let last = field + 1 == fields;
        // One more than the fields, so that both ends of each field are in one piece; the last piece ends in scratch.
        let places = self.places.get(field..field + self.rows * fields + 1).unwrap_or_default();
        let ends = places.get(1..).unwrap_or_default().chunks_exact(fields);
        places.chunks_exact(fields).zip(ends).map(move |(before, behind)| {
            let (Some(before), Some(behind)) = (before.first(), behind.first()) else { return (0, 0) };
            let (start, mut end) = (before.wrapping_add(1) as usize, *behind as usize);
            if RETURNS && last && end > start && bytes.get(end - 1) == Some(&b'\r') {
                end -= 1;
            }
            (start, end)
        })
    }

    /// Whether the first row has a carriage return at the end of this field, the last. Other rows may differ: this tells
    /// what pays, not what is right.
    pub fn has_returns(&self, field: usize) -> bool {
        let (start, end) = self.rows(0, 1).spans::<false>(field).next().unwrap_or_default();
        field + 1 == self.fields && end > start && self.bytes.get(end - 1) == Some(&b'\r')
    }

    pub fn span(&self, row: usize, field: usize) -> (usize, usize) {
        self.rows(row, 1).spans::<true>(field).next().unwrap_or_default()
    }

    /// Where the rows begin in `bytes`.
    pub fn starts(&self) -> impl DoubleEndedIterator<Item = usize> + ExactSizeIterator + use<'a> {
        let places = self.places.get(..self.rows * self.fields).unwrap_or_default();
        places.chunks_exact(self.fields).map(|row| row.first().map_or(0, |place| place.wrapping_add(1) as usize))
    }

    /// Where the first row begins in the chunk.
    pub fn start(&self) -> usize {
        self.base + self.places.first().map_or(0, |place| place.wrapping_add(1) as usize)
    }

    /// Where the last row ends in the chunk, behind its newline.
    pub fn end(&self) -> usize {
        self.base + self.places.get(self.rows * self.fields).map_or(0, |place| place.wrapping_add(1) as usize)
    }

    /// Whether `places`, whose newlines are as many as there are rows, are those of regular rows.
    pub fn is_regular(&self, places: &[u32]) -> bool {
        // If each place where a row should end is a newline, no newline is left for the others.
        let places = places.get(1..).unwrap_or_default();
        self.rows * self.fields <= places.len()
            && places
                .chunks_exact(self.fields)
                .take(self.rows)
                .all(|row| row.last().is_some_and(|place| self.bytes.get(*place as usize) == Some(&b'\n')))
    }

    /// `rows` of its rows, from `first` on.
    pub fn rows(&self, first: usize, rows: usize) -> Self {
        Self { places: self.places.get(first * self.fields..).unwrap_or_default(), rows, ..*self }
    }
}

/// What of the dialect matters within a field.
#[derive(Debug, Clone)]
pub struct FieldRules {
    null_tokens: Vec<Vec<u8>>,
    trim: bool,
    /// 0 if there is none: then no run has quoted fields.
    pub quote: u8,
}

impl FieldRules {
    pub fn new(dialect: &CsvDialect) -> Self {
        let null_tokens = dialect.null_tokens.iter().map(|token| token.as_bytes().to_vec()).collect();
        Self { null_tokens, trim: dialect.trim, quote: dialect.quote.unwrap_or_default() }
    }

    /// Whether a field's bytes are its text, whatever they are: then columns may take them as they stand.
    pub fn are_plain(&self) -> bool {
        !self.trim && self.null_tokens.is_empty()
    }

    pub fn is_null_token(&self, text: &[u8]) -> bool {
        self.null_tokens.iter().any(|token| token == text)
    }

    /// A field of a run; `scratch` holds its text if that is not in the input as it is.
    pub fn field<'a>(&self, run: &Run<'a>, row: usize, field: usize, scratch: &'a mut Vec<u8>) -> row::Field<'a> {
        let (start, end) = run.span(row, field);
        if !(run.quoted && run.bytes.get(start) == Some(&self.quote)) {
            let (start, end) = if self.trim { row::trimmed(run.bytes, start, end) } else { (start, end) };
            return row::Field { text: run.bytes.get(start..end).unwrap_or_default(), quoted: false };
        }
        let text = run.bytes.get(start + 1..end - 1).unwrap_or_default();
        if memchr(self.quote, text).is_none() {
            return row::Field { text, quoted: true };
        }
        scratch.clear();
        let mut rest = text;
        while let Some(at) = memchr(self.quote, rest) {
            // Of two quotes, one.
            scratch.extend_from_slice(rest.get(..=at).unwrap_or_default());
            rest = rest.get(at + 2..).unwrap_or_default();
        }
        scratch.extend_from_slice(rest);
        row::Field { text: scratch, quoted: true }
    }
}
