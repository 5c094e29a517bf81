//! The lines of a text that a report shows, for miette.
//!
//! `report` makes one for each mistake. It holds no control characters, it is short whatever the text is, and its
//! line and column numbers are those of the whole text, counted in characters.

use std::ops::Range;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use crate::job::diagnostic::{SourceText, json::line_and_column, plain};

/// Several places are shown together if they are no further apart than this.
const BYTES_MAX: usize = 64 << 10;
/// A longer line is cut around the place: no one would find it there.
const LINE_BYTES_MAX: usize = 1_000;
/// What is shown of such a line on both sides of the place.
const CUT_BYTES: usize = 40;

#[derive(Debug)]
pub struct Excerpt {
    text: String,
    /// The part of the source that this is.
    part: Range<usize>,
    /// Line and column, from 1, at which it begins.
    begins: (usize, usize),
    /// Offsets in the source and here, behind each character that became longer and at the start.
    shifts: Vec<(usize, usize)>,
}

impl Excerpt {
    /// The whole lines of these places; of the first one only, if they are too far apart.
    pub fn new(source: &SourceText, places: &[Range<usize>]) -> Self {
        let text = &*source.text;
        let first = places.first().cloned().unwrap_or_default();
        let all = places.iter().fold(first.clone(), |all, place| all.start.min(place.start)..all.end.max(place.end));
        let mut part = lines(text, &all);
        if part.len() > BYTES_MAX {
            part = lines(text, &first);
        }
        if text.get(part.clone()).is_some_and(|lines| lines.lines().any(|line| line.len() > LINE_BYTES_MAX)) {
            let line = lines(text, &(first.start..first.start));
            let start = text.floor_char_boundary(first.start.saturating_sub(CUT_BYTES).max(line.start));
            let end = text.ceil_char_boundary((first.end.min(first.start + CUT_BYTES) + CUT_BYTES).min(line.end));
            part = start..end;
        }
        let begins = line_and_column(text, part.start);
        let mut excerpt = Self { text: String::new(), shifts: vec![(part.start, 0)], begins, part: part.clone() };
        excerpt.fill(text.get(part).unwrap_or_default());
        excerpt
    }

    fn fill(&mut self, part: &str) {
        for (offset, c) in part.char_indices() {
            let before = self.text.len();
            match c {
                '\n' | '\t' => self.text.push(c),
                '\r' => self.text.push(' '),
                c => self.text.extend(plain(c)),
            }
            if self.text.len() - before != c.len_utf8() {
                self.shifts.push((self.part.start + offset + c.len_utf8(), self.text.len()));
            }
        }
    }

    /// A place of the source in the excerpt; none: it begins outside.
    pub fn place(&self, place: &Range<usize>) -> Option<Range<usize>> {
        let start = self.offset(place.start)?;
        let end = self.offset(place.end.min(self.part.end)).unwrap_or(start);
        Some(start..end.max(start))
    }

    fn offset(&self, offset: usize) -> Option<usize> {
        let (from, to) = self.shifts.iter().rev().find(|(from, _)| *from <= offset)?;
        (offset <= self.part.end).then(|| (to + (offset - from)).min(self.text.len()))
    }
}

impl SourceCode for Excerpt {
    /// miette asks for no lines around a place when it wants to know only where that is, and for some when it draws
    /// the place; it then gets the whole lines of the place, and no others.
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        _lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let place = span.offset()..span.offset() + span.len();
        let shown = if lines_before > 0 { lines(&self.text, &place) } else { place };
        let data = self.text.get(shown.clone()).ok_or(MietteError::OutOfBounds)?;
        let (line, column) = match (line_and_column(&self.text, shown.start), self.begins) {
            ((1, column), (line, before)) => (line, before - 1 + column),
            ((line, column), (before, _)) => (before - 1 + line, column),
        };
        let count = data.matches('\n').count() + 1;
        let span = (shown.start, shown.len()).into();
        Ok(Box::new(MietteSpanContents::new(data.as_bytes(), span, line - 1, column - 1, count)))
    }
}

/// The place widened to whole lines, without the last line's end.
fn lines(text: &str, place: &Range<usize>) -> Range<usize> {
    let start = text.get(..place.start).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let ended = place.end > start && text.get(..place.end).is_some_and(|before| before.ends_with('\n'));
    let rest = text.get(place.end..).unwrap_or_default();
    let end = if ended { place.end } else { rest.find('\n').map_or(text.len(), |newline| place.end + newline) };
    start..end
}
