//! How far event time had come at the end of an epoch, as it is kept in a snapshot.
//!
//! Whoever asks is ahead or behind: what is known of later epochs is left out, and what the epochs up to this one left behind is
//! folded into it, so that it does not depend on who has asked for which watermark.

use serde::{Deserialize, Serialize};

use super::{Beginnings, Watermarks, sources::Source};
use crate::{checkpoint::Damage, model::Epoch};

/// What [`Watermarks::as_of`] leaves of the epochs up to one.
#[derive(Debug, Serialize, Deserialize)]
pub struct Saved {
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

impl Watermarks {
    pub fn sources(&self) -> usize {
        self.sources.len()
    }

    /// What is known at the end of `epoch`, of which all facts have been told; no watermark has been asked for of the epoch after
    /// the next, for which what came before is forgotten.
    pub fn as_of(&self, beginnings: &Beginnings, epoch: Epoch) -> Saved {
        let mut own =
            Self { sources: self.sources.iter().map(|source| source.as_of(epoch)).collect(), ..Self::default() };
        let asked = self.settled.iter().filter(|(_, (last, _))| *last <= epoch);
        own.settled = asked.map(|(sources, said)| (sources.clone(), *said)).collect();
        assert_eq!(own.settled.len(), self.settled.len(), "watermarks of later epochs have been settled");
        // Asking for the next one settles this one.
        let groups: Vec<Vec<usize>> = own.settled.keys().cloned().collect();
        for sources in &groups {
            own.watermark(beginnings, sources, epoch.next());
        }
        for source in 0..own.sources.len() {
            own.settle(beginnings, source, epoch.next());
        }
        let mut settled: Vec<(Vec<u32>, i64)> = groups
            .iter()
            .filter_map(|sources| Some((sources.iter().map(|at| *at as u32).collect(), own.settled.get(sources)?.1)))
            .collect();
        settled.sort_unstable();
        Saved { epoch, sources: own.sources.iter().map(Source::save).collect(), settled }
    }

    /// As it was at the end of the epoch that was saved. `bounds` are those of the sources that there are now, as in
    /// [`Watermarks::new`], and `places` says which of them each is that was saved; none: it is gone. One that is new begins without
    /// event time.
    pub fn load(bounds: &[i64], saved: &Saved, places: &[Option<usize>]) -> Result<Self, Damage> {
        Damage::unless(saved.sources.len() == places.len(), "another number of sources")?;
        let mut own = Self::new(bounds.iter().copied());
        for (source, place) in saved.sources.iter().zip(places) {
            if let Some(now) = place.and_then(|at| own.sources.get_mut(at)) {
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
                own.settled.insert(now, (saved.epoch, *watermark));
            }
        }
        Ok(own)
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
