//! Drift to put into the simulated grid, and the text that asks for it.

use std::fmt;
use std::str::FromStr;

use crate::time::{ParseTimeError, Timestamp};

/// Something that changes about the grid or its reports for a time, read from text:
///
/// ```text
/// KIND:FROM..[TO][:FACTOR]
///     FROM, TO   2022-03-01 or 2022-03-01T06:00:00Z; TO is left out, and without it the change never ends
///     FACTOR     x1.2 or 1.2, above 0
/// level:2022-03-01..:x1.2       the grid emits 1.2 times as much
/// shape:2022-03-01..:x1.5       the day swings 1.5 times as far around its mean
/// noise:2022-03-01..:x2         what is not season, week or day varies twice as much
/// unit:2022-03-01..2022-03-05:x0.001   intensities are reported in another unit
/// stuck:2022-03-01..2022-03-03  the last report before it is repeated
/// gap:2022-03-01..2022-03-03    nothing is reported
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// What changes.
    pub effect: Effect,
    /// The first moment of the change.
    pub from: Timestamp,
    /// The first moment after it; none where it never ends.
    pub to: Option<Timestamp>,
}

/// What a shift changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effect {
    /// The intensity, times the factor.
    Level(Factor),
    /// The swing of the day around its mean, times the factor.
    Shape(Factor),
    /// The noise, times the factor.
    Noise(Factor),
    /// The reported intensity, times the factor.
    Unit(Factor),
    /// Every report repeats the last one before.
    Stuck,
    /// Nothing is reported.
    Gap,
}

/// How many times as much: above 0, at most a million.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factor(f64);

const LARGEST_FACTOR: f64 = 1e6;

impl Factor {
    /// Makes a factor; none where it is not above 0 or exceeds a million.
    pub fn new(value: f64) -> Option<Self> {
        (value > 0.0 && value <= LARGEST_FACTOR).then_some(Self(value))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// A text that asks for no shift.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseShiftError {
    /// It does not start with a kind.
    #[error("shift `{spec}` starts with no kind: write level:, shape:, noise:, unit:, stuck: or gap:")]
    UnknownKind {
        /// The text.
        spec: String,
    },
    /// It has no span.
    #[error("shift `{spec}` has no span: write FROM..TO, or FROM.. where it never ends")]
    NoSpan {
        /// The text.
        spec: String,
    },
    /// Its span has no start.
    #[error("shift `{spec}` has no start: write the time before `..`")]
    NoStart {
        /// The text.
        spec: String,
    },
    /// A bound of its span is no time.
    #[error("shift `{spec}`: {source}")]
    Time {
        /// The text.
        spec: String,
        /// What is wrong with the time.
        source: ParseTimeError,
    },
    /// It ends before it starts.
    #[error("shift `{spec}` ends no later than it starts")]
    EndsFirst {
        /// The text.
        spec: String,
    },
    /// Its kind needs a factor.
    #[error("shift `{spec}` has no factor: `{kind}` needs one after the span, such as :x1.2")]
    NoFactor {
        /// The text.
        spec: String,
        /// The kind.
        kind: String,
    },
    /// Its factor is no number in range.
    #[error("shift `{spec}`: factor `{factor}` is not a number above 0 and at most 1000000, such as x1.2")]
    Factor {
        /// The text.
        spec: String,
        /// The factor.
        factor: String,
    },
    /// Its kind takes no factor.
    #[error("shift `{spec}`: `{kind}` takes no factor, so leave out `:{factor}`")]
    NeedlessFactor {
        /// The text.
        spec: String,
        /// The kind.
        kind: String,
        /// The factor.
        factor: String,
    },
}

impl Shift {
    /// Whether it changes the hour that starts at `time`.
    pub fn covers(&self, time: Timestamp) -> bool {
        self.from <= time && self.to.is_none_or(|to| time < to)
    }

    /// Whether it changes anything in `from <= time < to`.
    pub fn meets(&self, from: Timestamp, to: Timestamp) -> bool {
        self.from < to && self.to.is_none_or(|end| from < end)
    }
}

impl FromStr for Shift {
    type Err = ParseShiftError;

    fn from_str(spec: &str) -> Result<Self, ParseShiftError> {
        let owned = || spec.to_owned();
        let (kind, rest) = spec.split_once(':').ok_or_else(|| ParseShiftError::UnknownKind { spec: owned() })?;
        let effect = effect_of(kind).ok_or_else(|| ParseShiftError::UnknownKind { spec: owned() })?;
        let (start, rest) = rest.split_once("..").ok_or_else(|| ParseShiftError::NoSpan { spec: owned() })?;
        if start.is_empty() {
            return Err(ParseShiftError::NoStart { spec: owned() });
        }
        let time = |text: &str| text.parse().map_err(|source| ParseShiftError::Time { spec: owned(), source });
        let from = time(start)?;
        let (end, factor) = end_and_factor(rest);
        let to = if end.is_empty() { None } else { Some(time(end)?) };
        if to.is_some_and(|to| to <= from) {
            return Err(ParseShiftError::EndsFirst { spec: owned() });
        }
        Ok(Self { effect: complete(spec, kind, effect, factor)?, from, to })
    }
}

/// An effect that may still lack its factor.
enum Wanted {
    Factor(fn(Factor) -> Effect),
    Nothing(Effect),
}

fn effect_of(kind: &str) -> Option<Wanted> {
    Some(match kind {
        "level" => Wanted::Factor(Effect::Level),
        "shape" => Wanted::Factor(Effect::Shape),
        "noise" => Wanted::Factor(Effect::Noise),
        "unit" => Wanted::Factor(Effect::Unit),
        "stuck" => Wanted::Nothing(Effect::Stuck),
        "gap" => Wanted::Nothing(Effect::Gap),
        _ => return None,
    })
}

/// Splits what follows `..`. A time has colons of its own, so a text that is a time as a whole has no factor.
fn end_and_factor(text: &str) -> (&str, Option<&str>) {
    if text.parse::<Timestamp>().is_ok() {
        return (text, None);
    }
    match text.rsplit_once(':') {
        Some((end, factor)) => (end, Some(factor)),
        None => (text, None),
    }
}

fn complete(spec: &str, kind: &str, wanted: Wanted, factor: Option<&str>) -> Result<Effect, ParseShiftError> {
    let (spec, kind) = (spec.to_owned(), kind.to_owned());
    match (wanted, factor) {
        (Wanted::Nothing(effect), None) => Ok(effect),
        (Wanted::Nothing(_), Some(factor)) => {
            Err(ParseShiftError::NeedlessFactor { spec, kind, factor: factor.to_owned() })
        }
        (Wanted::Factor(_), None) => Err(ParseShiftError::NoFactor { spec, kind }),
        (Wanted::Factor(effect), Some(text)) => {
            let number = text.strip_prefix('x').unwrap_or(text).parse().ok().and_then(Factor::new);
            number.map(effect).ok_or_else(|| ParseShiftError::Factor { spec, factor: text.to_owned() })
        }
    }
}

impl fmt::Display for Shift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, factor) = match self.effect {
            Effect::Level(factor) => ("level", Some(factor)),
            Effect::Shape(factor) => ("shape", Some(factor)),
            Effect::Noise(factor) => ("noise", Some(factor)),
            Effect::Unit(factor) => ("unit", Some(factor)),
            Effect::Stuck => ("stuck", None),
            Effect::Gap => ("gap", None),
        };
        write!(f, "{kind}:{}..", self.from)?;
        if let Some(to) = self.to {
            write!(f, "{to}")?;
        }
        factor.map_or(Ok(()), |factor| write!(f, ":x{}", factor.get()))
    }
}
