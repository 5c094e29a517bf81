//! The revisions of a job as they are planned for a replay, and plans in which another module takes an operator's place.
//!
//! A job that is run from its file has one revision, with number 0; an engine knows them all; a bundle has those that it needs.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use pelton_core::job::{OperatorSpec, Overrides, SourceKind};
use pelton_wasm::Runtime;
use serde_json::{Map, Value};

use super::ReplayError;
use crate::{
    job::{
        diagnostic::shown,
        file::{self, JobFile},
        plan::{Plan, Surroundings, modules::Modules},
        run::RunError,
    },
    sink::print::{PrintStyle, PrintTarget},
    source::file::GivenFiles,
    standard::is_std,
};

/// One revision of a job.
#[derive(Debug, Clone)]
pub struct Revised {
    /// The job file.
    pub text: String,
    /// Its path: for messages, and for relative paths in it.
    pub path: PathBuf,
    /// As by `--set`.
    pub overrides: Overrides,
    pub modules: Modules,
}

/// All that are known of a job.
pub struct Revisions<'a> {
    pub runtime: Arc<Runtime>,
    /// By their numbers.
    pub find: &'a dyn Fn(u64) -> Result<Revised, RunError>,
    /// Variables that job files name.
    pub variables: &'a dyn Fn(&str) -> Option<String>,
    /// The files of its sources, where they were brought along.
    pub given: Option<BTreeMap<String, GivenFiles>>,
}

/// Another module for an operator.
#[derive(Debug, Clone)]
pub struct With {
    /// Of several aggregates `OPERATOR.AGGREGATE`; none: the job has one operator.
    pub operator: Option<String>,
    /// As people call it.
    pub module: String,
    /// The path of a file as a job file would name it, or `std:NAME`.
    pub reference: String,
    /// The module, unless it comes with Pelton.
    pub bytes: Option<Vec<u8>>,
    /// Options that change; null takes one away. The others stay.
    pub options: Map<String, Value>,
}

impl Revisions<'_> {
    /// The job file of a revision, and where its modules are.
    pub fn file(&self, number: u64) -> Result<(JobFile, Modules), ReplayError> {
        let Revised { text, path, overrides, modules } = (self.find)(number)?;
        let mut file = file::parse(text, &path, &overrides, self.variables)?;
        file.given.clone_from(&self.given);
        Ok((file, modules))
    }

    /// The plan of a revision, to know what its state is. No row of it is computed, so that it does not matter where they came from.
    pub fn plan_to_look(&self, number: u64) -> Result<Plan, ReplayError> {
        let (file, modules) = self.file(number)?;
        self.plan_any(&file, modules, false)
    }

    fn plan_file(&self, file: &JobFile, modules: Modules, keeps_keys: bool) -> Result<Plan, ReplayError> {
        // What came once is in no file that a record names, and would be waited for.
        let comes_once =
            |kind: &SourceKind| matches!(kind, SourceKind::Stdin(_) | SourceKind::Socket(_) | SourceKind::Http(_));
        if let Some(source) = file.spec.sources.iter().find(|source| comes_once(&source.kind)) {
            return Err(ReplayError::CameOnce { source_name: source.name.clone() });
        }
        self.plan_any(file, modules, keeps_keys)
    }

    fn plan_any(&self, file: &JobFile, modules: Modules, keeps_keys: bool) -> Result<Plan, ReplayError> {
        let print = PrintTarget { style: PrintStyle::Json, output: Arc::new(Mutex::new(std::io::sink())) };
        let surroundings = Surroundings { runtime: Arc::clone(&self.runtime), print, modules, keeps_keys };
        Ok(Plan::new(file, &surroundings)?)
    }

    /// The plan of a revision.
    pub fn plan(&self, number: u64) -> Result<Plan, RunError> {
        self.plan_as(number, false)
    }

    /// The same, so that rows that leave operators with state keep their keys.
    pub fn plan_with_keys(&self, number: u64) -> Result<Plan, RunError> {
        self.plan_as(number, true)
    }

    fn plan_as(&self, number: u64, keeps_keys: bool) -> Result<Plan, RunError> {
        let planned = self.file(number).and_then(|(file, modules)| self.plan_file(&file, modules, keeps_keys));
        planned.map_err(|error| match error {
            ReplayError::Run(error) => *error,
            error => RunError::Unplannable { revision: number, source: Box::new(error) },
        })
    }

    /// The plan of a revision with another module in an operator's place. Answers also with the operator's name.
    pub fn candidate(&self, number: u64, with: &With) -> Result<(Plan, String), ReplayError> {
        let (mut file, mut modules) = self.file(number)?;
        let name = put(&mut file.spec.operators, with)?;
        if let (Modules::Pinned(pinned), Some(bytes)) = (&mut modules, &with.bytes)
            && !is_std(&with.reference)
        {
            pinned.insert(with.reference.clone(), bytes.clone());
        }
        Ok((self.plan_file(&file, modules, false)?, name))
    }
}

/// Names the new module where the old one was. Answers the operator's name.
fn put(operators: &mut [OperatorSpec], with: &With) -> Result<String, ReplayError> {
    let names: Vec<String> = operators.iter().map(|operator| operator.name.clone()).collect();
    let wrong = |what: String| ReplayError::Operator { what };
    let known = || names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let (name, alias) = match (&with.operator, names.as_slice()) {
        (Some(named), _) => named.split_once('.').map_or((named.as_str(), None), |(name, alias)| (name, Some(alias))),
        (None, [only]) => (only.as_str(), None),
        (None, []) => return Err(wrong("the job has no operator".into())),
        (None, _) => return Err(wrong(format!("the job has several operators: {}", known()))),
    };
    let operator = operators.iter_mut().find(|operator| operator.name == name);
    let Some(operator) = operator else {
        return Err(wrong(format!("the job has no operator `{}`: it has {}", shown(name), known())));
    };
    let count = operator.modules.len();
    let mut fitting = operator.modules.iter_mut().filter(|module| alias.is_none() || module.alias.as_deref() == alias);
    let module = match (fitting.next(), alias) {
        (Some(_), None) if count > 1 => {
            return Err(wrong(format!("operator `{name}` has several aggregates: name one as `{name}.AGGREGATE`")));
        }
        (Some(module), _) => module,
        (None, Some(alias)) => {
            return Err(wrong(format!("operator `{name}` has no aggregate `{}`", shown(alias))));
        }
        (None, None) => return Err(wrong(format!("operator `{name}` has no module"))),
    };
    module.reference.clone_from(&with.reference);
    if let Some(options) = module.options.as_object_mut() {
        for (key, value) in &with.options {
            if value.is_null() {
                options.remove(key);
            } else {
                options.insert(key.clone(), value.clone());
            }
        }
    }
    // What stands beside it has nothing to say about the candidate.
    operator.shadow = None;
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use pelton_core::{
        job::{ModuleSpec, ShadowSpec},
        limits::Limits,
        poison::OnTrap,
    };

    use super::*;

    fn operator(name: &str, aliases: &[Option<&str>]) -> OperatorSpec {
        let module = |alias: &Option<&str>| ModuleSpec {
            alias: alias.map(str::to_owned),
            reference: "old.wasm".into(),
            options: serde_json::json!({ "min": 1, "max": 2 }),
        };
        OperatorSpec {
            name: name.into(),
            inputs: Vec::new(),
            join: None,
            sort: Vec::new(),
            modules: aliases.iter().map(module).collect(),
            key: Vec::new(),
            window: None,
            emission: None,
            mode: None,
            state: None,
            endpoints: Vec::new(),
            limits: Limits::default(),
            was: None,
            reset: 0,
            shadow: Some(ShadowSpec { modules: vec![module(&None)], reset: 0 }),
            canary: None,
            draining: None,
            on_trap: OnTrap::Halt,
        }
    }

    fn with(operator: Option<&str>) -> With {
        let options = serde_json::json!({ "min": null, "most": 3 });
        With {
            operator: operator.map(str::to_owned),
            module: "new.wasm".into(),
            reference: "new.wasm".into(),
            bytes: None,
            options: options.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn a_module_is_put_where_it_is_meant() {
        let mut one = vec![operator("a", &[None])];
        assert_eq!(put(&mut one, &with(None)).unwrap(), "a");
        assert_eq!((one[0].modules[0].reference.as_str(), one[0].shadow.is_none()), ("new.wasm", true));
        assert_eq!(one[0].modules[0].options, serde_json::json!({ "max": 2, "most": 3 }));
        let mut two = vec![operator("a", &[None]), operator("b", &[Some("n"), Some("m")])];
        assert_eq!(put(&mut two, &with(Some("b.m"))).unwrap(), "b");
        assert_eq!(
            two[1].modules.iter().map(|module| module.reference.as_str()).collect::<Vec<_>>(),
            ["old.wasm", "new.wasm"]
        );
        for (name, said) in [
            (None, "the job has several operators: `a`, `b`"),
            (Some("c"), "the job has no operator `c`: it has `a`, `b`"),
            (Some("b"), "operator `b` has several aggregates: name one as `b.AGGREGATE`"),
            (Some("b.x"), "operator `b` has no aggregate `x`"),
        ] {
            assert_eq!(put(&mut two, &with(name)).unwrap_err().to_string(), said);
        }
    }
}
