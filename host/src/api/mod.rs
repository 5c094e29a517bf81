//! The engine's HTTP interface: REST and JSON, metrics, a page.
//!
//! ```text
//!  request ─► guard (host, token, role) ─► handler ─► engine, on a thread that may block
//!                                             └─► audit, if it changes something
//! ```
//!
//! Called by `pelton serve`. The routes stand in one table ([`routes`]), from which the router and the OpenAPI document are made.
//! Invariant: no route is reached without the role that the table names, and every error is JSON with a code.

mod answer;
mod guard;
mod jobs;
mod letters;
mod listen;
mod metrics;
mod modules;
mod openapi;
mod replay;
mod routes;
mod savepoints;
mod state;
mod swap;
mod trace;

use std::{future::Future, sync::Arc, time::Duration};

use axum_server::{Handle, tls_rustls::RustlsAcceptor};
use hyper_util::rt::TokioTimer;

use crate::control::{ControlError, Engine, tokens::Door};

pub use listen::{ListenError, Listener, TlsFiles, listen};

/// A connection on which the head of a request takes longer is closed; so is one that rests so long between two requests.
const HEAD_PATIENCE: Duration = Duration::from_secs(15);

/// What handlers share.
#[derive(Clone)]
struct Shared {
    engine: Arc<Engine>,
    door: Door,
}

/// Answers requests until `stop` is done, and those then to the end that have begun.
pub async fn serve(
    engine: Arc<Engine>,
    listener: Listener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let Listener { socket, tls, door } = listener;
    let handle = Handle::new();
    let ending = handle.clone();
    tokio::spawn(async move {
        stop.await;
        ending.graceful_shutdown(None);
    });
    let app = routes::router(Shared { engine, door }).into_make_service();
    let mut server = axum_server::from_tcp(socket)?.http1_only().handle(handle);
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
    let Some(tls) = tls else { return server.serve(app).await };
    let server = server.acceptor(RustlsAcceptor::new(tls.config.clone()));
    tokio::select! {
        ended = server.serve(app) => ended,
        () = tls.renew() => Ok(()),
    }
}

/// Does what may block on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ControlError> + Send + 'static,
) -> Result<T, answer::ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(answer::ApiError::from),
        // It panicked, which was logged.
        Err(_) => Err(answer::ApiError::Internal),
    }
}
