//! The figures that the project states of its forecasts, measured on data that it does not ship: `make figures
//! DATA=dir`.
//!
//! The data are as `data/README.md` of their folder describes them: `italy`, `zones` and `carboncast`.

mod carboncast;
mod intervals;
mod report;
pub(crate) mod table;

use std::path::Path;

use anyhow::{Context, Result};
use aria_core::backtest::{Backtest, Plan, Refit, run};
use aria_core::forecast::baseline::{previous_day, previous_week, usual_week};
use aria_core::forecast::{Candidate, Forecast, Inputs};
use aria_core::history::History;
use aria_core::score::{Score, Tally};
use aria_core::series::Definition;
use aria_core::time::Timestamp;

use self::intervals::Way;
pub use report::markdown;
pub(crate) use table::Table;

/// Zones beside Italy, with the zone of their local time.
pub(crate) const ZONES: [(&str, &str); 7] = [
    ("at", "Europe/Vienna"),
    ("de", "Europe/Berlin"),
    ("es", "Europe/Madrid"),
    ("fr", "Europe/Paris"),
    ("gr", "Europe/Athens"),
    ("pl", "Europe/Warsaw"),
    ("si", "Europe/Ljubljana"),
];
/// The years that settings were chosen on.
pub const CHOSEN_ON: [i16; 2] = [2021, 2022];
/// Two regressions with the usual week, with another candidate beside it, and with one in its place: the last is what a
/// model of a series alone is made of.
const ENSEMBLES: [&[Candidate]; 5] = {
    use Candidate::{BoostedTrees, Decomposition, Pooled, Recursive, Ridge, UsualWeek};
    [
        &[Ridge, Recursive, UsualWeek],
        &[Ridge, Recursive, UsualWeek, Decomposition],
        &[Ridge, Recursive, UsualWeek, BoostedTrees],
        &[Ridge, Recursive, UsualWeek, Pooled],
        &[Ridge, Recursive, Decomposition],
    ]
};
pub(crate) const VALUE: &str = "ci_direct_gco2eq_per_kwh";

/// A part of what can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Italy's errors and coverage.
    Italy,
    /// Each candidate for Italy.
    Candidates,
    /// The other zones.
    Zones,
    /// CarbonCast's benchmark.
    CarbonCast,
}

impl Part {
    /// Every part with its name.
    pub const ALL: [(&str, Self); 4] = [
        ("italy", Self::Italy),
        ("candidates", Self::Candidates),
        ("zones", Self::Zones),
        ("carboncast", Self::CarbonCast),
    ];
}

/// All that is measured; a part that is not asked for is empty.
#[derive(Default)]
pub struct Figures {
    /// Italy, year by year.
    pub italy: Vec<Year>,
    /// Shares of Italy's values inside the 80 % interval.
    pub coverage: Option<Coverage>,
    /// Ways of making intervals around the forecasts of Italy.
    pub intervals: Vec<Way>,
    /// What models of Italy are made of, with their errors in each year of [`CHOSEN_ON`].
    pub candidates: Vec<(String, [Score; 2])>,
    /// The other zones in 2023.
    pub zones: Vec<Rivals>,
    /// CarbonCast's zones.
    pub carboncast: Vec<Peer>,
}

/// The errors of one year.
pub struct Year {
    /// The year.
    pub year: i16,
    /// Of the forecasts.
    pub ours: Score,
}

/// Shares of values inside the 80 % interval.
pub struct Coverage {
    /// Over all days and hours.
    pub all: f64,
    /// By quarter: its name, the first day's share and the fourth's.
    pub quarters: Vec<(String, f64, f64)>,
}

/// A zone's errors beside the naive ones', over the same origins.
pub struct Rivals {
    /// The zone.
    pub zone: String,
    /// Of the forecasts.
    pub ours: Score,
    /// Of the naive forecasts, by name.
    pub naive: Vec<(&'static str, Score)>,
}

/// A zone's errors beside a published forecast's, over the same origins.
pub struct Peer {
    /// The zone.
    pub zone: String,
    /// Of the forecasts.
    pub ours: Score,
    /// Of the published forecasts.
    pub theirs: Score,
}

/// Measures these parts.
///
/// # Errors
/// Where a file is missing or is not what its folder's page says.
pub fn measure(data: &Path, parts: &[Part]) -> Result<Figures> {
    let mut figures = Figures::default();
    if parts.contains(&Part::Italy) {
        let file = data.join("italy/it_hourly_2021_2023.csv");
        let italy = Inputs::alone(table::history(&file, "timestamp_utc", VALUE)?);
        let run = run(&definition("it", "Europe/Rome")?, &italy, monthly("2022-01-01", "2023-12-28")?);
        whole(&run)?;
        let years = [2022, 2023].map(|year| Year { year, ours: score(&of_year(&run, year), &italy.own) });
        figures.italy = years.into();
        figures.coverage = Some(coverage(&run.forecasts, &italy.own));
        figures.intervals = intervals::compare(&run.forecasts, &italy.own);
    }
    if parts.contains(&Part::Candidates) {
        figures.candidates = candidates(data)?;
    }
    if parts.contains(&Part::Zones) {
        for (zone, time_zone) in ZONES {
            figures.zones.push(rivals(data, zone, time_zone)?);
        }
    }
    if parts.contains(&Part::CarbonCast) {
        for (zone, time_zone) in [("ES", "Europe/Madrid"), ("DE", "Europe/Berlin")] {
            figures.carboncast.push(carboncast::peer(data, zone, time_zone)?);
        }
    }
    Ok(figures)
}

/// Candidates that look at the series alone, each by itself, and then ensembles of them.
fn candidates(data: &Path) -> Result<Vec<(String, [Score; 2])>> {
    let file = data.join("italy/it_hourly_2021_2023.csv");
    let italy = Inputs::alone(table::history(&file, "timestamp_utc", VALUE)?);
    let alone =
        Candidate::ALL.into_iter().filter(|candidate| !candidate.sees_others()).map(|candidate| vec![candidate]);
    let mut measured = Vec::new();
    for members in alone.chain(ENSEMBLES.map(<[Candidate]>::to_vec)) {
        let mut definition = definition("it", "Europe/Rome")?;
        definition.forecast.candidates.clone_from(&members);
        let run = run(&definition, &italy, monthly("2021-06-01", "2022-12-31")?);
        let names: Vec<&str> = members.into_iter().map(Candidate::name).collect();
        measured.push((names.join(", "), CHOSEN_ON.map(|year| score(&of_year(&run, year), &italy.own))));
    }
    Ok(measured)
}

/// A day without a forecast, or a fit that failed, would leave its errors out unseen.
fn whole(run: &Backtest) -> Result<()> {
    let missing = run.withheld.iter().chain(&run.failed).chain(&run.reduced).next();
    anyhow::ensure!(missing.is_none(), "a forecast or a fit is missing: {missing:?}");
    Ok(())
}

fn monthly(from: &str, to: &str) -> Result<Plan> {
    Ok(Plan { from: from.parse()?, to: to.parse()?, refit: Refit::Every { days: 30 } })
}

/// The settings are the defaults: nothing is chosen for a zone.
fn definition(zone: &str, time_zone: &str) -> Result<Definition> {
    let text = format!(
        "id = \"{zone}.ci_direct\"\nunit = \"gCO2eq/kWh\"\ncadence = \"1h\"\ntime_zone = \"{time_zone}\"\n\
         [source]\ntime_column = \"timestamp_utc\"\nvalue_column = \"{VALUE}\"\n"
    );
    Definition::from_toml(&text).context("a definition")
}

fn of_year(run: &Backtest, year: i16) -> Vec<&Forecast> {
    run.forecasts.iter().filter(|forecast| forecast.origin.utc().year() == year).collect()
}

fn score(forecasts: &[&Forecast], actual: &History) -> Score {
    aria_core::score::score(forecasts.iter().copied(), actual)
}

fn rivals(data: &Path, zone: &str, time_zone: &str) -> Result<Rivals> {
    let file = data.join(format!("zones/{zone}_hourly_2021_2023.csv.gz"));
    let inputs = Inputs::alone(table::history(&file, "timestamp_utc", VALUE)?);
    let run = run(&definition(zone, time_zone)?, &inputs, monthly("2023-01-01", "2023-12-28")?);
    whole(&run)?;
    let mut naive: Vec<(&'static str, Tally)> = Vec::new();
    for (name, baseline) in [
        ("previous_day", previous_day as fn(&History, _, _) -> _),
        ("previous_week", previous_week),
        ("usual_week", usual_week),
    ] {
        let mut tally = Tally::default();
        for forecast in &run.forecasts {
            let values = baseline(&inputs.own, forecast.origin, forecast.points.len());
            let values = values.with_context(|| format!("no {name} of {zone} from {}", forecast.origin))?;
            tally.add_values(forecast.origin, &values, &inputs.own);
        }
        naive.push((name, tally));
    }
    let naive = naive.into_iter().map(|(name, tally)| (name, tally.score())).collect();
    Ok(Rivals { zone: zone.to_owned(), ours: score(&of_year(&run, 2023), &inputs.own), naive })
}

fn coverage(forecasts: &[Forecast], actual: &History) -> Coverage {
    let inside = |forecasts: &[&Forecast], hours: std::ops::Range<usize>| {
        let (mut inside, mut all) = (0.0, 0.0);
        for point in forecasts.iter().flat_map(|forecast| &forecast.points[hours.clone()]) {
            if let Some(value) = actual.at(point.target) {
                inside += f64::from(u8::from(point.lower_80 <= value && value <= point.upper_80));
                all += 1.0;
            }
        }
        inside / all
    };
    let quarter = |origin: Timestamp| (origin.utc().year(), (origin.utc().month() - 1) / 3 + 1);
    let by_quarter = forecasts.chunk_by(|a, b| quarter(a.origin) == quarter(b.origin));
    let quarters = by_quarter.filter_map(|of| {
        let (year, number) = quarter(of.first()?.origin);
        let of: Vec<&Forecast> = of.iter().collect();
        Some((format!("{year} Q{number}"), inside(&of, 0..24), inside(&of, 72..96)))
    });
    Coverage { all: inside(&forecasts.iter().collect::<Vec<_>>(), 0..96), quarters: quarters.collect() }
}
