//! Finds the columns of a definition among those of a file.

use super::broken::BrokenReason;
use super::cell::shown;
use crate::series::Definition;

/// The most names that an error lists.
const LISTED: usize = 40;

/// Where the columns of a definition stand in a file.
pub(super) struct Places {
    pub(super) time: usize,
    pub(super) value: usize,
    /// In the order of the definition; none where the file lacks the covariate.
    pub(super) covariates: Vec<Option<usize>>,
}

impl Places {
    pub(super) fn find(definition: &Definition, names: &[String]) -> Result<Self, BrokenReason> {
        let source = &definition.source;
        let missing = |column: &str| BrokenReason::MissingColumn { column: column.to_owned(), found: listed(names) };
        let find = |column: &str| {
            let mut places = names.iter().enumerate().filter(|(_, name)| *name == column).map(|(place, _)| place);
            let place = places.next();
            match places.next() {
                Some(_) => Err(BrokenReason::DoubledColumn { column: column.to_owned() }),
                None => Ok(place),
            }
        };
        Ok(Self {
            time: find(&source.time_column)?.ok_or_else(|| missing(&source.time_column))?,
            value: find(&source.value_column)?.ok_or_else(|| missing(&source.value_column))?,
            covariates: source.covariates.iter().map(|c| find(c)).collect::<Result<_, _>>()?,
        })
    }

    /// The place of each column of the definition: the value's, then the covariates'.
    pub(super) fn cells(&self) -> impl Iterator<Item = Option<usize>> {
        std::iter::once(Some(self.value)).chain(self.covariates.iter().copied())
    }
}

/// Names for an error, so many and so long at most that a hostile header stays readable.
pub(crate) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let mut text = names.iter().take(LISTED).map(|n| format!("`{}`", shown(n.as_ref()))).collect::<Vec<_>>().join(", ");
    if names.len() > LISTED {
        text.push_str(&format!(" and {} more", names.len() - LISTED));
    }
    text
}
