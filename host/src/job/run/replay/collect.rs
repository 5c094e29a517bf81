//! Takes what the threads of a replay make, in canonical order, and compares it with the records.
//!
//! The counterpart of the commit thread: same order, same hashes, but nothing is written.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use arrow::array::RecordBatch;
use crossbeam_channel::Receiver;

use super::{ReplayedEpoch, ReplayedSink, SinkRows, Watch, digest::Digest};
use crate::job::{
    plan::Plan,
    run::{
        RunError,
        error::Failure,
        output::{ClosedEpoch, Message, SinkPart, TaskDone},
        turn::Turn,
    },
};

pub(super) struct Collector {
    watch: Watch,
    /// The revision's.
    plan: Arc<Plan>,
    /// The oldest task that has not been taken.
    current: u64,
    /// What is ahead of it.
    ahead: HashMap<u64, Vec<Said>>,
    /// Closed epochs whose tasks have not all been taken.
    closed: VecDeque<Box<ClosedEpoch>>,
    end: Option<(u64, Option<Box<RunError>>)>,
    /// Rows and hash for each sink, of the epoch under way.
    given: Vec<(u64, u64)>,
    /// Rows for each sink, of the epoch under way.
    rows: Vec<Vec<RecordBatch>>,
    /// One for each output.
    digests: Vec<Digest>,
    epochs: Vec<ReplayedEpoch>,
    last: Vec<SinkRows>,
}

/// What a task has said.
enum Said {
    Part(Vec<SinkPart>),
    Done(Box<TaskDone>),
    Failed(Box<RunError>),
}

impl Collector {
    pub(super) fn new(watch: Watch, plan: &Arc<Plan>) -> Self {
        Self {
            watch,
            current: 0,
            ahead: HashMap::new(),
            closed: VecDeque::new(),
            end: None,
            given: vec![(0, 0); plan.sinks.len()],
            rows: vec![Vec::new(); plan.sinks.len()],
            digests: plan.outputs.iter().map(|_| Digest::default()).collect(),
            epochs: Vec::new(),
            last: Vec::new(),
            plan: Arc::clone(plan),
        }
    }

    pub(super) fn run(
        &mut self,
        messages: &Receiver<Message>,
        permits: &Receiver<()>,
        turn: &Turn,
    ) -> Result<(Vec<ReplayedEpoch>, Vec<SinkRows>), Failure> {
        while !self.is_complete() {
            let (sequence, said) = match messages.recv().map_err(|_| Failure::Lost)? {
                Message::Part { sequence, parts } => (sequence, Said::Part(parts)),
                Message::Done { sequence, done } => (sequence, Said::Done(done)),
                Message::Failed { sequence, error } => (sequence, Said::Failed(error)),
                Message::EpochClosed(closed) => {
                    self.closed.push_back(closed);
                    self.end_epochs();
                    continue;
                }
                Message::InputEnded { end } => {
                    self.end = Some((end, None));
                    continue;
                }
                Message::PlannerFailed { end, error } => {
                    self.end = Some((end, Some(error)));
                    continue;
                }
            };
            self.ahead.entry(sequence).or_default().push(said);
            while let Some(said) = self.ahead.remove(&self.current) {
                let taken = self.current;
                said.into_iter().try_for_each(|said| self.take(said))?;
                if self.current == taken {
                    break;
                }
                turn.advance(self.current);
                // The planner holds one permit for each task that it handed out.
                let _ = permits.try_recv();
                self.end_epochs();
            }
        }
        match self.end.take() {
            Some((_, Some(error))) => Err(Failure::Run(error)),
            _ => Ok((std::mem::take(&mut self.epochs), std::mem::take(&mut self.last))),
        }
    }

    fn is_complete(&self) -> bool {
        self.closed.is_empty() && self.end.as_ref().is_some_and(|(end, _)| *end == self.current)
    }

    fn take(&mut self, said: Said) -> Result<(), Failure> {
        match said {
            Said::Failed(error) => return Err(Failure::Run(error)),
            Said::Part(parts) => self.give(parts),
            Said::Done(done) => {
                let TaskDone { parts, revision, tapped, .. } = *done;
                if let Some(revision) = revision
                    && !Arc::ptr_eq(&self.plan, &revision.plan)
                {
                    self.goes_by(&revision.plan);
                }
                self.give(parts);
                self.tapped(tapped);
                self.current += 1;
            }
        }
        Ok(())
    }

    /// What comes next belongs to another revision; sinks stay what they are.
    fn goes_by(&mut self, plan: &Arc<Plan>) {
        self.plan = Arc::clone(plan);
        self.digests = plan.outputs.iter().map(|_| Digest::default()).collect();
    }

    fn give(&mut self, parts: Vec<SinkPart>) {
        for part in parts {
            if let Some((rows, hash)) = self.given.get_mut(part.sink) {
                *rows += part.encoded.rows;
                *hash = part.encoded.hash(*hash);
            }
        }
    }

    fn tapped(&mut self, tapped: Vec<(usize, RecordBatch)>) {
        let own = self.plan.taps.len();
        for (tap, batch) in tapped {
            let Some(tap) = tap.checked_sub(own) else { continue };
            match self.watch {
                Watch::Nothing => {}
                Watch::Sinks => {
                    if let Some(rows) = self.rows.get_mut(tap) {
                        rows.push(batch);
                    }
                }
                Watch::Outputs => {
                    let output = tap.checked_sub(self.plan.sinks.len());
                    if let Some(digest) = output.and_then(|output| self.digests.get_mut(output)) {
                        digest.add(&batch);
                    }
                }
            }
        }
    }

    /// Ends every closed epoch whose tasks have all been taken.
    fn end_epochs(&mut self) {
        while let Some(closed) = self.closed.pop_front_if(|closed| closed.tasks.end <= self.current) {
            let plan = Arc::clone(&closed.revision.plan);
            let Some(record) = closed.again else { continue };
            let sinks = plan.sinks.iter().zip(&mut self.given).map(|(planned, given)| {
                let (rows, hash) = std::mem::take(given);
                let committed = record.sinks.iter().find(|sink| sink.name == planned.name);
                let committed = committed.map(|sink| (sink.rows, sink.hash));
                ReplayedSink { name: planned.name.clone(), rows, hash, committed }
            });
            let sinks = sinks.collect();
            let outputs = match self.watch {
                Watch::Outputs => {
                    let read = plan.outputs.iter().zip(&mut self.digests);
                    let read = read.filter(|(output, _)| !output.readers.is_empty());
                    read.map(|(output, digest)| (output.name.clone(), digest.take())).collect()
                }
                Watch::Nothing | Watch::Sinks => Vec::new(),
            };
            let rows = plan.sinks.iter().zip(&mut self.rows).map(|(planned, rows)| SinkRows {
                sink: planned.name.clone(),
                schema: Arc::clone(&planned.schema),
                batches: std::mem::take(rows),
            });
            self.last = rows.collect();
            let (epoch, revision, now) = (record.epoch, record.revision, record.now);
            self.epochs.push(ReplayedEpoch { epoch, revision, now, sinks, outputs });
        }
    }
}
