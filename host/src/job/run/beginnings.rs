//! How the partitions of each source begin: the first event times of files that nobody has read yet.
//!
//! Looked up on a thread of its own while the first epoch is computed: one range of each file, one column of it. The windows of the
//! first epoch wait for it. Each file is opened once more than it would be, so many files cost a share of what reading them does.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::{array::ArrayRef, compute};
use pelton_core::{checkpoint::record::Position, watermark::TimeRule};

use super::{Stop, graph::micros};
use crate::{
    job::plan::{Plan, SourcePlan},
    source::{Emit, Next, SourceError},
};

/// Which partitions of a source count.
#[derive(Debug, Clone, Default)]
pub(super) struct Looked {
    /// Where the run begins: those before are of no interest, and may be gone.
    pub(super) from: Position,
    /// Partitions that there were when the job began. Those that came later count for no watermark, so that an epoch which is
    /// computed again has the same; none: all of them were there.
    pub(super) begun_with: Option<usize>,
}

/// For each source the event time (in µs) with which each of its partitions begins; empty where there is no event time or one
/// partition.
pub(super) fn look(plan: &Plan, looked: &[Looked], abort: &Stop) -> Vec<Vec<i64>> {
    // What cannot be read is told by the task that reads it, not here. Nobody may wait for ever for an answer.
    let one = |(index, source): (usize, &SourcePlan)| {
        let looked = looked.get(index).cloned().unwrap_or_default();
        catch_unwind(AssertUnwindSafe(|| first_times(source, &looked, abort)))
    };
    let sources = plan.sources.iter().enumerate();
    sources.map(|source| one(source).ok().and_then(Result::ok).unwrap_or_default()).collect()
}

fn first_times(planned: &SourcePlan, looked: &Looked, abort: &Stop) -> Result<Vec<i64>, SourceError> {
    let Some(column) = planned.event_time.and_then(|(at, _)| planned.columns.get(at)) else { return Ok(Vec::new()) };
    let Some(mut planner) = planned.source.beginnings(&looked.from)? else { return Ok(Vec::new()) };
    let mut decoder = planned.source.decoder(std::slice::from_ref(column))?;
    let mut times = Vec::new();
    let count = looked.begun_with.unwrap_or(planned.source.listed().len());
    while let Next::Range(range) = planner.next(None)? {
        let partition = range.partition as usize;
        if abort.is_requested() {
            return Ok(Vec::new());
        }
        if partition >= count {
            break;
        }
        let (mut first, mut has_rows) = (None, false);
        let decoded = decoder.decode(&range, &mut |decoded| {
            has_rows |= decoded.rows.num_rows() > 0 || !decoded.rejected.is_empty();
            first = decoded.rows.columns().first().and_then(earliest);
            if first.is_some() { Emit::Stop } else { Emit::Continue }
        });
        match decoded {
            Ok(()) | Err(SourceError::Stopped) => {}
            Err(error) => return Err(error),
        }
        // A file with rows, but none to tell by, is waited for: its later rows may be of any time.
        let unknown = if has_rows { i64::MIN } else { i64::MAX };
        times.resize(partition, i64::MAX);
        times.push(first.unwrap_or(unknown));
    }
    Ok(times)
}

/// The earliest event time of a batch, in µs. Times that no row may have do not count.
fn earliest(column: &ArrayRef) -> Option<i64> {
    let times = micros(column)?;
    let rule = TimeRule::default();
    match compute::min(&times)? {
        time if rule.admits(time) => Some(time),
        _ => times.iter().flatten().filter(|time| rule.admits(*time)).min(),
    }
}
