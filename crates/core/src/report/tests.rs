//! Reports of forecasts whose figures can be computed by hand.

use super::*;
use crate::forecast::tests::definition;
use crate::time::{DAY, HOUR};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn about() -> About {
    About {
        simulated: false,
        retraining: "never".to_owned(),
        models: 1,
        withheld: Vec::new(),
        reduced: 0,
        rows_refused: 0,
    }
}

/// Hourly, with a horizon of two days.
fn hourly() -> Definition {
    definition("1h", 48)
}

fn emission() -> Definition {
    let mut definition = hourly();
    (definition.quantity, definition.unit) = (Quantity::Emission, "tCO2eq/h".to_owned());
    definition
}

/// A value for every hour of these days.
fn hours(from: &str, days: i64, value: impl Fn(Timestamp) -> f64) -> History {
    let from = time(from);
    History::new(from, Cadence::Hour, (0..24 * days).map(|hour| value(from.plus(hour * HOUR))).collect())
}

/// A forecast of two days, with half widths of 1, 3 and 5.
fn forecast(origin: Timestamp, value: impl Fn(Timestamp) -> f64) -> Forecast {
    let point = |hour: i64| {
        let target = origin.plus(hour * HOUR);
        let value = value(target);
        let ((lower_50, upper_50), (lower_80, upper_80)) = ((value - 1.0, value + 1.0), (value - 3.0, value + 3.0));
        Point { target, value, lower_50, upper_50, lower_80, upper_80, lower_95: value - 5.0, upper_95: value + 5.0 }
    };
    Forecast { origin, cadence: Cadence::Hour, points: (0..48).map(point).collect() }
}

/// Forecasts from each midnight of these days on.
fn daily(from: &str, days: i64, value: impl Fn(Timestamp) -> f64) -> Vec<Forecast> {
    (0..days).map(|day| forecast(time(from).plus(day * DAY), &value)).collect()
}

fn report(definition: &Definition, forecasts: &[Forecast], measured: &History) -> Report {
    Report::of(definition, about(), forecasts, None, measured)
}

fn close(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|found| (found - expected).abs() < 1e-9), "{found:?} instead of {expected}");
}

fn names<T>(groups: &[Group<T>]) -> Vec<&str> {
    groups.iter().map(|group| group.name.as_str()).collect()
}

#[test]
fn a_constant_error_is_the_same_in_every_group() {
    // 2 above a constant 100: 2 %, and naive forecasts without any error.
    let measured = hours("2022-01-01", 60, |_| 100.0);
    let report = report(&hourly(), &daily("2022-02-01", 20, |_| 102.0), &measured);
    let errors = &report.errors;
    assert_eq!((errors.overall.issued.steps, errors.left_out), (20 * 48, 0));
    let groups = [&errors.by_day, &errors.by_step, &errors.by_month, &errors.by_season, &errors.by_hour];
    for group in groups.into_iter().flatten() {
        close(group.figures.issued.mae, 2.0);
        close(group.figures.issued.bias, 2.0);
        close(group.figures.issued.mape, 2.0);
        close(group.figures.naive["previous_day"].mae, 0.0);
        // Nothing is better than a perfect one by a share.
        assert_eq!(group.figures.skill["previous_day"], None);
    }
    assert_eq!((names(&errors.by_day), names(&errors.by_month)), (vec!["1", "2"], vec!["2022-02"]));
    assert_eq!((errors.by_step.len(), errors.by_step[47].name.as_str()), (48, "47"));
    assert_eq!((names(&errors.by_season), errors.by_hour.len()), (vec!["Dec-Feb"], 24));
}

#[test]
fn skill_is_the_share_by_which_the_error_is_smaller() {
    // Every day is 10 above the one before it. The last day repeated is 10 and 20 wrong, the forecast 3: 7/10, 17/20.
    let rising = |at: Timestamp| 100.0 + 10.0 * at.since(time("2022-01-01")).div_euclid(DAY) as f64;
    let measured = hours("2022-01-01", 60, rising);
    let report = report(&hourly(), &daily("2022-02-01", 5, |at| rising(at) - 3.0), &measured);
    let of_day = |day: usize| &report.errors.by_day[day].figures;
    close(of_day(0).skill["previous_day"], 0.7);
    close(of_day(1).skill["previous_day"], 0.85);
    // A week ago the value was 70 less, on both days.
    close(of_day(1).naive["previous_week"].mae, 70.0);
    close(of_day(1).issued.bias, -3.0);
}

#[test]
fn intervals_cover_the_values_that_they_hold() {
    // Of each day's hours 6 are 0 off, 6 are 2 off, 6 are 4 off, 6 are 10 off, against half widths of 1, 3 and 5.
    let off = |at: Timestamp| [0.0, 2.0, 4.0, 10.0][(at.utc().hour() / 6) as usize];
    let measured = hours("2022-01-01", 60, |at| 100.0 + off(at));
    let report = report(&hourly(), &daily("2022-02-01", 3, |_| 100.0), &measured);
    let all = [&report.calibration.overall, &report.calibration.by_day[1].figures];
    for coverage in all {
        let covered = coverage.levels.map(|level| level.covered.unwrap());
        assert_eq!(covered, [0.25, 0.5, 0.75]);
        assert_eq!(coverage.levels.map(|level| level.mean_width.unwrap()), [2.0, 6.0, 10.0]);
    }
    assert_eq!(report.calibration.by_day[1].figures.steps, 3 * 24);
    assert_eq!(names(&report.calibration.by_quarter), ["2022 Q1"]);
}

#[test]
fn hours_are_local_and_a_change_of_the_clock_leaves_one_out_or_has_one_twice() {
    // In Rome there is no 02:00 on 2022-03-27 and there are two on 2022-10-30.
    let check = |from: &str, origin: &str, missing: bool| {
        let measured = hours(from, 40, |_| 100.0);
        // Exactly the 23 or 25 hours of the local day.
        let mut one = forecast(time(origin), |_| 101.0);
        one.points.truncate(if missing { 23 } else { 25 });
        let report = report(&hourly(), &[one], &measured);
        let steps: Vec<(&str, u64)> =
            report.errors.by_hour.iter().map(|group| (group.name.as_str(), group.figures.issued.steps)).collect();
        let of_two = steps.iter().find(|(name, _)| *name == "02").map(|(_, steps)| *steps);
        assert_eq!(of_two, if missing { None } else { Some(2) }, "{steps:?}");
        assert!(steps.iter().all(|(name, steps)| *name == "02" || *steps == 1), "{steps:?}");
    };
    check("2022-02-20", "2022-03-26T23:00:00Z", true);
    check("2022-09-25", "2022-10-29T22:00:00Z", false);
}

#[test]
fn a_month_is_that_of_the_step_in_local_time() {
    // The last UTC hour of January is February in Rome: 47 of 48 steps are January's.
    let measured = hours("2022-01-01", 60, |_| 100.0);
    let report = report(&hourly(), &[forecast(time("2022-01-30"), |_| 101.0)], &measured);
    let steps: Vec<(&str, u64)> =
        report.errors.by_month.iter().map(|group| (group.name.as_str(), group.figures.issued.steps)).collect();
    assert_eq!(steps, [("2022-01", 47), ("2022-02", 1)]);
}

#[test]
fn a_constant_emission_sums_up_to_its_rate_times_hours() {
    let measured = hours("2021-11-01", 500, |_| 5.0);
    // From midnight in UTC, an hour after the year's start in Rome, for a whole year and a day beyond.
    let report = report(&emission(), &daily("2022-01-01", 366, |_| 6.0), &measured);
    let totals = report.totals.unwrap();
    assert_eq!((totals.unit.as_str(), totals.years.len()), ("tCO2eq", 2));
    let year = totals.years[0];
    assert_eq!((year.year, year.steps, year.of_steps), (2022, 8_759, 8_760));
    assert_eq!((year.forecast, year.measured), (6.0 * 8_759.0, 5.0 * 8_759.0));
    assert_eq!((totals.years[1].year, totals.years[1].steps), (2023, 25));
}

#[test]
fn a_total_counts_quarter_hours_as_a_quarter_and_no_step_twice_or_unmeasured() {
    let mut definition = emission();
    definition.cadence = Cadence::QuarterHour;
    let start = time("2022-06-01");
    let mut values = vec![4.0; 40 * 96];
    values[35 * 96] = f64::NAN;
    let measured = History::new(start, Cadence::QuarterHour, values);
    let quarters = |origin: Timestamp, value: f64| {
        let mut made = forecast(origin, |_| value);
        let first = made.points[0];
        let point = |step: i64| Point { target: origin.plus(step * 900), ..first };
        (made.cadence, made.points) = (Cadence::QuarterHour, (0..192).map(point).collect());
        made
    };
    // The later of two origins of a day takes over from the steps that both have on their first day: 48 of the first
    // and 96 of the second, less the one that was not measured.
    let origin = start.plus(35 * DAY);
    let report = report(&definition, &[quarters(origin.plus(12 * HOUR), 8.0), quarters(origin, 2.0)], &measured);
    let year = report.totals.unwrap().years[0];
    assert_eq!((year.steps, year.of_steps), (47 + 96, 4 * 8_760));
    assert_eq!((year.forecast, year.measured), (47.0 * 0.5 + 96.0 * 2.0, 143.0));
}

#[test]
fn an_intensity_has_no_totals() {
    let measured = hours("2022-01-01", 60, |_| 100.0);
    assert_eq!(report(&hourly(), &daily("2022-02-01", 2, |_| 100.0), &measured).totals, None);
}

#[test]
fn figures_of_nothing_measured_are_none_and_nothing_is_no_number() {
    // The forecasts lie after the last measured value, and one value before them is zero.
    let measured = hours("2022-01-01", 35, |_| 0.0);
    let report = report(&emission(), &daily("2022-02-05", 2, |_| 100.0), &measured);
    assert_eq!((report.errors.overall.issued.mae, report.errors.overall.skill["usual_week"]), (None, None));
    assert_eq!(report.calibration.overall.levels.map(|level| level.covered), [None; 3]);
    assert_eq!((report.errors.by_day.len(), report.beside.whole.len()), (2, 0));
    assert_eq!(report.totals.as_ref().map(|totals| totals.years.len()), Some(0));
    let written = serde_json::to_string(&report).unwrap();
    assert!(written.contains("\"mae\":null") && !written.contains("NaN") && !written.contains("inf"), "{written}");
}

#[test]
fn a_value_of_zero_has_no_percentage_and_keeps_its_error() {
    let figures = Figures::of([(1.0, 0.0), (110.0, 100.0)]);
    assert_eq!((figures.steps, figures.mae, figures.mape), (2, Some(5.5), Some(10.0)));
}

#[test]
fn steps_whose_origin_has_no_naive_forecast_are_left_out_of_errors_alone() {
    // Nothing is known before the first origin.
    let measured = hours("2022-01-01", 40, |_| 100.0);
    let report = report(&hourly(), &daily("2022-01-01", 1, |_| 101.0), &measured);
    assert_eq!((report.errors.left_out, report.errors.overall.issued.steps), (48, 0));
    assert_eq!(report.calibration.overall.steps, 48);
}

#[test]
fn the_newest_the_middle_and_the_worst_forecast_are_shown_whole() {
    let measured = hours("2022-01-01", 60, |_| 100.0);
    let made = |day: i64, error: f64| forecast(time("2022-02-01").plus(day * DAY), move |_| 100.0 + error);
    let report = report(&hourly(), &[made(0, 9.0), made(1, 1.0), made(2, 4.0), made(3, 2.0), made(4, 5.0)], &measured);
    let shown: Vec<(&str, Option<f64>)> =
        report.beside.whole.iter().map(|whole| (whole.why, whole.figures.mae)).collect();
    assert_eq!(shown, [("Newest", Some(5.0)), ("Middle error", Some(4.0)), ("Largest error", Some(9.0))]);
}

#[test]
fn the_last_weeks_are_an_even_grid_with_gaps_where_nothing_was_forecast() {
    let measured = hours("2022-01-01", 90, |_| 100.0);
    let mut forecasts = daily("2022-02-01", 40, |_| 101.0);
    forecasts.remove(30);
    let report = report(&hourly(), &forecasts, &measured);
    let shown = &report.beside.day_ahead;
    assert_eq!((shown.len(), shown[0].target), (28 * 24, time("2022-02-13")));
    let empty: Vec<Timestamp> = shown.iter().filter(|step| step.forecast.is_none()).map(|step| step.target).collect();
    assert_eq!((empty.len(), empty[0]), (24, time("2022-03-03")));
    assert!(shown.iter().all(|step| step.measured == Some(100.0)));
}
