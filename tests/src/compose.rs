//! `docker-compose.yml` as a container engine would understand it: aliases and merges resolved, variables filled in.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value};

use crate::clone_root;

/// The services of the deployment by name.
pub type Services = BTreeMap<String, Service>;

/// One service of the deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// The image and its tag.
    pub image: String,
    /// The arguments after the image's entry point.
    pub command: Vec<String>,
    /// Everything it is told by its environment.
    pub environment: BTreeMap<String, String>,
    /// The command that tells whether it is healthy.
    pub healthcheck: Vec<String>,
    /// Everything that is said of it.
    pub whole: Value,
}

/// The text of a file of the clone.
///
/// # Errors
/// Where it cannot be read.
pub fn text(file: &str) -> Result<String> {
    std::fs::read_to_string(clone_root().join(file)).with_context(|| format!("cannot read {file}"))
}

/// The services, with these variables for the engine to fill in.
///
/// # Errors
/// Where the file is not understood, or needs a variable that is not there.
pub fn services(variables: &BTreeMap<&str, &str>) -> Result<Services> {
    let text = text("docker-compose.yml")?;
    let documents = Yaml::load_from_str(&text).context("docker-compose.yml is no YAML")?;
    let [document] = documents.as_slice() else { bail!("docker-compose.yml holds {} documents", documents.len()) };
    let mut whole = resolve(document)?;
    fill_in(&mut whole, variables)?;
    let Some(Value::Object(services)) = whole.get("services") else { bail!("docker-compose.yml names no services") };
    services.iter().map(|(name, whole)| Ok((name.clone(), service(whole).with_context(|| name.clone())?))).collect()
}

fn service(whole: &Value) -> Result<Service> {
    Ok(Service {
        image: string(whole.get("image").context("no image")?)?,
        command: strings(whole.get("command"))?,
        environment: match whole.get("environment") {
            None => BTreeMap::new(),
            Some(Value::Object(entries)) => {
                entries.iter().map(|(k, v)| Ok((k.clone(), string(v)?))).collect::<Result<_>>()?
            }
            Some(other) => bail!("the environment is written as {other}; write `NAME: value`"),
        },
        healthcheck: strings(whole.pointer("/healthcheck/test"))?,
        whole: whole.clone(),
    })
}

/// A text. A number or a switch that YAML makes of an unquoted text is refused: an engine would pass on another text.
fn string(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("{value} is no text: quote it"))
}

fn strings(value: Option<&Value>) -> Result<Vec<String>> {
    value.and_then(Value::as_array).into_iter().flatten().map(string).collect()
}

/// A YAML node as JSON, with `<<` merged below what stands beside it.
fn resolve(node: &Yaml<'_>) -> Result<Value> {
    Ok(match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(switch)) => Value::Bool(*switch),
        Yaml::Value(Scalar::Integer(number)) => Value::from(*number),
        Yaml::Value(Scalar::FloatingPoint(number)) => Value::from(number.into_inner()),
        Yaml::Value(Scalar::String(text)) => Value::from(text.as_ref()),
        Yaml::Sequence(items) => items.iter().map(resolve).collect::<Result<_>>()?,
        Yaml::Mapping(entries) => {
            let mut merged = Map::new();
            let mut own = Map::new();
            for (key, value) in entries {
                let key = key.as_str().context("a key that is no text")?;
                match (key, resolve(value)?) {
                    ("<<", Value::Object(entries)) => merged.extend(entries),
                    ("<<", other) => bail!("`<<` with {other}, which is no mapping"),
                    (key, value) => drop(own.insert(key.to_owned(), value)),
                }
            }
            merged.extend(own);
            Value::Object(merged)
        }
        other => bail!("{other:?} is not expected in docker-compose.yml"),
    })
}

fn fill_in(value: &mut Value, variables: &BTreeMap<&str, &str>) -> Result<()> {
    match value {
        Value::String(text) => *text = filled_in(text, variables)?,
        Value::Array(items) => items.iter_mut().try_for_each(|item| fill_in(item, variables))?,
        Value::Object(entries) => entries.values_mut().try_for_each(|entry| fill_in(entry, variables))?,
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}

/// A text with `${NAME}`, `${NAME:-default}` and `${NAME:?what to do}` replaced.
fn filled_in(text: &str, variables: &BTreeMap<&str, &str>) -> Result<String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (inner, after) = after.split_once('}').with_context(|| format!("`{text}` lacks a closing brace"))?;
        let (name, otherwise) = inner.split_once(':').map_or((inner, ""), |(name, rest)| (name, rest));
        let given = variables.get(name).copied().filter(|value| !value.is_empty());
        filled.push_str(before);
        match (given, otherwise.strip_prefix('-')) {
            (Some(value), _) => filled.push_str(value),
            (None, Some(default)) => filled.push_str(default),
            (None, None) => bail!("{name} is not set: {}", otherwise.trim_start_matches('?')),
        }
        rest = after;
    }
    ensure!(!rest.replace("$$", "").contains('$'), "`{text}` holds a variable without braces: write them");
    Ok(filled + rest)
}

/// The names of the variables that the engine fills in.
///
/// # Errors
/// Where the file cannot be read.
pub fn variables() -> Result<Vec<String>> {
    let text = text("docker-compose.yml")?;
    let names = text.split("${").skip(1).filter_map(|after| after.split([':', '}']).next());
    Ok(names.map(str::to_owned).collect())
}
