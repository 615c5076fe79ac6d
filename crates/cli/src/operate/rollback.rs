//! `aria rollback`: an earlier model put back by a person.

use aria_core::registry::Then;
use aria_core::series::SeriesId;
use clap::Args;

use super::hand::{change, print_move};
use super::reason::reason;
use crate::platform::Place;

/// Puts the model back that the serving one took over from, or the named one. A pin ends with it, unless --pin is
/// given.
#[derive(Args, Debug)]
pub struct Rollback {
    #[command(flatten)]
    place: Place,
    /// The series.
    series: SeriesId,
    /// The beginning of the model's digest, as `aria models` shows it; without it the one that the serving model took
    /// over from.
    #[arg(long, visible_alias = "model", value_name = "DIGEST", value_parser = digest)]
    to: Option<String>,
    /// Holds it in its place from then on, as `aria pin` does.
    #[arg(long)]
    pin: bool,
    /// Why, for the record.
    #[arg(long, value_parser = reason)]
    reason: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Rollback {
    /// Runs the command.
    ///
    /// # Errors
    /// Where there is no such model, or it cannot be read.
    pub async fn run(self) -> anyhow::Result<()> {
        let edges = self.place.connect().await?;
        let (series, wanted, reason) = (&self.series, self.to.as_deref(), &self.reason);
        let then = if self.pin { Then::Held } else { Then::Serves };
        let moved =
            change(&edges, series, |registry, at| registry.rolled_back(series, wanted, at, (then, reason))).await?;
        if self.json {
            return print_move(series, &moved, self.pin);
        }
        let pinned = if self.pin { ", pinned" } else { "" };
        say!("{} serves {series}{pinned} from {} on", moved.to.sha256.short(), moved.at);
        Ok(())
    }
}

/// A digest's beginning must tell models apart.
pub(super) fn digest(text: &str) -> Result<String, String> {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if (6..=64).contains(&text.len()) && text.bytes().all(is_digit) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is not the beginning of a digest: give 6 to 64 hexadecimal digits of `aria models`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_too_short_to_tell_models_apart_is_refused() {
        assert!(digest("").is_err());
        assert!(digest("ab12").is_err());
        assert!(digest("ab12cd").is_ok());
        assert!(digest("xb12cd").is_err());
    }
}
