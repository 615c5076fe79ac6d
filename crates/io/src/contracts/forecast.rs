//! Facts about forecasts, to the wire and back.

use aria_core::event::{Event, Fact, ForecastIssued, ForecastWithheld};

use super::error::FieldError;
use super::field;
use super::generated as wire;

pub(super) fn issued(event: &Event, fact: &ForecastIssued) -> wire::ForecastIssued {
    let ForecastIssued { batch, forecast, model, degraded } = fact;
    wire::ForecastIssued {
        series: event.series.to_string(),
        as_of_unix_seconds: Some(event.as_of.seconds()),
        batch: Some(batch.into()),
        forecast: Some(forecast.into()),
        model: Some(model.into()),
        degraded: degraded.clone(),
    }
}

pub(super) fn withheld(event: &Event, fact: &ForecastWithheld) -> wire::ForecastWithheld {
    let ForecastWithheld { batch, reason } = fact;
    wire::ForecastWithheld {
        series: event.series.to_string(),
        as_of_unix_seconds: Some(event.as_of.seconds()),
        batch: Some(batch.into()),
        reason: reason.clone(),
    }
}

impl TryFrom<wire::ForecastIssued> for Event {
    type Error = FieldError;

    fn try_from(message: wire::ForecastIssued) -> Result<Self, FieldError> {
        let wire::ForecastIssued { series, as_of_unix_seconds, batch, forecast, model, degraded } = message;
        let fact = ForecastIssued {
            batch: field::required("batch", batch)?,
            forecast: field::required("forecast", forecast)?,
            model: field::required("model", model)?,
            degraded,
        };
        field::event(&series, as_of_unix_seconds, Fact::ForecastIssued(fact))
    }
}

impl TryFrom<wire::ForecastWithheld> for Event {
    type Error = FieldError;

    fn try_from(message: wire::ForecastWithheld) -> Result<Self, FieldError> {
        let wire::ForecastWithheld { series, as_of_unix_seconds, batch, reason } = message;
        let fact = ForecastWithheld { batch: field::required("batch", batch)?, reason };
        field::event(&series, as_of_unix_seconds, Fact::ForecastWithheld(fact))
    }
}
