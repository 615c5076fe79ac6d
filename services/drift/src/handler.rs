//! What drift does with an event: load the monitor and what the check looks at, decide in core, store, move the
//! monitor.

use aria_core::event::{BatchAccepted, BatchId, Event, Fact};
use aria_core::forecast::Forecast;
use aria_core::model::Model;
use aria_core::monitor::{self, Checked, Inputs, Noted, Pending, State, Turn};
use aria_core::outbox::{self, Found};
use aria_core::time::DAY;
use aria_io::library::{self, Series};
use aria_io::runtime::{Delivery, Failure, Handler, Outcome, cpu};
use aria_io::stores::{Held, Stores};

/// Watches every series.
#[derive(Clone, Debug)]
pub struct Drift {
    stores: Stores,
}

impl Drift {
    /// Drift on these stores.
    pub fn new(stores: Stores) -> Self {
        Self { stores }
    }

    async fn check(&self, delivery: &Delivery, accepted: &BatchAccepted) -> Result<Outcome, Failure> {
        let held = self.load(delivery).await?;
        match outbox::look_up(held.document.outbox.as_ref(), &delivery.id) {
            Found::Handled(events) => return Ok(Outcome::Done(events)),
            Found::Unsettled => return Ok(unsettled()),
            Found::Free => {}
        }
        match held.document.turn_of(&accepted.batch) {
            Turn::Past => return Ok(Outcome::Done(Vec::new())),
            Turn::NotYet(reason) => return Ok(Outcome::Later(reason)),
            Turn::Now => {}
        }
        let checked = self.decide(&held.document, &accepted.batch, &delivery.id).await?;
        Ok(Outcome::Done(self.move_to(delivery, held.revision, &checked).await?))
    }

    /// Stores what a check leaves behind, then moves the monitor with its facts.
    async fn move_to(&self, delivery: &Delivery, from: Option<u64>, to: &Checked) -> Result<Vec<Event>, Failure> {
        for artifact in &to.artifacts {
            self.stores.artifacts.store(artifact).await?;
        }
        self.stores.monitors.store(&delivery.event.series, from, &to.state).await?;
        Ok(to.state.outbox.as_ref().map(|o| o.events.clone()).unwrap_or_default())
    }

    async fn decide(&self, state: &State, batch: &BatchId, cause: &str) -> Result<Checked, Failure> {
        let artifacts = &self.stores.artifacts;
        let series = Series::open(artifacts, &batch.snapshot).await?;
        let from = batch.origin.plus(-i64::from(monitor::history_days(&series.definition)) * DAY);
        let history = series.history(artifacts, from, batch.origin).await?;
        let model: Option<Model> = match &state.serving {
            Some(serving) => Some(artifacts.get_document(&serving.model).await?),
            None => None,
        };
        let mut forecasts = Vec::new();
        for pending in &state.forecasts {
            let (_, forecast) = library::forecast(artifacts, &pending.forecast).await?;
            forecasts.push((pending.clone(), forecast));
        }
        let (state, batch, cause) = (state.clone(), batch.clone(), cause.to_owned());
        let checked = cpu(move || check(&state, &batch, &series, &history, model.as_ref(), &forecasts, &cause)).await?;
        checked.map_err(Failure::permanent)
    }

    /// Moves the monitor by an event that asks for nothing.
    async fn note(&self, delivery: &Delivery) -> Result<Outcome, Failure> {
        let held = self.load(delivery).await?;
        let next = match monitor::note(&held.document, &delivery.event) {
            Noted::Next(next) => next,
            Noted::Past => return Ok(Outcome::Done(Vec::new())),
            Noted::NotYet(what) => return Ok(Outcome::Later(format!("waits for {what}"))),
        };
        if held.document.outbox.as_ref().is_some_and(|o| !o.settled) {
            return Ok(unsettled());
        }
        self.stores.monitors.store(&delivery.event.series, held.revision, &*next).await?;
        Ok(Outcome::Done(Vec::new()))
    }

    async fn load(&self, delivery: &Delivery) -> Result<Held<State>, Failure> {
        Ok(self.stores.monitors.load(&delivery.event.series).await?)
    }
}

impl Handler for Drift {
    const SERVICE: &'static str = "drift";

    fn consumes(&self) -> &'static [&'static str] {
        &[
            "batch.accepted",
            "forecast.issued",
            "forecast.withheld",
            "model.promoted",
            "model.rejected",
            "training.failed",
        ]
    }

    async fn handle(&self, delivery: &Delivery) -> Result<Outcome, Failure> {
        match &delivery.event.fact {
            Fact::BatchAccepted(accepted) => self.check(delivery, accepted).await,
            Fact::ForecastIssued(_)
            | Fact::ForecastWithheld(_)
            | Fact::ModelPromoted(_)
            | Fact::ModelRejected(_)
            | Fact::TrainingFailed(_) => self.note(delivery).await,
            Fact::BatchReceived(_)
            | Fact::BatchRejected(_)
            | Fact::DriftChecked(_)
            | Fact::RetrainingRequested(_)
            | Fact::ModelTrained(_)
            | Fact::PerformanceScored(_) => Err(delivery.unexpected()),
        }
    }

    async fn settled(&self, delivery: &Delivery) -> Result<(), Failure> {
        let mut held = self.load(delivery).await?;
        if !outbox::settle(held.document.outbox.as_mut(), &delivery.id) {
            return Ok(());
        }
        self.stores.monitors.store(&delivery.event.series, held.revision, &held.document).await?;
        Ok(())
    }

    /// A batch that cannot be checked is not forecast: the monitor passes it, so that the ones behind it are not
    /// blocked.
    async fn give_up(&self, delivery: &Delivery, reason: &str) -> Result<Vec<Event>, Failure> {
        let Fact::BatchAccepted(accepted) = &delivery.event.fact else { return Ok(Vec::new()) };
        let held = self.load(delivery).await?;
        if let Found::Handled(events) = outbox::look_up(held.document.outbox.as_ref(), &delivery.id) {
            return Ok(events);
        }
        if held.document.turn_of(&accepted.batch) != Turn::Now {
            return Ok(Vec::new());
        }
        let series = &delivery.event.series;
        let passed = monitor::pass_over(&held.document, series, &accepted.batch, &delivery.id, reason);
        self.move_to(delivery, held.revision, &passed.map_err(Failure::permanent)?).await
    }
}

fn check(
    state: &State,
    batch: &BatchId,
    series: &Series,
    history: &aria_core::history::History,
    model: Option<&Model>,
    forecasts: &[(Pending, Forecast)],
    cause: &str,
) -> Result<Checked, monitor::MonitorError> {
    let inputs =
        Inputs { definition: &series.definition, batch, history, first: series.manifest.first, model, forecasts };
    monitor::check(state, &inputs, cause)
}

fn unsettled() -> Outcome {
    Outcome::Later("the facts of the change before are not known to be published".into())
}
