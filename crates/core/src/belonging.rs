//! Whether a store is the one that an event log belongs to.
//!
//! Events name what lies in the store. A store that lacks it all, because a volume is not mounted or a folder is
//! misspelt, looks like any new one; so both carry the same mark, and whoever works with them compares the marks first.

/// What is to be done about the marks of an event log and a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Belonging {
    /// They belong together, by this mark.
    Together(String),
    /// Neither is marked: both get a new mark.
    Unmarked,
    /// Only the store is marked: the log, which is new to it, gets its mark.
    MarkLog(String),
    /// Only the log is marked, and names nothing that could be missing: the store gets its mark.
    MarkStore(String),
}

/// Why an event log and a store must not be worked with together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apart {
    /// The log names what lies in a store, and this is none that it knows.
    Lost,
    /// They belong to different ones.
    Foreign,
}

/// Compares the mark of an event log with that of a store.
///
/// # Errors
/// Where they do not belong together.
pub fn belonging(log: Option<&str>, store: Option<&str>, log_is_empty: bool) -> Result<Belonging, Apart> {
    Ok(match (log, store) {
        (Some(log), Some(store)) if log == store => Belonging::Together(log.to_owned()),
        (Some(_), Some(_)) => return Err(Apart::Foreign),
        (Some(log), None) if log_is_empty => Belonging::MarkStore(log.to_owned()),
        (Some(_), None) => return Err(Apart::Lost),
        (None, Some(store)) => Belonging::MarkLog(store.to_owned()),
        (None, None) => Belonging::Unmarked,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_and_a_store_belong_together_by_the_same_mark() {
        let cases = [
            (Some("a"), Some("a"), false, Ok(Belonging::Together("a".into()))),
            (Some("a"), Some("b"), false, Err(Apart::Foreign)),
            (Some("a"), Some("b"), true, Err(Apart::Foreign)),
            (Some("a"), None, true, Ok(Belonging::MarkStore("a".into()))),
            (Some("a"), None, false, Err(Apart::Lost)),
            (None, Some("b"), false, Ok(Belonging::MarkLog("b".into()))),
            (None, None, true, Ok(Belonging::Unmarked)),
            (None, None, false, Ok(Belonging::Unmarked)),
        ];
        for (log, store, log_is_empty, expected) in cases {
            assert_eq!(belonging(log, store, log_is_empty), expected, "{log:?} {store:?} {log_is_empty}");
        }
    }
}
