//! What became of a history that was run through the platform, told from its events alone.

use serde::Serialize;

use crate::artifact::Ref;
use crate::event::{Cause, Event, Fact, ForecastIssued, Promotion, RetrainingId};
use crate::time::Timestamp;

/// Counts and lists over the events of one series.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tally {
    /// Batches received.
    pub batches: u64,
    /// Batches that broke the contract.
    pub rejected: u64,
    /// Forecasts issued.
    pub issued: u64,
    /// Batches that ended without a forecast.
    pub withheld: u64,
    /// Drift checks.
    pub drift_checks: u64,
    /// Rows that were refused while their batch was accepted.
    pub rows_quarantined: u64,
    /// Retrainings in the order they were asked for.
    pub retrainings: Vec<Ended>,
    /// Models that took over.
    pub promotions: u64,
    /// Challengers that did not.
    pub rejections: u64,
    /// Received batches by how often they ended; right is `ended_once == batches`.
    pub ended_once: u64,
    #[serde(skip)]
    forecasts: Vec<ForecastIssued>,
    #[serde(skip)]
    models: Vec<Ref>,
    #[serde(skip)]
    withheld_because: Vec<(Timestamp, String)>,
    #[serde(skip)]
    endings: std::collections::BTreeMap<u64, u64>,
}

/// A retraining and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ended {
    /// The data's time at which it was asked for.
    pub when: Timestamp,
    /// Why.
    pub cause: Cause,
    /// How it ended: `promoted`, `rejected`, `failed` or `in flight`.
    pub outcome: &'static str,
    /// Why it ended so; the evidence where it was promoted.
    pub reason: String,
    /// Its id.
    pub id: RetrainingId,
}

impl Tally {
    /// Takes note of one event; the same event twice counts twice, so that a second terminal event shows.
    pub fn note(&mut self, event: &Event) {
        if let Some(ordinal) = ended(&event.fact) {
            let times = self.endings.entry(ordinal).or_default();
            *times += 1;
            match *times {
                1 => self.ended_once += 1,
                2 => self.ended_once -= 1,
                _ => {}
            }
        }
        match &event.fact {
            Fact::BatchReceived(_) => self.batches += 1,
            Fact::BatchAccepted(accepted) => self.rows_quarantined += accepted.rows_quarantined,
            Fact::BatchRejected(_) => self.rejected += 1,
            Fact::DriftChecked(_) => self.drift_checks += 1,
            Fact::RetrainingRequested(asked) => self.retrainings.push(Ended {
                when: event.as_of,
                cause: asked.cause,
                outcome: "in flight",
                reason: asked.evidence.clone(),
                id: asked.id.clone(),
            }),
            Fact::ModelTrained(_) | Fact::PerformanceScored(_) => {}
            Fact::TrainingFailed(failed) => self.end(&failed.retraining.id, "failed", Some(&failed.reason)),
            Fact::ModelPromoted(promoted) => {
                self.promotions += 1;
                self.models.push(promoted.model.clone());
                if let Promotion::Evaluation { retraining, .. } = &promoted.by {
                    self.end(&retraining.id, "promoted", None);
                }
            }
            Fact::ModelRejected(rejected) => {
                self.rejections += 1;
                self.end(&rejected.retraining.id, "rejected", Some(&rejected.reason));
            }
            Fact::ForecastIssued(issued) => {
                self.issued += 1;
                self.forecasts.push(issued.clone());
            }
            Fact::ForecastWithheld(withheld) => {
                self.withheld += 1;
                self.withheld_because.push((event.as_of, withheld.reason.clone()));
            }
        }
    }

    /// The issued forecasts in the order of their batches.
    pub fn forecasts(&self) -> Vec<&ForecastIssued> {
        let mut forecasts: Vec<_> = self.forecasts.iter().collect();
        forecasts.sort_by_key(|f| f.batch.sequence);
        forecasts
    }

    /// The first model that took over.
    pub fn first_model(&self) -> Option<&Ref> {
        self.models.first()
    }

    /// The newest model that took over.
    pub fn newest_model(&self) -> Option<&Ref> {
        self.models.last()
    }

    /// The batches without a forecast by their time, each with the reason.
    pub fn withheld_because(&self) -> &[(Timestamp, String)] {
        &self.withheld_because
    }

    fn end(&mut self, id: &RetrainingId, outcome: &'static str, reason: Option<&String>) {
        if let Some(entry) = self.retrainings.iter_mut().rev().find(|r| &r.id == id) {
            entry.outcome = outcome;
            if let Some(reason) = reason {
                entry.reason.clone_from(reason);
            }
        }
    }
}

/// The ordinal of the batch that a fact ends, where it ends one.
pub fn ended(fact: &Fact) -> Option<u64> {
    match fact {
        Fact::BatchRejected(rejected) => Some(rejected.ordinal),
        Fact::ForecastIssued(issued) => Some(issued.batch.ordinal),
        Fact::ForecastWithheld(withheld) => Some(withheld.batch.ordinal),
        Fact::BatchReceived(_)
        | Fact::BatchAccepted(_)
        | Fact::DriftChecked(_)
        | Fact::RetrainingRequested(_)
        | Fact::ModelTrained(_)
        | Fact::TrainingFailed(_)
        | Fact::ModelPromoted(_)
        | Fact::ModelRejected(_)
        | Fact::PerformanceScored(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{Format, Kind};
    use crate::event::BatchRejected;

    fn rejected(ordinal: u64) -> Event {
        let series: crate::series::SeriesId = "it.ci_direct".parse().unwrap();
        let raw = Ref::of(Kind::Raw, &series, Format::Csv, b"");
        let fact = Fact::BatchRejected(BatchRejected { ordinal, raw, reason: "empty".into(), quarantine: None });
        Event { series, as_of: "2021-01-01".parse().unwrap(), fact }
    }

    #[test]
    fn a_batch_that_ends_twice_did_not_end_once() {
        let mut tally = Tally::default();
        for ordinal in [1, 2, 2, 3, 2] {
            tally.note(&rejected(ordinal));
        }
        assert_eq!(tally.ended_once, 2);
    }
}
