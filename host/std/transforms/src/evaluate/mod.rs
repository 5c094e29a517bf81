//! The values of expressions, a batch at a time: every operation is a loop over whole columns.
//!
//! Rows that an operation cannot compute (a sum out of range, a division by zero, a cast that does not fit) are *faults*: the row is rejected with
//! the reason. An operation is told which rows ask for it; what it computes for others is thrown away and is no fault. So
//! `if(n = 0, 0, x / n)` rejects nothing. That costs something only where a node can fail.

mod arithmetic;
mod call;
mod cast;
mod choose;
mod compare;
mod like;
mod set;
mod text;

use std::{cell::RefCell, collections::BTreeMap};

pub use self::{cast::Reader, like::Like, set::Set};
use crate::{
    expression::{Node, Operation},
    vector::{Bits, Values, Vector},
};

/// One batch, and what went wrong in it so far.
#[derive(Debug)]
pub struct Evaluation<'a> {
    columns: Vec<Vector<'a>>,
    rows: usize,
    /// The first reason for each row.
    faults: RefCell<BTreeMap<u32, String>>,
}

type Evaluated<'a> = Result<Vector<'a>, String>;

impl<'a> Evaluation<'a> {
    /// Of a batch with these columns, in the order of the binder's sources.
    pub fn new(columns: Vec<Vector<'a>>, rows: usize) -> Self {
        Self { columns, rows, faults: RefCell::default() }
    }

    /// The values of `node` in all rows.
    pub fn evaluate(&self, node: &Node) -> Evaluated<'a> {
        self.under(node, &Bits::ONES)
    }

    /// Rows to reject, and why.
    pub fn into_faults(self) -> BTreeMap<u32, String> {
        self.faults.into_inner()
    }

    /// The values of `node` in the rows of `active`; those of other rows mean nothing.
    fn under(&self, node: &Node, active: &Bits<'a>) -> Evaluated<'a> {
        match &node.operation {
            Operation::Column(place) => {
                self.columns.get(*place).cloned().ok_or_else(|| "a column that is read did not come".to_owned())
            }
            Operation::Literal(literal) => Ok(literal.value.vector(node.ty.kind(), self.rows)),
            Operation::Not(value) => {
                let value = self.under(value, active)?;
                Ok(Vector { values: Values::Bool(value.bits().not(self.rows)), valid: value.valid })
            }
            Operation::And(list) => self.and(list, active),
            Operation::Or(list) => self.or(list, active),
            Operation::IsNull(value) => Ok(Vector::bools(self.under(value, active)?.valid.not(self.rows))),
            Operation::Arithmetic(operator, both) => {
                let (left, right) = self.both(both, active)?;
                self.arithmetic(*operator, node, left, right, active)
            }
            Operation::Compare(comparison, both) => {
                let (left, right) = self.both(both, active)?;
                Ok(compare::compare(*comparison, &left, &right, self.rows))
            }
            Operation::In(value, set) => Ok(set.contains(&self.under(value, active)?, self.rows)),
            Operation::Like(value, like) => {
                let value = self.under(value, active)?;
                Ok(Vector {
                    values: Values::Bool(text::test(value.texts(), self.rows, |text| like.matches(text))),
                    valid: value.valid,
                })
            }
            Operation::Cast { value, is_try } => {
                let vector = self.under(value, active)?;
                self.cast(node, &value.ty, vector, *is_try, active)
            }
            Operation::Choose { arms, otherwise } => self.choose(node, arms, otherwise.as_deref(), active),
            Operation::Coalesce(list) => self.coalesce(node, list, active),
            Operation::Call(call, arguments) => {
                let arguments =
                    arguments.iter().map(|argument| self.under(argument, active)).collect::<Result<Vec<_>, _>>()?;
                self.call(*call, node, &arguments, active)
            }
        }
    }

    fn both(&self, both: &[Node; 2], active: &Bits<'a>) -> Result<(Vector<'a>, Vector<'a>), String> {
        let [left, right] = both;
        Ok((self.under(left, active)?, self.under(right, active)?))
    }

    /// SQL's: false if any is false, else null if any is null. Operands that can fail are asked only where none before is false.
    fn and(&self, list: &[Node], active: &Bits<'a>) -> Evaluated<'a> {
        let (mut all_true, mut any_false) = (Bits::ONES, Bits::zeros(self.rows));
        let is_plain = list.iter().all(|node| !node.nullable);
        for node in list {
            let asked = if node.fails { active.and(&any_false.not(self.rows)) } else { active.clone() };
            let vector = self.under(node, &asked)?;
            let value = vector.bits();
            all_true = all_true.and(value).and(&vector.valid);
            if !is_plain || list.iter().any(|node| node.fails) {
                any_false = any_false.or(&value.not(self.rows).and(&vector.valid));
            }
        }
        let valid = if is_plain { Bits::ONES } else { all_true.or(&any_false) };
        Ok(Vector { values: Values::Bool(all_true), valid })
    }

    /// SQL's: true if any is true, else null if any is null.
    fn or(&self, list: &[Node], active: &Bits<'a>) -> Evaluated<'a> {
        let (mut any_true, mut all_false) = (Bits::zeros(self.rows), Bits::ONES);
        let is_plain = list.iter().all(|node| !node.nullable);
        for node in list {
            let asked = if node.fails { active.and(&any_true.not(self.rows)) } else { active.clone() };
            let vector = self.under(node, &asked)?;
            let value = vector.bits();
            any_true = any_true.or(&value.and(&vector.valid));
            if !is_plain {
                all_false = all_false.and(&value.not(self.rows)).and(&vector.valid);
            }
        }
        let valid = if is_plain { Bits::ONES } else { any_true.or(&all_false) };
        Ok(Vector { values: Values::Bool(any_true), valid })
    }

    /// Notes faults in those of `bad` that ask for the value and have all operands.
    #[cold]
    fn fault(&self, bad: &[u32], valid: &Bits<'_>, active: &Bits<'_>, why: impl Fn(usize) -> String) {
        let mut faults = self.faults.borrow_mut();
        for row in bad.iter().filter(|row| valid.get(**row as usize) && active.get(**row as usize)) {
            faults.entry(*row).or_insert_with(|| why(*row as usize));
        }
    }
}
