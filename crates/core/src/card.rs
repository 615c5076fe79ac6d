//! The card of a model: what it is for, what it was made of and from, how far off it was, and what it cannot know, as
//! Markdown.
//!
//! Its figures are of errors that were made out of sample, or are left out. Whatever comes from data is escaped.

mod known;
mod markdown;

use std::fmt::Write as _;

pub use known::Known;

use self::markdown::{escaped, figure, share, table};
use crate::budget::Budget;
use crate::forecast::{Candidate, Fitted, covariate_lags, lags};
use crate::history::History;
use crate::report;
use crate::series::{Definition, Quantity};
use crate::time::{Cadence, Timestamp};

/// What a card tells of.
#[derive(Clone, Debug)]
pub struct Card<'a> {
    /// The series' definition.
    pub definition: &'a Definition,
    /// The model.
    pub fitted: &'a Fitted,
    /// The values that it was trained on.
    pub trained_on: &'a History,
    /// Where they lie: a snapshot or a file.
    pub source: &'a str,
    /// Whether they were made by the simulator, where that is known.
    pub simulated: Option<bool>,
    /// What else is known of how it came about, such as its cause and what became of it.
    pub history: Vec<String>,
    /// Limits that were found in training.
    pub limits: &'a [String],
    /// What it is watched with; none of a model that no monitor belongs to.
    pub watched: Option<Budget>,
    /// Errors that were made out of sample.
    pub known: Known,
}

impl Card<'_> {
    /// The card as Markdown. The same model and errors give the same text.
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "# Model of {}\n", escaped(self.definition.id.as_str()))?;
        if self.simulated == Some(true) {
            writeln!(text, "**Trained on simulated data: nothing of it was measured.**\n")?;
        }
        self.write_purpose(text)?;
        self.write_data(text)?;
        self.write_features(text)?;
        self.write_errors(text)?;
        self.write_intervals(text)?;
        self.write_monitors(text)?;
        self.write_limits(text)
    }

    fn write_purpose(&self, text: &mut String) -> std::fmt::Result {
        let Definition { id, unit, quantity, forecast, .. } = self.definition;
        let what = match quantity {
            Quantity::Intensity => "an intensity: an average over all generation, not what one more kWh would cause",
            Quantity::Emission => "an emission per hour",
            Quantity::Weather => "the wind at the issue of weather forecasts",
        };
        writeln!(text, "## What it is for\n")?;
        writeln!(
            text,
            "It forecasts `{id}` in {}, {what}, for the {} hours from an origin on, with intervals of 50, 80 and 95 %. \
             It is made for planning by people and schedulers. It is no measurement: accounts of what was emitted need \
             the measured values.\n",
            escaped(unit),
            forecast.horizon_hours,
        )?;
        for line in &self.history {
            writeln!(text, "- {}", escaped(line))?;
        }
        if self.history.is_empty() { Ok(()) } else { writeln!(text) }
    }

    fn write_data(&self, text: &mut String) -> std::fmt::Result {
        let (definition, data) = (self.definition, self.trained_on);
        let gaps = Gaps::of(data);
        writeln!(text, "## Data\n")?;
        let all = data.values().len();
        let longest =
            gaps.longest.map_or(String::new(), |(from, steps)| format!("; the longest has {steps}, from {from}"));
        let rows = [
            ["Column".to_owned(), escaped(&definition.source.value_column)],
            ["Step".to_owned(), definition.cadence.spelled().to_owned()],
            ["Local time".to_owned(), escaped(&definition.time_zone)],
            ["Span".to_owned(), format!("{} to {}", data.start(), data.end())],
            ["Steps".to_owned(), format!("{all}, {} without a value in {} gaps{longest}", gaps.steps, gaps.count)],
            ["From".to_owned(), escaped(self.source)],
        ];
        table(text, &["", ""], &rows.map(Vec::from))?;
        let forecast = &definition.forecast;
        writeln!(
            text,
            "\nRegressions are fitted on everything before {}, a value half as much with every {} days of age; the penalty is {}. Shares \
             and intervals come from rolling origins whose models did not know the hours that they forecast; the newest \
             {} days were kept from the fit that is evaluated.\n",
            self.fitted.trained_until, forecast.half_life_days, forecast.penalty, forecast.holdout_days,
        )
    }

    fn write_features(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "## Members and what they look at\n")?;
        let shares = report::shares(&self.fitted.serving);
        let days = shares.first().map_or(0, |share| share.by_day.len());
        let mut heads = vec!["Member".to_owned()];
        heads.extend((1..=days).map(|day| format!("Share on day {day}")));
        let row = |member: &report::Share| {
            let parts = member.by_day.iter().map(|part| share(Some(*part)));
            std::iter::once(format!("`{}`", member.member)).chain(parts).collect()
        };
        let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
        table(text, &heads, &shares.iter().map(row).collect::<Vec<_>>())?;
        writeln!(text)?;
        for (candidate, _) in self.fitted.serving.shares() {
            writeln!(text, "- `{}`: {}.", candidate.name(), looks_at(candidate, self.definition.cadence))?;
        }
        for lookback in &self.definition.forecast.covariates {
            let (column, delay) = (escaped(&lookback.column), lookback.delay_hours);
            writeln!(text, "- Covariate {column}: known {delay} hours after the end of a step.")?;
        }
        for neighbour in &self.definition.forecast.neighbours {
            let (series, delay) = (escaped(neighbour.series.as_str()), neighbour.delay_hours);
            writeln!(text, "- Neighbour {series}: known {delay} hours after the end of a step.")?;
        }
        if let Some(weather) = &self.definition.forecast.weather {
            let (series, delay) = (escaped(weather.series.as_str()), weather.delay_hours);
            writeln!(text, "- Weather {series}: a run is known {delay} hours after its issue, and used for two days.")?;
        }
        for (member, day, memory) in self.fitted.serving.memories() {
            if memory.half_life_days != self.definition.forecast.half_life_days || memory.since.is_some() {
                let since = memory.since.map_or(String::new(), |since| format!(", nothing before {since}"));
                let (name, days) = (member.name(), memory.half_life_days);
                writeln!(text, "- `{name}` on day {day}: half as much with every {days:.0} days of age{since}.")?;
            }
        }
        writeln!(text, "\nLeft out of the model:\n")?;
        if self.fitted.left_out.is_empty() {
            writeln!(text, "- nothing that was asked for")?;
        }
        for why in &self.fitted.left_out {
            writeln!(text, "- {}", escaped(why))?;
        }
        writeln!(text)
    }

    fn write_errors(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "## Errors out of sample\n")?;
        let known = &self.known;
        if known.is_empty() {
            return writeln!(text, "None are known: {}.\n", escaped(&known.source));
        }
        writeln!(
            text,
            "From {}. Errors are forecast less measured, in {}.",
            known.source,
            escaped(&self.definition.unit)
        )?;
        let groups =
            [("Day of the horizon", &known.by_day), ("Season", &known.by_season), ("Local hour", &known.by_hour)];
        for (of, groups) in groups {
            if groups.is_empty() {
                continue;
            }
            writeln!(text)?;
            let row = |group: &report::Group<report::Figures>| {
                let report::Figures { steps, mae, mape, bias } = group.figures;
                let percent = share(mape.map(|percent| percent / 100.0));
                vec![group.name.clone(), steps.to_string(), figure(mae), percent, figure(bias)]
            };
            table(text, &[of, "Steps", "MAE", "MAPE", "Bias"], &groups.iter().map(row).collect::<Vec<_>>())?;
        }
        writeln!(text)
    }

    fn write_intervals(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "## Intervals\n")?;
        writeln!(
            text,
            "Half widths are conformal quantiles of past absolute errors by step of the horizon, newer errors counting \
             more, widened or narrowed for each day of the horizon by how often values left the intervals of late. No \
             error is in sample. A share of the newest errors' mean is taken off the forecast first."
        )?;
        if let Some(coverage) = &self.known.coverage {
            let covered: Vec<String> = coverage.levels.iter().map(|level| share(level.covered)).collect();
            let covered = covered.join(", ");
            writeln!(text, "Over {} steps the intervals of 50, 80 and 95 % covered {covered}.", coverage.steps)?;
        }
        writeln!(text)
    }

    fn write_monitors(&self, text: &mut String) -> std::fmt::Result {
        let Some(watched) = &self.watched else { return Ok(()) };
        writeln!(text, "## What it is watched with\n")?;
        for line in watched.lines() {
            writeln!(text, "- {}.", escaped(&line))?;
        }
        for limit in &watched.not_watched {
            writeln!(text, "- Not: {}.", escaped(limit))?;
        }
        writeln!(text)
    }

    fn write_limits(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "## What it cannot know\n")?;
        for limit in self.own_limits() {
            writeln!(text, "- {limit}")?;
        }
        let told = |limit: &&String| self.repeats_left_out(limit) || self.repeats_not_watched(limit);
        for limit in self.limits.iter().filter(|limit| !told(limit)) {
            writeln!(text, "- Of this model: {}.", escaped(limit))?;
        }
        Ok(())
    }

    fn own_limits(&self) -> Vec<String> {
        let definition = self.definition;
        let sees_weather = self.fitted.serving.shares().any(|(candidate, _)| candidate.sees_weather());
        let weather = if sees_weather { "" } else { " It sees no weather forecast." };
        let mut limits = vec![
            format!(
                "What has not shown in the values yet: outages of plants and lines, imports that stop, prices, new \
                 capacity. It learns of them as their hours are measured.{weather}"
            ),
            format!(
                "The first days after a change that lasts: until its errors are measured the level is off and intervals \
                 are too narrow; drift is looked for in windows of {} days.",
                definition.drift.window_days
            ),
            format!(
                "Whether what it was given is true: rows outside {} to {} are quarantined and never learnt from, a wrong \
                 value between them is learnt as if it were right. No forecast leaves these bounds.",
                definition.contract.minimum, definition.contract.maximum
            ),
            "Values of a gap: short ones are bridged, and from a gap of more than a day before an origin it makes no \
             forecast."
                .to_owned(),
            "Holidays other than Italy's, and those only of series in Europe/Rome.".to_owned(),
            "How errors of different hours go together: an interval is of one step, not of a whole day or of a total, \
             and covers its share on average, not in every week."
                .to_owned(),
        ];
        let days = self.trained_on.measured_days();
        if days < 365 {
            limits.push(format!("Seasons: {days} days of history are less than a year."));
        } else if days < 2 * 365 {
            limits.push(format!("What in a season was chance: {days} days of history have each season hardly twice."));
        }
        limits
    }

    /// Whether a limit says what is listed as not watched already.
    fn repeats_not_watched(&self, limit: &String) -> bool {
        self.watched.as_ref().is_some_and(|watched| watched.not_watched.contains(limit))
    }

    /// Whether a limit says what is listed as left out already.
    fn repeats_left_out(&self, limit: &str) -> bool {
        self.fitted.left_out.iter().any(|why| limit.ends_with(why.as_str()))
    }
}

/// Runs of steps without a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Gaps {
    count: usize,
    steps: usize,
    longest: Option<(Timestamp, usize)>,
}

impl Gaps {
    fn of(history: &History) -> Self {
        let mut gaps = Self::default();
        let mut place = 0;
        for run in history.values().chunk_by(|a, b| a.is_nan() == b.is_nan()) {
            if run.first().is_some_and(|value| value.is_nan()) {
                gaps.count += 1;
                gaps.steps += run.len();
                if gaps.longest.is_none_or(|(_, steps)| run.len() > steps) {
                    gaps.longest = Some((history.time(place), run.len()));
                }
            }
            place += run.len();
        }
        gaps
    }
}

/// What a member makes its forecast from.
fn looks_at(candidate: Candidate, cadence: Cadence) -> String {
    let own = || format!("values {} steps back, and the calendar in local time", listed(&lags(cadence)));
    let past = || format!("the covariates {} steps back", listed(&covariate_lags(cadence)));
    let direct = "a ridge regression for each step of the horizon, on";
    match candidate {
        Candidate::PreviousDay => "the last day, repeated".to_owned(),
        Candidate::PreviousWeek => "the last week, repeated".to_owned(),
        Candidate::UsualWeek => "the last day's level with the shape of the last four weeks".to_owned(),
        Candidate::Decomposition => "the seasons of day and week and the level of the last four weeks".to_owned(),
        Candidate::BoostedTrees => {
            "gradient-boosted trees for all steps, on days of the last four weeks, and the calendar in local time"
                .to_owned()
        }
        Candidate::Pooled => "a ridge regression for each day of the horizon, on days of the last four weeks, and the \
            calendar in local time"
            .to_owned(),
        Candidate::Ridge => format!("{direct} {}", own()),
        Candidate::Recursive => {
            format!("a ridge regression of the next step, from which the others follow one by one, on {}", own())
        }
        Candidate::RidgeCovariates => format!("{direct} {}, {}", own(), past()),
        Candidate::RidgeWeather => format!("{direct} {}, and the weather forecast known at the origin", own()),
        Candidate::RidgeAll => format!("{direct} {}, {}, and the weather forecast known at the origin", own(), past()),
    }
}

/// Rising numbers, those that follow one another as a range.
fn listed(numbers: &[usize]) -> String {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b);
    let named = runs.filter_map(|run| match (run.first()?, run.last()?) {
        (first, last) if first == last => Some(first.to_string()),
        (first, last) => Some(format!("{first} to {last}")),
    });
    named.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
