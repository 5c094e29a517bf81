//! What others ask of a run while it goes on: to stop, to go over to another revision of the job, to show rows.
//!
//! A handle is cheap to share; the run looks at it between epochs.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    comparison::Comparison,
    revision::{Revision, WarmRunners},
    runner::Runner,
    samples::{Sample, Samples},
    trial,
};
use crate::job::plan::{
    Logic, Plan, PlannedOperator,
    change::{Change, Refusals},
};

/// Asks a run to end after the work that has begun; cheap to share with a signal handler.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<StopFlags>);

#[derive(Debug, Default)]
struct StopFlags {
    is_requested: AtomicBool,
    is_draining: AtomicBool,
}

impl Stop {
    pub fn request(&self) {
        self.0.is_requested.store(true, Ordering::Relaxed);
    }

    pub fn is_requested(&self) -> bool {
        self.0.is_requested.load(Ordering::Relaxed)
    }

    /// Asks the run to take no more input and to come to its end, as if its input had ended: windows are closed.
    pub fn drain(&self) {
        self.0.is_draining.store(true, Ordering::Relaxed);
    }

    pub fn is_draining(&self) -> bool {
        self.0.is_draining.load(Ordering::Relaxed)
    }
}

/// State that is not yet all of the modules that the operator has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    pub operator: String,
    /// Keys whose state is of an older version, or keys of open windows that the modules before finish; none: that is not known yet.
    pub keys_left: Option<usize>,
    pub is_draining: bool,
}

/// A handle on a run.
#[derive(Clone, Default)]
pub struct Control {
    pub stop: Stop,
    shared: Arc<Mutex<Shared>>,
    samples: Samples,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let revision = self.current().map(|(revision, _)| revision);
        f.debug_struct("Control").field("stop", &self.stop).field("revision", &revision).finish_non_exhaustive()
    }
}

/// A change that the run is to go over to.
pub(super) struct Wanted {
    pub(super) change: Change,
    /// For each compute thread, the operators that are new to it.
    pub(super) warm: Vec<WarmRunners>,
}

#[derive(Default)]
struct Shared {
    /// The revision that epochs are planned with, once the run has begun.
    current: Option<(u64, Arc<Plan>)>,
    /// The same, with its state.
    revision: Weak<Revision>,
    /// What comes after it.
    wanted: Option<Box<Wanted>>,
    /// Of the run.
    threads: usize,
    /// What shadows have shown, of the current revision.
    comparisons: Vec<Comparison>,
}

impl Control {
    pub fn new(stop: Stop) -> Self {
        Self { stop, ..Self::default() }
    }

    /// The revision that epochs are planned with. None: the run has not begun.
    pub fn current(&self) -> Option<(u64, Arc<Plan>)> {
        self.shared().current.clone()
    }

    /// What going over to `plan` would change.
    pub fn consider(&self, revision: u64, plan: Plan) -> Option<Result<Change, Refusals>> {
        let (number, current) = self.current()?;
        Some(Change::new(&current, number, revision, plan))
    }

    /// Whether the state of the run can go over as `change` says: a module that migrates it does so first on copies of some rows. To be asked
    /// before [`Self::change`]; notes what was tried.
    pub fn try_out(&self, change: &mut Change) -> Result<(), Refusals> {
        let revision = self.shared().revision.upgrade();
        match revision.filter(|revision| revision.number == change.from) {
            Some(revision) => trial::try_out(&revision, change),
            None => Ok(()),
        }
    }

    /// The operators whose state is being migrated, or whose windows the modules before still finish.
    pub fn migrations(&self) -> Vec<Migration> {
        let Some(revision) = self.shared().revision.upgrade() else { return Vec::new() };
        let left = revision.plan.operators.iter().enumerate().filter(|(at, _)| !revision.has_failed(*at));
        let left = left.map(|(at, planned)| Migration {
            operator: planned.logic.name().to_owned(),
            keys_left: revision.keys_left(at),
            is_draining: planned.spec.draining.is_some(),
        });
        left.filter(|migration| migration.keys_left != Some(0)).collect()
    }

    /// Goes over at the next epoch. A change that was asked for before, and has not begun, is given up. The modules' instances are
    /// made here, on the caller's thread, so that the stream does not wait for them.
    pub fn change(&self, change: Change) {
        let threads = self.shared().threads;
        let current = self.current();
        let is_known = |logic: &Logic| {
            current.iter().any(|(_, plan)| plan.operators.iter().any(|known| known.logic.is_same(logic)))
        };
        let new = change.plan.operators.iter().enumerate().filter(|(_, planned)| !is_known(&planned.logic));
        let new: Vec<(usize, &PlannedOperator)> = new.collect();
        let warm = |(at, planned): &(usize, &PlannedOperator)| {
            let mut runner = Runner::new(&planned.logic);
            // A module that cannot be started says so when it is called.
            runner.warm().ok().map(|()| (*at, runner))
        };
        let warm = (0..threads).map(|_| new.iter().filter_map(warm).collect()).collect();
        self.shared().wanted = Some(Box::new(Wanted { change, warm }));
    }

    /// What each shadow has shown so far.
    pub fn comparisons(&self) -> Vec<Comparison> {
        self.shared().comparisons.clone()
    }

    /// Looks at what leaves an output, for so many rows. None: no output has this name, or nobody reads it.
    pub fn sample(&self, output: &str, rows: usize) -> Option<Sample> {
        self.outputs().iter().any(|name| name == output).then(|| self.samples.look(output, rows))
    }

    /// The outputs that somebody reads.
    pub fn outputs(&self) -> Vec<String> {
        let Some((_, plan)) = self.current() else { return Vec::new() };
        let read = plan.outputs.iter().filter(|output| !output.readers.is_empty());
        read.map(|output| output.name.clone()).collect()
    }

    pub(super) fn samples(&self) -> Samples {
        self.samples.clone()
    }

    pub(super) fn is_change_wanted(&self) -> bool {
        self.shared().wanted.is_some()
    }

    pub(super) fn take_change(&self) -> Option<Box<Wanted>> {
        self.shared().wanted.take()
    }

    /// A run begins: what was wanted of the one before is in its job.
    pub(super) fn begin(&self, threads: usize) {
        *self.shared() = Shared { threads, ..Shared::default() };
    }

    pub(super) fn goes_by(&self, revision: &Arc<Revision>) {
        let mut shared = self.shared();
        shared.current = Some((revision.number, Arc::clone(&revision.plan)));
        shared.revision = Arc::downgrade(revision);
        shared.comparisons.clear();
    }

    pub(super) fn compared(&self, comparisons: &[Comparison]) {
        comparisons.clone_into(&mut self.shared().comparisons);
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
