//! The figures as a page.

use std::fmt::Write as _;

use aria_core::score::Score;

use super::intervals::Way;
use super::{CHOSEN_ON, Coverage, Figures, Peer, Rivals, Year};

/// The page, in Markdown.
pub fn markdown(figures: &Figures) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, figures);
    text
}

fn write(text: &mut String, figures: &Figures) -> std::fmt::Result {
    text.push_str(HEAD);
    if let Some(coverage) = &figures.coverage {
        write_italy(text, &figures.italy, coverage)?;
        write_intervals(text, &figures.intervals)?;
    }
    if !figures.candidates.is_empty() {
        write_candidates(text, &figures.candidates)?;
    }
    if !figures.zones.is_empty() {
        write_zones(text, &figures.zones)?;
    }
    if figures.carboncast.is_empty() { Ok(()) } else { write_carboncast(text, &figures.carboncast) }
}

fn write_italy(text: &mut String, years: &[Year], coverage: &Coverage) -> std::fmt::Result {
    writeln!(text, "\n## Italy, direct intensity, no weather\n")?;
    writeln!(text, "| | day 1 | 96 h | published best (Sundial) | wanted |\n| --- | --- | --- | --- | --- |")?;
    for (year, (peer, day, whole)) in years.iter().zip([("5.87 / 8.95", 5.3, 8.0), ("8.85 / 13.36", 7.3, 11.0)]) {
        let [first, all] = both(&year.ours);
        let verdict = met(first <= day && all <= whole);
        writeln!(text, "| {} | {first:.2} % | {all:.2} % | {peer} | {day} / {whole}: {verdict} |", year.year)?;
    }
    let verdict = met((0.78..=0.82).contains(&coverage.all));
    let all = 100.0 * coverage.all;
    writeln!(text, "\nThe 80 % interval covers {all:.1} % of both years (wanted 78 to 82: {verdict}).\n")?;
    writeln!(text, "| quarter | day 1 | day 4 | wanted 74 to 86 |\n| --- | --- | --- | --- |")?;
    for (name, first, fourth) in &coverage.quarters {
        let verdict = met([first, fourth].into_iter().all(|share| (0.74..=0.86).contains(share)));
        writeln!(text, "| {name} | {:.1} % | {:.1} % | {verdict} |", 100.0 * first, 100.0 * fourth)?;
    }
    Ok(())
}

fn write_intervals(text: &mut String, ways: &[Way]) -> std::fmt::Result {
    text.push_str(
        "\n## Ways of making the 80 % interval around the same forecasts, Italy, April 2022 to December 2023\n\n",
    );
    text.push_str(
        "Each sees an error once its hour has passed. The Winkler score, in gCO2eq/kWh, is the less the better.\n\n",
    );
    text.push_str(
        "| way | covers, day 1 / 96 h | worst month | Winkler score, day 1 / 96 h |\n| --- | --- | --- | --- |\n",
    );
    for Way { name, by_span: [first, all], worst_month } in ways {
        let [of_first, of_all] = [first, all].map(|held| 100.0 * held.coverage);
        write!(text, "| {name} | {of_first:.1} / {of_all:.1} % | {:.0} % ", 100.0 * worst_month)?;
        writeln!(text, "| {:.1} / {:.1} |", first.winkler, all.winkler)?;
    }
    Ok(())
}

fn write_candidates(text: &mut String, candidates: &[(String, [Score; 2])]) -> std::fmt::Result {
    text.push_str("\n## Candidates, Italy, no weather\n\n");
    text.push_str("What a model may be made of, on the years that settings were chosen on. Fits begin with June 2021, and so fall on other\n\
        days than above; the last row is the default. Day 1 / 96 h.\n\n");
    let [first, second] = CHOSEN_ON;
    writeln!(text, "| made of | {first}, from June on | {second} |\n| --- | --- | --- |")?;
    for (names, years) in candidates {
        let [first, second] = years.each_ref().map(both);
        writeln!(text, "| {names} | {:.2} / {:.2} % | {:.2} / {:.2} % |", first[0], first[1], second[0], second[1])?;
    }
    Ok(())
}

fn write_zones(text: &mut String, zones: &[Rivals]) -> std::fmt::Result {
    text.push_str("\n## Other zones, 2023, no weather\n\n");
    text.push_str("Mean absolute error in gCO2eq/kWh and mean absolute percentage error, day 1 / 96 h.\n\n");
    text.push_str("| zone | Aria | previous day | previous week | usual week | better than both naive |\n");
    text.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for zone in zones {
        write!(text, "| {} | {} ", zone.zone, cells(&zone.ours))?;
        for (_, naive) in &zone.naive {
            write!(text, "| {} ", cells(naive))?;
        }
        writeln!(text, "| {} |", met(beats(zone)))?;
    }
    Ok(())
}

fn write_carboncast(text: &mut String, peers: &[Peer]) -> std::fmt::Result {
    text.push_str("\n## CarbonCast's benchmark, July to December 2021, weather as known at the issue\n\n");
    text.push_str("One model, fitted on January 2020 to June 2021, with past generation by source. As in CarbonCast's own files, the\n");
    text.push_str(
        "weather run of 00:00 UTC is used at 00:00 UTC: whoever waits six hours for it has the one before.\n\n",
    );
    text.push_str("| zone | Aria, day 1 / 96 h | CarbonCast | better by | wanted: day 1 below, 96 h 20 % below |\n");
    text.push_str("| --- | --- | --- | --- | --- |\n");
    for peer in peers {
        let (ours, theirs) = (both(&peer.ours), both(&peer.theirs));
        let gain = |place: usize| 100.0 * (1.0 - ours[place] / theirs[place]);
        write!(text, "| {} | {:.2} / {:.2} % | {:.2} / {:.2} % ", peer.zone, ours[0], ours[1], theirs[0], theirs[1])?;
        writeln!(text, "| {:.0} / {:.0} % | {} |", gain(0), gain(1), met(passes(peer)))?;
    }
    Ok(())
}

const HEAD: &str = "# Figures\n\n\
    Written by `make figures DATA=dir`, where `dir` holds the data that the project does not ship. Forecasts are issued\n\
    daily at 00:00 UTC for 96 hours by models that are fitted anew every 30 days on everything before. Errors are means over\n\
    origins of the day's, or the whole forecast's, mean absolute percentage error. Settings are the defaults for every zone.\n\
    They were chosen on 2021 and 2022 only, 2023 and the other zones were looked at afterwards. CarbonCast's second half of\n\
    2021 was looked at while features of the weather and the share of a lasting error were chosen: no other year with weather\n\
    is at hand, so that its figures are the least certain here.\n";

fn both(score: &Score) -> [f64; 2] {
    [score.mape_by_day.first().copied().flatten().unwrap_or(f64::NAN), score.mape.unwrap_or(f64::NAN)]
}

fn absolute(score: &Score) -> [f64; 2] {
    [score.mae_by_day.first().copied().flatten().unwrap_or(f64::NAN), score.mae.unwrap_or(f64::NAN)]
}

fn cells(score: &Score) -> String {
    let (of, percent) = (absolute(score), both(score));
    format!("{:.1} / {:.1}, {:.1} / {:.1} %", of[0], of[1], percent[0], percent[1])
}

fn beats(zone: &Rivals) -> bool {
    let naive = zone.naive.iter().filter(|(name, _)| *name != "usual_week");
    let below = |ours: [f64; 2], theirs: [f64; 2]| ours[0] < theirs[0] && ours[1] < theirs[1];
    naive.fold(true, |all, (_, naive)| {
        all && below(both(&zone.ours), both(naive)) && below(absolute(&zone.ours), absolute(naive))
    })
}

fn passes(peer: &Peer) -> bool {
    let (ours, theirs) = (both(&peer.ours), both(&peer.theirs));
    ours[0] < theirs[0] && ours[1] <= 0.8 * theirs[1]
}

fn met(is: bool) -> &'static str {
    if is { "met" } else { "MISSED" }
}
