//! `if`, `case` and `coalesce`: each row's value is that of one operand, and only that one is asked for it.

use super::{Evaluated, Evaluation};
use crate::{
    expression::Node,
    vector::{Bits, Lane, Made, Scalar, Values, Vector, View},
};

/// For each row, the operand that it takes.
struct Picked {
    of: Vec<u16>,
}

impl Picked {
    fn none(rows: usize, otherwise: usize) -> Self {
        Self { of: vec![otherwise as u16; rows] }
    }

    fn set(&mut self, rows: &Bits<'_>, to: usize) {
        for row in rows.positions(self.of.len()) {
            if let Some(place) = self.of.get_mut(row as usize) {
                *place = to as u16;
            }
        }
    }

    /// For each row, the value of its operand by `get`, which is told operand and row.
    fn gather<T>(&self, get: impl Fn(usize, usize) -> T) -> Vec<T> {
        self.of.iter().enumerate().map(|(row, operand)| get(usize::from(*operand), row)).collect()
    }
}

impl<'a> Evaluation<'a> {
    pub(super) fn choose(
        &self,
        node: &Node,
        arms: &[(Node, Node)],
        otherwise: Option<&Node>,
        active: &Bits<'a>,
    ) -> Evaluated<'a> {
        let mut left = active.clone();
        let mut picked = Picked::none(self.rows, arms.len());
        let mut values = Vec::with_capacity(arms.len() + 1);
        for (place, (condition, value)) in arms.iter().enumerate() {
            let condition = self.under(condition, &left)?;
            let taken = left.and(condition.bits()).and(&condition.valid);
            values.push(self.asked(value, &taken)?);
            picked.set(&taken, place);
            left = left.and(&taken.not(self.rows));
        }
        values.push(match otherwise {
            Some(otherwise) => self.asked(otherwise, &left)?,
            None => Scalar::Null.vector(node.ty.kind(), self.rows),
        });
        self.gather(node, &values, &picked)
    }

    pub(super) fn coalesce(&self, node: &Node, list: &[Node], active: &Bits<'a>) -> Evaluated<'a> {
        let mut left = active.clone();
        let mut picked = Picked::none(self.rows, list.len().saturating_sub(1));
        let mut values = Vec::with_capacity(list.len());
        for (place, value) in list.iter().enumerate() {
            let vector = self.asked(value, &left)?;
            let taken = left.and(&vector.valid);
            picked.set(&taken, place);
            left = left.and(&taken.not(self.rows));
            values.push(vector);
        }
        self.gather(node, &values, &picked)
    }

    /// The values of `node` in the rows of `taken`. If there are none, nothing is computed.
    fn asked(&self, node: &Node, taken: &Bits<'a>) -> Evaluated<'a> {
        if taken.any(self.rows) { self.under(node, taken) } else { Ok(Scalar::Null.vector(node.ty.kind(), self.rows)) }
    }

    fn gather(&self, node: &Node, operands: &[Vector<'a>], picked: &Picked) -> Evaluated<'a> {
        let valid = if operands.iter().all(|operand| operand.valid.is_ones()) {
            Bits::ONES
        } else {
            let flag = |operand: usize, row| operands.get(operand).is_some_and(|operand| operand.valid.get(row));
            Bits::from_flags(&picked.gather(|operand, row| u8::from(flag(operand, row))))
        };
        let first = operands.first().ok_or("a choice without values")?;
        let values = match &first.values {
            Values::Bool(_) => {
                let bits: Vec<&Bits<'_>> = operands.iter().map(Vector::bits).collect();
                let flags = picked.gather(|operand, row| u8::from(bits.get(operand).is_some_and(|bits| bits.get(row))));
                Values::Bool(Bits::from_flags(&flags))
            }
            Values::Whole(_) => Values::Whole(lanes(
                &operands.iter().map(|operand| operand.wholes().view()).collect::<Vec<_>>(),
                picked,
            )),
            Values::Real(_) => {
                Values::Real(lanes(&operands.iter().map(|operand| operand.reals().view()).collect::<Vec<_>>(), picked))
            }
            Values::Wide(_) => {
                Values::Wide(lanes(&operands.iter().map(|operand| operand.wides().view()).collect::<Vec<_>>(), picked))
            }
            Values::Text(_) => {
                let mut made = Made::with_capacity(self.rows);
                for (row, operand) in picked.of.iter().enumerate() {
                    let operand = operands.get(usize::from(*operand)).filter(|operand| operand.valid.get(row));
                    made.push(operand.map_or("", |operand| operand.texts().get(row)));
                }
                Values::Text(made.finish()?)
            }
            Values::Presence => return Err(format!("{} cannot be made", node.ty.name())),
        };
        Ok(Vector { values, valid })
    }
}

fn lanes<'a, T: Copy + Default>(operands: &[View<'_, T>], picked: &Picked) -> Lane<'a, T> {
    picked.gather(|operand, row| operands.get(operand).map_or(T::default(), |view| view.get(row))).into()
}
