//! Room in a series: whoever hands batches in beside the HTTP API waits as its clients are told to, so that nothing
//! grows without end.

use std::time::Duration;

use aria_core::intake::{self, RETRY_AFTER_SECONDS};
use aria_core::series::SeriesId;
use aria_io::runtime::Edges;
use aria_io::runtime::config::Intake;

use crate::platform::Place;

/// How many batches of a series may be on their way.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    most: u64,
}

impl Room {
    /// As the platform's settings say it.
    ///
    /// # Errors
    /// Where they cannot be used.
    pub fn of(place: &Place) -> anyhow::Result<Self> {
        Ok(Self { most: Intake::read(&place.options())?.backlog })
    }

    /// Waits until the series takes in a further batch, and says once that it waits.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn wait(self, edges: &Edges, series: &SeriesId) -> anyhow::Result<()> {
        let mut has_told = false;
        while let Err(full) = intake::admit(edges.progress(series).await?, self.most) {
            if !has_told {
                mention!("waiting for `{series}`: {} of its batches have not ended, as many as may wait", full.unended);
                has_told = true;
            }
            tokio::time::sleep(Duration::from_secs(RETRY_AFTER_SECONDS)).await;
        }
        Ok(())
    }
}
