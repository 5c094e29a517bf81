//! One source, one sink, one fault: a job that is ended by the fault, goes on, and is looked at.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    net::SocketAddr,
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{
    CAUGHT_UP_MAX, ROWS,
    feeds::{Feeder, Promise, Source, until},
    place::{PATIENCE, Place, Run, free, was_killed},
    server::Server,
    sinks::Sink,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    Prepared,
    Committed,
    Published,
    Recovering,
    Random,
    Stopped,
}

impl Fault {
    pub const ALL: [Self; 6] =
        [Self::Prepared, Self::Committed, Self::Published, Self::Recovering, Self::Random, Self::Stopped];

    /// As the page calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prepared => "killed before the commit",
            Self::Committed => "killed after the commit, before anything is visible",
            Self::Published => "killed when an epoch is visible, before that is noted",
            Self::Recovering => "killed after the commit, and again while it recovers",
            Self::Random => "killed at some instant",
            Self::Stopped => "stopped (SIGTERM) and started again",
        }
    }

    /// Where each run before the last dies.
    fn points(self) -> &'static [Option<&'static str>] {
        match self {
            Self::Prepared => &[Some("prepare:4")],
            Self::Committed => &[Some("commit:4")],
            Self::Published => &[Some("publish:4")],
            Self::Recovering => &[Some("commit:4"), Some("republish:1")],
            Self::Random | Self::Stopped => &[None],
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Rows that should be there and are not.
    pub missing: u64,
    pub twice: u64,
    /// From the last start on until all rows were there.
    pub caught_up: Duration,
}

pub struct Trial<'a> {
    source: Source,
    sink: Sink,
    server: Option<&'a Server>,
    place: Place,
    address: SocketAddr,
    table: String,
    forgets: bool,
}

impl<'a> Trial<'a> {
    pub fn new(source: Source, sink: Sink, server: Option<&'a Server>) -> Self {
        static TRIALS: AtomicU64 = AtomicU64::new(0);
        let table = format!("trial_{}", TRIALS.fetch_add(1, Ordering::Relaxed));
        let address = free();
        let place = Place::new(&format!(
            "name = \"{}\"\ncheckpoint = \"state\"\nsnapshots = \"1h\"\nbatch = {{ max-bytes = 1, interval = \"5ms\" }}\n{}{}",
            table.replace('_', "-"),
            source.toml(address),
            sink.toml(server, &table)
        ));
        source.prepare(&place);
        Self { source, sink, server, place, address, table, forgets: false }
    }

    /// The checkpoint is lost before the last run.
    pub fn forgetting(self) -> Self {
        Self { forgets: true, ..self }
    }

    fn told(&self, fault: Fault) -> String {
        let (source, sink) = (self.source.name(), self.sink.name());
        format!("{source} to {sink}, {}:\n{}", fault.name(), self.place.log())
    }

    fn start(&self, fail: Option<&str>, feeder: &mut Feeder) -> Run {
        let mut command = self.place.command();
        if self.source == Source::Stdin {
            command.stdin(Stdio::piped());
        }
        if self.sink == Sink::Print {
            let printed = File::options().create(true).append(true).open(self.place.path().join("printed"));
            command.args(["--output", "json"]).stdout(printed.unwrap());
        }
        if let Some(fail) = fail {
            command.env("PELTON_FAILPOINT", fail);
        }
        let mut process = command.spawn().unwrap();
        feeder.connect(&mut process);
        Run { process }
    }

    fn rows(&self) -> Vec<u64> {
        self.sink.rows(&self.place, self.server, &self.table)
    }

    /// The rows that are there when the fault has come.
    pub fn visible_after(&self, fault: Fault) -> Vec<u64> {
        self.befall(fault, &mut Feeder::new(self.source, self.address));
        self.rows()
    }

    pub fn outcome(&self, fault: Fault) -> Outcome {
        let mut feeder = Feeder::new(self.source, self.address);
        self.befall(fault, &mut feeder);
        if self.forgets {
            fs::remove_dir_all(self.place.path().join("state")).unwrap();
        }
        let started = Instant::now();
        let run = self.start(None, &mut feeder);
        self.finish(fault, run, &mut feeder);
        let caught_up = started.elapsed();
        self.judge(&feeder, caught_up, fault)
    }

    /// Runs until the fault has come.
    fn befall(&self, fault: Fault, feeder: &mut Feeder) {
        for point in fault.points() {
            let mut run = self.start(*point, feeder);
            match point {
                Some(point) => {
                    feeder.feed(&self.place, &mut run.process, ROWS + 1);
                    let status = run.end(PATIENCE).unwrap_or_else(|| panic!("{point}: {}", self.told(fault)));
                    assert!(was_killed(status), "{point} never came: {status}: {}", self.told(fault));
                }
                None => self.interrupt(fault, run, feeder),
            }
            feeder.cut_off(&self.rows());
        }
    }

    /// Ends a run when some rows are visible.
    fn interrupt(&self, fault: Fault, mut run: Run, feeder: &mut Feeder) {
        feeder.feed(&self.place, &mut run.process, ROWS / 2);
        until(&mut run.process, || !self.rows().is_empty());
        if fault == Fault::Random {
            return run.kill();
        }
        // It may have come to its end before.
        let ended = run.process.try_wait().unwrap();
        let code = ended.unwrap_or_else(|| run.stop()).code();
        assert!(matches!(code, Some(130 | 0)), "{code:?}: {}", self.told(fault));
    }

    /// Runs until everything is there.
    fn finish(&self, fault: Fault, mut run: Run, feeder: &mut Feeder) {
        feeder.feed(&self.place, &mut run.process, ROWS + 1);
        if self.source.ends() {
            feeder.end();
            let status = run.end(CAUGHT_UP_MAX).unwrap_or_else(|| panic!("it never ends: {}", self.told(fault)));
            assert!(status.success(), "{status}: {}", self.told(fault));
            return;
        }
        let (ends, mut seen, mut since) = (Instant::now() + CAUGHT_UP_MAX, 0, Instant::now());
        // Of what shows no rows, the number must have come to rest.
        while !(self.sink != Sink::Blackhole && self.rows().contains(&ROWS)) {
            assert!(Instant::now() < ends, "the last row never comes: {}", self.told(fault));
            let now = self.rows().len();
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
            if self.sink == Sink::Blackhole && seen > 0 && since.elapsed() > Duration::from_millis(400) {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(run.stop().code(), Some(130), "{}", self.told(fault));
    }

    /// What is missing that was promised, and what is there twice.
    fn judge(&self, feeder: &Feeder, caught_up: Duration, fault: Fault) -> Outcome {
        let rows = self.rows();
        let distinct: BTreeSet<u64> = rows.iter().copied().collect();
        assert!(distinct.iter().all(|row| (1..=ROWS).contains(row)), "{}", self.told(fault));
        let mut lost: Vec<u64> = (1..=ROWS).filter(|row| !distinct.contains(row)).collect();
        if self.source.promise() != Promise::All {
            let unsure: BTreeSet<u64> = feeder.unsure.iter().copied().collect();
            match self.sink {
                // It shows how many there are, and not which.
                Sink::Blackhole => lost.truncate(lost.len().saturating_sub(unsure.len())),
                _ => lost.retain(|row| !unsure.contains(row)),
            }
        }
        let twice = (rows.len() - distinct.len()) as u64;
        Outcome { missing: lost.len() as u64, twice, caught_up }
    }
}
