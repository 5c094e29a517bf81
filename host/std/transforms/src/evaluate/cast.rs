//! `cast` and `try_cast`: values in another type, or a fault, or null.
//!
//! Numbers are rounded to the digits that the type has, half away from zero. What does not fit is never cut.

use pelton_guest::dynamic::Number;

use super::{Evaluated, Evaluation, text};
use crate::{
    expression::{Node, is_utc},
    types::{Digits, Kind, Type, per_second},
    value::{
        number::{self, decimal_of, parse, shift_down, whole_of, write_decimal},
        time::{parse_date, parse_timestamp, write_date, write_timestamp},
    },
    vector::{Bits, Builder, Lane, Scalar, Texts, Values, Vector, View, map},
};

const DAY_SECONDS: i64 = 86_400;

/// Reads text as values of a type.
#[derive(Debug, Clone)]
pub struct Reader {
    ty: Type,
}

impl Reader {
    pub fn new(ty: Type) -> Self {
        Self { ty }
    }

    /// The value that `text` is; none if it is none of this type.
    pub fn read(&self, text: &str) -> Option<Scalar> {
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        Some(match &self.ty {
            Type::Bool if text.eq_ignore_ascii_case("true") || text == "1" => Scalar::Bool(true),
            Type::Bool if text.eq_ignore_ascii_case("false") || text == "0" => Scalar::Bool(false),
            Type::Bool | Type::Null | Type::Other(_) => return None,
            Type::Number(Number::F64) => Scalar::Real(text.parse().ok()?),
            Type::Number(Number::F32) => Scalar::Real(f64::from(text.parse::<f32>().ok()?)),
            Type::Number(Number::U64) => Scalar::Wide(text.parse::<u64>().ok()?.into()),
            Type::Number(_) => {
                let value: i64 = text.parse().ok()?;
                let (least, most) = self.ty.bounds()?;
                Scalar::Whole(Some(value).filter(|value| (least..=most).contains(&i128::from(*value)))?)
            }
            Type::Decimal(digits) => {
                let value = parse(text)?.at_scale(digits.scale)?;
                Scalar::Wide(Some(value).filter(|value| value.unsigned_abs() < digits.end())?)
            }
            Type::Text => Scalar::Text(text.into()),
            Type::Date => Scalar::Whole(parse_date(text).filter(|days| i32::try_from(*days).is_ok())?),
            Type::Timestamp(unit, zone) => Scalar::Whole(parse_timestamp(text, *unit, is_utc(zone))?),
        })
    }
}

/// Casts a lane value by value; rows without a value are noted.
#[inline(always)]
fn lane<'a, T: Copy, U: Copy + Default>(
    values: View<'_, T>,
    rows: usize,
    bad: &mut Vec<u32>,
    of: impl Fn(T) -> Option<U>,
) -> Lane<'a, U> {
    match values {
        View::Rows(values) => {
            let cast = (0..).zip(values).map(|(row, value)| {
                of(*value).unwrap_or_else(|| {
                    bad.push(row);
                    U::default()
                })
            });
            cast.collect::<Vec<U>>().into()
        }
        View::Same(value) => match of(value) {
            Some(value) => Lane::Same(value),
            None => {
                bad.extend(0..rows as u32);
                Lane::Same(U::default())
            }
        },
    }
}

impl<'a> Evaluation<'a> {
    /// `vector`, of type `from`, in the type of `node`.
    pub(super) fn cast(
        &self,
        node: &Node,
        from: &Type,
        vector: Vector<'a>,
        is_try: bool,
        active: &Bits<'a>,
    ) -> Evaluated<'a> {
        let mut bad = Vec::new();
        let cast = self.convert(from, &node.ty, &vector, &mut bad)?;
        if bad.is_empty() {
            return Ok(cast);
        }
        if is_try {
            let mut flags = vec![1_u8; self.rows];
            for row in &bad {
                if let Some(flag) = flags.get_mut(*row as usize) {
                    *flag = 0;
                }
            }
            return Ok(Vector { valid: cast.valid.and(&Bits::from_flags(&flags)), ..cast });
        }
        self.fault(&bad, &vector.valid, active, |row| {
            let shown = show(from, &vector.scalar(row));
            format!("`{}`: {shown} does not fit into {}", node.text, node.ty.name())
        });
        Ok(cast)
    }

    fn convert(&self, from: &Type, to: &Type, vector: &Vector<'a>, bad: &mut Vec<u32>) -> Evaluated<'a> {
        if *to == Type::Text {
            let texts = text::make(&vector.valid, self.rows, |row, out| write(from, &vector.scalar(row), out))?;
            return Ok(Vector { values: Values::Text(texts), valid: vector.valid.clone() });
        }
        let values = match &vector.values {
            Values::Text(texts) => return self.read(to, texts, &vector.valid, bad),
            Values::Bool(bits) => {
                let one = if let Type::Decimal(Digits { scale, .. }) = to { 10_i128.pow((*scale).into()) } else { 1 };
                let numbers: Vec<i64> = (0..self.rows).map(|row| i64::from(bits.get(row))).collect();
                let numbers = View::Rows(&numbers);
                match to.kind() {
                    Kind::Whole => Values::Whole(map(numbers, |flag| flag)),
                    Kind::Real => Values::Real(map(numbers, |flag| flag as f64)),
                    _ => {
                        let end = end_of(to);
                        Values::Wide(lane(numbers, self.rows, bad, |flag| within(i128::from(flag) * one, end)))
                    }
                }
            }
            Values::Whole(values) => self.cast_whole(from, to, values.view(), bad),
            Values::Real(values) => self.cast_real(to, values.view(), bad),
            Values::Wide(values) => self.cast_wide(from, to, values.view(), bad),
            Values::Presence => return Err(format!("{} cannot be cast", from.name())),
        };
        Ok(Vector { values, valid: vector.valid.clone() })
    }

    fn read(&self, to: &Type, texts: &Texts<'a>, valid: &Bits<'a>, bad: &mut Vec<u32>) -> Evaluated<'a> {
        let reader = Reader::new(to.clone());
        let mut builder = Builder::new(to.kind(), self.rows);
        for row in 0..self.rows {
            let scalar = if valid.get(row) { reader.read(texts.get(row)) } else { Some(Scalar::Null) };
            if scalar.is_none() {
                bad.push(row as u32);
            }
            builder.push(&scalar.unwrap_or(Scalar::Null));
        }
        builder.finish()
    }

    fn cast_whole(&self, from: &Type, to: &Type, values: View<'_, i64>, bad: &mut Vec<u32>) -> Values<'a> {
        let rows = self.rows;
        match (from, to) {
            (Type::Date, Type::Timestamp(unit, _)) => {
                let units = DAY_SECONDS * per_second(*unit);
                Values::Whole(lane(values, rows, bad, |days| days.checked_mul(units)))
            }
            (Type::Timestamp(unit, _), Type::Date) => {
                let units = DAY_SECONDS * per_second(*unit);
                Values::Whole(lane(values, rows, bad, |moment| {
                    Some(moment.div_euclid(units)).filter(|days| i32::try_from(*days).is_ok())
                }))
            }
            (Type::Timestamp(unit, _), Type::Timestamp(other, _)) => {
                let (have, want) = (per_second(*unit), per_second(*other));
                Values::Whole(if want >= have {
                    lane(values, rows, bad, |moment| moment.checked_mul(want / have))
                } else {
                    map(values, |moment| moment.div_euclid(have / want))
                })
            }
            (_, Type::Number(Number::F32)) => Values::Real(map(values, |value| f64::from(value as f32))),
            _ => match to.kind() {
                Kind::Real => Values::Real(map(values, |value| value as f64)),
                Kind::Wide => {
                    let (power, end) = (power_of(to), end_of(to));
                    let least = if *to == Type::Number(Number::U64) { 0 } else { i64::MIN };
                    let scaled = |value: i64| within(i128::from(value).checked_mul(power)?, end);
                    Values::Wide(lane(values, rows, bad, |value| {
                        Some(value).filter(|value| *value >= least).and_then(scaled)
                    }))
                }
                _ => {
                    let (least, most) = to.bounds().unwrap_or((i64::MIN.into(), i64::MAX.into()));
                    Values::Whole(lane(values, rows, bad, |value| {
                        Some(value).filter(|value| (least..=most).contains(&i128::from(*value)))
                    }))
                }
            },
        }
    }

    fn cast_real(&self, to: &Type, values: View<'_, f64>, bad: &mut Vec<u32>) -> Values<'a> {
        let rows = self.rows;
        match to {
            Type::Number(Number::F32) => Values::Real(lane(values, rows, bad, |value| {
                let narrow = value as f32;
                (narrow.is_finite() || !value.is_finite()).then_some(f64::from(narrow))
            })),
            Type::Number(Number::U64) => Values::Wide(lane(values, rows, bad, |value| {
                whole_of(value).filter(|value| u64::try_from(*value).is_ok())
            })),
            Type::Decimal(digits) => {
                let end = digits.end();
                Values::Wide(lane(values, rows, bad, |value| within(decimal_of(value, digits.scale)?, end)))
            }
            to => {
                let (least, most) = to.bounds().unwrap_or((i64::MIN.into(), i64::MAX.into()));
                let fits = |value: &i128| (least..=most).contains(value);
                Values::Whole(lane(values, rows, bad, |value| whole_of(value).filter(fits).map(|value| value as i64)))
            }
        }
    }

    fn cast_wide(&self, from: &Type, to: &Type, values: View<'_, i128>, bad: &mut Vec<u32>) -> Values<'a> {
        let rows = self.rows;
        let scale = scale_of(from);
        match to {
            Type::Number(Number::F64 | Number::F32) => {
                let (exponent, is_single) = (-i32::from(scale), *to == Type::Number(Number::F32));
                Values::Real(map(values, |value| {
                    let real = float_of(value, exponent);
                    if is_single { f64::from(real as f32) } else { real }
                }))
            }
            Type::Decimal(digits) if digits.scale >= scale => {
                let (power, end) = (10_i128.pow((digits.scale - scale).into()), digits.end());
                Values::Wide(lane(values, rows, bad, |value| within(value.checked_mul(power)?, end)))
            }
            Type::Decimal(digits) => {
                let (down, end) = (u32::from(scale - digits.scale), digits.end());
                Values::Wide(lane(values, rows, bad, |value| within(shift_down(value, down), end)))
            }
            Type::Number(Number::U64) => {
                let fits = |value: &i128| u64::try_from(*value).is_ok();
                Values::Wide(lane(values, rows, bad, |value| Some(shift_down(value, scale.into())).filter(fits)))
            }
            to => {
                let (least, most) = to.bounds().unwrap_or((i64::MIN.into(), i64::MAX.into()));
                let fits = |value: &i128| (least..=most).contains(value);
                Values::Whole(lane(values, rows, bad, |value| {
                    Some(shift_down(value, scale.into())).filter(fits).map(|value| value as i64)
                }))
            }
        }
    }
}

/// `value` × 10^exponent, nearest. Up to 2^53 and 10^22 by one division of exact floats, which rounds once.
fn float_of(value: i128, exponent: i32) -> f64 {
    const EXACT: i128 = 1 << 53;
    if (-EXACT..=EXACT).contains(&value) && (-22..=0).contains(&exponent) {
        return value as f64 / 10_f64.powi(-exponent);
    }
    let mut text = String::new();
    write_decimal(value, u8::try_from(-exponent).unwrap_or(0), &mut text);
    // Rust reads what it is given to the nearest float, and this is a number.
    text.parse().unwrap_or(f64::NAN)
}

fn within(value: i128, end: u128) -> Option<i128> {
    Some(value).filter(|value| value.unsigned_abs() < end)
}

fn scale_of(ty: &Type) -> u8 {
    if let Type::Decimal(digits) = ty { digits.scale } else { 0 }
}

fn power_of(ty: &Type) -> i128 {
    10_i128.pow(scale_of(ty).into())
}

/// The first magnitude that a wide type does not hold.
fn end_of(ty: &Type) -> u128 {
    match ty {
        Type::Decimal(digits) => digits.end(),
        _ => 1 << 64,
    }
}

/// Appends a value as text.
fn write(ty: &Type, scalar: &Scalar, out: &mut String) {
    use std::fmt::Write as _;
    // Writing to a String cannot fail.
    let _ = match (scalar, ty) {
        (Scalar::Null, _) => Ok(()),
        (Scalar::Bool(value), _) => write!(out, "{value}"),
        (Scalar::Whole(days), Type::Date) => {
            write_date(*days, out);
            Ok(())
        }
        (Scalar::Whole(moment), Type::Timestamp(unit, zone)) => {
            write_timestamp(*moment, *unit, !zone.is_empty(), out);
            Ok(())
        }
        (Scalar::Whole(value), _) => write!(out, "{value}"),
        (Scalar::Real(value), Type::Number(Number::F32)) => write!(out, "{:?}", *value as f32),
        (Scalar::Real(value), _) => write!(out, "{value:?}"),
        (Scalar::Wide(value), ty) => {
            number::write_decimal(*value, scale_of(ty), out);
            Ok(())
        }
        (Scalar::Text(text), _) => {
            out.push_str(text);
            Ok(())
        }
    };
}

/// A value in a reason; long text is cut.
pub fn show(ty: &Type, scalar: &Scalar) -> String {
    const SHOWN_MAX: usize = 40;
    let mut text = String::new();
    write(ty, scalar, &mut text);
    let cut = text.char_indices().nth(SHOWN_MAX).map(|(at, _)| at);
    let shown = match cut.and_then(|at| text.get(..at)) {
        Some(start) => format!("{start}…"),
        None => text,
    };
    if *ty == Type::Text { format!("'{}'", shown.escape_debug()) } else { shown }
}
