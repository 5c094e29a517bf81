//! Golden cases: a directory with an input, options, and what must come out, run as a job by the engine itself.
//!
//! ```text
//! cases/over-100/case.toml                  [input] as a source has it, [operator] as an operator has it
//! cases/over-100/input.csv                  or input.jsonl; of a join [left] and [right], with left.csv and right.csv
//! cases/over-100/airlines.csv               or airlines.jsonl: the rows of the side table [table.airlines]
//! cases/over-100/replies.jsonl              of an enrich operator: what its requests are told
//! cases/over-100/expected.jsonl             rows of the main output, in order
//! cases/over-100/expected.rejected.jsonl    and of the others, where they have any
//! ```
//!
//! A case is written as a job file, so that it goes through the whole plan and run; rows are compared as JSON lines.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use pelton_core::job::Overrides;
use pelton_wasm::Runtime;
use toml_edit::{DocumentMut, Item, Table, Value, value};

pub use super::replies::Misfit;
use super::{
    AuthorError, Project,
    replies::{Canned, REPLIES},
};
use crate::{
    job::{
        diagnostic::Diagnostics,
        file,
        plan::{Plan, Surroundings, modules::Modules},
        run::{self, Control, Job, RunError, Start, progress::Event},
    },
    sink::print::{PrintStyle, PrintTarget},
};

/// One case.
#[derive(Debug)]
pub struct Case {
    pub name: String,
    dir: PathBuf,
}

/// How a case went.
#[derive(Debug)]
pub enum Outcome {
    Passed,
    /// The new rows are its expected ones from now on.
    Blessed,
    /// What differs, output by output.
    Differs(Vec<Difference>),
    /// Its replies are not those that the module asks for.
    Unasked(Misfit),
    /// The job does not fit together.
    Refused(Diagnostics),
    Failed(RunError),
}

/// An output with other rows than expected.
#[derive(Debug)]
pub struct Difference {
    /// Empty: the main one.
    pub output: String,
    pub expected: Vec<String>,
    pub got: Vec<String>,
}

/// What a run needs besides the case.
pub struct Setting<'a> {
    pub runtime: Arc<Runtime>,
    pub threads: usize,
    pub bless: bool,
    /// What the module logged.
    pub log: &'a mut dyn FnMut(&str, &pelton_wasm::LogLine),
}

const OPERATOR: &str = "module";

/// All cases of a project, by name.
pub fn cases(project: &Project) -> Result<Vec<Case>, AuthorError> {
    let dir = project.dir.join("cases");
    let Ok(entries) = fs::read_dir(&dir) else { return Ok(Vec::new()) };
    let mut cases: Vec<Case> = entries
        .flatten()
        .filter(|entry| entry.path().join("case.toml").is_file())
        .map(|entry| Case { name: entry.file_name().to_string_lossy().into_owned(), dir: entry.path() })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

impl Case {
    /// Runs `module` over the case.
    pub fn run(&self, module: &Path, setting: &mut Setting<'_>) -> Result<Outcome, AuthorError> {
        let scratch = self.scratch()?;
        let outcome = self.run_in(&scratch, module, setting);
        // What cannot be removed does no harm: it is emptied before it is used again.
        let _ = fs::remove_dir_all(&scratch);
        outcome
    }

    fn run_in(&self, scratch: &Path, module: &Path, setting: &mut Setting<'_>) -> Result<Outcome, AuthorError> {
        let job_path = scratch.join("job.toml");
        let canned = Arc::new(self.canned()?);
        // Which outputs there are depends on the contract: a first plan tells.
        let mut outputs = vec![String::new()];
        for attempt in 0..2 {
            let job = self.job(module, scratch, &outputs, &canned.endpoints())?;
            fs::write(&job_path, job.to_string()).map_err(AuthorError::io(format!("write {}", job_path.display())))?;
            let planned = plan(&job_path, setting);
            let plan = match planned {
                Ok(plan) => plan,
                Err(mistakes) => return Ok(Outcome::Refused(mistakes)),
            };
            if attempt == 0 {
                outputs = outputs_of(&plan);
                continue;
            }
            if let Some(endpoints) = plan.endpoints() {
                endpoints.replace(Arc::clone(&canned) as _);
            }
            let log = &mut *setting.log;
            let mut events = |event: Event| {
                if let Event::Log { operator, log: lines } = event {
                    lines.lines.iter().for_each(|line| log(&operator, line));
                }
            };
            // A case keeps no checkpoint: there is no earlier revision.
            let mut earlier = |revision| Err(RunError::UnknownRevision { revision });
            let job = Job { revision: 0, plan, earlier: &mut earlier };
            let ended = run::run(job, setting.threads, Start::Fresh, &Control::default(), &mut events);
            // What was told nothing may fail for that.
            match (ended, canned.misfit()) {
                (Ok(_), Some(misfit)) => return Ok(Outcome::Unasked(misfit)),
                (Err(_), Some(misfit)) if !misfit.untold.is_empty() => return Ok(Outcome::Unasked(misfit)),
                (Err(error), _) => return Ok(Outcome::Failed(error)),
                (Ok(_), None) => {}
            }
        }
        self.compare(scratch, &outputs, setting.bless)
    }

    /// A directory of its own, empty.
    fn scratch(&self) -> Result<PathBuf, AuthorError> {
        let dir = std::env::temp_dir().join(format!("pelton-case-{}-{}", std::process::id(), self.name));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).map_err(AuthorError::io(format!("make {}", dir.display())))?;
        Ok(dir)
    }

    /// Its replies; none if there is no file of them.
    fn canned(&self) -> Result<Canned, AuthorError> {
        let text = match fs::read_to_string(self.dir.join(REPLIES)) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Canned::default()),
            Err(error) => {
                return Err(AuthorError::Case { case: self.name.clone(), why: format!("{REPLIES}: {error}") });
            }
        };
        Canned::read(&text).map_err(|why| AuthorError::Case { case: self.name.clone(), why })
    }

    /// The job that the case is. `asked` are the endpoints that its replies are of.
    fn job(
        &self,
        module: &Path,
        scratch: &Path,
        outputs: &[String],
        asked: &BTreeSet<String>,
    ) -> Result<DocumentMut, AuthorError> {
        let wrong = |why: String| AuthorError::Case { case: self.name.clone(), why };
        let text = fs::read_to_string(self.dir.join("case.toml")).map_err(|error| wrong(error.to_string()))?;
        let case: DocumentMut = text.parse().map_err(|error| wrong(format!("case.toml is not TOML: {error}")))?;
        let mut job = DocumentMut::new();
        for (key, item) in case.iter() {
            if !["input", "left", "right", "operator", "table", "endpoint"].contains(&key) {
                let known = "there are [input], or [left] and [right], [operator], [table.NAME] and [endpoint.NAME]";
                return Err(wrong(format!("case.toml has the unknown key `{key}`; {known}")));
            }
            if !item.is_table_like() {
                return Err(wrong(format!("`{key}` of case.toml is no table")));
            }
        }
        let table = |key: &str| -> Table {
            let given = case.get(key).and_then(Item::as_table_like);
            given.into_iter().flat_map(|table| table.iter()).map(|(key, item)| (key, item.clone())).collect()
        };
        job.insert("name", value("case"));
        // A join names its inputs itself.
        let is_join = case.contains_key("left") || case.contains_key("right");
        let inputs: &[&str] = if is_join { &["left", "right"] } else { &["input"] };
        let mut sources = Table::new();
        sources.set_implicit(true);
        for name in inputs {
            sources.insert(name, Item::Table(self.source(name, table(name))?));
        }
        job.insert("source", Item::Table(sources));
        if let Some(tables) = self.tables(table("table"))? {
            job.insert("table", Item::Table(tables));
        }
        let mut operator = table("operator");
        if !is_join {
            operator.insert("input", value("input"));
        }
        operator.insert("module", value(module.display().to_string()));
        if let Some(endpoints) = endpoints(table("endpoint"), &mut operator, asked) {
            job.insert("endpoint", Item::Table(endpoints));
        }
        job.insert("operator", within(OPERATOR, operator));
        let mut sinks = Table::new();
        sinks.set_implicit(true);
        for (index, output) in outputs.iter().enumerate() {
            let mut sink = Table::new();
            let input = if output.is_empty() { OPERATOR.to_owned() } else { format!("{OPERATOR}.{output}") };
            sink.insert("input", value(input));
            sink.insert("type", value("file"));
            sink.insert("path", value(out(scratch, output).display().to_string()));
            sink.insert("format", value("json"));
            sinks.insert(&format!("out-{index}"), Item::Table(sink));
        }
        job.insert("sink", Item::Table(sinks));
        Ok(job)
    }

    /// The side tables: what the case says of each, and its file.
    fn tables(&self, given: Table) -> Result<Option<Table>, AuthorError> {
        let mut tables = Table::new();
        tables.set_implicit(true);
        for (name, item) in &given {
            let Some(said) = item.as_table_like() else {
                let why = format!("`table.{name}` of case.toml is no table");
                return Err(AuthorError::Case { case: self.name.clone(), why });
            };
            let said: Table = said.iter().map(|(key, item)| (key, item.clone())).collect();
            tables.insert(name, Item::Table(self.file(name, said)?));
        }
        Ok((!tables.is_empty()).then_some(tables))
    }

    /// The source of an input.
    fn source(&self, name: &str, said: Table) -> Result<Table, AuthorError> {
        let mut source = self.file(name, said)?;
        source.insert("type", value("file"));
        // A row that the module is never given tests nothing.
        if !source.contains_key("on-bad-row") {
            source.insert("on-bad-row", value("fail"));
        }
        Ok(source)
    }

    /// What the case says of an input or a table, and its file.
    fn file(&self, name: &str, mut said: Table) -> Result<Table, AuthorError> {
        let (path, is_csv) = self.input(name)?;
        said.insert("path", value(glob_escaped(&path)));
        if is_csv && !said.contains_key("csv") {
            let mut csv = toml_edit::InlineTable::new();
            csv.insert("header", Value::from(true));
            said.insert("csv", value(csv));
        }
        if !is_csv {
            said.insert("format", value("json"));
        }
        Ok(said)
    }

    fn input(&self, name: &str) -> Result<(PathBuf, bool), AuthorError> {
        let found = [("csv", true), ("jsonl", false)]
            .into_iter()
            .map(|(extension, is_csv)| (self.dir.join(format!("{name}.{extension}")), is_csv))
            .find(|(path, _)| path.is_file());
        found.ok_or_else(|| AuthorError::Case {
            case: self.name.clone(),
            why: format!("it has neither {name}.csv nor {name}.jsonl"),
        })
    }

    fn compare(&self, scratch: &Path, outputs: &[String], bless: bool) -> Result<Outcome, AuthorError> {
        let mut got = BTreeMap::new();
        for output in outputs {
            got.insert(output.clone(), rows(&out(scratch, output))?);
        }
        let mut differences = Vec::new();
        for (output, got) in got {
            let name = if output.is_empty() { "expected.jsonl".to_owned() } else { format!("expected.{output}.jsonl") };
            let path = self.dir.join(name);
            let expected: Vec<String> =
                fs::read_to_string(&path).unwrap_or_default().lines().map(str::to_owned).collect();
            if expected == got {
                continue;
            }
            if bless {
                let failed = || AuthorError::io(format!("write {}", path.display()));
                if got.is_empty() {
                    fs::remove_file(&path).map_err(failed())?;
                } else {
                    fs::write(&path, got.join("\n") + "\n").map_err(failed())?;
                }
            }
            differences.push(Difference { output, expected, got });
        }
        Ok(match (differences.is_empty(), bless) {
            (true, _) => Outcome::Passed,
            (false, true) => Outcome::Blessed,
            (false, false) => Outcome::Differs(differences),
        })
    }
}

/// The endpoints of the case: those that it says something of, that its operator names, or that its replies are of. The operator may
/// ask all of them, unless it says otherwise.
fn endpoints(given: Table, operator: &mut Table, asked: &BTreeSet<String>) -> Option<Table> {
    let named = match operator.get("endpoints").and_then(Item::as_value) {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(name) => name.as_str().into_iter().map(str::to_owned).collect(),
        None => {
            given.iter().map(|(name, _)| name.to_owned()).chain(asked.iter().cloned()).collect::<BTreeSet<String>>()
        }
    };
    if !operator.contains_key("endpoints") && !named.is_empty() {
        operator.insert("endpoints", value(named.iter().map(String::as_str).collect::<toml_edit::Array>()));
    }
    let mut endpoints = given;
    endpoints.set_implicit(true);
    for name in named {
        if !endpoints.contains_key(&name) {
            endpoints.insert(&name, Item::Table(Table::new()));
        }
    }
    for (_, endpoint) in endpoints.iter_mut() {
        let Some(endpoint) = endpoint.as_table_like_mut() else { continue };
        // Nobody is there, and nothing is waited for.
        for (key, default) in [("url", "http://localhost"), ("backoff", "0s")] {
            if !endpoint.contains_key(key) {
                endpoint.insert(key, value(default));
            }
        }
    }
    (!endpoints.is_empty()).then_some(endpoints)
}

fn plan(job: &Path, setting: &Setting<'_>) -> Result<Plan, Diagnostics> {
    let file = file::load(job, &Overrides::default())?;
    // No sink of a case prints.
    let print = PrintTarget { style: PrintStyle::Json, output: Arc::new(Mutex::new(std::io::sink())) };
    let runtime = Arc::clone(&setting.runtime);
    Plan::new(&file, &Surroundings { runtime, print, modules: Modules::Files, keeps_keys: false })
}

/// The outputs of the operator, by what follows its name; the main one is empty.
fn outputs_of(plan: &Plan) -> Vec<String> {
    let prefix = format!("{OPERATOR}.");
    let others = plan.outputs.iter().filter_map(|output| output.name.strip_prefix(&prefix).map(str::to_owned));
    std::iter::once(String::new()).chain(others).collect()
}

fn within(name: &str, table: Table) -> Item {
    let mut outer = Table::new();
    outer.set_implicit(true);
    outer.insert(name, Item::Table(table));
    Item::Table(outer)
}

fn out(scratch: &Path, output: &str) -> PathBuf {
    scratch.join("out").join(if output.is_empty() { "_main" } else { output })
}

/// The path as a pattern that matches itself alone.
fn glob_escaped(path: &Path) -> String {
    let mut escaped = String::new();
    for c in path.display().to_string().chars() {
        match c {
            '*' | '?' | '[' | ']' | '{' | '}' => escaped.extend(['[', c, ']']),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// The lines of all parts that a sink wrote, in order.
fn rows(dir: &Path) -> Result<Vec<String>, AuthorError> {
    let Ok(entries) = fs::read_dir(dir) else { return Ok(Vec::new()) };
    let mut parts: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    parts.sort();
    let mut lines = Vec::new();
    for part in parts {
        let text = fs::read_to_string(&part).map_err(AuthorError::io(format!("read {}", part.display())))?;
        lines.extend(text.lines().map(str::to_owned));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use pelton_wasm::RuntimeOptions;

    use super::*;

    #[test]
    fn a_row_of_the_input_that_cannot_be_decoded_fails_the_case() {
        let dir = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).expect("written");
        let case = Case { name: format!("bad-row-{}", std::process::id()), dir: dir.path().to_owned() };
        let runtime = Runtime::new(&RuntimeOptions::default()).expect("a runtime");
        let run = || {
            let mut setting = Setting { runtime: Arc::clone(&runtime), threads: 1, bless: false, log: &mut |_, _| {} };
            case.run(Path::new("std:select"), &mut setting).expect("a case")
        };
        let toml = "[input]\nschema = { n = \"s64\" }\n\n[operator]\noptions = { columns = { n = \"n\" } }\n";
        write("case.toml", toml);
        write("expected.jsonl", "{\"n\":1}\n{\"n\":3}\n");
        write("input.csv", "n\n1\n3\n");
        assert!(matches!(run(), Outcome::Passed));
        write("input.csv", "n\n1\nx\n3\n");
        let Outcome::Failed(error) = run() else { panic!("a row is not seen") };
        let said = [vec![error.to_string()], crate::error::causes(&error)].concat().join(": ");
        assert!(said.contains("input.csv") && said.contains('x'), "{said}");
        // Unless the case says that they are left out.
        write("case.toml", &toml.replace("\n\n", "\non-bad-row = \"reject\"\n\n"));
        assert!(matches!(run(), Outcome::Passed));
    }

    #[test]
    fn side_tables_are_tables_of_the_job_with_their_files() {
        let dir = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).expect("written");
        let case = Case { name: "tables".to_owned(), dir: dir.path().to_owned() };
        let job = || case.job(Path::new("named.wasm"), dir.path(), &[String::new()], &BTreeSet::new());
        write("input.csv", "n\n1\n");
        write(
            "case.toml",
            "[input]\nschema = { n = \"s64\" }\n\n[table.airlines]\nschema = { name = \"utf8\" }\n\n[table.fx-rates]\nschema = { rate = \"f64\" }\n",
        );
        write("airlines.jsonl", "");
        assert!(job().expect_err("a table has a file").to_string().contains("neither fx-rates.csv nor fx-rates.jsonl"));
        write("fx-rates.csv", "rate\n1\n");
        write("job.toml", &job().expect("a job").to_string());
        let file = file::load(&dir.path().join("job.toml"), &Overrides::default()).expect("a job file");
        let names: Vec<&str> = file.spec.tables.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["airlines", "fx-rates"]);
    }

    #[test]
    fn endpoints_are_those_of_replies_unless_the_case_names_them() {
        let dir = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).expect("written");
        let case = Case { name: "endpoints".to_owned(), dir: dir.path().to_owned() };
        write("input.csv", "n\n1\n");
        let asked = BTreeSet::from(["rates".to_owned()]);
        let spec = |toml: &str| {
            write("case.toml", &format!("[input]\nschema = {{ n = \"s64\" }}\n\n{toml}"));
            let job = case.job(Path::new("named.wasm"), dir.path(), &[String::new()], &asked).expect("a job");
            write("job.toml", &job.to_string());
            file::load(&dir.path().join("job.toml"), &Overrides::default()).expect("a job file").spec
        };
        let told = spec("[operator]\n");
        assert_eq!(
            (told.operators[0].endpoints.as_slice(), told.endpoints[0].name.as_str()),
            (["rates".to_owned()].as_slice(), "rates")
        );
        let told = spec("[operator]\nendpoints = \"geo\"\n\n[endpoint.geo]\nretries = 7\n");
        assert_eq!(told.operators[0].endpoints, ["geo"]);
        assert_eq!((told.endpoints.len(), told.endpoints[0].retries), (1, 7));
    }
}
