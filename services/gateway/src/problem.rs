//! What the gateway answers when it cannot do what was asked: a status, and a document that names the thing and the
//! next step (RFC 9457).

use aria_core::contract::BrokenReason;
use aria_core::intake::{self, Full};
use aria_core::time::Timestamp;
use aria_io::artifacts::StoreError;
use aria_io::bus::BusError;
use aria_io::library::LibraryError;
use aria_io::stores::CellError;
use axum::extract::rejection::QueryRejection;
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
    /// The body is compressed on its way.
    #[error("content encoding `{0}` is not taken in: send the bytes of the file as they are")]
    Encoding(String),
    /// A client says that it saw an event that cannot be.
    #[error("Last-Event-ID is not the id of an event: leave it out to begin anew")]
    LastEventId,
    /// The body cannot be a batch of the series.
    #[error(transparent)]
    Broken(#[from] BrokenReason),
    /// The body is larger than any series takes.
    #[error("the body has more than the {most} bytes that the series takes: split it by time, send the parts in order")]
    TooLarge {
        /// The most that is taken.
        most: u64,
    },
    /// The body did not arrive.
    #[error("the body did not arrive: {said}")]
    Body {
        /// What the server says.
        said: String,
    },
    /// The body comes too slowly.
    #[error("the body did not arrive in time: send it again, over a faster line or in smaller parts")]
    Slow,
    /// The series has as many batches on their way as it may have.
    #[error(transparent)]
    Full(#[from] Full),
    /// There is no room for the body beside the ones that are being taken in.
    #[error("as many uploads as there is room for are being taken in: send it again in a few seconds")]
    NoRoom,
    /// There are as many event feeds as there may be.
    #[error("{most} event feeds are open, and there may be no more: try again later, or read with `aria events`")]
    Feeds {
        /// The most there may be.
        most: usize,
    },
    /// The query means nothing.
    #[error("{said}")]
    Query {
        /// What the server says.
        said: String,
    },
    /// There is no forecast.
    #[error("`{0}` has no forecast: GET /v1/series/{0} says what it waits for")]
    NoForecast(String),
    /// There is no forecast with this origin.
    #[error("`{series}` has no forecast from {origin}: GET /v1/series/{series}/forecasts lists them")]
    NoSuchForecast {
        /// The series.
        series: String,
        /// The origin.
        origin: Timestamp,
    },
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
    Library(#[from] LibraryError),
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::Query { said: rejection.body_text() }
    }
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
            Self::UnknownSeries(_) | Self::NoForecast(_) | Self::NoSuchForecast { .. } => {
                (StatusCode::NOT_FOUND, "not found")
            }
            Self::Format(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported content type"),
            Self::Encoding(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported content encoding"),
            Self::TooLarge { .. } | Self::Broken(BrokenReason::TooManyBytes { .. }) => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too large")
            }
            Self::Broken(_) | Self::Body { .. } | Self::Query { .. } | Self::LastEventId => {
                (StatusCode::BAD_REQUEST, "bad request")
            }
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "too slow"),
            Self::Full(_) | Self::Bus(BusError::Crowded { .. }) => (StatusCode::TOO_MANY_REQUESTS, "too many batches"),
            Self::NoRoom | Self::Feeds { .. } => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::Cell(CellError::Document { .. }) => (StatusCode::INTERNAL_SERVER_ERROR, "unreadable state"),
            Self::Store(_) | Self::Bus(_) | Self::Cell(_) => (StatusCode::SERVICE_UNAVAILABLE, "not available"),
            Self::Library(error) if error.is_transient() => (StatusCode::SERVICE_UNAVAILABLE, "not available"),
            Self::Library(_) => (StatusCode::INTERNAL_SERVER_ERROR, "unreadable artifact"),
        }
    }
}

impl Problem {
    /// After how many seconds the same request may be answered, where waiting helps.
    fn retry_after(&self, status: StatusCode) -> Option<u64> {
        match self {
            Self::Full(_) => Some(intake::RETRY_AFTER_SECONDS),
            Self::Bus(BusError::Crowded { .. }) => Some(1),
            Self::Feeds { .. } => Some(30),
            _ if status == StatusCode::SERVICE_UNAVAILABLE => Some(5),
            _ => None,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, title) = self.status();
        let document = Document { title, status: status.as_u16(), detail: self.to_string() };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(seconds) = self.retry_after(status) {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
