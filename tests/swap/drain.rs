//! Windows that are open when a module is exchanged, and are finished by the module before: what each window comes to is what one of the
//! two makes of all its rows, and a line in time parts them.

use std::collections::BTreeMap;

use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use pelton::job::run::{Control, Migration};

use super::live::{Live, ROWS, Run};

/// Of the first row, in ms; each row is one later.
const FIRST: i64 = 1_700_000_000_000;
/// What the module before folds, and what the one after it does.
const OLD: &str = "{ n = \"std:count\", value = \"std:sum(n)\" }";
const NEW: &str = "{ n = \"std:count\", value = \"std:sum(key)\" }";

#[derive(Clone, Copy)]
struct Shape {
    window: &'static str,
    /// In ms.
    length: i64,
    slide: i64,
    more: &'static str,
}

const TUMBLING: Shape = Shape { window: "type = \"tumbling\", length = \"4s\"", length: 4_000, slide: 4_000, more: "" };
const SLIDING: Shape =
    Shape { window: "type = \"sliding\", length = \"8s\", slide = \"2s\"", length: 8_000, slide: 2_000, more: "" };
const INVERSE: Shape = Shape {
    window: "type = \"sliding\", length = \"8s\", slide = \"2s\", inverse = true",
    length: 8_000,
    slide: 2_000,
    more: "",
};

impl Shape {
    fn job(&self, aggregate: &str, more: &str) -> String {
        let Self { window, more: own, .. } = self;
        format!(
            "[operator.result]\ninput = \"rows\"\nkey = [\"key\"]\nwindow = {{ {window} }}\naggregate = {aggregate}\n{own}\n{more}\n"
        )
    }

    fn drained(&self, more: &str) -> String {
        self.job(NEW, &format!("draining = {{ aggregate = {OLD} }}\n{more}"))
    }

    /// (key, start) of every window with rows: how many, their sum as the module before makes it, and as the new one does.
    fn expected(&self) -> BTreeMap<(i64, i64), [i64; 3]> {
        let mut windows: BTreeMap<(i64, i64), [i64; 3]> = BTreeMap::new();
        for n in 0..ROWS {
            let (time, key) = (FIRST + n, n % 7);
            let mut start = time - time.rem_euclid(self.slide);
            while start + self.length > time {
                let [rows, old, new] = windows.entry((key, start)).or_default();
                (*rows, *old, *new) = (*rows + 1, *old + n, *new + key);
                start -= self.slide;
            }
        }
        windows
    }

    /// That each window left once, with what one of the modules makes of it: those before the line the old one, the others the new one. Answers
    /// how many are whose.
    fn check(&self, run: &Run) -> [usize; 2] {
        let expected = self.expected();
        // key, window_start, window_end, n, value
        let rows = run.rows(|fields| {
            let start = string_to_timestamp_nanos(fields[1]).unwrap() / 1_000_000;
            let number = |at: usize| fields[at].parse::<i64>().unwrap();
            ((number(0), start), [number(3), number(4)])
        });
        assert_eq!(rows.len(), expected.len(), "each window once");
        let (mut last_old, mut first_new, mut whose) = (i64::MIN, i64::MAX, [0, 0]);
        for ((key, start), [n, value]) in rows {
            let [rows, old, new] = *expected.get(&(key, start)).expect("a window that has rows");
            assert_eq!(n, rows, "every row of the window at {start} of {key}, once");
            if value == old {
                last_old = last_old.max(start);
                whose[0] += 1;
            } else {
                assert_eq!(value, new, "the window at {start} of {key} is of both");
                first_new = first_new.min(start);
                whose[1] += 1;
            }
        }
        assert!(last_old < first_new, "a line parts them: {last_old} and {first_new}");
        whose
    }
}

#[test]
fn open_windows_are_finished_by_the_module_before() {
    for shape in [TUMBLING, SLIDING, INVERSE] {
        let mut live = Live::new(&shape.job(OLD, ""));
        live.change_after(10, 2, &shape.drained(""));
        let run = live.run().unwrap();
        let [old, new] = shape.check(&run);
        assert!(old > 7 && new > 7, "{}: {old} windows of the old module, {new} of the new one", shape.window);
    }
}

#[test]
fn what_leaves_does_not_depend_on_partitions_that_had_no_row_yet() {
    // A key has windows of its own; the line is the same for all.
    let mut live = Live::new(&TUMBLING.job(OLD, ""));
    live.change_after(1, 2, &TUMBLING.drained(""));
    let [old, new] = TUMBLING.check(&live.run().unwrap());
    assert!(old >= 7 && new > 7 && old % 7 == 0, "{old} and {new}: of each key as many");
}

#[test]
fn a_run_that_ends_while_windows_are_drained_goes_on_with_them() {
    for stop in [1, 2, 3] {
        let mut live = Live::new(&SLIDING.job(OLD, ""));
        live.stop_after(9);
        live.run().unwrap();
        let earlier = [(1, SLIDING.job(OLD, ""))];
        // The change is the first thing that happens, and may have to be made again.
        let mut live = live.again(2, &SLIDING.drained(""), &earlier);
        live.stop_after(stop);
        live.run().unwrap();
        let run = live.again(2, &SLIDING.drained(""), &earlier).run().unwrap();
        let [old, new] = SLIDING.check(&run);
        assert!(old > 7 && new > 7, "stopped after {stop}: {old} and {new}");
    }
}

#[test]
fn the_module_before_comes_back_with_all_windows() {
    for shape in [TUMBLING, SLIDING, INVERSE] {
        let mut live = Live::new(&shape.job(OLD, ""));
        live.change_after(10, 2, &shape.drained(&format!("shadow = {{ aggregate = {OLD} }}")));
        live.change_after(12, 3, &shape.job(OLD, ""));
        let run = live.run().unwrap();
        assert!(run.epochs.iter().any(|epoch| epoch.revision == 3));
        let [old, new] = shape.check(&run);
        assert!(old > 7 && new == 0, "{}: {old} and {new}", shape.window);
    }
}

#[test]
fn it_goes_when_its_windows_are_finished_and_not_before() {
    let mut live = Live::new(&TUMBLING.job(OLD, ""));
    live.change_after(10, 2, &TUMBLING.drained(""));
    live.look_at(2, |live, control| {
        let [Migration { operator, keys_left: Some(left), is_draining: true }] = &control.migrations()[..] else {
            panic!("it drains: {:?}", control.migrations());
        };
        assert!(operator == "result" && *left > 0);
        let refused = settle(live, control).unwrap_err();
        assert!(refused.contains("groups of open windows to finish"), "{refused}");
    });
    live.look_after(36, |live, control| {
        assert_eq!(control.migrations(), []);
        settle(live, control).unwrap();
    });
    let run = live.run().unwrap();
    assert!(run.epochs.iter().any(|epoch| epoch.revision == 3));
    TUMBLING.check(&run);
}

/// Has the job go on without the module before.
fn settle(live: &Live, control: &Control) -> Result<(), String> {
    let change = control.consider(3, live.plan(&TUMBLING.job(NEW, ""))).expect("it runs");
    let mut change = change.map_err(|refusals| refusals.to_string())?;
    control.try_out(&mut change).map_err(|refusals| refusals.to_string())?;
    control.change(change);
    Ok(())
}

#[test]
fn what_else_changes_meanwhile_is_refused() {
    let live = Live::new(&TUMBLING.job(OLD, ""));
    let refused = |from: &str, to: &str| live.refusal(from, to);
    let still = "still finishes the windows that were open";
    assert!(refused(&TUMBLING.drained(""), &TUMBLING.job(OLD, "")).contains(still));
    let third = "{ n = \"std:count\", value = \"std:max(n)\" }";
    assert!(refused(&TUMBLING.drained(""), &TUMBLING.job(third, "")).contains(still));
    let next = TUMBLING.job(third, &format!("draining = {{ aggregate = {NEW} }}"));
    assert!(refused(&TUMBLING.drained(""), &next).contains(still));
    let unknown = TUMBLING.job(NEW, &format!("draining = {{ aggregate = {third} }}"));
    assert!(refused(&TUMBLING.job(OLD, ""), &unknown).contains("has to name the modules that it has now"));
}

#[test]
fn windows_that_nobody_could_share_out_are_refused_with_the_reason() {
    let live = Live::new(&TUMBLING.job(OLD, ""));
    let with = |window: &'static str| Shape { window, ..TUMBLING }.drained("");
    for window in ["type = \"session\", gap = \"1s\"", "type = \"count\", rows = 10"] {
        let mistakes = live.mistakes(&with(window));
        assert!(mistakes.contains("only tumbling and sliding windows"), "{mistakes}");
    }
    let mistakes =
        live.mistakes(&TUMBLING.job(NEW, "draining = { aggregate = { n = \"std:count\", other = \"std:sum(n)\" } }"));
    assert!(mistakes.contains("compute (") && mistakes.contains("other s64?"), "{mistakes}");
    let keyed = "[operator.result]\ninput = \"rows\"\nkey = [\"key\"]\nmodule = \"std:dedup\"\ndraining = { module = \"std:dedup\" }\n";
    let mistakes = live.mistakes(keyed);
    assert!(mistakes.contains("has no windows that the module before could finish"), "{mistakes}");
}

#[test]
fn results_that_leave_as_changes_come_to_the_same() {
    // What both modules say of open windows is taken back by whoever said it; a sum over the changes has each window once.
    const SUM: &str = "[operator.result]\ninput = \"totals\"\nkey = [\"window_start\"]\naggregate = { n = \"std:sum(n)\" }\nemit = \"on-close\"\n";
    let job = |aggregate: &str, more: &str| {
        let totals = TUMBLING.job(aggregate, &format!("emit = {{ when = \"on-update\", mode = \"retract\" }}\n{more}"));
        format!("{}{SUM}", totals.replace("operator.result", "operator.totals"))
    };
    let mut live = Live::new(&job(OLD, ""));
    live.change_after(10, 2, &job(NEW, &format!("draining = {{ aggregate = {OLD} }}")));
    let run = live.run().unwrap();
    assert!(run.epochs.iter().any(|epoch| epoch.revision == 2));
    let total: i64 = run.rows(|fields| fields[1].parse::<i64>().unwrap()).iter().sum();
    assert_eq!(total, ROWS);
}
