//! State that a new version of a module makes its own, row by row, while the stream goes on: on touch, and a little with each epoch.
//!
//! Three versions of one operator keep the same sums in other forms (`tests/guests/versions`); whatever has been exchanged when, what they say
//! must be the sums that plain arithmetic gives.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use pelton::job::plan::change::Refusals;
use pelton_tests::versions;

use super::live::{Live, ROWS, Run};

/// Keys of the rows: each comes several times.
const KEYS: i64 = 20_000;

/// Sums by `k`, by one of the versions.
fn sums(version: u32, more: &str) -> String {
    let module = versions(&format!("version_{version}")).unwrap();
    format!(
        "[operator.keys]\ninput = \"rows\"\nmodule = \"std:select\"\noptions = {{ columns = {{ n = \"n\", k = \"n % {KEYS}\" }} }}\n\
         [operator.result]\ninput = \"keys\"\nkey = [\"k\"]\nmodule = \"{}\"\n{more}",
        module.display()
    )
}

/// A job whose epochs migrate a hundred keys of each of eight partitions, so that it takes many of them.
fn live(version: u32) -> Live {
    Live::new(&sums(version, "")).rows_in_call(100)
}

/// Compares all rows with the sums and the last rows of their keys, and answers with the versions that made them.
fn check(run: &Run) -> Vec<i64> {
    // k, n, cents, last, version
    let mut rows: Vec<[i64; 5]> =
        run.rows(|fields| std::array::from_fn(|at| fields[at].parse().unwrap_or_else(|_| panic!("{fields:?}"))));
    rows.sort_unstable_by_key(|row| row[1]);
    assert_eq!(rows.len() as i64, ROWS);
    let mut seen: HashMap<i64, Vec<i64>> = HashMap::new();
    for (expected, [k, n, cents, last, version]) in (0..).zip(&rows) {
        let before = seen.entry(*k).or_default();
        before.push(*n);
        let of_three: i64 = before.iter().rev().take(3).sum();
        let sum: i64 = before.iter().sum();
        assert_eq!((expected, expected % KEYS), (*n, *k));
        assert_eq!((*cents, *last), (sum, of_three), "key {k}, row {n}, by version {version}");
    }
    let mut versions: Vec<i64> = rows.iter().map(|row| row[4]).collect();
    versions.dedup();
    versions
}

#[test]
fn state_is_migrated_on_touch_and_in_the_background() {
    let mut live = live(1);
    live.change_after(20, 2, &sums(2, ""));
    let run = live.run().unwrap();
    assert_eq!(check(&run), [1, 2]);
}

#[test]
fn a_version_reads_those_before_it() {
    let mut live = live(1);
    live.change_after(8, 2, &sums(3, ""));
    assert_eq!(check(&live.run().unwrap()), [1, 3]);
    // One after the other: the first has migrated everything before the second comes.
    let mut live = Live::new(&sums(1, ""));
    live.change_after(8, 2, &sums(2, ""));
    live.change_after(20, 3, &sums(3, ""));
    assert_eq!(check(&live.run().unwrap()), [1, 2, 3]);
}

#[test]
fn a_job_that_was_stopped_within_a_migration_goes_on_with_both_versions() {
    let mut live = live(1);
    live.change_after(15, 2, &sums(2, ""));
    live.stop_at(2);
    assert!(live.run().unwrap().summary.interrupted);
    let mut live = live.again(2, &sums(2, ""), &[(1, sums(1, ""))]);
    live.stop_after(3);
    assert!(live.run().unwrap().summary.interrupted);
    let live = live.again(2, &sums(2, ""), &[]);
    assert_eq!(check(&live.run().unwrap()), [1, 2]);
}

#[test]
fn the_version_before_runs_on_as_the_shadow_and_comes_back_with_its_own_state() {
    let shadow = format!("shadow = {{ module = \"{}\" }}", versions("version_1").unwrap().display());
    let mut live = live(1);
    live.change_after(10, 2, &sums(2, &shadow));
    live.change_after(25, 3, &sums(1, ""));
    let run = live.run().unwrap();
    assert_eq!(check(&run), [1, 2, 1]);
    let [comparison] = run.summary.comparisons.as_slice() else { panic!("{:?}", run.summary.comparisons) };
    assert!(comparison.failure.is_none(), "{comparison:?}");
}

#[test]
fn a_later_state_is_not_given_to_a_version_that_cannot_read_it() {
    let live = live(1);
    let refused = live.refusal(&sums(2, ""), &sums(1, ""));
    let expected =
        "operator `result`: its state is of version 2, which a module of version 1 without `migrate` cannot read";
    assert!(refused.contains(expected), "{refused}");
    let canary = format!("canary = {{ module = \"{}\", share = \"1/4\" }}", versions("version_2").unwrap().display());
    let refused = live.refusal(&sums(1, ""), &sums(1, &canary));
    assert!(
        refused.contains("operator `result`, with the state of `result~canary`: its state is of version 2"),
        "{refused}"
    );
}

#[test]
fn a_migration_is_tried_on_copies_and_refused_with_the_key() {
    let mut live = live(1);
    live.look_after(30, |live, control| {
        let mut change = control.consider(2, live.plan(&sums(2, ""))).expect("it runs").unwrap();
        control.try_out(&mut change).unwrap();
        let changed = change.operators.last().unwrap();
        assert_eq!(changed.state.to_string(), "state is migrated from version 1 to version 2");
        assert!(changed.notes[0].starts_with("`migrate` was tried on copies of "), "{:?}", changed.notes);
    });
    assert_eq!(check(&live.run().unwrap()), [1]);
    // A debt, which version 2 panics at: every sum of a job over -n is one.
    let negative = |version: u32| sums(version, "").replace("n = \"n\"", "n = \"0 - n - 1\"");
    let mut live = Live::new(&negative(1));
    live.look_after(5, move |live, control| {
        let mut change = control.consider(2, live.plan(&negative(2))).expect("it runs").unwrap();
        let Refusals(reasons) = control.try_out(&mut change).expect_err("no sum can be migrated");
        let [reason] = reasons.as_slice() else { panic!("{reasons:?}") };
        let begins = "operator `result`: its module cannot migrate what version 1 kept in `state` for key k=\"";
        assert!(reason.starts_with(begins) && reason.contains("trapped in `migrate`"), "{reason}");
    });
    live.run().unwrap();
}

#[test]
fn a_version_that_traps_on_a_key_ends_the_attempt_with_its_name() {
    let negative = |version: u32| sums(version, "").replace("n = \"n\"", "n = \"0 - n - 1\"");
    let mut live = Live::new(&negative(1));
    live.change_after(5, 2, &negative(2));
    let error = live.run().err().expect("it cannot go on");
    let causes: Vec<String> = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
        .map(ToString::to_string)
        .collect();
    let all = causes.join(": ");
    assert!(
        all.contains("cannot migrate what version 1 kept in `state` for key k=") && all.contains("a debt of -"),
        "{all}"
    );
}

#[test]
fn another_change_waits_until_the_state_is_migrated() {
    let mut live = Live::new(&sums(1, "")).rows_in_call(20);
    live.change_after(12, 2, &sums(2, ""));
    live.look_at(2, |live, control| {
        let mut change = control.consider(3, live.plan(&sums(3, ""))).expect("it runs").unwrap();
        let Refusals(reasons) = control.try_out(&mut change).expect_err("keys are left");
        assert!(
            reasons[0].contains("being migrated to version 2: ") && reasons[0].ends_with(" keys are left"),
            "{reasons:?}"
        );
        // Other limits are another operator, with the same module.
        let limits = sums(2, "limits = { call-time = \"2s\" }");
        let mut change = control.consider(3, live.plan(&limits)).expect("it runs").unwrap();
        control.try_out(&mut change).unwrap();
        control.change(change);
    });
    assert_eq!(check(&live.run().unwrap()), [1, 2]);
}

/// What the stream sees of a migration of many keys: the longest time between two epochs. PELTON_KEYS says how many, such as 10000000.
#[test]
fn the_stream_goes_on_while_its_state_is_migrated() {
    let keys: u64 = std::env::var("PELTON_KEYS").map_or(1_000_000, |keys| keys.parse().unwrap());
    let graph = |version: u32| {
        let module = versions(&format!("plain_{version}")).unwrap();
        format!(
            "[operator.keys]\ninput = \"rows\"\nmodule = \"std:select\"\noptions = {{ columns = {{ n = \"n\", k = \"n % {keys}\" }} }}\n\
             [operator.result]\ninput = \"keys\"\nkey = [\"k\"]\nmodule = \"{}\"\nlimits = {{ state-bytes = \"16GiB\", call-time = \"1m\" }}",
            module.display()
        )
    };
    let live = Live::fast(&graph(1));
    let (mut last, mut swapped, mut before, mut since) = (Instant::now(), None, Duration::ZERO, Duration::ZERO);
    let (mut rows, mut epochs, mut done) = (0, 0, None);
    live.drive(|control, report| {
        let gap = last.elapsed();
        last = Instant::now();
        rows += report.rows_in;
        match swapped {
            None if rows < keys => before = before.max(gap),
            None => {
                let change = control.consider(2, live.plan(&graph(2))).expect("it runs").unwrap();
                control.change(change);
                // Planning is not the stream's business, and it was done on its thread.
                last = Instant::now();
                swapped = Some(last);
            }
            Some(_) if report.revision < 2 => {}
            Some(begun) => {
                since = since.max(gap);
                epochs += 1;
                if control.migrations().is_empty() && done.is_none() {
                    done = Some(begun.elapsed());
                    control.stop.request();
                }
            }
        }
    });
    let done = done.expect("it was migrated");
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{keys} keys migrated in {epochs} epochs, {:.2} s; the longest time between two epochs {:.1} ms, {:.1} ms before the swap",
        done.as_secs_f64(),
        ms(since),
        ms(before)
    );
    assert!(epochs > 1, "it was done at once");
}
