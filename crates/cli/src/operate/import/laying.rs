//! The moves of an import, each of which can be made again.

#[cfg(test)]
mod tests;

use anyhow::{Context, bail};
use aria_core::archive::Arrival;
use aria_core::artifact::Artifact;
use aria_core::cell::Cell;
use aria_core::document;
use aria_core::series::SeriesId;
use aria_io::archive::{Piece, Wanted, Whole};
use aria_io::bus::{BusError, Laid, Past};
use aria_io::runtime::Edges;
use futures::StreamExt;
use futures::stream::BoxStream;

/// What became of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The series is there.
    Done,
    /// It was there before, by the same export.
    Already,
}

/// An import under way.
pub struct Laying<'a> {
    edges: &'a Edges,
    whole: &'a Whole,
    series: &'a SeriesId,
}

/// What the log of the platform holds of the series.
type History = BoxStream<'static, Result<Laid, BusError>>;

impl<'a> Laying<'a> {
    /// An import of a whole file.
    pub fn new(edges: &'a Edges, whole: &'a Whole) -> Self {
        Self { edges, whole, series: &whole.contents.series }
    }

    /// Makes every move that was not made yet.
    ///
    /// # Errors
    /// Where the series is there already by something else, or the platform does not do its part.
    pub async fn run(&self) -> anyhow::Result<Outcome> {
        let Some(head) = self.whole.cells.get(&Cell::Head) else { bail!("the file holds no head") };
        let Some(revision) = self.take_head().await? else { return Ok(Outcome::Already) };
        self.artifacts().await?;
        self.cells().await?;
        self.events().await?;
        let heads = &self.edges.stores().heads;
        match heads.swap(self.series, Some(revision), head.clone()).await {
            Ok(_) => Ok(Outcome::Done),
            // Another run of the same import was first.
            Err(error @ BusError::Conflict { .. }) => {
                if self.take_head().await?.is_some() {
                    return Err(error.into());
                }
                Ok(Outcome::Done)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Puts a mark in the place of the head, unless it is there; gives its revision. None where the series is there, by
    /// this export.
    async fn take_head(&self) -> anyhow::Result<Option<u64>> {
        let (heads, series) = (self.edges.stores().heads, self.series);
        let arrival = Arrival { contents: self.whole.digest.clone() };
        let Some(held) = heads.read(series).await? else {
            if self.history().await?.next().await.transpose()?.is_some() {
                bail!("the event log holds events of `{series}`, and there is no series of this name");
            }
            return match heads.swap(series, None, document::encode(&arrival)?).await {
                Ok(revision) => Ok(Some(revision)),
                Err(BusError::Conflict { .. }) => bail!("`{series}` came to be this moment: run the command again"),
                Err(error) => Err(error.into()),
            };
        };
        match document::decode::<Arrival>(&held.value) {
            Ok(found) if found == arrival => Ok(Some(held.revision)),
            Ok(_) => bail!("another export of `{series}` is being imported: finish that one first"),
            Err(_) if self.is_here().await? => Ok(None),
            Err(_) => {
                bail!("`{series}` exists here already: a series is imported only where there is none of its name")
            }
        }
    }

    /// Whether the log begins with what this export laid in.
    async fn is_here(&self) -> anyhow::Result<bool> {
        match self.history().await?.next().await.transpose()? {
            Some(first) => Ok(first.by.as_deref() == Some(self.whole.digest.as_str())),
            None => Ok(false),
        }
    }

    async fn history(&self) -> anyhow::Result<History> {
        Ok(self.edges.bus.history(self.series).await?)
    }

    async fn artifacts(&self) -> anyhow::Result<()> {
        let artifacts = &self.edges.artifacts;
        self.whole
            .each(Wanted::Artifacts, async |piece| -> anyhow::Result<()> {
                if let Piece::Artifact(name, bytes) = piece {
                    artifacts.store(&Artifact { name, bytes }).await?;
                }
                Ok(())
            })
            .await
    }

    /// Every cell but the head.
    async fn cells(&self) -> anyhow::Result<()> {
        let stores = self.edges.stores();
        for (cell, bytes) in self.whole.cells.iter().filter(|(cell, _)| **cell != Cell::Head) {
            match stores.cells(*cell).swap(self.series, None, bytes.clone()).await {
                Ok(_) => {}
                Err(BusError::Conflict { .. }) => {
                    let found = stores.cells(*cell).read(self.series).await?;
                    if found.is_none_or(|found| found.value != *bytes) {
                        bail!("the {} of `{}` is there already and is another one", cell.as_str(), self.series);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Lays in the events that the log does not hold: it holds a beginning of them, where an import was cut off.
    async fn events(&self) -> anyhow::Result<()> {
        let mut there = self.history().await?;
        self.whole
            .each(Wanted::Events, async |piece| -> anyhow::Result<()> {
                let Piece::Events(events) = piece else { return Ok(()) };
                for past in &events {
                    self.event(past, there.next().await.transpose()?).await?;
                }
                Ok(())
            })
            .await?;
        if there.next().await.is_some() {
            bail!("the event log holds events of `{}` that are not in the file", self.series);
        }
        Ok(())
    }

    async fn event(&self, past: &Past, there: Option<Laid>) -> anyhow::Result<()> {
        match there {
            Some(laid) if laid.past == *past => Ok(()),
            Some(laid) => {
                let (_, id) = laid.past.event()?;
                bail!("the event log holds `{id}` of `{}` where the file has another event", self.series)
            }
            None => {
                let laid = self.edges.bus.lay_in(past, self.whole.digest.as_str()).await;
                laid.map(drop).context("an event cannot be laid into the log")
            }
        }
    }
}
