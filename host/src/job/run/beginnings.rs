//! How the partitions of each source begin: the first event times of files that nobody has read yet.
//!
//! Looked up on a thread of its own while the first epoch is computed: one range of each file, one column of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::{compute, datatypes::TimestampMicrosecondType};
use pelton_core::checkpoint::record::Position;

use super::{Stop, graph::micros};
use crate::{
    job::plan::{Plan, SourcePlan},
    source::{Emit, Next, SourceError},
};

/// Sources of more files than this are taken to be in order of time: looking into all of them would take too long.
const PARTITIONS_MAX: usize = 4096;

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
    if count > PARTITIONS_MAX {
        return Ok(Vec::new());
    }
    while let Next::Range(range) = planner.next(None)? {
        let partition = range.partition as usize;
        if abort.is_requested() {
            return Ok(Vec::new());
        }
        if partition >= count {
            break;
        }
        let mut first = i64::MAX;
        let decoded = decoder.decode(&range, &mut |decoded| {
            let column = decoded.rows.columns().first().and_then(micros);
            first = column.as_ref().and_then(compute::min::<TimestampMicrosecondType>).unwrap_or(i64::MAX);
            Emit::Stop
        });
        match decoded {
            Ok(()) | Err(SourceError::Stopped) => {}
            Err(error) => return Err(error),
        }
        times.resize(partition, i64::MAX);
        times.push(first);
    }
    Ok(times)
}
