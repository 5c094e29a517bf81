//! Digits to numbers, eight bytes at a time in one machine word ("SIMD within a register").
//!
//! Called by the CSV columns for fields of the plainest shape, which nearly all numbers have: up to 16 digits, perhaps a
//! sign, perhaps a point. Everything else answers `None`, and the caller takes the exact way
//! ([`super::value`]). Invariant: what is answered here is what the exact way would answer.
//!
//! The conversion of eight digits is the well-known one by Daniel Lemire and Wojciech Muła.

/// `0` in every byte.
const ZEROS: u64 = 0x3030_3030_3030_3030;
/// What `.` becomes when `0` is subtracted, in every byte.
const POINTS: u64 = 0x1e1e_1e1e_1e1e_1e1e;
const LOWS: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Powers of ten.
pub const POWERS: [u64; 16] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
    10_000_000_000,
    100_000_000_000,
    1_000_000_000_000,
    10_000_000_000_000,
    100_000_000_000_000,
    1_000_000_000_000_000,
];

/// Exact powers of ten as f64.
pub const POWERS_F64: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The eight bytes from `at` on, less `0` each; the first is the lowest.
#[inline(always)]
fn load(bytes: &[u8], at: usize) -> Option<u64> {
    let word = bytes.get(at..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*word) ^ ZEROS)
}

/// Whether every byte is 0 to 9.
#[inline(always)]
fn are_digits(digits: u64) -> bool {
    (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & HIGHS == 0
}

/// Eight digits, the highest in the lowest byte.
#[inline(always)]
fn number(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let high = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    low.wrapping_add(high) >> 32
}

/// One to 16 digits.
#[inline(always)]
pub fn unsigned(bytes: &[u8], start: usize, end: usize) -> Option<u64> {
    let len = end.wrapping_sub(start);
    if len.wrapping_sub(1) < 8 {
        // The shift drops what follows the field and puts zeros before it.
        let digits = load(bytes, start)? << (64 - 8 * len);
        return are_digits(digits).then(|| number(digits));
    }
    if len.wrapping_sub(9) < 8 {
        let high = load(bytes, start)?;
        let low = load(bytes, start + 8)? << (128 - 8 * len);
        let power = POWERS.get(len - 8)?;
        return (are_digits(high) & are_digits(low)).then(|| number(high) * power + number(low));
    }
    None
}

/// One to 16 digits, perhaps after a minus.
#[inline(always)]
pub fn signed(bytes: &[u8], start: usize, end: usize) -> Option<i64> {
    // 16 digits fit.
    if bytes.get(start) == Some(&b'-') {
        return unsigned(bytes, start + 1, end).map(|n| -n.cast_signed());
    }
    unsigned(bytes, start, end).map(u64::cast_signed)
}

/// A decimal of at most eight bytes as digits and the number of those after the point. No sign; a point needs digits on
/// both sides.
#[inline(always)]
pub fn decimal(bytes: &[u8], start: usize, end: usize) -> Option<(u64, usize)> {
    let len = end.wrapping_sub(start);
    if len.wrapping_sub(1) >= 8 {
        return None;
    }
    let text = load(bytes, start)? << (64 - 8 * len);
    let differs = text ^ POINTS;
    // The lowest set bit is the high bit of the first byte that is a point; those above it may lie.
    let found = differs.wrapping_sub(LOWS) & !differs & HIGHS;
    if found == 0 {
        return are_digits(text).then(|| (number(text), 0));
    }
    let point = found & found.wrapping_neg();
    let before = (point >> 7) - 1;
    let after = !(point << 1).wrapping_sub(1);
    let digits = (text & after) | ((text & before) << 8);
    let scale = 7 - (point.trailing_zeros() as usize >> 3);
    let whole = len.wrapping_sub(scale + 1);
    (are_digits(digits) & (scale > 0) & (whole > 0)).then(|| (number(digits), scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(text: &str) -> Vec<u8> {
        [text.as_bytes(), b",99999999999999999"].concat()
    }

    #[test]
    fn integers_read_as_the_standard_library_reads_them() {
        let mut texts: Vec<String> = (0..16)
            .flat_map(|p| [10_i64.pow(p), 10_i64.pow(p) - 1, 10_i64.pow(p) / 9 * 8])
            .map(|n| n.to_string())
            .collect();
        texts.extend(texts.clone().iter().map(|t| format!("-{t}")));
        texts.extend(["0007", "-0", "9999999999999999"].map(String::from));
        for text in texts {
            assert_eq!(signed(&padded(&text), 0, text.len()), text.parse().ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_plain_integer_is_left_to_the_exact_way() {
        for text in [
            "",
            "-",
            "+1",
            "1 ",
            " 1",
            "1.0",
            "12a45678",
            "1234567:",
            "1234567/9",
            "--1",
            "\u{ff}1",
            "12345678x",
            "99999999999999999",
        ] {
            assert_eq!(signed(&padded(text), 0, text.len()), None, "{text}");
        }
        assert_eq!(signed(b"123", 0, 3), None, "too near the end of the bytes");
    }

    #[test]
    fn every_byte_that_is_no_digit_is_seen() {
        for byte in (0..=255_u8).filter(|b| !b.is_ascii_digit()) {
            for at in 1..8 {
                let mut text = *b"12345678........";
                text[at] = byte;
                assert_eq!(unsigned(&text, 0, 8), None, "{byte} at {at}");
                if byte != b'.' {
                    assert_eq!(decimal(&text, 0, 8), None, "{byte} at {at}");
                }
            }
        }
    }

    #[test]
    fn decimals_read_as_digits_and_scale() {
        for (text, expected) in [
            ("0.05", Some((5, 2))),
            ("999.99", Some((99_999, 2))),
            ("1.234567", Some((1_234_567, 6))),
            ("123456.7", Some((1_234_567, 1))),
            ("12345678", Some((12_345_678, 0))),
            (".5", None),
            ("5.", None),
            (".", None),
            ("1.2.3", None),
            ("1..3", None),
            ("1e3", None),
            ("1234567.8", None),
        ] {
            assert_eq!(decimal(&padded(text), 0, text.len()), expected, "{text}");
        }
    }
}
