//! One connection: bytes as they come, whole rows to the intake at once.
//!
//! Reading waits for room, so that a client that sends faster than the job computes is slowed down by TCP. Invariant: what is not a
//! whole row when the connection ends is dropped, counted and told.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use pelton_core::job::StreamSpec;
use tokio::net::TcpStream;

use super::{intake::Intake, piece::Pieces, receiver::Stop};
use crate::source::file::cut::{Cutter, Take};

/// Bytes that are read at once, and that are set aside for each connection.
const BLOCK_BYTES: usize = 64 << 10;

/// What the connections of a source share.
#[derive(Clone)]
pub(super) struct Connection {
    source: Arc<str>,
    rows: Arc<StreamSpec>,
    intake: Intake,
    /// Connections that ended within a row.
    torn: Arc<AtomicU64>,
}

/// Why a connection was left.
#[derive(Debug)]
pub(super) enum End {
    Closed,
    Failed(io::Error),
    /// What it sends cannot be cut into rows, for this reason.
    Unreadable(String),
    Stopped,
}

impl Connection {
    pub(super) fn new(source: &Arc<str>, rows: &StreamSpec, intake: Intake) -> Self {
        Self { source: Arc::clone(source), rows: Arc::new(rows.clone()), intake, torn: Arc::default() }
    }

    /// How the source is called.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Reads a connection to its end.
    pub(super) async fn read(&self, stream: &TcpStream, peer: SocketAddr, stop: &mut Stop) -> End {
        let cutter = Cutter::new(self.rows.format.clone(), BLOCK_BYTES, self.rows.max_row_bytes);
        let mut pieces = Pieces::new(cutter);
        let end = self.rows(stream, &mut pieces, stop).await;
        let rest = pieces.held().len();
        if rest > 0 {
            let torn = self.torn.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::warn!(source = &*self.source, %peer, bytes = rest, torn, "a connection ended within a row, which is dropped");
        }
        match &end {
            End::Closed => tracing::info!(source = &*self.source, %peer, "a connection ended"),
            End::Failed(error) => tracing::warn!(source = &*self.source, %peer, %error, "a connection failed"),
            End::Unreadable(reason) => tracing::warn!(source = &*self.source, %peer, %reason, "a connection is left"),
            End::Stopped => {}
        }
        end
    }

    /// A stop does not come between what was read and its being handed over.
    async fn rows(&self, stream: &TcpStream, pieces: &mut Pieces, stop: &mut Stop) -> End {
        let mut block = vec![0; BLOCK_BYTES];
        loop {
            let readable = tokio::select! {
                readable = stream.readable() => readable,
                _ = stop.requested() => return End::Stopped,
            };
            let count = match readable.and_then(|()| stream.try_read(&mut block)) {
                Ok(0) => return End::Closed,
                Ok(count) => count,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                    continue;
                }
                Err(error) => return End::Failed(error),
            };
            pieces.held().extend_from_slice(block.get(..count).unwrap_or_default());
            loop {
                match pieces.take(Take::Whole) {
                    Ok(Some(piece)) => {
                        let room = self.intake.room_or_end(piece.bytes.len(), stop).await;
                        // Nobody is told: a socket has no answers.
                        drop(self.intake.hand(vec![piece], room));
                    }
                    Ok(None) => break,
                    Err(reason) => return End::Unreadable(reason),
                }
            }
        }
    }
}
