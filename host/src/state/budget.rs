//! What the state of an operator may hold, over all its partitions.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

#[derive(Debug)]
pub struct Budget {
    max: u64,
    held: AtomicU64,
}

impl Budget {
    /// `max` in bytes.
    pub fn new(max: u64) -> Arc<Self> {
        Arc::new(Self { max, held: AtomicU64::new(0) })
    }
}

/// What one partition has of a budget.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    held: u64,
}

impl Share {
    pub fn new(budget: &Arc<Budget>) -> Self {
        Self { budget: Arc::clone(budget), held: 0 }
    }

    /// Says what the partition holds now. The error is the limit, when all of them together hold more.
    pub fn hold(&mut self, held: u64) -> Result<(), u64> {
        let all = &self.budget.held;
        let total = if held >= self.held {
            let more = held - self.held;
            all.fetch_add(more, Ordering::Relaxed) + more
        } else {
            let less = self.held - held;
            all.fetch_sub(less, Ordering::Relaxed) - less
        };
        self.held = held;
        if total <= self.budget.max { Ok(()) } else { Err(self.budget.max) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_share_what_there_is() {
        let budget = Budget::new(100);
        let (mut one, mut other) = (Share::new(&budget), Share::new(&budget));
        assert_eq!([one.hold(60), other.hold(40), other.hold(41)], [Ok(()), Ok(()), Err(100)]);
        assert_eq!([one.hold(10), other.hold(90)], [Ok(()), Ok(())]);
    }
}
