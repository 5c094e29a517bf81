//! Zipf's distribution: numbers from 1 to n, k with weight 1/kˢ.
//!
//! Rejection-inversion (Hörmann, Derflinger: "Rejection-inversion to generate variates from monotone discrete
//! distributions", 1996): constant time and memory for any n, 1.1 draws a number at most on average.

use super::random::{draw, unit};

/// Whole numbers up to here are exact in f64.
pub const N_MAX: u64 = 1 << 53;

#[derive(Debug, Clone)]
pub struct Zipf {
    n: f64,
    s: f64,
    /// Integral of the weight from 1 to 1.5, less the whole weight of 1.
    low: f64,
    /// Integral from 1 to n + 0.5.
    high: f64,
    /// Distances from k up to this are accepted without a look at the integral.
    squeeze: f64,
}

impl Zipf {
    /// `n` from 1 to [`N_MAX`], `s` finite and not negative.
    pub fn new(n: u64, s: f64) -> Self {
        let n = n as f64;
        let mut zipf = Self { n, s, low: 0.0, high: 0.0, squeeze: 0.0 };
        zipf.low = zipf.integral(1.5) - 1.0;
        zipf.high = zipf.integral(n + 0.5);
        zipf.squeeze = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.weight(2.0));
        zipf
    }

    /// The number that `number` stands for; further draws come from the sequence of that key.
    pub fn sample(&self, number: u64) -> u64 {
        let mut uniform = unit(number);
        let mut attempt = 0;
        loop {
            let area = self.high + uniform * (self.low - self.high);
            let x = self.inverse(area);
            let k = (x + 0.5).floor().clamp(1.0, self.n);
            if k - x <= self.squeeze || area >= self.integral(k + 0.5) - self.weight(k) {
                return k as u64;
            }
            uniform = unit(draw(number, attempt));
            attempt += 1;
        }
    }

    fn weight(&self, x: f64) -> f64 {
        (-self.s * x.ln()).exp()
    }

    /// Integral of the weight from 1 to `x`: (x¹⁻ˢ − 1) / (1 − s), or ln x for s = 1.
    fn integral(&self, x: f64) -> f64 {
        let log = x.ln();
        let power = (1.0 - self.s) * log;
        // exp_m1 keeps the digits that a subtraction near s = 1 would lose.
        if power.abs() < 1e-12 { log } else { power.exp_m1() / (1.0 - self.s) }
    }

    /// Where the integral is `area`.
    fn inverse(&self, area: f64) -> f64 {
        let power = (1.0 - self.s) * area;
        // Rounding may carry it just below the pole.
        let power = power.max(-1.0);
        if power.abs() < 1e-12 { area.exp() } else { (power.ln_1p() / (1.0 - self.s)).exp() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts against the exact weights: within five standard deviations each.
    fn follows_weights(n: u64, s: f64) {
        const DRAWS: u64 = 200_000;
        let zipf = Zipf::new(n, s);
        let mut counts = vec![0_u64; n as usize + 1];
        (0..DRAWS).for_each(|index| counts[zipf.sample(draw(7, index)) as usize] += 1);
        let total: f64 = (1..=n).map(|k| (k as f64).powf(-s)).sum();
        for k in 1..=n {
            let share = (k as f64).powf(-s) / total;
            let expected = share * DRAWS as f64;
            let spread = (expected * (1.0 - share)).sqrt();
            let count = counts[k as usize] as f64;
            assert!((count - expected).abs() <= 5.0 * spread + 1.0, "n {n}, s {s}, k {k}: {count}, not {expected}");
        }
    }

    #[test]
    fn frequencies_are_the_weights() {
        for (n, s) in [(1, 1.0), (2, 0.5), (10, 1.0), (10, 0.0), (100, 1.2), (100, 0.9999), (50, 2.0)] {
            follows_weights(n, s);
        }
    }

    #[test]
    fn large_n_stays_in_range() {
        let zipf = Zipf::new(N_MAX, 0.8);
        assert!((0..10_000).map(|index| zipf.sample(draw(1, index))).all(|k| (1..=N_MAX).contains(&k)));
        let steep = Zipf::new(1000, 40.0);
        assert!((0..1000).all(|index| steep.sample(draw(1, index)) == 1));
    }
}
