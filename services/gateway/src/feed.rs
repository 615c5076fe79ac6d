//! Events as they happen, as server-sent events: `GET /v1/events?series=it.ci_direct&from=SEQUENCE`.

use std::convert::Infallible;

use aria_core::series::SeriesId;
use aria_io::bus::{BusError, Filter, Recorded, Start};
use axum::extract::{Query, State};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::{Stream, StreamExt};
use serde::Deserialize;

use crate::{Gateway, Problem};

/// Which events.
#[derive(Deserialize)]
pub struct Wanted {
    series: Option<SeriesId>,
    from: Option<u64>,
}

/// Events without end; each has its place in the log as its id, with which a client goes on after a break.
pub async fn events(
    State(gateway): State<Gateway>,
    Query(wanted): Query<Wanted>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let filter = wanted.series.iter().fold(Filter::all(), |filter, series| filter.series(series));
    let start = wanted.from.map_or(Start::Next, Start::Sequence);
    let events = gateway.edges.bus.events(&filter, start).await?;
    Ok(Sse::new(events.map(|recorded| Ok(told(recorded)))).keep_alive(KeepAlive::default()))
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
