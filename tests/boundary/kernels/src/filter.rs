//! Filter: keep rows over a threshold, and compute one value for each.
//!
//! Two passes. The first makes the kept positions without a branch, eight rows at a time: a comparison gives one bit
//! for each row, and a table turns the eight bits into the positions of the ones, packed to the front. The second
//! gathers. A branch for each row would be mispredicted on random data, and `Vec::push` checks its capacity each time.

use crate::{Cell, RATE};

/// Rows in a block: as many as a table of all their combinations may sensibly have.
const BLOCK: usize = 8;

/// For each set of rows in a block, the rows in it, packed to the front; the rest is zero. As wide as what is written,
/// so that a block is two vector loads, adds and stores.
static PACKED: [[u32; BLOCK]; 256] = packed();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, where a wrong index is a build error")]
const fn packed() -> [[u32; BLOCK]; 256] {
    let mut table = [[0; BLOCK]; 256];
    let mut set = 0;
    while set < table.len() {
        let (mut row, mut next) = (0, 0);
        while row < BLOCK {
            if set >> row & 1 == 1 {
                table[set][next] = row as u32;
                next += 1;
            }
            row += 1;
        }
        set += 1;
    }
    table
}

/// The positions of the prices over `above`, and those prices times [`RATE`].
pub fn filter<P: Cell<f64>, O: Cell<u32>>(prices: &[P], above: f64) -> (Vec<O>, Vec<P>) {
    let origin: Vec<O> = positions(prices, above);
    let euro = origin.iter().map(|row| P::store(price_at(prices, row.load()) * RATE)).collect();
    (origin, euro)
}

/// The same by a branch and a push for each row: what one writes first, measured for comparison.
pub fn filter_by_push<P: Cell<f64>, O: Cell<u32>>(prices: &[P], above: f64) -> (Vec<O>, Vec<P>) {
    let (mut origin, mut euro) = (Vec::new(), Vec::new());
    for (row, price) in (0..).zip(prices) {
        if price.load() > above {
            origin.push(O::store(row));
            euro.push(P::store(price.load() * RATE));
        }
    }
    (origin, euro)
}

fn positions<P: Cell<f64>, O: Cell<u32>>(prices: &[P], above: f64) -> Vec<O> {
    let mut origin = vec![O::store(0); prices.len()];
    let (blocks, rest) = prices.as_chunks::<BLOCK>();
    let (mut kept, mut first) = (0, 0);
    for block in blocks {
        let set = over(block, above);
        let packed = PACKED.get(usize::from(set)).expect("the table has a row for every u8");
        // All eight are written and only those in the set are counted: the next block writes over the others. A whole
        // block fits, because at most `first` rows were kept before it.
        if let Some(slot) = origin.get_mut(kept..).and_then(|free| free.first_chunk_mut::<BLOCK>()) {
            *slot = packed.map(|row| O::store(first + row));
        }
        kept += set.count_ones() as usize;
        first += BLOCK as u32;
    }
    for (row, price) in (first..).zip(rest) {
        if let Some(slot) = origin.get_mut(kept) {
            *slot = O::store(row);
        }
        kept += usize::from(price.load() > above);
    }
    origin.truncate(kept);
    origin
}

/// Bit i is set when price i is over `above`.
#[cfg(target_feature = "simd128")]
fn over<P: Cell<f64>>(block: &[P; BLOCK], above: f64) -> u8 {
    use std::arch::wasm32::{f64x2, f64x2_gt, f64x2_splat, i64x2_bitmask};
    let [a, b, c, d, e, f, g, h] = *block;
    let pair = |left: P, right: P| i64x2_bitmask(f64x2_gt(f64x2(left.load(), right.load()), f64x2_splat(above)));
    pair(a, b) | pair(c, d) << 2 | pair(e, f) << 4 | pair(g, h) << 6
}

/// Bit i is set when price i is over `above`.
#[cfg(not(target_feature = "simd128"))]
fn over<P: Cell<f64>>(block: &[P; BLOCK], above: f64) -> u8 {
    block.iter().rev().fold(0, |set, price| set << 1 | u8::from(price.load() > above))
}

fn price_at<P: Cell<f64>>(prices: &[P], row: u32) -> f64 {
    prices.get(row as usize).map_or(0.0, |price| price.load())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_same_rows_as_the_plain_loop() {
        let prices: Vec<f64> = (0..1003).map(|row| f64::from(row * 7919 % 1000)).collect();
        for above in [-1.0, 100.0, 499.5, 900.0, 2000.0] {
            let (origin, euro) = filter::<f64, u32>(&prices, above);
            assert_eq!((origin, euro), filter_by_push(&prices, above), "above {above}");
        }
    }

    #[test]
    fn not_a_number_is_over_nothing() {
        let (origin, _) = filter::<f64, u32>(&[f64::NAN; 9], f64::NEG_INFINITY);
        assert!(origin.is_empty());
    }
}
