//! Parquet in and out. Bytes may come from anywhere, so that reading checks what the footer claims before it trusts it.

use std::fmt;
use std::io::Cursor;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use polars::prelude::{ArrowDataType, DataFrame, PolarsError};
use polars_io::SerReader;
use polars_io::parquet::read::{FileMetadata, ParallelStrategy, ParquetReader};
use polars_io::parquet::write::{ParquetCompression, ParquetWriter};

mod claims;
mod thrift;

/// Rows of a row group: fixed, so that the same rows give the same bytes on every machine.
const ROW_GROUP: usize = 1 << 17;

/// The most rows and decoded bytes of a stored table: far beyond a bulk load of a century of quarter hours.
const STORED: Limits = Limits { rows: 1 << 24, bytes: 1 << 30 };

/// Bytes that cannot be read as Parquet.
#[derive(Debug, thiserror::Error)]
pub enum ParquetError {
    /// The library refused them.
    #[error("not readable as Parquet: {0}")]
    Library(#[from] PolarsError),
    /// What it claims of itself is impossible.
    #[error("not readable as Parquet: {0}")]
    Impossible(&'static str),
    /// Its values are encoded in a way that is not read.
    #[error("not readable: its values have Parquet's encoding {0}, write them plain or with a dictionary")]
    Encoding(i64),
    /// The file is damaged in a way that the library does not foresee.
    #[error("not readable as Parquet: its contents contradict each other")]
    Damaged,
    /// More rows than allowed.
    #[error("{found} rows, where at most {most} are allowed")]
    Rows {
        /// The rows of the file.
        found: u64,
        /// The most that is allowed.
        most: u64,
    },
    /// More bytes, once decompressed, than allowed.
    #[error("{found} bytes once decompressed, where at most {most} are allowed")]
    Bytes {
        /// The bytes of the wanted columns.
        found: u64,
        /// The most that is allowed.
        most: u64,
    },
}

/// What a column holds, as far as it is read here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// A point in time.
    Instant,
    /// A wall clock's time, without the zone that would make it a point in time.
    WallClock,
    /// A calendar date.
    Date,
    /// A whole number.
    Integer,
    /// A whole number of 8 or 16 bits.
    ShortInteger,
    /// A 32-bit number.
    Float32,
    /// A 64-bit number.
    Float64,
    /// Text.
    Text,
    /// True or false.
    Boolean,
    /// Texts by their places in a dictionary.
    Categories,
    /// Nothing at all.
    Nulls,
    /// Something that is not read.
    Other(&'static str),
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Instant => "points in time",
            Self::WallClock => "times without a zone",
            Self::Date => "dates",
            Self::Integer => "whole numbers",
            Self::ShortInteger => "whole numbers of 8 or 16 bits",
            Self::Float32 => "32-bit numbers",
            Self::Float64 => "64-bit numbers",
            Self::Text => "text",
            Self::Boolean => "true or false",
            Self::Categories => "categories",
            Self::Nulls => "nothing",
            Self::Other(name) => name,
        })
    }
}

/// A column of a file.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) dtype: Held,
}

/// The most that is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// Which columns are read and how much of them.
pub(crate) struct Wanted {
    /// Places in the schema.
    pub(crate) columns: Vec<usize>,
    pub(crate) limits: Limits,
}

impl Wanted {
    /// Every column of a stored table.
    pub(crate) fn all(schema: &[Field]) -> Self {
        Self { columns: (0..schema.len()).collect(), limits: STORED }
    }
}

/// Writes a frame; one thread and fixed row groups, so that the bytes depend on the rows alone.
pub(crate) fn encode(frame: &mut DataFrame) -> Result<Vec<u8>, ParquetError> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Zstd(None))
        .with_row_group_size(Some(ROW_GROUP))
        .set_parallel(false)
        .finish(frame)?;
    Ok(bytes)
}

/// The columns of a file.
pub(crate) fn schema(bytes: &[u8]) -> Result<Vec<Field>, ParquetError> {
    claims::check_footer(bytes)?;
    shielded(|| {
        let schema = ParquetReader::new(Cursor::new(bytes)).schema()?;
        Ok(schema.iter_values().map(|f| Field { name: f.name.to_string(), dtype: held(&f.dtype) }).collect())
    })
}

/// Reads the wanted columns, in the order of the schema.
pub(crate) fn decode(bytes: &[u8], wanted: &Wanted) -> Result<DataFrame, ParquetError> {
    claims::check_footer(bytes)?;
    shielded(|| {
        let mut reader = ParquetReader::new(Cursor::new(bytes));
        let schema = reader.schema()?;
        let names: Vec<String> = schema.iter_values().map(|f| f.name.to_string()).collect();
        check_columns(reader.get_metadata()?, &names, bytes, wanted)?;
        let rows = reader.num_rows()?;
        let frame = reader
            .read_parallel(ParallelStrategy::None)
            .with_projection(Some(wanted.columns.clone()))
            .set_rechunk(true)
            .finish()?;
        let whole = frame.width() == wanted.columns.len() && frame.columns().iter().all(|c| c.len() == rows);
        if whole && frame.height() == rows { Ok(frame) } else { Err(ParquetError::Damaged) }
    })
}

/// Checks what the library takes on trust: the parts of the file it would read and the memory it would ask for.
fn check_columns(footer: &FileMetadata, names: &[String], bytes: &[u8], wanted: &Wanted) -> Result<(), ParquetError> {
    let rows: u64 = footer.row_groups.iter().map(|g| g.num_rows() as u64).fold(0, u64::saturating_add);
    if rows != footer.num_rows as u64 {
        return Err(ParquetError::Impossible("its footer contradicts itself about the number of rows"));
    }
    if rows > wanted.limits.rows {
        return Err(ParquetError::Rows { found: rows, most: wanted.limits.rows });
    }
    let mut decoded: u64 = 0;
    for group in &footer.row_groups {
        for name in wanted.columns.iter().filter_map(|place| names.get(*place)) {
            let mut chunks = group.columns_under_root_iter(name).into_iter().flatten();
            let (Some(chunk), None) = (chunks.next(), chunks.next()) else {
                return Err(ParquetError::Impossible("a column has not exactly one chunk in each row group"));
            };
            if chunk.num_values() != group.num_rows() as i64 {
                return Err(ParquetError::Impossible("a column has another number of rows than its row group"));
            }
            let Range { start, end } = chunk.byte_range();
            let stored = bytes.get(start as usize..end as usize);
            let stored = stored.ok_or(ParquetError::Impossible("its footer names bytes outside the file"))?;
            decoded = decoded.saturating_add(claims::check_pages(stored, chunk.num_values())?);
        }
    }
    if decoded > wanted.limits.bytes {
        return Err(ParquetError::Bytes { found: decoded, most: wanted.limits.bytes });
    }
    Ok(())
}

/// Runs the library, which still panics on some damaged files, so that such a file is an error like any other.
fn shielded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or(Err(ParquetError::Damaged))
}

fn held(dtype: &ArrowDataType) -> Held {
    match dtype {
        ArrowDataType::Timestamp(_, Some(_)) => Held::Instant,
        ArrowDataType::Timestamp(_, None) | ArrowDataType::Date64 => Held::WallClock,
        ArrowDataType::Date32 => Held::Date,
        ArrowDataType::Int32 | ArrowDataType::Int64 | ArrowDataType::UInt32 | ArrowDataType::UInt64 => Held::Integer,
        ArrowDataType::Float32 => Held::Float32,
        ArrowDataType::Float64 => Held::Float64,
        ArrowDataType::Utf8 | ArrowDataType::LargeUtf8 | ArrowDataType::Utf8View => Held::Text,
        ArrowDataType::Int8 | ArrowDataType::Int16 => Held::ShortInteger,
        ArrowDataType::Boolean => Held::Boolean,
        ArrowDataType::Dictionary(..) => Held::Categories,
        ArrowDataType::Null => Held::Nulls,
        ArrowDataType::UInt8 | ArrowDataType::UInt16 => Held::Other("whole numbers of 8 or 16 bits without a sign"),
        ArrowDataType::Float16 => Held::Other("16-bit numbers"),
        ArrowDataType::Decimal(..) | ArrowDataType::Decimal256(..) => Held::Other("decimal numbers"),
        ArrowDataType::Time32(_) | ArrowDataType::Time64(_) => Held::Other("times of a day"),
        ArrowDataType::Duration(_) => Held::Other("spans of time"),
        ArrowDataType::Binary | ArrowDataType::LargeBinary | ArrowDataType::BinaryView => Held::Other("bytes"),
        ArrowDataType::List(_) | ArrowDataType::LargeList(_) => Held::Other("lists"),
        ArrowDataType::Struct(_) => Held::Other("groups of columns"),
        _ => Held::Other("values of a rare type"),
    }
}
