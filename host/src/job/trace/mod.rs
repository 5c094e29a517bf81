//! Tracing: a row that a sink was given, back to where it was read.
//!
//! ```text
//!  values of the row ─► find: epochs computed again, newest first ─┐
//!  a line of a part  ─► part: manifest ─► epoch ───────────────────┴► its epoch again, with lineage ─► walk ─┬► sources: file, offset, line
//!                                                                                                            └► operators with state: questions
//!                                                            epochs before it again, with lineage ─► walk ◄──── what they had of earlier epochs
//! ```
//!
//! Nothing of this is written down when a job runs: an epoch can be computed again bit for bit, and then it is taken down what every batch
//! was made of (ADR 0017). Through transforms rows are followed by `origin`; of an operator with state it is told which rows it had by key,
//! window, or the values that it passes ([`wanted`]). Called by `pelton trace` and by the engine's route. Invariant: as in replays, nothing is taken over,
//! written or locked; and what is shown of an epoch that comes to something else than was committed is an error.

mod error;
mod find;
mod json;
mod part;
mod place;
mod walk;
mod wanted;

use std::path::PathBuf;

use pelton_core::{
    job::{JobSpec, SinkSpec},
    model::Epoch,
};

pub use self::{
    error::TraceError,
    json::trace as to_json,
    place::Place,
    walk::{From, How, Node, Step},
};
use self::{find::Found, walk::Walk};
use super::{
    replay::{Kept, ReplayError, Revisions},
    run::{
        lineage::EpochLineage,
        replay::{Replay, Replayed, ReplayedEpoch, Watch, run},
    },
};
use crate::checkpoint::Stretch;

/// Earlier epochs that are looked through, unless somebody says otherwise.
pub const BACK_DEFAULT: u64 = 64;
/// Rows that are followed of each operator that makes one row of many.
pub const ROWS_DEFAULT: usize = 20;
pub const ROWS_MAX: usize = 10_000;

/// What is asked for.
pub struct Request {
    /// None: the job has one.
    pub sink: Option<String>,
    pub which: Which,
    /// Of which epoch; none: the newest that has such a row.
    pub epoch: Option<Epoch>,
    /// So many epochs before the row's own are looked through.
    pub back: u64,
    /// So many rows are followed where one was made of many.
    pub rows: usize,
    pub threads: usize,
}

/// Which row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Values of some of its columns; none is null.
    Values(Vec<(String, Option<String>)>),
    /// A line of a part, from 1 on.
    Line { part: PathBuf, line: u64 },
}

/// A row and where it came from.
#[derive(Debug)]
pub struct Trace {
    pub job: String,
    pub sink: String,
    pub epoch: Epoch,
    pub revision: u64,
    /// Which of the rows of its epoch it is, from 1 on.
    pub number: u64,
    /// How many rows of the epochs that were searched are as was asked for.
    pub alike: u64,
    /// Those epochs.
    pub searched: (Epoch, Epoch),
    /// As the sink was given it.
    pub row: serde_json::Value,
    pub nodes: Vec<Node>,
    /// The row on the edge to the sink, among the nodes.
    pub root: usize,
}

/// Follows a row back.
pub fn trace(revisions: &Revisions<'_>, kept: &Kept<'_>, request: &Request) -> Result<Trace, TraceError> {
    let (first, last) = kept.replayable().ok_or(TraceError::NothingKept)?;
    let again = Again { revisions, kept, threads: request.threads, first };
    let newest = kept.stretch(last)?.again.last().map_or(0, |record| record.revision);
    let (file, _) = revisions.file(newest)?;
    let Found { sink, epoch, number, alike, searched } = match &request.which {
        Which::Values(values) => {
            let sink = only_sink(&file.spec, request.sink.as_deref())?;
            find::by_values(&again, &sink.name, values, (request.epoch, last))?
        }
        Which::Line { part, line } => {
            let named = request.sink.as_deref();
            let sinks: Vec<&SinkSpec> = match named {
                Some(_) => vec![only_sink(&file.spec, named)?],
                None => file.spec.sinks.iter().collect(),
            };
            part::find(&again, &sinks, &file.dir, (part, *line))?
        }
    };
    let mut walk = Walk::new(request.rows);
    let mut begun = None;
    again.compute(again.kept.stretch(epoch)?, epoch, &mut |lineage| {
        if lineage.epoch == epoch {
            begun = walk.begin(&lineage, &sink, number).map(|(root, row)| (root, row, lineage.revision));
        }
    })?;
    let (root, row, revision) = begun.ok_or(TraceError::Differs { epoch })?;
    look_back(&again, &mut walk, request.back, epoch)?;
    place::find(&mut walk.nodes, &file.dir);
    let (job, nodes) = (file.spec.name.clone(), walk.nodes);
    Ok(Trace { job, sink, epoch, revision, number: number + 1, alike, searched, row, nodes, root })
}

/// Answers what operators with state are asked of earlier epochs. Whoever answers may ask another one: each round goes a step further back along
/// the graph.
fn look_back(again: &Again<'_>, walk: &mut Walk, back: u64, epoch: Epoch) -> Result<(), TraceError> {
    let least = Epoch(epoch.0.saturating_sub(back)).max(again.first);
    while let Some(below) = walk.open().filter(|below| *below > least) {
        let last = Epoch(below.0 - 1);
        let stretch = again.kept.longer_stretch(last, last.0 - least.0)?;
        let mut questions = walk.take_questions();
        let mut seen = last;
        again.compute(stretch, least, &mut |lineage| {
            if lineage.epoch >= least {
                seen = seen.min(lineage.epoch);
                walk.answer(&mut questions, &lineage);
            }
        })?;
        walk.looked(&questions, seen);
    }
    Ok(())
}

fn only_sink<'a>(job: &'a JobSpec, name: Option<&str>) -> Result<&'a SinkSpec, TraceError> {
    let known = || job.sinks.iter().map(|sink| sink.name.clone()).collect();
    match (name, job.sinks.as_slice()) {
        (None, [only]) => Ok(only),
        (None, _) => Err(TraceError::WhichSink { known: known() }),
        (Some(name), sinks) => sinks
            .iter()
            .find(|sink| sink.name == name)
            .ok_or_else(|| TraceError::Sink { name: crate::job::diagnostic::shown(name), known: known() }),
    }
}

/// How epochs are computed here.
struct Again<'a> {
    revisions: &'a Revisions<'a>,
    kept: &'a Kept<'a>,
    threads: usize,
    /// The first epoch that can be.
    first: Epoch,
}

impl Again<'_> {
    /// Gives the lineage of each epoch of a stretch to `see`, from `first` on; a job with state has those before it computed, and shown, as well.
    fn compute(
        &self,
        stretch: Stretch,
        first: Epoch,
        see: &mut dyn FnMut(EpochLineage),
    ) -> Result<Vec<ReplayedEpoch>, TraceError> {
        let replayed = run(Replay {
            stretch,
            first,
            files: &|file| self.kept.get(file),
            plans: &mut |number| self.revisions.plan_with_keys(number),
            candidate: None,
            beginnings: self.kept.beginnings(),
            threads: self.threads,
            is_forgetful: false,
            keeps_state: false,
            watch: Watch::Lineage(see),
        });
        let Replayed { epochs, .. } = replayed.map_err(ReplayError::from)?;
        match epochs.iter().find(|epoch| !epoch.is_same()) {
            Some(differing) => Err(TraceError::Differs { epoch: differing.epoch }),
            None => Ok(epochs),
        }
    }
}
