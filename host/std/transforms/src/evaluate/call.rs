//! Functions. Each is null where one of its arguments is.

use super::{Evaluated, Evaluation, text};
use crate::{
    expression::{Node, functions::Call},
    types::{F64, S64, Type, per_second},
    value::time::{Civil, civil},
    vector::{Bits, Lane, Made, Texts, Values, Vector, map},
};

const DAY_SECONDS: i64 = 86_400;

impl Call {
    /// The type that it makes of these arguments.
    pub fn makes(self, arguments: &[Node]) -> Type {
        match self {
            Self::Abs => match arguments.first().map(|argument| &argument.ty) {
                Some(ty) if ty.is_float() || ty.kind() == crate::types::Kind::Wide => ty.clone(),
                _ => S64,
            },
            Self::Ceil | Self::Floor | Self::Round => F64,
            Self::Contains | Self::EndsWith | Self::IsNan | Self::StartsWith => Type::Bool,
            Self::Concat
            | Self::Lower
            | Self::Replace
            | Self::SplitPart
            | Self::Substring
            | Self::Trim
            | Self::Upper => Type::Text,
            Self::Day | Self::Hour | Self::Length | Self::Minute | Self::Month | Self::Second | Self::Year => S64,
        }
    }
}

impl<'a> Evaluation<'a> {
    pub(super) fn call(&self, call: Call, node: &Node, arguments: &[Vector<'a>], active: &Bits<'a>) -> Evaluated<'a> {
        let rows = self.rows;
        let mut valid = arguments.iter().fold(Bits::ONES, |valid, argument| valid.and(&argument.valid));
        let first = arguments.first().ok_or("a function without arguments")?;
        let second = arguments.get(1).unwrap_or(first);
        let third = arguments.get(2);
        let values = match call {
            Call::Abs => self.abs(node, first, active),
            Call::Ceil => Values::Real(map(first.reals().view(), f64::ceil)),
            Call::Floor => Values::Real(map(first.reals().view(), f64::floor)),
            Call::Round => Values::Real(map(first.reals().view(), f64::round)),
            Call::IsNan => {
                let flags = map(first.reals().view(), |value| u8::from(value.is_nan()));
                Values::Bool(match flags {
                    Lane::Rows(flags) => Bits::from_flags(&flags),
                    Lane::Same(flag) => Bits::of(flag == 1, rows),
                })
            }
            Call::Contains => {
                Values::Bool(text::test_both(first.texts(), second.texts(), rows, |text, part| text.contains(part)))
            }
            Call::StartsWith => {
                Values::Bool(text::test_both(first.texts(), second.texts(), rows, |text, part| text.starts_with(part)))
            }
            Call::EndsWith => {
                Values::Bool(text::test_both(first.texts(), second.texts(), rows, |text, part| text.ends_with(part)))
            }
            Call::Length => Values::Whole(text::measure(first.texts(), rows, |text| text.chars().count() as i64)),
            Call::Lower => letters(first.texts(), &valid, rows, str::to_ascii_lowercase, str::to_lowercase)?,
            Call::Upper => letters(first.texts(), &valid, rows, str::to_ascii_uppercase, str::to_uppercase)?,
            Call::Trim => made(&valid, rows, |row, out| out.push_str(first.texts().get(row).trim()))?,
            Call::Concat => made(&valid, rows, |row, out| {
                arguments.iter().for_each(|argument| out.push_str(argument.texts().get(row)));
            })?,
            Call::Replace => {
                let to = third.unwrap_or(second);
                made(&valid, rows, |row, out| {
                    replace(first.texts().get(row), second.texts().get(row), to.texts().get(row), out)
                })?
            }
            Call::Substring => {
                let (start, length) = (second.wholes().view(), third.map(|length| length.wholes().view()));
                made(&valid, rows, |row, out| {
                    out.push_str(text::substring(
                        first.texts().get(row),
                        start.get(row),
                        length.map(|length| length.get(row)),
                    ));
                })?
            }
            Call::SplitPart => {
                let n = third.map(|n| n.wholes().view()).ok_or("`split_part` without its number")?;
                let part = |row| text::split_part(first.texts().get(row), second.texts().get(row), n.get(row));
                valid = valid
                    .and(&Bits::from_flags(&(0..rows).map(|row| u8::from(part(row).is_some())).collect::<Vec<_>>()));
                made(&valid, rows, |row, out| out.push_str(part(row).unwrap_or_default()))?
            }
            Call::Day | Call::Hour | Call::Minute | Call::Month | Call::Second | Call::Year => {
                let units = match node.argument_type() {
                    Some(Type::Timestamp(unit, _)) => Some(per_second(*unit)),
                    _ => None,
                };
                Values::Whole(map(first.wholes().view(), |value| part_of_time(call, value, units)))
            }
        };
        Ok(Vector { values, valid })
    }

    fn abs(&self, node: &Node, argument: &Vector<'a>, active: &Bits<'a>) -> Values<'a> {
        let mut bad = Vec::new();
        let values = match &argument.values {
            Values::Real(lane) => return Values::Real(map(lane.view(), f64::abs)),
            // Decimals are below 10^38.
            Values::Wide(lane) => return Values::Wide(map(lane.view(), i128::wrapping_abs)),
            _ => {
                let lane = argument.wholes().view();
                bad.extend((0..self.rows as u32).filter(|row| lane.get(*row as usize) == i64::MIN));
                Values::Whole(map(lane, i64::wrapping_abs))
            }
        };
        if !bad.is_empty() {
            self.fault(&bad, &argument.valid, active, |_| format!("`{}` is out of the range of s64", node.text));
        }
        values
    }
}

fn made<'a>(valid: &Bits<'_>, rows: usize, append: impl FnMut(usize, &mut String)) -> Result<Values<'a>, String> {
    text::make(valid, rows, append).map(Values::Text)
}

/// Texts in other letters. A column of ASCII is changed as a whole: its offsets stay what they are.
fn letters<'a>(
    texts: &Texts<'a>,
    valid: &Bits<'_>,
    rows: usize,
    ascii: fn(&str) -> String,
    unicode: fn(&str) -> String,
) -> Result<Values<'a>, String> {
    match texts {
        Texts::Rows(all) if all.text().is_ascii() => Made::in_place(*all, ascii).finish().map(Values::Text),
        texts => made(valid, rows, |row, out| out.push_str(&unicode(texts.get(row)))),
    }
}

/// Appends the text with every `from` made `to`; nothing is replaced if `from` is empty.
fn replace(text: &str, from: &str, to: &str, out: &mut String) {
    if from.is_empty() {
        return out.push_str(text);
    }
    let mut last = 0;
    for (at, found) in text.match_indices(from) {
        out.push_str(text.get(last..at).unwrap_or_default());
        out.push_str(to);
        last = at + found.len();
    }
    out.push_str(text.get(last..).unwrap_or_default());
}

/// A part of a date, or of a timestamp with so many units in a second.
fn part_of_time(call: Call, value: i64, units: Option<i64>) -> i64 {
    let (days, of_day) = match units {
        None => (value, 0),
        Some(units) => {
            let seconds = value.div_euclid(units);
            (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS))
        }
    };
    let Civil { year, month, day } = civil(days);
    match call {
        Call::Year => year,
        Call::Month => month,
        Call::Day => day,
        Call::Hour => of_day / 3_600,
        Call::Minute => of_day / 60 % 60,
        _ => of_day % 60,
    }
}
