//! The page of contracts beside the services: it names who reads a fact, and they say what they consume.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use aria_drift::Drift;
use aria_evaluation::Evaluation;
use aria_ingestion::Ingestion;
use aria_io::runtime::Handler;
use aria_io::stores::Stores;
use aria_prediction::Prediction;
use aria_tests::clone_root;
use aria_training::Training;

type Readers = BTreeMap<String, BTreeSet<String>>;

fn consumed() -> Result<Readers> {
    let stores = Stores::in_memory()?;
    let mut readers = Readers::new();
    let mut reads = |service: &str, facts: &[&str]| {
        for fact in facts {
            readers.entry((*fact).to_owned()).or_default().insert(service.to_owned());
        }
    };
    reads(Ingestion::SERVICE, Ingestion::new(stores.clone(), []).consumes());
    reads(Drift::SERVICE, Drift::new(stores.clone()).consumes());
    reads(Training::SERVICE, Training::new(stores.clone()).consumes());
    reads(Evaluation::SERVICE, Evaluation::new(stores.clone()).consumes());
    reads(Prediction::SERVICE, Prediction::new(stores).consumes());
    Ok(readers)
}

/// The services that the page names as readers of each fact.
fn documented() -> Result<Readers> {
    let page = std::fs::read_to_string(clone_root().join("proto/README.md"))?;
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .filter(|(fact, _)| fact.contains('.'));
    let mut readers = Readers::new();
    for (fact, rest) in rows {
        let read_by = rest.split(" | ").nth(1).with_context(|| format!("the row of {fact} names no readers"))?;
        let services = read_by.split(", ").filter(|reader| *reader != "operators").map(str::to_owned);
        readers.entry(fact.to_owned()).or_default().extend(services);
    }
    readers.retain(|_, services| !services.is_empty());
    Ok(readers)
}

#[test]
fn the_page_names_the_services_that_read_each_fact() -> Result<()> {
    assert_eq!(documented()?, consumed()?);
    Ok(())
}
