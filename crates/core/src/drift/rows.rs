//! Rows of several columns that can be looked at together: complete, finite, in the order of time.

/// Rows of numbers in the order of time, each with a value of every column.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    columns: usize,
    values: Vec<f64>,
    left_out: usize,
}

/// Columns that make no rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowsError {
    /// There are no columns.
    #[error("rows need at least one column")]
    NoColumns,
    /// A column is shorter or longer than the first.
    #[error("column {column} has {found} values and the first has {expected}")]
    Ragged {
        /// Its place, from 0.
        column: usize,
        /// Its values.
        found: usize,
        /// Values of the first column.
        expected: usize,
    },
    /// No row has a value of every column.
    #[error("none of {rows} rows has a value of every column")]
    NoneComplete {
        /// Rows looked at.
        rows: usize,
    },
}

impl Rows {
    /// The rows of columns of equal length. A row in which a value is missing (NaN) or infinite is left out and
    /// counted: a value made up for it would be as usual as can be, and hide a change.
    ///
    /// # Errors
    /// Where the columns are none or of different lengths, or no row is complete.
    pub fn new(columns: &[&[f64]]) -> Result<Self, RowsError> {
        let rows = columns.first().ok_or(RowsError::NoColumns)?.len();
        if let Some((column, values)) = columns.iter().enumerate().find(|(_, values)| values.len() != rows) {
            return Err(RowsError::Ragged { column, found: values.len(), expected: rows });
        }
        let mut values = Vec::with_capacity(rows * columns.len());
        for row in 0..rows {
            if columns.iter().all(|column| column[row].is_finite()) {
                values.extend(columns.iter().map(|column| column[row]));
            }
        }
        let complete = values.len() / columns.len();
        if complete == 0 {
            return Err(RowsError::NoneComplete { rows });
        }
        Ok(Self { columns: columns.len(), values, left_out: rows - complete })
    }

    /// The rows.
    pub fn iter(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.columns)
    }

    /// How many rows there are; at least one.
    #[allow(clippy::len_without_is_empty, reason = "there is always a row")]
    pub fn len(&self) -> usize {
        self.values.len() / self.columns
    }

    /// How many columns there are; at least one.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// How many rows were left out because they lack a value.
    pub fn left_out(&self) -> usize {
        self.left_out
    }
}

/// What a column is measured by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    /// Its mean.
    pub(super) mean: f64,
    /// Its standard deviation (divisor n), exactly 0 of a column that does not vary.
    pub(super) deviation: f64,
}

/// The scale of each column of rows.
pub(super) fn scales(rows: &[&[f64]], columns: usize) -> Vec<Scale> {
    let count = rows.len() as f64;
    (0..columns)
        .map(|column| {
            let values: Vec<f64> = rows.iter().filter_map(|row| row.get(column).copied()).collect();
            let mean = values.iter().sum::<f64>() / count;
            // Rounding of the mean would leave something of values that are all the same.
            let constant = values.windows(2).all(|pair| pair[0] == pair[1]);
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
            Scale { mean, deviation: if constant { 0.0 } else { variance.sqrt() } }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_lacks_a_value_is_left_out_and_counted() {
        let rows = Rows::new(&[&[1.0, f64::NAN, 3.0], &[4.0, 5.0, f64::INFINITY]]).unwrap();
        assert_eq!(rows.iter().collect::<Vec<_>>(), [[1.0, 4.0]]);
        assert_eq!((rows.len(), rows.columns(), rows.left_out()), (1, 2, 2));
    }

    #[test]
    fn columns_that_make_no_rows_are_refused() {
        assert_eq!(Rows::new(&[]), Err(RowsError::NoColumns));
        assert_eq!(Rows::new(&[&[]]), Err(RowsError::NoneComplete { rows: 0 }));
        assert_eq!(Rows::new(&[&[1.0], &[f64::NAN]]), Err(RowsError::NoneComplete { rows: 1 }));
        let ragged = RowsError::Ragged { column: 1, found: 2, expected: 1 };
        assert_eq!(Rows::new(&[&[1.0], &[1.0, 2.0]]), Err(ragged));
    }
}
