//! `aria drift --series S`: what the check of a batch found, as it was stored, and what its alarms are worth.

mod page;
mod report;

use anyhow::{Context, bail};
use aria_core::budget::Budget;
use aria_core::drift::columns::{self, Beside};
use aria_core::drift::days_needed;
use aria_core::event::{DriftChecked, Fact};
use aria_core::history::History;
use aria_core::model::Model;
use aria_core::monitor;
use aria_core::series::SeriesId;
use aria_core::time::DAY;
use aria_io::bus::Filter;
use aria_io::library;
use aria_io::runtime::Edges;

use self::report::Report;
use crate::operate;

/// The stored check of a batch, with the model that it compared with.
pub struct Live {
    checked: monitor::Report,
    model: Option<Model>,
}

/// What a page draws: the window's values with the week before it, and the reference beside them where they can be
/// compared.
struct Drawn {
    history: History,
    beside: Option<[Beside; 2]>,
}

impl Live {
    /// The check of the batch with this ordinal or, without one, of the newest that was checked.
    ///
    /// # Errors
    /// Where there is none, or it cannot be read.
    pub async fn read(edges: &Edges, series: &SeriesId, batch: Option<u64>) -> anyhow::Result<Self> {
        operate::must_be_known(edges, series).await?;
        let found = found(edges, series, batch).await?;
        let checked: monitor::Report = edges.artifacts.get_document(&found.report).await?;
        let model = match &checked.model {
            Some(model) => Some(edges.artifacts.get_document(model).await?),
            None => None,
        };
        Ok(Self { checked, model })
    }

    /// The report of it.
    pub fn report(&self) -> Report<'_> {
        Report::new(&self.checked, self.model.as_ref().map(Budget::of))
    }

    /// The report as one HTML page, with what the batch's snapshot holds of the window.
    ///
    /// # Errors
    /// Where the snapshot cannot be read or a plot cannot be drawn.
    pub async fn page(&self, edges: &Edges) -> anyhow::Result<String> {
        page::html(&self.report(), &self.drawn(edges).await?)
    }

    async fn drawn(&self, edges: &Edges) -> anyhow::Result<Drawn> {
        let batch = &self.checked.batch;
        let series = library::Series::open(&edges.artifacts, &batch.snapshot).await?;
        let from = batch.origin.plus(-i64::from(days_needed(&series.definition)) * DAY);
        let history = series.history(&edges.artifacts, from, batch.origin).await?;
        let reference = self.model.as_ref().and_then(|model| model.reference.as_ref());
        // Where they cannot be compared each answer says why.
        let beside = reference.and_then(|reference| columns::beside(reference, &history, &series.definition).ok());
        Ok(Drawn { history, beside })
    }
}

/// The check that is meant.
async fn found(edges: &Edges, series: &SeriesId, batch: Option<u64>) -> anyhow::Result<DriftChecked> {
    const FACT: &str = "drift.checked";
    let Some(ordinal) = batch else {
        let newest = edges.bus.newest_event(FACT, series).await?;
        return match newest.map(|recorded| recorded.event.fact) {
            Some(Fact::DriftChecked(checked)) => Ok(checked),
            _ => bail!("no batch of `{series}` has been checked yet: `aria status {series}` says why"),
        };
    };
    let events = operate::recorded(edges, &Filter::all().facts([FACT]).series(series)).await?;
    let of_batch = events.into_iter().rev().find_map(|recorded| match recorded.event.fact {
        Fact::DriftChecked(checked) if checked.batch.ordinal == ordinal => Some(checked),
        _ => None,
    });
    of_batch.with_context(|| {
        format!(
            "no check of batch {ordinal} of `{series}` is on record: `aria events {series} --batch {ordinal}` says what \
             became of it"
        )
    })
}
