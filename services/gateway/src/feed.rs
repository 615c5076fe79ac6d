//! Events as they happen, as server-sent events: `GET /v1/events?series=it.ci_direct&from=SEQUENCE`.

use std::convert::Infallible;
use std::sync::Arc;

use aria_io::bus::{BusError, Filter, Recorded, Start};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::{Stream, StreamExt};
use serde::Deserialize;

use crate::{FEEDS, Gateway, Problem};

/// The header with which a client says what it saw last.
const LAST_EVENT_ID: &str = "last-event-id";

/// Which events.
#[derive(Deserialize)]
pub struct Wanted {
    series: Option<String>,
    from: Option<u64>,
}

/// Events until the client or this process leaves; each has its place in the log as its id. A client that comes back
/// with the last one in `Last-Event-ID`, as browsers do by themselves, gets those after it.
pub async fn events(
    State(gateway): State<Gateway>,
    wanted: Result<Query<Wanted>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let Query(wanted) = wanted?;
    let filter = match &wanted.series {
        Some(series) => Filter::all().series(&gateway.defined(series)?.id),
        None => Filter::all(),
    };
    let start = start(wanted.from, &headers)?;
    let seat = Arc::clone(&gateway.feeds).try_acquire_owned().map_err(|_| Problem::Feeds { most: FEEDS })?;
    let events = gateway.edges.bus.events(&filter, start).await?;
    let shutdown = gateway.shutdown.clone();
    let leaving = Box::pin(async move { shutdown.requested().await });
    let told = events.map(move |recorded| {
        // The feed keeps its seat as long as it is read.
        let _ = &seat;
        Ok(told(recorded))
    });
    Ok(Sse::new(told.take_until(leaving)).keep_alive(KeepAlive::default()))
}

/// Where the client goes on: after the last event that it saw, otherwise at the place that it asks for.
fn start(from: Option<u64>, headers: &HeaderMap) -> Result<Start, Problem> {
    let Some(seen) = headers.get(LAST_EVENT_ID) else { return Ok(from.map_or(Start::Next, Start::Sequence)) };
    let place = seen.to_str().ok().and_then(|text| text.trim().parse::<u64>().ok());
    match place.and_then(|place| place.checked_add(1)) {
        Some(next) => Ok(Start::Sequence(next)),
        None => Err(Problem::LastEventId),
    }
}

fn told(recorded: Result<Recorded, BusError>) -> Event {
    match recorded {
        Ok(recorded) => {
            let event = Event::default().id(recorded.sequence.to_string()).event(recorded.event.fact.name());
            let text = serde_json::to_string(&recorded.event).unwrap_or_default();
            event.data(text)
        }
        Err(error) => Event::default().event("unreadable").data(error.to_string().replace(['\r', '\n'], " ")),
    }
}
