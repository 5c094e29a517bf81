//! Short texts into a buffer, without a call or a loop for each.
//!
//! Integers are made eight digits at a time, all digits of a word at once (SIMD within a register); everything
//! is appended in pieces of a constant size, and what is too much is cut off again. Called for every value, by
//! everything in [`super`] that writes numbers.

/// Appends `bytes`. For short ones as two overlapping pieces of a constant size, which the compiler turns into plain moves.
#[inline(always)]
pub fn push_short(bytes: &[u8], out: &mut Vec<u8>) {
    match bytes.len() {
        17..=32 => push_overlapping::<16>(bytes, out),
        9..=16 => push_overlapping::<8>(bytes, out),
        4..=8 => push_overlapping::<4>(bytes, out),
        0..=3 => bytes.iter().for_each(|byte| out.push(*byte)),
        _ => out.extend_from_slice(bytes),
    }
}

/// For `N` to `2 × N` bytes.
#[inline(always)]
fn push_overlapping<const N: usize>(bytes: &[u8], out: &mut Vec<u8>) {
    let end = out.len() + bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) {
        out.extend_from_slice(first);
        out.truncate(end - N);
        out.extend_from_slice(last);
    }
}

#[inline(always)]
pub fn push_i64(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    push_u64(value.unsigned_abs(), out);
}

#[inline(always)]
pub fn push_u64(value: u64, out: &mut Vec<u8>) {
    const E8: u64 = 100_000_000;
    if value < E8 {
        push_head(value as u32, out);
    } else if value < E8 * E8 {
        push_head((value / E8) as u32, out);
        out.extend_from_slice(&eight_digits((value % E8) as u32).to_le_bytes());
    } else {
        push_head((value / (E8 * E8)) as u32, out);
        out.extend_from_slice(&eight_digits((value / E8 % E8) as u32).to_le_bytes());
        out.extend_from_slice(&eight_digits((value % E8) as u32).to_le_bytes());
    }
}

/// The digits of a number below 10⁸, without leading zeros.
#[inline(always)]
fn push_head(value: u32, out: &mut Vec<u8>) {
    let digits = eight_digits(value);
    // Leading zeros are in the low bytes; the last digit always stays.
    let zeros = (digits & 0x00ff_ffff_ffff_ffff ^ 0x0030_3030_3030_3030 | 1 << 56).trailing_zeros() / 8;
    let end = out.len() + 8 - zeros as usize;
    out.extend_from_slice(&(digits >> (8 * zeros)).to_le_bytes());
    out.truncate(end);
}

/// All eight digits of a number below 10⁸, the first in the lowest byte.
#[inline(always)]
pub fn eight_digits(value: u32) -> u64 {
    let fours = u64::from(value / 10_000) | u64::from(value % 10_000) << 32;
    // x / 100 = x × 10486 / 2^20 for x < 10⁴, x / 10 = x × 103 / 2^10 for x < 100.
    let hundreds = (fours * 10_486) >> 20 & 0x0000_007f_0000_007f;
    let twos = hundreds | (fours - 100 * hundreds) << 16;
    let tens = (twos * 103) >> 10 & 0x000f_000f_000f_000f;
    (tens | (twos - 10 * tens) << 8) + 0x3030_3030_3030_3030
}

/// `12:34:56` of numbers below 100.
#[inline(always)]
pub fn clock(hour: u32, minute: u32, second: u32) -> [u8; 8] {
    let twos = u64::from(hour) | u64::from(minute) << 24 | u64::from(second) << 48;
    let tens = (twos * 103) >> 10 & 0x000f_0000_0f00_000f;
    let text = (tens | (twos - 10 * tens) << 8) + 0x3030_3a30_303a_3030;
    text.to_le_bytes()
}

/// The digits of a number below 10⁴.
#[inline(always)]
pub fn four_digits(value: u32) -> [u8; 4] {
    let [_, _, _, _, a, b, c, d] = eight_digits(value).to_le_bytes();
    [a, b, c, d]
}

/// The digits of a number below 100.
#[inline(always)]
pub fn two_digits(value: u32) -> [u8; 2] {
    [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_written_as_the_standard_library_does() {
        let powers = (0..20).map(|power| 10_u64.pow(power));
        let near = powers.flat_map(|power| [power - 1, power, power + 1, power * 9 / 10, power / 3]);
        let bits = (0..64).map(|bit| u64::MAX >> bit);
        for value in near.chain(bits).chain(0..=120_000) {
            for value in [value as i64, (value as i64).wrapping_neg(), i64::MIN] {
                let mut out = b"x".to_vec();
                push_i64(value, &mut out);
                assert_eq!(String::from_utf8(out).unwrap(), format!("x{value}"));
            }
            let mut out = Vec::new();
            push_u64(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }

    #[test]
    fn short_texts_are_appended_whole() {
        let text: Vec<u8> = (0..100).collect();
        for len in 0..100 {
            let mut out = b"before".to_vec();
            push_short(&text[..len], &mut out);
            assert_eq!(out.strip_prefix(b"before"), Some(&text[..len]));
        }
    }

    #[test]
    fn clocks_have_two_digits_for_each_part() {
        for number in 0..100 {
            let text = clock(number, 99 - number, number / 2);
            assert_eq!(String::from_utf8_lossy(&text), format!("{number:02}:{:02}:{:02}", 99 - number, number / 2));
            assert_eq!(two_digits(number), [text[0], text[1]]);
        }
    }
}
