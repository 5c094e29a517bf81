//! `= != < <= > >=`. Text is ordered by code points; NaN equals NaN and is greater than every number, as for `std:max`; -0 equals 0.

use crate::{
    expression::Comparison,
    vector::{Bits, Texts, Values, Vector, View, zip},
};

/// Compares row by row; null where either is.
pub fn compare<'a>(comparison: Comparison, left: &Vector<'a>, right: &Vector<'a>, rows: usize) -> Vector<'a> {
    let bits = match (&left.values, &right.values) {
        (Values::Bool(left), Values::Bool(right)) => bools(comparison, left, right, rows),
        (Values::Whole(left), Values::Whole(right)) => ordered(comparison, left.view(), right.view(), rows),
        (Values::Real(left), Values::Real(right)) => reals(comparison, left.view(), right.view(), rows),
        (Values::Wide(left), Values::Wide(right)) => ordered(comparison, left.view(), right.view(), rows),
        _ => texts(comparison, left.texts(), right.texts(), rows),
    };
    Vector { values: Values::Bool(bits), valid: left.valid.and(&right.valid) }
}

#[inline(always)]
fn flags<'a, T: Copy>(left: View<'_, T>, right: View<'_, T>, rows: usize, is: impl Fn(T, T) -> bool) -> Bits<'a> {
    Bits::from_flags(&zip(left, right, rows, |left, right| u8::from(is(left, right))))
}

#[inline(never)]
fn ordered<'a, T: Copy + Ord>(comparison: Comparison, left: View<'_, T>, right: View<'_, T>, rows: usize) -> Bits<'a> {
    match comparison {
        Comparison::Equal => flags(left, right, rows, |a, b| a == b),
        Comparison::NotEqual => flags(left, right, rows, |a, b| a != b),
        Comparison::Less => flags(left, right, rows, |a, b| a < b),
        Comparison::LessOrEqual => flags(left, right, rows, |a, b| a <= b),
        Comparison::Greater => flags(left, right, rows, |a, b| a > b),
        Comparison::GreaterOrEqual => flags(left, right, rows, |a, b| a >= b),
    }
}

#[inline(never)]
fn reals<'a>(comparison: Comparison, left: View<'_, f64>, right: View<'_, f64>, rows: usize) -> Bits<'a> {
    // Without branches. With a constant on one side, half of it is known before the loop.
    let less = |a: f64, b: f64| (a < b) | (b.is_nan() & !a.is_nan());
    let equal = |a: f64, b: f64| (a == b) | (a.is_nan() & b.is_nan());
    match comparison {
        Comparison::Equal => flags(left, right, rows, equal),
        Comparison::NotEqual => flags(left, right, rows, |a, b| !equal(a, b)),
        Comparison::Less => flags(left, right, rows, less),
        Comparison::LessOrEqual => flags(left, right, rows, |a, b| !less(b, a)),
        Comparison::Greater => flags(left, right, rows, |a, b| less(b, a)),
        Comparison::GreaterOrEqual => flags(left, right, rows, |a, b| !less(a, b)),
    }
}

fn bools<'a>(comparison: Comparison, left: &Bits<'a>, right: &Bits<'a>, rows: usize) -> Bits<'a> {
    let not = |bits: &Bits<'a>| bits.not(rows);
    let less = |a: &Bits<'a>, b: &Bits<'a>| not(a).and(b);
    let differs = || less(left, right).or(&less(right, left));
    match comparison {
        Comparison::Equal => not(&differs()),
        Comparison::NotEqual => differs(),
        Comparison::Less => less(left, right),
        Comparison::LessOrEqual => not(&less(right, left)),
        Comparison::Greater => less(right, left),
        Comparison::GreaterOrEqual => not(&less(left, right)),
    }
}

#[inline(never)]
fn texts<'a>(comparison: Comparison, left: &Texts<'_>, right: &Texts<'_>, rows: usize) -> Bits<'a> {
    #[inline(always)]
    fn flags<'a>(left: &Texts<'_>, right: &Texts<'_>, rows: usize, is: impl Fn(&str, &str) -> bool) -> Bits<'a> {
        let flags: Vec<u8> = match right {
            Texts::Same(right) => (0..rows).map(|row| u8::from(is(left.get(row), right))).collect(),
            right => (0..rows).map(|row| u8::from(is(left.get(row), right.get(row)))).collect(),
        };
        Bits::from_flags(&flags)
    }
    match comparison {
        Comparison::Equal => flags(left, right, rows, |a, b| a == b),
        Comparison::NotEqual => flags(left, right, rows, |a, b| a != b),
        Comparison::Less => flags(left, right, rows, |a, b| a < b),
        Comparison::LessOrEqual => flags(left, right, rows, |a, b| a <= b),
        Comparison::Greater => flags(left, right, rows, |a, b| a > b),
        Comparison::GreaterOrEqual => flags(left, right, rows, |a, b| a >= b),
    }
}
