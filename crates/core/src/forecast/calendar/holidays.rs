//! Italy's public holidays, for any year.

use jiff::civil::Date;

/// Public holidays on a fixed day: month, day and the first year that counts.
const FIXED: [(i8, i8, i16); 11] = [
    (1, 1, 0),
    (1, 6, 0),
    (4, 25, 0),
    (5, 1, 0),
    (6, 2, 0),
    (8, 15, 0),
    // Saint Francis, a public holiday again since law 151 of 2025.
    (10, 4, 2026),
    (11, 1, 0),
    (12, 8, 0),
    (12, 25, 0),
    (12, 26, 0),
];

/// Whether all of Italy has a public holiday.
pub(crate) fn is_italian(date: Date) -> bool {
    let fixed =
        FIXED.iter().any(|&(month, day, since)| (date.month(), date.day()) == (month, day) && date.year() >= since);
    let (month, day) = easter(date.year());
    let sunday = Date::new(date.year(), month, day).ok();
    fixed || sunday == Some(date) || sunday.and_then(|s| s.tomorrow().ok()) == Some(date)
}

/// Month and day of Easter Sunday by the anonymous Gregorian computus (Meeus, Astronomical Algorithms, chapter 8).
fn easter(year: i16) -> (i8, i8) {
    let year = i32::from(year);
    let golden = year % 19;
    let (century, rest) = (year / 100, year % 100);
    let correction = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - correction + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - epact - rest % 4) % 7;
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let days = epact + weekday - 7 * late + 114;
    ((days / 31) as i8, (days % 31 + 1) as i8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn easter_falls_on_its_known_dates() {
        // The table of the US Naval Observatory.
        let known = [(1961, 4, 2), (2000, 4, 23), (2008, 3, 23), (2019, 4, 21), (2021, 4, 4), (2022, 4, 17)];
        let more = [(2023, 4, 9), (2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2038, 4, 25)];
        for (year, month, day) in known.into_iter().chain(more) {
            assert_eq!(easter(year), (month, day), "{year}");
        }
    }

    #[test]
    fn easter_monday_is_a_holiday_and_the_tuesday_is_not() {
        assert!(is_italian(date(2023, 4, 10)));
        assert!(!is_italian(date(2023, 4, 11)));
    }

    #[test]
    fn mid_august_is_a_holiday_and_good_friday_is_not() {
        assert!(is_italian(date(2022, 8, 15)));
        assert!(!is_italian(date(2023, 4, 7)));
    }

    #[test]
    fn saint_francis_counts_from_2026_on() {
        assert!(!is_italian(date(2025, 10, 4)));
        assert!(is_italian(date(2026, 10, 4)));
    }
}
