//! The poison of a call of a keyed operator: the key first, then its row, timer or end.
//!
//! Keys know nothing of each other, so that parts of them can be tried alone. The rows of a key cannot: what one does may follow from
//! those before it. So a row is to blame if its key's rows up to it fail, and those before it do not. Where all of them do not, one of the
//! key's timers is, found in the same way behind all rows; and where none of those is, its end. State is not touched by what is tried.

use std::ops::Range;

use pelton_core::poison::{POISON_ROWS_OF_CALL_MAX, first_alone, last_of_prefix};
use pelton_wasm::CallError;

use super::work::{Call, Due, Grouped};
use crate::operator::poison::{Fault, Make, Trials};

/// What is left out of a call: positions, ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Gone {
    /// Among its rows.
    rows: Vec<usize>,
    /// Among its timers.
    due: Vec<usize>,
    /// Among its keys: their ends.
    ends: Vec<usize>,
}

impl Gone {
    fn len(&self) -> usize {
        self.rows.len() + self.due.len() + self.ends.len()
    }
}

/// How far the keys of a part go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UpTo {
    /// Rows before this one, and neither timers nor ends.
    Row(usize),
    /// All rows, timers before this one, and no ends.
    Due(usize),
    End,
}

/// Some of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) keys: Range<usize>,
    pub(super) gone: Gone,
    pub(super) up_to: UpTo,
}

impl Part {
    fn keeps(&self, row: usize) -> bool {
        let is_reached = match self.up_to {
            UpTo::Row(before) => row < before,
            UpTo::Due(_) | UpTo::End => true,
        };
        is_reached && self.gone.rows.binary_search(&row).is_err()
    }

    fn keeps_due(&self, due: usize) -> bool {
        let is_reached = match self.up_to {
            UpTo::Row(_) => false,
            UpTo::Due(before) => due < before,
            UpTo::End => true,
        };
        is_reached && self.gone.due.binary_search(&due).is_err()
    }

    fn keeps_end(&self, key: usize) -> bool {
        self.up_to == UpTo::End && self.gone.ends.binary_search(&key).is_err()
    }

    /// This part as a call of its own. Keys that nothing is left of are not in it.
    pub(super) fn of<'a>(&self, grouped: &Grouped<'a>, call: &Call) -> (Grouped<'a>, Call) {
        let mut part = Call { is_continued: call.is_continued, ..Call::default() };
        let mut rows = Vec::new();
        for (key, range) in key_ranges(call).enumerate().filter(|(key, _)| self.keys.contains(key)) {
            let had = has_work(call, key, &range);
            let before = rows.len();
            let kept = range.filter(|row| self.keeps(*row));
            rows.extend(kept.filter_map(|row| grouped.rows.get(call.rows.start + row).copied()));
            let position = part.slots.len() as u32;
            let due = due_of(call, key).filter(|(at, _)| self.keeps_due(*at));
            let due: Vec<Due> = due.map(|(_, due)| Due { key: position, ..*due }).collect();
            let ending = call.ending.get(key).copied().filter(|_| self.keeps_end(key)).unwrap_or_default();
            if rows.len() == before && due.is_empty() && ending == 0 && had {
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

/// The timers of a key, by their places in the call.
fn due_of(call: &Call, key: usize) -> impl Iterator<Item = (usize, &Due)> {
    call.due.iter().enumerate().filter(move |(_, due)| due.key as usize == key)
}

/// Whether the key has rows, timers or an end.
fn has_work(call: &Call, key: usize, rows: &Range<usize>) -> bool {
    !rows.is_empty() || call.ending.get(key) == Some(&1) || due_of(call, key).next().is_some()
}

/// The rows of each key within the call.
fn key_ranges(call: &Call) -> impl Iterator<Item = Range<usize>> {
    let starts = std::iter::once(0).chain(call.ends.iter().copied());
    call.ends.iter().zip(starts).map(|(end, start)| start as usize..*end as usize)
}

/// What a call fails on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Blamed {
    /// By its place in the call.
    Row(usize),
    Due(usize),
    /// The end of this key.
    End(usize),
}

/// A call that went through, and what was left out for it.
pub(super) struct Isolated<T> {
    /// None: nothing else is left.
    pub(super) answer: Option<T>,
    /// With why the call failed on each: rows, timers, ends, each ascending.
    pub(super) poison: Vec<(Blamed, Fault)>,
    pub(super) trials: u64,
}

/// Makes a call again that failed with `first`, without what is to blame.
pub(super) fn isolate<T>(
    call: &Call,
    first: CallError,
    make: &mut Make<'_, Part, T>,
) -> Result<Isolated<T>, CallError> {
    let keys: Vec<Range<usize>> = key_ranges(call).collect();
    let mut trials = Trials::new(first, make);
    let (mut gone, mut poison): (Gone, Vec<(Blamed, Fault)>) = Default::default();
    let mut from = 0;
    loop {
        let all = Part { keys: 0..keys.len(), gone: gone.clone(), up_to: UpTo::End };
        if is_empty(call, &all) {
            return Ok(Isolated { answer: None, poison, trials: trials.count });
        }
        if let Some(answer) = trials.call(&all)? {
            return Ok(Isolated { answer: Some(answer), poison, trials: trials.count });
        }
        if gone.len() >= POISON_ROWS_OF_CALL_MAX {
            return Err(trials.too_many());
        }
        let alone = |keys: Range<usize>| Part { keys, gone: gone.clone(), up_to: UpTo::End };
        let found = first_alone(from..keys.len(), |range| fails(&mut trials, call, &alone(range)))?;
        let Some((key, rows)) = found.and_then(|key| Some((key, keys.get(key)?))) else {
            return Err(trials.give_up("no key fails by itself".into()));
        };
        let Some(blamed) = blame(&mut trials, call, (key, rows), &gone)? else {
            return Err(trials.give_up("a key fails, and none of its rows and timers, nor its end".into()));
        };
        let list = match blamed {
            Blamed::Row(_) => &mut gone.rows,
            Blamed::Due(_) => &mut gone.due,
            Blamed::End(_) => &mut gone.ends,
        };
        let (Blamed::Row(at) | Blamed::Due(at) | Blamed::End(at)) = blamed;
        list.insert(list.partition_point(|other| *other < at), at);
        poison.insert(poison.partition_point(|(other, _)| *other < blamed), (blamed, trials.fault()));
        from = key;
    }
}

/// What of a key that fails by itself is to blame: the first of its rows, else of its timers, with which what lies before it fails;
/// else its end. None: it cannot be told.
fn blame<T>(
    trials: &mut Trials<'_, '_, Part, T>,
    call: &Call,
    (key, rows): (usize, &Range<usize>),
    gone: &Gone,
) -> Result<Option<Blamed>, CallError> {
    let part = |up_to| Part { keys: key..key + 1, gone: gone.clone(), up_to };
    let left: Vec<usize> = rows.clone().filter(|row| gone.rows.binary_search(row).is_err()).collect();
    let due: Vec<usize> =
        due_of(call, key).map(|(at, _)| at).filter(|at| gone.due.binary_search(at).is_err()).collect();
    // The end of each beginning of what is left: as many of it.
    let end =
        |of: &[usize], count: usize| count.checked_sub(1).and_then(|last| of.get(last)).map_or(0, |last| last + 1);
    if !left.is_empty() && fails(trials, call, &part(UpTo::Row(end(&left, left.len()))))? {
        let last = last_of_prefix(left.len(), |count| fails(trials, call, &part(UpTo::Row(end(&left, count)))))?;
        return Ok(left.get(last).copied().map(Blamed::Row));
    }
    if !due.is_empty() && fails(trials, call, &part(UpTo::Due(end(&due, due.len()))))? {
        let last = last_of_prefix(due.len(), |count| fails(trials, call, &part(UpTo::Due(end(&due, count)))))?;
        return Ok(due.get(last).copied().map(Blamed::Due));
    }
    let ends = call.ending.get(key) == Some(&1) && gone.ends.binary_search(&key).is_err();
    // Once more, to know why.
    Ok((ends && fails(trials, call, &part(UpTo::End))?).then_some(Blamed::End(key)))
}

fn fails<T>(trials: &mut Trials<'_, '_, Part, T>, call: &Call, part: &Part) -> Result<bool, CallError> {
    Ok(!is_empty(call, part) && trials.call(part)?.is_none())
}

/// Whether there is nothing to call the module for.
fn is_empty(call: &Call, part: &Part) -> bool {
    let mut keys = key_ranges(call).enumerate().filter(|(key, _)| part.keys.contains(key));
    !keys.any(|(key, rows)| {
        let is_bare = part.up_to == UpTo::End && !has_work(call, key, &rows);
        is_bare
            || rows.clone().any(|row| part.keeps(row))
            || due_of(call, key).any(|(at, _)| part.keeps_due(at))
            || call.ending.get(key) == Some(&1) && part.keeps_end(key)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::*;
    use crate::state::timers::Timer;
    use pelton_core::window::Clock;
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
            assert_eq!(rows_blamed(&isolated.poison), Vec::from_iter(bad.clone()));
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
        assert_eq!(rows_blamed(&isolated.poison), [700]);
    }

    fn rows_blamed(poison: &[(Blamed, Fault)]) -> Vec<usize> {
        let row = |blamed: &Blamed| if let Blamed::Row(row) = blamed { *row } else { panic!("{blamed:?}") };
        poison.iter().map(|(blamed, _)| row(blamed)).collect()
    }

    #[test]
    fn timers_and_ends_are_found_behind_the_rows_of_their_key() {
        let timer =
            |key: u32, id: u32| Due { key, clock: Clock::Event, timer: Timer { slot: key, id, at: i64::from(id) } };
        let mut whole = Call { ending: vec![0, 1, 1], ..call(&[2, 2, 0]) };
        whole.due = vec![timer(0, 1), timer(1, 2), timer(0, 3), timer(1, 4), timer(2, 5)];
        let all = [Blamed::Row(3), Blamed::Due(1), Blamed::Due(2), Blamed::Due(4), Blamed::End(1), Blamed::End(2)];
        for chosen in 0..1_u32 << all.len() {
            let bad: Vec<Blamed> = (0..).zip(all).filter(|(at, _)| chosen >> at & 1 == 1).map(|(_, bad)| bad).collect();
            let mut make = |part: &Part, _| {
                let has = |blamed: &Blamed| {
                    let keys = |key: u32| part.keys.contains(&(key as usize));
                    match *blamed {
                        Blamed::Row(row) => part.keys.contains(&(row / 2)) && part.keeps(row),
                        Blamed::Due(due) => keys(whole.due[due].key) && part.keeps_due(due),
                        Blamed::End(key) => part.keys.contains(&key) && part.keeps_end(key),
                    }
                };
                if bad.iter().any(has) { Err(trap()) } else { Ok(part.clone()) }
            };
            let isolated = isolate(&whole, trap(), &mut make).unwrap();
            assert_eq!(isolated.poison.iter().map(|(blamed, _)| *blamed).collect::<Vec<_>>(), bad);
            let answer = isolated.answer.expect("something is always left");
            let count = |part: &Part| {
                let due = (0..whole.due.len()).filter(|due| part.keeps_due(*due)).count();
                let ends = (0..3).filter(|key| whole.ending[*key] == 1 && part.keeps_end(*key)).count();
                due + ends + rows_of(&whole, part).iter().map(Vec::len).sum::<usize>()
            };
            assert_eq!(count(&answer), 4 + 5 + 2 - bad.len(), "{bad:?}");
        }
    }
}
