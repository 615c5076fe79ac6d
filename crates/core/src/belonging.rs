//! Whether a store is the one that an event log belongs to.
//!
//! Events name what lies in the store. A store that lacks it all, because a volume is not mounted or a folder is
//! misspelt, looks like any new one; so both carry the same mark, and whoever works with them compares the marks first.

/// What is to be done about the marks of an event log and a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Belonging {
    /// They belong together.
    Together,
    /// Neither is marked: both get a new mark.
    Unmarked,
    /// Only the store is marked: the log, which is new to it, gets its mark.
    MarkLog(String),
    /// Only the log is marked, and names nothing that could be missing: the store gets its mark.
    MarkStore(String),
    /// The log names what lies in a store, and this is none that it knows.
    Lost,
    /// They belong to different ones.
    Foreign,
}

/// Compares the mark of an event log with that of a store.
pub fn belonging(log: Option<&str>, store: Option<&str>, log_is_empty: bool) -> Belonging {
    match (log, store) {
        (Some(log), Some(store)) if log == store => Belonging::Together,
        (Some(_), Some(_)) => Belonging::Foreign,
        (Some(log), None) if log_is_empty => Belonging::MarkStore(log.to_owned()),
        (Some(_), None) => Belonging::Lost,
        (None, Some(store)) => Belonging::MarkLog(store.to_owned()),
        (None, None) => Belonging::Unmarked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_and_a_store_belong_together_by_the_same_mark() {
        let cases = [
            (Some("a"), Some("a"), false, Belonging::Together),
            (Some("a"), Some("b"), false, Belonging::Foreign),
            (Some("a"), Some("b"), true, Belonging::Foreign),
            (Some("a"), None, true, Belonging::MarkStore("a".into())),
            (Some("a"), None, false, Belonging::Lost),
            (None, Some("b"), false, Belonging::MarkLog("b".into())),
            (None, None, true, Belonging::Unmarked),
            (None, None, false, Belonging::Unmarked),
        ];
        for (log, store, log_is_empty, expected) in cases {
            assert_eq!(belonging(log, store, log_is_empty), expected, "{log:?} {store:?} {log_is_empty}");
        }
    }
}
