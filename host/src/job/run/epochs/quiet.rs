//! Sources that give no rows: nobody waits for them after a while, so that they hold no watermark back.
//!
//! The planner tells of rows and asks between them. What it decides is in the record of the epoch, so that an epoch which is computed again
//! knows the same.

use pelton_core::model::Epoch;

use super::EpochPlanner;
use crate::clock;

/// How long a source has given no row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quiet {
    /// Processing time of its last range, in µs; at first, of the start.
    pub(super) since: i64,
    pub(super) is_idle: bool,
}

impl EpochPlanner {
    fn set_idle(&mut self, index: usize, epoch: Epoch, is_idle: bool) {
        self.shared.event_times.idle(index, epoch, is_idle);
        self.open.idle.resize(self.plan.sources.len(), None);
        if let Some(idle) = self.open.idle.get_mut(index) {
            *idle = Some(is_idle);
        }
    }

    /// A source has given rows.
    pub(super) fn heard(&mut self, index: usize, epoch: Epoch) {
        let Some(quiet) = self.quiet.get_mut(index) else { return };
        quiet.since = clock::now_us();
        if std::mem::take(&mut quiet.is_idle) {
            self.set_idle(index, epoch, false);
        }
    }

    /// Finds the sources that have given no row for so long that nobody waits for them any more. Whether there is a new one.
    pub(super) fn fall_idle(&mut self, epoch: Epoch) -> bool {
        let now = clock::now_us();
        let mut fell = Vec::new();
        for (index, (planned, quiet)) in self.plan.sources.iter().zip(&mut self.quiet).enumerate() {
            let Some(idle) = planned.idle else { continue };
            if !quiet.is_idle && now.saturating_sub(quiet.since) >= idle {
                quiet.is_idle = true;
                fell.push(index);
            }
        }
        fell.iter().for_each(|index| self.set_idle(*index, epoch, true));
        !fell.is_empty()
    }
}
