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
mod metrics;
mod modules;
mod openapi;
mod replay;
mod routes;
mod swap;

use std::{future::Future, net::SocketAddr, sync::Arc};

use axum::Router;
use tokio::net::TcpListener;

use crate::{
    control::{ControlError, Engine},
    error::{Code, Coded},
};

/// What handlers share.
#[derive(Clone)]
struct Shared {
    engine: Arc<Engine>,
}

/// Why the engine cannot be reached where it was told to be.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("the engine does not listen on {0}, which others can reach")]
    NotLoopback(SocketAddr),
    #[error("failed to listen on {address}")]
    Bind { address: SocketAddr, source: std::io::Error },
}

impl Coded for ListenError {
    fn code(&self) -> Code {
        Code::ListenRefused
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::NotLoopback(_) => {
                "listen on 127.0.0.1 or [::1], make tokens, and let a proxy with TLS or a tunnel lead there".into()
            }
            Self::Bind { .. } => "choose another port: `--listen 127.0.0.1:PORT`".into(),
        })
    }
}

/// Takes the address, which must be this machine's own: there is no TLS here.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    if !address.ip().is_loopback() {
        return Err(ListenError::NotLoopback(address));
    }
    TcpListener::bind(address).await.map_err(|source| ListenError::Bind { address, source })
}

/// Answers requests until `stop` is done, and those then to the end that have begun.
pub async fn serve(
    engine: Arc<Engine>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(engine)).with_graceful_shutdown(stop).await
}

fn router(engine: Arc<Engine>) -> Router {
    routes::router(Shared { engine })
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
