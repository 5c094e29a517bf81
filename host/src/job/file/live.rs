//! `[source.NAME]` of sources whose rows come once: `stdin`, `socket`, `http`.
//!
//! Addresses are checked here, so that nothing listens where others can reach it unless the job file says so.

use std::{net::SocketAddr, time::Duration};

use pelton_core::job::{HttpSpec, ListenSpec, Peer, SocketSpec, StreamSpec};

use super::{format, reader::Reader, source};

const CONNECTIONS_DEFAULT: usize = 256;
const BUFFER_BYTES_DEFAULT: usize = 64 << 20;
const BODY_BYTES_DEFAULT: usize = 8 << 20;
const MAX_DELAY_DEFAULT: Duration = Duration::from_secs(30);

/// How the bytes become rows. None: something was reported.
pub fn rows(at: &Reader<'_>) -> Option<StreamSpec> {
    let format = format::read(at, None);
    let schema = source::schema(at);
    let max_row_bytes = source::max_row_bytes(at);
    Some(StreamSpec { format: format?, schema, max_row_bytes })
}

/// Rows over TCP.
pub fn socket(at: &Reader<'_>) -> Option<SocketSpec> {
    let rows = rows(at);
    let buffer_bytes = bytes(at, "buffer", BUFFER_BYTES_DEFAULT);
    let (connect, listen) = (at.text("connect"), at.text("listen"));
    let max_delay = at.duration("max-delay").unwrap_or(MAX_DELAY_DEFAULT);
    let is_exposed = at.boolean("expose").unwrap_or(false);
    let connections = connections(at);
    let peer = match (connect, listen) {
        (Some(address), None) => Peer::Server { address: server(at, address)?, max_delay },
        (None, Some(address)) => Peer::Clients(ListenSpec { address: own(at, address, is_exposed)?, connections }),
        (Some(_), Some(_)) => {
            let message = format!("`{}` and `connect` exclude each other", at.place("listen"));
            let help = "a source connects to a server, or waits for clients";
            at.wrong(at.span("listen"), message, "leave out this or `connect`", help);
            return None;
        }
        (None, None) => {
            if !at.has("connect") && !at.has("listen") {
                at.missing_one("connect", "listen");
            }
            return None;
        }
    };
    Some(SocketSpec { rows: rows?, peer, buffer_bytes })
}

/// Rows in POST requests.
pub fn http(at: &Reader<'_>) -> Option<HttpSpec> {
    let rows = rows(at);
    let token_file = at.text("token-file").map(str::to_owned);
    let is_exposed = at.boolean("expose").unwrap_or(false);
    let max_body_bytes = bytes(at, "max-body", BODY_BYTES_DEFAULT);
    let buffer_bytes = bytes(at, "buffer", BUFFER_BYTES_DEFAULT);
    let connections = connections(at);
    if is_exposed && !at.has("token-file") {
        let message = format!("`{}` needs a `token-file`", at.place("expose"));
        at.wrong(at.span("expose"), message, "everybody could send rows", "name a file with a token of your choice");
    }
    if max_body_bytes > buffer_bytes {
        let message = format!("`{}` is smaller than the largest body", at.place("buffer"));
        let span = at.span(if at.has("buffer") { "buffer" } else { "max-body" });
        at.wrong(span, message, "no such body would ever have room", "set a larger `buffer`, or a smaller `max-body`");
    }
    let address = own(at, at.text("listen")?, is_exposed)?;
    let listen = ListenSpec { address, connections };
    Some(HttpSpec { rows: rows?, listen, token_file, max_body_bytes, buffer_bytes })
}

fn bytes(at: &Reader<'_>, key: &str, default: usize) -> usize {
    at.size(key).and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(default)
}

fn connections(at: &Reader<'_>) -> usize {
    at.integer("connections").and_then(|count| usize::try_from(count).ok()).unwrap_or(CONNECTIONS_DEFAULT)
}

/// `HOST:PORT` of another machine, or this one.
fn server(at: &Reader<'_>, address: &str) -> Option<String> {
    let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
    if let Some(Ok(1..)) = port {
        return Some(address.to_owned());
    }
    let message = format!("`{}` is no address", at.place("connect"));
    at.wrong(
        at.span("connect"),
        message,
        "this has no host, or no port",
        "an address is `HOST:PORT`, as in \"localhost:9999\"",
    );
    None
}

/// An address of this machine, which others reach only if the job file says so.
fn own(at: &Reader<'_>, address: &str, is_exposed: bool) -> Option<SocketAddr> {
    let Ok(parsed) = address.parse::<SocketAddr>() else {
        let message = format!("`{}` is no address of this machine", at.place("listen"));
        let help = "an address is `IP:PORT`, as in \"127.0.0.1:9999\" or \"[::1]:9999\"";
        at.wrong(at.span("listen"), message, "not an IP address with a port", help);
        return None;
    };
    if !parsed.ip().is_loopback() && !is_exposed {
        let message = format!("`{}` is an address that other machines reach", at.place("listen"));
        let help = "listen on 127.0.0.1 or [::1], or say `expose = true` if that is what you want";
        at.wrong(at.span("listen"), message, "not this machine alone", help);
        return None;
    }
    Some(parsed)
}
