//! A year of forecasts as they would have been made: what a model's errors usually are, before it has served a day.

use super::calibration::Calibration;
use super::ensemble::Ensemble;
use super::error::FitError;
use super::inputs::Inputs;
use super::rolling::{self, FOLD_DAYS, Trial};
use super::values::Forecast;
use super::{Rolled, members_at, points};
use crate::series::Definition;
use crate::time::{DAY, Timestamp};

/// Folds of thirty days: a year and a week.
const FOLDS: i64 = 13;

/// Forecasts of the past year from daily origins, each by a model that was fitted on nothing after the cut before it
/// and calibrated on nothing after its origin. None of a history too short to be cut.
///
/// # Errors
/// Where the history cannot carry a model at any of the cuts.
pub fn backcast(definition: &Definition, inputs: &Inputs) -> Result<Vec<Forecast>, FitError> {
    let end = inputs.end();
    let carries = |cut: &Timestamp| inputs.own.before(*cut).measured_days() >= definition.forecast.history_days;
    let folds = (1..=FOLDS).map(|fold| end.plus(-fold * FOLD_DAYS * DAY)).take_while(carries);
    let mut cuts: Vec<Timestamp> = folds.collect();
    cuts.reverse();
    loop {
        match backcast_at(definition, inputs, &cuts) {
            // Gaps may leave an early cut too little.
            Err(FitError::TooFewRows { .. } | FitError::Constant { .. } | FitError::Unmeasured { .. })
                if cuts.len() > 1 =>
            {
                cuts.remove(0);
            }
            made => return made,
        }
    }
}

fn backcast_at(definition: &Definition, inputs: &Inputs, cuts: &[Timestamp]) -> Result<Vec<Forecast>, FitError> {
    let (Some(first), Some(last)) = (cuts.first(), cuts.last()) else { return Ok(Vec::new()) };
    let (inputs, _) = inputs.usable(*first, *last);
    let members = members_at(definition, &inputs, cuts, *last)?.by_candidate;
    let mut rolled = Rolled::new(definition, &inputs, *first);
    let mut made = Vec::new();
    for (fold, cut) in cuts.iter().enumerate() {
        let until = cuts.get(fold + 1).copied().unwrap_or_else(|| inputs.end());
        let at_cut: Vec<_> = members.iter().map(|members| members[fold].clone()).collect();
        // A model in service corrects its level by errors of the holdout and of its own.
        rolled.calibration.correct_from(cut.plus(-i64::from(definition.forecast.holdout_days) * DAY));
        let trials = rolling::trials(&at_cut.iter().collect::<Vec<_>>(), &inputs, *cut, until);
        let ensemble = rolled.ensemble(at_cut, *cut);
        for trial in &trials {
            made.extend(forecast(&mut rolled.calibration, &ensemble, &inputs, trial));
        }
        rolled.trials.extend(trials);
    }
    Ok(made)
}

/// The forecast from an origin, which the calibration then takes in; none where too few errors are known before it.
fn forecast(calibration: &mut Calibration, ensemble: &Ensemble, inputs: &Inputs, trial: &Trial) -> Option<Forecast> {
    let values = ensemble.combine(&trial.forecasts);
    let outlook = calibration.clone().outlook(trial.origin, &inputs.own).ok();
    calibration.advance(trial.origin, values.clone(), &inputs.own);
    let points = points(ensemble, trial.origin, &values, &outlook?);
    Some(Forecast { origin: trial.origin, cadence: inputs.cadence(), points })
}
