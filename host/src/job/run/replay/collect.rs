//! Takes what the threads of a replay make, in canonical order, and compares it with the records.
//!
//! The counterpart of the commit thread: same order, same hashes, but nothing is written.

use std::sync::Arc;

use arrow::array::RecordBatch;
use crossbeam_channel::Receiver;

use super::{ReplayedEpoch, ReplayedSink, SinkRows, Watch, digest::Digest};
use crate::job::{
    plan::Plan,
    run::{
        error::Failure,
        lineage::TaskLineage,
        order::{Step, in_order},
        output::{ClosedEpoch, Message, SinkPart, TaskDone},
        revision::Revision,
        turn::Turn,
    },
};

pub(super) struct Collector<'a> {
    watch: Watch<'a>,
    /// The revision's.
    plan: Arc<Plan>,
    /// Of the last epoch that ended.
    revision: Arc<Revision>,
    /// Rows and hash for each sink, of the epoch under way.
    given: Vec<(u64, u64)>,
    /// Rows for each sink, of the epoch under way.
    rows: Vec<Vec<RecordBatch>>,
    /// One for each output.
    digests: Vec<Digest>,
    /// Of the epoch under way.
    lineage: TaskLineage,
    epochs: Vec<ReplayedEpoch>,
    last: Vec<SinkRows>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(watch: Watch<'a>, revision: &Arc<Revision>) -> Self {
        let plan = &revision.plan;
        Self {
            revision: Arc::clone(revision),
            watch,
            given: vec![(0, 0); plan.sinks.len()],
            rows: vec![Vec::new(); plan.sinks.len()],
            digests: plan.outputs.iter().map(|_| Digest::default()).collect(),
            lineage: TaskLineage::default(),
            epochs: Vec::new(),
            last: Vec::new(),
            plan: Arc::clone(plan),
        }
    }

    pub(super) fn revision(&self) -> &Revision {
        &self.revision
    }

    pub(super) fn run(
        &mut self,
        messages: &Receiver<Message>,
        permits: &Receiver<()>,
        turn: &Turn,
    ) -> Result<(Vec<ReplayedEpoch>, Vec<SinkRows>), Failure> {
        in_order(messages, permits, turn, &mut |_, step| {
            match step {
                Step::Part(parts) => self.give(parts),
                Step::Done(done) => self.done(*done),
                Step::Epoch(closed) => self.end_epoch(*closed),
            }
            Ok(())
        })?;
        Ok((std::mem::take(&mut self.epochs), std::mem::take(&mut self.last)))
    }

    /// The rest of a task.
    fn done(&mut self, done: TaskDone) {
        let TaskDone { parts, revision, tapped, lineage, .. } = done;
        self.lineage.extend(lineage.unwrap_or_default());
        if let Some(revision) = revision
            && !Arc::ptr_eq(&self.plan, &revision.plan)
        {
            self.goes_by(&revision.plan);
        }
        self.give(parts);
        self.tapped(tapped);
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
                Watch::Nothing | Watch::Lineage(_) => {}
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

    /// All tasks of an epoch have been taken.
    fn end_epoch(&mut self, closed: ClosedEpoch) {
        self.revision = Arc::clone(&closed.revision);
        let plan = Arc::clone(&closed.revision.plan);
        let Some(record) = closed.again else { return };
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
            Watch::Nothing | Watch::Sinks | Watch::Lineage(_) => Vec::new(),
        };
        let rows = plan.sinks.iter().zip(&mut self.rows).map(|(planned, rows)| SinkRows {
            sink: planned.name.clone(),
            schema: Arc::clone(&planned.schema),
            batches: std::mem::take(rows),
        });
        self.last = rows.collect();
        let (epoch, revision, now) = (record.epoch, record.revision, record.now);
        let lineage = std::mem::take(&mut self.lineage);
        if let Watch::Lineage(see) = &mut self.watch {
            see(lineage.of_epoch(epoch, revision, now, plan));
        }
        self.epochs.push(ReplayedEpoch { epoch, revision, now, sinks, outputs });
    }
}
