//! A map-side combine: count and sum by key within one batch, groups in order of first appearance.
//!
//! The one kernel here whose work outweighs the boundary. Open addressing over a power of two, linear probing.

use crate::Cell;

/// One group for each key: the row where it first appeared, how many rows it has, and the sum of their values.
#[derive(Debug, PartialEq)]
pub struct Combined<O, C, P> {
    pub origin: Vec<O>,
    pub counts: Vec<C>,
    pub sums: Vec<P>,
}

#[derive(Clone, Copy)]
struct Group {
    key: i64,
    count: i64,
    sum: f64,
    row: u32,
}

/// Counts and sums `values` by `keys`, row for row of equal length.
pub fn combine<C, P, O>(keys: &[C], values: &[P]) -> Combined<O, C, P>
where
    C: Cell<i64>,
    P: Cell<f64>,
    O: Cell<u32>,
{
    let slots = (keys.len() * 2).next_power_of_two();
    let mut slot_group = vec![0_u32; slots]; // group + 1, or 0 for free
    let mut groups: Vec<Group> = Vec::with_capacity(1024);
    for (row, (key, value)) in (0..).zip(keys.iter().zip(values)) {
        let (key, value) = (key.load(), value.load());
        let mut slot = spread(key);
        loop {
            // At most half of the slots are taken, so a free one or the key's own is found.
            let Some(entry) = slot_group.get_mut(slot & (slots - 1)) else { break };
            match groups.get_mut((*entry as usize).wrapping_sub(1)) {
                Some(group) if group.key == key => {
                    group.count += 1;
                    group.sum += value;
                    break;
                }
                Some(_) => slot += 1,
                None => {
                    groups.push(Group { key, count: 1, sum: value, row });
                    *entry = groups.len() as u32;
                    break;
                }
            }
        }
    }
    Combined {
        origin: groups.iter().map(|group| O::store(group.row)).collect(),
        counts: groups.iter().map(|group| C::store(group.count)).collect(),
        sums: groups.iter().map(|group| P::store(group.sum)).collect(),
    }
}

/// Fibonacci hashing: the high half of the product depends on every bit of the key.
fn spread(key: i64) -> usize {
    (key.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_the_order_of_first_appearance() {
        let combined = combine::<i64, f64, u32>(&[7, -1, 7, 7, 3], &[1.0, 2.0, 4.0, 8.0, 16.0]);
        let expected = Combined { origin: vec![0, 1, 4], counts: vec![3, 1, 1], sums: vec![13.0, 2.0, 16.0] };
        assert_eq!(combined, expected);
    }
}
