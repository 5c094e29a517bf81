//! Windows against an oracle: random timelines go through the two halves of an aggregating operator, and what leaves each epoch
//! must be what a naive evaluator says.
//!
//! A timeline is a job (kind of window, emission, lateness, clock, key, partitions) and its epochs: rows out of order, late,
//! twice, without a time, or none at all, from one to three sources of one to three files that overlap, some of which fall idle and
//! come back. How far event time has come is told to the engine's watermarks, and worked out by a naive rule. The module lists the rows of each result, so a row that is lost, counted twice or
//! merged out of order shows. `PELTON_TIMELINES` says how many timelines of each kind (the suite: a few hundred, `make soak`:
//! 100,000 in all), `PELTON_SEED` with which to begin; a failure prints both.

mod changes;
mod engine;
mod inverse;
mod live;
mod oracle;
mod order;
mod permutations;
mod skew;
mod snapshot;
mod stages;
mod timeline;
mod watermark;

use std::{
    collections::BTreeMap,
    env,
    panic::{self, AssertUnwindSafe},
};

use timeline::{Clock, Emit, Kind, Timeline};

const TIMELINES_DEFAULT: u64 = 300;
const SEED_DEFAULT: u64 = 1;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value}")))
}

/// Runs timelines of one kind; the first that fails ends it. All of its forms must have occurred.
fn agree(test: &str, kind: Kind) {
    let seen = each(test, |seed| Timeline::random(kind, seed), compare);
    if number("PELTON_TIMELINES").unwrap_or(TIMELINES_DEFAULT) < TIMELINES_DEFAULT {
        return;
    }
    let mut missing = forms(kind);
    missing.retain(|form| !seen.forms.contains_key(form));
    assert!(missing.is_empty(), "no timeline had {missing:?} of {:#?}", seen.forms);
}

/// What timelines of a kind differ in: emission, lateness, clock, rows that are too late, what the watermark depends on.
fn forms(kind: Kind) -> Vec<String> {
    let emissions = ["on-close", "on-update", "early"];
    if matches!(kind, Kind::Global | Kind::Count) {
        return emissions.map(str::to_owned).into();
    }
    let mut forms: Vec<String> =
        ["held back by a file", "past an idle source", "of several sources"].map(str::to_owned).into();
    for emission in emissions {
        for lateness in ["", ", lateness"] {
            let form = format!("{emission}{lateness}");
            forms.extend([form.clone(), format!("{form}, late rows"), format!("{form}, processing time")]);
        }
    }
    forms
}

/// Which of these a timeline is.
fn forms_of(timeline: &Timeline, late: u64) -> Vec<String> {
    let mut form = match timeline.emit {
        Emit::OnClose => "on-close",
        Emit::OnUpdate => "on-update",
        Emit::Early(_) => "early",
    }
    .to_owned();
    if matches!(timeline.kind, Kind::Global | Kind::Count) {
        return vec![form];
    }
    if timeline.lateness > 0 {
        form.push_str(", lateness");
    }
    if timeline.clock == Clock::Processing {
        return vec![format!("{form}, processing time")];
    }
    let by = |rule| watermark::naive(&timeline.sources, &timeline.epochs, rule);
    let (all, unread, idle) = (
        watermark::Rule::ALL,
        watermark::Rule { unread: false, ..watermark::Rule::ALL },
        watermark::Rule { idle: false, ..watermark::Rule::ALL },
    );
    let facts = [
        (by(all) != by(unread), "held back by a file"),
        (by(all) != by(idle), "past an idle source"),
        (timeline.sources.len() > 1, "of several sources"),
    ];
    let facts = facts.into_iter().filter(|(is_so, _)| *is_so).map(|(_, fact)| fact.to_owned());
    let late = (late > 0).then(|| format!("{form}, late rows"));
    facts.chain(late).chain([form]).collect()
}

/// Runs timelines against what `compare` says of each; the first that fails ends it.
fn each(test: &str, timeline: impl Fn(u64) -> Timeline, compare: impl Fn(&Timeline) -> Result<Seen, String>) -> Seen {
    let first = number("PELTON_SEED").unwrap_or(SEED_DEFAULT);
    let timelines = number("PELTON_TIMELINES").unwrap_or(TIMELINES_DEFAULT);
    let mut seen = Seen::default();
    for seed in first..first + timelines {
        let timeline = timeline(seed);
        let run = panic::catch_unwind(AssertUnwindSafe(|| compare(&timeline)));
        match run {
            Ok(Ok(more)) => seen.add(&more),
            Ok(Err(difference)) => panic!("{difference}\n{timeline:#?}\n{}", again(test, seed)),
            Err(cause) => {
                eprintln!("{timeline:#?}\n{}", again(test, seed));
                panic::resume_unwind(cause);
            }
        }
    }
    println!("{timelines} timelines, {} results, {} late rows, {} rejected", seen.results, seen.late, seen.rejected);
    assert!(timelines < 100 || seen.results > timelines, "timelines without results test nothing");
    seen
}

fn again(test: &str, seed: u64) -> String {
    format!("again: PELTON_SEED={seed} PELTON_TIMELINES=1 cargo test --release -p pelton-tests --test windows {test}")
}

#[derive(Default)]
struct Seen {
    results: u64,
    late: u64,
    rejected: u64,
    /// How many timelines had each form.
    forms: BTreeMap<String, u64>,
}

impl Seen {
    fn add(&mut self, more: &Self) {
        self.results += more.results;
        self.late += more.late;
        self.rejected += more.rejected;
        more.forms.iter().for_each(|(form, count)| *self.forms.entry(form.clone()).or_default() += count);
    }
}

fn compare(timeline: &Timeline) -> Result<Seen, String> {
    let watermarks: Vec<i64> = timeline.epochs.iter().map(|epoch| epoch.watermark).collect();
    let made = watermark::of_the_engine(timeline);
    if made != watermarks {
        return Err(format!("expected the watermarks {watermarks:?}, got {made:?}"));
    }
    let expected = oracle::evaluate(timeline);
    let got = engine::run(timeline);
    let mut seen = Seen::default();
    for (epoch, (mut expected, mut got)) in expected.into_iter().zip(got).enumerate() {
        for outcome in [&mut expected, &mut got] {
            outcome.results.sort();
            outcome.late.sort_unstable();
            outcome.rejected.sort_unstable();
        }
        if expected != got {
            return Err(format!("epoch {epoch}: expected {expected:#?}\ngot {got:#?}"));
        }
        seen.results += expected.results.len() as u64;
        seen.late += expected.late.len() as u64;
        seen.rejected += expected.rejected.len() as u64;
    }
    seen.forms = forms_of(timeline, seen.late).into_iter().map(|form| (form, 1)).collect();
    Ok(seen)
}

/// What left the operator in one epoch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    results: Vec<Fold>,
    /// Ids of rows.
    late: Vec<i64>,
    rejected: Vec<i64>,
}

/// One result: the rows of a key in a window.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Fold {
    key: Vec<String>,
    /// Start and end, where windows have them.
    bounds: Option<(i64, i64)>,
    /// Ids of the rows, in the order in which they were merged where that is defined.
    rows: Vec<i64>,
    /// As the second module of the operator counted them.
    count: i64,
}

#[test]
fn tumbling_windows_agree_with_the_oracle() {
    agree("tumbling", Kind::Tumbling);
}

#[test]
fn sliding_windows_agree_with_the_oracle() {
    agree("sliding", Kind::Sliding);
}

#[test]
fn aggregates_without_windows_agree_with_the_oracle() {
    agree("without_windows", Kind::Global);
}

#[test]
fn session_windows_agree_with_the_oracle() {
    agree("session", Kind::Session);
}

#[test]
fn count_windows_agree_with_the_oracle() {
    agree("count", Kind::Count);
}
