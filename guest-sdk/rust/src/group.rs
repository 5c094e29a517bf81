//! The rows of one key: what the function of a keyed operator or of a cogroup takes.
//!
//! A [`Group`] is a range of the call's columns. Rows are made when they are taken, so none is allocated; each comes in
//! an [`Arrival`], which knows where it came from, so that rows can be emitted from it or it can be rejected.

use std::ops::{Deref, Range};

use crate::{context::Context, input::InputRow};

/// The rows of one key, in the order in which they came; `for click in clicks`. It may have none.
#[derive(Debug)]
pub struct Group<'a, R: InputRow<'a>> {
    columns: R::Columns,
    rows: Range<usize>,
    /// Rows of the call that come before `columns`.
    before: usize,
    context: &'a Context,
}

impl<'a, R: InputRow<'a>> Group<'a, R> {
    pub(crate) fn new(columns: R::Columns, rows: Range<usize>, before: usize, context: &'a Context) -> Self {
        Self { columns, rows, before, context }
    }

    /// Rows that have not been taken yet.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none: a timer, the end of the key's time to live, or the other side brought the key here.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl<'a, R: InputRow<'a>> Iterator for Group<'a, R> {
    type Item = Arrival<R>;

    #[inline(always)]
    fn next(&mut self) -> Option<Arrival<R>> {
        let at = self.rows.next()?;
        let number = self.before + at;
        self.context.enter(number);
        Some(Arrival { row: R::row(self.columns, at), at: number as u32 })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

impl<'a, R: InputRow<'a>> ExactSizeIterator for Group<'a, R> {}

/// A row of a [`Group`]; its fields are those of `R`.
#[derive(Debug)]
pub struct Arrival<R> {
    row: R,
    /// Its number among the rows that the function is shown.
    pub(crate) at: u32,
}

impl<R> Arrival<R> {
    /// The row itself, to move its fields out.
    pub fn into_row(self) -> R {
        self.row
    }
}

impl<R> Deref for Arrival<R> {
    type Target = R;

    #[inline(always)]
    fn deref(&self) -> &R {
        &self.row
    }
}
