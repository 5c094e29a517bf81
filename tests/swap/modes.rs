//! Operators whose results leave as changes, and windows that take rows back, exchanged while they run: what was said is taken back
//! by whoever has the state, and rows that one module folded are taken back by the next.

use std::collections::BTreeMap;

use super::{
    expected_totals,
    live::{Live, Run},
};

/// Running sums by key, as changes.
fn changes(more: &str) -> String {
    let aggregate = "aggregate = { n = \"std:count\", sum = \"std:sum(n)\" }\nemit = { mode = \"retract\" }";
    format!("[operator.result]\ninput = \"rows\"\nkey = [\"key\"]\n{aggregate}\n{more}")
}

/// Sums by key of windows that slide, rows leaving one by one.
fn slides(more: &str) -> String {
    let window = "window = { type = \"sliding\", length = \"4s\", slide = \"500ms\", inverse = true }";
    let aggregate = "aggregate = { n = \"std:count\", sum = \"std:sum(n)\" }";
    format!("[operator.result]\ninput = \"rows\"\nkey = [\"key\"]\n{window}\n{aggregate}\n{more}")
}

const SAME_SHADOW: &str = "shadow = { aggregate = { n = \"std:count\", sum = \"std:sum(n)\" } }";
const SAME_CANARY: &str = "canary = { aggregate = { n = \"std:count\", sum = \"std:sum(n)\" }, share = \"1/2\" }";
const LIMITS: &str = "limits = { call-time = \"2s\" }";

/// What the changes add up to: (key, count, sum). Whatever is taken back must have been said, and be the last that was.
fn added_up(run: &Run) -> Vec<(i64, i64, i64)> {
    let mut totals: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    let mut taken_back = 0;
    for row in run.rows(|fields| fields.iter().map(|field| field.parse().unwrap()).collect::<Vec<i64>>()) {
        let [key, n, sum, op] = row.as_slice() else { panic!("{row:?}") };
        if *op == 1 {
            assert_eq!(totals.insert(*key, (*n, *sum)), None, "{row:?} is added to another result");
        } else {
            taken_back += 1;
            assert_eq!((totals.remove(key), *op), (Some((*n, *sum)), -1), "{row:?} was not said");
        }
    }
    assert!(taken_back > 100, "only {taken_back} results were taken back");
    totals.into_iter().map(|(key, (n, sum))| (key, n, sum)).collect()
}

#[test]
fn what_was_said_is_taken_back_by_the_next_module() {
    let mut live = Live::new(&changes(""));
    live.change_after(4, 2, &changes(LIMITS));
    live.change_after(8, 3, &changes(SAME_CANARY));
    live.change_after(14, 4, &changes(""));
    live.change_after(18, 5, &changes(SAME_SHADOW));
    let run = live.run().unwrap();
    assert!((1..=5).all(|number| run.epochs.iter().any(|epoch| epoch.revision == number)));
    assert_eq!(added_up(&run), expected_totals());
    // The canary has no rows to compare, the shadow has.
    let shadows: Vec<_> = run.summary.comparisons.iter().filter(|comparison| comparison.share.is_none()).collect();
    let [comparison] = shadows.as_slice() else { panic!("{:?}", run.summary.comparisons) };
    assert!(comparison.is_same() && comparison.rows_same > 0, "{comparison:?}");
}

#[test]
fn what_was_said_is_taken_back_after_a_stop() {
    let mut live = Live::new(&changes(""));
    live.change_after(3, 2, &changes(SAME_CANARY));
    live.stop_after(12);
    assert!(live.run().unwrap().epochs.len() < 30, "it was stopped");
    let revisions = [(1, changes("")), (2, changes(SAME_CANARY))];
    let mut live = live.again(2, &changes(SAME_CANARY), &revisions);
    live.change_after(4, 3, &changes(LIMITS));
    assert_eq!(added_up(&live.run().unwrap()), expected_totals());
}

#[test]
fn rows_that_one_module_folded_are_taken_back_by_the_next() {
    let lines = |run: &Run| {
        let mut lines = run.rows(|fields| fields.join(","));
        lines.sort_unstable();
        lines
    };
    let expected = lines(&Live::new(&slides("")).run().unwrap());
    assert!(expected.len() > 800, "{} results", expected.len());
    let panes = Live::new(&slides("").replace(", inverse = true", "")).run().unwrap();
    assert_eq!(lines(&panes), expected, "merging panes comes to the same");
    let mut live = Live::new(&slides(""));
    live.change_after(4, 2, &slides(LIMITS));
    live.change_after(8, 3, &slides(SAME_CANARY));
    live.change_after(16, 4, &slides(SAME_SHADOW));
    live.stop_after(22);
    assert!(live.run().unwrap().epochs.iter().any(|epoch| epoch.revision == 4));
    let revisions = [(1, slides("")), (2, slides(LIMITS)), (3, slides(SAME_CANARY)), (4, slides(SAME_SHADOW))];
    let live = live.again(4, &slides(SAME_SHADOW), &revisions);
    assert_eq!(lines(&live.run().unwrap()), expected);
}

#[test]
fn another_column_to_take_back_needs_a_stop() {
    let live = Live::new(&slides(""));
    let refusal = live.refusal(&slides(""), &slides("").replace("std:count", "std:sum(key)"));
    assert!(refusal.contains("it keeps rows of (n s64), and would need (n s64, key s64)"), "{refusal}");
    let refusal = live.refusal(&changes(""), &changes("").replace("std:sum(n)", "std:last(ts)"));
    assert!(refusal.contains("it may have to take back results of (count s64, sum s64"), "{refusal}");
    let mistakes = live.mistakes(&slides("").replace("std:sum(n)", "std:max(n)"));
    assert!(mistakes.contains("its windows take rows back"), "{mistakes}");
}
