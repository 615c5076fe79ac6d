//! The statistics that two tables are compared with, and from where on each calls a difference large.

use serde::{Deserialize, Serialize};

/// A statistic of two samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// The Kolmogorov-Smirnov distance.
    Ks,
    /// The Wasserstein distance in the column's own unit.
    Wasserstein,
    /// The Wasserstein distance in deviations of the reference.
    WassersteinNormed,
    /// The Jensen-Shannon distance.
    JensenShannon,
    /// The Hellinger distance.
    Hellinger,
    /// The population stability index.
    Psi,
    /// Pearson's chi-squared.
    ChiSquared,
    /// The Cramér-von Mises criterion.
    CramerVonMises,
    /// The normalised Anderson-Darling criterion.
    AndersonDarling,
    /// The energy distance.
    Energy,
}

impl Statistic {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 10] = [
        Self::Ks,
        Self::Wasserstein,
        Self::WassersteinNormed,
        Self::JensenShannon,
        Self::Hellinger,
        Self::Psi,
        Self::ChiSquared,
        Self::CramerVonMises,
        Self::AndersonDarling,
        Self::Energy,
    ];

    /// Its name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ks => "ks",
            Self::Wasserstein => "wasserstein",
            Self::WassersteinNormed => "wasserstein_normed",
            Self::JensenShannon => "jensen_shannon",
            Self::Hellinger => "hellinger",
            Self::Psi => "psi",
            Self::ChiSquared => "chi_squared",
            Self::CramerVonMises => "cramer_von_mises",
            Self::AndersonDarling => "anderson_darling",
            Self::Energy => "energy",
        }
    }

    /// Whether it compares categories.
    pub fn is_of_categories(self) -> bool {
        matches!(self, Self::JensenShannon | Self::Hellinger | Self::Psi | Self::ChiSquared)
    }

    /// Whether it looks at the order of values alone, whatever their distances.
    pub(super) fn is_of_order(self) -> bool {
        match self {
            Self::Ks | Self::CramerVonMises | Self::AndersonDarling => true,
            Self::Wasserstein
            | Self::WassersteinNormed
            | Self::JensenShannon
            | Self::Hellinger
            | Self::Psi
            | Self::ChiSquared
            | Self::Energy => false,
        }
    }

    /// The greatest effect that is too small to matter. All but one are what a normal distribution has that moves by
    /// 0.15 of its deviations, the least that normed Wasserstein calls large; the stability index keeps the fifth
    /// that it is read with by convention, which such a distribution reaches at 0.45.
    ///
    /// The effect of a test is its statistic without the sizes of the samples, a root mean square distance: of shares
    /// over the root of the expected ones, or of distribution functions. `deviation` is the reference's.
    pub(super) fn least_effect(self, deviation: f64) -> f64 {
        match self {
            // 2 Φ(0.075) - 1.
            Self::Ks => 0.06,
            Self::Wasserstein => 0.15 * deviation,
            Self::WassersteinNormed => 0.15,
            // By quadrature; 0.15 / √(8 ln 2) where the shift is small.
            Self::JensenShannon => 0.064,
            // √(1 - exp(-0.15²/8)).
            Self::Hellinger => 0.053,
            Self::Psi => 0.2,
            // By quadrature; the shift itself where it is small.
            Self::ChiSquared => 0.15,
            // By quadrature; 0.15 / √(2π √3) where the shift is small.
            Self::CramerVonMises => 0.045,
            // By quadrature.
            Self::AndersonDarling => 0.104,
            // By quadrature; 0.15 π^-¼ where the shift is small, in roots of the unit.
            Self::Energy => 0.113 * deviation.sqrt(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_names_a_statistic_as_its_code_does() {
        for (place, statistic) in Statistic::ALL.into_iter().enumerate() {
            assert_eq!(serde_json::to_value(statistic).unwrap(), statistic.name());
            assert_eq!(statistic as usize, place);
        }
    }
}
