//! Asks what its rows say, whatever that is: the tests' enrich operator.
//!
//! Built with the SDK; `tests/enrich` runs it in the host, and the SDK's `tests/component.rs` looks at its exports.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Line<'a> {
    id: i64,
    path: &'a str,
}

#[derive(Row)]
struct Told {
    /// -1: nothing was asked.
    status: i32,
    said: String,
}

#[derive(Options)]
struct Options {
    #[default("rates".to_owned())]
    endpoint: String,
    /// Of rows whose path begins with it only this is asked: fewer requests, or others.
    #[default(String::new())]
    cut: String,
    /// A header to send.
    header: Option<String>,
    /// A body to send.
    body: Option<String>,
    /// Bytes of a reply that are told.
    #[default(60)]
    bytes: usize,
}

struct Asker;

/// What the endpoint answers to the path of each row; rows without a path ask nothing, `/trap…` is answered by a trap.
#[enrich(drop = ["path"])]
impl Asker {
    fn ask(line: Line<'_>, options: &Options) -> Option<Request> {
        if line.path.is_empty() {
            return None;
        }
        let is_cut = !options.cut.is_empty() && line.path.starts_with(&options.cut);
        let path = if is_cut { options.cut.as_str() } else { line.path };
        let request = match &options.body {
            Some(body) => Request::post(&options.endpoint, path, body.as_bytes()),
            None => Request::get(&options.endpoint, path),
        };
        Some(match &options.header {
            Some(header) => request.header(header, "from-a-module"),
            None => request,
        })
    }

    fn answer(line: Line<'_>, reply: Option<&Reply>, options: &Options) -> Result<Told, String> {
        let Some(reply) = reply else { return Ok(Told { status: -1, said: String::new() }) };
        assert!(!line.path.starts_with("/trap"), "row {} traps", line.id);
        if let Some(error) = reply.error() {
            return Ok(Told { status: 0, said: error.to_owned() });
        }
        if reply.body() == b"not yet" {
            return Err(reply.again(format!("row {} has to wait", line.id)));
        }
        if reply.status() == 404 {
            return Err(format!("there is no {}", line.path));
        }
        let body = reply.body().get(..options.bytes).unwrap_or(reply.body());
        Ok(Told { status: i32::from(reply.status()), said: String::from_utf8_lossy(body).into_owned() })
    }
}
