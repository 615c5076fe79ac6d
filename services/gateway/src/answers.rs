//! The answers to single requests.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use aria_core::artifact::{Format, Kind, Ref};
use aria_core::contract;
use aria_core::event::{Fact, ForecastIssued};
use aria_core::head::Head;
use aria_core::intake;
use aria_core::monitor;
use aria_core::registry::Registry;
use aria_core::series::{Definition, SeriesId};
use aria_core::time::Timestamp;
use aria_io::bus::{Filter, Receipt, Start};
use aria_io::library;
use aria_io::stores::Held;
use axum::Json;
use axum::body::{Body, HttpBody};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::upload::{self, Room, Upload};
use crate::{Gateway, Problem};

/// The most forecasts that an answer lists: 27 years of days.
const LISTED: usize = 10_000;

/// What there is to ask for.
pub async fn index() -> &'static str {
    "Aria\n\
     GET  /v1/series                     the series\n\
     GET  /v1/series/{id}                how far a series has come\n\
     POST /v1/series/{id}/batches        hand a batch in: CSV, NDJSON or Parquet\n\
     GET  /v1/series/{id}/forecast       the newest forecast, or with ?origin= the newest from there\n\
     GET  /v1/series/{id}/forecasts      the newest 10,000 forecasts: from when, by which model\n\
     GET  /v1/series/{id}/models         the models and what became of them\n\
     GET  /v1/events?series=&from=       events as they happen (server-sent events)\n\
     GET  /healthz /readyz /metrics\n"
}

/// The defined series.
pub async fn series(State(gateway): State<Gateway>) -> Json<Vec<Value>> {
    let told = |d: &Definition| json!({"id": d.id, "unit": d.unit, "cadence": d.cadence, "time_zone": d.time_zone});
    Json(gateway.definitions.values().map(told).collect())
}

/// How far a series has come.
#[derive(Serialize)]
pub struct Status {
    series: SeriesId,
    batches_taken_up: u64,
    batches_accepted: u64,
    data_until: Option<Timestamp>,
    batches_checked: u64,
    phase: monitor::Phase,
    model: Option<String>,
    last_retraining: Option<Timestamp>,
    retrainings_in_a_row_without_a_new_model: u32,
}

/// `GET /v1/series/{series}`
pub async fn status(State(gateway): State<Gateway>, Path(id): Path<String>) -> Result<Json<Status>, Problem> {
    let series = gateway.defined(&id)?.id.clone();
    let stores = gateway.edges.stores();
    let head: Held<Head> = stores.heads.load(&series).await?;
    let state: Held<monitor::State> = stores.monitors.load(&series).await?;
    let (head, state) = (head.document, state.document);
    Ok(Json(Status {
        series,
        batches_taken_up: head.ordinal,
        batches_accepted: head.sequence,
        data_until: head.end,
        batches_checked: state.sequence,
        phase: state.phase,
        model: state.serving.map(|s| s.model.key()),
        last_retraining: state.last_asked,
        retrainings_in_a_row_without_a_new_model: state.failures,
    }))
}

/// `GET /v1/series/{series}/models`
pub async fn models(State(gateway): State<Gateway>, Path(id): Path<String>) -> Result<Json<Registry>, Problem> {
    let series = gateway.defined(&id)?.id.clone();
    let registry: Held<Registry> = gateway.edges.stores().registry.load(&series).await?;
    Ok(Json(registry.document))
}

/// `POST /v1/series/{series}/batches`: stores the bytes and announces them; 202 with the batch's ordinal. A client that
/// got no answer sends the same bytes again: as long as they are the newest batch, they are that batch.
pub async fn receive(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (definition, format, room) = match admit(&gateway, &id, &headers, body.size_hint().exact()).await {
        Ok(admitted) => admitted,
        Err(problem) => {
            upload::pass_over(body).await;
            return Err(problem);
        }
    };
    let Upload { bytes, room } = upload::read(definition, room, body).await?;
    contract::glance(definition, format, &bytes)?;
    let raw = gateway.edges.artifacts.put(Kind::Raw, &definition.id, format, bytes).await?;
    drop(room);
    let receipt = announce(&gateway, &definition.id, &raw).await?;
    let told = json!({
        "event": receipt.id, "ordinal": receipt.event.fact.received_ordinal(), "raw": raw.key(), "received_before": receipt.duplicate,
    });
    Ok((StatusCode::ACCEPTED, Json(told)))
}

/// Whether a batch can be taken in at all and now, by what is known before its body is read.
async fn admit<'a>(
    gateway: &'a Gateway,
    id: &str,
    headers: &HeaderMap,
    announced: Option<u64>,
) -> Result<(&'a Definition, Format, Room), Problem> {
    let definition = gateway.defined(id)?;
    let format = format_of(headers)?;
    refuse_encoded(headers)?;
    intake::admit(gateway.edges.progress(&definition.id).await?, gateway.backlog)?;
    let room = gateway.uploads.reserve(definition, announced).await?;
    Ok((definition, format, room))
}

async fn announce(gateway: &Gateway, series: &SeriesId, raw: &Ref) -> Result<Receipt, Problem> {
    let _alone = match gateway.turns.get(series) {
        Some(turn) => Some(turn.lock().await),
        None => None,
    };
    let head: Held<Head> = gateway.edges.stores().heads.load(series).await?;
    let (head, bus) = (head.document, &gateway.edges.bus);
    Ok(bus.receive_once(series, raw, (now(), "http"), head.ordinal, head.rejected()).await?)
}

/// Which forecast.
#[derive(Deserialize)]
pub struct Wanted {
    origin: Option<Timestamp>,
}

/// `GET /v1/series/{series}/forecast?origin=`
pub async fn forecast(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let definition = gateway.defined(&id)?;
    let Query(Wanted { origin }) = wanted?;
    let newest = match origin {
        Some(origin) => issued(&gateway, &definition.id, |issued| issued.batch.origin == origin).await?.pop_back(),
        None => newest(&gateway, &definition.id).await?,
    };
    let Some(newest) = newest else {
        return Err(match origin {
            Some(origin) => Problem::NoSuchForecast { series: id, origin },
            None => Problem::NoForecast(id),
        });
    };
    let (issued, values) = library::forecast(&gateway.edges.artifacts, &newest.forecast).await?;
    let point = |p: &aria_core::forecast::Point| {
        json!({
            "target": p.target, "forecast": p.value,
            "interval_50": [p.lower_50, p.upper_50],
            "interval_80": [p.lower_80, p.upper_80],
            "interval_95": [p.lower_95, p.upper_95],
        })
    };
    Ok(Json(json!({
        "series": definition.id, "unit": definition.unit, "origin": issued.origin, "degraded": issued.degraded, "without": issued.without,
        "model": issued.model.key(), "snapshot": issued.snapshot.key(),
        "points": values.points.iter().map(point).collect::<Vec<_>>(),
    })))
}

/// `GET /v1/series/{series}/forecasts`
pub async fn forecasts(State(gateway): State<Gateway>, Path(id): Path<String>) -> Result<Json<Vec<Value>>, Problem> {
    let definition = gateway.defined(&id)?;
    let told = |issued: &ForecastIssued| {
        json!({
            "origin": issued.batch.origin, "ordinal": issued.batch.ordinal, "model": issued.model.key(),
            "degraded": issued.degraded, "forecast": issued.forecast.key(),
        })
    };
    Ok(Json(issued(&gateway, &definition.id, |_| true).await?.iter().map(told).collect()))
}

/// The forecast that was issued last. Batches end in their order, so that it is the newest.
async fn newest(gateway: &Gateway, series: &SeriesId) -> Result<Option<ForecastIssued>, Problem> {
    let newest = gateway.edges.bus.newest_event("forecast.issued", series).await?;
    Ok(newest.and_then(|recorded| match recorded.event.fact {
        Fact::ForecastIssued(issued) => Some(issued),
        _ => None,
    }))
}

/// The newest wanted forecasts that were issued, in the order of the log: as many as an answer may list.
async fn issued(
    gateway: &Gateway,
    series: &SeriesId,
    wanted: impl Fn(&ForecastIssued) -> bool,
) -> Result<VecDeque<ForecastIssued>, Problem> {
    let filter = Filter::all().facts(["forecast.issued"]).series(series);
    let mut events = gateway.edges.bus.recorded_events(&filter, Start::First).await?;
    let mut newest = VecDeque::new();
    while let Some(recorded) = events.next_readable().await {
        if let Fact::ForecastIssued(issued) = recorded?.event.fact
            && wanted(&issued)
        {
            newest.push_back(issued);
            if newest.len() > LISTED {
                newest.pop_front();
            }
        }
    }
    Ok(newest)
}

impl Gateway {
    /// The definition of a series.
    pub(crate) fn defined(&self, id: &str) -> Result<&Definition, Problem> {
        let unknown = || Problem::UnknownSeries(id.to_owned());
        let series: SeriesId = id.parse().map_err(|_| unknown())?;
        self.definitions.get(&series).ok_or_else(unknown)
    }
}

fn format_of(headers: &HeaderMap) -> Result<Format, Problem> {
    let text = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    match text.split(';').next().unwrap_or_default().trim() {
        "text/csv" => Ok(Format::Csv),
        "application/x-ndjson" | "application/jsonl" => Ok(Format::Ndjson),
        "application/vnd.apache.parquet" => Ok(Format::Parquet),
        other => Err(Problem::Format(other.to_owned())),
    }
}

/// Bytes are stored as they come: nobody behind would know how to undo an encoding, nor how large it becomes.
fn refuse_encoded(headers: &HeaderMap) -> Result<(), Problem> {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).into_iter();
    match encodings.find(|encoding| !encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity")) {
        Some(encoding) => Err(Problem::Encoding(String::from_utf8_lossy(encoding.as_bytes()).into_owned())),
        None => Ok(()),
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_seconds(since.as_secs() as i64).unwrap_or(Timestamp::EPOCH)
}
