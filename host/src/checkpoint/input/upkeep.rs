//! What is done with logs from outside: collected behind snapshots, forgotten by a job that starts over, verified.

use std::{collections::BTreeSet, io};

use pelton_core::checkpoint::{
    frame::{self, Flaw},
    retain::Garbage,
};

use super::{read, segment::Place, segments, sync_names};
use crate::checkpoint::{CheckpointError, disk::Disk, names};

/// Removes the segments whose frames nobody needs, and the logs of sources that nobody has. Answers how many.
pub(in crate::checkpoint) fn collect<D: Disk>(disk: &D, garbage: &Garbage) -> Result<u64, CheckpointError> {
    let mut removed = 0;
    for source in sources(disk)? {
        let before = garbage.inputs_before.iter().find(|(name, _)| *name == source).map(|(_, before)| *before);
        let before = match before {
            Some(before) => before,
            None if garbage.inputs_kept.contains(&source) || garbage.epochs_before == 0 => continue,
            None => {
                removed += remove(disk, &source, &segments(disk, &source)?)?;
                continue;
            }
        };
        let segments = segments(disk, &source)?;
        // The segment with the frame before the first one that stays is left, so that the end of the log is always found.
        let old =
            segments.iter().zip(segments.iter().skip(1)).take_while(|(_, following)| **following < before).count();
        removed += remove(disk, &source, segments.get(..old).unwrap_or_default())?;
    }
    Ok(removed)
}

/// Removes all logs: the job starts over.
pub(in crate::checkpoint) fn forget<D: Disk>(disk: &D) -> Result<(), CheckpointError> {
    sources(disk)?.iter().try_for_each(|source| forget_one(disk, source))
}

/// Removes the log of a source.
pub(in crate::checkpoint) fn forget_one<D: Disk>(disk: &D, source: &str) -> Result<(), CheckpointError> {
    let mut newest_first = segments(disk, source)?;
    newest_first.reverse();
    remove(disk, source, &newest_first).map(|_| ())
}

/// Reads every log and checks each frame. Answers how many frames there are, and what is damaged.
pub(in crate::checkpoint) fn verify<D: Disk>(disk: &D) -> (u64, Vec<CheckpointError>) {
    let sources = match sources(disk) {
        Ok(sources) => sources,
        Err(error) => return (0, vec![error]),
    };
    let (mut frames, mut damages) = (0, Vec::new());
    for source in sources {
        match verify_one(disk, &source) {
            Ok(count) => frames += count,
            Err(error) => damages.push(error),
        }
    }
    (frames, damages)
}

fn verify_one<D: Disk>(disk: &D, source: &str) -> Result<u64, CheckpointError> {
    let segments = segments(disk, source)?;
    let mut count = 0;
    for (index, first) in segments.iter().enumerate() {
        let bytes = read(disk, source, *first)?;
        let scan = frame::scan(&bytes);
        let place = Place { disk, source, first: *first };
        let following = segments.get(index + 1).copied();
        place.check(&scan, following.is_some())?;
        let frames = place.until(&scan, following);
        let next = frames.last().map_or(*first, |last| last.header.sequence.saturating_add(1));
        if following.is_some_and(|following| following != next) {
            let offset = frames.last().map_or(0, |last| last.end);
            return Err(match scan.flaw {
                Some(Flaw { offset, defect, .. }) => place.defect(offset, defect),
                None => place.damaged(offset, format!("frame {next} is missing")),
            });
        }
        count += frames.len() as u64;
    }
    Ok(count)
}

/// The sources that have logs.
fn sources<D: Disk>(disk: &D) -> Result<BTreeSet<String>, CheckpointError> {
    let failed = |source| CheckpointError::io("list", disk.shown(names::INPUTS), source);
    if !disk.exists(names::INPUTS).map_err(failed)? {
        return Ok(BTreeSet::new());
    }
    Ok(disk.list(names::INPUTS).map_err(failed)?.into_iter().collect())
}

/// Removes these segments in this order, each for good before the next, so that what is left never has a gap.
fn remove<D: Disk>(disk: &D, source: &str, firsts: &[u64]) -> Result<u64, CheckpointError> {
    for first in firsts {
        let path = names::input_segment(source, *first);
        match disk.remove(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other.map_err(|error| CheckpointError::io("remove", disk.shown(&path), error))?,
        }
        sync_names(disk, &names::input(source))?;
    }
    Ok(firsts.len() as u64)
}
