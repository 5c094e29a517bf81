//! Joins within sessions: rows of both sides of a key that lie less than a gap apart meet when their session is over.
//!
//! ```text
//! left    ●   ●                  ●
//! right     ●     ●                        ●
//!         [── one session ──gap) [── gap)  [── gap)
//! ```
//!
//! A session is of both sides: a row of either makes it longer, or makes one of two. Rows of a key lie in the order of their arrival
//! and sessions are known by their bounds alone, so nothing moves when they merge. Which rows are late is asked of whole sessions, as
//! aggregates do. A row with a null in its key is a session of its own. Invariant: a key's sessions are those of the rows that
//! are kept of it, and none of them is closed.

mod snapshot;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashSet},
};

use pelton_core::{
    session::{Session, Sessions},
    window::{Window, is_late},
};
use pelton_wasm::CallError;

pub(super) use self::snapshot::SavedSessions;
use super::{
    Group,
    arrivals::Arrived,
    output::Pairs,
    side::{NONE, Rows},
};

/// The deadline of a key without rows.
const NEVER: i64 = i64::MAX;

#[derive(Debug)]
pub(super) struct SessionStore {
    gap: i64,
    lateness: i64,
    keys: Vec<KeySessions>,
    /// When the first session of a key closes, or before that: each key with rows once.
    queue: BTreeSet<(i64, u32)>,
    /// By key, its time in `queue`, or [`NEVER`].
    queued: Vec<i64>,
    /// Rows with a null in their key, by time.
    alone: [BTreeMap<i64, Vec<u32>>; 2],
    /// Rows of keys.
    rows: usize,
    /// All sessions that close up to this watermark are closed.
    closed: i64,
}

#[derive(Debug, Default)]
struct KeySessions {
    sessions: Sessions,
    /// Of each side, in the order of their arrival.
    rows: [Vec<u32>; 2],
}

impl SessionStore {
    pub(super) fn new(gap: i64, lateness: i64) -> Self {
        Self {
            gap,
            lateness,
            keys: Vec::new(),
            queue: BTreeSet::new(),
            queued: Vec::new(),
            alone: Default::default(),
            rows: 0,
            closed: i64::MIN,
        }
    }

    /// Keeps what came, but those rows that are late: these are returned, of each side in the order of their arrival.
    pub(super) fn keep(&mut self, rows: &Rows, arrived: &[Arrived]) -> [Vec<u32>; 2] {
        self.keys.resize_with(rows.keys.numbers().max(self.keys.len()), KeySessions::default);
        self.queued.resize(self.keys.len(), NEVER);
        let mut doubtful = Vec::new();
        for (side, number) in each(arrived) {
            let (time, key) = place(rows, side, number);
            if self.is_over(time) {
                doubtful.push((side, number));
            } else if key != NONE {
                self.enter(key, time);
            }
        }
        let is_late = self.judge(rows, doubtful);
        let mut late = [Vec::new(), Vec::new()];
        for (side, number) in each(arrived) {
            let (time, key) = place(rows, side, number);
            let to = if is_late.contains(&(side, number)) {
                late.get_mut(side)
            } else if key == NONE {
                self.alone.get_mut(side).map(|alone| alone.entry(time).or_default())
            } else {
                self.rows += 1;
                self.keys.get_mut(key as usize).and_then(|own| own.rows.get_mut(side))
            };
            to.expect("a list for each side of each key").push(number);
        }
        late
    }

    /// Whether a session whose last row is of this time is closed.
    fn is_over(&self, last: i64) -> bool {
        is_late(last.saturating_add(self.gap), self.lateness, self.closed)
    }

    /// Rows that are late by themselves join the sessions that they overlap; the others are late. From the latest on, so that one that
    /// joins a session through another comes after that.
    fn judge(&mut self, rows: &Rows, mut doubtful: Vec<(usize, u32)>) -> HashSet<(usize, u32)> {
        doubtful.sort_by_key(|(side, number)| Reverse(place(rows, *side, *number)));
        doubtful.retain(|(side, number)| {
            let (time, key) = place(rows, *side, *number);
            let joined = self.keys.get(key as usize).map(|own| own.sessions.joined(time, time, self.gap).1);
            let is_open = joined.is_some_and(|end| !is_late(end, self.lateness, self.closed));
            if is_open {
                self.enter(key, time);
            }
            !is_open
        });
        doubtful.into_iter().collect()
    }

    /// The sessions of a key with one more row.
    fn enter(&mut self, key: u32, time: i64) {
        let Some(own) = self.keys.get_mut(key as usize) else { return };
        // Nothing is kept by session, so there is nothing to merge.
        own.sessions.insert(time, time, 0, self.gap);
        let deadline = self.deadline(key);
        if let Some(queued) = self.queued.get_mut(key as usize).filter(|queued| deadline < **queued) {
            self.queue.remove(&(*queued, key));
            self.queue.insert((deadline, key));
            *queued = deadline;
        }
    }

    /// The watermark that closes the first session of a key.
    fn deadline(&self, key: u32) -> i64 {
        let first = self.keys.get(key as usize).and_then(|own| own.sessions.iter().next());
        first.map_or(NEVER, |session| session.end(self.gap).saturating_add(self.lateness).min(NEVER - 1))
    }

    /// Takes out the sessions that the watermark closes, in the order of their ends. Their rows are no longer kept here.
    pub(super) fn close(&mut self, rows: &Rows, watermark: i64) -> Vec<Group> {
        let mut closed = Vec::new();
        if watermark <= self.closed {
            return closed;
        }
        self.closed = watermark;
        let later = self.queue.split_off(&(watermark.saturating_add(1), 0));
        for (_, key) in std::mem::replace(&mut self.queue, later) {
            if let Some(own) = self.keys.get_mut(key as usize) {
                let over: Vec<Session> = own.sessions.close(self.gap, self.lateness, watermark).collect();
                self.rows -= own.take(key, &over, self.gap, rows, &mut closed);
            }
            let deadline = self.deadline(key);
            if let Some(queued) = self.queued.get_mut(key as usize) {
                *queued = deadline;
            }
            if deadline != NEVER {
                self.queue.insert((deadline, key));
            }
        }
        self.close_alone(&mut closed);
        closed.sort_by_key(|group| (group.window.end, group.window.start, group.key));
        closed
    }

    fn close_alone(&mut self, closed: &mut Vec<Group>) {
        for side in 0..2 {
            while let Some(first) = self.alone.get(side).and_then(|alone| alone.keys().next().copied())
                && self.is_over(first)
            {
                let window = Window { start: first, end: first.saturating_add(self.gap) };
                let numbers = self.alone.get_mut(side).and_then(|alone| alone.remove(&first));
                closed.extend(numbers.into_iter().flatten().map(|number| {
                    let sides = if side == 0 { [vec![number], Vec::new()] } else { [Vec::new(), vec![number]] };
                    Group { window, key: NONE, sides }
                }));
            }
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        let alone: usize = self.alone.iter().map(|alone| alone.len() * 48).sum();
        let keys = self.keys.capacity() * size_of::<KeySessions>() + self.queue.len() * (32 + size_of::<Session>());
        keys + self.queued.capacity() * 8 + self.rows * 4 + alone
    }
}

impl KeySessions {
    /// Takes the rows of these sessions, the first ones of the key, out. Returns how many.
    fn take(&mut self, key: u32, over: &[Session], gap: i64, rows: &Rows, closed: &mut Vec<Group>) -> usize {
        let Some(last) = over.last().map(|session| session.last) else { return 0 };
        let before: usize = self.rows.iter().map(Vec::len).sum();
        let window = |session: &Session| Window { start: session.start, end: session.end(gap) };
        let mut own: Vec<Group> =
            over.iter().map(|session| Group { window: window(session), key, sides: Default::default() }).collect();
        if self.sessions.is_empty()
            && let [one] = own.as_mut_slice()
        {
            // As most keys' are.
            one.sides = std::mem::take(&mut self.rows);
        } else {
            for (side, numbers) in self.rows.iter_mut().enumerate() {
                numbers.retain(|number| {
                    let (time, _) = place(rows, side, *number);
                    let at = over.partition_point(|session| session.last < time);
                    let of = own.get_mut(at).filter(|_| time <= last).and_then(|group| group.sides.get_mut(side));
                    of.map(|numbers| numbers.push(*number)).is_none()
                });
            }
        }
        closed.append(&mut own);
        before - self.rows.iter().map(Vec::len).sum::<usize>()
    }
}

/// What arrived, row by row: (side, number).
fn each(arrived: &[Arrived]) -> impl Iterator<Item = (usize, u32)> {
    arrived.iter().flat_map(|Arrived { side, rows }| rows.iter().map(|number| (*side, *number)))
}

/// When a row happened, and its key.
fn place(rows: &Rows, side: usize, number: u32) -> (i64, u32) {
    let kept = rows.sides.get(side).and_then(|side| side.get(number));
    kept.map_or((i64::MIN, NONE), |kept| (kept.time, kept.key))
}

/// Pairs the rows of a session.
pub(super) fn pair(group: &Group, rows: &Rows, pairs: &mut Pairs<'_>) -> Result<(), CallError> {
    let Group { window, sides: [left, right], .. } = group;
    let [keeps_left, keeps_right] = pairs.keeps();
    pairs.begin(*window);
    for number in left {
        right.iter().try_for_each(|partner| pairs.push(*number, *partner, rows))?;
    }
    if right.is_empty() && keeps_left {
        left.iter().try_for_each(|number| pairs.push(*number, NONE, rows))?;
    }
    if left.is_empty() && keeps_right {
        right.iter().try_for_each(|number| pairs.push(NONE, *number, rows))?;
    }
    Ok(())
}
