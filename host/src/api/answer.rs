//! How requests are read and answered: JSON in, JSON out, errors with their codes.
//!
//! Every handler ends here. An error is `{code, message, help, causes}`; mistakes of a job have `errors` besides, one for each, as
//! `pelton lint --output json` shows them.

use axum::{
    body::{Body, Bytes},
    extract::{FromRequestParts, Path, Query},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::blocking;
use crate::{
    control::{ControlError, upload::Upload},
    error::{Code, Coded, causes},
    job::diagnostic::json::to_json,
};

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("the request has no token")]
    TokenMissing,
    #[error("the request's token is unknown")]
    TokenUnknown,
    #[error("the token `{name}` has the role {has}, and this takes {needs}")]
    Forbidden { name: String, has: &'static str, needs: &'static str },
    #[error("the request comes by the name of another host or page: `{0}`")]
    Foreign(String),
    #[error("the request cannot be understood: {0}")]
    Bad(String),
    #[error("the request's body is larger than {0} bytes")]
    TooLarge(u64),
    #[error("the body did not come in time")]
    Late,
    #[error("there is nothing at {0}")]
    NoRoute(String),
    #[error("{0} does not take this method")]
    NoMethod(String),
    #[error("the engine failed within; this is a fault of Pelton, please report it with the engine's log")]
    Internal,
}

impl Coded for ApiError {
    fn code(&self) -> Code {
        match self {
            Self::Control(error) => error.code(),
            Self::TokenMissing | Self::TokenUnknown => Code::Unauthorised,
            Self::Forbidden { .. } | Self::Foreign(_) => Code::Forbidden,
            Self::Bad(_) | Self::Late | Self::NoMethod(_) => Code::BadRequest,
            Self::TooLarge(_) => Code::TooLarge,
            Self::NoRoute(_) => Code::NotFound,
            Self::Internal => Code::RunFailed,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Control(error) => error.help(),
            Self::TokenMissing | Self::TokenUnknown => {
                Some("send `Authorization: Bearer TOKEN`; `pelton token create` makes one".into())
            }
            Self::Forbidden { needs, .. } => Some(format!("use a token with the role {needs}")),
            Self::Foreign(_) => Some("ask by the address that the engine listens on".into()),
            Self::Bad(_) | Self::NoRoute(_) | Self::NoMethod(_) => {
                Some("`/openapi.json` has every route with what it takes".into())
            }
            Self::TooLarge(_) => Some("send less".into()),
            Self::Late => Some("send the body without long breaks".into()),
            Self::Internal => None,
        }
    }
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoMethod(_) => return StatusCode::METHOD_NOT_ALLOWED,
            Self::Late => return StatusCode::REQUEST_TIMEOUT,
            Self::Internal => return StatusCode::INTERNAL_SERVER_ERROR,
            Self::Control(ControlError::Closing) => return StatusCode::SERVICE_UNAVAILABLE,
            _ => {}
        }
        match self.code() {
            Code::Unauthorised => StatusCode::UNAUTHORIZED,
            Code::Forbidden => StatusCode::FORBIDDEN,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::Conflict => StatusCode::CONFLICT,
            Code::BadRequest => StatusCode::BAD_REQUEST,
            Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::DataUnusable | Code::EngineBusy => StatusCode::INTERNAL_SERVER_ERROR,
            // What is wrong with a job or a module itself.
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    fn to_json(&self) -> Value {
        let mut body = json!({
            "code": self.code().to_string(), "message": self.to_string(), "help": self.help(), "causes": causes(self),
        });
        if let Self::Control(ControlError::Job(mistakes)) = self
            && let Some(body) = body.as_object_mut()
            && let Some(errors) = to_json(mistakes).get_mut("errors")
        {
            body.insert("errors".into(), errors.take());
        }
        body
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = json_answer(self.status(), &self.to_json());
        if matches!(self, Self::TokenMissing | Self::TokenUnknown) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        // The rest of a body that nobody reads would be taken for the next request.
        if matches!(self, Self::TooLarge(_) | Self::Late) {
            response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
        }
        response
    }
}

/// A JSON document.
pub(super) fn json_answer<T: Serialize>(status: StatusCode, body: &T) -> Response {
    let text = serde_json::to_vec(body).expect("answers are names, numbers and texts");
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

pub(super) fn ok<T: Serialize>(body: &T) -> Response {
    json_answer(StatusCode::OK, body)
}

/// How long a body may take to come.
const BODY_PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Takes a body, and no more of it than `bytes_max`.
pub(super) async fn read_body(body: Body, bytes_max: u64) -> Result<Vec<u8>, ApiError> {
    tokio::time::timeout(BODY_PATIENCE, take_pieces(body, bytes_max)).await.unwrap_or(Err(ApiError::Late))
}

async fn take_pieces(mut body: Body, bytes_max: u64) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ApiError::Bad(error.to_string()))?;
        let piece = frame.into_data().unwrap_or_else(|_| Bytes::new());
        if (bytes.len() as u64).saturating_add(piece.len() as u64) > bytes_max {
            return Err(ApiError::TooLarge(bytes_max));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Bytes that are written at once.
const PIECE: usize = 1 << 20;

/// Takes a body piece by piece, and no more of it than `bytes_max`.
pub(super) async fn receive(body: Body, bytes_max: u64, upload: Upload) -> Result<Upload, ApiError> {
    tokio::time::timeout(BODY_PATIENCE, write_pieces(body, bytes_max, upload)).await.unwrap_or(Err(ApiError::Late))
}

async fn write_pieces(mut body: Body, bytes_max: u64, mut upload: Upload) -> Result<Upload, ApiError> {
    let mut piece = Vec::with_capacity(PIECE);
    loop {
        let frame = body.frame().await.transpose().map_err(|error| ApiError::Bad(error.to_string()))?;
        let is_end = frame.is_none();
        piece.extend_from_slice(&frame.and_then(|frame| frame.into_data().ok()).unwrap_or_default());
        if upload.bytes().saturating_add(piece.len() as u64) > bytes_max {
            return Err(ApiError::TooLarge(bytes_max));
        }
        if piece.len() >= PIECE || is_end {
            (upload, piece) = blocking(move || {
                upload.write(&piece)?;
                piece.clear();
                Ok((upload, piece))
            })
            .await?;
        }
        if is_end {
            return Ok(upload);
        }
    }
}

/// A body that is a JSON document.
pub(super) async fn read_json<T: DeserializeOwned>(body: Body, bytes_max: u64) -> Result<T, ApiError> {
    let bytes = read_body(body, bytes_max).await?;
    serde_json::from_slice(&bytes).map_err(|error| ApiError::Bad(error.to_string()))
}

/// The name in a path.
pub(super) struct Name(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let found = Path::<String>::from_request_parts(parts, state).await;
        found.map(|Path(name)| Self(name)).map_err(|error| ApiError::Bad(error.body_text()))
    }
}

/// What stands behind `?`.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let found = Query::<T>::from_request_parts(parts, state).await;
        found.map(|Query(asked)| Self(asked)).map_err(|error| ApiError::Bad(error.body_text()))
    }
}
