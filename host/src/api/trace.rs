//! `/v1/jobs/{job}/trace`: a row of a sink, followed back.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use axum::{Extension, body::Body, extract::State, response::Response};
use serde::Deserialize;

use super::{
    Shared,
    answer::{ApiError, Name, ok, read_json},
    modules::change,
};
use crate::{
    control::{Engine, tokens::Caller, trace::Trace},
    job::trace::{BACK_DEFAULT, ROWS_DEFAULT, ROWS_MAX, Which},
};

const REQUEST_MAX: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    sink: Option<String>,
    /// Values of columns; null is null.
    row: Option<BTreeMap<String, Option<String>>>,
    part: Option<PathBuf>,
    line: Option<u64>,
    epoch: Option<u64>,
    back: Option<u64>,
    rows: Option<usize>,
}

pub(super) async fn trace(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Name(job): Name,
    body: Body,
) -> Result<Response, ApiError> {
    let Question { sink, row, part, line, epoch, back, rows } = read_json(body, REQUEST_MAX).await?;
    let which = match (row, part, line, epoch) {
        (Some(row), None, None, _) if !row.is_empty() => Which::Values(row.into_iter().collect()),
        (None, Some(part), Some(line), None) => Which::Line { part, line },
        _ => {
            let what = "say which row: `row`, with values of its columns, and perhaps `epoch`; or `part` and `line`";
            return Err(ApiError::Bad(what.into()));
        }
    };
    let rows = rows.unwrap_or(ROWS_DEFAULT).min(ROWS_MAX);
    let wanted = Trace { sink, which, epoch, back: back.unwrap_or(BACK_DEFAULT), rows };
    let on = job.clone();
    let act = move |engine: &Arc<Engine>, _: &str| engine.trace(&job, &wanted);
    Ok(ok(&change(shared, caller, "job.trace", on, act).await?))
}
