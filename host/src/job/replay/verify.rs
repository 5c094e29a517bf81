//! Verification: epochs computed again, each task with fresh instances, and compared with what was committed.
//!
//! A module that is a function of its input and state comes to the same. For an epoch that does not, everything is computed twice more, once
//! with instances that live on and once with fresh ones; the first output that differs between the two is made by an operator that
//! remembers something outside its state.

use std::collections::BTreeSet;

use pelton_core::model::Epoch;

use super::{Kept, ReplayError, Revisions, changed::changed_since};
use crate::{
    checkpoint::Stretch,
    clock,
    job::run::replay::{NeededFiles, Replay, Replayed, ReplayedEpoch, ReplayedSink, Watch, run},
};

/// Which epochs are computed again, of those that can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// So many, spread over all; those that their state takes are checked as well.
    Sample(u64),
    All,
}

/// What was found.
#[derive(Debug)]
pub struct Verification {
    pub job: String,
    /// The first epoch that can be computed again, and the last; none: there is none.
    pub replayable: Option<(Epoch, Epoch)>,
    /// Epochs that were computed.
    pub checked: u64,
    /// Those that came to something else.
    pub differing: Vec<Differing>,
}

/// An epoch that came to something else.
#[derive(Debug)]
pub struct Differing {
    pub epoch: Epoch,
    pub revision: u64,
    /// Those that were given something else.
    pub sinks: Vec<ReplayedSink>,
    /// The first operator that makes something else of the same rows when its instances are fresh; none: none was found.
    pub operator: Option<String>,
    /// Input files that were written to since the epoch.
    pub changed: Vec<String>,
}

/// Epochs before and behind a differing one through which instances live on, to see what they remember.
const WARM_UP: u64 = 8;

/// Computes epochs again, and says which are not what was committed.
pub fn verify(
    revisions: &Revisions<'_>,
    kept: &Kept<'_>,
    which: Which,
    threads: usize,
) -> Result<Verification, ReplayError> {
    let replayable = kept.replayable();
    let mut verification = Verification { job: String::new(), replayable, checked: 0, differing: Vec::new() };
    let Some((first, last)) = replayable else { return Ok(verification) };
    let mut wanted = wanted(which, first, last);
    while let Some(target) = wanted.pop_last() {
        let stretch = kept.stretch(target)?;
        let begin = match (which, stretch.again.first()) {
            (Which::All, Some(first)) => first.epoch,
            _ => target,
        };
        if verification.job.is_empty()
            && let Some(record) = stretch.again.last()
        {
            verification.job.clone_from(&revisions.file(record.revision)?.0.spec.name);
        }
        let again = Again { revisions, kept, threads };
        let Replayed { epochs, files, .. } = again.compute(stretch, begin, (true, Watch::Nothing))?;
        for epoch in &epochs {
            wanted.remove(&epoch.epoch);
        }
        verification.checked += epochs.len() as u64;
        let differing = epochs.into_iter().filter(|epoch| !epoch.is_same()).collect::<Vec<_>>();
        verification.differing.extend(again.explain(differing, &files)?);
    }
    verification.differing.sort_by_key(|differing| differing.epoch);
    Ok(verification)
}

/// The epochs that are asked for. Of a sample the last one is always among them, and chance chooses the others.
fn wanted(which: Which, first: Epoch, last: Epoch) -> BTreeSet<Epoch> {
    let count = last.0 - first.0 + 1;
    match which {
        Which::All => (first.0..=last.0).map(Epoch).collect(),
        Which::Sample(sample) if sample >= count => (first.0..=last.0).map(Epoch).collect(),
        Which::Sample(sample) => {
            let step = count as f64 / sample.max(1) as f64;
            let chance = (clock::now_us().unsigned_abs() % 1_000) as f64 / 1_000.0;
            let spread = (0..sample.saturating_sub(1)).map(|at| ((at as f64 + chance) * step) as u64);
            spread.map(|at| Epoch(first.0 + at.min(count - 1))).chain([last]).collect()
        }
    }
}

/// How epochs are computed here.
struct Again<'a> {
    revisions: &'a Revisions<'a>,
    kept: &'a Kept<'a>,
    threads: usize,
}

impl Again<'_> {
    fn compute(
        &self,
        stretch: Stretch,
        first: Epoch,
        (is_forgetful, watch): (bool, Watch<'_>),
    ) -> Result<Replayed, ReplayError> {
        Ok(run(Replay {
            stretch,
            first,
            files: &|file| self.kept.get(file),
            plans: &mut |number| self.revisions.plan(number),
            candidate: None,
            beginnings: self.kept.beginnings(),
            // Instances that live on see most when there is one of each.
            threads: if is_forgetful { self.threads } else { 1 },
            is_forgetful,
            keeps_state: false,
            watch,
        })?)
    }

    /// Looks why epochs of one stretch came to something else: the first one says it for all, since state carries it on.
    fn explain(&self, epochs: Vec<ReplayedEpoch>, files: &[NeededFiles]) -> Result<Vec<Differing>, ReplayError> {
        let Some(first) = epochs.first() else { return Ok(Vec::new()) };
        let dir = self.revisions.file(first.revision)?.0.dir;
        let changed = changed_since(files, &dir, first.now);
        let operator = self.culprit(first.epoch)?;
        let differing = |epoch: ReplayedEpoch| Differing {
            epoch: epoch.epoch,
            revision: epoch.revision,
            sinks: epoch.sinks.into_iter().filter(|sink| !sink.is_same()).collect(),
            operator: operator.clone(),
            changed: changed.clone(),
        };
        Ok(epochs.into_iter().map(differing).collect())
    }

    /// The first operator, along the graph, that makes something else of the same rows when its instances are fresh. Epochs around this one
    /// are computed as well: what an instance remembers shows in those that follow.
    fn culprit(&self, epoch: Epoch) -> Result<Option<String>, ReplayError> {
        let last = self.kept.replayable().map_or(epoch, |(_, last)| last);
        let to = Epoch(epoch.0.saturating_add(WARM_UP)).min(last);
        let from = Epoch(epoch.0.saturating_sub(WARM_UP));
        let stretch = self.kept.longer_stretch(to, to.0 - from.0)?;
        let lasting = self.compute(stretch.clone(), from, (false, Watch::Outputs))?;
        let fresh = self.compute(stretch, from, (true, Watch::Outputs))?;
        let differs = lasting.epochs.iter().zip(&fresh.epochs).find_map(|(lasting, fresh)| {
            let outputs = lasting.outputs.iter().zip(&fresh.outputs);
            outputs.into_iter().find(|(lasting, fresh)| lasting != fresh).map(|((name, _), _)| name.clone())
        });
        Ok(differs.map(|output| output.split('.').next().unwrap_or_default().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_and_has_the_last_epoch() {
        let all: Vec<u64> = wanted(Which::All, Epoch(3), Epoch(6)).into_iter().map(|epoch| epoch.0).collect();
        assert_eq!(all, [3, 4, 5, 6]);
        assert_eq!(wanted(Which::Sample(9), Epoch(3), Epoch(6)).len(), 4);
        let some = wanted(Which::Sample(10), Epoch(101), Epoch(1_100));
        assert!(some.len() >= 9 && some.contains(&Epoch(1_100)), "{some:?}");
        assert!(some.first().is_some_and(|first| *first <= Epoch(201)), "{some:?}");
        assert_eq!(wanted(Which::Sample(1), Epoch(1), Epoch(9)).into_iter().collect::<Vec<_>>(), [Epoch(9)]);
    }
}
