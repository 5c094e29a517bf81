//! The `http` source: rows in the bodies of POST requests, answered when they are durable.
//!
//! ```text
//!  POST / ─► token, origin ─► room for the body, or 503 ─► body ─► every row decoded, or 400 ─► intake ─► log ─► 200
//! ```
//!
//! Invariants: a body is taken whole or not at all; whoever got 200 need not send it again. Who got no answer does not know, and may send again.

use std::{
    fs::File,
    io::Read,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use http_body_util::LengthLimitError;
use pelton_core::job::{HttpSpec, OnBadRow, StreamSpec};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    task::spawn_blocking,
    time::{sleep, timeout},
};

use super::{
    intake::{Intake, Room},
    listen::Bounded,
    piece::{Piece, Pieces},
    receiver::Stop,
};
use crate::{
    error::{Code, Coded, to_json},
    source::{
        Decoder, Emit, Range, RangeData, RangeLabel, SourceError,
        file::{
            cut::{Cutter, RUN_BYTES, Take},
            format::RowFormat,
            rows::RowsDecoder,
        },
    },
};

/// A body that takes longer to come is refused.
const BODY_TIME: Duration = Duration::from_secs(30);
/// How long requests that have begun may take when the source stops.
const GRACE: Duration = Duration::from_secs(1);
/// A token's file is not longer.
const TOKEN_BYTES_MAX: u64 = 4096;

/// What requests share.
pub(super) struct Ingest {
    rows: StreamSpec,
    format: Arc<RowFormat>,
    max_body_bytes: usize,
    /// BLAKE3 of the token that requests must have.
    token: Option<blake3::Hash>,
    intake: Intake,
    /// Decoders that are not in use.
    decoders: Mutex<Vec<RowsDecoder>>,
}

/// Why a request is not taken.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("the request needs a token: `Authorization: Bearer …`")]
    Token,
    #[error("there is nothing at this path, but at `/`")]
    Elsewhere,
    #[error("rows come by POST, and not by {0}")]
    Method(String),
    #[error("the request comes from a page of another site: {0}")]
    Foreign(String),
    #[error("the body is encoded as `{0}`")]
    Encoded(String),
    #[error("the body is longer than {0} bytes")]
    TooLarge(usize),
    #[error("the body did not come within {} s", BODY_TIME.as_secs())]
    Slow,
    #[error("the body ended too early")]
    CutOff,
    #[error("{0}")]
    Malformed(String),
    #[error("the source has no room for the rows at the moment")]
    Busy,
    #[error("the rows could not be made durable")]
    Lost,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::Elsewhere => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Foreign(_) => StatusCode::FORBIDDEN,
            Self::Encoded(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::CutOff | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Busy | Self::Lost => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl Coded for Refusal {
    fn code(&self) -> Code {
        match self {
            Self::Token => Code::Unauthorised,
            Self::Foreign(_) => Code::Forbidden,
            Self::TooLarge(_) => Code::TooLarge,
            Self::Elsewhere | Self::Method(_) | Self::Encoded(_) | Self::Slow | Self::CutOff => Code::BadRequest,
            Self::Malformed(_) => Code::BadRow,
            Self::Busy | Self::Lost => Code::SourceBusy,
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::Token => "the job file names the token's file as `token-file`".into(),
            Self::Elsewhere | Self::Method(_) => "send rows by `POST /`".into(),
            Self::Foreign(_) => "pages may send rows only with a token (`token-file`)".into(),
            Self::Encoded(_) => "send the rows as they are".into(),
            Self::TooLarge(_) => "send fewer rows at once, or set a larger `max-body`".into(),
            Self::Slow | Self::CutOff => "send it again".into(),
            Self::Malformed(_) => "no row of the body was taken; mend it and send it again".into(),
            Self::Busy | Self::Lost => "send it again after a pause".into(),
        })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = answer(self.status(), &to_json(&self));
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        if self.status() == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
        }
        response
    }
}

impl Ingest {
    pub(super) fn new(
        spec: &HttpSpec,
        dir: &Path,
        format: Arc<RowFormat>,
        intake: Intake,
    ) -> Result<Arc<Self>, SourceError> {
        let token = spec.token_file.as_ref().map(|file| read_token(&dir.join(file))).transpose()?;
        Ok(Arc::new(Self {
            rows: spec.rows.clone(),
            format,
            max_body_bytes: spec.max_body_bytes,
            token: token.map(|token| blake3::hash(token.as_bytes())),
            intake,
            decoders: Mutex::default(),
        }))
    }

    /// A token that was asked for must be there. Without one, no page of another site that a browser shows may send.
    fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(token) = self.token else {
            return match headers.get(header::ORIGIN) {
                Some(origin) => Err(Refusal::Foreign(origin.to_str().unwrap_or("?").to_owned())),
                None => Ok(()),
            };
        };
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
        match given {
            // Hashes are compared in constant time.
            Some((scheme, given))
                if scheme.eq_ignore_ascii_case("bearer") && blake3::hash(given.trim().as_bytes()) == token =>
            {
                Ok(())
            }
            _ => Err(Refusal::Token),
        }
    }

    /// Room for the body, before any of it is read.
    fn room(&self, headers: &HeaderMap) -> Result<(usize, Room), Refusal> {
        if let Some(encoding) = headers.get(header::CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
            return Err(Refusal::Encoded(encoding.to_str().unwrap_or("?").to_owned()));
        }
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let bytes_max = length.unwrap_or(self.max_body_bytes);
        if bytes_max > self.max_body_bytes {
            return Err(Refusal::TooLarge(self.max_body_bytes));
        }
        self.intake.try_room(bytes_max).map(|room| (bytes_max, room)).ok_or(Refusal::Busy)
    }

    async fn take(self: Arc<Self>, request: Request) -> Result<u64, Refusal> {
        self.admit(request.headers())?;
        let (bytes_max, room) = self.room(request.headers())?;
        let body = body(request.into_body(), bytes_max, self.max_body_bytes).await?;
        let checked = Arc::clone(&self);
        let checked = spawn_blocking(move || checked.check(&body)).await;
        // It panicked, which was logged.
        let (pieces, rows) = checked.map_err(|_| Refusal::Lost)??;
        if !pieces.is_empty() {
            self.intake.hand(pieces, room).await.map_err(|_| Refusal::Lost)?;
        }
        Ok(rows)
    }

    /// Cuts a body into pieces and decodes every row. Answers how many rows there are.
    fn check(&self, body: &Bytes) -> Result<(Vec<Piece>, u64), Refusal> {
        let mut cut = Pieces::new(Cutter::new(self.rows.format.clone(), RUN_BYTES, self.rows.max_row_bytes));
        let mut pieces = Vec::new();
        let newline: &[u8] = if body.is_empty() || body.ends_with(b"\n") { b"" } else { b"\n" };
        for block in body.chunks(RUN_BYTES).chain([newline]) {
            cut.held().extend_from_slice(block);
            while let Some(piece) = cut.take(Take::Whole).map_err(Refusal::Malformed)? {
                if let Some(bad) = piece.rejected.first() {
                    return Err(Refusal::Malformed(bad.reason.clone()));
                }
                pieces.push(piece);
            }
        }
        if !body.is_empty() {
            cut.head(true).map_err(Refusal::Malformed)?;
        }
        if !cut.held().is_empty() {
            return Err(Refusal::Malformed("the last row does not end: a quote is open".to_owned()));
        }
        let rows = self.decode(&mut pieces)?;
        Ok((pieces, rows))
    }

    fn decode(&self, pieces: &mut [Piece]) -> Result<u64, Refusal> {
        let lock = || self.decoders.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().pop();
        let mut decoder = match known {
            Some(decoder) => decoder,
            None => {
                let columns: Vec<String> = self.format.schema().fields().iter().map(|f| f.name().clone()).collect();
                let made = RowsDecoder::new(Arc::clone(&self.format), &columns, OnBadRow::Fail);
                made.map_err(|error| Refusal::Malformed(error.to_string()))?
            }
        };
        let (mut rows, mut offset) = (0, 0);
        for piece in pieces {
            offset += piece.skipped;
            let bytes = piece.bytes.len() as u64;
            let range = Range {
                partition: 0,
                sequence: 0,
                name: Arc::from("the body"),
                bytes,
                label: RangeLabel::Bytes(offset, offset + bytes),
                data: RangeData::Bytes(std::mem::take(piece).into_range(offset)),
            };
            let decoded = decoder.decode(&range, &mut |decoded| {
                rows += decoded.rows.num_rows() as u64;
                Emit::Continue
            });
            decoded.map_err(|error| Refusal::Malformed(error.to_string()))?;
            if let RangeData::Bytes(range) = range.data {
                // What was skipped is not counted: so the rows of many small bodies can share a range.
                *piece = Piece { bytes: range.bytes, names: range.head.names.clone(), ..Piece::default() };
            }
            offset += bytes;
        }
        lock().push(decoder);
        Ok(rows)
    }
}

async fn body(body: Body, bytes_max: usize, max_body_bytes: usize) -> Result<Bytes, Refusal> {
    match timeout(BODY_TIME, to_bytes(body, bytes_max)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => {
            let cause = std::error::Error::source(&error);
            let is_too_large = cause.is_some_and(|cause| cause.is::<LengthLimitError>());
            Err(if is_too_large { Refusal::TooLarge(max_body_bytes) } else { Refusal::CutOff })
        }
        Err(_) => Err(Refusal::Slow),
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

async fn take(State(ingest): State<Arc<Ingest>>, request: Request) -> Response {
    match ingest.take(request).await {
        Ok(rows) => answer(StatusCode::OK, &json!({ "rows": rows })),
        Err(refusal) => {
            tracing::debug!(%refusal, "a request is refused");
            refusal.into_response()
        }
    }
}

/// Answers requests until it is stopped, and those then that have begun.
pub(super) async fn serve(listener: TcpListener, connections: usize, ingest: Arc<Ingest>, stop: Stop) {
    let not_post = |method: Method| async move { Refusal::Method(method.to_string()) };
    let elsewhere = || async { Refusal::Elsewhere };
    let router = Router::new().route("/", post(take).fallback(not_post)).fallback(elsewhere).with_state(ingest);
    let (mut closing, mut waiting) = (stop.clone(), stop);
    let served = axum::serve(Bounded::new(listener, connections), router)
        .with_graceful_shutdown(async move {
            closing.requested().await;
        })
        .into_future();
    tokio::select! {
        ended = served => {
            if let Err(error) = ended {
                tracing::warn!(%error, "the source's server has ended");
            }
        }
        () = async move {
            waiting.requested().await;
            sleep(GRACE).await;
        } => {}
    }
}

/// The first word of a token's file.
fn read_token(path: &Path) -> Result<String, SourceError> {
    let failed = |source| SourceError::Io { action: "read the token in", file: path.display().to_string(), source };
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(TOKEN_BYTES_MAX).read_to_string(&mut text)).map_err(failed)?;
    let token = text.trim();
    if token.is_empty() {
        return Err(failed(std::io::Error::other("it is empty")));
    }
    Ok(token.to_owned())
}
