//! Visits: the clicks of a user until there was none for half an hour.
//!
//! The engine keeps a visit for each user, and tells by a timer when event time has come to its end. Clicks of a user may come
//! in any order within the source's watermark; those of one epoch may even belong to several visits.

use std::time::Duration;

use pelton_guest::prelude::*;

/// The pause after which a visit has ended.
const PAUSE: Duration = Duration::from_secs(30 * 60);

/// The number of the timer: a user has one.
const END: u32 = 0;

#[derive(Row)]
struct User<'a> {
    user: &'a str,
}

#[derive(Row)]
struct Click {
    time: Timestamp,
}

/// A visit that goes on.
#[derive(State)]
struct Visit {
    start: Timestamp,
    end: Timestamp,
    clicks: i64,
}

/// A visit that has ended.
#[derive(Row)]
struct Ended {
    start: Timestamp,
    end: Timestamp,
    clicks: i64,
}

impl Visit {
    fn of(click: &Click) -> Self {
        Self { start: click.time, end: click.time, clicks: 1 }
    }

    /// Whether a click at `time` is less than a pause away from the visit.
    fn takes(&self, time: Timestamp) -> bool {
        time < self.end + PAUSE && self.start < time + PAUSE
    }

    fn add(&mut self, time: Timestamp) {
        self.start = self.start.min(time);
        self.end = self.end.max(time);
        self.clicks += 1;
    }

    fn ended(self) -> Ended {
        Ended { start: self.start, end: self.end, clicks: self.clicks }
    }
}

/// One row for each visit, when it has ended.
#[keyed(event_time = "end")]
fn sessions(
    user: User<'_>,
    visit: &mut Option<Visit>,
    clicks: Group<Click>,
    timers: &mut Timers,
    out: &mut Out<Ended>,
) {
    let has_clicks = !clicks.is_empty();
    for click in clicks {
        match visit {
            Some(current) if current.takes(click.time) => current.add(click.time),
            Some(current) if click.time < current.start => {
                out.reject(&click, format!("too late: {} is on another visit by now", user.user));
            }
            // The pause is over, though the timer has not told yet: both came in one epoch.
            _ => end(visit.replace(Visit::of(&click)), out),
        }
    }
    if let Some(current) = visit.as_ref().filter(|_| has_clicks) {
        timers.set(END, current.end + PAUSE);
    }
    // A timer that was moved above is not due any more.
    while timers.next_due().is_some() {
        end(visit.take(), out);
    }
}

/// Emits a visit that has ended, if there was one.
fn end(visit: Option<Visit>, out: &mut Out<Ended>) {
    if let Some(visit) = visit {
        out.emit(visit.ended());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes<const N: usize>(minutes: [i64; N]) -> [Timestamp; N] {
        minutes.map(|minute| Timestamp(minute * 60_000_000))
    }

    fn minute(minute: i64) -> Timestamp {
        Timestamp(minute * 60_000_000)
    }

    #[test]
    fn a_visit_ends_by_its_timer_half_an_hour_after_the_last_click() {
        let mut test = sessions.key(["user"]).event_time("time").start();
        let out = test.rows(rows! { user: ["a", "b", "a"], time: minutes([0, 1, 10]) });
        assert!(out.main().is_empty());
        assert_eq!(
            test.state(),
            rows! { user: ["a", "b"], start: minutes([0, 1]), end: minutes([10, 1]), clicks: [2, 1] }
        );
        let out = test.watermark(minute(31));
        assert_eq!(out.main(), &rows! { user: ["b"], start: minutes([1]), end: minutes([1]), clicks: [1] });
        let out = test.watermark(minute(40));
        assert_eq!(out.main(), &rows! { user: ["a"], start: minutes([0]), end: minutes([10]), clicks: [2] });
        assert!(test.state().is_empty() && test.timers().is_empty());
    }

    #[test]
    fn a_click_moves_the_end_even_when_both_come_in_one_epoch() {
        let mut test = sessions.key(["user"]).start();
        test.rows(rows! { user: ["a"], time: minutes([0]) });
        let out = test.rows_until(rows! { user: ["a"], time: minutes([29]) }, minute(30));
        assert!(out.main().is_empty());
        assert_eq!(test.timers().len(), 1);
        let out = test.watermark(minute(59));
        assert_eq!(out.main(), &rows! { user: ["a"], start: minutes([0]), end: minutes([29]), clicks: [2] });
    }

    #[test]
    fn clicks_of_one_epoch_may_belong_to_several_visits() {
        let mut test = sessions.key(["user"]).start();
        let out = test.rows_until(rows! { user: ["a", "a", "a", "a"], time: minutes([5, 0, 35, 70]) }, minute(200));
        let (starts, ends) = (minutes([0, 35]), minutes([5, 35]));
        assert_eq!(out.main(), &rows! { user: ["a", "a"], start: starts, end: ends, clicks: [2, 1] });
        let out = test.rows(rows! { user: ["a"], time: minutes([40]) });
        assert_eq!(out.rejected(), [(0, "too late: a is on another visit by now")]);
    }
}
