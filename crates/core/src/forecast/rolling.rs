//! Forecasts of the past as they would have been made then: at rising cuts every candidate is fitted anew, and
//! forecasts once a day until the next cut.
//!
//! From them shares and intervals are learnt. Nothing that stands at or after a cut shapes what was fitted at it.

use rayon::prelude::*;

use super::member::Member;
use crate::forecast::inputs::Inputs;
use crate::history::History;
use crate::series::Definition;
use crate::time::{DAY, Timestamp};

/// Days between two cuts before the holdout.
pub(super) const FOLD_DAYS: i64 = 30;
/// The most cuts before the holdout: five months.
const MOST_FOLDS: i64 = 5;

/// What every member forecast from one origin.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trial {
    pub origin: Timestamp,
    /// By member, in the order of the model.
    pub forecasts: Vec<Vec<f64>>,
}

/// The cuts at which candidates are fitted, rising: some before the holdout, its start, and the end of the history.
///
/// A cut leaves as much before it as a first model needs.
pub(super) fn cuts(definition: &Definition, history: &History, holdout_start: Timestamp) -> Vec<Timestamp> {
    let carries = |cut: &Timestamp| history.before(*cut).measured_days() >= definition.forecast.history_days;
    let folds = (1..=MOST_FOLDS).map(|fold| holdout_start.plus(-fold * FOLD_DAYS * DAY)).take_while(carries);
    let mut cuts: Vec<Timestamp> = folds.collect();
    cuts.reverse();
    cuts.extend([holdout_start, history.end()]);
    cuts
}

/// Whether a member that looks at other inputs forecasts from at least half of the days of the holdout: one whose input
/// has stopped would have no errors to learn from.
pub(super) fn can_forecast(member: &Member, inputs: &Inputs, holdout_start: Timestamp) -> bool {
    if !member.candidate().sees_others() {
        return true;
    }
    let days = (inputs.end().since(holdout_start) / DAY).max(1);
    let origins = (1..=days).map(|day| inputs.end().plus(-day * DAY));
    2 * origins.filter(|origin| member.predict(inputs, *origin).is_ok()).count() as i64 >= days
}

/// The forecasts of these members from the daily origins in `from..until`, at the time of day at which the history
/// ends.
pub(super) fn trials(members: &[&Member], inputs: &Inputs, from: Timestamp, until: Timestamp) -> Vec<Trial> {
    let forecast = |origin| members.iter().map(|member| member.predict(inputs, origin).ok()).collect();
    trials_of(forecast, inputs, from, until)
}

/// The forecasts that are made together from the same daily origins as [`trials`]; an origin in a gap, from which one
/// of them cannot be made, compares nobody.
pub(super) fn trials_of(
    forecast: impl Fn(Timestamp) -> Option<Vec<Vec<f64>>> + Sync,
    inputs: &Inputs,
    from: Timestamp,
    until: Timestamp,
) -> Vec<Trial> {
    let first = from.plus(inputs.end().since(from).rem_euclid(DAY));
    let origins: Vec<Timestamp> = (0..).map(|day| first.plus(day * DAY)).take_while(|origin| *origin < until).collect();
    let trial = |origin: Timestamp| Some(Trial { origin, forecasts: forecast(origin)? });
    let made: Vec<Option<Trial>> = origins.into_par_iter().map(trial).collect();
    made.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{definition, simulated, start};
    use super::super::{Candidate, fit};
    use super::*;
    use crate::time::Cadence;

    #[test]
    fn cuts_rise_by_thirty_days_to_the_holdout_and_leave_a_first_models_history() {
        let history = simulated(Cadence::Day, 160, 1);
        let day = |days: i64| start().plus(days * DAY);
        // The holdout begins on day 139; 109 and 79 leave the 60 days that a first model needs, 49 does not.
        let found = cuts(&definition("1d", 96), &history, day(139));
        assert_eq!(found, [79, 109, 139, 160].map(day));
    }

    #[test]
    fn origins_stand_at_the_time_of_day_at_which_the_history_ends() {
        let whole = simulated(Cadence::Hour, 70, 2);
        let inputs = Inputs::alone(whole.between(start(), start().plus(69 * DAY + 5 * 3_600)));
        let mut definition = definition("1h", 24);
        definition.forecast.candidates = vec![Candidate::PreviousDay];
        let serving = fit(&definition, &inputs).unwrap().serving;
        let members: Vec<Member> = serving.into_members();
        let members: Vec<&Member> = members.iter().collect();
        let origins: Vec<Timestamp> = trials(&members, &inputs, start().plus(60 * DAY), start().plus(62 * DAY))
            .into_iter()
            .map(|trial| trial.origin)
            .collect();
        assert_eq!(origins, [60, 61].map(|day| start().plus(day * DAY + 5 * 3_600)));
    }
}
