//! `/v1/jobs`: what runs.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Extension, body::Body, extract::State, http::StatusCode, response::Response};
use pelton_core::model::ModuleDigest;
use pelton_wasm::Level;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    Shared,
    answer::{ApiError, Asked, Name, json_answer, ok, read_json},
    blocking,
    modules::{change, note},
};
use crate::control::{ControlError, Engine, Submission, apply::How, logs, status::JobStatus, tokens::Caller};

type Answer = Result<Response, ApiError>;

pub(super) async fn list(State(shared): State<Shared>) -> Answer {
    Ok(ok(&json!({ "jobs": shared.engine.jobs(), "damaged": shared.engine.damaged() })))
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

impl From<Submit> for Submission {
    fn from(Submit { text, file, directory, overrides, pins }: Submit) -> Self {
        Self { text, file, directory, overrides, pins }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Apply {
    job: Submit,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    restart: bool,
    #[serde(default)]
    approve_endpoints: bool,
}

pub(super) async fn apply(State(shared): State<Shared>, Extension(caller): Extension<Caller>, body: Body) -> Answer {
    let Apply { job, dry_run, restart, approve_endpoints } = read_json(body, SUBMISSION_MAX).await?;
    let submission = Submission::from(job);
    let on = submission.file.clone().unwrap_or_default();
    let what = if dry_run { "job.apply.dry-run" } else { "job.apply" };
    let how = How { is_dry_run: dry_run, restarts: restart, approves: approve_endpoints };
    let act = move |engine: &Arc<Engine>, by: &str| engine.apply(submission, how, by);
    Ok(ok(&change(shared, caller, what, on, act).await?))
}

pub(super) async fn submit(State(shared): State<Shared>, Extension(caller): Extension<Caller>, body: Body) -> Answer {
    let submission = Submission::from(read_json::<Submit>(body, SUBMISSION_MAX).await?);
    let named = submission.file.clone().unwrap_or_default();
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Look {
    output: String,
    rows: Option<usize>,
    wait_ms: Option<u64>,
    gather_ms: Option<u64>,
}

/// Rows in one answer, and how long they are waited for.
const ROWS_DEFAULT: usize = 10;
const ROWS_MAX: usize = 1_000;
const WAIT_DEFAULT: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How often it is looked whether a job has begun.
const BEGINNING: Duration = Duration::from_millis(10);

pub(super) async fn tap(State(shared): State<Shared>, Name(job): Name, Asked(asked): Asked<Look>) -> Answer {
    let Look { output, rows, wait_ms, gather_ms } = asked;
    let patience = wait_ms.map_or(WAIT_DEFAULT, Duration::from_millis).min(WAIT_MAX);
    let asked_at = Instant::now();
    while shared.engine.is_beginning(&job) && asked_at.elapsed() < patience {
        sleep(BEGINNING).await;
    }
    let sample = shared.engine.tap(&job, &output, rows.unwrap_or(ROWS_DEFAULT).min(ROWS_MAX))?;
    let gather = gather_ms.map_or(patience, Duration::from_millis);
    let rows = blocking(move || Ok(sample.json(patience, gather))).await?;
    let rows: Vec<Value> = rows.into_iter().map(|(epoch, row)| json!({ "epoch": epoch.0, "row": row })).collect();
    Ok(ok(&json!({ "job": job, "output": output, "rows": rows })))
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
