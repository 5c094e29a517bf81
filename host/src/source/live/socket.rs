//! The `socket` source: rows over TCP, from a server that it connects to, or from clients that connect to it.
//!
//! TCP has no receipts: what a peer had sent when this process dies and what was not in the log yet is lost, and the peer does not know. Use
//! `http` where that matters. Invariant: a lost connection is opened again, after delays that grow and differ.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use pelton_core::{
    hash,
    restart::{RestartSpec, Restarts},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    lines::Connection,
    listen::{Bounded, Client},
    receiver::Stop,
};
use crate::clock;

/// How long a connection may take to be opened.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Before it is opened again for the first time.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// A connection that held for longer was a good one: delays begin anew after it.
const GOOD_TIME: Duration = Duration::from_secs(1);

/// Takes rows from clients until it is stopped.
pub(super) async fn serve(listener: TcpListener, connections: usize, connection: Connection, mut stop: Stop) {
    let clients = Bounded::new(listener, connections);
    let mut readers = JoinSet::new();
    loop {
        let (client, peer): (_, SocketAddr) = tokio::select! {
            client = clients.next() => client,
            _ = stop.requested() => break,
        };
        tracing::info!(source = connection.source(), %peer, "a client has come");
        readers.spawn(read(connection.clone(), client, peer, stop.clone()));
        // Those that have ended are forgotten.
        while readers.try_join_next().is_some() {}
    }
    while readers.join_next().await.is_some() {}
}

/// Reads a client to its end, and holds its place among the clients for so long.
async fn read(connection: Connection, client: Client, peer: SocketAddr, mut stop: Stop) {
    connection.read(&client.stream, peer, &mut stop).await;
}

/// Takes rows from a server until it is stopped, and goes there again when the connection is lost.
pub(super) async fn connect(address: String, max_delay: Duration, connection: Connection, mut stop: Stop) {
    let mut delays = Restarts::new(RestartSpec::Exponential {
        initial: FIRST_DELAY,
        most: max_delay,
        multiplier: 2.0,
        jitter: 0.25,
        quiet: GOOD_TIME,
    });
    let begun = Instant::now();
    loop {
        let opened = tokio::select! {
            opened = timeout(CONNECT_TIME, TcpStream::connect(&address)) => opened,
            _ = stop.requested() => return,
        };
        match opened {
            Ok(Ok(stream)) => {
                if let Ok(peer) = stream.peer_addr() {
                    tracing::info!(source = connection.source(), %peer, "connected");
                    connection.read(&stream, peer, &mut stop).await;
                }
            }
            Ok(Err(error)) => tracing::warn!(source = connection.source(), %error, "failed to connect"),
            Err(_) => tracing::warn!(source = connection.source(), "failed to connect: nobody answers"),
        }
        let delay = delays.failed(begun.elapsed(), chance()).unwrap_or(max_delay);
        tokio::select! {
            () = sleep(delay) => {}
            _ = stop.requested() => return,
        }
    }
}

/// A number between 0 and 1 that sources which lost the same server do not share.
fn chance() -> f64 {
    let word = hash::combine(u64::from(std::process::id()), clock::now_us().unsigned_abs());
    (word >> 11) as f64 / (1_u64 << 53) as f64
}
