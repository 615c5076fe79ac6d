//! What drift does with an event: load the monitor and what the check looks at, decide in core, store, move the
//! monitor.

use aria_core::event::{BatchAccepted, Fact};
use aria_core::model::Model;
use aria_core::monitor::{self, Checked, Inputs, Noted, State, Turn};
use aria_core::outbox::{BY_HAND, Outbox};
use aria_core::probation;
use aria_core::registry::Registry;
use aria_core::series::SeriesId;
use aria_core::time::DAY;
use aria_io::library::{self, Series};
use aria_io::runtime::{Claim, Delivery, Failure, Handler, Outcome, Wait, cpu};
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
        let held = match self.claim(delivery, accepted).await? {
            Claim::Mine(held) => held,
            Claim::Not(outcome) => return Ok(outcome),
        };
        let checked = self.decide(&held.document, accepted, &delivery.id).await?;
        self.move_to(delivery, held.revision, &checked).await
    }

    async fn claim(&self, delivery: &Delivery, accepted: &BatchAccepted) -> Result<Claim<State>, Failure> {
        let held = self.load(delivery).await?;
        let turn = held.document.turn_of(&accepted.batch);
        if let Turn::NotYet { reason, ahead: ahead @ 1.. } = turn {
            return Ok(Claim::Not(Outcome::Later(Wait { reason, ahead })));
        }
        // Also where something has not ended: a request that was cut off is in flight, and nobody else publishes it.
        if let Some(outcome) = Outcome::by(held.document.outbox.as_ref(), delivery) {
            return Ok(Claim::Not(outcome));
        }
        Ok(match turn {
            Turn::Past => Claim::Not(Outcome::Done(Vec::new())),
            Turn::NotYet { reason, .. } => Claim::Not(Outcome::later(reason)),
            Turn::Now => match self.left_in_the_registry(delivery, &held.document).await? {
                Some(outcome) => Claim::Not(outcome),
                None => Claim::Mine(held),
            },
        })
    }

    /// What the registry has to be done with before a batch is checked. A rollback that was cut off before anybody
    /// learnt of it: it has no event of its own that would bring it back, so the next batch does. And a look at a model
    /// on probation, whose answer decides which model is watched from here on.
    async fn left_in_the_registry(&self, delivery: &Delivery, state: &State) -> Result<Option<Outcome>, Failure> {
        let registry: Held<Registry> = self.stores.registry.load(&delivery.event.series).await?;
        if let Some(outcome) = Outcome::by(registry.document.outbox.as_ref(), delivery) {
            return Ok(Some(outcome));
        }
        let awaited = state.serving.as_ref().and_then(|serving| probation::awaited(serving, &registry.document));
        Ok(awaited.map(|what| Outcome::later(format!("waits for {what}"))))
    }

    /// Stores what a check leaves behind, then moves the monitor with its facts.
    async fn move_to(&self, delivery: &Delivery, from: Option<u64>, to: &Checked) -> Result<Outcome, Failure> {
        for artifact in &to.artifacts {
            self.stores.artifacts.store(artifact).await?;
        }
        self.stores.monitors.store(&delivery.event.series, from, &to.state).await?;
        Ok(Outcome::Done(to.state.outbox.as_ref().map(|o| o.events.clone()).unwrap_or_default()))
    }

    async fn decide(&self, state: &State, accepted: &BatchAccepted, cause: &str) -> Result<Checked, Failure> {
        let batch = &accepted.batch;
        let artifacts = &self.stores.artifacts;
        let series = Series::open(artifacts, &batch.snapshot).await?;
        let from = batch.origin.plus(-i64::from(monitor::history_days(&series.definition, state)) * DAY);
        let (history, companions) = series.history_and_companions(artifacts, from, batch.origin).await?;
        let model: Option<Model> = match &state.serving {
            Some(serving) => Some(artifacts.get_document(&serving.model).await?),
            None => None,
        };
        let mut forecasts = Vec::new();
        for pending in &state.forecasts {
            // One that can be read no more is not scored; the batches of the weeks in which it is watched are checked.
            let known = library::forecast_if_readable(artifacts, &pending.forecast).await?;
            forecasts.extend(known.map(|forecast| (pending.clone(), forecast)));
        }
        let (state, accepted, cause) = (state.clone(), accepted.clone(), cause.to_owned());
        let looked_at = move || {
            let inputs = Inputs {
                definition: &series.definition,
                batch: &accepted.batch,
                rows: (accepted.rows, accepted.rows_quarantined.saturating_sub(accepted.rows_repeated)),
                history: &history,
                companions: &companions,
                model: model.as_ref(),
                forecasts: &forecasts,
            };
            monitor::check(&state, &inputs, &cause)
        };
        let checked = cpu(looked_at).await?;
        checked.map_err(Failure::permanent)
    }

    /// Moves the monitor by an event that asks for nothing.
    async fn note(&self, delivery: &Delivery) -> Result<Outcome, Failure> {
        let held = self.load(delivery).await?;
        let next = match monitor::note(&held.document, &delivery.event) {
            Noted::Next(next) => next,
            Noted::Past => return Ok(Outcome::Done(Vec::new())),
            Noted::NotYet(what) => return Ok(Outcome::later(format!("waits for {what}"))),
        };
        if let Some(outcome) = Outcome::by(held.document.outbox.as_ref(), delivery) {
            return Ok(outcome);
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

    async fn settled(&self, series: &SeriesId, published: &Outbox) -> Result<(), Failure> {
        self.stores.monitors.settle::<State>(series, published).await?;
        if published.cause == BY_HAND {
            self.stores.registry.settle::<Registry>(series, published).await?;
        }
        Ok(())
    }

    /// A batch that cannot be checked is not forecast: the monitor passes it, so that the ones behind it are not
    /// blocked; and takes note of what else it can.
    async fn give_up(&self, delivery: &Delivery, reason: &str) -> Result<Outcome, Failure> {
        let Fact::BatchAccepted(accepted) = &delivery.event.fact else {
            let held = self.load(delivery).await?;
            if let Some(next) = monitor::note_given_up(&held.document, &delivery.event) {
                self.stores.monitors.store(&delivery.event.series, held.revision, &next).await?;
            }
            return Ok(Outcome::Done(Vec::new()));
        };
        let held = match self.claim(delivery, accepted).await? {
            Claim::Mine(held) => held,
            Claim::Not(outcome) => return Ok(outcome),
        };
        let series = &delivery.event.series;
        let passed = monitor::pass_over(&held.document, series, &accepted.batch, &delivery.id, reason);
        self.move_to(delivery, held.revision, &passed.map_err(Failure::permanent)?).await
    }
}
