//! HyperLogLog: an estimate of how many different values there were, from 2^precision small registers.
//!
//! Philippe Flajolet and others, "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm" (2007), with
//! 64-bit hashes; estimated by Otmar Ertl's formula ("New cardinality estimation algorithms for HyperLogLog sketches", 2017,
//! algorithm 6), which needs no table of corrections and no switch between ranges. While few registers are set, they are
//! kept as a list.

use std::ops::RangeInclusive;

use crate::packed::Packed;

pub const PRECISIONS: RangeInclusive<u8> = 4..=18;

/// A register's number above its value, which is below 64.
const VALUE_BITS: u32 = 6;
/// What precedes the registers when packed.
const SPARSE: u8 = 0;
const DENSE: u8 = 1;

#[derive(Debug)]
pub enum Sketch {
    /// Registers in any order, perhaps several times.
    Sparse(Vec<u32>),
    /// All registers.
    Dense(Vec<u8>),
}

impl Default for Sketch {
    fn default() -> Self {
        Self::Sparse(Vec::new())
    }
}

/// Registers that are cheaper as a list of u32 than as a byte each.
fn sparse_max(registers: usize) -> usize {
    registers / size_of::<u32>()
}

impl Sketch {
    #[inline(always)]
    pub fn add(&mut self, hash: u64, precision: u8) {
        let register = (hash >> (u64::BITS - u32::from(precision))) as u32;
        // The bit below stops the count of zeros where the hash ends.
        let rest = hash << precision | 1 << (precision - 1);
        self.raise(register, rest.leading_zeros() as u8 + 1, precision);
    }

    #[inline(always)]
    fn raise(&mut self, register: u32, value: u8, precision: u8) {
        match self {
            Self::Dense(registers) => {
                if let Some(have) = registers.get_mut(register as usize) {
                    *have = value.max(*have);
                }
            }
            Self::Sparse(list) => {
                let entry = register << VALUE_BITS | u32::from(value);
                if list.last() != Some(&entry) {
                    list.push(entry);
                }
                if list.len() > sparse_max(1 << precision) {
                    *self = Self::Dense(dense(list, 1 << precision));
                }
            }
        }
    }

    pub fn merge(&mut self, later: Self, precision: u8) -> Result<(), String> {
        let registers = 1_usize << precision;
        match later {
            Self::Sparse(list) => list.iter().for_each(|entry| {
                let (register, value) = split(*entry);
                self.raise(register, value, precision);
            }),
            Self::Dense(other) => {
                if let Self::Sparse(list) = self {
                    *self = Self::Dense(dense(list, registers));
                }
                if let Self::Dense(have) = self {
                    if other.len() != registers || have.len() != registers {
                        return Err(format!("a sketch of another precision than {precision} cannot be merged"));
                    }
                    have.iter_mut().zip(other).for_each(|(have, other)| *have = other.max(*have));
                }
            }
        }
        Ok(())
    }

    /// How many different values there were, about.
    pub fn estimate(&self, precision: u8) -> u64 {
        let registers = match self {
            Self::Dense(registers) => registers,
            Self::Sparse(list) => &dense(list, 1 << precision),
        };
        // How many registers have each value.
        let highest = usize::from(64 - precision) + 1;
        let mut having = vec![0_u32; highest + 1];
        for value in registers {
            if let Some(count) = having.get_mut(usize::from(*value)) {
                *count += 1;
            }
        }
        let of = |value: usize| f64::from(having.get(value).copied().unwrap_or_default());
        let all = registers.len() as f64;
        let start = all * tau(1.0 - of(highest) / all);
        let middle = (1..highest).rev().fold(start, |sum, value| 0.5 * (sum + of(value)));
        let sum = middle + all * sigma(of(0) / all);
        let infinite_alpha = 0.5 / std::f64::consts::LN_2;
        (infinite_alpha * all * all / sum).round() as u64
    }
}

fn split(entry: u32) -> (u32, u8) {
    (entry >> VALUE_BITS, (entry & ((1 << VALUE_BITS) - 1)) as u8)
}

fn dense(list: &[u32], registers: usize) -> Vec<u8> {
    let mut dense = vec![0; registers];
    for entry in list {
        let (register, value) = split(*entry);
        if let Some(have) = dense.get_mut(register as usize) {
            *have = value.max(*have);
        }
    }
    dense
}

/// x + Σ x^(2^k) 2^(k-1): what empty registers say.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * y;
        y += y;
        if sum == before {
            return sum;
        }
    }
}

/// (1 - x - Σ (1 - x^(2^-k))² 2^-k) / 3: what full registers say.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        y *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * y;
        if sum == before {
            return sum / 3.0;
        }
    }
}

impl Packed for Sketch {
    /// A list if that is shorter, whatever it was: equal registers have equal bytes.
    fn pack(self) -> Option<Vec<u8>> {
        let list = match self {
            Self::Sparse(mut list) => {
                // The greatest value of a register is its last.
                list.sort_unstable();
                let mut kept: Vec<u32> = Vec::with_capacity(list.len());
                for entry in list {
                    match kept.last_mut().filter(|last| split(**last).0 == split(entry).0) {
                        Some(last) => *last = entry,
                        None => kept.push(entry),
                    }
                }
                kept
            }
            Self::Dense(registers) => {
                let set = registers.iter().filter(|value| **value > 0).count();
                if set > sparse_max(registers.len()) {
                    return Some(std::iter::once(DENSE).chain(registers).collect());
                }
                let numbered = (0_u32..).zip(&registers).filter(|(_, value)| **value > 0);
                numbered.map(|(register, value)| register << VALUE_BITS | u32::from(*value)).collect()
            }
        };
        let bytes = list.iter().flat_map(|entry| entry.to_le_bytes());
        (!list.is_empty()).then(|| std::iter::once(SPARSE).chain(bytes).collect())
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&DENSE, registers) => Some(Self::Dense(registers.to_vec())),
            (&SPARSE, list) => {
                let (list, rest) = list.as_chunks::<4>();
                let list = list.iter().map(|entry| u32::from_le_bytes(*entry)).collect();
                rest.is_empty().then_some(Self::Sparse(list))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash;

    fn sketch(values: std::ops::Range<u64>, precision: u8) -> Sketch {
        let mut sketch = Sketch::default();
        values.for_each(|value| sketch.add(hash::of_number(value), precision));
        sketch
    }

    #[test]
    fn estimates_are_within_four_standard_errors_at_every_size() {
        for precision in [4, 10, 14, 18] {
            let error = 1.04 / f64::from(1_u32 << precision).sqrt();
            for values in [0_u64, 1, 2, 10, 100, 1_000, 20_000, 300_000] {
                let got = sketch(0..values, precision).estimate(precision) as f64;
                let off = (got - values as f64).abs();
                assert!(off <= (4.0 * error * values as f64).max(0.5), "precision {precision}, {values}: {got}");
            }
        }
    }

    #[test]
    fn parts_merged_are_the_whole_byte_for_byte() {
        for (values, precision) in [(50, 10), (900, 10), (20_000, 10), (20_000, 14)] {
            let whole = sketch(0..values, precision).pack();
            for cut in [0, 1, values / 3, values] {
                let mut merged = sketch(0..cut, precision);
                merged.merge(sketch(cut / 2..values, precision), precision).expect("of one precision");
                assert_eq!(merged.pack(), whole, "{values} cut at {cut}");
            }
        }
    }

    #[test]
    fn packed_sketches_come_back() {
        for values in [1, 100, 100_000] {
            let packed = sketch(0..values, 12).pack().expect("not empty");
            assert_eq!(Sketch::unpack(&packed).expect("whole").pack(), Some(packed));
        }
        assert!(Sketch::unpack(&[SPARSE, 1, 2]).is_none());
        assert!(Sketch::unpack(&[9]).is_none());
        assert_eq!(Sketch::default().pack(), None);
    }
}
