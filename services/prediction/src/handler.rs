//! What prediction does with the end of a check or of a retraining: load the newest window, forecast in core, store.

use aria_core::artifact::{Artifact, Format, Kind, Ref};
use aria_core::ending::{Endings, Turn};
use aria_core::event::{BatchId, Event, Fact, ForecastIssued, ForecastWithheld};
use aria_core::forecast::{self, Issue};
use aria_core::issued::Issued;
use aria_core::model::Model;
use aria_core::order::{Means, Order};
use aria_core::outbox::Outbox;
use aria_core::series::SeriesId;
use aria_io::library::Series;
use aria_io::runtime::{Delivery, Failure, Handler, Outcome, cpu};
use aria_io::stores::{Held, Stores};

/// Makes forecasts.
#[derive(Clone, Debug)]
pub struct Prediction {
    stores: Stores,
}

impl Prediction {
    /// Prediction on these stores.
    pub fn new(stores: Stores) -> Self {
        Self { stores }
    }

    async fn carry_out(&self, order: &Order<'_>) -> Result<Fact, Failure> {
        let (model_name, degraded) = match &order.means {
            Means::Model { name, degraded } => (*name, degraded),
            Means::Nothing { reason } => return Ok(withheld(order.batch, reason)),
        };
        let artifacts = &self.stores.artifacts;
        let model: Model = artifacts.get_document(model_name).await?;
        let series = Series::open(artifacts, &order.batch.snapshot).await?;
        let origin = order.batch.origin;
        let inputs = series.inputs(artifacts, forecast::reads_from(&model.fitted, origin), origin).await?;
        let made = cpu(move || forecast::issue(&model.fitted, &inputs, origin)).await?;
        match made {
            Ok(issue) => self.store(order.batch, model_name, degraded.as_ref(), issue).await,
            Err(why) => Ok(withheld(order.batch, &why.to_string())),
        }
    }

    async fn store(
        &self,
        batch: &BatchId,
        model: &Ref,
        degraded: Option<&String>,
        issue: Issue,
    ) -> Result<Fact, Failure> {
        let series = &batch.snapshot.series;
        let values = issue.forecast.to_parquet().map_err(Failure::permanent)?;
        let values = Artifact::of(Kind::Values, series, Format::Parquet, values);
        let issued = Issued {
            origin: batch.origin,
            model: model.clone(),
            snapshot: batch.snapshot.clone(),
            values: values.name.clone(),
            degraded: degraded.cloned(),
            without: issue.without,
            code_version: aria_core::CODE_VERSION.to_owned(),
        };
        let document = Artifact::document(Kind::Forecast, series, &issued).map_err(Failure::permanent)?;
        self.stores.artifacts.store(&values).await?;
        self.stores.artifacts.store(&document).await?;
        Ok(Fact::ForecastIssued(ForecastIssued {
            batch: batch.clone(),
            forecast: document.name,
            model: model.clone(),
            degraded: degraded.cloned(),
        }))
    }

    async fn load(&self, delivery: &Delivery) -> Result<Held<Endings>, Failure> {
        Ok(self.stores.endings.load(&delivery.event.series).await?)
    }

    /// Puts on record how a batch ends, before it is published.
    async fn end(
        &self,
        delivery: &Delivery,
        from: Option<u64>,
        batch: &BatchId,
        fact: Fact,
    ) -> Result<Outcome, Failure> {
        let series = &delivery.event.series;
        let event = Event { series: series.clone(), as_of: batch.origin, fact };
        let endings = Endings::after(batch, &delivery.id, event.clone());
        self.stores.endings.store(series, from, &endings).await?;
        Ok(Outcome::Done(vec![event]))
    }
}

impl Handler for Prediction {
    const SERVICE: &'static str = "prediction";

    fn consumes(&self) -> &'static [&'static str] {
        &["drift.checked", "model.promoted", "model.rejected", "training.failed"]
    }

    async fn handle(&self, delivery: &Delivery) -> Result<Outcome, Failure> {
        let Some(order) = Order::of(&delivery.event.fact) else { return Ok(Outcome::Done(Vec::new())) };
        let held = self.load(delivery).await?;
        if let Some(outcome) = ended(&held.document, order.batch, delivery) {
            return Ok(outcome);
        }
        let fact = self.carry_out(&order).await?;
        self.end(delivery, held.revision, order.batch, fact).await
    }

    async fn settled(&self, series: &SeriesId, published: &Outbox) -> Result<(), Failure> {
        Ok(self.stores.endings.settle::<Endings>(series, published).await?)
    }

    async fn give_up(&self, delivery: &Delivery, reason: &str) -> Result<Outcome, Failure> {
        let Some(order) = Order::of(&delivery.event.fact) else { return Ok(Outcome::Done(Vec::new())) };
        let held = self.load(delivery).await?;
        if let Some(outcome) = ended(&held.document, order.batch, delivery) {
            return Ok(outcome);
        }
        self.end(delivery, held.revision, order.batch, withheld(order.batch, reason)).await
    }
}

/// What becomes of a delivery whose batch has ended.
fn ended(endings: &Endings, batch: &BatchId, delivery: &Delivery) -> Option<Outcome> {
    match endings.turn_of(batch, &delivery.id) {
        Turn::Again(events) => Some(Outcome::Done(events)),
        Turn::Past => Some(Outcome::Done(Vec::new())),
        Turn::Now => None,
    }
}

fn withheld(batch: &BatchId, reason: &str) -> Fact {
    Fact::ForecastWithheld(ForecastWithheld { batch: batch.clone(), reason: reason.to_owned() })
}
