//! The committed bindings against the `.proto` files.

use std::fs;
use std::path::{Path, PathBuf};

const HEADER: &str = "//! Bindings of `proto/aria/events/v1`, made by prost and never edited by hand.\n//!\n//! Made anew by: \
                      `ARIA_UPDATE=1 cargo test --workspace --test contracts`\n\n";

#[test]
fn the_committed_bindings_are_those_of_the_proto_files() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/contracts/generated.rs");
    super::assert_committed(&committed, bindings().as_bytes());
}

#[test]
fn every_message_field_and_value_has_a_comment() {
    for path in proto_files() {
        let text = fs::read_to_string(&path).unwrap();
        let mut previous = "";
        for line in text.lines().map(str::trim) {
            let declares = line.starts_with("message ")
                || line.starts_with("enum ")
                || line.starts_with("oneof ")
                || (line.ends_with(';') && line.contains(" = "));
            let is_setting = line.starts_with("syntax") || line.starts_with("package") || line.starts_with("import");
            assert!(
                !declares || is_setting || previous.starts_with("//"),
                "{}: `{line}` has no comment",
                path.display()
            );
            previous = line;
        }
    }
}

fn bindings() -> String {
    let files = protox::compile(proto_files(), [super::proto_folder()]).unwrap();
    let out = tempfile::tempdir().unwrap();
    prost_build::Config::new().out_dir(out.path()).compile_fds(files).unwrap();
    let made = fs::read_to_string(out.path().join("aria.events.v1.rs")).unwrap();
    HEADER.to_owned() + &made
}

fn proto_files() -> Vec<PathBuf> {
    let folder = super::proto_folder().join("aria/events/v1");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
