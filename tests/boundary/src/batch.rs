//! Random batches, and what comes back for them, as the engine has both: Arrow buffers, column by column.

use arrow::buffer::{BooleanBuffer, Buffer};
use arrow::util::bit_util;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use wasmtime::{Result, ensure};

/// How many batches a case rotates through, so that branch predictors learn nothing.
const BATCHES: u64 = 32;

/// What is done to a batch: its columns, and the work for each row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// One f64 uniform in 0…1000; rows over 900 are kept, and one f64 is computed.
    Keep10,
    /// The same with rows over 100.
    Keep90,
    /// Eight s64 in, eight computed.
    Add,
    /// One utf8 of 0 to 32 bytes in, upper case out.
    Upper,
    /// One f64, a fifth of them null, in and out.
    Scale,
    /// s64 key of 1,000, f64 value: count and sum for each key of the batch.
    Combine,
    /// Eight s64 in, the same out, untouched.
    Echo,
}

impl Shape {
    pub fn name(self) -> &'static str {
        match self {
            Self::Keep10 => "keep-10",
            Self::Keep90 => "keep-90",
            Self::Add => "8-s64",
            Self::Upper => "upper",
            Self::Scale => "nullable",
            Self::Combine => "combine",
            Self::Echo => "echo",
        }
    }

    pub fn what(self) -> &'static str {
        match self {
            Self::Keep10 => "f64, keep 10 %",
            Self::Keep90 => "f64, keep 90 %",
            Self::Add => "8 × s64 in and out",
            Self::Upper => "utf8 upper-case",
            Self::Scale => "nullable f64",
            Self::Combine => "count, sum by key",
            Self::Echo => "8 × s64, echoed",
        }
    }

    /// The filter's threshold.
    pub fn above(self) -> f64 {
        if self == Self::Keep10 { 900.0 } else { 100.0 }
    }
}

/// One column: Arrow's buffers in Arrow's order, an empty validity when there are no nulls.
pub type Column = Vec<Buffer>;

#[derive(Debug)]
pub struct Batch {
    pub rows: usize,
    pub columns: Vec<Column>,
}

impl Batch {
    /// Thirty-two different batches of `shape`.
    pub fn rotation(shape: Shape, rows: usize) -> Vec<Self> {
        (0..BATCHES).map(|seed| Self::random(shape, rows, seed)).collect()
    }

    fn random(shape: Shape, rows: usize, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let prices = |random: &mut StdRng| -> Column {
            let prices: Vec<f64> = (0..rows).map(|_| random.random_range(0.0..1000.0)).collect();
            vec![no_nulls(), Buffer::from_vec(prices)]
        };
        let columns = match shape {
            Shape::Keep10 | Shape::Keep90 => vec![prices(&mut random)],
            Shape::Add | Shape::Echo => (0..8).map(|_| integers(&mut random, rows, -(1 << 62)..1 << 62)).collect(),
            Shape::Upper => vec![texts(&mut random, rows)],
            Shape::Scale => {
                let valid = BooleanBuffer::collect_bool(rows, |_| random.random_bool(0.8));
                let mut column = prices(&mut random);
                column.splice(..1, [valid.into_inner()]);
                vec![column]
            }
            Shape::Combine => vec![integers(&mut random, rows, 0..1000), prices(&mut random)],
        };
        Self { rows, columns }
    }

    /// Buffer `buffer` of column `column`.
    pub fn buffer(&self, column: usize, buffer: usize) -> &Buffer {
        self.columns.get(column).and_then(|column| column.get(buffer)).expect("the shape has this buffer")
    }
}

fn integers(random: &mut StdRng, rows: usize, range: std::ops::Range<i64>) -> Column {
    let values: Vec<i64> = (0..rows).map(|_| random.random_range(range.clone())).collect();
    vec![no_nulls(), Buffer::from_vec(values)]
}

fn texts(random: &mut StdRng, rows: usize) -> Column {
    let mut bytes = Vec::new();
    let mut offsets = vec![0_i32];
    for _ in 0..rows {
        let length = random.random_range(0..=32);
        bytes.extend((0..length).map(|_| random.random_range(b' '..=b'~')));
        offsets.push(bytes.len() as i32);
    }
    vec![no_nulls(), Buffer::from_vec(offsets), Buffer::from_vec(bytes)]
}

/// Arrow's and the contract's way to say that no row is null.
pub fn no_nulls() -> Buffer {
    Buffer::from_vec(Vec::<u8>::new())
}

/// What an operator answers: computed columns, and the input row of each output row when rows were dropped.
#[derive(Debug)]
pub struct Answer {
    pub origin: Option<Buffer>,
    pub columns: Vec<Column>,
}

impl Answer {
    /// Row for row.
    pub fn computed(columns: Vec<Column>) -> Self {
        Self { origin: None, columns }
    }

    /// Bytes in all buffers.
    pub fn sizes(&self) -> Vec<usize> {
        self.origin.iter().chain(self.columns.iter().flatten()).map(Buffer::len).collect()
    }

    /// Refuses an answer that differs from `expected` in any bit, save what lies under a null.
    pub fn must_equal(&self, expected: &Self) -> Result<()> {
        ensure!(self.origin == expected.origin, "origins differ");
        ensure!(self.columns.len() == expected.columns.len(), "numbers of columns differ");
        for (index, (column, expected)) in self.columns.iter().zip(&expected.columns).enumerate() {
            ensure!(without_nulls(column) == without_nulls(expected), "column {index} differs");
        }
        Ok(())
    }
}

/// The column with zeros for what lies under a null, and unused bits of the bitmap cleared.
fn without_nulls(column: &Column) -> Vec<Vec<u8>> {
    let mut buffers: Vec<Vec<u8>> = column.iter().map(|buffer| buffer.to_vec()).collect();
    let [valid, values] = buffers.as_mut_slice() else { return buffers };
    if !valid.is_empty() {
        for (row, value) in values.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            if !bit_util::get_bit(valid, row) {
                *value = [0; 8];
            }
        }
    }
    buffers
}
