//! One check: score what arrived, compare, judge, decide.

mod diagnosis;

use self::diagnosis::{broken, diagnosis};
use super::report::{Expected, Report, Scores};
use super::{Pending, Phase, State, days_kept, retraining_id, watched_days};
use crate::CODE_VERSION;
use crate::artifact::{Artifact, Kind};
use crate::document::DocumentError;
use crate::drift::columns::Column;
use crate::drift::relation::{self, Companion};
use crate::drift::{self, Answer, Finding, Met};
use crate::event::{BatchId, DriftChecked, Event, Fact, PerformanceScored, Retraining, Verdict};
use crate::forecast::{Forecast, NEEDED_DAYS};
use crate::history::History;
use crate::model::Model;
use crate::outbox::Outbox;
use crate::policy::{self, Basis, Decision, Trigger};
use crate::probation::{self, Look};
use crate::series::{Definition, Quantity, SeriesId};
use crate::skill::{self, DayScore, Skill, Yardstick};
use crate::time::{DAY, Timestamp};

/// What a check looks at, loaded for it.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// The series' definition.
    pub definition: &'a Definition,
    /// The batch.
    pub batch: &'a BatchId,
    /// Rows of the batch that were taken, and that were refused for a fault.
    pub rows: (u64, u64),
    /// The newest [`history_days`] of the batch's snapshot.
    pub history: &'a History,
    /// The other columns of its rows, as long.
    pub companions: &'a [Companion],
    /// The serving model.
    pub model: Option<&'a Model>,
    /// The forecasts that the state watches.
    pub forecasts: &'a [(Pending, Forecast)],
}

/// What a check leads to: artifacts to store, then the state to move to with its facts in the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// Report and scores.
    pub artifacts: Vec<Artifact>,
    /// The state afterwards.
    pub state: State,
}

/// A check that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// A document has no JSON form.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

/// Days of history that a check needs: back to the oldest watched forecast, and the weeks that the naive forecast made
/// at its origin reads. Before the first model it is also twice what that model needs: of longer ago than that, or of
/// days less than half measured, no forecast could be made either, and the check costs the same whatever the series'
/// length.
pub fn history_days(definition: &Definition, state: &State) -> u32 {
    let watched = watched_days(definition) + NEEDED_DAYS.unsigned_abs() as u32;
    // The policy counts new days in it.
    let news = definition.policy.new_days.saturating_add(1);
    let days = watched.max(drift::days_needed(definition)).max(relation::DAYS_NEEDED).max(news);
    match &state.serving {
        Some(_) => days,
        None => days.max(definition.forecast.history_days.saturating_mul(2)),
    }
}

/// Checks a batch whose turn it is; `cause` is the id of the event that announced it.
///
/// # Errors
/// Where a document cannot be written.
pub fn check(state: &State, inputs: &Inputs<'_>, cause: &str) -> Result<Checked, MonitorError> {
    let definition = inputs.definition;
    let now = inputs.batch.origin;
    let mut next = state.clone();
    let mut scored = score(&mut next, inputs);
    next.forget_old(now, definition);

    let mut report = compare(&next, inputs);
    let broken = broken(inputs, report.relation.as_ref());
    let basis = basis(&next, inputs, &report, broken);
    report.diagnosis = Some(diagnosis(&basis, report.data.iter().chain(&report.prediction), &report.skill));
    let decision = match definition.quantity {
        Quantity::Weather => Decision::Wait { reason: "weather forecasts are there for other series".to_owned() },
        Quantity::Intensity | Quantity::Emission => policy::decide(&definition.policy, &next.past(), &basis, now),
    };
    if basis.brings_news {
        next.alarmed = report.skill.answer == Answer::Drifted;
        next.level_moved = report.relation.as_ref().is_some_and(|finding| finding.answer == Answer::Drifted);
    }
    report.basis = Some(basis);
    let series = &definition.id;
    let report = with_decision(report, &decision);
    let mut artifacts = vec![Artifact::document(Kind::Report, series, &report)?];
    let mut facts = Vec::new();
    let request = request(&next, inputs, &decision);
    let verdict = verdict(&decision, request.as_ref(), &next);
    if !(scored.days.is_empty() && scored.revised.is_empty()) {
        scored.look = look(&mut next, inputs, &decision);
        let days = (scored.days.len() + scored.revised.len()) as u64;
        let artifact = Artifact::document(Kind::Score, series, &scored)?;
        let score = artifact.name.clone();
        facts.push(Fact::PerformanceScored(PerformanceScored { batch: inputs.batch.clone(), score, days }));
        artifacts.push(artifact);
    }
    let report = artifacts[0].name.clone();
    facts.push(Fact::DriftChecked(DriftChecked { batch: inputs.batch.clone(), report, verdict }));

    next.sequence = inputs.batch.sequence;
    next.origin = next.origin.max(Some(now));
    next.phase = Phase::Forecast { sequence: inputs.batch.sequence };
    next.deferred = match decision {
        Decision::Proceed { deferred, .. } => deferred.map(|(trigger, _)| trigger),
        Decision::Retrain(_) | Decision::Wait { .. } => None,
    };
    if let Some(request) = request {
        next.phase = Phase::Retraining { id: request.id.clone(), held: Some(inputs.batch.sequence) };
        next.last_asked = Some(now);
        if next.serving.is_some() {
            // The year's budget is for models that replace another.
            next.asked_at.push(now);
        }
        next.asked += 1;
        facts.push(Fact::RetrainingRequested(request));
    }
    let event = |fact| Event { series: series.clone(), as_of: now, fact };
    next.outbox = Some(Outbox::unsettled(cause, facts.into_iter().map(event).collect()));
    Ok(Checked { artifacts, state: next })
}

/// Scores every day of the watched forecasts whose last hour has come, and anew those whose hours were revised.
fn score(next: &mut State, inputs: &Inputs<'_>) -> Scores {
    let now = inputs.batch.origin;
    let (mut days, mut revised) = (Vec::new(), Vec::new());
    for watched in &mut next.forecasts {
        let Some((_, forecast)) = inputs.forecasts.iter().find(|(p, _)| p.forecast == watched.forecast) else {
            continue;
        };
        let horizon = inputs.definition.forecast.horizon_hours / 24;
        let arrived = (now.since(watched.origin) / DAY).clamp(0, i64::from(horizon)) as u32;
        for day in 1..=arrived.max(watched.days_scored) {
            // Scores of longer ago are no longer kept, so that such a day would be new with every batch.
            let target = watched.origin.plus((i64::from(day) - 1) * DAY);
            if now.since(target) > days_kept(inputs.definition) * DAY {
                continue;
            }
            let Some(score) = skill::score_day(forecast, inputs.history, day) else { continue };
            let before = next.days.iter_mut().find(|s| (s.origin, s.day) == (score.origin, score.day));
            match before {
                Some(before) if *before == score => {}
                Some(before) => {
                    *before = score.clone();
                    revised.push((watched.forecast.clone(), score));
                }
                None => {
                    next.days.push(score.clone());
                    days.push((watched.forecast.clone(), score));
                }
            }
        }
        watched.days_scored = watched.days_scored.max(arrived);
    }
    let (series, batch) = (inputs.definition.id.clone(), inputs.batch.clone());
    Scores { series, batch, days, revised, look: None, code_version: CODE_VERSION.into() }
}

fn compare(state: &State, inputs: &Inputs<'_>) -> Report {
    let definition = inputs.definition;
    let now = inputs.batch.origin;
    let window_start = now.plus(-i64::from(definition.drift.window_days) * DAY);
    let own = |score: &DayScore| state.serving.as_ref().is_some_and(|serving| serving.issues_from(score.origin));
    let reference = inputs.model.and_then(|m| m.reference.as_ref());
    let data = reference.map(|r| drift::data(r, inputs.history, definition)).unwrap_or_default();
    let met = met(inputs, window_start);
    let prediction = drift::prediction(&met, definition.drift.significance);
    let columns = inputs.model.map(|model| columns(model, inputs, &met)).unwrap_or_default();
    let brings_news = brings_news(state, inputs);
    let relation = inputs.model.map(|model| relation_of(model, inputs));
    let relation = if state.level_moved || brings_news { relation } else { relation.map(Finding::of_a_back_fill) };
    let skill = skill::judge(&state.days, yardstick(inputs.model), own, now, &definition.drift);
    let skill = if state.alarmed || brings_news { skill } else { skill.of_a_back_fill() };
    let newest = inputs.forecasts.iter().map(|(_, forecast)| forecast).max_by_key(|forecast| forecast.origin);
    Report {
        window: (window_start, now),
        data,
        prediction,
        columns,
        relation,
        expected: newest.map(|forecast| Expected::of(forecast, now)).unwrap_or_default(),
        ..Report::of(state, &definition.id, inputs.batch, skill)
    }
}

/// What the serving model's errors usually are, or why that is not known.
fn yardstick(model: Option<&Model>) -> Result<&Yardstick, &str> {
    match model {
        None => Err("no model serves"),
        Some(model) => {
            model.yardstick.as_ref().ok_or("the serving model's own past is too short to tell what is usual")
        }
    }
}

fn relation_of(model: &Model, inputs: &Inputs<'_>) -> Finding {
    match &model.relation {
        Some(relation) => relation.check(inputs.history, inputs.companions, inputs.definition),
        None => relation::insufficient("the serving model knows no other columns of the series' rows".to_owned()),
    }
}

/// Whether the batch brought hours newer than those before it.
fn brings_news(state: &State, inputs: &Inputs<'_>) -> bool {
    state.origin.is_none_or(|origin| inputs.batch.origin > origin)
}

/// What the window's steps were forecast to be and what came, by day of the horizon.
fn met(inputs: &Inputs<'_>, window_start: Timestamp) -> Vec<Vec<Met>> {
    let of_day = |day: i64| {
        let mut pairs = Vec::new();
        let begin = |origin: Timestamp| origin.plus(day * DAY);
        for (pending, forecast) in inputs.forecasts.iter().filter(|(p, _)| begin(p.origin) >= window_start) {
            let points = forecast.points.iter().filter(|p| p.target.since(pending.origin).div_euclid(DAY) == day);
            pairs.extend(points.filter_map(|p| Some((p.target, p.value, inputs.history.at(p.target)?))));
        }
        pairs.sort_by_key(|(target, _, _)| *target);
        pairs
    };
    (0..i64::from(inputs.definition.forecast.horizon_hours / 24)).map(of_day).collect()
}

fn columns(model: &Model, inputs: &Inputs<'_>, met: &[Vec<Met>]) -> Vec<Column> {
    let reference = model.reference.as_ref().ok_or("the serving model keeps no reference, its card says why");
    drift::columns::columns(reference, inputs.history, met, inputs.definition)
}

fn basis(state: &State, inputs: &Inputs<'_>, report: &Report, broken: Option<String>) -> Basis {
    let Skill { answer, reason, .. } = &report.skill;
    let drifted: Vec<&str> = report
        .data
        .iter()
        .chain(&report.prediction)
        .filter(|f| f.answer == Answer::Drifted)
        .map(|f| f.reason.as_str())
        .collect();
    // A back-fill may have moved the sum; it raises nothing by itself.
    let brings_news = brings_news(state, inputs);
    let may_fall = state.alarmed || brings_news;
    let diagnosed = !drifted.is_empty() && may_fall && report.skill.is_falling();
    // A young model has no alarm with known odds yet, and gains most from newer data.
    let is_young = inputs.model.is_some_and(|model| model.yardstick.is_none());
    let worse = inputs.definition.drift.skill_factor - 1.0;
    let young_fell = is_young && may_fall && report.skill.excess.is_some_and(|excess| excess > worse);
    let since = state.last_asked.unwrap_or(inputs.history.start());
    Basis {
        history_days: inputs.history.measured_days(),
        history_needed: inputs.definition.forecast.history_days,
        new_days: inputs.history.between(since, inputs.history.end()).measured_days(),
        brings_news,
        broken,
        skill_alarm: (*answer == Answer::Drifted || young_fell).then(|| reason.clone()),
        drift_alarm: diagnosed.then(|| format!("{}; {reason}", drifted.join("; "))),
    }
}

/// The look at the model on probation that the scores ask for. None beside a retraining: then the batch waits for that.
fn look(next: &mut State, inputs: &Inputs<'_>, decision: &Decision) -> Option<Look> {
    let look = match decision {
        Decision::Proceed { .. } => probation::due(next, inputs.definition, inputs.batch.origin)?,
        Decision::Retrain(_) | Decision::Wait { .. } => return None,
    };
    let probation = next.serving.as_mut()?.probation.as_mut()?;
    (probation.looks, probation.asked) = (look.place, Some(inputs.batch.sequence));
    Some(look)
}

fn with_decision(mut report: Report, decision: &Decision) -> Report {
    match decision {
        Decision::Proceed { degraded, .. } => report.remark.clone_from(degraded),
        Decision::Retrain(trigger) => report.retraining = Some((trigger.cause, trigger.evidence.clone())),
        Decision::Wait { reason } => report.remark = Some(reason.clone()),
    }
    report.decision = Some(decision.clone());
    report
}

fn request(state: &State, inputs: &Inputs<'_>, decision: &Decision) -> Option<Retraining> {
    let Decision::Retrain(Trigger { cause, evidence }) = decision else { return None };
    let snapshot = &inputs.batch.snapshot;
    Some(Retraining {
        id: retraining_id(&inputs.definition.id, *cause, snapshot, state.asked),
        cause: *cause,
        evidence: evidence.clone(),
        snapshot: snapshot.clone(),
        incumbent: state.serving.as_ref().map(|s| s.model.clone()),
        held: Some(inputs.batch.clone()),
    })
}

fn verdict(decision: &Decision, request: Option<&Retraining>, state: &State) -> Verdict {
    match (decision, request, &state.serving) {
        (Decision::Wait { reason }, _, _) => Verdict::Wait { reason: reason.clone() },
        (_, Some(request), _) => Verdict::Hold { retraining: request.id.clone() },
        (Decision::Proceed { degraded, .. }, None, Some(serving)) => {
            Verdict::Proceed { model: serving.model.clone(), degraded: degraded.clone() }
        }
        (Decision::Proceed { .. } | Decision::Retrain(_), None, _) => {
            Verdict::Wait { reason: "no model has been promoted".to_owned() }
        }
    }
}

/// Passes over a batch that could not be checked, so that the ones behind it are not blocked; it is not forecast.
///
/// # Errors
/// Where a document cannot be written.
pub fn pass_over(
    state: &State,
    series: &SeriesId,
    batch: &BatchId,
    cause: &str,
    reason: &str,
) -> Result<Checked, MonitorError> {
    let reason = format!("the batch could not be checked: {reason}");
    let report = Report::of(state, series, batch, Skill::unknown(reason.clone()));
    let report = Report { remark: Some(reason.clone()), ..report };
    let report = Artifact::document(Kind::Report, series, &report)?;
    let verdict = Verdict::Wait { reason };
    let fact = Fact::DriftChecked(DriftChecked { batch: batch.clone(), report: report.name.clone(), verdict });
    let event = Event { series: series.clone(), as_of: batch.origin, fact };
    let next = State {
        sequence: batch.sequence,
        origin: state.origin.max(Some(batch.origin)),
        phase: Phase::Forecast { sequence: batch.sequence },
        outbox: Some(Outbox::unsettled(cause, vec![event])),
        ..state.clone()
    };
    Ok(Checked { artifacts: vec![report], state: next })
}

#[cfg(test)]
mod tests;
