//! What a definition may say, and that every fault of it is named.

use super::*;

const SMALLEST: &str = r#"
    id = "it.ci_direct"
    unit = "gCO2eq/kWh"
    cadence = "1h"
    time_zone = "Europe/Rome"
    [source]
    time_column = "timestamp_utc"
    value_column = "ci_direct_gco2eq_per_kwh"
"#;

#[test]
fn the_smallest_definition_has_four_days_of_horizon() {
    assert_eq!(Definition::from_toml(SMALLEST).unwrap().horizon_steps(), 96);
}

#[test]
fn every_fault_is_named_at_once() {
    let text = SMALLEST.replace("Europe/Rome", "Europe/Atlantis")
        + "[contract]\nminimum = 5.0\nmaximum = 1.0\n[drift]\nwindow_days = 1\n";
    let DefinitionError::Faults(faults) = Definition::from_toml(&text).unwrap_err() else { panic!("no faults") };
    let fields: Vec<_> = faults.iter().map(|f| f.field).collect();
    assert_eq!(fields, ["time_zone", "contract.maximum", "drift.window_days"]);
}

#[test]
fn new_days_that_outlast_a_models_age_are_refused() {
    let with =
        |days: u32| Definition::from_toml(&format!("{SMALLEST}[policy]\nrefresh_days = 90\nnew_days = {days}\n"));
    assert!(with(90).is_ok());
    let refused = with(91).unwrap_err().to_string();
    assert!(refused.starts_with("policy.new_days: must be at most policy.refresh_days"), "{refused}");
}

#[test]
fn a_holdout_too_short_for_a_verdict_is_refused_with_the_days_it_needs() {
    let with = |horizon: u32, holdout: u32| {
        let forecast = format!("[forecast]\nhorizon_hours = {horizon}\nholdout_days = {holdout}\n");
        Definition::from_toml(&format!("{SMALLEST}{forecast}"))
    };
    // Eight origins, six hours apart, are 42 hours from the first to the last: with 240 hours of horizon 11.75
    // days.
    assert!(with(240, 12).is_ok());
    let DefinitionError::Faults(faults) = with(240, 11).unwrap_err() else { panic!("no faults") };
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].problem.contains("must be at least 12"), "{faults:?}");
}

#[test]
fn a_probation_is_as_long_as_can_be_compared_or_none() {
    let is_fine = |days: u32, window: u32| {
        let tables = format!("[drift]\nwindow_days = {window}\n[policy]\nprobation_days = {days}\n");
        Definition::from_toml(&format!("{SMALLEST}{tables}")).is_ok()
    };
    let fine = [(0, 14), (10, 14), (28, 14), (14, 7)].map(|(days, window)| is_fine(days, window));
    assert_eq!(fine, [true; 4]);
    assert_eq!([(9, 14), (29, 14), (15, 7)].map(|(days, window)| is_fine(days, window)), [false; 3]);
}

#[test]
fn limits_of_time_that_contradict_each_other_or_are_none_are_refused() {
    let with = |contract: &str| Definition::from_toml(&format!("{SMALLEST}[contract]\n{contract}\n"));
    let faulty = |contract: &str| match with(contract).unwrap_err() {
        DefinitionError::Faults(faults) => faults.into_iter().map(|f| f.field).collect(),
        shape => vec![if shape.to_string().contains("earliest") { "shape of earliest" } else { "shape" }],
    };
    assert!(with("pause_days = 30\nbackfill_days = 30\nearliest = \"2015-01-01\"").is_ok());
    assert_eq!(faulty("pause_days = 0"), ["contract.pause_days"]);
    assert_eq!(faulty("pause_days = 31\nbackfill_days = 30"), ["contract.backfill_days"]);
    assert_eq!(faulty("earliest = \"yesterday\""), ["shape of earliest"]);
}

#[test]
fn a_definition_stored_before_times_had_limits_is_read_with_the_usual_ones() {
    let definition = Definition::from_toml(SMALLEST).unwrap();
    let mut stored = serde_json::to_value(&definition).unwrap();
    for key in ["pause_days", "backfill_days", "earliest"] {
        stored["contract"].as_object_mut().unwrap().remove(key).unwrap();
    }
    assert_eq!(serde_json::from_value::<Definition>(stored).unwrap(), definition);
}

#[test]
fn nothing_before_1990_is_taken_where_a_definition_says_nothing() {
    let earliest = Definition::from_toml(SMALLEST).unwrap().contract.earliest;
    assert_eq!(earliest.to_string(), "1990-01-01T00:00:00Z");
}

#[test]
fn an_unknown_key_is_refused() {
    assert!(Definition::from_toml(&format!("{SMALLEST}\ncolour = 1")).is_err());
}

#[test]
fn a_covariate_is_a_kept_column_named_once_and_known_after_whole_steps() {
    let with = |covariates: &str| {
        let text = SMALLEST.to_owned() + "covariates = [\"re_pct\"]\n[forecast]\ncovariates = " + covariates;
        Definition::from_toml(&text).map_err(|refused| refused.to_string())
    };
    let known = with("[{ column = \"re_pct\", delay_hours = 2 }]").unwrap();
    assert_eq!(known.forecast.covariates, [Lookback { column: "re_pct".to_owned(), delay_hours: 2 }]);
    let refused = |covariates: &str| with(covariates).unwrap_err();
    assert!(refused("[{ column = \"cfe_pct\" }]").contains("a column that source.covariates does not keep"));
    assert!(refused("[{ column = \"re_pct\" }, { column = \"re_pct\" }]").contains("names a column twice"));
    assert!(refused("[{ column = \"re_pct\", delay_hours = 400 }]").contains("or above 336"));
}

#[test]
fn a_neighbour_is_another_series_named_once_and_known_after_whole_steps() {
    let with = |neighbours: &str| {
        let text = SMALLEST.to_owned() + "[forecast]\nneighbours = " + neighbours;
        Definition::from_toml(&text).map_err(|refused| refused.to_string())
    };
    let known = with("[{ series = \"fr.ci_direct\", delay_hours = 2 }]").unwrap();
    let fr = "fr.ci_direct".parse().unwrap();
    assert_eq!(known.forecast.neighbours, [Neighbour { series: fr, delay_hours: 2 }]);
    let refused = |neighbours: &str| with(neighbours).unwrap_err();
    let itself = format!("[{{ series = \"{}\" }}]", known.id);
    assert!(refused(&itself).contains("names the series itself"));
    assert!(refused("[{ series = \"fr.a\" }, { series = \"fr.a\" }]").contains("names a series twice"));
    assert!(refused("[{ series = \"fr.a\", delay_hours = 400 }]").contains("or above 336"));
    assert!(refused("[{ series = \"France\" }]").contains("is not a series"));
}

#[test]
fn a_series_of_weather_has_the_columns_of_its_variables_and_hours() {
    let weather = SMALLEST.replace("it.ci_direct", "it.weather").replace("cadence", "quantity = \"weather\"\ncadence");
    let column = Definition::from_toml(SMALLEST).unwrap().source.value_column;
    let right = weather.replace(&format!("\"{column}\""), "\"wind_ms_0\"");
    let columns = Definition::from_toml(&right).unwrap();
    assert_eq!(columns.columns().len(), 605);
    assert_eq!(
        columns.columns()[..6],
        ["wind_ms_0", "sun_wm2_0", "temperature_k_0", "dew_point_k_0", "rain_mm_0", "wind_ms_1"]
    );
    assert!(Definition::from_toml(&weather).unwrap_err().to_string().contains("must be `wind_ms_0`"));
    let daily = Definition::from_toml(&right.replace("1h", "1d")).unwrap_err().to_string();
    assert!(daily.contains("cadence: must be 1h where the quantity is weather"), "{daily}");
}

#[test]
fn the_weather_is_another_series_whose_runs_are_known_while_they_are_young() {
    let with = |cadence: &str, weather: &str| {
        let text = SMALLEST.replace("1h", cadence) + "[forecast]\nweather = " + weather;
        Definition::from_toml(&text).map(drop).map_err(|refused| refused.to_string())
    };
    assert_eq!(with("1h", "{ series = \"it.weather\", delay_hours = 6 }"), Ok(()));
    assert!(with("1h", "{ series = \"it.weather\", delay_hours = 48 }").unwrap_err().contains("young enough"));
    assert!(with("1d", "{ series = \"it.weather\" }").unwrap_err().contains("the cadence is a day"));
}

#[test]
fn a_candidate_is_named_once_and_fits_the_cadence() {
    let with = |cadence: &str, candidates: &str| {
        let text = SMALLEST.replace("1h", cadence) + "[forecast]\ncandidates = " + candidates;
        Definition::from_toml(&text).map(drop).map_err(|refused| refused.to_string())
    };
    assert_eq!(with("1h", "[\"recursive\", \"previous_week\"]"), Ok(()));
    assert!(with("1h", "[\"ridge_weather\"]").unwrap_err().contains("name their series in forecast.weather"));
    assert!(with("1h", "[\"ridge\", \"ridge\"]").unwrap_err().contains("names a candidate twice"));
    assert!(with("15min", "[\"recursive\"]").unwrap_err().contains("does not forecast this cadence"));
    assert!(with("1h", "[\"trees\"]").unwrap_err().contains("unknown variant `trees`"));
}

#[test]
fn an_emission_is_a_rate_per_hour_and_says_the_unit_of_its_totals() {
    let with = |unit: &str, quantity: &str| {
        let text = SMALLEST.replace("gCO2eq/kWh", unit).replacen("cadence", &format!("{quantity}\ncadence"), 1);
        let read = Definition::from_toml(&text).map_err(|refused| refused.to_string());
        read.map(|definition| definition.total_unit().map(str::to_owned))
    };
    assert_eq!(with("tCO2eq/h", "quantity = \"emission\""), Ok(Some("tCO2eq".to_owned())));
    for unit in ["gCO2eq/kWh", "tCO2eq", "/h"] {
        assert!(with(unit, "quantity = \"emission\"").unwrap_err().contains("unit: must be an amount per hour"));
    }
    assert_eq!(with("gCO2eq/kWh", "quantity = \"intensity\""), Ok(None));
    // What is no emission has no total, whatever its unit looks like.
    assert_eq!(with("MWh/h", ""), Ok(None));
    assert!(with("t/h", "quantity = \"mass\"").unwrap_err().contains("unknown variant `mass`"));
}

#[test]
fn an_intensity_is_stored_as_before_there_were_quantities() {
    let stored = serde_json::to_value(Definition::from_toml(SMALLEST).unwrap()).unwrap();
    assert_eq!(stored.get("quantity"), None);
}
