//! How sessions are saved: key by key, with the queue of what happens next as it lies there.

use std::{cmp::Reverse, collections::BinaryHeap};

use pelton_core::{
    checkpoint::{Damage, packed::Packed},
    session::{Session, Sessions},
};
use serde::{Deserialize, Serialize};

use super::{Rounds, SessionWindows, Strand, Strands};
use crate::{
    operator::aggregate::accumulators::Moving,
    state::{
        keys::KeyCodec,
        numbered::{NumberedKeys, SavedNumbers},
        picked::Picked,
    },
};

/// [`SessionWindows`] as they are saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedSessions<'a> {
    keys: SavedNumbers<'a>,
    /// Sessions of each key.
    counts: Packed<'a, u32>,
    starts: Packed<'a, i64>,
    lasts: Packed<'a, i64>,
    /// Of each session, if it has no strands.
    slots: Packed<'a, u32>,
    deadline_times: Packed<'a, i64>,
    deadline_keys: Packed<'a, u32>,
    next: Packed<'a, i64>,
    /// Keys that wait for early results.
    waiting: Packed<'a, u32>,
    /// Where results depend on the order of rows.
    #[serde(default)]
    strands: Option<SavedStrands<'a>>,
}

/// [`Strands`] as they are saved, session by session.
#[derive(Debug, Serialize, Deserialize)]
struct SavedStrands<'a> {
    /// Strands of each session.
    counts: Packed<'a, u32>,
    arrivals: Packed<'a, u64>,
    slots: Packed<'a, u32>,
    arrived: u64,
}

impl SavedStrands<'_> {
    /// The strands, and the number of each session.
    fn load(&self, sessions: usize) -> Result<(Strands, Vec<u32>), Damage> {
        let is_whole = self.counts.len() == sessions && self.arrivals.len() == self.slots.len();
        Damage::unless(is_whole, "strands of no session")?;
        let mut strands = Strands::from(self.arrived);
        let mut all = self.arrivals.iter().zip(self.slots.iter()).map(|(arrival, slot)| Strand { arrival, slot });
        let mut numbers = Vec::new();
        for count in self.counts.iter() {
            let own: Vec<Strand> = all.by_ref().take(count as usize).collect();
            let is_whole = !own.is_empty() && own.len() == count as usize;
            Damage::unless(is_whole, "a session that lacks a strand")?;
            let is_sound = own.is_sorted_by(|before, after| before.arrival < after.arrival)
                && own.last().is_some_and(|last| last.arrival < self.arrived);
            Damage::unless(is_sound, "strands that came in no order")?;
            numbers.push(strands.begin(own));
        }
        Damage::unless(all.next().is_none(), "strands of no session")?;
        Ok((strands, numbers))
    }
}

impl SessionWindows {
    pub fn save(&self, codec: &KeyCodec) -> SavedSessions<'_> {
        let all = || self.sessions.iter().flat_map(Sessions::iter);
        let deadlines = || self.deadlines.iter().map(|Reverse(deadline)| *deadline);
        let strands = self.strands.as_ref().map(|strands| {
            let own = || all().map(|session| strands.of(session.slot));
            SavedStrands {
                counts: own().map(|own| own.len() as u32).collect(),
                arrivals: own().flatten().map(|strand| strand.arrival).collect(),
                slots: own().flatten().map(|strand| strand.slot).collect(),
                arrived: strands.arrived(),
            }
        });
        let slots = || all().filter(|_| self.strands.is_none()).map(|session| session.slot);
        SavedSessions {
            keys: self.keys.save(codec),
            counts: self.sessions.iter().map(|sessions| sessions.iter().count() as u32).collect(),
            starts: all().map(|session| session.start).collect(),
            lasts: all().map(|session| session.last).collect(),
            slots: slots().collect(),
            deadline_times: deadlines().map(|(at, _)| at).collect(),
            deadline_keys: deadlines().map(|(_, key)| key).collect(),
            next: self.next.as_slice().into(),
            waiting: self.waiting.as_slice().into(),
            strands,
        }
    }

    /// `gap` and `in_order` are what [`SessionWindows::new`] was given.
    pub fn load(gap: i64, in_order: bool, saved: SavedSessions<'_>, codec: &KeyCodec) -> Result<Self, Damage> {
        let keys = NumberedKeys::load(saved.keys, codec)?;
        let taken = keys.are_taken();
        let groups = saved.starts.len();
        let (strands, slots) = match &saved.strands {
            Some(strands) => strands.load(groups).map(|(strands, numbers)| (Some(strands), numbers))?,
            None => (None, saved.slots.iter().collect()),
        };
        let is_whole = [saved.lasts.len(), slots.len()] == [groups; 2]
            && [saved.counts.len(), saved.next.len()] == [taken.len(); 2]
            && saved.deadline_times.len() == saved.deadline_keys.len();
        Damage::unless(is_whole, "sessions that lack a part")?;
        let mut all = saved.starts.iter().zip(saved.lasts.iter()).zip(slots);
        let list = |(count, is_taken): (u32, &bool)| {
            let list = all.by_ref().take(count as usize).map(|((start, last), slot)| Session { start, last, slot });
            let list: Vec<Session> = list.collect();
            let is_whole = list.len() == count as usize && (*is_taken || list.is_empty());
            Damage::unless(is_whole, "sessions of no key")?;
            Sessions::load(list, gap).ok_or(Damage("sessions that are nearer than their gap"))
        };
        let sessions: Vec<Sessions> = saved.counts.iter().zip(&taken).map(list).collect::<Result<_, _>>()?;
        Damage::unless(all.next().is_none(), "sessions of no key")?;
        let waiting = saved.waiting.into_vec();
        let is_key = |key: u32| (key as usize) < taken.len();
        let are_keys = waiting.iter().copied().chain(saved.deadline_keys.iter()).all(is_key);
        Damage::unless(are_keys, "something to happen to no key")?;
        // As it lay there it is a heap, and is taken as it lies.
        let deadlines = saved.deadline_times.iter().zip(saved.deadline_keys.iter()).map(Reverse).collect::<Vec<_>>();
        let mut loaded = Self {
            gap,
            keys,
            sessions,
            deadlines: BinaryHeap::from(deadlines),
            next: saved.next.into_vec(),
            rounds: Rounds::default(),
            strands,
            groups,
            waiting,
        };
        if in_order {
            // Of a snapshot from before strands were kept, or of modules that any order was good for.
            loaded.keep_order();
        }
        Ok(loaded)
    }

    /// Where accumulators are.
    pub fn slots(&self) -> Vec<u32> {
        self.sessions.iter().flat_map(Sessions::iter).flat_map(|session| self.slots_of(session)).collect()
    }

    /// Takes the sessions of another partition's keys that belong here.
    pub fn adopt(&mut self, other: &Self, is_own: &dyn Fn(u64) -> bool, moving: &mut Moving<'_>) -> Picked {
        let picked = self.keys.adopt(&other.keys, is_own);
        if other.strands.is_some() {
            self.keep_order();
        }
        if let Some(strands) = &mut self.strands {
            // Places are compared among the strands of one key, which all come from one partition.
            strands.go_on_from(other.strands.as_ref().map_or(1, Strands::arrived));
        }
        self.sessions.resize_with(picked.first(), Sessions::default);
        self.next.resize(picked.first(), i64::MAX);
        for old in picked.old() {
            let from = other.sessions.get(*old as usize).into_iter().flat_map(Sessions::iter);
            let mut slot_of = |session: &Session| match &mut self.strands {
                Some(strands) => {
                    let own = other.strands_of(session).into_iter();
                    strands.begin(own.map(|strand| Strand { slot: moving.slot(strand.slot), ..strand }).collect())
                }
                None => moving.slot(session.slot),
            };
            let own: Vec<Session> = from.map(|session| Session { slot: slot_of(session), ..*session }).collect();
            self.groups += own.len();
            self.sessions.push(Sessions::load(own, self.gap).expect("they were those of one key"));
            self.next.push(other.next.get(*old as usize).copied().unwrap_or(i64::MAX));
        }
        let deadlines = other.deadlines.iter().filter_map(|Reverse((at, key))| Some(Reverse((*at, picked.of(*key)?))));
        self.deadlines.extend(deadlines);
        self.waiting.extend(other.waiting.iter().filter_map(|key| picked.of(*key)));
        picked
    }
}
