//! The pinned values, and how well input bits spread over hash bits.

use std::collections::HashSet;

use super::*;
use crate::random::Random;

const VECTORS: &str = include_str!("../tests/hash_vectors.txt");

/// The vectors' lines as this build computes them.
fn computed() -> String {
    let mut lines = vec![format!("version {HASH_VERSION}"), format!("null {:016x}", hash_null())];
    let mut words = vec![0, 1, 2, 3, 42, 255, 1_000_000, u64::MAX, i64::MIN as u64, i64::MAX as u64];
    words.extend((0..64).step_by(7).map(|bit| 1 << bit));
    lines.extend(words.iter().map(|word| format!("word {word:016x} {:016x}", hash_word(*word))));
    for length in [0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 47, 48, 49, 64, 100, 1000] {
        let bytes: Vec<u8> = (0..length).map(|index: u32| (index * 131 + 7) as u8).collect();
        lines.push(format!("bytes {length} {:016x}", hash_bytes(&bytes)));
    }
    for text in ["Paris", "auction", "日本", "a rather long key, such as an address of a page"] {
        lines.push(format!("text {text:?} {:016x}", hash_bytes(text.as_bytes())));
    }
    for (left, right) in [(0, 0), (0, 1), (1, 0), (hash_word(1), hash_word(2)), (hash_null(), hash_null())] {
        lines.push(format!("combine {left:016x} {right:016x} {:016x}", combine(left, right)));
    }
    lines.join("\n") + "\n"
}

#[test]
fn the_hash_is_what_it_has_always_been() {
    let computed = computed();
    assert!(computed == VECTORS, "a changed hash needs a new version; now:\n{computed}");
}

/// For each output bit, how often a flip of each input bit flips it: all close to one half.
fn avalanche(name: &str, bits: u32, samples: u32, hash: impl Fn(u64, Option<u32>) -> u64, random: &mut Random) {
    let words: Vec<u64> =
        (0..samples).map(|sample| if sample % 2 == 0 { u64::from(sample) } else { random.word() }).collect();
    for input in 0..bits {
        let mut flips = [0_u32; 64];
        for word in &words {
            let changed = hash(*word, None) ^ hash(*word, Some(input));
            (0..64).for_each(|output| flips[output] += (changed >> output) as u32 & 1);
        }
        for (output, flips) in flips.iter().enumerate() {
            let share = f64::from(*flips) / f64::from(samples);
            assert!((0.42..0.58).contains(&share), "{name}: input bit {input} flips output bit {output} in {share}");
        }
    }
}

#[test]
fn every_input_bit_flips_every_output_bit_half_of_the_time() {
    let mut random = Random::for_test("every_input_bit");
    let flip = |word: u64, bit: Option<u32>| bit.map_or(word, |bit| word ^ (1 << bit));
    avalanche("word", 64, 2000, |word, bit| hash_word(flip(word, bit)), &mut random);
    avalanche("left", 64, 2000, |word, bit| combine(hash_word(flip(word, bit)), hash_word(7)), &mut random);
    avalanche("right", 64, 2000, |word, bit| combine(hash_word(7), hash_word(flip(word, bit))), &mut random);
    // Of one byte there are too few to tell.
    for length in [3_usize, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 50] {
        let hash = |word: u64, bit: Option<u32>| {
            let mut bytes: Vec<u8> = (0..length).map(|index| hash_word(word + index as u64) as u8).collect();
            if let Some(bit) = bit {
                bytes[bit as usize / 8] ^= 1 << (bit % 8);
            }
            hash_bytes(&bytes)
        };
        avalanche(&format!("{length} bytes"), length as u32 * 8, 1000, hash, &mut random);
    }
}

#[test]
fn keys_that_look_alike_do_not_meet() {
    let words: HashSet<u64> = (0..200_000).chain((1..200_000).map(|word| word << 40)).map(hash_word).collect();
    assert_eq!(words.len(), 399_999);
    let pairs = (0..300_u64).flat_map(|left| (0..300).map(move |right| combine(hash_word(left), hash_word(right))));
    assert_eq!(pairs.collect::<HashSet<u64>>().len(), 90_000, "order and equal parts count");
    let zeros: HashSet<u64> = (0..2000).map(|length| hash_bytes(&vec![0; length])).collect();
    assert_eq!(zeros.len(), 2000, "lengths count");
    let low: HashSet<u64> = (0..65_536_u64).map(|word| hash_word(word << 32) & 0xffff).collect();
    assert!((40_000..43_000).contains(&low.len()), "low bits are even: {}", low.len());
}
