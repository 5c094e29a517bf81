//! Numbers of all rows, or one number that is the same for all.
//!
//! The loops over them are here: each takes a function of one row, which is inlined, so that the compiler makes SIMD of them. What lies under
//! a null is computed too, and means nothing: functions must not panic.

use std::borrow::Cow;

/// A column of numbers. Rows that were made are owned, those of the input borrowed.
#[derive(Debug, Clone)]
pub enum Lane<'a, T: Copy> {
    Rows(Cow<'a, [T]>),
    Same(T),
}

/// The same, borrowed.
#[derive(Debug, Clone, Copy)]
pub enum View<'v, T> {
    Rows(&'v [T]),
    Same(T),
}

impl<T: Copy> Lane<'_, T> {
    pub fn view(&self) -> View<'_, T> {
        match self {
            Self::Rows(rows) => View::Rows(rows),
            Self::Same(value) => View::Same(*value),
        }
    }
}

impl<T: Copy> From<Vec<T>> for Lane<'_, T> {
    fn from(rows: Vec<T>) -> Self {
        Self::Rows(Cow::Owned(rows))
    }
}

impl<T: Copy + Default> View<'_, T> {
    /// The value of a row; the default beyond the end.
    #[inline(always)]
    pub fn get(self, row: usize) -> T {
        match self {
            Self::Rows(rows) => rows.get(row).copied().unwrap_or_default(),
            Self::Same(value) => value,
        }
    }
}

/// `of` for each row.
#[inline(always)]
pub fn map<'a, T: Copy, U: Copy>(values: View<'_, T>, of: impl Fn(T) -> U) -> Lane<'a, U> {
    match values {
        View::Rows(rows) => rows.iter().map(|value| of(*value)).collect::<Vec<U>>().into(),
        View::Same(value) => Lane::Same(of(value)),
    }
}

/// `of` for each pair of rows.
#[inline(always)]
pub fn zip<A: Copy, B: Copy, U: Clone>(
    left: View<'_, A>,
    right: View<'_, B>,
    rows: usize,
    of: impl Fn(A, B) -> U,
) -> Vec<U> {
    match (left, right) {
        (View::Rows(left), View::Rows(right)) => {
            left.iter().zip(right).map(|(left, right)| of(*left, *right)).collect()
        }
        (View::Rows(left), View::Same(right)) => left.iter().map(|left| of(*left, right)).collect(),
        (View::Same(left), View::Rows(right)) => right.iter().map(|right| of(left, *right)).collect(),
        (View::Same(left), View::Same(right)) => vec![of(left, right); rows],
    }
}

/// Whether `is` holds for any pair of rows. Without a branch, so that it runs at memory speed.
#[inline(always)]
pub fn any<A: Copy, B: Copy>(left: View<'_, A>, right: View<'_, B>, is: impl Fn(A, B) -> bool) -> bool {
    match (left, right) {
        (View::Rows(left), View::Rows(right)) => {
            left.iter().zip(right).fold(false, |any, (left, right)| any | is(*left, *right))
        }
        (View::Rows(left), View::Same(right)) => left.iter().fold(false, |any, left| any | is(*left, right)),
        (View::Same(left), View::Rows(right)) => right.iter().fold(false, |any, right| any | is(left, *right)),
        (View::Same(left), View::Same(right)) => is(left, right),
    }
}
