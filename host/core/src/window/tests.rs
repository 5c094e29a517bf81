//! Windows against enumeration, µs by µs, and days against the calendar.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan, tz::TimeZone};

use super::*;
use crate::random::Random;

fn sliding(length: i64, slide: i64, offset: i64) -> WindowKind {
    WindowKind::Sliding { length, slide, offset }
}

fn tumbling(length: i64, offset: i64) -> WindowKind {
    WindowKind::Tumbling { length, offset, zone: None }
}

fn days(count: i64, offset: i64, zone: &str) -> Panes {
    let zone = Some(Zone::named(zone).expect(zone));
    Panes::new(&WindowKind::Tumbling { length: count * DAY, offset, zone }).expect("whole days")
}

fn micros(text: &str) -> i64 {
    text.parse::<Timestamp>().expect(text).as_microsecond()
}

fn clamp(time: i128) -> i64 {
    time.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// A random kind of small windows: length, slide, offset.
fn random_kind(random: &mut Random) -> (WindowKind, i64, i64, i64) {
    let length = random.within(1, 60);
    let offset = if random.once_in(8) { random.word() as i64 } else { random.within(-100, 100) };
    if random.once_in(3) {
        (tumbling(length, offset), length, length, offset)
    } else {
        let slide = random.within(1, length + 1);
        (sliding(length, slide, offset), length, slide, offset)
    }
}

fn random_time(random: &mut Random) -> i64 {
    match random.within(0, 8) {
        0 => i64::MIN + random.within(0, 200),
        1 => i64::MAX - random.within(0, 200),
        2 => random.word() as i64,
        _ => random.within(-300, 300),
    }
}

/// Whether a window may start at `start`.
fn is_start(start: i128, slide: i64, offset: i64) -> bool {
    (start - i128::from(offset)).rem_euclid(slide.into()) == 0
}

#[test]
fn panes_and_their_windows_agree_with_enumeration() {
    let mut random = Random::for_test("panes_and_their_windows");
    for _ in 0..100_000 {
        let (kind, length, slide, offset) = random_kind(&mut random);
        let time = random_time(&mut random);
        let wide = i128::from(time);
        let expected: Vec<Window> = (wide - i128::from(length) + 1..=wide)
            .filter(|start| is_start(*start, slide, offset))
            .map(|start| Window { start: clamp(start), end: clamp(start + i128::from(length)) })
            .collect();
        let step = (1..=length).rev().find(|step| length % step == 0 && slide % step == 0).expect("1 divides all");
        let start = (0..step).map(|back| wide - i128::from(back)).find(|start| is_start(*start, step, offset));
        let start = start.expect("one of step times is a boundary");

        let mut panes = Panes::new(&kind).expect("a good kind");
        let pane = panes.pane_start(time);
        assert_eq!(pane, clamp(start), "{kind:?} {time}");
        assert_eq!(panes.pane_end(pane), clamp(start + i128::from(step)), "{kind:?} {time}");
        assert_eq!(panes.windows_of(pane).collect::<Vec<_>>(), expected, "{kind:?} {time}");
        assert_eq!(Some(panes.last_window_end(pane)), expected.last().map(|window| window.end), "{kind:?} {time}");
    }
}

#[test]
fn a_remembered_pane_is_the_one_computed_anew() {
    let mut random = Random::for_test("a_remembered_pane");
    for _ in 0..500 {
        let (kind, ..) = random_kind(&mut random);
        let mut panes = Panes::new(&kind).expect("a good kind");
        for _ in 0..50 {
            let time = random_time(&mut random);
            assert_eq!(panes.pane_start(time), Panes::new(&kind).expect("a good kind").pane_start(time), "{kind:?}");
        }
    }
}

#[test]
fn a_watermark_closes_the_windows_that_end_on_its_way() {
    let mut random = Random::for_test("a_watermark_closes");
    for _ in 0..20_000 {
        let (kind, length, slide, offset) = random_kind(&mut random);
        let panes = Panes::new(&kind).expect("a good kind");
        let from = random.within(-300, 300);
        let to = from + random.within(0, 100);
        let ends = i128::from(from) + 1..=i128::from(to);
        let expected: Vec<Window> = ends
            .filter(|end| is_start(end - i128::from(length), slide, offset))
            .map(|end| Window { start: clamp(end - i128::from(length)), end: clamp(end) })
            .collect();
        assert_eq!(panes.closed(from, to).collect::<Vec<_>>(), expected, "{kind:?} {from} {to}");

        let pane = Panes::new(&kind).expect("a good kind").pane_start(random.within(-300, 400));
        let mut closed = panes.closed(from, to);
        let first = closed.next();
        closed.skip_to(pane);
        let later = expected.into_iter().skip(1).filter(|window| window.end > pane);
        assert!(closed.eq(later), "{kind:?} {from} {to} {pane} {first:?}");
    }
}

#[test]
fn years_without_rows_are_skipped_at_once() {
    let mut panes = Panes::new(&sliding(10, 2, 0)).expect("a good kind");
    let now = micros("2026-01-01T00:00:00Z");
    let pane = panes.pane_start(now);
    let mut closed = panes.closed(i64::MIN, i64::MAX);
    closed.skip_to(pane);
    assert_eq!(closed.next(), Some(Window { start: now - 8, end: now + 2 }), "the first that has the row, warming up");
    closed.skip_to(pane - 100);
    assert_eq!(closed.next(), Some(Window { start: now - 6, end: now + 4 }), "never back");
    closed.skip_to(i64::MAX);
    assert_eq!(closed.last().map(|window| window.end), Some(i64::MAX));
    assert_eq!(panes.closed(i64::MAX, i64::MAX).next().map(|window| window.end), Some(i64::MAX));

    let mut panes = days(1, 0, "Europe/Paris");
    let pane = panes.pane_start(now);
    let mut closed = panes.closed(i64::MIN, i64::MAX);
    closed.skip_to(pane);
    assert_eq!(closed.next().map(|window| window.start), Some(micros("2025-12-31T23:00:00Z")));
}

#[test]
fn windows_that_began_before_the_first_row_count() {
    let mut panes = Panes::new(&sliding(10, 2, 0)).expect("a good kind");
    let pane = panes.pane_start(5);
    let starts: Vec<i64> = panes.windows_of(pane).map(|window| window.start).collect();
    assert_eq!(starts, [-4, -2, 0, 2, 4]);
}

#[test]
fn no_time_and_no_length_overflows() {
    let times = [i64::MIN, i64::MIN + 1, -DAY, -1, 0, 1, DAY, i64::MAX - 1, i64::MAX];
    let lengths = [1, 2, 7, DAY, i64::MAX / 2, i64::MAX - 1, i64::MAX];
    for length in lengths {
        for slide in lengths.into_iter().filter(|slide| *slide <= length) {
            for offset in times {
                let mut panes = Panes::new(&sliding(length, slide, offset)).expect("a good kind");
                for time in times {
                    let pane = panes.pane_start(time);
                    assert!(pane <= time && (time < panes.pane_end(pane) || time == i64::MAX));
                    assert!(panes.windows_of(pane).take(3).all(|window| window.start <= time && time <= window.end));
                    assert!(panes.last_window_end(pane) >= panes.pane_end(pane));
                    assert!(panes.closed(time, i64::MAX).take(3).all(|window| window.end > time || time == i64::MAX));
                }
            }
        }
    }
    for zone in ["Europe/Paris", "Pacific/Apia", "UTC"] {
        let mut panes = days(1, 0, zone);
        for time in times.into_iter().chain([micros("-009999-01-03T00:00:00Z"), micros("9999-12-30T00:00:00Z")]) {
            let pane = panes.pane_start(time);
            assert!(pane <= time && (time < panes.pane_end(pane) || time == i64::MAX), "{zone} {time}");
            assert_eq!(panes.windows_of(pane).count(), 1, "{zone} {time}");
        }
    }
}

#[test]
fn days_of_a_zone_are_those_of_its_calendar() {
    let mut random = Random::for_test("days_of_a_zone");
    let zones = [
        "Europe/Paris",
        "America/New_York",
        "America/Sao_Paulo",
        "Australia/Lord_Howe",
        "America/Havana",
        "Pacific/Apia",
    ];
    let (low, high) = (micros("1985-01-01T00:00:00Z"), micros("2040-01-01T00:00:00Z"));
    for zone in zones {
        let mut panes = days(1, 0, zone);
        let calendar = TimeZone::get(zone).expect(zone);
        for _ in 0..3000 {
            let time = random.within(low, high);
            let day = Timestamp::from_microsecond(time).expect("a common time").to_zoned(calendar.clone());
            let start = day.start_of_day().expect("a common day");
            let next =
                (1..3).map(|days| day.date() + days.days()).map(|date| date.to_zoned(calendar.clone()).expect("a day"));
            let next =
                next.map(|day| day.start_of_day().expect("a day")).find(|next| *next > start).expect("a next day");
            let pane = panes.pane_start(time);
            assert_eq!(pane, start.timestamp().as_microsecond(), "{zone} {day}");
            assert_eq!(panes.pane_end(pane), next.timestamp().as_microsecond(), "{zone} {day}");
        }
    }
}

#[test]
fn clocks_that_change_make_days_of_23_and_25_hours() {
    let hours = |panes: &mut Panes, time: &str| {
        let pane = panes.pane_start(micros(time));
        (panes.pane_end(pane) - pane) / (DAY / 24)
    };
    let mut paris = days(1, 0, "Europe/Paris");
    assert_eq!(hours(&mut paris, "2026-03-29T12:00:00Z"), 23);
    assert_eq!(hours(&mut paris, "2026-10-25T12:00:00Z"), 25);
    assert_eq!(hours(&mut paris, "2026-06-01T12:00:00Z"), 24);
    let mut weeks = days(7, 4 * DAY + DAY / 4, "Europe/Paris");
    assert_eq!(weeks.pane_start(micros("2026-04-02T12:00:00Z")), micros("2026-03-30T04:00:00Z"), "Monday, 6 o'clock");
    assert_eq!(hours(&mut weeks, "2026-03-25T12:00:00Z"), 7 * 24 - 1);
}

#[test]
fn days_follow_each_other_without_gaps_in_every_zone() {
    for zone in ["Pacific/Apia", "America/Juneau", "Asia/Manila", "Africa/Cairo"] {
        let panes = days(1, 0, zone);
        let windows: Vec<Window> =
            panes.closed(micros("1840-01-01T00:00:00Z"), micros("2040-01-01T00:00:00Z")).collect();
        assert!(windows.len() > 73_000);
        assert!(windows.iter().all(|window| window.start < window.end), "{zone}");
        assert!(windows.windows(2).all(|pair| pair[0].end == pair[1].start), "{zone}");
        let lengths: BTreeSet<i64> = windows.iter().map(|window| (window.end - window.start) / (DAY / 24)).collect();
        assert!(lengths.len() > 1, "{zone}: {lengths:?}");
    }
}

#[test]
fn windows_that_cannot_be_are_refused() {
    let zone = Zone::named("Europe/Paris");
    assert_eq!(Zone::named("Europe/Nowhere"), None);
    let refused = [
        (tumbling(0, 0), WindowError::NotPositive("length")),
        (tumbling(-5, 0), WindowError::NotPositive("length")),
        (WindowKind::Tumbling { length: DAY / 24, offset: 0, zone }, WindowError::NotWholeDays),
        (sliding(10, 0, 0), WindowError::NotPositive("slide")),
        (sliding(10, 11, 0), WindowError::Gaps),
        (WindowKind::Session { gap: 0 }, WindowError::NotPositive("gap")),
        (WindowKind::Count { rows: 0 }, WindowError::NotPositive("number of rows")),
    ];
    for (kind, error) in refused {
        assert_eq!(kind.check(), Err(error), "{kind:?}");
        assert!(Panes::new(&kind).is_none(), "{kind:?}");
    }
    let spec = WindowSpec { kind: WindowKind::Global, lateness: -1, clock: Clock::Event, inverse: false };
    assert_eq!(spec.check(), Err(WindowError::NegativeLateness));
    assert_eq!(WindowSpec { lateness: 0, ..spec }.check(), Ok(()));
    for kind in [WindowKind::Global, WindowKind::Session { gap: 1 }, WindowKind::Count { rows: 1 }] {
        assert_eq!(kind.check(), Ok(()));
        assert!(Panes::new(&kind).is_none(), "no panes: {kind:?}");
    }
}

#[test]
fn a_window_is_late_once_the_watermark_is_past_its_lateness() {
    assert!(!is_late(100, 0, 99) && is_late(100, 0, 100));
    assert!(!is_late(100, 10, 109) && is_late(100, 10, 110));
    assert!(!is_late(100, 0, i64::MIN), "nothing is known yet");
    assert!(!is_late(i64::MAX, 10, i64::MAX - 1) && is_late(i64::MAX, 10, i64::MAX));
}
