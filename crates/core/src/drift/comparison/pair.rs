//! Two samples, and every statistic of them with what there is to judge it by.
//!
//! The reference may be there row by row or as a sketch, a sample that stands for it. A sketch has no p-value by
//! definition, as its size is none of rows; what it is judged by counts the independent values it stands for.

use std::borrow::Cow;

use super::super::psi::Bins;
use super::super::sample::Sample;
use super::super::table::Table;
use super::super::{
    anderson_darling, chi_squared, cramer_von_mises, energy, hellinger, histogram, jensen_shannon, ks, wasserstein,
};
use super::Statistic;
use super::chance;

/// Different numbers up to which each is a category of its own in the test of shares.
const FEW_VALUES: usize = 20;

pub(super) const SHARES: &str = "the root mean square distance of the shares";
const ROOT: &str = "the root mean square distance of the distributions";
const WEIGHTED_ROOT: &str = "the weighted root mean square distance of the distributions";
const BEYOND: &str = "insufficient data: the deviation of the reference or the difference lies beyond the range of \
    numbers";
const OF_KS: &str = " of the Kolmogorov-Smirnov distance";

/// One statistic of a column.
#[derive(Clone, Debug)]
pub(in super::super) struct Figure {
    /// The statistic, where it is defined.
    pub value: Option<f64>,
    /// Its p-value by definition, where it has one.
    pub p_value: Option<f64>,
    /// What it is judged by, or why it cannot be.
    pub evidence: Result<Evidence, String>,
}

/// What a statistic is judged by.
#[derive(Clone, Debug)]
pub(in super::super) struct Evidence {
    /// What the effect is called.
    pub what: &'static str,
    /// How large the difference is, whatever the sizes.
    pub effect: f64,
    /// The greatest that is too small to matter.
    pub least: f64,
    /// The probability of the difference for as many independent values as the rows are worth.
    pub p_value: f64,
    /// Whose probability it is, where not the statistic's own.
    pub of: &'static str,
    /// The independent values of the reference and of the current table.
    pub sizes: (f64, f64),
    /// What had to be left out for the probability to hold.
    pub reserve: Option<String>,
}

impl Evidence {
    /// Whether the probability is the statistic's own.
    pub fn is_own(&self) -> bool {
        self.of.is_empty()
    }

    /// Whether it can be compared with anything.
    fn is_finite(&self) -> bool {
        [self.effect, self.least, self.p_value].into_iter().all(f64::is_finite)
    }

    /// Whether the effect is the statistic itself, and not a root mean square behind it.
    pub fn is_of_effect(&self) -> bool {
        ![SHARES, ROOT, WEIGHTED_ROOT].contains(&self.what)
    }
}

impl Default for Figure {
    fn default() -> Self {
        Self { value: None, p_value: None, evidence: Err(String::new()) }
    }
}

/// A statistic that is not defined.
pub(super) fn undefined() -> Figure {
    let reason = "insufficient data: it is not defined for so few values, or lies beyond the range of numbers";
    Figure { evidence: Err(reason.to_owned()), ..Figure::default() }
}

/// A reference that stands for the rows it was made of.
pub(in super::super) struct Sketch<'a> {
    /// The sample that stands for them.
    pub sample: &'a Sample,
    /// Their standard deviation.
    pub deviation: f64,
    /// The bins of the stability index.
    pub deciles: &'a Bins,
    /// The bins of the distances of Jensen and Shannon and of Hellinger.
    pub histogram: &'a histogram::Bins,
}

/// Two samples, with what several statistics need of them.
pub(in super::super) struct Pair<'a> {
    reference: &'a Sample,
    current: &'a Sample,
    /// The independent values that they are worth.
    sizes: (f64, f64),
    deviation: f64,
    ks_distance: f64,
    /// The probability of that distance for the independent values.
    ks_p_value: f64,
    histogram: Table,
    deciles: Cow<'a, Bins>,
    /// The values of both, where they are few enough to be categories.
    values: Option<(Vec<f64>, Table)>,
    stands: Stands,
}

/// What the reference is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// The rows themselves.
    Rows,
    /// A sample in their place, or rows of which no more is asked.
    ForRows,
}

impl<'a> Pair<'a> {
    /// Rows against rows.
    pub fn of(reference: &'a Sample, current: &'a Sample, sizes: (f64, f64)) -> Self {
        let ks_distance = ks::distance(reference, current);
        Self {
            reference,
            current,
            sizes,
            deviation: reference.deviation(),
            ks_distance,
            ks_p_value: ks::p_value_of_worth(ks_distance, sizes.0, sizes.1),
            histogram: histogram::Bins::doane(reference).against(current),
            deciles: Cow::Owned(Bins::deciles(reference)),
            values: Table::of_values(reference, current, FEW_VALUES),
            stands: Stands::Rows,
        }
    }

    /// Dependent rows against as many, of which no p-value is asked that takes them for independent.
    pub fn of_dependent(reference: &'a Sample, current: &'a Sample, sizes: (f64, f64)) -> Self {
        Self { stands: Stands::ForRows, ..Self::of(reference, current, sizes) }
    }

    /// Rows against a sketch.
    pub fn of_sketch(sketch: &Sketch<'a>, current: &'a Sample, sizes: (f64, f64)) -> Self {
        let ks_distance = ks::distance(sketch.sample, current);
        Self {
            reference: sketch.sample,
            current,
            sizes,
            deviation: sketch.deviation,
            ks_distance,
            ks_p_value: ks::p_value_of_worth(ks_distance, sizes.0, sizes.1),
            histogram: sketch.histogram.against(current),
            deciles: Cow::Borrowed(sketch.deciles),
            values: None,
            stands: Stands::ForRows,
        }
    }

    /// One statistic, and what there is to judge it by: nothing where that is beyond the range of numbers.
    pub fn figure(&self, statistic: Statistic) -> Figure {
        let figure = self.measured(statistic);
        // Squares of tiny differences come to zero, and those of huge ones to infinity: neither says how far is far.
        let is_lost = self.deviation == 0.0 && !self.reference.is_constant();
        let is_within = statistic.is_of_order() || self.deviation.is_finite() && !is_lost;
        match figure.evidence.as_ref().is_ok_and(|evidence| !(is_within && evidence.is_finite())) {
            true => Figure { evidence: Err(BEYOND.to_owned()), ..figure },
            false => figure,
        }
    }

    fn measured(&self, statistic: Statistic) -> Figure {
        let (reference, current) = (self.reference, self.current);
        match statistic {
            Statistic::Ks => {
                let evidence = self.evidence(statistic, "the distance", self.ks_distance, self.ks_p_value, "");
                let p_value = self.of_rows(|| ks::p_value_auto(self.ks_distance, reference.len(), current.len()));
                Figure { value: Some(self.ks_distance), p_value, evidence: Ok(evidence) }
            }
            Statistic::Wasserstein => self.distance(statistic, Some(wasserstein::distance(reference, current))),
            Statistic::WassersteinNormed => self.distance(statistic, self.normed()),
            Statistic::JensenShannon => self.distance(statistic, Some(jensen_shannon::distance(&self.histogram))),
            Statistic::Hellinger => self.distance(statistic, Some(hellinger::distance(&self.histogram))),
            Statistic::Psi => self.distance(statistic, Some(self.deciles.index(current))),
            Statistic::ChiSquared => self.chi_squared(),
            Statistic::CramerVonMises => {
                let Some(test) = cramer_von_mises::test(reference, current) else { return undefined() };
                let p_value = test.p_value_of_sizes(self.sizes.0, self.sizes.1);
                let evidence = self.evidence(statistic, ROOT, test.mean_square().sqrt(), p_value, "");
                Figure { value: Some(test.statistic), p_value: self.of_rows(|| test.p_value()), evidence: Ok(evidence) }
            }
            Statistic::AndersonDarling => {
                let Some(test) = anderson_darling::test(reference, current) else { return undefined() };
                let p_value = test.p_value_of_sizes(self.sizes.0, self.sizes.1);
                let evidence = self.evidence(statistic, WEIGHTED_ROOT, test.mean_square().sqrt(), p_value, "");
                Figure { value: Some(test.statistic), p_value: self.of_rows(|| test.p_value()), evidence: Ok(evidence) }
            }
            Statistic::Energy => self.distance(statistic, Some(energy::distance(reference, current))),
        }
    }

    /// A p-value by definition, where it is one of rows.
    fn of_rows(&self, p_value: impl FnOnce() -> f64) -> Option<f64> {
        (self.stands == Stands::Rows).then(p_value)
    }

    /// The Wasserstein distance in deviations of what the reference stands for.
    fn normed(&self) -> Option<f64> {
        let can_be = self.deviation > 0.0 && self.deviation.is_finite();
        can_be.then(|| wasserstein::distance(self.reference, self.current) / self.deviation)
    }

    /// A distance that has no probability of its own.
    fn distance(&self, statistic: Statistic, value: Option<f64>) -> Figure {
        let Some(value) = value.filter(|value| value.is_finite()) else { return undefined() };
        let what = if statistic == Statistic::Psi { "the index" } else { "the distance" };
        let evidence = self.evidence(statistic, what, value, self.ks_p_value, OF_KS);
        Figure { value: Some(value), p_value: None, evidence: Ok(evidence) }
    }

    fn chi_squared(&self) -> Figure {
        let table = match &self.values {
            Some((_, table)) => Cow::Borrowed(table),
            None => Cow::Owned(self.deciles.table(self.reference, self.current)),
        };
        let Some(test) = chi_squared::test(&table) else { return undefined() };
        let chance = match &self.values {
            Some((values, _)) => {
                let names: Vec<String> = values.iter().map(ToString::to_string).collect();
                chance::sound(&table, &names, self.sizes)
            }
            None => chance::of_bins(&table, self.sizes).map(|chance| (chance, None)).ok_or_else(|| {
                format!("insufficient data: n_eff {:.0} and {:.0} are too few for two bins", self.sizes.0, self.sizes.1)
            }),
        };
        let evidence = chance.map(|(chance, reserve)| Evidence {
            reserve,
            ..self.evidence(Statistic::ChiSquared, SHARES, chance.effect, chance.p_value, "")
        });
        Figure { value: Some(test.statistic), p_value: self.of_rows(|| test.p_value()), evidence }
    }

    fn evidence(
        &self,
        statistic: Statistic,
        what: &'static str,
        effect: f64,
        p_value: f64,
        of: &'static str,
    ) -> Evidence {
        let least = statistic.least_effect(self.deviation);
        Evidence { what, effect, least, p_value, of, sizes: self.sizes, reserve: None }
    }
}
