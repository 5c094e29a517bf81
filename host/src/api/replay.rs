//! `/v1/jobs/{job}/replay`, `verify` and `bundle`: committed epochs, computed again.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use pelton_core::model::ModuleDigest;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Shared,
    answer::{ApiError, Name, ok, read_json},
    modules::change,
};
use crate::{
    control::{Engine, replay::Replay, tokens::Caller},
    job::replay::Which,
};

type Answer = Result<Response, ApiError>;

const REQUEST_MAX: u64 = 64 << 10;
/// Rows of each sink in one answer.
const ROWS_DEFAULT: usize = 20;
const ROWS_MAX: usize = 10_000;
/// Epochs that are verified if nobody says how many.
const SAMPLE_DEFAULT: u64 = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplayRequest {
    epoch: u64,
    operator: Option<String>,
    module: Option<String>,
    digest: Option<ModuleDigest>,
    #[serde(default)]
    options: Map<String, Value>,
    rows: Option<usize>,
}

pub(super) async fn replay(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Name(job): Name,
    body: Body,
) -> Answer {
    let ReplayRequest { epoch, operator, module, digest, options, rows } = read_json(body, REQUEST_MAX).await?;
    let rows = rows.unwrap_or(ROWS_DEFAULT).min(ROWS_MAX);
    let wanted = Replay { epoch, module, digest, operator, options, rows };
    let on = format!("{job} {epoch}");
    let act = move |engine: &Arc<Engine>, _: &str| engine.replay(&job, &wanted);
    Ok(ok(&change(shared, caller, "job.replay", on, act).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifyRequest {
    sample: Option<u64>,
    #[serde(default)]
    all: bool,
}

pub(super) async fn verify(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Name(job): Name,
    body: Body,
) -> Answer {
    let VerifyRequest { sample, all } = read_json(body, REQUEST_MAX).await?;
    let which = if all { Which::All } else { Which::Sample(sample.unwrap_or(SAMPLE_DEFAULT).max(1)) };
    let on = job.clone();
    let act = move |engine: &Arc<Engine>, _: &str| engine.verify(&job, which);
    Ok(ok(&change(shared, caller, "job.verify", on, act).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BundleRequest {
    epoch: u64,
}

pub(super) async fn bundle(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Name(job): Name,
    body: Body,
) -> Answer {
    let BundleRequest { epoch } = read_json(body, REQUEST_MAX).await?;
    let on = format!("{job} {epoch}");
    let act = move |engine: &Arc<Engine>, _: &str| engine.bundle(&job, epoch);
    let bytes = change(shared, caller, "job.bundle", on, act).await?;
    Ok(([(header::CONTENT_TYPE, "application/zstd")], bytes).into_response())
}
