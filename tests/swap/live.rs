//! A job of one source and one sink in a folder of its own, with what is to happen to it while it runs.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use anyhow::Result;
use pelton::{
    job::{
        diagnostic::Diagnostics,
        file,
        plan::{Plan, Surroundings, change::Change, modules::Modules},
        run::{
            self, Control, Job, RunError, Start,
            progress::{EpochReport, Event, Summary},
        },
    },
    sink::print::{PrintStyle, PrintTarget},
};
use pelton_core::job::Overrides;
use pelton_wasm::{Runtime, RuntimeOptions};
use tempfile::TempDir;

/// Rows of the source: `n` from 0 on, and `key`, which is `n` modulo 7.
pub const ROWS: i64 = 60_000;
/// A file is an epoch.
const FILES: i64 = 40;

pub struct Live {
    folder: TempDir,
    /// The job, but for `{graph}`.
    frame: String,
    runtime: Arc<Runtime>,
    revision: u64,
    graph: String,
    earlier: Vec<(u64, String)>,
    acts: Vec<(When, Act)>,
}

enum When {
    /// So many epochs of this run have been committed.
    Epochs(u64),
    /// The first epoch of this revision has been committed.
    Revision(u64),
}

enum Act {
    Change(u64, String),
    Stop,
    Look(Box<Look>),
}

/// Looks at a run, or does something to it.
type Look = dyn Fn(&Live, &Control);

/// An epoch, as its report told it.
pub struct Epoch {
    pub revision: u64,
    pub rows: u64,
}

pub struct Run {
    pub summary: Summary,
    pub epochs: Vec<Epoch>,
    output: String,
}

impl Run {
    /// The rows of the sink, by their fields.
    pub fn rows<T>(&self, row: impl Fn(&[&str]) -> T) -> Vec<T> {
        self.output.lines().map(|line| row(&line.split(',').collect::<Vec<_>>())).collect()
    }
}

impl Live {
    pub fn new(graph: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let line = |n: i64| format!("{n},{},{}\n", n % 7, 1_700_000_000_000 + n);
        for file in 0..FILES {
            let rows = ROWS / FILES * file..ROWS / FILES * (file + 1);
            fs::write(folder.path().join(format!("rows-{file:02}.csv")), rows.map(line).collect::<String>()).unwrap();
        }
        let cache_dir = Some(std::env::temp_dir().join("pelton-tests-cache"));
        let runtime = Runtime::new(&RuntimeOptions { cache_dir }).unwrap();
        let (graph, frame) = (graph.to_owned(), FRAME.replace("{source}", FILE_SOURCE));
        Self { folder, frame, runtime, revision: 1, graph, earlier: Vec::new(), acts: Vec::new() }
    }

    /// Calls of modules get so many rows at most.
    pub fn rows_in_call(mut self, rows: u32) -> Self {
        self.frame = self.frame.replace("max-bytes = 1", &format!("max-bytes = 1, rows = {rows}"));
        self
    }

    /// Over rows without end.
    pub fn endless(graph: &str) -> Self {
        Self { frame: FRAME.replace("{source}", ENDLESS_SOURCE), ..Self::new(graph) }
    }

    /// Over rows without end, as fast as they are taken, whose rows go nowhere and of which nothing is kept.
    pub fn fast(graph: &str) -> Self {
        Self { frame: FAST.to_owned(), ..Self::new(graph) }
    }

    /// Runs until `look`, which is told of each epoch, has it stop.
    pub fn drive(&self, mut look: impl FnMut(&Control, &EpochReport)) -> Summary {
        let control = Control::default();
        let mut observe = |event: Event| {
            if let Event::Epoch(report) = event {
                look(&control, &report);
            }
        };
        let job = Job {
            revision: 1,
            plan: self.plan(&self.graph),
            earlier: &mut |revision| Err(RunError::UnknownRevision { revision }),
        };
        run::run(job, 2, Start::Continue, &control, &mut observe).unwrap()
    }

    /// Swaps to `graphs` in turns, each when so many epochs have gone by the one before, and tells `look` of each epoch how many
    /// swaps there were, and how many epochs since.
    pub fn swap_often(&self, swaps: u64, epochs: u64, graphs: [&str; 2], look: &mut dyn FnMut(u64, u64)) -> Summary {
        let control = Control::default();
        let (mut wanted, mut since) = (1, 0);
        let mut observe = |event: Event| {
            let Event::Epoch(report) = event else { return };
            if control.stop.is_requested() {
                return;
            }
            since = if report.revision < wanted { 0 } else { since + 1 };
            look(report.revision - 1, since);
            if since < epochs {
                return;
            }
            since = 0;
            if wanted > swaps {
                control.stop.request();
                return;
            }
            wanted += 1;
            let graph = graphs[wanted as usize % 2];
            control.change(control.consider(wanted, self.plan(graph)).expect("it runs").unwrap());
        };
        let job = Job {
            revision: 1,
            plan: self.plan(&self.graph),
            earlier: &mut |revision| Err(RunError::UnknownRevision { revision }),
        };
        run::run(job, 2, Start::Continue, &control, &mut observe).unwrap()
    }

    pub fn change_after(&mut self, epochs: u64, revision: u64, graph: &str) {
        self.acts.push((When::Epochs(epochs), Act::Change(revision, graph.to_owned())));
    }

    pub fn look_after(&mut self, epochs: u64, look: impl Fn(&Self, &Control) + 'static) {
        self.acts.push((When::Epochs(epochs), Act::Look(Box::new(look))));
    }

    pub fn look_at(&mut self, revision: u64, look: impl Fn(&Self, &Control) + 'static) {
        self.acts.push((When::Revision(revision), Act::Look(Box::new(look))));
    }

    pub fn stop_after(&mut self, epochs: u64) {
        self.acts.push((When::Epochs(epochs), Act::Stop));
    }

    pub fn stop_at(&mut self, revision: u64) {
        self.acts.push((When::Revision(revision), Act::Stop));
    }

    /// The same job, to go on.
    pub fn again(self, revision: u64, graph: &str, earlier: &[(u64, String)]) -> Self {
        Self { revision, graph: graph.to_owned(), earlier: earlier.to_vec(), acts: Vec::new(), ..self }
    }

    /// Why a job cannot change in this way.
    pub fn refusal(&self, from: &str, to: &str) -> String {
        let refused = Change::new(&self.plan(from), 1, 2, self.plan(to));
        refused.err().expect("it is refused").to_string()
    }

    /// What is wrong with a job.
    pub fn mistakes(&self, graph: &str) -> String {
        format!("{:?}", self.try_plan(graph).err().expect("it is refused"))
    }

    pub fn plan(&self, graph: &str) -> Plan {
        self.try_plan(graph).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
    }

    fn try_plan(&self, graph: &str) -> Result<Plan, Diagnostics> {
        plan_text(self.folder.path(), &self.runtime, &self.frame.replace("{graph}", graph))
    }

    pub fn run(&self) -> Result<Run, RunError> {
        let control = Control::default();
        let mut epochs = Vec::new();
        let mut observe = |event: Event| {
            let Event::Epoch(report) = event else { return };
            let is_first = epochs.last().is_none_or(|last: &Epoch| last.revision != report.revision);
            epochs.push(Epoch { revision: report.revision, rows: report.rows_in });
            let is_now = |when: &When| match when {
                When::Epochs(after) => *after == epochs.len() as u64,
                When::Revision(revision) => is_first && *revision == report.revision,
            };
            for (_, act) in self.acts.iter().filter(|(when, _)| is_now(when)) {
                match act {
                    Act::Look(look) => look(self, &control),
                    Act::Stop => control.stop.request(),
                    Act::Change(revision, graph) => {
                        let change = control.consider(*revision, self.plan(graph)).expect("it runs");
                        control.change(change.unwrap());
                    }
                }
            }
        };
        let mut earlier = |revision: u64| {
            let known = self.earlier.iter().find(|(number, _)| *number == revision);
            known.map(|(_, graph)| self.plan(graph)).ok_or(RunError::UnknownRevision { revision })
        };
        let job = Job { revision: self.revision, plan: self.plan(&self.graph), earlier: &mut earlier };
        let summary = run::run(job, 2, Start::Continue, &control, &mut observe)?;
        let out = self.folder.path().join("out");
        let mut parts: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).collect();
        parts.retain(|part| part.extension().is_some_and(|extension| extension == "csv"));
        parts.sort();
        let output = parts.iter().map(|part| fs::read_to_string(part).unwrap()).collect();
        Ok(Run { summary, epochs, output })
    }
}

const FILE_SOURCE: &str = "type = \"file\"\npath = \"rows-*.csv\"\nformat = \"csv\"\n\
     schema = { n = \"s64\", key = \"s64\", ts = \"timestamp[ms]\" }\nevent-time = { column = \"ts\", watermark = \"1s\" }\n";
const ENDLESS_SOURCE: &str = "type = \"generator\"\nrate = 100000.0\n\
     columns = { n = { sequence = {} }, key = { uniform = { min = 0, max = 6 } } }\n";

const FRAME: &str = "name = \"live\"\ncheckpoint = \"state\"\nbatch = { interval = \"1ms\", max-bytes = 1 }\n[source.rows]\n{source}{graph}\n\
     [sink.out]\ninput = \"result\"\ntype = \"file\"\npath = \"out\"\nformat = \"csv\"\n";
const FAST: &str = "name = \"live\"\nbatch = { interval = \"10ms\", max-bytes = \"1MiB\" }\n[source.rows]\ntype = \"generator\"\ncolumns = { n = { sequence = {} } }\n{graph}\n\
     [sink.out]\ninput = \"result\"\ntype = \"blackhole\"\n";

/// The plan of a job file in this folder.
pub fn plan_text(folder: &Path, runtime: &Arc<Runtime>, job: &str) -> Result<Plan, Diagnostics> {
    let path = folder.join("job.toml");
    let file = file::parse(job.to_owned(), &path, &Overrides::default(), &|_| None)?;
    let print = PrintTarget { style: PrintStyle::Json, output: Arc::new(Mutex::new(std::io::sink())) };
    let modules = Modules::Files;
    let surroundings = Surroundings { runtime: Arc::clone(runtime), print, modules, keeps_keys: false };
    Plan::new(&file, &surroundings)
}
