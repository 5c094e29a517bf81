//! Text of all rows, or one text that is the same for all.

use std::{fmt, rc::Rc};

use pelton_guest::Strings;

/// A column of text. What was made is shared, because a vector may be used twice.
#[derive(Clone)]
pub enum Texts<'a> {
    Rows(Strings<'a>),
    Made(Rc<Made>),
    Same(Rc<str>),
}

/// Text that an expression made: where each row ends, and all of it.
#[derive(Debug, Default)]
pub struct Made {
    offsets: Vec<i32>,
    text: String,
}

impl Texts<'_> {
    /// The text of a row; empty beyond the end.
    #[inline(always)]
    pub fn get(&self, row: usize) -> &str {
        match self {
            Self::Rows(rows) => rows.get(row).unwrap_or_default(),
            Self::Made(made) => made.get(row).unwrap_or_default(),
            Self::Same(text) => text,
        }
    }
}

impl fmt::Debug for Texts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => rows.fmt(f),
            Self::Made(made) => made.fmt(f),
            Self::Same(text) => text.fmt(f),
        }
    }
}

impl Made {
    pub fn with_capacity(rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self { offsets, text: String::new() }
    }

    #[inline(always)]
    fn get(&self, row: usize) -> Option<&str> {
        self.text.get(*self.offsets.get(row)? as usize..*self.offsets.get(row + 1)? as usize)
    }

    /// The texts of `rows`, each made another of the same length in bytes: all of them at once.
    pub fn in_place(rows: Strings<'_>, change: impl FnOnce(&str) -> String) -> Self {
        Self { offsets: rows.offsets().to_vec(), text: change(rows.text()) }
    }

    /// Appends a row.
    #[inline(always)]
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.end_row();
    }

    /// Appends to the row that [`Made::end_row`] will end.
    pub fn part(&mut self) -> &mut String {
        &mut self.text
    }

    #[inline(always)]
    pub fn end_row(&mut self) {
        // More text than a column can hold is noticed by `finish`.
        self.offsets.push(i32::try_from(self.text.len()).unwrap_or(i32::MAX));
    }

    pub fn finish<'a>(self) -> Result<Texts<'a>, String> {
        match i32::try_from(self.text.len()) {
            Ok(_) => Ok(Texts::Made(Rc::new(self))),
            Err(_) => Err("an expression made more than 2 GiB of text in one batch".to_owned()),
        }
    }

    /// The buffers of a column: offsets and bytes.
    pub fn buffers(&self) -> [Vec<u8>; 2] {
        [bytemuck::cast_slice(&self.offsets).to_vec(), self.text.as_bytes().to_vec()]
    }
}
