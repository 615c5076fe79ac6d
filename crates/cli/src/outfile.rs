//! Files that a command is to write: whether they can be is found before the work, and one that exists is replaced only
//! by a whole one.

use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Finds out whether a file can be written later. It stays as it is.
///
/// # Errors
/// Where it cannot be written.
pub fn check(file: &Path) -> anyhow::Result<()> {
    let checked = Target::of(file).and_then(|target| match target {
        Target::New(path) => Part::beside(&path).map(drop),
        Target::Existing(path, _) => {
            File::options().write(true).open(&path)?;
            Part::beside(&path).map(drop)
        }
        Target::Stream => Ok(()),
    });
    checked.with_context(|| format!("cannot write {}", file.display()))
}

/// Writes a whole file, in the place of the one that was there.
///
/// # Errors
/// Where it cannot be written; the one that was there stays.
pub fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    let written = Target::of(file).and_then(|target| match target {
        Target::New(path) => Part::beside(&path)?.become_file(&path, text, None),
        Target::Existing(path, permissions) => Part::beside(&path)?.become_file(&path, text, Some(permissions)),
        Target::Stream => fs::write(file, text),
    });
    written.with_context(|| format!("cannot write {}", file.display()))
}

/// What a path names.
enum Target {
    /// Nothing yet.
    New(PathBuf),
    /// A file, where a link to it ends.
    Existing(PathBuf, Permissions),
    /// A pipe or a device, which can only be written to.
    Stream,
}

impl Target {
    fn of(file: &Path) -> std::io::Result<Self> {
        match fs::metadata(file) {
            Ok(found) if found.is_dir() => Err(ErrorKind::IsADirectory.into()),
            Ok(found) if found.is_file() => Ok(Self::Existing(fs::canonicalize(file)?, found.permissions())),
            Ok(_) => Ok(Self::Stream),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::New(file.to_owned())),
            Err(error) => Err(error),
        }
    }
}

/// A file that is being written, beside the one that it becomes; removed where it does not come to that.
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    fn beside(file: &Path) -> std::io::Result<Self> {
        let name = file.file_name().ok_or(ErrorKind::InvalidInput)?.to_string_lossy();
        let path = file.with_file_name(format!(".{name}.{}.part", std::process::id()));
        Ok(Self { file: File::create(&path)?, path })
    }

    fn become_file(mut self, file: &Path, text: &str, permissions: Option<Permissions>) -> std::io::Result<()> {
        self.file.write_all(text.as_bytes())?;
        self.file.sync_all()?;
        if let Some(permissions) = permissions {
            self.file.set_permissions(permissions)?;
        }
        fs::rename(&self.path, file)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After a rename there is nothing under this name.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn checking_changes_nothing_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old.csv"), folder.path().join("new.csv"));
        fs::write(&old, "as it was").unwrap();
        check(&old).unwrap();
        check(&new).unwrap();
        assert_eq!(
            (fs::read_to_string(&old).unwrap().as_str(), files(folder.path())),
            ("as it was", vec!["old.csv".to_owned()])
        );
    }

    #[test]
    fn a_file_in_no_folder_and_a_folder_in_its_place_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        for file in [folder.path().join("no/such/out.csv"), folder.path().to_owned(), PathBuf::new()] {
            let error = check(&file).unwrap_err().to_string();
            assert_eq!(error, format!("cannot write {}", file.display()));
        }
    }

    #[test]
    fn a_file_is_replaced_where_a_link_to_it_ends_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file.csv"), folder.path().join("link.csv"));
        fs::write(&file, "old and longer").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(files(folder.path()), ["file.csv", "link.csv"]);
    }

    #[test]
    fn a_device_is_written_to_and_stays_one() {
        check(Path::new("/dev/null")).unwrap();
        write(Path::new("/dev/null"), "text").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
