//! Every route of the engine, in one table: method, path, who may, what it takes, what it does.
//!
//! The router is made from it, and the OpenAPI document. What is not in the table does not exist.

use axum::{
    Router,
    extract::{Request, State},
    handler::Handler,
    http::{Method, header},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{MethodFilter, MethodRouter, on},
};
use serde_json::json;

use super::{
    Shared,
    answer::{ApiError, ok},
    guard::{Needs, guard},
    jobs, letters, metrics, modules, openapi, replay, savepoints, state, swap, trace,
};
use crate::control::tokens::Role;

/// What a request brings, for the OpenAPI document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    /// A JSON object; by the name of its schema.
    Json(&'static str),
    /// Of this kind.
    Bytes(&'static str),
}

/// What an answer is, for the OpenAPI document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    /// By the name of its schema.
    Json(&'static str),
    Text(&'static str),
    Bytes,
}

pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) needs: Needs,
    pub(super) summary: &'static str,
    /// What may stand behind `?`: name and meaning.
    pub(super) query: &'static [(&'static str, &'static str)],
    pub(super) takes: Takes,
    pub(super) gives: Gives,
    handler: MethodRouter<Shared>,
}

impl Route {
    fn new<H, T>(method: Method, path: &'static str, needs: Needs, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Shared>,
        T: 'static,
    {
        let filter = match method {
            Method::POST => MethodFilter::POST,
            Method::DELETE => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        };
        let handler = on(filter, handler);
        Self { method, path, needs, summary, query: &[], takes: Takes::Nothing, gives: Gives::Json("object"), handler }
    }

    fn query(self, query: &'static [(&'static str, &'static str)]) -> Self {
        Self { query, ..self }
    }

    fn takes(self, takes: Takes) -> Self {
        Self { takes, ..self }
    }

    fn gives(self, gives: Gives) -> Self {
        Self { gives, ..self }
    }
}

/// The table. Changes take the role operate, removals admin.
pub(super) fn table() -> Vec<Route> {
    let (read, operate, admin) = (Some(Role::Read), Some(Role::Operate), Some(Role::Admin));
    let get = |path, needs, summary| (Method::GET, path, needs, summary);
    macro_rules! route {
        ($head:expr, $handler:expr) => {{
            let (method, path, needs, summary) = $head;
            Route::new(method, path, needs, summary, $handler)
        }};
    }
    let post = |path, needs, summary| (Method::POST, path, needs, summary);
    let delete = |path, needs, summary| (Method::DELETE, path, needs, summary);
    let (module, modules_, job, jobs_) =
        (Gives::Json("Module"), Gives::Json("Modules"), Gives::Json("Job"), Gives::Json("Jobs"));
    vec![
        route!(get("/", None, "A page that shows the jobs"), page).gives(Gives::Text("text/html")),
        route!(get("/ping", None, "Whether the engine answers"), ping),
        route!(get("/ready", None, "Whether its jobs are loaded"), ready),
        route!(get("/openapi.json", None, "This document"), openapi::document),
        route!(get("/metrics", read, "Figures for Prometheus"), metrics::metrics).gives(Gives::Text("text/plain")),
        route!(get("/v1/modules", read, "The registry's modules"), modules::list).gives(modules_),
        route!(post("/v1/modules", operate, "Push a module"), modules::push)
            .query(&[("tag", "its name, as in `to-euro@1.2.0`"), ("digest", "its BLAKE3, which is compared")])
            .takes(Takes::Bytes("application/wasm"))
            .gives(module),
        route!(get("/v1/modules/{module}", read, "What a module is"), modules::show).gives(module),
        route!(get("/v1/modules/{module}/content", read, "A module's bytes"), modules::pull).gives(Gives::Bytes),
        route!(post("/v1/modules/{module}/tags", operate, "Give a module one more name"), modules::tag)
            .takes(Takes::Json("Tag"))
            .gives(module),
        route!(delete("/v1/modules/{module}", admin, "Remove a module or one of its tags"), modules::remove)
            .gives(module),
        route!(get("/v1/jobs", read, "The jobs and what they do"), jobs::list).gives(jobs_),
        route!(post("/v1/jobs", operate, "Submit a job"), jobs::submit).takes(Takes::Json("Submission")).gives(job),
        route!(post("/v1/apply", operate, "Put a job file in the place of the one that its job has"), jobs::apply)
            .takes(Takes::Json("Apply"))
            .gives(Gives::Json("Applied")),
        route!(get("/v1/jobs/{job}", read, "What a job does"), jobs::show).gives(job),
        route!(delete("/v1/jobs/{job}", admin, "Forget a job that rests"), jobs::remove),
        route!(post("/v1/jobs/{job}/pause", operate, "Have a job commit and rest until it is resumed"), jobs::pause)
            .gives(job),
        route!(post("/v1/jobs/{job}/resume", operate, "Let a job go on that rests"), jobs::resume).gives(job),
        route!(post("/v1/jobs/{job}/stop", operate, "Have a job commit and end"), jobs::stop).gives(job),
        route!(post("/v1/jobs/{job}/drain", operate, "Have a job close its windows and finish"), jobs::drain)
            .gives(job),
        route!(post("/v1/jobs/{job}/swap", operate, "Put another module into an operator's place"), swap::swap)
            .takes(Takes::Json("Swap"))
            .gives(Gives::Json("Changed")),
        route!(
            post("/v1/jobs/{job}/promote", operate, "Have a shadow or a canary take its operator's place"),
            swap::promote
        )
        .takes(Takes::Json("Promote"))
        .gives(Gives::Json("Changed")),
        route!(post("/v1/jobs/{job}/rollback", operate, "Take the last change of a job back"), swap::rollback)
            .gives(Gives::Json("Changed")),
        route!(get("/v1/jobs/{job}/shadows", read, "What the shadows and canaries of a job have shown"), swap::shadows)
            .gives(Gives::Json("Shadows")),
        route!(post("/v1/jobs/{job}/replay", operate, "Compute a committed epoch again"), replay::replay)
            .takes(Takes::Json("Replay"))
            .gives(Gives::Json("Replayed")),
        route!(post("/v1/jobs/{job}/verify", operate, "Compute committed epochs again, and compare"), replay::verify)
            .takes(Takes::Json("Verify"))
            .gives(Gives::Json("Verified")),
        route!(post("/v1/jobs/{job}/bundle", operate, "Put a committed epoch into one file"), replay::bundle)
            .takes(Takes::Json("Bundle"))
            .gives(Gives::Text("application/zstd")),
        route!(post("/v1/jobs/{job}/trace", operate, "Follow a row of a sink back to where it was read"), trace::trace)
            .takes(Takes::Json("Trace"))
            .gives(Gives::Json("Traced")),
        route!(get("/v1/jobs/{job}/revisions", read, "What a job was and is"), jobs::revisions)
            .gives(Gives::Json("Revisions")),
        route!(get("/v1/jobs/{job}/tap", read, "Rows that leave an output at the moment"), jobs::tap)
            .query(&[
                ("output", "as inputs name it: an operator, a source, or `operator.port`"),
                ("rows", "so many at most; 10 unless said otherwise, 1,000 at most"),
                ("wait_ms", "so long they are waited for; a second unless said otherwise, 30 at most"),
                ("gather_ms", "so long more are waited for once one has come; all of `wait_ms` unless said otherwise"),
            ])
            .gives(Gives::Json("Rows")),
        route!(get("/v1/jobs/{job}/state", read, "The operators of a job that keep state"), state::list)
            .gives(Gives::Json("StateTables")),
        route!(get("/v1/jobs/{job}/state/{operator}", read, "State of an operator, as it was saved last"), state::rows)
            .query(&[
                ("key", "values of the first key columns: a JSON array of texts and nulls; without it every key"),
                ("prefix", "how the text in the key column after those begins"),
                ("table", "one of the operator's tables; of a whole key all of them without it"),
                ("one", "true: one key is meant, and less than all of its values is refused"),
                ("limit", "so many rows of each table; 100 unless said otherwise, 10,000 at most"),
            ])
            .gives(Gives::Json("StateRows")),
        route!(
            post("/v1/jobs/{job}/state/{operator}", operate, "State of an operator after any epoch that is kept"),
            state::compute
        )
        .takes(Takes::Json("StateQuestion"))
        .gives(Gives::Json("StateRows")),
        route!(
            get("/v1/jobs/{job}/state/{operator}/export", read, "A table of an operator's state as a file"),
            state::export
        )
        .query(&[
            ("format", "parquet, or arrow"),
            ("table", "one of the operator's tables"),
            ("key", "values of the first key columns: a JSON array of texts and nulls"),
            ("prefix", "how the text in the key column after those begins"),
        ])
        .gives(Gives::Text("application/vnd.apache.parquet")),
        route!(get("/v1/jobs/{job}/savepoints", read, "The savepoints of a job"), savepoints::list)
            .gives(Gives::Json("Savepoints")),
        route!(post("/v1/jobs/{job}/savepoints", operate, "Keep an epoch of a job by a name"), savepoints::create)
            .takes(Takes::Json("NewSavepoint"))
            .gives(Gives::Json("Savepoint")),
        route!(get("/v1/jobs/{job}/savepoints/{savepoint}", read, "What is in a savepoint"), savepoints::show)
            .gives(Gives::Json("Savepoint")),
        route!(delete("/v1/jobs/{job}/savepoints/{savepoint}", admin, "Remove a savepoint"), savepoints::remove),
        route!(get("/v1/jobs/{job}/savepoints/{savepoint}/file", read, "A savepoint as a file"), savepoints::file)
            .gives(Gives::Text("application/zstd")),
        route!(
            post("/v1/jobs/{job}/savepoints/{savepoint}/file", operate, "Take the file of a savepoint"),
            savepoints::import
        )
        .takes(Takes::Bytes("application/zstd"))
        .gives(Gives::Json("Savepoint")),
        route!(
            post(
                "/v1/jobs/{job}/savepoints/{savepoint}/restore",
                admin,
                "Have a job that rests go on from a savepoint"
            ),
            savepoints::restore
        )
        .takes(Takes::Json("Restore"))
        .gives(Gives::Json("Restored")),
        route!(get("/v1/jobs/{job}/logs", read, "The last lines of a job's log"), jobs::logs)
            .query(&[
                ("after", "lines whose number is larger; without it the last ones"),
                ("level", "trace, debug, info, warn or error: lines of it and above"),
                ("limit", "so many at most"),
            ])
            .gives(Gives::Json("Logs")),
        route!(get("/v1/jobs/{job}/letters", read, "The dead letters of a job, the oldest first"), letters::list)
            .query(&[("operator", "those of this operator"), ("limit", "so many at most")])
            .gives(Gives::Json("Letters")),
        route!(get("/v1/jobs/{job}/letters/{letter}", read, "All that is known of a dead letter"), letters::show)
            .gives(Gives::Json("Letter")),
        route!(
            post("/v1/jobs/{job}/letters/replay", operate, "Have dead letters go into their operators again"),
            letters::replay
        )
        .takes(Takes::Json("ChosenLetters"))
        .gives(Gives::Json("AskedLetters")),
        route!(
            post(
                "/v1/jobs/{job}/letters/dry-run",
                operate,
                "What operators, or another module, would make of dead letters"
            ),
            letters::dry_run
        )
        .takes(Takes::Json("TriedLetters"))
        .gives(Gives::Json("LetterTrials")),
        route!(post("/v1/jobs/{job}/letters/discard", operate, "Have dead letters forgotten"), letters::discard)
            .takes(Takes::Json("ChosenLetters"))
            .gives(Gives::Json("AskedLetters")),
    ]
}

pub(super) fn router(shared: Shared) -> Router {
    let mut router = Router::new();
    for route in table() {
        let guarded = route.handler.route_layer(from_fn_with_state((shared.clone(), route.needs), guard));
        router = router.route(route.path, guarded);
    }
    // A path that does not exist tells nobody more than one that does.
    let nothing = from_fn_with_state((shared.clone(), Some(Role::Read)), guard);
    let elsewhere = axum::routing::any(no_route).layer::<_, std::convert::Infallible>(nothing);
    router
        .fallback_service(elsewhere.with_state(shared.clone()))
        .method_not_allowed_fallback(no_method)
        .with_state(shared)
}

async fn no_route(request: Request) -> ApiError {
    ApiError::NoRoute(request.uri().path().chars().take(200).collect())
}

async fn no_method(request: Request) -> ApiError {
    ApiError::NoMethod(request.uri().path().chars().take(200).collect())
}

/// What browsers get.
async fn page() -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, policy)];
    (headers, include_str!("page.html")).into_response()
}

async fn ping() -> Response {
    ok(&json!({ "pelton": env!("CARGO_PKG_VERSION") }))
}

/// The engine listens only after its jobs have been loaded.
async fn ready(State(shared): State<Shared>) -> Response {
    ok(&json!({ "jobs": shared.engine.jobs().len() }))
}
