//! The sessions within one batch: rows of a key whose neighbours in time are less than the gap away.
//!
//! ```text
//! key a   ·· ·  ·        · ··        gap: ────
//!         └─run─┘        └run┘       each becomes one partial; the reduce side joins it with those of other batches
//! ```
//!
//! Called by the map side with the slot of each row's key. Most batches have one run for each key, found in one pass; only others
//! are sorted.

/// The runs of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// The key's slot of each run.
    pub keys: Vec<u32>,
    /// Times of the earliest and the latest row of each run.
    pub starts: Vec<i64>,
    pub lasts: Vec<i64>,
}

/// Finds the runs, and writes the run of each row in the place of its key's slot. `keys` slots are below `key_count`.
pub fn split(slots: &mut [u32], times: &[i64], key_count: usize, gap: i64) -> Runs {
    one_for_each(slots, times, key_count, gap).unwrap_or_else(|| sorted(slots, times, gap))
}

/// None: a key has a row that is not within the gap of those before it in the batch.
fn one_for_each(slots: &[u32], times: &[i64], key_count: usize, gap: i64) -> Option<Runs> {
    // Empty runs: every time is before their start and after their last.
    let mut runs = Runs {
        keys: (0..key_count as u32).collect(),
        starts: vec![i64::MAX; key_count],
        lasts: vec![i64::MIN; key_count],
    };
    for (slot, time) in slots.iter().zip(times) {
        let (start, last) = (runs.starts.get_mut(*slot as usize)?, runs.lasts.get_mut(*slot as usize)?);
        let is_new = *start > *last;
        // The years that are allowed leave room for any gap.
        if !is_new && (time.saturating_sub(gap) >= *last || start.saturating_sub(gap) >= *time) {
            return None;
        }
        *start = (*start).min(*time);
        *last = (*last).max(*time);
    }
    Some(runs)
}

fn sorted(slots: &mut [u32], times: &[i64], gap: i64) -> Runs {
    let mut rows: Vec<(u32, i64, u32)> =
        slots.iter().zip(times).zip(0..).map(|((slot, time), row)| (*slot, *time, row)).collect();
    rows.sort_unstable();
    let mut runs = Runs::default();
    let mut before: Option<(u32, i64)> = None;
    for (slot, time, row) in rows {
        if before.is_none_or(|(key, last)| key != slot || time.saturating_sub(gap) >= last) {
            runs.keys.push(slot);
            runs.starts.push(time);
            runs.lasts.push(time);
        }
        if let Some(last) = runs.lasts.last_mut() {
            *last = time;
        }
        if let Some(slot) = slots.get_mut(row as usize) {
            *slot = runs.keys.len() as u32 - 1;
        }
        before = Some((slot, time));
    }
    runs
}

/// Cuts runs where rows of another run of their key came in between, so that what is folded together came together: for modules that go by the
/// order of rows. Each part has the bounds of its whole run, and they are numbered as they began. `slots` are those of [`split`].
pub fn interrupted(slots: &mut [u32], runs: Runs, key_count: usize) -> Runs {
    if runs.keys.len() == key_count {
        return runs;
    }
    let mut parts = Runs::default();
    // By key: the run of its latest row, and the part.
    let mut latest: Vec<Option<(u32, u32)>> = vec![None; key_count];
    for slot in slots {
        let at = *slot as usize;
        let (Some(key), Some(start), Some(last)) = (runs.keys.get(at), runs.starts.get(at), runs.lasts.get(at)) else {
            continue;
        };
        let Some(latest) = latest.get_mut(*key as usize) else { continue };
        let part = match latest {
            Some((run, part)) if run == slot => *part,
            _ => {
                parts.keys.push(*key);
                parts.starts.push(*start);
                parts.lasts.push(*last);
                parts.keys.len() as u32 - 1
            }
        };
        *latest = Some((*slot, part));
        *slot = part;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_without_a_gap_keep_their_slots() {
        let mut slots = [0, 1, 0, 1];
        let runs = split(&mut slots, &[10, 5, 14, 1], 2, 5);
        assert_eq!(slots, [0, 1, 0, 1]);
        assert_eq!(runs, Runs { keys: vec![0, 1], starts: vec![10, 1], lasts: vec![14, 5] });
    }

    #[test]
    fn rows_exactly_the_gap_apart_are_two_runs() {
        let mut slots = [1, 0, 1, 1];
        let runs = split(&mut slots, &[15, 0, 10, 19], 2, 5);
        assert_eq!(slots, [2, 0, 1, 2]);
        assert_eq!(runs, Runs { keys: vec![0, 1, 1], starts: vec![0, 10, 15], lasts: vec![0, 10, 19] });
    }

    #[test]
    fn runs_are_cut_where_another_of_their_key_came_in_between() {
        // Keys a and b; the runs of a are at 0 and at 100, and b's is one.
        let mut slots = [0, 0, 1, 0, 1, 0, 0];
        let times = [0, 100, 50, 102, 51, 3, 101];
        let runs = split(&mut slots, &times, 2, 5);
        assert_eq!((slots, runs.keys.len()), ([0, 1, 2, 1, 2, 0, 1], 3));
        let parts = interrupted(&mut slots, runs, 2);
        assert_eq!(slots, [0, 1, 2, 1, 2, 3, 4]);
        let (starts, lasts) = (vec![0, 100, 50, 0, 100], vec![3, 102, 51, 3, 102]);
        assert_eq!(parts, Runs { keys: vec![0, 0, 1, 0, 0], starts, lasts });
    }

    #[test]
    fn a_row_between_two_others_joins_them_in_any_order() {
        let mut slots = [0, 0, 0];
        let runs = split(&mut slots, &[0, 8, 4], 1, 5);
        assert_eq!(slots, [0, 0, 0]);
        assert_eq!(runs, Runs { keys: vec![0], starts: vec![0], lasts: vec![8] });
    }
}
