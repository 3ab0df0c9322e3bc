//! Checks of the project as a whole: layers, sizes, licences, unsafe code.
#![forbid(unsafe_code)]

mod dependencies;
mod files;
mod layers;
mod licences;
mod metadata;
mod unsafety;

use std::fs;
use std::path::{Path, PathBuf};

/// The workspace's top directory.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").into()
}

/// All files below the top directory whose name ends so, with their text, but nothing built.
fn files(ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut dirs = vec![root()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).expect("a readable directory").map_while(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            if path.is_dir() {
                let skipped = name == "target" || name.starts_with('.');
                dirs.extend((!skipped).then_some(path));
            } else if name.ends_with(ending) {
                let text = fs::read_to_string(&path).expect("a readable file");
                let short = path.strip_prefix(root()).expect("below the top directory");
                found.push((short.to_string_lossy().into_owned(), text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no file ends with {ending}");
    found
}

/// Fails with all findings at once.
fn none(what: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{what}:\n  {}", findings.join("\n  "));
}
