//! Arrow's bitmaps: bit `i`, least significant first, is row `i`.

/// Bit `at`; false beyond the end.
#[inline(always)]
pub fn get(bitmap: &[u8], at: usize) -> bool {
    bitmap.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1)
}

/// One bit for each byte of `flags`, which are 0 or 1.
pub fn pack(flags: &[u8]) -> Vec<u8> {
    // Multiplying gathers the lowest bits of eight bytes in the highest byte, the first byte's bit lowest.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let (eights, rest) = flags.as_chunks::<8>();
    let mut bitmap: Vec<u8> =
        eights.iter().map(|eight| (u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56) as u8).collect();
    if !rest.is_empty() {
        bitmap.push(rest.iter().enumerate().fold(0, |byte, (at, flag)| byte | flag << at));
    }
    bitmap
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_flags_read_back() {
        for rows in 0..40_usize {
            let flags: Vec<u8> = (0..rows).map(|row| (row * row % 3 == 1) as u8).collect();
            let bitmap = pack(&flags);
            assert_eq!(bitmap.len(), rows.div_ceil(8));
            for (row, flag) in flags.iter().enumerate() {
                assert_eq!(get(&bitmap, row), *flag == 1, "row {row} of {rows}");
            }
        }
        assert!(!get(&[0xff], 8), "beyond the end");
    }
}
