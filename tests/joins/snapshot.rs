//! Snapshots in the middle of a timeline: what goes on from one is what would have gone on without, pair for pair in the same
//! order, and its next snapshots are the same bytes. Damaged snapshots are refused, or give a partition that can be worked with.

use pelton_tests::snapshots;

use super::{
    SEED_DEFAULT,
    engine::Run,
    number,
    timeline::{Form, Timeline},
};

const TIMELINES_DEFAULT: u64 = 300;

/// Every so many timelines one is damaged in every byte.
const DAMAGED: u64 = 50;

fn go_on(test: &str, form: Form) {
    let first = number("PELTON_SEED").unwrap_or(SEED_DEFAULT);
    let timelines = number("PELTON_TIMELINES").unwrap_or(TIMELINES_DEFAULT);
    for seed in first..first + timelines {
        let timeline = Timeline::random(form, seed);
        let told = format!(
            "{timeline:#?}\nagain: PELTON_SEED={seed} PELTON_TIMELINES=1 cargo test --release -p pelton-tests --test joins {test}"
        );
        let cut = seed as usize % timeline.epochs.len();
        snapshots::go_on(Run::new(&timeline), &timeline.epochs, cut, seed % DAMAGED == 1, &told);
    }
}

#[test]
fn joins_of_each_form_go_on_in_other_partitions() {
    let first = number("PELTON_SEED").unwrap_or(SEED_DEFAULT);
    let timelines = number("PELTON_TIMELINES").unwrap_or(TIMELINES_DEFAULT);
    for form in [Form::Interval, Form::Windows, Form::Sessions, Form::Global] {
        for seed in first..first + timelines {
            let timeline = Timeline::random(form, seed);
            let told = format!("{timeline:#?}\nagain: PELTON_SEED={seed} PELTON_TIMELINES=1");
            let cut = seed as usize % timeline.epochs.len();
            snapshots::move_on(Run::new(&timeline), &timeline.epochs, cut, (seed % 11 + 1) as u16, &told);
        }
    }
}

#[test]
fn interval_joins_go_on_from_a_snapshot() {
    go_on("interval_joins_go_on", Form::Interval);
}

#[test]
fn windowed_joins_go_on_from_a_snapshot() {
    go_on("windowed_joins_go_on", Form::Windows);
}

#[test]
fn joins_within_sessions_go_on_from_a_snapshot() {
    go_on("within_sessions_go_on", Form::Sessions);
}

#[test]
fn joins_over_all_rows_go_on_from_a_snapshot() {
    go_on("all_rows_go_on", Form::Global);
}
