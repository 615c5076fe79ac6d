//! The false alarms that a model's monitors may raise, and those that they would have raised on its own past: what a
//! person needs to know before believing an alarm.

use serde::Serialize;

use crate::model::Model;
use crate::time::Timestamp;

/// What a model is watched with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Budget {
    /// Whether it has become worse; none where that is not watched.
    pub skill: Option<OfSkill>,
    /// Whether the level still fits the other columns of its rows; none where that is not watched.
    pub relation: Option<OfRelation>,
    /// Whether its input still looks as it did; none where that is not watched.
    pub data: Option<OfData>,
    /// What is not watched, and why.
    pub not_watched: Vec<String>,
}

/// The monitor of the skill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OfSkill {
    /// The alarms a year that a model that is as ever may raise.
    pub alarms_a_year: f64,
    /// The sum of deviations above which an alarm is raised.
    pub threshold: f64,
    /// The least mean excess of an alarm: 0.15 is 15 % more than due.
    pub least_excess: f64,
    /// Scored days of its own past.
    pub days: u64,
    /// The first and the last of them.
    pub past: (Timestamp, Timestamp),
    /// Those on which it would have raised an alarm.
    pub would_have_alarmed: Vec<Timestamp>,
}

/// The monitor of the level given covariates.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OfRelation {
    /// The days of its own past on which it would have raised an alarm.
    pub would_have_alarmed: Vec<Timestamp>,
}

/// The comparison of windows with training data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OfData {
    /// Days of a window.
    pub window_days: u32,
    /// Windows of training data that its thresholds come from.
    pub windows: u64,
}

/// What the limits of a model say of a monitor that it lacks.
const NOT_WATCHED: &str = " is not watched";
/// Days that a line names; a monitor that alarms on more is told by their number.
const MOST_DAYS: usize = 12;

impl Budget {
    /// The budget of a model.
    pub fn of(model: &Model) -> Self {
        let skill = model.yardstick.as_ref().map(|yardstick| OfSkill {
            alarms_a_year: yardstick.alarms_a_year(),
            threshold: yardstick.threshold(),
            least_excess: yardstick.least_excess(),
            days: yardstick.days(),
            past: yardstick.span(),
            would_have_alarmed: yardstick.would_have_alarmed().to_vec(),
        });
        let relation = model.relation.as_ref();
        let relation =
            relation.map(|relation| OfRelation { would_have_alarmed: relation.would_have_alarmed().to_vec() });
        let reference = model.reference.as_ref();
        let data = reference.map(|reference| OfData { window_days: reference.window_days, windows: reference.windows });
        let mut not_watched: Vec<String> =
            model.limits.iter().filter(|limit| limit.contains(NOT_WATCHED)).cloned().collect();
        // Earlier code kept no yardstick and could not say so.
        if skill.is_none() && !not_watched.iter().any(|limit| limit.starts_with("skill")) {
            not_watched.push(format!("skill{NOT_WATCHED}: the model keeps nothing to judge it by, train anew"));
        }
        Self { skill, relation, data, not_watched }
    }

    /// The same in lines for a person.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(skill) = &self.skill {
            let (from, until) = skill.past;
            lines.push(format!(
                "skill, watched with {} a year allowed: an alarm above {:.1} deviations with {:.0} % or more; on its \
                 own past of {} days, {} to {}, it would have alarmed on {}",
                alarms(skill.alarms_a_year),
                skill.threshold,
                100.0 * skill.least_excess,
                skill.days,
                day(from),
                day(until),
                days(&skill.would_have_alarmed),
            ));
        }
        if let Some(relation) = &self.relation {
            lines.push(format!(
                "level given covariates, watched: on its own past it would have alarmed on {}",
                days(&relation.would_have_alarmed)
            ));
        }
        if let Some(OfData { window_days, windows }) = &self.data {
            lines.push(format!(
                "data, watched in windows of {window_days} days: a statistic has drifted beyond the mean and 3 deviations of \
                 {windows} windows of training data"
            ));
        }
        lines
    }
}

fn alarms(a_year: f64) -> String {
    if a_year == 1.0 { "1 alarm".to_owned() } else { format!("{a_year} alarms") }
}

fn day(time: Timestamp) -> String {
    time.utc().date().to_string()
}

fn days(alarms: &[Timestamp]) -> String {
    let named: Vec<String> = alarms.iter().take(MOST_DAYS).map(|time| day(*time)).collect();
    match alarms.len() {
        0 => "no day".to_owned(),
        all if all > MOST_DAYS => format!("{} and {} more days", named.join(", "), all - MOST_DAYS),
        _ => named.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;
    use crate::forecast::tests::definition;
    use crate::series::Drift;
    use crate::skill::Yardstick;
    use crate::skill::tests::{as_usual, worse};
    use crate::time::DAY;

    fn stored() -> Model {
        let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/model.v3.json")).unwrap();
        document::decode(&bytes).unwrap()
    }

    #[test]
    fn a_watched_model_says_how_many_alarms_it_may_raise_and_when_it_would_have_raised_some() {
        // A past whose last weeks were three times as wrong, and a budget that lets the monitor say so.
        let begin: Timestamp = "2020-11-15".parse().unwrap();
        let past = worse(as_usual("2020-01-01".parse().unwrap(), 330), begin, 3.0);
        let drift = Drift { alarms_a_year: 100.0, ..definition("1d", 96).drift };
        let yardstick = Yardstick::learn(&past, &drift).unwrap();
        let budget = Budget::of(&Model { yardstick: Some(yardstick), ..stored() });
        let skill = budget.skill.as_ref().unwrap();
        let [alarm] = skill.would_have_alarmed[..] else { panic!("{:?}", skill.would_have_alarmed) };
        assert!(begin <= alarm && alarm < begin.plus(12 * DAY), "{alarm}");
        assert!(skill.days == 330 && budget.not_watched.is_empty(), "{budget:?}");
        let line = &budget.lines()[0];
        assert!(line.starts_with("skill, watched with 100 alarms a year allowed: an alarm above "), "{line}");
        assert!(line.contains("330 days, 2020-01-01 to 2020-11-"), "{line}");
        assert!(line.contains("it would have alarmed on 2020-11-"), "{line}");
    }

    #[test]
    fn a_model_that_lacks_a_monitor_says_which_and_why() {
        let limits = vec!["the level given covariates is not watched: no covariates".to_owned(), "other".to_owned()];
        let budget = Budget::of(&Model { limits: limits.clone(), ..stored() });
        assert_eq!((budget.skill, budget.relation), (None, None));
        assert_eq!(budget.not_watched[0], limits[0]);
        assert!(budget.not_watched.len() == 2 && budget.not_watched[1].starts_with("skill is not watched"));
    }

    #[test]
    fn many_days_are_told_by_the_first_and_their_number() {
        let first: Timestamp = "2021-01-01".parse().unwrap();
        let alarms: Vec<Timestamp> = (0..14).map(|week| first.plus(week * 7 * DAY)).collect();
        assert_eq!(days(&alarms[..2]), "2021-01-01, 2021-01-08");
        assert!(days(&alarms).ends_with("2021-03-19 and 2 more days"), "{}", days(&alarms));
        assert_eq!(days(&[]), "no day");
    }
}
