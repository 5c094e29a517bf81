//! What `tests/guests/shelves` should say, worked out key by key without batches, slots or shuffles.
//!
//! Its commands are those of [`Shelf`]; here are the epochs, the timers of processing time and the ends of keys. Shares nothing with the
//! engine but the words of docs/state.md.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Outcome,
    shelf::Shelf,
    timeline::{Epoch, KeyForm, Row, Timeline},
};

#[derive(Debug, Default)]
struct Key {
    shelf: Shelf,
    /// id, what it was set for
    timers: BTreeMap<u32, i64>,
    deadline: Option<i64>,
}

impl Key {
    fn is_known(&self) -> bool {
        !self.shelf.is_empty() || !self.timers.is_empty()
    }

    /// The timers that are due, in order of time.
    fn due(&self, now: i64) -> Vec<(i64, u32)> {
        let mut due: Vec<_> = self.timers.iter().map(|(id, at)| (*at, *id)).filter(|(at, _)| *at <= now).collect();
        due.sort_unstable();
        due
    }
}

/// Rows that leave: time, what, how much. The time does not pass.
type Said = Vec<(i64, String, i64)>;

/// What leaves, and how many keys have state when all has ended.
pub fn run(timeline: &Timeline) -> (Outcome, usize) {
    let mut out = Outcome::default();
    let mut keys: BTreeMap<String, Key> = BTreeMap::new();
    let (mut before, mut event_time) = (i64::MIN, i64::MIN);
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
        let all: BTreeSet<String> = keys.keys().chain(rows.keys()).cloned().collect();
        for name in all {
            let key = keys.entry(name.clone()).or_default();
            let rows = rows.remove(&name).unwrap_or_default();
            let is_ending = rows.is_empty() && key.deadline.is_some_and(|deadline| deadline <= event_time);
            let said = out.rows.entry(name).or_default();
            live(key, number as i64, epoch, &rows, said);
            if is_ending {
                said.push((0, "end".to_owned(), key.shelf.queue.len() as i64));
                *key = Key::default();
            }
            if let (Some(ttl), Some(latest)) = (timeline.ttl, rows.iter().filter_map(|row| row.time).max()) {
                key.deadline = key.deadline.max(Some(latest + ttl));
            }
        }
        keys.retain(|_, key| key.is_known());
        if number + 1 == timeline.epochs.len() {
            // No timer sets another: one round does.
            for (name, key) in &mut keys {
                live(key, 0, epoch, &[], out.rows.entry(name.clone()).or_default());
            }
            keys.retain(|_, key| key.is_known());
        }
        before = epoch.watermark;
    }
    out.rows.retain(|_, rows| !rows.is_empty());
    (out, keys.len())
}

/// An epoch of a key: its rows, and then the timers that were due when it began and that no row has set again or cleared.
fn live(key: &mut Key, number: i64, epoch: &Epoch, rows: &[&Row], said: &mut Said) {
    let due = key.due(epoch.now);
    for row in rows {
        let id = row.x.rem_euclid(3) as u32;
        let n = match row.command {
            "wake" => {
                // No two epochs set a timer for the same time.
                key.timers.insert(id, epoch.now + row.x.rem_euclid(4) * 100 + number);
                0
            }
            "sleep" => {
                key.timers.remove(&id);
                0
            }
            command => key.shelf.obey(command, row.x).expect("a command"),
        };
        said.push((0, row.command.to_owned(), n));
    }
    for (at, id) in due {
        if key.timers.get(&id) == Some(&at) {
            key.timers.remove(&id);
            said.push((0, "woke".to_owned(), at));
        }
    }
}

/// The key as the outcome shows it.
fn name(form: KeyForm, row: &Row) -> String {
    let text = || row.text.clone().unwrap_or_else(|| "null".to_owned());
    match form {
        KeyForm::Number => row.number.to_string(),
        KeyForm::Text | KeyForm::NullableText => text(),
        KeyForm::Both => format!("{}, {}", row.number, text()),
        KeyForm::None => String::new(),
    }
}
