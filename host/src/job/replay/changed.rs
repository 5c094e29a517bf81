//! Which input files have been changed since an epoch read them: the likely reason when it comes to something else.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use pelton_core::checkpoint::record::Position;

use crate::job::run::replay::NeededFiles;

/// The names of the files that were written to after `since` (µs since 1970 UTC). Paths are relative to `dir`.
pub(super) fn changed_since(files: &[NeededFiles], dir: &Path, since: i64) -> Vec<String> {
    let since = UNIX_EPOCH + Duration::from_micros(u64::try_from(since).unwrap_or(0));
    let mut changed = Vec::new();
    for NeededFiles { listed, from, to, .. } in files {
        let first = match from {
            Position::Start => 0,
            Position::Range { partition, .. } => *partition as usize,
            Position::End => listed.len(),
        };
        let last = match to {
            Position::Start => 0,
            Position::Range { partition, .. } => *partition as usize,
            Position::End => listed.len(),
        };
        for file in listed.iter().take(last.saturating_add(1)).skip(first) {
            if modified(&dir.join(&file.name)).is_some_and(|modified| modified > since) {
                changed.push(file.name.clone());
            }
        }
    }
    changed
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}
