//! A partition put together from those of another number of partitions: of each the keys that belong here, with their windows.

use std::collections::BTreeMap;

use pelton_core::window::WindowKind;

use super::{super::draining::Draining, AggregatePlan, Partition, Windows};
use crate::{
    operator::partitions::partition,
    state::{keys::KeyCodec, picked::Picked},
};

/// What became of the numbers of a partition's groups.
enum Numbers {
    /// Of keys, whatever the window.
    Keys(Picked),
    /// Of groups, by the start of their pane.
    Panes(BTreeMap<i64, Picked>),
}

impl Partition {
    /// `from`: all partitions as they were, of the same plan but for their number.
    pub fn gather(plan: &AggregatePlan, number: u16, from: &[Self]) -> Self {
        Self::gather_from(plan, number, &from.iter().collect::<Vec<_>>())
    }

    fn gather_from(plan: &AggregatePlan, number: u16, from: &[&Self]) -> Self {
        let codec = KeyCodec::new(&plan.key_fields).expect("the plan checked the key");
        let mut new = Self::new(plan, number);
        let is_own = |hash: u64| partition(hash, plan.partitions) == number;
        for old in from {
            let mut moving = new.accumulators.moving(&old.accumulators);
            let numbers = match (&mut new.windows, &old.windows) {
                (Windows::Whole(to), Windows::Whole(from)) => {
                    Numbers::Panes(to.adopt(from, &codec, &is_own, &mut moving))
                }
                (Windows::Changing(to), Windows::Changing(from)) => {
                    Numbers::Panes(to.adopt(from, &codec, &is_own, &mut moving))
                }
                (Windows::Sliding(to), Windows::Sliding(from)) => Numbers::Keys(to.adopt(from, &is_own, &mut moving)),
                (Windows::Rolling(to), Windows::Rolling(from)) => Numbers::Keys(to.adopt(from, &is_own, &mut moving)),
                (Windows::Sessions(to), Windows::Sessions(from)) => Numbers::Keys(to.adopt(from, &is_own, &mut moving)),
                (Windows::Counted(to), Windows::Counted(from)) => Numbers::Keys(to.adopt(from, &is_own, &mut moving)),
                _ => unreachable!("both are of one plan"),
            };
            moving.carry_out(&mut new.accumulators);
            if let (Some(to), Some(from)) = (&mut new.emitted, &old.emitted) {
                // All rows are in one pane where there are no windows.
                let pane = |start: i64| if plan.window.kind == WindowKind::Global { 0 } else { start };
                to.adopt(from, &|start, key| match &numbers {
                    Numbers::Keys(picked) => picked.of(key),
                    Numbers::Panes(panes) => panes.get(&pane(start))?.of(key),
                });
            }
            new.watermark = new.watermark.max(old.watermark);
            new.early_at = new.early_at.into_iter().chain(old.early_at).min();
        }
        // The line is the same in all of them.
        let draining: Vec<&Draining> = from.iter().filter_map(|old| old.draining.as_deref()).collect();
        if let Some((before, line)) = plan.draining.as_ref().zip(draining.first().map(|draining| draining.line)) {
            let parts: Vec<&Self> = draining.iter().map(|draining| &draining.partition).collect();
            new.draining = Some(Box::new(Draining { partition: Self::gather_from(before, number, &parts), line }));
        }
        new
    }
}
