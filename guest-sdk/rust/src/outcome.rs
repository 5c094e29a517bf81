//! What a transform's function may return, and how it becomes rows.
//!
//! Used by the loops in [`crate::run`]. Forms nest: `Result<Option<Vec<Row>>, Error>` is one.

use crate::{
    bindings::Rejection,
    output::OutputRow,
    ports::{Only, Ports},
};

/// What a `#[transform]` function may return.
#[diagnostic::on_unimplemented(
    message = "a module cannot return `{Self}`",
    label = "what is this to become?",
    note = "return a row (map; `#[derive(Row)]`), bool (filter), Option<row> (map and filter), Vec<row> or `impl Iterator<Item = row>` (flat-map), an enum of ports (`#[derive(Ports)]`), or a Result of one of these (reject)"
)]
pub trait Outcome: Sized {
    /// The only row that there can be; `()` if not [`Outcome::SINGLE`].
    type Row: OutputRow;
    type Ports: Ports;
    /// At most one row for each row read, and one port: the fast loop applies.
    const SINGLE: bool;

    /// The row, if any. Called only if [`Outcome::SINGLE`].
    fn single(self, row: u32, rejected: &mut Rejected) -> Option<Self::Row>;
    /// Pushes every row to its port.
    fn each(self, sinks: &mut <Self::Ports as Ports>::Sinks, row: u32, rejected: &mut Rejected);
}

/// Rows rejected so far, in order; each at most once.
#[derive(Debug, Default)]
pub struct Rejected(pub Vec<Rejection>);

impl Rejected {
    #[cold]
    #[inline(never)]
    pub fn push(&mut self, row: u32, reason: String) {
        if self.0.last().is_none_or(|last| last.row != row) {
            self.0.push(Rejection { row, reason });
        }
    }
}

impl<R: OutputRow> Outcome for R {
    type Row = R;
    type Ports = Only<R>;
    const SINGLE: bool = true;

    #[inline(always)]
    fn single(self, _row: u32, _rejected: &mut Rejected) -> Option<R> {
        Some(self)
    }

    #[inline(always)]
    fn each(self, sinks: &mut <Only<R> as Ports>::Sinks, row: u32, _rejected: &mut Rejected) {
        Only(self).push(sinks, row);
    }
}

impl Outcome for bool {
    type Row = ();
    type Ports = Only<()>;
    const SINGLE: bool = true;

    #[inline(always)]
    fn single(self, _row: u32, _rejected: &mut Rejected) -> Option<()> {
        self.then_some(())
    }

    fn each(self, sinks: &mut <Only<()> as Ports>::Sinks, row: u32, _rejected: &mut Rejected) {
        if self {
            Only(()).push(sinks, row);
        }
    }
}

impl<O: Outcome> Outcome for Option<O> {
    type Row = O::Row;
    type Ports = O::Ports;
    const SINGLE: bool = O::SINGLE;

    #[inline(always)]
    fn single(self, row: u32, rejected: &mut Rejected) -> Option<O::Row> {
        self.and_then(|outcome| outcome.single(row, rejected))
    }

    #[inline(always)]
    fn each(self, sinks: &mut <O::Ports as Ports>::Sinks, row: u32, rejected: &mut Rejected) {
        if let Some(outcome) = self {
            outcome.each(sinks, row, rejected);
        }
    }
}

impl<O: Outcome, E: std::fmt::Display> Outcome for Result<O, E> {
    type Row = O::Row;
    type Ports = O::Ports;
    const SINGLE: bool = O::SINGLE;

    #[inline(always)]
    fn single(self, row: u32, rejected: &mut Rejected) -> Option<O::Row> {
        match self {
            Ok(outcome) => outcome.single(row, rejected),
            Err(error) => {
                rejected.push(row, error.to_string());
                None
            }
        }
    }

    #[inline(always)]
    fn each(self, sinks: &mut <O::Ports as Ports>::Sinks, row: u32, rejected: &mut Rejected) {
        match self {
            Ok(outcome) => outcome.each(sinks, row, rejected),
            Err(error) => rejected.push(row, error.to_string()),
        }
    }
}

/// What may leave a keyed operator or a cogroup: a row, or an enum of ports.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot leave an operator",
    label = "neither a row nor an enum of ports",
    note = "`out` takes a struct with `#[derive(Row)]`, or an enum with `#[derive(Ports)]` for several outputs"
)]
pub trait Leave: Outcome {}

impl<R: OutputRow> Leave for R {}

/// Any number of rows, from an iterator. `#[transform]` wraps what is declared as `impl Iterator`.
#[derive(Debug)]
pub struct Each<I>(pub I);

impl<I: Iterator<Item: Outcome>> Outcome for Each<I> {
    type Row = ();
    type Ports = <I::Item as Outcome>::Ports;
    const SINGLE: bool = false;

    fn single(self, _row: u32, _rejected: &mut Rejected) -> Option<()> {
        unreachable!("`single` is called only for outcomes that are single")
    }

    #[inline(always)]
    fn each(self, sinks: &mut <Self::Ports as Ports>::Sinks, row: u32, rejected: &mut Rejected) {
        self.0.for_each(|outcome| outcome.each(sinks, row, rejected));
    }
}

impl<O: Outcome> Outcome for Vec<O> {
    type Row = ();
    type Ports = O::Ports;
    const SINGLE: bool = false;

    fn single(self, _row: u32, _rejected: &mut Rejected) -> Option<()> {
        unreachable!("`single` is called only for outcomes that are single")
    }

    #[inline(always)]
    fn each(self, sinks: &mut <O::Ports as Ports>::Sinks, row: u32, rejected: &mut Rejected) {
        self.into_iter().for_each(|outcome| outcome.each(sinks, row, rejected));
    }
}
