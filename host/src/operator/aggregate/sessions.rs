//! Session windows: for each key its sessions, which grow and merge as rows arrive, and end when the watermark passes them.
//!
//! ```text
//! batch 1   a ··· · ·                      map side: one partial for each run of rows within a batch
//! batch 2         ·· ··      ··            reduce side: partials join the sessions whose windows they overlap
//! key a     [── one session ──gap)  [──)
//! ```
//!
//! Which rows are late is asked of whole sessions: of what the rows of an epoch make together with the sessions that are kept, those
//! that the watermark before the epoch has closed (and the lateness after it). So a row is not late that an open session
//! takes in, and the answer does not depend on how the epoch was cut into batches.
//!
//! Where results depend on the order of rows, the accumulators of a session are those of its [`Strands`].

mod snapshot;
mod strands;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    ops::Range,
};

use pelton_core::{
    job::Emission,
    session::{Session, Sessions},
    window::{Window, is_late},
};
use pelton_wasm::CallError;

pub use self::snapshot::SavedSessions;
use self::strands::{Strand, Strands, Wholes};
use super::{
    Reduced,
    accumulators::{Accumulators, Rounds},
    emit::{Due, Moment},
    joining::Moved,
    lost::{Lost, Unmerged},
    partial::{Content, Partial},
    reduce::{EpochEnd, Tools},
};
use crate::{
    operator::admit::filter,
    state::{keys::KeyStore, numbered::NumberedKeys},
};

/// The sessions of one partition.
#[derive(Debug)]
pub struct SessionWindows {
    gap: i64,
    keys: NumberedKeys,
    /// By key.
    sessions: Vec<Sessions>,
    /// When something happens to a key next, by event time; entries that `next` does not have are old.
    deadlines: BinaryHeap<Reverse<(i64, u32)>>,
    /// By key, its entry in `deadlines`; `i64::MAX` if it has none.
    next: Vec<i64>,
    rounds: Rounds,
    /// Some: results depend on the order of rows. A session has its number there in the place of a slot.
    strands: Option<Strands>,
    groups: usize,
    /// Keys that changed in earlier epochs, and wait for early results.
    waiting: Vec<u32>,
}

/// Is shown a session: its key, and where its accumulators are.
type See<'a> = dyn FnMut((&KeyStore, u32), &Session, &[u32]) + 'a;

impl SessionWindows {
    /// Shows every session, key by key, and where its accumulators are: to be merged in this order.
    pub fn look(&self, see: &mut See<'_>) {
        for (key, sessions) in (0..).zip(&self.sessions) {
            sessions.iter().for_each(|session| see((self.keys.keys(), key), session, &self.slots_of(session)));
        }
    }

    /// One, if their order does not matter.
    fn strands_of(&self, session: &Session) -> Vec<Strand> {
        match &self.strands {
            Some(strands) => strands.of(session.slot).to_vec(),
            None => vec![Strand { arrival: 0, slot: session.slot }],
        }
    }

    fn slots_of(&self, session: &Session) -> Vec<u32> {
        match &self.strands {
            Some(strands) => strands.of(session.slot).iter().map(|strand| strand.slot).collect(),
            None => vec![session.slot],
        }
    }
}

/// The epoch of a partition so far.
#[derive(Default)]
struct Changes {
    /// Keys with new rows, some twice.
    keys: Vec<u32>,
    /// By slot, whether its session has new rows.
    is_changed: Vec<bool>,
    changed: Vec<u32>,
}

/// A run of rows that is late, unless it joins a session.
struct Doubtful<'a> {
    partial: &'a Partial,
    group: u32,
    start: i64,
    last: i64,
    /// Its place among all that came.
    arrival: u64,
}

impl Changes {
    fn insert(&mut self, key: u32, slot: u32) {
        self.keys.push(key);
        let at = slot as usize;
        if at >= self.is_changed.len() {
            self.is_changed.resize(at + 1, false);
        }
        if let Some(is_changed) = self.is_changed.get_mut(at) {
            *is_changed = true;
        }
        self.changed.push(slot);
    }

    fn has(&self, slot: u32) -> bool {
        self.is_changed.get(slot as usize).copied().unwrap_or_default()
    }
}

impl SessionWindows {
    /// `keys` is an empty store whose slots can be used again.
    pub fn new(gap: i64, in_order: bool, keys: KeyStore) -> Self {
        Self {
            gap,
            keys: NumberedKeys::new(keys),
            sessions: Vec::new(),
            deadlines: BinaryHeap::new(),
            next: Vec::new(),
            rounds: Rounds::default(),
            strands: in_order.then(Strands::default),
            groups: 0,
            waiting: Vec::new(),
        }
    }

    /// From now on the order of rows matters, of what has been folded as far as it is known.
    pub fn keep_order(&mut self) {
        if self.strands.is_some() {
            return;
        }
        let mut strands = Strands::default();
        for sessions in &mut self.sessions {
            let list = sessions.iter().map(|session| {
                let strand = Strand { arrival: strands.arrive(), slot: session.slot };
                Session { slot: strands.begin(vec![strand]), ..*session }
            });
            *sessions = Sessions::load(list.collect(), self.gap).expect("they are as far apart as before");
        }
        self.strands = Some(strands);
    }

    pub fn groups(&self) -> usize {
        self.groups
    }

    /// When something happens to a session next, or before it.
    pub fn next_deadline(&self) -> Option<i64> {
        self.deadlines.peek().map(|Reverse((at, _))| *at)
    }

    pub fn held_bytes(&self) -> usize {
        let lists = self.sessions.capacity() * size_of::<Sessions>() + self.groups * size_of::<Session>();
        let strands = self.strands.as_ref().map_or(0, |strands| strands.held_bytes(self.groups));
        self.keys.held_bytes() + lists + strands + self.deadlines.capacity() * 16 + self.next.capacity() * 8
    }

    pub fn reduce(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let mut changes = Changes::default();
        let mut doubtful = Vec::new();
        for (partial, groups) in epoch.pieces() {
            self.insert_piece(tools, accumulators, epoch, (partial, groups), &mut changes, &mut doubtful);
        }
        self.judge(tools, accumulators, epoch, doubtful, &mut changes, out);
        self.settle(&changes);
        let lost = self.rounds.carry_out(accumulators, &mut tools.calls)?;
        if !lost.is_empty() {
            self.bury(tools, accumulators, &changes, lost, out);
        }
        self.emit(tools, accumulators, epoch, changes, out)
    }

    /// Drops the sessions of which a part is lost.
    fn bury(
        &mut self,
        tools: &Tools,
        accumulators: &mut Accumulators,
        changes: &Changes,
        mut lost: Lost,
        out: &mut Reduced,
    ) {
        let mut keys = changes.keys.clone();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let sessions: Vec<Session> =
                self.sessions.get(key as usize).into_iter().flat_map(Sessions::iter).copied().collect();
            for session in sessions {
                let slots = self.slots_of(&session);
                if !slots.iter().any(|slot| lost.is_lost(*slot)) {
                    continue;
                }
                let window = Window { start: session.start, end: session.end(self.gap) };
                let mut unmerged: Vec<Unmerged> = slots.iter().filter_map(|slot| lost.take(*slot)).collect();
                unmerged.truncate(1);
                unmerged.into_iter().for_each(|of| tools.lose_parts(of, (self.keys.keys(), key), window, out));
                self.end(key, session.slot, accumulators);
            }
        }
    }

    /// Drops a session.
    fn end(&mut self, key: u32, slot: u32, accumulators: &mut Accumulators) {
        let Some(sessions) = self.sessions.get_mut(key as usize) else { return };
        sessions.remove(|own| own == slot);
        self.groups -= 1;
        match &mut self.strands {
            Some(strands) => {
                accumulators.release(&strands.end(slot).iter().map(|strand| strand.slot).collect::<Vec<_>>());
            }
            None => accumulators.release(&[slot]),
        }
    }

    /// Joins the runs that are not late by themselves.
    fn insert_piece<'a>(
        &mut self,
        tools: &Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'a>,
        (partial, groups): (&'a Partial, Range<u32>),
        changes: &mut Changes,
        doubtful: &mut Vec<Doubtful<'a>>,
    ) {
        let lateness = tools.plan.window.lateness;
        let mut fresh = Moved::default();
        for group in groups {
            let at = group as usize;
            let (Some(start), Some(last)) = (partial.groups.tags.get(at), partial.lasts.get(at)) else { continue };
            let arrival = self.strands.as_mut().map_or(0, Strands::arrive);
            if is_late(last.saturating_add(self.gap), lateness, epoch.from) {
                doubtful.push(Doubtful { partial, group, start: *start, last: *last, arrival });
                continue;
            }
            let (key, is_new) = self.keys.number(&partial.groups, group);
            if is_new && key as usize >= self.sessions.len() {
                self.sessions.push(Sessions::default());
                self.next.push(i64::MAX);
            }
            let slot = accumulators.allocate();
            fresh.push(slot, group);
            self.insert(key, *start, *last, Strand { arrival, slot }, changes);
        }
        put(&fresh, accumulators, partial);
    }

    fn insert(&mut self, key: u32, start: i64, last: i64, strand: Strand, changes: &mut Changes) {
        let slot = self.strands.as_mut().map_or(strand.slot, |strands| strands.begin(vec![strand]));
        let sessions = self.sessions.get_mut(key as usize).expect("a list for each key");
        let merge = sessions.insert(start, last, slot, self.gap);
        self.groups += 1;
        for absorbed in merge.absorbed.iter() {
            match &mut self.strands {
                Some(strands) => strands.absorb(merge.into, absorbed),
                None => self.rounds.push(merge.into, absorbed),
            }
            self.groups -= 1;
        }
        changes.insert(key, merge.into);
    }

    /// Puts the strands of keys with new rows together as far as that can be.
    fn settle(&mut self, changes: &Changes) {
        let Some(strands) = &mut self.strands else { return };
        let mut keys = changes.keys.clone();
        keys.sort_unstable();
        keys.dedup();
        for sessions in keys.iter().filter_map(|key| self.sessions.get(*key as usize)) {
            let sessions: Vec<u32> = sessions.iter().map(|session| session.slot).collect();
            strands.settle(&sessions, &mut self.rounds);
        }
    }

    /// Joins the runs that are late by themselves to the sessions that they overlap; the others are late. From the
    /// latest on, so that one that joins a session through another comes after that.
    fn judge(
        &mut self,
        tools: &Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        mut doubtful: Vec<Doubtful<'_>>,
        changes: &mut Changes,
        out: &mut Reduced,
    ) {
        let lateness = tools.plan.window.lateness;
        doubtful.sort_by_key(|run| Reverse(run.last));
        // By where the partial is in memory: in which order they are looked at makes no difference.
        let mut late: BTreeMap<*const Partial, (&Partial, Vec<bool>)> = BTreeMap::new();
        for Doubtful { partial, group, start, last, arrival } in doubtful {
            let joined = self.keys.find(&partial.groups, group).and_then(|key| {
                let end = self.sessions.get(key as usize)?.joined(start, last, self.gap).1;
                (!is_late(end, lateness, epoch.from)).then_some(key)
            });
            match joined {
                Some(key) => {
                    let slot = accumulators.allocate();
                    let mut fresh = Moved::default();
                    fresh.push(slot, group);
                    put(&fresh, accumulators, partial);
                    self.insert(key, start, last, Strand { arrival, slot }, changes);
                }
                None => {
                    let (_, groups) =
                        late.entry(partial).or_insert_with(|| (partial, vec![false; partial.groups.len()]));
                    if let Some(is_late) = groups.get_mut(group as usize) {
                        *is_late = true;
                    }
                }
            }
        }
        for partial in epoch.partials {
            let Some((_, is_late)) = late.get(&std::ptr::from_ref(partial.as_ref())) else { continue };
            let Some(rows) = &partial.rows else { continue };
            let is_late = |group: &u32| is_late.get(*group as usize).copied().unwrap_or_default();
            let count = rows.groups.iter().filter(|group| is_late(group)).count();
            out.stats.late += count as u64;
            if tools.plan.late.is_some() {
                out.late.push(filter(&rows.batch, rows.groups.iter().map(is_late)));
            }
        }
    }

    /// Emits what changed and what ended, in order of the ends, and forgets what takes no more rows.
    fn emit(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        mut changes: Changes,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let mut keys = std::mem::take(&mut changes.keys);
        let mut waiting = Vec::new();
        if matches!(tools.plan.emission, Emission::Early(_)) {
            self.waiting.extend(&keys);
            if epoch.emits_open {
                waiting = std::mem::take(&mut self.waiting);
                waiting.sort_unstable();
                waiting.dedup();
                keys.extend(&waiting);
            }
        }
        while let Some(Reverse((at, key))) = self.deadlines.peek().copied()
            && at <= epoch.to
        {
            self.deadlines.pop();
            if let Some(next) = self.next.get_mut(key as usize)
                && *next == at
            {
                *next = i64::MAX;
                keys.push(key);
            }
        }
        keys.sort_unstable();
        keys.dedup();
        let mut leaving: Vec<(Window, u32, u32, Moment)> = Vec::new();
        for key in &keys {
            for session in self.sessions.get(*key as usize).into_iter().flat_map(Sessions::iter) {
                let is_changed = changes.has(session.slot);
                // Which of a key's open sessions changed is not remembered: all of them leave again.
                let is_open = session.end(self.gap) > epoch.to;
                let is_changed = is_changed || is_open && waiting.binary_search(key).is_ok();
                if let Some(moment) = moment(epoch, session.end(self.gap), is_changed) {
                    let window = Window { start: session.start, end: session.end(self.gap) };
                    leaving.push((window, *key, session.slot, moment));
                }
            }
        }
        leaving.sort_unstable_by_key(|(window, key, ..)| (window.end, window.start, *key));
        let mut wholes = Wholes::default();
        let strands = self.strands.as_ref();
        let whole = |slot: u32| strands.map_or(slot, |strands| wholes.of(strands.of(slot), accumulators));
        let at: Vec<u32> = leaving.iter().map(|(_, _, slot, _)| *slot).map(whole).collect();
        let mut lost = wholes.merge(accumulators, &mut tools.calls)?;
        let mut due = Due::with_capacity(leaving.len());
        let mut gone = Vec::new();
        for ((window, key, session, moment), slot) in leaving.into_iter().zip(at) {
            match lost.take(slot) {
                None => due.push(key, slot, window, moment),
                Some(unmerged) => {
                    tools.lose_parts(unmerged, (self.keys.keys(), key), window, out);
                    gone.push((key, session));
                }
            }
        }
        tools.emit(epoch.context, &due, self.keys.keys(), accumulators, out)?;
        wholes.release(accumulators);
        gone.into_iter().for_each(|(key, session)| self.end(key, session, accumulators));
        for key in keys {
            self.forget(key, tools.plan.window.lateness, epoch.to, accumulators);
        }
        Ok(())
    }

    /// Forgets the sessions of a key that take no more rows, and sets its deadline anew.
    fn forget(&mut self, key: u32, lateness: i64, watermark: i64, accumulators: &mut Accumulators) {
        let (Some(sessions), Some(next)) = (self.sessions.get_mut(key as usize), self.next.get_mut(key as usize))
        else {
            return;
        };
        let closed: Vec<u32> = sessions.close(self.gap, lateness, watermark).map(|session| session.slot).collect();
        self.groups -= closed.len();
        let slots: Vec<u32> = match &mut self.strands {
            Some(strands) => {
                closed.iter().flat_map(|session| strands.end(*session)).map(|strand| strand.slot).collect()
            }
            None => closed,
        };
        accumulators.release(&slots);
        let deadline = |session: &Session| {
            let end = session.end(self.gap);
            if end > watermark { end } else { end.saturating_add(lateness) }
        };
        match sessions.iter().map(deadline).min() {
            Some(deadline) if deadline != *next => {
                *next = deadline;
                self.deadlines.push(Reverse((deadline, key)));
            }
            Some(_) => {}
            None => {
                *next = i64::MAX;
                self.keys.forget(key);
            }
        }
    }
}

/// Whether a session leaves, and as what.
fn moment(epoch: &EpochEnd<'_>, end: i64, is_changed: bool) -> Option<Moment> {
    if end <= epoch.from {
        is_changed.then_some(Moment::Late)
    } else if end <= epoch.to {
        Some(Moment::OnTime)
    } else {
        (is_changed && epoch.emits_open).then_some(Moment::Early)
    }
}

/// The map side folds every session of a batch.
fn put(fresh: &Moved, accumulators: &mut Accumulators, partial: &Partial) {
    if let Content::Accumulators(columns) = &partial.content {
        fresh.put(accumulators, columns);
    }
}
