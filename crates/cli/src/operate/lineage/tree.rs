//! A tree of artifacts as it is verified and shown.

use aria_core::artifact::Ref;
use aria_io::artifacts::Artifacts;
use serde_json::{Value, json};

/// An artifact, or words where there is none, with what it was made from.
#[derive(Debug)]
pub struct Node {
    role: String,
    name: Option<Ref>,
    note: String,
    check: Check,
    inputs: Vec<Node>,
    /// Of a list of alike artifacts only the first and the last are shown.
    is_list: bool,
}

/// Whether an artifact's bytes are the named ones.
#[derive(Debug, PartialEq, Eq)]
enum Check {
    NotRead,
    Verified,
    Fault(String),
}

impl Node {
    /// An artifact in its role.
    pub fn artifact(role: impl Into<String>, name: &Ref) -> Self {
        Self { name: Some(name.clone()), ..Self::words(role, String::new()) }
    }

    /// Words where there is no artifact.
    pub fn words(role: impl Into<String>, note: String) -> Self {
        Self { role: role.into(), name: None, note, check: Check::NotRead, inputs: Vec::new(), is_list: false }
    }

    /// Adds words to an artifact.
    pub fn note(mut self, note: String) -> Self {
        self.note = note;
        self
    }

    /// Adds an input.
    pub fn add(&mut self, input: Self) {
        self.inputs.push(input);
    }

    /// Adds a list of alike inputs; nothing where there are none.
    pub fn many<'a>(&mut self, role: &str, entries: impl Iterator<Item = (String, &'a Ref)>) {
        let inputs: Vec<Self> = entries.map(|(which, name)| Self::artifact(role, name).note(which)).collect();
        if !inputs.is_empty() {
            let note = format!("{} in all", inputs.len());
            self.inputs.push(Self { inputs, is_list: true, ..Self::words(role, note) });
        }
    }

    /// Reads every artifact of the tree and compares it with its name.
    pub async fn verify(&mut self, artifacts: &Artifacts) {
        let mut waiting = vec![self];
        while let Some(node) = waiting.pop() {
            if let Some(name) = &node.name {
                node.check = match artifacts.get(name).await {
                    Ok(_) => Check::Verified,
                    Err(error) => Check::Fault(error.to_string()),
                };
            }
            waiting.extend(node.inputs.iter_mut());
        }
    }

    /// How many artifacts are missing or damaged.
    pub fn faults(&self) -> usize {
        let own = usize::from(matches!(self.check, Check::Fault(_)));
        own + self.inputs.iter().map(Self::faults).sum::<usize>()
    }

    /// Shows the tree on the standard output.
    pub fn print(&self, all: bool) {
        self.print_at(0, all);
    }

    fn print_at(&self, depth: usize, all: bool) {
        let key = self.name.as_ref().map(Ref::key).unwrap_or_default();
        let check = match &self.check {
            Check::NotRead => String::new(),
            Check::Verified => "  verified".to_owned(),
            Check::Fault(fault) => format!("  FAULT: {fault}"),
        };
        let note =
            if self.name.is_some() && !self.note.is_empty() { format!("  {}", self.note) } else { self.note.clone() };
        say!("{}{:<10} {key}{note}{check}", "  ".repeat(depth), self.role);
        for input in self.shown(all) {
            input.print_at(depth + 1, all);
        }
    }

    /// The tree as JSON.
    pub fn to_json(&self, all: bool) -> Value {
        let (verified, fault) = match &self.check {
            Check::NotRead => (None, None),
            Check::Verified => (Some(true), None),
            Check::Fault(fault) => (Some(false), Some(fault)),
        };
        let inputs: Vec<Value> = self.shown(all).map(|input| input.to_json(all)).collect();
        json!({
            "role": self.role, "artifact": self.name.as_ref().map(Ref::key), "note": self.note, "verified": verified,
            "fault": fault, "count": self.is_list.then_some(self.inputs.len()), "inputs": inputs,
        })
    }

    /// The inputs, of a list the first, the last and the damaged unless all are wanted.
    fn shown(&self, all: bool) -> impl Iterator<Item = &Self> {
        let last = self.inputs.len().saturating_sub(1);
        let wanted = move |i: usize, node: &Self| all || !self.is_list || i == 0 || i == last || node.faults() > 0;
        self.inputs.iter().enumerate().filter(move |(i, node)| wanted(*i, node)).map(|(_, node)| node)
    }
}

#[cfg(test)]
mod tests {
    use aria_core::artifact::{Format, Kind};

    use super::*;

    fn raw(text: &str) -> Ref {
        Ref::of(Kind::Raw, &"it.x".parse().unwrap(), Format::Csv, text.as_bytes())
    }

    #[test]
    fn a_long_list_shows_its_first_its_last_and_what_is_damaged() {
        let names: Vec<Ref> = (0..9).map(|i| raw(&i.to_string())).collect();
        let mut node = Node::words("snapshot", String::new());
        node.many("raw bytes", names.iter().enumerate().map(|(i, name)| (i.to_string(), name)));
        node.inputs[0].inputs[4].check = Check::Fault("corrupt".to_owned());
        let shown: Vec<&str> = node.inputs[0].shown(false).map(|n| n.note.as_str()).collect();
        assert_eq!(shown, ["0", "4", "8"]);
        assert_eq!(node.inputs[0].shown(true).count(), 9);
        assert_eq!(node.faults(), 1);
    }

    #[tokio::test]
    async fn an_artifact_that_is_gone_is_a_fault_and_one_that_is_there_is_verified() {
        let artifacts = Artifacts::open("memory://").unwrap();
        let there = raw("there");
        let series = "it.x".parse().unwrap();
        artifacts.put(Kind::Raw, &series, Format::Csv, b"there".to_vec()).await.unwrap();
        let mut node = Node::artifact("raw bytes", &there);
        node.add(Node::artifact("raw bytes", &raw("gone")));
        node.verify(&artifacts).await;
        assert_eq!(node.check, Check::Verified);
        assert_eq!(node.faults(), 1);
    }
}
