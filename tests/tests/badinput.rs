//! Whatever is handed in: a batch that cannot be trusted is rejected with its reason, a bad row is quarantined with its
//! own, and every good row is kept.

use anyhow::{Context, Result};
use aria_core::contract::{Quarantine, Quarantined};
use aria_core::event::{BatchAccepted, Event, Fact};
use aria_core::summary::ended;
use aria_core::table::Table;
use aria_tests::{HEADER, Pace, Platform, wave};

const VALUE: &str = "ci_direct_gco2eq_per_kwh";
const TIME: &str = "timestamp_utc";
/// The day that every case hands in, after forty good ones: too few for a model, enough to know the unit.
const DAY: (&str, &str) = ("2021-02-10", "2021-02-11");

/// A platform with forty good days.
async fn platform() -> Result<Platform> {
    let platform = Platform::start().await?;
    platform.ingest("2021-01-01", DAY.0, Pace::Slow).await?;
    Ok(platform)
}

/// The 24 good rows of the day, without a header.
fn rows() -> Result<Vec<String>> {
    Ok(wave(DAY.0, DAY.1, Pace::Slow)?.lines().skip(1).map(str::to_owned).collect())
}

/// The day with each value made of the true one.
fn with_values(made: impl Fn(f64) -> String) -> Result<String> {
    let rows = rows()?;
    let values = rows.iter().map(|row| {
        let (time, value) = row.split_once(',').context("no value")?;
        Ok(format!("{time},{}\n", made(value.parse()?)))
    });
    Ok(HEADER.to_owned() + &values.collect::<Result<String>>()?)
}

/// Hands a file in; gives how its batch ended and what the command said, which fails where the batch is rejected.
async fn hand_in(platform: &Platform, file: &str, body: &[u8]) -> Result<(Event, String)> {
    let before = platform.tally().await?.batches;
    std::fs::write(platform.folder().join(file), body)?;
    let output = platform.run(&["ingest", "--series", Platform::SERIES, file]).await?;
    let end = platform.event("the batch's end", |event| ended(&event.fact) == Some(before + 1)).await?.event;
    let rejected = matches!(end.fact, Fact::BatchRejected(_));
    assert_eq!(output.status.code(), Some(i32::from(rejected)), "{file}: {output:?}");
    let said = if rejected { output.stderr } else { output.stdout };
    Ok((end, String::from_utf8(said)?))
}

#[tokio::test]
async fn a_batch_that_cannot_be_trusted_is_rejected_with_its_reason_and_the_command_fails() -> Result<()> {
    let platform = platform().await?;
    let good = HEADER.to_owned() + &rows()?.join("\n");
    let half = HEADER.to_owned() + &rows()?.iter().enumerate().map(spoilt_beyond_11).collect::<String>();
    let cases: [(&str, Vec<u8>, &str); 19] = [
        ("empty.csv", b"".into(), "the file is empty"),
        ("blank.csv", b"\n\n  \n".into(), "the file is empty"),
        ("header.csv", HEADER.into(), "the file has columns but no row"),
        ("image.csv", b"\x89PNG\r\n\x1A\n".into(), "the file is a PNG image, no table"),
        ("page.csv", b"<!DOCTYPE html><html></html>".into(), "the file is an HTML or XML page, no table"),
        (
            "words.csv",
            b"there is nothing here\n".into(),
            "column `timestamp_utc` is missing, found `there is nothing here`",
        ),
        ("binary.csv", b"a,b\n\x00\x01".into(), "the file is binary data, no table"),
        ("utf16.csv", b"\xFF\xFEt\x00".into(), "the file is not UTF-8 text but UTF-16"),
        ("half.parquet", b"PAR1 and no end".into(), "the file is "),
        ("text.parquet", good.clone().into(), "the file was handed in as parquet but is text"),
        ("array.ndjson", b"[{\"a\": 1}]".into(), "the file is one JSON array"),
        (
            "no-time.csv",
            good.replace(TIME, "when").into(),
            "column `timestamp_utc` is missing, found `when`, `ci_direct",
        ),
        ("no-value.csv", good.replace(VALUE, "ci").into(), "column `ci_direct_gco2eq_per_kwh` is missing, found"),
        (
            "twice.csv",
            good.replace(VALUE, &format!("{VALUE},{VALUE}")).into(),
            "column `ci_direct_gco2eq_per_kwh` stands twice",
        ),
        ("semicolons.csv", good.replace(',', ";").into(), "the columns seem to be separated by"),
        ("tonnes.csv", with_values(|v| (v / 1000.0).to_string())?.into(), "the unit must be wrong"),
        ("milligrams.csv", with_values(|v| (v * 1000.0).to_string())?.into(), "the unit must be wrong"),
        (
            "tenth.csv",
            with_values(|v| (v / 10.0).to_string())?.into(),
            "where 2.5 is allowed; convert the values to gCO2eq/kWh",
        ),
        ("half-bad.csv", half.into(), "13 of 24 rows are bad, the contract allows a share of 0.5"),
    ];
    let head = platform.done(&["status", Platform::SERIES, "--json"]).await?;
    for (file, body, reason) in &cases {
        let (end, said) = hand_in(&platform, file, body).await?;
        let Fact::BatchRejected(rejected) = &end.fact else { anyhow::bail!("{file} was not rejected") };
        assert!(rejected.reason.contains(reason), "{file}: {}", rejected.reason);
        assert!(said.starts_with(&format!("{file}: rejected: {}", rejected.reason)), "{said}");
    }
    let after = platform.done(&["status", Platform::SERIES, "--json"]).await?;
    let until = |text: &str| text.lines().find(|line| line.contains("data_until")).map(str::to_owned);
    assert!(until(&head).is_some_and(|line| line.contains("2021-02-10T00:00:00Z")), "{head}");
    assert_eq!(until(&head), until(&after), "a rejected batch moved the series");

    // A compressed file does not even become a batch.
    std::fs::write(platform.folder().join("day.csv.gz"), b"\x1F\x8B\x08\x00")?;
    let said = platform.refused(&["ingest", "--series", Platform::SERIES, "day.csv.gz"]).await?;
    assert!(said.contains("decompress it first"), "{said}");

    let tally = platform.tally().await?;
    let all = 1 + cases.len() as u64;
    assert_eq!((tally.batches, tally.ended_once, tally.rejected), (all, all, all - 1));
    Ok(())
}

/// A row, with a word in place of the value from the twelfth on.
fn spoilt_beyond_11((hour, row): (usize, &String)) -> String {
    let time = row.split(',').next().unwrap_or_default();
    if hour < 11 { format!("{row}\n") } else { format!("{time},unknown\n") }
}

#[tokio::test]
async fn a_rejected_batch_names_the_rows_and_columns_that_were_refused() -> Result<()> {
    let platform = platform().await?;
    let (end, said) = hand_in(&platform, "noon.csv", format!("{HEADER}noon,300\n{},\n", DAY.0).as_bytes()).await?;
    let Fact::BatchRejected(rejected) = end.fact else { anyhow::bail!("not rejected") };
    assert!(rejected.reason.contains("none of 2 rows is good"), "{}", rejected.reason);
    let refused = quarantine(&platform, rejected.quarantine.as_ref()).await?;
    assert_eq!(refused.rows.iter().map(|q| (q.row, q.column.as_str())).collect::<Vec<_>>(), [(1, TIME), (2, TIME)]);
    assert!(said.contains("row 1, timestamp_utc: `noon` is no time"), "{said}");
    assert!(said.contains("row 2, timestamp_utc: `2021-02-10` is a date without an hour"), "{said}");
    Ok(())
}

async fn quarantine(platform: &Platform, name: Option<&aria_core::artifact::Ref>) -> Result<Quarantine> {
    Ok(platform.edges().await?.artifacts.get_document(name.context("no row is quarantined")?).await?)
}

/// A change of the day's rows, and the refusal that it must lead to: row, column, value, reason.
type Refusal = (u64, &'static str, &'static str, &'static str);

/// Replaces a row of the day, counted from 1.
fn replaced(row: usize, text: &str) -> Result<Vec<String>> {
    let mut rows = rows()?;
    *rows.get_mut(row - 1).context("no such row")? = text.to_owned();
    Ok(rows)
}

/// The hours and values of a batch's good rows.
async fn kept(platform: &Platform, end: &Event) -> Result<(BatchAccepted, Vec<String>)> {
    let accepted = platform.events().await?.into_iter().find_map(|recorded| match recorded.event.fact {
        Fact::BatchAccepted(accepted) if Some(accepted.batch.ordinal) == ended(&end.fact) => Some(accepted),
        _ => None,
    });
    let accepted = accepted.context("the batch was not accepted")?;
    let table = Table::from_parquet(&platform.edges().await?.artifacts.get(&accepted.table).await?)?;
    let values = table.values(VALUE)?;
    let rows =
        table.times().into_iter().zip(values).map(|(time, value)| format!("{time},{:.3}", value.unwrap_or(f64::NAN)));
    Ok((accepted, rows.collect()))
}

/// Hands the rows in; checks what was refused, what was kept, and what the operator was told.
async fn check(platform: &Platform, file: &str, rows: &[String], refusals: &[Refusal], good: &[String]) -> Result<()> {
    let (end, said) = hand_in(platform, file, (HEADER.to_owned() + &rows.join("\n")).as_bytes()).await?;
    let (accepted, found) = kept(platform, &end).await?;
    assert_eq!(found, good, "{file}");
    assert_eq!((accepted.rows, accepted.rows_quarantined), (good.len() as u64, refusals.len() as u64), "{file}");
    let counts = format!("{file}: {} rows taken in, {} quarantined\n", good.len(), refusals.len());
    assert!(said.starts_with(&counts), "{said}");
    if refusals.is_empty() {
        assert_eq!(accepted.quarantine, None, "{file}");
        return Ok(());
    }
    let refused = quarantine(platform, accepted.quarantine.as_ref()).await?;
    assert_eq!(refused.total, refusals.len() as u64, "{file}");
    for (Quarantined { row, column, value, reason }, wanted) in refused.rows.iter().zip(refusals) {
        assert_eq!((*row, column.as_str(), value.as_str()), (wanted.0, wanted.1, wanted.2), "{file}");
        assert!(reason.contains(wanted.3), "{file}: {reason}");
        let (column, reason) = (if column.is_empty() { "as a whole" } else { column }, reason);
        assert!(said.contains(&format!("row {row}, {column}: `{value}` {reason}")), "{file}: {said}");
    }
    Ok(())
}

#[tokio::test]
async fn one_bad_row_is_quarantined_with_its_reason_and_the_other_23_are_kept() -> Result<()> {
    let platform = platform().await?;
    let all = rows()?;
    let good: Vec<String> = all.iter().enumerate().filter(|(at, _)| *at != 2).map(|(_, row)| row.clone()).collect();
    let cases: [(&str, Refusal); 18] = [
        ("noon,300", (3, TIME, "noon", "is no time")),
        (",300", (3, TIME, "", "is empty")),
        ("2021-02-10T02:00:00,300", (3, TIME, "2021-02-10T02:00:00", "without an offset")),
        ("2021-02-10,300", (3, TIME, "2021-02-10", "a date without an hour")),
        ("2021-02-10T02:30:00Z,300", (3, TIME, "2021-02-10T02:30:00Z", "not the start of a step of an hour")),
        ("2021-02-30T02:00:00Z,300", (3, TIME, "2021-02-30T02:00:00Z", "is no time")),
        ("2150-01-01T02:00:00Z,300", (3, TIME, "2150-01-01T02:00:00Z", "is from the future")),
        ("9999-01-01T02:00:00Z,300", (3, TIME, "9999-01-01T02:00:00Z", "outside the years 1900 to 2199")),
        ("2021-02-10T02:00:00Z,NaN", (3, VALUE, "NaN", "is not a number but NaN")),
        ("2021-02-10T02:00:00Z,inf", (3, VALUE, "inf", "is not finite")),
        ("2021-02-10T02:00:00Z,-Infinity", (3, VALUE, "-Infinity", "is not finite")),
        ("2021-02-10T02:00:00Z,1e999", (3, VALUE, "1e999", "is not finite")),
        ("2021-02-10T02:00:00Z,-5", (3, VALUE, "-5", "is below the minimum of 1 gCO2eq/kWh")),
        ("2021-02-10T02:00:00Z,1e9", (3, VALUE, "1e9", "is above the maximum of 1500 gCO2eq/kWh")),
        ("2021-02-10T02:00:00Z,", (3, VALUE, "", "is empty")),
        ("2021-02-10T02:00:00Z,n/a", (3, VALUE, "n/a", "is not a number")),
        ("2021-02-10T02:00:00Z,\"300,5\"", (3, VALUE, "300,5", "write the decimals after a point")),
        ("2021-02-10T02:00:00Z", (3, "", "2021-02-10T02:00:00Z", "has 1 fields where the header has 2")),
    ];
    for (at, (row, refusal)) in cases.iter().enumerate() {
        check(&platform, &format!("case-{at}.csv"), &replaced(3, row)?, &[*refusal], &good)
            .await
            .with_context(|| format!("with the row {row}"))?;
    }
    let tally = platform.tally().await?;
    let batches = 1 + cases.len() as u64;
    assert_eq!((tally.batches, tally.ended_once, tally.rejected), (batches, batches, 0));
    assert_eq!(tally.rows_quarantined, cases.len() as u64);
    Ok(())
}

#[tokio::test]
async fn a_time_far_from_the_series_moves_neither_end_of_it_and_the_batch_after_it_is_forecast() -> Result<()> {
    let platform = Platform::start().await?;
    platform.ingest("2021-01-01", "2021-03-10", Pace::Slow).await?;
    // A replay gives each of the two wrong rows a batch of its own, received at its own time.
    let days = wave("2021-03-10", "2021-03-12", Pace::Slow)?;
    let wrong = "2031-03-01T05:00:00Z,300\n1970-01-01T00:00:00Z,300\n";
    std::fs::write(platform.folder().join("wrong.csv"), days.replacen(HEADER, &(HEADER.to_owned() + wrong), 1))?;
    platform.done(&["replay", "--series", Platform::SERIES, "wrong.csv"]).await?;
    platform.ingest("2021-03-12", "2021-03-13", Pace::Slow).await?;

    let events = platform.events().await?;
    let ends = events.iter().filter_map(|recorded| match &recorded.event.fact {
        Fact::BatchRejected(rejected) => Some(rejected.reason.clone()),
        Fact::ForecastIssued(issued) => Some(format!("a forecast from {}", issued.batch.origin)),
        Fact::ForecastWithheld(withheld) => Some(format!("no forecast: {}", withheld.reason)),
        _ => None,
    });
    let expected = [
        "a forecast from 2021-03-10T00:00:00Z",
        "a forecast from 2021-03-11T00:00:00Z",
        "1 of 1 rows lie too far in time: row 1, `1970-01-01T00:00:00Z`, is before 1990-01-01T00:00:00Z",
        "a forecast from 2021-03-12T00:00:00Z",
        "1 of 1 rows lie too far in time: row 1, `2031-03-01T05:00:00Z`, is 3642 days after 2021-03-11T23:00:00Z",
        "a forecast from 2021-03-13T00:00:00Z",
    ];
    let ends: Vec<String> = ends.collect();
    assert_eq!(ends.len(), expected.len(), "{ends:#?}");
    for (end, expected) in ends.iter().zip(expected) {
        assert!(end.starts_with(expected), "{end}, not {expected}");
    }
    Ok(())
}

#[tokio::test]
async fn hours_out_of_order_doubled_or_missing_are_no_reason_to_lose_a_good_one() -> Result<()> {
    let platform = platform().await?;
    let good = rows()?;
    let backwards: Vec<String> = good.iter().rev().cloned().collect();
    check(&platform, "backwards.csv", &backwards, &[], &good).await?;

    // Hour 2 stands three times; its last value is taken.
    let (first, second) = ("2021-02-10T02:00:00Z,111".to_owned(), "2021-02-10T02:00:00Z,222".to_owned());
    let doubled = [&[first, second], good.as_slice()].concat();
    let superseded = "is superseded by row 5, which has the same time";
    let time = "2021-02-10T02:00:00Z";
    check(&platform, "doubled.csv", &doubled, &[(1, TIME, time, superseded), (2, TIME, time, superseded)], &good)
        .await?;

    let gap: Vec<String> =
        good.iter().enumerate().filter(|(hour, _)| !(5..10).contains(hour)).map(|(_, r)| r.clone()).collect();
    assert_eq!(gap.len(), 19);
    check(&platform, "gap.csv", &gap, &[], &gap).await?;

    // The hours of the gap are still those of the batches before: a gap takes nothing away.
    let revised = vec!["2021-02-10T05:00:00Z,333.000".to_owned()];
    check(&platform, "revised.csv", &revised, &[], &revised).await?;
    let tally = platform.tally().await?;
    assert_eq!((tally.batches, tally.ended_once, tally.rejected), (5, 5, 0));
    Ok(())
}

#[tokio::test]
async fn broken_lines_of_ndjson_are_quarantined_one_by_one() -> Result<()> {
    let platform = platform().await?;
    let line = |row: &String| {
        let (time, value) = row.split_once(',').unwrap_or_default();
        format!("{{\"{TIME}\": \"{time}\", \"{VALUE}\": {value}}}")
    };
    let mut lines: Vec<String> = rows()?.iter().map(line).collect();
    lines[3] = "{\"timestamp_utc\": ".to_owned();
    lines[7] = format!("{{\"{TIME}\": \"2021-02-10T07:00:00Z\", \"{VALUE}\": null}}");
    lines[9] = "[1, 2]".to_owned();
    let (end, said) = hand_in(&platform, "lines.ndjson", lines.join("\n").as_bytes()).await?;
    let (accepted, found) = kept(&platform, &end).await?;
    let good: Vec<String> =
        rows()?.into_iter().enumerate().filter(|(at, _)| ![3, 7, 9].contains(at)).map(|(_, row)| row).collect();
    assert_eq!(found, good);
    let refused = quarantine(&platform, accepted.quarantine.as_ref()).await?;
    let places: Vec<_> = refused.rows.iter().map(|q| (q.row, q.column.as_str())).collect();
    assert_eq!(places, [(4, ""), (8, VALUE), (10, "")]);
    assert!(said.contains("row 4, as a whole") && said.contains("is no JSON object"), "{said}");
    Ok(())
}
