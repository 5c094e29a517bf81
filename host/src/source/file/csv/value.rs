//! One value of each primitive type: the quick way for plain shapes, the exact way for all.
//!
//! Called by [`super::column`] for each field. Invariant: the quick way answers what the exact way would, or nothing.

use std::marker::PhantomData;

use arrow::datatypes::{
    ArrowPrimitiveType, ArrowTimestampType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use super::{
    super::time::{self, TimeFault, TimeReader},
    swar::{self, POWERS, POWERS_F64},
};

/// Why a field is not a value of its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It does not look like the type.
    Shape,
    /// It does, but the type cannot hold it.
    Range,
    /// It means null, and the column has no nulls.
    Null,
    NotUtf8,
}

impl From<TimeFault> for Fault {
    fn from(fault: TimeFault) -> Self {
        match fault {
            TimeFault::Shape => Self::Shape,
            TimeFault::Range => Self::Range,
        }
    }
}

/// Reads the values of one column.
pub trait Parser: Send {
    type Type: ArrowPrimitiveType;

    /// The field `bytes[start..end]`, if it has the plainest shape; may look at what follows it.
    fn quick(&self, bytes: &[u8], start: usize, end: usize) -> Option<Native<Self>>;

    fn exact(&self, text: &[u8]) -> Result<Native<Self>, Fault>;
}

pub type Native<P> = <<P as Parser>::Type as ArrowPrimitiveType>::Native;

/// Integers.
pub struct Integer<T>(PhantomData<fn() -> T>);

impl<T> Integer<T> {
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

macro_rules! integers {
    ($($read:ident: $($type:ty),*;)*) => { $($(
        impl Parser for Integer<$type> {
            type Type = $type;

            #[inline(always)]
            fn quick(&self, bytes: &[u8], start: usize, end: usize) -> Option<Native<Self>> {
                swar::$read(bytes, start, end)?.try_into().ok()
            }

            fn exact(&self, text: &[u8]) -> Result<Native<Self>, Fault> {
                integer(text)
            }
        }
    )*)* };
}

integers! {
    signed: Int8Type, Int16Type, Int32Type, Int64Type;
    unsigned: UInt8Type, UInt16Type, UInt32Type, UInt64Type;
}

fn integer<T: std::str::FromStr<Err = std::num::ParseIntError>>(text: &[u8]) -> Result<T, Fault> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let text = std::str::from_utf8(text).map_err(|_| Fault::Shape)?;
    text.parse().map_err(|error: std::num::ParseIntError| match error.kind() {
        PosOverflow | NegOverflow => Fault::Range,
        // Unsigned types call a minus an invalid digit.
        _ if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => Fault::Range,
        _ => Fault::Shape,
    })
}

/// f64.
pub struct Float64;

impl Parser for Float64 {
    type Type = Float64Type;

    #[inline(always)]
    fn quick(&self, bytes: &[u8], start: usize, end: usize) -> Option<f64> {
        // Eight digits and such a power are exact in f64, so that the one division rounds correctly.
        let (digits, scale) = swar::decimal(bytes, start, end)?;
        Some(digits as f64 / POWERS_F64.get(scale)?)
    }

    fn exact(&self, text: &[u8]) -> Result<f64, Fault> {
        fast_float2::parse(text).map_err(|_| Fault::Shape)
    }
}

/// f32.
pub struct Float32;

impl Parser for Float32 {
    type Type = Float32Type;

    #[inline(always)]
    fn quick(&self, bytes: &[u8], start: usize, end: usize) -> Option<f32> {
        let (digits, scale) = swar::decimal(bytes, start, end)?;
        // Both exact in f32: the quotient is rounded once.
        (digits < 1 << f32::MANTISSA_DIGITS).then_some(digits as f32 / (*POWERS_F64.get(scale)? as f32))
    }

    fn exact(&self, text: &[u8]) -> Result<f32, Fault> {
        fast_float2::parse(text).map_err(|_| Fault::Shape)
    }
}

/// Days since 1970.
pub struct Date {
    pub pattern: Option<String>,
}

impl Parser for Date {
    type Type = Date32Type;

    #[inline(always)]
    fn quick(&self, _: &[u8], _: usize, _: usize) -> Option<i32> {
        None
    }

    fn exact(&self, text: &[u8]) -> Result<i32, Fault> {
        Ok(time::date(text, self.pattern.as_deref())?)
    }
}

/// Times in the unit of `T`, which is the reader's.
pub struct Timestamp<T> {
    reader: TimeReader,
    unit: PhantomData<fn() -> T>,
}

impl<T> Timestamp<T> {
    pub fn new(reader: TimeReader) -> Self {
        Self { reader, unit: PhantomData }
    }
}

impl<T: ArrowTimestampType> Parser for Timestamp<T> {
    type Type = T;

    #[inline(always)]
    fn quick(&self, bytes: &[u8], start: usize, end: usize) -> Option<i64> {
        if self.reader.has_form() { None } else { swar::signed(bytes, start, end) }
    }

    fn exact(&self, text: &[u8]) -> Result<i64, Fault> {
        if !self.reader.has_form() {
            match integer(text) {
                Err(Fault::Shape) => {}
                answer => return answer,
            }
        }
        Ok(self.reader.read(text)?)
    }
}

/// Decimals as integers of 10^-scale.
pub struct Decimal {
    pub precision: u8,
    pub scale: u8,
}

impl Parser for Decimal {
    type Type = Decimal128Type;

    #[inline(always)]
    fn quick(&self, bytes: &[u8], start: usize, end: usize) -> Option<i128> {
        let (digits, scale) = swar::decimal(bytes, start, end)?;
        let missing = usize::from(self.scale).checked_sub(scale)?;
        // At most 8 + 15 digits, but the precision may be less.
        let value = i128::from(digits) * i128::from(*POWERS.get(missing)?);
        (self.precision >= 23 || value < 10_i128.pow(u32::from(self.precision))).then_some(value)
    }

    fn exact(&self, text: &[u8]) -> Result<i128, Fault> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let mut parts = digits.splitn(2, |b| *b == b'.');
        let (whole, fraction) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if whole.is_empty() && fraction.is_empty() || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
            return Err(Fault::Shape);
        }
        // Zeros beyond the scale change nothing; other digits there would be lost.
        let (kept, beyond) = fraction.split_at(fraction.len().min(usize::from(self.scale)));
        if beyond.iter().any(|digit| *digit != b'0') {
            return Err(Fault::Range);
        }
        let zeros = std::iter::repeat_n(&b'0', usize::from(self.scale) - kept.len());
        let value = whole
            .iter()
            .chain(kept)
            .chain(zeros)
            .try_fold(0_i128, |value, digit| value.checked_mul(10)?.checked_add(i128::from(digit - b'0')));
        match value {
            Some(value) if value < 10_i128.pow(u32::from(self.precision)) => Ok(if negative { -value } else { value }),
            _ => Err(Fault::Range),
        }
    }
}

/// `true` and `false`, `t`, `f`, `yes`, `no`, `y`, `n`, `1` and `0`, in any case.
pub fn boolean(text: &[u8]) -> Result<bool, Fault> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()));
    if is(&["true", "t", "1", "yes", "y"]) {
        Ok(true)
    } else if is(&["false", "f", "0", "no", "n"]) {
        Ok(false)
    } else {
        Err(Fault::Shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree<P: Parser>(parser: &P, texts: &[String])
    where
        Native<P>: PartialEq + std::fmt::Debug,
    {
        let mut quick = 0;
        for text in texts {
            let padded = [text.as_bytes(), b",0123456789abcdef"].concat();
            if let Some(value) = parser.quick(&padded, 0, text.len()) {
                assert_eq!(Ok(value), parser.exact(text.as_bytes()), "{text}");
                quick += 1;
            }
        }
        assert!(quick * 2 > texts.len(), "only {quick} of {} took the quick way", texts.len());
    }

    #[test]
    fn the_quick_way_answers_what_the_exact_way_does() {
        let mut state = 7_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let decimals: Vec<String> = (0..20_000)
            .map(|_| {
                let digits = (random() % 10_u64.pow((random() % 7 + 1) as u32)).to_string();
                let at = random() as usize % (digits.len() + 1);
                let (whole, fraction) = digits.split_at(at);
                if fraction.is_empty() { whole.to_owned() } else { format!("0{whole}.{fraction}") }
            })
            .collect();
        agree(&Float64, &decimals);
        agree(&Float32, &decimals);
        agree(&Decimal { precision: 38, scale: 9 }, &decimals);
        agree(&Decimal { precision: 7, scale: 6 }, &(0..1000).map(|n| format!("{}.{n}", n % 12)).collect::<Vec<_>>());
        let small: Vec<String> = (-200..300).map(|n| n.to_string()).collect();
        agree(&Integer::<Int8Type>::new(), &small);
        agree(&Integer::<UInt8Type>::new(), &small);
        let large: Vec<String> =
            (0..20_000).map(|_| (random() % 10_u64.pow((random() % 16 + 1) as u32)).to_string()).collect();
        agree(&Integer::<Int64Type>::new(), &large);
        agree(&Integer::<UInt64Type>::new(), &large);
    }

    #[test]
    fn integers_know_shape_from_range() {
        let byte = Integer::<UInt8Type>::new();
        assert_eq!(byte.exact(b"255"), Ok(255));
        assert_eq!(byte.exact(b"256"), Err(Fault::Range));
        assert_eq!(byte.exact(b"-1"), Err(Fault::Range));
        assert_eq!(byte.exact(b"x"), Err(Fault::Shape));
        assert_eq!(byte.exact(b"-"), Err(Fault::Shape));
        let long = Integer::<Int64Type>::new();
        assert_eq!(long.exact(b"-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(long.exact(b"9223372036854775808"), Err(Fault::Range));
    }

    #[test]
    fn floats_take_the_usual_spellings() {
        for (text, expected) in [
            ("inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("+Inf", f64::INFINITY),
            ("1e3", 1e3),
            ("-.5", -0.5),
            ("5.", 5.0),
        ] {
            assert_eq!(Float64.exact(text.as_bytes()), Ok(expected), "{text}");
        }
        for text in ["NaN", "nan", "NAN"] {
            assert!(Float64.exact(text.as_bytes()).is_ok_and(f64::is_nan), "{text}");
        }
        for text in ["", "1,5", "0x10", "1_000", "one"] {
            assert_eq!(Float64.exact(text.as_bytes()), Err(Fault::Shape), "{text}");
        }
    }

    #[test]
    fn decimals_lose_no_digit() {
        let decimal = Decimal { precision: 6, scale: 2 };
        for (text, expected) in [
            ("1234.56", Ok(123_456)),
            ("-0.05", Ok(-5)),
            ("7", Ok(700)),
            (".5", Ok(50)),
            ("1.2300", Ok(123)),
            ("9999.99", Ok(999_999)),
            ("10000", Err(Fault::Range)),
            ("1.234", Err(Fault::Range)),
            ("1e2", Err(Fault::Shape)),
            ("", Err(Fault::Shape)),
            (".", Err(Fault::Shape)),
            ("-", Err(Fault::Shape)),
        ] {
            assert_eq!(decimal.exact(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(Decimal { precision: 38, scale: 0 }.exact(&[b'9'; 60]), Err(Fault::Range));
    }
}
