//! Inputs made from others: a few random changes to one of a pool, which begins as the corpus and grows.
//!
//! Used by the fuzz targets. Invariant: the inputs depend on the corpus and the seed alone, so that a finding can be
//! had again.

use rand::{Rng, SeedableRng, rngs::SmallRng, seq::IndexedRandom};

/// Inputs kept for further changes beyond the corpus.
const POOL_MAX: usize = 500;
/// Bytes that parsers treat in a way of their own.
const BYTES: &[u8] = b"\0\x01\x7f\x80\xff\t\n\r \"#',-.0=[\\]{}";

pub struct Mutator {
    pool: Vec<Vec<u8>>,
    /// How many of the pool are the corpus, which stays.
    corpus: usize,
    words: &'static [&'static str],
    bytes_max: usize,
    random: SmallRng,
}

impl Mutator {
    pub fn new(corpus: Vec<Vec<u8>>, words: &'static [&'static str], bytes_max: usize, seed: u64) -> Self {
        Self { corpus: corpus.len(), pool: corpus, words, bytes_max, random: SmallRng::seed_from_u64(seed) }
    }

    pub fn next(&mut self) -> Vec<u8> {
        let mut input = self.pool.choose(&mut self.random).cloned().unwrap_or_default();
        for _ in 0..self.random.random_range(1..=6) {
            self.change(&mut input);
        }
        input.truncate(self.bytes_max);
        // Some are changed again, so that inputs wander away from the corpus.
        if self.random.random_ratio(1, 20) {
            if self.pool.len() < self.corpus + POOL_MAX {
                self.pool.push(input.clone());
            } else {
                let replaced = self.random.random_range(self.corpus..self.pool.len());
                self.pool[replaced] = input.clone();
            }
        }
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.random.random_range(0..=input.len());
        let part = at..self.random.random_range(at..=input.len().min(at + 64));
        match self.random.random_range(0..10) {
            0 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << self.random.random_range(0..8);
                }
            }
            1 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = self.random.random();
                }
            }
            2 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = byte.wrapping_add(if self.random.random() { 1 } else { 255 });
                }
            }
            3 => input.insert(at, *BYTES.choose(&mut self.random).expect("there are some")),
            4 => {
                let word = self.words.choose(&mut self.random).expect("there are some");
                let part = if self.random.random() { part } else { at..at };
                input.splice(part, word.bytes());
            }
            5 => input.truncate(at),
            6 => drop(input.drain(part)),
            7 => {
                let copy: Vec<u8> = input[part].to_vec();
                let to = self.random.random_range(0..=input.len());
                input.splice(to..to, copy);
            }
            8 => {
                let other = self.pool.choose(&mut self.random).cloned().unwrap_or_default();
                let from = self.random.random_range(0..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                let many = 1 << self.random.random_range(0..10);
                let byte = input.get(at).copied().unwrap_or(b'"');
                input.splice(at..at, std::iter::repeat_n(byte, many));
            }
        }
    }
}
