//! How long what nothing needs any more is kept.

use aria_core::garbage::{Keep, Policy};

use super::reader::Reader;
use super::{BadSettings, Strings, keys};

/// Reads how long what nothing needs any more is kept.
///
/// # Errors
/// With every fault of these settings at once, and where a step may take longer than what it stores is kept.
pub fn keeping(strings: &impl Strings) -> Result<Policy, BadSettings> {
    let mut reader = Reader::new(strings);
    let usual = Policy::default();
    let mut keep = |key, usual: Keep| match reader.text(key).map(|text| text.parse::<Keep>()) {
        None => usual,
        Some(Ok(keep)) => keep,
        Some(Err(error)) => {
            reader.fault(key, error.to_string());
            usual
        }
    };
    let policy = Policy {
        events: keep(keys::KEEP_EVENTS, usual.events),
        forecasts: keep(keys::KEEP_FORECASTS, usual.forecasts),
        rejected: keep(keys::KEEP_REJECTED, usual.rejected),
        dead_letters: keep(keys::KEEP_DEAD_LETTERS, usual.dead_letters),
        dropped: keep(keys::KEEP_DROPPED, usual.dropped),
        orphans: keep(keys::KEEP_ORPHANS, usual.orphans),
    };
    let handling = reader.limits().handling;
    if let Err(error) = policy.check(i64::try_from(handling.as_secs()).unwrap_or(i64::MAX)) {
        reader.fault(keys::KEEP_ORPHANS, error.to_string());
    }
    reader.finish(policy)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Policy, BadSettings> {
        let strings: BTreeMap<String, String> =
            settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        keeping(&strings)
    }

    #[test]
    fn each_class_is_kept_as_its_own_setting_says() {
        assert_eq!(read(&[]).unwrap(), Policy::default());
        let all = [
            (keys::KEEP_EVENTS, "1d"),
            (keys::KEEP_FORECASTS, "2d"),
            (keys::KEEP_REJECTED, "3d"),
            (keys::KEEP_DEAD_LETTERS, "4d"),
            (keys::KEEP_DROPPED, "5d"),
            (keys::KEEP_ORPHANS, "6d"),
        ];
        let expected = Policy {
            events: Keep::days(1),
            forecasts: Keep::days(2),
            rejected: Keep::days(3),
            dead_letters: Keep::days(4),
            dropped: Keep::days(5),
            orphans: Keep::days(6),
        };
        assert_eq!(read(&all).unwrap(), expected);
        assert!(all.iter().all(|(key, _)| keys::ALL.contains(key)));
    }

    #[test]
    fn every_time_that_is_none_is_named_at_once() {
        let refused = read(&[(keys::KEEP_EVENTS, "for ever"), (keys::KEEP_DROPPED, "0d")]).unwrap_err();
        let places: Vec<&str> = refused.faults.iter().map(|fault| fault.place.as_str()).collect();
        assert_eq!(places, [keys::KEEP_EVENTS, keys::KEEP_DROPPED]);
    }

    #[test]
    fn orphans_are_kept_longer_than_a_step_may_take() {
        // A step may take an hour unless it is told otherwise.
        let refused = read(&[(keys::KEEP_ORPHANS, "1h")]).unwrap_err().to_string();
        assert!(refused.starts_with("ARIA_KEEP_ORPHANS: is 1h, shorter than a step may take"), "{refused}");
        assert!(read(&[(keys::KEEP_ORPHANS, "61m")]).is_ok());
        assert!(read(&[(keys::KEEP_ORPHANS, "1h"), (keys::HANDLING, "3599")]).is_ok());
    }
}
