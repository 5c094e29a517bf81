//! Dead letters as people and machines see them, and what they may ask for: the same offline and by an engine.
//!
//! Called with the place of a checkpoint, beside a job that runs or not. What is asked for is carried out by the job, in its next
//! epoch; nothing here changes the queue.

pub mod dry_run;

use arrow::{
    array::RecordBatch,
    json::{WriterBuilder, writer::JsonArray},
};
use pelton_core::poison::PoisonKind;
use serde::Deserialize;
use serde_json::{Value, json};

use super::run::letters::row;
pub use crate::checkpoint::letters::Action;
use crate::{
    checkpoint::{
        CheckpointError, Location,
        letters::{Letter, LetterId, Queue, look, request},
    },
    error::{Code, Coded},
};

/// Which letters are meant. Nothing is meant by nothing: it has to be said.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// As in `12.0`.
    #[serde(default)]
    pub letters: Vec<String>,
    /// All of this operator.
    pub operator: Option<String>,
    #[serde(default)]
    pub all: bool,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum LettersError {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("there is no dead letter {0}")]
    Unknown(String),
    #[error("`{0}` is no number of a dead letter")]
    NoNumber(String),
    #[error("no dead letter is named")]
    Nothing,
    #[error("dead letter {0} is no row but a {1}, and cannot be replayed")]
    NoRow(String, &'static str),
    #[error("the job's input has ended and its windows were closed: nothing can be replayed into it")]
    Over,
}

impl Coded for LettersError {
    fn code(&self) -> Code {
        match self {
            Self::Checkpoint(source) => source.code(),
            Self::Unknown(_) => Code::NotFound,
            Self::NoNumber(_) | Self::Nothing => Code::BadRequest,
            Self::Over | Self::NoRow(..) => Code::Conflict,
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::Checkpoint(source) => return source.help(),
            Self::Unknown(_) => {
                "`pelton dlq list` shows those that there are; replayed and discarded ones are gone".into()
            }
            Self::NoNumber(_) => "numbers are as `pelton dlq list` shows them, such as 12.0".into(),
            Self::Nothing => "give their numbers, an operator, or `--all`".into(),
            Self::NoRow(id, _) => {
                format!(
                    "the job went on without what would have come of it: `pelton dlq show` says what that was, `pelton dlq discard … {id}` forgets it"
                )
            }
            Self::Over => "start the job over with `--fresh`, or give the rows to a job of their own".into(),
        })
    }
}

/// Letters that are shown unless somebody asks for more.
pub const SHOWN_DEFAULT: usize = 100;

/// `{"total", "letters": […]}`: the oldest letters first, of one operator or all.
pub fn list(location: &Location, operator: Option<&str>, most: usize) -> Result<Value, LettersError> {
    let queue = look(location)?;
    let is_wanted = |letter: &&Letter| operator.is_none_or(|operator| letter.head.operator == operator);
    let wanted: Vec<&Letter> = queue.letters.iter().filter(is_wanted).collect();
    let shown: Vec<Value> = wanted.iter().take(most).map(|letter| to_json(&queue, letter)).collect();
    Ok(json!({ "total": wanted.len(), "letters": shown }))
}

/// All that is known of a letter.
pub fn show(location: &Location, id: &str) -> Result<Value, LettersError> {
    let id = parse(id)?;
    let queue = look(location)?;
    let letter = queue.letters.iter().find(|letter| letter.id() == id);
    let letter = letter.ok_or_else(|| LettersError::Unknown(id.to_string()))?;
    let mut shown = to_json(&queue, letter);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("trace".into(), json!(letter.head.trace));
    }
    Ok(shown)
}

/// Asks the job for something. Answers with the letters that it concerns.
pub fn ask(location: &Location, action: Action, selection: &Selection) -> Result<Value, LettersError> {
    let queue = look(location)?;
    let chosen = choose(&queue, action, selection)?;
    if action == Action::Replay && queue.is_over {
        return Err(LettersError::Over);
    }
    if !chosen.is_empty() {
        request(location, action, &chosen)?;
    }
    let chosen: Vec<String> = chosen.iter().map(ToString::to_string).collect();
    Ok(json!({ "action": action.name(), "letters": chosen }))
}

/// The letters that are named, all of which must be there.
fn named(queue: &Queue, selection: &Selection) -> Result<Vec<LetterId>, LettersError> {
    let Selection { letters, operator, all } = selection;
    if letters.is_empty() && operator.is_none() && !all {
        return Err(LettersError::Nothing);
    }
    let named: Vec<LetterId> = letters.iter().map(|id| parse(id)).collect::<Result<_, _>>()?;
    if let Some(unknown) = named.iter().find(|id| !queue.letters.iter().any(|letter| letter.id() == **id)) {
        return Err(LettersError::Unknown(unknown.to_string()));
    }
    Ok(named)
}

fn is_meant(selection: &Selection, named: &[LetterId], letter: &Letter) -> bool {
    let is_of = |operator: &String| *operator == letter.head.operator;
    selection.all || named.contains(&letter.id()) || selection.operator.as_ref().is_some_and(is_of)
}

fn choose(queue: &Queue, action: Action, selection: &Selection) -> Result<Vec<LetterId>, LettersError> {
    let named = named(queue, selection)?;
    // What is no row stays where it is, unless somebody asks for just that.
    let takes = |letter: &&Letter| action != Action::Replay || letter.head.kind == PoisonKind::Row;
    let of_name = |letter: &&Letter| named.contains(&letter.id());
    if let Some(letter) = queue.letters.iter().filter(of_name).find(|letter| !takes(letter)) {
        return Err(LettersError::NoRow(letter.id().to_string(), letter.head.kind.name()));
    }
    // What waits to be carried out needs no second request.
    let free = |letter: &&Letter| queue.asked(letter.id()).is_none();
    let meant = queue.letters.iter().filter(|letter| is_meant(selection, &named, letter));
    Ok(meant.filter(takes).filter(free).map(Letter::id).collect())
}

fn parse(id: &str) -> Result<LetterId, LettersError> {
    id.parse().map_err(|_| LettersError::NoNumber(super::diagnostic::shown(id)))
}

fn to_json(queue: &Queue, letter: &Letter) -> Value {
    let head = &letter.head;
    json!({
        "id": head.id.to_string(),
        "epoch": head.id.epoch.0,
        "at": head.at,
        "operator": head.operator,
        "kind": head.kind.name(),
        "modules": head.modules,
        "revision": head.revision,
        "code": head.code,
        "error": head.error,
        "origin": head.origin,
        "row_number": head.row_number,
        "asked": queue.asked(head.id).map(Action::name),
        "row": row(letter).ok().and_then(|row| row_to_json(&row)),
    })
}

/// None: a column has no form in JSON.
fn row_to_json(row: &RecordBatch) -> Option<Value> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    writer.write(row).and_then(|()| writer.finish()).ok()?;
    let mut rows: Vec<Value> = serde_json::from_slice(&writer.into_inner()).ok()?;
    rows.pop()
}
