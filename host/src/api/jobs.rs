//! `/v1/jobs`: what runs.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use axum::{Extension, body::Body, extract::State, http::StatusCode, response::Response};
use pelton_core::model::ModuleDigest;
use pelton_wasm::Level;
use serde::Deserialize;
use serde_json::json;

use super::{
    Shared,
    answer::{ApiError, Asked, Name, json_answer, ok, read_json},
    blocking,
    modules::{change, note},
};
use crate::control::{ControlError, Engine, Submission, logs, status::JobStatus, tokens::Caller};

type Answer = Result<Response, ApiError>;

pub(super) async fn list(State(shared): State<Shared>) -> Answer {
    Ok(ok(&json!({ "jobs": shared.engine.jobs() })))
}

pub(super) async fn show(State(shared): State<Shared>, Name(job): Name) -> Answer {
    Ok(ok(&shared.engine.job(&job)?))
}

pub(super) async fn revisions(State(shared): State<Shared>, Name(job): Name) -> Answer {
    let revisions = shared.engine.revisions(&job)?;
    let revisions: Vec<_> = revisions.iter().map(Arc::as_ref).collect();
    Ok(ok(&json!({ "job": job, "revisions": revisions })))
}

/// A job file is 4 MiB at most; JSON may double it.
const SUBMISSION_MAX: u64 = 16 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Submit {
    text: String,
    file: Option<String>,
    directory: Option<PathBuf>,
    #[serde(default)]
    overrides: BTreeMap<String, String>,
    #[serde(default)]
    pins: BTreeMap<String, ModuleDigest>,
}

pub(super) async fn submit(State(shared): State<Shared>, Extension(caller): Extension<Caller>, body: Body) -> Answer {
    let Submit { text, file, directory, overrides, pins } = read_json(body, SUBMISSION_MAX).await?;
    let named = file.clone().unwrap_or_default();
    let submission = Submission { text, file, directory, overrides, pins };
    let status = blocking(move || {
        let done = shared.engine.submit(submission, &caller.name);
        // A file that cannot be read has no job's name.
        let on = done.as_ref().map_or(named, |status| status.name.clone());
        note(&shared, &caller, "job.submit", &on, &done);
        done
    })
    .await?;
    Ok(json_answer(StatusCode::CREATED, &status))
}

type Rested = Result<JobStatus, ControlError>;

async fn act(
    shared: Shared,
    caller: Caller,
    job: String,
    what: &'static str,
    act: impl FnOnce(&Arc<Engine>, &str) -> Rested + Send + 'static,
) -> Answer {
    let on = job.clone();
    Ok(ok(&change(shared, caller, what, on, move |engine, _| act(engine, &job)).await?))
}

pub(super) async fn pause(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Name(job): Name,
) -> Answer {
    act(shared, caller, job, "job.pause", |engine, job| engine.pause(job)).await
}

pub(super) async fn resume(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Name(job): Name,
) -> Answer {
    act(shared, caller, job, "job.resume", |engine, job| engine.resume(job)).await
}

pub(super) async fn stop(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Name(job): Name,
) -> Answer {
    act(shared, caller, job, "job.stop", |engine, job| engine.stop(job)).await
}

pub(super) async fn drain(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Name(job): Name,
) -> Answer {
    act(shared, caller, job, "job.drain", |engine, job| engine.drain(job)).await
}

pub(super) async fn remove(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Name(job): Name,
) -> Answer {
    let on = job.clone();
    change(shared, caller, "job.remove", on, {
        let job = job.clone();
        move |engine, _| engine.remove(&job)
    })
    .await?;
    Ok(ok(&json!({ "removed": job })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lines {
    after: Option<u64>,
    level: Option<String>,
    limit: Option<usize>,
}

/// Lines in one answer.
const LINES_DEFAULT: usize = 100;
const LINES_MAX: usize = 2_000;

pub(super) async fn logs(State(shared): State<Shared>, Name(job): Name, Asked(asked): Asked<Lines>) -> Answer {
    let Lines { after, level, limit } = asked;
    let least = match level.as_deref().map(|name| logs::level(name).ok_or(name)) {
        None => Level::Trace,
        Some(Ok(level)) => level,
        Some(Err(name)) => {
            let name = crate::job::diagnostic::shown(name);
            return Err(ApiError::Bad(format!("`{name}` is no level: trace, debug, info, warn, error")));
        }
    };
    let most = limit.unwrap_or(LINES_DEFAULT).min(LINES_MAX);
    Ok(ok(&json!({ "job": job, "lines": shared.engine.logs(&job, after, least, most)? })))
}
