//! Which forecast is meant.

use anyhow::{Context, bail};
use aria_core::artifact::{Kind, Ref};
use aria_core::event::Fact;
use aria_core::series::SeriesId;
use aria_core::time::Timestamp;
use aria_io::bus::Filter;
use aria_io::runtime::Edges;
use futures::StreamExt;

use crate::operate::recorded;

/// The forecast with this key.
///
/// # Errors
/// Where the text is no forecast's key, or the store has none of it.
pub async fn by_key(edges: &Edges, key: &str) -> anyhow::Result<Ref> {
    let (series, digest) = parse(key)
        .with_context(|| format!("`{key}` is not a forecast's key such as forecast/it.ci_direct/<digest>.json"))?;
    let mut names = edges.artifacts.list(Kind::Forecast, &series);
    let mut found = Vec::new();
    while let Some(name) = names.next().await.transpose()? {
        if name.sha256.as_str().starts_with(&digest) {
            found.push(name);
        }
    }
    match found.len() {
        1 => found.pop().context("no forecast"),
        0 => bail!("there is no forecast `{key}`: see `aria events {series} --fact forecast.issued`"),
        many => bail!("`{key}` names {many} forecasts: give more digits"),
    }
}

/// The newest forecast of a series, or the newest from an origin.
///
/// # Errors
/// Where there is none.
pub async fn of_series(edges: &Edges, series: &SeriesId, origin: Option<Timestamp>) -> anyhow::Result<Ref> {
    let filter = Filter::all().facts(["forecast.issued"]).series(series);
    let newest = recorded(edges, &filter).await?.into_iter().rev().find_map(|r| match r.event.fact {
        Fact::ForecastIssued(issued) if origin.is_none_or(|o| o == issued.batch.origin) => Some(issued.forecast),
        _ => None,
    });
    let from = origin.map(|o| format!(" from {o}")).unwrap_or_default();
    newest.with_context(|| format!("no forecast of `{series}`{from} was issued: `aria status {series}` says more"))
}

/// The series and the digest, or its beginning, of a key.
fn parse(key: &str) -> Option<(SeriesId, String)> {
    let (series, file) = key.strip_prefix("forecast/")?.split_once('/')?;
    let digest = file.strip_suffix(".json").unwrap_or(file);
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let is_digest = (6..=64).contains(&digest.len()) && digest.bytes().all(is_digit);
    Some((series.parse().ok()?, is_digest.then(|| digest.to_owned())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_whole_or_with_the_beginning_of_its_digest() {
        let series: SeriesId = "it.ci_direct".parse().unwrap();
        assert_eq!(parse("forecast/it.ci_direct/ab12cd34.json"), Some((series.clone(), "ab12cd34".to_owned())));
        assert_eq!(parse("forecast/it.ci_direct/ab12cd"), Some((series, "ab12cd".to_owned())));
    }

    #[test]
    fn other_artifacts_and_paths_are_no_forecast() {
        for key in
            ["model/it.ci_direct/ab12cd34.json", "forecast/it.ci_direct", "forecast/it.x/../../a", "", "forecast//"]
        {
            assert_eq!(parse(key), None, "{key}");
        }
    }
}
