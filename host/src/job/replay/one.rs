//! One epoch, computed again: what it gave to the sinks, and what another module would have given.

use pelton_core::{job::SinkSpec, model::Epoch};

use super::{Kept, ReplayError, Revisions, With, changed::changed_since};
use crate::{
    checkpoint::Stretch,
    job::run::{
        Comparison,
        replay::{NeededFiles, Replay, Replayed, ReplayedEpoch, SinkRows, Watch, run},
    },
};

/// What is asked for.
pub struct Request {
    pub epoch: Epoch,
    /// None: by the modules that computed it.
    pub with: Option<With>,
    pub threads: usize,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    pub job: String,
    /// By the modules that committed it.
    pub epoch: ReplayedEpoch,
    /// Epochs before it that had to be computed and came to something else.
    pub differing: Vec<Epoch>,
    /// How many epochs were computed in all.
    pub computed: u64,
    /// What the sinks were given: by the candidate if there is one.
    pub rows: Vec<SinkRows>,
    /// As the job file has them.
    pub sinks: Vec<SinkSpec>,
    pub candidate: Option<Candidate>,
    /// Input files that were written to since, if the epoch did not come to the same.
    pub changed: Vec<String>,
    /// What was read of each source, and how its partitions begin.
    pub files: Vec<NeededFiles>,
    pub beginnings: Vec<Vec<i64>>,
}

/// What another module made of the epoch.
#[derive(Debug)]
pub struct Candidate {
    pub operator: String,
    pub module: String,
    /// For each sink: rows by the committed module (`-`) and by this one (`+`).
    pub comparisons: Vec<Comparison>,
}

impl Outcome {
    /// The epoch and all that it needed came to what was committed.
    pub fn is_same(&self) -> bool {
        self.epoch.is_same() && self.differing.is_empty()
    }
}

/// Computes an epoch again.
pub fn replay(revisions: &Revisions<'_>, kept: &Kept<'_>, request: &Request) -> Result<Outcome, ReplayError> {
    let stretch = kept.stretch(request.epoch)?;
    let Some(revision) = stretch.again.last().map(|record| record.revision) else {
        return Err(ReplayError::NotRetained { epoch: request.epoch, held: kept.replayable() });
    };
    let (file, _) = revisions.file(revision)?;
    // Mistakes in the job are told with their places.
    let candidate = request.with.as_ref().map(|with| revisions.candidate(revision, with)).transpose()?;
    let compute = |stretch: Stretch, candidate, beginnings| {
        run(Replay {
            stretch,
            first: request.epoch,
            files: &|file| kept.get(file),
            plans: &mut |number| revisions.plan(number),
            candidate,
            beginnings,
            threads: request.threads,
            is_forgetful: false,
            keeps_state: false,
            watch: Watch::Sinks,
        })
    };
    let Replayed { mut epochs, rows, beginnings, files, .. } = compute(stretch.clone(), None, kept.beginnings())?;
    let Some(epoch) = epochs.pop() else {
        return Err(ReplayError::NotRetained { epoch: request.epoch, held: kept.replayable() });
    };
    let differing: Vec<Epoch> = epochs.iter().filter(|epoch| !epoch.is_same()).map(|epoch| epoch.epoch).collect();
    let first_now = epochs.iter().find(|epoch| !epoch.is_same()).unwrap_or(&epoch).now;
    let is_same = differing.is_empty() && epoch.is_same();
    let changed = if is_same { Vec::new() } else { changed_since(&files, &file.dir, first_now) };
    let mut outcome = Outcome {
        job: file.spec.name.clone(),
        epoch,
        differing,
        computed: epochs.len() as u64 + 1,
        rows,
        sinks: file.spec.sinks.clone(),
        candidate: None,
        changed,
        files,
        beginnings: beginnings.clone(),
    };
    if let (Some((plan, operator)), Some(with)) = (candidate, &request.with) {
        let known = kept.beginnings().map(|_| beginnings);
        let Replayed { rows, .. } = compute(stretch, Some(plan), known)?;
        let pairs = outcome.rows.iter().zip(&rows);
        let comparisons = pairs.map(|(committed, new)| committed.compare(request.epoch, new)).collect();
        outcome.candidate = Some(Candidate { operator, module: with.module.clone(), comparisons });
        outcome.rows = rows;
    }
    Ok(outcome)
}
