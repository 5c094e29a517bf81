//! Isolation against an oracle: random sets of bad rows in calls of random size. The oracle is the call that never saw them.

use std::collections::BTreeSet;

use pelton_core::limits::LimitName;
use pelton_wasm::GuestBacktrace;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;

fn trap() -> CallError {
    CallError::Trap { call: "process", reason: "unreachable".into(), backtrace: GuestBacktrace(vec!["f".into()]) }
}

fn overrun() -> CallError {
    let backtrace = GuestBacktrace::default();
    CallError::Limit { call: "process", name: LimitName::CallTime, limit: "1s".into(), backtrace }
}

fn chosen_rows(chosen: &Chosen, rows: usize) -> Vec<usize> {
    (0..rows).zip(chosen.mask(rows)).filter(|(_, keep)| *keep).map(|(row, _)| row).collect()
}

/// A guest that fails on some rows, and else answers with what it was given.
fn guest(rows: usize, bad: &BTreeSet<usize>) -> impl FnMut(&Chosen, Metering) -> Result<Vec<usize>, CallError> {
    move |chosen, _| {
        let given = chosen_rows(chosen, rows);
        if given.iter().any(|row| bad.contains(row)) { Err(trap()) } else { Ok(given) }
    }
}

#[test]
fn good_rows_are_answered_as_if_the_bad_ones_had_not_been_there() {
    let seed = std::env::var("PELTON_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(3);
    let mut random = StdRng::seed_from_u64(seed);
    for round in 0..600 {
        let rows = random.random_range(1..=if round % 10 == 0 { 16_384 } else { 300 });
        let count = random.random_range(1..=if round % 7 == 0 { 40 } else { 4 });
        let bad: BTreeSet<usize> = (0..count).map(|_| random.random_range(0..rows)).collect();
        let isolated = isolate(rows, trap(), &mut guest(rows, &bad)).unwrap();
        let good: Vec<usize> = (0..rows).filter(|row| !bad.contains(row)).collect();
        assert_eq!(isolated.answer, (!good.is_empty()).then_some(good), "PELTON_SEED={seed}, round {round}");
        assert_eq!(isolated.poison.iter().map(|(row, _)| *row).collect::<Vec<_>>(), Vec::from_iter(bad.clone()));
        let each = u64::from(rows.next_power_of_two().ilog2()) + 2;
        assert!(isolated.trials <= 1 + each * bad.len() as u64, "{} calls for {bad:?} of {rows}", isolated.trials);
        assert!(bad.len() > 1 || isolated.trials <= 40);
    }
}

#[test]
fn a_row_that_fails_because_of_those_before_it_in_its_group_is_to_blame() {
    let mut random = StdRng::seed_from_u64(17);
    for _ in 0..300 {
        let groups = random.random_range(1..60);
        let slots: Vec<u32> = (0..random.random_range(1..3_000)).map(|_| random.random_range(0..groups)).collect();
        let bad: BTreeSet<usize> =
            (0..random.random_range(1..5)).map(|_| random.random_range(0..slots.len())).collect();
        // A bad row fails behind another one of its group, and the first of a group does not.
        let is_behind =
            |given: &[usize], row: &usize| given.iter().any(|other| other < row && slots[*other] == slots[*row]);
        let mut guest = |chosen: &Chosen, _| {
            let given = chosen_rows(chosen, slots.len());
            let fails = given.iter().any(|row| bad.contains(row) && is_behind(&given, row));
            if fails { Err(trap()) } else { Ok(given) }
        };
        let all: Vec<usize> = (0..slots.len()).collect();
        let expected: Vec<usize> = bad.iter().filter(|row| is_behind(&all, row)).copied().collect();
        let isolated = isolate_in_groups(&slots, groups as usize, trap(), &mut guest).unwrap();
        assert_eq!(isolated.poison.iter().map(|(row, _)| *row).collect::<Vec<_>>(), expected);
        let good: Vec<usize> = all.into_iter().filter(|row| !expected.contains(row)).collect();
        assert_eq!(isolated.answer, (!good.is_empty()).then_some(good));
        assert!(expected.len() > 1 || isolated.trials <= 40, "{} calls", isolated.trials);
    }
    let mut never = |_: &Chosen, _| -> Result<(), _> { Err(trap()) };
    let isolated = isolate_in_groups(&[0], 1, trap(), &mut never).unwrap();
    assert!(isolated.answer.is_none() && isolated.poison.len() == 1);
    let mut together = |chosen: &Chosen, _| if chosen_rows(chosen, 2).len() == 2 { Err(trap()) } else { Ok(()) };
    let error = isolate_in_groups(&[0, 1], 2, trap(), &mut together).unwrap_err();
    assert!(error.to_string().contains("none of their groups fails by itself"), "{error}");
}

#[test]
fn a_failure_that_a_fresh_instance_does_not_repeat_is_no_rows_fault() {
    let isolated = isolate(100, trap(), &mut guest(100, &BTreeSet::new())).unwrap();
    assert_eq!((isolated.answer.map(|rows| rows.len()), isolated.poison.len(), isolated.trials), (Some(100), 0, 1));
}

#[test]
fn a_slow_machine_calls_no_row_poison() {
    // By the clock every call fails; by its instructions none does.
    let mut slow = |chosen: &Chosen, metering| match metering {
        Metering::Time => Err(overrun()),
        Metering::Instructions => Ok(chosen_rows(chosen, 50)),
    };
    let isolated = isolate(50, overrun(), &mut slow).unwrap();
    assert_eq!((isolated.answer.map(|rows| rows.len()), isolated.poison.len()), (Some(50), 0));
    // Row 7 traps, and the machine is slow besides.
    let mut both = |chosen: &Chosen, metering| match metering {
        _ if chosen_rows(chosen, 50).contains(&7) => Err(trap()),
        Metering::Time if chosen_rows(chosen, 50).len() < 20 => Err(overrun()),
        _ => Ok(chosen_rows(chosen, 50)),
    };
    let isolated = isolate(50, trap(), &mut both).unwrap();
    assert_eq!(isolated.poison.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [7]);
}

#[test]
fn what_cannot_be_told_apart_is_an_error_with_its_reason() {
    // Two rows that fail together alone.
    let mut together = |chosen: &Chosen, _| {
        let given = chosen_rows(chosen, 64);
        if given.contains(&3) && given.contains(&60) { Err(trap()) } else { Ok(given) }
    };
    let error = isolate(64, trap(), &mut together).unwrap_err();
    assert!(error.to_string().contains("none of them fails by itself"), "{error}");
    let all: BTreeSet<usize> = (0..500).collect();
    let error = isolate(500, trap(), &mut guest(500, &all)).unwrap_err();
    assert!(error.to_string().contains("more than 64 in one call"), "{error}");
    let mut undecided = |_: &Chosen, metering| -> Result<(), _> {
        assert_eq!(metering, Metering::Instructions);
        Err(CallError::Undecided { call: "process", time: "70s".into() })
    };
    assert!(matches!(isolate(9, overrun(), &mut undecided), Err(CallError::Undecided { .. })), "nobody is blamed");
}

#[test]
fn the_fault_of_a_row_is_that_of_the_call_that_it_was_alone_in() {
    let mut named = |chosen: &Chosen, _| {
        let given = chosen_rows(chosen, 32);
        let of = |row: usize| format!("row {row} of {}", given.len());
        match given.iter().find(|row| [5, 21].contains(*row)) {
            Some(row) => {
                Err(CallError::Trap { call: "process", reason: of(*row), backtrace: GuestBacktrace::default() })
            }
            None => Ok(()),
        }
    };
    let isolated = isolate(32, trap(), &mut named).unwrap();
    let said: Vec<_> = isolated.poison.iter().map(|(_, fault)| fault.message.as_str()).collect();
    assert_eq!(said, ["trapped in `process`: row 5 of 1", "trapped in `process`: row 21 of 1"]);
    assert_eq!(isolated.poison[0].1.code, Code::Trap);
}
