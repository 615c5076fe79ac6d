//! What the gateway answers when it cannot do what was asked: a status, and a document that names the thing and the next
//! step (RFC 9457).

use aria_io::artifacts::StoreError;
use aria_io::bus::BusError;
use aria_io::stores::CellError;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// No such series is defined.
    #[error("no series `{0}` is defined: GET /v1/series lists them")]
    UnknownSeries(String),
    /// The content type names no format.
    #[error(
        "content type `{0}` is not taken in: send text/csv, application/x-ndjson or application/vnd.apache.parquet"
    )]
    Format(String),
    /// The body is empty.
    #[error("the body is empty: send the rows of a batch")]
    Empty,
    /// A client says that it saw an event that cannot be.
    #[error("Last-Event-ID is not the id of an event: leave it out to begin anew")]
    LastEventId,
    /// There is no forecast.
    #[error("`{0}` has no forecast: GET /v1/series/{0} says what it waits for")]
    NoForecast(String),
    /// The store does not do its work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker does not do its work.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// A cell cannot be read.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// A stored forecast cannot be read.
    #[error(transparent)]
    Values(#[from] aria_core::forecast::ValuesError),
}

#[derive(Serialize)]
struct Document {
    title: &'static str,
    status: u16,
    detail: String,
}

impl Problem {
    fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::UnknownSeries(_) | Self::NoForecast(_) => (StatusCode::NOT_FOUND, "not found"),
            Self::Format(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported content type"),
            Self::Empty | Self::LastEventId => (StatusCode::BAD_REQUEST, "bad request"),
            Self::Store(_) | Self::Bus(_) | Self::Cell(_) => (StatusCode::SERVICE_UNAVAILABLE, "not available"),
            Self::Values(_) => (StatusCode::INTERNAL_SERVER_ERROR, "unreadable artifact"),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, title) = self.status();
        let document = Document { title, status: status.as_u16(), detail: self.to_string() };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}
