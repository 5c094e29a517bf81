//! Which keys of a partition as it was go to a new one, and the numbers that they get there.
//!
//! Made by [`NumberedKeys::adopt`](super::numbered::NumberedKeys::adopt) and [`Groups::adopt`](super::groups::Groups::adopt); every table that
//! goes by the numbers of keys is then put together by it (`adopt` beside each `save` and `load`). Invariant: new numbers are dense, follow those
//! that the new partition has already, and stand in the order of the old ones.

/// No number.
const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Default)]
pub struct Picked {
    old: Vec<u32>,
    first: u32,
    /// By old number.
    new: Vec<u32>,
}

impl Picked {
    /// `old` ascends and is below `count`; the first of them becomes `first`.
    pub fn new(old: Vec<u32>, first: u32, count: usize) -> Self {
        let mut new = vec![NONE; count];
        for (number, old) in (first..).zip(&old) {
            if let Some(place) = new.get_mut(*old as usize) {
                *place = number;
            }
        }
        Self { old, first, new }
    }

    /// The old numbers of those that go.
    pub fn old(&self) -> &[u32] {
        &self.old
    }

    /// The new number of the first of them: as many keys were there before.
    pub fn first(&self) -> usize {
        self.first as usize
    }

    /// Old and new number of each.
    pub fn pairs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.old.iter().copied().zip(self.first..)
    }

    /// None: it does not go.
    pub fn of(&self, old: u32) -> Option<u32> {
        self.new.get(old as usize).copied().filter(|new| *new != NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense_and_follow_those_before() {
        let picked = Picked::new(vec![1, 4, 5], 10, 7);
        assert_eq!(picked.pairs().collect::<Vec<_>>(), [(1, 10), (4, 11), (5, 12)]);
        assert_eq!([0, 1, 4, 5, 6, 7].map(|old| picked.of(old)), [None, Some(10), Some(11), Some(12), None, None]);
    }
}
