//! Numbers in text, exact: decimals keep their digits, and what a type cannot hold is told apart from what is no number.
//!
//! Where a type has fewer digits after the point than a number, the number is rounded, half away from zero.

/// A number: mantissa × 10^exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exact {
    pub mantissa: i128,
    pub exponent: i32,
}

/// Digits after the point beyond these change nothing that a type can hold.
const KEPT_MAX: i128 = 10_i128.pow(37);

/// The number that `text` is: a sign, digits, a point, an exponent. None if it is none, or has too many digits before the point.
pub fn parse(text: &str) -> Option<Exact> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let end = digits.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(digits.len());
    let (digits, exponent) = digits.split_at_checked(end)?;
    let mut exponent = match exponent.split_first() {
        None => 0,
        // No exponent of more digits can matter; one that is no number is none.
        Some((_, text)) => {
            std::str::from_utf8(text).ok()?.parse::<i32>().ok().filter(|exponent| exponent.abs() < 10_000)?
        }
    };
    let mut mantissa: i128 = 0;
    let (mut seen, mut behind_point) = (false, false);
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                seen = true;
                if behind_point && mantissa >= KEPT_MAX {
                    continue;
                }
                mantissa = mantissa.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                exponent -= i32::from(behind_point);
            }
            b'.' if !behind_point => behind_point = true,
            _ => return None,
        }
    }
    seen.then_some(Exact { mantissa: if negative { -mantissa } else { mantissa }, exponent })
}

impl Exact {
    /// The number × 10^scale, rounded; none if it is out of range.
    pub fn at_scale(self, scale: u8) -> Option<i128> {
        let shift = self.exponent.checked_add(scale.into())?;
        match u32::try_from(shift) {
            _ if self.mantissa == 0 => Some(0),
            Ok(up) => self.mantissa.checked_mul(10_i128.checked_pow(up)?),
            Err(_) => Some(shift_down(self.mantissa, shift.unsigned_abs())),
        }
    }
}

/// `value` / 10^digits, rounded half away from zero.
pub fn shift_down(value: i128, digits: u32) -> i128 {
    match 10_i128.checked_pow(digits) {
        None => 0,
        Some(power) => {
            let (quotient, rest) = (value / power, value % power);
            quotient + if rest.abs() >= power - rest.abs() { value.signum() } else { 0 }
        }
    }
}

/// `value` × 10^-scale, with its point.
pub fn write_decimal(value: i128, scale: u8, out: &mut String) {
    use std::fmt::Write as _;
    let (sign, digits) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    let one = 10_u128.pow(scale.into());
    // Writing to a String cannot fail.
    let _ = match scale {
        0 => write!(out, "{sign}{digits}"),
        scale => write!(out, "{sign}{}.{:0width$}", digits / one, digits % one, width = usize::from(scale)),
    };
}

/// The float rounded to a whole number, half away from zero; none if it is out of i128's range, or no number.
pub fn whole_of(value: f64) -> Option<i128> {
    const END: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    let rounded = value.round();
    (-END..END).contains(&rounded).then_some(rounded as i128)
}

/// The float × 10^scale, rounded by its shortest digits: 1.005 is 1.01 at scale 2, though the float lies below.
pub fn decimal_of(value: f64, scale: u8) -> Option<i128> {
    if !value.is_finite() {
        return None;
    }
    parse(&format!("{value:e}"))?.at_scale(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        let at = |text: &str, scale| parse(text).and_then(|exact| exact.at_scale(scale));
        assert_eq!(at("-12.345", 3), Some(-12_345));
        assert_eq!((at("12.345", 2), at("12.344", 2), at("-12.345", 2)), (Some(1_235), Some(1_234), Some(-1_235)));
        assert_eq!(
            (at("1e3", 0), at("1.5e-3", 4), at(".5", 0), at("5.", 1)),
            (Some(1_000), Some(15), Some(1), Some(50))
        );
        assert_eq!(at("99999999999999999999999999999999999999", 0), Some(10_i128.pow(38) - 1));
        assert_eq!(at(&format!("0.{}", "3".repeat(400)), 4), Some(3_333));
        assert_eq!((at("0e9999", 4), at("1e40", 0), at("1e-300", 2)), (Some(0), None, Some(0)));
        for wrong in ["", "-", ".", "1.2.3", "1e", "1e+", "e5", "12a", " 1", "1e99999999999", "0x1"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn floats_become_the_decimals_that_they_are_written_as() {
        assert_eq!((decimal_of(1.005, 2), decimal_of(-0.1, 1), decimal_of(1e300, 2)), (Some(101), Some(-1), None));
        assert_eq!((decimal_of(f64::NAN, 2), whole_of(f64::INFINITY), whole_of(2.5)), (None, None, Some(3)));
        let mut text = String::new();
        write_decimal(-5, 3, &mut text);
        assert_eq!(text, "-0.005");
    }
}
