//! What evaluation does with a challenger: load both models and the held-out hours, compare in core, store, move the
//! registry.

use aria_core::artifact::{Artifact, Format, Kind, Ref};
use aria_core::evaluation::{self, Contest, Verdict};
use aria_core::event::{Event, Fact, ModelPromoted, ModelRejected, ModelTrained, Promotion};
use aria_core::judgement::Judgement;
use aria_core::model::Model;
use aria_core::outbox::Outbox;
use aria_core::registry::{Registry, Version};
use aria_core::series::SeriesId;
use aria_io::library::Series;
use aria_io::runtime::{Claim, Delivery, Failure, Handler, Outcome, cpu};
use aria_io::stores::{Held, Stores};

use crate::probation;

/// Decides which model serves.
#[derive(Clone, Debug)]
pub struct Evaluation {
    stores: Stores,
}

impl Evaluation {
    /// Evaluation on these stores.
    pub fn new(stores: Stores) -> Self {
        Self { stores }
    }

    /// Compares and moves the registry; who comes second finds the outcome there.
    async fn evaluate(&self, delivery: &Delivery, trained: &ModelTrained) -> Result<Outcome, Failure> {
        let registry = match self.claim(delivery, trained).await? {
            Claim::Mine(registry) => registry,
            Claim::Not(outcome) => return Ok(outcome),
        };
        let version = match (&registry.document.pin, &registry.document.champion) {
            (Some(pin), serving) => {
                let reason = format!("the serving model is pinned by a person: {}", pin.reason);
                Version { serving: serving.clone(), ..refused(delivery, trained, &reason) }
            }
            (None, champion) if champion == &trained.retraining.incumbent => self.compare(delivery, trained).await?,
            (None, serving) => {
                let reason = "the serving model changed while the challenger was trained";
                Version { serving: serving.clone(), ..refused(delivery, trained, reason) }
            }
        };
        self.move_to(delivery, trained, &registry, version).await
    }

    async fn claim(&self, delivery: &Delivery, trained: &ModelTrained) -> Result<Claim<Registry>, Failure> {
        let registry: Held<Registry> = self.stores.registry.load(&delivery.event.series).await?;
        if let Some(outcome) = Outcome::by(registry.document.outbox.as_ref(), delivery) {
            return Ok(Claim::Not(outcome));
        }
        Ok(match registry.document.outcome(&trained.retraining.id) {
            Some(version) => Claim::Not(told(delivery, trained, version, &registry.document)),
            None => Claim::Mine(registry),
        })
    }

    /// Moves the registry by a challenger's outcome.
    async fn move_to(
        &self,
        delivery: &Delivery,
        trained: &ModelTrained,
        from: &Held<Registry>,
        version: Version,
    ) -> Result<Outcome, Failure> {
        let next = from.document.with(version);
        self.stores.registry.store(&delivery.event.series, from.revision, &next).await?;
        let version = next.outcome(&trained.retraining.id).ok_or_else(|| delivery.unexpected())?;
        Ok(told(delivery, trained, version, &next))
    }

    async fn compare(&self, delivery: &Delivery, trained: &ModelTrained) -> Result<Version, Failure> {
        let artifacts = &self.stores.artifacts;
        let challenger: Model = artifacts.get_document(&trained.model).await?;
        let champion: Option<Model> = match &trained.retraining.incumbent {
            Some(name) => Some(artifacts.get_document(name).await?),
            None => None,
        };
        let series = Series::open(artifacts, &trained.retraining.snapshot).await?;
        let inputs = series.inputs(artifacts, series.manifest.first, series.manifest.end).await?;
        let compared = cpu(move || {
            let (candidate, from) = (&challenger.fitted.candidate, challenger.fitted.holdout_start);
            let champion = champion.as_ref().map(|c| &c.fitted.candidate);
            evaluation::evaluate(&series.definition, &inputs, candidate, champion, from, inputs.end())
        })
        .await?;
        match compared {
            Ok(contest) => self.judged(delivery, trained, contest).await,
            Err(why) => Ok(refused(delivery, trained, &why.to_string())),
        }
    }

    async fn refuse(&self, delivery: &Delivery, trained: &ModelTrained, reason: &str) -> Result<Outcome, Failure> {
        let registry = match self.claim(delivery, trained).await? {
            Claim::Mine(registry) => registry,
            Claim::Not(outcome) => return Ok(outcome),
        };
        let reason = format!("the challenger could not be evaluated: {reason}");
        self.move_to(delivery, trained, &registry, refused(delivery, trained, &reason)).await
    }

    async fn judged(&self, delivery: &Delivery, trained: &ModelTrained, contest: Contest) -> Result<Version, Failure> {
        let series = &delivery.event.series;
        let rows = contest.predictions.to_parquet().map_err(Failure::permanent)?;
        let rows = Artifact::of(Kind::Predictions, series, Format::Parquet, rows);
        let rejected = match &contest.evaluation.verdict {
            Verdict::Promote => None,
            Verdict::Reject { reason } => Some(reason.clone()),
        };
        let judgement = Judgement {
            retraining: trained.retraining.clone(),
            challenger: trained.model.clone(),
            predictions: rows.name.clone(),
            evaluation: contest.evaluation,
            code_version: aria_core::CODE_VERSION.to_owned(),
        };
        let document = Artifact::document(Kind::Evaluation, series, &judgement).map_err(Failure::permanent)?;
        self.stores.artifacts.store(&rows).await?;
        self.stores.artifacts.store(&document).await?;
        Ok(version(delivery, trained, Some(document.name), rejected))
    }
}

impl Handler for Evaluation {
    const SERVICE: &'static str = "evaluation";

    fn consumes(&self) -> &'static [&'static str] {
        &["model.trained", "performance.scored"]
    }

    async fn handle(&self, delivery: &Delivery) -> Result<Outcome, Failure> {
        match &delivery.event.fact {
            Fact::ModelTrained(trained) => self.evaluate(delivery, trained).await,
            Fact::PerformanceScored(scored) => probation::look(&self.stores, delivery, scored).await,
            Fact::BatchReceived(_)
            | Fact::BatchAccepted(_)
            | Fact::BatchRejected(_)
            | Fact::DriftChecked(_)
            | Fact::RetrainingRequested(_)
            | Fact::TrainingFailed(_)
            | Fact::ModelPromoted(_)
            | Fact::ModelRejected(_)
            | Fact::ForecastIssued(_)
            | Fact::ForecastWithheld(_) => Err(delivery.unexpected()),
        }
    }

    async fn settled(&self, series: &SeriesId, published: &Outbox) -> Result<(), Failure> {
        Ok(self.stores.registry.settle::<Registry>(series, published).await?)
    }

    /// A challenger that cannot be evaluated does not take over, and a model whose probation cannot be looked at stays:
    /// the batches behind wait for either.
    async fn give_up(&self, delivery: &Delivery, reason: &str) -> Result<Outcome, Failure> {
        match &delivery.event.fact {
            Fact::ModelTrained(trained) => self.refuse(delivery, trained, reason).await,
            Fact::PerformanceScored(scored) => probation::give_up(&self.stores, delivery, scored, reason).await,
            Fact::BatchReceived(_)
            | Fact::BatchAccepted(_)
            | Fact::BatchRejected(_)
            | Fact::DriftChecked(_)
            | Fact::RetrainingRequested(_)
            | Fact::TrainingFailed(_)
            | Fact::ModelPromoted(_)
            | Fact::ModelRejected(_)
            | Fact::ForecastIssued(_)
            | Fact::ForecastWithheld(_) => Ok(Outcome::Done(Vec::new())),
        }
    }
}

fn version(delivery: &Delivery, trained: &ModelTrained, evaluation: Option<Ref>, rejected: Option<String>) -> Version {
    Version {
        number: 0,
        model: trained.model.clone(),
        retraining: trained.retraining.id.clone(),
        cause: trained.retraining.cause,
        at: delivery.event.as_of,
        evaluation,
        rejected,
        serving: None,
    }
}

fn refused(delivery: &Delivery, trained: &ModelTrained, reason: &str) -> Version {
    version(delivery, trained, None, Some(reason.to_owned()))
}

/// What is published of a challenger's outcome; the same whoever publishes it.
fn told(delivery: &Delivery, trained: &ModelTrained, version: &Version, registry: &Registry) -> Outcome {
    let fact = match (registry.takeover(version), &version.evaluation) {
        (Some(takeover), Some(evaluation)) => Fact::ModelPromoted(ModelPromoted {
            number: takeover.number,
            model: version.model.clone(),
            previous: takeover.from.clone(),
            by: Promotion::Evaluation { retraining: trained.retraining.clone(), evaluation: evaluation.clone() },
            pinned: false,
        }),
        (_, evaluation) => Fact::ModelRejected(ModelRejected {
            retraining: trained.retraining.clone(),
            model: trained.model.clone(),
            evaluation: evaluation.clone(),
            reason: version
                .rejected
                .clone()
                .unwrap_or_else(|| "the registry does not know how it took over".to_owned()),
            serving: version.serving.clone(),
        }),
    };
    Outcome::Done(vec![Event { fact, ..delivery.event.clone() }])
}
