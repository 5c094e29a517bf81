//! Decimals, exactly: every digit of the scale, no exponent.

/// Writes `value` × 10^-`scale`.
pub fn write_decimal(value: i128, scale: i8, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    let mut buffer = itoa::Buffer::new();
    let digits = match u64::try_from(value.unsigned_abs()) {
        Ok(short) => buffer.format(short),
        Err(_) => buffer.format(value.unsigned_abs()),
    };
    let decimals = usize::from(scale.unsigned_abs());
    if scale <= 0 {
        out.extend_from_slice(digits.as_bytes());
        let zeros = if value == 0 { 0 } else { decimals };
        out.resize(out.len() + zeros, b'0');
        return;
    }
    let (whole, fraction) = digits.as_bytes().split_at(digits.len().saturating_sub(decimals));
    out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
    out.push(b'.');
    out.resize(out.len() + decimals.saturating_sub(fraction.len()), b'0');
    out.extend_from_slice(fraction);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        let max = 10_i128.pow(38) - 1;
        let cases = [
            (0, 2, "0.00"),
            (5, 2, "0.05"),
            (-5, 2, "-0.05"),
            (12_345, 2, "123.45"),
            (-100, 2, "-1.00"),
            (7, 0, "7"),
            (7, -3, "7000"),
            (0, -3, "0"),
            (max, 38, "0.99999999999999999999999999999999999999"),
            (-max, 0, "-99999999999999999999999999999999999999"),
            (i128::MIN, 10, "-17014118346046923173168730371.5884105728"),
        ];
        for (value, scale, expected) in cases {
            let mut out = Vec::new();
            write_decimal(value, scale, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
