//! Watermarks against a log of facts that is read from its beginning each time, and against what they promise: no row that comes
//! within its file's bound is late.

use super::*;
use crate::{model::Epoch, random::Random};

/// What an epoch tells, in the order in which it happened.
#[derive(Debug, Clone, Copy)]
enum Fact {
    /// Rows of a source's partition came, up to this time; none: no row had a sound one.
    Read(usize, u32, Option<i64>),
    Idle(usize, bool),
    Ended(usize),
}

/// A source and its files: for each batch the sound times of its rows, in the order in which they come.
#[derive(Debug)]
struct Told {
    bound: i64,
    files: Vec<Vec<Vec<i64>>>,
    /// How each file begins; empty: nobody has looked.
    first_times: Vec<i64>,
}

impl Told {
    fn random(random: &mut Random) -> Self {
        let bound = random.within(0, 20);
        let mut files = Vec::new();
        for _ in 0..random.within(1, 5) {
            let mut front = random.within(-200, 200);
            let mut batches = Vec::new();
            for _ in 0..random.within(0, 6) {
                let rows = if random.once_in(8) { 0 } else { random.within(1, 5) };
                let mut times = Vec::new();
                for _ in 0..rows {
                    front += random.within(0, 15);
                    times.push(front - random.within(0, bound + 1));
                }
                batches.push(times);
            }
            files.push(batches);
        }
        let begins = |file: &Vec<Vec<i64>>| match file.first() {
            None => i64::MAX,
            // What has rows, but none to tell by, is waited for.
            Some(batch) => batch.iter().copied().min().unwrap_or(i64::MIN),
        };
        let first_times = if random.once_in(4) { Vec::new() } else { files.iter().map(begins).collect() };
        Self { bound, files, first_times }
    }

    fn is_known(&self) -> bool {
        self.files.len() == 1 || !self.first_times.is_empty()
    }
}

/// What happens to some sources, epoch by epoch.
#[derive(Debug)]
struct Story {
    sources: Vec<Told>,
    epochs: Vec<Vec<Fact>>,
    /// The sound times of each source that each epoch brings.
    rows: Vec<Vec<(usize, i64)>>,
    was_idle: Vec<bool>,
}

impl Story {
    fn random(random: &mut Random) -> Self {
        let sources: Vec<Told> = (0..random.within(1, 4)).map(|_| Told::random(random)).collect();
        let mut batches: Vec<_> = sources
            .iter()
            .map(|told| (0..).zip(&told.files).flat_map(|(file, batches)| batches.iter().map(move |rows| (file, rows))))
            .collect();
        let (mut epochs, mut rows) = (Vec::new(), Vec::new());
        let (mut is_idle, mut was_idle) = (vec![false; sources.len()], vec![false; sources.len()]);
        let mut has_ended = vec![false; sources.len()];
        for _ in 0..random.within(1, 25) {
            let (mut facts, mut brought) = (Vec::new(), Vec::new());
            for (source, batches) in batches.iter_mut().enumerate() {
                let (mut is_read, mut is_over) = (false, false);
                for _ in 0..random.within(0, 3) {
                    let Some((file, times)) = batches.next() else {
                        is_over = true;
                        break;
                    };
                    is_read = true;
                    facts.push(Fact::Read(source, file, times.iter().copied().max()));
                    brought.extend(times.iter().map(|time| (source, *time)));
                    if std::mem::take(&mut is_idle[source]) {
                        facts.push(Fact::Idle(source, false));
                    }
                }
                // Some sources never come to an end, as those that watch.
                if is_over && !has_ended[source] && random.once_in(2) {
                    has_ended[source] = true;
                    facts.push(Fact::Ended(source));
                } else if !is_read && !is_idle[source] && !has_ended[source] && random.once_in(3) {
                    (is_idle[source], was_idle[source]) = (true, true);
                    facts.push(Fact::Idle(source, true));
                }
            }
            epochs.push(facts);
            rows.push(brought);
        }
        drop(batches);
        Self { sources, epochs, rows, was_idle }
    }

    fn beginnings(&self) -> Beginnings {
        Beginnings::new(self.sources.iter().map(|told| told.first_times.clone()).collect())
    }

    fn tell(&self, watermarks: &mut Watermarks, epoch: usize) {
        for fact in self.epochs.get(epoch - 1).into_iter().flatten() {
            let epoch = Epoch(epoch as u64);
            match *fact {
                Fact::Read(source, partition, latest) => {
                    watermarks.reached(source, epoch, partition);
                    latest.into_iter().for_each(|latest| watermarks.saw(source, epoch, partition, latest));
                }
                Fact::Idle(source, is_idle) => watermarks.idle(source, epoch, is_idle),
                Fact::Ended(source) => watermarks.ended(source, epoch),
            }
        }
    }

    /// All facts up to the end of an epoch.
    fn log(&self, epoch: usize) -> impl DoubleEndedIterator<Item = Fact> {
        self.epochs.iter().take(epoch).flatten().copied()
    }

    /// How far the files of a source had come at the end of an epoch, forgetting how far they had before.
    fn alone(&self, source: usize, epoch: usize) -> i64 {
        let told = &self.sources[source];
        let reads = || {
            self.log(epoch).filter_map(move |fact| match fact {
                Fact::Read(of, file, latest) if of == source => Some((file, latest)),
                _ => None,
            })
        };
        let Some((open, _)) = reads().next_back() else { return i64::MIN };
        let Some(latest) = reads().filter(|(file, _)| *file == open).filter_map(|(_, latest)| latest).max() else {
            return i64::MIN;
        };
        let unread = told.first_times.iter().skip(open as usize + 1).copied().min();
        unread.map_or(latest, |unread| latest.min(unread)).saturating_sub(told.bound)
    }

    /// The watermark by its definition.
    fn naive(&self, of: &[usize], epoch: usize) -> i64 {
        let at = |epoch: usize| {
            let (mut waited_for, mut idle) = (Vec::new(), Vec::new());
            for source in of {
                let has_ended = self.log(epoch).any(|fact| matches!(fact, Fact::Ended(of) if of == *source));
                if has_ended {
                    continue;
                }
                let furthest = (1..=epoch).map(|epoch| self.alone(*source, epoch)).max().unwrap_or(i64::MIN);
                let is_idle = self.log(epoch).rev().find_map(|fact| match fact {
                    Fact::Idle(of, is_idle) if of == *source => Some(is_idle),
                    _ => None,
                });
                if is_idle == Some(true) { idle.push(furthest) } else { waited_for.push(furthest) }
            }
            waited_for.into_iter().min().or(idle.into_iter().max()).unwrap_or(i64::MAX)
        };
        (1..=epoch).map(at).max().unwrap_or(i64::MIN)
    }
}

#[test]
fn watermarks_follow_their_definition_and_never_go_back() {
    let mut random = Random::for_test("watermarks_follow_their_definition");
    let (mut idle, mut back, mut never_back, mut ended, mut held) = (0, 0, 0, 0, 0);
    for _ in 0..2_000 {
        let story = Story::random(&mut random);
        let beginnings = story.beginnings();
        let mut watermarks = Watermarks::new(story.sources.iter().map(|told| told.bound));
        // Each source alone, and all of them.
        let mut groups: Vec<Vec<usize>> = (0..story.sources.len()).map(|source| vec![source]).collect();
        groups.push((0..story.sources.len()).collect());
        let mut highest = vec![i64::MIN; groups.len()];
        let mut told = 0;
        for epoch in 1..=story.epochs.len() {
            // Facts of the next epoch may be there already.
            while told < epoch || told == epoch && told < story.epochs.len() && random.once_in(3) {
                told += 1;
                story.tell(&mut watermarks, told);
            }
            for (group, highest) in groups.iter().zip(&mut highest) {
                for (source, time) in &story.rows[epoch - 1] {
                    let counts =
                        group.contains(source) && !story.was_idle[*source] && story.sources[*source].is_known();
                    assert!(
                        !counts || *time >= *highest,
                        "epoch {epoch}: a row of {time} is late at {highest}: {story:#?}"
                    );
                }
                let expected = story.naive(group, epoch);
                let got = watermarks.watermark(&beginnings, group, Epoch(epoch as u64));
                assert_eq!(got, expected, "epoch {epoch} of {group:?}: {story:#?}");
                assert!(got >= *highest, "epoch {epoch} of {group:?} goes back: {story:#?}");
                *highest = got;
                // Those of the next epoch ask for it as well.
                assert_eq!(watermarks.watermark(&beginnings, group, Epoch(epoch as u64)), got);
            }
        }
        let facts = || story.epochs.iter().flatten();
        idle += facts().filter(|fact| matches!(fact, Fact::Idle(_, true))).count();
        back += facts().filter(|fact| matches!(fact, Fact::Idle(_, false))).count();
        ended += facts().filter(|fact| matches!(fact, Fact::Ended(_))).count();
        never_back += (0..story.sources.len())
            .filter(|source| {
                let last = facts().rfind(|fact| matches!(fact, Fact::Idle(of, _) | Fact::Ended(of) if of == source));
                matches!(last, Some(Fact::Idle(_, true)))
            })
            .count();
        held += (0..story.sources.len())
            .filter(|source| {
                let told = &story.sources[*source];
                let times = |file: &Vec<Vec<i64>>| file.iter().flatten().copied().max();
                let mut pairs = told.files.iter().zip(told.first_times.iter().skip(1));
                pairs.any(|(file, next)| times(file).is_some_and(|latest| latest > *next))
            })
            .count();
    }
    for (what, count) in
        [("idle", idle), ("back", back), ("never back", never_back), ("ended", ended), ("overlapping", held)]
    {
        assert!(count > 200, "sources that are {what}: only {count}");
    }
}

#[test]
fn what_is_saved_goes_on_as_if_nothing_had_happened() {
    let mut random = Random::for_test("what_is_saved_goes_on");
    for _ in 0..1_000 {
        let story = Story::random(&mut random);
        let (beginnings, last) = (story.beginnings(), story.epochs.len());
        let all: Vec<usize> = (0..story.sources.len()).collect();
        let bounds: Vec<i64> = story.sources.iter().map(|told| told.bound).collect();
        let places: Vec<Option<usize>> = all.iter().copied().map(Some).collect();
        let cut = random.within(1, last as i64 + 1) as usize;
        let mut watermarks = Watermarks::new(bounds.iter().copied());
        for epoch in 1..=last {
            story.tell(&mut watermarks, epoch);
            if epoch == cut {
                // The next epoch may be under way.
                story.tell(&mut watermarks, epoch + 1);
                let saved = watermarks.as_of(&beginnings, Epoch(epoch as u64));
                watermarks = Watermarks::load(&bounds, &saved, &places).expect("it is sound");
            }
            let expected = story.naive(&all, epoch);
            assert_eq!(watermarks.watermark(&beginnings, &all, Epoch(epoch as u64)), expected, "{epoch}: {story:#?}");
        }
    }
}

#[test]
fn the_watermark_of_an_epoch_is_the_least_of_its_sources_and_never_goes_back() {
    let (mut times, none) = (Watermarks::new([10, 0].into_iter()), Beginnings::default());
    assert_eq!(times.watermark(&none, &[0, 1], Epoch(1)), i64::MIN);
    for (source, epoch, latest) in [(0, 1, 100), (1, 1, 70), (0, 2, 50), (1, 3, 500)] {
        times.reached(source, Epoch(epoch), 0);
        times.saw(source, Epoch(epoch), 0, latest);
    }
    assert_eq!(times.watermark(&none, &[0], Epoch(2)), 90, "less the bound, and not back to 40");
    assert_eq!(times.watermark(&none, &[0, 1], Epoch(2)), 70, "what epoch 3 brought does not count");
    times.ended(0, Epoch(3));
    assert_eq!(times.watermark(&none, &[0, 1], Epoch(3)), 500, "an ended source holds nothing back");
    times.ended(1, Epoch(4));
    assert_eq!(times.watermark(&none, &[0, 1], Epoch(4)), i64::MAX);
}

#[test]
fn an_idle_source_holds_nothing_back_and_takes_nothing_back() {
    let (mut times, none) = (Watermarks::new([0, 0].into_iter()), Beginnings::default());
    let read = |times: &mut Watermarks, source, epoch, latest| {
        times.reached(source, Epoch(epoch), 0);
        times.saw(source, Epoch(epoch), 0, latest);
    };
    read(&mut times, 0, 1, 100);
    read(&mut times, 1, 1, 70);
    assert_eq!(times.watermark(&none, &[0, 1], Epoch(1)), 70);
    read(&mut times, 0, 2, 200);
    times.idle(1, Epoch(2), true);
    assert_eq!(times.watermark(&none, &[0, 1], Epoch(2)), 200);
    assert_eq!(times.watermark(&none, &[1], Epoch(2)), 70, "alone it is where it was");
    read(&mut times, 1, 3, 90);
    times.idle(1, Epoch(3), false);
    assert_eq!(times.watermark(&none, &[0, 1], Epoch(3)), 200, "nothing is taken back");
    read(&mut times, 0, 4, 400);
    read(&mut times, 1, 4, 300);
    assert_eq!(times.watermark(&none, &[0, 1], Epoch(4)), 300, "and it counts again");
}

#[test]
fn files_that_nobody_has_read_hold_the_watermark_back() {
    let mut times = Watermarks::new([0].into_iter());
    let beginnings = Beginnings::new(vec![vec![0, 5, 1_000, i64::MAX]]);
    let mut read = |epoch, partition, latest| {
        times.reached(0, Epoch(epoch), partition);
        times.saw(0, Epoch(epoch), partition, latest);
        times.watermark(&beginnings, &[0], Epoch(epoch))
    };
    assert_eq!(read(1, 0, 900), 5, "the second file begins at 5");
    assert_eq!(read(2, 1, 40), 40, "it has come to 40");
    assert_eq!(read(3, 1, 950), 950);
    assert_eq!(read(4, 2, 1_100), 1_100, "the last file is empty");
    assert_eq!(read(5, 3, 10), 1_100, "and never back");
}

#[test]
fn an_operator_waits_for_its_slowest_input_and_not_for_idle_or_ended_ones() {
    let of = |marks: &[Mark]| Mark::of_inputs(marks.iter().copied());
    assert_eq!(of(&[Mark::Active(7), Mark::Active(3), Mark::Idle(1), Mark::Ended]), Mark::Active(3));
    assert_eq!(of(&[Mark::Idle(1), Mark::Ended, Mark::Idle(4)]), Mark::Idle(4));
    assert_eq!(of(&[Mark::Ended, Mark::Ended]), Mark::Ended);
    assert_eq!(of(&[]), Mark::Active(i64::MIN));
}

#[test]
fn absurd_times_are_not_admitted() {
    let micros = |text: &str| text.parse::<jiff::Timestamp>().expect(text).as_microsecond();
    let rule = TimeRule::default();
    assert!(rule.admits(0) && rule.admits(micros("0001-01-01T00:00:00Z")));
    assert!(rule.admits(micros("9998-12-31T23:59:59.999999Z")));
    assert!(!rule.admits(micros("0000-12-31T23:59:59.999999Z")) && !rule.admits(i64::MIN));
    assert!(!rule.admits(micros("9999-01-01T00:00:00Z")) && !rule.admits(i64::MAX));
    let now = micros("2026-01-01T00:00:00Z");
    assert_eq!(TimeRule::ahead_of(now, None), rule);
    let rule = TimeRule::ahead_of(now, Some(1_000_000));
    assert!(rule.admits(now + 1_000_000) && !rule.admits(now + 1_000_001));
    assert!(!TimeRule::ahead_of(now, Some(i64::MAX)).admits(micros("9999-06-01T00:00:00Z")));
}
