//! The simulated grid as the table that a publisher would give, marked as simulated in every row.

use std::fmt::Write;

use super::Hour;

/// The first line of the table.
pub const HEADER: &str = "timestamp_utc,zone,ci_direct_gco2eq_per_kwh,ci_lifecycle_gco2eq_per_kwh,cfe_pct,re_pct,\
                          is_estimated,estimation_method";

/// The hours as CSV: two decimals, zone `SIM`, estimation method `simulated`.
pub fn to_csv(hours: &[Hour]) -> String {
    let mut text = String::with_capacity(72 * (hours.len() + 2));
    text.push_str(HEADER);
    text.push('\n');
    for hour in hours {
        let Hour { time, ci_direct, ci_lifecycle, cfe_pct, re_pct } = hour;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{time},SIM,{ci_direct:.2},{ci_lifecycle:.2},{cfe_pct:.2},{re_pct:.2},true,simulated");
    }
    text
}
