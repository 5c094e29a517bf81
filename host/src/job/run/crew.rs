//! The threads of a run: a planner, compute threads, and whoever looks how partitions begin.
//!
//! Called by [`run`](super::run) and by replays; who takes the results works on the caller's thread. Invariant: when [`Crew::work`]
//! returns, every thread has ended.

use std::{sync::Arc, thread};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{
    Control, RunError, Shared, Stop, Task, checkpoints::PlannerBeginning, epochs::EpochPlanner, error::Failure,
    output::Message, revision::Revision, tables::TableWatch, turn::Turn, worker::Worker,
};
use crate::log::inherited;

/// Tasks in flight for each thread: one computed, one waiting, two finished and not yet written.
const TASKS_PER_THREAD: usize = 4;

/// Everything that computes, ready to begin.
pub(super) struct Crew {
    shared: Arc<Shared>,
    planner: EpochPlanner,
    workers: Vec<Worker>,
    tasks: (Sender<Task>, Receiver<Task>),
    messages: (Sender<Message>, Receiver<Message>),
    permits: Receiver<()>,
    turn: Turn,
    /// Set by the first failure: everything under way ends without finishing.
    abort: Stop,
}

impl Crew {
    pub(super) fn new(
        revision: Arc<Revision>,
        shared: &Arc<Shared>,
        beginning: (TableWatch, PlannerBeginning),
        threads: usize,
        control: &Control,
    ) -> Result<Self, RunError> {
        let permits = threads * TASKS_PER_THREAD;
        let messages = bounded(permits + 2);
        let (permit_out, permit_in) = bounded(permits);
        let (turn, abort) = (Turn::default(), Stop::default());
        let worker = |_| Worker::new(&revision, shared, turn.clone(), messages.0.clone(), abort.clone());
        let workers = (0..threads).map(worker).collect::<Result<Vec<_>, _>>()?;
        let planner = EpochPlanner::new(revision, shared, beginning, permit_out, control.clone(), abort.clone())?;
        let shared = Arc::clone(shared);
        Ok(Self { shared, planner, workers, tasks: bounded(threads), messages, permits: permit_in, turn, abort })
    }

    /// Has everything computed, and gives it to `take`. `look` answers how the partitions of each source begin.
    pub(super) fn work<T>(
        self,
        look: impl FnOnce(&Stop) -> Vec<Vec<i64>> + Send,
        take: impl FnOnce(&Receiver<Message>, &Receiver<()>, &Turn) -> Result<T, Failure>,
    ) -> Result<T, RunError> {
        let Self { shared, planner, workers, tasks, messages, permits, turn, abort } = self;
        let ((task_out, task_in), (message_out, message_in)) = (tasks, messages);
        let threads = workers.len();
        thread::scope(|scope| {
            let named = |name: String| thread::Builder::new().name(name);
            let planner_thread = named("planner".into())
                .spawn_scoped(scope, inherited(move || planner.run(&task_out, &message_out)))
                .map_err(RunError::Thread)?;
            let mut handles = vec![planner_thread];
            let (times, looking) = (Arc::clone(&shared), abort.clone());
            let look = move || times.event_times.begin(look(&looking));
            handles.push(named("beginnings".into()).spawn_scoped(scope, inherited(look)).map_err(RunError::Thread)?);
            for (core, mut worker) in workers.into_iter().enumerate() {
                let tasks = task_in.clone();
                let work = inherited(move || {
                    pin(core, threads);
                    worker.run(&tasks);
                });
                handles.push(named(format!("compute-{core}")).spawn_scoped(scope, work).map_err(RunError::Thread)?);
            }
            drop(task_in);
            let result = take(&message_in, &permits, &turn);
            // After an error the others must not wait for a reader that is gone.
            if result.is_err() {
                abort.request();
                turn.abort();
                shared.done.abort();
            }
            drop((message_in, permits));
            let panicked = handles.into_iter().map(thread::ScopedJoinHandle::join).filter(Result::is_err).count() > 0;
            match result {
                Err(Failure::Lost) | Ok(_) if panicked => Err(RunError::Panicked),
                Err(Failure::Lost) => Err(RunError::Panicked),
                Err(Failure::Run(error)) => Err(*error),
                Ok(taken) => Ok(taken),
            }
        })
    }
}

/// Keeps a compute thread on one core, so that its caches stay warm. Not when there are more threads than cores.
fn pin(core: usize, threads: usize) {
    let Ok(allowed) = rustix::thread::sched_getaffinity(None) else { return };
    let cores: Vec<usize> = (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
    if threads > cores.len() || threads == 1 {
        return;
    }
    if let Some(cpu) = cores.get(core) {
        let mut one = rustix::thread::CpuSet::new();
        one.set(*cpu);
        // Only a hint: a container may forbid it.
        let _ = rustix::thread::sched_setaffinity(None, &one);
    }
}
