//! The endpoints of a case: a server on loopback for each file `NAME.replies.jsonl`, which answers by its lines.
//!
//! ```text
//! {"path":"/latest/USD","body":"0.5"}                                                   GET, status 200
//! {"method":"POST","path":"/count","sends":"a b","status":201,"headers":{"x-of":"2"},"body":"2"}
//! {"path":"/away","fails":true}                                                         no answer comes
//! ```
//!
//! Lines of one request answer it one after the other, the last of them for ever. So the module's requests go the whole way: through the
//! checks of what it may ask, over HTTP, and back.

use std::{
    collections::BTreeMap,
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Response, StatusCode},
};
use serde::Deserialize;
use tokio::sync::oneshot;

/// What a module may send in these tests.
const SENT_BYTES_MAX: usize = 16 << 20;

/// A line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default = "get")]
    method: String,
    path: String,
    /// The body of the request; of any, if none is said.
    sends: Option<String>,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    /// The connection ends within the reply.
    #[serde(default)]
    fails: bool,
}

fn get() -> String {
    "GET".to_owned()
}

fn ok() -> u16 {
    200
}

/// The servers of a case; they end with it.
#[derive(Debug, Default)]
pub struct Endpoints {
    pub running: Vec<Endpoint>,
}

#[derive(Debug)]
pub struct Endpoint {
    pub name: String,
    pub address: SocketAddr,
    lines: Arc<Lines>,
    /// Ends the server when it is dropped.
    _stop: oneshot::Sender<()>,
}

#[derive(Debug)]
struct Lines {
    lines: Vec<Line>,
    asked: Mutex<Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    /// How often each line has answered.
    answered: Vec<usize>,
    /// What no line answers.
    unknown: Vec<String>,
}

impl Endpoints {
    /// Starts a server for each file of `dir` that has replies. The error says what is wrong with one.
    pub fn start(dir: &Path) -> Result<Self, String> {
        let said = |error: io::Error| error.to_string();
        let mut names = Vec::new();
        for entry in fs::read_dir(dir).map_err(said)? {
            let file = entry.map_err(said)?.file_name();
            names.extend(file.to_str().and_then(|file| file.strip_suffix(REPLIES)).map(str::to_owned));
        }
        names.sort();
        let running = names.into_iter().map(|name| {
            let file = format!("{name}{REPLIES}");
            let text = fs::read_to_string(dir.join(&file)).map_err(said)?;
            let lines = parse(&text).map_err(|why| format!("{file}, {why}"))?;
            Endpoint::start(name, lines).map_err(said)
        });
        Ok(Self { running: running.collect::<Result<_, String>>()? })
    }

    /// What was asked that no file answers, for each request the first time.
    pub fn unanswered(&self) -> Option<String> {
        let unknown = self.running.iter().find_map(|endpoint| {
            let request = endpoint.lines.asked().unknown.first()?.clone();
            Some((&endpoint.name, request))
        });
        unknown.map(|(name, request)| format!("the module asks `{name}` for {request}, which {name}{REPLIES} has not"))
    }
}

const REPLIES: &str = ".replies.jsonl";

fn parse(text: &str) -> Result<Vec<Line>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, text)| {
            let wrong = |why: String| format!("line {}: {why}", at + 1);
            let line: Line = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
            let is_header = |(name, value): (&String, &String)| {
                HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_str(value).is_ok()
            };
            if StatusCode::from_u16(line.status).is_err() {
                return Err(wrong(format!("{} is no status", line.status)));
            }
            if !line.path.starts_with('/') {
                return Err(wrong("a path begins with `/`".to_owned()));
            }
            if let Some((name, _)) = line.headers.iter().find(|header| !is_header(*header)) {
                return Err(wrong(format!("`{name}` is no header")));
            }
            Ok(line)
        })
        .collect()
}

impl Endpoint {
    fn start(name: String, lines: Vec<Line>) -> io::Result<Self> {
        let asked = Mutex::new(Asked { answered: vec![0; lines.len()], unknown: Vec::new() });
        let lines = Arc::new(Lines { lines, asked });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&lines));
        thread::Builder::new().name("case-endpoint".to_owned()).spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                tokio::select! {
                    served = axum::serve(listener, router).into_future() => served,
                    _ = stopped => Ok(()),
                }
            })
        })?;
        Ok(Self { name, address, lines, _stop: stop })
    }
}

impl Lines {
    fn asked(&self) -> std::sync::MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The line for a request: of several the first that has not answered, or the last.
    fn line(&self, method: &str, path: &str, body: &[u8]) -> Option<Line> {
        let mut asked = self.asked();
        let is_it = |line: &Line| {
            line.method == method
                && line.path == path
                && line.sends.as_ref().is_none_or(|sends| sends.as_bytes() == body)
        };
        let mut found = None;
        for (line, answered) in self.lines.iter().zip(&mut asked.answered).filter(|(line, _)| is_it(line)) {
            let is_new = *answered == 0;
            found = Some((line, answered));
            if is_new {
                break;
            }
        }
        if let Some((line, answered)) = found {
            *answered += 1;
            return Some(line.clone());
        }
        let sends = if body.is_empty() { String::new() } else { format!(" with `{}`", body.escape_ascii()) };
        asked.unknown.push(format!("{method} {path}{sends}"));
        None
    }
}

async fn answer(State(lines): State<Arc<Lines>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, SENT_BYTES_MAX).await.unwrap_or_default();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let Some(line) = lines.line(parts.method.as_str(), path, &body) else {
        let mut response = Response::new(Body::from("the case has no reply to this"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let body = if line.fails {
        let cut: io::Result<Bytes> = Err(io::ErrorKind::ConnectionAborted.into());
        Body::from_stream(futures_util::stream::iter([cut]))
    } else {
        Body::from(line.body)
    };
    let mut response = Response::new(body);
    // What is no status or header was refused when the file was read.
    *response.status_mut() = StatusCode::from_u16(line.status).unwrap_or_default();
    for (name, value) in &line.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
