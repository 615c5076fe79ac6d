//! Errors of a model, or of its like, that were made on hours it did not know.

use crate::forecast::Fitted;
use crate::history::History;
use crate::report::{Coverage, Figures, Group, Place, Report, grouped, horizon_days};
use crate::series::Definition;
use crate::time::Cadence;

/// Errors out of sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Where they are from; why there are none.
    pub source: String,
    /// By day of the horizon, from 1.
    pub by_day: Vec<Group<Figures>>,
    /// By season.
    pub by_season: Vec<Group<Figures>>,
    /// By local hour; none of a series of days.
    pub by_hour: Vec<Group<Figures>>,
    /// How often intervals held, where that is known.
    pub coverage: Option<Coverage>,
}

/// A step of a past forecast.
struct Step {
    step: usize,
    place: Place,
    forecast: f64,
    measured: f64,
}

impl Known {
    /// From the forecasts of a backtest, each by the model of its day.
    pub fn of_report(report: &Report) -> Self {
        let issued = |groups: &[Group<crate::report::Compared>]| -> Vec<Group<Figures>> {
            groups.iter().map(|group| Group { name: group.name.clone(), figures: group.figures.issued }).collect()
        };
        let span = report.origins.map_or(String::new(), |(first, last)| format!(" from {first} to {last}"));
        let source = format!("the {} forecasts of the backtest{span}, each by the model of its day", report.issued);
        Self {
            source,
            by_day: issued(&report.errors.by_day),
            by_season: issued(&report.errors.by_season),
            by_hour: issued(&report.errors.by_hour),
            coverage: Some(report.calibration.overall.clone()),
        }
    }

    /// From the rolling origins of a model's training: its members, fitted on less, forecast hours that they did not
    /// know.
    pub fn of_training(definition: &Definition, fitted: &Fitted, measured: &History) -> Self {
        let (cadence, zone) = (definition.cadence, definition.zone());
        let mut steps = Vec::new();
        let mut origins = 0;
        for (origin, errors) in fitted.calibration.errors() {
            origins += 1;
            for (step, error) in errors.into_iter().enumerate() {
                let target = origin.plus(step as i64 * cadence.seconds());
                let Some((error, measured)) = error.zip(measured.at(target)) else { continue };
                steps.push(Step { step, place: Place::of(target, &zone), forecast: measured + error, measured });
            }
        }
        if steps.is_empty() {
            let source = "the model does not hold the errors of its training".to_owned();
            let none = Vec::new;
            return Self { source, by_day: none(), by_season: none(), by_hour: none(), coverage: None };
        }
        let figures = |steps: &[&Step]| Figures::of(steps.iter().map(|step| (step.forecast, step.measured)));
        let per_day = cadence.per_day();
        let by_hour = || grouped(&steps, [], |at| at.place.hour, |hour| format!("{hour:02}"), figures);
        Self {
            source: format!("{origins} rolling origins of its training, each by members fitted on less than its hours"),
            by_day: grouped(
                &steps,
                0..horizon_days(definition),
                |at| at.step / per_day,
                |day| (day + 1).to_string(),
                figures,
            ),
            by_season: grouped(&steps, [], |at| at.place.season(), |(_, name)| (*name).to_owned(), figures),
            by_hour: if cadence == Cadence::Day { Vec::new() } else { by_hour() },
            coverage: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_day.iter().all(|group| group.figures.steps == 0)
    }
}
