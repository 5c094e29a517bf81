//! `/v1/jobs/{job}/state`: what a job's operators hold, as it was committed.

use axum::{
    Extension,
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::header,
    response::{IntoResponse, Response},
};
use pelton_core::model::Epoch;
use serde::Deserialize;

use super::{
    Shared,
    answer::{ApiError, Asked, Name, ok, read_json},
    blocking,
    modules::change,
};
use crate::{
    control::tokens::Caller,
    job::{
        diagnostic::shown,
        look::{As, ExportFormat, ROWS_DEFAULT, ROWS_MAX, Wanted},
    },
};

type Answer = Result<Response, ApiError>;
type OfOperator = Result<Path<(String, String)>, PathRejection>;

const REQUEST_MAX: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    table: Option<String>,
    /// A JSON array of texts and nulls.
    key: Option<String>,
    prefix: Option<String>,
    #[serde(default)]
    one: bool,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportQuestion {
    table: Option<String>,
    key: Option<String>,
    prefix: Option<String>,
    format: Option<String>,
}

/// The same of an epoch that is computed again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Computed {
    table: Option<String>,
    #[serde(default)]
    key: Vec<Option<String>>,
    prefix: Option<String>,
    #[serde(default)]
    one: bool,
    limit: Option<usize>,
    /// None: the last one.
    epoch: Option<u64>,
}

fn wanted(
    operator: String,
    table: Option<String>,
    key: Option<&str>,
    prefix: Option<String>,
) -> Result<Wanted, ApiError> {
    let key = key.map(serde_json::from_str).transpose().map_err(|error| {
        ApiError::Bad(format!("`key` is no JSON array of texts and nulls, such as [\"ada\", null]: {error}"))
    })?;
    Ok(Wanted { operator, table, key: key.unwrap_or_default(), prefix, is_one: false })
}

fn of_operator(path: OfOperator) -> Result<(String, String), ApiError> {
    path.map(|Path(named)| named).map_err(|error| ApiError::Bad(error.body_text()))
}

pub(super) async fn list(State(shared): State<Shared>, Name(job): Name) -> Answer {
    Ok(ok(&blocking(move || shared.engine.state_tables(&job)).await?))
}

pub(super) async fn rows(State(shared): State<Shared>, path: OfOperator, Asked(asked): Asked<Question>) -> Answer {
    let (job, operator) = of_operator(path)?;
    let Question { table, key, prefix, one, limit } = asked;
    let wanted = Wanted { is_one: one, ..wanted(operator, table, key.as_deref(), prefix)? };
    let most = limit.unwrap_or(ROWS_DEFAULT).min(ROWS_MAX);
    Ok(ok(&blocking(move || shared.engine.state(&job, &wanted, As::Saved, most)).await?))
}

pub(super) async fn compute(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    path: OfOperator,
    body: Body,
) -> Answer {
    let (job, operator) = of_operator(path)?;
    let Computed { table, key, prefix, one, limit, epoch } = read_json(body, REQUEST_MAX).await?;
    let wanted = Wanted { operator, table, key, prefix, is_one: one };
    let as_of = epoch.map_or(As::Last, |epoch| As::Of(Epoch(epoch)));
    let most = limit.unwrap_or(ROWS_DEFAULT).min(ROWS_MAX);
    let on = format!("{job} {}", wanted.operator);
    let compute = change(shared, caller, "job.state", on, move |engine, _| engine.state(&job, &wanted, as_of, most));
    Ok(ok(&compute.await?))
}

pub(super) async fn export(
    State(shared): State<Shared>,
    path: OfOperator,
    Asked(asked): Asked<ExportQuestion>,
) -> Answer {
    let (job, operator) = of_operator(path)?;
    let ExportQuestion { table, key, prefix, format } = asked;
    let wanted = wanted(operator, table, key.as_deref(), prefix)?;
    let (format, kind) = match format.as_deref() {
        None | Some("parquet") => (ExportFormat::Parquet, "application/vnd.apache.parquet"),
        Some("arrow") => (ExportFormat::Arrow, "application/vnd.apache.arrow.file"),
        Some(other) => return Err(ApiError::Bad(format!("`{}` is no format: parquet, arrow", shown(other)))),
    };
    let bytes = blocking(move || shared.engine.export_state(&job, &wanted, format)).await?;
    Ok(([(header::CONTENT_TYPE, kind)], bytes).into_response())
}
