//! The lists of all keys, saved and loaded as they lie there: with their links, their free entries and their scratch.
//!
//! Called by whoever saves the state of a windowed operator. A loaded [`TwoStacks`] makes the same plans as the saved one, so that
//! merges are associated as they would have been. Invariant: what is loaded keeps the invariants of [`super::keys`], whatever
//! the bytes were: every link leads to an entry, no list has a circle, each entry and each scratch row has one owner.

use serde::{Deserialize, Serialize};

use super::{
    TwoStacks,
    arena::{Arena, Entry, NONE},
    keys::{EMPTY, Key},
    plan::Operand,
    scratch::{Reference, Rows},
};
use crate::checkpoint::{Damage, are_all_below, packed::Packed};

/// A [`TwoStacks`] as it is saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedStacks<'a> {
    keys: SavedKeys<'a>,
    active: Packed<'a, u32>,
    entries: SavedEntries<'a>,
    free_entry: u32,
    scratch_free: Packed<'a, u32>,
    scratch_given_back: Packed<'a, u32>,
    scratch_rows: u32,
    answer_rows: Packed<'a, u32>,
    closed_start: i64,
    flip_from: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedKeys<'a> {
    heads: Packed<'a, u32>,
    tails: Packed<'a, u32>,
    firsts: Packed<'a, u32>,
    pendings: Packed<'a, u32>,
    backs: Packed<'a, u32>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedEntries<'a> {
    panes: Packed<'a, i64>,
    payloads: Packed<'a, u32>,
    suffixes: Packed<'a, u32>,
    previous: Packed<'a, u32>,
    next: Packed<'a, u32>,
}

impl SavedKeys<'_> {
    fn of(keys: &[Key]) -> Self {
        Self {
            heads: keys.iter().map(|key| key.head).collect(),
            tails: keys.iter().map(|key| key.tail).collect(),
            firsts: keys.iter().map(|key| key.first).collect(),
            pendings: keys.iter().map(|key| key.pending).collect(),
            backs: keys.iter().map(|key| key.back.word()).collect(),
        }
    }

    /// None: not as many of each.
    fn load(&self) -> Option<Vec<Key>> {
        let lengths = [&self.tails, &self.firsts, &self.pendings, &self.backs].map(Packed::len);
        let keys = self.heads.iter().zip(self.tails.iter()).zip(self.firsts.iter().zip(self.pendings.iter()));
        let keys = keys.zip(self.backs.iter()).map(|(((head, tail), (first, pending)), back)| Key {
            head,
            tail,
            first,
            pending,
            back: Reference::from_word(back),
        });
        (lengths == [self.heads.len(); 4]).then(|| keys.collect())
    }
}

impl SavedEntries<'_> {
    fn of(entries: &[Entry]) -> Self {
        Self {
            panes: entries.iter().map(|entry| entry.pane).collect(),
            payloads: entries.iter().map(|entry| entry.payload).collect(),
            suffixes: entries.iter().map(|entry| entry.suffix.word()).collect(),
            previous: entries.iter().map(|entry| entry.previous).collect(),
            next: entries.iter().map(|entry| entry.next).collect(),
        }
    }

    /// None: not as many of each.
    fn load(&self) -> Option<Vec<Entry>> {
        let lengths = [&self.payloads, &self.suffixes, &self.previous, &self.next].map(Packed::len);
        let links = self.previous.iter().zip(self.next.iter());
        let entries = self.panes.iter().zip(self.payloads.iter()).zip(self.suffixes.iter()).zip(links);
        let entries = entries.map(|(((pane, payload), suffix), (previous, next))| Entry {
            pane,
            payload,
            suffix: Reference::from_word(suffix),
            previous,
            next,
        });
        (lengths == [self.panes.len(); 4]).then(|| entries.collect())
    }
}

impl TwoStacks {
    /// To be called between plans: what the last one asked for has been carried out.
    pub fn save(&self) -> SavedStacks<'_> {
        let (free, given_back, rows) = self.scratch.parts();
        SavedStacks {
            keys: SavedKeys::of(&self.keys),
            active: self.active.as_slice().into(),
            entries: SavedEntries::of(self.arena.entries()),
            free_entry: self.arena.free(),
            scratch_free: free.into(),
            scratch_given_back: given_back.into(),
            scratch_rows: rows,
            answer_rows: self.answer_rows.iter().map(|reference| reference.word()).collect(),
            closed_start: self.closed_start,
            flip_from: self.flip_from,
        }
    }

    /// The error says what does not fit together.
    pub fn load(saved: SavedStacks<'_>) -> Result<Self, Damage> {
        let keys = saved.keys.load().ok_or(Damage("keys of windows without a list"))?;
        let entries = saved.entries.load().ok_or(Damage("panes that lack a part"))?;
        let (free, given_back) = (saved.scratch_free.into_vec(), saved.scratch_given_back.into_vec());
        let stacks = Self {
            keys,
            active: saved.active.into_vec(),
            arena: Arena::load(entries, saved.free_entry),
            scratch: Rows::load(free, given_back, saved.scratch_rows),
            answer_rows: saved.answer_rows.iter().map(Reference::from_word).collect(),
            closed_start: saved.closed_start,
            flip_from: saved.flip_from,
            plan: super::Plan::default(),
        };
        stacks.check()?;
        Ok(stacks)
    }

    /// Windows have been closed as far as in `other`, whose panes are to be added.
    pub fn follow(&mut self, other: &Self) {
        self.closed_start = self.closed_start.max(other.closed_start);
        self.flip_from = self.flip_from.max(other.flip_from);
    }

    /// The keys that have panes.
    pub fn active_keys(&self) -> &[u32] {
        &self.active
    }

    /// What the engine gave for each pane.
    pub fn payloads(&self) -> Vec<u32> {
        let entries = self.arena.entries();
        let of_key = |key: &u32| {
            let head = self.keys.get(*key as usize).map_or(NONE, |list| list.head);
            std::iter::successors(entries.get(head as usize), |entry| entries.get(entry.next as usize))
        };
        self.active.iter().flat_map(of_key).map(|entry| entry.payload).collect()
    }

    fn check(&self) -> Result<(), Damage> {
        let entries = self.arena.entries();
        let mut seen = Seen { owned: vec![false; entries.len()], scratch: Vec::new() };
        let mut free = self.arena.free();
        while let Some(index) = free.checked_sub(1) {
            free = seen.visit(entries, index)?.next;
        }
        for key in &self.keys {
            seen.list(entries, key)?;
        }
        Damage::unless(seen.owned.iter().all(|is_owned| *is_owned), "panes of no key")?;
        let has_panes = |key: &Key| key.head != NONE;
        let with_panes = self.keys.iter().zip(0..).filter(|(key, _)| has_panes(key)).map(|(_, number)| number);
        let mut active = self.active.clone();
        active.sort_unstable();
        Damage::unless(with_panes.eq(active), "other keys with panes than it says")?;
        let scratch = seen.scratch.iter().chain(&self.answer_rows);
        let (free, given_back, rows) = self.scratch.parts();
        let used = scratch.filter_map(|reference| match reference.operand() {
            Some(Operand::Scratch(row)) => Some(row),
            Some(Operand::Pane(_)) | None => None,
        });
        let all = used.chain(free.iter().copied()).chain(given_back.iter().copied());
        Damage::unless(are_all_below(rows as usize, all), "rows of scratch with no owner, or with two")
    }
}

/// What the lists have been found to hold.
struct Seen {
    /// By entry.
    owned: Vec<bool>,
    /// Suffixes and backs.
    scratch: Vec<Reference>,
}

impl Seen {
    fn visit<'a>(&mut self, entries: &'a [Entry], index: u32) -> Result<&'a Entry, Damage> {
        let is_owned = self.owned.get_mut(index as usize).ok_or(Damage("a link to a pane that is not there"))?;
        Damage::unless(!std::mem::replace(is_owned, true), "a pane in two lists")?;
        entries.get(index as usize).ok_or(Damage("a link to a pane that is not there"))
    }

    /// Walks the list of a key, through what is kept, front, back and pending.
    fn list(&mut self, entries: &[Entry], key: &Key) -> Result<(), Damage> {
        const WRONG: &str = "a list of panes whose parts do not follow each other";
        if key.head == NONE {
            return Damage::unless(*key == EMPTY, WRONG);
        }
        let (mut at, mut previous, mut part) = (key.head, NONE, Part::Kept);
        let mut last_pane = None;
        let mut back_panes = 0;
        while at != NONE {
            let entry = *self.visit(entries, at)?;
            Damage::unless(entry.previous == previous && last_pane.is_none_or(|last| last < entry.pane), WRONG)?;
            if at == key.first && part == Part::Kept {
                part = Part::Front;
            }
            if at == key.pending && part != Part::Kept {
                part = Part::Pending;
            }
            if part == Part::Front && entry.suffix.is_none() {
                part = Part::Back;
            }
            Damage::unless(entry.suffix.is_none() == (part != Part::Front), WRONG)?;
            back_panes += usize::from(part == Part::Back);
            self.scratch.push(entry.suffix);
            last_pane = Some(entry.pane);
            (previous, at) = (at, entry.next);
        }
        // Both may be behind the end: then all is kept.
        let is_whole = match part {
            Part::Kept => key.first == NONE && key.pending == NONE,
            Part::Front | Part::Back => key.pending == NONE,
            Part::Pending => true,
        };
        self.scratch.push(key.back);
        Damage::unless(is_whole && key.tail == previous && key.back.is_none() == (back_panes == 0), WRONG)
    }
}

/// Where a pane is in its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Kept,
    Front,
    Back,
    Pending,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        random::Random,
        window::{Panes, Window, WindowKind},
    };

    const LENGTH: i64 = 12;
    const SLIDE: i64 = 3;

    /// Panes that come and windows that close, some of them in between asked for from their panes.
    fn step(stacks: &mut TwoStacks, random: &mut Random, time: i64, payload: &mut u32) {
        for _ in 0..random.within(2, 9) {
            let key = random.within(0, 6) as u32;
            let pane = (time - random.within(0, 9)).div_euclid(SLIDE) * SLIDE;
            *payload += u32::from(stacks.upsert(key, pane, *payload) == *payload);
        }
        if random.once_in(3) {
            stacks.fold([(1, Window { start: time - LENGTH, end: time })]);
        }
    }

    fn made() -> (TwoStacks, Vec<Window>) {
        let random = &mut Random::for_test("saved_stacks");
        let panes = Panes::new(&WindowKind::Sliding { length: LENGTH, slide: SLIDE, offset: 0 }).expect("a good kind");
        let mut windows: Vec<Window> = panes.closed(0, 90).collect();
        let rest = windows.split_off(14);
        let mut stacks = TwoStacks::default();
        let mut payload = 0;
        for window in windows {
            step(&mut stacks, random, window.end + 2, &mut payload);
            stacks.close(window, window.start + SLIDE - 6);
        }
        (stacks, rest)
    }

    #[test]
    fn saved_stacks_make_the_same_plans() {
        let (mut whole, windows) = made();
        let size = (whole.scratch_used(), whole.active_keys().len());
        assert!(size.0 > 3 && size.1 > 2, "there is little to save: {size:?}");
        let mut loaded = TwoStacks::load(whole.save()).expect("it was saved");
        let (mut random, mut again) = (Random::for_test("saved_stacks"), Random::for_test("saved_stacks"));
        let (mut payload, mut same) = (1_000, 1_000);
        for window in windows {
            step(&mut whole, &mut random, window.end + 2, &mut payload);
            step(&mut loaded, &mut again, window.end + 2, &mut same);
            let shown = |stacks: &mut TwoStacks| {
                let plan = stacks.close(window, window.start + SLIDE - 6);
                let rounds: Vec<_> = plan.rounds().collect();
                format!("{rounds:?} {:?} {:?} {:?}", plan.answers(), plan.dropped(), plan.forgotten())
            };
            assert_eq!(shown(&mut whole), shown(&mut loaded));
            assert_eq!(format!("{:?}", whole.save()), format!("{:?}", loaded.save()));
        }
    }

    #[test]
    fn damaged_stacks_are_refused_or_can_be_worked_with() {
        let (stacks, windows) = made();
        let numbers = |saved: &SavedStacks<'_>| {
            let (keys, entries) = (&saved.keys, &saved.entries);
            let keys = [&keys.heads, &keys.tails, &keys.firsts, &keys.pendings, &keys.backs].map(Packed::len);
            let entries = [&entries.payloads, &entries.suffixes, &entries.previous, &entries.next].map(Packed::len);
            let rest =
                [&saved.active, &saved.scratch_free, &saved.scratch_given_back, &saved.answer_rows].map(Packed::len);
            keys.into_iter().chain(entries).chain(rest).collect::<Vec<usize>>()
        };
        let (mut refused, mut loaded) = (0, 0);
        for (field, length) in numbers(&stacks.save()).into_iter().enumerate() {
            for at in 0..length {
                for value in [0, 1, 2, 5, 40, 1 << 31, (1 << 31) + 1, NONE - 1, NONE] {
                    let mut saved = stacks.save();
                    let (keys, entries) = (&mut saved.keys, &mut saved.entries);
                    let fields = [
                        &mut keys.heads,
                        &mut keys.tails,
                        &mut keys.firsts,
                        &mut keys.pendings,
                        &mut keys.backs,
                        &mut entries.payloads,
                        &mut entries.suffixes,
                        &mut entries.previous,
                        &mut entries.next,
                        &mut saved.active,
                        &mut saved.scratch_free,
                        &mut saved.scratch_given_back,
                        &mut saved.answer_rows,
                    ];
                    fields.into_iter().nth(field).expect("as many as were counted").0.to_mut()[at] = value;
                    let Ok(mut stacks) = TwoStacks::load(saved) else {
                        refused += 1;
                        continue;
                    };
                    loaded += 1;
                    let mut random = Random::for_test("damaged_stacks");
                    for window in &windows {
                        step(&mut stacks, &mut random, window.end + 2, &mut 1_000);
                        stacks.close(*window, window.start + SLIDE - 6);
                    }
                }
            }
        }
        assert!(refused > loaded && loaded > 0, "{refused} refused, {loaded} loaded");
    }
}
