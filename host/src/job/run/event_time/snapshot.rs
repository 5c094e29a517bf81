//! How far event time had come at the end of an epoch, saved and loaded.
//!
//! The planner runs ahead: what is known of later epochs is left out, and what the epochs up to this one left behind is folded into
//! it, so that the bytes do not depend on who has asked for which watermark.

use std::sync::{Mutex, OnceLock, PoisonError};

use pelton_core::{checkpoint::Damage, model::Epoch};
use serde::{Deserialize, Serialize};

use super::{super::checkpoints::SavedTimes, EventTimes, Source, State};
use crate::state::snapshot::{self, Header, Kind, SnapshotError};

#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    epoch: Epoch,
    sources: Vec<SavedSource>,
    /// (sources, their watermark), in order of the sources.
    settled: Vec<(Vec<u32>, i64)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedSource {
    /// (partition, latest event time) of those that are not read to their end.
    latest: Vec<(u32, i64)>,
    /// The partition that was read last.
    reached: Option<u32>,
    has_ended: bool,
    idle: Option<bool>,
    watermark: i64,
}

impl EventTimes {
    /// What is known at the end of `epoch`. To be called by a task of its reduce side: all of its rows have been seen then, and
    /// nobody can ask yet for the watermark of the epoch after the next, for which what came before is forgotten.
    pub(in super::super) fn save_as_of(&self, epoch: Epoch) -> Vec<u8> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own =
            State { sources: state.sources.iter().map(|source| source.as_of(epoch)).collect(), ..State::default() };
        let asked = state.settled.iter().filter(|(_, (last, _))| *last <= epoch);
        own.settled = asked.map(|(sources, said)| (sources.clone(), *said)).collect();
        assert_eq!(own.settled.len(), state.settled.len(), "watermarks of later epochs have been settled");
        drop(state);
        // Asking for the next one settles this one.
        let beginnings = self.beginnings.wait();
        let groups: Vec<Vec<usize>> = own.settled.keys().cloned().collect();
        for sources in &groups {
            own.watermark(beginnings, sources, epoch.next());
        }
        for (at, source) in own.sources.iter_mut().enumerate() {
            source.watermark(epoch.next(), beginnings.get(at).map(Vec::as_slice).unwrap_or_default());
        }
        let mut settled: Vec<(Vec<u32>, i64)> = groups
            .iter()
            .filter_map(|sources| Some((sources.iter().map(|at| *at as u32).collect(), own.settled.get(sources)?.1)))
            .collect();
        settled.sort_unstable();
        let saved = Saved { epoch, sources: own.sources.iter().map(Source::save).collect(), settled };
        snapshot::write(&header(saved.sources.len()), &saved, 0)
    }

    /// As it was at the end of the epoch that was saved; `sources` are the names of the sources and their bounds, as in [`EventTimes::new`].
    /// A source that was not there then begins without event time.
    pub(in super::super) fn load<'a>(
        sources: impl Iterator<Item = (&'a str, i64)>,
        of: &SavedTimes,
    ) -> Result<Self, SnapshotError> {
        let (names, bounds): (Vec<&str>, Vec<i64>) = sources.unzip();
        let count = if of.sources.is_empty() { names.len() } else { of.sources.len() };
        let saved: Saved = snapshot::read(&header(count), &of.bytes)?;
        Damage::unless(saved.sources.len() == count, "another number of sources")?;
        // Where each of those that were saved is now.
        let places: Vec<Option<usize>> = match of.sources.as_slice() {
            [] => (0..count).map(Some).collect(),
            known => known.iter().map(|known| names.iter().position(|name| name == known)).collect(),
        };
        let mut state = Self::new(bounds.into_iter()).state.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (source, place) in saved.sources.iter().zip(&places) {
            if let Some(now) = place.and_then(|at| state.sources.get_mut(at)) {
                *now = source.load(now.bound, saved.epoch);
            }
        }
        for (sources, watermark) in &saved.settled {
            let is_there = sources.iter().all(|source| (*source as usize) < places.len());
            Damage::unless(is_there, "a source that is not there")?;
            let now = sources.iter().map(|source| places.get(*source as usize).copied().flatten());
            // What was said of sources of which one is gone, nobody asks again.
            if let Some(mut now) = now.collect::<Option<Vec<usize>>>() {
                now.sort_unstable();
                state.settled.insert(now, (saved.epoch, *watermark));
            }
        }
        Ok(Self { state: Mutex::new(state), beginnings: OnceLock::new() })
    }
}

impl Source {
    /// Without what later epochs brought.
    fn as_of(&self, epoch: Epoch) -> Self {
        assert!(self.settled.0 <= epoch, "the watermark of a later epoch has been settled");
        Self {
            bound: self.bound,
            latest: self.latest.range(..=(epoch, u32::MAX)).map(|(at, latest)| (*at, *latest)).collect(),
            reached: self.reached.range(..=epoch).map(|(at, partition)| (*at, *partition)).collect(),
            ended: self.ended.filter(|ended| *ended <= epoch),
            idle: self.idle.range(..=epoch).map(|(at, is_idle)| (*at, *is_idle)).collect(),
            settled: self.settled,
        }
    }

    /// Of one that has been settled at the epoch that is saved.
    fn save(&self) -> SavedSource {
        if self.ended.is_some() {
            // Nobody asks again how far it had come.
            return SavedSource { latest: Vec::new(), reached: None, has_ended: true, idle: None, watermark: i64::MAX };
        }
        SavedSource {
            latest: self.latest.iter().map(|((_, partition), latest)| (*partition, *latest)).collect(),
            reached: self.reached.values().next_back().copied(),
            has_ended: false,
            idle: self.idle.values().next_back().copied(),
            watermark: self.settled.1,
        }
    }
}

impl SavedSource {
    fn load(&self, bound: i64, epoch: Epoch) -> Source {
        Source {
            bound,
            latest: self.latest.iter().map(|(partition, latest)| ((epoch, *partition), *latest)).collect(),
            reached: self.reached.iter().map(|partition| (epoch, *partition)).collect(),
            ended: self.has_ended.then_some(epoch),
            idle: self.idle.iter().map(|is_idle| (epoch, *is_idle)).collect(),
            settled: (epoch, self.watermark),
        }
    }
}

fn header(sources: usize) -> Header<'static> {
    Header { kind: Kind::EventTimes, shape: format!("{sources} sources").into(), partition: 0 }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::*;

    const BOUNDS: [i64; 3] = [0, 10, 3];
    const GROUPS: [&[usize]; 4] = [&[0], &[1], &[0, 1], &[0, 1, 2]];
    const EPOCHS: u64 = 12;
    const NAMES: [&str; 3] = ["a", "b", "c"];

    /// Into a job with the sources of [`BOUNDS`], from bytes of sources of these names.
    fn load(of: &[&str], bytes: &[u8]) -> Result<EventTimes, SnapshotError> {
        let saved = SavedTimes { sources: of.iter().map(|name| (*name).to_owned()).collect(), bytes: bytes.to_vec() };
        EventTimes::load(NAMES.into_iter().zip(BOUNDS), &saved)
    }

    /// What an epoch tells of the sources.
    enum Fact {
        Saw(usize, u32, i64),
        Ended(usize),
        Idle(usize, bool),
    }

    fn facts(random: &mut StdRng) -> Vec<Vec<Fact>> {
        let mut open = [0_u32; 3];
        let mut ended = [false; 3];
        let mut epoch = |at: u64| {
            let mut facts = Vec::new();
            for source in 0..3 {
                if ended[source] || random.random_ratio(1, 4) {
                    continue;
                }
                if random.random_ratio(1, 4) {
                    facts.push(Fact::Idle(source, random.random()));
                }
                for _ in 0..random.random_range(0..3) {
                    open[source] += u32::from(random.random_ratio(1, 4));
                    facts.push(Fact::Saw(source, open[source], at as i64 * 20 + random.random_range(-30..30)));
                }
                ended[source] = random.random_ratio(1, 30);
                if ended[source] {
                    facts.push(Fact::Ended(source));
                }
            }
            facts
        };
        (1..=EPOCHS).map(&mut epoch).collect()
    }

    fn tell(times: &EventTimes, epoch: u64, facts: &[Fact]) {
        for fact in facts {
            match *fact {
                Fact::Saw(source, partition, latest) => {
                    times.reached(source, Epoch(epoch), partition);
                    times.saw(source, Epoch(epoch), partition, latest);
                }
                Fact::Ended(source) => times.ended(source, Epoch(epoch)),
                Fact::Idle(source, is_idle) => times.idle(source, Epoch(epoch), is_idle),
            }
        }
    }

    fn ask(times: &EventTimes, epoch: u64) -> Vec<i64> {
        GROUPS.iter().map(|of| times.watermark(of, Epoch(epoch))).collect()
    }

    fn new(beginnings: &[Vec<i64>]) -> EventTimes {
        let times = EventTimes::new(BOUNDS.into_iter());
        times.begin(beginnings.to_vec());
        times
    }

    #[test]
    fn watermarks_go_on_as_if_nothing_had_happened() {
        for seed in 0..500 {
            let random = &mut StdRng::seed_from_u64(seed);
            let beginnings = vec![vec![0, 25, 90, 100], Vec::new(), vec![10, 15, 300]];
            let facts = facts(random);
            let saved_at = random.random_range(1..EPOCHS);
            let whole = new(&beginnings);
            for (epoch, facts) in (1..=saved_at).zip(&facts) {
                tell(&whole, epoch, facts);
                ask(&whole, epoch);
            }
            let bytes = whole.save_as_of(Epoch(saved_at));
            // The next epoch may have begun, and its map sides ask how far the one before has come.
            let mut later = facts.iter().zip(1..).skip(saved_at as usize).take(2);
            later.clone().for_each(|(facts, epoch)| tell(&whole, epoch, facts));
            ask(&whole, saved_at);
            assert_eq!(whole.save_as_of(Epoch(saved_at)), bytes, "seed {seed}: what comes later is left out");
            if later.next().is_some() {
                ask(&whole, saved_at + 1);
                assert_eq!(whole.save_as_of(Epoch(saved_at)), bytes, "seed {seed}: also when it has been asked for");
            }
            let loaded = load(&NAMES, &bytes).unwrap();
            loaded.begin(beginnings);
            assert_eq!(loaded.save_as_of(Epoch(saved_at)), bytes, "seed {seed}");
            for (epoch, facts) in (1..=EPOCHS).zip(&facts).skip(saved_at as usize) {
                tell(&loaded, epoch, facts);
                if epoch > saved_at + 2 {
                    tell(&whole, epoch, facts);
                }
                assert_eq!(ask(&whole, epoch - 1), ask(&loaded, epoch - 1), "seed {seed}, before epoch {epoch}");
                assert_eq!(ask(&whole, epoch), ask(&loaded, epoch), "seed {seed}, epoch {epoch}");
            }
        }
    }

    #[test]
    fn bytes_of_other_sources_are_refused_and_damaged_ones_never_panic() {
        let times = new(&[]);
        tell(&times, 1, &[Fact::Saw(0, 1, 70), Fact::Saw(1, 0, 5), Fact::Idle(2, true)]);
        ask(&times, 1);
        let bytes = times.save_as_of(Epoch(1));
        let error = load(&NAMES[..1], &bytes).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it is a snapshot of the event times of 3 sources, and not of the event times of 1 sources"
        );
        for at in 0..bytes.len() {
            assert!(load(&NAMES, &bytes[..at]).is_err());
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                if let Ok(loaded) = load(&NAMES, &damaged) {
                    loaded.begin(Vec::new());
                    let epoch = loaded.state.lock().unwrap().sources[0].settled.0.next();
                    assert_eq!(GROUPS.map(|of| loaded.watermark(of, epoch)).len(), 4);
                }
            }
        }
    }

    #[test]
    fn sources_are_found_by_their_names() {
        let times = new(&[]);
        tell(&times, 1, &[Fact::Saw(0, 1, 70), Fact::Saw(1, 0, 5), Fact::Saw(2, 0, 300)]);
        ask(&times, 1);
        let bytes = times.save_as_of(Epoch(1));
        let at = |of: &[&str], asked: &[usize]| {
            let loaded = load(of, &bytes).unwrap();
            loaded.begin(Vec::new());
            loaded.watermark(asked, Epoch(1))
        };
        // Their bounds are those that they have now: of `a` none, of `b` ten, of `c` three.
        assert_eq!([at(&NAMES, &[0]), at(&NAMES, &[1]), at(&NAMES, &[2])], [70, -5, 297]);
        assert_eq!([at(&["c", "b", "a"], &[2]), at(&["c", "b", "a"], &[1])], [70, -5], "in another order");
        assert_eq!(at(&["b", "a", "c"], &[0, 1]), -5, "what was said of two of them together");
        assert_eq!(at(&["gone", "b", "a"], &[2]), i64::MIN, "one that was not there");
        assert_eq!(at(&["gone", "b", "a"], &[1]), -5);
        assert_eq!(at(&[], &[2]), 297, "of a snapshot without names");
    }
}
