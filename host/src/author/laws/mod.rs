//! The laws of the contract, tried on a module with rows that are made up: `pelton check`.
//!
//! ```text
//! schema ─► sample (rows, with edges) ─► a law: call, call otherwise, compare ─► shrink ─► the smallest table
//! ```
//!
//! Every law compares answers of the module with each other, never with what it should mean: that is what golden cases are
//! for. The same seed tries the same rows.

mod aggregate;
mod answer;
mod sample;
mod transform;

use std::sync::Arc;

use arrow::array::RecordBatch;
use pelton_core::{contract::Input, limits::Limits};
use pelton_wasm::{BatchContext, CallError, Kind, Module};

pub use self::answer::lines;
use crate::error::{Code, Coded};

/// What is checked.
pub struct Subject {
    pub module: Arc<Module>,
    pub input: Input,
    /// A JSON object.
    pub options: String,
    pub limits: Limits,
}

/// How much is tried.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    pub seed: u64,
    /// Tables for each law.
    pub tables: usize,
    /// Rows of a table, at most.
    pub rows: usize,
}

/// A law that held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub law: &'static str,
    pub says: &'static str,
}

/// Why a module does not pass.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// It cannot be opened with these columns and options.
    #[error("the module cannot be opened")]
    Open(#[source] Box<CallError>),
    #[error("the module breaks the law `{law}`: {says}")]
    Law {
        law: &'static str,
        says: &'static str,
        /// The smallest table that shows it.
        rows: RecordBatch,
        /// What the two ways came to.
        ways: Box<[(String, Vec<String>); 2]>,
    },
    #[error("`pelton check` knows no laws of {0} operators yet")]
    Kind(&'static str),
    #[error("no rows can be made up for column `{column}`, which is {kind}")]
    Type { column: String, kind: String },
}

impl Coded for Broken {
    fn code(&self) -> Code {
        match self {
            Self::Open(_) => Code::ModuleRefused,
            Self::Law { .. } => Code::LawBroken,
            Self::Kind(_) => Code::WrongWorld,
            Self::Type { .. } => Code::ColumnMismatch,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Open(_) => {
                Some("give the columns of its input by `--columns` and its options by `--options`".to_owned())
            }
            Self::Law { .. } => Some(
                "a module keeps nothing between calls, and takes times and random numbers from the context".to_owned(),
            ),
            Self::Kind(_) | Self::Type { .. } => None,
        }
    }
}

/// Tries all laws of the module's kind. `held` is told of each that holds.
pub fn check(subject: &Subject, effort: &Effort, held: &mut dyn FnMut(Held)) -> Result<(), Broken> {
    match subject.module.kind() {
        Kind::Transform => transform::check(subject, effort, held),
        Kind::Aggregate => aggregate::check(subject, effort, held),
        kind => Err(Broken::Kind(kind.name())),
    }
}

/// A call that may be compared with others: the rows of the answer, or why there is none.
type Answered = Vec<String>;

/// What every call is told, but for the number of its first row.
fn context(first_row: u64) -> BatchContext {
    BatchContext { epoch: 7, first_row, now: 1_700_000_000_000_000, watermark: 1_699_999_990_000_000, seed: 42 }
}

/// The smallest table that `differs` still holds for: parts of it are left out as long as it does.
fn shrunk(rows: RecordBatch, differs: &mut dyn FnMut(&RecordBatch) -> bool) -> RecordBatch {
    let mut smallest = rows;
    let mut part = smallest.num_rows() / 2;
    let mut tried_pairs = false;
    while part > 0 {
        let mut start = 0;
        let mut is_smaller = false;
        while start < smallest.num_rows() {
            let without = sample::without(&smallest, start, part);
            if differs(&without) {
                smallest = without;
                is_smaller = true;
            } else {
                start += part;
            }
        }
        tried_pairs &= !is_smaller;
        if part == 1 && !is_smaller && !tried_pairs && smallest.num_rows() > 2 {
            // A law may go by every other row: one row less would turn all those behind it round.
            (part, tried_pairs) = (2, true);
        } else if !is_smaller || part > smallest.num_rows() {
            part = (part / 2).min(smallest.num_rows());
        }
    }
    smallest
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{AsArray, Int64Array, RecordBatch},
        datatypes::{DataType, Field, Int64Type, Schema},
    };

    use super::shrunk;

    fn table(values: impl IntoIterator<Item = i64>) -> RecordBatch {
        let schema = Schema::new(vec![Field::new("n", DataType::Int64, false)]);
        let column = Int64Array::from_iter_values(values);
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(column)]).expect("a table")
    }

    #[test]
    fn a_failure_that_needs_two_rows_shrinks_to_them() {
        let mut differs = |rows: &RecordBatch| {
            let values = rows.column(0).as_primitive::<Int64Type>().values();
            values.contains(&17) && values.contains(&71)
        };
        let smallest = shrunk(table(0..100), &mut differs);
        assert_eq!(smallest.column(0).as_primitive::<Int64Type>().values(), &[17, 71]);
    }

    #[test]
    fn a_failure_that_needs_no_rows_shrinks_to_none() {
        assert_eq!(shrunk(table(0..5), &mut |_| true).num_rows(), 0);
    }
}
