//! The naive evaluator: keeps every row, and works out every window of every epoch anew. Shares no code with the engine.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Fold, Outcome,
    timeline::{ABSURD, Clock, Emit, Row, Shape, Timeline},
};

/// A row that counts.
#[derive(Debug, Clone)]
struct Taken {
    key: Vec<String>,
    time: i64,
    id: i64,
    epoch: usize,
    /// How many rows came before it.
    arrival: usize,
}

/// What an epoch does to windows.
struct Step<'a> {
    timeline: &'a Timeline,
    epoch: usize,
    /// The watermark before and after it.
    from: i64,
    to: i64,
    /// Results of open windows leave, if a row came in this epoch or a later one.
    open: Option<usize>,
}

pub fn evaluate(timeline: &Timeline) -> Vec<Outcome> {
    let mut kept: Vec<Taken> = Vec::new();
    let mut from = i64::MIN;
    let last = timeline.epochs.len() - 1;
    let mut outcomes = Vec::new();
    // When early results are due, and from which epoch on rows have not been told of.
    let (mut early_at, mut untold) = (None, 0);
    let mut changed = BTreeSet::new();
    let mut arrivals = 0..;
    for (epoch, input) in timeline.epochs.iter().enumerate() {
        let by_event = timeline.clock == Clock::Event;
        let to = if by_event || epoch == last { input.watermark } else { input.now };
        let open = match timeline.emit {
            Emit::OnClose => None,
            Emit::OnUpdate => Some(epoch),
            Emit::Early(every) => {
                let is_due = early_at.is_some_and(|at| at <= input.now);
                if is_due || early_at.is_none() {
                    early_at = Some(input.now + every);
                }
                is_due.then(|| std::mem::replace(&mut untold, epoch + 1))
            }
        };
        let step = Step { timeline, epoch, from, to, open };
        let mut outcome = Outcome::default();
        let mut fresh = Vec::new();
        for row in input.batches.iter().flatten() {
            let has_time = matches!(timeline.shape, Shape::Time { .. } | Shape::Session { .. });
            let time = match row.time {
                _ if !has_time => 0,
                _ if !by_event => input.now,
                Some(time) if !ABSURD.contains(&time) => time,
                _ => {
                    outcome.rejected.push(row.id);
                    continue;
                }
            };
            let arrival = arrivals.next().expect("there is no end of them");
            fresh.push(Taken { key: key(timeline, row), time, id: row.id, epoch, arrival });
        }
        match timeline.shape {
            Shape::Time { length, slide, offset } => {
                time_windows(&step, [length, slide, offset], &mut kept, fresh, &mut outcome);
            }
            Shape::Session { gap } => sessions(&step, gap, &mut kept, fresh, &mut changed, &mut outcome),
            Shape::Count { rows } => counts(&step, rows, &mut kept, fresh, &mut outcome),
            Shape::Global => {
                kept.extend(fresh);
                for rows in by_key(&kept).into_values() {
                    let is_update = step.open.is_some_and(|since| rows.iter().any(|row| row.epoch >= since));
                    if is_update || epoch == last && timeline.emit != Emit::OnUpdate {
                        outcome.results.push(fold(None, &rows));
                    }
                }
            }
        }
        outcomes.push(outcome);
        from = to;
    }
    outcomes
}

impl Step<'_> {
    fn has_changed(&self, rows: &[Taken]) -> bool {
        rows.iter().any(|row| row.epoch == self.epoch)
    }

    /// Whether a window or a session leaves in this epoch.
    fn is_due(&self, end: i64, rows: &[Taken]) -> bool {
        let was_closed = end <= self.from;
        let closes = !was_closed && end <= self.to;
        let is_late = was_closed && !self.was_gone(end) && self.has_changed(rows);
        closes || is_late || !was_closed && self.open.is_some_and(|since| rows.iter().any(|row| row.epoch >= since))
    }

    /// Whether a window took no more rows before this epoch.
    fn was_gone(&self, end: i64) -> bool {
        end + self.timeline.lateness <= self.from
    }
}

fn key(timeline: &Timeline, row: &Row) -> Vec<String> {
    let name = row.name.map_or("null".to_owned(), |name| format!("{name:?}"));
    let columns = [row.number.to_string(), name];
    columns.into_iter().zip(timeline.key).filter(|(_, is_key)| *is_key).map(|(column, _)| column).collect()
}

fn by_key(rows: &[Taken]) -> BTreeMap<Vec<String>, Vec<Taken>> {
    let mut keys: BTreeMap<Vec<String>, Vec<Taken>> = BTreeMap::new();
    rows.iter().for_each(|row| keys.entry(row.key.clone()).or_default().push(row.clone()));
    keys
}

fn fold(bounds: Option<(i64, i64)>, rows: &[Taken]) -> Fold {
    Fold { key: rows[0].key.clone(), bounds, rows: rows.iter().map(|row| row.id).collect(), count: rows.len() as i64 }
}

fn time_windows(
    step: &Step<'_>,
    [length, slide, offset]: [i64; 3],
    kept: &mut Vec<Taken>,
    fresh: Vec<Taken>,
    outcome: &mut Outcome,
) {
    let starts = |time: i64| {
        let last = offset + (time - offset).div_euclid(slide) * slide;
        (0..).map(move |back| last - back * slide).take_while(move |start| start + length > time)
    };
    for row in fresh {
        if starts(row.time).all(|start| step.was_gone(start + length)) {
            outcome.late.push(row.id);
        } else {
            kept.push(row);
        }
    }
    let mut windows: BTreeMap<i64, Vec<Taken>> = BTreeMap::new();
    for row in kept.iter() {
        starts(row.time).for_each(|start| windows.entry(start).or_default().push(row.clone()));
    }
    // Rows keep their order within a pane, and panes are merged in order of time.
    let mut pane = length;
    while length % pane != 0 || slide % pane != 0 {
        pane -= 1;
    }
    for (start, mut rows) in windows {
        rows.sort_by_key(|row| (row.time - offset).div_euclid(pane));
        for rows in by_key(&rows).into_values().filter(|rows| step.is_due(start + length, rows)) {
            outcome.results.push(fold(Some((start, start + length)), &rows));
        }
    }
}

/// The sessions that all rows of the epoch and those kept before make together: rows of one that is gone are late.
/// Early results are of all open sessions of the keys that have `changed`.
fn sessions(
    step: &Step<'_>,
    gap: i64,
    kept: &mut Vec<Taken>,
    fresh: Vec<Taken>,
    changed: &mut BTreeSet<Vec<String>>,
    outcome: &mut Outcome,
) {
    kept.extend(fresh);
    let mut early: Vec<((i64, i64), Vec<Taken>)> = Vec::new();
    let mut left = Vec::new();
    for mut rows in by_key(kept).into_values() {
        rows.sort_by_key(|row| row.time);
        for session in rows.chunk_by(|one, next| next.time - one.time < gap) {
            let mut session = session.to_vec();
            let (start, end) = (session[0].time, session[session.len() - 1].time + gap);
            if step.timeline.in_order {
                session.sort_by_key(|row| row.arrival);
            } else {
                // The order in which sessions are merged depends on the batches.
                session.sort_by_key(|row| row.id);
            }
            if step.was_gone(end) {
                outcome.late.extend(session.iter().map(|row| row.id));
                continue;
            }
            if step.has_changed(&session) {
                changed.insert(session[0].key.clone());
            }
            if step.is_due(end, &session) {
                outcome.results.push(fold(Some((start, end)), &session));
            } else if end > step.to {
                early.push(((start, end), session.clone()));
            }
            if end.saturating_add(step.timeline.lateness) > step.to {
                left.extend(session);
            }
        }
    }
    *kept = left;
    if step.open.is_some() {
        let early = early.into_iter().filter(|(_, session)| changed.contains(&session[0].key));
        if matches!(step.timeline.emit, Emit::Early(_)) {
            outcome.results.extend(early.map(|(bounds, session)| fold(Some(bounds), &session)));
        }
        changed.clear();
    }
}

fn counts(step: &Step<'_>, count: usize, kept: &mut Vec<Taken>, fresh: Vec<Taken>, outcome: &mut Outcome) {
    kept.extend(fresh);
    let mut left = Vec::new();
    for rows in by_key(kept).into_values() {
        let windows = rows.chunks_exact(count);
        let rest = windows.remainder();
        outcome.results.extend(windows.map(|window| fold(None, window)));
        if step.open.is_some_and(|since| rest.iter().any(|row| row.epoch >= since)) {
            outcome.results.push(fold(None, rest));
        }
        left.extend_from_slice(rest);
    }
    *kept = left;
}
