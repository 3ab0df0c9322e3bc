//! A copy of the kernel and its macros as a workspace of its own.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The crates that the kernel and its tests are made of.
const CRATES: [&str; 2] = ["sluicegate", "sluicegate-macros"];

/// Copies the kernel's crates from `from` to `to`; what was there from an earlier run is replaced,
/// and files that did not change keep their time, so that little is built again.
pub fn kernel(from: &Path, to: &Path) -> Result<()> {
    let manifest = fs::read_to_string(from.join("Cargo.toml"))?;
    write(&to.join("Cargo.toml"), narrow(&manifest).as_bytes())?;
    write(&to.join("Cargo.lock"), &fs::read(from.join("Cargo.lock"))?)?;
    for name in CRATES {
        tree(&from.join("crates").join(name), &to.join("crates").join(name))?;
    }
    Ok(())
}

/// The workspace's manifest with no members but the copied crates.
fn narrow(manifest: &str) -> String {
    let dropped = ["members", "exclude", "default-members"];
    let key = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
    let kept = manifest.lines().filter(|line| !dropped.contains(&key(line).as_str()));
    let kept: Vec<&str> = kept.collect();
    kept.join("\n").replacen("[workspace]", "[workspace]\nmembers = [\"crates/*\"]", 1)
}

/// Makes `to` hold just what `from` holds.
fn tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for old in fs::read_dir(to)? {
        let old = old?;
        if !from.join(old.file_name()).exists() {
            remove(&old.path())?;
        }
    }
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => tree(&entry.path(), &target)?,
            false => write(&target, &fs::read(entry.path())?)?,
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    match path.is_dir() {
        true => fs::remove_dir_all(path)?,
        false => fs::remove_file(path)?,
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).ok().as_deref() != Some(bytes) {
        fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
