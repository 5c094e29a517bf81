//! Modules that begin without open windows and without state, because the job says so by another `reset`.

use super::{
    expected_totals,
    live::{Live, ROWS, Run},
    shown_totals, totals,
};

const SUMS: &str = "{ n = \"std:count\", sum = \"std:sum(n)\" }";

/// Counts and sums by key of the rows from `first` on.
fn expected_from(first: i64) -> Vec<(i64, i64, i64)> {
    let of = |key: i64| (first..ROWS).filter(move |n| n % 7 == key);
    (0..7).map(|key| (key, of(key).count() as i64, of(key).sum())).collect()
}

/// Rows of the epochs before a revision.
fn rows_before(run: &Run, revision: u64) -> i64 {
    run.epochs.iter().filter(|epoch| epoch.revision < revision).map(|epoch| epoch.rows as i64).sum()
}

#[test]
fn open_windows_begin_anew_and_once() {
    let mut live = Live::new(&totals(""));
    live.change_after(4, 2, &totals("reset = 2"));
    // The same number again is the same state.
    live.change_after(9, 3, &totals("reset = 2\nlimits = { call-time = \"2s\" }"));
    let run = live.run().unwrap();
    let first = rows_before(&run, 2);
    assert!(first > 0 && run.epochs.iter().any(|epoch| epoch.revision == 3));
    assert_eq!(shown_totals(&run), expected_from(first));
}

#[test]
fn a_run_that_ends_before_the_reset_was_saved_does_it_again() {
    let mut live = Live::new(&totals(""));
    live.stop_after(5);
    let first = live.run().unwrap().epochs.iter().map(|epoch| epoch.rows as i64).sum();
    let mut live = live.again(2, &totals("reset = 2"), &[(1, totals(""))]);
    live.stop_after(3);
    live.run().unwrap();
    let run = live.again(2, &totals("reset = 2"), &[(1, totals(""))]).run().unwrap();
    assert_eq!(shown_totals(&run), expected_from(first));
}

#[test]
fn the_module_before_keeps_its_windows_and_comes_back_with_them() {
    let mut live = Live::new(&totals(""));
    live.change_after(4, 2, &totals(&format!("reset = 2\nshadow = {{ aggregate = {SUMS} }}")));
    live.change_after(9, 3, &totals(""));
    let run = live.run().unwrap();
    assert!(run.epochs.iter().any(|epoch| epoch.revision == 2) && run.epochs.iter().any(|epoch| epoch.revision == 3));
    assert_eq!(shown_totals(&run), expected_totals());
}

#[test]
fn a_shadow_begins_anew_beside_an_operator_that_does_not() {
    let shadow = format!("shadow = {{ aggregate = {SUMS}, reset = 2 }}");
    let promoted = format!("reset = 2\nshadow = {{ aggregate = {SUMS} }}");
    let mut live = Live::new(&totals(""));
    live.change_after(4, 2, &totals(&shadow));
    live.change_after(9, 3, &totals(&promoted));
    let run = live.run().unwrap();
    assert!(run.epochs.iter().any(|epoch| epoch.revision == 3));
    assert_eq!(shown_totals(&run), expected_from(rows_before(&run, 2)), "from the shadow's first epoch on");
}

#[test]
fn state_of_keys_begins_anew_and_what_was_late_stays_late() {
    let dedup = |more: &str| {
        format!(
            "[operator.result]\ninput = \"rows\"\nkey = [\"key\"]\nmodule = \"std:dedup\"\nstate = {{ lateness = \"0s\" }}\n{more}"
        )
    };
    let mut live = Live::new(&dedup(""));
    live.change_after(4, 2, &dedup("reset = 2"));
    let run = live.run().unwrap();
    let first = rows_before(&run, 2);
    let mut rows = run.rows(|fields| fields[0].parse::<i64>().unwrap());
    rows.sort_unstable();
    let expected: Vec<i64> = (0..7).chain(first..first + 7).collect();
    assert_eq!(rows, expected, "each key is new once more");
}
