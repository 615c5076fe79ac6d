//! A series that comes day by day: the monitor's checks, the policy, training, the contest and forecasts, as the
//! services do them, on values instead of events.

use anyhow::{Context, Result};
use aria_core::artifact::{Format, Kind, Ref};
use aria_core::document;
use aria_core::drift::Answer;
use aria_core::evaluation::{self, Verdict};
use aria_core::event::{
    BatchId, Cause, Event, Fact, ForecastIssued, ModelPromoted, ModelRejected, Promotion, Retraining, RetrainingId,
};
use aria_core::forecast::{Forecast, Issuer};
use aria_core::history::History;
use aria_core::model::{self, Model};
use aria_core::monitor::{self, Inputs, Noted, Pending, Phase, Report, Serving, State};
use aria_core::time::{DAY, Timestamp};

use super::world::World;

/// Days without an alarm after which the next is another.
const QUIET_DAYS: i64 = 14;

/// Forecasts from a time on are made worse by this factor.
#[derive(Clone, Copy)]
pub struct Worsened {
    pub from: Timestamp,
    pub factor: f64,
}

/// The state of a series after a day.
#[derive(Clone)]
pub struct Stream {
    state: State,
    /// Models live as long as the measurement: there are few, and what forecasts with them is cloned with every change.
    model: &'static Model,
    issuer: Issuer<'static>,
    forecasts: Vec<(Pending, Forecast)>,
    all: Vec<Forecast>,
    now: Timestamp,
    alarms: Vec<(Timestamp, &'static str)>,
    last_alarmed: Option<Timestamp>,
    retrainings: (u64, u64),
    /// Whether what is asked for is trained.
    trains: bool,
}

impl Stream {
    /// A series whose first model was trained on all that came before.
    pub fn begin(world: &World, from: Timestamp) -> Result<Self> {
        let model = train(world, &retraining(world, Cause::FirstModel, from), from)?;
        let name = named(world, Kind::Model, &from.to_string());
        Ok(Self {
            state: State {
                serving: Some(Serving {
                    model: name,
                    since: from,
                    after_forecast: false,
                    number: 1,
                    pinned: false,
                    probation: None,
                }),
                last_asked: Some(from),
                ..State::default()
            },
            model,
            issuer: Issuer::new(&model.fitted),
            forecasts: Vec::new(),
            all: Vec::new(),
            now: from,
            alarms: Vec::new(),
            last_alarmed: None,
            retrainings: (0, 0),
            trains: true,
        })
    }

    /// The same with the model that serves, whatever is asked for: a change is looked for by what watches that model.
    pub fn kept(&self) -> Self {
        Self { trains: false, ..self.clone() }
    }

    /// The day that it stands before.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Days on which an alarm was raised, and the check that raised it.
    pub fn alarms(&self) -> &[(Timestamp, &'static str)] {
        &self.alarms
    }

    /// Whether an alarm has been raised within the last fortnight.
    pub fn is_alarmed(&self) -> bool {
        self.last_alarmed.is_some_and(|last| self.now.since(last) <= QUIET_DAYS * DAY)
    }

    /// Retrainings, and those whose model took over.
    pub fn retrainings(&self) -> (u64, u64) {
        self.retrainings
    }

    /// Every forecast so far.
    pub fn forecasts(&self) -> &[Forecast] {
        &self.all
    }

    /// The errors of first days hour by hour, which fixed rules look at.
    pub fn first_day_errors(&self, world: &World) -> Vec<(Timestamp, f64)> {
        let first_days = self.all.iter().flat_map(|forecast| forecast.points.iter().take(24));
        first_days.filter_map(|point| Some((point.target, point.value - world.own.at(point.target)?))).collect()
    }

    /// Takes in all before a day, checks it, trains where that is asked for, and forecasts.
    pub fn step(&mut self, world: &World, origin: Timestamp, worsened: Option<Worsened>) -> Result<()> {
        let report = self.check(world, origin)?;
        self.raise(&report, origin);
        if let Phase::Retraining { .. } = self.state.phase {
            self.retrain(world, origin)?;
        }
        self.forecast(world, origin, worsened)?;
        self.now = origin.plus(DAY);
        Ok(())
    }

    fn check(&mut self, world: &World, origin: Timestamp) -> Result<Report> {
        let definition = &world.definition;
        let from = origin.plus(-i64::from(monitor::history_days(definition, &self.state)) * DAY);
        let batch = self.batch(world, origin);
        let checked = monitor::check(
            &self.state,
            &Inputs {
                definition,
                batch: &batch,
                rows: (24, 0),
                history: &world.own.between(from, origin),
                companions: &world.companions(from, origin),
                model: Some(self.model),
                forecasts: &self.forecasts,
            },
            "measured",
        )?;
        let report = checked.artifacts.first().context("a check leaves its report")?;
        self.state = checked.state;
        let kept =
            |watched: &(Pending, Forecast)| self.state.forecasts.iter().any(|p| p.forecast == watched.0.forecast);
        let watched = std::mem::take(&mut self.forecasts);
        self.forecasts = watched.into_iter().filter(kept).collect();
        Ok(document::decode(&report.bytes)?)
    }

    fn raise(&mut self, report: &Report, origin: Timestamp) {
        let level = report.relation.as_ref().is_some_and(|finding| finding.answer == Answer::Drifted);
        let by = match (report.skill.answer, level) {
            (Answer::Drifted, _) => "skill",
            (_, true) => "level",
            _ => return,
        };
        if self.last_alarmed.is_none_or(|last| origin.since(last) > QUIET_DAYS * DAY) {
            self.alarms.push((origin, by));
        }
        self.last_alarmed = Some(origin);
    }

    fn retrain(&mut self, world: &World, origin: Timestamp) -> Result<()> {
        let asked = self.state.outbox.iter().flat_map(|outbox| &outbox.events).find_map(|event| match &event.fact {
            Fact::RetrainingRequested(retraining) => Some(retraining.clone()),
            _ => None,
        });
        let retraining = asked.context("a retraining is in flight that nobody asked for")?;
        if !self.trains {
            let model = named(world, Kind::Model, &origin.to_string());
            return self.note(world, origin, rejected(retraining, model, "nothing is trained here".to_owned()));
        }
        let challenger = train(world, &retraining, origin)?;
        let (candidate, from) = (&challenger.fitted.candidate, challenger.fitted.holdout_start);
        let champion = Some(&self.model.fitted.candidate);
        let inputs = world.inputs(origin);
        let contest = evaluation::evaluate(&world.definition, &inputs, candidate, champion, from, inputs.end());
        let model = named(world, Kind::Model, &origin.to_string());
        self.retrainings.0 += 1;
        let fact = match contest.map(|contest| contest.evaluation.verdict) {
            Ok(Verdict::Promote) => {
                self.retrainings.1 += 1;
                (self.model, self.issuer) = (challenger, Issuer::new(&challenger.fitted));
                let evaluation = named(world, Kind::Evaluation, &origin.to_string());
                Fact::ModelPromoted(ModelPromoted {
                    number: self.state.serving.as_ref().map_or(1, |serving| serving.number + 1),
                    model,
                    previous: None,
                    by: Promotion::Evaluation { retraining, evaluation },
                    pinned: false,
                })
            }
            Ok(Verdict::Reject { reason }) => rejected(retraining, model, reason),
            Err(why) => rejected(retraining, model, why.to_string()),
        };
        self.note(world, origin, fact)
    }

    fn forecast(&mut self, world: &World, origin: Timestamp, worsened: Option<Worsened>) -> Result<()> {
        let issued = self.issuer.issue(&world.inputs(origin), origin)?;
        let mut forecast = issued.forecast;
        if let Some(worsened) = worsened.filter(|worsened| origin >= worsened.from) {
            worsen(&mut forecast, &world.own, worsened.factor);
        }
        let batch = self.batch(world, origin);
        let name = named(world, Kind::Forecast, &origin.to_string());
        let fact = ForecastIssued {
            batch: BatchId { sequence: self.state.sequence, ..batch },
            forecast: name.clone(),
            model: named(world, Kind::Model, "serving"),
            degraded: None,
        };
        self.note(world, origin, Fact::ForecastIssued(fact))?;
        self.forecasts.push((Pending { origin, forecast: name, days_scored: 0 }, forecast.clone()));
        self.all.push(forecast);
        Ok(())
    }

    fn note(&mut self, world: &World, origin: Timestamp, fact: Fact) -> Result<()> {
        let event = Event { series: world.definition.id.clone(), as_of: origin, fact };
        let Noted::Next(next) = monitor::note(&self.state, &event) else {
            anyhow::bail!("the monitor does not take note of {} at {origin}", event.fact.name());
        };
        self.state = *next;
        Ok(())
    }

    fn batch(&self, world: &World, origin: Timestamp) -> BatchId {
        let sequence = self.state.sequence + 1;
        BatchId { ordinal: sequence, sequence, snapshot: named(world, Kind::Snapshot, &origin.to_string()), origin }
    }
}

/// Moves a forecast away from what comes to pass, with its intervals.
fn worsen(forecast: &mut Forecast, actual: &History, factor: f64) {
    for point in &mut forecast.points {
        let Some(actual) = actual.at(point.target) else { continue };
        let moved = (factor - 1.0) * (point.value - actual);
        for bound in [
            &mut point.value,
            &mut point.lower_50,
            &mut point.upper_50,
            &mut point.lower_80,
            &mut point.upper_80,
            &mut point.lower_95,
            &mut point.upper_95,
        ] {
            *bound += moved;
        }
    }
}

fn train(world: &World, retraining: &Retraining, until: Timestamp) -> Result<&'static Model> {
    let definition = named(world, Kind::Definition, "definition");
    let inputs = world.inputs(until);
    let companions = world.companions(inputs.own.start(), until);
    let model = model::train(retraining, (&definition, &world.definition), &inputs, &companions)?;
    Ok(Box::leak(Box::new(model)))
}

fn retraining(world: &World, cause: Cause, at: Timestamp) -> Retraining {
    Retraining {
        id: RetrainingId(at.to_string()),
        cause,
        evidence: String::new(),
        snapshot: named(world, Kind::Snapshot, &at.to_string()),
        incumbent: None,
        held: None,
    }
}

fn rejected(retraining: Retraining, model: Ref, reason: String) -> Fact {
    Fact::ModelRejected(ModelRejected { retraining, model, evaluation: None, reason, serving: None })
}

/// The name of an artifact that nobody reads.
fn named(world: &World, kind: Kind, text: &str) -> Ref {
    Ref::of(kind, &world.definition.id, Format::Json, text.as_bytes())
}
