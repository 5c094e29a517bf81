//! `+ - * / % div`: integers and decimals are exact or a fault, floats are IEEE's. Division by zero is a fault for all of them.

use super::{Evaluated, Evaluation};
use crate::{
    expression::{Arithmetic, Node},
    types::{Digits, PRECISION_MAX, Type},
    vector::{Bits, Lane, Values, Vector, View, any, zip},
};

/// What became of an operation: values, and rows that have none.
struct Computed<T> {
    values: Vec<T>,
    bad: Vec<u32>,
}

/// Computes all rows, then looks for bad ones only if there is any.
#[inline(always)]
fn compute<T: Copy + Default>(
    left: View<'_, T>,
    right: View<'_, T>,
    rows: usize,
    of: impl Fn(T, T) -> T,
    is_bad: impl Fn(T, T) -> bool,
) -> Computed<T> {
    let values = zip(left, right, rows, of);
    let mut bad = Vec::new();
    if any(left, right, &is_bad) {
        bad.extend((0..rows as u32).filter(|row| is_bad(left.get(*row as usize), right.get(*row as usize))));
    }
    Computed { values, bad }
}

#[inline(never)]
fn whole(operator: Arithmetic, left: View<'_, i64>, right: View<'_, i64>, rows: usize) -> Computed<i64> {
    // Products of such factors fit: the check without a division or a wider product.
    let is_small = |value: i64| i64::from(value as i32) == value;
    match operator {
        Arithmetic::Add => compute(left, right, rows, i64::wrapping_add, |a, b| a.overflowing_add(b).1),
        Arithmetic::Subtract => compute(left, right, rows, i64::wrapping_sub, |a, b| a.overflowing_sub(b).1),
        Arithmetic::Multiply if !any(left, right, |a, b| !is_small(a) | !is_small(b)) => {
            compute(left, right, rows, i64::wrapping_mul, |_, _| false)
        }
        Arithmetic::Multiply => compute(left, right, rows, i64::wrapping_mul, |a, b| a.checked_mul(b).is_none()),
        Arithmetic::Remainder => {
            compute(left, right, rows, |a, b| if b == 0 { 0 } else { a.wrapping_rem(b) }, |_, b| b == 0)
        }
        Arithmetic::Quotient | Arithmetic::Divide => compute(
            left,
            right,
            rows,
            |a, b| if b == 0 { 0 } else { a.wrapping_div(b) },
            |a, b| a.checked_div(b).is_none(),
        ),
    }
}

#[inline(never)]
fn real(operator: Arithmetic, left: View<'_, f64>, right: View<'_, f64>, rows: usize) -> Computed<f64> {
    let never = |_, _| false;
    let by_zero = |_, divisor| divisor == 0.0;
    match operator {
        Arithmetic::Add => compute(left, right, rows, |a, b| a + b, never),
        Arithmetic::Subtract => compute(left, right, rows, |a, b| a - b, never),
        Arithmetic::Multiply => compute(left, right, rows, |a, b| a * b, never),
        Arithmetic::Divide | Arithmetic::Quotient => compute(left, right, rows, |a, b| a / b, by_zero),
        Arithmetic::Remainder => compute(left, right, rows, |a, b| a % b, by_zero),
    }
}

/// Unscaled decimals, below `end`.
#[inline(never)]
fn wide(operator: Arithmetic, left: View<'_, i128>, right: View<'_, i128>, rows: usize, end: u128) -> Computed<i128> {
    let apply = |a: i128, b: i128| match operator {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Subtract => a.checked_sub(b),
        Arithmetic::Multiply => a.checked_mul(b),
        Arithmetic::Divide | Arithmetic::Quotient => a.checked_div(b),
        Arithmetic::Remainder => a.checked_rem(b),
    };
    let fits = move |a, b| apply(a, b).filter(|value| value.unsigned_abs() < end);
    compute(left, right, rows, |a, b| fits(a, b).unwrap_or_default(), |a, b| fits(a, b).is_none())
}

impl<'a> Evaluation<'a> {
    pub(super) fn arithmetic(
        &self,
        operator: Arithmetic,
        node: &Node,
        left: Vector<'a>,
        right: Vector<'a>,
        active: &Bits<'a>,
    ) -> Evaluated<'a> {
        let valid = left.valid.and(&right.valid);
        let (values, bad) = match (&left.values, &right.values) {
            (Values::Whole(a), Values::Whole(b)) => {
                let Computed { values, bad } = whole(operator, a.view(), b.view(), self.rows);
                (Values::Whole(values.into()), bad)
            }
            (Values::Real(a), Values::Real(b)) => {
                let Computed { values, bad } = real(operator, a.view(), b.view(), self.rows);
                (Values::Real(values.into()), bad)
            }
            _ => {
                let (a, b) = (left.wides(), right.wides());
                let digits = match &node.ty {
                    Type::Decimal(digits) => *digits,
                    _ => Digits { precision: PRECISION_MAX, scale: 0 },
                };
                let Computed { values, bad } = wide(operator, a.view(), b.view(), self.rows, digits.end());
                (Values::Wide(Lane::from(values)), bad)
            }
        };
        if !bad.is_empty() {
            let divides = matches!(operator, Arithmetic::Divide | Arithmetic::Quotient | Arithmetic::Remainder);
            self.fault(&bad, &valid, active, |row| {
                if divides && right.is_zero(row) {
                    format!("`{}` divides by zero", node.text)
                } else {
                    format!("`{}` is out of the range of {}", node.text, node.ty.name())
                }
            });
        }
        Ok(Vector { values, valid })
    }
}
