//! What a keyed operator should say, worked out key by key without batches, slots or shuffles.
//!
//! Shares nothing with the engine but the words of `wit/keyed.wit` and docs/state.md.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Outcome,
    timeline::{KeyForm, Row, Timeline},
};

#[derive(Debug, Default, Clone)]
struct Key {
    total: Option<i64>,
    list: BTreeMap<i64, i64>,
    map: BTreeMap<i64, i64>,
    /// id, what it was set for
    timers: BTreeMap<u32, i64>,
    deadline: Option<i64>,
}

impl Key {
    fn has_state(&self) -> bool {
        self.total.is_some() || !self.list.is_empty() || !self.map.is_empty() || !self.timers.is_empty()
    }

    fn due(&self, watermark: i64) -> Vec<(i64, u32)> {
        let mut due: Vec<_> =
            self.timers.iter().map(|(id, at)| (*at, *id)).filter(|(at, _)| *at <= watermark).collect();
        due.sort_unstable();
        due
    }
}

/// Why keys are called in an epoch, and what it has reached.
struct Calls {
    rows_max: usize,
    ttl: Option<i64>,
    watermark: i64,
    now: i64,
}

/// What leaves, and how many keys have state when all has ended.
pub fn run(timeline: &Timeline) -> (Outcome, usize) {
    let mut out = Outcome::default();
    let mut keys: BTreeMap<String, Key> = BTreeMap::new();
    let mut before = i64::MIN;
    let mut event_time = i64::MIN;
    for (number, epoch) in timeline.epochs.iter().enumerate() {
        let mut rows: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
        for row in epoch.batches.iter().flatten() {
            match row.time {
                None | Some(i64::MAX) => out.rejected.push(row.x),
                Some(time) if timeline.lateness.is_some_and(|lateness| time < before.saturating_sub(lateness)) => {
                    out.late.push(row.x);
                }
                Some(_) => rows.entry(name(timeline.key, row)).or_default().push(row),
            }
        }
        if epoch.watermark < i64::MAX {
            event_time = event_time.max(epoch.watermark);
        }
        let calls =
            Calls { rows_max: timeline.rows_max, ttl: timeline.ttl, watermark: epoch.watermark, now: epoch.now };
        let all: BTreeSet<String> = keys.keys().chain(rows.keys()).cloned().collect();
        for name in all {
            let key = keys.entry(name.clone()).or_default();
            let rows = rows.remove(&name).unwrap_or_default();
            let due = key.due(epoch.watermark);
            let is_ending = rows.is_empty() && key.deadline.is_some_and(|deadline| deadline <= event_time);
            let is_idle = timeline.idle_keys && rows.is_empty() && due.is_empty() && !is_ending;
            if !rows.is_empty() || !due.is_empty() || is_ending || is_idle {
                calls.make(&name, key, &rows, &due, is_ending, &mut out);
            }
        }
        keys.retain(|_, key| key.has_state());
        if number + 1 == timeline.epochs.len() {
            for _ in 0..64 {
                for (name, key) in &mut keys {
                    let due = key.due(i64::MAX);
                    if !due.is_empty() {
                        calls.make(name, key, &[], &due, false, &mut out);
                    }
                }
                keys.retain(|_, key| key.has_state());
            }
        }
        before = epoch.watermark;
    }
    (out, keys.len())
}

/// The key as the outcome shows it.
pub fn name(form: KeyForm, row: &Row) -> String {
    let text = || row.text.clone().unwrap_or_else(|| "null".to_owned());
    match form {
        KeyForm::Number => row.number.to_string(),
        KeyForm::Text | KeyForm::NullableText => text(),
        KeyForm::Both => format!("{}, {}", row.number, text()),
        KeyForm::None => String::new(),
    }
}

impl Calls {
    /// All calls of a key in an epoch: its rows in parts, then its timers, then its end.
    fn make(&self, name: &str, key: &mut Key, rows: &[&Row], due: &[(i64, u32)], is_ending: bool, out: &mut Outcome) {
        let cut = rows.len().saturating_sub(1) / self.rows_max * self.rows_max;
        let (earlier, last) = rows.split_at(cut);
        for part in earlier.chunks(self.rows_max) {
            self.call(name, key, part, &[], false, out);
        }
        let (now, later) = due.split_at(due.len().min(self.rows_max - last.len()));
        self.call(name, key, last, now, is_ending && later.is_empty(), out);
        let parts = later.chunks(self.rows_max);
        let count = parts.len();
        for (number, part) in parts.enumerate() {
            let is_last = is_ending && number + 1 == count;
            // Earlier calls may have cleared or moved all of them.
            if is_last || part.iter().any(|(at, id)| key.timers.get(id) == Some(at)) {
                self.call(name, key, &[], part, is_last, out);
            }
        }
    }

    fn call(&self, name: &str, key: &mut Key, rows: &[&Row], due: &[(i64, u32)], is_ending: bool, out: &mut Outcome) {
        let due: Vec<_> = due.iter().filter(|(at, id)| key.timers.get(id) == Some(at)).copied().collect();
        for (_, id) in &due {
            key.timers.remove(id);
        }
        let latest = rows.iter().filter_map(|row| row.time).max();
        let known = if self.watermark == i64::MIN || self.watermark == i64::MAX { self.now } else { self.watermark };
        let otherwise = due.last().map(|(at, _)| *at).or(latest).unwrap_or(known);
        let mut emit = |time: i64, what: &str, n: i64| {
            out.rows.entry(name.to_owned()).or_default().push((time, what.to_owned(), n));
        };
        for row in rows {
            let (time, x) = (row.time.expect("rows without a time are rejected"), row.x);
            let (timer, rest) = (x.rem_euclid(3) as u32, x.rem_euclid(5));
            match row.command {
                "add" => {
                    let total = key.total.unwrap_or(0) + x;
                    key.total = Some(total);
                    emit(time, "add", total);
                }
                "drop" => key.total = None,
                "push" => {
                    let next = key.list.keys().next_back().map_or(0, |last| last + 1);
                    key.list.insert(next, x);
                    out.pushed.entry(name.to_owned()).or_default().push(x);
                }
                "pull" => {
                    key.list.remove(&x);
                }
                "sum" => emit(time, "sum", key.list.iter().filter(|(at, _)| **at >= x).map(|(_, x)| x).sum()),
                "put" => {
                    key.map.insert(rest, x);
                }
                "remove" => {
                    key.map.remove(&rest);
                }
                "some" => {
                    let some: Vec<i64> =
                        key.map.iter().filter(|(rest, _)| (1..4).contains(*rest)).map(|(_, x)| *x).collect();
                    emit(time, "count", some.len() as i64);
                    emit(time, "some", some.iter().sum());
                }
                "set" => {
                    key.timers.insert(timer, time + x);
                }
                "set-past" => {
                    key.timers.insert(timer, i64::MIN + x.rem_euclid(60));
                }
                "clear" => {
                    key.timers.remove(&timer);
                }
                "reject" => out.rejected.push(x),
                other => panic!("no command {other}"),
            }
        }
        for (at, id) in &due {
            let total = key.total.unwrap_or(0) + i64::from(*id) - 100;
            key.total = Some(total);
            emit(otherwise, "timer", total);
            emit(otherwise, "at", *at);
            if *id == 2 {
                key.timers.insert(0, *at);
            }
        }
        if is_ending {
            emit(otherwise, "end", key.total.unwrap_or(-1));
        }
        if rows.is_empty() && due.is_empty() && !is_ending {
            emit(otherwise, "idle", key.total.unwrap_or(-1));
        }
        if let (Some(ttl), Some(latest)) = (self.ttl, latest) {
            let deadline = latest + ttl;
            key.deadline = Some(key.deadline.map_or(deadline, |known| known.max(deadline)));
        }
        if is_ending {
            *key = Key::default();
        }
    }
}
