//! Files that a command is to write: whether they can be is found before the work, and one that exists is replaced only
//! by a whole one. Only where the system lets nothing take its place, as of a file that is mounted, is it written to.

use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Finds out whether a file can be written later. It stays as it is.
///
/// # Errors
/// Where it cannot be written.
pub fn check(file: &Path) -> anyhow::Result<()> {
    let checked = Target::of(file).and_then(|target| match target {
        Target::New(path) => Part::beside(&path, None).map(drop),
        Target::Existing(path, permissions) => {
            File::options().write(true).open(&path)?;
            Part::beside(&path, Some(permissions)).map(drop)
        }
        Target::Stream => Ok(()),
    });
    checked.with_context(|| format!("cannot write {}", file.display()))
}

/// Writes a whole file, in the place of the one that was there.
///
/// # Errors
/// Where it cannot be written; the one that was there stays, unless it had to be written to.
pub fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    let written = Target::of(file).and_then(|target| match target {
        Target::New(path) => Part::beside(&path, None)?.become_file(&path, text, rename),
        Target::Existing(path, permissions) => Part::beside(&path, Some(permissions))?.become_file(&path, text, rename),
        Target::Stream => fs::write(file, text),
    });
    written.with_context(|| format!("cannot write {}", file.display()))
}

/// A file that is written bit by bit, and takes its place once it is whole.
pub struct Growing {
    target: Target,
    out: Out,
}

enum Out {
    Part(Part),
    Stream(File),
}

impl Growing {
    /// Begins a file.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn begin(file: &Path) -> anyhow::Result<Self> {
        let begun = Target::of(file).and_then(|target| {
            let out = match &target {
                Target::New(path) => Out::Part(Part::beside(path, None)?),
                Target::Existing(path, permissions) => Out::Part(Part::beside(path, Some(permissions.clone()))?),
                Target::Stream => Out::Stream(File::options().write(true).open(file)?),
            };
            Ok(Self { target, out })
        });
        begun.with_context(|| format!("cannot write {}", file.display()))
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// Where that cannot be done; the file that was there stays.
    pub fn end(self) -> std::io::Result<()> {
        match (self.out, self.target) {
            (Out::Part(part), Target::New(path) | Target::Existing(path, _)) => {
                part.file.sync_all()?;
                match rename(&part.path, &path) {
                    // A file that is mounted, as into a container, stays where it is.
                    Err(error) if error.kind() == ErrorKind::ResourceBusy => fs::copy(&part.path, &path).map(drop),
                    renamed => renamed,
                }
            }
            (Out::Part(_), Target::Stream) | (Out::Stream(_), _) => Ok(()),
        }
    }
}

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match &mut self.out {
            Out::Part(part) => part.file.write(bytes),
            Out::Stream(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match &mut self.out {
            Out::Part(part) => part.file.flush(),
            Out::Stream(stream) => stream.flush(),
        }
    }
}

/// Whether two paths name the same file, by whatever way they lead there.
pub fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

/// What a path names.
enum Target {
    /// Nothing yet, where a link to it ends.
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
            Err(error) if error.kind() == ErrorKind::NotFound => match fs::read_link(file) {
                // From the link's own folder on. Links that lead to one another have an error of their own.
                Ok(end) => Self::of(&file.with_file_name("").join(end)),
                Err(_) => Ok(Self::New(file.to_owned())),
            },
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
    /// With the permissions of the file that it replaces from the first byte on: what few may read, few may read half.
    fn beside(file: &Path, permissions: Option<Permissions>) -> std::io::Result<Self> {
        let name = file.file_name().ok_or(ErrorKind::InvalidInput)?.to_string_lossy();
        let path = file.with_file_name(format!(".{name}.{}.part", std::process::id()));
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        if let Some(permissions) = &permissions {
            options.mode(permissions.mode());
        }
        let part = Self { file: options.open(&path)?, path };
        if let Some(permissions) = permissions {
            // The mode that a file is made with loses what the process's mask takes.
            part.file.set_permissions(permissions)?;
        }
        Ok(part)
    }

    fn become_file(
        mut self,
        file: &Path,
        text: &str,
        rename: impl FnOnce(&Path, &Path) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        self.file.write_all(text.as_bytes())?;
        self.file.sync_all()?;
        match rename(&self.path, file) {
            // A file that is mounted, as into a container, stays where it is.
            Err(error) if error.kind() == ErrorKind::ResourceBusy => fs::write(file, text),
            renamed => renamed,
        }
    }
}

/// Puts one file in the place of another.
fn rename(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::rename(from, to)
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
    fn a_link_to_a_file_is_the_same_file_and_its_copy_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link, copy] = ["in.csv", "link.csv", "copy.csv"].map(|name| folder.path().join(name));
        fs::write(&file, "a").unwrap();
        fs::copy(&file, &copy).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(is_same(&file, &file) && is_same(&file, &link));
        assert!(!is_same(&file, &copy) && !is_same(&file, &folder.path().join("none")));
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
    fn a_file_that_is_not_there_yet_is_made_where_the_links_to_it_end() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first.csv"), folder.path().join("second.csv"));
        std::os::unix::fs::symlink("second.csv", &first).unwrap();
        std::os::unix::fs::symlink("there/file.csv", &second).unwrap();
        fs::create_dir(folder.path().join("there")).unwrap();
        check(&first).unwrap();
        write(&first, "new").unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("there/file.csv")).unwrap(), "new");
        assert!([first, second].iter().all(|link| link.is_symlink()));
    }

    #[test]
    fn links_that_lead_to_one_another_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first.csv"), folder.path().join("second.csv"));
        std::os::unix::fs::symlink(&second, &first).unwrap();
        std::os::unix::fs::symlink(&first, &second).unwrap();
        check(&first).unwrap_err();
    }

    #[test]
    fn a_file_that_nothing_can_replace_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mounted.csv");
        fs::write(&file, "old and longer").unwrap();
        let part = Part::beside(&file, None).unwrap();
        part.become_file(&file, "new", |_, _| Err(ErrorKind::ResourceBusy.into())).unwrap();
        assert_eq!(
            (fs::read_to_string(&file).unwrap().as_str(), files(folder.path())),
            ("new", vec!["mounted.csv".to_owned()])
        );
    }

    #[test]
    fn what_few_may_read_is_never_readable_by_more() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("private.csv");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
        let Target::Existing(path, permissions) = Target::of(&file).unwrap() else { panic!("the file is there") };
        let part = Part::beside(&path, Some(permissions)).unwrap();
        assert_eq!(mode(&part.path), 0o600);
        part.become_file(&path, "new", rename).unwrap();
        assert_eq!(mode(&file), 0o600);
    }

    #[test]
    fn a_device_is_written_to_and_stays_one() {
        check(Path::new("/dev/null")).unwrap();
        write(Path::new("/dev/null"), "text").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
