//! The laws of the contract, tried on a module with rows that are made up: `pelton check`.
//!
//! ```text
//! schema ─► sample (rows and side tables, with edges) ─► a law: call, call otherwise, compare ─► shrink ─► the smallest tables
//! ```
//!
//! Every law compares answers of the module with each other, never with what it should mean: that is what golden cases are
//! for. The same seed tries the same rows. Some laws a module may break on purpose, as by asking what time it is: then it is said
//! that it does, and no more, unless it is told to keep them as well.

mod aggregate;
mod answer;
mod cogroup;
mod enrich;
mod epochs;
mod given;
mod keyed;
mod migrate;
mod sample;
mod transform;

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use pelton_core::{
    contract::{Input, SideTable},
    limits::Limits,
};
use pelton_wasm::{BatchContext, CallError, Kind, Module};

use self::sample::{Values, Words};
pub use self::{
    answer::lines,
    given::{Given, Part},
};
use crate::{
    error::{Code, Coded},
    state::keys::KeyCodec,
};

/// What is checked.
pub struct Subject {
    pub module: Arc<Module>,
    /// One; of a cogroup the left and the right.
    pub inputs: Vec<Input>,
    /// Side tables on offer.
    pub offered: Vec<SideTable>,
    /// A JSON object.
    pub options: String,
    pub limits: Limits,
    pub older: Option<Older>,
}

/// The version before, whose state the module migrates.
pub struct Older {
    pub module: Arc<Module>,
    /// A JSON object.
    pub options: String,
}

/// How much is tried.
#[derive(Debug, Clone)]
pub struct Effort {
    pub seed: u64,
    /// Tables for each law.
    pub tables: usize,
    /// Rows of a table, at most.
    pub rows: usize,
    /// Laws that are not tried.
    pub except: Vec<String>,
    /// Laws that modules may break on purpose, and this one may not.
    pub also: Vec<String>,
}

/// How a law was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub law: &'static str,
    pub says: &'static str,
    /// If not, the module breaks it, as it may.
    pub holds: bool,
}

/// Why a module does not pass.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// It cannot be opened with these columns and options.
    #[error("the module cannot be opened")]
    Open(#[source] Box<CallError>),
    #[error("the version before cannot be opened")]
    OpenOlder(#[source] Box<CallError>),
    #[error("the module breaks the law `{law}`: {says}")]
    Law {
        law: &'static str,
        says: &'static str,
        /// The smallest tables that show it.
        given: Box<Given>,
        /// What the two ways came to.
        ways: Box<[(String, Vec<String>); 2]>,
    },
    #[error("no rows can be made up for column `{column}`, which is {kind}")]
    Type { column: String, kind: String },
    #[error("input `{input}` {why}")]
    Column { input: String, why: String },
    #[error("{0} modules have no law `{1}`: they have {2}")]
    NoLaw(&'static str, String, String),
    #[error("there is nothing to migrate: {0}")]
    NothingToMigrate(String),
}

impl Coded for Broken {
    fn code(&self) -> Code {
        match self {
            Self::Open(_) | Self::OpenOlder(_) => Code::ModuleRefused,
            Self::Law { .. } => Code::LawBroken,
            Self::NothingToMigrate(_) => Code::WrongWorld,
            Self::NoLaw(..) => Code::UnknownName,
            Self::Type { .. } | Self::Column { .. } => Code::ColumnMismatch,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Open(_) | Self::OpenOlder(_) => Some(
                "give the columns of its input by `--columns`, side tables by `--table` and its options by `--options`"
                    .to_owned(),
            ),
            Self::Law { law, .. } => Some(help(law).to_owned()),
            Self::NothingToMigrate(_) => {
                Some("`--from` takes the version before, whose state has another version".to_owned())
            }
            Self::NoLaw(..) | Self::Type { .. } | Self::Column { .. } => None,
        }
    }
}

/// What an author may have done that breaks a law.
fn help(law: &str) -> &'static str {
    match law {
        "answers" => {
            "rows may have anything that their columns allow: reject such a row with a reason, or leave it out"
        }
        "identity-left" | "identity-right" | "parts" | "associative" => {
            "what `merge` makes of two accumulators is what folding all rows into one would have made"
        }
        "commutative" => {
            "let the later rows of a merge come to the same as the earlier ones, or say that the aggregate is `ordered`"
        }
        "taken-back" => {
            "sums of integers and counts have an exact inverse, sums of floats have none: do without `retract` then"
        }
        "migrates" => {
            "`migrate` answers for every row of the older state, and the same however many it is given at once"
        }
        _ => "a module keeps nothing between calls but its state, and takes times and random numbers from the context",
    }
}

/// Tries all laws of the module's kind. `told` hears of each as it was found.
pub fn check(subject: &Subject, effort: &Effort, told: &mut dyn FnMut(Told)) -> Result<(), Broken> {
    subject.inputs.iter().try_for_each(has_columns)?;
    let mut trial = Trial { subject, effort, told };
    match subject.module.kind() {
        Kind::Transform | Kind::Enrich => transform::check(&mut trial),
        Kind::Aggregate => aggregate::check(&mut trial),
        Kind::Keyed => keyed::check(&mut trial),
        Kind::Cogroup => cogroup::check(&mut trial),
    }
}

/// Whether the columns are there that an input is said to have.
fn has_columns(input: &Input) -> Result<(), Broken> {
    let wrong = |why: String| Err(Broken::Column { input: input.name.clone(), why });
    if let Some(name) = input.key.iter().chain(&input.event_time).find(|name| input.schema.index_of(name).is_err()) {
        return wrong(format!("has no column `{name}`"));
    }
    let key = input.key.iter().filter_map(|name| input.schema.field_with_name(name).ok());
    let key: Vec<FieldRef> = key.cloned().map(Arc::new).collect();
    if let Err(error) = KeyCodec::new(&key) {
        return wrong(format!("has a key that none can be: {error}"));
    }
    let time = input.event_time.as_ref().and_then(|name| input.schema.field_with_name(name).ok());
    match time.filter(|field| !matches!(field.data_type(), DataType::Timestamp(..))) {
        Some(field) => wrong(format!("has `{}` for its event time, which is no timestamp", field.name())),
        None => Ok(()),
    }
}

/// A law: two ways to the same answer.
struct Law<T> {
    name: &'static str,
    says: &'static str,
    /// How the two ways are called.
    ways: [&'static str; 2],
    one: Way<T>,
    other: Way<T>,
    asked: Asked,
}

/// The lines of an answer; of an error there is one as well, so that it can be compared.
type Answered = Vec<String>;
type Way<T> = fn(&T, &Given) -> Answered;

/// Of which modules a law is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Always,
    /// If there are side tables that they look up in.
    WithTables,
    /// If the input has event time.
    WithTime,
    /// Modules may break it: it is only told whether they do.
    Told,
}

/// A module, on trial.
struct Trial<'a> {
    subject: &'a Subject,
    effort: &'a Effort,
    told: &'a mut dyn FnMut(Told),
}

impl Trial<'_> {
    /// What may be left out, or asked besides, is a law that there is.
    fn knows(&self, laws: &[&'static str]) -> Result<(), Broken> {
        let mut chosen = self.effort.except.iter().chain(&self.effort.also);
        match chosen.find(|name| !laws.contains(&name.as_str())) {
            Some(name) => Err(Broken::NoLaw(self.subject.module.kind().name(), name.clone(), laws.join(", "))),
            None => Ok(()),
        }
    }

    /// Whether a law is tried.
    fn asks(&self, law: &str) -> bool {
        !self.effort.except.iter().any(|name| name == law)
    }

    fn holds(&mut self, law: &'static str, says: &'static str) {
        (self.told)(Told { law, says, holds: true });
    }

    /// Rows and tables for a try.
    fn given(&self, values: Values, words: &mut Words) -> Result<Given, Broken> {
        sample::given(self.subject, self.effort.rows, values, words)
    }

    /// Tries each of these laws; the first that is broken is the error.
    fn all<T>(&mut self, laws: &[Law<T>], tried: &T, has_tables: bool) -> Result<(), Broken> {
        let has_time = self.subject.inputs.iter().any(|input| input.event_time.is_some());
        for law in laws.iter().filter(|law| self.asks(law.name)).collect::<Vec<_>>() {
            let must_hold = match law.asked {
                Asked::Always => true,
                Asked::WithTables if has_tables => true,
                Asked::WithTime if has_time => true,
                Asked::WithTables | Asked::WithTime => continue,
                Asked::Told => self.effort.also.iter().any(|name| name == law.name),
            };
            let differs = |given: &Given| (law.one)(tried, given) != (law.other)(tried, given);
            let mut words = Words(self.effort.seed);
            let mut shows = None;
            for _ in 0..self.effort.tables {
                let given = self.given(Values::Edges, &mut words)?;
                if differs(&given) {
                    shows = Some(given);
                    break;
                }
            }
            match shows {
                Some(given) if must_hold => {
                    let given = given.shrunk(&mut |given| differs(given));
                    let [one, other] = law.ways;
                    let ways =
                        [(one.to_owned(), (law.one)(tried, &given)), (other.to_owned(), (law.other)(tried, &given))];
                    return Err(Broken::Law {
                        law: law.name,
                        says: law.says,
                        given: Box::new(given),
                        ways: ways.into(),
                    });
                }
                shows => (self.told)(Told { law: law.name, says: law.says, holds: shows.is_none() }),
            }
        }
        Ok(())
    }
}

/// What every call is told, but for the number of its first row.
fn context(first_row: u64) -> BatchContext {
    BatchContext { epoch: 7, first_row, now: 1_700_000_000_000_000, watermark: 1_699_999_990_000_000, seed: 42 }
}

/// The same, at another time.
fn later(context: BatchContext) -> BatchContext {
    const DAY: i64 = 86_400_000_000;
    BatchContext { epoch: context.epoch + 1_000, now: context.now + DAY, ..context }
}

/// The same, with other random numbers.
fn seeded(context: BatchContext) -> BatchContext {
    BatchContext { seed: context.seed ^ 0x5eed_5eed, ..context }
}

/// What the way that ends in an answer comes to, where the law is that there is one.
const AN_ANSWER: &str = "an answer";

fn an_answer() -> Answered {
    vec![AN_ANSWER.to_owned()]
}

fn no_answer(error: impl std::fmt::Display) -> Answered {
    vec![format!("no answer: {error}")]
}
