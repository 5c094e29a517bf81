//! `/v1/jobs/{job}/letters`: rows on which a job's modules failed, and what is to become of them.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    response::Response,
};
use pelton_core::model::ModuleDigest;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Shared,
    answer::{ApiError, Asked, Name, ok, read_json},
    blocking,
    modules::change,
};
use crate::{
    control::{Engine, swap::Swap, tokens::Caller},
    job::dead_letters::{Action, SHOWN_DEFAULT, Selection},
};

type Answer = Result<Response, ApiError>;

/// Letters in one answer.
const LETTERS_MAX: usize = 10_000;
/// Bytes of a request: many numbers.
const REQUEST_MAX: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    operator: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn list(State(shared): State<Shared>, Name(job): Name, Asked(wanted): Asked<Wanted>) -> Answer {
    let most = wanted.limit.unwrap_or(SHOWN_DEFAULT).min(LETTERS_MAX);
    let list = move || shared.engine.letters(&job, wanted.operator.as_deref(), most);
    Ok(ok(&blocking(list).await?))
}

pub(super) async fn show(State(shared): State<Shared>, path: Result<Path<(String, String)>, PathRejection>) -> Answer {
    let Path((job, letter)) = path.map_err(|error| ApiError::Bad(error.body_text()))?;
    Ok(ok(&blocking(move || shared.engine.letter(&job, &letter)).await?))
}

pub(super) async fn replay(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Name(job): Name,
    body: Body,
) -> Answer {
    ask(shared, caller, job, body, Action::Replay, "letters.replay").await
}

pub(super) async fn discard(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Name(job): Name,
    body: Body,
) -> Answer {
    ask(shared, caller, job, body, Action::Discard, "letters.discard").await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trial {
    #[serde(default)]
    letters: Vec<String>,
    operator: Option<String>,
    #[serde(default)]
    all: bool,
    module: Option<String>,
    digest: Option<ModuleDigest>,
    #[serde(default)]
    options: Map<String, Value>,
}

pub(super) async fn dry_run(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Name(job): Name,
    body: Body,
) -> Answer {
    let Trial { letters, operator, all, module, digest, options } = read_json(body, REQUEST_MAX).await?;
    let named = operator.clone().unwrap_or_default();
    let candidate = module.map(|module| Swap { operator: named, module, digest, options, ..Swap::default() });
    let selection = Selection { letters, operator, all };
    let on = job.clone();
    let act = move |engine: &Arc<Engine>, _: &str| engine.try_letters(&job, &selection, candidate);
    Ok(ok(&change(shared, caller, "letters.dry-run", on, act).await?))
}

async fn ask(shared: Shared, caller: Caller, job: String, body: Body, action: Action, what: &'static str) -> Answer {
    let selection: Selection = read_json(body, REQUEST_MAX).await?;
    let on = job.clone();
    let answer = change(shared, caller, what, on, move |engine, _| engine.ask_for_letters(&job, action, &selection));
    Ok(ok(&answer.await?))
}
