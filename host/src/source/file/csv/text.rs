//! Text and binary columns: the bytes of all fields one after the other, and where each ends.
//!
//! Called like the other columns ([`super::column`]). Invariant: what has been pushed to a utf8 column without a fault is
//! UTF-8, field by field.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, BinaryArray, StringArray},
    buffer::{Buffer, OffsetBuffer, ScalarBuffer},
};

use super::{
    column::{Column, Shared},
    row,
    run::Run,
    value::Fault,
};

/// A column of type utf8 or binary.
pub struct Texts {
    shared: Shared,
    /// Where fields end, behind a 0.
    offsets: Vec<i32>,
    values: Values,
    utf8: bool,
}

impl Texts {
    pub fn new(shared: Shared, utf8: bool) -> Self {
        Self { offsets: vec![0], values: Values::default(), shared, utf8 }
    }

    fn push_plain(&mut self, run: &Run<'_>, spans: impl ExactSizeIterator<Item = (usize, usize)>) {
        let values = &mut self.values;
        self.offsets.extend(spans.map(|(start, end)| {
            values.push(run.bytes, start, end);
            values.end()
        }));
    }

    /// The same when fields may be quoted.
    fn push_quoted(&mut self, run: &Run<'_>, field: usize) {
        let (quote, bytes) = (self.shared.rules.quote, run.bytes);
        let mut scratch = Vec::new();
        for (row, (start, end)) in run.spans::<true>(field).enumerate() {
            if bytes.get(start) != Some(&quote) {
                self.values.push(bytes, start, end);
            } else if !bytes.get(start + 1..end - 1).is_some_and(|text| text.contains(&quote)) {
                self.values.push(bytes, start + 1, end - 1);
            } else {
                let text = self.shared.rules.field(run, row, field, &mut scratch).text;
                self.values.push(text, 0, text.len());
            }
            self.offsets.push(self.values.end());
        }
    }

    /// The same when fields may be null, or are trimmed.
    fn push_careful(&mut self, run: &Run<'_>, field: usize, bad: &mut Vec<usize>) {
        let mut scratch = Vec::new();
        for row in 0..run.rows {
            let field = self.shared.rules.field(run, row, field, &mut scratch);
            let null = self.is_null(field);
            if null.is_err() {
                bad.push(row);
            }
            let kept = if null == Ok(false) { field.text } else { b"" };
            self.values.push(kept, 0, kept.len());
            self.offsets.push(self.values.end());
            self.shared.validity.append(null != Ok(true));
        }
    }

    /// Null tokens alone mean null here: the empty field is a value.
    fn is_null(&self, field: row::Field<'_>) -> Result<bool, Fault> {
        let null = !field.quoted && self.shared.rules.is_null_token(field.text);
        if null && !self.shared.nullable { Err(Fault::Null) } else { Ok(null) }
    }

    /// Finds the fields from row `first` on that are not UTF-8.
    fn check(&self, first: usize, bad: &mut Vec<usize>) {
        let ends = self.offsets.get(first..).unwrap_or_default();
        let start = ends.first().map_or(0, |end| *end as usize);
        if self.values.from(start).is_ascii() {
            return;
        }
        for (row, pair) in ends.windows(2).enumerate() {
            let [start, end] = pair else { continue };
            let text = self.values.from(*start as usize).get(..(end - start) as usize).unwrap_or_default();
            if std::str::from_utf8(text).is_err() {
                bad.push(row);
            }
        }
    }
}

impl Column for Texts {
    fn push_run(&mut self, run: &Run<'_>, field: usize, bad: &mut Vec<usize>) {
        let first = self.offsets.len() - 1;
        if !self.shared.rules.are_plain() {
            self.push_careful(run, field, bad);
        } else {
            if run.quoted {
                self.push_quoted(run, field);
            } else if field + 1 == run.fields {
                self.push_plain(run, run.spans::<true>(field));
            } else {
                self.push_plain(run, run.spans::<false>(field));
            }
            self.shared.validity.append_n_non_nulls(run.rows);
        }
        if self.utf8 {
            self.check(first, bad);
        }
    }

    fn push(&mut self, field: row::Field<'_>) -> Result<(), Fault> {
        if self.utf8 && std::str::from_utf8(field.text).is_err() {
            return Err(Fault::NotUtf8);
        }
        let null = self.is_null(field)?;
        let kept = if null { b"" } else { field.text };
        self.values.push(kept, 0, kept.len());
        self.offsets.push(self.values.end());
        self.shared.validity.append(!null);
        Ok(())
    }

    fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows + 1);
        self.values.used = self.offsets.last().map_or(0, |end| *end as usize);
        self.shared.validity.truncate(rows);
    }

    fn finish(&mut self) -> ArrayRef {
        let mut offsets = Vec::with_capacity(self.shared.rows + 1);
        offsets.push(0);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(&mut self.offsets, offsets)));
        let values = Buffer::from_vec(self.values.take());
        let nulls = self.shared.validity.finish();
        if self.utf8 {
            Arc::new(StringArray::new(offsets, values, nulls))
        } else {
            Arc::new(BinaryArray::new(offsets, values, nulls))
        }
    }
}

/// Bytes that grow at the end. Short fields are copied in pieces of a fixed size, which takes a few instructions where
/// a copy of any size takes a call; what is copied too much is overwritten by the next field.
#[derive(Default)]
struct Values {
    bytes: Vec<u8>,
    used: usize,
}

impl Values {
    #[inline(always)]
    fn push(&mut self, from: &[u8], start: usize, end: usize) {
        let len = end.wrapping_sub(start);
        let copied = len <= 16 && self.copy::<16>(from, start) || len <= 64 && self.copy::<64>(from, start);
        if !copied {
            self.push_any(from.get(start..end).unwrap_or_default());
        }
        self.used += len;
    }

    /// Copies `N` bytes, if there are so many and there is room for them.
    #[inline(always)]
    fn copy<const N: usize>(&mut self, from: &[u8], start: usize) -> bool {
        let piece = from.get(start..).and_then(|rest| rest.first_chunk::<N>());
        let room = self.bytes.get_mut(self.used..).and_then(|rest| rest.first_chunk_mut::<N>());
        match (piece, room) {
            (Some(piece), Some(room)) => {
                *room = *piece;
                true
            }
            _ => false,
        }
    }

    #[inline(never)]
    fn push_any(&mut self, field: &[u8]) {
        let end = self.used + field.len();
        if self.bytes.len() < end {
            // Doubled, and with room for pieces.
            self.bytes.resize(end * 2 + 1024, 0);
        }
        if let Some(room) = self.bytes.get_mut(self.used..end) {
            room.copy_from_slice(field);
        }
    }

    fn end(&self) -> i32 {
        // A chunk, and so the text of its rows, is shorter than this: see the decoder.
        i32::try_from(self.used).unwrap_or(i32::MAX)
    }

    fn from(&self, start: usize) -> &[u8] {
        self.bytes.get(start..self.used).unwrap_or_default()
    }

    /// Everything pushed so far. The next batch begins with room for as much.
    fn take(&mut self) -> Vec<u8> {
        let room = if self.used == 0 { 0 } else { self.used + self.used / 8 + 64 };
        let mut taken = std::mem::replace(&mut self.bytes, vec![0; room]);
        taken.truncate(self.used);
        self.used = 0;
        taken
    }
}
