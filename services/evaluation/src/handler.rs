//! What evaluation does with a challenger: load both models and the held-out hours, compare in core, store, move the
//! registry.

use aria_core::artifact::{Artifact, Format, Kind, Ref};
use aria_core::evaluation::{self, Contest, Verdict};
use aria_core::event::{Event, Fact, ModelPromoted, ModelRejected, ModelTrained, Promotion};
use aria_core::judgement::Judgement;
use aria_core::model::Model;
use aria_core::registry::{Move, Registry, Version};
use aria_io::library::Series;
use aria_io::runtime::{Delivery, Failure, Handler, Outcome, cpu};
use aria_io::stores::{Held, Stores};

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
    async fn evaluate(&self, delivery: &Delivery, trained: &ModelTrained) -> Result<Fact, Failure> {
        let registry: Held<Registry> = self.stores.registry.load(&delivery.event.series).await?;
        if let Some(version) = registry.document.outcome(&trained.retraining.id) {
            return Ok(fact(trained, version, registry.document.takeover(version)));
        }
        let version = match &registry.document.champion {
            champion if champion == &trained.retraining.incumbent => self.compare(delivery, trained).await?,
            _ => refused(delivery, trained, "the serving model changed while the challenger was trained"),
        };
        let next = registry.document.with(version);
        self.stores.registry.store(&delivery.event.series, registry.revision, &next).await?;
        let version = next.outcome(&trained.retraining.id).ok_or_else(|| delivery.unexpected())?;
        Ok(fact(trained, version, next.takeover(version)))
    }

    async fn compare(&self, delivery: &Delivery, trained: &ModelTrained) -> Result<Version, Failure> {
        let artifacts = &self.stores.artifacts;
        let challenger: Model = artifacts.get_document(&trained.model).await?;
        let champion: Option<Model> = match &trained.retraining.incumbent {
            Some(name) => Some(artifacts.get_document(name).await?),
            None => None,
        };
        let series = Series::open(artifacts, &trained.retraining.snapshot).await?;
        let history = series.history(artifacts, series.manifest.first, series.manifest.end).await?;
        let compared = cpu(move || {
            let (candidate, from) = (&challenger.fitted.candidate, challenger.fitted.holdout_start);
            let champion = champion.as_ref().map(|c| &c.fitted.candidate);
            evaluation::evaluate(&series.definition, &history, candidate, champion, from, history.end())
        })
        .await?;
        match compared {
            Ok(contest) => self.judged(delivery, trained, contest).await,
            Err(why) => Ok(refused(delivery, trained, &why.to_string())),
        }
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
        &["model.trained"]
    }

    async fn handle(&self, delivery: &Delivery) -> Result<Outcome, Failure> {
        let Fact::ModelTrained(trained) = &delivery.event.fact else { return Err(delivery.unexpected()) };
        let fact = self.evaluate(delivery, trained).await?;
        Ok(Outcome::Done(vec![Event { fact, ..delivery.event.clone() }]))
    }

    /// A challenger that cannot be evaluated does not take over.
    async fn give_up(&self, delivery: &Delivery, reason: &str) -> Result<Vec<Event>, Failure> {
        let Fact::ModelTrained(trained) = &delivery.event.fact else { return Ok(Vec::new()) };
        let registry: Held<Registry> = self.stores.registry.load(&delivery.event.series).await?;
        let fact = match registry.document.outcome(&trained.retraining.id) {
            Some(version) => fact(trained, version, registry.document.takeover(version)),
            None => {
                let reason = format!("the challenger could not be evaluated: {reason}");
                let next = registry.document.with(refused(delivery, trained, &reason));
                self.stores.registry.store(&delivery.event.series, registry.revision, &next).await?;
                rejected(trained, None, &reason)
            }
        };
        Ok(vec![Event { fact, ..delivery.event.clone() }])
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
    }
}

fn refused(delivery: &Delivery, trained: &ModelTrained, reason: &str) -> Version {
    version(delivery, trained, None, Some(reason.to_owned()))
}

/// What is published of a challenger's outcome; the same whoever publishes it.
fn fact(trained: &ModelTrained, version: &Version, takeover: Option<&Move>) -> Fact {
    match (takeover, &version.evaluation) {
        (Some(takeover), Some(evaluation)) => Fact::ModelPromoted(ModelPromoted {
            number: takeover.number,
            model: version.model.clone(),
            previous: takeover.from.clone(),
            by: Promotion::Evaluation { retraining: trained.retraining.clone(), evaluation: evaluation.clone() },
        }),
        (_, evaluation) => {
            let reason = version.rejected.as_deref().unwrap_or("the registry does not know how it took over");
            rejected(trained, evaluation.as_ref(), reason)
        }
    }
}

fn rejected(trained: &ModelTrained, evaluation: Option<&Ref>, reason: &str) -> Fact {
    Fact::ModelRejected(ModelRejected {
        retraining: trained.retraining.clone(),
        model: trained.model.clone(),
        evaluation: evaluation.cloned(),
        reason: reason.to_owned(),
    })
}
