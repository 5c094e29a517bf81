//! What a function may know about the world besides its row: `ctx: &Context`.
//!
//! The same batch always comes with the same context, so an epoch can be replayed bit for bit. Random
//! numbers are a pure function of the operator's seed and the row's number; its vectors
//! are pinned in the tests below, for this and for other languages' SDKs.

use std::cell::Cell;

use crate::{bindings::BatchContext, types::Timestamp};

/// The batch's times, and the row's number and random numbers.
///
/// ```
/// use pelton_guest::prelude::*;
///
/// #[derive(Row)]
/// struct Bid { price: f64 }
///
/// /// Keeps about one bid in ten.
/// #[transform]
/// fn sample(_bid: Bid, ctx: &Context) -> bool {
///     ctx.random() < 0.1
/// }
///
/// let kept = sample.seed(7).test(rows! { price: vec![1.0; 1_000] }).main().len();
/// assert!((70..130).contains(&kept), "{kept}");
/// ```
#[derive(Debug)]
pub struct Context {
    batch: BatchContext,
    /// For each row that the function sees, its number in the batch; none if it sees all.
    kept: Option<Vec<u32>>,
    at: Cell<usize>,
    /// Random numbers that the row has drawn.
    drawn: Cell<u64>,
}

impl Context {
    pub(crate) fn new(batch: BatchContext, kept: Option<Vec<u32>>) -> Self {
        Self { batch, kept, at: Cell::new(0), drawn: Cell::new(0) }
    }

    /// The epoch that the row belongs to.
    pub fn epoch(&self) -> u64 {
        self.batch.epoch
    }

    /// The epoch's processing time: the only clock there is.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.batch.now)
    }

    /// The input's watermark: no older event time is expected. None until there is one.
    pub fn watermark(&self) -> Option<Timestamp> {
        (self.batch.watermark != i64::MIN).then_some(Timestamp(self.batch.watermark))
    }

    /// The row's number: no other row of this operator's input has it, and a replay gives it again.
    pub fn row(&self) -> u64 {
        let at = self.at.get();
        let in_batch = self.kept.as_ref().map_or(at as u64, |kept| kept.get(at).copied().map_or(at as u64, u64::from));
        self.batch.first_row.wrapping_add(in_batch)
    }

    /// At column level: makes [`Context::row`] and [`Context::random`] speak of the row at `at`.
    pub fn at(&self, at: usize) -> &Self {
        self.enter(at);
        self
    }

    /// The place, among the rows that the function sees, of the one that it is at.
    pub(crate) fn position(&self) -> usize {
        self.at.get()
    }

    #[inline(always)]
    pub(crate) fn enter(&self, at: usize) {
        self.at.set(at);
        self.drawn.set(0);
    }

    /// A random number, 0 ≤ x < 1; another with each call, the same ones for the same row.
    pub fn random(&self) -> f64 {
        // The 53 bits that an f64 holds.
        (self.random_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A random integer; another with each call, the same ones for the same row.
    pub fn random_u64(&self) -> u64 {
        let draw = self.drawn.get();
        self.drawn.set(draw.wrapping_add(1));
        random(self.batch.seed, self.row(), draw)
    }
}

/// Draw number `draw` of row `row`: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014), once
/// over the seed and the row and once over the draw, so that neighbouring rows have nothing in common.
fn random(seed: u64, row: u64, draw: u64) -> u64 {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let of_row = mix(seed.wrapping_add(mix(row.wrapping_add(GOLDEN))));
    mix(of_row.wrapping_add(draw.wrapping_add(1).wrapping_mul(GOLDEN)))
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(seed: u64, kept: Option<Vec<u32>>) -> Context {
        Context::new(BatchContext { epoch: 3, first_row: 100, now: 5, watermark: i64::MIN, seed }, kept)
    }

    #[test]
    fn a_row_draws_the_same_numbers_in_any_batch() {
        let whole = context(42, None);
        let draws: Vec<u64> = (0..3).map(|_| whole.at(2).random_u64()).collect();
        assert_eq!(draws.iter().collect::<std::collections::HashSet<_>>().len(), 1, "`at` starts a row anew");
        let first = whole.at(2).random_u64();
        assert_ne!(whole.random_u64(), first, "each call draws another");
        let part = context(42, Some(vec![1, 2]));
        assert_eq!(part.at(1).row(), 102);
        assert_eq!(part.at(1).random_u64(), first);
        assert_ne!(context(43, None).at(2).random_u64(), first);
    }

    /// (seed, row, draw) and the number: a change of any breaks the replay of jobs that ran before it.
    #[test]
    fn random_numbers_are_pinned() {
        for ((seed, row, draw), want) in [
            ((0, 0, 0), 0x568a9b0b1a2c05ec),
            ((0, 0, 1), 0x44e5b8b147ef718b),
            ((0, 1, 0), 0x6ec85f1f8547bc0c),
            ((42, 100, 0), 0xa5f1bddf925239e2),
            ((18446744073709551615, 18446744073709551615, 0), 0x082ee7e0af5462c6),
            ((42, 9223372036854775815, 3), 0x146cb91f5fa015e3),
        ] {
            assert_eq!(random(seed, row, draw), want, "seed {seed} row {row} draw {draw}");
        }
        let context = context(42, None);
        assert_eq!(context.at(0).random(), (random(42, 100, 0) >> 11) as f64 / (1_u64 << 53) as f64);
    }

    #[test]
    fn random_numbers_fill_their_range() {
        let context = context(1, None);
        let mean = (0..10_000).map(|at| context.at(at).random()).sum::<f64>() / 10_000.0;
        assert!((0.49..0.51).contains(&mean), "{mean}");
        assert!((0..10_000).all(|at| (0.0..1.0).contains(&context.at(at).random())));
    }

    #[test]
    fn there_is_no_watermark_before_the_first() {
        assert_eq!(context(0, None).watermark(), None);
        assert_eq!((context(0, None).now(), context(0, None).epoch()), (Timestamp(5), 3));
    }
}
