//! Watermarks against a log of events that is read from its beginning each time.

use super::*;
use crate::random::Random;

#[derive(Debug, Clone, Copy)]
enum Event {
    Open(u64),
    Rows(u64, i64),
    End(u64),
}

/// The source's mark by its definition, from all that has happened; without memory of earlier marks.
fn naive(log: &[(i64, Event)], bound: i64, idle: Option<i64>, now: i64) -> Mark {
    let mut open: Vec<(i64, i64)> = Vec::new();
    let (mut largest, mut newest) = (i64::MIN, 0);
    for partition in 0..4 {
        let (mut is_open, mut time, mut seen) = (false, i64::MIN, 0);
        for (at, event) in log {
            match *event {
                Event::Open(id) if id == partition && !is_open => (is_open, time, seen) = (true, i64::MIN, *at),
                Event::Rows(id, rows) if id == partition => {
                    let earlier = if is_open { time } else { i64::MIN };
                    (is_open, time, seen) = (true, earlier.max(rows), *at);
                    largest = largest.max(rows);
                }
                Event::End(id) if id == partition => is_open = false,
                _ => {}
            }
            if !matches!(event, Event::End(_)) {
                newest = newest.max(*at);
            }
        }
        if is_open {
            open.push((time, seen));
        }
    }
    let is_idle = |seen: i64| idle.is_some_and(|idle| now - seen >= idle);
    let waited_for = open.iter().filter(|(_, seen)| !is_idle(*seen)).map(|(time, _)| time.saturating_sub(bound)).min();
    match waited_for {
        Some(watermark) => Mark::Active(watermark),
        None if is_idle(newest) => Mark::Idle(largest.saturating_sub(bound)),
        None => Mark::Active(largest.saturating_sub(bound)),
    }
}

#[test]
fn a_watermark_follows_its_definition_and_never_goes_back() {
    let mut random = Random::for_test("a_watermark_follows");
    for _ in 0..2_000 {
        let bound = random.within(0, 20);
        let idle = random.once_in(2).then(|| random.within(1, 20));
        let mut watermarks = Watermarks::new(bound, idle, 0);
        let mut operator = OperatorWatermark::default();
        let (mut log, mut highest, mut operator_highest) = (Vec::new(), i64::MIN, i64::MIN);
        for now in 0..60 {
            let partition = random.word() % 4;
            let event = match random.within(0, 12) {
                0 => Event::Open(partition),
                1 => Event::End(partition),
                2 => Event::Rows(partition, random.within(-500, 500)),
                _ => Event::Rows(partition, now * 3 + random.within(-20, 20)),
            };
            log.push((now, event));
            match event {
                Event::Open(id) => watermarks.open(id, now),
                Event::Rows(id, time) => watermarks.observe(id, time, now),
                Event::End(id) => watermarks.end(id),
            }
            if random.once_in(2) {
                let expected = naive(&log, bound, idle, now);
                highest = highest.max(expected.watermark());
                let mark = watermarks.advance(now);
                assert_eq!(mark.watermark(), highest, "{log:?}");
                assert_eq!(matches!(mark, Mark::Idle(_)), matches!(expected, Mark::Idle(_)), "{log:?}");
                assert_eq!(watermarks.current(), highest);
                let other = Mark::Active(random.within(-500, 500));
                let joined = operator.advance([mark, other, Mark::Ended]).watermark();
                let least = if let Mark::Idle(_) = mark { other.watermark() } else { highest.min(other.watermark()) };
                operator_highest = operator_highest.max(least);
                assert_eq!(joined, operator_highest);
            }
        }
        watermarks.complete();
        (0..4).for_each(|partition| watermarks.end(partition));
        assert_eq!(watermarks.advance(60), Mark::Ended);
    }
}

#[test]
fn a_partition_without_rows_holds_its_source_until_it_is_idle() {
    let mut watermarks = Watermarks::new(5, Some(100), 0);
    watermarks.open(0, 0);
    watermarks.open(1, 0);
    watermarks.observe(0, 1000, 50);
    assert_eq!(watermarks.advance(50), Mark::Active(i64::MIN));
    assert_eq!(watermarks.advance(100), Mark::Active(995), "partition 1 is idle");
    watermarks.observe(1, 500, 120);
    assert_eq!(watermarks.advance(120), Mark::Active(995), "it is back, and late");
    assert_eq!(watermarks.advance(400), Mark::Idle(995), "both are idle");
    watermarks.observe(1, 2000, 450);
    assert_eq!(watermarks.advance(450), Mark::Active(1995), "partition 0 is idle still");
}

#[test]
fn a_source_ends_when_it_is_complete_and_its_partitions_have_ended() {
    let mut watermarks = Watermarks::new(0, None, 0);
    assert_eq!(watermarks.advance(0), Mark::Active(i64::MIN));
    watermarks.observe(0, 10, 0);
    watermarks.observe(1, 5, 0);
    watermarks.end(1);
    assert_eq!(watermarks.advance(1), Mark::Active(10), "what has ended holds nobody");
    watermarks.end(0);
    assert_eq!(watermarks.advance(2), Mark::Active(10), "more partitions may come");
    watermarks.complete();
    assert_eq!(watermarks.advance(3), Mark::Ended);
    assert_eq!(watermarks.current(), i64::MAX);
}

#[test]
fn no_row_says_that_the_stream_has_ended() {
    let mut watermarks = Watermarks::new(0, None, 0);
    watermarks.observe(0, i64::MAX, 0);
    assert_eq!(watermarks.advance(0), Mark::Active(i64::MAX - 1));
}

#[test]
fn an_operator_waits_for_its_slowest_input_and_not_for_idle_or_ended_ones() {
    let of = |marks: &[Mark]| Mark::of_inputs(marks.iter().copied());
    assert_eq!(of(&[Mark::Active(7), Mark::Active(3), Mark::Idle(1), Mark::Ended]), Mark::Active(3));
    assert_eq!(of(&[Mark::Idle(1), Mark::Ended, Mark::Idle(4)]), Mark::Idle(4));
    assert_eq!(of(&[Mark::Ended, Mark::Ended]), Mark::Ended);
    assert_eq!(of(&[]), Mark::Active(i64::MIN));
    let mut operator = OperatorWatermark::default();
    assert_eq!(operator.advance([Mark::Active(7)]), Mark::Active(7));
    assert_eq!(operator.advance([Mark::Active(7), Mark::Active(2)]), Mark::Active(7), "an input came back");
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
    let rule = TimeRule::ahead_of(now, 1_000_000);
    assert!(rule.admits(now + 1_000_000) && !rule.admits(now + 1_000_001));
    assert!(!TimeRule::ahead_of(now, i64::MAX).admits(micros("9999-06-01T00:00:00Z")));
}
