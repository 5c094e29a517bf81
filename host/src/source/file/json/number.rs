//! JSON numbers as integers, floats and decimals.
//!
//! Integers and decimals are exact or refused: `1.0` and `1e3` are integers, `1.5` is none, and `9007199254740993` keeps
//! its last digit. A decimal may also be a string, since many writers quote them. Floats are the nearest ones.

use super::{
    column::ReadValue,
    fault::Problem,
    scan::{Number, Scanner},
};

/// Reads integers of any width.
pub struct Integer;

impl<T: TryFrom<i128>> ReadValue<T> for Integer {
    #[inline]
    fn read(&mut self, scanner: &mut Scanner<'_>) -> Result<T, Problem> {
        let number = unquoted(scanner)?;
        let value = if number.whole && number.digits <= Number::EXACT_DIGITS {
            let magnitude = i128::from(number.mantissa);
            if number.negative { -magnitude } else { magnitude }
        } else {
            scaled(number.text, 0)?
        };
        T::try_from(value).map_err(|_| Problem::Range)
    }
}

/// A number that stands where a number is wanted; anything else is unfit rather than broken.
#[inline]
fn unquoted<'a>(scanner: &mut Scanner<'a>) -> Result<Number<'a>, Problem> {
    match scanner.peek() {
        Some(b'-' | b'0'..=b'9') => scanner.number(),
        _ => Err(Problem::Unfit),
    }
}

/// Reads floats.
pub struct Float;

/// Powers of ten that an f64 holds exactly; likewise the first eleven for an f32.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

impl ReadValue<f64> for Float {
    /// A mantissa of 53 bits and a power of ten that is exact make one correctly rounded operation (Clinger's fast path).
    #[inline]
    fn read(&mut self, scanner: &mut Scanner<'_>) -> Result<f64, Problem> {
        let number = unquoted(scanner)?;
        if number.digits <= Number::EXACT_DIGITS
            && number.mantissa <= 1 << 53
            && let Some(power) = POWERS.get(number.exponent.unsigned_abs() as usize)
        {
            let mantissa = number.mantissa as f64;
            let value = if number.exponent < 0 { mantissa / power } else { mantissa * power };
            return Ok(if number.negative { -value } else { value });
        }
        let value: f64 = fast_float2::parse(number.text).map_err(|_| Problem::Unfit)?;
        if value.is_finite() { Ok(value) } else { Err(Problem::Range) }
    }
}

impl ReadValue<f32> for Float {
    fn read(&mut self, scanner: &mut Scanner<'_>) -> Result<f32, Problem> {
        let value: f32 = fast_float2::parse(unquoted(scanner)?.text).map_err(|_| Problem::Unfit)?;
        if value.is_finite() { Ok(value) } else { Err(Problem::Range) }
    }
}

/// Reads decimals, from numbers or strings.
pub struct Decimal {
    scale: i32,
    /// 10^precision: the first magnitude that does not fit.
    end: u128,
}

impl Decimal {
    pub fn new(precision: u8, scale: i8) -> Self {
        Self { scale: i32::from(scale), end: 10_u128.saturating_pow(u32::from(precision)) }
    }
}

impl ReadValue<i128> for Decimal {
    fn read(&mut self, scanner: &mut Scanner<'_>) -> Result<i128, Problem> {
        let value = if scanner.peek() == Some(b'"') {
            let mut inside = Scanner::new(scanner.string()?.bytes);
            let number = unquoted(&mut inside).map_err(|_| Problem::Unfit)?;
            if !inside.rest().is_empty() {
                return Err(Problem::Unfit);
            }
            scaled(number.text, self.scale)?
        } else {
            scaled(unquoted(scanner)?.text, self.scale)?
        };
        if value.unsigned_abs() < self.end { Ok(value) } else { Err(Problem::Range) }
    }
}

/// The number × 10^scale, if that is whole.
fn scaled(text: &[u8], scale: i32) -> Result<i128, Problem> {
    let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
    let split = text.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(text.len());
    let (digits, exponent) = text.split_at(split);
    let exponent = exponent_of(exponent);
    let point = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
    let fraction = digits.len().saturating_sub(point + 1);

    let mut mantissa = 0_i128;
    // Zeros are held back until a digit follows them: a long tail of them must not overflow.
    let mut zeros = 0_i64;
    for digit in digits.iter().filter(|byte| **byte != b'.').map(|byte| i128::from(byte - b'0')) {
        if digit == 0 {
            zeros += i64::from(mantissa != 0);
        } else {
            mantissa = shifted(mantissa, zeros + 1)?.checked_add(digit).ok_or(Problem::Range)?;
            zeros = 0;
        }
    }
    if mantissa == 0 {
        return Ok(0);
    }
    let shift = zeros + exponent + i64::from(scale) - i64::try_from(fraction).unwrap_or(i64::MAX);
    let value = shifted(mantissa, shift)?;
    Ok(if negative { -value } else { value })
}

/// The value of `e-7`, held within what can matter.
fn exponent_of(text: &[u8]) -> i64 {
    let Some((_, text)) = text.split_first() else { return 0 };
    let value = text
        .iter()
        .filter(|byte| byte.is_ascii_digit())
        .fold(0_i64, |value, digit| (value * 10 + i64::from(digit - b'0')).min(1 << 40));
    if text.starts_with(b"-") { -value } else { value }
}

/// `value` × 10^shift. A digit that would be lost makes it unfit.
fn shifted(value: i128, shift: i64) -> Result<i128, Problem> {
    let power = u32::try_from(shift.unsigned_abs()).ok().and_then(|shift| 10_i128.checked_pow(shift));
    match power {
        Some(power) if shift >= 0 => value.checked_mul(power).ok_or(Problem::Range),
        Some(power) if value % power == 0 => Ok(value / power),
        None if shift >= 0 => Err(Problem::Range),
        _ => Err(Problem::Unfit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
        Decimal::new(precision, scale).read(&mut Scanner::new(text.as_bytes())).ok()
    }

    #[test]
    fn decimals_are_exact_or_refused() {
        assert_eq!(decimal("1.5", 4, 2), Some(150));
        assert_eq!(decimal("\"-1.50000\"", 4, 2), Some(-150));
        assert_eq!(decimal("15e-1", 4, 2), Some(150));
        assert_eq!(decimal("0.0000000000000000000000000000000000000000000000000", 4, 2), Some(0));
        assert_eq!(decimal(&format!("1.{}", "0".repeat(400)), 4, 2), Some(100));
        assert_eq!(decimal("99.99", 4, 2), Some(9999));
        assert_eq!(decimal("99999999999999999999999999999999999999", 38, 0), Some(10_i128.pow(38) - 1));
        assert_eq!(decimal("0e99999999999999999999", 4, 2), Some(0));
        for refused in
            ["1.005", "100.00", "1e99999999999", "1e-99999999999", "\"\"", "\"1 \"", "true", "\"1.\"", "1e38"]
        {
            assert_eq!(decimal(refused, 4, 2), None, "{refused}");
        }
    }

    #[test]
    fn integers_are_exact_or_refused() {
        let read = |text: &str| -> Option<i64> { Integer.read(&mut Scanner::new(text.as_bytes())).ok() };
        assert_eq!(read("9223372036854775807"), Some(i64::MAX));
        assert_eq!(read("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(read("-0"), Some(0));
        assert_eq!(read("1.0"), Some(1));
        assert_eq!(read("12e2"), Some(1200));
        for refused in
            ["9223372036854775808", "-9223372036854775809", "18446744073709551617", "1.5", "1e99", "\"1\"", "01"]
        {
            assert_eq!(read(refused), None, "{refused}");
        }
        let unsigned = |text: &str| -> Option<u64> { Integer.read(&mut Scanner::new(text.as_bytes())).ok() };
        assert_eq!(unsigned("18446744073709551615"), Some(u64::MAX));
        assert_eq!(unsigned("-1"), None);
        let byte = |text: &str| -> Option<u8> { Integer.read(&mut Scanner::new(text.as_bytes())).ok() };
        assert_eq!((byte("255"), byte("256")), (Some(255), None));
    }

    #[test]
    fn floats_are_the_nearest_ones() {
        let read = |text: &str| -> Option<f64> { Float.read(&mut Scanner::new(text.as_bytes())).ok() };
        for text in [
            "0.1",
            "-0.0",
            "1e22",
            "1e23",
            "9007199254740993",
            "123456789012345678901234567890",
            "2.2250738585072011e-308",
            "1.7976931348623157e308",
            "5e-324",
            "1e-400",
            "0.30000000000000004",
            "179769313486231570000e288",
        ] {
            let expected: f64 = text.parse().expect(text);
            assert_eq!(read(text).map(f64::to_bits), Some(expected.to_bits()), "{text}");
        }
        assert_eq!(read("1e309"), None);
        let single = |text: &str| -> Option<f32> { Float.read(&mut Scanner::new(text.as_bytes())).ok() };
        assert_eq!((single("16777217"), single("0.1"), single("1e39")), (Some(16_777_216.0), Some(0.1), None));
    }
}
