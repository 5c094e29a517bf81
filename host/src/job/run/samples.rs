//! Rows that leave an output at the moment, for somebody who looks on (`pelton tap`): the first ones after they were asked for.
//!
//! ```text
//! compute threads: every batch that leaves an output ─► is anybody looking? ─► a copy of some rows, if there is room
//! ```
//!
//! The run never waits for those who look: it leaves rows out where it would have to. What is seen has not been committed yet, and
//! may be seen again after a failure.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use arrow::{
    array::{RecordBatch, UInt32Array},
    compute::take_record_batch,
    json::{WriterBuilder, writer::JsonArray},
};
use crossbeam_channel::{Receiver, Sender, bounded};
use pelton_core::model::Epoch;
use serde_json::Value;

/// Those who look at a run. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Samples(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// How many look, so that nobody need ask further when nobody does.
    looking: AtomicUsize,
    lookers: Mutex<Vec<Looker>>,
}

#[derive(Debug)]
struct Looker {
    number: usize,
    output: String,
    room: usize,
    rows: Sender<(Epoch, RecordBatch)>,
}

/// Batches that may wait for one who looks.
const WAITING_MAX: usize = 64;

impl Samples {
    /// Looks at an output, for so many rows.
    pub(super) fn look(&self, output: &str, room: usize) -> Sample {
        let (rows, seen) = bounded(WAITING_MAX);
        let mut lookers = self.lookers();
        let number = lookers.last().map_or(0, |last| last.number + 1);
        lookers.push(Looker { number, output: output.to_owned(), room, rows });
        self.0.looking.store(lookers.len(), Ordering::Relaxed);
        drop(lookers);
        Sample { samples: self.clone(), number, room, seen }
    }

    /// A batch leaves an output.
    pub(super) fn see(&self, output: &str, epoch: Epoch, batch: &RecordBatch) {
        if self.0.looking.load(Ordering::Relaxed) == 0 {
            return;
        }
        let Ok(mut lookers) = self.0.lookers.try_lock() else { return };
        for looker in lookers.iter_mut().filter(|looker| looker.output == output) {
            let count = looker.room.min(batch.num_rows());
            // Copied, so that a few rows do not keep a whole batch.
            let first = UInt32Array::from_iter_values((0..).take(count));
            let Ok(rows) = take_record_batch(batch, &first) else { continue };
            if count > 0 && looker.rows.try_send((epoch, rows)).is_ok() {
                looker.room -= count;
            }
        }
    }

    fn lookers(&self) -> MutexGuard<'_, Vec<Looker>> {
        self.0.lookers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A look at an output; it ends when this is dropped.
#[derive(Debug)]
pub struct Sample {
    samples: Samples,
    number: usize,
    room: usize,
    seen: Receiver<(Epoch, RecordBatch)>,
}

impl Sample {
    /// Rows as JSON objects, with their epochs, as [`Self::wait`] finds them.
    pub fn json(self, patience: Duration, gather: Duration) -> Vec<(Epoch, Value)> {
        let found = self.wait(patience, gather).into_iter();
        found.flat_map(|(epoch, rows)| json_rows(&rows).into_iter().map(move |row| (epoch, row))).collect()
    }

    /// What has left the output when there are rows enough, or the time is over: `patience`, but no longer than `gather` after the first.
    fn wait(self, patience: Duration, gather: Duration) -> Vec<(Epoch, RecordBatch)> {
        let mut until = Instant::now() + patience;
        let mut found = Vec::new();
        let mut left = self.room;
        while left > 0
            && let Ok((epoch, rows)) = self.seen.recv_deadline(until)
        {
            left = left.saturating_sub(rows.num_rows());
            if found.is_empty() {
                until = until.min(Instant::now() + gather);
            }
            found.push((epoch, rows));
        }
        found
    }
}

/// Columns that JSON cannot show make no rows.
fn json_rows(rows: &RecordBatch) -> Vec<Value> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    match writer.write(rows).and_then(|()| writer.finish()) {
        Ok(()) => serde_json::from_slice(&writer.into_inner()).unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        let mut lookers = self.samples.lookers();
        lookers.retain(|looker| looker.number != self.number);
        self.samples.0.looking.store(lookers.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};
    use serde_json::json;

    use super::*;

    fn batch(values: std::ops::Range<i64>) -> RecordBatch {
        RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from_iter_values(values)) as ArrayRef)]).unwrap()
    }

    fn rows(found: &[(Epoch, RecordBatch)]) -> Vec<usize> {
        found.iter().map(|(_, rows)| rows.num_rows()).collect()
    }

    #[test]
    fn everybody_sees_the_first_rows_of_what_they_look_at() {
        let samples = Samples::default();
        samples.see("a", Epoch(1), &batch(0..10));
        let (few, many, other) = (samples.look("a", 3), samples.look("a", 15), samples.look("b", 5));
        samples.see("a", Epoch(2), &batch(10..20));
        samples.see("a", Epoch(3), &batch(20..30));
        samples.see("a", Epoch(4), &batch(0..0));
        let few = few.json(Duration::ZERO, Duration::ZERO);
        assert_eq!(few, [10, 11, 12].map(|n| (Epoch(2), json!({ "n": n }))));
        assert_eq!(rows(&many.wait(Duration::ZERO, Duration::ZERO)), [10, 5]);
        assert!(other.wait(Duration::ZERO, Duration::ZERO).is_empty());
        assert_eq!(samples.0.looking.load(Ordering::Relaxed), 0, "nobody looks any more");
    }

    #[test]
    fn rows_are_not_kept_back_for_more_of_them() {
        let samples = Samples::default();
        let look = samples.look("a", 100);
        samples.see("a", Epoch(1), &batch(0..3));
        assert_eq!(rows(&look.wait(Duration::from_secs(600), Duration::from_millis(1))), [3]);
    }

    #[test]
    fn the_run_does_not_wait_for_those_who_look() {
        let samples = Samples::default();
        let look = samples.look("a", usize::MAX);
        for epoch in 0..1_000 {
            samples.see("a", Epoch(epoch), &batch(0..1));
        }
        assert_eq!(look.seen.len(), WAITING_MAX);
        let locked = samples.lookers();
        samples.see("a", Epoch(0), &batch(0..1));
        drop(locked);
    }
}
