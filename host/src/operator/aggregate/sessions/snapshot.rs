//! How sessions are saved: key by key, with the queue of what happens next as it lies there.

use std::{cmp::Reverse, collections::BinaryHeap};

use pelton_core::{
    checkpoint::{Damage, packed::Packed},
    session::{Session, Sessions},
};
use serde::{Deserialize, Serialize};

use super::{Rounds, SessionWindows};
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
    slots: Packed<'a, u32>,
    deadline_times: Packed<'a, i64>,
    deadline_keys: Packed<'a, u32>,
    next: Packed<'a, i64>,
    /// Keys that wait for early results.
    waiting: Packed<'a, u32>,
}

impl SessionWindows {
    pub fn save(&self, codec: &KeyCodec) -> SavedSessions<'_> {
        let all = || self.sessions.iter().flat_map(Sessions::iter);
        let deadlines = || self.deadlines.iter().map(|Reverse(deadline)| *deadline);
        SavedSessions {
            keys: self.keys.save(codec),
            counts: self.sessions.iter().map(|sessions| sessions.iter().count() as u32).collect(),
            starts: all().map(|session| session.start).collect(),
            lasts: all().map(|session| session.last).collect(),
            slots: all().map(|session| session.slot).collect(),
            deadline_times: deadlines().map(|(at, _)| at).collect(),
            deadline_keys: deadlines().map(|(_, key)| key).collect(),
            next: self.next.as_slice().into(),
            waiting: self.waiting.as_slice().into(),
        }
    }

    /// `gap` is what [`SessionWindows::new`] was given.
    pub fn load(gap: i64, saved: SavedSessions<'_>, codec: &KeyCodec) -> Result<Self, Damage> {
        let keys = NumberedKeys::load(saved.keys, codec)?;
        let taken = keys.are_taken();
        let groups = saved.slots.len();
        let is_whole = [saved.starts.len(), saved.lasts.len()] == [groups; 2]
            && [saved.counts.len(), saved.next.len()] == [taken.len(); 2]
            && saved.deadline_times.len() == saved.deadline_keys.len();
        Damage::unless(is_whole, "sessions that lack a part")?;
        let mut all = saved.starts.iter().zip(saved.lasts.iter()).zip(saved.slots.iter());
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
        Ok(Self {
            gap,
            keys,
            sessions,
            deadlines: BinaryHeap::from(deadlines),
            next: saved.next.into_vec(),
            rounds: Rounds::default(),
            groups,
            waiting,
        })
    }

    /// Where accumulators are.
    pub fn slots(&self) -> Vec<u32> {
        self.sessions.iter().flat_map(Sessions::iter).map(|session| session.slot).collect()
    }

    /// Takes the sessions of another partition's keys that belong here.
    pub fn adopt(&mut self, other: &Self, is_own: &dyn Fn(u64) -> bool, moving: &mut Moving<'_>) -> Picked {
        let picked = self.keys.adopt(&other.keys, is_own);
        self.sessions.resize_with(picked.first(), Sessions::default);
        self.next.resize(picked.first(), i64::MAX);
        for old in picked.old() {
            let from = other.sessions.get(*old as usize).into_iter().flat_map(Sessions::iter);
            let own = from.map(|session| Session { slot: moving.slot(session.slot), ..*session });
            let own: Vec<Session> = own.collect();
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
