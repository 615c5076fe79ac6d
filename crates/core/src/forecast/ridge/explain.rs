//! A regression's forecast taken apart by what it looks at.

use super::super::baseline::{mean, moved_week};
use super::super::calendar::Describes;
use super::super::error::PredictError;
use super::super::explain::{Input, Terms};
use super::super::inputs::Inputs;
use super::{Ridge, Weights, dot, newest_month};
use crate::time::Timestamp;

/// What a regression looks at from an origin, apart from its own past.
struct Others {
    /// The covariates' values, and the mean of those, by covariate.
    covariates: Vec<(String, Vec<f64>, f64)>,
    describes: Vec<Describes>,
}

impl Ridge {
    /// The parts of the forecast of every step, beside the mean of the last four weeks.
    ///
    /// # Errors
    /// As [`Ridge::predict`].
    pub(in super::super) fn explain(&self, inputs: &Inputs, origin: Timestamp) -> Result<Vec<Terms>, PredictError> {
        let month = newest_month(&inputs.own, self.cadence, origin)?;
        let base = mean(&month);
        let others = self.others(inputs, origin)?;
        let usual = moved_week(&month, self.cadence, self.steps.len(), self.shape_share);
        let level = moved_week(&month, self.cadence, 1, 0.0).into_iter().sum::<f64>();
        let calendar = self.calendar();
        let (day, year) = calendar.wave_places();
        let weather = self.weather(inputs, origin)?;
        let explain = |(step, weights): (usize, &Weights)| {
            let target = origin.plus(step as i64 * self.cadence.seconds());
            let described = calendar.features(target);
            let mut parts = Terms::default();
            parts.put(Input::Level, level - base);
            parts.put(Input::UsualShape, usual[step] - level);
            for (back, weight) in self.lags.iter().zip(&weights.lags) {
                parts.put(self.input(*back), weight * (month[month.len() - back] - base));
            }
            self.put_others(&mut parts, weights, &others, &described, base);
            if let Some(weather) = &weather {
                let features = weather.features(target, &described[day.clone()], year.map(|place| described[place]));
                parts.put(Input::Weather, dot(&weights.weather, &features));
            }
            self.put_bounds(&mut parts, base);
            parts
        };
        Ok(self.steps.iter().enumerate().map(explain).collect())
    }

    /// The parts of `steps` steps that are forecast by the first alone: what a step looks at of those before it came
    /// from the same inputs.
    ///
    /// # Errors
    /// As [`Ridge::predict`].
    pub(in super::super) fn explain_recursively(
        &self,
        inputs: &Inputs,
        origin: Timestamp,
        steps: usize,
    ) -> Result<Vec<Terms>, PredictError> {
        let month = newest_month(&inputs.own, self.cadence, origin)?;
        let (base, per_day) = (mean(&month), self.cadence.per_day());
        let others = self.others(inputs, origin)?;
        let calendar = self.calendar();
        let mut explained: Vec<Terms> = Vec::new();
        for step in 0..steps {
            let Some(weights) = self.steps.first() else { break };
            let described = calendar.features(origin.plus(step as i64 * self.cadence.seconds()));
            let mut parts = Terms::default();
            let mut look = |back: usize, weight: f64, level: bool| match step.checked_sub(back) {
                Some(earlier) => parts.put_all(&explained[earlier], weight),
                None => {
                    let back = back - step;
                    let input = if level { Input::Level } else { self.input(back) };
                    parts.put(input, weight * (month[month.len() - back] - base));
                }
            };
            for back in 1..=per_day {
                look(back, 1.0 / per_day as f64, true);
            }
            for (back, weight) in self.lags.iter().zip(&weights.lags) {
                look(*back, *weight, false);
            }
            self.put_others(&mut parts, weights, &others, &described, base);
            self.put_bounds(&mut parts, base);
            explained.push(parts);
        }
        Ok(explained)
    }

    fn others(&self, inputs: &Inputs, origin: Timestamp) -> Result<Others, PredictError> {
        let covariates = self.covariates.iter().map(|lagged| {
            let seen = lagged.seen(inputs, origin)?;
            let usual = mean(&seen);
            Ok::<_, PredictError>((lagged.name.clone(), seen, usual))
        });
        Ok(Others { covariates: covariates.collect::<Result<_, _>>()?, describes: self.calendar().describes() })
    }

    /// Covariates and calendar; what lags and covariates add at their means is what the model adds always.
    fn put_others(&self, parts: &mut Terms, weights: &Weights, others: &Others, described: &[f64], base: f64) {
        let (own, mut rest) = weights.lags.split_at(self.lags.len());
        let mut always = base * own.iter().sum::<f64>();
        for (name, seen, usual) in &others.covariates {
            let (of_it, more) = rest.split_at(seen.len());
            let moved: f64 = of_it.iter().zip(seen).map(|(weight, value)| weight * (value - usual)).sum();
            parts.put(Input::Covariate(name.clone()), moved);
            always += usual * of_it.iter().sum::<f64>();
            rest = more;
        }
        parts.put(Input::DayAndWeek, always);
        for ((weight, value), describes) in weights.calendar.iter().zip(described).zip(&others.describes) {
            let input = match describes {
                Describes::Level | Describes::Week => Input::DayAndWeek,
                Describes::Season => Input::Season,
            };
            parts.put(input, weight * value);
        }
    }

    fn put_bounds(&self, parts: &mut Terms, base: f64) {
        let value = base + parts.sum();
        let outside = value.clamp(self.minimum, self.maximum) - value;
        if outside != 0.0 {
            parts.put(Input::Bounds, outside);
        }
    }

    fn input(&self, back: usize) -> Input {
        if back <= self.cadence.per_day() { Input::LastDay } else { Input::Earlier }
    }
}
