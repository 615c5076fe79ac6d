//! The folder with the definitions of the series, one TOML file each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aria_core::series::{Definition, DefinitionError};

use super::Fault;

/// Reads every definition of a folder, adding every fault of every file to `faults`; `setting` names the folder.
pub(super) fn load(folder: &Path, setting: &str, faults: &mut Vec<Fault>) -> Vec<Definition> {
    let files = match files(folder) {
        Ok(files) => files,
        Err(error) => {
            let problem = format!("names `{}`, which cannot be read: {error}", folder.display());
            faults.push(Fault { place: setting.to_owned(), problem });
            return Vec::new();
        }
    };
    if files.is_empty() {
        let problem = format!("names `{}`, in which no file ends in .toml", folder.display());
        faults.push(Fault { place: setting.to_owned(), problem });
    }
    let mut definitions: BTreeMap<_, (Definition, PathBuf)> = BTreeMap::new();
    for file in files {
        let Some(definition) = read(&file, faults) else { continue };
        if let Some((_, first)) = definitions.get(&definition.id) {
            let problem = format!("defines `{}`, as does {}", definition.id, first.display());
            faults.push(Fault { place: file.display().to_string(), problem });
            continue;
        }
        definitions.insert(definition.id.clone(), (definition, file));
    }
    definitions.into_values().map(|(definition, _)| definition).collect()
}

/// The folder's TOML files, in the order of their names.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(file: &Path, faults: &mut Vec<Fault>) -> Option<Definition> {
    let place = file.display().to_string();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            faults.push(Fault { place, problem: format!("cannot be read: {error}") });
            return None;
        }
    };
    match Definition::from_toml(&text) {
        Ok(definition) => Some(definition),
        Err(DefinitionError::Faults(found)) => {
            let named = |fault: aria_core::series::Fault| Fault {
                place: place.clone(),
                problem: format!("{} {}", fault.field, fault.problem),
            };
            faults.extend(found.into_iter().map(named));
            None
        }
        Err(shape @ DefinitionError::Shape(_)) => {
            faults.push(Fault { place, problem: shape.to_string() });
            None
        }
    }
}
