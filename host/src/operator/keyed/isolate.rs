//! The poison rows of a call of a keyed operator: the key first, then its row.
//!
//! Keys know nothing of each other, so that parts of them can be tried alone. The rows of a key cannot: what one does may follow from
//! those before it. So a row is to blame if its key's rows up to it fail, and those before it do not. A timer, or the end of a key,
//! is not a row: where one fails, nothing is taken out. State is not touched by what is tried.

use std::ops::Range;

use pelton_core::poison::{POISON_ROWS_OF_CALL_MAX, first_alone, last_of_prefix};
use pelton_wasm::CallError;

use super::work::{Call, Due, Grouped};
use crate::operator::poison::{Fault, Make, Trials};

/// Some of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) keys: Range<usize>,
    /// Rows of the call that are left out, ascending.
    pub(super) gone: Vec<usize>,
    /// Only rows before this one, and neither timers nor ends.
    pub(super) before: Option<usize>,
}

impl Part {
    fn keeps(&self, row: usize) -> bool {
        self.before.is_none_or(|before| row < before) && self.gone.binary_search(&row).is_err()
    }

    /// This part as a call of its own. Keys that nothing is left of are not in it.
    pub(super) fn of<'a>(&self, grouped: &Grouped<'a>, call: &Call) -> (Grouped<'a>, Call) {
        let mut part = Call { is_continued: call.is_continued, ..Call::default() };
        let mut rows = Vec::new();
        for (key, range) in key_ranges(call).enumerate().filter(|(key, _)| self.keys.contains(key)) {
            let (had_rows, before) = (!range.is_empty(), rows.len());
            let kept = range.filter(|row| self.keeps(*row));
            rows.extend(kept.filter_map(|row| grouped.rows.get(call.rows.start + row).copied()));
            let due = call.due.iter().filter(|due| self.before.is_none() && due.key as usize == key);
            let position = part.slots.len() as u32;
            let due: Vec<Due> = due.map(|due| Due { key: position, ..*due }).collect();
            let ending = call.ending.get(key).copied().filter(|_| self.before.is_none()).unwrap_or_default();
            if rows.len() == before && due.is_empty() && ending == 0 && had_rows {
                continue;
            }
            part.slots.extend(call.slots.get(key));
            part.ends.push(rows.len() as u32);
            part.ending.push(ending);
            part.due.extend(due);
        }
        // Keys come one after the other here, and timers by their time in a call.
        part.due.sort_by_key(|due| due.timer.at);
        part.rows = 0..rows.len();
        (grouped.with_rows(rows), part)
    }
}

/// The rows of each key within the call.
fn key_ranges(call: &Call) -> impl Iterator<Item = Range<usize>> {
    let starts = std::iter::once(0).chain(call.ends.iter().copied());
    call.ends.iter().zip(starts).map(|(end, start)| start as usize..*end as usize)
}

/// A call that went through, and what was left out for it.
pub(super) struct Isolated<T> {
    /// None: nothing else is left.
    pub(super) answer: Option<T>,
    /// Rows of the call, ascending, with why it failed on each.
    pub(super) poison: Vec<(usize, Fault)>,
    pub(super) trials: u64,
}

/// Makes a call again that failed with `first`, without the rows that are to blame.
pub(super) fn isolate<T>(
    call: &Call,
    first: CallError,
    make: &mut Make<'_, Part, T>,
) -> Result<Isolated<T>, CallError> {
    let keys: Vec<Range<usize>> = key_ranges(call).collect();
    let mut trials = Trials::new(first, make);
    let (mut gone, mut poison): (Vec<usize>, Vec<(usize, Fault)>) = (Vec::new(), Vec::new());
    let mut from = 0;
    loop {
        let all = Part { keys: 0..keys.len(), gone: gone.clone(), before: None };
        if is_empty(call, &all) {
            return Ok(Isolated { answer: None, poison, trials: trials.count });
        }
        if let Some(answer) = trials.call(&all)? {
            return Ok(Isolated { answer: Some(answer), poison, trials: trials.count });
        }
        if gone.len() >= POISON_ROWS_OF_CALL_MAX {
            return Err(trials.too_many());
        }
        let alone = |keys: Range<usize>, before| Part { keys, gone: gone.clone(), before };
        let found = first_alone(from..keys.len(), |range| fails(&mut trials, call, &alone(range, None)))?;
        let Some((key, rows)) = found.and_then(|key| Some((key, keys.get(key)?))) else {
            return Err(trials.give_up("no key fails by itself".into()));
        };
        let left: Vec<usize> = rows.clone().filter(|row| gone.binary_search(row).is_err()).collect();
        // The end of each beginning of the rows that are left.
        let end = |count: usize| count.checked_sub(1).and_then(|last| left.get(last)).map(|last| last + 1);
        let Some(whole) = end(left.len()) else {
            return Err(trials.give_up("it fails on a timer, or at the end of a key".into()));
        };
        if !fails(&mut trials, call, &alone(key..key + 1, Some(whole)))? {
            return Err(trials.give_up("it fails on a timer, or at the end of a key".into()));
        }
        let last = last_of_prefix(left.len(), |count| fails(&mut trials, call, &alone(key..key + 1, end(count))))?;
        let row = left.get(last).copied().expect("one of the rows that are left");
        let fault = trials.fault();
        let at = gone.partition_point(|other| *other < row);
        gone.insert(at, row);
        poison.insert(at, (row, fault));
        from = key;
    }
}

fn fails<T>(trials: &mut Trials<'_, '_, Part, T>, call: &Call, part: &Part) -> Result<bool, CallError> {
    Ok(!is_empty(call, part) && trials.call(part)?.is_none())
}

/// Whether there is nothing to call the module for.
fn is_empty(call: &Call, part: &Part) -> bool {
    let of_keys = || key_ranges(call).enumerate().filter(|(key, _)| part.keys.contains(key));
    let has_rows = of_keys().flat_map(|(_, rows)| rows).any(|row| part.keeps(row));
    let has_else = || {
        of_keys().any(|(key, rows)| {
            rows.is_empty() || call.ending.get(key) == Some(&1) || call.due.iter().any(|due| due.key as usize == key)
        })
    };
    !has_rows && (part.before.is_some() || !has_else())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::*;
    use pelton_wasm::GuestBacktrace;

    /// A call of keys with so many rows each.
    fn call(keys: &[usize]) -> Call {
        let ends = keys.iter().scan(0, |sum, rows| {
            *sum += *rows as u32;
            Some(*sum)
        });
        let rows = 0..keys.iter().sum();
        let slots = (0..keys.len() as u32).collect();
        Call { slots, ends: ends.collect(), rows, ending: vec![0; keys.len()], ..Call::default() }
    }

    fn trap() -> CallError {
        CallError::Trap { call: "process", reason: "unreachable".into(), backtrace: GuestBacktrace::default() }
    }

    fn rows_of(call: &Call, part: &Part) -> Vec<Vec<usize>> {
        let of = key_ranges(call).enumerate().filter(|(key, _)| part.keys.contains(key));
        of.map(|(_, rows)| rows.filter(|row| part.keeps(*row)).collect()).collect()
    }

    #[test]
    fn the_row_of_a_key_is_found_and_the_others_are_answered_as_if_it_had_not_been_there() {
        let mut random = StdRng::seed_from_u64(11);
        for _ in 0..500 {
            let keys: Vec<usize> = (0..random.random_range(1..200)).map(|_| random.random_range(1..40)).collect();
            let call = call(&keys);
            let bad: BTreeSet<usize> =
                (0..random.random_range(1..6)).map(|_| random.random_range(0..call.rows.end)).collect();
            let mut make = |part: &Part, _| {
                let rows = rows_of(&call, part);
                if rows.iter().flatten().any(|row| bad.contains(row)) { Err(trap()) } else { Ok(rows) }
            };
            let isolated = isolate(&call, trap(), &mut make).unwrap();
            assert_eq!(isolated.poison.iter().map(|(row, _)| *row).collect::<Vec<_>>(), Vec::from_iter(bad.clone()));
            let good: Vec<usize> = call.rows.clone().filter(|row| !bad.contains(row)).collect();
            let answered: Vec<usize> =
                isolated.answer.map(|rows| rows.into_iter().flatten().collect()).unwrap_or_default();
            assert_eq!(good, answered);
            assert!(bad.len() > 1 || isolated.trials <= 40, "{} calls", isolated.trials);
        }
    }

    #[test]
    fn a_row_that_fails_because_of_those_before_it_is_to_blame() {
        let call = call(&[3, 1_000, 3]);
        // The key of 1,000 rows fails on the 500th row that it sees.
        let mut make = |part: &Part, _| {
            let rows = rows_of(&call, part);
            if rows.iter().any(|of_key| of_key.len() >= 500) { Err(trap()) } else { Ok(()) }
        };
        let error = isolate(&call, trap(), &mut make).err().expect("each row after it would be next");
        assert!(error.to_string().contains("more than 64"), "{error}");
        let mut once = |part: &Part, _| {
            let rows = rows_of(&call, part);
            if rows.iter().any(|of_key| of_key.contains(&10) && of_key.contains(&700)) { Err(trap()) } else { Ok(()) }
        };
        let isolated = isolate(&call, trap(), &mut once).unwrap();
        assert_eq!(isolated.poison.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [700]);
    }

    #[test]
    fn nothing_is_taken_out_for_a_timer_or_an_end() {
        let ending = Call { ending: vec![0, 1, 0], ..call(&[2, 2, 2]) };
        let mut make = |part: &Part, _| match part.before.is_none() && part.keys.contains(&1) {
            true => Err(trap()),
            false => Ok(()),
        };
        let error = isolate(&ending, trap(), &mut make).err().expect("no row is to blame");
        assert!(error.to_string().contains("at the end of a key"), "{error}");
    }
}
