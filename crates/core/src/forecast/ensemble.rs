//! Several members that forecast together, each with its share for each day of the horizon.

use serde::{Deserialize, Serialize};

use super::baseline::mean;
use super::error::{ModelError, PredictError};
use super::explain::{Input, Terms};
use super::inputs::Inputs;
use super::member::{Candidate, Member};
use super::memory::Memory;
use super::ridge::newest_month;
use crate::series::Definition;
use crate::time::{Cadence, Timestamp};

/// A fitted model: members and their shares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Ensemble {
    cadence: Cadence,
    minimum: f64,
    maximum: f64,
    trained_until: Timestamp,
    members: Vec<Member>,
    shares: Shares,
}

/// How much each member counts, by day of the horizon and member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Shares {
    /// With all that members look at.
    pub whole: Vec<Vec<f64>>,
    /// Among those that look at the series alone, for when what others look at is missing; none where all of them do,
    /// or none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone: Option<Vec<Vec<f64>>>,
}

#[derive(Deserialize)]
struct Parts {
    cadence: Cadence,
    minimum: f64,
    maximum: f64,
    trained_until: Timestamp,
    members: Vec<Member>,
    shares: Shares,
}

/// The values of a forecast, and what it had to do without.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// One value a step.
    pub values: Vec<f64>,
    /// Members that could not take part, with the reason.
    pub without: Vec<(Candidate, String)>,
}

impl Ensemble {
    /// Members of a series, fitted on hours before `trained_until`, with their shares by day of the horizon.
    pub(super) fn new(definition: &Definition, trained_until: Timestamp, members: Vec<Member>, shares: Shares) -> Self {
        let (minimum, maximum) = (definition.contract.minimum, definition.contract.maximum);
        Self { cadence: definition.cadence, minimum, maximum, trained_until, members, shares }
    }

    /// A model of one member alone, as models were before there were several.
    pub(crate) fn of_one(ridge: super::Ridge) -> Self {
        let ((minimum, maximum), trained_until) = (ridge.bounds(), ridge.trained_until());
        let days = ridge.horizon_steps().div_ceil(ridge.cadence().per_day());
        let cadence = ridge.cadence();
        let members = vec![Member::Ridge(ridge)];
        Self {
            cadence,
            minimum,
            maximum,
            trained_until,
            members,
            shares: Shares { whole: vec![vec![1.0]; days], alone: None },
        }
    }

    /// The end of the hours it was fitted on: it knows no value at or after this time.
    pub fn trained_until(&self) -> Timestamp {
        self.trained_until
    }

    /// The distance between two values.
    pub(super) fn cadence(&self) -> Cadence {
        self.cadence
    }

    /// Steps that it forecasts.
    pub fn horizon_steps(&self) -> usize {
        self.members.first().map_or(0, Member::steps)
    }

    #[cfg(test)]
    pub(super) fn into_members(self) -> Vec<Member> {
        self.members
    }

    /// Whether a member looks at more than the series itself, which may be missing.
    pub(super) fn sees_others(&self) -> bool {
        self.members.iter().any(|member| member.candidate().sees_others())
    }

    /// The members with their shares, by day of the horizon.
    pub fn shares(&self) -> impl Iterator<Item = (Candidate, Vec<f64>)> + '_ {
        let of = |place: usize| self.shares.whole.iter().map(|day| day[place]).collect();
        self.members.iter().enumerate().map(move |(place, member)| (member.candidate(), of(place)))
    }

    /// What each day of the horizon, from 1, was learnt from, by member that remembers.
    pub fn memories(&self) -> impl Iterator<Item = (Candidate, usize, Memory)> + '_ {
        self.members.iter().flat_map(|member| {
            member.memories().iter().enumerate().map(|(day, memory)| (member.candidate(), day + 1, *memory))
        })
    }

    /// Forecasts the steps from `origin` on, from nothing at or after it. Members that cannot forecast leave their
    /// share to the others.
    ///
    /// # Errors
    /// Where no member can forecast.
    pub fn predict(&self, inputs: &Inputs, origin: Timestamp) -> Result<Made, PredictError> {
        self.predict_without(inputs, origin, &[])
    }

    /// Forecasts as [`Self::predict`] does, and as if some members could not.
    ///
    /// # Errors
    /// Where no other member can forecast.
    pub(super) fn predict_without(
        &self,
        inputs: &Inputs,
        origin: Timestamp,
        without: &[Candidate],
    ) -> Result<Made, PredictError> {
        let mut forecasts = Vec::new();
        let mut failed = Vec::new();
        for member in &self.members {
            if without.contains(&member.candidate()) {
                forecasts.push(None);
                continue;
            }
            match member.predict(inputs, origin) {
                Ok(values) => forecasts.push(Some(values)),
                Err(why) => {
                    forecasts.push(None);
                    failed.push((member.candidate(), why));
                }
            }
        }
        if forecasts.iter().all(Option::is_none) {
            // What keeps the first from forecasting keeps all of them, or each has a reason of its own.
            let same = failed.windows(2).all(|pair| pair[0].1 == pair[1].1);
            let reasons: Vec<String> = failed.iter().map(|(by, why)| format!("{}: {why}", by.name())).collect();
            let first = failed.into_iter().next().filter(|_| same).map(|(_, why)| why);
            return Err(first.unwrap_or(PredictError::NoMember { origin, reasons: reasons.join("; ") }));
        }
        let values = (0..self.horizon_steps()).map(|step| self.combined(step, &forecasts)).collect();
        // A member that only stands by is not missed.
        let counts =
            |candidate: Candidate| self.shares().any(|(of, by_day)| of == candidate && by_day.iter().any(|s| *s > 0.0));
        let missed = failed.into_iter().filter(|(candidate, _)| counts(*candidate));
        Ok(Made { values, without: missed.map(|(candidate, why)| (candidate, why.to_string())).collect() })
    }

    /// The parts of every step of the forecast that was made from `origin`, beside the mean of the last four weeks.
    ///
    /// # Errors
    /// Where the newest weeks cannot be forecast from.
    pub(super) fn explain(
        &self,
        inputs: &Inputs,
        origin: Timestamp,
        values: &[f64],
    ) -> Result<Vec<Terms>, PredictError> {
        let base = mean(&newest_month(&inputs.own, self.cadence, origin)?);
        let members: Vec<Option<Vec<Terms>>> =
            self.members.iter().map(|member| member.explain(inputs, origin).ok()).collect();
        let explain = |(step, value): (usize, &f64)| {
            let present: Vec<bool> = members.iter().map(Option::is_some).collect();
            let mut parts = Terms::default();
            for (of_member, share) in members.iter().zip(self.shares_of(step, &present)) {
                of_member.iter().filter_map(|of| of.get(step)).for_each(|of| parts.put_all(of, share));
            }
            parts.put(Input::Bounds, value - base - parts.sum());
            parts
        };
        Ok(values.iter().enumerate().map(explain).collect())
    }

    /// The members' forecasts put together; a member without one leaves its share to the others.
    pub(super) fn combine(&self, forecasts: &[Vec<f64>]) -> Vec<f64> {
        let forecasts: Vec<Option<Vec<f64>>> = forecasts.iter().cloned().map(Some).collect();
        (0..self.horizon_steps()).map(|step| self.combined(step, &forecasts)).collect()
    }

    fn combined(&self, step: usize, forecasts: &[Option<Vec<f64>>]) -> f64 {
        let present: Vec<bool> = forecasts.iter().map(Option::is_some).collect();
        let shares = self.shares_of(step, &present);
        let value = |(forecast, share): (&Option<Vec<f64>>, f64)| forecast.as_ref().map_or(0.0, |f| f[step] * share);
        self.bounded(forecasts.iter().zip(shares).map(value).sum())
    }

    /// The shares of the members that are there, which add up to 1.
    fn shares_of(&self, step: usize, present: &[bool]) -> Vec<f64> {
        let day = step / self.cadence.per_day();
        let left = |shares: &[f64]| -> Vec<f64> {
            shares.iter().zip(present).map(|(share, there)| if *there { *share } else { 0.0 }).collect()
        };
        let mut shares = left(&self.shares.whole[day]);
        // The rest of the shares were learnt beside those that are missing. Where nobody is left who looks at more
        // than the series, others are known that were learnt without them.
        let sees = |(share, member): (&f64, &Member)| *share > 0.0 && member.candidate().sees_others();
        let is_informed = shares.iter().zip(&self.members).any(sees);
        let is_whole = shares == self.shares.whole[day];
        if let (false, false, Some(alone)) = (is_whole, is_informed, &self.shares.alone) {
            shares = left(&alone[day]);
        }
        let total: f64 = shares.iter().sum();
        if total > 0.0 {
            return shares.iter().map(|share| share / total).collect();
        }
        // Those that are left had no share: they count alike.
        let count = present.iter().filter(|there| **there).count().max(1) as f64;
        present.iter().map(|there| if *there { 1.0 / count } else { 0.0 }).collect()
    }

    /// The nearest value that can be true.
    pub(super) fn bounded(&self, value: f64) -> f64 {
        value.clamp(self.minimum, self.maximum)
    }
}

impl TryFrom<Parts> for Ensemble {
    type Error = ModelError;

    fn try_from(parts: Parts) -> Result<Self, ModelError> {
        let Parts { cadence, minimum, maximum, trained_until, members, shares } = parts;
        let steps = members.first().map_or(0, Member::steps);
        if steps == 0 || members.iter().any(|member| member.steps() != steps) {
            return Err(ModelError::Members);
        }
        let is_share = |share: &f64| (0.0..=1.0).contains(share);
        let fits = |day: &Vec<f64>| day.len() == members.len() && day.iter().all(is_share);
        for shares in std::iter::once(&shares.whole).chain(&shares.alone) {
            if shares.len() != steps.div_ceil(cadence.per_day()) || !shares.iter().all(fits) {
                return Err(ModelError::Shares);
            }
        }
        let has_room = minimum < maximum;
        if !has_room {
            return Err(ModelError::Bounds { minimum: minimum.to_string(), maximum: maximum.to_string() });
        }
        Ok(Self { cadence, minimum, maximum, trained_until, members, shares })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{definition, simulated};
    use super::super::{Fitted, fit};
    use super::*;

    fn fitted() -> (Inputs, Fitted) {
        let inputs = Inputs::alone(simulated(Cadence::Day, 120, 1));
        let mut definition = definition("1d", 96);
        definition.forecast.candidates = vec![Candidate::Ridge, Candidate::Recursive, Candidate::PreviousWeek];
        let fitted = fit(&definition, &inputs).unwrap();
        (inputs, fitted)
    }

    #[test]
    fn a_forecast_is_the_members_forecasts_by_their_shares() {
        let (inputs, Fitted { serving, .. }) = fitted();
        let origin = inputs.end();
        let each: Vec<Vec<f64>> = serving.members.iter().map(|m| m.predict(&inputs, origin).unwrap()).collect();
        let made = serving.predict(&inputs, origin).unwrap();
        for (step, value) in made.values.iter().enumerate() {
            let expected: f64 = each.iter().zip(&serving.shares.whole[step]).map(|(f, share)| f[step] * share).sum();
            assert!((value - expected).abs() < 1e-9, "step {step}");
        }
        assert!(made.without.is_empty());
    }

    #[test]
    fn a_member_that_cannot_forecast_leaves_its_share_to_the_others() {
        let (_, Fitted { mut serving, .. }) = fitted();
        serving.shares.whole = vec![vec![0.2, 0.2, 0.6]; 4];
        let value = |forecasts: [Option<f64>; 3]| serving.combined(0, &forecasts.map(|f| f.map(|value| vec![value])));
        assert!((value([Some(100.0), Some(200.0), Some(300.0)]) - 240.0).abs() < 1e-9);
        assert!((value([Some(100.0), Some(200.0), None]) - 150.0).abs() < 1e-9);
        serving.shares.whole = vec![vec![0.0, 0.0, 1.0]; 4];
        let left = [Some(vec![100.0]), Some(vec![200.0]), None];
        assert!((serving.combined(0, &left) - 150.0).abs() < 1e-9);
    }

    #[test]
    fn without_what_others_look_at_the_shares_are_those_learnt_without_them() {
        let (_, Fitted { mut serving, .. }) = fitted();
        // The second member looks at covariates, which has left the first without a share.
        let Member::Ridge(ridge) = serving.members[0].clone() else { panic!("a ridge is the first member") };
        serving.members[1] = Member::RidgeCovariates(ridge);
        let whole = vec![vec![0.0, 0.8, 0.2]; 4];
        serving.shares = Shares { whole, alone: Some(vec![vec![0.9, 0.0, 0.1]; 4]) };
        let value = |forecasts: [Option<f64>; 3]| serving.combined(0, &forecasts.map(|f| f.map(|value| vec![value])));
        assert!((value([Some(100.0), Some(200.0), Some(300.0)]) - 220.0).abs() < 1e-9);
        assert!((value([Some(100.0), None, Some(300.0)]) - 120.0).abs() < 1e-9);
        // The naive one is missing instead: those that look at more are still there.
        assert!((value([Some(100.0), Some(200.0), None]) - 200.0).abs() < 1e-9);
    }

    #[test]
    fn a_stored_ensemble_that_does_not_fit_together_is_refused() {
        let (_, Fitted { serving, .. }) = fitted();
        let stored = serde_json::to_value(&serving).unwrap();
        let refusal = |change: fn(&mut serde_json::Value)| {
            let mut changed = stored.clone();
            change(&mut changed);
            serde_json::from_value::<Ensemble>(changed).unwrap_err().to_string()
        };
        let shares = "the model's shares do not fit its members and its horizon";
        assert_eq!(refusal(|m| drop(m["shares"]["whole"].as_array_mut().unwrap().pop())), shares);
        assert_eq!(refusal(|m| m["shares"]["whole"][0][1] = 1.5.into()), shares);
        let members = "the model's members do not forecast one horizon";
        assert_eq!(refusal(|m| m["members"] = serde_json::json!([])), members);
        assert_eq!(refusal(|m| m["members"][2]["previous_week"]["steps"] = 3.into()), members);
    }
}
