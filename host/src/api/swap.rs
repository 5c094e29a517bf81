//! `/v1/jobs/{job}/swap` and what follows it: jobs that change while they run.

use std::{sync::Arc, time::Duration};

use axum::{Extension, body::Body, extract::State, response::Response};
use pelton_core::{model::ModuleDigest, share::NoShare};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Shared,
    answer::{ApiError, Name, ok, read_json},
    modules::change,
};
use crate::control::{
    ControlError, Engine,
    swap::{OpenWindows, Swap, WATCH_DEFAULT},
    tokens::Caller,
};

type Answer = Result<Response, ApiError>;

/// Bytes of a request: options may be long.
const REQUEST_MAX: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SwapRequest {
    operator: String,
    module: String,
    digest: Option<ModuleDigest>,
    #[serde(default)]
    options: Map<String, Value>,
    windows: Option<Windows>,
    shadow: Option<u64>,
    canary: Option<String>,
    #[serde(default)]
    automatic: bool,
    watch_ms: Option<u64>,
    #[serde(default)]
    dry_run: bool,
}

/// What becomes of open windows, and of other state.
#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Windows {
    Migrate,
    Drain,
    Reset,
}

fn watch(ms: Option<u64>) -> Duration {
    ms.map_or(WATCH_DEFAULT, Duration::from_millis)
}

pub(super) async fn swap(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Name(job): Name,
    body: Body,
) -> Answer {
    let request: SwapRequest = read_json(body, REQUEST_MAX).await?;
    let canary = request.canary.as_deref().map(str::parse).transpose();
    let canary =
        canary.map_err(|error: NoShare| ControlError::invalid(error.to_string(), "say `\"canary\": \"1/8\"`"))?;
    let swap = Swap {
        operator: request.operator,
        module: request.module,
        digest: request.digest,
        options: request.options,
        windows: match request.windows {
            None | Some(Windows::Migrate) => OpenWindows::Migrate,
            Some(Windows::Drain) => OpenWindows::Drain,
            Some(Windows::Reset) => OpenWindows::Reset,
        },
        shadow: request.shadow,
        canary,
        is_automatic: request.automatic,
        watch: watch(request.watch_ms),
        is_dry_run: request.dry_run,
    };
    let what = if swap.is_dry_run { "job.swap.dry-run" } else { "job.swap" };
    let on = format!("{job} {} {}", swap.operator, swap.module);
    let act = move |engine: &Arc<Engine>, by: &str| engine.swap(&job, &swap, by);
    Ok(ok(&change(shared, caller, what, on, act).await?))
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Promote {
    operator: Option<String>,
    watch_ms: Option<u64>,
}

pub(super) async fn promote(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Name(job): Name,
    body: Body,
) -> Answer {
    let Promote { operator, watch_ms } = read_json(body, REQUEST_MAX).await?;
    let on = job.clone();
    let act = move |engine: &Arc<Engine>, by: &str| engine.promote(&job, operator.as_deref(), watch(watch_ms), by);
    Ok(ok(&change(shared, caller, "job.promote", on, act).await?))
}

pub(super) async fn rollback(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Name(job): Name,
) -> Answer {
    let on = job.clone();
    let act = move |engine: &Arc<Engine>, by: &str| engine.rollback(&job, by);
    Ok(ok(&change(shared, caller, "job.rollback", on, act).await?))
}

pub(super) async fn shadows(State(shared): State<Shared>, Name(job): Name) -> Answer {
    Ok(ok(&json!({ "job": job, "shadows": shared.engine.comparisons(&job)? })))
}
