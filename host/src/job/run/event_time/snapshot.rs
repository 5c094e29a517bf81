//! How far event time had come at the end of an epoch, saved and loaded.
//!
//! The planner runs ahead: what is known of later epochs is left out, and what the epochs up to this one left behind is folded into
//! it, so that the bytes do not depend on who has asked for which watermark.

use std::sync::{Mutex, OnceLock, PoisonError};

use pelton_core::{checkpoint::Damage, model::Epoch};
use serde::{Deserialize, Serialize};

use super::{EventTimes, Source, State};
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
    /// What is known at the end of `epoch`. To be called when its last task is done, and before the watermark of the
    /// epoch after the next is asked for: what came before that is then forgotten.
    pub(in super::super) fn save_as_of(&self, epoch: Epoch) -> Vec<u8> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own =
            State { sources: state.sources.iter().map(|source| source.as_of(epoch)).collect(), ..State::default() };
        let asked = state.settled.iter().filter(|(_, (last, _))| *last <= epoch);
        own.settled = asked.map(|(sources, said)| (sources.clone(), *said)).collect();
        assert_eq!(own.settled.len(), state.settled.len(), "watermarks of later epochs have been settled");
        drop(state);
        // Asking for the next one settles this one.
        let groups: Vec<Vec<usize>> = own.settled.keys().cloned().collect();
        let singles = (0..own.sources.len()).map(|source| vec![source]);
        let all: Vec<Vec<usize>> = groups.iter().cloned().chain(singles).collect();
        let beginnings = self.beginnings.wait();
        for sources in &all {
            own.watermark(beginnings, sources, epoch.next());
        }
        let mut settled: Vec<(Vec<u32>, i64)> = groups
            .iter()
            .filter_map(|sources| Some((sources.iter().map(|at| *at as u32).collect(), own.settled.get(sources)?.1)))
            .collect();
        settled.sort_unstable();
        let saved = Saved { epoch, sources: own.sources.iter().map(Source::save).collect(), settled };
        snapshot::write(&header(saved.sources.len()), &saved, 0)
    }

    /// As it was at the end of the epoch that was saved; `bounds` are those of the sources, as in [`EventTimes::new`].
    pub(in super::super) fn load(bounds: impl Iterator<Item = i64>, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let bounds: Vec<i64> = bounds.collect();
        let saved: Saved = snapshot::read(&header(bounds.len()), bytes)?;
        Damage::unless(saved.sources.len() == bounds.len(), "another number of sources")?;
        let settled = saved.settled.iter().map(|(sources, watermark)| {
            let sources: Vec<usize> = sources.iter().map(|source| *source as usize).collect();
            Damage::unless(sources.iter().all(|source| *source < bounds.len()), "a source that is not there")?;
            Ok((sources, (saved.epoch, *watermark)))
        });
        let settled = settled.collect::<Result<_, Damage>>()?;
        let sources = saved.sources.iter().zip(&bounds).map(|(source, bound)| source.load(*bound, saved.epoch));
        let state = State { sources: sources.collect(), settled };
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
