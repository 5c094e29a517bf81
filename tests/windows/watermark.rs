//! Watermarks of timelines: by a naive rule, which goes through all that has happened for each epoch, and as the engine makes them
//! of the same facts.

use pelton_core::{
    model,
    watermark::{Beginnings, Watermarks},
};

use crate::timeline::{Epoch, Fact, Source, Timeline};

/// What counts: without a part of it, timelines in which that part makes no difference can be told from others.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Files that nobody has read hold the watermark back.
    pub unread: bool,
    /// Nobody waits for sources that are idle.
    pub idle: bool,
}

impl Rule {
    pub const ALL: Self = Self { unread: true, idle: true };
}

/// The watermark after each epoch.
pub fn naive(sources: &[Source], epochs: &[Epoch], rule: Rule) -> Vec<i64> {
    let mut watermarks: Vec<i64> = Vec::new();
    for epoch in 1..=epochs.len() {
        let log = || epochs.iter().take(epoch).flat_map(|epoch| &epoch.facts);
        let (mut waited_for, mut idle) = (Vec::new(), Vec::new());
        for (number, source) in sources.iter().enumerate() {
            if log().any(|fact| matches!(fact, Fact::Ended(of) if *of == number)) {
                continue;
            }
            let furthest = (1..=epoch).map(|epoch| alone(number, source, &epochs[..epoch], rule)).max();
            let is_idle = log().fold(false, |is_idle, fact| match fact {
                Fact::Idle(of, now) if *of == number => *now,
                _ => is_idle,
            });
            if is_idle && rule.idle { idle.extend(furthest) } else { waited_for.extend(furthest) }
        }
        // The slowest of those that somebody waits for; of those that nobody does, the one that has come furthest.
        let now = waited_for.into_iter().min().or(idle.into_iter().max()).unwrap_or(i64::MAX);
        watermarks.push(watermarks.last().map_or(now, |before| now.max(*before)));
    }
    watermarks
}

/// How far a source is by the file that is open after these epochs, whatever was before.
fn alone(number: usize, source: &Source, epochs: &[Epoch], rule: Rule) -> i64 {
    let mut reads = Vec::new();
    for fact in epochs.iter().flat_map(|epoch| &epoch.facts) {
        if let Fact::Read { source, file, latest } = fact
            && *source == number
        {
            reads.push((*file, *latest));
        }
    }
    let Some((open, _)) = reads.last().copied() else { return i64::MIN };
    let latest = reads.iter().filter(|(file, _)| *file == open).filter_map(|(_, latest)| *latest).max();
    let unread = source.beginnings.iter().skip(open as usize + 1).copied().filter(|_| rule.unread).min();
    latest.map_or(i64::MIN, |latest| latest.min(unread.unwrap_or(i64::MAX)).saturating_sub(source.bound))
}

/// The same by the engine, which is told of epochs before it is asked for them.
pub fn of_the_engine(timeline: &Timeline) -> Vec<i64> {
    let beginnings = Beginnings::new(timeline.sources.iter().map(|source| source.beginnings.clone()).collect());
    let mut watermarks = Watermarks::new(timeline.sources.iter().map(|source| source.bound));
    let all: Vec<usize> = (0..timeline.sources.len()).collect();
    let number = |epoch: usize| model::Epoch(epoch as u64 + 1);
    let mut made = Vec::new();
    for (at, epoch) in timeline.epochs.iter().enumerate() {
        for fact in &epoch.facts {
            match *fact {
                Fact::Read { source, file, latest } => {
                    watermarks.reached(source, number(at), file);
                    latest.into_iter().for_each(|latest| watermarks.saw(source, number(at), file, latest));
                }
                Fact::Idle(source, is_idle) => watermarks.idle(source, number(at), is_idle),
                Fact::Ended(source) => watermarks.ended(source, number(at)),
            }
        }
        made.extend(at.checked_sub(1).map(|before| watermarks.watermark(&beginnings, &all, number(before))));
    }
    let last = timeline.epochs.len().checked_sub(1);
    made.extend(last.map(|last| watermarks.watermark(&beginnings, &all, number(last))));
    made
}
