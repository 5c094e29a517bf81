//! Listening: addresses, and no more clients at one time than may be.
//!
//! A listener is bound when the run begins, so that a port in use ends it with an error that names the port. Clients beyond the
//! bound wait in the system's queue until others have gone.

use std::{
    io,
    net::{SocketAddr, TcpListener as Bound},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

use crate::source::SourceError;

/// How long to wait when the system has no descriptors left.
const PAUSE: Duration = Duration::from_millis(200);

/// Takes an address.
pub(super) fn bind(address: SocketAddr) -> Result<Bound, SourceError> {
    let failed = |source| SourceError::Listen { address, source };
    let bound = Bound::bind(address).map_err(failed)?;
    bound.set_nonblocking(true).map_err(failed)?;
    tracing::info!(%address, "a source listens");
    Ok(bound)
}

/// The same within a runtime.
pub(super) fn adopt(bound: Bound) -> Result<TcpListener, SourceError> {
    let action = "listen on";
    let file = bound.local_addr().map_or_else(|_| "a port".to_owned(), |address| address.to_string());
    TcpListener::from_std(bound).map_err(|source| SourceError::Io { action, file, source })
}

/// Accepts so many clients at one time.
pub(super) struct Bounded {
    listener: TcpListener,
    slots: Arc<Semaphore>,
}

/// A connection that holds one of the places.
pub(super) struct Client {
    pub(super) stream: TcpStream,
    _slot: OwnedSemaphorePermit,
}

impl Bounded {
    pub(super) fn new(listener: TcpListener, connections: usize) -> Self {
        Self { listener, slots: Arc::new(Semaphore::new(connections)) }
    }

    pub(super) async fn next(&self) -> (Client, SocketAddr) {
        let slot = Arc::clone(&self.slots).acquire_owned().await.expect("the semaphore is never closed");
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    // Answers are small, and somebody waits for them.
                    let _ = stream.set_nodelay(true);
                    return (Client { stream, _slot: slot }, address);
                }
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a client");
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

impl axum::serve::Listener for Bounded {
    type Io = Client;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Client, SocketAddr) {
        self.next().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl AsyncRead for Client {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, space: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, space)
    }
}

impl AsyncWrite for Client {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
