//! How far event time had come at the end of an epoch, saved and loaded.
//!
//! The planner runs ahead: the bytes do not depend on what is known of later epochs, nor on who has asked for which watermark.

use std::sync::{Mutex, OnceLock};

use pelton_core::{
    model::Epoch,
    watermark::{Saved, Watermarks},
};

use super::{super::checkpoints::SavedTimes, EventTimes};
use crate::state::snapshot::{self, Header, Kind, SnapshotError};

impl EventTimes {
    /// What is known at the end of `epoch`. To be called by a task of its reduce side: all of its rows have been seen then, and
    /// nobody can ask yet for the watermark of the epoch after the next, for which what came before is forgotten.
    pub(in crate::job::run) fn save_as_of(&self, epoch: Epoch) -> Vec<u8> {
        let beginnings = self.beginnings.wait();
        let state = self.state();
        let (sources, saved) = (state.sources(), state.as_of(beginnings, epoch));
        drop(state);
        snapshot::write(&header(sources), &saved, 0)
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
        // Where each of those that were saved is now.
        let places: Vec<Option<usize>> = match of.sources.as_slice() {
            [] => (0..count).map(Some).collect(),
            known => known.iter().map(|known| names.iter().position(|name| name == known)).collect(),
        };
        let state = Watermarks::load(&bounds, &saved, &places)?;
        Ok(Self { state: Mutex::new(state), beginnings: OnceLock::new() })
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
        crate::seeds::each("-p pelton --lib watermarks_go_on_as_if", 0..500, |seed| {
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
            assert_eq!(whole.save_as_of(Epoch(saved_at)), bytes, "what comes later is left out");
            if later.next().is_some() {
                ask(&whole, saved_at + 1);
                assert_eq!(whole.save_as_of(Epoch(saved_at)), bytes, "also when it has been asked for");
            }
            let loaded = load(&NAMES, &bytes).unwrap();
            loaded.begin(beginnings);
            assert_eq!(loaded.save_as_of(Epoch(saved_at)), bytes);
            for (epoch, facts) in (1..=EPOCHS).zip(&facts).skip(saved_at as usize) {
                tell(&loaded, epoch, facts);
                if epoch > saved_at + 2 {
                    tell(&whole, epoch, facts);
                }
                assert_eq!(ask(&whole, epoch - 1), ask(&loaded, epoch - 1), "before epoch {epoch}");
                assert_eq!(ask(&whole, epoch), ask(&loaded, epoch), "epoch {epoch}");
            }
        });
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
                    assert_eq!(GROUPS.map(|of| loaded.watermark(of, Epoch(2))).len(), 4);
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
