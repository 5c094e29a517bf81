//! The hash of HyperLogLog's registers. It is part of the state that jobs keep, so it never changes.

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): a bijection in which every bit moves every other.
#[inline(always)]
pub fn of_number(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Eight bytes at a time, each mixed into what came before; the length last.
pub fn of_bytes(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let hash = words.iter().fold(0, |hash, word| of_number(hash ^ u64::from_le_bytes(*word)));
    of_number(of_number(hash ^ u64::from_le_bytes(last)) ^ bytes.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change breaks the counts of jobs that ran before it.
    #[test]
    fn hashes_are_pinned() {
        assert_eq!(of_number(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(of_number(1), 0x910a_2dec_8902_5cc1);
        let of = |text: &str| of_bytes(text.as_bytes());
        assert_eq!([of(""), of("a"), of("pelton wheel")].map(|hash| hash == 0), [false; 3]);
        assert_ne!(of("a"), of("a\0"), "padding is not content");
        assert_ne!(of("pelton wheel"), of("wheel pelton"));
    }
}
