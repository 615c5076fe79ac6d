//! Judges row after row, whatever format they come from, and the batch as a whole at the end.

use super::broken::BrokenReason;
use super::cell::Cell;
use super::fault::Fault;
use super::reach::Reach;
use super::rows::Sink;
use super::{Broken, Checked, Known, QUARANTINE_ROWS, Quarantined};
use crate::series::{Definition, Quantity};
use crate::snapshot::Level;
use crate::table::Table;
use crate::time::{DAY, HOUR, Timestamp};

/// The part of the unit's factor by which a batch may be apart from the nearest of recent values. On eight grids of
/// three years a day is apart by up to 2.2, and from the median by up to 50.
const NEAREST: f64 = 0.625;

/// The beginning of a batch that is laid beside the value before it, in seconds. On the same grids in 2021 and 2022 the
/// factor of [`NEAREST`] lies between them at 7 of 140,000 hours, and 96 % to all of those with a factor of 3.6 are
/// seen.
const BEGINNING: i64 = 6 * HOUR;

/// The rows judged so far. Rows are kept as columns of plain numbers, so that the largest upload fits in little memory.
pub(super) struct Judge<'a> {
    definition: &'a Definition,
    received: Timestamp,
    rows: u64,
    bad: u64,
    /// Bad rows whose time lies too far from the series, and the first of them.
    far: u64,
    far_example: Option<Quarantined>,
    superseded: u64,
    /// Bad rows of a meter that stood still.
    stuck: u64,
    quarantined: Vec<Quarantined>,
    total: u64,
    /// Every finite value, good or not: what a wrong unit is told by where it puts all rows out of range.
    values_seen: Vec<f64>,
    kept: Kept,
}

/// The good rows in the order in which they were read; `NaN` is an empty covariate.
struct Kept {
    times: Vec<Timestamp>,
    rows: Vec<u64>,
    columns: Vec<Vec<f64>>,
}

impl Sink<'_> for Judge<'_> {
    fn row(&mut self, _: &[u8], time: &Cell<'_>, cells: &[Cell<'_>]) -> Result<(), BrokenReason> {
        self.judge(time, cells)
    }

    fn unreadable_row(&mut self, raw: &[u8], fault: &Fault) -> Result<(), BrokenReason> {
        self.count_row()?;
        self.refuse("", Cell::of(raw.trim_ascii()).shown(), fault);
        Ok(())
    }
}

impl<'a> Judge<'a> {
    pub(super) fn new(definition: &'a Definition, received: Timestamp) -> Self {
        let columns = vec![Vec::new(); definition.columns().len()];
        Self {
            definition,
            received,
            rows: 0,
            bad: 0,
            far: 0,
            far_example: None,
            superseded: 0,
            stuck: 0,
            quarantined: Vec::new(),
            total: 0,
            values_seen: Vec::new(),
            kept: Kept { times: Vec::new(), rows: Vec::new(), columns },
        }
    }

    pub(super) fn definition(&self) -> &'a Definition {
        self.definition
    }

    /// Judges a row: its time, and its cells in the order of the definition's columns.
    pub(super) fn judge(&mut self, time: &Cell<'_>, cells: &[Cell<'_>]) -> Result<(), BrokenReason> {
        self.count_row()?;
        let source = &self.definition.source;
        let Some((value, covariates)) = cells.split_first() else { return Ok(()) };
        let number = value.number();
        self.values_seen.extend(number.as_ref().ok());
        let instant = match time.time(self.definition.cadence).and_then(|t| self.can_be_true(t)) {
            Ok(instant) => instant,
            Err(fault @ Fault::TooEarly { .. }) => {
                self.refuse_far(self.rows, time.shown(), &fault);
                return Ok(());
            }
            Err(fault) => {
                self.refuse(&source.time_column, time.shown(), &fault);
                return Ok(());
            }
        };
        let number = match number.and_then(|v| self.in_range(v)) {
            Ok(number) => number,
            Err(fault) => {
                self.refuse(&source.value_column, value.shown(), &fault);
                return Ok(());
            }
        };
        self.kept.times.push(instant);
        self.kept.rows.push(self.rows);
        self.keep(0, number);
        for (place, (cell, name)) in covariates.iter().zip(&source.covariates).enumerate() {
            let number = match cell.number() {
                Ok(number) => number,
                Err(Fault::Empty) => f64::NAN,
                Err(fault) => {
                    self.record(self.rows, name, cell.shown(), &fault);
                    f64::NAN
                }
            };
            self.keep(place + 1, number);
        }
        Ok(())
    }

    /// The batch broke the contract.
    pub(super) fn broken(mut self, reason: BrokenReason) -> Broken {
        self.quarantined.sort_by_key(|q| q.row);
        Broken { reason: Box::new(reason), quarantined: self.quarantined, quarantined_total: self.total }
    }

    /// Judges the batch as a whole.
    pub(super) fn conclude(mut self, known: Option<&Known>) -> Result<Checked, Broken> {
        let near = self.near_the_series(known);
        let order = self.newest_of_each_time(&near);
        let order = self.moving(order, known.and_then(|k| k.level.as_ref()));
        let fault = self.fault_of_the_whole(&order, known.and_then(|k| k.level.as_ref()));
        if let Some(reason) = fault.or_else(|| self.jump(&order, known?)) {
            return Err(self.broken(reason));
        }
        let table = match self.table(&order) {
            Ok(table) => table,
            Err(source) => return Err(self.broken(BrokenReason::Table(source))),
        };
        self.quarantined.sort_by_key(|q| q.row);
        Ok(Checked {
            table,
            quarantined: self.quarantined,
            quarantined_total: self.total,
            rows_refused: self.bad + self.superseded,
            rows_repeated: self.superseded,
        })
    }

    /// Why the batch as a whole cannot be trusted, where it cannot.
    fn fault_of_the_whole(&self, order: &[usize], recent: Option<&Level>) -> Option<BrokenReason> {
        if self.rows == 0 {
            return Some(BrokenReason::NoRow);
        }
        let most = self.definition.contract.bad_share;
        let too_many_bad = self.bad as f64 > most * self.rows as f64;
        if order.is_empty() || too_many_bad {
            if let Some(example) = self.far_example.clone().filter(|_| self.far == self.bad) {
                return Some(BrokenReason::FarTimes { far: self.far, rows: self.rows, example: Box::new(example) });
            }
            if 2 * self.stuck > self.bad {
                let (stuck, rows, hours) = (self.stuck, self.rows, self.definition.contract.stuck_hours);
                return Some(BrokenReason::Stuck { stuck, rows, hours });
            }
            // A wrong unit puts most values out of range; it is the cause then, and the rows only its signs.
            let unit = self.wrong_unit(Level::of(self.values_seen.iter().copied()), recent);
            return unit.or(Some(if order.is_empty() {
                BrokenReason::NoGoodRow { rows: self.rows }
            } else {
                BrokenReason::BadShare { bad: self.bad, rows: self.rows, most }
            }));
        }
        let values = self.kept.columns.first()?;
        self.wrong_unit(Level::of(order.iter().map(|i| values[*i])), recent)
    }

    fn wrong_unit(&self, batch: Option<Level>, recent: Option<&Level>) -> Option<BrokenReason> {
        // A calm night is no wrong unit.
        if self.definition.quantity == Quantity::Weather {
            return None;
        }
        let (batch, recent) = (batch?, recent?);
        let factor = batch.factor(recent)?;
        // What was stored before ranges were knows the median alone, which is further off.
        let most = if recent.range.is_some() { self.nearest() } else { self.definition.contract.unit_factor };
        let unit = self.definition.unit.clone();
        (factor > most).then_some(BrokenReason::Unit { batch: batch.median, recent: recent.median, factor, most, unit })
    }

    /// The greatest factor by which values may be apart from the nearest of those that were seen.
    fn nearest(&self) -> f64 {
        (NEAREST * self.definition.contract.unit_factor).max(1.0)
    }

    /// That the values, where they go on right after the series' newest, stand far from it at once and stay there. On a
    /// restless grid a unit a few times smaller gives values that the last weeks have seen too, but not an hour apart.
    ///
    /// Values that come nearer to the last weeks' median are not refused: what came before them may have been the wrong
    /// ones, where a feed went on in another unit after the batch that was refused for it.
    fn jump(&self, order: &[usize], known: &Known) -> Option<BrokenReason> {
        let step = self.definition.cadence.seconds();
        let (recent, values) = (known.level?, self.kept.columns.first()?);
        let before = recent.newest?;
        let goes_on = self.kept.times[*order.first()?] == known.newest.plus(step);
        let beginning = order.get(..usize::try_from(BEGINNING / step).ok()?.max(2))?;
        if !goes_on || before <= 0.0 || step >= DAY || self.definition.quantity == Quantity::Weather {
            return None;
        }
        let (first, median) = (values[beginning[0]], Level::of(beginning.iter().map(|i| values[*i]))?.median);
        let most = self.nearest();
        let (up, down) = (first.min(median) / before, before / first.max(median));
        let factor = if first.max(median) > 0.0 { up.max(down) } else { up };
        let off = |value: f64| (value / recent.median).ln().abs();
        let unit = self.definition.unit.clone();
        (factor > most && off(median) > off(before)).then_some(BrokenReason::Jump {
            first,
            median,
            before,
            factor,
            most,
            unit,
        })
    }

    /// The places of the good rows by time, without those that lie too far from the series, which are refused.
    fn near_the_series(&mut self, known: Option<&Known>) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.kept.times.len()).collect();
        order.sort_by_key(|i| self.kept.times[*i]);
        let times: Vec<Timestamp> = order.iter().map(|i| self.kept.times[*i]).collect();
        let Some(reach) = Reach::of(&times, known, &self.definition.contract) else { return order };
        let mut near = Vec::with_capacity(order.len());
        for i in order {
            match reach.fault(self.kept.times[i]) {
                Some(fault) => self.refuse_far(self.kept.rows[i], self.kept.times[i].to_string(), &fault),
                None => near.push(i),
            }
        }
        near
    }

    /// The given places, without those of rows whose time a later row has too, which are refused.
    fn newest_of_each_time(&mut self, order: &[usize]) -> Vec<usize> {
        let mut newest = Vec::with_capacity(order.len());
        let mut superseded = Vec::new();
        for i in order.iter().rev() {
            match newest.last().filter(|kept: &&usize| self.kept.times[**kept] == self.kept.times[*i]) {
                Some(kept) => superseded.push((*i, self.kept.rows[*kept])),
                None => newest.push(*i),
            }
        }
        newest.reverse();
        superseded.reverse();
        let column = self.definition.source.time_column.clone();
        self.superseded = superseded.len() as u64;
        for (i, by) in superseded {
            self.record(self.kept.rows[i], &column, self.kept.times[i].to_string(), &Fault::Superseded { by });
        }
        newest
    }

    /// The given places, without those of a meter that stands still, which are refused: from the first on, as nobody
    /// can tell which of them was still true.
    fn moving(&mut self, order: Vec<usize>, recent: Option<&Level>) -> Vec<usize> {
        let hours = self.definition.contract.stuck_hours;
        // A calm night is no stuck meter.
        let is_weather = self.definition.quantity == Quantity::Weather;
        let cadence = self.definition.cadence;
        let still = recent.and_then(|recent| recent.still).filter(|_| !is_weather);
        let steps = still.and_then(|still| self.definition.contract.fewest_stuck(cadence, still as usize));
        let Some(steps) = steps else { return order };
        let step = cadence.seconds();
        let Some(values) = self.kept.columns.first() else { return order };
        let next = |a: &usize, b: &usize| {
            values.get(*a) == values.get(*b) && self.kept.times[*b].since(self.kept.times[*a]) == step
        };
        let (moving, stuck): (Vec<&[usize]>, Vec<&[usize]>) = order.chunk_by(next).partition(|run| run.len() < steps);
        let (moving, stuck) = (moving.concat(), stuck.concat());
        let column = self.definition.source.value_column.clone();
        self.stuck = stuck.len() as u64;
        self.bad += self.stuck;
        for place in stuck {
            let value = self.kept.columns.first().and_then(|values| values.get(place)).map(f64::to_string);
            self.record(self.kept.rows[place], &column, value.unwrap_or_default(), &Fault::Stuck { hours });
        }
        moving
    }

    fn table(&self, order: &[usize]) -> Result<Table, crate::table::TableError> {
        let names: Vec<String> = self.definition.columns().into_iter().map(str::to_owned).collect();
        let times: Vec<Timestamp> = order.iter().map(|i| self.kept.times[*i]).collect();
        let pick = |column: &Vec<f64>| order.iter().map(|i| column[*i]).collect();
        Table::from_columns(&names, &times, self.kept.columns.iter().map(pick).collect())
    }

    /// The time, unless it lies in the future or before anything was measured.
    fn can_be_true(&self, time: Timestamp) -> Result<Timestamp, Fault> {
        let earliest = self.definition.contract.earliest;
        if time < earliest {
            return Err(Fault::TooEarly { earliest });
        }
        let known = time < self.received.plus(self.definition.cadence.seconds());
        if known { Ok(time) } else { Err(Fault::Future { received: self.received }) }
    }

    fn in_range(&self, value: f64) -> Result<f64, Fault> {
        let contract = &self.definition.contract;
        let unit = || self.definition.unit.clone();
        if value < contract.minimum {
            return Err(Fault::Below { minimum: contract.minimum, unit: unit() });
        }
        if value > contract.maximum {
            return Err(Fault::Above { maximum: contract.maximum, unit: unit() });
        }
        Ok(value)
    }

    fn count_row(&mut self) -> Result<(), BrokenReason> {
        let most = self.definition.contract.upload_rows;
        if self.rows >= most {
            return Err(BrokenReason::TooManyRows { found: None, most });
        }
        self.rows += 1;
        Ok(())
    }

    fn refuse(&mut self, column: &str, value: String, fault: &Fault) {
        self.bad += 1;
        self.record(self.rows, column, value, fault);
    }

    /// Refuses a row for a time that lies too far from the series.
    fn refuse_far(&mut self, row: u64, value: String, fault: &Fault) {
        let column = self.definition.source.time_column.clone();
        self.bad += 1;
        self.far += 1;
        self.record(row, &column, value.clone(), fault);
        self.far_example.get_or_insert_with(|| Quarantined { row, column, value, reason: fault.to_string() });
    }

    fn record(&mut self, row: u64, column: &str, value: String, fault: &Fault) {
        self.total += 1;
        if self.quarantined.len() < QUARANTINE_ROWS {
            self.quarantined.push(Quarantined { row, column: column.to_owned(), value, reason: fault.to_string() });
        }
    }

    fn keep(&mut self, place: usize, number: f64) {
        if let Some(column) = self.kept.columns.get_mut(place) {
            column.push(number);
        }
    }
}
