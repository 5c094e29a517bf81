//! Operators of changes that are saved and loaded in the middle of a timeline: what each last said, the rows that may be taken back,
//! and what is left of each group.
//!
//! The results of the first operator go into the second, if there is one, in the same epoch. What goes on from a snapshot must be
//! what would have gone on without, change for change, and its next snapshots the same bytes.

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use pelton::{operator::aggregate::AggregatePlan, state::snapshot::SnapshotError};
use pelton_core::{
    job::Emission,
    window::{WindowKind, WindowSpec},
};
use pelton_tests::snapshots;
use pelton_wasm::CallError;

use super::{
    SEED_DEFAULT, again,
    changes::{first, longer, no_windows, second},
    engine::{self, Left, Running},
    inverse, number,
    timeline::{self, Epoch, Kind, Timeline},
};

const TIMELINES_DEFAULT: u64 = 200;

/// Every so many timelines one is damaged in every byte.
const DAMAGED: u64 = 100;

struct Stages<'a> {
    timeline: &'a Timeline,
    stages: Vec<Running>,
    /// The next epoch.
    number: usize,
}

impl<'a> Stages<'a> {
    fn new(timeline: &'a Timeline, plans: Vec<AggregatePlan>) -> Self {
        Self { timeline, stages: plans.into_iter().map(Running::new).collect(), number: 0 }
    }
}

impl snapshots::Run for Stages<'_> {
    type Epoch = Epoch;
    type Outcome = Vec<Left>;
    type Error = CallError;
    type Refusal = SnapshotError;

    fn save(&self) -> Vec<Vec<u8>> {
        self.stages.iter().flat_map(Running::save).collect()
    }

    fn load(&self, bytes: &[Vec<u8>]) -> Result<Self, SnapshotError> {
        let mut bytes = bytes;
        let mut stages = Vec::new();
        for stage in &self.stages {
            let (own, rest) = bytes.split_at(usize::from(stage.plan.partitions));
            stages.push(stage.load(own)?);
            bytes = rest;
        }
        Ok(Self { stages, ..*self })
    }

    fn epoch(&mut self, epoch: &Epoch) -> Result<Vec<Left>, CallError> {
        let has_event_time = self.timeline.clock == timeline::Clock::Event;
        let closing = engine::closing(self.timeline, self.number, has_event_time);
        let mut batches: Vec<RecordBatch> = epoch.batches.iter().map(|rows| engine::batch(rows)).collect();
        let mut outcome = Vec::new();
        for stage in &mut self.stages {
            let left = stage.epoch(self.number, epoch.now, &batches, closing)?;
            batches.clone_from(&left.results);
            outcome.push(left);
        }
        self.number += 1;
        Ok(outcome)
    }

    fn goes_on_after_damage(&self) -> bool {
        // As with windows whose panes are merged: one that is moved to another age makes for endless slides.
        !self.stages.iter().any(|stage| matches!(stage.plan.window.kind, WindowKind::Sliding { .. }))
    }
}

fn go_on(test: &str, timeline: impl Fn(u64) -> Timeline, plans: impl Fn(&Timeline) -> Vec<AggregatePlan>) {
    let first = number("PELTON_SEED").unwrap_or(SEED_DEFAULT);
    let timelines = number("PELTON_TIMELINES").unwrap_or(TIMELINES_DEFAULT);
    for seed in first..first + timelines {
        let timeline = timeline(seed);
        let told = format!("{timeline:#?}\n{}", again(test, seed));
        let cut = seed as usize % timeline.epochs.len();
        let stages = Stages::new(&timeline, plans(&timeline));
        snapshots::go_on(stages, &timeline.epochs, cut, seed % DAMAGED == 1, &told);
    }
}

#[test]
fn slides_that_take_rows_back_go_on_from_a_snapshot() {
    go_on("slides_that_take_rows_back_go_on", inverse::timeline, |timeline| vec![inverse::operator(timeline).plan()]);
}

#[test]
fn results_as_changes_go_on_from_a_snapshot() {
    for kind in [Kind::Global, Kind::Tumbling, Kind::Sliding] {
        let plans = |timeline: &Timeline| vec![first(timeline).plan()];
        go_on("results_as_changes_go_on", |seed| Timeline::random(kind, seed), plans);
    }
}

/// The first operator, and one over its changes.
fn over_changes(timeline: &Timeline, window: WindowSpec, emission: Emission) -> Vec<AggregatePlan> {
    let first = first(timeline).plan();
    let second = second(timeline, SchemaRef::clone(&first.result), window, emission).plan();
    vec![first, second]
}

#[test]
fn sums_over_changes_go_on_from_a_snapshot() {
    for emission in [Emission::OnUpdate, Emission::Early(20)] {
        let plans = |timeline: &Timeline| over_changes(timeline, no_windows(), emission);
        go_on("sums_over_changes_go_on", |seed| Timeline::random(Kind::Global, seed), plans);
    }
}

#[test]
fn windows_over_changes_go_on_from_a_snapshot() {
    let by_event =
        |seed: u64| Timeline { clock: timeline::Clock::Event, lateness: 0, ..Timeline::random(Kind::Tumbling, seed) };
    let plans = |timeline: &Timeline| {
        let window = WindowSpec { kind: longer(timeline), ..no_windows() };
        over_changes(timeline, window, Emission::OnClose)
    };
    go_on("windows_over_changes_go_on", by_event, plans);
}
