//! What training does with a request: load the history, fit in core, store the model.

use aria_core::artifact::{Artifact, Kind};
use aria_core::event::{Event, Fact, ModelTrained, Retraining, TrainingFailed};
use aria_core::forecast::FitError;
use aria_core::model::{self, Model};
use aria_io::library::Series;
use aria_io::runtime::{Delivery, Failure, Handler, Outcome, cpu};
use aria_io::stores::Stores;

/// Trains challengers.
#[derive(Clone, Debug)]
pub struct Training {
    stores: Stores,
}

impl Training {
    /// Training on these stores.
    pub fn new(stores: Stores) -> Self {
        Self { stores }
    }

    async fn train(&self, request: &Retraining) -> Result<Result<Model, FitError>, Failure> {
        let artifacts = &self.stores.artifacts;
        let series = Series::open(artifacts, &request.snapshot).await?;
        let end = series.manifest.end;
        let from = model::data_from(&series.definition, series.manifest.first, end);
        let inputs = series.inputs(artifacts, from, end).await?;
        let companions = series.companions(artifacts, from, end).await?;
        let request = request.clone();
        cpu(move || model::train(&request, (&series.manifest.definition, &series.definition), &inputs, &companions))
            .await
    }
}

impl Handler for Training {
    const SERVICE: &'static str = "training";

    fn consumes(&self) -> &'static [&'static str] {
        &["retraining.requested"]
    }

    async fn handle(&self, delivery: &Delivery) -> Result<Outcome, Failure> {
        let Fact::RetrainingRequested(request) = &delivery.event.fact else { return Err(delivery.unexpected()) };
        let fact = match self.train(request).await? {
            Ok(model) => {
                let artifact =
                    Artifact::document(Kind::Model, &delivery.event.series, &model).map_err(Failure::permanent)?;
                self.stores.artifacts.store(&artifact).await?;
                Fact::ModelTrained(ModelTrained { retraining: request.clone(), model: artifact.name })
            }
            Err(why) => failed(request, &why.to_string()),
        };
        Ok(Outcome::Done(vec![Event { fact, ..delivery.event.clone() }]))
    }

    async fn give_up(&self, delivery: &Delivery, reason: &str) -> Result<Outcome, Failure> {
        let Fact::RetrainingRequested(request) = &delivery.event.fact else { return Ok(Outcome::Done(Vec::new())) };
        Ok(Outcome::Done(vec![Event { fact: failed(request, reason), ..delivery.event.clone() }]))
    }
}

fn failed(request: &Retraining, reason: &str) -> Fact {
    Fact::TrainingFailed(TrainingFailed { retraining: request.clone(), reason: reason.to_owned() })
}
