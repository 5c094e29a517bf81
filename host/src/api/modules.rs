//! `/v1/modules`: the registry.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use pelton_core::model::{ModuleDigest, ModuleTag};
use serde::Deserialize;
use serde_json::json;

use super::{
    Shared,
    answer::{ApiError, Asked, Name, json_answer, ok, read_json, receive},
    blocking,
};
use crate::{
    control::{ControlError, Engine, registry::MODULE_BYTES_MAX, tokens::Caller},
    error::Coded,
};

type Answer = Result<Response, ApiError>;

pub(super) async fn list(State(shared): State<Shared>) -> Answer {
    Ok(ok(&json!({ "modules": shared.engine.registry().list() })))
}

pub(super) async fn show(State(shared): State<Shared>, Name(module): Name) -> Answer {
    Ok(ok(&shared.engine.registry().show(&module)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Push {
    tag: Option<ModuleTag>,
    digest: Option<ModuleDigest>,
}

pub(super) async fn push(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Asked(asked): Asked<Push>,
    body: Body,
) -> Answer {
    let Push { tag, digest } = asked;
    let mut upload = receive(body, MODULE_BYTES_MAX, shared.engine.upload()?).await?;
    let found = upload.digest();
    if digest.is_some_and(|declared| declared != found) {
        return Err(ApiError::Bad(format!("the body has the digest {found}, and not the one that was declared")));
    }
    let on = tag.as_ref().map_or_else(|| found.to_string(), ToString::to_string);
    let push = move |engine: &Arc<Engine>, by: &str| engine.push_module(&mut upload, tag.as_ref(), by);
    let (listed, is_new) = change(shared, caller, "module.push", on, push).await?;
    Ok(json_answer(if is_new { StatusCode::CREATED } else { StatusCode::OK }, &listed))
}

pub(super) async fn pull(State(shared): State<Shared>, Name(module): Name) -> Answer {
    let read = move || {
        let registry = shared.engine.registry();
        registry.read(registry.resolve(&module)?)
    };
    Ok(([(header::CONTENT_TYPE, "application/wasm")], blocking(read).await?).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tag {
    tag: ModuleTag,
}

/// Bytes of a small request.
const SMALL: u64 = 64 << 10;

pub(super) async fn tag(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Name(module): Name,
    body: Body,
) -> Answer {
    let Tag { tag } = read_json(body, SMALL).await?;
    let on = format!("{module} {tag}");
    let tag = move |engine: &Arc<Engine>, by: &str| engine.tag_module(&module, &tag, by);
    Ok(ok(&change(shared, caller, "module.tag", on, tag).await?))
}

pub(super) async fn remove(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Name(module): Name,
) -> Answer {
    let on = module.clone();
    let remove = move |engine: &Arc<Engine>, _: &str| engine.remove_module(&module);
    Ok(ok(&change(shared, caller, "module.remove", on, remove).await?))
}

/// Carries a change out, and writes down who made it and how it ended.
pub(super) async fn change<T: Send + 'static>(
    shared: Shared,
    caller: Caller,
    what: &'static str,
    on: String,
    work: impl FnOnce(&Arc<Engine>, &str) -> Result<T, ControlError> + Send + 'static,
) -> Result<T, ApiError> {
    blocking(move || {
        let done = work(&shared.engine, &caller.name);
        note(&shared, &caller, what, &on, &done);
        done
    })
    .await
}

/// Writes a change down, with how it ended.
pub(super) fn note<T>(shared: &Shared, caller: &Caller, what: &str, on: &str, done: &Result<T, ControlError>) {
    let error = done.as_ref().err().map(|error| error as &dyn Coded);
    shared.engine.audit().note(&caller.name, what, on, error);
}
