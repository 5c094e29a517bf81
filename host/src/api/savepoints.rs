//! `/v1/jobs/{job}/savepoints`: epochs of a job that are kept by name.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    Extension,
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{
    Shared,
    answer::{ApiError, Name, json_answer, ok, read_body, read_json},
    blocking,
    modules::change,
};
use crate::{
    control::{Engine, savepoint::SAVEPOINT_BYTES_MAX, tokens::Caller},
    job::savepoint::Choices,
};

type Answer = Result<Response, ApiError>;
type OfSavepoint = Result<Path<(String, String)>, PathRejection>;

const REQUEST_MAX: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    name: String,
    epoch: Option<Wanted>,
}

/// A number, or `last`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Wanted {
    Number(u64),
    Word(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Restore {
    #[serde(default)]
    renames: BTreeMap<String, String>,
    #[serde(default)]
    drops: BTreeSet<String>,
    #[serde(default)]
    dry_run: bool,
}

fn named(path: OfSavepoint) -> Result<(String, String), ApiError> {
    path.map(|Path(named)| named).map_err(|error| ApiError::Bad(error.body_text()))
}

pub(super) async fn list(State(shared): State<Shared>, Name(job): Name) -> Answer {
    Ok(ok(&blocking(move || shared.engine.savepoints(&job)).await?))
}

pub(super) async fn create(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Name(job): Name,
    body: Body,
) -> Answer {
    let Create { name, epoch } = read_json(body, REQUEST_MAX).await?;
    let epoch = match epoch {
        None => None,
        Some(Wanted::Number(epoch)) => Some(Some(epoch)),
        Some(Wanted::Word(word)) if word == "last" => Some(None),
        Some(Wanted::Word(_)) => return Err(ApiError::Bad("`epoch` is a number, or \"last\"".into())),
    };
    let on = format!("{job} {name}");
    let act = move |engine: &Arc<Engine>, _: &str| engine.create_savepoint(&job, &name, epoch);
    Ok(json_answer(StatusCode::CREATED, &change(shared, caller, "savepoint.create", on, act).await?))
}

pub(super) async fn show(State(shared): State<Shared>, path: OfSavepoint) -> Answer {
    let (job, name) = named(path)?;
    Ok(ok(&blocking(move || shared.engine.savepoint(&job, &name)).await?))
}

pub(super) async fn file(State(shared): State<Shared>, path: OfSavepoint) -> Answer {
    let (job, name) = named(path)?;
    let bytes = blocking(move || shared.engine.savepoint_file(&job, &name)).await?;
    Ok(([(header::CONTENT_TYPE, "application/zstd")], bytes).into_response())
}

pub(super) async fn import(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    path: OfSavepoint,
    body: Body,
) -> Answer {
    let (job, name) = named(path)?;
    let bytes = read_body(body, SAVEPOINT_BYTES_MAX).await?;
    let on = format!("{job} {name}");
    let act = move |engine: &Arc<Engine>, _: &str| engine.import_savepoint(&job, &name, bytes);
    Ok(json_answer(StatusCode::CREATED, &change(shared, caller, "savepoint.import", on, act).await?))
}

pub(super) async fn restore(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    path: OfSavepoint,
    body: Body,
) -> Answer {
    let (job, name) = named(path)?;
    let Restore { renames, drops, dry_run } = read_json(body, REQUEST_MAX).await?;
    let choices = Choices { renames, drops };
    let on = format!("{job} {name}");
    let act = move |engine: &Arc<Engine>, _: &str| engine.restore_savepoint(&job, &name, &choices, dry_run);
    Ok(ok(&change(shared, caller, "savepoint.restore", on, act).await?))
}

pub(super) async fn remove(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    path: OfSavepoint,
) -> Answer {
    let (job, name) = named(path)?;
    let on = format!("{job} {name}");
    let act = move |engine: &Arc<Engine>, _: &str| engine.remove_savepoint(&job, &name);
    Ok(ok(&change(shared, caller, "savepoint.remove", on, act).await?))
}
