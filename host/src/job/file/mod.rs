//! The job file: TOML to [`JobSpec`], with every mistake at its line and column, all at once.
//!
//! ```text
//! text ─► tree ─► overrides ─► expand ─► reader, by keys and tables ─► source, operator, sink ─► JobSpec
//!                (--set)      (${env:…})                             └► graph
//! ```
//!
//! Called by every command that takes a job. What it returns is complete and its graph is checked; what needs
//! files or modules is the planner's, which asks [`JobFile::span_of`] where to point.

pub mod edit;
mod endpoint;
mod expand;
mod format;
mod generator;
mod graph;
mod join;
pub mod keys;
mod live;
pub use crate::nearest;
mod operator;
mod overrides;
pub mod reader;
pub mod reference;
pub mod schema;
mod sink;
mod source;
pub mod tables;
pub mod tree;
mod units;
mod window;

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use pelton_core::{
    checkpoint::retain::Retain,
    job::{
        BatchSpec, CheckpointSpec, JobSpec, OperatorSpec, Overrides, PARTITIONS_DEFAULT, SNAPSHOTS_DEFAULT, SourceKind,
        SourceSpec,
    },
    restart::RestartSpec,
};

use self::{
    expand::Variables,
    keys::Named,
    reader::{MISTAKES_MAX, NAME_HELP, Reader, Report, name_fault},
    tables::{ENDPOINTS, JOB, OPERATORS, SINKS, SOURCES, TABLES},
    tree::{SyntaxError, Table},
};
use super::diagnostic::{Diagnostic, Diagnostics, Sources};
use crate::{checkpoint::Location, error::Code, source::file::GivenFiles};

/// A job file that holds no mistake by itself.
#[derive(Debug)]
pub struct JobFile {
    pub spec: JobSpec,
    /// As it was given to [`load`].
    pub path: PathBuf,
    /// What relative paths in the file are relative to.
    pub dir: PathBuf,
    /// The files of its sources (`source.NAME`) and the columns of its tables (`table.NAME`), where they were brought along: then no path of the
    /// file is looked at.
    pub given: Option<BTreeMap<String, GivenFiles>>,
    sources: Sources,
    tree: Table,
}

impl JobFile {
    /// Where a dotted place such as `operator.to-euro.input.0` or `source.bids.schema.price` is written, or the nearest
    /// place around it that is.
    pub fn span_of(&self, place: &str) -> Option<Range<usize>> {
        self.tree.span_of(place)
    }

    /// Mistakes that were found later, ready to be shown with this file.
    pub fn diagnostics(&self, list: Vec<Diagnostic>) -> Diagnostics {
        Diagnostics::new(self.sources.clone(), list)
    }
}

/// A time as job files write it: `500ms`, `30s`, `5m`. None: it is none.
pub fn duration(text: &str) -> Option<Duration> {
    units::duration(text).ok()
}

/// A size in bytes as job files write it: `4096`, `512MiB`. None: it is none.
pub fn size(text: &str) -> Option<u64> {
    units::size(text).ok()
}

/// Larger job files are refused: they were not written by hand.
pub const BYTES_MAX: u64 = 4 << 20;

/// Reads a job file and applies `--set` overrides and the environment's variables.
pub fn load(path: &Path, overrides: &Overrides) -> Result<JobFile, Diagnostics> {
    parse(read(path)?, path, overrides, &|name| std::env::var(name).ok())
}

/// The text of a job file.
pub fn read(path: &Path) -> Result<String, Diagnostics> {
    read_text(path).map_err(|reason| {
        let name = path.display().to_string();
        let mistake = Diagnostic::new(Code::JobUnreadable, format!("failed to read the job file {name}: {reason}"))
            .help("give the path of a TOML file; docs/job-file.md shows one");
        Diagnostics::new(Sources::new(name, ""), vec![mistake])
    })
}

fn read_text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err("it is larger than 4 MiB".into());
    }
    String::from_utf8(bytes).map_err(|error| format!("byte {} is not UTF-8", error.utf8_error().valid_up_to()))
}

/// Reads a job file from its text; `path` is for messages and relative paths.
pub fn parse(
    text: String,
    path: &Path,
    overrides: &Overrides,
    variables: Variables<'_>,
) -> Result<JobFile, Diagnostics> {
    let mut sources = Sources::new(path.display().to_string(), text.as_str());
    let bases = overrides::add_texts(overrides, &mut sources);
    let mut tree = match Table::parse(&text, 0) {
        Ok(tree) => tree,
        Err(error) => return Err(Diagnostics::new(sources, vec![syntax(&error)])),
    };
    let report = Report::new(&sources);
    overrides::apply(&mut tree, overrides, &bases, &report);
    expand::expand(&mut tree, &sources, variables, &report);
    let spec = job(&report, &tree);
    if let Some(outline) = graph::outline(&tree) {
        for error in outline.check().into_iter().take(MISTAKES_MAX) {
            report.push(graph::diagnostic(&error, &outline, &tree));
        }
    }
    let mistakes = report.into_list();
    match spec {
        Some(spec) if mistakes.is_empty() => {
            let dir = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
            Ok(JobFile { spec, path: path.to_owned(), dir, given: None, sources, tree })
        }
        _ => Err(Diagnostics::new(sources, mistakes)),
    }
}

/// A mistake of TOML itself.
pub fn syntax(error: &SyntaxError) -> Diagnostic {
    if error.message.starts_with("duplicate key") {
        return Diagnostic::new(Code::DuplicateName, "this key or table is in the file twice")
            .at(error.span.clone(), "second of this name")
            .help("give one of them another name, or make them one");
    }
    // What is missing at the end of a line is shown at the character before.
    let empty = error.span.is_empty();
    let span = if empty { error.span.start.saturating_sub(1)..error.span.end } else { error.span.clone() };
    Diagnostic::new(Code::JobSyntax, format!("this is not TOML: {}", error.message))
        .at(span, if empty { "after this" } else { "here" })
        .help("strings stand in quotes, tables of one line in { braces }; https://toml.io has the rules")
}

/// None: something was missing or wrong, and has been reported.
fn job(report: &Report<'_>, root: &Table) -> Option<JobSpec> {
    let at = Reader::new(report, root, &JOB, String::new());
    let name = at.text("name");
    if let Some(fault) = name.and_then(name_fault) {
        at.wrong(at.span("name"), "`name` is not a name for a job".into(), fault, NAME_HELP);
    }
    let batch = at.table("batch").map_or_else(BatchSpec::default, |at| batch(&at));
    let threads = at.integer("threads").and_then(|threads| usize::try_from(threads).ok());
    let sources = nodes(&at, &SOURCES, |name, kind, at| source::read(name, kind, at));
    let tables = nodes(&at, &TABLES, |name, _, at| source::read_table(name, at));
    let endpoints = nodes(&at, &ENDPOINTS, |name, _, at| endpoint::read(name, at));
    let operators = nodes(&at, &OPERATORS, |name, _, at| operator::read(name, at));
    let sinks = nodes(&at, &SINKS, |name, kind, at| sink::read(name, kind, at));
    endpoint::check(&at, &operators);
    for (index, operator) in operators.iter().enumerate() {
        let Some(was) = &operator.was else { continue };
        let is_here = operators.iter().any(|other| other.name == *was);
        let is_twice = operators.iter().take(index).any(|other| other.was.as_ref() == Some(was));
        if is_here || is_twice {
            let message = format!("operator `{}` cannot take the state of `{was}`", operator.name);
            let reason = if is_here { "that operator is here" } else { "another operator takes it" };
            at.wrong(at.span("operator"), message, reason, "`was` names an operator that is gone, once");
        }
    }
    let partitions = at.integer("partitions").and_then(|partitions| u16::try_from(partitions).ok());
    let partitions = partitions.unwrap_or(PARTITIONS_DEFAULT);
    let checkpoint = checkpoint(&at);
    let restart = at.has_table("restart").then(|| at.table("restart").map(|at| restart(&at))).flatten();
    let without = |key: &str, why: &str| {
        if checkpoint.is_none() && !at.has("checkpoint") {
            let message = format!("`{key}` is for a job with a checkpoint, which knows {why}");
            at.wrong(at.span(key), message, "there is no `checkpoint`", "name one: checkpoint = \"state\"");
        }
    };
    if restart.is_some() {
        without("restart", "where to go on");
    }
    if at.has("replay") {
        without("replay", "what each epoch did");
    }
    if at.has("drop-state") {
        without("drop-state", "what operators kept");
    }
    if let Some(kept) = checkpoint.as_ref().and_then(|kept| known(&kept.drop_state, &operators)) {
        let message = format!("`drop-state` names the operator `{kept}`, which the job has");
        let help = "leave it out, or give the operator up; `pelton swap --windows reset` has one begin anew";
        at.wrong(at.span("drop-state"), message, "this operator keeps its state", help);
    }
    let restart = restart.unwrap_or_default();
    if let Some(kept) = &checkpoint {
        needs_directory(&at, kept, &sources);
    }
    Some(JobSpec {
        name: name?.to_owned(),
        batch,
        threads,
        partitions,
        checkpoint,
        restart,
        sources,
        tables,
        endpoints,
        operators,
        sinks,
    })
}

/// The first of these names that an operator has.
fn known<'a>(names: &'a [String], operators: &[OperatorSpec]) -> Option<&'a String> {
    names.iter().find(|name| operators.iter().any(|operator| operator.name == **name))
}

/// The logs of sources whose rows come once are appended to with every group of rows.
fn needs_directory(at: &Reader<'_>, checkpoint: &CheckpointSpec, sources: &[SourceSpec]) {
    if !Location::of(Path::new(""), &checkpoint.path).is_objects() {
        return;
    }
    let comes_once =
        |kind: &SourceKind| matches!(kind, SourceKind::Stdin(_) | SourceKind::Socket(_) | SourceKind::Http(_));
    for source in sources.iter().filter(|source| comes_once(&source.kind)) {
        let message = format!("source `{}` gets its rows once, and its log needs a directory", source.name);
        let help = "name a directory as the `checkpoint`, or give the source a file to read from";
        at.wrong(at.span("checkpoint"), message, "an object store cannot be appended to", help);
    }
}

fn checkpoint(at: &Reader<'_>) -> Option<CheckpointSpec> {
    let snapshots = at.duration("snapshots").unwrap_or(SNAPSHOTS_DEFAULT);
    let replay = at.table("replay");
    let retain = replay.as_ref().map_or_else(Retain::default, retain);
    let verify = replay.and_then(|at| at.duration("verify"));
    let path = at.text("checkpoint")?.to_owned();
    if let Some(mistake) = Location::mistake(&path) {
        let help = "name a directory, or `s3://BUCKET/PREFIX`";
        at.wrong(at.span("checkpoint"), "`checkpoint` names no place to keep one".into(), mistake, help);
    }
    let drop_state = at.texts("drop-state").unwrap_or_default().into_iter().map(str::to_owned).collect();
    Some(CheckpointSpec { path, snapshots, retain, verify, drop_state })
}

fn retain(at: &Reader<'_>) -> Retain {
    let default = Retain::default();
    let epochs = at.integer("retain-epochs").and_then(|epochs| u64::try_from(epochs).ok());
    Retain { epochs: epochs.unwrap_or(default.epochs), time: at.duration("retain").unwrap_or(default.time) }
}

fn restart(at: &Reader<'_>) -> RestartSpec {
    let delay = at.duration("delay").unwrap_or(Duration::from_secs(1));
    let attempts = at.integer("attempts").and_then(|attempts| u32::try_from(attempts).ok()).unwrap_or(3);
    let interval = at.duration("interval").unwrap_or(Duration::from_secs(60));
    match at.choice("type") {
        Some("exponential") => RestartSpec::Exponential {
            initial: delay,
            most: at.duration("max-delay").unwrap_or(Duration::from_secs(60)),
            multiplier: at.number("multiplier").unwrap_or(2.0),
            jitter: at.number("jitter").unwrap_or(0.1),
            quiet: interval,
        },
        Some("failure-rate") => RestartSpec::FailureRate { failures: attempts, interval, delay },
        _ => RestartSpec::Fixed { delay, attempts },
    }
}

fn batch(at: &Reader<'_>) -> BatchSpec {
    let default = BatchSpec::default();
    let interval: Option<Duration> = at.duration("interval");
    let backpressure = at.boolean("backpressure").unwrap_or(default.backpressure);
    if backpressure && interval.is_some_and(|interval| interval.is_zero()) {
        let message = "`backpressure` has no interval to go by: epochs close as soon as there is data";
        at.wrong(at.span("backpressure"), message.into(), "`interval` is \"0s\"", "give it one: interval = \"1s\"");
    }
    BatchSpec {
        interval: interval.unwrap_or(default.interval),
        max_bytes: at.size("max-bytes").unwrap_or(default.max_bytes),
        rows: at.integer("rows").and_then(|rows| usize::try_from(rows).ok()).unwrap_or(default.rows),
        backpressure,
    }
}

/// The tables of one kind in the order of the file; those that could not be read are left out.
fn nodes<'a, T>(at: &Reader<'a>, named: &'static Named, read: impl Fn(&str, &str, &Reader<'a>) -> Option<T>) -> Vec<T> {
    let Some(table) = at.free(named.noun) else { return Vec::new() };
    let read_one = |entry| {
        let (kind, reader) = Reader::named(at.report, named, entry)?;
        read(&entry.key, kind, &reader)
    };
    table.entries.iter().filter_map(read_one).collect()
}

/// Reads any bytes as a job file with overrides: for fuzzing. It must return, whatever they are.
pub fn fuzz_job_file(data: &[u8]) -> Option<Diagnostics> {
    let text = String::from_utf8_lossy(data);
    let (text, set) = text.split_once('\u{0}').unwrap_or((&text, ""));
    let overrides = set.lines().filter_map(|line| line.split_once('='));
    let overrides = overrides.map(|(path, value)| (path.to_owned(), value.to_owned())).collect();
    let variables = |name: &str| name.len().is_multiple_of(2).then(|| name.to_owned());
    match parse(text.to_owned(), Path::new("fuzz.toml"), &overrides, &variables) {
        Ok(file) => {
            file.span_of(set);
            None
        }
        Err(diagnostics) => Some(diagnostics),
    }
}
