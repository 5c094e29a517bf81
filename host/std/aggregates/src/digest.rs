//! A t-digest: a summary of numbers from which any quantile can be told, exact for few numbers and close in the tails.
//!
//! The merging variant of Ted Dunning and Otmar Ertl, "Computing Extremely Accurate Quantiles Using t-Digests" (2019), with their
//! scale function k1. Neighbouring numbers are joined into centroids, large ones in the middle and small ones at
//! the ends; as long as all centroids are single numbers, a quantile is what SQL's `percentile_cont` gives.

use std::f64::consts::PI;

use crate::packed::{Packed, take};

/// Numbers joined: their mean, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Centroid {
    mean: f64,
    weight: f64,
}

/// The digest, and numbers that are not in it yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Digest {
    /// By mean.
    centroids: Vec<Centroid>,
    recent: Vec<Centroid>,
    min: f64,
    max: f64,
}

impl Default for Digest {
    fn default() -> Self {
        Self { centroids: Vec::new(), recent: Vec::new(), min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

/// Numbers that wait, for each centroid that there may be.
const RECENT_FOR_EACH: usize = 8;

impl Digest {
    /// Adds a number, which is not NaN. `compression` bounds the centroids.
    #[inline(always)]
    pub fn add(&mut self, value: f64, compression: u32) {
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.recent.push(Centroid { mean: value, weight: 1.0 });
        if self.recent.len() >= compression as usize * RECENT_FOR_EACH {
            self.compress(compression);
        }
    }

    pub fn merge(&mut self, later: Self, compression: u32) {
        // Compressing again would change what nothing was merged with.
        if self.is_empty() {
            *self = later;
            return;
        }
        if later.is_empty() {
            return;
        }
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.recent.extend(later.centroids);
        self.recent.extend(later.recent);
        self.compress(compression);
    }

    fn is_empty(&self) -> bool {
        self.centroids.is_empty() && self.recent.is_empty()
    }

    /// Joins neighbours as long as the scale function gives them less than one step.
    pub fn compress(&mut self, compression: u32) {
        if self.recent.is_empty() {
            return;
        }
        let mut all = std::mem::take(&mut self.centroids);
        all.append(&mut self.recent);
        all.sort_by(|left, right| left.mean.total_cmp(&right.mean));
        let total: f64 = all.iter().map(|centroid| centroid.weight).sum();
        let scale = f64::from(compression) / (2.0 * PI);
        let limit_after = |before: f64| {
            let step = (2.0 * before / total - 1.0).clamp(-1.0, 1.0).asin() + 1.0 / scale;
            if step >= PI / 2.0 { total } else { total * (step.sin() + 1.0) / 2.0 }
        };
        let mut before = 0.0;
        let mut limit = limit_after(0.0);
        for next in all {
            match self.centroids.last_mut() {
                Some(last) if before + last.weight + next.weight <= limit => last.join(next),
                last => {
                    if let Some(last) = last {
                        before += last.weight;
                        limit = limit_after(before);
                    }
                    self.centroids.push(next);
                }
            }
        }
    }

    /// The number below which a part `quantile` (0 to 1) of all is; none of none. The digest is compressed.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        let total: f64 = self.centroids.iter().map(|centroid| centroid.weight).sum();
        // Numbers have ranks 0 to total - 1; a centroid is in the middle of its numbers' ranks.
        let rank = quantile * (total - 1.0);
        let mut before = 0.0;
        let mut left = (0.0, self.min);
        for centroid in &self.centroids {
            let right = (before + (centroid.weight - 1.0) / 2.0, centroid.mean);
            if rank <= right.0 {
                return Some(between(left, right, rank));
            }
            left = right;
            before += centroid.weight;
        }
        (total > 0.0).then(|| between(left, (total - 1.0, self.max), rank))
    }
}

/// The value at `rank` on the line from one (rank, value) to another.
fn between(left: (f64, f64), right: (f64, f64), rank: f64) -> f64 {
    let span = right.0 - left.0;
    // Equal values need no arithmetic, which infinities would not survive.
    if span <= 0.0 || left.1 == right.1 {
        return right.1;
    }
    left.1 + (right.1 - left.1) * ((rank - left.0) / span)
}

impl Centroid {
    fn join(&mut self, other: Self) {
        self.weight += other.weight;
        if self.mean != other.mean {
            self.mean += (other.mean - self.mean) * other.weight / self.weight;
        }
    }
}

impl Packed for Digest {
    /// The least and the greatest number, then mean and weight of each centroid. The digest is compressed.
    fn pack(self) -> Option<Vec<u8>> {
        if self.centroids.is_empty() {
            return None;
        }
        let numbers = self.centroids.iter().flat_map(|centroid| [centroid.mean, centroid.weight]);
        Some([self.min, self.max].into_iter().chain(numbers).flat_map(f64::to_le_bytes).collect())
    }

    fn unpack(mut bytes: &[u8]) -> Option<Self> {
        let mut next = || Some(f64::from_le_bytes(take(&mut bytes)?));
        let (min, max) = (next()?, next()?);
        let mut centroids = Vec::new();
        while let Some(mean) = next() {
            centroids.push(Centroid { mean, weight: next()? });
        }
        Some(Self { centroids, recent: Vec::new(), min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(values: impl Iterator<Item = f64>, compression: u32) -> Digest {
        let mut digest = Digest::default();
        values.for_each(|value| digest.add(value, compression));
        digest.compress(compression);
        digest
    }

    #[test]
    fn few_numbers_are_interpolated_as_percentile_cont_does() {
        let digest = digest([4.0, 1.0, 3.0, 2.0].into_iter(), 100);
        for (quantile, want) in [(0.0, 1.0), (0.5, 2.5), (0.25, 1.75), (1.0, 4.0)] {
            assert_eq!(digest.quantile(quantile), Some(want), "{quantile}");
        }
        assert_eq!(Digest::default().quantile(0.5), None);
        assert_eq!(self::digest(std::iter::once(7.0), 100).quantile(0.99), Some(7.0));
    }

    #[test]
    fn many_numbers_are_within_the_bound_and_closer_in_the_tails() {
        // A permutation of 0 to 99,999: 7,919 is prime to it.
        let rows = 100_000_u64;
        let digest = digest((0..rows).map(|row| (row * 7_919 % rows) as f64), 100);
        assert!(digest.centroids.len() <= 100, "{}", digest.centroids.len());
        for (quantile, tolerance) in [(0.5, 0.01), (0.9, 0.006), (0.99, 0.002), (0.999, 0.000_5), (0.001, 0.000_5)] {
            let got = digest.quantile(quantile).expect("there are numbers") / rows as f64;
            assert!((got - quantile).abs() < tolerance, "{quantile}: {got}");
        }
    }

    #[test]
    fn parts_merged_are_as_good_as_the_whole() {
        let rows = 50_000_u64;
        let value = |row: u64| ((row * 7_919 % rows) as f64 / rows as f64).powi(3);
        let mut merged = Digest::default();
        for part in 0..50 {
            merged.merge(digest((part * 1_000..(part + 1) * 1_000).map(value), 100), 100);
        }
        for quantile in [0.01, 0.5, 0.95, 0.99] {
            let got = merged.quantile(quantile).expect("there are numbers");
            assert!((got.cbrt() - quantile).abs() < 0.01, "{quantile}: {}", got.cbrt());
        }
    }

    #[test]
    fn packed_digests_come_back_and_torn_ones_do_not() {
        let digest = digest((0..1_000).map(f64::from), 50);
        let bytes = digest.clone().pack().expect("not empty");
        assert_eq!(Digest::unpack(&bytes), Some(digest));
        assert_eq!(Digest::unpack(&bytes[..bytes.len() - 8]), None);
        assert_eq!(Digest::unpack(&bytes[..9]), None);
        assert_eq!(Digest::default().pack(), None);
    }

    #[test]
    fn infinities_are_numbers_too() {
        let digest = digest([f64::INFINITY, 1.0, f64::INFINITY, f64::NEG_INFINITY].into_iter(), 100);
        assert_eq!(digest.quantile(0.0), Some(f64::NEG_INFINITY));
        assert_eq!(digest.quantile(1.0), Some(f64::INFINITY));
    }
}
