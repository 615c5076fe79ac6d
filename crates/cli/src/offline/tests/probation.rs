//! A model that took over and should not have, and one that a person holds: what the services make of either.

use aria_core::event::{Cause, ModelPromoted, ModelTrained, Promotion, Retraining, RetrainingId};
use aria_core::model::Model;
use aria_core::monitor::State;
use aria_core::registry::{Mover, Registry, Version};
use aria_io::stores::Held;

use super::*;

/// The first day after those that the first model is made and served with.
const TAKEOVER: i64 = 120;

fn begin() -> Timestamp {
    "2021-01-01".parse().unwrap()
}

fn batch(from: i64, to: i64) -> Batch {
    let row = |day: i64| {
        let value = 300.0 + 40.0 * (day as f64 / 7.0).sin() + (day * day % 17) as f64;
        format!("{},{value}\n", begin().plus(day * DAY))
    };
    let rows: String = (from..to).map(row).collect();
    Batch { bytes: format!("time,ci\n{rows}").into_bytes(), format: Format::Csv, as_of: begin().plus(to * DAY) }
}

/// A series that a first model serves, and that nothing but a person asks another one for.
async fn serving_one() -> Offline {
    let definition = Definition::from_toml(&format!("{DEFINITION}\n[policy]\ntriggers = \"nothing\"\n")).unwrap();
    let mut offline = Offline::new(definition, &[]).unwrap();
    offline.run(batch(0, 70)).await.unwrap();
    for day in 70..TAKEOVER {
        offline.run(batch(day, day + 1)).await.unwrap();
    }
    offline
}

async fn registry(offline: &Offline) -> Held<Registry> {
    offline.stores.registry.load(&offline.definition.id).await.unwrap()
}

fn retraining(snapshot: Ref, incumbent: Option<Ref>) -> Retraining {
    Retraining {
        id: RetrainingId("r2".into()),
        cause: Cause::ByHand,
        evidence: "why".into(),
        snapshot,
        incumbent,
        held: None,
    }
}

/// The model that serves, but for that it holds nothing above 250 for possible, which most values are.
async fn misled(offline: &Offline) -> (Ref, Retraining) {
    let held = registry(offline).await;
    let champion = held.document.champion.unwrap();
    let served: Model = offline.stores.artifacts.get_document(&champion).await.unwrap();
    let asked = retraining(served.origin.snapshot.clone(), Some(champion));
    let mut model = serde_json::to_value(&served).unwrap();
    model["fitted"]["serving"]["maximum"] = 250.0.into();
    let model: Model = serde_json::from_value(model).unwrap();
    let artifact = Artifact::document(Kind::Model, &offline.definition.id, &model).unwrap();
    offline.stores.artifacts.store(&artifact).await.unwrap();
    (artifact.name, asked)
}

fn version(model: &Ref, evaluation: &Ref) -> Version {
    Version {
        number: 0,
        model: model.clone(),
        retraining: RetrainingId("r2".into()),
        cause: Cause::ByHand,
        at: begin().plus(TAKEOVER * DAY),
        evaluation: Some(evaluation.clone()),
        rejected: None,
        serving: None,
    }
}

fn delivery(offline: &Offline, id: &str, fact: Fact) -> Delivery {
    // A moment after the newest forecast, which is the other model's.
    let as_of = begin().plus(TAKEOVER * DAY + 1);
    Delivery { id: id.into(), event: Event { series: offline.definition.id.clone(), as_of, fact }, attempt: 1 }
}

/// Lets a model take over as if it had won its evaluation, from another one where one is named.
async fn take_over(offline: &Offline, model: &Ref, asked: &Retraining, from: Option<&Ref>) {
    let held = registry(offline).await;
    let evaluation = held.document.versions.last().unwrap().evaluation.clone().unwrap();
    let before = from.map_or(held.document.clone(), |from| held.document.with(version(from, &evaluation)));
    let next = before.with(version(model, &evaluation));
    offline.stores.registry.store(&offline.definition.id, held.revision, &next).await.unwrap();
    for moved in next.moves.iter().filter(|moved| moved.number > held.document.move_count) {
        let promoted = ModelPromoted {
            number: moved.number,
            model: moved.to.clone(),
            previous: moved.from.clone(),
            by: Promotion::Evaluation { retraining: asked.clone(), evaluation: evaluation.clone() },
            pinned: false,
        };
        hand(&offline.drift, &delivery(offline, "promoted", Fact::ModelPromoted(promoted))).await.unwrap();
    }
}

async fn run_days(offline: &mut Offline, days: i64) {
    for day in TAKEOVER..TAKEOVER + days {
        offline.run(batch(day, day + 1)).await.unwrap();
    }
}

#[tokio::test]
async fn a_model_that_is_worse_than_the_one_before_is_taken_back_within_its_probation() {
    let mut offline = serving_one().await;
    let first = registry(&offline).await.document.champion.unwrap();
    let (second, asked) = misled(&offline).await;
    take_over(&offline, &second, &asked, None).await;
    run_days(&mut offline, 16).await;

    let after = registry(&offline).await;
    let newest = after.document.moves.last().unwrap();
    let Mover::Probation { reason } = &newest.by else { panic!("{:?}", after.document.looked) };
    assert_eq!((&newest.to, newest.from.as_ref(), newest.number), (&first, Some(&second), 3));
    assert!(reason.contains("on first days it was off by"), "{reason}");
    let announced = offline.published.iter().filter(|event| match &event.fact {
        Fact::ModelPromoted(promoted) => promoted.number == 3,
        _ => false,
    });
    assert_eq!(announced.count(), 1);
    // The monitor counts it as a retraining in vain, and the first model forecasts again.
    let state: Held<State> = offline.stores.monitors.load(&offline.definition.id).await.unwrap();
    assert_eq!((state.document.failures, state.document.serving.unwrap().model), (1, first.clone()));
    assert_eq!(offline.tally.forecasts().last().unwrap().model, first);

    // Handed in again, the scores that asked for it change nothing.
    let scores: Vec<Fact> = offline.published.iter().map(|event| event.fact.clone()).collect();
    for fact in scores.into_iter().filter(|fact| matches!(fact, Fact::PerformanceScored(_))) {
        let again = hand(&offline.evaluation, &delivery(&offline, "again", fact)).await.unwrap();
        assert_eq!(again, Outcome::Done(Vec::new()));
    }
    assert_eq!(registry(&offline).await, after);
}

#[tokio::test]
async fn a_model_stays_where_the_one_before_cannot_be_read() {
    let mut offline = serving_one().await;
    let (second, asked) = misled(&offline).await;
    let lost = Ref::of(Kind::Model, &offline.definition.id, Format::Json, b"lost");
    take_over(&offline, &second, &asked, Some(&lost)).await;
    run_days(&mut offline, 10).await;
    let after = registry(&offline).await.document;
    assert_eq!((after.champion, after.move_count), (Some(second), 3));
    let looked = after.looked.unwrap();
    assert!(looked.reason.starts_with("the model before cannot be read: "), "{}", looked.reason);
}

#[tokio::test]
async fn a_challenger_does_not_take_over_from_a_model_that_a_person_holds() {
    let offline = serving_one().await;
    let (challenger, asked) = misled(&offline).await;
    let held = registry(&offline).await;
    let (mut pinned, _) = held.document.pinned(&offline.definition.id, None, begin(), "an audit").unwrap();
    pinned.outbox = None;
    offline.stores.registry.store(&offline.definition.id, held.revision, &pinned).await.unwrap();
    let trained = Fact::ModelTrained(ModelTrained { retraining: asked, model: challenger });
    let Outcome::Done(events) = hand(&offline.evaluation, &delivery(&offline, "trained", trained)).await.unwrap()
    else {
        panic!("not done");
    };
    let [Event { fact: Fact::ModelRejected(rejected), .. }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(rejected.reason, "the serving model is pinned by a person: an audit");
    assert_eq!(rejected.serving, pinned.champion);
    assert_eq!(registry(&offline).await.document.champion, pinned.champion);
}

#[tokio::test]
async fn batches_are_forecast_though_a_watched_forecast_cannot_be_read_any_more() {
    let mut offline = serving_one().await;
    let series = offline.definition.id.clone();
    let held: Held<State> = offline.stores.monitors.load(&series).await.unwrap();
    let mut state = held.document;
    let lost = Ref::of(Kind::Forecast, &series, Format::Json, b"lost");
    state.forecasts.last_mut().unwrap().forecast = lost;
    offline.stores.monitors.store(&series, held.revision, &state).await.unwrap();
    let forecasts = offline.tally.forecasts().len();
    run_days(&mut offline, 2).await;
    assert_eq!(offline.tally.forecasts().len(), forecasts + 2);
    // The others are scored as ever.
    let after: Held<State> = offline.stores.monitors.load(&series).await.unwrap();
    assert!(after.document.days.iter().any(|score| score.target() >= begin().plus(TAKEOVER * DAY)));
}
