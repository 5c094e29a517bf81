//! Column-level transforms: whole slices in, whole columns out.
//!
//! [`Values`] is a column being made, [`Emit`] what a `#[transform(columns)]` function returns. `#[derive(Row)]` on `Priced`
//! makes `PricedColumns` (to read) and `PricedValues` (to make).

use crate::{
    batch::{Answer, Batch},
    bindings::{Node, Rejection},
    block::{BLOCK, Block},
    input::InputColumns,
    output::{OutputField, OutputRow},
    ports::{Finished, Only, Ports},
    positions,
    transform::Description,
};

/// A column being made: `collect()` an iterator into it, `extend` it, or `push`.
pub struct Values<F: OutputField> {
    block: F::Block,
    /// Slots of the current block that are taken.
    filled: usize,
}

impl<F: OutputField> Values<F> {
    /// An empty column with room for `rows` rows.
    pub fn with_capacity(rows: usize) -> Self {
        Self { block: F::Block::with_capacity(rows), filled: 0 }
    }

    /// Appends a row. Collecting is faster.
    #[inline(always)]
    pub fn push(&mut self, value: F) {
        value.put(&mut self.block, self.filled);
        self.filled += 1;
        if self.filled == BLOCK {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.block.flush(self.filled);
        self.filled = 0;
    }

    /// The column, as it crosses to the host.
    #[doc(hidden)]
    pub fn finish(mut self, name: &str) -> Result<Node, String> {
        self.flush();
        self.block.finish().map_err(|why| format!("column `{name}` cannot be returned: {why}"))
    }
}

impl<F: OutputField> Default for Values<F> {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl<F: OutputField> Extend<F> for Values<F> {
    #[inline(always)]
    fn extend<I: IntoIterator<Item = F>>(&mut self, values: I) {
        let mut values = values.into_iter();
        if self.filled == 0 {
            // Whole blocks by index, for as long as the iterator promises them: the compiler can use SIMD.
            while values.size_hint().0 >= BLOCK {
                values.by_ref().take(BLOCK).enumerate().for_each(|(slot, value)| value.put(&mut self.block, slot));
                self.block.flush(BLOCK);
            }
        }
        values.for_each(|value| self.push(value));
    }
}

impl<F: OutputField> FromIterator<F> for Values<F> {
    #[inline(always)]
    fn from_iter<I: IntoIterator<Item = F>>(values: I) -> Self {
        let values = values.into_iter();
        let mut column = Self::with_capacity(values.size_hint().0);
        column.extend(values);
        column
    }
}

macro_rules! from_slices {
    ($($type:ty)*) => {$(
        impl From<&[$type]> for Values<$type> {
            fn from(values: &[$type]) -> Self {
                let mut column = Self::with_capacity(values.len());
                column.block.extend_from_slice(values);
                column
            }
        }

        impl From<Vec<$type>> for Values<$type> {
            fn from(values: Vec<$type>) -> Self {
                values.as_slice().into()
            }
        }
    )*};
}

from_slices!(i8 i16 i32 i64 u8 u16 u32 u64 f32 f64);

/// All columns of a row type, made. Implemented by `#[derive(Row)]` for the type `…Values`, and for `()`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the columns that a row makes",
    label = "not made columns",
    note = "`#[derive(Row)]` makes the type beside the row: `struct Priced` has `PricedValues`; `()` computes nothing"
)]
pub trait RowValues {
    type Row: OutputRow;
    fn finish(self) -> Result<Vec<Node>, String>;
}

impl RowValues for () {
    type Row = ();

    fn finish(self) -> Result<Vec<Node>, String> {
        Ok(Vec::new())
    }
}

/// The numbers of the rows whose value `keep` says true of, in order: an [`Emit::rows`]' `origin`. There is no branch on what it
/// says, which nobody could foresee, so this is several times as fast as `filter`.
///
/// ```
/// use pelton_guest::kept;
///
/// assert_eq!(kept(&[50.0, 150.0, 200.0], |price| *price > 100.0), [1, 2]);
/// ```
#[inline(always)]
pub fn kept<T>(values: &[T], keep: impl Fn(&T) -> bool) -> Vec<u32> {
    let mut rows = Vec::with_capacity(values.len());
    let mut flags = [0_u8; BLOCK];
    let mut slots = [0_u32; BLOCK + 8];
    for (start, block) in (0..).step_by(BLOCK).zip(values.chunks(BLOCK)) {
        // Some at a time, so that the compiler unrolls the loop and can use SIMD.
        let (values, values_left) = block.as_chunks::<16>();
        let (flagged, _) = flags.as_chunks_mut::<16>();
        for (flags, values) in flagged.iter_mut().zip(values) {
            for (flag, value) in flags.iter_mut().zip(values) {
                *flag = u8::from(keep(value));
            }
        }
        let left = flags.get_mut(block.len() - values_left.len()..).unwrap_or_default();
        for (flag, value) in left.iter_mut().zip(values_left) {
            *flag = u8::from(keep(value));
        }
        rows.extend_from_slice(positions::rows(flags.get(..block.len()).unwrap_or_default(), start, &mut slots));
    }
    rows
}

/// What a `#[transform(columns)]` function returns: columns, and the rows that theirs came from.
///
/// ```
/// use pelton_guest::prelude::*;
///
/// #[derive(Row)]
/// struct Bid { price: f64 }
///
/// /// Bids over 100, in cents.
/// #[derive(Row)]
/// struct Cents { cents: i64 }
///
/// #[transform(columns)]
/// fn high_bids(bids: BidColumns<'_>) -> Emit<CentsValues> {
///     let origin = kept(bids.price, |price| *price > 100.0);
///     let cents = origin.iter().filter_map(|row| bids.price.get(*row as usize)).map(|price| (price * 100.0) as i64);
///     let cents = cents.collect();
///     Emit::rows(origin, CentsValues { cents })
/// }
///
/// let out = high_bids.test(rows! { price: [50.0, 150.0, 200.0] });
/// assert_eq!(out.main(), &rows! { price: [150.0, 200.0], cents: [15_000, 20_000] });
/// ```
#[derive(Debug)]
pub struct Emit<V> {
    values: V,
    origin: Option<Values<u32>>,
    rejected: Vec<Rejection>,
}

impl<V: RowValues> Emit<V> {
    /// Every row goes on: row `i` of `values` belongs to row `i` of the input.
    pub fn every_row(values: V) -> Self {
        Self { values, origin: None, rejected: Vec::new() }
    }

    /// Row `i` of `values` came from row `origin[i]` of the input; origins do not decrease.
    pub fn rows(origin: impl Into<Values<u32>>, values: V) -> Self {
        Self { values, origin: Some(origin.into()), rejected: Vec::new() }
    }

    /// Rejects a row of the input, once, with the reason. It should not be in `origin` as well.
    pub fn reject(&mut self, row: u32, reason: impl Into<String>) {
        self.rejected.push(Rejection { row, reason: reason.into() });
    }
}

impl<F: OutputField> std::fmt::Debug for Values<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Values").field("format", &F::format()).finish_non_exhaustive()
    }
}

/// What a `#[transform(columns)]` function may return.
#[diagnostic::on_unimplemented(
    message = "a `#[transform(columns)]` cannot return `{Self}`",
    label = "what is this to become?",
    note = "return `Emit<…Values>`, or a Result of it, whose error stops the job"
)]
pub trait ColumnsOutcome {
    type Row: OutputRow;
    fn answer(self, batch: &Batch) -> Result<Answer, String>;
}

impl<V: RowValues> ColumnsOutcome for Emit<V> {
    type Row = V::Row;

    fn answer(self, batch: &Batch) -> Result<Answer, String> {
        let origin = match self.origin {
            None => None,
            Some(origin) => origin.finish("origin")?.buffers.pop(),
        };
        let rows = origin.as_ref().map_or(batch.rows, |origin| origin.len() / size_of::<u32>());
        let nodes = self.values.finish()?;
        let names = V::Row::computed();
        if let Some((node, computed)) = nodes.iter().zip(&names).find(|(node, _)| node.rows as usize != rows) {
            let name = &computed.field.name;
            return Err(format!("column `{name}` was made with {} rows, but the output has {rows}", node.rows));
        }
        let rows = u32::try_from(rows).map_err(|_| "a batch has at most 4294967295 rows")?;
        Ok(Answer { ports: vec![Finished { rows, origin, nodes }], rejected: self.rejected })
    }
}

impl<O: ColumnsOutcome, E: std::fmt::Display> ColumnsOutcome for Result<O, E> {
    type Row = O::Row;

    fn answer(self, batch: &Batch) -> Result<Answer, String> {
        self.map_err(|error| error.to_string())?.answer(batch)
    }
}

/// Calls `function` once, with all columns.
pub fn run<'a, C: InputColumns<'a>, O: ColumnsOutcome>(
    batch: &'a Batch,
    function: impl FnOnce(C) -> O,
) -> Result<Answer, String> {
    function(C::view(&batch.columns, batch.rows)?).answer(batch)
}

/// What a function reads and makes. It is not called.
pub fn describe<'a, C: InputColumns<'a>, O: ColumnsOutcome>(_function: impl FnOnce(C) -> O) -> Description {
    Description { reads: C::reads(), ports: Only::<O::Row>::specs() }
}
