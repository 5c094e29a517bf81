//! The naive evaluator: every row with every other, and every window that there is.

use std::collections::BTreeSet;

use pelton_core::job::JoinKind;

use crate::{
    Joined, Outcome,
    timeline::{ABSURD, Row, Shape, Timeline},
};

/// A row that was taken.
#[derive(Clone)]
struct Taken {
    row: Row,
    time: i64,
    epoch: usize,
}

pub fn evaluate(timeline: &Timeline) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = timeline.epochs.iter().map(|_| Outcome::default()).collect();
    if let Shape::Sessions { gap } = timeline.shape {
        sessions(timeline, gap, &mut outcomes);
        return outcomes;
    }
    let [left, right] = taken(timeline, &mut outcomes);
    keep(timeline, [&left, &right], &mut outcomes);
    match timeline.shape {
        Shape::Interval { least, most } => interval(timeline, &left, &right, (least, most), &mut outcomes),
        Shape::Windows { length, slide, offset } => {
            let mut starts: Vec<i64> = Vec::new();
            for taken in left.iter().chain(&right) {
                let mut start = offset + (taken.time - offset).div_euclid(slide) * slide;
                while start + length > taken.time {
                    starts.push(start);
                    start -= slide;
                }
            }
            starts.sort_unstable();
            starts.dedup();
            for start in starts {
                window(timeline, &left, &right, (start, start + length), &mut outcomes);
            }
        }
        Shape::Global => pairs(timeline, &left, &right, None, outcomes.last_mut().expect("at least one epoch")),
        Shape::Sessions { .. } => unreachable!("which rows they take depends on all of them"),
    }
    outcomes
}

fn taken(timeline: &Timeline, outcomes: &mut [Outcome]) -> [Vec<Taken>; 2] {
    let mut taken = [Vec::new(), Vec::new()];
    let mut watermark = i64::MIN;
    for (number, (epoch, outcome)) in timeline.epochs.iter().zip(outcomes).enumerate() {
        for (side, rows) in &epoch.batches {
            for row in rows {
                if timeline.shape == Shape::Global {
                    taken[*side].push(Taken { row: row.clone(), time: 0, epoch: number });
                    continue;
                }
                let Some(time) = row.time.filter(|time| !ABSURD.contains(time)) else {
                    outcome.rejected[*side].push(row.id);
                    continue;
                };
                let over = match timeline.shape {
                    Shape::Windows { length, slide, offset } => {
                        // The end of the last window that has it.
                        let last = offset + (time - offset).div_euclid(slide) * slide + length;
                        last + timeline.lateness <= watermark
                    }
                    _ => time < watermark.saturating_sub(timeline.lateness),
                };
                if over {
                    outcome.late[*side].push(row.id);
                } else {
                    taken[*side].push(Taken { row: row.clone(), time, epoch: number });
                }
            }
        }
        watermark = epoch.watermark;
    }
    taken
}

/// What is kept after each epoch: rows that may still meet others, or whose window is open.
fn keep(timeline: &Timeline, sides: [&[Taken]; 2], outcomes: &mut [Outcome]) {
    for (number, (epoch, outcome)) in timeline.epochs.iter().zip(outcomes).enumerate() {
        let is_wanted = |side: usize, taken: &Taken| {
            let is_over = match timeline.shape {
                Shape::Interval { least, most } => {
                    let reach = if side == 0 { most } else { -least };
                    taken.time + reach < epoch.watermark.saturating_sub(timeline.lateness)
                }
                Shape::Windows { length, slide, offset } => {
                    let last = offset + (taken.time - offset).div_euclid(slide) * slide + length;
                    last <= epoch.watermark.saturating_sub(timeline.lateness)
                }
                Shape::Global | Shape::Sessions { .. } => false,
            };
            // What has a null in its key meets nobody, and is wanted only if it leaves alone.
            let may_leave = keeps(timeline.kind)[side] || key(timeline, &taken.row).is_some();
            taken.epoch <= number && epoch.watermark != i64::MAX && !is_over && may_leave
        };
        let kept = [0, 1].map(|side| sides[side].iter().filter(|taken| is_wanted(side, taken)).collect::<Vec<_>>());
        outcome.kept = [kept[0].len(), kept[1].len()];
        outcome.keys = keys(timeline, kept.iter().flatten().map(|taken| &taken.row));
    }
}

/// None: it has a null.
fn key<'a>(timeline: &Timeline, row: &'a Row) -> Option<(i64, &'a str)> {
    let name = if timeline.by_name { row.name? } else { "" };
    Some((row.number?, name))
}

/// How many keys these rows have.
fn keys<'a>(timeline: &Timeline, rows: impl Iterator<Item = &'a Row>) -> usize {
    rows.filter_map(|row| key(timeline, row)).collect::<BTreeSet<_>>().len()
}

fn meet(timeline: &Timeline, left: &Row, right: &Row) -> bool {
    key(timeline, left).is_some_and(|key_of_left| key(timeline, right) == Some(key_of_left))
}

fn keeps(kind: JoinKind) -> [bool; 2] {
    [matches!(kind, JoinKind::Left | JoinKind::Full), matches!(kind, JoinKind::Right | JoinKind::Full)]
}

fn joined(timeline: &Timeline, left: Option<&Taken>, right: Option<&Taken>, window: Option<(i64, i64)>) -> Joined {
    let row = left.or(right).expect("a row of one side at least");
    // A column that is not of the key is the left row's alone.
    let name = if timeline.by_name { row.row.name } else { left.and_then(|left| left.row.name) };
    let time = match timeline.shape {
        Shape::Global => left.and_then(|left| left.row.time),
        _ => row.row.time,
    };
    Joined {
        left: left.map(|left| left.row.id),
        right: right.map(|right| right.row.id),
        number: row.row.number,
        name: name.map(str::to_owned),
        time,
        window,
    }
}

fn interval(timeline: &Timeline, left: &[Taken], right: &[Taken], (least, most): (i64, i64), outcomes: &mut [Outcome]) {
    let near =
        |l: &Taken, r: &Taken| meet(timeline, &l.row, &r.row) && (l.time + least..=l.time + most).contains(&r.time);
    for l in left {
        for r in right.iter().filter(|r| near(l, r)) {
            outcomes[l.epoch.max(r.epoch)].joined.push(joined(timeline, Some(l), Some(r), None));
        }
    }
    let [keeps_left, keeps_right] = keeps(timeline.kind);
    let gone = |taken: &Taken, reach: i64| {
        let mut epochs = timeline.epochs.iter().enumerate().skip(taken.epoch);
        let gone = epochs.find(|(_, epoch)| {
            epoch.watermark == i64::MAX || taken.time + reach < epoch.watermark.saturating_sub(timeline.lateness)
        });
        gone.expect("the last watermark is the end").0
    };
    for l in left.iter().filter(|l| keeps_left && !right.iter().any(|r| near(l, r))) {
        outcomes[gone(l, most)].joined.push(joined(timeline, Some(l), None, None));
    }
    for r in right.iter().filter(|r| keeps_right && !left.iter().any(|l| near(l, r))) {
        outcomes[gone(r, -least)].joined.push(joined(timeline, None, Some(r), None));
    }
}

fn window(timeline: &Timeline, left: &[Taken], right: &[Taken], (start, end): (i64, i64), outcomes: &mut [Outcome]) {
    let closes = |epoch: &crate::timeline::Epoch| {
        epoch.watermark == i64::MAX || end <= epoch.watermark.saturating_sub(timeline.lateness)
    };
    let closing = timeline.epochs.iter().position(closes).expect("the last watermark closes all");
    // A row of several windows may come after one of them was closed.
    let within = |taken: &&Taken| (start..end).contains(&taken.time) && taken.epoch <= closing;
    let left: Vec<Taken> = left.iter().filter(within).cloned().collect();
    let right: Vec<Taken> = right.iter().filter(within).cloned().collect();
    pairs(timeline, &left, &right, Some((start, end)), &mut outcomes[closing]);
}

/// Epoch by epoch: what rows that are near make together with those that are kept is a session, late or open or closed.
fn sessions(timeline: &Timeline, gap: i64, outcomes: &mut [Outcome]) {
    let is_over = |end: i64, watermark: i64| watermark == i64::MAX || end + timeline.lateness <= watermark;
    let mut kept: Vec<(usize, Taken)> = Vec::new();
    let mut before = i64::MIN;
    for (number, (epoch, outcome)) in timeline.epochs.iter().zip(outcomes).enumerate() {
        for (side, row) in epoch.batches.iter().flat_map(|(side, rows)| rows.iter().map(|row| (*side, row))) {
            match row.time.filter(|time| !ABSURD.contains(time)) {
                Some(time) => kept.push((side, Taken { row: row.clone(), time, epoch: number })),
                None => outcome.rejected[side].push(row.id),
            }
        }
        let mut session: Vec<usize> = (0..kept.len()).collect();
        for (at, (_, one)) in kept.iter().enumerate() {
            for (before, (_, other)) in kept[..at].iter().enumerate() {
                let (from, to) = (session[at], session[before]);
                if from != to && meet(timeline, &one.row, &other.row) && (one.time - other.time).abs() < gap {
                    session.iter_mut().filter(|of| **of == from).for_each(|of| *of = to);
                }
            }
        }
        let mut open = Vec::new();
        for of in 0..kept.len() {
            let rows = kept.iter().zip(&session).filter(|(_, own)| **own == of).map(|(row, _)| row.clone());
            let rows: Vec<(usize, Taken)> = rows.collect();
            let times = || rows.iter().map(|(_, taken)| taken.time);
            let (Some(start), Some(last)) = (times().min(), times().max()) else { continue };
            if before != i64::MIN && is_over(last + gap, before) {
                assert!(rows.iter().all(|(_, taken)| taken.epoch == number), "what is kept is open");
                rows.into_iter().for_each(|(side, taken)| outcome.late[side].push(taken.row.id));
            } else if is_over(last + gap, epoch.watermark) {
                let of_side = |wanted| -> Vec<Taken> {
                    rows.iter().filter(|(side, _)| *side == wanted).map(|(_, taken)| taken.clone()).collect()
                };
                pairs(timeline, &of_side(0), &of_side(1), Some((start, last + gap)), outcome);
            } else {
                open.extend(rows);
            }
        }
        outcome.kept = [0, 1].map(|wanted| open.iter().filter(|(side, _)| *side == wanted).count());
        outcome.keys = keys(timeline, open.iter().map(|(_, taken)| &taken.row));
        kept = open;
        before = epoch.watermark;
    }
}

fn pairs(timeline: &Timeline, left: &[Taken], right: &[Taken], window: Option<(i64, i64)>, outcome: &mut Outcome) {
    let [keeps_left, keeps_right] = keeps(timeline.kind);
    for l in left {
        let mut alone = true;
        for r in right.iter().filter(|r| meet(timeline, &l.row, &r.row)) {
            alone = false;
            outcome.joined.push(joined(timeline, Some(l), Some(r), window));
        }
        if alone && keeps_left {
            outcome.joined.push(joined(timeline, Some(l), None, window));
        }
    }
    for r in right.iter().filter(|r| keeps_right && !left.iter().any(|l| meet(timeline, &l.row, &r.row))) {
        outcome.joined.push(joined(timeline, None, Some(r), window));
    }
}
