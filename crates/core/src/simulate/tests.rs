use proptest::prelude::*;

use super::*;
use crate::drift::lag_one;

fn settings(from: &str, to: &str, seed: u64, shifts: &[&str]) -> Settings {
    let shifts = shifts.iter().map(|spec| spec.parse().unwrap()).collect();
    Settings { from: from.parse().unwrap(), to: to.parse().unwrap(), seed, shifts }
}

fn january(shifts: &[&str]) -> Vec<Hour> {
    grid(&settings("2022-01-01", "2022-02-01", 5, shifts)).unwrap()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (mean_a, mean_b) = (mean(a), mean(b));
    let products: Vec<f64> = a.iter().zip(b).map(|(x, y)| (x - mean_a) * (y - mean_b)).collect();
    mean(&products) / (deviation(a) * deviation(b))
}

fn autocorrelation(values: &[f64], lag: usize) -> f64 {
    correlation(&values[lag..], &values[..values.len() - lag])
}

fn direct(hours: &[Hour]) -> Vec<f64> {
    hours.iter().map(|hour| hour.ci_direct).collect()
}

fn year(seed: u64) -> Vec<Hour> {
    grid(&settings("2021-01-01", "2022-01-01", seed, &[])).unwrap()
}

#[test]
fn a_simulated_year_has_the_level_spread_and_dependence_of_italys() {
    // Italy's hours of 2021, 2022 and 2023: deviation 52.8, 53.5, 63.1; autocorrelation at 1 h .978, .968, .975;
    // at 24 h .852, .802, .827; at 168 h .732, .695, .753. The mean of 2021 is 280.1.
    for seed in 0..5 {
        let values = direct(&year(seed));
        let figures = [
            ("mean", mean(&values), 280.0, 12.0),
            ("deviation", deviation(&values), 51.5, 6.0),
            ("autocorrelation at 1 h", autocorrelation(&values, 1), 0.98, 0.01),
            ("autocorrelation at 24 h", autocorrelation(&values, 24), 0.85, 0.03),
            ("autocorrelation at 168 h", autocorrelation(&values, 168), 0.72, 0.08),
        ];
        for (name, found, expected, bound) in figures {
            assert!((found - expected).abs() <= bound, "seed {seed}: {name} is {found}");
        }
    }
}

/// Mean direct intensity at each local hour of the chosen months.
fn mean_day(hours: &[Hour], months: std::ops::RangeInclusive<i8>) -> Vec<f64> {
    let rome = jiff::tz::TimeZone::get("Europe/Rome").unwrap();
    let at = |wanted: i8| {
        let chosen = hours.iter().filter(|h| {
            let local = h.time.local(&rome);
            local.hour() == wanted && months.contains(&local.month())
        });
        mean(&chosen.map(|h| h.ci_direct).collect::<Vec<_>>())
    };
    (0..24).map(at).collect()
}

#[test]
fn the_evening_peak_stands_above_the_midday_trough_as_it_does_in_italy() {
    // Italy 2021: the greatest of 18 to 21 h over the least of 10 to 15 h, of the mean day, is 1.26.
    let day = mean_day(&year(1), 1..=12);
    let peak = day[18..22].iter().copied().fold(f64::MIN, f64::max);
    let trough = day[10..16].iter().copied().fold(f64::MAX, f64::min);
    assert!((1.2..=1.35).contains(&(peak / trough)), "{}", peak / trough);
}

#[test]
fn the_midday_trough_is_deeper_in_summer() {
    let depth = |months| {
        let day = mean_day(&year(1), months);
        day[13] / mean(&day)
    };
    // Italy 2021: 0.82 in summer, 0.92 in winter.
    assert!(depth(6..=8) < 0.85 && depth(1..=2) > 0.87);
}

#[test]
fn a_weekend_is_cleaner_than_a_working_day() {
    let rome = jiff::tz::TimeZone::get("Europe/Rome").unwrap();
    let of = |weekend: bool| {
        let hours = year(2);
        let chosen = hours.iter().filter(|h| (h.time.local(&rome).weekday().to_monday_zero_offset() >= 5) == weekend);
        mean(&chosen.map(|h| h.ci_direct).collect::<Vec<_>>())
    };
    assert!((0.87..0.95).contains(&(of(true) / of(false))));
}

#[test]
fn carbon_free_and_renewable_shares_fall_where_intensity_rises() {
    let hours = year(3);
    let column = |of: fn(&Hour) -> f64| hours.iter().map(of).collect::<Vec<_>>();
    // Italy 2021: -0.98 and -0.94; the shares' means are 46.3 and 40.2.
    assert!(correlation(&direct(&hours), &column(|h| h.cfe_pct)) < -0.9);
    assert!(correlation(&direct(&hours), &column(|h| h.re_pct)) < -0.85);
    assert!((mean(&column(|h| h.cfe_pct)) - 46.3).abs() < 3.0);
    assert!((mean(&column(|h| h.re_pct)) - 40.2).abs() < 3.0);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_gives_others() {
    assert_eq!(to_csv(&year(7)), to_csv(&year(7)));
    assert_ne!(to_csv(&year(7)), to_csv(&year(8)));
}

#[test]
fn an_hour_is_the_same_in_a_longer_run_from_the_same_start() {
    let longer = grid(&settings("2022-01-01", "2022-06-01", 5, &[])).unwrap();
    assert_eq!(longer[..744], january(&[]));
}

#[test]
fn every_row_says_that_it_is_simulated() {
    let text = to_csv(&january(&[]));
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(HEADER));
    assert_eq!(HEADER.split(',').count(), 8);
    let mut rows = 0;
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!((cells.len(), cells[1], cells[7]), (8, "SIM", "simulated"), "{line}");
        rows += 1;
    }
    assert_eq!(rows, 31 * 24);
}

#[test]
fn values_have_two_decimals() {
    let hour = Hour {
        time: "2022-01-01T05:00:00Z".parse().unwrap(),
        ci_direct: 280.126,
        ci_lifecycle: 355.0,
        cfe_pct: 46.304,
        re_pct: 0.0,
    };
    let row = "2022-01-01T05:00:00Z,SIM,280.13,355.00,46.30,0.00,true,simulated";
    assert_eq!(to_csv(&[hour]).lines().nth(1), Some(row));
}

/// Checks hours `from..to` of January with and without a shift over its days 11 to 20, and that the rest is the same.
fn check_shift(spec: &str, check: impl Fn(&Hour, &Hour)) {
    let (plain, shifted) = (january(&[]), january(&[spec]));
    for (before, after) in plain.iter().zip(&shifted) {
        let day = before.time.utc().day();
        if (11..=20).contains(&day) { check(before, after) } else { assert_eq!(before, after) }
    }
}

#[test]
fn a_level_shift_multiplies_the_intensity_for_its_time_and_the_shares_follow() {
    check_shift("level:2022-01-11..2022-01-21:x1.3", |before, after| {
        assert!((after.ci_direct / before.ci_direct - 1.3).abs() < 1e-9);
        assert!(after.cfe_pct < before.cfe_pct);
    });
}

#[test]
fn a_unit_shift_changes_the_reported_intensities_and_nothing_else() {
    check_shift("unit:2022-01-11..2022-01-21:x0.001", |before, after| {
        assert!((after.ci_direct / before.ci_direct - 0.001).abs() < 1e-12);
        assert!((after.ci_lifecycle / before.ci_lifecycle - 0.001).abs() < 1e-12);
        assert_eq!((after.cfe_pct, after.re_pct), (before.cfe_pct, before.re_pct));
    });
}

#[test]
fn a_stuck_meter_repeats_the_last_report_before() {
    let last = january(&[]).into_iter().rfind(|h| h.time.utc().day() == 10).unwrap();
    check_shift("stuck:2022-01-11..2022-01-21", |before, after| {
        assert_eq!(*after, Hour { time: before.time, ..last });
    });
}

#[test]
fn the_hours_of_a_gap_are_absent_and_the_others_stay() {
    let kept: Vec<Hour> = january(&[]).into_iter().filter(|h| !(11..=20).contains(&h.time.utc().day())).collect();
    assert_eq!(january(&["gap:2022-01-11..2022-01-21"]), kept);
}

#[test]
fn a_shape_shift_stretches_the_swing_of_the_day_and_keeps_its_mean() {
    let (plain, shifted) = (january(&[]), january(&["shape:2022-01-11..2022-01-21:1.5"]));
    let swing = |hours: &[Hour]| {
        let day = mean_day(&hours[240..480], 1..=1);
        (day[21] - day[13], mean(&day))
    };
    let ((before, level_before), (after, level_after)) = (swing(&plain), swing(&shifted));
    assert!(after > before * 1.3, "{before} to {after}");
    assert!((level_after / level_before - 1.0).abs() < 0.005);
}

#[test]
fn a_noise_shift_doubles_what_season_week_and_day_do_not_explain() {
    let plain = year(4);
    let noisy = grid(&settings("2021-01-01", "2022-01-01", 4, &["noise:2021-01-01..:x2"])).unwrap();
    let quiet = grid(&settings("2021-01-01", "2022-01-01", 4, &["noise:2021-01-01..:x0.000001"])).unwrap();
    let noise = |hours: &[Hour]| -> Vec<f64> {
        hours.iter().zip(&quiet).map(|(hour, quiet)| hour.ci_direct - quiet.ci_direct).collect()
    };
    assert!((deviation(&noise(&noisy)) / deviation(&noise(&plain)) - 2.0).abs() < 0.01);
    // Weather (variance 81, autocorrelation 0.979) and a faster part (9, 0.85): (81 * 0.979 + 9 * 0.85) / 90 = 0.966.
    assert!((lag_one(&noise(&plain)).unwrap() - 0.966).abs() < 0.01);
}

#[test]
fn an_open_shift_lasts_to_the_end() {
    let (plain, shifted) = (january(&[]), january(&["level:2022-01-31T23:00:00Z..:2"]));
    assert_eq!(plain[..743], shifted[..743]);
    assert!((shifted[743].ci_direct / plain[743].ci_direct - 2.0).abs() < 1e-9);
}

#[test]
fn shifts_of_one_kind_multiply() {
    let both = january(&["level:2022-01-01..:x1.2", "level:2022-01-01..:x1.5"]);
    assert!((both[9].ci_direct / january(&[])[9].ci_direct - 1.8).abs() < 1e-9);
}

#[test]
fn a_shift_prints_as_text_that_asks_for_it() {
    let specs = ["level:2022-03-01..:x1.2", "gap:2022-03-01T06:00:00Z..2022-03-02", "shape:2022-03-01..2022-04-01:1.5"];
    for spec in specs {
        let shift: Shift = spec.parse().unwrap();
        assert_eq!(shift.to_string().parse(), Ok(shift));
    }
}

#[test]
fn a_time_of_day_is_not_taken_for_a_factor() {
    let shift: Shift = "unit:2022-03-01T06:00:00Z..2022-03-01T09:00:00Z:x0.001".parse().unwrap();
    assert_eq!(shift.to, Some("2022-03-01T09:00:00Z".parse().unwrap()));
    assert_eq!(shift.effect, Effect::Unit(Factor::new(0.001).unwrap()));
}

#[test]
fn every_bad_shift_is_refused_with_its_reason() {
    let cases = [
        ("", "no kind"),
        ("2022-03-01", "no kind"),
        ("trend:2022-03-01..:x2", "no kind"),
        ("Level:2022-03-01..:x2", "no kind"),
        ("level:", "no span"),
        ("level:2022-03-01:x1.2", "no span"),
        ("level:..2022-03-01:x1.2", "no start"),
        ("level:spring..:x1.2", "`spring` is not a time"),
        ("level:2022-03-01..summer:x1.2", "`summer` is not a time"),
        ("gap:2022-03-01..summer", "`summer` is not a time"),
        ("level:2022-02-30..:x1.2", "`2022-02-30` is not a time"),
        ("level:2022-03-01..2022-03-01:x1.2", "ends no later than it starts"),
        ("level:2022-03-01..2021-03-01:x1.2", "ends no later than it starts"),
        ("level:2022-03-01..", "has no factor"),
        ("unit:2022-03-01..2022-04-01", "has no factor"),
        ("noise:2022-03-01..2022-04-01T00:00:00Z", "has no factor"),
        ("level:2022-03-01..:", "factor ``"),
        ("level:2022-03-01..:twice", "factor `twice`"),
        ("level:2022-03-01..:x0", "factor `x0`"),
        ("level:2022-03-01..:x-1", "factor `x-1`"),
        ("level:2022-03-01..:xNaN", "factor `xNaN`"),
        ("level:2022-03-01..:xinf", "factor `xinf`"),
        ("level:2022-03-01..:x1e7", "factor `x1e7`"),
        ("gap:2022-03-01..2022-04-01:x2", "takes no factor"),
        ("stuck:2022-03-01..:x2", "takes no factor"),
    ];
    for (spec, reason) in cases {
        let message = spec.parse::<Shift>().unwrap_err().to_string();
        assert!(message.contains(reason) && message.contains(spec), "`{spec}`: {message}");
    }
}

#[test]
fn settings_that_describe_no_grid_are_refused_with_their_reason() {
    let cases = [
        (settings("2022-01-02", "2022-01-02", 0, &[]), "later than the start"),
        (settings("2022-01-02", "2022-01-01", 0, &[]), "later than the start"),
        (settings("2022-01-01T00:30:00Z", "2022-01-02", 0, &[]), "2022-01-01T00:30:00Z is not the start of an hour"),
        (settings("2022-01-01", "2022-01-02", 0, &["gap:2023-01-01.."]), "touches nothing"),
        (settings("2022-01-01", "2022-01-02", 0, &["gap:2021-01-01..2022-01-01"]), "touches nothing"),
    ];
    for (settings, reason) in cases {
        let message = grid(&settings).unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_fail_otherwise_than_with_a_reason(spec in "(level|gap|shape)?:?[-0-9T:Z.x]{0,40}") {
        if let Err(fault) = spec.parse::<Shift>() {
            prop_assert!(fault.to_string().contains("shift `"));
        }
    }

    #[test]
    fn values_stay_possible_whatever_the_shifts(seed in any::<u64>(), factor in 1e-6..1e6_f64) {
        let spec = format!("noise:2022-01-01..:x{factor}");
        let shape = format!("shape:2022-01-01..:x{factor}");
        for hour in grid(&settings("2022-01-01", "2022-01-03", seed, &[&spec, &shape])).unwrap() {
            prop_assert!(hour.ci_direct > 0.0 && hour.ci_lifecycle >= hour.ci_direct);
            prop_assert!((0.0..=100.0).contains(&hour.cfe_pct) && (0.0..=hour.cfe_pct).contains(&hour.re_pct));
        }
    }
}
