//! `numeric` as PostgreSQL's binary format has it.
//!
//! ```text
//!  digits: i16 │ weight: i16 │ sign: u16 │ scale: u16 │ digits, base 10,000: i16 each       all big endian
//! ```
//!
//! The first digit counts 10,000^weight. Called for decimals and for integers that no integer column holds.

const NEGATIVE: u16 = 0x4000;
const BASE_DIGITS: usize = 4;

/// Writes `value` / 10^`scale`.
pub fn write(value: i128, scale: i8, out: &mut Vec<u8>) {
    let places = usize::from(scale.max(0).unsigned_abs());
    let mut digits = value.unsigned_abs().to_string();
    digits.extend(std::iter::repeat_n('0', usize::from(scale.min(0).unsigned_abs())));
    // `0.05` has a digit before its point.
    let digits = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let whole = format!("{whole:0>width$}", width = whole.len().next_multiple_of(BASE_DIGITS));
    let fraction = format!("{fraction:0<width$}", width = fraction.len().next_multiple_of(BASE_DIGITS));
    let all = whole.bytes().chain(fraction.bytes()).collect::<Vec<u8>>();
    let groups: Vec<i16> = all.chunks(BASE_DIGITS).map(group).collect();
    let leading = groups.iter().take_while(|group| **group == 0).count();
    let groups = groups.get(leading..).unwrap_or_default();
    let trailing = groups.iter().rev().take_while(|group| **group == 0).count();
    let groups = groups.get(..groups.len() - trailing).unwrap_or_default();
    let weight = if groups.is_empty() { 0 } else { (whole.len() / BASE_DIGITS) as i16 - 1 - leading as i16 };
    let sign = if value < 0 { NEGATIVE } else { 0 };
    out.extend((groups.len() as i16).to_be_bytes());
    out.extend(weight.to_be_bytes());
    out.extend(sign.to_be_bytes());
    out.extend((places as u16).to_be_bytes());
    out.extend(groups.iter().flat_map(|group| group.to_be_bytes()));
}

fn group(digits: &[u8]) -> i16 {
    digits.iter().fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (weight, sign, scale, digits)
    fn written(value: i128, scale: i8) -> (i16, u16, u16, Vec<i16>) {
        let mut out = Vec::new();
        write(value, scale, &mut out);
        let words: Vec<i16> = out.as_chunks::<2>().0.iter().map(|word| i16::from_be_bytes(*word)).collect();
        assert_eq!(usize::from(words[0].unsigned_abs()), words.len() - 4);
        (words[1], words[2].unsigned_abs(), words[3].unsigned_abs(), words[4..].to_vec())
    }

    #[test]
    fn numbers_are_written_in_groups_of_four_digits() {
        assert_eq!(written(0, 0), (0, 0, 0, vec![]));
        assert_eq!(written(0, 2), (0, 0, 2, vec![]));
        assert_eq!(written(12_345, 0), (1, 0, 0, vec![1, 2345]));
        assert_eq!(written(12_345, 2), (0, 0, 2, vec![123, 4500]));
        assert_eq!(written(-5, 2), (-1, NEGATIVE, 2, vec![500]));
        assert_eq!(written(5, 6), (-2, 0, 6, vec![500]));
        assert_eq!(written(10_000, 0), (1, 0, 0, vec![1]));
        assert_eq!(written(7, -5), (1, 0, 0, vec![70]));
        assert_eq!(written(i128::from(u64::MAX), 0), (4, 0, 0, vec![1844, 6744, 737, 955, 1615]));
        let (weight, _, scale, digits) = written(i128::MIN, 38);
        assert_eq!((weight, scale, digits[0]), (0, 38, 1));
    }
}
