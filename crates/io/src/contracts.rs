//! Events on the wire: protobuf in the body, CloudEvents in the headers, one subject for each fact and series.
//!
//! The only place where bytes become events and events become bytes. It moves nothing: `bus` does.

mod artifact;
mod batch;
mod dead_letter;
mod drift;
mod error;
mod event_id;
mod field;
mod forecast;
#[allow(missing_docs, clippy::all, clippy::pedantic)]
#[rustfmt::skip]
mod generated;
pub mod headers;
mod model;
mod subject;
#[cfg(test)]
mod tests;

use aria_core::event::{Event, Fact};
use prost::Message;

pub use dead_letter::{DeadLetter, DeadLetterDropped};
pub use error::{FieldError, FieldFault, WireError};
pub use event_id::{EventId, ParseEventIdError};
pub use subject::{
    ALL_SUBJECTS, FACT_NAMES, dead_letter_subject, dropped_subject, fact_filter, parse_subject, subject,
};

/// The longest body of an event. An event names data and never carries it, so a longer one is a fault.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// The body of an event; the same event always gives the same bytes.
pub fn encode(event: &Event) -> Vec<u8> {
    match &event.fact {
        Fact::BatchReceived(fact) => batch::received(event, fact).encode_to_vec(),
        Fact::BatchAccepted(fact) => batch::accepted(event, fact).encode_to_vec(),
        Fact::BatchRejected(fact) => batch::rejected(event, fact).encode_to_vec(),
        Fact::DriftChecked(fact) => drift::checked(event, fact).encode_to_vec(),
        Fact::RetrainingRequested(fact) => model::requested(event, fact).encode_to_vec(),
        Fact::ModelTrained(fact) => model::trained(event, fact).encode_to_vec(),
        Fact::TrainingFailed(fact) => model::failed(event, fact).encode_to_vec(),
        Fact::ModelPromoted(fact) => model::promoted(event, fact).encode_to_vec(),
        Fact::ModelRejected(fact) => model::rejected(event, fact).encode_to_vec(),
        Fact::ForecastIssued(fact) => forecast::issued(event, fact).encode_to_vec(),
        Fact::ForecastWithheld(fact) => forecast::withheld(event, fact).encode_to_vec(),
        Fact::PerformanceScored(fact) => drift::scored(event, fact).encode_to_vec(),
    }
}

/// Reads the body of an event, whose fact its subject or its type names.
///
/// # Errors
/// Where the fact is unknown, the body too long or no protobuf, or a field is missing or means nothing; the error names
/// the field.
pub fn decode(fact_name: &str, body: &[u8]) -> Result<Event, WireError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(WireError::TooLong { size_bytes: body.len(), limit_bytes: MAX_BODY_BYTES });
    }
    match fact_name {
        "batch.received" => read::<generated::BatchReceived>(body),
        "batch.accepted" => read::<generated::BatchAccepted>(body),
        "batch.rejected" => read::<generated::BatchRejected>(body),
        "drift.checked" => read::<generated::DriftChecked>(body),
        "retraining.requested" => read::<generated::RetrainingRequested>(body),
        "model.trained" => read::<generated::ModelTrained>(body),
        "training.failed" => read::<generated::TrainingFailed>(body),
        "model.promoted" => read::<generated::ModelPromoted>(body),
        "model.rejected" => read::<generated::ModelRejected>(body),
        "forecast.issued" => read::<generated::ForecastIssued>(body),
        "forecast.withheld" => read::<generated::ForecastWithheld>(body),
        "performance.scored" => read::<generated::PerformanceScored>(body),
        _ => Err(WireError::UnknownFact { name: fact_name.to_owned() }),
    }
}

/// The id of an event: the same for the same cause and content, so that the event log refuses a repeated one.
pub fn event_id(cause: &str, event: &Event) -> EventId {
    EventId::of(cause, event.fact.name(), &encode(event))
}

fn read<W>(body: &[u8]) -> Result<Event, WireError>
where
    W: Message + Default,
    Event: TryFrom<W, Error = FieldError>,
{
    Ok(Event::try_from(W::decode(body)?)?)
}
