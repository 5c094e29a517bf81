//! A share of the work done by a candidate, for good: every row by one of the two, keys whole, state handed over and back.

use super::{
    expected_totals,
    live::{Live, ROWS},
    numbered, operator, shown_totals, totals,
};

const SAME: &str = "canary = { aggregate = { n = \"std:count\", sum = \"std:sum(n)\" }, share = \"1/2\" }";
const LARGEST: &str = "canary = { aggregate = { n = \"std:count\", sum = \"std:max(n)\" }, share = \"1/2\" }";

#[test]
fn each_batch_goes_through_one_of_the_two_in_order() {
    let select = "options = { columns = { n = \"n\", version = \"1\" } }";
    let canary =
        "canary = { module = \"std:select\", options = { columns = { n = \"n\", version = \"2\" } }, share = \"1/4\" }";
    let mut live = Live::new(&numbered(1));
    live.change_after(5, 2, &operator("std:select", &format!("{select}\n{canary}")));
    let run = live.run().unwrap();
    let rows: Vec<(i64, i64)> = run.rows(|fields| (fields[0].parse().unwrap(), fields[1].parse().unwrap()));
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), (0..ROWS).collect::<Vec<_>>());
    let first: i64 = run.epochs.iter().filter(|epoch| epoch.revision == 1).map(|epoch| epoch.rows as i64).sum();
    assert!(rows.iter().take(first as usize).all(|row| row.1 == 1), "it had not begun");
    let by_canary = rows.iter().filter(|row| row.1 == 2).count();
    let since = (ROWS - first) as usize;
    assert!(by_canary > since / 12 && by_canary < since / 2, "{by_canary} of {since}, a quarter was asked for");
    let [comparison] = run.summary.comparisons.as_slice() else { panic!("{:?}", run.summary.comparisons) };
    assert_eq!((comparison.shadow.rows_in, comparison.main.rows_in), (by_canary as u64, (since - by_canary) as u64));
    assert_eq!(comparison.share.as_deref(), Some("1/4"));
}

#[test]
fn a_key_belongs_to_one_of_the_two() {
    let run = Live::new(&totals(LARGEST)).run().unwrap();
    let (rows, expected) = (shown_totals(&run), expected_totals());
    assert_eq!(rows.len(), 7, "{rows:?}");
    let largest = |key: i64| (0..ROWS).rev().find(|n| n % 7 == key).unwrap();
    let by_canary: Vec<bool> = rows
        .iter()
        .zip(&expected)
        .map(|(row, sum)| {
            let by_canary = *row == (sum.0, sum.1, largest(sum.0));
            assert!(by_canary || row == sum, "{row:?} is neither {sum:?} nor of the canary");
            by_canary
        })
        .collect();
    assert!(by_canary.contains(&true) && by_canary.contains(&false), "{by_canary:?}");
}

#[test]
fn state_goes_to_the_canary_and_comes_back() {
    let mut live = Live::new(&totals(""));
    live.change_after(3, 2, &totals(SAME));
    live.change_after(9, 3, &totals("limits = { call-time = \"2s\" }"));
    live.change_after(15, 4, &totals(&SAME.replace("1/2", "1/4")));
    live.change_after(20, 5, &totals(&SAME.replace("1/2", "3/4")));
    let run = live.run().unwrap();
    assert!((1..=5).all(|number| run.epochs.iter().any(|epoch| epoch.revision == number)));
    assert_eq!(shown_totals(&run), expected_totals());
}

#[test]
fn a_promoted_canary_keeps_its_state_and_takes_the_rest() {
    let with_shadow = totals("shadow = { aggregate = { n = \"std:count\", sum = \"std:sum(n)\" } }");
    let mut live = Live::new(&totals(""));
    live.change_after(3, 2, &totals(&SAME.replace("std:count", "std:count(n)")));
    live.change_after(9, 3, &with_shadow.replacen("std:count", "std:count(n)", 1));
    live.change_after(15, 4, &totals(""));
    let run = live.run().unwrap();
    assert!((1..=4).all(|number| run.epochs.iter().any(|epoch| epoch.revision == number)));
    assert_eq!(shown_totals(&run), expected_totals());
}

#[test]
fn state_of_keys_goes_on_with_a_canary() {
    let dedup =
        |more: &str| format!("[operator.result]\ninput = \"rows\"\nkey = [\"key\"]\nmodule = \"std:dedup\"\n{more}");
    let mut live = Live::new(&dedup(""));
    live.change_after(3, 2, &dedup("canary = { module = \"std:dedup\", share = \"1/2\" }"));
    live.change_after(9, 3, &dedup("limits = { call-time = \"2s\" }"));
    let run = live.run().unwrap();
    let first_of_each: Vec<i64> = run.rows(|fields| fields[0].parse().unwrap());
    assert_eq!(first_of_each.len(), 7, "{first_of_each:?}");
    assert!(run.epochs.iter().any(|epoch| epoch.revision == 3));
}

#[test]
fn a_job_that_was_stopped_with_a_canary_goes_on() {
    let mut live = Live::new(&totals(""));
    live.change_after(3, 2, &totals(SAME));
    live.stop_after(6);
    assert!(live.run().unwrap().summary.interrupted);
    // The next run is to go without it, and its state is of both.
    let mut live = live.again(3, &totals("limits = { call-time = \"3s\" }"), &[(2, totals(SAME))]);
    live.change_after(2, 4, &totals(SAME));
    live.stop_after(4);
    live.run().unwrap();
    let run = live.again(4, &totals(SAME), &[]).run().unwrap();
    assert_eq!(shown_totals(&run), expected_totals());
}

#[test]
fn work_that_cannot_be_shared_is_refused() {
    let live = Live::new(&totals(""));
    let refused = |graph: &str| live.mistakes(graph);
    let all = refused(&totals(&SAME.replace("1/2", "15/16")));
    assert!(all.contains("8 partitions, and 15/16 of them is all"), "{all}");
    let no_key = refused(&totals(SAME).replace("key = [\"key\"]\n", ""));
    assert!(no_key.contains("no key by which its rows could be shared"), "{no_key}");
    let columns = "canary = { module = \"std:select\", options = { columns = { n = \"n\" } }, share = \"1/4\" }";
    let columns = refused(&operator("std:filter(n > 3)", columns));
    assert!(columns.contains("`result` has a column `key`, but `result~canary` has none"), "{columns}");
    let types = refused(&totals(&SAME.replace("std:sum(n)", "std:avg(n)")));
    assert!(types.contains("column `sum` is s64? in `result`, but f64? in `result~canary`"), "{types}");
}
