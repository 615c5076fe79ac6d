//! Whatever is killed, lost, doubled or spoilt, and in whatever order things happen, the end is that of an undisturbed
//! run, byte for byte: a bounded part of what `make chaos` tries with many more seeds.

use std::sync::Arc;

use anyhow::Result;
use aria_tests::simulation::{Counts, Input, run, twice, undisturbed};

/// Seeds that every run of the tests tries.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=100;

#[test]
fn a_hundred_disturbed_histories_end_as_the_undisturbed_one() -> Result<()> {
    let input = Arc::new(Input::usual()?);
    let whole = undisturbed(&input)?;
    assert!(whole.count("model.promoted") > 1 && whole.count("batch.rejected") == 2, "the history shows too little");
    let mut happened = Counts::default();
    for seed in SEEDS {
        let outcome = run(seed, &input, &whole)?;
        assert!(outcome.violations.is_empty(), "seed {seed}: {:#?}", outcome.violations);
        happened.add(&outcome.counts);
    }
    println!("{happened}");
    let Counts { kills, restarts, zombies, reordered, duplicates, deliveries: _, failures } = happened;
    let each = [kills, restarts, zombies, reordered, duplicates, failures.lost, failures.unanswered];
    assert!(each.iter().chain([&failures.store, &failures.spoilt]).all(|count| *count > 0), "a fault never happened");
    Ok(())
}

#[test]
fn the_same_seed_gives_the_same_history() -> Result<()> {
    let input = Arc::new(Input::usual()?);
    let whole = undisturbed(&input)?;
    assert_eq!(run(7, &input, &whole)?.counts, run(7, &input, &whole)?.counts);
    assert_ne!(run(7, &input, &whole)?.counts, run(8, &input, &whole)?.counts);
    Ok(())
}

#[test]
fn every_event_twice_and_three_replicas_of_each_service_change_neither_reports_nor_retrainings() -> Result<()> {
    for input in [Input::usual()?, Input::taken_back()?].map(Arc::new) {
        let whole = undisturbed(&input)?;
        assert!(whole.count("retraining.requested") > 1 && whole.count("drift.checked") > 5, "too little is to change");
        for replicas in [1, 3] {
            let outcome = twice(replicas, &input, &whole)?;
            assert!(outcome.violations.is_empty(), "{replicas} replicas: {:#?}", outcome.violations);
            let Counts { duplicates, zombies, .. } = outcome.counts;
            assert!(duplicates >= whole.events() as u64 && zombies > duplicates, "{}", outcome.counts);
        }
    }
    Ok(())
}

/// Seeds of the histories with a probation.
const PROBATION_SEEDS: std::ops::RangeInclusive<u64> = 1..=25;

#[test]
fn a_model_is_looked_at_on_probation_in_every_order_alike() -> Result<()> {
    let input = Arc::new(Input::on_probation()?);
    let whole = undisturbed(&input)?;
    assert!(whole.count("model.promoted") > 1 && whole.has_cell_with("look 2 over 14 days"), "nobody looked");
    for seed in PROBATION_SEEDS {
        let outcome = run(seed, &input, &whole)?;
        assert!(outcome.violations.is_empty(), "seed {seed}: {:#?}", outcome.violations);
    }
    Ok(())
}

#[test]
fn a_model_is_taken_back_on_probation_in_every_order_alike() -> Result<()> {
    let input = Arc::new(Input::taken_back()?);
    let whole = undisturbed(&input)?;
    // The first, the misled one, and the first again, by the look and by nobody else.
    assert_eq!(whole.count("model.promoted"), 3);
    assert!(whole.has_cell_with("look 1 over 8 days") && whole.has_cell_with("\"probation\":true"), "not taken back");
    for seed in PROBATION_SEEDS {
        let outcome = run(seed, &input, &whole)?;
        assert!(outcome.violations.is_empty(), "seed {seed}: {:#?}", outcome.violations);
    }
    Ok(())
}
