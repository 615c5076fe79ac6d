//! Why a whole batch is refused, and what to do about it.

use super::Quarantined;
use crate::table::{ParquetError, TableError};

/// Why a whole batch is refused; each message says the next step.
#[derive(Debug, thiserror::Error)]
pub enum BrokenReason {
    /// There is nothing in it.
    #[error("the file is empty; hand in a table with a header and at least one row")]
    Empty,
    /// More bytes than the contract allows.
    #[error("the file has {found} bytes, the contract allows {most}; split it by time and hand in the parts in order")]
    TooManyBytes {
        /// Its bytes.
        found: u64,
        /// The most that is allowed.
        most: u64,
    },
    /// More rows than the contract allows.
    #[error(
        "the file has {}, the contract allows {most}; split it by time and hand in the parts in order",
        found.map_or_else(|| format!("more than {most} rows"), |found| format!("{found} rows"))
    )]
    TooManyRows {
        /// Its rows, where they are known; reading stops at the first row that is too many.
        found: Option<u64>,
        /// The most that is allowed.
        most: u64,
    },
    /// It is compressed or an archive.
    #[error("the file is {found}; decompress it first")]
    Compressed {
        /// What it is.
        found: &'static str,
    },
    /// It is something other than a table.
    #[error("the file is {found}, no table; hand in CSV, NDJSON or Parquet")]
    NotATable {
        /// What it is.
        found: &'static str,
    },
    /// It is text in another encoding than UTF-8.
    #[error("the file is not UTF-8 text but {found}; save it as UTF-8")]
    NotUtf8 {
        /// What it seems to be.
        found: &'static str,
    },
    /// It is a table of another format than it was handed in as.
    #[error("the file was handed in as {declared} but is {found}; hand it in as that")]
    OtherFormat {
        /// The format it was handed in as.
        declared: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// It was handed in as a JSON document.
    #[error("a JSON document is no batch; hand in CSV, NDJSON or Parquet")]
    Document,
    /// It is one JSON array rather than an object a line.
    #[error("the file is one JSON array; write one object a line, without brackets around and commas between them")]
    JsonArray,
    /// Its columns are not separated by commas.
    #[error("the columns seem to be separated by {separator}, found {found}; separate them by `,` with `.` in numbers")]
    Separator {
        /// What separates them.
        separator: &'static str,
        /// The header.
        found: String,
    },
    /// It has no time or value column.
    #[error("column `{column}` is missing, found {found}; add it or name the right column in the series' definition")]
    MissingColumn {
        /// The column that is missing.
        column: String,
        /// The columns there are.
        found: String,
    },
    /// A needed column stands twice.
    #[error("column `{column}` stands twice; leave one of them out")]
    DoubledColumn {
        /// The column.
        column: String,
    },
    /// A needed column holds something that is neither text nor a number nor a time.
    #[error("column `{column}` holds {found}; store {wanted}")]
    ColumnType {
        /// The column.
        column: String,
        /// What it holds.
        found: String,
        /// What it should hold.
        wanted: &'static str,
    },
    /// It has a header and no row.
    #[error("the file has columns but no row; hand in at least one row")]
    NoRow,
    /// No row of it is good.
    #[error("none of {rows} rows is good, see the refused rows; correct them and hand the file in again")]
    NoGoodRow {
        /// How many rows it has.
        rows: u64,
    },
    /// Too many rows are bad.
    #[error(
        "{bad} of {rows} rows are bad, the contract allows a share of {most}; correct the refused rows and hand the \
         file in again"
    )]
    BadShare {
        /// Bad rows; one superseded by a later row of the same time is not bad.
        bad: u64,
        /// All rows.
        rows: u64,
        /// The greatest share that is allowed.
        most: f64,
    },
    /// Too many rows, or all, have a time that cannot be one of the series, and nothing else is wrong with the batch.
    #[error(
        "{far} of {rows} rows lie too far in time: row {}, `{}`, {}",
        .example.row, .example.value, .example.reason
    )]
    FarTimes {
        /// Rows that lie too far.
        far: u64,
        /// All rows.
        rows: u64,
        /// The first of them.
        example: Box<Quarantined>,
    },
    /// The values stand too far from the newest ones.
    #[error(
        "the unit must be wrong: the median is {batch}, that of the last four weeks {recent}, and the nearest of them \
         is apart by a factor of {factor:.1} where {most} is allowed; convert the values to {unit}"
    )]
    Unit {
        /// The median of the batch.
        batch: f64,
        /// The median of the newest four weeks.
        recent: f64,
        /// The factor to the nearest value of them.
        factor: f64,
        /// The greatest factor that is allowed.
        most: f64,
        /// The unit of the series.
        unit: String,
    },
    /// The values stand too far from the newest one, the step before them.
    #[error(
        "the unit must be wrong: the first value is {first}, the median of the first hours {median}, and the step before \
         them {before}, apart by a factor of {factor:.1} where {most} is allowed; convert the values to {unit}, or raise \
         contract.unit_factor if they are true"
    )]
    Jump {
        /// The first value.
        first: f64,
        /// The median of the first hours.
        median: f64,
        /// The newest value of the series.
        before: f64,
        /// The factor between it and the nearer of the two.
        factor: f64,
        /// The greatest factor that is allowed.
        most: f64,
        /// The unit of the series.
        unit: String,
    },
    /// A meter stood still through most of it.
    #[error(
        "the meter must be stuck: {stuck} of {rows} rows hold a value that stays the same for {hours} hours and more; \
         hand in what was measured, or raise contract.stuck_hours if it is true"
    )]
    Stuck {
        /// Rows with such a value.
        stuck: u64,
        /// All rows.
        rows: u64,
        /// Hours from which a value is stuck.
        hours: u32,
    },
    /// Its quotation marks do not match.
    #[error("row {row} opens a quotation mark that nothing closes, like many rows before it; correct the quotes")]
    Quotes {
        /// The row at which reading was given up.
        row: u64,
    },
    /// It is no readable CSV.
    #[error("the file is not readable as CSV after row {row}: {source}; correct the next row")]
    Csv {
        /// The last row that was read.
        row: u64,
        /// What the reader says.
        source: ::csv::Error,
    },
    /// It is no readable Parquet.
    #[error("the file is {0}; write it again")]
    Parquet(#[from] ParquetError),
    /// Its good rows make no table.
    #[error("{0}; correct the columns of the series' definition")]
    Table(#[from] TableError),
}
