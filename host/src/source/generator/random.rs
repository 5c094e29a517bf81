//! Random numbers that are a function of their place: seed, column and row.
//!
//! SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014), whose n-th number can be
//! computed without the ones before it. Jobs are replayed from a seed, so the numbers are part of the contract: the
//! vectors in the tests must never change.

/// The increment of SplitMix64's state: 2⁶⁴ divided by the golden ratio.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64's output function: a permutation of the 64-bit numbers.
pub fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// Number `index`, from 0 on, of the SplitMix64 sequence whose seed is `key`.
pub fn draw(key: u64, index: u64) -> u64 {
    mix(key.wrapping_add(index.wrapping_add(1).wrapping_mul(GAMMA)))
}

/// The key of an independent sequence: of a column under a seed, or of a purpose under a column.
pub fn subkey(key: u64, part: u64) -> u64 {
    mix(draw(mix(key), part))
}

/// A number in `0..below`; for `below` of zero, any number. Its bias is less than `below` / 2⁶⁴.
pub fn below(number: u64, below: u64) -> u64 {
    if below == 0 { number } else { ((u128::from(number) * u128::from(below)) >> 64) as u64 }
}

/// A number in `[0, 1)`, one of 2⁵³ evenly spaced.
pub fn unit(number: u64) -> f64 {
    const SPACING: f64 = 1.0 / (1_u64 << 53) as f64;
    (number >> 11) as f64 * SPACING
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_splitmix64() {
        // The published outputs for the seed 1234567.
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert_eq!([0, 1, 2, 3, 4].map(|index| draw(1_234_567, index)), expected);
    }

    #[test]
    fn keys_never_change() {
        assert_eq!(subkey(0, 0), 0x4821_8226_ff3c_d4bf);
        assert_eq!(subkey(0, 1), 0xcd73_fe3d_e975_ac26);
        assert_eq!(subkey(42, 0), 0xa033_007b_33fc_542d);
    }

    #[test]
    fn numbers_stay_below_their_bound() {
        assert_eq!(below(u64::MAX, 10), 9);
        assert_eq!(below(0, 10), 0);
        assert_eq!(below(77, 0), 77);
        assert!(unit(u64::MAX) < 1.0);
        assert_eq!(unit(0), 0.0);
    }
}
