//! A compute thread: decodes a range, pushes its batches through the [`graph`](super::graph), and hands over what came of it.

use std::{sync::Arc, time::Instant};

use crossbeam_channel::{Receiver, Sender};
use pelton_core::model::Epoch;

use super::{
    RunError, Shared, Stop, Task, Work,
    graph::{Fault, Graph},
    lineage,
    output::{Message, Saved, TaskDone},
    revision::Revision,
    turn::Turn,
};
use crate::{
    job::plan::{Logic, Plan, SourcePlan},
    source::{Decoder, Emit, Range, SourceError},
};

pub(super) struct Worker {
    decoders: Vec<Box<dyn Decoder>>,
    graph: Graph,
    messages: Sender<Message>,
    abort: Stop,
}

impl Worker {
    pub(super) fn new(
        revision: &Arc<Revision>,
        shared: &Arc<Shared>,
        turn: Turn,
        messages: Sender<Message>,
        abort: Stop,
    ) -> Result<Self, RunError> {
        let graph = Graph::new(revision, shared, turn, messages.clone(), abort.clone())?;
        let decoders = decoders(&revision.plan, Epoch::FIRST, shared.keeps_lineage)?;
        Ok(Self { decoders, graph, messages, abort })
    }

    /// Goes over to the revision of a task. Sinks stay what they are.
    fn goes_by(&mut self, task: &Task) -> Result<(), RunError> {
        if Arc::ptr_eq(&self.graph.revision, &task.revision) {
            return Ok(());
        }
        let (old, new) = (&self.graph.plan, &task.revision.plan);
        let columns = |plan: &Plan| plan.sources.iter().map(|planned| planned.columns.clone()).collect::<Vec<_>>();
        if columns(old) != columns(new) {
            self.decoders = decoders(new, task.epoch, self.graph.shared.keeps_lineage)?;
        }
        self.graph.goes_by(&task.revision);
        Ok(())
    }

    pub(super) fn run(&mut self, tasks: &Receiver<Task>) {
        while let Ok(task) = tasks.recv() {
            if self.abort.is_requested() {
                return;
            }
            let sequence = task.sequence;
            let done = match self.goes_by(&task) {
                Ok(()) => self.task(&task),
                Err(error) => Err(Some(error)),
            };
            let message = match done {
                Ok(done) => Message::Done { sequence, done: Box::new(done) },
                Err(Some(error)) => Message::Failed { sequence, error: Box::new(error) },
                Err(None) => return,
            };
            if self.messages.send(message).is_err() {
                return;
            }
        }
    }

    /// None: the run is being aborted.
    fn task(&mut self, task: &Task) -> Result<TaskDone, Option<RunError>> {
        if task.after > 0 && !self.graph.shared.done.wait(task.after) {
            return Err(None);
        }
        let started = Instant::now();
        self.graph.begin(task);
        let done = match &task.work {
            Work::Read { source, range } => self.read(task, *source, range),
            Work::Letters { operator, batch } => {
                let replayed = self.graph.replay(*operator, batch);
                let done = self.graph.end(None);
                replayed.map(|()| done).map_err(|fault| Some(error(&self.graph.plan, task, fault)))
            }
            Work::Reduce { operator, partition, is_last, saves } => {
                self.reduce(task, *operator, *partition, *is_last, *saves)
            }
        };
        let mut done = done?;
        done.time = started.elapsed();
        for poisoned in &mut done.poison {
            poisoned.origin = input(&self.graph.plan, task);
        }
        self.graph.shared.done.complete(task.sequence);
        Ok(done)
    }

    fn read(&mut self, task: &Task, index: usize, range: &Range) -> Result<TaskDone, Option<RunError>> {
        let Self { decoders, graph, abort, .. } = self;
        let plan = Arc::clone(&graph.plan);
        let (Some(source), Some(decoder)) = (plan.sources.get(index), decoders.get_mut(index)) else {
            return Err(None);
        };
        let started = Instant::now();
        let mut fault = None;
        let decoded = decoder.decode(range, &mut |decoded| {
            if abort.is_requested() {
                return Emit::Stop;
            }
            match graph.decoded(index, range, decoded) {
                Ok(()) => Emit::Continue,
                Err(failed) => {
                    fault = Some(failed);
                    Emit::Stop
                }
            }
        });
        let mut done = graph.end(Some(index));
        match (fault, decoded) {
            (Some(fault), _) => Err(Some(error(&plan, task, fault))),
            (None, Err(SourceError::Stopped)) => Err(None),
            (None, Err(error)) => {
                Err(Some(RunError::Source { name: source.name.clone(), epoch: task.epoch, source: error }))
            }
            (None, Ok(())) => {
                if let Some(latest) = done.stats.event_time_max {
                    graph.shared.event_times.saw(index, task.epoch, range.partition, latest);
                }
                done.stats.bytes_in = range.bytes;
                done.stats.decode_time = started.elapsed().saturating_sub(graph.downstream());
                Ok(done)
            }
        }
    }

    fn reduce(
        &mut self,
        task: &Task,
        operator: usize,
        partition: u16,
        is_last: bool,
        saves: bool,
    ) -> Result<TaskDone, Option<RunError>> {
        let reduced = self.graph.reduce(operator, partition, is_last);
        let mut done = self.graph.end(None);
        let Graph { plan, revision, shared, .. } = &self.graph;
        reduced.map_err(|fault| Some(error(plan, task, fault)))?;
        let planned = plan.operators.get(operator).filter(|_| saves && !revision.has_failed(operator));
        if let Some((planned, held)) = planned.zip(revision.partition(operator, partition)) {
            let bytes = held.lock(&planned.logic).save(&planned.logic);
            // Here and not when the epoch is committed: by then others may have asked for watermarks that come after.
            let event_times = shared.event_times.save_as_of(task.epoch);
            done.saved = Some(Saved { operator, partition, bytes, event_times });
        }
        Ok(done)
    }
}

/// One for each source of a plan, which is gone by from this epoch on. For lineage they also say where each row is.
fn decoders(plan: &Plan, epoch: Epoch, keeps_lineage: bool) -> Result<Vec<Box<dyn Decoder>>, RunError> {
    let decoder = |planned: &SourcePlan| {
        let failed = |source| RunError::Source { name: planned.name.clone(), epoch, source };
        let columns = if keeps_lineage { lineage::columns(planned) } else { planned.columns.clone() };
        planned.source.decoder(&columns).map_err(failed)
    };
    plan.sources.iter().map(decoder).collect()
}

fn error(plan: &Plan, task: &Task, fault: Fault) -> RunError {
    match fault {
        Fault::Operator { index, error } => {
            let logic = plan.operators.get(index).map(|planned| &planned.logic);
            let module = |logic: &Logic| {
                let digest = short(&logic.digest()?.to_string());
                Some(format!(" (module {}, digest {digest})", logic.modules()))
            };
            RunError::Operator {
                name: logic.map(|logic| logic.name().to_owned()).unwrap_or_default(),
                module: logic.and_then(module).unwrap_or_default(),
                epoch: task.epoch,
                input: input(plan, task),
                source: Box::new(error),
            }
        }
        Fault::Sink { index, error } => RunError::Sink {
            name: plan.sinks.get(index).map(|sink| sink.name.clone()).unwrap_or_default(),
            source: error,
        },
    }
}

/// What a task works on, in words.
fn input(plan: &Plan, task: &Task) -> String {
    let operator = |at: usize| plan.operators.get(at).map(|planned| planned.logic.name()).unwrap_or_default();
    match &task.work {
        Work::Read { source, range } => {
            let name = plan.sources.get(*source).map(|source| source.name.as_str()).unwrap_or_default();
            format!("{range} of source `{name}`")
        }
        Work::Letters { operator: at, .. } => format!("dead letters of operator `{}`", operator(*at)),
        Work::Reduce { operator: at, partition, .. } => {
            format!("partition {partition} of operator `{}`", operator(*at))
        }
    }
}

/// Enough of a digest to tell modules apart.
fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}
