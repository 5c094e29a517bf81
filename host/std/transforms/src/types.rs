//! The types of values: those of columns, and of what expressions make.
//!
//! A [`Type`] says what a value means and how it leaves; its [`Kind`] says in which of five vectors it is computed. Integers of all
//! widths but u64 are computed as i64; u64 and decimals as i128; dates and timestamps as i64 in their own unit.

use pelton_guest::dynamic::{Conversion, Layout, Number, TimeUnit, type_name};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// The type of `null`, until something else gives it one.
    Null,
    Bool,
    Number(Number),
    Decimal(Digits),
    Text,
    Date,
    Timestamp(TimeUnit, Zone),
    /// An Arrow format string of a type that is carried along, but not computed with: binary, lists, structs.
    Other(String),
}

/// Digits of a decimal: all of them, and those after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digits {
    pub precision: u8,
    pub scale: u8,
}

/// The zone of a timestamp; empty if it has none.
pub type Zone = String;

/// How values are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bool,
    /// i64
    Whole,
    /// f64
    Real,
    /// i128
    Wide,
    Text,
    /// Not at all: only whether they are null.
    Presence,
}

/// What numbers become when they are computed with.
pub const S64: Type = Type::Number(Number::S64);
pub const F64: Type = Type::Number(Number::F64);

/// The most digits of a decimal.
pub const PRECISION_MAX: u8 = 38;

impl Digits {
    /// Those that every integer of this type fits into; none for floats.
    pub fn of(number: Number) -> Option<Self> {
        let precision = match number {
            Number::S8 | Number::U8 => 3,
            Number::S16 | Number::U16 => 5,
            Number::S32 | Number::U32 => 10,
            Number::S64 => 19,
            Number::U64 => 20,
            Number::F32 | Number::F64 => return None,
        };
        Some(Self { precision, scale: 0 })
    }

    /// Those that hold the values of both.
    pub fn union(self, other: Self) -> Self {
        let scale = self.scale.max(other.scale);
        let whole = (self.precision - self.scale).max(other.precision - other.scale);
        Self { precision: (whole + scale).min(PRECISION_MAX), scale }
    }

    /// The first magnitude that does not fit.
    pub fn end(self) -> u128 {
        10_u128.pow(self.precision.into())
    }
}

impl Type {
    /// The type of a column with this Arrow format.
    pub fn of(format: &str) -> Self {
        if let Some(number) = Number::of(format) {
            return Self::Number(number);
        }
        match format {
            "b" => return Self::Bool,
            "u" | "U" => return Self::Text,
            "tdD" => return Self::Date,
            _ => {}
        }
        if let (Some(unit), Some((_, zone))) = (TimeUnit::of(format), format.split_once(':')) {
            return Self::Timestamp(unit, zone.to_owned());
        }
        match format.strip_prefix("d:").and_then(decimal) {
            Some(digits) => Self::Decimal(digits),
            None => Self::Other(format.to_owned()),
        }
    }

    /// The type that a job file names, without its `?`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let scalars = ["b", "c", "s", "i", "l", "C", "S", "I", "L", "f", "g", "u", "tdD"];
        if let Some(format) = scalars.into_iter().find(|format| type_name(format) == text) {
            return Ok(Self::of(format));
        }
        if let Some(inside) = text.strip_prefix("timestamp[").and_then(|rest| rest.strip_suffix(']')) {
            let (unit, zone) = inside.split_once(',').unwrap_or((inside, ""));
            let unit = match unit.trim() {
                "s" => Some(TimeUnit::Second),
                "ms" => Some(TimeUnit::Millisecond),
                "us" => Some(TimeUnit::Microsecond),
                "ns" => Some(TimeUnit::Nanosecond),
                _ => None,
            };
            let is_whole = zone.trim().is_empty() != inside.contains(',');
            if let Some(unit) = unit.filter(|_| is_whole) {
                return Ok(Self::Timestamp(unit, zone.trim().to_owned()));
            }
        }
        let inside = text.strip_prefix("decimal(").and_then(|rest| rest.strip_suffix(')'));
        if let Some(digits) = inside.and_then(decimal) {
            return Ok(Self::Decimal(digits));
        }
        Err(format!(
            "`{text}` is not a type that can be made here: there is bool, s8 to s64, u8 to u64, f32, f64, utf8, date, timestamp[ms] and \
             decimal(18, 4)"
        ))
    }

    /// The Arrow format string.
    pub fn format(&self) -> String {
        let simple = match self {
            // A null that nothing gave a type leaves as text.
            Self::Null | Self::Text => "u",
            Self::Bool => "b",
            Self::Number(number) => match number {
                Number::S8 => "c",
                Number::S16 => "s",
                Number::S32 => "i",
                Number::S64 => "l",
                Number::U8 => "C",
                Number::U16 => "S",
                Number::U32 => "I",
                Number::U64 => "L",
                Number::F32 => "f",
                Number::F64 => "g",
            },
            Self::Date => "tdD",
            Self::Decimal(Digits { precision, scale }) => return format!("d:{precision},{scale}"),
            Self::Timestamp(unit, zone) => return format!("{}{zone}", unit.format()),
            Self::Other(format) => format,
        };
        simple.to_owned()
    }

    /// As job files name it.
    pub fn name(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            other => type_name(&other.format()),
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Bool => Kind::Bool,
            Self::Number(Number::F32 | Number::F64) => Kind::Real,
            Self::Number(Number::U64) | Self::Decimal(_) => Kind::Wide,
            Self::Number(_) | Self::Date | Self::Timestamp(..) => Kind::Whole,
            Self::Null | Self::Text => Kind::Text,
            Self::Other(_) => Kind::Presence,
        }
    }

    /// How a column of this Arrow format is loaded; u64 and binary as they are.
    pub fn conversion(format: &str) -> Option<Conversion> {
        use Number::{F32, F64, S8, S16, S32, S64, U8, U16, U32};
        Some(match format {
            "c" => Conversion::Widen(S8, S64),
            "s" => Conversion::Widen(S16, S64),
            "i" | "tdD" => Conversion::Widen(S32, S64),
            // Every value below u64 is an s64.
            "C" => Conversion::Widen(U8, S64),
            "S" => Conversion::Widen(U16, S64),
            "I" => Conversion::Widen(U32, S64),
            "f" => Conversion::Widen(F32, F64),
            other => Conversion::Same(Layout::of(other)?),
        })
    }

    pub fn is_number(&self) -> bool {
        matches!(self, Self::Number(_) | Self::Decimal(_))
    }

    pub fn is_float(&self) -> bool {
        matches!(self, Self::Number(Number::F32 | Number::F64))
    }

    /// The least and the greatest value that a type of whole numbers has.
    pub fn bounds(&self) -> Option<(i128, i128)> {
        let bounds = match self {
            Self::Number(number) => match number {
                Number::S8 => (i8::MIN.into(), i8::MAX.into()),
                Number::S16 => (i16::MIN.into(), i16::MAX.into()),
                Number::S32 => (i32::MIN.into(), i32::MAX.into()),
                Number::S64 => (i64::MIN.into(), i64::MAX.into()),
                Number::U8 => (0, u8::MAX.into()),
                Number::U16 => (0, u16::MAX.into()),
                Number::U32 => (0, u32::MAX.into()),
                Number::U64 => (0, u64::MAX.into()),
                Number::F32 | Number::F64 => return None,
            },
            Self::Date => (i32::MIN.into(), i32::MAX.into()),
            Self::Timestamp(..) => (i64::MIN.into(), i64::MAX.into()),
            _ => return None,
        };
        Some(bounds)
    }
}

fn decimal(text: &str) -> Option<Digits> {
    let (precision, scale) = text.split_once(',').unwrap_or((text, "0"));
    let (precision, scale) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
    let is_valid = (1..=PRECISION_MAX).contains(&precision) && scale <= precision;
    is_valid.then_some(Digits { precision, scale })
}

/// How many units of `unit` a second has.
pub fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_formats_read_back() {
        for name in [
            "bool",
            "s8",
            "s64",
            "u8",
            "u64",
            "f32",
            "f64",
            "utf8",
            "date",
            "timestamp[ms]",
            "timestamp[us, Europe/Paris]",
            "decimal(18, 4)",
        ] {
            let ty = Type::parse(name).expect(name);
            assert_eq!((ty.name().as_str(), Type::of(&ty.format())), (name, ty.clone()));
        }
        for wrong in [
            "",
            "int",
            "timestamp",
            "timestamp[h]",
            "timestamp[us, ]",
            "decimal(39, 0)",
            "decimal(4, 5)",
            "binary",
            "list<s64>",
        ] {
            assert!(Type::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Type::of("+l"), Type::Other("+l".to_owned()));
    }

    #[test]
    fn digits_of_two_hold_the_values_of_both() {
        let digits = |precision, scale| Digits { precision, scale };
        assert_eq!(digits(9, 2).union(digits(5, 4)), digits(11, 4));
        assert_eq!(digits(38, 0).union(digits(38, 10)), digits(38, 10));
    }
}
